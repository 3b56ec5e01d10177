//! What its progress reports tell of each run of a streaming query. They are folded while they are read: however many there
//! are, what is held is sums, a course of some points, and the last batches.

use std::collections::{BTreeMap, VecDeque};

use afterglow_history::date::instant;
use afterglow_history::state::{SqlExecution, StreamingQuery};
use afterglow_history::store::reader::Reports;
use afterglow_history::store::{AttemptReader, StoreError};
use afterglow_ingest::event::ProgressReport;
use afterglow_ingest::event::progress::StateOperator;
use futures::TryStreamExt as _;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Facts;
use crate::conf::Conf;
use crate::finding::{Advice, Place, Setting, Source};

/// What is not in a run's id as Spark makes them.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-');
/// Batches of a run that are held: the last that ran.
const RECENT: usize = 100;
/// So many are enough to judge by: the first batches of a run start things up.
const ENOUGH: usize = 20;
/// Points of the course of a run.
const COURSE: usize = 128;
/// Runs whose reports are read, at most: those that were heard of last.
const RUNS: usize = 200;
/// Reports read of all runs together, about: the last. A busy query makes 100,000 a day.
const REPORTS: i64 = 20_000;
/// Reports of a run that are read however many runs there are.
const LEAST: i64 = 200;
/// Stateful operators of a query, at most.
const OPERATORS: usize = 20;

/// A run of a streaming query.
#[derive(Debug, Clone, Default)]
pub struct Stream {
    /// Its index in the answer of `streaming/queries`.
    pub index: usize,
    pub id: String,
    pub run: String,
    pub name: Option<String>,
    /// It runs, as far as the log tells.
    pub active: bool,
    pub exception: Option<String>,
    /// When it began, epoch milliseconds; 0 if the log does not say.
    pub start: i64,
    pub last_batch: Option<i64>,
    /// All reports that there are; very old ones of a long run are not looked at.
    pub reports: i64,
    /// The application's, and what the query's session sets.
    pub conf: Conf,
    /// Of the last report.
    pub sources: Vec<String>,
    pub sink: Option<String>,
    pub totals: Totals,
    /// The last batches that ran, the oldest first.
    pub recent: VecDeque<Batch>,
    /// Batches that ran, evenly over the run.
    pub course: Vec<Batch>,
    pub watermark: Option<Watermark>,
    pub interval: Interval,
}

/// Sums over the batches that ran.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Totals {
    pub batches: i64,
    /// Milliseconds.
    pub took: f64,
    pub rows: f64,
    /// Batches without a row, and the time of these.
    pub empty: i64,
    pub empty_took: f64,
    /// Milliseconds in which the query was planned, offsets were asked for, and offsets were written down.
    pub planning: f64,
    pub offsets: f64,
    pub logs: f64,
    /// By operator.
    pub operators: Vec<OperatorTotals>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct OperatorTotals {
    pub updated: f64,
    pub removed: f64,
    /// Late rows.
    pub dropped: f64,
    /// Milliseconds, summed over the instances of the state store.
    pub update_time: f64,
    pub commit_time: f64,
    pub sync_time: f64,
    pub compact_time: f64,
}

/// A batch that ran.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    pub id: i64,
    /// Its report is that many after the first one with this batch id.
    pub nth: usize,
    /// When it was triggered, epoch milliseconds.
    pub time: i64,
    /// Over all sources.
    pub rows: f64,
    /// Milliseconds.
    pub took: f64,
    pub planning: f64,
    pub latest_offset: f64,
    pub get_batch: f64,
    pub wal_commit: f64,
    pub commit_offsets: f64,
    /// Offsets that were there and were not read, by source.
    pub lag: Vec<Option<f64>>,
    pub operators: Vec<Operator>,
}

