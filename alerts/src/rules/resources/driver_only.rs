//! `driver-only`: for much of the time no stage was active, while executors waited.

use super::idle_cores::{SHORT, WORTH, evidence};
use super::many_small_jobs;
use super::usage::usage;
use super::{allocate, is_dynamic, is_streaming, of_wall, set};
use crate::facts::Facts;
use crate::finding::{Advice, AtStake, Evidence, Finding, Place, Severity, Sure, Value};
use crate::report::time;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "driver-only",
    family: Family::Resources,
    title: "For much of the time no stage was active, while executors waited",
    page: include_str!("driver_only.md"),
    judge,
};

/// Share of the application's duration without an active stage, and from which it is a warning.
const MUCH: f64 = 0.3;
const MOSTLY: f64 = 0.6;

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    if facts.is_local() || is_streaming(facts) || facts.duration() < SHORT || many_small_jobs::applies(facts) {
        return;
    }
    let (alone, u) = (facts.wall.parts[0], usage(facts));
    let share = alone as f64 / facts.duration().max(1) as f64;
    let memory = (u.memory as f64 * (u.between as f64 / u.all.max(1) as f64)) as i64;
    let at_stake = AtStake::wall(alone).cores(u.between).memory(memory);
    // Without executors that wait, it is the driver's own affair.
    if share < MUCH || u.between < WORTH || !u.is_idle_between() || !limits.worth(facts, &at_stake) {
        return;
    }
    let severity = if share >= MOSTLY { Severity::Warning } else { Severity::Info };
    let summary =
        format!("no stage was active for {}, {:.0} % of the time, while executors waited", time(alone), share * 100.0);
    let mut f = Finding::new(severity, Place::Application, summary)
        .evidence(Evidence::derived("share of the application's duration", Value::Share(share)))
        .evidence(Evidence::new("time without an active stage", Value::Millis(alone), of_wall(0)));
    f.evidence.extend(evidence(facts, &u));
    f = f.advise(Advice::Do("see what the driver does then: listing files, planning, committing, calls to other services, code that is not Spark's; or a person who thinks".into()));
    if is_dynamic(facts) {
        f = f.advise(set(
            facts,
            "spark.dynamicAllocation.executorIdleTimeout",
            "30s",
            "executors go sooner while nothing is to do",
            (0, 0),
        ));
        if facts.conf.number("spark.dynamicAllocation.minExecutors", 0) > 1 {
            f = f.advise(set(
                facts,
                "spark.dynamicAllocation.minExecutors",
                "0",
                "so many stay whatever is to do",
                (0, 0),
            ));
        }
    } else {
        f.advice.extend(allocate(facts));
    }
    verdict.find(f.costs(at_stake).sure(Sure::Certain));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::made::{cluster, stage, suggested};

    fn active(to: i64, properties: &[(&str, &str)]) -> Vec<Finding> {
        cluster(10, 600_000, "3.5.1", properties).with(stage((0, 0), (0, to), (8, 1_000, 1_000))).found(&RULE)
    }

    #[test]
    fn three_tenths_of_the_time() {
        let mut facts = cluster(10, 600_000, "3.3.2", &[]).with(stage((0, 0), (0, 420_000), (8, 1_000, 1_000)));
        facts.executors.values_mut().for_each(|e| e.total_duration = 1_500_000);
        let found = facts.found(&RULE);
        assert_eq!(found[0].summary, "no stage was active for 3.0 min, 30 % of the time, while executors waited");
        assert_eq!((found[0].severity, found[0].at_stake.wall), (Severity::Info, Some(180_000)));
        assert_eq!(found[0].at_stake.cores, Some(7_200_000));
        assert_eq!(suggested(&found[0])["spark.dynamicAllocation.shuffleTracking.enabled"], "true");
        assert_eq!(active(430_000, &[]), []);
        assert_eq!(active(100_000, &[])[0].severity, Severity::Warning);
        assert_eq!(active(100_000, &[("spark.master", "local[8]")]), []);
    }
}
