//! Answers about one attempt out of its parts. Where several parts have an entity, the newest
//! part's word counts. Reads the blocks that a question needs and no others.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use futures::{Stream, StreamExt as _, TryStreamExt as _};
use object_store::path::Path;

use super::{
    Store, StoreError,
    containers::Extra,
    part::{BlockKey, Directory, Entry, Kind, RunReports},
    record::{Record, byte},
    schema::{PartOf as _, SqlBody, SqlHead, StageBody, StageHead},
    segment::{Segment, StageRows},
    tasks::StageTasks,
};
use crate::budget;
use crate::date::instant;
use crate::state::{
    Application, Completeness, Environment, Executor, ForeignEvent, Job, MemoryHistory, Operation, Process, Progress,
    Rdd, Session, SqlExecution, StageAttempt, StageKey, StorageHistory, StreamingQuery, lives,
};

/// Blocks fetched at the same time.
const PARALLEL: usize = 8;

/// Bytes of a task while tasks are put in an order.
const SORTED: u64 = 40;

/// About what the entities of a block take: themselves, their places in a map, and texts and lists beside them.
fn decoded<K, T>(block: &Entry) -> u64 {
    let each = size_of::<K>() + size_of::<Option<T>>() + size_of::<usize>() * 4;
    block.rows.saturating_mul(each as u64).saturating_add(block.plain.saturating_mul(2))
}

/// A part of an attempt, as the catalog knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartRef {
    pub key: Path,
    pub size: u64,
}

/// Some tasks of an attempt, with the stages that they are of, in the order of rows.
pub struct Piece {
    pub segment: Arc<Segment>,
    pub stages: Vec<StageRows>,
}

/// Which progress reports are meant.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reports<'r> {
    /// Of one run of a query; of all without.
    pub run: Option<&'r str>,
    /// Of the batch with this id.
    pub batch: Option<i64>,
    /// Triggered from then on, and up to then, epoch milliseconds.
    pub from: Option<i64>,
    pub to: Option<i64>,
}

impl Reports<'_> {
    /// Whether all reports of a run are meant, if one is.
    fn is_of_run(&self, run: &str) -> bool {
        self.run.is_none_or(|r| r == run)
    }

    fn is_timed(&self) -> bool {
        self.from.is_some() || self.to.is_some()
    }

    fn bounds(&self) -> (i64, i64) {
        (self.from.unwrap_or(i64::MIN), self.to.unwrap_or(i64::MAX))
    }

    /// Of what a block has of a run: how many are meant, if that can be told without looking at them.
    fn among(&self, of: &RunReports) -> Meant {
        let (from, to) = self.bounds();
        let apart = |(least, most): (i64, i64), lo, hi| most < lo || least > hi;
        let off = self.batch.is_some_and(|b| apart(of.batches, b, b));
        if !self.is_of_run(&of.run) || off || self.is_timed() && apart(of.times, from, to) {
            return Meant::Of(0);
        }
        let readable = of.times != (i64::MIN, i64::MAX);
        let inside = !self.is_timed() || readable && of.times.0 >= from && of.times.1 <= to;
        if inside && self.batch.is_none() { Meant::Of(of.reports) } else { Meant::Unclear }
    }

    /// Whether the report of a batch, with its time as Spark writes it, is meant.
    pub(super) fn takes(&self, run: &str, batch: i64, timestamp: &str) -> bool {
        let (from, to) = self.bounds();
        let in_time = || instant(timestamp).is_some_and(|t| (from..=to).contains(&t));
        self.is_of_run(run) && self.batch.is_none_or(|b| b == batch) && (!self.is_timed() || in_time())
    }
}

/// How many reports of a block are meant.
enum Meant {
    Of(u64),
    /// Which, only they themselves say.
    Unclear,
}

/// Reads one attempt.
#[derive(Clone)]
pub struct AttemptReader {
    pub(super) store: Arc<Store>,
    pub(super) parts: Vec<PartRef>,
    /// Parts of container logs that have progress reports.
    pub(super) reports: Vec<PartRef>,
}

