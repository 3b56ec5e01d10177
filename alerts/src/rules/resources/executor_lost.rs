//! `executor-lost`: executors went that nobody had sent away.

use std::collections::{BTreeMap, BTreeSet};

use afterglow_history::insight::removal::{self, Removal};
use afterglow_history::state::Executor;

use super::{of_executor, set};
use crate::conf::as_setting;
use crate::facts::Facts;
use crate::finding::{Advice, AtStake, Evidence, Finding, Place, Severity, Sure, Value};
use crate::lack::Lack;
use crate::report::time;
use crate::rules::failures::cause;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "executor-lost",
    family: Family::Resources,
    title: "Executors were lost",
    page: include_str!("executor_lost.md"),
    judge,
};

/// Losses of one kind from which the kind is critical: it goes on, and will go on.
const MANY: usize = 5;

/// Why executors that were not sent away went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Loss {
    OutOfMemory,
    Killed,
    Node,
    Heartbeat,
    Other,
}

impl Loss {
    /// None for those that were meant to go.
    fn of(executor: &Executor) -> Option<Self> {
        let reason = executor.remove_reason.as_deref().unwrap_or_default();
        // What Kubernetes says of a pod that went without Spark's doing: drained, evicted, deleted by hand.
        if reason.contains("deleted by a user or the framework") {
            return Some(Loss::Node);
        }
        match removal::class(reason) {
            Removal::OutOfMemory => Some(Loss::OutOfMemory),
            Removal::Killed => Some(Loss::Killed),
            Removal::NodeLoss => Some(Loss::Node),
            Removal::Heartbeat => Some(Loss::Heartbeat),
            Removal::Other => Some(Loss::Other),
            Removal::Decommission | Removal::Idle | Removal::DriverExit => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Loss::OutOfMemory => "out of memory",
            Loss::Killed => "killed from outside, often for memory",
            Loss::Node => "their node or container was taken away",
            Loss::Heartbeat => "not heard of for too long",
            Loss::Other => "for no known kind of reason",
        }
    }
}

fn judge(facts: &Facts, _: &Limits, verdict: &mut Verdict) {
    // Whatever goes when the application does was not lost.
    let over = facts.application.end_time.unwrap_or(i64::MAX);
    let mut by_loss: BTreeMap<Loss, Vec<&Executor>> = BTreeMap::new();
    for e in facts.workers().filter(|e| e.remove_time.is_some_and(|t| t < over)) {
        if let Some(loss) = Loss::of(e) {
            by_loss.entry(loss).or_default().push(e);
        }
    }
    let by_memory = by_loss.contains_key(&Loss::Killed) || by_loss.contains_key(&Loss::OutOfMemory);
    let measured = facts.workers().any(|e| e.peaks.get("JVMHeapMemory").is_some_and(|peak| peak > 0));
    if by_memory && !measured {
        verdict.not_known("how full the memory of lost executors was", Lack::Peaks);
    }
    for (loss, mut lost) in by_loss {
        lost.sort_by_key(|e| (e.remove_time, &e.id));
        verdict.find(finding(facts, loss, &lost));
    }
}

fn finding(facts: &Facts, loss: Loss, lost: &[&Executor]) -> Finding {
    let first = lost[0];
    let hosts: BTreeSet<&str> = lost.iter().map(|e| e.hostname()).collect();
    let place = match (lost.len(), hosts.len()) {
        (1, _) => Place::Executor(first.id.clone()),
        (_, 1) if !first.hostname().is_empty() => Place::Host(first.hostname().to_owned()),
        _ => Place::Application,
    };
    let (tasks, wasted) = wasted(facts, lost);
    let what = match lost.len() {
        1 => "the executor was lost".to_owned(),
        n => format!("{n} executors were lost on {} hosts", hosts.len()),
    };
    let with = match (tasks, lost.len()) {
        (0, _) => String::new(),
        (1, 1) => format!("; 1 task failed with it after {}", time(wasted)),
        (n, 1) => format!("; {n} tasks failed with it after {} in all", time(wasted)),
        (n, _) => format!("; {n} of their tasks failed after {} in all", time(wasted)),
    };
    let reason = first.remove_reason.clone().unwrap_or_default();
    let line = reason.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or("no reason is logged");
    let summary = format!("{what}, {}{with}: {line}", loss.name());
    let severity = match loss {
        _ if lost.len() >= MANY => Severity::Critical,
        Loss::Node => Severity::Info,
        _ => Severity::Warning,
    };
    let mut f = Finding::new(severity, place, summary);
    let source = of_executor(facts, &first.id, "/removeReason");
    f.evidence.push(Evidence::derived("lost executors", Value::Count(lost.len() as i64)));
    f.evidence.push(Evidence { name: "first reason", value: Value::Text(reason), source });
    let completed = Value::Count(first.completed_tasks);
    f.evidence.push(Evidence {
        name: "tasks that the first had completed",
        value: completed,
        source: of_executor(facts, &first.id, "/completedTasks"),
    });
    f.evidence.push(Evidence::derived("tasks that failed with them", Value::Count(tasks)));
    f.evidence.push(Evidence::derived("time of these tasks", Value::Millis(wasted)));
    f.advice = advice(facts, loss);
    let sure = if loss == Loss::Other { Sure::Possible } else { Sure::Likely };
    f.costs(AtStake::default().cores(wasted)).sure(sure)
}

