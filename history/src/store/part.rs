//! A part: one immutable object of an attempt. Segments of tasks and blocks of entities, then a
//! directory of them, then a footer that finds the directory. A finished attempt is one part; one
//! that is followed live is a few, of which the newest word on an entity counts.
//!
//! `"AGLOW\0" version | segments and blocks … | directory | footer`

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::{
    record::{PutItem, Record},
    schema::VERSION,
    segment::{self, StageRows},
};
use crate::date::instant;
use crate::record;
use crate::state::{Progress, StageKey, Task};

const MAGIC: &[u8; 6] = b"AGLOW\0";
/// Magic and version.
const HEAD: usize = 6 + 2;
/// Directory offset, length and checksum, version, magic.
pub const FOOTER: usize = 8 + 4 + 4 + 2 + 6;
/// Plain bytes of entities in a block.
const BLOCK: usize = 64 << 10;
/// The longest block that is read: it holds an entity at least, and the line it came of has 256 MiB at most.
const MAX_BLOCK: u64 = 1 << 30;
/// The longest directory that is read.
const MAX_DIRECTORY: u64 = 256 << 20;
/// What a block says of its own length is believed up to here; room for more is made as it comes.
const BELIEVED: usize = 4 << 20;
/// Bytes held before a part under construction moves to a file.
const IN_MEMORY: usize = 1 << 20;
const COMPRESSION: i32 = 1;

/// What a block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Application,
    Environment,
    Jobs,
    Stages,
    Executors,
    Processes,
    Rdds,
    SqlHeads,
    SqlBodies,
    Queries,
    Progress,
    Sessions,
    Operations,
    Foreign,
    /// A segment of ended tasks.
    Tasks,
    /// A segment of the tasks that ran when the part was written; only the last part's counts.
    RunningTasks,
    /// What the fold needs to go on; only the last part's counts.
    Resume,
    /// What lists of stage attempts do not need.
    StageBodies,
    /// What was stored over time.
    Storage,
    /// The memory of executors over time.
    Memory,
    /// Pauses of a container's JVM; in the parts of container logs only.
    Pauses,
}

crate::record_enum! {
    Kind {
        Application = 0, Environment = 1, Jobs = 2, Stages = 3, Executors = 4, Processes = 5, Rdds = 6, SqlHeads = 7,
        SqlBodies = 8, Queries = 9, Progress = 10, Sessions = 11, Operations = 12, Foreign = 13, Tasks = 14,
        RunningTasks = 15, Resume = 16, StageBodies = 17, Storage = 18, Memory = 19, Pauses = 20,
    }
}

/// One entry of the directory.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub kind: Kind,
    pub offset: u64,
    /// Stored bytes.
    pub len: u64,
    /// Bytes before compression; 0 for a segment, which is stored as it is.
    pub plain: u64,
    pub crc: u64,
    pub rows: u64,
    /// Least and greatest key of the block's entities, where keys are numbers.
    pub first: i64,
    pub last: i64,
    /// Of a segment: its stages.
    pub stages: Vec<StageRows>,
    /// Of progress reports: what there is of each run of a query.
    pub runs: Vec<RunReports>,
}

/// Progress reports of one run in a block.
#[derive(Debug, Clone, PartialEq)]
pub struct RunReports {
    pub run: String,
    pub reports: u64,
    /// Least and greatest batch.
    pub batches: (i64, i64),
    /// Least and greatest time, epoch milliseconds; all there is if one report's cannot be read.
    pub times: (i64, i64),
}

impl RunReports {
    fn add(runs: &mut Vec<RunReports>, report: &Progress) {
        let of = RunReports {
            run: report.run_id.clone(),
            reports: 1,
            batches: (report.batch_id, report.batch_id),
            times: instant(&report.timestamp).map_or((i64::MIN, i64::MAX), |t| (t, t)),
        };
        match runs.iter_mut().find(|r| r.run == of.run) {
            None => runs.push(of),
            Some(r) => {
                let joined = |a: (i64, i64), b: (i64, i64)| (a.0.min(b.0), a.1.max(b.1));
                r.reports += 1;
                (r.batches, r.times) = (joined(r.batches, of.batches), joined(r.times, of.times));
            }
        }
    }
}

record! {
    StageRows { stage, start, rows }
    RunReports { run, reports, batches, times }
    Entry { kind, offset, len, plain, crc, rows, first, last, stages, runs }
}