/// A stateful operator in a batch. Times are summed over the instances of the state store.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Operator {
    pub name: String,
    /// In the state.
    pub rows: Option<f64>,
    pub updated: Option<f64>,
    pub removed: Option<f64>,
    pub dropped: Option<f64>,
    pub update_time: Option<f64>,
    pub commit_time: Option<f64>,
    /// None where it is not reported: bounded memory of RocksDB is nobody's own.
    pub memory: Option<f64>,
    pub instances: Option<f64>,
    pub partitions: Option<f64>,
    /// What rules ask for, of what the report has.
    pub custom: Vec<(&'static str, f64)>,
}

macro_rules! metrics {
    ($($name:literal)*) => {
        /// The metrics of state stores that rules ask for.
        fn metric(name: &str) -> Option<&'static str> {
            match name { $($name => Some($name),)* _ => None }
        }
    };
}
metrics! {
    "rocksdbBytesCopied" "rocksdbCommitCheckpointLatency" "rocksdbCommitCompactLatency" "rocksdbCommitFileSyncLatencyMs"
    "rocksdbCommitFlushLatency" "rocksdbFilesCopied" "rocksdbFilesReused" "rocksdbGetCount" "rocksdbGetLatency"
    "rocksdbReadBlockCacheHitCount" "rocksdbReadBlockCacheMissCount" "rocksdbSstFileSize" "rocksdbWriterStallLatencyMs"
    "rocksdbLoadLatencyMs" "rocksdbNumReplayChangelogFiles" "rocksdbReplayChangeLogLatencyMs"
    "loadedMapCacheHitCount" "loadedMapCacheMissCount" "stateOnCurrentVersionSizeBytes"
}

impl Operator {
    fn of(o: &StateOperator<'_>) -> Self {
        Operator {
            name: o.operator_name.to_string(),
            rows: o.num_rows_total.0,
            updated: o.num_rows_updated.0,
            removed: o.num_rows_removed.0,
            dropped: o.num_rows_dropped_by_watermark.0,
            update_time: o.all_updates_time_ms.0,
            commit_time: o.commit_time_ms.0,
            memory: o.memory(),
            instances: o.num_state_store_instances.0.filter(|n| *n > 0.0),
            partitions: o.num_shuffle_partitions.0.filter(|n| *n > 0.0),
            custom: o.custom_metrics.iter().filter_map(|(k, v)| Some((metric(k)?, v.0?))).collect(),
        }
    }

    /// A metric of the state store, by its name.
    pub fn custom(&self, name: &str) -> Option<f64> {
        self.custom.iter().find(|(k, _)| *k == name).map(|(_, v)| *v)
    }

    /// Whether RocksDB keeps the state: its metrics tell, whatever the settings are.
    pub fn is_rocksdb(&self) -> bool {
        self.custom.iter().any(|(k, _)| k.starts_with("rocksdb"))
    }

    /// Whether maps in the executors' heap do, with files in the checkpoint location.
    pub fn is_hdfs(&self) -> bool {
        self.custom("loadedMapCacheHitCount").is_some() || self.custom("stateOnCurrentVersionSizeBytes").is_some()
    }

    /// Milliseconds to commit, the mean of the instances.
    pub fn commit_per_instance(&self) -> Option<f64> {
        Some(self.commit_time? / self.instances?)
    }

    /// Of the commit what went into files at the checkpoint location, 0 to 1.
    pub fn sync_share(&self) -> Option<f64> {
        let all = self.commit_time.filter(|t| *t > 0.0)?;
        Some(self.custom("rocksdbCommitFileSyncLatencyMs")? / all)
    }
}

/// The watermark of a query that has one.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Watermark {
    /// Epoch milliseconds; 0 until the first row has told the time.
    pub at: i64,
    /// Trigger of the batch that had this watermark first.
    pub since: i64,
    /// Batches with rows since then, that one not among them.
    pub batches: i64,
    /// For how long it stood still before that at most, milliseconds; none if it never moved.
    pub longest: Option<i64>,
}

impl Watermark {
    fn take(of: &mut Option<Watermark>, at: i64, time: i64, rows: f64) {
        match of {
            None => *of = Some(Watermark { at, since: time, batches: 0, longest: None }),
            Some(w) if w.at == at => w.batches += i64::from(rows > 0.0),
            Some(w) => {
                // The first step, away from 1970, is none.
                let stood = (w.at > 0).then(|| time.saturating_sub(w.since));
                *w = Watermark { at, since: time, batches: 0, longest: w.longest.max(stood) };
            }
        }
    }
}

