//! `idle-cores`: while stages ran, most cores had nothing to do.

use super::usage::{Usage, usage};
use super::{allocate, is_dynamic, is_streaming, set};
use crate::facts::Facts;
use crate::finding::{Advice, AtStake, Evidence, Finding, Place, Severity, Source, Sure, Value};
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "idle-cores",
    family: Family::Resources,
    title: "While stages ran, most cores had nothing to do",
    page: include_str!("idle_cores.md"),
    judge,
};

/// DataFlint's bound.
const MUCH: f64 = 0.5;
/// Share from which it is a warning.
const MOSTLY: f64 = 0.75;
/// Core milliseconds that are idle: less is less than what starting a cluster costs.
pub const WORTH: i64 = 60 * 60_000;
/// Applications shorter than this have mostly start and end, milliseconds.
pub const SHORT: i64 = 5 * 60_000;

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    // A laptop's cores cost nothing, and a stream's wait for their trigger.
    if facts.is_local() || is_streaming(facts) || facts.duration() < SHORT {
        return;
    }
    let u = usage(facts);
    let at_stake = AtStake::default().cores(u.idle()).memory((u.memory as f64 * u.idle_share()) as i64);
    if u.idle_share() < MUCH || u.idle() < WORTH || u.is_idle_between() || !limits.worth(facts, &at_stake) {
        return;
    }
    let severity = if u.idle_share() >= MOSTLY { Severity::Warning } else { Severity::Info };
    let summary =
        format!("cores had nothing to do for {:.0} % of their time, mostly while stages ran", u.idle_share() * 100.0);
    let mut f = Finding::new(severity, Place::Application, summary);
    f.evidence = evidence(facts, &u);
    f.advice = advice(facts, &u);
    verdict.find(f.costs(at_stake).sure(Sure::Certain));
}

/// What idle cores are told with.
pub fn evidence(facts: &Facts, u: &Usage) -> Vec<Evidence> {
    let executors = facts.workers().count() as i64;
    vec![
        Evidence::derived("idle share of the cores' time", Value::Share(u.idle_share())),
        Evidence::derived("time of all cores", Value::Millis(u.all)),
        Evidence::derived("time in which they ran tasks", Value::Millis(u.busy)),
        Evidence::derived("time in which no stage was active", Value::Millis(u.between)),
        Evidence::new("executors", Value::Count(executors), Source::ours("overview", "/counts/executors")),
    ]
}

fn advice(facts: &Facts, u: &Usage) -> Vec<Advice> {
    if is_dynamic(facts) {
        let key = "spark.dynamicAllocation.executorAllocationRatio";
        let now = facts.conf.decimal(key, 1.0).clamp(0.05, 1.0);
        let ratio = format!("{:.2}", (now * 0.5).max(0.1));
        return vec![
            set(
                facts,
                key,
                ratio,
                "fewer executors for as many waiting tasks: short tasks are done before the last executors come",
                (2, 4),
            ),
            set(
                facts,
                "spark.dynamicAllocation.executorIdleTimeout",
                "30s",
                "executors without work go sooner",
                (0, 0),
            ),
        ];
    }
    let mut out = Vec::new();
    if let Some(n) =
        facts.conf.get("spark.executor.instances").and_then(|n| n.trim().parse::<i64>().ok()).filter(|n| *n > 1)
    {
        // So many that they would be busy for four fifths of their time, if the work could be spread so.
        let needed = (n as f64 * (1.0 - u.idle_share()) / 0.8).ceil().max(1.0) as i64;
        if needed < n {
            out.push(set(
                facts,
                "spark.executor.instances",
                needed.to_string(),
                "so many would be busy for four fifths of the time",
                (0, 0),
            ));
        }
    }
    out.extend(allocate(facts));
    out.push(Advice::Do("or give the cores work: see too-few-tasks and task-skew".into()));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::made::{cluster, stage, suggested};

    /// Ten executors for 10 minutes; busy for so much of the time, in a stage that takes so long.
    fn busy(share: f64, stage_ends: i64, properties: &[(&str, &str)]) -> Facts {
        let mut facts =
            cluster(10, 600_000, "3.5.1", properties).with(stage((0, 0), (0, stage_ends), (8, 1_000, 1_000)));
        for e in facts.executors.values_mut() {
            e.total_duration = (2_400_000.0 * share) as i64;
        }
        facts
    }

    #[test]
    fn half_of_the_time_while_stages_ran() {
        let found = busy(0.4, 600_000, &[("spark.executor.instances", "10")]).found(&RULE);
        assert_eq!(found[0].summary, "cores had nothing to do for 60 % of their time, mostly while stages ran");
        assert_eq!((found[0].severity, found[0].at_stake.cores), (Severity::Info, Some(14_400_000)));
        assert_eq!(suggested(&found[0])["spark.executor.instances"], "5");
        assert_eq!(busy(0.51, 600_000, &[]).found(&RULE), []);
        assert_eq!(busy(0.1, 600_000, &[]).found(&RULE)[0].severity, Severity::Warning);
        assert_eq!(busy(0.1, 100_000, &[]).found(&RULE), [], "no stage was active: driver-only tells it");
        assert_eq!(busy(0.4, 600_000, &[("spark.master", "local[8]")]).found(&RULE), []);
    }

    #[test]
    fn dynamic_allocation_has_its_own_advice() {
        let found = busy(0.4, 600_000, &[("spark.dynamicAllocation.enabled", "true")]).found(&RULE);
        assert_eq!(suggested(&found[0])["spark.dynamicAllocation.executorAllocationRatio"], "0.50");
    }
}
