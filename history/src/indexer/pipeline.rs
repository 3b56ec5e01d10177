//! Reads, parses and applies a log with several threads. Threads take blocks in turn, parse them
//! side by side, and apply them in the order of the log: parsing, which is most of the work, has
//! no order; the fold has.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use afterglow_ingest::{Block, LogReader, Position, event};

use crate::state::Attempt;
use crate::store::part::PartWriter;
use crate::store::segment::ROWS;
use crate::store::snapshot::write_rows;
use crate::store::too_long;

/// Parsing a plan recurses as deep as the plan.
const STACK: usize = 64 << 20;
/// Lines that may be no events before a file without any event is taken for something else.
const TRIED: u64 = 10;

/// What a reading changes.
pub struct Work {
    pub attempt: Attempt,
    pub part: PartWriter,
    /// Number of the next progress report.
    pub next_progress: i64,
    pub position: Position,
    pub events: u64,
    pub lines: u64,
    pub plain: u64,
    /// The file turned out to be no event log; reading stopped.
    pub no_log: bool,
    /// Why what it tells cannot be stored; reading stopped.
    pub refused: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    #[error("{}", afterglow_ingest::source::explain(.0))]
    Read(object_store::Error),
    #[error("scratch folder: {0}")]
    Write(#[from] io::Error),
    /// A fault of ours, which the log brings about: it will again.
    #[error("reading it failed by a fault of Afterglow's: {0}; please report it")]
    Panicked(String),
}

impl PipelineError {
    fn panicked(what: &(dyn Any + Send)) -> PipelineError {
        let text = what.downcast_ref::<String>().map(String::as_str).or(what.downcast_ref::<&str>().copied());
        PipelineError::Panicked(text.unwrap_or("a panic without a word").to_owned())
    }
}

struct Input {
    reader: LogReader,
    next: u64,
    ended: bool,
}

struct Output<'w> {
    work: &'w mut Work,
    turn: u64,
    failed: Option<PipelineError>,
}

/// What the lines of a block are, in order.
type Parsed<'a> = Vec<(&'a [u8], Result<event::Event<'a>, event::LineError>)>;

type Parser = for<'a> fn(&'a Block) -> Parsed<'a>;

fn parse(block: &Block) -> Parsed<'_> {
    block.lines().map(|l| (l, event::parse(l))).collect()
}

/// Reads `reader` to its end into `work`, with so many threads; gives it back.
/// Blocks: call from a thread that may.
pub fn run(reader: LogReader, work: &mut Work, threads: usize) -> Result<LogReader, PipelineError> {
    run_with(reader, work, threads, parse)
}

fn run_with(reader: LogReader, work: &mut Work, threads: usize, parse: Parser) -> Result<LogReader, PipelineError> {
    let input = Mutex::new(Input { reader, next: 0, ended: false });
    let output = Mutex::new(Output { work, turn: 0, failed: None });
    let turned = Condvar::new();
    if threads <= 1 {
        worker(&input, &output, &turned, parse);
    }
    std::thread::scope(|scope| {
        for _ in 0..if threads > 1 { threads } else { 0 } {
            let builder = std::thread::Builder::new().name("parse".into()).stack_size(STACK);
            builder.spawn_scoped(scope, || worker(&input, &output, &turned, parse))?;
        }
        Ok::<_, PipelineError>(())
    })?;
    match output.into_inner().unwrap_or_else(PoisonError::into_inner).failed {
        Some(e) => Err(e),
        None => Ok(input.into_inner().unwrap_or_else(PoisonError::into_inner).reader),
    }
}

/// No panic leaves a lock behind: all that may panic is caught.
fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does something that may panic.
fn guarded<T>(what: impl FnOnce() -> T) -> Result<T, PipelineError> {
    catch_unwind(AssertUnwindSafe(what)).map_err(|panic| PipelineError::panicked(&*panic))
}

fn worker(input: &Mutex<Input>, output: &Mutex<Output<'_>>, turned: &Condvar, parse: Parser) {
    while let Some((ticket, block)) = take(input) {
        let done = block.and_then(|block| {
            let parsed = guarded(|| parse(&block))?;
            let mended = guarded(|| mended(&parsed))?;
            let (parsed, again) = guarded(|| with_mended(parsed, &mended))?;
            in_turn(ticket, output, turned, |work| {
                work.attempt.completeness.mended_lines += again;
                guarded(|| work.apply(&block, &parsed))?.map_err(PipelineError::Write)
            })
        });
        // Others wait for their turn, which may not come any more: they must hear of it.
        let more = done.unwrap_or_else(|e| {
            lock(output).failed.get_or_insert(e);
            turned.notify_all();
            false
        });
        if !more {
            lock(input).ended = true;
        }
    }
}

/// Lines that one character keeps from being events, with their places and without that character.
fn mended(parsed: &Parsed<'_>) -> Vec<(usize, Vec<u8>)> {
    let of_characters = |e: &event::LineError| matches!(e, event::LineError::Utf8 | event::LineError::Json(_));
    let lines = parsed.iter().enumerate().filter(|(_, (_, result))| result.as_ref().is_err_and(of_characters));
    lines.filter_map(|(i, (line, _))| Some((i, event::mended(line)?))).collect()
}

/// What was parsed, with the events of mended lines, and how many these are.
fn with_mended<'a>(mut parsed: Parsed<'a>, mended: &'a [(usize, Vec<u8>)]) -> (Parsed<'a>, i64) {
    let mut events = 0;
    for (i, line) in mended {
        if let Ok(event) = event::parse(line) {
            parsed[*i].1 = Ok(event);
            events += 1;
        }
    }
    (parsed, events)
}

