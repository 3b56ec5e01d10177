//! `fetch-failure`: tasks could not read shuffle files, so that stages ran again.

use std::collections::{BTreeMap, BTreeSet};

use afterglow_history::state::{StageAttempt, StageKey, StageStatus, Task};

use super::cause::{self, Cause};
use crate::facts::Facts;
use crate::finding::{Advice, AtStake, Evidence, Finding, Place, Setting, Severity, Source, Sure, Value};
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "fetch-failure",
    family: Family::Failures,
    title: "Shuffle files could not be read, and stages ran again",
    page: include_str!("fetch_failure.md"),
    judge,
};

/// Who should have served a block.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Server {
    executor: String,
    host: String,
}

/// A stage attempt that was hit: its failed fetches.
struct Hit<'f> {
    key: StageKey,
    stage: &'f StageAttempt,
    tasks: i64,
    first: Option<&'f Task>,
}

fn judge(facts: &Facts, _: &Limits, verdict: &mut Verdict) {
    let hits: Vec<Hit<'_>> = facts.stages.iter().filter_map(|(key, stage)| hit(facts, *key, stage)).collect();
    let Some(first) = hits.iter().min_by_key(|h| (h.stage.submission_time, h.key)) else { return };
    let servers: BTreeMap<Server, i64> = servers(facts, &hits);
    let again = computed_again(facts, &hits);
    let of = |time: &dyn Fn(&StageAttempt) -> i64| -> i64 {
        again.iter().filter_map(|key| facts.stages.get(key)).map(time).fold(0, i64::saturating_add)
    };
    let cores = of(&|s| s.metrics.executor_run_time);
    let wall = again.iter().map(|key| facts.wall_of(*key)).fold(0, i64::saturating_add);
    let tasks = hits.iter().map(|h| h.tasks).fold(0, i64::saturating_add);
    let from = match servers.iter().max_by_key(|(_, n)| **n) {
        Some((s, _)) if servers.len() == 1 => format!(" from executor {} on {}", s.executor, s.host),
        Some((s, _)) => format!(" from {} executors, most from executor {} on {}", servers.len(), s.executor, s.host),
        None => String::new(),
    };
    let stages = if hits.len() == 1 { "a stage ran".to_owned() } else { format!("{} stage attempts ran", hits.len()) };
    let could = if tasks == 1 { "1 task".to_owned() } else { format!("{tasks} tasks") };
    let summary = format!("{could} could not fetch shuffle files{from}; {stages} again, with what was lost");
    let path = format!("stages/{}/{}?details=false", first.key.0, first.key.1);
    // Four attempts are Spark's end: one that comes near is worse than one that is over.
    let severity =
        if first.key.1 > 0 || hits.iter().any(|h| h.key.1 >= 2) { Severity::Critical } else { Severity::Warning };
    let mut finding = Finding::new(severity, Place::Stage(first.key.0, first.key.1), summary)
        .evidence(Evidence::derived("failed fetches", Value::Count(tasks)))
        .evidence(Evidence::new(
            "failed tasks of the first stage",
            Value::Count(first.stage.failed_tasks),
            Source::spark(&path, "/numFailedTasks"),
        ));
    if let Some(error) = first.first.and_then(|t| t.error.clone()) {
        let tasks = format!("stages/{}/{}/tasks?sort=launchTime&status=FAILED&length=1", first.key.0, first.key.1);
        let earliest = facts.failed_tasks.get(&first.key).and_then(|all| all.first());
        let evidence = Value::Text(error);
        // The earliest failed task may have failed for another reason.
        let is_earliest = earliest.map(|t| t.task_id) == first.first.map(|t| t.task_id);
        let source = is_earliest.then(|| Source::ours(tasks, "/tasks/0/errorMessage"));
        finding = finding.evidence(Evidence { name: "first failed fetch", value: evidence, source });
    }
    if let Some((server, n)) = servers.iter().max_by_key(|(_, n)| **n) {
        finding = finding
            .evidence(Evidence::derived("executor that should have served", Value::Text(server.executor.clone())))
            .evidence(Evidence::derived("its host", Value::Text(server.host.clone())))
            .evidence(Evidence::derived("failed fetches from it", Value::Count(*n)));
        if let Some(lost) = lost(facts, &server.executor) {
            finding = finding.evidence(lost);
        }
    }
    finding = finding.evidence(Evidence::derived("stage attempts that ran for it", Value::Count(again.len() as i64)));
    finding.advice = advice(facts, &servers);
    verdict.find(finding.costs(AtStake::wall(wall).cores(cores)).sure(Sure::Certain));
}

/// A stage attempt with failed fetches.
fn hit<'f>(facts: &'f Facts, key: StageKey, stage: &'f StageAttempt) -> Option<Hit<'f>> {
    let failed = facts.failed_tasks.get(&key).map(Vec::as_slice).unwrap_or_default();
    let is_fetch = |t: &&Task| t.error.as_deref().is_some_and(|e| Cause::of(e) == Cause::FetchFailed);
    let tasks = failed.iter().filter(is_fetch).count() as i64;
    let by_stage = stage.status == StageStatus::Failed
        && stage.failure_reason.as_deref().is_some_and(|r| Cause::of(r) == Cause::FetchFailed);
    (tasks > 0 || by_stage).then(|| Hit { key, stage, tasks: tasks.max(1), first: failed.iter().find(is_fetch) })
}

