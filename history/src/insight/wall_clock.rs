//! Where the time of an application went, from its start to its end, as parts that sum up to it.
//!
//! A sweep over the times at which stages become active and executors come and go. Time in which
//! stages are active is split evenly between them at each moment, and what falls to a stage is
//! split by what its tasks spent their time on, as the stage's sums have it.

use std::collections::BTreeMap;

use crate::state::{Executor, StageAttempt, StageKey, StageStatus};

/// What time is spent on, in the order in which it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Driver,
    WaitingForExecutors,
    Scheduling,
    Deserialization,
    Compute,
    Gc,
    ShuffleRead,
    ShuffleWrite,
    Result,
    Unexplained,
}

impl Part {
    pub const ALL: [Part; 10] = [
        Part::Driver,
        Part::WaitingForExecutors,
        Part::Scheduling,
        Part::Deserialization,
        Part::Compute,
        Part::Gc,
        Part::ShuffleRead,
        Part::ShuffleWrite,
        Part::Result,
        Part::Unexplained,
    ];
}

/// The time from start to end, by part.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WallClock {
    /// Milliseconds.
    pub total: i64,
    /// Milliseconds of each of [`Part::ALL`]; they sum up to the total.
    pub parts: [i64; 10],
    /// Milliseconds of the total that fall to a stage attempt.
    pub stages: BTreeMap<StageKey, f64>,
    /// What to know of the numbers, a sentence each.
    pub notes: Vec<String>,
}

/// What happens at a time.
enum Change {
    Stage(StageKey, bool),
    /// Its first task was launched.
    Launched(StageKey),
    Executors(i64),
}

/// Epoch milliseconds, in either direction: eighteen million years.
const FAR: i64 = 1 << 59;

/// Splits the time from `start` to `end`, epoch milliseconds.
pub fn wall_clock(
    start: i64,
    end: i64,
    stages: &BTreeMap<StageKey, StageAttempt>,
    executors: &BTreeMap<String, Executor>,
) -> WallClock {
    // No log is from so far away, but may say that it is: all that follows lies between these two, and has room.
    let start = start.clamp(-FAR, FAR);
    let end = end.clamp(start, FAR);
    let within = |t: i64| t.clamp(start, end);
    let mut changes: Vec<(i64, Change)> = Vec::new();
    let mut outside = 0;
    for (key, s) in stages {
        let Some((from, to)) = active(s, end) else { continue };
        outside += i64::from(from < start || to > end);
        changes.push((within(from), Change::Stage(*key, true)));
        changes.push((within(s.first_task_launched_time.map_or(to, |t| t.clamp(from, to))), Change::Launched(*key)));
        changes.push((within(to), Change::Stage(*key, false)));
    }
    for (from, to) in executors.values().filter_map(|e| present(e, start, end)) {
        changes.push((within(from), Change::Executors(1)));
        changes.push((within(to), Change::Executors(-1)));
    }
    // At one time, what comes before what goes: a stage without length is never active.
    changes.sort_by_key(|(t, c)| (*t, !matches!(c, Change::Stage(_, true) | Change::Executors(1))));
    let (mut driver, mut waiting, mut active, mut present, mut at) = (0, 0, BTreeMap::new(), 0, start);
    let mut spent: BTreeMap<StageKey, Spent> = BTreeMap::new();
    for (time, change) in changes {
        let step = time - at;
        at = time;
        match (active.len(), present) {
            _ if step == 0 => {}
            (0, _) => driver += step,
            (_, 0) => waiting += step,
            (n, _) => {
                for (key, launched) in &active {
                    let s = spent.entry(*key).or_default();
                    let share = step as f64 / n as f64;
                    *(if *launched { &mut s.running } else { &mut s.before }) += share;
                }
            }
        }
        match change {
            Change::Stage(key, true) => drop(active.insert(key, false)),
            Change::Stage(key, false) => drop(active.remove(&key)),
            Change::Launched(key) => drop(active.get_mut(&key).map(|l| *l = true)),
            Change::Executors(n) => present += n,
        }
    }
    driver += end - at;
    let total = end.saturating_sub(start);
    let mut weights = [0.0; 8];
    for (key, s) in &spent {
        weights[0] += s.before;
        let split = stages.get(key).map_or([0.0; 8], split);
        weights.iter_mut().zip(split).for_each(|(w, part)| *w += s.running * part);
    }
    let busy = total - driver - waiting;
    let mut parts = [0; 10];
    (parts[0], parts[1]) = (driver, waiting);
    parts[2..].copy_from_slice(&shares(busy, &weights));
    let mut notes = Vec::new();
    if outside > 0 {
        notes.push(format!(
            "{outside} stages were active before the start or after the end of the application; that time is left out"
        ));
    }
    let unmeasured = stages.values().filter(|s| s.unmeasured_time > 0).count();
    if unmeasured > 0 {
        let stages = if unmeasured == 1 { "stage" } else { "stages" };
        notes.push(format!("tasks of {unmeasured} {stages} ended without metrics: their time is unexplained"));
    }
    let stages = spent.into_iter().map(|(key, s)| (key, s.before + s.running)).collect();
    WallClock { total, parts, stages, notes }
}

