//! The tasks of one stage attempt: pages in any order, counts and quantiles, over packed columns.
//! Computes in memory and blocks: call from a thread that may.

use std::ops::Range;
use std::sync::Arc;

use super::quantiles;
use super::segment::{Metric, Segment, TaskColumn, status_number};
use crate::state::{StageKey, Task, TaskStatus};

/// Tasks of a stage attempt, in as many pieces as segments hold them.
pub struct StageTasks {
    stage: StageKey,
    pieces: Vec<(Arc<Segment>, Range<usize>)>,
    len: usize,
    /// What tasks that run are measured against, epoch milliseconds.
    now: i64,
}

/// What tasks can be sorted by and summed up over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    Column(TaskColumn),
    SchedulerDelay,
    GettingResult,
    /// Metrics added up, e.g. local and remote bytes.
    Sum(&'static [Metric]),
}

/// A page of tasks.
#[derive(Debug, Clone)]
pub struct Page {
    pub sort: Quantity,
    pub ascending: bool,
    /// Only tasks in one of these; all if empty.
    pub statuses: Vec<TaskStatus>,
    pub offset: usize,
    pub length: usize,
}

/// A row with what it is ordered by.
type Keyed = (i64, i64, u32);

impl StageTasks {
    pub(super) fn new(stage: StageKey, pieces: Vec<(Arc<Segment>, Range<usize>)>) -> Self {
        let len = pieces.iter().map(|(_, r)| r.len()).sum();
        StageTasks { stage, pieces, len, now: 0 }
    }

