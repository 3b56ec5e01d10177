//! The JVM's unified logs of its garbage collector (`-Xlog:gc*`): G1, ZGC (with and without
//! generations), Parallel, Serial; Shenandoah's pauses as far as they are written alike.
//!
//! A line is decorations in brackets and a message; which decorations there are is the user's choice.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::time::stamp;
use super::{Pause, PauseKind, Summary};

/// A line of the garbage collector.
#[derive(Debug, PartialEq)]
pub(super) struct Line<'t> {
    /// Epoch milliseconds.
    pub time: Option<i64>,
    pub uptime_us: Option<i64>,
    pub message: &'t str,
}

/// Takes a line's decorations off; none for lines that are not the garbage collector's.
pub(super) fn decorated(text: &str) -> Option<Line<'_>> {
    if !text.starts_with('[') {
        return None;
    }
    let (mut time, mut uptime_us, mut level, mut tags) = (None, None, false, None);
    let mut rest = text;
    while let Some(inner) = rest.strip_prefix('[') {
        let (decoration, behind) = inner.split_once(']')?;
        rest = behind;
        let decoration = decoration.trim();
        if ["trace", "debug", "info", "warning", "error"].contains(&decoration) {
            level = true;
        } else if let Some(date) = stamp(decoration.as_bytes()).filter(|s| s.len == decoration.len()) {
            time = time.or(Some(date.ms));
        } else if let Some(us) = since(decoration) {
            // Of the epoch, if it is that long.
            const EPOCH: i64 = 100_000_000_000_000;
            if us >= EPOCH { time = time.or(Some(us / 1000)) } else { uptime_us = uptime_us.or(Some(us)) }
        } else if !decoration.is_empty() && decoration.bytes().all(|b| b.is_ascii_lowercase() || b == b',' || b == b'_')
        {
            tags = Some(decoration);
        }
    }
    let message = rest.strip_prefix(' ').unwrap_or(rest);
    let ours = match tags {
        Some(tags) => tags == "gc" || tags.starts_with("gc,"),
        None => {
            (level || time.is_some() || uptime_us.is_some())
                && (message.starts_with("GC(") || message.starts_with("Using ") || is_of_mappings(message))
        }
    };
    ours.then_some(Line { time, uptime_us, message })
}

/// Whether it is a line of ZGC's warning of the limit on mappings that says something: people show it without tags.
fn is_of_mappings(message: &str) -> bool {
    [HEAP, LIMIT].iter().any(|said| message.contains(said))
}

/// A number of seconds, milliseconds or nanoseconds as decorations have it, in microseconds.
fn since(decoration: &str) -> Option<i64> {
    if let Some(ns) = decoration.strip_suffix("ns") {
        return ns.parse::<i64>().ok().filter(|n| *n >= 0).map(|n| n / 1000);
    }
    if let Some(ms) = decoration.strip_suffix("ms") {
        return micros(ms, 1000);
    }
    decoration.strip_suffix('s').and_then(|s| micros(s, 1_000_000))
}

/// A decimal number of units of `unit` microseconds, exactly.
fn micros(text: &str, unit: i64) -> Option<i64> {
    let (whole, decimals) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(decimals) {
        return None;
    }
    let mut us = whole.parse::<i64>().ok()?.checked_mul(unit)?;
    let mut place = unit;
    for d in decimals.bytes() {
        place /= 10;
        us = us.checked_add(i64::from(d - b'0') * place)?;
    }
    Some(us)
}

/// Collections whose cause is remembered: they overlap, but few of them.
const OPEN: usize = 8;
/// Warnings kept of a log.
const MAX_WARNINGS: usize = 16;
/// Lines of several threads may be so much out of order, microseconds. More is another JVM, or a piece that was
/// written again: Spark's workers do that with the end of an executor's log when they kill it.
const DISORDER: i64 = 1_000_000;
/// Lines that are remembered, not to be counted when they are repeated.
const REPEATED: usize = 256;

