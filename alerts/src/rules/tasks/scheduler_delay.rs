//! `scheduler-delay`: tasks spend much of their time on the way to executors and back: the driver is busy.

use afterglow_history::state::StageKey;

use super::small_tasks::has_small_tasks;
use super::{MOST, of_stage};
use crate::facts::Facts;
use crate::finding::{Advice, AtStake, Evidence, Finding, Place, Setting, Severity, Sure, Value};
use crate::report::time;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "scheduler-delay",
    family: Family::Tasks,
    title: "Tasks wait for the driver for much of their time",
    page: include_str!("scheduler_delay.md"),
    judge,
};

/// Share of the tasks' time: below a third of it, executors mostly work.
const MUCH: f64 = 0.3;
/// Share from which it is a warning.
const MOSTLY: f64 = 0.5;
/// Milliseconds of delay for each task, on average: shorter ones are what any network takes.
const EACH: i64 = 100;
/// Milliseconds of the application's duration that are lost.
const LONG: i64 = 10_000;

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    let mut found: Vec<(i64, StageKey, Finding)> = Vec::new();
    for (key, stage) in facts.stages.iter().filter(|(_, s)| !has_small_tasks(s)) {
        let m = &stage.metrics;
        let known =
            [m.executor_run_time, m.executor_deserialize_time, m.result_serialization_time, stage.getting_result_time];
        let delay = known.into_iter().fold(stage.measured_time, i64::saturating_sub).max(0);
        let share = if stage.measured_time > 0 { delay as f64 / stage.measured_time as f64 } else { 0.0 };
        let wall = (facts.wall_of(*key) as f64 * share) as i64;
        let at_stake = AtStake::wall(wall).cores(delay);
        let each = delay / stage.tasks().max(1);
        if share < MUCH || each < EACH || wall < LONG || !limits.worth(facts, &at_stake) {
            continue;
        }
        let severity = if share >= MOSTLY { Severity::Warning } else { Severity::Info };
        let summary = format!(
            "{:.0} % of the tasks' time is the way to the executors and back, {} for each",
            share * 100.0,
            time(each)
        );
        let mut f = Finding::new(severity, Place::Stage(key.0, key.1), summary)
            .evidence(Evidence::derived("share of the tasks' time", Value::Share(share)))
            .evidence(Evidence::derived("scheduler delay", Value::Millis(delay)))
            .evidence(Evidence::new(
                "run time of tasks",
                Value::Millis(m.executor_run_time),
                of_stage(*key, "/executorRunTime"),
            ))
            .evidence(Evidence::new("tasks", Value::Count(stage.num_tasks), of_stage(*key, "/numTasks")));
        f.advice = advice(facts);
        found.push((wall, *key, f.costs(at_stake).sure(Sure::Likely)));
    }
    found.sort_by_key(|(cost, key, _)| (std::cmp::Reverse(*cost), *key));
    found.into_iter().take(MOST).for_each(|(_, _, f)| verdict.find(f));
}

fn advice(facts: &Facts) -> Vec<Advice> {
    let does = |text: &str| Advice::Do(text.to_owned());
    let mut out = vec![
        does("see what keeps the driver busy: work of its own, garbage collection, many tasks at once, large closures"),
        does("fewer, larger tasks; broadcast what every task refers to"),
    ];
    if !facts.is_local() {
        let cores = facts.conf.number("spark.driver.cores", 1).max(1);
        out.push(Advice::Set(Setting {
            key: "spark.driver.cores",
            current: facts.conf.current("spark.driver.cores"),
            suggested: cores.saturating_mul(2).to_string(),
            why: "tasks are sent and their ends are taken in on several threads; in cluster mode only".into(),
            since: (0, 0),
        }));
    }
    out
}

#[cfg(test)]
mod tests {
    use afterglow_history::state::metrics::TaskMetrics;

    use super::*;
    use crate::facts::made::{cluster, stage, suggested};

    fn delayed(delay: i64) -> Vec<Finding> {
        let mut s = stage((1, 0), (0, 100_000), (80, 10_000, 10_000));
        s.metrics = TaskMetrics { executor_run_time: s.measured_time - delay, ..TaskMetrics::default() };
        cluster(2, 600_000, "3.5.1", &[]).with(s).found(&RULE)
    }

    #[test]
    fn from_three_tenths_of_the_time() {
        assert_eq!(delayed(239_000), []);
        let found = delayed(240_000);
        assert_eq!(found[0].summary, "30 % of the tasks' time is the way to the executors and back, 3.0 s for each");
        assert_eq!((found[0].severity, found[0].at_stake), (Severity::Info, AtStake::wall(30_000).cores(240_000)));
        assert_eq!(suggested(&found[0])["spark.driver.cores"], "2");
        assert_eq!(delayed(400_000)[0].severity, Severity::Warning);
    }
}
