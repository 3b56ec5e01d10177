//! How the tasks of a stage attempt differ from each other: by host, by locality, and what was done in vain.

use std::collections::BTreeMap;

use afterglow_history::state::{StageAttempt, StageKey, TaskStatus};
use afterglow_history::store::segment::{Metric, TaskColumn, status_number};
use afterglow_history::store::tasks::{Order, Quantity, StageTasks};
use afterglow_history::store::{AttemptReader, StoreError};

/// Stage attempts whose tasks are compared, at most: those with the longest run time.
const STAGES: usize = 60;
/// Hosts of a stage attempt that are told apart, at most: those with the most tasks.
const HOSTS: usize = 200;
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

/// Compares the tasks of the stage attempts that could be worth it.
pub(super) async fn read(
    reader: &AttemptReader,
    stages: &BTreeMap<StageKey, StageAttempt>,
) -> Result<BTreeMap<StageKey, Spread>, StoreError> {
    let mut wanted: Vec<(i64, StageKey)> =
        stages.iter().filter(|(_, s)| is_wanted(s)).map(|(key, s)| (s.metrics.executor_run_time, *key)).collect();
    wanted.sort_unstable_by_key(|(time, key)| (std::cmp::Reverse(*time), *key));
    let mut out = BTreeMap::new();
    for (_, key) in wanted.into_iter().take(STAGES) {
        let tasks = reader.tasks(key).await?;
        let found = tokio::task::spawn_blocking(move || compare(&tasks)).await;
        out.extend(found.ok().map(|s| (key, s)));
    }
    Ok(out)
}

fn is_wanted(s: &StageAttempt) -> bool {
    let uneven = s.task_times.is_some_and(|t| t.tasks > 1 && t.longest >= t.median.saturating_mul(2));
    s.metrics.executor_run_time >= WORTH && (uneven || s.speculation.tasks > 0)
}

/// A stage may have millions of tasks: no more columns are held at a time than have to be.
fn compare(tasks: &StageTasks) -> Spread {
    let took = tasks.column(TaskColumn::Duration);
    let (rows, killed_time) = {
        let (success, killed) = (status_number(TaskStatus::Success), status_number(TaskStatus::Killed));
        let status = tasks.column(TaskColumn::Status);
        let in_vain = status.iter().zip(&took).filter(|(s, t)| **s == killed && **t > 0);
        let killed_time = in_vain.map(|(_, t)| *t).fold(0, i64::saturating_add);
        let rows: Vec<u32> = (0u32..).zip(&status).filter(|(_, s)| **s == success).map(|(i, _)| i).collect();
        (rows, killed_time)
    };
    let of = |values: &[i64]| median(rows.iter().map(|i| values[*i as usize]).collect());
    let records = of(&tasks.values(Quantity::Sum(&[Metric::input_records_read, Metric::shuffle_records_read])));
    let bytes = tasks.values(Quantity::Sum(&[
        Metric::input_bytes_read,
        Metric::shuffle_local_bytes_read,
        Metric::shuffle_remote_bytes_read,
    ]));
    let groups = |column| {
        let (ranks, names) = tasks.named_ranks(column, Order::Shown);
        let rank = |i: &u32| usize::try_from(ranks[*i as usize]).ok().filter(|rank| *rank < names.len());
        let mut counts = vec![0usize; names.len()];
        rows.iter().filter_map(rank).for_each(|rank| counts[rank] += 1);
        let medians = |values: &[i64]| -> Vec<i64> {
            let mut by_rank: Vec<Vec<i64>> = counts.iter().map(|n| Vec::with_capacity(*n)).collect();
            rows.iter()
                .filter_map(|i| Some((rank(i)?, i)))
                .for_each(|(rank, i)| by_rank[rank].push(values[*i as usize]));
            by_rank.into_iter().map(median).collect()
        };
        let both = medians(&took).into_iter().zip(medians(&bytes));
        let all = names.iter().zip(&counts).zip(both).filter(|((_, n), _)| **n > 0);
        let mut all: Vec<Group> = all
            .map(|((name, n), (median, bytes))| Group { name: name.to_string(), tasks: *n as i64, median, bytes })
            .collect();
        all.sort_by_key(|g| std::cmp::Reverse(g.tasks));
        all.truncate(HOSTS);
        all
    };
    Spread {
        bytes: of(&bytes),
        records,
        hosts: groups(TaskColumn::Host),
        localities: groups(TaskColumn::Locality),
        killed_time,
    }
}

/// The one in the middle; 0 of none.
fn median(mut values: Vec<i64>) -> i64 {
    let middle = values.len() / 2;
    if values.is_empty() { 0 } else { *values.select_nth_unstable(middle).1 }
}