    /// Measures tasks that run against this time, epoch milliseconds.
    pub fn as_of(self, now: i64) -> Self {
        StageTasks { now, ..self }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All values of a column, in storage order.
    fn column(&self, column: TaskColumn) -> Vec<i64> {
        let mut out = Vec::with_capacity(self.len);
        for (segment, rows) in &self.pieces {
            if segment.read(column, rows.clone(), &mut out).is_none() {
                out.resize(out.len() + rows.len(), 0); // damage inside a block whose checksum held
            }
        }
        out
    }

    fn metric(&self, metric: Metric) -> Vec<i64> {
        self.column(TaskColumn::Metric(metric))
    }

    /// The value all tasks share in a column, if they do.
    fn constant(&self, column: TaskColumn) -> Option<i64> {
        let mut values = self.pieces.iter().map(|(s, _)| s.constant(column));
        let first = values.next()??;
        values.all(|v| v == Some(first)).then_some(first)
    }

    /// All values of a quantity, in storage order.
    pub fn values(&self, quantity: Quantity) -> Vec<i64> {
        match quantity {
            Quantity::Column(TaskColumn::Duration) => {
                let mut durations = self.column(TaskColumn::Duration);
                if durations.iter().any(|d| *d < 0) {
                    let launched = self.column(TaskColumn::LaunchTime);
                    durations.iter_mut().zip(launched).filter(|(d, _)| **d < 0).for_each(|(d, l)| *d = self.now - l);
                }
                durations
            }
            Quantity::Column(c) => self.column(c),
            Quantity::Sum(metrics) => {
                let mut columns = metrics.iter().map(|m| self.metric(*m));
                let first = columns.next().unwrap_or_else(|| vec![0; self.len]);
                columns.fold(first, |sum, c| sum.into_iter().zip(c).map(|(a, b)| a.wrapping_add(b)).collect())
            }
            Quantity::GettingResult => {
                if self.constant(TaskColumn::GettingResultTime) == Some(0) {
                    return vec![0; self.len];
                }
                let begun = self.column(TaskColumn::GettingResultTime);
                let (launch, duration) = (self.column(TaskColumn::LaunchTime), self.column(TaskColumn::Duration));
                let took =
                    |i: usize| if begun[i] > 0 && duration[i] >= 0 { launch[i] + duration[i] - begun[i] } else { 0 };
                (0..self.len).map(took).collect()
            }
            Quantity::SchedulerDelay => {
                let getting = self.values(Quantity::GettingResult);
                let duration = self.column(TaskColumn::Duration);
                let run = self.metric(Metric::executor_run_time);
                let deserialize = self.metric(Metric::executor_deserialize_time);
                let serialize = self.metric(Metric::result_serialization_time);
                // For a task that runs there is none yet.
                let delay = |i: usize| match duration[i] {
                    d if d >= 0 => (d - run[i] - deserialize[i] - serialize[i] - getting[i]).max(0),
                    _ => 0,
                };
                (0..self.len).map(delay).collect()
            }
        }
    }

    /// A page; with the number of tasks that its filter lets through.
    pub fn page(&self, page: &Page) -> (Vec<Task>, usize) {
        let ids = self.column(TaskColumn::TaskId);
        let sorts: Vec<i64> = match page.sort {
            Quantity::Column(TaskColumn::TaskId) => vec![0; self.len],
            Quantity::Column(c @ (TaskColumn::Executor | TaskColumn::Host | TaskColumn::Locality)) => self.ranks(c),
            q => self.sort_keys(q),
        };
        let rows = 0..u32::try_from(self.len).unwrap_or(u32::MAX);
        let keyed = |row: u32| (sorts[row as usize], ids[row as usize], row);
        let mut all: Vec<Keyed> = if page.statuses.is_empty() {
            rows.map(keyed).collect()
        } else {
            let wanted: Vec<i64> = page.statuses.iter().map(|s| status_number(*s)).collect();
            let status = self.column(TaskColumn::Status);
            rows.filter(|r| wanted.contains(&status[*r as usize])).map(keyed).collect()
        };
        let count = all.len();
        let chosen = choose(&mut all, page);
        (self.fetch(&chosen), count)
    }

    /// Ranks of the texts behind a column of numbers, so that they sort as text.
    fn ranks(&self, column: TaskColumn) -> Vec<i64> {
        let mut names: Vec<Arc<str>> = Vec::new();
        let mut numbers = Vec::new();
        for (segment, rows) in &self.pieces {
            numbers.clear();
            let _ = segment.read(column, rows.clone(), &mut numbers);
            names.extend(numbers.iter().map(|n| segment.name(*n).cloned().unwrap_or_else(|| "".into())));
        }
        names.resize(self.len, "".into());
        let mut sorted: Vec<&Arc<str>> = names.iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        names.iter().map(|n| sorted.binary_search(&n).unwrap_or(0) as i64).collect()
    }

    /// Whole tasks by row number, in the order given.
    fn fetch(&self, rows: &[u32]) -> Vec<Task> {
        let mut out: Vec<Option<Task>> = vec![None; rows.len()];
        let mut start = 0usize;
        for (segment, range) in &self.pieces {
            let mine: Vec<(usize, usize)> = rows
                .iter()
                .enumerate()
                .filter(|(_, r)| (start..start + range.len()).contains(&(**r as usize)))
                .map(|(at, r)| (at, *r as usize - start + range.start))
                .collect();
            start += range.len();
            let here: Vec<usize> = mine.iter().map(|(_, row)| *row).collect();
            if let Some(tasks) = (!here.is_empty()).then(|| segment.tasks(self.stage, &here)).flatten() {
                for ((at, _), task) in mine.iter().zip(tasks) {
                    out[*at] = Some(task);
                }
            }
        }
        out.into_iter().flatten().collect()
    }

    /// All tasks, by task id.
    pub fn all(&self) -> Vec<Task> {
        let sort = Quantity::Column(TaskColumn::TaskId);
        self.page(&Page { sort, ascending: true, statuses: Vec::new(), offset: 0, length: usize::MAX }).0
    }

    /// What tasks are ordered by, as Spark's index is: metrics of tasks that did not succeed are
    /// negative there, so that they come first, and those of tasks that run are -1.
    fn sort_keys(&self, quantity: Quantity) -> Vec<i64> {
        let mut values = self.values(quantity);
        let success = status_number(TaskStatus::Success);
        let metric = matches!(quantity, Quantity::Column(TaskColumn::Metric(_)));
        if matches!(quantity, Quantity::Column(_)) && !metric {
            return values;
        }
        if self.constant(TaskColumn::Status) == Some(success) {
            return values;
        }
        for (v, status) in values.iter_mut().zip(self.column(TaskColumn::Status)) {
            if !has_ended(status) {
                *v = -1;
            } else if metric && status != success {
                *v = -*v - 1;
            }
        }
        values
    }

    /// The groups of tasks that quantiles are taken among.
    pub fn counted(&self) -> Counted {
        let success = status_number(TaskStatus::Success);
        let status = self.column(TaskColumn::Status);
        Counted {
            timed: Group::of(self.values(Quantity::Column(TaskColumn::Duration)).iter().map(|d| *d >= 0).collect()),
            ended: Group::of(status.iter().map(|s| has_ended(*s)).collect()),
            successful: Group::of(status.iter().map(|s| *s == success).collect()),
        }
    }

    /// The values at the given ranks (ascending) among those that `of` takes; all if none.
    pub fn ranked(&self, quantity: Quantity, of: Option<&Group>, ranks: &[usize]) -> Vec<i64> {
        if let Quantity::Column(c) = quantity
            && let Some(v) = self.constant(c).filter(|v| c != TaskColumn::Duration || *v >= 0)
        {
            return vec![v; ranks.len()];
        }
        let mut values = self.values(quantity);
        if let Some(mask) = of.and_then(|s| s.mask.as_ref()) {
            let mut keep = mask.iter();
            values.retain(|_| keep.next().copied().unwrap_or(false));
        }
        quantiles::at_ranks(&values, ranks)
    }
}

/// Some tasks of a stage.
pub struct Group {
    /// Which, in storage order; none for all.
    mask: Option<Vec<bool>>,
    pub count: usize,
}

impl Group {
    fn of(mask: Vec<bool>) -> Self {
        let count = mask.iter().filter(|m| **m).count();
        Group { mask: (count < mask.len()).then_some(mask), count }
    }
}

/// The groups of a stage's tasks. An ended task has metrics, if only zeros.
pub struct Counted {
    /// With a duration: all, unless a running one began after the log's last word.
    pub timed: Group,
    pub ended: Group,
    pub successful: Group,
}

fn has_ended(status: i64) -> bool {
    [TaskStatus::Success, TaskStatus::Failed, TaskStatus::Killed].iter().any(|s| status_number(*s) == status)
}

/// Orders as far as the page needs, and gives its rows.
fn choose(all: &mut [Keyed], page: &Page) -> Vec<u32> {
    let from = page.offset.min(all.len());
    let to = from.saturating_add(page.length).min(all.len());
    let order = |a: &Keyed, b: &Keyed| if page.ascending { a.cmp(b) } else { b.cmp(a) };
    if from >= to {
        return Vec::new();
    }
    if to < all.len() {
        all.select_nth_unstable_by(to, order);
    }
    let head = &mut all[..to];
    if from > 0 {
        head.select_nth_unstable_by(from, order);
    }
    let shown = &mut head[from..];
    shown.sort_unstable_by(order);
    shown.iter().map(|k| k.2).collect()
}
