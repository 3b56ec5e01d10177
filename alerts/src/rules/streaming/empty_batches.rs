//! `empty-batches`: batches without a row take much of a query's time.

use crate::facts::Facts;
use crate::finding::{Advice, AtStake, Evidence, Finding, Severity, Sure, Value};
use crate::report::time;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "empty-batches",
    family: Family::Streaming,
    title: "Batches without a row take much of a query's time",
    page: include_str!("empty_batches.md"),
    judge,
};

/// So many, and of the time of all batches so much.
const BATCHES: i64 = 50;
const SHARE: f64 = 0.3;
/// Mean from which such a batch is felt, milliseconds.
const FELT: f64 = 500.0;

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    for stream in &facts.streams {
        let t = &stream.totals;
        let at_stake = AtStake::wall(t.empty_took as i64);
        let share = t.empty_took / t.took.max(1.0);
        let mean = t.empty_took / t.empty.max(1) as f64;
        if t.empty < BATCHES || share < SHARE || mean < FELT || !limits.worth(facts, &at_stake) {
            continue;
        }
        let summary = format!(
            "{} of {} batches had no row, and took {} each, {:.0} % of the time of all",
            t.empty,
            t.batches,
            time(mean as i64),
            share * 100.0
        );
        let mut finding = Finding::new(Severity::Info, stream.place(), summary)
            .evidence(Evidence::derived("batches without a row", Value::Count(t.empty)))
            .evidence(Evidence::derived("batches", Value::Count(t.batches)))
            .evidence(Evidence::derived("share of the time", Value::Share(share)))
            .costs(at_stake)
            .sure(Sure::Certain);
        let held = stream.recent.iter().filter(|b| b.rows == 0.0).max_by(|a, b| a.took.total_cmp(&b.took));
        if let Some(b) = held {
            let took = Value::Millis(b.took as i64);
            let source = stream.report(b, "/durationMs/triggerExecution");
            finding = finding.evidence(Evidence::new("longest of the last ones", took, source));
        }
        let key = "spark.sql.streaming.noDataMicroBatches.enabled";
        // They drop state and close windows that the watermark has passed.
        if stream.watermark.is_some() && stream.conf.flag(key, true) {
            let why = "what the watermark has passed is then closed by the next batch with rows, not by one of its own";
            finding = finding.advise(stream.set(key, "false", why, (2, 4)));
        }
        verdict.find(
            finding.advise(Advice::Do("let the query trigger less often: each batch has costs of its own".into())),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Stream, Totals};

    fn found(empty: i64, each: f64) -> usize {
        let empty_took = empty as f64 * each;
        let totals = Totals { batches: 200, took: empty_took + 100_000.0, empty, empty_took, ..Totals::default() };
        let facts = Facts { end: 3_600_000, streams: vec![Stream { totals, ..Stream::default() }], ..Facts::default() };
        let mut verdict = Verdict::default();
        judge(&facts, &Limits::default(), &mut verdict);
        verdict.findings.len()
    }

    #[test]
    fn many_and_slow() {
        assert_eq!((found(50, 1_000.0), found(49, 1_000.0)), (1, 0));
        assert_eq!((found(100, 500.0), found(100, 499.0)), (1, 0));
    }
}
