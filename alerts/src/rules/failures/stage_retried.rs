//! `stage-retried`: a stage failed and ran again, for another reason than a failed fetch.

use afterglow_history::state::StageStatus;

use super::application_failed::quoted;
use super::cause::{Cause, telling_line};
use crate::facts::Facts;
use crate::finding::{AtStake, Evidence, Finding, Place, Severity, Source, Sure, Value};
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "stage-retried",
    family: Family::Failures,
    title: "A stage failed as a whole and ran again",
    page: include_str!("stage_retried.md"),
    judge,
};

/// Findings at most: the costliest.
const MOST: usize = 5;

fn judge(facts: &Facts, _: &Limits, verdict: &mut Verdict) {
    let mut found = Vec::new();
    for (key, stage) in &facts.stages {
        let again = facts.stages.contains_key(&(key.0, key.1.saturating_add(1)));
        let reason = stage.failure_reason.as_deref().unwrap_or_default();
        let cause = Cause::of(reason);
        if stage.status != StageStatus::Failed || !again || matches!(cause, Cause::FetchFailed | Cause::Cancelled) {
            continue;
        }
        let path = format!("stages/{}/{}?details=false", key.0, key.1);
        let (wall, run) = (facts.wall_of(*key), stage.metrics.executor_run_time);
        let summary = format!("this attempt failed and the stage ran again: {}", quoted(&telling_line(reason)));
        let mut finding = Finding::new(Severity::Warning, Place::Stage(key.0, key.1), summary)
            .evidence(Evidence::new("why", Value::Text(reason.to_owned()), Source::spark(&path, "/failureReason")))
            .evidence(Evidence::new(
                "run time of its tasks",
                Value::Millis(run),
                Source::spark(&path, "/executorRunTime"),
            ))
            .costs(AtStake::wall(wall).cores(run))
            .sure(Sure::Certain);
        finding.advice = cause.advice(facts);
        found.push(finding);
    }
    found.sort_by_key(|f| std::cmp::Reverse(f.at_stake.cores));
    found.into_iter().take(MOST).for_each(|f| verdict.find(f));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::made::{cluster, stage};

    #[test]
    fn only_of_stages_that_ran_again_and_not_for_fetches() {
        let failed = |reason: &str| {
            let mut s = stage((3, 0), (0, 20_000), (4, 10_000, 20_000));
            s.status = StageStatus::Failed;
            s.failure_reason = Some(reason.to_owned());
            cluster(1, 60_000, "3.5.1", &[]).with(s)
        };
        let barrier = "Stage failed because barrier task ResultTask(3, 1) finished unsuccessfully.\njava.lang.RuntimeException: x";
        assert_eq!(failed(barrier).found(&RULE), [], "it did not run again");
        let again = |f: Facts| f.with(stage((3, 1), (20_000, 40_000), (4, 10_000, 20_000)));
        let found = again(failed(barrier)).found(&RULE);
        assert_eq!((found.len(), found[0].at_stake), (1, AtStake::wall(20_000).cores(50_000)));
        assert_eq!(again(failed("org.apache.spark.shuffle.FetchFailedException: gone")).found(&RULE), []);
    }
}
