//! How the tasks of a stage attempt differ from each other: by host, by locality, and what was done in vain.

use std::collections::BTreeMap;
use std::sync::Arc;

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

fn compare(tasks: &StageTasks) -> Spread {
    let success = status_number(TaskStatus::Success);
    let killed = status_number(TaskStatus::Killed);
    let status = tasks.column(TaskColumn::Status);
    let took = tasks.column(TaskColumn::Duration);
    let bytes = tasks.values(Quantity::Sum(&[
        Metric::input_bytes_read,
        Metric::shuffle_local_bytes_read,
        Metric::shuffle_remote_bytes_read,
    ]));
    let records = tasks.values(Quantity::Sum(&[Metric::input_records_read, Metric::shuffle_records_read]));
    let rows: Vec<usize> = (0..status.len()).filter(|i| status[*i] == success).collect();
    let of = |values: &[i64]| median(rows.iter().map(|i| values[*i]).collect());
    let groups = |column| {
        let (ranks, names) = tasks.named_ranks(column, Order::Shown);
        let mut by_rank: Vec<(Vec<i64>, Vec<i64>)> = vec![Default::default(); names.len()];
        for i in &rows {
            if let Some(group) = usize::try_from(ranks[*i]).ok().and_then(|rank| by_rank.get_mut(rank)) {
                group.0.push(took[*i]);
                group.1.push(bytes[*i]);
            }
        }
        let group = |(name, (took, bytes)): (&Arc<str>, (Vec<i64>, Vec<i64>))| Group {
            name: name.to_string(),
            tasks: took.len() as i64,
            median: median(took),
            bytes: median(bytes),
        };
        let some = names.iter().zip(by_rank).filter(|(_, (took, _))| !took.is_empty());
        let mut all: Vec<Group> = some.map(group).collect();
        all.sort_by_key(|g| std::cmp::Reverse(g.tasks));
        all.truncate(HOSTS);
        all
    };
    let in_vain = status.iter().zip(&took).filter(|(s, t)| **s == killed && **t > 0);
    Spread {
        bytes: of(&bytes),
        records: of(&records),
        hosts: groups(TaskColumn::Host),
        localities: groups(TaskColumn::Locality),
        killed_time: in_vain.map(|(_, t)| *t).fold(0, i64::saturating_add),
    }
}

/// The one in the middle; 0 of none.
fn median(mut values: Vec<i64>) -> i64 {
    let middle = values.len() / 2;
    if values.is_empty() { 0 } else { *values.select_nth_unstable(middle).1 }
}