/// The directory of a part.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Directory {
    /// Bytes of the whole object.
    pub size: u64,
    pub entries: Vec<Entry>,
}

impl Directory {
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |e| e.kind == kind)
    }

    /// Reads the directory out of a part's tail. `Err` says how many bytes of tail it takes.
    pub fn open(tail: &[u8], size: u64) -> Result<Directory, OpenError> {
        let footer = tail.len().checked_sub(FOOTER).and_then(|at| tail.get(at..)).ok_or(OpenError::Damaged)?;
        if &footer[18..] != MAGIC {
            return Err(OpenError::Damaged);
        }
        let version = u16::from_le_bytes([footer[16], footer[17]]);
        if version != VERSION {
            return Err(OpenError::Version(version));
        }
        let offset = footer.first_chunk::<8>().map_or(0, |b| u64::from_le_bytes(*b));
        let word = |at: usize| footer[at..].first_chunk::<4>().map_or(0, |b| u32::from_le_bytes(*b));
        let (len, crc) = (u64::from(word(8)), word(12));
        let need = len + FOOTER as u64;
        if offset.checked_add(need) != Some(size) {
            return Err(OpenError::Damaged);
        }
        if need > tail.len() as u64 {
            return Err(OpenError::NeedTail(need));
        }
        let start = tail.len() - need as usize;
        let bytes = &tail[start..tail.len() - FOOTER];
        if crc32fast::hash(bytes) != crc {
            return Err(OpenError::Damaged);
        }
        let raw = inflate_up_to(bytes, MAX_DIRECTORY).ok_or(OpenError::Damaged)?;
        let entries = Vec::take(&mut raw.as_slice()).ok_or(OpenError::Damaged)?;
        is_whole(&entries, offset).then_some(Directory { size, entries }).ok_or(OpenError::Damaged)
    }
}

/// Whether blocks lie one behind the other up to `end`, and have no more rows than there is room for, of which stages
/// and runs have their shares: what is read for an object is then in proportion to its size, whatever it says.
fn is_whole(entries: &[Entry], end: u64) -> bool {
    let behind = entries.iter().try_fold(HEAD as u64, |at, e| {
        let rows = e.stages.iter().try_fold(0u64, |at, s| (s.start == at).then(|| at.checked_add(s.rows))?)?;
        let reports = e.runs.iter().try_fold(0u64, |sum, r| sum.checked_add(r.reports))?;
        let fits = match e.kind {
            Kind::Tasks | Kind::RunningTasks => rows == e.rows && rows <= segment::ROWS as u64,
            Kind::Progress => reports == e.rows && e.rows <= e.plain,
            _ => rows == 0 && e.rows <= e.plain,
        };
        (fits && e.offset == at).then(|| at.checked_add(e.len))?
    });
    behind == Some(end)
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    #[error("the object is damaged")]
    Damaged,
    #[error("the object has format version {0}, this release reads {VERSION}")]
    Version(u16),
    #[error("{0} bytes of tail are needed")]
    NeedTail(u64),
}

/// Checks a stored block and gives its plain bytes.
pub fn plain(entry: &Entry, stored: &[u8]) -> Option<Vec<u8>> {
    if u64::from(crc32fast::hash(stored)) != entry.crc {
        return None;
    }
    inflate(stored, entry.plain)
}

/// Checks a stored segment and opens it.
pub fn open_segment(entry: &Entry, stored: Bytes) -> Option<segment::Segment> {
    (u64::from(crc32fast::hash(&stored)) == entry.crc).then_some(())?;
    segment::Segment::open(stored).filter(|s| s.rows() as u64 == entry.rows)
}

thread_local! {
    /// Making one costs more than a small block. None where there is no memory for it.
    static DECOMPRESSOR: RefCell<Option<zstd::bulk::Decompressor<'static>>> =
        RefCell::new(zstd::bulk::Decompressor::new().ok());
}

/// Undoes compression, of as many bytes as `plain` says. It may lie.
pub(super) fn inflate(stored: &[u8], plain: u64) -> Option<Vec<u8>> {
    let len = usize::try_from(plain).ok()?;
    let raw = if len <= BELIEVED {
        DECOMPRESSOR.with_borrow_mut(|d| d.as_mut()?.decompress(stored, len).ok())?
    } else {
        inflate_up_to(stored, plain.min(MAX_BLOCK))?
    };
    (raw.len() == len).then_some(raw)
}

