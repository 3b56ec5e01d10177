//! The shared part of codecs whose files are blocks with their length in front: collects a whole
//! block, has the format decode it, and restarts at any block.

use super::{CodecError, Decoder, Restart};

/// What a block header says.
pub enum Block {
    /// More header bytes are needed.
    NeedMore,
    /// This many bytes of header carry no data.
    Skip(usize),
    /// `header` bytes, then `body` bytes which decode to `plain` bytes at most.
    Data { header: usize, body: usize, plain: usize },
}

pub trait BlockFormat: Send {
    const NAME: &'static str;
    /// Reads the header at the front of `bytes`.
    fn header(&self, bytes: &[u8]) -> Result<Block, String>;
    /// Decodes one block, header and body, appending to `out`.
    fn decode(&self, block: &[u8], header: usize, plain: usize, out: &mut Vec<u8>) -> Result<(), String>;
}

/// No block of these formats is larger in real files (lz4-java's own limit is 32 MiB).
pub const MAX_BLOCK: usize = 64 << 20;

pub struct Framed<F> {
    format: F,
    /// Bytes of a block that is not yet whole.
    held: Vec<u8>,
    restart: Restart,
}

impl<F: BlockFormat> Framed<F> {
    pub fn new(format: F) -> Self {
        Framed { format, held: Vec::new(), restart: Restart::default() }
    }

    /// Decodes the block at the front of `bytes`, if it is whole: its length, or `None`.
    fn block(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<Option<usize>, CodecError> {
        let fail = |what| CodecError::new(F::NAME, what);
        let (used, made) = match self.format.header(bytes).map_err(fail)? {
            Block::NeedMore => return Ok(None),
            Block::Skip(n) if n <= bytes.len() => (n, 0),
            Block::Skip(_) => return Ok(None),
            Block::Data { body, plain, .. } if body > MAX_BLOCK || plain > MAX_BLOCK => {
                return Err(CodecError::new(F::NAME, format!("a block of {body} bytes ({plain} plain) is too large")));
            }
            Block::Data { header, body, .. } if header + body > bytes.len() => return Ok(None),
            Block::Data { header, body, plain } => {
                let have = out.len();
                if let Err(e) = self.format.decode(&bytes[..header + body], header, plain, out) {
                    out.truncate(have);
                    return Err(fail(e));
                }
                (header + body, out.len() - have)
            }
        };
        self.restart.offset += used as u64;
        self.restart.plain += made as u64;
        Ok(Some(used))
    }
}

impl<F: BlockFormat> Decoder for Framed<F> {
    fn decode(&mut self, input: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<usize, CodecError> {
        let mut taken = 0;
        // First complete the block that an earlier piece began.
        while !self.held.is_empty() && out.len() < limit {
            let held = std::mem::take(&mut self.held);
            let used = self.block(&held, out)?;
            self.held = held;
            if let Some(n) = used {
                self.held.drain(..n);
                continue;
            }
            if taken == input.len() {
                return Ok(taken);
            }
            let want = self.missing().clamp(1, input.len() - taken);
            self.held.extend_from_slice(&input[taken..taken + want]);
            taken += want;
        }
        while taken < input.len() && out.len() < limit {
            match self.block(&input[taken..], out)? {
                Some(n) => taken += n,
                None => {
                    self.held.extend_from_slice(&input[taken..]);
                    taken = input.len();
                }
            }
        }
        Ok(taken)
    }

    fn is_complete(&mut self) -> bool {
        self.held.is_empty()
    }

    fn restart(&self) -> Restart {
        self.restart
    }
}

impl<F: BlockFormat> Framed<F> {
    /// How many bytes the held block still lacks, as far as its header tells.
    fn missing(&self) -> usize {
        match self.format.header(&self.held) {
            Ok(Block::Data { header, body, .. }) => (header + body).saturating_sub(self.held.len()),
            Ok(Block::Skip(n)) => n.saturating_sub(self.held.len()),
            _ => 1,
        }
    }
}