/// The trigger interval, as far as it shows: the log does not have it. A trigger that waits fires at multiples of its interval.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Interval {
    waited: i64,
    aligned: [i64; INTERVALS.len()],
    busy_until: Option<i64>,
}

/// Intervals that people choose, milliseconds.
const INTERVALS: [i64; 15] = [
    1_000, 2_000, 5_000, 10_000, 15_000, 20_000, 30_000, 60_000, 120_000, 180_000, 300_000, 600_000, 900_000,
    1_800_000, 3_600_000,
];
/// So late may a trigger be, milliseconds.
const LATE: i64 = 50;
/// Triggers that must have been waited for.
const WAITED: i64 = 10;

impl Interval {
    fn take(&mut self, time: i64, took: f64) {
        if self.busy_until.is_some_and(|end| time.saturating_sub(end) > LATE) {
            self.waited += 1;
            for (n, interval) in self.aligned.iter_mut().zip(INTERVALS) {
                *n += i64::from(time.rem_euclid(interval) <= LATE);
            }
        }
        self.busy_until = Some(time.saturating_add(took as i64));
    }

    /// Milliseconds; none if it does not show.
    pub fn known(&self) -> Option<i64> {
        if self.waited < WAITED {
            return None;
        }
        let aligned =
            self.aligned.iter().zip(INTERVALS).filter(|(n, _)| n.saturating_mul(10) >= self.waited.saturating_mul(9));
        aligned.map(|(_, interval)| interval).next_back()
    }
}

impl Stream {
    fn new(index: usize, q: StreamingQuery, conf: Conf, over: bool) -> Self {
        Stream {
            index,
            active: !q.terminated && !over,
            start: instant(&q.start_timestamp).unwrap_or(0),
            id: q.id,
            run: q.run_id,
            name: q.name,
            exception: q.exception,
            last_batch: q.last_batch_id,
            reports: q.progress_reports,
            conf,
            ..Stream::default()
        }
    }

    /// The whole query.
    pub fn place(&self) -> Place {
        Place::Query { run: self.run.clone(), name: self.name.clone().unwrap_or_else(|| self.id.clone()) }
    }

    /// A place in the answer about the runs of queries.
    pub fn told(&self, field: &str) -> Source {
        Source::ours("streaming/queries", format!("/{}/{field}", self.index))
    }

    /// A place in the report of a batch, as `/durationMs/addBatch`.
    pub fn report(&self, batch: &Batch, pointer: &str) -> Source {
        let run = utf8_percent_encode(&self.run, RESERVED);
        let mut path = format!("streaming/progress?runId={run}&batch={}", batch.id);
        if batch.nth > 0 {
            path.push_str(&format!("&offset={}&length=1", batch.nth));
        }
        Source::ours(path, format!("/0{pointer}"))
    }

    /// A place in the series of what was triggered when a batch was, as `/sources/0/lag/0`.
    pub fn series(&self, batch: &Batch, pointer: &str) -> Source {
        let run = utf8_percent_encode(&self.run, RESERVED);
        let path = format!("streaming/queries/{run}/series?points=1&from={0}&to={0}", batch.time);
        Source::ours(path, pointer)
    }

    /// The last batch that ran.
    pub fn last(&self) -> Option<&Batch> {
        self.recent.back()
    }

    /// Milliseconds between the triggers of the recent batches.
    pub fn span(&self) -> i64 {
        let (first, last) = (self.recent.front(), self.recent.back());
        first.zip(last).map_or(0, |(a, b)| b.time.saturating_sub(a.time))
    }

    /// Mean over the recent batches; none without one.
    pub fn mean(&self, of: impl Fn(&Batch) -> f64) -> Option<f64> {
        mean(self.recent.iter().map(of))
    }

