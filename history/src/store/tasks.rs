//! The tasks of one stage attempt: pages in any order, counts and quantiles, over packed columns.
//! Computes in memory and blocks: call from a thread that may.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::quantiles;
use super::segment::{Metric, NamedTask, Segment, TaskColumn, status_number};
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
    pub order: Order,
    pub ascending: bool,
    pub filter: TaskFilter,
    pub offset: usize,
    pub length: usize,
}

/// What sorting compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// What Spark's index holds: metrics of tasks that did not succeed come first.
    Spark,
    /// The values that are shown; names that are numbers as numbers.
    Shown,
}

/// Which tasks are meant; each list that is empty lets all through.
#[derive(Debug, Clone, Default)]
pub struct TaskFilter {
    pub statuses: Vec<TaskStatus>,
    pub executors: Vec<String>,
    pub text: Option<TextFilter>,
}

/// A text that executor, host, locality or error have in them.
#[derive(Debug, Clone)]
pub struct TextFilter {
    /// In lower case. If it is a number, the task with that id or index is meant, too.
    pub text: String,
    /// Statuses whose name has it.
    pub statuses: Vec<TaskStatus>,
}

impl Page {
    /// A page of all tasks, in the order of Spark's index.
    pub fn new(sort: Quantity, ascending: bool, offset: usize, length: usize) -> Self {
        Page { sort, order: Order::Spark, ascending, filter: TaskFilter::default(), offset, length }
    }
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
    pub fn column(&self, column: TaskColumn) -> Vec<i64> {
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
                    durations
                        .iter_mut()
                        .zip(launched)
                        .filter(|(d, _)| **d < 0)
                        .for_each(|(d, l)| *d = self.now.wrapping_sub(l));
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
                let took = |i: usize| match (begun[i], duration[i]) {
                    (b, d) if b > 0 && d >= 0 => launch[i].wrapping_add(d).wrapping_sub(b),
                    _ => 0,
                };
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
                    d if d >= 0 => {
                        [run[i], deserialize[i], serialize[i], getting[i]].into_iter().fold(d, i64::wrapping_sub).max(0)
                    }
                    _ => 0,
                };
                (0..self.len).map(delay).collect()
            }
        }
    }

    /// A page; with the number of tasks that its filter lets through.
    pub fn page(&self, page: &Page) -> (Vec<Task>, usize) {
        let (chosen, count) = self.rows(page);
        (self.fetch(&chosen), count)
    }

    /// The places of a page's tasks in storage order, for [`StageTasks::fetch`]; with that number.
    pub fn rows(&self, page: &Page) -> (Vec<u32>, usize) {
        let ids = self.column(TaskColumn::TaskId);
        let sorts: Vec<i64> = match (page.sort, page.order) {
            (Quantity::Column(TaskColumn::TaskId), _) => vec![0; self.len],
            (Quantity::Column(c @ (TaskColumn::Executor | TaskColumn::Host | TaskColumn::Locality)), order) => {
                self.ranks(c, order)
            }
            (Quantity::Column(TaskColumn::Status), Order::Shown) => {
                self.column(TaskColumn::Status).into_iter().map(alphabetical).collect()
            }
            (q, Order::Spark) => self.sort_keys(q),
            (q, Order::Shown) => self.values(q),
        };
        let rows = 0..u32::try_from(self.len).unwrap_or(u32::MAX);
        let keyed = |row: u32| (sorts[row as usize], ids[row as usize], row);
        let mut all: Vec<Keyed> = match self.mask(&page.filter) {
            None => rows.map(keyed).collect(),
            Some(mask) => rows.filter(|r| mask[*r as usize]).map(keyed).collect(),
        };
        let count = all.len();
        (choose(&mut all, page), count)
    }

    /// The places of all tasks that a filter lets through, in the order of their ids as text. Of several with one id:
    /// the last.
    pub fn rows_by_text(&self, filter: &TaskFilter) -> Vec<u32> {
        let ids = self.column(TaskColumn::TaskId);
        let rows = 0..u32::try_from(self.len).unwrap_or(u32::MAX);
        let mut all: Vec<u32> = match self.mask(filter) {
            None => rows.collect(),
            Some(mask) => rows.filter(|r| mask[*r as usize]).collect(),
        };
        all.sort_unstable_by_key(|row| (as_text(ids[*row as usize]), Reverse(*row)));
        all.dedup_by_key(|row| ids[*row as usize]);
        all
    }

    /// Which tasks a filter lets through, in storage order; none for all.
    fn mask(&self, filter: &TaskFilter) -> Option<Vec<bool>> {
        if filter.statuses.is_empty() && filter.executors.is_empty() && filter.text.is_none() {
            return None;
        }
        let numbers = |statuses: &[TaskStatus]| statuses.iter().map(|s| status_number(*s)).collect::<Vec<_>>();
        let mut mask = vec![true; self.len];
        if !filter.statuses.is_empty() {
            let wanted = numbers(&filter.statuses);
            mask.iter_mut().zip(self.column(TaskColumn::Status)).for_each(|(m, s)| *m &= wanted.contains(&s));
        }
        if !filter.executors.is_empty() {
            let wanted = self.with_name(&[TaskColumn::Executor], |name| filter.executors.iter().any(|e| e == name));
            mask.iter_mut().zip(wanted).for_each(|(m, w)| *m &= w);
        }
        if let Some(TextFilter { text, statuses }) = &filter.text {
            let places = [TaskColumn::Executor, TaskColumn::Host, TaskColumn::Locality];
            let mut found = self.with_name(&places, |name| name.to_lowercase().contains(text));
            let statuses = numbers(statuses);
            found.iter_mut().zip(self.column(TaskColumn::Status)).for_each(|(f, s)| *f |= statuses.contains(&s));
            if let Ok(number) = text.parse::<i64>() {
                for column in [TaskColumn::TaskId, TaskColumn::Index] {
                    found.iter_mut().zip(self.column(column)).for_each(|(f, v)| *f |= v == number);
                }
            }
            let mut at = found.iter_mut();
            for (segment, rows) in &self.pieces {
                let errors = segment.errors_with(rows.clone(), |error| error.to_lowercase().contains(text));
                at.by_ref().take(rows.len()).zip(errors).for_each(|(f, e)| *f |= e);
            }
            mask.iter_mut().zip(found).for_each(|(m, f)| *m &= f);
        }
        Some(mask)
    }

    /// Which tasks have a name that is wanted in one of these columns, in storage order.
    fn with_name(&self, columns: &[TaskColumn], wanted: impl Fn(&str) -> bool) -> Vec<bool> {
        let mut out = Vec::with_capacity(self.len);
        let mut numbers = Vec::new();
        for (segment, rows) in &self.pieces {
            let from = out.len();
            out.resize(from + rows.len(), false);
            let wanted: Vec<bool> = segment.names().iter().map(|n| wanted(n)).collect();
            for column in columns.iter().filter(|_| wanted.contains(&true)) {
                numbers.clear();
                let _ = segment.read(*column, rows.clone(), &mut numbers);
                for (o, n) in out[from..].iter_mut().zip(&numbers) {
                    *o |= usize::try_from(*n).is_ok_and(|n| wanted.get(n) == Some(&true));
                }
            }
        }
        out
    }

    /// Ranks of the texts behind a column of numbers, so that they sort as text.
    fn ranks(&self, column: TaskColumn, order: Order) -> Vec<i64> {
        self.named_ranks(column, order).0
    }

    /// The same, with the texts by rank; some may be of other columns.
    pub fn named_ranks(&self, column: TaskColumn, order: Order) -> (Vec<i64>, Vec<Arc<str>>) {
        let none: Arc<str> = "".into();
        let mut names: Vec<Arc<str>> = self.pieces.iter().flat_map(|(s, _)| s.names()).cloned().collect();
        names.push(none.clone());
        names.sort_unstable();
        names.dedup();
        if order == Order::Shown {
            names.sort_by_cached_key(|name| (name.parse::<i64>().unwrap_or(i64::MAX), name.clone()));
        }
        let rank: HashMap<&Arc<str>, i64> = names.iter().zip(0..).collect();
        let mut out = Vec::with_capacity(self.len);
        for (segment, rows) in &self.pieces {
            let by_number: Vec<i64> = segment.names().iter().map(|n| rank[n]).collect();
            let from = out.len();
            let _ = segment.read(column, rows.clone(), &mut out);
            out.resize(from + rows.len(), -1);
            for n in &mut out[from..] {
                *n = usize::try_from(*n).ok().and_then(|n| by_number.get(n)).copied().unwrap_or(rank[&none]);
            }
        }
        (out, names)
    }

    /// Whole tasks by their place in storage order, in the order given.
    pub fn fetch(&self, rows: &[u32]) -> Vec<Task> {
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

    /// Which tasks are at some places in storage order (ascending): only the columns of that are read.
    pub fn named(&self, rows: &[usize]) -> Vec<NamedTask> {
        let mut out = Vec::with_capacity(rows.len());
        let (mut start, mut rest) = (0usize, rows);
        for (segment, range) in &self.pieces {
            let here = rest.partition_point(|row| *row < start + range.len());
            let (mine, others) = rest.split_at(here);
            let mine: Vec<usize> = mine.iter().map(|row| row - start + range.start).collect();
            segment.named(&mine, &mut out);
            rest = others;
            start += range.len();
        }
        out
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
                *v = !*v; // -v - 1, which may not overflow
            }
        }
        values
    }

    /// Values of a quantity of the tasks that succeeded.
    pub fn of_successful(&self, quantity: Quantity) -> Vec<i64> {
        let success = status_number(TaskStatus::Success);
        let values = self.values(quantity);
        match self.constant(TaskColumn::Status) {
            Some(status) if status == success => values,
            Some(_) => Vec::new(),
            None => {
                let of = values.into_iter().zip(self.column(TaskColumn::Status));
                of.filter(|(_, status)| *status == success).map(|(v, _)| v).collect()
            }
        }
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

    /// The values at the given ranks (ascending, below the count) among the tasks of a group, and whose the ends are.
    pub fn spread(&self, quantity: Quantity, of: &Group, ranks: &[usize]) -> Spread {
        if let Quantity::Column(c) = quantity
            && let Some(v) = self.constant(c).filter(|v| c != TaskColumn::Duration || *v >= 0)
        {
            return Spread { values: vec![v; ranks.len()], ends: None };
        }
        let mut values = self.values(quantity);
        let is_of = |row: usize| of.mask.as_ref().is_none_or(|m| m.get(row) == Some(&true));
        let (mut least, mut greatest) = (None, None);
        for (row, v) in values.iter().enumerate().filter(|(row, _)| is_of(*row)) {
            if least.is_none_or(|(_, l)| *v < l) {
                least = Some((row, *v));
            }
            if greatest.is_none_or(|(_, g)| *v > g) {
                greatest = Some((row, *v));
            }
        }
        let ends = least.zip(greatest).filter(|(l, g)| l.1 < g.1).map(|(l, g)| (l.0, g.0));
        let mut row = 0..;
        values.retain(|_| row.next().is_some_and(is_of));
        Spread { values: quantiles::at_ranks(&values, ranks), ends }
    }
}