/// Undoes compression; none if there is more than `most`.
fn inflate_up_to(stored: &[u8], most: u64) -> Option<Vec<u8>> {
    let mut raw = Vec::new();
    let decoder = zstd::stream::read::Decoder::with_buffer(stored).ok()?;
    decoder.take(most.saturating_add(1)).read_to_end(&mut raw).ok()?;
    (raw.len() as u64 <= most).then_some(raw)
}

/// A block under construction.
#[derive(Default)]
struct Block {
    raw: Vec<u8>,
    rows: u64,
    first: i64,
    last: i64,
    runs: Vec<RunReports>,
}

impl Block {
    fn put<K: Record + BlockKey, V: PutItem>(&mut self, key: &K, value: Option<&V>) {
        let n = key.number();
        (self.first, self.last) = if self.rows == 0 { (n, n) } else { (self.first.min(n), self.last.max(n)) };
        key.put(&mut self.raw);
        match value {
            None => self.raw.push(0),
            Some(v) => {
                self.raw.push(1);
                v.put_item(&mut self.raw);
            }
        }
        self.rows += 1;
    }
}

/// Builds a part. Small ones stay in memory, others grow in a file of the scratch folder.
pub struct PartWriter {
    scratch: PathBuf,
    memory: Vec<u8>,
    /// Without a name: it goes with the process.
    file: Option<File>,
    offset: u64,
    entries: Vec<Entry>,
    tasks: Vec<Task>,
    compressor: Option<zstd::bulk::Compressor<'static>>,
}

/// Tasks of a log that has few.
const FEW: usize = 256;

impl PartWriter {
    /// `scratch` must exist; nothing is left in it when the writer is dropped.
    pub fn new(scratch: &Path) -> Self {
        let mut memory = Vec::new();
        memory.extend_from_slice(MAGIC);
        memory.extend_from_slice(&VERSION.to_le_bytes());
        let offset = memory.len() as u64;
        PartWriter {
            scratch: scratch.to_owned(),
            memory,
            file: None,
            offset,
            entries: Vec::new(),
            tasks: Vec::new(),
            compressor: None,
        }
    }