    /// How many stateful operators the last batch has, with their index.
    pub fn operators(&self) -> impl Iterator<Item = (usize, &Operator)> {
        self.last().into_iter().flat_map(|b| b.operators.iter().enumerate())
    }

    /// Mean over the recent batches of something of an operator; none where no report has it.
    pub fn mean_of(&self, operator: usize, of: impl Fn(&Operator) -> Option<f64>) -> Option<f64> {
        mean(self.recent.iter().filter_map(|b| of(b.operators.get(operator)?)))
    }

    /// Whether enough batches ran lately to judge by.
    pub fn is_warm(&self) -> bool {
        self.recent.len() >= ENOUGH
    }

    /// The recent batches that had rows.
    pub fn fed(&self) -> Vec<&Batch> {
        self.recent.iter().filter(|b| b.rows > 0.0).collect()
    }

    /// Which part of the time between the first and the last recent trigger a batch ran.
    pub fn busy(&self) -> f64 {
        let span = self.span() as f64;
        let before = self.recent.len().saturating_sub(1);
        let took: f64 = self.recent.iter().take(before).map(|b| b.took).sum();
        if span > 0.0 { (took / span).min(1.0) } else { 0.0 }
    }

    /// Of the time of the recent batches what an operator needs for something that is summed over its instances: they work
    /// side by side, as far as there are cores. None where no report has it.
    pub fn part_of(&self, cores: Option<i64>, operator: usize, of: impl Fn(&Operator) -> Option<f64>) -> Option<f64> {
        let took = self.mean(|b| b.took).filter(|t| *t > 0.0)?;
        let side_by_side = |o: &Operator| {
            let instances = o.instances?;
            Some(cores.map_or(instances, |c| instances.min(c as f64)).max(1.0))
        };
        let wall = self.mean_of(operator, |o| Some(of(o)? / side_by_side(o)?))?;
        Some((wall / took).min(1.0))
    }

    /// The recent batch that has most of something.
    pub fn most(&self, of: impl Fn(&Batch) -> f64) -> Option<&Batch> {
        self.recent.iter().max_by(|a, b| of(a).total_cmp(&of(b)))
    }

    /// A setting of the query to change.
    pub fn set(
        &self,
        key: &'static str,
        suggested: impl Into<String>,
        why: impl Into<String>,
        since: (u32, u32),
    ) -> Advice {
        let current = self.conf.current(key);
        Advice::Set(Setting { key, current, suggested: suggested.into(), why: why.into(), since })
    }

    /// Takes in the next report.
    pub fn take(&mut self, r: &ProgressReport<'_>, nth: usize) {
        let time = instant(&r.timestamp).unwrap_or(0);
        let phase = |name: &str| r.duration_ms.number(name).unwrap_or(0.0);
        let rows = r.sources.iter().filter_map(|s| s.num_input_rows.0).sum::<f64>();
        if let Some(at) = r.watermark().and_then(instant) {
            Watermark::take(&mut self.watermark, at.max(0), time, rows);
        }
        self.sources = r.sources.iter().map(|s| s.description.to_string()).collect();
        self.sink = r.sink.description.as_ref().map(|d| d.to_string());
        // Without it nothing ran: Spark only says that it had nothing to do.
        if r.duration_ms.number("addBatch").is_none() {
            return;
        }
        let batch = Batch {
            id: r.batch_id,
            nth,
            time,
            rows,
            took: phase("triggerExecution"),
            planning: phase("queryPlanning"),
            latest_offset: phase("latestOffset"),
            get_batch: phase("getBatch"),
            wal_commit: phase("walCommit"),
            commit_offsets: phase("commitOffsets"),
            lag: r.sources.iter().map(|s| s.lag()).collect(),
            operators: r.state_operators.iter().take(OPERATORS).map(Operator::of).collect(),
        };
        self.hold(batch);
    }

