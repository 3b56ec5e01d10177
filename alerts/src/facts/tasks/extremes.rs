//! The tasks of a stage attempt that took longest, or have the most of something.

use afterglow_history::state::{StageAttempt, Task, TaskStatus, TaskTimes};
use afterglow_history::store::quantiles::Median;
use afterglow_history::store::segment::{Metric, TaskColumn};
use afterglow_history::store::tasks::{Order, Page, Quantity, StageTasks, TaskFilter};

/// A task this long is worth knowing, milliseconds.
const LONG: i64 = 1_000;
/// The longest task over the median one, from which it is looked for.
const UNEVEN: i64 = 2;
/// Bytes of a stage attempt from which its largest tasks are looked for.
const LARGE: i64 = 64 << 20;

const DURATION: Quantity = Quantity::Column(TaskColumn::Duration);
const INPUT: Quantity = Quantity::Column(TaskColumn::Metric(Metric::input_bytes_read));
const OUTPUT: Quantity = Quantity::Column(TaskColumn::Metric(Metric::output_bytes_written));
const WRITE: Quantity = Quantity::Column(TaskColumn::Metric(Metric::shuffle_bytes_written));
const READ: Quantity = Quantity::Sum(&[Metric::shuffle_local_bytes_read, Metric::shuffle_remote_bytes_read]);

/// Of the successful tasks of a stage attempt; none where the stage has little of it.
#[derive(Debug, Clone, Default)]
pub struct TaskFacts {
    /// The one that took longest.
    pub longest: Option<Task>,
    pub input: Option<Extreme>,
    pub shuffle_read: Option<Extreme>,
    pub shuffle_write: Option<Extreme>,
    pub output: Option<Extreme>,
}

/// The task with the most of something, bytes, and what the median task has.
#[derive(Debug, Clone, Default)]
pub struct Extreme {
    pub most: i64,
    pub median: i64,
    /// Task that has the most.
    pub task: Task,
}

/// [`TaskFacts`] in the making.
pub(super) struct Extremes {
    longest: Option<Greatest>,
    input: Option<Side>,
    read: Option<Side>,
    write: Option<Side>,
    output: Option<Side>,
    /// Which one has the most is seen the first time.
    is_first: bool,
}

impl Extremes {
    /// If there can be any that a rule would ask for.
    pub fn worth(s: &StageAttempt) -> Option<Self> {
        let m = &s.metrics;
        let uneven = |t: &TaskTimes| t.longest >= LONG && t.longest > t.median.saturating_mul(UNEVEN);
        let large = |bytes: i64, of| (bytes >= LARGE).then(|| Side::new(of));
        let all = Extremes {
            longest: s.task_times.as_ref().is_some_and(uneven).then(|| Greatest::new(DURATION)),
            input: large(m.input_bytes_read, INPUT),
            read: large(m.shuffle_local_bytes_read.saturating_add(m.shuffle_remote_bytes_read), READ),
            write: large(m.shuffle_bytes_written, WRITE),
            output: large(m.output_bytes_written, OUTPUT),
            is_first: true,
        };
        let any = all.longest.is_some() || [&all.input, &all.read, &all.write, &all.output].iter().any(|s| s.is_some());
        any.then_some(all)
    }

    fn sides(&mut self) -> impl Iterator<Item = &mut Side> {
        [&mut self.input, &mut self.read, &mut self.write, &mut self.output].into_iter().flatten()
    }

    pub fn see(&mut self, tasks: &StageTasks) {
        let is_first = self.is_first;
        if let Some(longest) = self.longest.as_mut().filter(|_| is_first) {
            longest.see(tasks, &tasks.of_successful(DURATION));
        }
        for side in self.sides().filter(|s| is_first || s.median.get().is_none()) {
            let values = tasks.of_successful(side.greatest.of);
            values.iter().for_each(|v| side.median.see(*v));
            if is_first {
                side.greatest.see(tasks, &values);
            }
        }
    }

    pub fn again(&mut self) -> bool {
        self.is_first = false;
        let mut again = false;
        self.sides().for_each(|side| again |= side.median.narrow());
        again
    }

    pub fn told(self) -> TaskFacts {
        let of = |side: Option<Side>| {
            let Side { greatest, median } = side?;
            Some(Extreme { most: greatest.most, median: median.get()?, task: greatest.task? })
        };
        TaskFacts {
            longest: self.longest.and_then(|g| g.task),
            input: of(self.input),
            shuffle_read: of(self.read),
            shuffle_write: of(self.write),
            output: of(self.output),
        }
    }
}

struct Side {
    greatest: Greatest,
    median: Median,
}

impl Side {
    fn new(of: Quantity) -> Self {
        Side { greatest: Greatest::new(of), median: Median::default() }
    }
}

/// The successful task with the most of something; of those that have the same, that with the greatest id.
struct Greatest {
    of: Quantity,
    most: i64,
    task: Option<Task>,
}

impl Greatest {
    fn new(of: Quantity) -> Self {
        Greatest { of, most: i64::MIN, task: None }
    }

    fn see(&mut self, tasks: &StageTasks, values: &[i64]) {
        let Some(most) = values.iter().copied().max().filter(|most| *most >= self.most) else { return };
        let filter = TaskFilter { statuses: vec![TaskStatus::Success], ..TaskFilter::default() };
        let page = Page { sort: self.of, order: Order::Shown, ascending: false, filter, offset: 0, length: 1 };
        let task = tasks.page(&page).0.pop();
        let rank = |most: i64, task: &Option<Task>| (most, task.as_ref().map(|t| t.task_id));
        if rank(most, &task) > rank(self.most, &self.task) {
            (self.most, self.task) = (most, task);
        }
    }
}
