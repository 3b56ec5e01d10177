//! Tasks as a table: rows are made out of the store while a statement runs, for the columns that it
//! asks for. In no file: there are too many to keep them twice.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Int64Array, RecordBatch, RecordBatchOptions, StringArray,
    TimestampMillisecondArray,
};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::arrow::compute::concat_batches;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, Result as Answered};
use datafusion::datasource::TableType;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures::{StreamExt as _, TryStreamExt as _};

use super::prune::{Candidate, may_match, values};
use super::table::{Snapshot, date_field};
use crate::catalog::{AttemptRow, Catalog};
use crate::fleet::schema::{Type, in_range};
use crate::store::reader::Piece;
use crate::store::segment::{Metric, TaskColumn};
use crate::store::{AttemptReader, Store, StoreError};

pub const NAME: &str = "tasks";
pub const ABOUT: &str =
    "One row a task attempt, read from the store itself. Say whose: by `app_id`, `cluster`, `date` or `launch_time`.";

/// Attempts whose rows in the catalog are read at once.
const CHUNK: usize = 200;
/// Small attempts that are read at once, each of which is little but waiting.
const AHEAD: usize = 8;
/// Tasks that a small attempt has at most; those of a larger one are given on while it is read.
const SMALL: i64 = 20_000;
/// Rows that are given on together, at least, where attempts are small.
const TOGETHER: usize = 8192;

