//! A [`Block`]: whole lines as they lie in a log, and what was damaged on the way to them.

use bytes::Bytes;

use super::Position;
use super::budget::LongLine;

/// Whole lines, in order.
pub struct Block {
    /// A line that began in an earlier chunk, if it is not empty.
    pub(super) lead: Vec<u8>,
    pub(super) body: Bytes,
    /// Where to go on after this block.
    pub end: Position,
    /// What was damaged on the way to these lines.
    pub damage: Vec<Damage>,
    /// The last line has no line end: the writer may not have finished it.
    pub unterminated: bool,
    /// Counts the first line, if it is long, until the block is dropped.
    pub(super) _long: Option<LongLine>,
}

/// Bytes that could not be turned into lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    pub place: String,
    pub what: String,
    /// The end of the log is inside a block of its codec: nothing but the tail is lost.
    pub torn: bool,
}

impl Block {
    /// The lines without their ends; empty ones are left out.
    pub fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let lead = self.lead.strip_suffix(b"\n").unwrap_or(&self.lead);
        std::iter::once(lead)
            .chain(Lines(&self.body))
            .map(|l| l.strip_suffix(b"\r").unwrap_or(l))
            .filter(|l| !l.is_empty())
    }

    /// Bytes of the lines.
    pub fn len(&self) -> usize {
        self.lead.len() + self.body.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        match memchr::memchr(b'\n', self.0) {
            Some(at) => {
                let (line, rest) = self.0.split_at(at);
                self.0 = &rest[1..];
                Some(line)
            }
            None => Some(std::mem::take(&mut self.0)),
        }
    }
}
