//! Answers about one attempt out of its parts. Where several parts have an entity, the newest
//! part's word counts. Reads the blocks that a question needs and no others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::{Stream, StreamExt as _, TryStreamExt as _};
use object_store::path::Path;

use super::{
    Store, StoreError,
    part::{BlockKey, Directory, Entry, Kind},
    record::{Record, byte},
    schema::{SqlBody, SqlHead},
    segment::Segment,
    tasks::StageTasks,
};
use crate::state::{
    Application, Completeness, Environment, Executor, ForeignEvent, Job, Operation, Process, Progress, Rdd, Session,
    SqlExecution, StageAttempt, StageKey, StreamingQuery,
};

/// Blocks fetched at the same time.
const PARALLEL: usize = 8;

/// A part of an attempt, as the catalog knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartRef {
    pub key: Path,
    pub size: u64,
}

/// Reads one attempt.
#[derive(Clone)]
pub struct AttemptReader {
    store: Arc<Store>,
    parts: Vec<PartRef>,
}

impl AttemptReader {
    /// `parts` from oldest to newest.
    pub fn new(store: Arc<Store>, parts: Vec<PartRef>) -> Self {
        AttemptReader { store, parts }
    }

    pub(super) async fn directories(&self) -> Result<Vec<(Path, Arc<Directory>)>, StoreError> {
        let mut out = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            out.push((part.key.clone(), self.store.directory(&part.key, part.size).await?));
        }
        Ok(out)
    }

    /// Entities of a kind whose key number `wanted` takes, newest word each.
    async fn entities<K, T>(&self, kind: Kind, wanted: impl Fn(&Entry) -> bool) -> Result<BTreeMap<K, T>, StoreError>
    where
        K: Record + Ord,
        T: Record,
    {
        let words = self.words(kind, wanted).await?;
        Ok(words.into_iter().filter_map(|(k, v)| Some((k, v?))).collect())
    }

    /// The newest word on each entity of a kind; `None` for one that is gone.
    async fn words<K, T>(
        &self,
        kind: Kind,
        wanted: impl Fn(&Entry) -> bool,
    ) -> Result<BTreeMap<K, Option<T>>, StoreError>
    where
        K: Record + Ord,
        T: Record,
    {
        let mut all = BTreeMap::new();
        for (key, directory) in self.directories().await? {
            let entries: Vec<Entry> = directory.of(kind).filter(|e| wanted(e)).cloned().collect();
            let blocks: Vec<_> = futures::stream::iter(entries)
                .map(|e| {
                    let (store, key) = (self.store.clone(), key.clone());
                    async move { store.plain(&key, &e).await.map(|b| (e, b)) }
                })
                .buffered(PARALLEL)
                .try_collect()
                .await?;
            for (entry, bytes) in blocks {
                let mut from = &bytes[..];
                for _ in 0..entry.rows {
                    let row = take_row::<K, T>(&mut from);
                    let (k, v) = row.ok_or_else(|| super::damaged_block(&key, &entry))?;
                    all.insert(k, v);
                }
            }
        }
        Ok(all)
    }

    async fn all<K: Record + Ord, T: Record>(&self, kind: Kind) -> Result<BTreeMap<K, T>, StoreError> {
        self.entities(kind, |_| true).await
    }

    async fn one<K: Record + Ord + BlockKey, T: Record>(&self, kind: Kind, key: K) -> Result<Option<T>, StoreError> {
        let n = key.number();
        Ok(self.entities::<K, T>(kind, |e| (e.first..=e.last).contains(&n)).await?.remove(&key))
    }

    pub async fn application(&self) -> Result<(Application, Completeness), StoreError> {
        let found = self.one(Kind::Application, 0i64).await?;
        Ok(found.unwrap_or_default())
    }

    pub async fn environment(&self) -> Result<Environment, StoreError> {
        Ok(self.one(Kind::Environment, 0i64).await?.unwrap_or_default())
    }

    pub async fn jobs(&self) -> Result<BTreeMap<i64, Job>, StoreError> {
        self.all(Kind::Jobs).await
    }

    pub async fn job(&self, id: i64) -> Result<Option<Job>, StoreError> {
        self.one(Kind::Jobs, id).await
    }

    pub async fn stages(&self) -> Result<BTreeMap<StageKey, StageAttempt>, StoreError> {
        self.all(Kind::Stages).await
    }

    /// All attempts of some stages.
    pub async fn stages_of(&self, ids: &BTreeSet<i64>) -> Result<Vec<StageAttempt>, StoreError> {
        let near = |e: &Entry| e.first <= e.last && ids.range(e.first..=e.last).next().is_some();
        let found: BTreeMap<StageKey, StageAttempt> = self.entities(Kind::Stages, near).await?;
        Ok(found.into_values().filter(|s| ids.contains(&s.stage_id)).collect())
    }

    /// All attempts of one stage, by attempt id.
    pub async fn stage(&self, id: i64) -> Result<Vec<StageAttempt>, StoreError> {
        let found: BTreeMap<StageKey, StageAttempt> =
            self.entities(Kind::Stages, |e| (e.first..=e.last).contains(&id)).await?;
        Ok(found.into_values().filter(|s| s.stage_id == id).collect())
    }

    pub async fn executors(&self) -> Result<BTreeMap<String, Executor>, StoreError> {
        self.all(Kind::Executors).await
    }

    pub async fn processes(&self) -> Result<BTreeMap<String, Process>, StoreError> {
        self.all(Kind::Processes).await
    }

    pub async fn rdds(&self) -> Result<BTreeMap<i64, Rdd>, StoreError> {
        self.all(Kind::Rdds).await
    }

    /// Persisted RDDs with those that are gone, which older parts may still hold.
    pub(super) async fn rdd_words(&self) -> Result<BTreeMap<i64, Option<Rdd>>, StoreError> {
        self.words(Kind::Rdds, |_| true).await
    }

    /// SQL executions without plans and metrics.
    pub async fn sql_heads(&self) -> Result<BTreeMap<i64, SqlExecution>, StoreError> {
        let heads: BTreeMap<i64, SqlHead> = self.all(Kind::SqlHeads).await?;
        Ok(heads.into_iter().map(|(k, v)| (k, v.0)).collect())
    }

    /// Whole SQL executions with ids in a range.
    pub async fn sql(&self, ids: std::ops::RangeInclusive<i64>) -> Result<BTreeMap<i64, SqlExecution>, StoreError> {
        let (lo, hi) = (*ids.start(), *ids.end());
        let near = |e: &Entry| e.first <= hi && e.last >= lo;
        let heads: BTreeMap<i64, SqlHead> = self.entities(Kind::SqlHeads, near).await?;
        let mut bodies: BTreeMap<i64, SqlBody> = self.entities(Kind::SqlBodies, near).await?;
        let whole = heads.into_iter().filter(|(id, _)| ids.contains(id)).map(|(id, SqlHead(head))| {
            let body = bodies.remove(&id).map(|b| b.0).unwrap_or_default();
            let SqlExecution { details, plan_description, plan, initial_plan, metrics, .. } = body;
            (id, SqlExecution { details, plan_description, plan, initial_plan, metrics, ..head })
        });
        Ok(whole.collect())
    }

    pub async fn queries(&self) -> Result<BTreeMap<String, StreamingQuery>, StoreError> {
        self.all(Kind::Queries).await
    }

    pub async fn sessions(&self) -> Result<BTreeMap<String, Session>, StoreError> {
        self.all(Kind::Sessions).await
    }

    pub async fn operations(&self) -> Result<BTreeMap<String, Operation>, StoreError> {
        self.all(Kind::Operations).await
    }

    pub async fn foreign(&self) -> Result<Vec<ForeignEvent>, StoreError> {
        Ok(self.all::<i64, ForeignEvent>(Kind::Foreign).await?.into_values().collect())
    }

    /// Progress reports in the order of the log.
    pub async fn progress(&self) -> Result<Vec<Progress>, StoreError> {
        Ok(self.progress_page(None, 0, usize::MAX).await?.0)
    }

    /// A page of the progress reports, of one run or of all, with how many there are.
    pub async fn progress_page(
        &self,
        run: Option<&str>,
        offset: usize,
        length: usize,
    ) -> Result<(Vec<Progress>, usize), StoreError> {
        let end = offset.saturating_add(length);
        let (mut total, mut wanted, mut skip) = (0, Vec::new(), 0);
        for (key, entry, rows) in self.progress_blocks(run).await? {
            if total < end && total + rows > offset {
                if wanted.is_empty() {
                    skip = offset - total;
                }
                wanted.push((key, entry));
            }
            total += rows;
        }
        let mut out = Vec::new();
        let mut blocks = self.progress_of(wanted, run);
        while let Some(reports) = blocks.try_next().await? {
            out.extend(reports);
        }
        Ok((out.into_iter().skip(skip).take(length).collect(), total))
    }

    /// How many progress reports a run has, and all of them in order, some at a time.
    pub async fn progress_of_run<'r>(
        &'r self,
        run: &'r str,
    ) -> Result<(usize, impl Stream<Item = Result<Vec<Progress>, StoreError>> + 'r), StoreError> {
        let blocks = self.progress_blocks(Some(run)).await?;
        let total = blocks.iter().map(|(_, _, rows)| rows).sum();
        let blocks = blocks.into_iter().map(|(key, entry, _)| (key, entry)).collect();
        Ok((total, self.progress_of(blocks, Some(run))))
    }

    /// Blocks of progress reports, with how many they have of a run, or of all.
    async fn progress_blocks(&self, run: Option<&str>) -> Result<Vec<(Path, Entry, usize)>, StoreError> {
        let mut out = Vec::new();
        for (key, directory) in self.directories().await? {
            for entry in directory.of(Kind::Progress) {
                let of_run = |run: &str| entry.runs.iter().filter(|(r, _)| r == run).map(|(_, n)| *n).sum();
                let rows = run.map_or(entry.rows, of_run);
                if rows > 0 {
                    out.push((key.clone(), entry.clone(), usize::try_from(rows).unwrap_or(usize::MAX)));
                }
            }
        }
        // Blocks are numbered through all parts.
        out.sort_by_key(|(_, entry, _)| entry.first);
        Ok(out)
    }

    /// The reports in some blocks, a block at a time.
    fn progress_of<'r>(
        &'r self,
        blocks: Vec<(Path, Entry)>,
        run: Option<&'r str>,
    ) -> impl Stream<Item = Result<Vec<Progress>, StoreError>> + Unpin + 'r {
        let read = move |(key, entry): (Path, Entry)| async move {
            let bytes = self.store.plain(&key, &entry).await?;
            let mut from = &bytes[..];
            let mut out = Vec::new();
            for _ in 0..entry.rows {
                let row = take_row::<i64, Progress>(&mut from).ok_or_else(|| super::damaged_block(&key, &entry))?;
                out.extend(row.1.filter(|p| run.is_none_or(|r| r == p.run_id)));
            }
            Ok(out)
        };
        futures::stream::iter(blocks).map(read).buffered(PARALLEL).boxed()
    }

    /// The tasks of a stage attempt.
    pub async fn tasks(&self, stage: StageKey) -> Result<StageTasks, StoreError> {
        let directories = self.directories().await?;
        let newest = directories.len().saturating_sub(1);
        let mut wanted = Vec::new();
        for (i, (key, directory)) in directories.iter().enumerate() {
            let running = directory.of(Kind::RunningTasks).filter(|_| i == newest);
            for entry in directory.of(Kind::Tasks).chain(running) {
                if !(entry.first..=entry.last).contains(&stage.0) {
                    continue;
                }
                for rows in entry.stages.iter().filter(|s| s.stage == stage) {
                    let range = rows.start as usize..(rows.start + rows.rows) as usize;
                    wanted.push((key.clone(), entry.clone(), range));
                }
            }
        }
        let pieces = futures::stream::iter(wanted)
            .map(|(key, entry, range)| {
                let store = self.store.clone();
                async move { store.segment(&key, &entry).await.map(|s| (s, range)) }
            })
            .buffered(PARALLEL)
            .try_collect()
            .await?;
        Ok(StageTasks::new(stage, pieces))
    }

    /// Every segment of tasks, some at a time.
    pub async fn segments(&self) -> Result<impl Stream<Item = Result<Vec<Arc<Segment>>, StoreError>> + '_, StoreError> {
        let directories = self.directories().await?;
        let newest = directories.len().saturating_sub(1);
        let mut wanted: Vec<(Path, Entry)> = Vec::new();
        for (i, (key, directory)) in directories.iter().enumerate() {
            let running = directory.of(Kind::RunningTasks).filter(|_| i == newest);
            wanted.extend(directory.of(Kind::Tasks).chain(running).map(|e| (key.clone(), e.clone())));
        }
        let read = move |(key, entry): (Path, Entry)| async move { self.store.segment(&key, &entry).await };
        let all = futures::stream::iter(wanted).map(read).buffered(PARALLEL);
        Ok(all.try_chunks(PARALLEL).map_err(|e| e.1))
    }

    /// What the fold needs to go on, as bytes of the newest part.
    pub(super) async fn resume(&self) -> Result<Option<bytes::Bytes>, StoreError> {
        let directories = self.directories().await?;
        let Some((key, directory)) = directories.last() else { return Ok(None) };
        match directory.of(Kind::Resume).next() {
            Some(entry) => self.store.plain(key, entry).await.map(Some),
            None => Ok(None),
        }
    }

    pub(super) fn store(&self) -> &Arc<Store> {
        &self.store
    }
}

fn take_row<K: Record, T: Record>(from: &mut &[u8]) -> Option<(K, Option<T>)> {
    let key = K::take(from)?;
    match byte(from)? {
        0 => Some((key, None)),
        1 => Some((key, Some(T::take(from)?))),
        _ => None,
    }
}
