//! Bytes as an object of the store: whatever they are, opening and reading it ends, with answers or with errors.
//! The first byte says what the rest is: a whole object; a directory, whose checksums are made to fit, and what it
//! speaks of; or blocks, which a right directory leads to.

#![no_main]

use afterglow_fuzz::attempt::{Shelf, answers};
use afterglow_fuzz::{redactor, runtime, seeds};
use afterglow_history::state::Attempt;
use afterglow_history::store::VERSION;
use afterglow_history::store::part::{self, Directory, Entry, Kind, RunReports};
use afterglow_history::store::record::{Record, take_u64};
use afterglow_history::store::segment::StageRows;
use afterglow_history::store::snapshot;
use afterglow_ingest::event::parse;
use libfuzzer_sys::fuzz_target;

const KINDS: [Kind; 21] = [
    Kind::Application,
    Kind::Environment,
    Kind::Jobs,
    Kind::Stages,
    Kind::Executors,
    Kind::Processes,
    Kind::Rdds,
    Kind::SqlHeads,
    Kind::SqlBodies,
    Kind::Queries,
    Kind::Progress,
    Kind::Sessions,
    Kind::Operations,
    Kind::Foreign,
    Kind::Tasks,
    Kind::RunningTasks,
    Kind::Resume,
    Kind::StageBodies,
    Kind::Storage,
    Kind::Memory,
    Kind::Pauses,
];

/// An object of a body and a directory, which is stored under a checksum that is right.
fn object(body: &[u8], directory: &[u8]) -> Vec<u8> {
    let mut directory = directory.to_vec();
    if let Some(mut entries) = Vec::<Entry>::take(&mut &directory[..]) {
        for entry in &mut entries {
            let end = entry.offset.checked_add(entry.len).and_then(|e| usize::try_from(e).ok());
            let block = end.and_then(|end| body.get(entry.offset as usize..end));
            entry.crc = block.map_or(entry.crc, |b| u64::from(crc32fast::hash(b)));
        }
        directory.clear();
        entries.put(&mut directory);
    }
    let directory = zstd::bulk::compress(&directory, 1).expect("zstd");
    let crc = crc32fast::hash(&directory).to_le_bytes();
    let (offset, len) = ((body.len() as u64).to_le_bytes(), (directory.len() as u32).to_le_bytes());
    [body, &directory, &offset, &len, &crc, &VERSION.to_le_bytes(), b"AGLOW\0"].concat()
}

/// Reports of a run without a name, of any batch and time.
fn run(reports: u64) -> RunReports {
    let all = (i64::MIN, i64::MAX);
    RunReports { run: String::new(), reports, batches: all, times: all }
}

/// An object of blocks: each is its kind, what its directory entry says wrong, its rows, its length, and its plain
/// bytes. A segment says itself how many rows it has.
fn blocks(shelf: &Shelf, mut bytes: &[u8]) -> Vec<u8> {
    let mut part = shelf.store.writer();
    while let [kind, lie, rows, low, high, rest @ ..] = bytes {
        let (block, behind) = rest.split_at(rest.len().min(usize::from(u16::from_le_bytes([*low, *high]))));
        bytes = behind;
        let kind = KINDS[usize::from(*kind) % KINDS.len()];
        let is_segment = matches!(kind, Kind::Tasks | Kind::RunningTasks);
        let stored = if is_segment { block.to_vec() } else { zstd::bulk::compress(block, 1).expect("zstd") };
        let rows = if is_segment { take_u64(&mut &block[..]).unwrap_or(0) } else { u64::from(*rows) };
        let (rows, plain) = match lie {
            0 => (u64::MAX, u64::MAX),
            1 => (rows, 1 << 40),
            2 => (rows, block.len() as u64 / 2),
            3 => (rows.wrapping_add(1), block.len() as u64),
            _ => (rows, block.len() as u64),
        };
        let entry = Entry {
            kind,
            offset: 0,
            len: 0,
            plain,
            crc: u64::from(crc32fast::hash(&stored)),
            rows,
            first: i64::MIN,
            last: i64::MAX,
            stages: if is_segment { vec![StageRows { stage: (0, 0), start: 0, rows }] } else { Vec::new() },
            runs: if kind == Kind::Progress { vec![run(rows)] } else { Vec::new() },
        };
        part.copy(&entry, &stored).expect("a scratch folder");
    }
    part.finish().expect("a scratch folder").bytes().expect("a small part").to_vec()
}

