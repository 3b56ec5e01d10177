//! Decodes the bytes of an event log, whatever codec wrote them. In: compressed bytes in pieces
//! of any size. Out: plain bytes, a bounded amount at a time. Never panics and never buffers more
//! than one block of the codec.
//!
//! Every decoder names the last place at which a fresh one could take over ([`Restart`]), so that
//! a growing log is followed at the cost of its new bytes.

mod framed;
mod gzip;
mod lz4;
mod lzf;
mod plain;
mod snappy;
mod zstd;

use std::fmt;

/// How a log's bytes are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    Plain,
    Zstd,
    /// Java's `LZ4BlockOutputStream`, not the LZ4 frame format.
    Lz4,
    /// snappy-java's stream, not the snappy frame format.
    Snappy,
    Lzf,
    Gzip,
}

impl Codec {
    /// Bytes that [`Codec::detect`] wants to see.
    pub const MAGIC_LEN: usize = 8;

    /// The codec of a file by its first bytes; whatever is no magic is plain text.
    pub fn detect(head: &[u8]) -> Codec {
        const MAGICS: [(&[u8], Codec); 5] = [
            (zstd::MAGIC, Codec::Zstd),
            (lz4::MAGIC, Codec::Lz4),
            (snappy::MAGIC, Codec::Snappy),
            (gzip::MAGIC, Codec::Gzip),
            (lzf::MAGIC, Codec::Lzf),
        ];
        MAGICS.iter().find(|(magic, _)| head.starts_with(magic)).map_or(Codec::Plain, |(_, c)| *c)
    }

    pub fn decoder(self) -> Box<dyn Decoder> {
        match self {
            Codec::Plain => Box::new(plain::Plain::default()),
            Codec::Zstd => Box::new(zstd::Zstd::new()),
            Codec::Lz4 => Box::new(framed::Framed::new(lz4::Lz4)),
            Codec::Snappy => Box::new(framed::Framed::new(snappy::Snappy)),
            Codec::Lzf => Box::new(framed::Framed::new(lzf::Lzf)),
            Codec::Gzip => Box::new(gzip::Gzip::new()),
        }
    }

    /// Text that a damaged file is searched for to go on behind the damage; none where the
    /// format marks no block.
    pub fn resync_magic(self) -> Option<&'static [u8]> {
        match self {
            Codec::Zstd => Some(zstd::MAGIC),
            Codec::Lz4 => Some(lz4::MAGIC),
            Codec::Lzf => Some(lzf::MAGIC),
            Codec::Gzip => Some(gzip::MAGIC),
            Codec::Plain | Codec::Snappy => None,
        }
    }
}

/// A place in a compressed file from which decoding may begin anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Restart {
    /// Compressed bytes before it.
    pub offset: u64,
    /// Plain bytes that decode from those.
    pub plain: u64,
}

/// Decodes one file, front to back.
pub trait Decoder: Send {
    /// Decodes from `input`, appending to `out` until `out` holds `limit` bytes or more; gives
    /// the number of input bytes taken. Taking none of a non-empty input means `out` is full.
    fn decode(&mut self, input: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<usize, CodecError>;

    /// Whether the bytes seen so far end where the codec may end.
    fn is_complete(&mut self) -> bool;

    fn restart(&self) -> Restart;
}

/// Bytes that do not decode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodecError {
    codec: &'static str,
    what: String,
}

impl CodecError {
    fn new(codec: &'static str, what: impl fmt::Display) -> Self {
        CodecError { codec, what: what.to_string() }
    }
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.codec, self.what)
    }
}

impl std::error::Error for CodecError {}

#[cfg(test)]
mod tests;
