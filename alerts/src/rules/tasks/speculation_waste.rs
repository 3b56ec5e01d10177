//! `speculation-waste`: second attempts of tasks that were killed for nothing.

use afterglow_history::state::StageKey;

use super::{MOST, of_stage};
use crate::facts::Facts;
use crate::finding::{Advice, AtStake, Evidence, Finding, Place, Setting, Severity, Source, Sure, Value};
use crate::report::time;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "speculation-waste",
    family: Family::Tasks,
    title: "Second attempts of slow tasks take much time and seldom win",
    page: include_str!("speculation_waste.md"),
    judge,
};

/// Share of second attempts that are done first, above which they are worth their time.
const WON: f64 = 0.5;
/// Share of the stage's task time that was killed.
const MUCH: f64 = 0.1;

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    let mut found: Vec<(i64, StageKey, Finding)> = Vec::new();
    for (key, stage) in &facts.stages {
        let s = stage.speculation;
        let Some(spread) = facts.spread.get(key).filter(|_| s.tasks > 0) else { continue };
        // Whatever was killed for another reason is not speculation's.
        let lost_race = |why: &String| why.contains("another attempt succeeded");
        let only = stage.killed_summary.keys().all(|why| lost_race(why) || why.starts_with("TaskCommitDenied"));
        let won = s.completed as f64 / s.tasks as f64;
        let all = stage.measured_time.saturating_add(stage.unmeasured_time);
        let share = if all > 0 { spread.killed_time as f64 / all as f64 } else { 0.0 };
        let at_stake = AtStake::default().cores(spread.killed_time);
        if !only || won > WON || share < MUCH || !limits.worth(facts, &at_stake) {
            continue;
        }
        let summary = format!(
            "{} of {} second attempts were done first; {} of task time were killed",
            s.completed,
            s.tasks,
            time(spread.killed_time)
        );
        let of_executors = |field: &str| {
            Source::ours(format!("stages/{}/{}/executors", key.0, key.1), format!("/speculation/{field}"))
        };
        let mut f = Finding::new(Severity::Info, Place::Stage(key.0, key.1), summary)
            .evidence(Evidence::new("second attempts", Value::Count(s.tasks), of_executors("tasks")))
            .evidence(Evidence::new("done first", Value::Count(s.completed), of_executors("completedTasks")))
            .evidence(Evidence::new(
                "killed tasks",
                Value::Count(stage.killed_tasks),
                of_stage(*key, "/numKilledTasks"),
            ))
            .evidence(Evidence::derived("time of killed tasks", Value::Millis(spread.killed_time)))
            .evidence(Evidence::derived("share of the stage's task time", Value::Share(share)));
        f.advice = advice(facts);
        found.push((spread.killed_time, *key, f.costs(at_stake).sure(Sure::Certain)));
    }
    found.sort_by_key(|(time, key, _)| (std::cmp::Reverse(*time), *key));
    found.into_iter().take(MOST).for_each(|(_, _, f)| verdict.find(f));
}

fn advice(facts: &Facts) -> Vec<Advice> {
    // Spark 4 waits longer of itself.
    let four = facts.conf.version >= (4, 0);
    let (multiplier, quantile) = if four { (3.0, 0.9) } else { (1.5, 0.75) };
    let now = facts.conf.decimal("spark.speculation.multiplier", multiplier);
    let done = facts.conf.decimal("spark.speculation.quantile", quantile);
    let set = |key: &'static str, suggested: String, why: &str| {
        Advice::Set(Setting { key, current: facts.conf.current(key), suggested, why: why.to_owned(), since: (0, 0) })
    };
    let mut out =
        vec![set("spark.speculation.multiplier", format!("{}", (now * 2.0).max(3.0)), "a task counts as slow later")];
    if done < 0.9 {
        out.push(set("spark.speculation.quantile", "0.9".into(), "only the last tenth of the tasks is looked at"));
    }
    out.push(Advice::Do("where tasks are slow for their data, a second attempt is as slow: see task-skew".into()));
    out
}

#[cfg(test)]
mod tests {
    use afterglow_history::state::Speculation;

    use super::*;
    use crate::facts::Spread;
    use crate::facts::made::{cluster, stage, suggested};

    fn raced(completed: i64, killed_time: i64, why: &str) -> Vec<Finding> {
        let mut s = stage((1, 0), (0, 100_000), (80, 10_000, 10_000));
        s.speculation = Speculation { tasks: 10, completed, killed: 10 - completed, ..Speculation::default() };
        s.killed_summary.insert(why.into(), 10);
        let mut facts = cluster(2, 600_000, "3.5.1", &[("spark.speculation", "true")]).with(s);
        facts.spread.insert((1, 0), Spread { killed_time, ..Spread::default() });
        facts.found(&RULE)
    }

    #[test]
    fn attempts_that_seldom_win() {
        const RACE: &str = "another attempt succeeded";
        let found = raced(2, 100_000, RACE);
        assert_eq!(found[0].summary, "2 of 10 second attempts were done first; 1.7 min of task time were killed");
        assert_eq!(suggested(&found[0])["spark.speculation.multiplier"], "3");
        assert_eq!(suggested(&found[0])["spark.speculation.quantile"], "0.9");
        assert_eq!(raced(6, 100_000, RACE), [], "they win");
        assert_eq!(raced(2, 79_000, RACE), [], "they cost little");
        assert_eq!(raced(2, 100_000, "Stage cancelled"), [], "somebody else killed them");
    }
}