/// What of the wall clock falls to a stage, before and after the launch of its first task.
#[derive(Default)]
struct Spent {
    before: f64,
    running: f64,
}

/// From when to when a stage attempt was active; none for one that was skipped or never began.
fn active(s: &StageAttempt, end: i64) -> Option<(i64, i64)> {
    if matches!(s.status, StageStatus::Skipped | StageStatus::Pending) {
        return None;
    }
    let from = s.submission_time.or(s.first_task_launched_time)?;
    Some((from, s.completion_time.unwrap_or(end).max(from)))
}

/// From when to when an executor could run tasks. The driver can in local mode only, and from the start on.
pub fn present(e: &Executor, start: i64, end: i64) -> Option<(i64, i64)> {
    let runs_tasks = e.id != "driver" || e.total_cores > 0 || e.total_tasks > 0;
    let from = if e.id == "driver" { start } else { e.add_time };
    runs_tasks.then_some((from, e.remove_time.unwrap_or(end).max(from)))
}

/// Which parts of its tasks' time a stage spent on what, of 1, in the order from scheduling on.
fn split(s: &StageAttempt) -> [f64; 8] {
    let m = &s.metrics;
    let least = |v: i64| v.max(0) as f64;
    let left = |whole: i64, parts: &[i64]| least(parts.iter().fold(whole, |v, p| v.saturating_sub(*p)));
    let run = m.executor_run_time;
    let (gc, fetch, write) = (m.jvm_gc_time, m.shuffle_fetch_wait_time, m.shuffle_write_time / 1_000_000);
    let result = m.result_serialization_time.saturating_add(s.getting_result_time);
    let all = [
        left(s.measured_time, &[run, m.executor_deserialize_time, result]),
        least(m.executor_deserialize_time),
        left(run, &[gc, fetch, write]),
        least(gc),
        least(fetch),
        least(write),
        least(result),
        least(s.unmeasured_time),
    ];
    let sum: f64 = all.iter().sum();
    if sum > 0.0 { all.map(|v| v / sum) } else { [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0] }
}