/// The next block, with its number; none at the end.
fn take(input: &Mutex<Input>) -> Option<(u64, Result<Block, PipelineError>)> {
    let mut input = lock(input);
    if input.ended {
        return None;
    }
    let block = guarded(|| input.reader.next_block()).and_then(|read| read.map_err(PipelineError::Read)).transpose();
    input.ended = !matches!(block, Some(Ok(_)));
    let ticket = input.next;
    input.next += 1;
    block.map(|block| (ticket, block))
}

/// Does something when it is the turn of `ticket`; gives whether reading goes on.
fn in_turn(
    ticket: u64,
    output: &Mutex<Output<'_>>,
    turned: &Condvar,
    apply: impl FnOnce(&mut Work) -> Result<(), PipelineError>,
) -> Result<bool, PipelineError> {
    let mut out = lock(output);
    while out.turn != ticket && out.failed.is_none() {
        out = turned.wait(out).unwrap_or_else(PoisonError::into_inner);
    }
    if out.failed.is_some() {
        return Ok(false);
    }
    apply(out.work)?;
    out.turn += 1;
    turned.notify_all();
    Ok(!out.work.no_log && out.work.refused.is_none())
}

impl Work {
    fn apply(&mut self, block: &Block, parsed: &Parsed<'_>) -> io::Result<()> {
        if self.no_log || self.refused.is_some() {
            return Ok(());
        }
        let last = parsed.len().wrapping_sub(1);
        for (i, (line, result)) in parsed.iter().enumerate() {
            self.lines += 1;
            match result {
                Ok(event) => {
                    self.events += 1;
                    self.attempt.apply(event);
                }
                Err(_) if i == last && block.unterminated => self.attempt.completeness.torn_tail = true,
                Err(e) => self.damaged_line(line, e),
            }
            if self.events == 0 && self.lines >= TRIED {
                self.no_log = true;
                return Ok(());
            }
            if self.attempt.waiting_tasks() >= ROWS {
                write_rows(&mut self.part, self.attempt.take_rows(), &mut self.next_progress)?;
            }
        }
        for damage in &block.damage {
            let c = &mut self.attempt.completeness;
            if damage.torn {
                c.torn_tail = true;
            } else {
                c.damaged_blocks += 1;
                c.first_damage.get_or_insert_with(|| format!("{}: {}", damage.place, damage.what));
            }
        }
        let app = &self.attempt.application;
        self.refused = too_long(&app.id, app.attempt_id.as_deref());
        self.plain += block.len() as u64;
        self.position = block.end.clone();
        write_rows(&mut self.part, self.attempt.take_rows(), &mut self.next_progress)
    }

    fn damaged_line(&mut self, line: &[u8], e: &event::LineError) {
        let n = self.lines;
        let c = &mut self.attempt.completeness;
        c.damaged_lines += 1;
        c.first_damage.get_or_insert_with(|| {
            let start: String = String::from_utf8_lossy(&line[..line.len().min(60)]).into_owned();
            format!("line {n} ({start:?}…): {e}")
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use afterglow_ingest::EventLog;
    use afterglow_ingest::log::{Layout, Part};
    use object_store::{ObjectStore, ObjectStoreExt as _, memory::InMemory, path::Path};

    use super::*;
    use crate::redact::{Redactor, SPARK_DEFAULT};

    /// Reads some megabytes of lines, one of which may be fatal.
    async fn read(threads: usize, fatal: bool) -> Result<u64, PipelineError> {
        fn parse_or_panic(block: &Block) -> Parsed<'_> {
            block.lines().for_each(|l| assert!(!l.ends_with(b"fatal"), "a line that nobody thought of"));
            parse(block)
        }
        let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let line = format!("{{\"Event\":\"E\",\"x\":\"{}\"}}\n", "y".repeat(500));
        let mut text = line.repeat(10_000);
        text.push_str(if fatal { "fatal\n" } else { "\n" });
        text.push_str(&line.repeat(10_000));
        let part = Part { index: 0, path: Path::from("a"), size: text.len() as u64, etag: None, modified: 0 };
        objects.put(&part.path, text.into()).await.unwrap();
        let (key, layout, parts, missing) = ("a".to_owned(), Layout::Single, vec![part], Vec::new());
        let log = EventLog { key, layout, parts, in_progress: false, missing, compacted: false };
        let reader = LogReader::open(objects, &log, &Position::default(), true);
        let mut work = Work {
            attempt: Attempt::new(Arc::new(Redactor::new(SPARK_DEFAULT).unwrap())),
            part: PartWriter::new(&std::env::temp_dir()),
            next_progress: 0,
            position: Position::default(),
            events: 0,
            lines: 0,
            plain: 0,
            no_log: false,
            refused: None,
        };
        let reading = tokio::task::spawn_blocking(move || {
            run_with(reader, &mut work, threads, parse_or_panic).map(|_| work.events)
        });
        tokio::time::timeout(std::time::Duration::from_secs(60), reading).await.expect("nobody waits for ever").unwrap()
    }

    #[tokio::test]
    async fn a_thread_that_panics_ends_the_reading_and_nobody_waits_for_it() {
        for threads in [1, 2, 4] {
            assert_eq!(read(threads, false).await.unwrap(), 20_000);
            let failed = read(threads, true).await.unwrap_err();
            assert!(matches!(&failed, PipelineError::Panicked(what) if what.contains("nobody thought of")), "{failed}");
        }
    }
}