/// Where the values of a column come from.
#[derive(Clone, Copy)]
enum Of {
    Attempt(fn(&AttemptRow) -> Option<&str>),
    Stage,
    StageAttempt,
    Number(TaskColumn),
    Name(TaskColumn),
    Flag(TaskColumn),
    Status,
    Error,
    Launch,
    /// Null while the task runs; so the next.
    Finish,
    Duration,
    /// A sum; null for a task that has no metrics.
    Metrics(&'static [Metric]),
}

type Column = (&'static str, Type, Of, &'static str);

use Of::{Attempt, Duration, Error, Finish, Flag, Launch, Metrics, Name, Number, Stage, StageAttempt, Status};
use Type::{Bool, Int, Text, Time};

const COLUMNS: [Column; 44] = [
    ("cluster", Text, Attempt(|a| Some(&a.cluster)), "The cluster that the application ran on."),
    (
        "app_id",
        Text,
        Attempt(|a| Some(&a.app_id)),
        "Spark's id of the application; several clusters may have the same.",
    ),
    (
        "attempt_id",
        Text,
        Attempt(|a| a.attempt_id.as_deref()),
        "The attempt of the application; null where it has none.",
    ),
    ("app_name", Text, Attempt(|a| Some(&a.name)), "The application's name."),
    ("user_name", Text, Attempt(|a| Some(&a.user)), "Who ran the application."),
    ("stage_id", Int, Stage, "Spark's number of the stage."),
    ("stage_attempt_id", Int, StageAttempt, "The attempt of the stage, from 0 on."),
    ("task_id", Int, Number(TaskColumn::TaskId), "Spark's number of the task attempt."),
    ("task_index", Int, Number(TaskColumn::Index), "The task's place in its stage."),
    ("attempt", Int, Number(TaskColumn::Attempt), "The attempt of the task, from 0 on."),
    ("partition_id", Int, Number(TaskColumn::PartitionId), "The partition; -1 where the log does not say."),
    ("executor_id", Text, Name(TaskColumn::Executor), "The executor that ran it."),
    ("host", Text, Name(TaskColumn::Host), "That executor's host."),
    (
        "locality",
        Text,
        Name(TaskColumn::Locality),
        "How near its data it ran: `PROCESS_LOCAL`, `NODE_LOCAL` and so on.",
    ),
    ("status", Text, Status, "`RUNNING`, `GET RESULT`, `SUCCESS`, `FAILED`, `KILLED` or `UNKNOWN`."),
    ("speculative", Bool, Flag(TaskColumn::Speculative), "Whether it was started because another attempt was slow."),
    ("error", Text, Error, "Why it failed or was killed."),
    ("launch_time", Time, Launch, "When it was launched."),
    ("finish_time", Time, Finish, "When it ended; null while it runs."),
    ("duration_ms", Int, Duration, "From launch to end; null while it runs."),
    (
        "executor_run_time_ms",
        Int,
        Metrics(&[Metric::executor_run_time]),
        "Time that it ran. This and what follows is null for a task that brought no metrics.",
    ),
    ("executor_cpu_time_ns", Int, Metrics(&[Metric::executor_cpu_time]), "CPU time of its thread."),
    ("executor_deserialize_time_ms", Int, Metrics(&[Metric::executor_deserialize_time]), "Time to deserialize it."),
    (
        "result_serialization_time_ms",
        Int,
        Metrics(&[Metric::result_serialization_time]),
        "Time to serialize its result.",
    ),
    ("jvm_gc_time_ms", Int, Metrics(&[Metric::jvm_gc_time]), "Time that the JVM collected garbage while it ran."),
    ("result_size_bytes", Int, Metrics(&[Metric::result_size]), "Bytes of its result."),
    (
        "memory_spilled_bytes",
        Int,
        Metrics(&[Metric::memory_bytes_spilled]),
        "Bytes, as they were in memory, that were spilled.",
    ),
    ("disk_spilled_bytes", Int, Metrics(&[Metric::disk_bytes_spilled]), "Bytes that the spills took on disk."),
    ("peak_execution_memory_bytes", Int, Metrics(&[Metric::peak_execution_memory]), "Peak of its execution memory."),
    ("input_bytes", Int, Metrics(&[Metric::input_bytes_read]), "Bytes read from storage or from cached blocks."),
    ("input_records", Int, Metrics(&[Metric::input_records_read]), "Records read from storage or from cached blocks."),
    ("output_bytes", Int, Metrics(&[Metric::output_bytes_written]), "Bytes written to storage."),
    ("output_records", Int, Metrics(&[Metric::output_records_written]), "Records written to storage."),
    (
        "shuffle_read_bytes",
        Int,
        Metrics(&[Metric::shuffle_local_bytes_read, Metric::shuffle_remote_bytes_read]),
        "Shuffle bytes read, local and remote.",
    ),
    ("shuffle_remote_read_bytes", Int, Metrics(&[Metric::shuffle_remote_bytes_read]), "Of these, from other hosts."),
    ("shuffle_read_records", Int, Metrics(&[Metric::shuffle_records_read]), "Shuffle records read."),
    (
        "shuffle_fetch_wait_time_ms",
        Int,
        Metrics(&[Metric::shuffle_fetch_wait_time]),
        "Time that it waited for shuffle blocks.",
    ),
    (
        "shuffle_local_blocks",
        Int,
        Metrics(&[Metric::shuffle_local_blocks_fetched]),
        "Shuffle blocks read from its own host.",
    ),
    (
        "shuffle_remote_blocks",
        Int,
        Metrics(&[Metric::shuffle_remote_blocks_fetched]),
        "Shuffle blocks read from other hosts.",
    ),
    ("shuffle_write_bytes", Int, Metrics(&[Metric::shuffle_bytes_written]), "Shuffle bytes written."),
    ("shuffle_write_records", Int, Metrics(&[Metric::shuffle_records_written]), "Shuffle records written."),
    ("shuffle_write_time_ns", Int, Metrics(&[Metric::shuffle_write_time]), "Time to write shuffle blocks."),
    (
        "getting_result_time",
        Time,
        Number(TaskColumn::GettingResultTime),
        "When the driver began to fetch its result; null where it did not.",
    ),
    ("has_metrics", Bool, Flag(TaskColumn::HasMetrics), "Whether it brought metrics."),
];

/// Its columns without the day, with type and meaning.
pub fn columns() -> impl Iterator<Item = (&'static str, DataType, &'static str)> {
    COLUMNS.iter().map(|(name, kind, _, about)| (*name, kind.arrow(), *about))
}

/// One column of the tasks in a piece.
fn array(from: Of, kind: Type, attempt: &AttemptRow, piece: &Piece) -> ArrayRef {
    let Piece { segment, stages } = piece;
    let n = segment.rows();
    let of_stages = |id: fn(&crate::state::StageKey) -> i64| {
        let mut ids: Vec<i64> = Vec::with_capacity(n);
        stages.iter().for_each(|s| ids.resize(n.min(ids.len() + s.rows as usize), id(&s.stage)));
        ids.resize(n, -1);
        Arc::new(Int64Array::from(ids)) as ArrayRef
    };
    let texts = |numbers: Vec<i64>, names: &[Arc<str>]| {
        let name = |n: i64| usize::try_from(n).ok().and_then(|n| names.get(n));
        Arc::new(numbers.into_iter().map(name).collect::<StringArray>()) as ArrayRef
    };
    let times = |values: Vec<Option<i64>>| {
        let values: Vec<Option<i64>> = values.into_iter().map(|t| t.and_then(in_range)).collect();
        Arc::new(TimestampMillisecondArray::from(values).with_timezone("UTC")) as ArrayRef
    };
    match from {
        Attempt(of) => Arc::new((0..n).map(|_| of(attempt)).collect::<StringArray>()),
        Stage => of_stages(|k| k.0),
        StageAttempt => of_stages(|k| k.1),
        Number(column) if kind == Time => {
            times(segment.values(column).into_iter().map(|t| (t > 0).then_some(t)).collect())
        }
        Number(column) => Arc::new(Int64Array::from(segment.values(column))),
        Name(column) => texts(segment.values(column), segment.names()),
        Flag(column) => Arc::new(segment.values(column).into_iter().map(|v| Some(v != 0)).collect::<BooleanArray>()),
        Status => Arc::new(segment.statuses().map(|s| Some(s.name())).collect::<StringArray>()),
        Error => Arc::new(segment.errors().collect::<StringArray>()),
        Launch => times(segment.values(TaskColumn::LaunchTime).into_iter().map(Some).collect()),
        Finish => {
            let took = segment.values(TaskColumn::Duration).into_iter().map(|d| (d >= 0).then_some(d));
            let launched = segment.values(TaskColumn::LaunchTime).into_iter();
            times(launched.zip(took).map(|(l, d)| d.map(|d| l.saturating_add(d))).collect())
        }
        Duration => {
            let took = segment.values(TaskColumn::Duration).into_iter().map(|d| (d >= 0).then_some(d));
            Arc::new(took.collect::<Int64Array>())
        }
        Metrics(all) => {
            let mut sums = vec![0i64; n];
            for metric in all {
                let values = segment.values(TaskColumn::Metric(*metric));
                sums.iter_mut().zip(values).for_each(|(s, v)| *s = s.wrapping_add(v));
            }
            match segment.constant(TaskColumn::HasMetrics) {
                Some(1) => Arc::new(Int64Array::from(sums)),
                _ => {
                    let has = segment.values(TaskColumn::HasMetrics);
                    Arc::new(sums.into_iter().zip(has).map(|(s, has)| (has != 0).then_some(s)).collect::<Int64Array>())
                }
            }
        }
    }
}

/// The table.
pub struct Tasks {
    schema: SchemaRef,
    store: Arc<Store>,
    catalog: Catalog,
}

impl std::fmt::Debug for Tasks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(NAME)
    }
}