    /// Whether nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.tasks.is_empty()
    }

    /// Takes ended tasks; they are written a segment at a time.
    pub fn tasks(&mut self, rows: Vec<Task>) -> io::Result<()> {
        for task in rows {
            if self.tasks.len() == FEW {
                // Growing by half and half again would take twice the memory of the segment.
                self.tasks.reserve_exact(segment::ROWS - FEW);
            }
            self.tasks.push(task);
            if self.tasks.len() == segment::ROWS {
                let mut full = std::mem::take(&mut self.tasks);
                self.one_segment(Kind::Tasks, &mut full)?;
                full.clear();
                self.tasks = full;
            }
        }
        Ok(())
    }

    /// Writes what waits for a segment to fill.
    pub fn flush_tasks(&mut self) -> io::Result<()> {
        let rest = std::mem::take(&mut self.tasks);
        if rest.is_empty() { Ok(()) } else { self.segment(Kind::Tasks, rest) }
    }

    /// Writes tasks as segments of the given kind.
    pub fn segment(&mut self, kind: Kind, mut tasks: Vec<Task>) -> io::Result<()> {
        tasks.chunks_mut(segment::ROWS).try_for_each(|tasks| self.one_segment(kind, tasks))
    }

    fn one_segment(&mut self, kind: Kind, tasks: &mut [Task]) -> io::Result<()> {
        let mut bytes = Vec::new();
        let stages = segment::write(tasks, &mut bytes);
        let keys = |s: Option<&StageRows>| s.map_or(0, |s| s.stage.0);
        let (first, last) = (keys(stages.first()), keys(stages.last()));
        let crc = u64::from(crc32fast::hash(&bytes));
        let rows = tasks.len() as u64;
        self.append(
            Entry { kind, offset: 0, len: 0, plain: 0, crc, rows, first, last, stages, runs: Vec::new() },
            &bytes,
        )
    }

    /// Writes entities under their keys, a block at a time. `None` says that the key is gone.
    pub fn entities<K, V>(&mut self, kind: Kind, items: impl IntoIterator<Item = (K, Option<V>)>) -> io::Result<()>
    where
        K: Record + BlockKey,
        V: PutItem,
    {
        let mut block = Block::default();
        for (key, value) in items {
            block.put(&key, value.as_ref());
            if block.raw.len() >= BLOCK {
                self.block(kind, std::mem::take(&mut block))?;
            }
        }
        self.block(kind, block)
    }

    /// Writes progress reports, numbered from `first` on.
    pub fn progress(&mut self, reports: &[Progress], first: i64) -> io::Result<()> {
        let mut block = Block::default();
        for (number, report) in (first..).zip(reports) {
            block.put(&number, Some(&report));
            RunReports::add(&mut block.runs, report);
            if block.raw.len() >= BLOCK {
                self.block(Kind::Progress, std::mem::take(&mut block))?;
            }
        }
        self.block(Kind::Progress, block)
    }

    fn block(&mut self, kind: Kind, block: Block) -> io::Result<()> {
        let Block { raw, rows, first, last, runs } = block;
        if rows == 0 {
            return Ok(());
        }
        let stored = self.compress(&raw)?;
        let crc = u64::from(crc32fast::hash(&stored));
        let plain = raw.len() as u64;
        self.append(Entry { kind, offset: 0, len: 0, plain, crc, rows, first, last, stages: Vec::new(), runs }, &stored)
    }

    /// One compressor serves a whole part: making one costs more than a small block.
    fn compress(&mut self, raw: &[u8]) -> io::Result<Vec<u8>> {
        let compressor = match &mut self.compressor {
            Some(c) => c,
            None => self.compressor.insert(zstd::bulk::Compressor::new(COMPRESSION)?),
        };
        compressor.compress(raw)
    }

    /// Copies a stored block of another part as it is.
    pub fn copy(&mut self, entry: &Entry, stored: &[u8]) -> io::Result<()> {
        self.append(entry.clone(), stored)
    }

    fn append(&mut self, entry: Entry, bytes: &[u8]) -> io::Result<()> {
        self.entries.push(Entry { offset: self.offset, len: bytes.len() as u64, ..entry });
        self.offset += bytes.len() as u64;
        self.write(bytes)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.memory.extend_from_slice(bytes);
        if self.memory.len() > IN_MEMORY {
            self.spill()?;
        }
        Ok(())
    }

    fn spill(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(f) => f,
            None => self.file.insert(tempfile::tempfile_in(&self.scratch)?),
        };
        file.write_all(&self.memory)?;
        self.memory.clear();
        Ok(())
    }

    /// Ends the part: its directory is written, its bytes can be published.
    pub fn finish(mut self) -> io::Result<Finished> {
        self.flush_tasks()?;
        let mut raw = Vec::new();
        self.entries.put(&mut raw);
        let directory = self.compress(&raw)?;
        let mut tail = directory.clone();
        tail.extend_from_slice(&self.offset.to_le_bytes());
        tail.extend_from_slice(&(directory.len() as u32).to_le_bytes());
        tail.extend_from_slice(&crc32fast::hash(&directory).to_le_bytes());
        tail.extend_from_slice(&VERSION.to_le_bytes());
        tail.extend_from_slice(MAGIC);
        let size = self.offset + tail.len() as u64;
        self.memory.extend_from_slice(&tail);
        if self.file.is_some() {
            self.spill()?;
        }
        let memory = std::mem::take(&mut self.memory);
        Ok(Finished { size, memory, file: self.file.take() })
    }
}

/// A finished part that is not published yet.
pub struct Finished {
    pub size: u64,
    memory: Vec<u8>,
    file: Option<File>,
}

impl Finished {
    /// The bytes, if they are few.
    pub fn bytes(&self) -> Option<Bytes> {
        self.file.is_none().then(|| Bytes::copy_from_slice(&self.memory))
    }

    /// The next piece of a large part, `None` at its end. Call [`Finished::rewind`] first.
    pub fn read(&mut self, piece: usize) -> io::Result<Option<Bytes>> {
        let Some(file) = &mut self.file else { return Ok(None) };
        let mut buf = Vec::with_capacity(piece);
        file.take(piece as u64).read_to_end(&mut buf)?;
        Ok((!buf.is_empty()).then(|| buf.into()))
    }

    pub fn rewind(&mut self) -> io::Result<()> {
        match &mut self.file {
            Some(f) => f.seek(SeekFrom::Start(0)).map(|_| ()),
            None => Ok(()),
        }
    }
}

/// A key of an entity, as the number by which blocks are found.
pub trait BlockKey {
    fn number(&self) -> i64;
}

impl BlockKey for i64 {
    fn number(&self) -> i64 {
        *self
    }
}

impl BlockKey for StageKey {
    fn number(&self) -> i64 {
        self.0
    }
}

impl BlockKey for String {
    /// Texts have no place on the number line: every block may hold them.
    fn number(&self) -> i64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::put_u64;
    use super::*;

