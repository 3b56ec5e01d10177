//! How the tasks of a stage attempt differ from each other: by host, by locality, and what was done in vain.

use std::collections::BTreeMap;
use std::sync::Arc;

use afterglow_history::state::{StageAttempt, TaskStatus};
use afterglow_history::store::quantiles::Median;
use afterglow_history::store::segment::{Metric, TaskColumn, status_number};
use afterglow_history::store::tasks::{Order, Quantity, StageTasks};

/// Hosts of a stage attempt that are told apart, at most: those with the most tasks.
const GROUPS: usize = 200;
/// Run time of a stage attempt from which it is looked at, milliseconds.
const WORTH: i64 = 5_000;

/// The successful tasks of a stage attempt, compared.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Spread {
    /// Bytes that the median task read, from outside and of other stages' output.
    pub bytes: i64,
    /// Records that it read.
    pub records: i64,
    pub hosts: Vec<Group>,
    pub localities: Vec<Group>,
    /// Milliseconds of tasks that were killed.
    pub killed_time: i64,
}

/// Some of the successful tasks.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Group {
    /// Of the host, or `NODE_LOCAL`.
    pub name: String,
    pub tasks: i64,
    /// Milliseconds that the median one took.
    pub median: i64,
    /// Bytes that the median one read.
    pub bytes: i64,
}

const BYTES: Quantity =
    Quantity::Sum(&[Metric::input_bytes_read, Metric::shuffle_local_bytes_read, Metric::shuffle_remote_bytes_read]);
const RECORDS: Quantity = Quantity::Sum(&[Metric::input_records_read, Metric::shuffle_records_read]);

/// A [`Spread`] in the making.
pub(super) struct Comparison {
    bytes: Median,
    records: Median,
    hosts: Groups,
    localities: Groups,
    killed_time: i64,
    /// What is added up is seen the first time.
    is_first: bool,
}

impl Comparison {
    /// If its tasks could differ enough for a rule.
    pub fn worth(s: &StageAttempt) -> Option<Self> {
        let uneven = s.task_times.is_some_and(|t| t.tasks > 1 && t.longest >= t.median.saturating_mul(2));
        let worth = s.metrics.executor_run_time >= WORTH && (uneven || s.speculation.tasks > 0);
        worth.then(|| Comparison {
            bytes: Median::default(),
            records: Median::default(),
            hosts: Groups::by(TaskColumn::Host),
            localities: Groups::by(TaskColumn::Locality),
            killed_time: 0,
            is_first: true,
        })
    }

    pub fn see(&mut self, tasks: &StageTasks) {
        let (success, killed) = (status_number(TaskStatus::Success), status_number(TaskStatus::Killed));
        let status = tasks.column(TaskColumn::Status);
        let took = tasks.column(TaskColumn::Duration);
        if self.is_first {
            let in_vain = status.iter().zip(&took).filter(|(s, t)| **s == killed && **t > 0);
            self.killed_time = in_vain.map(|(_, t)| *t).fold(self.killed_time, i64::saturating_add);
        }
        let rows: Vec<usize> = (0..).zip(&status).filter(|(_, s)| **s == success).map(|(i, _)| i).collect();
        let bytes = tasks.values(BYTES);
        rows.iter().for_each(|i| self.bytes.see(bytes[*i]));
        if self.records.get().is_none() {
            let records = tasks.values(RECORDS);
            rows.iter().for_each(|i| self.records.see(records[*i]));
        }
        for groups in [&mut self.hosts, &mut self.localities] {
            groups.see(tasks, &rows, &took, &bytes);
        }
    }

    pub fn again(&mut self) -> bool {
        self.is_first = false;
        let medians = [&mut self.bytes, &mut self.records].map(Median::narrow);
        let groups = [&mut self.hosts, &mut self.localities].map(Groups::again);
        medians.contains(&true) || groups.contains(&true)
    }

    pub fn told(self) -> Spread {
        Spread {
            bytes: self.bytes.get().unwrap_or(0),
            records: self.records.get().unwrap_or(0),
            hosts: self.hosts.told(),
            localities: self.localities.told(),
            killed_time: self.killed_time,
        }
    }
}

/// Tasks by a name that they have: counted the first time, for only the largest groups are looked at after that.
struct Groups {
    column: TaskColumn,
    counts: BTreeMap<Arc<str>, i64>,
    largest: Vec<Medians>,
}

struct Medians {
    name: Arc<str>,
    tasks: i64,
    took: Median,
    bytes: Median,
}

impl Groups {
    fn by(column: TaskColumn) -> Self {
        Groups { column, counts: BTreeMap::new(), largest: Vec::new() }
    }

    /// Some tasks, of which those at `rows` count.
    fn see(&mut self, tasks: &StageTasks, rows: &[usize], took: &[i64], bytes: &[i64]) {
        let (ranks, names) = tasks.named_ranks(self.column, Order::Shown);
        let rank = |row: usize| usize::try_from(ranks[row]).ok().filter(|rank| *rank < names.len());
        if self.largest.is_empty() {
            let mut counts = vec![0; names.len()];
            rows.iter().filter_map(|row| rank(*row)).for_each(|rank| counts[rank] += 1);
            for (name, count) in names.into_iter().zip(counts).filter(|(_, count)| *count > 0) {
                *self.counts.entry(name).or_default() += count;
            }
            return;
        }
        let by_rank: Vec<Option<usize>> =
            names.iter().map(|name| self.largest.iter().position(|m| m.name == *name)).collect();
        for row in rows {
            if let Some(at) = rank(*row).and_then(|rank| by_rank[rank]) {
                self.largest[at].took.see(took[*row]);
                self.largest[at].bytes.see(bytes[*row]);
            }
        }
    }

    fn again(&mut self) -> bool {
        if !self.counts.is_empty() {
            let begin = |(name, tasks)| Medians { name, tasks, took: Median::default(), bytes: Median::default() };
            self.largest = std::mem::take(&mut self.counts).into_iter().map(begin).collect();
            self.largest.sort_by_cached_key(|m| (std::cmp::Reverse(m.tasks), in_order(&m.name)));
            self.largest.truncate(GROUPS);
            return true;
        }
        let mut again = false;
        self.largest.iter_mut().flat_map(|m| [&mut m.took, &mut m.bytes]).for_each(|m| again |= m.narrow());
        again
    }

    fn told(self) -> Vec<Group> {
        let told = |m: Medians| {
            let [median, bytes] = [m.took, m.bytes].map(|median| median.get().unwrap_or(0));
            Group { name: m.name.to_string(), tasks: m.tasks, median, bytes }
        };
        self.largest.into_iter().map(told).collect()
    }
}

/// Names as they are shown: numbers first, as numbers.
fn in_order(name: &Arc<str>) -> (i64, Arc<str>) {
    (name.parse().unwrap_or(i64::MAX), name.clone())
}