    /// Takes in a batch that ran.
    pub(crate) fn hold(&mut self, batch: Batch) {
        self.interval.take(batch.time, batch.took);
        self.totals.take(&batch);
        // Twice as far apart each time that there are too many.
        let stride = course_stride(self.totals.batches - 1);
        if (self.totals.batches - 1) % stride == 0 {
            if self.course.len() >= COURSE {
                let mut even = false;
                self.course.retain(|_| {
                    even = !even;
                    even
                });
            }
            self.course.push(batch.clone());
        }
        if self.recent.len() >= RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(batch);
    }
}

/// How far apart the points of a course are when so many batches are in it.
fn course_stride(batches: i64) -> i64 {
    let mut stride = 1;
    while batches >= stride * COURSE as i64 {
        stride *= 2;
    }
    stride
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, n) = values.fold((0.0, 0.0), |(sum, n), v| (sum + v, n + 1.0));
    (n > 0.0).then(|| sum / n)
}

impl Totals {
    fn take(&mut self, b: &Batch) {
        self.batches += 1;
        self.took += b.took;
        self.rows += b.rows;
        if b.rows == 0.0 {
            self.empty += 1;
            self.empty_took += b.took;
        }
        self.planning += b.planning;
        self.offsets += b.latest_offset + b.get_batch;
        self.logs += b.wal_commit + b.commit_offsets;
        if self.operators.len() < b.operators.len() {
            self.operators.resize_with(b.operators.len(), OperatorTotals::default);
        }
        for (sum, o) in self.operators.iter_mut().zip(&b.operators) {
            sum.updated += o.updated.unwrap_or(0.0);
            sum.removed += o.removed.unwrap_or(0.0);
            sum.dropped += o.dropped.unwrap_or(0.0);
            sum.update_time += o.update_time.unwrap_or(0.0);
            sum.commit_time += o.commit_time.unwrap_or(0.0);
            sum.sync_time += o.custom("rocksdbCommitFileSyncLatencyMs").unwrap_or(0.0);
            sum.compact_time += o.custom("rocksdbCommitCompactLatency").unwrap_or(0.0);
        }
    }
}

impl Facts {
    /// Executors that ran tasks at a time; all of a local application in one.
    pub fn runners_at(&self, time: i64) -> usize {
        self.runners().filter(|e| e.add_time <= time && e.remove_time.is_none_or(|t| t >= time)).count()
    }

    /// Their cores; none if the log tells of none.
    pub fn cores_at(&self, time: i64) -> Option<i64> {
        let there = self.runners().filter(|e| e.add_time <= time && e.remove_time.is_none_or(|t| t >= time));
        Some(there.map(|e| e.total_cores).fold(0, i64::saturating_add)).filter(|n| *n > 0)
    }
}

/// Reads the runs of an application's streaming queries; `over` if it does not run any more.
pub(super) async fn read(
    reader: &AttemptReader,
    conf: &Conf,
    sql: &BTreeMap<i64, SqlExecution>,
    over: bool,
) -> Result<Vec<Stream>, StoreError> {
    let mut queries: Vec<StreamingQuery> = reader.queries().await?.into_values().collect();
    // As REST sorts them.
    queries.sort_by(|a, b| a.start_timestamp.cmp(&b.start_timestamp));
    if queries.is_empty() {
        return Ok(Vec::new());
    }
    let sessions = sessions(sql);
    let mut newest: Vec<(String, usize)> =
        queries.iter().enumerate().map(|(i, q)| (q.last_timestamp.clone(), i)).collect();
    newest.sort_unstable_by(|a, b| b.cmp(a));
    let each = (REPORTS / newest.len().min(RUNS) as i64).max(LEAST);
    let mut out: Vec<Stream> = Vec::new();
    for (index, q) in queries.into_iter().enumerate() {
        let conf = match sessions.get(q.run_id.as_str()) {
            Some(x) => conf.with(x.modified_configs.iter().map(|(k, v)| (&**k, &**v))),
            None => conf.clone(),
        };
        let from = from(&q, each);
        let mut stream = Stream::new(index, q, conf, over);
        if newest.iter().take(RUNS).any(|(_, i)| *i == index) {
            fold(reader, &mut stream, from).await?;
        }
        out.push(stream);
    }
    Ok(out)
}

