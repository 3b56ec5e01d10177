//! Reads, parses and applies a log with several threads. Threads take blocks in turn, parse them
//! side by side, and apply them in the order of the log: parsing, which is most of the work, has
//! no order; the fold has.

use std::io;
use std::sync::{Condvar, Mutex, PoisonError};

use afterglow_ingest::{Block, LogReader, Position, event};

use crate::state::Attempt;
use crate::store::part::PartWriter;
use crate::store::segment::ROWS;
use crate::store::snapshot::write_rows;

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
}

#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    #[error("{}", afterglow_ingest::source::explain(.0))]
    Read(object_store::Error),
    #[error("scratch folder: {0}")]
    Write(#[from] io::Error),
    #[error("a thread failed")]
    Thread,
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

/// Reads `reader` to its end into `work`, with so many threads; gives the bytes fetched.
/// Blocks: call from a thread that may.
pub fn run(reader: LogReader, work: &mut Work, threads: usize) -> Result<u64, PipelineError> {
    let input = Mutex::new(Input { reader, next: 0, ended: false });
    let output = Mutex::new(Output { work, turn: 0, failed: None });
    let turned = Condvar::new();
    if threads <= 1 {
        worker(&input, &output, &turned);
    }
    std::thread::scope(|scope| {
        let mut all = Vec::new();
        for _ in 0..if threads > 1 { threads } else { 0 } {
            let builder = std::thread::Builder::new().name("parse".into()).stack_size(STACK);
            all.push(builder.spawn_scoped(scope, || worker(&input, &output, &turned))?);
        }
        for thread in all {
            thread.join().map_err(|_| PipelineError::Thread)?;
        }
        Ok::<_, PipelineError>(())
    })?;
    let output = output.into_inner().unwrap_or_else(PoisonError::into_inner);
    match output.failed {
        Some(e) => Err(e),
        None => Ok(input.into_inner().unwrap_or_else(PoisonError::into_inner).reader.bytes),
    }
}

fn worker(input: &Mutex<Input>, output: &Mutex<Output<'_>>, turned: &Condvar) {
    loop {
        let taken = {
            let Ok(mut input) = input.lock() else { return };
            if input.ended {
                return;
            }
            let block = input.reader.next_block();
            let ticket = input.next;
            input.next += 1;
            input.ended = !matches!(block, Ok(Some(_)));
            (ticket, block)
        };
        let (ticket, block) = taken;
        let block = match block {
            Ok(None) => return,
            Ok(Some(block)) => Ok(block),
            Err(e) => Err(PipelineError::Read(e)),
        };
        let parsed: Vec<_> =
            block.as_ref().map(|b| b.lines().map(|l| (l, event::parse(l))).collect()).unwrap_or_default();
        let Ok(mut out) = output.lock() else { return };
        while out.turn != ticket && out.failed.is_none() {
            match turned.wait(out) {
                Ok(back) => out = back,
                Err(_) => return,
            }
        }
        let result = match &block {
            _ if out.failed.is_some() => Ok(()),
            Ok(block) => out.work.apply(block, &parsed),
            Err(_) => Ok(()),
        };
        let failure = block.err().or(result.err().map(PipelineError::Write));
        if out.failed.is_none() {
            out.failed = failure;
        }
        out.turn += 1;
        let stop = out.failed.is_some() || out.work.no_log;
        turned.notify_all();
        drop(out);
        if stop {
            if let Ok(mut input) = input.lock() {
                input.ended = true;
            }
            return;
        }
    }
}

impl Work {
    fn apply(
        &mut self,
        block: &Block,
        parsed: &[(&[u8], Result<event::Event<'_>, event::LineError>)],
    ) -> io::Result<()> {
        if self.no_log {
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
