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

/// Share of a stage's run time from which it is much, and from which it is too much.
const MUCH: f64 = 0.10;
const TOO_MUCH: f64 = 0.30;

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
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
            .advise(memory(facts))
            .advise(Advice::Do("cache less, or serialized: cached objects are looked at by every collection".into()))
            .sure(Sure::Certain);
        verdict.find(finding);
    }
}

fn memory(facts: &Facts) -> Advice {
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
