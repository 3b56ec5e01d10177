//! `executor-imbalance`: some executors did far more than others that were there as long.

use afterglow_history::insight::wall_clock::present;
use afterglow_history::state::Executor;

use super::{is_streaming, of_executor};
use crate::facts::Facts;
use crate::finding::{Advice, AtStake, Evidence, Finding, Place, Severity, Sure, Value};
use crate::report::time;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "executor-imbalance",
    family: Family::Resources,
    title: "An executor did far more work than others that were there as long",
    page: include_str!("executor_imbalance.md"),
    judge,
};

/// Dr. Elephant's scale of the greatest over the median: its second and its third step.
const MUCH: f64 = 1.778;
const MOSTLY: f64 = 3.162;
/// Dr. Elephant's gate: task time of the busiest executor, milliseconds.
const LONG: i64 = 5 * 60_000;
/// Part of the longest presence that an executor must have been there for: with dynamic allocation, those that came late did less.
const AS_LONG: f64 = 0.8;
/// Executors to compare.
const EXECUTORS: usize = 4;

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    if is_streaming(facts) {
        return;
    }
    let there = |e: &Executor| present(e, facts.start, facts.end).map_or(0, |(from, to)| to.saturating_sub(from));
    let longest = facts.workers().map(there).max().unwrap_or(0);
    let mut all: Vec<&Executor> = facts.workers().filter(|e| there(e) as f64 >= AS_LONG * longest as f64).collect();
    if all.len() < EXECUTORS || all.iter().any(|e| e.total_cores != all[0].total_cores) {
        return;
    }
    all.sort_by_key(|e| (e.total_duration, &e.id));
    let (median, Some(most)) = (all[all.len() / 2], all.last()) else { return };
    let ratio = most.total_duration as f64 / median.total_duration.max(1) as f64;
    // Had the others taken over what it did more than they.
    let more = most.total_duration.saturating_sub(median.total_duration);
    let wall = (more / most.max_tasks.max(1)).min(facts.duration());
    let at_stake = AtStake::wall(wall);
    let by_one_task = |s: &crate::facts::TaskFacts| {
        s.longest
            .as_ref()
            .is_some_and(|t| *t.executor_id == *most.id && t.duration.unwrap_or(0).saturating_mul(2) >= more)
    };
    // One long task is told by itself.
    let told = facts.tasks.values().any(by_one_task);
    if ratio < MUCH || most.total_duration < LONG || told || !limits.worth(facts, &at_stake) {
        return;
    }
    let severity = if ratio >= MOSTLY { Severity::Warning } else { Severity::Info };
    let summary =
        format!("its tasks took {}, {ratio:.1} times those of the median executor", time(most.total_duration));
    let mut f = Finding::new(severity, Place::Executor(most.id.clone()), summary)
        .evidence(Evidence::derived("task time over that of the median executor", Value::Ratio(ratio)));
    let number =
        |name, e: &Executor, value, pointer: &str| Evidence { name, value, source: of_executor(facts, &e.id, pointer) };
    f.evidence.push(number("its task time", most, Value::Millis(most.total_duration), "/totalDuration"));
    f.evidence.push(number(
        "task time of the median executor",
        median,
        Value::Millis(median.total_duration),
        "/totalDuration",
    ));
    f.evidence.push(number("its tasks", most, Value::Count(most.total_tasks), "/totalTasks"));
    f.evidence.push(number("its input", most, Value::Bytes(most.total_input_bytes), "/totalInputBytes"));
    f.evidence.push(number("its shuffle read", most, Value::Bytes(most.total_shuffle_read), "/totalShuffleRead"));
    f = f.advise(Advice::Do("few tasks, or tasks that wait for a place near their data, gather on some executors: more, smaller partitions spread better".into()));
    if most.total_input_bytes > median.total_input_bytes.saturating_mul(2) {
        f = f.advise(super::set(
            facts,
            "spark.locality.wait",
            "0s",
            "tasks do not wait for the executors that have the data",
            (0, 0),
        ));
    }
    verdict.find(f.costs(at_stake).sure(Sure::Possible));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::made::cluster;

    fn worked(minutes: &[i64]) -> Facts {
        let mut facts = cluster(minutes.len() as i64, 600_000, "3.5.1", &[]);
        for (n, m) in minutes.iter().enumerate() {
            facts.executors.get_mut(&(n + 1).to_string()).unwrap().total_duration = m * 60_000;
        }
        facts
    }

    #[test]
    fn on_dr_elephants_scale() {
        let found = worked(&[4, 4, 4, 8]).found(&RULE);
        assert_eq!(found[0].summary, "its tasks took 8.0 min, 2.0 times those of the median executor");
        assert_eq!((found[0].severity, &found[0].place), (Severity::Info, &Place::Executor("4".into())));
        assert_eq!(found[0].at_stake, AtStake::wall(60_000));
        assert_eq!(worked(&[5, 5, 5, 8]).found(&RULE), []);
        assert_eq!(worked(&[2, 2, 2, 4]).found(&RULE), [], "too short");
        assert_eq!(worked(&[4, 4, 8]).found(&RULE), [], "too few");
        assert_eq!(worked(&[4, 4, 4, 13]).found(&RULE)[0].severity, Severity::Warning);
    }

    #[test]
    fn those_that_came_late_do_not_count() {
        let mut facts = worked(&[1, 1, 8, 8, 8, 8]);
        for id in ["1", "2"] {
            facts.executors.get_mut(id).unwrap().add_time = 500_000;
        }
        assert_eq!(facts.found(&RULE), []);
    }
}