impl Tasks {
    pub fn new(store: Arc<Store>, catalog: Catalog) -> Self {
        let fields = columns().map(|(name, kind, _)| Field::new(name, kind, true)).chain([date_field()]);
        Tasks { schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())), store, catalog }
    }

    /// The attempts that may have rows that match.
    async fn attempts(&self, now: &Snapshot, state: &dyn Session, filters: &[Expr]) -> Answered<Vec<Wanted>> {
        let failed = |e: crate::catalog::CatalogError| DataFusionError::External(Box::new(e));
        let schema = DFSchema::try_from(self.schema.clone())?;
        let predicate = conjunction(filters.iter().cloned()).map(|all| state.create_physical_expr(all, &schema));
        let predicate = predicate.transpose()?;
        let only = |column| predicate.as_ref().and_then(|p| values(p, column));
        let (clusters, apps) = (only("cluster"), only("app_id"));
        let all = self.catalog.spans(&now.viewer, clusters.as_deref(), apps.as_deref()).await.map_err(failed)?;
        let times: Vec<_> = all
            .iter()
            .map(|a| {
                // A task is launched while its application runs, and ends no later than the log.
                let last = if a.ended { a.last_time } else { i64::MAX };
                // A clock that is wrong says nothing about others.
                let known = in_range(a.start_time).is_some() && (!a.ended || in_range(a.last_time).is_some());
                let span = if known { (a.start_time, last) } else { (i64::MIN, i64::MAX) };
                BTreeMap::from([("launch_time".to_owned(), span), ("finish_time".to_owned(), span)])
            })
            .collect();
        let candidates: Vec<_> = all.iter().zip(&times).map(|(a, times)| Candidate::of_span(a, times)).collect();
        let keep = may_match(predicate.as_ref(), &self.schema, &candidates.iter().collect::<Vec<_>>())?;
        let kept = all.iter().zip(&candidates).zip(keep).filter(|(_, keep)| *keep);
        Ok(kept.map(|((a, c), _)| Wanted { id: a.id, tasks: a.tasks.max(0), day: c.day }).collect())
    }
}

