//! How tasks share the work of a stage.

mod large_partition;
mod large_result;
mod locality_miss;
mod scheduler_delay;
mod slow_host;
mod small_tasks;
mod speculation_waste;
mod straggler;
mod task_skew;
mod too_few_tasks;

use afterglow_history::insight::wall_clock::present;
use afterglow_history::state::{StageAttempt, StageKey};

use super::Rule;
use crate::facts::Facts;
use crate::finding::Source;

/// The rules of this family, in the order in which the catalogue shows them.
pub const RULES: &[Rule] = &[
    task_skew::RULE,
    straggler::RULE,
    slow_host::RULE,
    too_few_tasks::RULE,
    small_tasks::RULE,
    large_partition::RULE,
    scheduler_delay::RULE,
    large_result::RULE,
    speculation_waste::RULE,
    locality_miss::RULE,
];

/// Findings of a rule at most: those with the most at stake. What is wrong with a hundred stages is one thing to change.
const MOST: usize = 10;

/// Where Spark's API has something about a stage attempt.
fn of_stage(key: StageKey, pointer: &str) -> Source {
    Source::spark(format!("stages/{}/{}?details=false", key.0, key.1), pointer)
}

/// Where our list of stage attempts has something about one.
fn in_list(facts: &Facts, key: StageKey, field: &str) -> Source {
    let at = facts.stages.range(..key).count();
    Source::ours(format!("stages?sort=id&offset={at}&length=1"), format!("/stages/0/{field}"))
}

/// Where our list of a stage attempt's tasks has something of the successful task that has the most of a measure.
fn of_most(key: StageKey, measure: &str, pointer: &str) -> Source {
    Source::ours(format!("stages/{}/{}/tasks?sort=-{measure}&status=SUCCESS&length=1", key.0, key.1), pointer)
}

/// How many tasks could run at once while a stage attempt was active, on average and rounded up.
fn slots(facts: &Facts, stage: &StageAttempt) -> i64 {
    let Some(from) = stage.submission_time else { return 0 };
    let to = stage.completion_time.unwrap_or(facts.end).max(from.saturating_add(1));
    let time = |e| {
        let (came, went) = present(e, facts.start, facts.end)?;
        let overlap = went.min(to).saturating_sub(came.max(from)).max(0);
        Some(overlap.saturating_mul(e.max_tasks.max(e.total_cores.min(1))))
    };
    let all = facts.runners().filter_map(time).fold(0, i64::saturating_add);
    (all as f64 / to.saturating_sub(from) as f64).ceil() as i64
}

/// What a stage attempt waited for its longest task, at most: had that taken no longer than others, or no longer than all the work
/// evenly spread.
fn waited(facts: &Facts, key: StageKey, stage: &StageAttempt) -> i64 {
    let Some(times) = stage.task_times else { return 0 };
    let even = stage.measured_time / slots(facts, stage).max(1);
    times.longest.saturating_sub(times.median.max(even)).max(0).min(facts.wall_of(key))
}

/// Whether a stage attempt is part of a SQL execution, so that adaptive execution is about it.
fn is_sql(facts: &Facts, stage: &StageAttempt) -> bool {
    stage.job_ids.iter().any(|id| facts.jobs.get(id).is_some_and(|j| j.sql_execution_id.is_some()))
}

fn shuffle_read(stage: &StageAttempt) -> i64 {
    stage.metrics.shuffle_local_bytes_read.saturating_add(stage.metrics.shuffle_remote_bytes_read)
}

/// Whether adaptive execution is on, as it is by default from Spark 3.2 on.
fn adaptive(facts: &Facts) -> bool {
    facts.conf.flag("spark.sql.adaptive.enabled", facts.conf.version >= (3, 2))
}