fuzz_target!(
    init: {
        let _ = (runtime(), redactor());
        seeds::plant("store", seeds);
    },
    |data: &[u8]| {
        let [form, bytes @ ..] = data else { return };
        let mut shelf = Shelf::default();
        let object = match form % 3 {
            0 => bytes.to_vec(),
            1 => {
                let [low, high, rest @ ..] = bytes else { return };
                let (directory, body) = rest.split_at(rest.len().min(usize::from(u16::from_le_bytes([*low, *high]))));
                object(body, directory)
            }
            _ => blocks(&shelf, bytes),
        };
        runtime().block_on(async {
            let part = shelf.put(object).await;
            answers(&shelf.reader(&[&part]), 20).await;
            if let Ok(Some((mut attempt, next))) = shelf.restore(&[&part]).await {
                // What an indexer goes on with, it writes again.
                let part = snapshot::finish(shelf.store.writer(), &mut attempt, true, next).expect("a scratch folder");
                shelf.publish(part).await;
            }
            // Twice the same: where two parts have something, one of them counts.
            if let Ok(merged) = shelf.merge(&[&part, &part], true).await {
                answers(&shelf.reader(&[&merged]), 20).await;
            }
        });
    }
);

fn seeds() -> Vec<Vec<u8>> {
    let mut out = vec![[&[0][..], b"AGLOW\0"].concat()];
    for (_, bytes) in seeds::files(|case| ["3.5.9/codec-none", "3.5.9/storage", "4.3.0/connect"].contains(&case)) {
        let text = seeds::text(&bytes);
        let (mut attempt, mut next) = (Attempt::new(redactor()), 0);
        seeds::digest(&text, 2).iter().filter_map(|l| parse(l).ok()).for_each(|e| attempt.apply(&e));
        let shelf = Shelf::default();
        let mut part = shelf.store.writer();
        snapshot::write_rows(&mut part, attempt.take_rows(), &mut next).expect("a scratch folder");
        let part = snapshot::finish(part, &mut attempt, true, next).expect("a scratch folder");
        let object = part.bytes().expect("a small part").to_vec();
        out.push([&[0], &object[..]].concat());
        let directory = Directory::open(&object, object.len() as u64).expect("a part");
        let mut all = Vec::new();
        for entry in &directory.entries {
            let stored = &object[entry.offset as usize..(entry.offset + entry.len) as usize];
            let is_segment = matches!(entry.kind, Kind::Tasks | Kind::RunningTasks);
            let plain = if is_segment { stored.to_vec() } else { part::plain(entry, stored).expect("a block") };
            let kind = KINDS.iter().position(|k| *k == entry.kind).unwrap_or(0) as u8;
            let len = plain.len().min(usize::from(u16::MAX)) as u16;
            let rows = entry.rows.min(u64::from(u8::MAX)) as u8;
            let block = [&[kind, 0xFF, rows][..], &len.to_le_bytes(), &plain[..usize::from(len)]].concat();
            out.push([&[2], &block[..]].concat());
            all.extend(block);
        }
        out.push([&[2], &all[..]].concat());
        let mut plain = Vec::new();
        directory.entries.put(&mut plain);
        let body = &object[..directory.entries.iter().map(|e| (e.offset + e.len) as usize).max().unwrap_or(0)];
        out.push([&[1][..], &(plain.len() as u16).to_le_bytes(), &plain, body].concat());
    }
    out
}
