//! `gc-pressure`: executors spend much of their tasks' time on collecting garbage.

use crate::facts::Facts;
use crate::finding::{Advice, AtStake, Evidence, Finding, Place, Setting, Severity, Source, Sure, Value};
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "gc-pressure",
    family: Family::Memory,
    title: "Tasks spend more than a tenth of their time on garbage collection",
    page: include_str!("gc_pressure.md"),
    judge,
};

/// Share of a stage's run time from which it is much, and from which it is too much: Dr. Elephant's and rapids-tools'.
const MUCH: f64 = 0.10;
const TOO_MUCH: f64 = 0.30;
/// Stage attempts that are told of at most, those where most is at stake: the cure is one for all.
const STAGES: usize = 5;

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    let mut all: Vec<(i64, Finding)> = Vec::new();
    for (key, stage) in &facts.stages {
        let (run, gc) = (stage.metrics.executor_run_time, stage.metrics.jvm_gc_time);
        if run <= 0 || gc <= 0 || gc > run {
            continue;
        }
        let share = gc as f64 / run as f64;
        let wall = (facts.wall_of(*key) as f64 * share) as i64;
        let at_stake = AtStake::wall(wall).cores(gc);
        if share < MUCH || !limits.worth(facts, &at_stake) {
            continue;
        }
        let severity = if share >= TOO_MUCH { Severity::Warning } else { Severity::Info };
        let path = format!("stages/{}/{}", key.0, key.1);
        let summary = format!("{:.0} % of the run time of its tasks is garbage collection", share * 100.0);
        let finding = Finding::new(severity, Place::Stage(key.0, key.1), summary)
            .evidence(Evidence::derived("share of run time", Value::Share(share)))
            .evidence(Evidence::new("garbage collection", Value::Millis(gc), Source::spark(&path, "/jvmGcTime")))
            .evidence(Evidence::new("run time of tasks", Value::Millis(run), Source::spark(&path, "/executorRunTime")))
            .costs(at_stake)
            .advise(memory(facts, stage.resource_profile_id))
            .advise(Advice::Do("cache less, or serialized: cached objects are looked at by every collection".into()))
            .sure(Sure::Certain);
        all.push((gc, finding));
    }
    all.sort_by_key(|(gc, _)| std::cmp::Reverse(*gc));
    all.into_iter().take(STAGES).for_each(|(_, finding)| verdict.find(finding));
}

fn memory(facts: &Facts, profile: i64) -> Advice {
    if profile != 0 {
        return Advice::Do("give the executors of this resource profile half as much memory again".into());
    }
    // A local application has one heap, the driver's.
    let key = if facts.is_local() { "spark.driver.memory" } else { "spark.executor.memory" };
    let now = facts.conf.bytes(key, 1 << 20).unwrap_or(1 << 30);
    Advice::Set(Setting {
        key,
        current: facts.conf.current(key),
        suggested: crate::conf::as_setting(now.saturating_add(now / 2)),
        why: "half as much heap again gives the collector room; what it collects most often is short-lived".into(),
        since: (0, 0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::made::{application, found, settings};

    fn with(run: i64, gc: i64) -> Facts {
        application("3.5.1", 100, &[("spark.executor.memory", "4g")])
            .with_stage(3, 50, run, |s| s.metrics.jvm_gc_time = gc * 1000)
    }

    #[test]
    fn a_tenth_is_much_and_a_third_is_too_much() {
        assert_eq!(found(RULE.name, &with(200, 19)), []);
        let much = found(RULE.name, &with(200, 20));
        assert_eq!((much[0].severity, &much[0].place), (Severity::Info, &Place::Stage(3, 0)));
        assert_eq!(much[0].at_stake, AtStake::wall(5_000).cores(20_000));
        assert_eq!(settings(&much[0]), [("spark.executor.memory", Some("4g"), "6g")]);
        assert_eq!(found(RULE.name, &with(200, 60))[0].severity, Severity::Warning);
        assert_eq!(found(RULE.name, &with(200, 201)), [], "more than there is");
    }

    #[test]
    fn a_few_stages_stand_for_all() {
        let facts =
            (10..30).fold(with(200, 20), |f, id| f.with_stage(id, 10, 100, |s| s.metrics.jvm_gc_time = 20_000 + id));
        let all = found(RULE.name, &facts);
        assert_eq!(all.len(), STAGES);
        assert_eq!(all[0].evidence[1].value, Value::Millis(20_029));
    }
}