impl AttemptReader {
    /// `parts` from oldest to newest.
    pub fn new(store: Arc<Store>, parts: Vec<PartRef>) -> Self {
        AttemptReader { store, parts, reports: Vec::new() }
    }

    /// Reads what every question reads first; a small attempt is in memory then. What goes wrong is said to who asks.
    pub async fn prefetch(&self) {
        let _ = self.directories().await;
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
            budget::charge(entries.iter().map(decoded::<K, T>).fold(0, u64::saturating_add)).await?;
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
                // Of many blocks that are in memory already none would give its thread to others.
                tokio::task::yield_now().await;
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
        self.whole_stages(|_| true).await
    }

    /// Stage attempts without call site, RDDs, accumulables and what each executor did.
    pub async fn stage_heads(&self) -> Result<BTreeMap<StageKey, StageAttempt>, StoreError> {
        let heads: BTreeMap<StageKey, StageHead> = self.all(Kind::Stages).await?;
        Ok(heads.into_iter().map(|(k, s)| (k, s.0)).collect())
    }

    /// The same, of some stages.
    pub async fn stage_heads_of(&self, ids: &BTreeSet<i64>) -> Result<BTreeMap<StageKey, StageAttempt>, StoreError> {
        let near = |e: &Entry| e.first <= e.last && ids.range(e.first..=e.last).next().is_some();
        let heads: BTreeMap<StageKey, StageHead> = self.entities(Kind::Stages, near).await?;
        Ok(heads.into_iter().filter(|(k, _)| ids.contains(&k.0)).map(|(k, s)| (k, s.0)).collect())
    }

    async fn whole_stages(
        &self,
        wanted: impl Fn(&Entry) -> bool,
    ) -> Result<BTreeMap<StageKey, StageAttempt>, StoreError> {
        let heads: BTreeMap<StageKey, StageHead> = self.entities(Kind::Stages, &wanted).await?;
        let mut bodies: BTreeMap<StageKey, StageBody> = self.entities(Kind::StageBodies, &wanted).await?;
        let whole = heads.into_iter().map(|(key, StageHead(mut stage))| {
            if let Some(body) = bodies.remove(&key) {
                body.onto(&mut stage);
            }
            (key, stage)
        });
        Ok(whole.collect())
    }

    /// All attempts of some stages.
    pub async fn stages_of(&self, ids: &BTreeSet<i64>) -> Result<Vec<StageAttempt>, StoreError> {
        let near = |e: &Entry| e.first <= e.last && ids.range(e.first..=e.last).next().is_some();
        let found = self.whole_stages(near).await?;
        Ok(found.into_values().filter(|s| ids.contains(&s.stage_id)).collect())
    }

    /// All attempts of one stage, by attempt id.
    pub async fn stage(&self, id: i64) -> Result<Vec<StageAttempt>, StoreError> {
        let found = self.whole_stages(|e| (e.first..=e.last).contains(&id)).await?;
        Ok(found.into_values().filter(|s| s.stage_id == id).collect())
    }

    pub async fn executors(&self) -> Result<BTreeMap<String, Executor>, StoreError> {
        self.all(Kind::Executors).await
    }

    /// The executors as they worked: one that came more than once, each time.
    pub async fn lives(&self) -> Result<BTreeMap<String, Executor>, StoreError> {
        Ok(lives(self.executors().await?))
    }

    /// The memory of executors over time, by executor.
    pub async fn memory(&self) -> Result<BTreeMap<String, MemoryHistory>, StoreError> {
        self.all(Kind::Memory).await
    }

    /// What was stored over time; without a point if no block update was logged.
    pub async fn storage(&self) -> Result<StorageHistory, StoreError> {
        Ok(self.one(Kind::Storage, 0i64).await?.unwrap_or_default())
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
        let whole = heads.into_iter().filter(|(id, _)| ids.contains(id)).map(|(id, SqlHead(mut x))| {
            if let Some(body) = bodies.remove(&id) {
                body.onto(&mut x);
            }
            (id, x)
        });
        Ok(whole.collect())
    }

