//! One part of a log: finds its codec, decodes it, finds the way back after damage, and cuts plain
//! bytes into blocks at line ends.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::budget::{COUNTED, LongLine, Share};
use super::tail::Recent;
use super::{Block, Damage, MAX_LINE, Position, name_of};
use crate::{
    codec::{Codec, Decoder, Restart},
    log::Part,
};

/// Plain bytes decoded at a time; also how finely places to restart are known.
const DECODE: usize = 1 << 20;

/// The part being decoded.
pub(super) struct OpenPart {
    name: String,
    codec: Option<(Codec, Box<dyn Decoder>)>,
    /// There is no codec: positions are offsets.
    plain: bool,
    /// First bytes of a part, until there are enough to tell the codec.
    head: Vec<u8>,
    /// Chunk being decoded.
    input: Bytes,
    /// Offset in the file of the first byte of `input`.
    at: u64,
    /// Compressed offset at which this decoder began, and plain bytes of it to leave out.
    base: u64,
    skip: u64,
    /// Plain bytes of complete lines given out since `base`, those left out included.
    used: u64,
    restarts: VecDeque<Restart>,
    carry: Vec<u8>,
    /// Searching for the next block after damage.
    seeking: bool,
    /// Dropping a line that is too long.
    dropping: bool,
    /// The bytes of the file that were fed last.
    recent: Recent,
    share: Option<Arc<Share>>,
    /// Counts what is carried, while that is long.
    long: Option<LongLine>,
    pub(super) ended: bool,
}

impl OpenPart {
    /// `head`: the first bytes of the part, if `from` is behind them.
    pub(super) fn new(part: &Part, from: &Position, head: Option<&[u8]>, share: Option<Arc<Share>>) -> Self {
        let codec = head.map(Codec::detect);
        OpenPart {
            name: name_of(part).to_owned(),
            codec: codec.map(|c| (c, c.decoder())),
            plain: codec == Some(Codec::Plain),
            head: Vec::new(),
            input: Bytes::new(),
            at: from.offset,
            base: from.offset,
            skip: from.skip,
            used: from.skip,
            restarts: VecDeque::from([Restart::default()]),
            carry: Vec::new(),
            seeking: false,
            dropping: false,
            recent: Recent::new(from),
            share,
            long: None,
            ended: false,
        }
    }

    pub(super) fn feed(&mut self, bytes: Bytes) {
        self.recent.feed(&bytes);
        if self.codec.is_none() {
            self.head.extend_from_slice(&bytes);
            if self.head.len() >= Codec::MAGIC_LEN {
                self.detect();
            }
        } else {
            self.input = bytes;
        }
    }

    fn detect(&mut self) {
        let head = std::mem::take(&mut self.head);
        let codec = Codec::detect(&head);
        self.plain = codec == Codec::Plain;
        self.codec = Some((codec, codec.decoder()));
        self.input = head.into();
    }

    pub(super) fn end(&self) -> Position {
        let (part, tail) = (self.name.clone(), self.recent.tail());
        if self.plain {
            return Position { part, offset: self.base + self.used, skip: 0, tail };
        }
        let restart = self.restarts.front().copied().unwrap_or_default();
        Position { part, offset: self.base + restart.offset, skip: self.used - restart.plain, tail }
    }

    /// Lines from the input at hand; none when more input is needed.
    pub(super) fn lines(&mut self, damage: &mut Vec<Damage>, take_tail: bool) -> Option<Block> {
        if self.ended && self.codec.is_none() && !self.head.is_empty() {
            self.detect();
        }
        while self.codec.is_some() {
            let (plain, last) = self.decode(damage, take_tail)?;
            if last {
                self.codec = None; // nothing comes after it
            }
            if let Some(block) = self.cut(plain, last, damage, take_tail) {
                return Some(block);
            }
        }
        None
    }