/// From when on a run has about so many reports; none if it has no more.
fn from(q: &StreamingQuery, wanted: i64) -> Option<i64> {
    let (start, last) = (instant(&q.start_timestamp)?, instant(&q.last_timestamp)?);
    if q.progress_reports <= wanted {
        return None;
    }
    let part = wanted as f64 / q.progress_reports as f64;
    Some(last.saturating_sub((last.saturating_sub(start) as f64 * part) as i64))
}

async fn fold(reader: &AttemptReader, stream: &mut Stream, from: Option<i64>) -> Result<(), StoreError> {
    let run = stream.run.clone();
    let of = Reports { run: Some(&run), from, ..Reports::default() };
    let (_, pieces) = reader.progress_in_pieces(of).await?;
    let mut pieces = std::pin::pin!(pieces);
    let mut batch = (None, 0);
    while let Some(reports) = pieces.try_next().await? {
        let mut folded = std::mem::take(stream);
        let taken = tokio::task::spawn_blocking(move || {
            for p in &reports {
                batch = (Some(p.batch_id), if batch.0 == Some(p.batch_id) { batch.1 + 1 } else { 0 });
                if let Some(r) = ProgressReport::read(&p.json) {
                    folded.take(&r, batch.1);
                }
            }
            (folded, batch)
        });
        // Only a panic ends it otherwise; then the run has no reports.
        let Ok((folded, at)) = taken.await else { return Ok(()) };
        (*stream, batch) = (folded, at);
    }
    Ok(())
}

