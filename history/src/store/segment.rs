//! A segment: some thousand tasks as packed columns, sorted by stage attempt and task id, with
//! the texts they share. The unit in which tasks are written, read and cached.
//!
//! Layout: rows, column offsets, columns, names (executor, host, locality), plain length of what
//! follows; then, compressed on its own, what few rows have (error texts, accumulables).

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::{
    column::{Column, pack},
    part::inflate,
    record::{Record, put_u64, take_u64},
};
use crate::for_each_task_metric;
use crate::state::{AccumulableValue, StageKey, Task, TaskStatus, metrics::TaskMetrics};

/// Rows of a segment at most: what a writer gathers before it writes one.
pub const ROWS: usize = 8 << 10;

const COMPRESSION: i32 = 3;

/// A stored column of tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(non_camel_case_types, reason = "a variant for each task metric bears the metric's name")]
pub enum TaskColumn {
    TaskId,
    Index,
    Attempt,
    PartitionId,
    LaunchTime,
    /// -1 for a task that runs.
    Duration,
    GettingResultTime,
    Status,
    Speculative,
    Executor,
    Host,
    Locality,
    /// Number of the error text from 1 on; 0 for none. So for accumulables.
    Error,
    Accumulables,
    HasMetrics,
    Metric(Metric),
}

macro_rules! metric_columns {
    ($($field:ident),*) => {
        /// A task metric as a column.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(non_camel_case_types, reason = "named after the metric")]
        pub enum Metric { $($field),* }

        const METRICS: &[Metric] = &[$(Metric::$field),*];

        impl Metric {
            fn of(self, m: &TaskMetrics) -> i64 {
                match self { $(Metric::$field => m.$field),* }
            }
        }

        fn metrics_at(columns: &Columns<'_>, row: usize) -> TaskMetrics {
            TaskMetrics { $($field: columns.at(TaskColumn::Metric(Metric::$field), row)),* }
        }
    };
}
for_each_task_metric!(metric_columns);

const HEAD: [TaskColumn; 15] = [
    TaskColumn::TaskId,
    TaskColumn::Index,
    TaskColumn::Attempt,
    TaskColumn::PartitionId,
    TaskColumn::LaunchTime,
    TaskColumn::Duration,
    TaskColumn::GettingResultTime,
    TaskColumn::Status,
    TaskColumn::Speculative,
    TaskColumn::Executor,
    TaskColumn::Host,
    TaskColumn::Locality,
    TaskColumn::Error,
    TaskColumn::Accumulables,
    TaskColumn::HasMetrics,
];

impl TaskColumn {
    fn number(self) -> usize {
        match self {
            TaskColumn::Metric(m) => HEAD.len() + m as usize,
            other => HEAD.iter().position(|c| *c == other).unwrap_or(0),
        }
    }
}

/// Numbers of [`TaskStatus`] in its column.
pub fn status_number(s: TaskStatus) -> i64 {
    match s {
        TaskStatus::Unknown => 0,
        TaskStatus::Running => 1,
        TaskStatus::GetResult => 2,
        TaskStatus::Success => 3,
        TaskStatus::Failed => 4,
        TaskStatus::Killed => 5,
    }
}

fn status(n: i64) -> TaskStatus {
    match n {
        1 => TaskStatus::Running,
        2 => TaskStatus::GetResult,
        3 => TaskStatus::Success,
        4 => TaskStatus::Failed,
        5 => TaskStatus::Killed,
        _ => TaskStatus::Unknown,
    }
}

/// Texts by number, each once.
#[derive(Default)]
struct Table<T> {
    items: Vec<T>,
    numbers: HashMap<T, i64>,
}

impl<T: Clone + Eq + std::hash::Hash> Table<T> {
    fn number(&mut self, item: &T) -> i64 {
        match self.numbers.get(item) {
            Some(n) => *n,
            None => {
                let n = self.items.len() as i64;
                self.items.push(item.clone());
                self.numbers.insert(item.clone(), n);
                n
            }
        }
    }
}

/// Which rows of a segment belong to a stage attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct StageRows {
    pub stage: StageKey,
    pub start: u64,
    pub rows: u64,
}