/// What says the heap, and what the limit, in ZGC's warning of the limit on mappings.
const HEAP: &str = "max Java heap size (";
const LIMIT: &str = " mappings (current limit is ";
/// What a log of ZGC that was not asked for phases lacks.
const UNTOLD: &str = "the log has collections of ZGC and not its pauses: log them with -Xlog:gc*";

/// Names of collectors as the JVM announces them, and as we call them.
const COLLECTORS: [(&str, &str); 6] = [
    ("G1", "G1"),
    ("The Z Garbage Collector", "ZGC"),
    ("Parallel", "Parallel"),
    ("Serial", "Serial"),
    ("Shenandoah", "Shenandoah"),
    ("Epsilon", "Epsilon"),
];

/// What a young pause of G1, or a pause of generational ZGC, is called beside its cause.
const VARIANTS: [&str; 7] =
    ["Normal", "Mixed", "Prepare Mixed", "Concurrent Start", "Concurrent End", "Major", "Minor"];

/// What earlier lines told that later ones need.
#[derive(Default)]
pub(super) struct Gc {
    collector: Option<&'static str>,
    /// Causes of collections by their number.
    causes: VecDeque<(u64, String)>,
    /// Pauses that began and have not ended.
    open: Vec<u64>,
    jvm: Jvm,
    /// Hashes of the latest lines.
    latest: VecDeque<u64>,
    /// The line before was a repetition.
    repeating: bool,
    /// Of JVMs before this one.
    earlier_us: i64,
    /// The heap that ZGC is about to warn of, MiB.
    warned_heap: Option<u64>,
}

/// One run of a JVM: several may write to the same file.
#[derive(Default)]
struct Jvm {
    /// When it started, epoch microseconds, once a line has both times.
    start_us: Option<i64>,
    uptime: Option<(i64, i64)>,
    time: Option<(i64, i64)>,
}

impl Jvm {
    fn span(&self) -> Option<i64> {
        let of = |(first, last): (i64, i64)| last.saturating_sub(first).max(0);
        self.uptime.map(of).or_else(|| self.time.map(|t| of(t).saturating_mul(1000)))
    }
}

impl Gc {
    /// Takes a line; gives the pause that it ends.
    pub(super) fn line(&mut self, line: &Line<'_>, summary: &mut Summary) -> Option<Pause> {
        let back = self.follow(line);
        if self.is_repeated(line, back) {
            return None;
        }
        let message = line.message;
        let Some((id, body)) = numbered(message) else {
            self.of_jvm(message, summary);
            return None;
        };
        if let Some(body) = body.strip_prefix("Pause ") {
            return self.pause(id, body, line, summary);
        }
        let cycle = ["Garbage Collection (", "Major Collection (", "Minor Collection ("];
        if let Some(cause) =
            cycle.iter().find_map(|c| body.strip_prefix(c)).and_then(|rest| within(rest).map(|(c, _)| c))
        {
            self.collector.get_or_insert("ZGC");
            if body.contains("->") {
                summary.concurrent_cycles += 1;
            } else {
                self.causes.push_back((id, cause.to_owned()));
                if self.causes.len() > OPEN {
                    self.causes.pop_front();
                }
            }
        } else if body.starts_with("Concurrent ") && body.ends_with("ms") {
            let g1 = ["Concurrent Mark Cycle ", "Concurrent Undo Cycle ", "Concurrent Cycle "];
            summary.concurrent_cycles += u64::from(g1.iter().any(|c| body.starts_with(c)));
        }
        None
    }

    /// Whether a line is of a piece that was here before. Equal lines alone do not say so: ZGC has some in one
    /// millisecond.
    fn is_repeated(&mut self, line: &Line<'_>, back: bool) -> bool {
        let mut hasher = DefaultHasher::new();
        (line.time, line.uptime_us, line.message).hash(&mut hasher);
        let hash = hasher.finish();
        self.repeating = (back || self.repeating) && self.latest.contains(&hash);
        if !self.repeating {
            self.latest.push_back(hash);
            if self.latest.len() > REPEATED {
                self.latest.pop_front();
            }
        }
        self.repeating
    }