/// An attempt to be read.
#[derive(Clone, Copy)]
struct Wanted {
    id: i64,
    tasks: i64,
    /// Days since 1970.
    day: Option<i32>,
}

#[async_trait]
impl TableProvider for Tasks {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Answered<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Answered<Arc<dyn ExecutionPlan>> {
        let now = Snapshot::of(state)?;
        let mut attempts = self.attempts(&now, state, filters).await?;
        let columns = projection.cloned().unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        let schema = Arc::new(self.schema.project(&columns)?);
        // The largest first, each to who has least.
        let mut shares: Vec<(i64, Vec<_>)> =
            vec![(0, Vec::new()); state.config().target_partitions().clamp(1, attempts.len().max(1))];
        attempts.sort_by_key(|a| std::cmp::Reverse(a.tasks));
        for attempt in attempts {
            if let Some(least) = shares.iter_mut().min_by_key(|(tasks, _)| *tasks) {
                least.0 = least.0.saturating_add(attempt.tasks);
                least.1.push(attempt);
            }
        }
        let part = |(_, attempts)| {
            let (store, catalog) = (self.store.clone(), self.catalog.clone());
            let (schema, columns, now) = (schema.clone(), columns.clone(), now.clone());
            Arc::new(Part { schema, columns, now, store, catalog, attempts }) as Arc<dyn PartitionStream>
        };
        let parts = shares.into_iter().map(part).collect();
        Ok(Arc::new(StreamingTableExec::try_new(schema.clone(), parts, None, None, false, limit)?))
    }
}

/// Tasks of some attempts.
#[derive(Clone)]
struct Part {
    schema: SchemaRef,
    columns: Vec<usize>,
    now: Arc<Snapshot>,
    store: Arc<Store>,
    catalog: Catalog,
    attempts: Vec<Wanted>,
}

impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "tasks of {} applications", self.attempts.len())
    }
}

impl Part {
    fn rows(&self, attempt: &AttemptRow, day: Option<i32>, piece: &Piece) -> Answered<RecordBatch> {
        let n = piece.segment.rows();
        let column = |at: &usize| match COLUMNS.get(*at) {
            Some((_, kind, from, _)) => array(*from, *kind, attempt, piece),
            None => Arc::new(Date32Array::from(vec![day; n])),
        };
        let options = RecordBatchOptions::new().with_row_count(Some(n));
        let columns = self.columns.iter().map(column).collect();
        Ok(RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?)
    }

    /// All rows of a small attempt.
    async fn small(&self, attempt: &AttemptRow, day: Option<i32>) -> Answered<Vec<RecordBatch>> {
        let reader = AttemptReader::new(self.store.clone(), attempt.parts.clone());
        let pieces = async { reader.segments().await?.try_concat().await };
        match pieces.await {
            Ok(pieces) => pieces.iter().map(|piece| self.rows(attempt, day, piece)).collect(),
            Err(e) => self.passed(attempt, e).map(|()| Vec::new()),
        }
    }

