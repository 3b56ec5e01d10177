//! lz4-java's `LZ4BlockOutputStream`: "LZ4Block", a token (method and level), compressed and
//! plain length and an xxHash32 of the plain bytes (all little-endian), then the block. An empty
//! block ends a stream that was closed; a concatenated stream may follow it.

use std::hash::Hasher;

use super::framed::{Block, BlockFormat};

pub const MAGIC: &[u8] = b"LZ4Block";
const HEADER: usize = 21;
const STORED: u8 = 0x10;
const COMPRESSED: u8 = 0x20;
const SEED: u32 = 0x9747_b28c;

pub struct Lz4;

impl BlockFormat for Lz4 {
    const NAME: &'static str = "lz4";

    fn header(&self, bytes: &[u8]) -> Result<Block, String> {
        let seen = bytes.len().min(MAGIC.len());
        if bytes[..seen] != MAGIC[..seen] {
            return Err("no block header where one should be".into());
        }
        let Some(h) = bytes.get(..HEADER) else { return Ok(Block::NeedMore) };
        let (body, plain) = (word(h, 9), word(h, 13));
        match (h[8] & 0xF0, body, plain) {
            (_, 0, 0) => Ok(Block::Skip(HEADER)),
            (STORED, b, p) if b == p => Ok(Block::Data { header: HEADER, body: b, plain: p }),
            // No byte of lz4 makes more than 255: room is made only for what the block can hold.
            (COMPRESSED, b, p) if b > 0 && p > 0 && p / 256 <= b => {
                Ok(Block::Data { header: HEADER, body: b, plain: p })
            }
            _ => Err(format!("impossible block header (token {:#04x}, {body} to {plain} bytes)", h[8])),
        }
    }

    fn decode(&self, block: &[u8], header: usize, plain: usize, out: &mut Vec<u8>) -> Result<(), String> {
        let body = &block[header..];
        let have = out.len();
        if block[8] & 0xF0 == STORED {
            out.extend_from_slice(body);
        } else {
            out.resize(have + plain, 0);
            let n = lz4_flex::block::decompress_into(body, &mut out[have..]).map_err(|e| e.to_string())?;
            if n != plain {
                return Err(format!("a block of {plain} bytes decoded to {n}"));
            }
        }
        let mut hash = twox_hash::XxHash32::with_seed(SEED);
        hash.write(&out[have..]);
        // lz4-java keeps 28 bits of the hash.
        if (hash.finish() & 0x0FFF_FFFF) as usize != word(block, 17) {
            return Err("checksum mismatch".into());
        }
        Ok(())
    }
}

fn word(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize
}