    /// The log has ended.
    pub(super) fn finish(&self, summary: &mut Summary) {
        summary.collector = self.collector.map(str::to_owned);
        if self.collector == Some("ZGC") && summary.concurrent_cycles > 0 && summary.gc.count == 0 {
            summary.warnings.push(UNTOLD.to_owned());
        }
        if let Some(heap) = self.warned_heap {
            // The log ends in the middle of the warning.
            summary.warnings.push(warning(Some(heap), needed_mappings(heap), "fewer"));
        }
        summary.uptime_us = self.jvm.span().map(|us| us.saturating_add(self.earlier_us));
    }

    /// Keeps account of time; whether the line lies before one that was read.
    fn follow(&mut self, line: &Line<'_>) -> bool {
        let grown = |span: Option<(i64, i64)>, t: i64| span.map_or((t, t), |(a, b)| (a, b.max(t)));
        if let (Some(now), Some((_, last))) = (line.uptime_us, self.jvm.uptime)
            && now < last - DISORDER
            && (announced(line.message).is_some() || now < last / 2)
        {
            self.earlier_us = self.earlier_us.saturating_add(self.jvm.span().unwrap_or(0));
            (self.jvm, self.collector) = (Jvm::default(), None);
            self.causes.clear();
            self.latest.clear();
            self.open.clear();
        }
        let behind = |span: Option<(i64, i64)>, t: Option<i64>| span.zip(t).is_some_and(|((_, last), t)| t < last);
        let back = behind(self.jvm.uptime, line.uptime_us) || behind(self.jvm.time, line.time);
        if let Some(now) = line.uptime_us {
            self.jvm.uptime = Some(grown(self.jvm.uptime, now));
        }
        if let Some(now) = line.time {
            self.jvm.time = Some(grown(self.jvm.time, now));
        }
        if let (Some(time), Some(uptime)) = (line.time, line.uptime_us) {
            self.jvm.start_us = time.checked_mul(1000).and_then(|t| t.checked_sub(uptime));
        }
        back
    }

    /// A message that belongs to no collection.
    fn of_jvm(&mut self, message: &str, summary: &mut Summary) {
        if let Some(name) = announced(message) {
            let known = COLLECTORS.iter().find(|(n, _)| name.trim_end() == *n);
            self.collector = known.map(|(_, ours)| *ours).or(self.collector);
        } else if let Some(rest) = message.strip_prefix("Allocation Stall (")
            && let Some(us) = within(rest).and_then(|(_, d)| micros(d.trim().strip_suffix("ms")?, 1000))
        {
            summary.stalls.add(us);
        }
        if let Some((_, rest)) = message.split_once(HEAP) {
            self.warned_heap = rest.split_once("M)").and_then(|(mib, _)| mib.parse().ok());
        }
        if let Some(warning) = self.mappings(message)
            && summary.warnings.len() < MAX_WARNINGS
            && !summary.warnings.contains(&warning)
        {
            summary.warnings.push(warning);
        }
    }

    /// ZGC's warning of the limit on mappings of memory, which it writes over several lines, and others bring in one.
    fn mappings(&mut self, message: &str) -> Option<String> {
        let (before, rest) = message.split_once(LIMIT)?;
        let needed = before.rsplit(' ').next()?;
        let (limit, _) = rest.split_once(')')?;
        let (needed, limit) = (needed.parse::<u64>().ok()?, limit.parse::<u64>().ok()?);
        Some(warning(self.warned_heap.take(), needed, &limit.to_string()))
    }

