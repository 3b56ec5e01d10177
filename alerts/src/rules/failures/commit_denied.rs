//! `commit-denied`: tasks finished their work and were not allowed to write it.

use crate::facts::Facts;
use crate::finding::{Advice, AtStake, Evidence, Finding, Place, Setting, Severity, Source, Sure, Value};
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "commit-denied",
    family: Family::Failures,
    title: "Tasks were denied to commit what they had written",
    page: include_str!("commit_denied.md"),
    judge,
};

/// Denied commits of a stage attempt from which they are worth a word: one or two are a race that somebody must lose.
const DENIED: i64 = 5;
/// Share of the stage's tasks from which it is a warning.
const MUCH: f64 = 0.1;

fn judge(facts: &Facts, _: &Limits, verdict: &mut Verdict) {
    for (key, stage) in &facts.stages {
        let denied =
            stage.killed_summary.iter().filter(|(why, _)| why.starts_with("TaskCommitDenied")).map(|(_, n)| *n);
        let denied = denied.fold(0, i64::saturating_add);
        if denied < DENIED {
            continue;
        }
        let share = denied as f64 / stage.num_tasks.max(1) as f64;
        let severity = if share >= MUCH { Severity::Warning } else { Severity::Info };
        let path = format!("stages/{}/{}?details=false", key.0, key.1);
        let speculative = facts.conf.flag("spark.speculation", false);
        let summary = format!("{denied} tasks were denied to commit what they had written");
        let time = stage.task_times.map_or(0, |t| t.median).saturating_mul(denied);
        let mut finding = Finding::new(severity, Place::Stage(key.0, key.1), summary)
            .evidence(Evidence::derived("denied commits", Value::Count(denied)))
            .evidence(Evidence::new(
                "killed tasks",
                Value::Count(stage.killed_tasks),
                Source::spark(&path, "/numKilledTasks"),
            ))
            .evidence(Evidence::new(
                "tasks of the stage",
                Value::Count(stage.num_tasks),
                Source::spark(&path, "/numTasks"),
            ))
            .costs(AtStake::default().cores(time))
            .sure(Sure::Certain);
        if speculative {
            finding = finding.advise(Advice::Set(Setting {
                key: "spark.speculation",
                current: facts.conf.current("spark.speculation"),
                suggested: "false".into(),
                why: "second attempts of tasks that write work for nothing: only one of them may commit".into(),
                since: (0, 0),
            }));
        } else {
            finding = finding.advise(Advice::Do("two attempts of a task ran at once without speculation: see which failed or was lost while it committed".into()));
        }
        verdict.find(finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::made::{cluster, stage, suggested};

    fn denied(n: i64, properties: &[(&str, &str)]) -> Vec<Finding> {
        let mut s = stage((0, 0), (0, 10_000), (40, 1_000, 1_000));
        for i in 0..n {
            let why =
                format!("TaskCommitDenied (Driver denied task commit) for job: 0, partition: {i}, attemptNumber: 1");
            s.killed_summary.insert(why, 1);
        }
        s.killed_tasks = n;
        cluster(1, 60_000, "3.5.1", properties).with(s).found(&RULE)
    }

    #[test]
    fn a_race_that_somebody_loses_is_none() {
        assert_eq!(denied(DENIED - 1, &[]), []);
        let found = denied(DENIED, &[("spark.speculation", "true")]);
        assert_eq!((found[0].severity, found[0].at_stake.cores), (Severity::Warning, Some(5_000)));
        assert_eq!(suggested(&found[0])["spark.speculation"], "false");
        assert_eq!(suggested(&denied(DENIED, &[])[0]).len(), 0);
    }
}