    pub async fn queries(&self) -> Result<BTreeMap<String, StreamingQuery>, StoreError> {
        let mut queries = self.all(Kind::Queries).await?;
        self.add_extras(&mut queries).await?;
        Ok(queries)
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

    /// Progress reports in the order of the log; those that only container logs have, by their time.
    pub async fn progress(&self) -> Result<Vec<Progress>, StoreError> {
        Ok(self.progress_page(Reports::default(), 0, usize::MAX).await?.0)
    }

    /// A page of some progress reports, in the order of the log, with how many there are.
    pub async fn progress_page(
        &self,
        of: Reports<'_>,
        offset: usize,
        length: usize,
    ) -> Result<(Vec<Progress>, usize), StoreError> {
        let extras = self.extras(of).await?;
        if !extras.is_empty() {
            return self.merged_page(extras, of, offset, length).await;
        }
        let end = offset.saturating_add(length);
        let (mut total, mut wanted, mut skip) = (0, Vec::new(), 0);
        for (key, entry, rows) in self.progress_blocks(of).await? {
            if total < end && total + rows > offset {
                if wanted.is_empty() {
                    skip = offset - total;
                }
                wanted.push((key, entry));
            }
            total += rows;
        }
        let mut out = Vec::new();
        let mut blocks = self.progress_of(wanted, of);
        while let Some(reports) = blocks.try_next().await? {
            out.extend(reports);
        }
        Ok((out.into_iter().skip(skip).take(length).collect(), total))
    }

    async fn merged_page(
        &self,
        extras: VecDeque<Extra>,
        of: Reports<'_>,
        offset: usize,
        length: usize,
    ) -> Result<(Vec<Progress>, usize), StoreError> {
        let blocks = self.progress_blocks(of).await?;
        let total = blocks.iter().map(|(_, _, rows)| rows).sum::<usize>() + extras.len();
        let blocks = blocks.into_iter().map(|(key, entry, _)| (key, entry)).collect();
        let mut reports = self.merged(blocks, extras, of);
        let (mut out, mut skip) = (Vec::new(), offset);
        while out.len() < length
            && let Some(some) = reports.try_next().await?
        {
            let skipped = skip.min(some.len());
            skip -= skipped;
            out.extend(some.into_iter().skip(skipped).take(length - out.len()));
        }
        Ok((out, total))
    }

    /// How many such progress reports there are, and all of them in order, some at a time.
    pub async fn progress_in_pieces<'r>(
        &'r self,
        of: Reports<'r>,
    ) -> Result<(usize, impl Stream<Item = Result<Vec<Progress>, StoreError>> + 'r), StoreError> {
        let extras = self.extras(of).await?;
        let blocks = self.progress_blocks(of).await?;
        let total = blocks.iter().map(|(_, _, rows)| rows).sum::<usize>() + extras.len();
        let blocks = blocks.into_iter().map(|(key, entry, _)| (key, entry)).collect();
        let reports = if extras.is_empty() {
            self.progress_of(blocks, of).left_stream()
        } else {
            self.merged(blocks, extras, of).right_stream()
        };
        Ok((total, reports))
    }

    /// Blocks that have some of these progress reports, with how many. Directories tell, or nearly: only blocks at the
    /// edges of what is meant are looked into.
    async fn progress_blocks(&self, of: Reports<'_>) -> Result<Vec<(Path, Entry, usize)>, StoreError> {
        let mut out = Vec::new();
        for (key, directory) in self.directories().await? {
            for entry in directory.of(Kind::Progress) {
                let known = entry.runs.iter().try_fold(0u64, |sum, run| match of.among(run) {
                    Meant::Of(n) => Some(sum.saturating_add(n)),
                    Meant::Unclear => None,
                });
                let rows = match known {
                    Some(rows) => usize::try_from(rows).unwrap_or(usize::MAX),
                    None => self.reports(&key, entry, of).await?.len(),
                };
                if rows > 0 {
                    out.push((key.clone(), entry.clone(), rows));
                }
            }
        }
        // Blocks are numbered through all parts.
        out.sort_by_key(|(_, entry, _)| entry.first);
        Ok(out)
    }

