//! `straggler`: one task takes far longer than others with as much data.

use super::task_skew::{Uneven, uneven};
use super::{MOST, in_list, of_most, slow_host};
use crate::facts::Facts;
use crate::finding::{Advice, Evidence, Finding, Place, Setting, Severity, Sure, Value};
use crate::report::time;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "straggler",
    family: Family::Tasks,
    title: "One task takes far longer than others with as much data",
    page: include_str!("straggler.md"),
    judge,
};

/// Share of the application's duration from which it is a warning where the cause is not known.
const UNKNOWN: f64 = 0.2;
/// Part of the longest task's time from which it explains it.
const MOSTLY: f64 = 0.5;

/// Why a task takes long that has no more data than others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Gc,
    Fetch,
    /// Not heard of before it ran, or after: the way to the executor and back.
    Delay,
    Remote,
    /// Its code or its machine.
    Unknown,
}

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    let slow = |u: &Uneven<'_>| slow_host::slow(u.spread).is_some_and(|h| h.name == *u.task.host);
    let found: Vec<Uneven<'_>> =
        uneven(facts, limits).into_iter().filter(|u| u.worth && !u.by_data() && !slow(u)).collect();
    for u in found.iter().take(MOST) {
        verdict.find(finding(facts, u));
    }
}

fn why(u: &Uneven<'_>) -> Why {
    let m = u.metrics();
    let mostly = |part: i64| part as f64 >= MOSTLY * u.longest as f64;
    let local = u.spread.localities.iter().filter(|l| is_local(&l.name)).map(|l| l.tasks).fold(0, i64::saturating_add);
    let all = u.spread.localities.iter().map(|l| l.tasks).fold(0, i64::saturating_add);
    let rest = u.longest.saturating_sub(m.executor_run_time).saturating_sub(m.result_serialization_time);
    match () {
        () if u.task.metrics.is_none() => Why::Unknown,
        () if mostly(m.jvm_gc_time) => Why::Gc,
        () if mostly(m.shuffle_fetch_wait_time) => Why::Fetch,
        () if mostly(rest) => Why::Delay,
        () if m.input_bytes_read > 0 && !is_local(&u.task.locality) && local.saturating_mul(2) > all => Why::Remote,
        () => Why::Unknown,
    }
}

fn is_local(locality: &str) -> bool {
    matches!(locality, "PROCESS_LOCAL" | "NODE_LOCAL" | "NO_PREF")
}

fn finding(facts: &Facts, u: &Uneven<'_>) -> Finding {
    let why = why(u);
    let m = u.metrics();
    let because = match why {
        Why::Gc => format!("{} of it is garbage collection", time(m.jvm_gc_time)),
        Why::Fetch => format!("{} of it it waited for shuffle blocks", time(m.shuffle_fetch_wait_time)),
        Why::Delay => "most of it before and after it ran".to_owned(),
        Why::Remote => "it read from another node, and most others from their own".to_owned(),
        Why::Unknown => "it has no more data than others".to_owned(),
    };
    let (id, executor, host) = (u.task.task_id, &u.task.executor_id, &u.task.host);
    let summary = format!(
        "task {id} on executor {executor} ({host}) takes {}, {:.0} times as long as the median task: {because}",
        time(u.longest),
        u.ratio
    );
    let of = |pointer: &str| of_most(u.key, "duration", &format!("/tasks/0/{pointer}"));
    // Where nothing tells why, it may be meant so: then it must cost more to be a warning.
    let little = (u.waited as f64) < UNKNOWN * facts.duration() as f64;
    let severity = if why == Why::Unknown && little { Severity::Info } else { u.severity(facts) };
    let mut f = Finding::new(severity, Place::Stage(u.key.0, u.key.1), summary)
        .evidence(Evidence::derived("longest over median", Value::Ratio(u.ratio)))
        .evidence(Evidence::new("longest task", Value::Millis(u.longest), in_list(facts, u.key, "longestTask")))
        .evidence(Evidence::new("median task", Value::Millis(u.median), in_list(facts, u.key, "medianTask")))
        .evidence(Evidence::new("executor", Value::Text(executor.to_string()), of("executorId")))
        .evidence(Evidence::new("host", Value::Text(host.to_string()), of("host")));
    if u.task.metrics.is_some() {
        let (gc, wait) = (m.jvm_gc_time, m.shuffle_fetch_wait_time);
        f = f
            .evidence(Evidence::new("its garbage collection", Value::Millis(gc), of("taskMetrics/jvmGcTime")))
            .evidence(Evidence::new(
                "its wait for shuffle blocks",
                Value::Millis(wait),
                of("taskMetrics/shuffleReadMetrics/fetchWaitTime"),
            ))
            .evidence(Evidence::new(
                "its run time",
                Value::Millis(m.executor_run_time),
                of("taskMetrics/executorRunTime"),
            ));
    }
    let sure = if why == Why::Unknown { Sure::Possible } else { Sure::Likely };
    f.advice = advice(facts, why);
    f.costs(u.at_stake(facts)).sure(sure)
}

