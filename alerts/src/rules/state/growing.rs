//! `state-growing`: a state from which nothing is ever removed grows without a bound in sight.

use super::keys::TRACK;
use crate::facts::{Batch, Facts, Stream};
use crate::finding::{Advice, Evidence, Finding, Severity, Sure, Value};
use crate::lack::Lack;
use crate::report::time;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "state-growing",
    family: Family::State,
    title: "A state grows, and nothing is removed from it",
    page: include_str!("growing.md"),
    judge,
};

/// Points of the course and milliseconds that it takes to tell.
const POINTS: usize = 20;
const SPAN: i64 = 10 * 60_000;
/// Rows from which growth matters, and from which it is much.
const ROWS: f64 = 100_000.0;
const MANY: f64 = 1_000_000.0;
/// Growth of the second half of the course over that of the first: keys that are all there some day come to a halt.
const STEADY: f64 = 0.5;

fn judge(facts: &Facts, _: &Limits, verdict: &mut Verdict) {
    let uncounted = |s: &Stream| !s.conf.flag(TRACK, true) && s.operators().any(|(_, o)| o.is_rocksdb());
    if facts.streams.iter().any(uncounted) {
        verdict.not_known("how many rows a state has, and whether it grows", Lack::StateRows);
    }
    for stream in &facts.streams {
        for (i, sums) in stream.totals.operators.iter().enumerate() {
            if sums.removed > 0.0 {
                continue;
            }
            let Some(growth) = growth(stream, i) else { continue };
            verdict.find(finding(stream, i, &growth));
        }
    }
}

struct Growth<'a> {
    first: &'a Batch,
    last: &'a Batch,
    from: f64,
    to: f64,
}

/// How the state of an operator grew, if it did so all the time.
fn growth(stream: &Stream, operator: usize) -> Option<Growth<'_>> {
    let rows = |b: &Batch| b.operators.get(operator)?.rows;
    let course: Vec<(&Batch, f64)> = stream.course.iter().filter_map(|b| Some((b, rows(b)?))).collect();
    let (first, from) = *course.first()?;
    let last = stream.last()?;
    let to = rows(last)?;
    let (_, middle) = *course.get(course.len() / 2)?;
    let steady = to - middle >= (middle - from) * STEADY && middle > from && to > middle;
    let never_less = course.windows(2).all(|w| w[1].1 >= w[0].1);
    let enough =
        course.len() >= POINTS && last.time.saturating_sub(first.time) >= SPAN && to >= ROWS && to >= 2.0 * from;
    (enough && steady && never_less).then_some(Growth { first, last, from, to })
}

fn finding(stream: &Stream, operator: usize, g: &Growth<'_>) -> Finding {
    let name = g.last.operators.get(operator).map_or("", |o| o.name.as_str());
    let span = g.last.time.saturating_sub(g.first.time);
    let an_hour = (g.to - g.from) * 3_600_000.0 / span as f64;
    let severity = if g.to >= MANY { Severity::Warning } else { Severity::Info };
    let summary = format!(
        "the state of {name} grew from {:.0} to {:.0} rows in {}, and no row was removed",
        g.from,
        g.to,
        time(span)
    );
    let at = |b: &Batch, field: &str| stream.report(b, &format!("/stateOperators/{operator}/{field}"));
    let finding = Finding::new(severity, stream.place(), summary)
        .evidence(Evidence::new("rows in state", Value::Count(g.to as i64), at(g.last, "numRowsTotal")))
        .evidence(Evidence::new("at first", Value::Count(g.from as i64), at(g.first, "numRowsTotal")))
        .evidence(Evidence::derived("more in an hour", Value::Count(an_hour as i64)))
        .evidence(Evidence::new("removed in the last batch", Value::Count(0), at(g.last, "numRowsRemoved")))
        .sure(Sure::Likely);
    let advice = match (stream.watermark, name) {
        (None, _) => "the query has no watermark: without one it has to remember everything; set it with withWatermark",
        (Some(w), _) if w.at == 0 => "the watermark has not begun to move: see to that first",
        (Some(_), name) if name.starts_with("dedupe") => {
            "the column with the watermark must be among those that make rows equal; or use dropDuplicatesWithinWatermark (Spark 3.5)"
        }
        (Some(_), name) if name.contains("Join") => {
            "both sides need a watermark, and the condition a bound on the time between rows that match"
        }
        (Some(_), name) if name.contains("GroupsWithState") || name.contains("transformWithState") => {
            "let states end: with a timeout, or a time to live"
        }
        (Some(_), _) => {
            "group by a window of the column with the watermark, or by the column itself: nothing else can be dropped"
        }
    };
    finding.advise(Advice::Do(advice.into()))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{facts, found};
    use super::*;

    fn severity(rows: impl Fn(f64) -> f64, removed: f64) -> Option<Severity> {
        let of = facts((3, 5), &[], move |id, o| {
            o.rows = Some(rows(id as f64));
            o.removed = Some(removed);
        });
        found(&RULE, &of).first().map(|f| f.severity)
    }

    #[test]
    fn without_an_end_in_sight() {
        assert_eq!(severity(|i| i * 1_011.0, 0.0), Some(Severity::Info));
        assert_eq!(severity(|i| i * 1_009.0, 0.0), None, "99,891 rows");
        assert_eq!(severity(|i| i * 20_000.0, 0.0), Some(Severity::Warning));
        assert_eq!(severity(|i| i * 20_000.0, 1.0), None, "what is removed is not kept");
        assert_eq!(severity(|i| 1e6 * (1.0 - (-i / 10.0).exp()), 0.0), None, "all keys are there soon");
        assert_eq!(severity(|i| 1e6 + i, 0.0), None);
    }

    #[test]
    fn rows_that_nobody_counts_are_not_known() {
        let lacks = |conf: &[(&str, &str)]| {
            let of = facts((3, 5), conf, |_, o| {
                o.rows = Some(0.0);
                o.custom = vec![("rocksdbGetCount", 1.0)];
            });
            of.not_known(&RULE).iter().map(|n| n.lack).collect::<Vec<_>>()
        };
        assert_eq!(lacks(&[(TRACK, "false")]), [Lack::StateRows]);
        assert_eq!(lacks(&[]), []);
    }
}
