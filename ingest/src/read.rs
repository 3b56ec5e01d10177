//! Reads an event log as blocks of whole lines, from any [`Position`] on. Bytes are fetched ahead
//! asynchronously; decoding and cutting happen in the thread that asks. Holds a few chunks and at
//! most one line of [`MAX_LINE`]: memory does not depend on the log.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use object_store::{ObjectStore, ObjectStoreExt as _};
use tokio::{runtime::Handle, sync::mpsc};

use crate::{
    codec::{Codec, Decoder, Restart},
    log::{EventLog, Part},
};

/// Bytes fetched at a time.
const CHUNK: u64 = 1 << 20;
/// Plain bytes decoded at a time; also how finely places to restart are known.
const DECODE: usize = 1 << 20;
/// Chunks fetched ahead.
const AHEAD: usize = 1;
/// The longest line that is read; longer ones are damage.
pub const MAX_LINE: usize = 256 << 20;

/// Where reading goes on: in which part, from which compressed offset a decoder starts, and how
/// many plain bytes behind that were used already. The default is the start of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Position {
    /// File name of the part, without `.inprogress`; empty before the first.
    pub part: String,
    pub offset: u64,
    pub skip: u64,
}

/// Whole lines, in order.
pub struct Block {
    /// A line that began in an earlier chunk, if it is not empty.
    lead: Vec<u8>,
    body: Bytes,
    /// Where to go on after this block.
    pub end: Position,
    /// What was damaged on the way to these lines.
    pub damage: Vec<Damage>,
    /// The last line has no line end: the writer may not have finished it.
    pub unterminated: bool,
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

/// Reads one log. Ask [`LogReader::next_block`] until it gives none.
pub struct LogReader {
    parts: Vec<Part>,
    fetched: mpsc::Receiver<Fetched>,
    /// Whether a last line without its end is given out: not while the writer is still at it.
    take_tail: bool,
    part: Option<OpenPart>,
    damage: Vec<Damage>,
    finished: bool,
    /// Bytes fetched so far.
    pub bytes: u64,
}

enum Fetched {
    Begin { part: usize, from: Position },
    Bytes(Bytes),
    End,
    Failed(object_store::Error),
}

/// The part being decoded.
struct OpenPart {
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
    ended: bool,
}

impl LogReader {
    /// Begins to read `log` behind `from`. Part sizes are those of the listing: what is written
    /// later is for the next time. Must be called inside a runtime, used outside of it.
    pub fn open(store: Arc<dyn ObjectStore>, log: &EventLog, from: &Position, take_tail: bool) -> LogReader {
        let (tx, fetched) = mpsc::channel(AHEAD);
        let parts = log.parts.clone();
        let start = parts.iter().position(|p| name_of(p) == from.part);
        Handle::current().spawn(fetch(store, parts.clone(), start, from.clone(), tx));
        LogReader { parts, fetched, take_tail, part: None, damage: Vec::new(), finished: false, bytes: 0 }
    }

    /// The next lines; none at the end of what there is. Blocks the thread.
    pub fn next_block(&mut self) -> Result<Option<Block>, object_store::Error> {
        while !self.finished {
            if let Some(part) = &mut self.part {
                if let Some(block) = part.lines(&mut self.damage, self.take_tail) {
                    return Ok(Some(block));
                }
                if part.ended {
                    let end = part.end();
                    self.part = None;
                    if !self.damage.is_empty() {
                        return Ok(Some(Block {
                            lead: Vec::new(),
                            body: Bytes::new(),
                            end,
                            damage: std::mem::take(&mut self.damage),
                            unterminated: false,
                        }));
                    }
                    continue;
                }
            }
            match self.fetched.blocking_recv() {
                Some(Fetched::Begin { part, from }) => self.part = Some(OpenPart::new(&self.parts[part], &from)),
                Some(Fetched::Bytes(bytes)) => {
                    self.bytes += bytes.len() as u64;
                    if let Some(part) = &mut self.part {
                        part.feed(bytes);
                    }
                }
                Some(Fetched::End) => {
                    if let Some(part) = &mut self.part {
                        part.ended = true;
                    }
                }
                Some(Fetched::Failed(e)) => {
                    self.finished = true;
                    return Err(e);
                }
                None => self.finished = true,
            }
        }
        Ok(None)
    }
}

/// A part's name for positions: the one it keeps when its log is finished.
fn name_of(part: &Part) -> &str {
    let name = part.path.filename().unwrap_or_default();
    name.strip_suffix(".inprogress").unwrap_or(name)
}

async fn fetch(
    store: Arc<dyn ObjectStore>,
    parts: Vec<Part>,
    start: Option<usize>,
    from: Position,
    tx: mpsc::Sender<Fetched>,
) {
    for (i, part) in parts.iter().enumerate().skip(start.unwrap_or(0)) {
        let from = if Some(i) == start { from.clone() } else { Position::default() };
        let mut at = from.offset;
        if tx.send(Fetched::Begin { part: i, from }).await.is_err() {
            return;
        }
        while at < part.size {
            let to = part.size.min(at + CHUNK);
            let message = match store.get_range(&part.path, at..to).await {
                Ok(bytes) if bytes.is_empty() => break,
                Ok(bytes) => {
                    at += bytes.len() as u64;
                    Fetched::Bytes(bytes)
                }
                Err(e) => Fetched::Failed(e),
            };
            let failed = matches!(message, Fetched::Failed(_));
            if tx.send(message).await.is_err() || failed {
                return;
            }
        }
        if tx.send(Fetched::End).await.is_err() {
            return;
        }
    }
}

impl OpenPart {
    fn new(part: &Part, from: &Position) -> Self {
        OpenPart {
            name: name_of(part).to_owned(),
            codec: None,
            plain: false,
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
            ended: false,
        }
    }