fn advice(facts: &Facts, why: Why) -> Vec<Advice> {
    let does = |text: &str| Advice::Do(text.to_owned());
    match why {
        Why::Gc => vec![does("see gc-pressure: the executor's heap is too small, or full of what is cached")],
        Why::Fetch => vec![does("see who serves the blocks: a busy or pausing executor, a slow disk, a full network")],
        Why::Delay => vec![does(
            "look at the driver and at the executor's start: class loading, large closures, a driver without CPU",
        )],
        Why::Remote => vec![does("more replicas, or executors where the data is")],
        Why::Unknown => {
            let mut out = vec![does(
                "look at the task: does its part of the data take longer to compute, or does the call that it makes?",
            )];
            if !facts.conf.flag("spark.speculation", false) && !facts.is_local() {
                out.push(Advice::Set(Setting {
                    key: "spark.speculation",
                    current: facts.conf.current("spark.speculation"),
                    suggested: "true".into(),
                    why: "if the machine is why, a second attempt elsewhere is done first; not for tasks with effects outside of Spark".into(),
                    since: (0, 0),
                }));
            }
            out
        }
    }
}

#[cfg(test)]
mod tests {
    use afterglow_history::state::{Task, TaskStatus, metrics::TaskMetrics};

    use super::*;
    use crate::facts::made::{cluster, stage, suggested};
    use crate::facts::{Group, Spread, TaskFacts};
    use crate::finding::AtStake;

    fn slow(metrics: TaskMetrics, hosts: &[(&str, i64, i64)]) -> Facts {
        let mut facts = cluster(2, 60_000, "3.5.1", &[]).with(stage((1, 0), (0, 20_000), (16, 2_000, 20_000)));
        let task = Task {
            task_id: 7,
            status: TaskStatus::Success,
            executor_id: "1".into(),
            host: "h1".into(),
            metrics: Some(metrics),
            ..Task::default()
        };
        facts.tasks.insert((1, 0), TaskFacts { longest: Some(task), ..TaskFacts::default() });
        let host = |(name, tasks, median): &(&str, i64, i64)| Group {
            name: (*name).into(),
            tasks: *tasks,
            median: *median,
            bytes: 100,
        };
        facts.spread.insert(
            (1, 0),
            Spread { bytes: 100, records: 10, hosts: hosts.iter().map(host).collect(), ..Spread::default() },
        );
        facts
    }

    #[test]
    fn says_what_it_spent_its_time_on() {
        let read = |gc, wait, run, bytes| TaskMetrics {
            jvm_gc_time: gc,
            shuffle_fetch_wait_time: wait,
            executor_run_time: run,
            input_bytes_read: bytes,
            ..TaskMetrics::default()
        };
        let of = |m| slow(m, &[("h1", 8, 2_000), ("h2", 8, 2_000)]).found(&RULE);
        let found = of(read(0, 0, 20_000, 100));
        assert_eq!(
            found[0].summary,
            "task 7 on executor 1 (h1) takes 20.0 s, 10 times as long as the median task: it has no more data than others"
        );
        assert_eq!((found[0].at_stake, found[0].sure), (AtStake::wall(13_750).cores(96_250), Sure::Possible));
        assert_eq!(suggested(&found[0])["spark.speculation"], "true");
        assert!(of(read(12_000, 0, 20_000, 100))[0].summary.ends_with("12.0 s of it is garbage collection"));
        assert!(of(read(0, 12_000, 20_000, 100))[0].summary.ends_with("it waited for shuffle blocks"));
        assert!(of(read(0, 0, 2_000, 100))[0].summary.ends_with("before and after it ran"));
        assert_eq!(of(read(0, 0, 20_000, 1_000)), [], "it has more data");
    }

    #[test]
    fn a_slow_host_is_told_as_such() {
        let facts = slow(TaskMetrics::default(), &[("h1", 8, 10_000), ("h2", 8, 2_000)]);
        assert_eq!(facts.found(&RULE), []);
    }
}
