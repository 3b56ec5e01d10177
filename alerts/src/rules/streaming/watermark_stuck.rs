//! `watermark-stuck`: rows come in, and the watermark stands still.

use afterglow_history::date::date;

use crate::facts::{Facts, Stream, Watermark};
use crate::finding::{Advice, Evidence, Finding, Severity, Sure, Value};
use crate::report::time;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "watermark-stuck",
    family: Family::Streaming,
    title: "Rows come in, and the watermark stands still",
    page: include_str!("watermark_stuck.md"),
    judge,
};

/// Batches with rows while it stood still.
const BATCHES: i64 = 20;
/// Milliseconds that it stood still, and how many times longer than ever before.
const STOOD: i64 = 10 * 60_000;
const LONGER: i64 = 10;

fn judge(facts: &Facts, _: &Limits, verdict: &mut Verdict) {
    for stream in &facts.streams {
        // Without state nothing waits for the watermark.
        let (Some(w), Some(last)) = (stream.watermark, stream.last().filter(|b| !b.operators.is_empty())) else {
            continue;
        };
        let stood = last.time.saturating_sub(w.since);
        if !stuck(w, stood) {
            continue;
        }
        let never = w.at == 0;
        let summary = if never {
            format!("there is no watermark yet after {} and {} batches with rows", time(stood), w.batches)
        } else {
            format!("the watermark has not moved for {}, in which {} batches had rows", time(stood), w.batches)
        };
        let text = date(w.at).replace("GMT", "Z");
        let mut finding = Finding::new(Severity::Warning, stream.place(), summary)
            .evidence(Evidence::new("watermark", Value::Text(text), stream.report(last, "/eventTime/watermark")))
            .evidence(Evidence::derived("stands still for", Value::Millis(stood)))
            .evidence(Evidence::derived("batches with rows since then", Value::Count(w.batches)));
        if let Some(longest) = w.longest {
            finding = finding.evidence(Evidence::derived("stood still before, at most", Value::Millis(longest)));
        }
        verdict.find(advised(finding, stream, never));
    }
}

fn stuck(w: Watermark, stood: i64) -> bool {
    let unusual = w.at == 0 || w.longest.is_some_and(|l| stood >= l.saturating_mul(LONGER));
    w.batches >= BATCHES && stood >= STOOD && unusual
}

fn advised(finding: Finding, stream: &Stream, never: bool) -> Finding {
    let finding = if stream.sources.len() > 1 {
        let why = "with several sources the slowest one holds all back; max goes by the fastest, and drops what of the others is late";
        finding
            .sure(Sure::Likely)
            .advise(Advice::Do(
                "look for a source without new rows: it holds the watermark of the whole query back".into(),
            ))
            .advise(stream.set("spark.sql.streaming.multipleWatermarkPolicy", "max", why, (2, 4)))
    } else {
        finding
    };
    finding.advise(Advice::Do(if never {
        "look whether the column of the event time is null, or cannot be read as a time".into()
    } else {
        "look at the event times of new rows: they do not get any later".into()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_than_ever_before() {
        let w = |at, batches, longest| Watermark { at, since: 0, batches, longest };
        assert!(stuck(w(0, 20, None), STOOD));
        assert!(!stuck(w(0, 19, None), STOOD), "too few rows came to tell");
        assert!(!stuck(w(0, 20, None), STOOD - 1));
        assert!(stuck(w(1, 500, Some(60_000)), STOOD));
        assert!(!stuck(w(1, 500, Some(60_001)), STOOD), "event times by the minute");
        assert!(!stuck(w(1, 500, None), 24 * STOOD), "how often it moves is not known");
    }
}