    fn feed(&mut self, bytes: Bytes) {
        if self.codec.is_none() {
            // A restart is at a block of the same codec, so its magic is there, too.
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
        let codec = match Codec::detect(&head) {
            // Inside a snappy-java stream chunks have no magic: text never begins like one.
            Codec::Plain if self.base > 0 && head.first() == Some(&0) => Codec::Snappy,
            codec => codec,
        };
        self.plain = codec == Codec::Plain;
        self.codec = Some((codec, codec.decoder()));
        self.input = head.into();
    }

    fn end(&self) -> Position {
        if self.plain {
            return Position { part: self.name.clone(), offset: self.base + self.used, skip: 0 };
        }
        let restart = self.restarts.front().copied().unwrap_or_default();
        Position { part: self.name.clone(), offset: self.base + restart.offset, skip: self.used - restart.plain }
    }

    /// Lines from the input at hand; none when more input is needed.
    fn lines(&mut self, damage: &mut Vec<Damage>, take_tail: bool) -> Option<Block> {
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
        let mut lead = Vec::new();
        if !body.is_empty() && !self.carry.is_empty() {
            let first = memchr::memchr(b'\n', &body).map_or(body.len(), |at| at + 1);
            lead = std::mem::take(&mut self.carry);
            lead.extend_from_slice(&body[..first]);
            body = body.slice(first..);
        }
        self.used += (lead.len() + body.len()) as u64;
        self.carry.extend_from_slice(&behind);
        if self.carry.len() > MAX_LINE {
            self.used += self.carry.len() as u64;
            let place = format!("{} near byte {}", self.name, self.base + self.used);
            damage.push(Damage { place, what: format!("a line is longer than {MAX_LINE} bytes"), torn: false });
            self.carry = Vec::new();
            self.dropping = true;
        }
        let mut unterminated = false;
        if last && take_tail && !self.carry.is_empty() {
            let tail = std::mem::take(&mut self.carry);
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
            self.carry.clear();
        }
        while self.restarts.len() > 1 && self.restarts[1].plain <= self.used {
            self.restarts.pop_front();
        }
        if lead.is_empty() && body.is_empty() && damage.is_empty() {
            return None;
        }
        Some(Block { lead, body, end: self.end(), damage: std::mem::take(damage), unterminated })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use object_store::{memory::InMemory, path::Path};
    use proptest::prelude::*;

    use super::*;
    use crate::log::Layout;

    fn text(lines: usize) -> Vec<u8> {
        (0..lines)
            .flat_map(|i| format!("{{\"Event\":\"E{i}\",\"x\":\"{}\"}}\n", "y".repeat(i * 7 % 90)).into_bytes())
            .collect()
    }

    fn encode(codec: Codec, plain: &[u8], piece: usize) -> Vec<u8> {
        match codec {
            Codec::Zstd => plain.chunks(piece).flat_map(|c| zstd::encode_all(c, 1).unwrap()).collect(),
            Codec::Gzip => {
                let mut e = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                e.write_all(plain).unwrap();
                e.finish().unwrap()
            }
            _ => plain.to_vec(),
        }
    }

    fn log(store: &Arc<dyn ObjectStore>, parts: &[Vec<u8>], runtime: &tokio::runtime::Runtime) -> EventLog {
        let parts = parts.iter().enumerate().map(|(i, bytes)| {
            let path = Path::from(format!("events_{i}_a"));
            runtime.block_on(store.put(&path, bytes.clone().into())).unwrap();
            Part { index: i as i64, path, size: bytes.len() as u64, etag: None, modified: 0 }
        });
        let parts = parts.collect();
        EventLog {
            key: "a".into(),
            layout: Layout::Rolling,
            parts,
            in_progress: false,
            missing: Vec::new(),
            compacted: false,
        }
    }

    /// Reads from a position on, at most so many blocks: the lines and where they end.
    fn read(
        store: &Arc<dyn ObjectStore>,
        log: &EventLog,
        from: &Position,
        blocks: usize,
        tail: bool,
        runtime: &tokio::runtime::Runtime,
    ) -> (Vec<Vec<u8>>, Position) {
        let mut reader = runtime.block_on(async { LogReader::open(store.clone(), log, from, tail) });
        let (mut lines, mut end) = (Vec::new(), from.clone());
        for _ in 0..blocks {
            let Some(block) = reader.next_block().unwrap() else { break };
            lines.extend(block.lines().map(<[u8]>::to_vec));
            end = block.end;
        }
        (lines, end)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        /// A log that is read while it grows, in any steps, gives each line once and in order.
        #[test]
        fn growing_logs_lose_and_repeat_nothing(lines in 1usize..120, cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..5), frame in 20usize..900, which in 0usize..3) {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
            let codec = [Codec::Plain, Codec::Zstd, Codec::Gzip][which];
            let plain = text(lines);
            let bytes = encode(codec, &plain, frame);
            let mut ends: Vec<usize> = cuts.iter().map(|c| c.index(bytes.len() + 1)).collect();
            ends.sort_unstable();
            let (mut all, mut position) = (Vec::new(), Position::default());
            for end in ends {
                let log = log(&store, &[bytes[..end].to_vec()], &runtime);
                let (more, at) = read(&store, &log, &position, usize::MAX, false, &runtime);
                all.extend(more);
                position = at;
            }
            let log = log(&store, &[bytes], &runtime);
            all.extend(read(&store, &log, &position, usize::MAX, true, &runtime).0);
            let expected: Vec<Vec<u8>> = plain.split(|b| *b == b'\n').filter(|l| !l.is_empty()).map(<[u8]>::to_vec).collect();
            prop_assert_eq!(all, expected);
        }

        /// Stopping after any block of any part and going on from its end is as not stopping.
        #[test]
        fn any_position_is_a_place_to_go_on(sizes in prop::collection::vec(0usize..60, 1..4), stop in 1usize..4, frame in 20usize..900) {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
            let parts: Vec<Vec<u8>> = sizes.iter().map(|n| encode(Codec::Zstd, &text(*n), frame)).collect();
            let log = log(&store, &parts, &runtime);
            let whole = read(&store, &log, &Position::default(), usize::MAX, true, &runtime).0;
            let (mut lines, at) = read(&store, &log, &Position::default(), stop, true, &runtime);
            lines.extend(read(&store, &log, &at, usize::MAX, true, &runtime).0);
            prop_assert_eq!(lines.len(), sizes.iter().sum::<usize>());
            prop_assert_eq!(lines, whole);
        }
    }

    #[test]
    fn damage_costs_itself_only() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let frames: Vec<Vec<u8>> = (0..20).map(|_| zstd::encode_all(&text(10)[..], 1).unwrap()).collect();
        let start: usize = frames[..7].iter().map(Vec::len).sum();
        let mut bytes = frames.concat();
        bytes[start + 6..start + 30].fill(0xAA);
        let log = log(&store, &[bytes], &runtime);
        let mut reader = runtime.block_on(async { LogReader::open(store.clone(), &log, &Position::default(), true) });
        let (mut lines, mut damage) = (0, Vec::new());
        while let Some(block) = reader.next_block().unwrap() {
            lines += block.lines().count();
            damage.extend(block.damage);
        }
        assert!((180..=190).contains(&lines), "{lines}");
        assert!(!damage.is_empty() && damage.iter().all(|d| !d.torn));
    }
}