/// Writes tasks as a segment. Sorts them first; gives the stages in it.
pub fn write(tasks: &mut [Task], out: &mut Vec<u8>) -> Vec<StageRows> {
    // In place: tasks are large, and no two have the same id.
    tasks.sort_unstable_by_key(|t| (t.stage_id, t.stage_attempt_id, t.task_id));
    let mut stages: Vec<StageRows> = Vec::new();
    for (i, t) in tasks.iter().enumerate() {
        let stage = (t.stage_id, t.stage_attempt_id);
        match stages.last_mut() {
            Some(s) if s.stage == stage => s.rows += 1,
            _ => stages.push(StageRows { stage, start: i as u64, rows: 1 }),
        }
    }
    let (mut names, mut errors): (Table<Arc<str>>, Table<String>) = Default::default();
    let mut accumulables: Table<Vec<AccumulableValue>> = Table::default();
    let mut columns = Vec::new();
    let mut offsets = Vec::new();
    let mut values = Vec::with_capacity(tasks.len());
    let none = TaskMetrics::default();
    for column in HEAD.into_iter().chain(METRICS.iter().map(|m| TaskColumn::Metric(*m))) {
        values.clear();
        for t in tasks.iter() {
            values.push(match column {
                TaskColumn::TaskId => t.task_id,
                TaskColumn::Index => t.index,
                TaskColumn::Attempt => t.attempt,
                TaskColumn::PartitionId => t.partition_id,
                TaskColumn::LaunchTime => t.launch_time,
                TaskColumn::Duration => t.duration.unwrap_or(-1),
                TaskColumn::GettingResultTime => t.getting_result_time,
                TaskColumn::Status => status_number(t.status),
                TaskColumn::Speculative => i64::from(t.speculative),
                TaskColumn::Executor => names.number(&t.executor_id),
                TaskColumn::Host => names.number(&t.host),
                TaskColumn::Locality => names.number(&t.locality),
                TaskColumn::Error => t.error.as_ref().map_or(0, |e| errors.number(e) + 1),
                TaskColumn::Accumulables if t.accumulables.is_empty() => 0,
                TaskColumn::Accumulables => accumulables.number(&t.accumulables) + 1,
                TaskColumn::HasMetrics => i64::from(t.metrics.is_some()),
                TaskColumn::Metric(m) => m.of(t.metrics.as_ref().unwrap_or(&none)),
            });
        }
        offsets.push(columns.len() as u64);
        pack(&values, &mut columns);
    }
    put_u64(tasks.len() as u64, out);
    put_u64(columns.len() as u64, out);
    offsets.put(out);
    out.extend_from_slice(&columns);
    names.items.put(out);
    let rare = !(errors.items.is_empty() && accumulables.items.is_empty());
    let mut raw = Vec::new();
    errors.items.put(&mut raw);
    accumulables.items.put(&mut raw);
    put_u64(if rare { raw.len() as u64 } else { 0 }, out);
    if rare {
        out.extend_from_slice(&zstd::bulk::compress(&raw, COMPRESSION).unwrap_or_default());
    }
    stages
}

/// When a task ran, epoch milliseconds, and what of that it spent running and collecting garbage, as it says itself:
/// milliseconds, never more than it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub from: i64,
    pub to: i64,
    pub run: i64,
    pub gc: i64,
}

/// A task with no more than what names it.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTask {
    pub task_id: i64,
    pub index: i64,
    pub status: TaskStatus,
    pub executor: Arc<str>,
}

/// A segment in memory.
pub struct Segment {
    bytes: Bytes,
    rows: usize,
    columns: Range<usize>,
    offsets: Vec<u64>,
    names: Vec<Arc<str>>,
    /// Plain length of [`Rare`] and where it is.
    rare: (u64, usize),
}

/// What few tasks have: error texts, accumulables.
type Rare = (Vec<String>, Vec<Vec<AccumulableValue>>);

/// Open columns of a segment, as far as they were asked for.
struct Columns<'s> {
    open: Vec<Column<'s>>,
}

impl Columns<'_> {
    fn at(&self, column: TaskColumn, row: usize) -> i64 {
        self.open[column.number()].at(row)
    }
}

impl Segment {
    /// Opens what [`write`] wrote; none if the bytes are no segment.
    pub fn open(bytes: Bytes) -> Option<Self> {
        let mut from = &bytes[..];
        // Columns of one value alone have no length of their own: without a bound a few bytes could be any number of rows.
        let rows = usize::try_from(take_u64(&mut from)?).ok().filter(|n| *n <= ROWS)?;
        let len = usize::try_from(take_u64(&mut from)?).ok()?;
        let offsets: Vec<u64> = Vec::take(&mut from)?;
        let start = bytes.len() - from.len();
        from = from.get(len..)?;
        let names = Vec::take(&mut from)?;
        let plain = take_u64(&mut from)?;
        let rare = (plain, bytes.len() - from.len());
        let known = HEAD.len() + METRICS.len();
        (offsets.len() == known && offsets.iter().all(|o| *o as usize <= len)).then_some(())?;
        Some(Segment { columns: start..start + len, rows, offsets, names, rare, bytes })
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes this segment holds in memory.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    fn column(&self, number: usize) -> Option<Column<'_>> {
        let bytes = &self.bytes[self.columns.clone()];
        Column::open(bytes.get(*self.offsets.get(number)? as usize..)?, self.rows)
    }

