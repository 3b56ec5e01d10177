//! Cores and executors: idle, lost, wasted.

mod driver_only;
mod executor_excluded;
mod executor_imbalance;
mod executor_lost;
mod idle_cores;
mod many_small_jobs;
mod usage;
mod waiting_for_executors;

use super::Rule;
use crate::facts::Facts;
use crate::finding::{Advice, Setting, Source};

/// The rules of this family, in the order in which the catalogue shows them.
pub const RULES: &[Rule] = &[
    executor_lost::RULE,
    executor_excluded::RULE,
    waiting_for_executors::RULE,
    idle_cores::RULE,
    driver_only::RULE,
    many_small_jobs::RULE,
    executor_imbalance::RULE,
];

/// Where Spark's API has something about an executor.
fn of_executor(facts: &Facts, id: &str, pointer: &str) -> Option<Source> {
    let at = facts.executors.keys().position(|k| k == id)?;
    Some(Source::spark("allexecutors", format!("/{at}{pointer}")))
}

/// Where our overview has a part of the wall clock, by its place.
fn of_wall(part: usize) -> Source {
    Source::ours("overview", format!("/wallClock/parts/{part}/time"))
}

/// Whether executors come and go as they are needed. Platforms that do so of themselves set it, too.
fn is_dynamic(facts: &Facts) -> bool {
    facts.conf.flag("spark.dynamicAllocation.enabled", false)
        || facts.conf.flag("spark.databricks.clusterUsageTags.clusterScalingEnabled", false)
}

/// Whether jobs are those of streaming queries: they come with their trigger, and cores wait for it.
pub fn is_streaming(facts: &Facts) -> bool {
    facts
        .jobs
        .values()
        .any(|j| j.description.as_deref().is_some_and(|d| d.contains("runId = ") || d.contains("Streaming job from")))
}

fn set(facts: &Facts, key: &'static str, suggested: impl Into<String>, why: &str, since: (u32, u32)) -> Advice {
    Advice::Set(Setting {
        key,
        current: facts.conf.current(key),
        suggested: suggested.into(),
        why: why.to_owned(),
        since,
    })
}

/// To let executors come and go.
fn allocate(facts: &Facts) -> Vec<Advice> {
    let mut out = vec![set(
        facts,
        "spark.dynamicAllocation.enabled",
        "true",
        "executors that have nothing to do are given back",
        (0, 0),
    )];
    // From Spark 3.4 on that is the default.
    if facts.conf.version < (3, 4) && !facts.conf.flag("spark.shuffle.service.enabled", false) {
        let key = "spark.dynamicAllocation.shuffleTracking.enabled";
        out.push(set(
            facts,
            key,
            "true",
            "without a shuffle service, executors with shuffle files that are needed are kept",
            (3, 0),
        ));
    }
    out
}
