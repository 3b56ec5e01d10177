//! Bytes as a whole event log: read, folded, stored and asked for. The lines are the same whether a log is read at
//! once, while it grows, or from any position on; what is stored is the same whether it was stored at once or in
//! two parts with the state read back between them, merged or not.

#![no_main]

use std::sync::Arc;

use afterglow_fuzz::attempt::{Shelf, answers};
use afterglow_fuzz::{redactor, runtime, seeds, with_stack};
use afterglow_history::state::Attempt;
use afterglow_history::store::reader::PartRef;
use afterglow_history::store::snapshot;
use afterglow_ingest::event::parse;
use afterglow_ingest::log::{Layout, Part};
use afterglow_ingest::{EventLog, LogReader, Position};
use libfuzzer_sys::fuzz_target;
use object_store::{ObjectStore, ObjectStoreExt as _, memory::InMemory, path::Path};

/// Plain bytes after which an input is left: some bytes make thousands of times as many.
const ENOUGH: usize = 2 << 20;
const NAME: &str = "local-1";

struct Lines {
    all: Vec<Vec<u8>>,
    end: Position,
    /// Where to go on behind the first block, and how many lines that has.
    first: Option<(Position, usize)>,
    damaged: bool,
    left: bool,
}

/// Reads what there is of a log from a position on.
fn read(bytes: &[u8], from: &Position, in_progress: bool) -> Lines {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let part = Part { index: 0, path: Path::from(NAME), size: bytes.len() as u64, etag: None, modified: 0 };
    let log = EventLog {
        key: NAME.into(),
        layout: Layout::Single,
        parts: vec![part],
        in_progress,
        missing: Vec::new(),
        compacted: false,
    };
    let mut reader = runtime().block_on(async {
        store.put(&Path::from(NAME), bytes.to_vec().into()).await.expect("memory");
        LogReader::open(store.clone(), &log, from, !in_progress)
    });
    let mut out = Lines { all: Vec::new(), end: from.clone(), first: None, damaged: false, left: false };
    let mut made = 0;
    while let Some(block) = reader.next_block().expect("memory") {
        made += block.len();
        out.all.extend(block.lines().map(<[u8]>::to_vec));
        out.damaged |= !block.damage.is_empty();
        out.end = block.end;
        out.first.get_or_insert((out.end.clone(), out.all.len()));
        if made > ENOUGH {
            out.left = true;
            break;
        }
    }
    out
}

/// Reads a log in several ways; gives its lines.
fn lines(bytes: &[u8], cut: usize) -> Lines {
    let whole = read(bytes, &Position::default(), false);
    let begun = read(&bytes[..cut], &Position::default(), true);
    if whole.damaged || whole.left || begun.damaged {
        return whole;
    }
    let rest = read(bytes, &begun.end, false);
    let grown: Vec<_> = begun.all.iter().chain(&rest.all).collect();
    assert_eq!(grown, whole.all.iter().collect::<Vec<_>>(), "read while it grew");
    if let Some((at, lines)) = &whole.first {
        let rest = read(bytes, at, false);
        assert_eq!(rest.all, whole.all[*lines..], "read on from {at:?}");
    }
    whole
}

/// Folds lines and stores what comes of them.
async fn fold(shelf: &mut Shelf, state: Option<(Attempt, i64)>, lines: &[Vec<u8>], resume: bool) -> PartRef {
    let (mut attempt, mut next) = state.unwrap_or_else(|| (Attempt::new(redactor()), 0));
    let mut part = shelf.store.writer();
    for event in lines.iter().filter_map(|l| parse(l).ok()) {
        attempt.apply(&event);
    }
    snapshot::write_rows(&mut part, attempt.take_rows(), &mut next).expect("a scratch folder");
    let part = snapshot::finish(part, &mut attempt, resume, next).expect("a scratch folder");
    shelf.publish(part).await
}

async fn stored(lines: &[Vec<u8>], cut: usize) {
    let mut shelf = Shelf::default();
    let whole = fold(&mut shelf, None, lines, false).await;
    let expected = answers(&shelf.reader(&[&whole]), 20).await;
    let one = fold(&mut shelf, None, &lines[..cut], true).await;
    let state = shelf.restore(&[&one]).await.expect("memory").expect("a state to go on with");
    let two = fold(&mut shelf, Some(state), &lines[cut..], false).await;
    assert_eq!(answers(&shelf.reader(&[&one, &two]), 20).await, expected, "in two parts");
    let merged = shelf.merge(&[&one, &two], false).await.expect("memory");
    assert_eq!(answers(&shelf.reader(&[&merged]), 20).await, expected, "merged");
}

fuzz_target!(
    init: {
        let _ = (runtime(), redactor());
        seeds::plant("log", seeds);
    },
    |data: &[u8]| {
        let [cut, split, bytes @ ..] = data else { return };
        let share = |n: usize, of: &u8| n * usize::from(*of) / 255;
        let lines = lines(bytes, share(bytes.len(), cut));
        if lines.left {
            return;
        }
        let (all, split) = (lines.all.concat(), share(lines.all.len(), split));
        with_stack(&all, move || runtime().block_on(stored(&lines.all, split)));
    }
);

fn seeds() -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    for (i, (name, bytes)) in seeds::files(|_| true).into_iter().enumerate() {
        let name = name.rsplit('/').next().unwrap_or_default();
        let is_log = ["local-", "app-", "events_1_"].iter().any(|start| name.starts_with(start));
        let text = seeds::text(&bytes);
        let lines = seeds::digest(&text, 1);
        if !is_log || lines.is_empty() {
            continue;
        }
        let plain = lines.concat_lines();
        let how = [37, 91].map(|n: usize| (i * n % 256) as u8);
        if i % 5 == 0 {
            let frames = lines.chunks(4).flat_map(|l| zstd::encode_all(&l.concat_lines()[..], 1).expect("zstd"));
            out.push(how.into_iter().chain(frames).collect());
        }
        out.push([&how[..], &plain].concat());
    }
    out
}

trait ConcatLines {
    /// The lines, each with its end.
    fn concat_lines(&self) -> Vec<u8>;
}

impl ConcatLines for [&[u8]] {
    fn concat_lines(&self) -> Vec<u8> {
        self.iter().flat_map(|l| l.iter().copied().chain([b'\n'])).collect()
    }
}
