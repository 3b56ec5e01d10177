//! `too-few-tasks`: a long stage has fewer tasks than there are cores.

use afterglow_history::state::{StageAttempt, StageKey, StageStatus};

use super::{MOST, adaptive, is_sql, of_stage, shuffle_read, slots};
use crate::conf::as_setting;
use crate::facts::Facts;
use crate::finding::{Advice, AtStake, Evidence, Finding, Place, Setting, Severity, Sure, Value};
use crate::report::time;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "too-few-tasks",
    family: Family::Tasks,
    title: "A long stage has fewer tasks than half of the cores",
    page: include_str!("too_few_tasks.md"),
    judge,
};

/// Tasks that could run at once for each task of the stage.
const SLOTS: i64 = 2;
/// Milliseconds of the application's duration that fall to the stage.
const LONG: i64 = 30_000;
/// Part of the stage's time in which no other stage runs: else the cores have other work.
const ALONE: f64 = 0.8;
/// Share of the application's duration from which it is a warning.
const MUCH: f64 = 0.1;

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    let mut found: Vec<(i64, StageKey, Finding)> = Vec::new();
    for (key, stage) in &facts.stages {
        let (tasks, slots, wall) = (stage.num_tasks, slots(facts, stage), facts.wall_of(*key));
        let Some(from) = stage.submission_time.filter(|_| stage.status != StageStatus::Skipped) else { continue };
        let took = stage.completion_time.unwrap_or(facts.end).saturating_sub(from);
        let alone = wall as f64 >= ALONE * took as f64;
        if tasks < 1 || tasks.saturating_mul(SLOTS) > slots || wall < LONG || !alone {
            continue;
        }
        let idle = 1.0 - tasks as f64 / slots as f64;
        let at_stake =
            AtStake::wall((wall as f64 * idle) as i64).cores(slots.saturating_sub(tasks).saturating_mul(wall));
        if limits.worth(facts, &at_stake) {
            found.push((wall, *key, finding(facts, *key, stage, slots, at_stake)));
        }
    }
    found.sort_by_key(|(wall, key, _)| (std::cmp::Reverse(*wall), *key));
    found.into_iter().take(MOST).for_each(|(_, _, f)| verdict.find(f));
}

fn finding(facts: &Facts, key: StageKey, stage: &StageAttempt, slots: i64, at_stake: AtStake) -> Finding {
    let wall = facts.wall_of(key);
    let severity = if wall as f64 >= MUCH * facts.duration() as f64 { Severity::Warning } else { Severity::Info };
    let tasks = if stage.num_tasks == 1 { "1 task".to_owned() } else { format!("{} tasks", stage.num_tasks) };
    let summary = format!("{tasks} for {slots} cores, and it takes {}: the other cores have nothing to do", time(wall));
    let mut f = Finding::new(severity, Place::Stage(key.0, key.1), summary)
        .evidence(Evidence::new("tasks", Value::Count(stage.num_tasks), of_stage(key, "/numTasks")))
        .evidence(Evidence::derived("tasks that could run at once", Value::Count(slots)))
        .evidence(Evidence::derived("of the application's duration", Value::Millis(wall)))
        .evidence(Evidence::new(
            "run time of tasks",
            Value::Millis(stage.metrics.executor_run_time),
            of_stage(key, "/executorRunTime"),
        ));
    f.advice = advice(facts, stage, slots);
    f.costs(at_stake).sure(Sure::Likely)
}

