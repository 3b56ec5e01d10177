//! `state-maintenance-interval`: between two snapshots of the state so many batches change it that a restart takes long.

use super::keys::{CHANGELOG, MAINTENANCE};
use crate::facts::{Facts, Stream};
use crate::finding::{Evidence, Finding, Severity, Sure, Value};
use crate::report::time;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "state-maintenance-interval",
    family: Family::State,
    title: "Snapshots of the state are many batches apart",
    page: include_str!("maintenance_interval.md"),
    judge,
};

/// Batches between two rounds of maintenance, and rows of the state.
const BATCHES: i64 = 50;
const ROWS: f64 = 1_000_000.0;
/// Spark's default, and what is advised, milliseconds.
const DEFAULT: i64 = 60_000;
const ADVISED: i64 = 30_000;

fn judge(facts: &Facts, _: &Limits, verdict: &mut Verdict) {
    for stream in &facts.streams {
        let Some(finding) = apart(stream) else { continue };
        let why = "snapshots are uploaded in rounds of maintenance; a store that is loaded reads all changes since the last one";
        verdict.find(finding.advise(stream.set(MAINTENANCE, "30s", why, (2, 0))));
    }
}

fn apart(stream: &Stream) -> Option<Finding> {
    let interval = stream.conf.millis(MAINTENANCE, 1).unwrap_or(DEFAULT);
    let batch = stream.span() / (stream.recent.len() as i64 - 1).max(1);
    let (i, o) = stream.operators().max_by(|a, b| a.1.rows.unwrap_or(0.0).total_cmp(&b.1.rows.unwrap_or(0.0)))?;
    // RocksDB without a log of changes is whole with every commit.
    let by_changes = o.is_hdfs() || stream.conf.flag(CHANGELOG, false);
    let rows = o.rows?;
    if !stream.is_warm()
        || !by_changes
        || rows < ROWS
        || interval <= ADVISED
        || batch <= 0
        || interval / batch < BATCHES
    {
        return None;
    }
    let last = stream.last()?;
    let between = interval / batch;
    let summary = format!(
        "{between} batches lie between two rounds of maintenance, {} apart: a restart has as many changes of {rows:.0} rows to read",
        time(interval)
    );
    let source = stream.report(last, &format!("/stateOperators/{i}/numRowsTotal"));
    let finding = Finding::new(Severity::Info, stream.place(), summary)
        .evidence(Evidence::derived("batches between", Value::Count(between)))
        .evidence(Evidence::derived("time between batches", Value::Millis(batch)))
        .evidence(Evidence::new("rows in state", Value::Count(rows as i64), source));
    Some(finding.sure(Sure::Possible))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{facts, settings};
    use super::*;

    /// With batches 36 s apart.
    fn of(interval: &str, changelog: &str, rows: f64) -> usize {
        let of = facts((3, 5), &[(MAINTENANCE, interval), (CHANGELOG, changelog)], move |_, o| {
            o.rows = Some(rows);
            o.custom = vec![("rocksdbGetCount", 1.0)];
        });
        settings(&RULE, &of).len()
    }

    #[test]
    fn many_batches_of_a_large_state() {
        assert_eq!(of("30min", "true", 1e6), 1);
        assert_eq!(of("29min", "true", 1e6), 0);
        assert_eq!(of("30min", "false", 1e6), 0);
        assert_eq!(of("30min", "true", 9e5), 0);
        assert_eq!(of("1s", "true", 1e6), 0);
    }
}
