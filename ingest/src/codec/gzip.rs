//! gzip, also of several members, as log shippers and Databricks write it. There is no place to
//! restart inside a member, so a growing gzip log is read from its start.

use std::io::Write;

use flate2::write::MultiGzDecoder;

use super::{CodecError, Decoder, Restart};

pub const MAGIC: &[u8] = &[0x1F, 0x8B, 0x08];

/// Deflate makes at most about 1000 bytes of one: small pieces keep the output near its limit.
const PIECE: usize = 4096;

pub struct Gzip {
    inner: MultiGzDecoder<Vec<u8>>,
    started: bool,
}

impl Gzip {
    pub fn new() -> Self {
        Gzip { inner: MultiGzDecoder::new(Vec::new()), started: false }
    }
}

impl Decoder for Gzip {
    fn decode(&mut self, input: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<usize, CodecError> {
        let mut taken = 0;
        while taken < input.len() && out.len() < limit {
            let piece = &input[taken..input.len().min(taken + PIECE)];
            let n = self.inner.write(piece).map_err(|e| CodecError::new("gzip", e))?;
            taken += n;
            self.inner.flush().map_err(|e| CodecError::new("gzip", e))?;
            out.append(self.inner.get_mut());
            if n == 0 {
                return Err(CodecError::new("gzip", "bytes behind the end of the stream"));
            }
        }
        self.started |= taken > 0;
        Ok(taken)
    }

    fn is_complete(&mut self) -> bool {
        !self.started || self.inner.try_finish().is_ok()
    }

    fn restart(&self) -> Restart {
        Restart::default()
    }
}
