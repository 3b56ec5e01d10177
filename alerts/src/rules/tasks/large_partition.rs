//! `large-partition`: one task reads or writes more than 5 GiB.

use afterglow_history::state::StageKey;

use super::{MOST, adaptive, of_most};
use crate::facts::{Extreme, Facts, TaskFacts};
use crate::finding::{Advice, Evidence, Finding, Place, Setting, Severity, Sure, Value};
use crate::report::bytes;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "large-partition",
    family: Family::Tasks,
    title: "One task reads or writes more than 5 GiB",
    page: include_str!("large_partition.md"),
    judge,
};

/// DataFlint's bound.
const LARGE: i64 = 5 << 30;

/// What a task has much of.
struct Kind {
    name: &'static str,
    of: fn(&TaskFacts) -> Option<&Extreme>,
    /// Column of our tasks, and where the task's metrics have it; none where it is a sum of two.
    measure: &'static str,
    pointer: Option<&'static str>,
}

const KINDS: [Kind; 4] = [
    Kind { name: "reads", of: |t| t.input.as_ref(), measure: "inputSize", pointer: Some("inputMetrics/bytesRead") },
    Kind { name: "reads of a shuffle", of: |t| t.shuffle_read.as_ref(), measure: "shuffleRead", pointer: None },
    Kind {
        name: "writes to a shuffle",
        of: |t| t.shuffle_write.as_ref(),
        measure: "shuffleWrite",
        pointer: Some("shuffleWriteMetrics/bytesWritten"),
    },
    Kind {
        name: "writes",
        of: |t| t.output.as_ref(),
        measure: "outputSize",
        pointer: Some("outputMetrics/bytesWritten"),
    },
];

fn judge(facts: &Facts, _: &Limits, verdict: &mut Verdict) {
    let mut found: Vec<(i64, StageKey, Finding)> = Vec::new();
    for (key, tasks) in &facts.tasks {
        let largest = KINDS.iter().filter_map(|k| Some((k, (k.of)(tasks)?))).max_by_key(|(_, x)| x.most);
        let Some((kind, extreme)) = largest.filter(|(_, x)| x.most > LARGE) else { continue };
        let spilled = extreme.task.metrics.map_or(0, |m| m.disk_bytes_spilled);
        // What fits is a matter of taste; what had to be put to disk is not.
        let severity = if spilled > 0 { Severity::Warning } else { Severity::Info };
        let and = if spilled > 0 { format!(", and spills {} to disk", bytes(spilled)) } else { String::new() };
        let summary = format!("task {} {} {}{and}", extreme.task.task_id, kind.name, bytes(extreme.most));
        let of = |pointer: &str| of_most(*key, kind.measure, &format!("/tasks/0/taskMetrics/{pointer}"));
        let source = kind.pointer.map(of);
        let mut f = Finding::new(severity, Place::Stage(key.0, key.1), summary)
            .evidence(Evidence { name: "bytes of the largest task", value: Value::Bytes(extreme.most), source })
            .evidence(Evidence::derived("bytes of the median task", Value::Bytes(extreme.median)));
        if spilled > 0 {
            f = f.evidence(Evidence::new("it spills to disk", Value::Bytes(spilled), of("diskBytesSpilled")));
        }
        f.advice = advice(facts, *key, kind, extreme);
        found.push((extreme.most, *key, f.sure(Sure::Certain)));
    }
    found.sort_by_key(|(most, key, _)| (std::cmp::Reverse(*most), *key));
    found.into_iter().take(MOST).for_each(|(_, _, f)| verdict.find(f));
}

fn advice(facts: &Facts, key: StageKey, kind: &Kind, extreme: &Extreme) -> Vec<Advice> {
    let sql = facts.stages.get(&key).is_some_and(|s| super::is_sql(facts, s));
    let tasks = facts.stages.get(&key).map_or(1, |s| s.num_tasks.max(1));
    // Nearly as much in every task: more of them help. Much in one: only its key does.
    let even = extreme.median.saturating_mul(3) >= extreme.most;
    let mut out = Vec::new();
    match (kind.measure, even) {
        ("shuffleRead", true) if sql => {
            let key = "spark.sql.shuffle.partitions";
            let suggested = tasks.saturating_mul(extreme.most / (256 << 20)).max(tasks).to_string();
            let why = "so many partitions have about 256 MiB each".to_owned();
            out.push(Advice::Set(Setting { key, current: facts.conf.current(key), suggested, why, since: (0, 0) }));
            if !adaptive(facts) {
                out.push(Advice::Do(
                    "with adaptive execution more partitions than needed cost little: small ones are joined".into(),
                ));
            }
        }
        ("inputSize", _) => out.push(Advice::Do(
            "files of a format that can be split, and smaller pieces of them: spark.sql.files.maxPartitionBytes".into(),
        )),
        ("outputSize", _) => out.push(Advice::Do(
            "repartition before writing: a partition is one file at least, and one task writes it".into(),
        )),
        (_, true) => out.push(Advice::Do("more partitions: give their number to the operation that shuffles".into())),
        (_, false) => out.push(Advice::Do("other tasks have far less: find the key that has most rows".into())),
    }
    out
}

#[cfg(test)]
mod tests {
    use afterglow_history::state::{Task, metrics::TaskMetrics};

    use super::*;
    use crate::facts::made::{cluster, stage};

    fn read(most: i64, spilled: i64) -> Vec<Finding> {
        let mut facts = cluster(2, 600_000, "3.5.1", &[]).with(stage((1, 0), (0, 300_000), (100, 1_000, 10_000)));
        let metrics = Some(TaskMetrics { disk_bytes_spilled: spilled, ..TaskMetrics::default() });
        let task = Task { task_id: 5, metrics, ..Task::default() };
        let input = Some(Extreme { most, median: most, task });
        facts.tasks.insert((1, 0), TaskFacts { input, ..TaskFacts::default() });
        facts.found(&RULE)
    }

    #[test]
    fn more_than_5_gib() {
        assert_eq!(read(LARGE, 0), []);
        let found = read(LARGE + (1 << 30), 0);
        assert_eq!((found[0].summary.as_str(), found[0].severity), ("task 5 reads 6.0 GiB", Severity::Info));
        assert_eq!(read(LARGE + 1, 1 << 30)[0].severity, Severity::Warning);
    }
}
