//! Tasks that failed, with why, of stage attempts that are looked at for it.

use std::collections::BTreeMap;

use afterglow_history::state::{StageAttempt, StageKey, Task, TaskStatus};
use afterglow_history::store::segment::TaskColumn;
use afterglow_history::store::tasks::{Order, Page, Quantity, StageTasks, TaskFilter};
use afterglow_history::store::{AttemptReader, StoreError};
use futures::TryStreamExt as _;

/// Stage attempts whose failed tasks are read, at most: those with the most.
const STAGES: usize = 100;
/// Failed tasks read of a stage attempt, at most: the earliest.
const TASKS: usize = 100;

/// The earliest failed tasks of stage attempts.
pub(super) async fn read(
    reader: &AttemptReader,
    stages: &BTreeMap<StageKey, StageAttempt>,
) -> Result<BTreeMap<StageKey, Vec<Task>>, StoreError> {
    let mut wanted: Vec<(i64, StageKey)> =
        stages.iter().filter(|(_, s)| s.failed_tasks > 0).map(|(key, s)| (s.failed_tasks, *key)).collect();
    wanted.sort_unstable_by_key(|(failed, key)| (std::cmp::Reverse(*failed), *key));
    let mut out = BTreeMap::new();
    for (_, key) in wanted.into_iter().take(STAGES) {
        let mut earliest: Vec<Task> = Vec::new();
        let mut pieces = std::pin::pin!(reader.tasks_by_pieces(key).await?);
        while let Some(tasks) = pieces.try_next().await? {
            earliest.extend(failed(&tasks)); // a fraction of a millisecond
            tokio::task::yield_now().await;
            earliest.sort_by_key(|t| (t.launch_time, t.task_id));
            earliest.truncate(TASKS);
        }
        out.insert(key, earliest);
    }
    Ok(out)
}

fn failed(tasks: &StageTasks) -> Vec<Task> {
    let filter = TaskFilter { statuses: vec![TaskStatus::Failed], ..TaskFilter::default() };
    let sort = Quantity::Column(TaskColumn::LaunchTime);
    tasks.page(&Page { sort, order: Order::Shown, ascending: true, filter, offset: 0, length: TASKS }).0
}