    /// Sends the rows of a large attempt as they are read.
    async fn large(&self, to: &Sender, attempt: &AttemptRow, day: Option<i32>) -> Answered<()> {
        let reader = AttemptReader::new(self.store.clone(), attempt.parts.clone());
        let mut segments = match reader.segments().await {
            Ok(segments) => std::pin::pin!(segments),
            Err(e) => return self.passed(attempt, e),
        };
        loop {
            match segments.try_next().await {
                Ok(None) => return Ok(()),
                Ok(Some(pieces)) => {
                    for piece in &pieces {
                        give(to, self.rows(attempt, day, piece)?).await?;
                    }
                }
                Err(e) => return self.passed(attempt, e),
            }
        }
    }

    /// An attempt that cannot be read: its parts were replaced since, or are damaged and will be, and the next statement has it.
    fn passed(&self, attempt: &AttemptRow, e: StoreError) -> Answered<()> {
        if !e.is_damage() {
            return Err(DataFusionError::External(Box::new(e)));
        }
        tracing::warn!("{e}");
        self.now.lost(attempt);
        Ok(())
    }

    async fn send(&self, to: &Sender) -> Answered<()> {
        let mut waiting = Waiting { schema: self.schema.clone(), rows: 0, batches: Vec::new() };
        for chunk in self.attempts.chunks(CHUNK) {
            let days: BTreeMap<i64, Option<i32>> = chunk.iter().map(|a| (a.id, a.day)).collect();
            let ids: Vec<i64> = days.keys().copied().collect();
            let rows = self.catalog.attempts(&self.now.viewer, &ids).await;
            let rows = rows.map_err(|e| DataFusionError::External(Box::new(e)))?;
            let day = |a: &AttemptRow| days.get(&a.id).copied().flatten();
            let (small, large): (Vec<_>, Vec<_>) = rows.iter().partition(|a| a.summary.tasks <= SMALL);
            let small: Vec<_> = small.into_iter().map(|a| self.small(a, day(a))).collect();
            let mut small = futures::stream::iter(small).buffered(AHEAD);
            while let Some(batches) = small.try_next().await? {
                for batch in batches {
                    if let Some(rows) = waiting.add(batch)? {
                        give(to, rows).await?;
                    }
                }
            }
            for attempt in large {
                self.large(to, attempt, day(attempt)).await?;
            }
        }
        match waiting.take()? {
            Some(rows) => give(to, rows).await,
            None => Ok(()),
        }
    }
}

type Sender = tokio::sync::mpsc::Sender<Answered<RecordBatch>>;

/// Rows of small attempts, until they are so many that they are worth to be looked at.
struct Waiting {
    schema: SchemaRef,
    rows: usize,
    batches: Vec<RecordBatch>,
}

impl Waiting {
    fn add(&mut self, batch: RecordBatch) -> Answered<Option<RecordBatch>> {
        self.rows += batch.num_rows();
        self.batches.push(batch);
        if self.rows < TOGETHER { Ok(None) } else { self.take() }
    }

    fn take(&mut self) -> Answered<Option<RecordBatch>> {
        self.rows = 0;
        let batches = std::mem::take(&mut self.batches);
        if batches.is_empty() {
            return Ok(None);
        }
        Ok(Some(concat_batches(&self.schema, &batches)?))
    }
}

/// Gives rows on; an error if nobody wants any more.
async fn give(to: &Sender, rows: RecordBatch) -> Answered<()> {
    to.send(Ok(rows)).await.map_err(|_| DataFusionError::Execution("nobody waits for the tasks any more".into()))
}

impl PartitionStream for Part {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut builder = RecordBatchReceiverStreamBuilder::new(self.schema.clone(), 2);
        let (to, me) = (builder.tx(), self.clone());
        builder.spawn(async move { me.send(&to).await });
        builder.build()
    }
}