    /// The start or the end of a pause.
    fn pause(&mut self, id: u64, body: &str, line: &Line<'_>, summary: &mut Summary) -> Option<Pause> {
        let ended = body.rsplit_once(' ').and_then(|(rest, d)| Some((rest, micros(d.strip_suffix("ms")?, 1000)?)));
        let Some((rest, duration_us)) = ended else {
            if self.open.len() < OPEN {
                self.open.push(id);
            }
            return None;
        };
        if let Some(at) = self.open.iter().rposition(|open| *open == id) {
            self.open.truncate(at);
        }
        let (rest, heap) = match rest.rsplit_once(' ').and_then(|(r, h)| Some((r, sizes(h)?))) {
            Some((rest, heap)) => (rest, Some(heap)),
            None => (rest, None),
        };
        let (name, cause) = named(rest);
        let of_cycle = || self.causes.iter().rev().find(|(of, _)| *of == id).map(|(_, c)| c.clone());
        let from_start = || Some(self.jvm.start_us?.checked_add(line.uptime_us?)? / 1000);
        let pause = Pause {
            time: line.time.or_else(from_start),
            uptime_us: line.uptime_us,
            kind: PauseKind::Gc,
            collector: self.collector.map(str::to_owned),
            name: Some(name),
            cause: cause.or_else(of_cycle),
            duration_us,
            heap_before: heap.map(|h| h.0),
            heap_after: heap.map(|h| h.1),
            heap_capacity: heap.map(|h| h.2),
            nested: !self.open.is_empty(),
        };
        if !pause.nested {
            summary.gc.add(duration_us);
        }
        Some(pause)
    }
}

/// What too low a limit on mappings means, and what to do.
fn warning(heap: Option<u64>, needed: u64, limit: &str) -> String {
    let heap = heap.map_or("its heap".to_owned(), |mib| format!("a heap of {mib} MiB"));
    format!(
        "ZGC may need {needed} mappings of memory for {heap}, and vm.max_map_count allows {limit}: \
         allocation may fail early; set vm.max_map_count to {needed} or more on the node"
    )
}

/// The collector that a JVM names when it starts.
fn announced(message: &str) -> Option<&str> {
    message.strip_prefix("Using ").or_else(|| message.strip_prefix("Initializing "))
}

/// `GC(7) y: Pause Mark Start`: the collection's number, and what is said of it.
fn numbered(message: &str) -> Option<(u64, &str)> {
    let (id, body) = message.strip_prefix("GC(")?.split_once(')')?;
    let body = body.trim_start();
    // Of which generation: `Y` young of a major collection, `y` young, `O` old.
    let body = ["Y: ", "y: ", "O: "].iter().find_map(|g| body.strip_prefix(g)).unwrap_or(body);
    Some((id.parse().ok()?, body.trim()))
}

/// What stands before the parenthesis that closes one opened before `text`, and what stands behind it.
fn within(text: &str) -> Option<(&str, &str)> {
    let mut depth = 1;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((&text[..at], &text[at + 1..]));
        }
    }
    None
}

/// `Young (Mixed) (G1 Evacuation Pause)`: the name of a pause, and its cause where it has one.
fn named(text: &str) -> (String, Option<String>) {
    let Some((plain, mut rest)) = text.split_once('(') else { return (text.trim().to_owned(), None) };
    let (mut name, mut cause) = (plain.trim().to_owned(), None);
    while let Some((group, behind)) = within(rest) {
        if cause.is_none() && !VARIANTS.contains(&group) {
            cause = Some(group.to_owned());
        } else {
            name.push_str(&format!(" ({group})"));
        }
        match behind.split_once('(') {
            Some((_, next)) => rest = next,
            None => break,
        }
    }
    (name, cause)
}

/// `23M->4M(256M)` in bytes.
fn sizes(text: &str) -> Option<(i64, i64, i64)> {
    let (before, rest) = text.split_once("->")?;
    let (after, capacity) = rest.strip_suffix(')')?.split_once('(')?;
    Some((size(before)?, size(after)?, size(capacity)?))
}

fn size(text: &str) -> Option<i64> {
    let unit = match text.as_bytes().last()? {
        b'B' => 0,
        b'K' => 10,
        b'M' => 20,
        b'G' => 30,
        b'T' => 40,
        _ => return None,
    };
    let digits = &text[..text.len() - 1];
    let number = digits.parse::<i64>().ok().filter(|_| digits.bytes().all(|b| b.is_ascii_digit()))?;
    number.checked_mul(1 << unit)
}

/// Mappings of memory that ZGC asks the kernel to allow for a heap of so many MiB: three for each
/// granule of 2 MiB, and a fifth more for the rest of the process.
pub fn needed_mappings(max_heap_mib: u64) -> u64 {
    (max_heap_mib / 2).saturating_mul(36) / 10
}