/// Executors that should have served, with how many fetches from them failed.
fn servers(facts: &Facts, hits: &[Hit<'_>]) -> BTreeMap<Server, i64> {
    let mut out = BTreeMap::new();
    for hit in hits {
        let of_tasks = facts.failed_tasks.get(&hit.key).into_iter().flatten().filter_map(|t| t.error.as_deref());
        for server in of_tasks.filter_map(server) {
            *out.entry(server).or_default() += 1;
        }
    }
    out
}

/// Who a failed fetch names: `FetchFailed(BlockManagerId(2, host, 7337, None), shuffleId=…`.
fn server(error: &str) -> Option<Server> {
    let inside = error.split_once("FetchFailed(BlockManagerId(")?.1.split_once(')')?.0;
    let mut parts = inside.split(", ");
    Some(Server { executor: parts.next()?.to_owned(), host: parts.next()?.to_owned() })
}

/// How the executor went, if it did.
fn lost(facts: &Facts, executor: &str) -> Option<Evidence> {
    let at = facts.executors.keys().position(|id| id == executor)?;
    let reason = facts.executors.get(executor)?.remove_reason.clone()?;
    let source = Source::spark("allexecutors", format!("/{at}/removeReason"));
    Some(Evidence::new("how it went", Value::Text(reason), source))
}

/// Attempts that were made because of it: later ones of the stages that were hit, and of those that they read.
fn computed_again(facts: &Facts, hits: &[Hit<'_>]) -> BTreeSet<StageKey> {
    let mut ids: BTreeSet<i64> = hits.iter().map(|h| h.key.0).collect();
    let mut todo: Vec<i64> = hits.iter().flat_map(|h| h.stage.parent_ids.iter().copied()).collect();
    while let Some(id) = todo.pop() {
        if ids.insert(id) {
            let attempts = facts.stages.range((id, 0)..=(id, i64::MAX));
            todo.extend(attempts.flat_map(|(_, s)| s.parent_ids.iter().copied()));
        }
    }
    facts.stages.keys().filter(|key| key.1 > 0 && ids.contains(&key.0)).copied().collect()
}

fn advice(facts: &Facts, servers: &BTreeMap<Server, i64>) -> Vec<Advice> {
    let gone = |s: &Server| facts.executors.get(&s.executor).is_some_and(|e| e.remove_time.is_some());
    if servers.keys().any(gone) {
        let mut out = vec![Advice::Do("see why the executor went: its shuffle files went with it".into())];
        if !facts.conf.flag("spark.shuffle.service.enabled", false) {
            out.extend(cause::decommission(facts));
        }
        return out;
    }
    let retries = facts.conf.number("spark.shuffle.io.maxRetries", 3);
    vec![
        Advice::Do(
            "the executor was there and did not answer: look for long garbage collections and full disks on its host"
                .into(),
        ),
        Advice::Set(Setting {
            key: "spark.shuffle.io.maxRetries",
            current: facts.conf.current("spark.shuffle.io.maxRetries"),
            suggested: retries.max(3).saturating_mul(2).to_string(),
            why: "a pause of the server is waited for longer, in place of computing again".into(),
            since: (0, 0),
        }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::made::{cluster, failed_task, stage, suggested};

    const ERROR: &str = "FetchFailed(BlockManagerId(2, h2, 7337, None), shuffleId=0, mapIndex=3, mapId=3, reduceId=1, message=\norg.apache.spark.shuffle.FetchFailedException: gone\n)";

    fn hit_once() -> Facts {
        let mut reduce = stage((1, 0), (10_000, 20_000), (4, 1_000, 1_000));
        reduce.status = StageStatus::Failed;
        reduce.failed_tasks = 1;
        reduce.parent_ids = vec![0];
        reduce.failure_reason = Some("org.apache.spark.shuffle.FetchFailedException: gone".into());
        let mut facts = cluster(2, 60_000, "3.5.1", &[])
            .with(stage((0, 0), (0, 10_000), (8, 1_000, 1_000)))
            .with(reduce)
            .with(stage((0, 1), (20_000, 25_000), (4, 1_000, 1_000)))
            .with(stage((1, 1), (25_000, 30_000), (3, 2_000, 2_000)));
        facts.failed_tasks.insert((1, 0), vec![failed_task((1, 0), 9, ERROR)]);
        facts
    }

    #[test]
    fn names_who_should_have_served_and_counts_what_ran_again() {
        let found = hit_once().found(&RULE);
        let [f] = &found[..] else { panic!("{found:?}") };
        assert!(
            f.summary.starts_with("1 task could not fetch shuffle files from executor 2 on h2; a stage ran again"),
            "{}",
            f.summary
        );
        assert_eq!((f.severity, &f.place), (Severity::Warning, &Place::Stage(1, 0)));
        assert_eq!(f.at_stake, AtStake::wall(10_000).cores(4_000 + 6_000));
        assert_eq!(suggested(f)["spark.shuffle.io.maxRetries"], "6");
    }

    #[test]
    fn an_executor_that_went_asks_for_other_advice() {
        let mut facts = hit_once();
        let gone = facts.executors.get_mut("2").unwrap();
        gone.remove_time = Some(15_000);
        gone.remove_reason = Some("Command exited with code 137".into());
        let f = facts.found(&RULE).remove(0);
        assert_eq!(suggested(&f)["spark.decommission.enabled"], "true");
        let how = f.evidence.iter().find(|e| e.name == "how it went").unwrap();
        assert_eq!(how.source, Some(Source::spark("allexecutors", "/1/removeReason")));
        assert_eq!(cluster(2, 60_000, "3.5.1", &[]).found(&RULE), []);
    }
}
