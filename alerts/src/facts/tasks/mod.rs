//! What the tasks of stage attempts tell. A stage attempt may have millions: they are gone through some thousand at a
//! time, as often as it takes to know the medians, so that memory does not grow with them.

mod extremes;
mod failed;
mod spread;

use std::collections::BTreeMap;

use afterglow_history::state::{StageAttempt, StageKey, Task};
use afterglow_history::store::tasks::StageTasks;
use afterglow_history::store::{AttemptReader, StoreError};
use futures::TryStreamExt as _;

use extremes::Extremes;
pub use extremes::{Extreme, TaskFacts};
use spread::Comparison;
pub use spread::{Group, Spread};

/// Stage attempts whose tasks are looked at, at most: those with the longest run time.
const STAGES: usize = 100;

/// By stage attempt, as far as it is worth looking at its tasks.
#[derive(Default)]
pub(super) struct Told {
    pub tasks: BTreeMap<StageKey, TaskFacts>,
    pub spread: BTreeMap<StageKey, Spread>,
    /// The earliest that failed.
    pub failed: BTreeMap<StageKey, Vec<Task>>,
}

/// Looks at the tasks of the stage attempts that could be worth it.
pub(super) async fn read(
    reader: &AttemptReader,
    stages: &BTreeMap<StageKey, StageAttempt>,
) -> Result<Told, StoreError> {
    let looks = stages.iter().filter_map(|(key, s)| Some((s.metrics.executor_run_time, *key, Look::at(s)?)));
    let mut looks: Vec<(i64, StageKey, Look)> = looks.collect();
    looks.sort_unstable_by_key(|(time, key, _)| (std::cmp::Reverse(*time), *key));
    looks.truncate(STAGES);
    let mut told = Told { failed: failed::read(reader, stages).await?, ..Told::default() };
    for (_, key, mut look) in looks {
        loop {
            let mut pieces = std::pin::pin!(reader.tasks_by_pieces(key).await?);
            while let Some(tasks) = pieces.try_next().await? {
                look.see(&tasks); // a fraction of a millisecond
                tokio::task::yield_now().await;
            }
            if !look.again() {
                break;
            }
        }
        told.tasks.extend(look.extremes.map(|e| (key, e.told())));
        told.spread.extend(look.comparison.map(|c| (key, c.told())));
    }
    Ok(told)
}

/// What is looked for in the tasks of a stage attempt.
struct Look {
    extremes: Option<Extremes>,
    comparison: Option<Comparison>,
}

impl Look {
    fn at(stage: &StageAttempt) -> Option<Self> {
        let look = Look { extremes: Extremes::worth(stage), comparison: Comparison::worth(stage) };
        (look.extremes.is_some() || look.comparison.is_some()).then_some(look)
    }

    fn see(&mut self, tasks: &StageTasks) {
        if let Some(extremes) = &mut self.extremes {
            extremes.see(tasks);
        }
        if let Some(comparison) = &mut self.comparison {
            comparison.see(tasks);
        }
    }

    /// After all tasks: whether they have to be gone through again.
    fn again(&mut self) -> bool {
        let extremes = self.extremes.as_mut().is_some_and(Extremes::again);
        let comparison = self.comparison.as_mut().is_some_and(Comparison::again);
        extremes || comparison
    }
}
