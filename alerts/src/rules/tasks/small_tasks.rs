//! `small-tasks`: thousands of tasks that take less than half a second each.

use afterglow_history::state::{StageAttempt, StageKey};

use super::{MOST, adaptive, in_list, is_sql, of_stage};
use crate::conf::as_setting;
use crate::facts::Facts;
use crate::finding::{Advice, AtStake, Evidence, Finding, Place, Setting, Severity, Sure, Value};
use crate::report::time;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "small-tasks",
    family: Family::Tasks,
    title: "Thousands of tasks that take less than half a second each",
    page: include_str!("small_tasks.md"),
    judge,
};

/// DataFlint's bounds: more tasks than this, of which the median takes less than that, milliseconds.
const TASKS: i64 = 5_000;
const SHORT: i64 = 500;
/// Share of the tasks' time that is not work, from which it is a warning.
const MUCH: f64 = 0.5;
/// How many times fewer tasks are suggested.
const FEWER: i64 = 10;

/// Whether a stage attempt has many small tasks.
pub fn has_small_tasks(stage: &StageAttempt) -> bool {
    stage.task_times.is_some_and(|t| t.tasks > TASKS && t.median < SHORT)
}

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    let mut found: Vec<(i64, StageKey, Finding)> = Vec::new();
    for (key, stage) in facts.stages.iter().filter(|(_, s)| has_small_tasks(s)) {
        let Some(times) = stage.task_times else { continue };
        let run = stage.metrics.executor_run_time;
        let around = stage.measured_time.saturating_sub(run).max(0);
        let share = if stage.measured_time > 0 { around as f64 / stage.measured_time as f64 } else { 0.0 };
        let wall = (facts.wall_of(*key) as f64 * share) as i64;
        let at_stake = AtStake::wall(wall).cores(around);
        if !limits.worth(facts, &at_stake) {
            continue;
        }
        let severity = if share >= MUCH { Severity::Warning } else { Severity::Info };
        let summary = format!(
            "{} tasks of {} each: {:.0} % of their time is starting and ending them",
            times.tasks,
            time(times.median),
            share * 100.0
        );
        let mut f = Finding::new(severity, Place::Stage(key.0, key.1), summary)
            .evidence(Evidence::new("tasks", Value::Count(stage.num_tasks), of_stage(*key, "/numTasks")))
            .evidence(Evidence::new("median task", Value::Millis(times.median), in_list(facts, *key, "medianTask")))
            .evidence(Evidence::derived("time of tasks that they do not run", Value::Millis(around)))
            .evidence(Evidence::new("run time of tasks", Value::Millis(run), of_stage(*key, "/executorRunTime")))
            .evidence(Evidence::derived("share of their time", Value::Share(share)));
        f.advice = advice(facts, stage);
        found.push((around, *key, f.costs(at_stake).sure(Sure::Certain)));
    }
    found.sort_by_key(|(cost, key, _)| (std::cmp::Reverse(*cost), *key));
    found.into_iter().take(MOST).for_each(|(_, _, f)| verdict.find(f));
}

fn advice(facts: &Facts, stage: &StageAttempt) -> Vec<Advice> {
    let fewer = (stage.num_tasks / FEWER).max(1);
    let set = |key: &'static str, suggested: String, why: &str, since| {
        Advice::Set(Setting { key, current: facts.conf.current(key), suggested, why: why.to_owned(), since })
    };
    if !is_sql(facts, stage) {
        return vec![Advice::Do(format!(
            "about {fewer} partitions: coalesce({fewer}), or fewer with the operation that makes them"
        ))];
    }
    if stage.metrics.input_bytes_read > 0 {
        let now = facts.conf.bytes("spark.sql.files.maxPartitionBytes", 1).unwrap_or(128 << 20);
        let many = "if the files are large: more of them in a task";
        let mut out = vec![Advice::Do(
            "many small files make many small tasks: let the writer, or the table's upkeep, write larger ones".into(),
        )];
        // Of large files, more in a task; of small ones, what counts is what opening one is said to cost.
        if stage.metrics.input_bytes_read / stage.num_tasks.max(1) >= now / 2 {
            out.insert(0, set("spark.sql.files.maxPartitionBytes", as_setting(now.saturating_mul(4)), many, (2, 0)));
        } else {
            let why = "each file counts as this many bytes more when files are put together: less puts more small files into a task";
            out.push(set("spark.sql.files.openCostInBytes", "1m".into(), why, (2, 0)));
        }
        return out;
    }
    let mut out = vec![set(
        "spark.sql.shuffle.partitions",
        fewer.to_string(),
        "a tenth of the tasks, each with ten times the work",
        (0, 0),
    )];
    if !adaptive(facts) {
        out.push(set("spark.sql.adaptive.enabled", "true".into(), "small partitions of a shuffle are joined", (3, 0)));
    }
    out
}

#[cfg(test)]
mod tests {
    use afterglow_history::state::{Job, metrics::TaskMetrics};

    use super::*;
    use crate::facts::made::{cluster, stage, suggested};

    fn many(tasks: i64, median: i64, version: &str) -> Facts {
        let mut s = stage((1, 0), (0, 300_000), (tasks, median, median));
        s.metrics = TaskMetrics { executor_run_time: s.measured_time * 2 / 5, ..TaskMetrics::default() };
        s.job_ids = [0].into();
        let mut facts = cluster(2, 600_000, version, &[]).with(s);
        facts.jobs.insert(0, Job { sql_execution_id: Some(0), ..Job::default() });
        facts
    }

    #[test]
    fn more_than_5000_below_half_a_second() {
        let found = many(5_001, 499, "3.5.1").found(&RULE);
        assert_eq!(found[0].summary, "5001 tasks of 499 ms each: 60 % of their time is starting and ending them");
        assert_eq!((found[0].severity, found[0].at_stake.wall), (Severity::Warning, Some(180_000)));
        assert_eq!(suggested(&found[0])["spark.sql.shuffle.partitions"], "500");
        assert_eq!(many(5_000, 499, "3.5.1").found(&RULE), []);
        assert_eq!(many(5_001, 500, "3.5.1").found(&RULE), []);
        assert_eq!(suggested(&many(6_000, 100, "3.1.3").found(&RULE)[0])["spark.sql.adaptive.enabled"], "true");
    }
}
