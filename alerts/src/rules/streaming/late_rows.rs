//! `late-rows-dropped`: the watermark drops rows that come too late.

use crate::facts::{Batch, Facts, Stream};
use crate::finding::{Advice, Evidence, Finding, Severity, Sure, Value};
use crate::lack::Lack;
use crate::report::time;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "late-rows-dropped",
    family: Family::Streaming,
    title: "Rows are dropped since they come after the watermark",
    page: include_str!("late_rows.md"),
    judge,
};

/// Of the rows read, from which it is told, and from which it is much.
const SOME: f64 = 0.001;
const MUCH: f64 = 0.01;
/// Fewer are not worth a word.
const ROWS: f64 = 100.0;
/// A watermark so far ahead of the clock comes of wrong event times, milliseconds.
const AHEAD: i64 = 3_600_000;

fn judge(facts: &Facts, _: &Limits, verdict: &mut Verdict) {
    let untold = |s: &Stream| s.watermark.is_some() && s.operators().any(|(_, o)| o.dropped.is_none());
    if facts.streams.iter().any(untold) {
        verdict.not_known("whether rows come after the watermark", Lack::LateRows);
    }
    for stream in &facts.streams {
        for (i, sums) in stream.totals.operators.iter().enumerate() {
            let share = sums.dropped / stream.totals.rows.max(1.0);
            if sums.dropped < ROWS || share < SOME {
                continue;
            }
            verdict.find(finding(stream, i, sums.dropped, share));
        }
    }
}

fn finding(stream: &Stream, operator: usize, dropped: f64, share: f64) -> Finding {
    let severity = if share >= MUCH { Severity::Warning } else { Severity::Info };
    let of = |b: &Batch| b.operators.get(operator).and_then(|o| o.dropped).unwrap_or(0.0);
    let held = stream.recent.iter().chain(&stream.course);
    let worst = held.filter(|b| of(b) > 0.0).max_by(|a, b| of(a).total_cmp(&of(b)));
    let name = worst.and_then(|b| b.operators.get(operator)).map_or("a stateful operator", |o| &o.name);
    let summary = format!(
        "{name} dropped {dropped:.0} rows that came after the watermark, {:.1} for 100 rows read",
        share * 100.0
    );
    let mut finding = Finding::new(severity, stream.place(), summary).sure(Sure::Certain);
    if let Some(b) = worst {
        let pointer = format!("/stateOperators/{operator}/numRowsDroppedByWatermark");
        finding = finding
            .evidence(Evidence::derived("rows dropped", Value::Count(dropped as i64)))
            .evidence(Evidence::new("rows dropped in a batch", Value::Count(of(b) as i64), stream.report(b, &pointer)));
    }
    finding = finding.evidence(Evidence::derived("rows read", Value::Count(stream.totals.rows as i64)));
    let ahead = stream.watermark.zip(stream.last()).map_or(0, |(w, b)| w.at.saturating_sub(b.time));
    if ahead >= AHEAD {
        let what = format!(
            "the watermark is {} ahead of the clock: keep rows with event times in the future from the query",
            time(ahead)
        );
        return finding.advise(Advice::Do(what));
    }
    finding.advise(Advice::Do(
        "if these rows are wanted, let withWatermark wait for longer; the state grows with it".into(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::OperatorTotals;

    fn severity(dropped: f64, rows: f64) -> Option<Severity> {
        let mut stream = Stream::default();
        stream.totals.rows = rows;
        stream.totals.operators = vec![OperatorTotals { dropped, ..OperatorTotals::default() }];
        let mut verdict = Verdict::default();
        judge(&Facts { streams: vec![stream], ..Facts::default() }, &Limits::default(), &mut verdict);
        verdict.findings.first().map(|f| f.severity)
    }

    #[test]
    fn by_share_of_rows_read() {
        assert_eq!(severity(0.0, 0.0), None);
        assert_eq!(severity(99.0, 1_000.0), None);
        assert_eq!(severity(100.0, 100_001.0), None);
        assert_eq!(severity(100.0, 100_000.0), Some(Severity::Info));
        assert_eq!(severity(100.0, 10_000.0), Some(Severity::Warning));
    }

    #[test]
    fn what_reports_do_not_have_is_not_known() {
        use crate::facts::{Batch, Operator, Watermark};
        let lacks = |watermark: Option<Watermark>, dropped: Option<f64>| {
            let operators = vec![Operator { dropped, ..Operator::default() }];
            let recent = [Batch { operators, ..Batch::default() }].into();
            let mut verdict = Verdict::default();
            let facts = Facts { streams: vec![Stream { watermark, recent, ..Stream::default() }], ..Facts::default() };
            judge(&facts, &Limits::default(), &mut verdict);
            verdict.not_known.iter().map(|n| n.lack).collect::<Vec<_>>()
        };
        assert_eq!(lacks(Some(Watermark::default()), None), [Lack::LateRows]);
        assert_eq!(lacks(Some(Watermark::default()), Some(0.0)), []);
        assert_eq!(lacks(None, None), [], "nothing is late");
    }
}