    /// A part of two segments and a block, its bytes and its entries.
    fn part() -> (Vec<u8>, Vec<Entry>) {
        let mut part = PartWriter::new(&std::env::temp_dir());
        let tasks = (0..20_000).map(|i| Task { task_id: i, stage_id: i % 2, ..Task::default() });
        part.segment(Kind::RunningTasks, tasks.collect()).unwrap();
        let text = "text".repeat(100);
        part.entities(Kind::Jobs, [(1i64, Some(&text)), (2, None)]).unwrap();
        let bytes = part.finish().unwrap().bytes().unwrap().to_vec();
        let entries = Directory::open(&bytes, bytes.len() as u64).unwrap().entries;
        (bytes, entries)
    }

    /// The part with another directory, whose checksum is right.
    fn forged(bytes: &[u8], entries: &Vec<Entry>) -> Result<Directory, OpenError> {
        let end = Directory::open(bytes, bytes.len() as u64).unwrap().entries.iter().map(|e| e.offset + e.len).max();
        let end = end.unwrap_or(0);
        let mut raw = Vec::new();
        entries.put(&mut raw);
        let directory = zstd::bulk::compress(&raw, COMPRESSION).unwrap();
        let mut out = [&bytes[..end as usize], &directory, &end.to_le_bytes()].concat();
        out.extend((directory.len() as u32).to_le_bytes());
        out.extend(crc32fast::hash(&directory).to_le_bytes());
        out.extend(VERSION.to_le_bytes());
        out.extend(MAGIC);
        Directory::open(&out, out.len() as u64)
    }

    #[test]
    fn many_tasks_are_several_segments() {
        let (bytes, entries) = part();
        let rows: Vec<u64> = entries.iter().map(|e| e.rows).collect();
        assert_eq!(rows, [segment::ROWS as u64, segment::ROWS as u64, 20_000 - 2 * segment::ROWS as u64, 2]);
        assert_eq!(forged(&bytes, &entries).unwrap().entries, entries);
        for e in &entries[..3] {
            let stored = Bytes::copy_from_slice(&bytes[e.offset as usize..(e.offset + e.len) as usize]);
            assert_eq!(open_segment(e, stored).unwrap().rows() as u64, e.rows);
        }
    }

    #[test]
    fn directories_that_promise_too_much_are_damaged() {
        type Lie = dyn Fn(&mut Vec<Entry>);
        let (bytes, entries) = part();
        let with = |change: &Lie| {
            let mut entries = entries.clone();
            change(&mut entries);
            forged(&bytes, &entries)
        };
        let changes: [&Lie; 9] = [
            &|e| e[0].rows = u64::MAX,
            &|e| e[0].stages[0].rows = u64::MAX,
            &|e| e[0].stages[1].start = 0,
            &|e| e[0].stages = vec![StageRows { stage: (0, 0), start: 0, rows: 1 << 40 }],
            &|e| e[1].offset = e[0].offset,
            &|e| e[3].len = u64::MAX,
            &|e| e[3].offset = u64::MAX,
            &|e| e.extend_from_within(..),
            &|e| drop(e.pop()),
        ];
        for (i, change) in changes.into_iter().enumerate() {
            assert_eq!(with(change), Err(OpenError::Damaged), "{i}");
        }
    }

    #[test]
    fn blocks_that_promise_too_much_are_damaged() {
        let (bytes, entries) = part();
        let block = &entries[3];
        let stored = &bytes[block.offset as usize..(block.offset + block.len) as usize];
        assert!(plain(block, stored).is_some());
        for lie in [u64::MAX, u64::MAX >> 1, 1 << 40, MAX_BLOCK, block.plain + 1, block.plain - 1, 0] {
            assert_eq!(plain(&Entry { plain: lie, ..block.clone() }, stored), None, "{lie}");
        }
        // A segment of columns with one value: its rows are but a number.
        let mut tasks = vec![Task::default(); 5];
        let mut honest = Vec::new();
        segment::write(&mut tasks, &mut honest);
        assert_eq!(segment::Segment::open(honest.clone().into()).unwrap().rows(), 5);
        for rows in [segment::ROWS as u64 + 1, 1 << 40, u64::MAX] {
            let mut lying = Vec::new();
            put_u64(rows, &mut lying);
            lying.extend(&honest[1..]);
            assert!(segment::Segment::open(lying.into()).is_none(), "{rows}");
        }
    }
}