/// Whole numbers in the proportion of `weights` that sum up to `total`: each is rounded down, and
/// what is left goes to those that lost most.
pub fn shares<const N: usize>(total: i64, weights: &[f64; N]) -> [i64; N] {
    let sum: f64 = weights.iter().sum();
    let mut out = [0; N];
    if total <= 0 || N == 0 {
        return out;
    }
    if sum <= 0.0 || !sum.is_finite() {
        out[N - 1] = total;
        return out;
    }
    let exact = weights.map(|w| w / sum * total as f64);
    out = exact.map(|v| (v.floor() as i64).clamp(0, total));
    let mut order: Vec<usize> = (0..N).collect();
    order.sort_by(|a, b| (exact[*b] - exact[*b].floor()).total_cmp(&(exact[*a] - exact[*a].floor())));
    let mut left = total - out.iter().sum::<i64>();
    for i in order.iter().cycle() {
        match left {
            0 => break,
            _ if left > 0 => {
                out[*i] += 1;
                left -= 1;
            }
            _ if out[*i] > 0 => {
                out[*i] -= 1;
                left += 1;
            }
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::state::metrics::TaskMetrics;

    fn stage(from: i64, first: i64, to: i64) -> StageAttempt {
        StageAttempt {
            status: StageStatus::Complete,
            submission_time: Some(from),
            first_task_launched_time: Some(first),
            completion_time: Some(to),
            measured_time: 100,
            metrics: TaskMetrics {
                executor_run_time: 80,
                jvm_gc_time: 20,
                executor_deserialize_time: 20,
                ..TaskMetrics::default()
            },
            ..StageAttempt::default()
        }
    }

    fn executor(id: &str, from: i64, to: Option<i64>) -> (String, Executor) {
        (
            id.to_owned(),
            Executor { id: id.to_owned(), total_cores: 1, add_time: from, remove_time: to, ..Executor::default() },
        )
    }

    fn named(w: &WallClock) -> Vec<(Part, i64)> {
        Part::ALL.into_iter().zip(w.parts).filter(|(_, t)| *t > 0).collect()
    }

    #[test]
    fn each_moment_is_somebodys() {
        // 0..100 driver, 100..300 no executor, 300..400 before the first task, 400..900 tasks, 900..1000 driver
        let w = wall_clock(
            0,
            1000,
            &BTreeMap::from([((0, 0), stage(100, 400, 900))]),
            &BTreeMap::from([executor("1", 300, None)]),
        );
        let expected = [
            (Part::Driver, 200),
            (Part::WaitingForExecutors, 200),
            (Part::Scheduling, 100),
            (Part::Deserialization, 100),
            (Part::Compute, 300),
            (Part::Gc, 100),
        ];
        assert_eq!(named(&w), expected);
        assert_eq!((w.total, w.stages[&(0, 0)], w.notes.len()), (1000, 600.0, 0));
    }

    #[test]
    fn stages_side_by_side_share() {
        let stages = BTreeMap::from([((0, 0), stage(0, 0, 600)), ((1, 0), stage(400, 400, 1000))]);
        let w = wall_clock(0, 1000, &stages, &BTreeMap::from([executor("1", 0, None)]));
        assert_eq!((w.stages[&(0, 0)], w.stages[&(1, 0)]), (500.0, 500.0));
    }

    #[test]
    fn the_driver_of_local_mode_is_its_executor() {
        let stages = BTreeMap::from([((0, 0), stage(0, 0, 1000))]);
        let local = wall_clock(0, 1000, &stages, &BTreeMap::from([executor("driver", 500, None)]));
        assert_eq!(local.parts[1], 0);
        let driver = Executor { id: "driver".into(), ..Executor::default() };
        let alone = wall_clock(0, 1000, &stages, &BTreeMap::from([("driver".to_owned(), driver)]));
        assert_eq!(alone.parts[1], 1000);
    }

    #[test]
    fn tasks_without_metrics_are_unexplained() {
        let lost = StageAttempt {
            measured_time: 0,
            unmeasured_time: 50,
            metrics: TaskMetrics::default(),
            ..stage(0, 0, 1000)
        };
        let w = wall_clock(0, 1000, &BTreeMap::from([((0, 0), lost)]), &BTreeMap::from([executor("1", 0, None)]));
        assert_eq!((named(&w), w.notes.len()), (vec![(Part::Unexplained, 1000)], 1));
    }

    prop_compose! {
        fn any_stage()(
            from in prop::option::of(-100i64..1200), first in prop::option::of(-100i64..1200), to in prop::option::of(-100i64..1200),
            sums in prop::array::uniform7(-5i64..1000), status in 0..5,
        ) -> StageAttempt {
            let [run, gc, deserialize, fetch, write, measured, unmeasured] = sums;
            StageAttempt {
                status: [StageStatus::Active, StageStatus::Complete, StageStatus::Failed, StageStatus::Pending, StageStatus::Skipped][status as usize],
                submission_time: from, first_task_launched_time: first, completion_time: to, measured_time: measured, unmeasured_time: unmeasured,
                metrics: TaskMetrics {
                    executor_run_time: run, jvm_gc_time: gc, executor_deserialize_time: deserialize, shuffle_fetch_wait_time: fetch,
                    shuffle_write_time: write * 1_000_000, ..TaskMetrics::default()
                },
                ..StageAttempt::default()
            }
        }
    }

    proptest! {
        #[test]
        fn parts_sum_up_to_the_total(
            stages in prop::collection::vec(any_stage(), 0..8),
            executors in prop::collection::vec((-100i64..1200, prop::option::of(-100i64..1200)), 0..4),
            end in -10i64..1100,
        ) {
            let stages: BTreeMap<StageKey, StageAttempt> = stages.into_iter().enumerate().map(|(i, s)| ((i as i64, 0), s)).collect();
            let executors: BTreeMap<String, Executor> = executors.into_iter().enumerate().map(|(i, (a, b))| executor(&i.to_string(), a, b)).collect();
            let w = wall_clock(0, end, &stages, &executors);
            prop_assert_eq!(w.total, end.max(0));
            prop_assert_eq!(w.parts.iter().sum::<i64>(), w.total);
            prop_assert!(w.parts.iter().all(|p| *p >= 0), "{:?}", w.parts);
            let of_stages: f64 = w.stages.values().sum();
            prop_assert!((of_stages - (w.total - w.parts[0] - w.parts[1]) as f64).abs() < 1e-6);
        }

        #[test]
        fn shares_sum_up(total in 0i64..1_000_000_000_000, weights in prop::array::uniform5(0.0f64..1e12)) {
            let out = shares(total, &weights);
            prop_assert_eq!(out.iter().sum::<i64>(), total);
            prop_assert!(out.iter().all(|v| *v >= 0));
        }
    }
}
