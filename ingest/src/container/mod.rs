//! Container logs: what drivers and executors write to their standard streams, read for what the event
//! log does not have. In: lines, and the path of the object they are from. Out: [`Finding`]s, in order,
//! and a [`Summary`].
//!
//! [`place`] says whose a log is, `envelope` takes off what log shippers put around lines, `report`
//! puts together the progress of streaming queries, `monitor` reads Hadoop's `JvmPauseMonitor`, `gc`
//! the JVM's unified logs. No bytes are an error: what is not understood is passed by.

mod envelope;
mod gc;
mod monitor;
pub mod place;
mod report;
mod time;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub use gc::needed_mappings;
pub use place::{Place, Role};

use gc::Gc;
use monitor::Monitor;
use report::{Collector, Step};

/// What a line, or some of them, told.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// A progress report of a streaming query: JSON without blanks between its tokens.
    Report(String),
    Pause(Pause),
}

/// Who noticed a pause.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PauseKind {
    /// The JVM's own log of its garbage collector.
    #[default]
    Gc,
    /// Hadoop's thread that sleeps and sees whether it overslept.
    JvmPauseMonitor,
}

/// A time in which no thread of the application ran.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pause {
    /// When it was logged, which is at its end; epoch milliseconds. None where the log has no dates.
    pub time: Option<i64>,
    /// The same in microseconds since the JVM started, where the log has it.
    pub uptime_us: Option<i64>,
    pub kind: PauseKind,
    /// `G1`, `ZGC`, `Parallel`, `Serial`, `Shenandoah`; of the monitor, the pools that collected then.
    pub collector: Option<String>,
    /// What the JVM calls it: `Young (Mixed)`, `Remark`, `Mark Start`.
    pub name: Option<String>,
    pub cause: Option<String>,
    /// Microseconds.
    pub duration_us: i64,
    /// Bytes.
    pub heap_before: Option<i64>,
    pub heap_after: Option<i64>,
    pub heap_capacity: Option<i64>,
    /// It lies within another pause, which is logged after it and holds its time.
    pub nested: bool,
}

/// How often and how long something happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    pub count: u64,
    /// Microseconds.
    pub total_us: i64,
    pub longest_us: i64,
}

impl Totals {
    fn add(&mut self, duration_us: i64) {
        self.count += 1;
        self.total_us = self.total_us.saturating_add(duration_us);
        self.longest_us = self.longest_us.max(duration_us);
    }
}

/// What a whole log came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    /// The first and the last date in it, epoch milliseconds.
    pub first_time: Option<i64>,
    pub last_time: Option<i64>,
    pub collector: Option<String>,
    /// From the first to the last line of the garbage collector, microseconds, summed over JVMs; none without such lines.
    pub uptime_us: Option<i64>,
    /// Pauses of the garbage collector, those within others not counted.
    pub gc: Totals,
    /// Pauses of `JvmPauseMonitor`.
    pub monitor: Totals,
    /// Collections beside the running application, which are no pauses.
    pub concurrent_cycles: u64,
    /// Threads that waited for ZGC to free memory.
    pub stalls: Totals,
    /// Progress reports.
    pub reports: u64,
    /// Progress reports that were cut off or are no JSON.
    pub broken_reports: u64,
    /// What the JVM warned of, each once.
    pub warnings: Vec<String>,
}

/// Reads one container log, line by line. Holds one report at most.
#[derive(Default)]
pub struct Reader {
    summary: Summary,
    gc: Gc,
    monitor: Monitor,
    report: Option<Collector>,
}

impl Reader {
    /// Takes a line without its end; `found` gets what it completes.
    pub fn line(&mut self, line: &[u8], found: &mut Vec<Finding>) {
        let text = blanks(String::from_utf8_lossy(line));
        match envelope::open(&text) {
            Some(inner) => inner.text.lines().for_each(|l| self.inner(l, inner.time, found)),
            None => self.inner(&text, None, found),
        }
    }

    /// The log has ended.
    pub fn finish(mut self, found: &mut Vec<Finding>) -> Summary {
        if self.report.take().is_some() {
            self.summary.broken_reports += 1;
        }
        self.monitored(found);
        self.gc.finish(&mut self.summary);
        self.summary
    }

    fn inner(&mut self, text: &str, outer: Option<i64>, found: &mut Vec<Finding>) {
        if let Some(line) = gc::decorated(text) {
            self.seen(line.time);
            if let Some(pause) = self.gc.line(&line, &mut self.summary) {
                found.push(Finding::Pause(pause));
            }
            return;
        }
        let stamp = time::stamp(text.as_bytes());
        let time = stamp.as_ref().map(|s| s.ms).or(outer);
        self.seen(time);
        if let Some(mut report) = self.report.take() {
            if stamp.is_none() {
                let step = report.feed(text);
                return self.collected(report, step, found);
            }
            // The logger began a new line: nothing follows.
            self.summary.broken_reports += 1;
        }
        if self.monitor.goes_on(text) {
            return;
        }
        self.monitored(found);
        if let Some(json) = report::begin(text) {
            let mut report = Collector::default();
            let step = report.feed(json);
            self.collected(report, step, found);
        } else {
            self.monitor.begin(text, time);
        }
    }

    fn seen(&mut self, time: Option<i64>) {
        self.summary.first_time = self.summary.first_time.or(time);
        self.summary.last_time = self.summary.last_time.max(time);
    }

    fn collected(&mut self, report: Collector, step: Step, found: &mut Vec<Finding>) {
        match step {
            Step::More => self.report = Some(report),
            Step::Done(json) => {
                self.summary.reports += 1;
                found.push(Finding::Report(json));
            }
            Step::Broken => self.summary.broken_reports += 1,
        }
    }

    fn monitored(&mut self, found: &mut Vec<Finding>) {
        if let Some(pause) = self.monitor.take() {
            self.summary.monitor.add(pause.duration_us);
            found.push(Finding::Pause(pause));
        }
    }
}

/// No-break spaces as plain ones: texts that went through a web page have them.
fn blanks(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.contains('\u{a0}') { Cow::Owned(text.replace('\u{a0}', " ")) } else { text }
}