    /// Appends the values of a column for some rows to `out`.
    pub fn read(&self, column: TaskColumn, rows: Range<usize>, out: &mut Vec<i64>) -> Option<()> {
        if rows.end > self.rows {
            return None;
        }
        self.column(column.number())?.read(rows, out);
        Some(())
    }

    /// All values of a column; 0 for those of a damaged one whose checksum held.
    pub fn values(&self, column: TaskColumn) -> Vec<i64> {
        let mut values = Vec::with_capacity(self.rows);
        let _ = self.read(column, 0..self.rows, &mut values);
        values.resize(self.rows, 0);
        values
    }

    /// The value all rows share, if the column is constant.
    pub fn constant(&self, column: TaskColumn) -> Option<i64> {
        match self.column(column.number())? {
            Column::Constant(v) => Some(v),
            Column::Packed { .. } => None,
        }
    }

    /// Name by number, of the columns Executor, Host and Locality.
    pub fn name(&self, number: i64) -> Option<&Arc<str>> {
        self.names.get(usize::try_from(number).ok()?)
    }

    /// Gives when every task ran to `take`; tasks that run finish at `now`, and have not said yet what they spent.
    pub fn spans(&self, now: i64, take: &mut impl FnMut(Span)) {
        let (launched, durations) = (self.values(TaskColumn::LaunchTime), self.values(TaskColumn::Duration));
        let run = self.values(TaskColumn::Metric(Metric::executor_run_time));
        let gc = self.values(TaskColumn::Metric(Metric::jvm_gc_time));
        let times = launched.iter().zip(&durations).zip(run.iter().zip(&gc));
        for ((from, duration), (run, gc)) in times {
            let to = if *duration >= 0 { from.saturating_add(*duration) } else { now };
            let spent = |time: i64| if *duration >= 0 { time.clamp(0, *duration) } else { 0 };
            take(Span { from: *from, to, run: spent(*run), gc: spent(*gc) });
        }
    }

    /// Names by number.
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// The status of each task.
    pub fn statuses(&self) -> impl Iterator<Item = TaskStatus> {
        self.values(TaskColumn::Status).into_iter().map(status)
    }

    /// The error text of each task, where it has one.
    pub fn errors(&self) -> impl Iterator<Item = Option<String>> {
        let none = self.constant(TaskColumn::Error) == Some(0);
        let (errors, _) = if none { None } else { self.rare() }.unwrap_or_default();
        self.values(TaskColumn::Error).into_iter().map(move |n| numbered(&errors, n).flatten())
    }

    /// Which of some rows have an error text that is wanted.
    pub fn errors_with(&self, rows: Range<usize>, wanted: impl Fn(&str) -> bool) -> Vec<bool> {
        let none = || vec![false; rows.len()];
        if self.constant(TaskColumn::Error) == Some(0) {
            return none();
        }
        let Some((errors, _)) = self.rare() else { return none() };
        let wanted: Vec<bool> = errors.iter().map(|e| wanted(e)).collect();
        let mut numbers = Vec::with_capacity(rows.len());
        if self.read(TaskColumn::Error, rows.clone(), &mut numbers).is_none() {
            return none();
        }
        // Numbers count from 1.
        numbers.iter().map(|n| usize::try_from(n - 1).is_ok_and(|n| wanted.get(n) == Some(&true))).collect()
    }

    fn rare(&self) -> Option<Rare> {
        let (plain, at) = self.rare;
        if plain == 0 {
            return Some(Rare::default());
        }
        let raw = inflate(&self.bytes[at..], plain)?;
        let mut from = raw.as_slice();
        Some((Vec::take(&mut from)?, Vec::take(&mut from)?))
    }

    /// Which tasks are at the given rows.
    pub fn named(&self, rows: &[usize], out: &mut Vec<NamedTask>) {
        let columns = [TaskColumn::TaskId, TaskColumn::Index, TaskColumn::Status, TaskColumn::Executor];
        let open = columns.map(|c| self.column(c.number()));
        for &row in rows {
            let [task_id, index, state, executor] =
                [0, 1, 2, 3].map(|i: usize| open[i].as_ref().filter(|_| row < self.rows).map_or(0, |c| c.at(row)));
            let executor = self.name(executor).cloned().unwrap_or_else(|| "".into());
            out.push(NamedTask { task_id, index, status: status(state), executor });
        }
    }

