//! What single tasks of a stage attempt tell: extremes, and why tasks failed.

use std::collections::BTreeMap;

use afterglow_history::state::{StageAttempt, StageKey, Task, TaskStatus};
use afterglow_history::store::segment::{Metric, TaskColumn};
use afterglow_history::store::tasks::{Order, Page, Quantity, StageTasks, TaskFilter};
use afterglow_history::store::{AttemptReader, StoreError};

/// Stage attempts whose tasks are looked at, at most: those with the longest run time.
const STAGES: usize = 100;
/// Failed tasks read of a stage attempt, at most: the earliest.
const FAILED: usize = 200;
/// A task this long is worth knowing, milliseconds.
const LONG: i64 = 1_000;
/// The longest task over the median one, from which it is looked for.
const UNEVEN: i64 = 2;
/// Bytes of a stage attempt from which its largest tasks are looked for.
const LARGE: i64 = 64 << 20;

/// The tasks of a stage attempt, as far as rules ask for them.
#[derive(Debug, Clone, Default)]
pub struct TaskFacts {
    /// The successful task that took longest.
    pub longest: Option<Task>,
    /// Of successful tasks; none where the stage has little of it.
    pub input: Option<Extreme>,
    pub shuffle_read: Option<Extreme>,
    pub shuffle_write: Option<Extreme>,
    pub output: Option<Extreme>,
    /// Memory and disk.
    pub spill: Option<Extreme>,
    /// The earliest failed tasks.
    pub failed: Vec<Task>,
}

/// The task with the most of something, bytes, and what the median task has.
#[derive(Debug, Clone, Default)]
pub struct Extreme {
    pub most: i64,
    pub median: i64,
    /// Task that has the most.
    pub task: Task,
}

const INPUT: Quantity = Quantity::Column(TaskColumn::Metric(Metric::input_bytes_read));
const OUTPUT: Quantity = Quantity::Column(TaskColumn::Metric(Metric::output_bytes_written));
const WRITE: Quantity = Quantity::Column(TaskColumn::Metric(Metric::shuffle_bytes_written));
const READ: Quantity = Quantity::Sum(&[Metric::shuffle_local_bytes_read, Metric::shuffle_remote_bytes_read]);
const SPILL: Quantity = Quantity::Column(TaskColumn::Metric(Metric::disk_bytes_spilled));

/// What to look for in the tasks of a stage attempt.
#[derive(Clone, Copy, Default)]
struct Wanted {
    longest: bool,
    input: bool,
    read: bool,
    write: bool,
    output: bool,
    spill: bool,
    failed: bool,
}

impl Wanted {
    fn of(s: &StageAttempt) -> Self {
        let m = &s.metrics;
        let uneven =
            |t: &afterglow_history::state::TaskTimes| t.longest >= LONG && t.longest > t.median.saturating_mul(UNEVEN);
        Wanted {
            longest: s.task_times.as_ref().is_some_and(uneven),
            input: m.input_bytes_read >= LARGE,
            read: m.shuffle_local_bytes_read.saturating_add(m.shuffle_remote_bytes_read) >= LARGE,
            write: m.shuffle_bytes_written >= LARGE,
            output: m.output_bytes_written >= LARGE,
            spill: m.disk_bytes_spilled > 0,
            failed: s.failed_tasks > 0,
        }
    }

    fn anything(self) -> bool {
        self.longest || self.input || self.read || self.write || self.output || self.spill || self.failed
    }
}

/// Looks at the tasks of the stage attempts that could be worth it; those that run are measured to `now`.
pub(super) async fn read(
    reader: &AttemptReader,
    stages: &BTreeMap<StageKey, StageAttempt>,
    now: i64,
) -> Result<BTreeMap<StageKey, TaskFacts>, StoreError> {
    let mut wanted: Vec<(i64, StageKey, Wanted)> = stages
        .iter()
        .map(|(key, s)| (s.metrics.executor_run_time, *key, Wanted::of(s)))
        .filter(|(_, _, w)| w.anything())
        .collect();
    wanted.sort_unstable_by_key(|(time, key, _)| (std::cmp::Reverse(*time), *key));
    let mut out = BTreeMap::new();
    for (_, key, wanted) in wanted.into_iter().take(STAGES) {
        let tasks = reader.tasks(key).await?.as_of(now);
        let found = tokio::task::spawn_blocking(move || look(&tasks, wanted)).await;
        out.insert(key, found.unwrap_or_default());
    }
    Ok(out)
}

fn look(tasks: &StageTasks, wanted: Wanted) -> TaskFacts {
    let longest = Quantity::Column(TaskColumn::Duration);
    let of = |is: bool, quantity| is.then(|| extreme(tasks, quantity)).flatten();
    TaskFacts {
        longest: wanted.longest.then(|| first(tasks, longest)).flatten(),
        input: of(wanted.input, INPUT),
        shuffle_read: of(wanted.read, READ),
        shuffle_write: of(wanted.write, WRITE),
        output: of(wanted.output, OUTPUT),
        spill: of(wanted.spill, SPILL),
        failed: if wanted.failed { failed(tasks) } else { Vec::new() },
    }
}

/// The successful task that has the most of something.
fn first(tasks: &StageTasks, quantity: Quantity) -> Option<Task> {
    let filter = TaskFilter { statuses: vec![TaskStatus::Success], ..TaskFilter::default() };
    let page = Page { sort: quantity, order: Order::Shown, ascending: false, filter, offset: 0, length: 1 };
    tasks.page(&page).0.pop()
}

fn extreme(tasks: &StageTasks, quantity: Quantity) -> Option<Extreme> {
    let task = first(tasks, quantity)?;
    let mut values = tasks.of_successful(quantity);
    let most = values.iter().copied().max()?;
    let middle = values.len() / 2;
    let median = *values.select_nth_unstable(middle).1;
    Some(Extreme { most, median, task })
}

fn failed(tasks: &StageTasks) -> Vec<Task> {
    let filter = TaskFilter { statuses: vec![TaskStatus::Failed], ..TaskFilter::default() };
    let sort = Quantity::Column(TaskColumn::LaunchTime);
    tasks.page(&Page { sort, order: Order::Shown, ascending: true, filter, offset: 0, length: FAILED }).0
}