    /// The next plain bytes; `true` with them if they are the last of the part.
    fn decode(&mut self, damage: &mut Vec<Damage>, take_tail: bool) -> Option<(Bytes, bool)> {
        let (codec, decoder) = self.codec.as_mut()?;
        if self.seeking {
            let found = codec.resync_magic().and_then(|magic| memchr::memmem::find(&self.input, magic));
            let passed = self.input.split_to(found.unwrap_or(self.input.len()));
            self.at += passed.len() as u64;
            if found.is_none() {
                return self.ended.then(|| (Bytes::new(), true));
            }
            // Offsets are relative to a decoder's first byte: begin a new count there.
            *decoder = codec.decoder();
            (self.base, self.used, self.skip, self.seeking) = (self.at, 0, 0, false);
            self.restarts = VecDeque::from([Restart::default()]);
        }
        if *codec == Codec::Plain {
            if self.input.is_empty() && !self.ended {
                return None;
            }
            let mut plain = std::mem::take(&mut self.input);
            if self.skip > 0 {
                let skip = self.skip.min(plain.len() as u64);
                plain = plain.slice(skip as usize..);
                self.skip -= skip;
            }
            return Some((plain, self.ended));
        }
        if self.input.is_empty() && !self.ended {
            return None;
        }
        let mut out = Vec::with_capacity(DECODE + (128 << 10));
        let step = decoder.decode(&self.input, &mut out, DECODE);
        match step {
            Ok(n) => {
                drop(self.input.split_to(n));
                self.at += n as u64;
            }
            Err(e) => {
                // Go on behind the start of the block that failed, with the next that is whole.
                let failed = self.base + decoder.restart().offset;
                damage.push(Damage {
                    place: format!("{} at byte {failed}", self.name),
                    what: e.to_string(),
                    torn: false,
                });
                let behind = (failed.saturating_sub(self.at) + 1).min(self.input.len() as u64);
                drop(self.input.split_to(behind as usize));
                self.at += behind;
                self.seeking = true;
                return Some((out.into(), false));
            }
        }
        let restart = decoder.restart();
        if self.restarts.back() != Some(&restart) {
            self.restarts.push_back(restart);
        }
        let last = self.ended && self.input.is_empty() && out.len() < DECODE;
        // While the writer is at it, a log ends anywhere.
        if last && take_tail && !decoder.is_complete() {
            damage.push(Damage { place: self.name.clone(), what: "ends inside a compressed block".into(), torn: true });
        }
        if self.skip > 0 {
            let skip = self.skip.min(out.len() as u64);
            out.drain(..skip as usize);
            self.skip -= skip;
        }
        if out.is_empty() && !last && self.input.is_empty() {
            return None;
        }
        Some((out.into(), last))
    }

    /// Cuts plain bytes at their last line end; what is behind it waits for more.
    fn cut(&mut self, plain: Bytes, last: bool, damage: &mut Vec<Damage>, take_tail: bool) -> Option<Block> {
        let mut body = plain;
        if self.dropping {
            let Some(at) = memchr::memchr(b'\n', &body) else {
                self.used += body.len() as u64;
                return None;
            };
            self.used += at as u64 + 1;
            body = body.slice(at + 1..);
            self.dropping = false;
        }
        let tail = memchr::memrchr(b'\n', &body).map_or(0, |at| at + 1);
        let behind = body.split_off(tail);
        let (mut lead, mut long) = (Vec::new(), None);
        if !body.is_empty() && !self.carry.is_empty() {
            let first = memchr::memchr(b'\n', &body).map_or(body.len(), |at| at + 1);
            lead = std::mem::take(&mut self.carry);
            long = self.long.take();
            lead.extend_from_slice(&body[..first]);
            body = body.slice(first..);
        }
        self.used += (lead.len() + body.len()) as u64;
        let carried = self.carry.len() + behind.len();
        if carried <= MAX_LINE {
            if carried > COUNTED
                && let Some(share) = &self.share
            {
                self.long.get_or_insert_with(|| LongLine::new(share.clone())).grow(carried);
            }
            if self.carry.capacity() < carried && carried > COUNTED {
                // No more than it may ever need.
                let room = (2 * carried).min(MAX_LINE);
                self.carry.reserve_exact(room - self.carry.len());
            }
            self.carry.extend_from_slice(&behind);
        } else {
            self.used += (self.carry.len() + behind.len()) as u64;
            let place = format!("{} near byte {}", self.name, self.base + self.used);
            damage.push(Damage { place, what: format!("a line is longer than {MAX_LINE} bytes"), torn: false });
            (self.carry, self.long) = (Vec::new(), None);
            self.dropping = true;
        }
        let mut unterminated = false;
        if last && take_tail && !self.carry.is_empty() {
            let tail = std::mem::take(&mut self.carry);
            // A line before it that was long, too, is forgotten a little early.
            long = self.long.take().or(long);
            self.used += tail.len() as u64;
            unterminated = true;
            if lead.is_empty() && body.is_empty() {
                lead = tail;
            } else {
                let mut all = Vec::with_capacity(body.len() + tail.len());
                all.extend_from_slice(&body);
                all.extend_from_slice(&tail);
                body = all.into();
            }
        }
        if self.seeking {
            // The end of this line is lost.
            self.used += self.carry.len() as u64;
            (self.carry, self.long) = (Vec::new(), None);
        }
        while self.restarts.len() > 1 && self.restarts[1].plain <= self.used {
            self.restarts.pop_front();
        }
        if lead.is_empty() && body.is_empty() && damage.is_empty() {
            return None;
        }
        let _long = long.map(LongLine::whole);
        Some(Block { lead, body, end: self.end(), damage: std::mem::take(damage), unterminated, _long })
    }
}