    /// Whole tasks at the given rows, all of stage attempt `stage`.
    pub fn tasks(&self, stage: StageKey, rows: &[usize]) -> Option<Vec<Task>> {
        let open: Option<Vec<Column<'_>>> = (0..self.offsets.len()).map(|n| self.column(n)).collect();
        let columns = Columns { open: open? };
        let mut rare: Option<Rare> = None;
        let mut out = Vec::with_capacity(rows.len());
        for &row in rows {
            if row >= self.rows {
                return None;
            }
            let at = |c| columns.at(c, row);
            let error = at(TaskColumn::Error);
            let accumulables = at(TaskColumn::Accumulables);
            let duration = at(TaskColumn::Duration);
            if rare.is_none() && (error > 0 || accumulables > 0) {
                rare = Some(self.rare()?);
            }
            let (errors, seen) = rare.as_ref().map_or((&[][..], &[][..]), |(e, a)| (e, a));
            out.push(Task {
                stage_id: stage.0,
                stage_attempt_id: stage.1,
                task_id: at(TaskColumn::TaskId),
                index: at(TaskColumn::Index),
                attempt: at(TaskColumn::Attempt),
                partition_id: at(TaskColumn::PartitionId),
                launch_time: at(TaskColumn::LaunchTime),
                duration: (duration >= 0).then_some(duration),
                getting_result_time: at(TaskColumn::GettingResultTime),
                status: status(at(TaskColumn::Status)),
                speculative: at(TaskColumn::Speculative) != 0,
                executor_id: self.name(at(TaskColumn::Executor))?.clone(),
                host: self.name(at(TaskColumn::Host))?.clone(),
                locality: self.name(at(TaskColumn::Locality))?.clone(),
                metrics: (at(TaskColumn::HasMetrics) != 0).then(|| metrics_at(&columns, row)),
                error: numbered(errors, error)?,
                accumulables: numbered(seen, accumulables)?.unwrap_or_default(),
            });
        }
        Some(out)
    }
}

/// The item with number `n` counted from 1, none for 0; no answer if there is none such.
fn numbered<T: Clone>(items: &[T], n: i64) -> Option<Option<T>> {
    match usize::try_from(n).ok()? {
        0 => Some(None),
        n => Some(Some(items.get(n - 1)?.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(stage: i64, id: i64) -> Task {
        Task {
            stage_id: stage,
            task_id: id,
            index: id * 3,
            launch_time: 1_700_000_000_000 + id,
            duration: (id % 5 != 0).then_some(id),
            status: if id % 7 == 0 { TaskStatus::Failed } else { TaskStatus::Success },
            executor_id: format!("{}", id % 4).into(),
            host: "localhost".into(),
            locality: "ANY".into(),
            metrics: (id % 3 != 0).then(|| TaskMetrics { executor_run_time: id * 11, ..TaskMetrics::default() }),
            error: (id % 7 == 0).then(|| format!("boom ☃ {}", id % 2)),
            accumulables: if id % 9 == 0 {
                vec![AccumulableValue { id, name: Some("rows <seen>".into()), update: Some("1".into()), value: None }]
            } else {
                Vec::new()
            },
            ..Task::default()
        }
    }

    #[test]
    fn rows_come_back_as_they_were() {
        let mut tasks: Vec<Task> = (0..2000).rev().map(|i| task(i % 3, i)).collect();
        let mut bytes = Vec::new();
        let stages = write(&mut tasks, &mut bytes);
        assert_eq!(stages.iter().map(|s| (s.stage.0, s.rows)).collect::<Vec<_>>(), [(0, 667), (1, 667), (2, 666)]);
        let segment = Segment::open(bytes.into()).unwrap();
        for s in &stages {
            let rows: Vec<usize> = (s.start as usize..(s.start + s.rows) as usize).collect();
            assert_eq!(segment.tasks(s.stage, &rows).unwrap(), tasks[rows[0]..=*rows.last().unwrap()]);
        }
        let mut column = Vec::new();
        segment.read(TaskColumn::Metric(Metric::executor_run_time), 0..2000, &mut column).unwrap();
        assert_eq!(column, tasks.iter().map(|t| t.metrics.map_or(0, |m| m.executor_run_time)).collect::<Vec<_>>());
    }

    #[test]
    fn hostile_bytes_are_no_segment() {
        let mut tasks: Vec<Task> = (0..300).map(|i| task(0, i)).collect();
        let mut bytes = Vec::new();
        write(&mut tasks, &mut bytes);
        for at in (0..bytes.len()).step_by(3) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0xFF;
            damaged.truncate(bytes.len() - at / 4);
            if let Some(s) = Segment::open(damaged.into()) {
                let _ = s.tasks((0, 0), &[0, 1, 299]);
            }
        }
    }
}