/// The last SQL execution of each run: its session's settings are the query's. The description of a batch names the run.
fn sessions(sql: &BTreeMap<i64, SqlExecution>) -> BTreeMap<&str, &SqlExecution> {
    let run = |x: &'_ SqlExecution| -> Option<(usize, usize)> {
        let at = x.description.find("runId = ")? + "runId = ".len();
        let rest = &x.description[at..];
        Some((at, at + rest.find(['\n', '<']).unwrap_or(rest.len())))
    };
    let mut out: BTreeMap<&str, &SqlExecution> = BTreeMap::new();
    for x in sql.values() {
        if let Some((from, to)) = run(x) {
            out.insert(&x.description[from..to], x);
        }
    }
    out
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// The published report of Spark 3.5 whose derived numbers are known.
    pub const SAMPLE: &str = r#"{"id":"x","runId":"x","name":null,"timestamp":"2025-04-18T07:52:27.642Z","batchId":39,"numInputRows":1,"inputRowsPerSecond":100.0,
        "processedRowsPerSecond":1.3623978201634879,"durationMs":{"addBatch":648,"commitOffsets":39,"getBatch":0,"latestOffset":0,"queryPlanning":10,
        "triggerExecution":734,"walCommit":35},"stateOperators":[{"operatorName":"stateStoreSave","numRowsTotal":10,"numRowsUpdated":4,"allUpdatesTimeMs":18,
        "numRowsRemoved":0,"allRemovalsTimeMs":0,"commitTimeMs":3629,"memoryUsedBytes":174179,"numRowsDroppedByWatermark":0,"numShufflePartitions":36,
        "numStateStoreInstances":36,"customMetrics":{"rocksdbBytesCopied":5009,"rocksdbCommitCheckpointLatency":533,"rocksdbCommitCompactLatency":0,
        "rocksdbCommitFileSyncLatencyMs":2991,"rocksdbCommitFlushLatency":44,"rocksdbCommitPauseLatency":0,"rocksdbCommitWriteBatchLatency":0,
        "rocksdbFilesCopied":4,"rocksdbFilesReused":24,"rocksdbGetCount":8,"rocksdbGetLatency":0,"rocksdbPinnedBlocksMemoryUsage":3168,"rocksdbPutCount":4,
        "rocksdbPutLatency":0,"rocksdbReadBlockCacheHitCount":8,"rocksdbReadBlockCacheMissCount":0,"rocksdbSstFileSize":35035,"rocksdbTotalBytesRead":136,
        "rocksdbTotalBytesReadByCompaction":0,"rocksdbTotalBytesReadThroughIterator":0,"rocksdbTotalBytesWritten":228,"rocksdbTotalBytesWrittenByCompaction":0,
        "rocksdbTotalBytesWrittenByFlush":5653,"rocksdbTotalCompactionLatencyMs":0,"rocksdbWriterStallLatencyMs":0,"rocksdbZipFileBytesUncompressed":266452}}],
        "sources":[{"description":"RateStreamV2[rowsPerSecond=1, rampUpTimeSeconds=0, numPartitions=default","startOffset":63,"endOffset":64,"latestOffset":64,
        "numInputRows":1,"inputRowsPerSecond":100.0,"processedRowsPerSecond":1.3623978201634879}],
        "sink":{"description":"org.apache.spark.sql.execution.streaming.ConsoleTable$@2cf39784","numOutputRows":10}}"#;

    fn report(n: i64, time: i64, took: i64, rows: i64) -> String {
        let stamp = afterglow_history::date::date(time).replace("GMT", "Z");
        format!(
            r#"{{"batchId":{n},"timestamp":"{stamp}","durationMs":{{"addBatch":{took},"triggerExecution":{took}}},
            "eventTime":{{"watermark":"2026-11-21T00:00:0{}.000Z"}},"sources":[{{"numInputRows":{rows}}}]}}"#,
            n.min(3)
        )
    }

    #[test]
    fn a_published_report_gives_the_numbers_that_follow_from_it() {
        let mut stream = Stream::default();
        stream.take(&ProgressReport::read(SAMPLE).unwrap(), 0);
        let (batch, rounded) = (stream.last().unwrap(), |v: f64| (v * 1000.0).round() / 1000.0);
        assert_eq!(batch.rows / (batch.took / 1000.0), 1.362_397_820_163_487_9);
        let o = &batch.operators[0];
        assert_eq!((o.commit_per_instance().map(rounded), o.sync_share().map(rounded)), (Some(100.806), Some(0.824)));
        assert_eq!((o.is_rocksdb(), o.is_hdfs(), o.instances, o.partitions), (true, false, Some(36.0), Some(36.0)));
        assert_eq!(stream.report(batch, "/batchId").path, "streaming/progress?runId=&batch=39");
        assert_eq!(stream.watermark, None);
    }

    #[test]
    fn what_is_held_does_not_grow_with_the_reports() {
        let mut stream = Stream::default();
        for n in 0..5_000 {
            stream.take(&ProgressReport::read(&report(n, n * 1_000, 100, n % 2)).unwrap(), 0);
        }
        assert_eq!((stream.recent.len(), stream.recent[0].id, stream.totals.batches), (RECENT, 4_900, 5_000));
        assert_eq!((stream.totals.empty, stream.totals.empty_took, stream.totals.rows), (2_500, 250_000.0, 2_500.0));
        let ids: Vec<i64> = stream.course.iter().map(|b| b.id).collect();
        assert!(ids.len() > COURSE / 2 && ids.len() <= COURSE, "{}", ids.len());
        assert!(ids.windows(2).all(|w| w[1] - w[0] == 64), "{ids:?}");
        assert_eq!(stream.interval.known(), Some(1_000));
        let w = stream.watermark.unwrap();
        assert_eq!((w.since, w.batches, w.longest), (3_000, 2_498, Some(1_000)));
    }

    #[test]
    fn the_interval_shows_only_where_triggers_wait() {
        let known = |times: &[(i64, f64)]| {
            let mut interval = Interval::default();
            times.iter().for_each(|(time, took)| interval.take(*time, *took));
            interval.known()
        };
        let every = |ms: i64, took: f64| (0..30).map(|i| (i * ms, took)).collect::<Vec<_>>();
        assert_eq!(known(&every(10_000, 900.0)), Some(10_000));
        assert_eq!(known(&every(10_000, 10_000.0)), None, "one batch after the other");
        assert_eq!(known(&every(7_321, 900.0)), None, "when data comes");
    }
}
