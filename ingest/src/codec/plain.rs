//! No codec: bytes pass as they are.

use super::{CodecError, Decoder, Restart};

#[derive(Default)]
pub struct Plain {
    seen: u64,
}

impl Decoder for Plain {
    fn decode(&mut self, input: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<usize, CodecError> {
        let take = input.len().min(limit.saturating_sub(out.len()));
        out.extend_from_slice(&input[..take]);
        self.seen += take as u64;
        Ok(take)
    }

    fn is_complete(&mut self) -> bool {
        true
    }

    fn restart(&self) -> Restart {
        Restart { offset: self.seen, plain: self.seen }
    }
}