/// How a quantity is spread among some tasks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spread {
    /// At the ranks that were asked for.
    pub values: Vec<i64>,
    /// Which have the least and the greatest, by their place in storage order, the first of equal ones; none where
    /// all have the same.
    pub ends: Option<(usize, usize)>,
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

/// The place of a status among all by name.
fn alphabetical(status: i64) -> i64 {
    const NAMES: [TaskStatus; 6] = [
        TaskStatus::Failed,
        TaskStatus::GetResult,
        TaskStatus::Killed,
        TaskStatus::Running,
        TaskStatus::Success,
        TaskStatus::Unknown,
    ];
    NAMES.iter().position(|s| status_number(*s) == status).map_or(0, |at| at as i64)
}

fn has_ended(status: i64) -> bool {
    [TaskStatus::Success, TaskStatus::Failed, TaskStatus::Killed].iter().any(|s| status_number(*s) == status)
}

/// Orders as far as the page needs, and gives its rows.
/// Something that is ordered as a number's decimal digits are as text.
fn as_text(number: i64) -> (bool, u64, u32) {
    /// The most digits that a number has.
    const DIGITS: u32 = 19;
    let digits = number.unsigned_abs().checked_ilog10().unwrap_or(0) + 1;
    // A minus sign comes before all digits, and a text before those that it begins.
    (number >= 0, number.unsigned_abs().saturating_mul(10u64.pow(DIGITS.saturating_sub(digits))), digits)
}

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::as_text;

    proptest! {
        #[test]
        fn numbers_are_ordered_as_their_text(a in any::<i64>(), b in any::<i64>(), by in 1i64..1_000_000, few in 0i64..200) {
            let some = [a, b, a / by, b / by, few, few * 10, -few, i64::MIN, i64::MAX, 0];
            for (x, y) in some.iter().flat_map(|x| some.iter().map(move |y| (*x, *y))) {
                prop_assert_eq!(as_text(x).cmp(&as_text(y)), x.to_string().cmp(&y.to_string()), "{} {}", x, y);
            }
        }
    }
}
