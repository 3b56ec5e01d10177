//! What parts of an application cost, and how much that is of the whole.

use std::collections::BTreeSet;

use afterglow_history::state::{StageAttempt, StageKey};

use super::Facts;
use crate::finding::{AtStake, Severity};

/// Share of the application from which waste is more than worth knowing.
const MUCH: f64 = 0.10;

impl Facts {
    /// All attempts of a stage.
    pub fn attempts(&self, stage: i64) -> impl Iterator<Item = (StageKey, &StageAttempt)> {
        self.stages.range((stage, i64::MIN)..=(stage, i64::MAX)).map(|(key, s)| (*key, s))
    }

    /// What some stages cost, all attempts together.
    pub fn cost_of(&self, stages: &BTreeSet<i64>) -> AtStake {
        let all = || stages.iter().flat_map(|s| self.attempts(*s));
        let wall = all().map(|(key, _)| self.wall_of(key)).fold(0, i64::saturating_add);
        let cores = all().map(|(_, s)| s.metrics.executor_run_time.max(0)).fold(0, i64::saturating_add);
        AtStake::wall(wall).cores(cores)
    }

    /// The SQL execution that a stage attempt works for.
    pub fn sql_of(&self, stage: &StageAttempt) -> Option<i64> {
        stage.job_ids.iter().find_map(|job| self.jobs.get(job)?.sql_execution_id)
    }

    /// How much somebody should care about waste: by its share of the application's duration, or of the time of its cores.
    pub fn weight(&self, at_stake: &AtStake) -> Severity {
        let much = |part: Option<i64>, of: i64| part.is_some_and(|p| of > 0 && p as f64 >= MUCH * of as f64);
        let is = much(at_stake.wall, self.duration()) || much(at_stake.cores, self.core_time());
        if is { Severity::Warning } else { Severity::Info }
    }
}