fn advice(facts: &Facts, stage: &StageAttempt, slots: i64) -> Vec<Advice> {
    let read = shuffle_read(stage);
    let set = |key: &'static str, suggested: String, why: &str, since| {
        Advice::Set(Setting { key, current: facts.conf.current(key), suggested, why: why.to_owned(), since })
    };
    let does = |text: &str| Advice::Do(text.to_owned());
    let partitions = facts.conf.number("spark.sql.shuffle.partitions", 200);
    if !is_sql(facts, stage) {
        return vec![
            set(
                "spark.default.parallelism",
                slots.saturating_mul(2).to_string(),
                "how many partitions RDDs have that are made or shuffled without a number",
                (0, 0),
            ),
            does("or give the number with the operation: parallelize, reduceByKey, repartition; look for coalesce"),
        ];
    }
    if read > 0 && stage.num_tasks == partitions {
        let more = slots.saturating_mul(2).to_string();
        return vec![set(
            "spark.sql.shuffle.partitions",
            more,
            "as many partitions as this stage has tasks are asked for",
            (0, 0),
        )];
    }
    if read > 0 && adaptive(facts) && stage.num_tasks < partitions {
        let size = (read / slots.max(1)).max(1 << 20);
        let why = "adaptive execution joined partitions up to this size each, and too few are left; smaller ones keep the cores busy";
        return vec![
            set("spark.sql.adaptive.advisoryPartitionSizeInBytes", as_setting(size), why, (3, 0)),
            does(
                "look for coalesce, repartition with a number, or a sort that needs one partition, as without PARTITION BY",
            ),
        ];
    }
    if stage.metrics.input_bytes_read > 0 {
        const KEY: &str = "spark.sql.files.maxPartitionBytes";
        let now = facts.conf.bytes(KEY, 1).unwrap_or(128 << 20);
        let size = (stage.metrics.input_bytes_read / slots.max(1)).max(1 << 20);
        let mut out = Vec::new();
        // Where there is more for each task than may be, the files cannot be split.
        if size < now {
            let why = "more, smaller pieces of the files; only files that can be split, as Parquet and ORC, not gzip";
            out.push(set(KEY, as_setting(size), why, (2, 0)));
        }
        out.push(does("files that cannot be split make a task each: write more of them; read databases with partitionColumn and numPartitions"));
        return out;
    }
    vec![does("look for coalesce and for repartition with a small number before what takes long")]
}

#[cfg(test)]
mod tests {
    use afterglow_history::state::{Job, metrics::TaskMetrics};

    use super::*;
    use crate::facts::made::{cluster, stage, suggested};

    /// On 16 cores.
    fn few(tasks: i64, took: i64, metrics: TaskMetrics, properties: &[(&str, &str)]) -> Facts {
        let mut s = stage((1, 0), (0, took), (tasks, took, took));
        s.metrics = metrics;
        s.job_ids = [0].into();
        let mut facts = cluster(4, 600_000, "3.5.1", properties).with(s);
        facts.jobs.insert(0, Job { sql_execution_id: Some(0), ..Job::default() });
        facts
    }

    #[test]
    fn half_the_cores_for_half_a_minute() {
        let found = few(8, 30_000, TaskMetrics::default(), &[]).found(&RULE);
        assert_eq!(found[0].summary, "8 tasks for 16 cores, and it takes 30.0 s: the other cores have nothing to do");
        assert_eq!((found[0].severity, found[0].at_stake), (Severity::Info, AtStake::wall(15_000).cores(240_000)));
        assert_eq!(few(1, 60_000, TaskMetrics::default(), &[]).found(&RULE)[0].severity, Severity::Warning);
        assert_eq!(few(9, 30_000, TaskMetrics::default(), &[]).found(&RULE), []);
        assert_eq!(few(8, 29_999, TaskMetrics::default(), &[]).found(&RULE), []);
        let beside = few(8, 30_000, TaskMetrics::default(), &[]).with(stage((2, 0), (0, 30_000), (32, 1_000, 1_000)));
        assert_eq!(beside.found(&RULE), [], "the cores have other work");
    }

    #[test]
    fn advice_follows_where_the_tasks_come_from() {
        let of = |metrics, properties: &[(&str, &str)]| suggested(&few(4, 60_000, metrics, properties).found(&RULE)[0]);
        let read = TaskMetrics { shuffle_remote_bytes_read: 160 << 20, ..TaskMetrics::default() };
        assert_eq!(of(read, &[])["spark.sql.adaptive.advisoryPartitionSizeInBytes"], "10m");
        assert_eq!(of(read, &[("spark.sql.shuffle.partitions", "4")])["spark.sql.shuffle.partitions"], "32");
        let input = TaskMetrics { input_bytes_read: 320 << 20, ..TaskMetrics::default() };
        assert_eq!(of(input, &[])["spark.sql.files.maxPartitionBytes"], "20m");
    }
}
