//! snappy-java's `SnappyOutputStream`: a 16-byte header (magic, version, compatible version),
//! then chunks of a big-endian length and raw snappy. A concatenated stream repeats the header.

use super::framed::{Block, BlockFormat, MAX_BLOCK};

pub const MAGIC: &[u8] = b"\x82SNAPPY\0";
const HEADER: usize = 16;

pub struct Snappy;

impl BlockFormat for Snappy {
    const NAME: &'static str = "snappy";

    fn header(&self, bytes: &[u8]) -> Result<Block, String> {
        if bytes.first() == Some(&MAGIC[0]) {
            let seen = bytes.len().min(MAGIC.len());
            if bytes[..seen] != MAGIC[..seen] {
                return Err("neither a chunk nor a stream header".into());
            }
            return Ok(if bytes.len() < HEADER { Block::NeedMore } else { Block::Skip(HEADER) });
        }
        let Some(&[a, b, c, d]) = bytes.first_chunk::<4>() else { return Ok(Block::NeedMore) };
        let body = u32::from_be_bytes([a, b, c, d]) as usize;
        if body == 0 {
            return Ok(Block::Skip(4));
        }
        if body > MAX_BLOCK {
            return Err(format!("a chunk of {body} bytes is too large"));
        }
        let Some(chunk) = bytes.get(4..4 + body) else {
            return Ok(Block::Data { header: 4, body, plain: 0 });
        };
        let plain = snap::raw::decompress_len(chunk).map_err(|e| e.to_string())?;
        // Three bytes make 64 at most: room is made only for what the chunk can hold.
        if plain / 32 > body {
            return Err(format!("a chunk of {body} bytes cannot hold {plain}"));
        }
        Ok(Block::Data { header: 4, body, plain })
    }

    fn decode(&self, block: &[u8], header: usize, plain: usize, out: &mut Vec<u8>) -> Result<(), String> {
        let have = out.len();
        out.resize(have + plain, 0);
        let n = snap::raw::Decoder::new().decompress(&block[header..], &mut out[have..]).map_err(|e| e.to_string())?;
        out.truncate(have + n);
        Ok(())
    }
}
