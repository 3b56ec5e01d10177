//! `Streaming query made progress: {`: a report of a streaming query, pretty-printed over many lines,
//! put together again.

use crate::event::ProgressHead;

/// What Spark writes before a report.
const INTRODUCTION: &str = "Streaming query made progress: ";
/// The longest report that is taken, bytes without blanks.
const MAX_REPORT: usize = 16 << 20;

/// The part of a line with which a report begins.
pub(super) fn begin(line: &str) -> Option<&str> {
    let at = memchr::memmem::find(line.as_bytes(), INTRODUCTION.as_bytes())?;
    line.get(at + INTRODUCTION.len()..).map(str::trim_start).filter(|json| json.starts_with('{'))
}

/// What came of a line.
pub(super) enum Step {
    More,
    /// The report, without blanks.
    Done(String),
    /// It is no report, or too long.
    Broken,
}

/// A report as far as its lines were read.
#[derive(Default)]
pub(super) struct Collector {
    json: String,
    depth: u32,
    in_string: bool,
    escaped: bool,
}

impl Collector {
    pub(super) fn feed(&mut self, line: &str) -> Step {
        if self.in_string || self.json.len() + line.len() > MAX_REPORT {
            // A text does not go on in the next line.
            return Step::Broken;
        }
        for c in line.chars() {
            if self.in_string {
                self.json.push(c);
                match c {
                    _ if self.escaped => self.escaped = false,
                    '\\' => self.escaped = true,
                    '"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match c {
                ' ' | '\t' | '\r' => continue,
                '"' => self.in_string = true,
                '{' | '[' => self.depth += 1,
                '}' | ']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
            self.json.push(c);
            if self.depth == 0 {
                return self.done();
            }
        }
        Step::More
    }

    fn done(&mut self) -> Step {
        match serde_json::from_str::<ProgressHead<'_>>(&self.json) {
            Ok(_) => Step::Done(std::mem::take(&mut self.json)),
            Err(_) => Step::Broken,
        }
    }
}
