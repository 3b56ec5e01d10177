//! An attempt in an indexed store that lies in memory: written part by part, and asked for everything.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use afterglow_history::api::wire;
use afterglow_history::state::{Attempt, StageKey, Task};
use afterglow_history::store::part::Finished;
use afterglow_history::store::reader::PartRef;
use afterglow_history::store::segment::{Metric, TaskColumn};
use afterglow_history::store::tasks::{Page, Quantity, StageTasks};
use afterglow_history::store::{AttemptReader, Store, StoreError, snapshot};
use object_store::{ObjectStoreExt as _, memory::InMemory, path::Path as Key};
use serde::Serialize;
use tempfile::TempDir;

use crate::redactor;

/// Bytes of blocks that a store may hold in memory.
const CACHE: u64 = 1 << 20;
/// The present, for all that runs.
const NOW: i64 = 1_800_000_000_000;

/// A store of no other input's.
pub struct Shelf {
    objects: Arc<InMemory>,
    pub store: Arc<Store>,
    parts: i64,
}

impl Default for Shelf {
    fn default() -> Self {
        let objects = Arc::new(InMemory::new());
        let store = Store::new(objects.clone(), Key::default(), scratch(), CACHE).expect("a scratch folder");
        Shelf { objects, store: Arc::new(store), parts: 0 }
    }
}

/// The folder for large parts.
fn scratch() -> &'static Path {
    static ONE: OnceLock<TempDir> = OnceLock::new();
    ONE.get_or_init(|| tempfile::tempdir().expect("a scratch folder")).path()
}

impl Shelf {
    fn key(&mut self) -> Key {
        self.parts += 1;
        Key::from(format!("{}.ag", self.parts))
    }

    /// Puts bytes where a part should be.
    pub async fn put(&mut self, bytes: Vec<u8>) -> PartRef {
        let (key, size) = (self.key(), bytes.len() as u64);
        self.objects.put(&key, bytes.into()).await.expect("memory");
        PartRef { key, size }
    }

    pub async fn publish(&mut self, part: Finished) -> PartRef {
        let key = self.key();
        let size = self.store.publish(&key, part).await.expect("memory");
        PartRef { key, size }
    }

    pub fn reader(&self, parts: &[&PartRef]) -> AttemptReader {
        AttemptReader::new(self.store.clone(), parts.iter().map(|p| (*p).clone()).collect())
    }

    /// The state that some parts were written from, to go on with.
    pub async fn restore(&self, parts: &[&PartRef]) -> Result<Option<(Attempt, i64)>, StoreError> {
        snapshot::restore(&self.reader(parts), redactor()).await
    }

    pub async fn merge(&mut self, parts: &[&PartRef], keep_resume: bool) -> Result<PartRef, StoreError> {
        let merged = snapshot::merge(&self.reader(parts), self.store.writer(), keep_resume).await?;
        Ok(self.publish(merged).await)
    }
}

/// All that is to be said of an attempt, as text; no more than `rows` tasks of each of its first stages. What cannot
/// be read says why.
pub async fn answers(reader: &AttemptReader, rows: usize) -> String {
    let mut out = String::new();
    macro_rules! say {
        ($($name:ident $(: $found:pat => $show:expr)?),* $(,)?) => {$(
            match reader.$name().await {
                Ok(found) => {
                    out.push_str(&format!("{}: {found:?}\n", stringify!($name)));
                    $(
                        let $found = &found;
                        out.extend($show);
                    )?
                }
                Err(e) => out.push_str(&format!("{}: {e}\n", stringify!($name))),
            }
        )*};
    }
    say! {
        application,
        environment: e => [json(&wire::ApplicationEnvironmentInfo::new(e))],
        jobs: all => all.values().map(|j| json(&wire::JobData::new(j))),
        executors: all => all.values().map(|e| json(&wire::ExecutorSummary::new(e).as_driver(7))),
        processes: all => all.values().map(|p| json(&wire::ProcessSummary::new(p))),
        rdds: all => all.values().map(|r| json(&wire::RDDStorageInfo::new(r))),
        sql_heads: all => [json(&wire::SqlSummary::new(all.values(), NOW))],
        queries,
        sessions: all => all.values().map(|s| json(&wire::SessionData::new(s, NOW))),
        operations: all => all.values().map(|o| json(&wire::connect::ExecutionData::new(o, NOW))),
        foreign,
        progress,
        stage_heads,
        storage,
    }
    match reader.sql(i64::MIN..=i64::MAX).await {
        Ok(all) => out.extend(all.values().map(|x| json(&wire::ExecutionData::new(x, true, true, NOW)))),
        Err(e) => out.push_str(&format!("sql: {e}\n")),
    }
    let stages = reader.stages().await;
    let mut keys: Vec<StageKey> = vec![(0, 0), (i64::MAX, i64::MIN)];
    match stages {
        Ok(all) => {
            keys.extend(all.keys().take(4));
            for stage in all.values() {
                let mut data = wire::StageData::new(stage);
                data.executor_summary = Some(wire::executor_summaries(stage));
                data.speculation_summary = wire::speculation_summary(stage);
                data.executor_metrics_distributions = wire::executor_distributions(stage, &[0.0, 0.5, 1.0]);
                out.push_str(&json(&data));
            }
        }
        Err(e) => out.push_str(&format!("stages: {e}\n")),
    }
    for key in keys {
        match reader.tasks(key).await {
            Ok(tasks) => tell(&tasks.as_of(NOW), rows, &mut out),
            Err(e) => out.push_str(&format!("tasks of {key:?}: {e}\n")),
        }
    }
    out
}

/// Pages, orders and quantiles of a stage's tasks.
fn tell(tasks: &StageTasks, rows: usize, out: &mut String) {
    const QUANTITIES: [Quantity; 8] = [
        Quantity::Column(TaskColumn::TaskId),
        Quantity::Column(TaskColumn::Duration),
        Quantity::Column(TaskColumn::Executor),
        Quantity::Column(TaskColumn::Error),
        Quantity::Column(TaskColumn::Metric(Metric::executor_run_time)),
        Quantity::SchedulerDelay,
        Quantity::GettingResult,
        Quantity::Sum(&[Metric::shuffle_local_bytes_read, Metric::shuffle_remote_bytes_read]),
    ];
    let counted = tasks.counted();
    out.push_str(&format!("{} tasks, {} successful\n", tasks.len(), counted.successful.count));
    for (i, sort) in QUANTITIES.into_iter().enumerate() {
        let page = Page::new(sort, i % 2 == 0, i, rows);
        let (shown, all) = tasks.page(&page);
        let none = Vec::new();
        let show = |t: &Task| json(&wire::TaskData::new(t, &none, NOW));
        out.push_str(&format!("{all} {}\n", shown.iter().map(show).collect::<String>()));
        for group in [&counted.timed, &counted.ended, &counted.successful] {
            let ranks: Vec<usize> =
                [0, group.count / 2, group.count.saturating_sub(1)].into_iter().filter(|r| *r < group.count).collect();
            out.push_str(&format!("{:?}\n", tasks.ranked(sort, Some(group), &ranks)));
        }
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("JSON") + "\n"
}
