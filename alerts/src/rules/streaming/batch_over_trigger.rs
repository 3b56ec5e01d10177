//! `batch-over-trigger`: batches take longer than the trigger interval.

use super::falling_behind::behind;
use crate::facts::Facts;
use crate::finding::{Advice, Evidence, Finding, Severity, Sure, Value};
use crate::report::time;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "batch-over-trigger",
    family: Family::Streaming,
    title: "Batches take longer than the trigger interval",
    page: include_str!("batch_over_trigger.md"),
    judge,
};

/// Of the recent batches, from which it is a habit, and from which nearly all are late.
const MANY: f64 = 0.5;
const NEARLY_ALL: f64 = 0.8;
/// Milliseconds between the first and the last of them.
const SPAN: i64 = 60_000;

fn judge(facts: &Facts, _: &Limits, verdict: &mut Verdict) {
    for stream in &facts.streams {
        let (Some(interval), Some(slowest)) = (stream.interval.known(), stream.most(|b| b.took)) else { continue };
        let over = stream.recent.iter().filter(|b| b.took > interval as f64).count();
        let share = over as f64 / stream.recent.len().max(1) as f64;
        // A query that falls behind has that finding.
        if share < MANY || !stream.is_warm() || stream.span() < SPAN || behind(stream).is_some() {
            continue;
        }
        let severity = if share >= NEARLY_ALL { Severity::Warning } else { Severity::Info };
        let summary = format!(
            "{over} of the last {} batches took longer than the trigger interval, which looks like {}",
            stream.recent.len(),
            time(interval)
        );
        let slow = Value::Millis(slowest.took as i64);
        let mean = stream.mean(|b| b.took).unwrap_or_default();
        let finding = Finding::new(severity, stream.place(), summary)
            .evidence(Evidence::new("longest batch", slow, stream.report(slowest, "/durationMs/triggerExecution")))
            .evidence(Evidence::derived("mean duration", Value::Millis(mean.round() as i64)))
            .evidence(Evidence::derived("trigger interval", Value::Millis(interval)))
            .evidence(Evidence::derived("batches over it", Value::Share(share)))
            .advise(Advice::Do(
                "look at the stages of a slow batch for what takes the time; more cores if they are all busy".into(),
            ))
            .advise(Advice::Do("or set the interval to what the query can keep".into()))
            .sure(Sure::Likely);
        verdict.find(finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Batch, Stream};
    use afterglow_ingest::event::ProgressReport;

    fn judged(late: usize) -> usize {
        let mut stream = Stream::default();
        let mut time = 0i64;
        for i in 0..100 {
            let took = if i >= 100 - late { 7_000 } else { 2_000 };
            let stamp = afterglow_history::date::date(time).replace("GMT", "Z");
            let report = format!(
                r#"{{"batchId":{i},"timestamp":"{stamp}","durationMs":{{"addBatch":1,"triggerExecution":{took}}},"sources":[{{"numInputRows":5}}]}}"#
            );
            stream.take(&ProgressReport::read(&report).unwrap(), 0);
            time += if took > 5_000 { took } else { 5_000 };
        }
        assert_eq!(stream.last().map(|b: &Batch| b.id), Some(99));
        let mut verdict = Verdict::default();
        judge(&Facts { streams: vec![stream], ..Facts::default() }, &Limits::default(), &mut verdict);
        verdict.findings.len()
    }

    #[test]
    fn half_of_the_batches() {
        assert_eq!((judged(49), judged(50)), (0, 1));
    }
}
