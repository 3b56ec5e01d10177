//! compress-lzf's chunks: "ZV", a type (0 stored, 1 compressed), big-endian 16-bit lengths.

use super::framed::{Block, BlockFormat};

pub const MAGIC: &[u8] = b"ZV";

pub struct Lzf;

impl BlockFormat for Lzf {
    const NAME: &'static str = "lzf";

    fn header(&self, bytes: &[u8]) -> Result<Block, String> {
        let seen = bytes.len().min(2);
        if bytes[..seen] != MAGIC[..seen] {
            return Err("no chunk header where one should be".into());
        }
        let half = |at: usize| bytes.get(at..at + 2).map(|b| usize::from(u16::from_be_bytes([b[0], b[1]])));
        match bytes.get(2) {
            None => Ok(Block::NeedMore),
            Some(0) => Ok(match half(3) {
                Some(body) => Block::Data { header: 5, body, plain: body },
                None => Block::NeedMore,
            }),
            Some(1) => Ok(match (half(3), half(5)) {
                (Some(body), Some(plain)) => Block::Data { header: 7, body, plain },
                _ => Block::NeedMore,
            }),
            Some(t) => Err(format!("unknown chunk type {t}")),
        }
    }

    fn decode(&self, block: &[u8], header: usize, plain: usize, out: &mut Vec<u8>) -> Result<(), String> {
        if header == 5 {
            out.extend_from_slice(&block[header..]);
            return Ok(());
        }
        let made = lzf::decompress(&block[header..], plain).map_err(|e| format!("{e:?}"))?;
        if made.len() != plain {
            return Err(format!("a chunk of {plain} bytes decoded to {}", made.len()));
        }
        out.extend_from_slice(&made);
        Ok(())
    }
}
