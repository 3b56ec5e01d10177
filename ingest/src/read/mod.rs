//! Reads an event log as blocks of whole lines, from any [`Position`] on. Bytes are fetched ahead
//! asynchronously (`fetch`); decoding and cutting (`part`) happen in the thread that asks. Holds a
//! few chunks and at most one line of [`MAX_LINE`]: memory does not depend on the log. Long lines of all readers share a
//! [`LineBudget`].

mod block;
mod budget;
mod fetch;
mod part;
mod tail;

use std::sync::Arc;

use bytes::Bytes;
use object_store::ObjectStore;
use tokio::{runtime::Handle, sync::mpsc};

pub use block::{Block, Damage};
pub use budget::LineBudget;
use budget::Share;
use fetch::{Fetched, fetch};
use part::OpenPart;
pub use tail::{Tail, is_as_read};

use crate::log::{EventLog, Part};

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
    /// By which the part is known again.
    pub tail: Tail,
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
    share: Option<Arc<Share>>,
    /// Bytes fetched so far.
    pub bytes: u64,
}

impl LogReader {
    /// Begins to read `log` behind `from`. Part sizes are those of the listing: what is written
    /// later is for the next time. Must be called inside a runtime, used outside of it.
    pub fn open(store: Arc<dyn ObjectStore>, log: &EventLog, from: &Position, take_tail: bool) -> LogReader {
        let (tx, fetched) = mpsc::channel(AHEAD);
        let parts = log.parts.clone();
        let start = parts.iter().position(|p| name_of(p) == from.part);
        Handle::current().spawn(fetch(store, parts.clone(), start, from.clone(), tx));
        LogReader { parts, fetched, take_tail, part: None, damage: Vec::new(), finished: false, share: None, bytes: 0 }
    }

    /// Has long lines counted. What they take is given back when the reader is dropped: keep it until what was read is stored.
    pub fn within(mut self, budget: &Arc<LineBudget>) -> LogReader {
        self.share = Some(Share::new(budget.clone()));
        self
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
                            _long: None,
                        }));
                    }
                    continue;
                }
            }
            match self.fetched.blocking_recv() {
                Some(Fetched::Begin { part, from, head }) => {
                    self.part = Some(OpenPart::new(&self.parts[part], &from, head.as_deref(), self.share.clone()));
                }
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
                Some(Fetched::All) => self.finished = true,
                None => {
                    self.finished = true;
                    return Err(object_store::Error::Generic {
                        store: "log",
                        source: "fetching it was cut off before its end".into(),
                    });
                }
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

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use object_store::{ObjectStoreExt as _, memory::InMemory, path::Path};
    use proptest::prelude::*;

    use super::*;
    use crate::{codec::Codec, log::Layout};

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

    /// What stands at a position may look like any codec.
    #[test]
    fn a_line_of_text_is_text_wherever_reading_goes_on() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        for magic in [&b"\0\0\0\0\0"[..], b"ZV\0\0\x02ab", b"LZ4Block!", b"\x82SNAPPY\0", b"\x1F\x8B\x08"] {
            let first = b"{\"Event\":\"E\"}\n".to_vec();
            let begun = log(&store, std::slice::from_ref(&first), &runtime);
            let (lines, at) = read(&store, &begun, &Position::default(), usize::MAX, false, &runtime);
            assert_eq!((lines.len(), at.offset), (1, first.len() as u64));
            let grown = log(&store, &[[&first, magic, b"\nlast\n"].concat()], &runtime);
            let (lines, _) = read(&store, &grown, &at, usize::MAX, true, &runtime);
            assert_eq!(lines, [magic, b"last"]);
        }
    }

    #[test]
    fn another_log_under_the_same_name_is_told_from_one_that_grew() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let same = |log: &EventLog, at: &Position| runtime.block_on(is_as_read(&store, log, at)).unwrap();
        for codec in [Codec::Plain, Codec::Zstd, Codec::Gzip] {
            for lines in [1, 300] {
                let first = encode(codec, &text(lines), 400);
                let begun = log(&store, std::slice::from_ref(&first), &runtime);
                let (_, at) = read(&store, &begun, &Position::default(), usize::MAX, false, &runtime);
                assert!(at.tail.len > 0 && at.tail.end == first.len() as u64, "{codec:?} {at:?}");
                assert!(same(&begun, &at));
                let more = encode(codec, b"{\"Event\":\"more\"}\n", 400);
                let bytes = [&first[..], &more].concat();
                let grown = log(&store, std::slice::from_ref(&bytes), &runtime);
                assert!(same(&grown, &at), "{codec:?} grew");
                // A few new bytes do not take the place of many.
                let (_, further) = read(&store, &grown, &at, usize::MAX, false, &runtime);
                assert!(further.tail.len >= at.tail.len && same(&grown, &further), "{codec:?} {further:?}");
                let mut other = bytes.clone();
                other[first.len() - 3] ^= 1;
                assert!(!same(&log(&store, &[other], &runtime), &at), "{codec:?} another");
                assert!(!same(&log(&store, &[first[..first.len() - 1].to_vec()], &runtime), &at), "{codec:?} shorter");
            }
        }
        assert!(same(&log(&store, &[Vec::new()], &runtime), &Position::default()), "nothing was read");
    }

    #[test]
    fn what_is_cut_off_has_not_ended() {
        let part = Part { index: 0, path: Path::from("a"), size: 100, etag: None, modified: 0 };
        let (tx, fetched) = mpsc::channel(4);
        assert!(tx.blocking_send(Fetched::Begin { part: 0, from: Position::default(), head: None }).is_ok());
        assert!(tx.blocking_send(Fetched::Bytes(text(20).into())).is_ok());
        drop(tx);
        let (parts, damage) = (vec![part], Vec::new());
        let mut reader =
            LogReader { parts, fetched, take_tail: true, part: None, damage, finished: false, share: None, bytes: 0 };
        assert!(reader.next_block().unwrap().is_some());
        let failed = reader.next_block().err().expect("not the end");
        assert!(failed.to_string().contains("cut off before its end"), "{failed}");
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
