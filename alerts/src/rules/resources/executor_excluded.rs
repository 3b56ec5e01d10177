//! `executor-excluded`: Spark gave executors no more tasks, because too many had failed there.

use std::collections::BTreeMap;

use super::of_executor;
use crate::facts::Facts;
use crate::finding::{Advice, Evidence, Finding, Place, Severity, Source, Sure, Value};
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "executor-excluded",
    family: Family::Resources,
    title: "Executors were excluded for failures",
    page: include_str!("executor_excluded.md"),
    judge,
};

/// Findings at most: those excluded from the most stages.
const MOST: usize = 5;

/// Where an executor was excluded.
#[derive(Default)]
struct Excluded {
    /// Stage attempts.
    stages: Vec<(i64, i64)>,
    failed: i64,
    /// From the whole application, when it ended.
    whole: bool,
}

fn judge(facts: &Facts, _: &Limits, verdict: &mut Verdict) {
    let mut all: BTreeMap<String, Excluded> = BTreeMap::new();
    for (key, stage) in &facts.stages {
        for (id, e) in stage.executors.iter().filter(|(_, e)| e.excluded) {
            let of = all.entry(id.to_string()).or_default();
            of.stages.push(*key);
            of.failed = of.failed.saturating_add(e.failed_tasks);
        }
    }
    for e in facts.workers().filter(|e| e.excluded) {
        all.entry(e.id.clone()).or_default().whole = true;
    }
    // An executor that is excluded because all of its host was has failed at nothing itself.
    let mut found: Vec<(String, Excluded)> = all.into_iter().filter(|(_, x)| x.failed > 0 || x.whole).collect();
    found.sort_by_key(|(id, x)| (std::cmp::Reverse(x.stages.len()), id.clone()));
    for (id, x) in found.into_iter().take(MOST) {
        verdict.find(finding(facts, &id, &x));
    }
}

fn finding(facts: &Facts, id: &str, x: &Excluded) -> Finding {
    let executor = facts.executors.get(id);
    let host = executor.map_or("", |e| e.hostname());
    let from = match (x.stages.len(), x.whole) {
        (_, true) => "from the application".to_owned(),
        (1, _) => "from a stage".to_owned(),
        (n, _) => format!("from {n} stages"),
    };
    let failed = executor.map_or(x.failed, |e| e.failed_tasks);
    let summary = format!(
        "excluded {from}: {failed} tasks failed on it{}",
        if host.is_empty() { String::new() } else { format!(" ({host})") }
    );
    let severity = if x.whole || x.stages.len() > 1 { Severity::Warning } else { Severity::Info };
    let mut f = Finding::new(severity, Place::Executor(id.to_owned()), summary);
    f.evidence.push(Evidence {
        name: "failed tasks",
        value: Value::Count(failed),
        source: of_executor(facts, id, "/failedTasks"),
    });
    if let Some((stage, attempt)) = x.stages.first() {
        let path = format!("stages/{stage}/{attempt}");
        let pointer = format!("/executorSummary/{}/failedTasks", id.replace('~', "~0").replace('/', "~1"));
        let of = facts.stages.get(&(*stage, *attempt)).and_then(|s| s.executors.get(id)).map_or(0, |e| e.failed_tasks);
        f.evidence.push(Evidence::new(
            "failed tasks in the first stage",
            Value::Count(of),
            Source::spark(path, pointer),
        ));
    }
    f.evidence.push(Evidence::derived("stage attempts", Value::Count(x.stages.len() as i64)));
    f.advise(Advice::Do(
        "see the errors of the tasks that failed there: a full disk, a missing library, a broken node".into(),
    ))
    .advise(Advice::Do(
        "if the tasks are at fault and not the executor, excluding it only makes the cluster smaller".into(),
    ))
    .sure(Sure::Certain)
}

#[cfg(test)]
mod tests {
    use afterglow_history::state::ExecutorStageSummary;

    use super::*;
    use crate::facts::made::{cluster, stage};

    fn excluded(stages: i64, failed: i64, whole: bool) -> Vec<Finding> {
        let mut facts = cluster(2, 60_000, "3.5.1", &[]);
        for id in 0..stages {
            let mut s = stage((id, 0), (0, 1_000), (4, 1, 1));
            let of = ExecutorStageSummary { excluded: true, failed_tasks: failed, ..ExecutorStageSummary::default() };
            s.executors.insert("1".into(), of);
            facts = facts.with(s);
        }
        let e = facts.executors.get_mut("1").unwrap();
        (e.excluded, e.failed_tasks) = (whole, stages * failed);
        facts.found(&RULE)
    }

    #[test]
    fn by_where_it_was_excluded() {
        assert_eq!(excluded(0, 0, false), []);
        let found = excluded(1, 2, false);
        assert_eq!(
            (found[0].summary.as_str(), found[0].severity),
            ("excluded from a stage: 2 tasks failed on it (h1)", Severity::Info)
        );
        assert_eq!(excluded(3, 2, false)[0].severity, Severity::Warning);
        assert_eq!(excluded(1, 2, true)[0].summary, "excluded from the application: 2 tasks failed on it (h1)");
        assert_eq!(excluded(1, 0, false), [], "its host's fault");
    }
}
