//! `waiting-for-executors`: stages were there, and no executor to run them.

use super::{is_dynamic, of_wall, set};
use crate::facts::Facts;
use crate::finding::{Advice, AtStake, Evidence, Finding, Place, Severity, Sure, Value};
use crate::report::time;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "waiting-for-executors",
    family: Family::Resources,
    title: "Stages waited for executors",
    page: include_str!("waiting_for_executors.md"),
    judge,
};

/// Milliseconds: what it takes to start a container is no news.
const LONG: i64 = 60_000;
/// Share of the application's duration, and from which it is a warning.
const MUCH: f64 = 0.1;
const MOSTLY: f64 = 0.3;

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    let waited = facts.wall.parts[1];
    let share = waited as f64 / facts.duration().max(1) as f64;
    let at_stake = AtStake::wall(waited);
    if facts.is_local() || waited < LONG || share < MUCH || !limits.worth(facts, &at_stake) {
        return;
    }
    let came = facts.workers().map(|e| e.add_time).min();
    let severity = if share >= MOSTLY { Severity::Warning } else { Severity::Info };
    let none = if came.is_none() { "; none came" } else { "" };
    let summary =
        format!("stages waited {} for the first executor, {:.0} % of the time{none}", time(waited), share * 100.0);
    let mut f = Finding::new(severity, Place::Application, summary)
        .evidence(Evidence::new("time with stages and without executors", Value::Millis(waited), of_wall(1)))
        .evidence(Evidence::derived("share of the application's duration", Value::Share(share)));
    if let Some(came) = came {
        let after = came.saturating_sub(facts.start).max(0);
        f = f.evidence(Evidence::derived("first executor after the start", Value::Millis(after)));
    }
    f = f.advise(Advice::Do("see what they waited for: a full queue or quota, new nodes, images to pull; keep some capacity started for jobs that cannot wait".into()));
    if is_dynamic(facts) && facts.conf.number("spark.dynamicAllocation.minExecutors", 0) == 0 {
        let why = "an executor stays between stages, so that the next one begins at once";
        f = f.advise(set(facts, "spark.dynamicAllocation.minExecutors", "1", why, (0, 0)));
    }
    verdict.find(f.costs(at_stake).sure(Sure::Certain));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::made::{cluster, stage, suggested};

    fn come(after: i64, duration: i64, properties: &[(&str, &str)]) -> Vec<Finding> {
        let mut facts = cluster(2, duration, "3.5.1", properties);
        facts.executors.values_mut().filter(|e| e.id != "driver").for_each(|e| e.add_time = after);
        facts.with(stage((0, 0), (0, duration), (8, 1_000, 1_000))).found(&RULE)
    }

    #[test]
    fn a_minute_and_a_tenth() {
        let found = come(60_000, 600_000, &[]);
        assert_eq!(found[0].summary, "stages waited 1.0 min for the first executor, 10 % of the time");
        assert_eq!((found[0].severity, found[0].at_stake), (Severity::Info, AtStake::wall(60_000)));
        assert_eq!(come(59_999, 600_000, &[]), []);
        assert_eq!(come(60_000, 600_001, &[]), []);
        let dynamic = come(300_000, 600_000, &[("spark.dynamicAllocation.enabled", "true")]);
        assert_eq!(dynamic[0].severity, Severity::Warning);
        assert_eq!(suggested(&dynamic[0])["spark.dynamicAllocation.minExecutors"], "1");
    }
}
