//! What the rules about phases of batches have in common: a phase beside the work itself that takes much of the time.

use crate::facts::{Batch, Facts, Stream};
use crate::finding::{AtStake, Evidence, Finding, Place, Severity, Sure, Value};
use crate::report::time;
use crate::rules::Limits;

/// Of the duration of recent batches, from which it is much, and from which it is too much.
const MUCH: f64 = 0.3;
const TOO_MUCH: f64 = 0.6;
/// Mean of the phase from which it is felt, milliseconds.
const FELT: f64 = 500.0;

/// Part of a phase: what it is called, its name in the report, its value.
pub(super) type Part = (&'static str, &'static str, fn(&Batch) -> f64);

/// A phase of a batch.
pub(super) struct Phase {
    /// What it is in a sentence, as `planning the query`.
    pub what: &'static str,
    pub of: fn(&Batch) -> f64,
    pub parts: &'static [Part],
}

impl Phase {
    /// A finding, if this phase of a query's batches takes much of their time; `all` is its time in all batches.
    pub fn judge(&self, facts: &Facts, limits: &Limits, stream: &Stream, all: f64) -> Option<Finding> {
        let (mean, took) = (stream.mean(self.of)?, stream.mean(|b| b.took).filter(|t| *t > 0.0)?);
        let share = mean / took;
        let at_stake = AtStake::wall(all as i64);
        if !stream.is_warm() || share < MUCH || mean < FELT || !limits.worth(facts, &at_stake) {
            return None;
        }
        let severity = if share >= TOO_MUCH { Severity::Warning } else { Severity::Info };
        let summary =
            format!("{} takes {} of each batch, {:.0} % of its time", self.what, time(mean as i64), share * 100.0);
        let slowest = stream.most(self.of)?;
        let place: Place = stream.place();
        let mut finding = Finding::new(severity, place, summary)
            .evidence(Evidence::derived("share of the batches", Value::Share(share)))
            .evidence(Evidence::derived("mean", Value::Millis(mean.round() as i64)));
        for (name, field, value) in self.parts {
            let source = stream.report(slowest, &format!("/durationMs/{field}"));
            if value(slowest) > 0.0 {
                finding = finding.evidence(Evidence::new(name, Value::Millis(value(slowest) as i64), source));
            }
        }
        let whole = stream.report(slowest, "/durationMs/triggerExecution");
        let finding = finding
            .evidence(Evidence::new("duration of that batch", Value::Millis(slowest.took as i64), whole))
            .costs(at_stake)
            .sure(Sure::Certain);
        Some(finding)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An application of an hour with 100 batches, one after the other, of which `share` is what `set` sets.
    pub fn facts(share: f64, took: f64, set: fn(&mut Batch, f64)) -> Facts {
        let mut stream = Stream { name: Some("q".into()), ..Stream::default() };
        for id in 0..100 {
            let mut batch = Batch { id, time: id * took as i64, rows: 10.0, took, ..Batch::default() };
            set(&mut batch, share * took);
            stream.recent.push_back(batch);
        }
        stream.totals.planning = 100.0 * share * took;
        stream.totals.offsets = 100.0 * share * took;
        stream.totals.logs = 100.0 * share * took;
        Facts { start: 0, end: 3_600_000, streams: vec![stream], ..Facts::default() }
    }

    /// Severities that a rule finds.
    pub fn severities(rule: &crate::rules::Rule, facts: &Facts) -> Vec<Severity> {
        let mut verdict = crate::rules::Verdict::default();
        (rule.judge)(facts, &Limits::default(), &mut verdict);
        verdict.findings.iter().map(|f| f.severity).collect()
    }
}
