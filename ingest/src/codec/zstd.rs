//! Zstandard. Spark's writer ends a frame at each flush, so a log is many frames in a row.

use zstd::stream::raw::{Decoder as Raw, InBuffer, Operation, OutBuffer};

use super::{CodecError, Decoder, Restart};

pub const MAGIC: &[u8] = &[0x28, 0xB5, 0x2F, 0xFD];

pub struct Zstd {
    raw: Option<Raw<'static>>,
    seen: u64,
    plain: u64,
    restart: Restart,
    /// Inside a frame.
    open: bool,
    /// The last step filled all the room it had: more output may wait.
    waiting: bool,
}

impl Zstd {
    pub fn new() -> Self {
        Zstd { raw: Raw::new().ok(), seen: 0, plain: 0, restart: Restart::default(), open: false, waiting: false }
    }
}

/// Room made for output at a time.
const STEP: usize = 128 << 10;

impl Decoder for Zstd {
    fn decode(&mut self, input: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<usize, CodecError> {
        let mut from = InBuffer::around(input);
        while out.len() < limit {
            let raw = self.raw.as_mut().ok_or_else(|| CodecError::new("zstd", "no memory for a decoder"))?;
            let (had, at) = (out.len(), from.pos);
            if at == input.len() && !self.waiting {
                break;
            }
            out.reserve(STEP.min(limit - had));
            let hint =
                raw.run(&mut from, &mut OutBuffer::around_pos(out, had)).map_err(|e| CodecError::new("zstd", e))?;
            self.plain += (out.len() - had) as u64;
            self.open = hint != 0;
            self.waiting = self.open && out.len() == out.capacity();
            if !self.open {
                // A frame ended: the next begins with a fresh header.
                self.restart = Restart { offset: self.seen + from.pos as u64, plain: self.plain };
                raw.reinit().map_err(|e| CodecError::new("zstd", e))?;
            } else if out.len() == had && from.pos == at {
                break;
            }
        }
        self.seen += from.pos as u64;
        Ok(from.pos)
    }

    fn is_complete(&mut self) -> bool {
        !self.open
    }

    fn restart(&self) -> Restart {
        self.restart
    }
}