/// Tasks that failed because these executors went, and how long they had run.
fn wasted(facts: &Facts, lost: &[&Executor]) -> (i64, i64) {
    let ids: BTreeSet<&str> = lost.iter().map(|e| e.id.as_str()).collect();
    let with = |t: &&afterglow_history::state::Task| {
        ids.contains(&*t.executor_id) && t.error.as_deref().is_some_and(|e| e.starts_with("ExecutorLostFailure"))
    };
    let failed = facts.failed_tasks.values().flatten().filter(with);
    failed.fold((0, 0), |(n, sum), t| (n + 1, sum.saturating_add(t.duration.unwrap_or(0).max(0))))
}

fn advice(facts: &Facts, loss: Loss) -> Vec<Advice> {
    let does = |text: &str| Advice::Do(text.to_owned());
    match loss {
        Loss::OutOfMemory | Loss::Killed => {
            let mut out: Vec<Advice> = cause::overhead(facts).into_iter().collect();
            let heap = facts.conf.bytes("spark.executor.memory", 1 << 20).unwrap_or(1 << 30);
            if loss == Loss::OutOfMemory {
                let more = as_setting(heap.saturating_add(heap / 2));
                let why = "if it is the heap that was full: exit code 52 and OutOfMemoryError say so";
                out.push(set(facts, "spark.executor.memory", more, why, (0, 0)));
            } else {
                out.push(does("see in the events of the node or pod who killed it: 137 is SIGKILL, of the kernel's for memory mostly; 143 is a request to end"));
            }
            out
        }
        Loss::Node => {
            let mut out = cause::decommission(facts);
            out.push(does(
                "several instance types and zones lose fewer spot nodes at once; keep what must not be lost on demand",
            ));
            out
        }
        Loss::Heartbeat => vec![
            does(
                "look for long garbage collections and for a host without memory or network: an executor that is alive answers every 10 s",
            ),
            set(facts, "spark.network.timeout", "300s", "only if it was alive and paused", (0, 0)),
        ],
        Loss::Other => vec![does("see the executor's own log, and the events of its node or pod")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::made::{cluster, failed_task, suggested};

    fn lost(reasons: &[&str]) -> Facts {
        let mut facts = cluster(reasons.len() as i64, 60_000, "3.5.1", &[]);
        for (n, reason) in reasons.iter().enumerate() {
            let e = facts.executors.get_mut(&(n + 1).to_string()).unwrap();
            (e.remove_time, e.remove_reason) = (Some(30_000), Some((*reason).to_owned()));
        }
        facts
    }

    #[test]
    fn each_kind_is_told_once() {
        let oom =
            "Container killed by YARN for exceeding physical memory limits. 5.6 GB of 5.5 GB physical memory used.";
        let mut facts = lost(&[oom, oom, "Worker lost"]);
        let error = "ExecutorLostFailure (executor 1 exited caused by one of the running tasks) Reason: x";
        facts.failed_tasks.insert((0, 0), vec![failed_task((0, 0), 1, error)]);
        let found = facts.found(&RULE);
        let [memory, node] = &found[..] else { panic!("{found:?}") };
        assert!(memory.summary.starts_with(
            "2 executors were lost on 2 hosts, out of memory; 1 of their tasks failed after 1.0 s in all: Container"
        ));
        assert_eq!(
            (memory.severity, &memory.place, memory.at_stake.cores),
            (Severity::Warning, &Place::Application, Some(1_000))
        );
        assert_eq!(suggested(memory)["spark.executor.memoryOverhead"], "768m");
        assert_eq!(facts.not_known(&RULE).len(), 1, "no peaks are known");
        assert_eq!((node.severity, &node.place), (Severity::Info, &Place::Executor("3".into())));
        assert_eq!(suggested(node)["spark.decommission.enabled"], "true");
    }

    #[test]
    fn who_was_sent_away_is_not_lost() {
        let sent = [
            "Executor decommission: spark scale down",
            "Executor 2 idle for more than 60 seconds",
            "Driver stopped",
            "Executor killed by driver.",
        ];
        assert_eq!(lost(&sent).found(&RULE), []);
        let mut late = lost(&["Command exited with code 137"]);
        late.application.end_time = Some(30_000);
        assert_eq!(late.found(&RULE), [], "it went with the application");
        assert_eq!(lost(&["Command exited with code 137"; 5]).found(&RULE)[0].severity, Severity::Critical);
    }
}