    /// The reports in some blocks, a block at a time.
    pub(super) fn progress_of<'r>(
        &'r self,
        blocks: Vec<(Path, Entry)>,
        of: Reports<'r>,
    ) -> impl Stream<Item = Result<Vec<Progress>, StoreError>> + Unpin + 'r {
        let read = move |(key, entry): (Path, Entry)| async move { self.reports(&key, &entry, of).await };
        futures::stream::iter(blocks).map(read).buffered(PARALLEL).boxed()
    }

    /// The reports in a block.
    pub(super) async fn reports(
        &self,
        key: &Path,
        entry: &Entry,
        of: Reports<'_>,
    ) -> Result<Vec<Progress>, StoreError> {
        let bytes = self.store.plain(key, entry).await?;
        let mut from = &bytes[..];
        let mut out = Vec::new();
        for _ in 0..entry.rows {
            let row = take_row::<i64, Progress>(&mut from).ok_or_else(|| super::damaged_block(key, entry))?;
            out.extend(row.1.filter(|p| of.takes(&p.run_id, p.batch_id, &p.timestamp)));
        }
        Ok(out)
    }

    /// The tasks of a stage attempt.
    pub async fn tasks(&self, stage: StageKey) -> Result<StageTasks, StoreError> {
        budget::charge(self.weight_of_tasks(stage, SORTED).await?).await?;
        Ok(StageTasks::new(stage, self.pieces(stage).await?.try_collect().await?))
    }

    /// About what the tasks of a stage attempt take in memory, with `each` more bytes a task.
    pub async fn weight_of_tasks(&self, stage: StageKey, each: u64) -> Result<u64, StoreError> {
        let mut bytes = 0u64;
        for (_, directory) in self.directories().await? {
            for e in directory.of(Kind::Tasks).chain(directory.of(Kind::RunningTasks)) {
                let rows: u64 = e.stages.iter().filter(|s| s.stage == stage).map(|s| s.rows).sum();
                if rows > 0 {
                    bytes = bytes.saturating_add(rows.saturating_mul(each)).saturating_add(e.len);
                }
            }
        }
        Ok(bytes)
    }

    /// The tasks of a stage attempt in storage order, some thousand at a time: of a stage of any size, no more than
    /// that has to be in memory.
    pub async fn tasks_by_pieces(
        &self,
        stage: StageKey,
    ) -> Result<impl Stream<Item = Result<StageTasks, StoreError>> + '_, StoreError> {
        Ok(self.pieces(stage).await?.map_ok(move |piece| StageTasks::new(stage, vec![piece])))
    }

    /// The segments that have tasks of a stage attempt, and in which rows.
    async fn pieces(
        &self,
        stage: StageKey,
    ) -> Result<impl Stream<Item = Result<(Arc<Segment>, Range<usize>), StoreError>> + '_, StoreError> {
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
        let read = move |(key, entry, range): (Path, Entry, Range<usize>)| async move {
            self.store.segment(&key, &entry).await.map(|s| (s, range))
        };
        Ok(futures::stream::iter(wanted).map(read).buffered(PARALLEL))
    }

    /// Every segment of tasks, some at a time.
    pub async fn segments(&self) -> Result<impl Stream<Item = Result<Vec<Piece>, StoreError>> + '_, StoreError> {
        let directories = self.directories().await?;
        let newest = directories.len().saturating_sub(1);
        let mut wanted: Vec<(Path, Entry)> = Vec::new();
        for (i, (key, directory)) in directories.iter().enumerate() {
            let running = directory.of(Kind::RunningTasks).filter(|_| i == newest);
            wanted.extend(directory.of(Kind::Tasks).chain(running).map(|e| (key.clone(), e.clone())));
        }
        let read = move |(key, entry): (Path, Entry)| async move {
            let segment = self.store.segment(&key, &entry).await?;
            Ok(Piece { segment, stages: entry.stages })
        };
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

pub(super) fn take_row<K: Record, T: Record>(from: &mut &[u8]) -> Option<(K, Option<T>)> {
    let key = K::take(from)?;
    match byte(from)? {
        0 => Some((key, None)),
        1 => Some((key, Some(T::take(from)?))),
        _ => None,
    }
}
