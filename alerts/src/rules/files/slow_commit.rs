//! `slow-commit`: after the last task, a write takes long to put its files where they belong.

use crate::facts::Facts;
use crate::facts::operators::{Operator, operators_of};
use crate::finding::{Advice, AtStake, Evidence, Finding, Setting, Sure, Value};
use crate::report::time;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "slow-commit",
    family: Family::Files,
    title: "A write takes long after its last task",
    page: include_str!("slow_commit.md"),
    judge,
};

/// Of the SQL execution's duration, from which it counts.
const MUCH: f64 = 0.10;
/// Milliseconds below which nobody notices.
const NOTICED: i64 = 5_000;
/// Metric of Spark 3.2 and later.
const METRIC: &str = "job commit time";
/// Operators that write.
const WRITES: [&str; 9] = [
    "Execute InsertInto",
    "Execute CreateDataSourceTableAsSelect",
    "Execute CreateHiveTableAsSelect",
    "Execute SaveIntoDataSource",
    "AppendData",
    "OverwriteByExpression",
    "OverwritePartitionsDynamic",
    "ReplaceData",
    "AtomicReplaceTableAsSelect",
];

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    for sql in facts.plans.values() {
        let Some(end) = sql.completion_time else { continue };
        let Some(write) = operators_of(sql).find(|o| o.has(METRIC) || WRITES.iter().any(|w| o.name().starts_with(w)))
        else {
            continue;
        };
        let ends = sql.stages.iter().flat_map(|s| facts.attempts(*s)).filter_map(|(_, s)| s.completion_time);
        let Some(last) = ends.max() else { continue };
        let after = end.saturating_sub(last).max(0);
        let metric = write.sum(METRIC).filter(|ms| *ms > 0);
        let commit = metric.unwrap_or(after);
        let duration = end.saturating_sub(sql.submission_time).max(1);
        let at_stake = AtStake::wall(commit.min(duration));
        if commit < NOTICED || (commit as f64) < MUCH * duration as f64 || !limits.worth(facts, &at_stake) {
            continue;
        }
        let share = commit as f64 / duration as f64 * 100.0;
        let summary =
            format!("after its last task, the write took {} to commit, {share:.0} % of its duration", time(commit));
        let mut finding = Finding::new(facts.weight(&at_stake), write.place(), summary);
        finding.evidence.extend(metric.and_then(|_| write.evidence("commit of the job", METRIC, Value::Millis)));
        finding.evidence.push(Evidence::derived("from the last stage's end to the end", Value::Millis(after)));
        finding.evidence.push(Evidence::derived("duration of the SQL execution", Value::Millis(duration)));
        finding.evidence.extend(write.evidence("files", "number of written files", Value::Count));
        finding.advice = advice(facts, write);
        verdict.find(finding.costs(at_stake).sure(if metric.is_some() { Sure::Certain } else { Sure::Likely }));
    }
}

fn advice(facts: &Facts, write: Operator<'_>) -> Vec<Advice> {
    let mut out = Vec::new();
    let to = |scheme: &str| write.node.description.contains(scheme);
    let key = "spark.hadoop.fs.s3a.committer.name";
    if to("s3a://") && facts.conf.get(key).is_none_or(|c| c == "file") {
        out.push(Advice::Set(Setting {
            key,
            current: facts.conf.current(key),
            suggested: "magic".into(),
            why: "files are uploaded where they belong and only completed at the end, where else each is copied; \
                  spark.sql.sources.commitProtocolClass must name the cloud committer as well"
                .into(),
            since: (3, 0),
        }));
    }
    let key = "spark.sql.parquet.fs.optimized.committer.optimization-enabled";
    if to("s3://") && facts.conf.get(key).is_some_and(|v| v == "false") {
        out.push(Advice::Set(Setting {
            key,
            current: facts.conf.current(key),
            suggested: "true".into(),
            why: "EMR's committer completes uploads in place".into(),
            since: (2, 4),
        }));
    }
    out.push(Advice::Do("write fewer and larger files: each is moved or registered one after the other".into()));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::made::{application, found, node, settings};
    use crate::finding::Severity;

    /// A write that ends at 60 s, whose last task ended at `last`.
    fn with(last: i64, metric: Option<i64>, to: &str) -> Facts {
        let mut write = node("Execute InsertIntoHadoopFsRelationCommand", &format!("Execute InsertInto {to}/t, false"));
        if let Some(ms) = metric {
            write = write.measured(METRIC, "timing", ms, None);
        }
        application("3.5.1", 300, &[]).with_stage(1, last, 100, |_| ()).with_sql(60, &[1], vec![write], &[])
    }

    #[test]
    fn what_follows_the_last_task_counts() {
        assert_eq!(found(RULE.name, &with(55, None, "hdfs:/")), [], "a tenth of the duration are 6 seconds");
        assert_eq!(found(RULE.name, &with(55, Some(4_999), "hdfs:/")), []);
        let gap = found(RULE.name, &with(40, None, "hdfs:/"));
        assert_eq!(
            (gap[0].sure, gap[0].at_stake, gap[0].severity),
            (Sure::Likely, AtStake::wall(20_000), Severity::Info)
        );
        let told = found(RULE.name, &with(10, Some(45_000), "s3a:/"));
        assert_eq!((told[0].sure, told[0].at_stake), (Sure::Certain, AtStake::wall(45_000)));
        assert_eq!(told[0].severity, Severity::Warning);
        assert_eq!(settings(&told[0]), [("spark.hadoop.fs.s3a.committer.name", None, "magic")]);
    }
}
