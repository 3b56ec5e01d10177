//! A fleet table as the query engine sees it: the files of batches, and rows made on the way of
//! attempts that are in none.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arrow_array::{ArrayRef, Date32Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, Result as Answered, ScalarValue};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::DataFusionError;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::batch_filter;
use datafusion::physical_plan::union::UnionExec;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::ObjectMeta;
use object_store::path::Path;
use quick_cache::{Weighter, sync::Cache};

use super::kept::{Kept, Readers};
use super::prune::{Candidate, day, may_match};
use crate::catalog::{AttemptRow, Catalog, CatalogError, Fleet};
use crate::fleet::schema::TableName;
use crate::fleet::{self, Judge};
use crate::store::{Store, fleet_key};
use crate::viewer::Viewer;

/// The partition column that is in no file.
pub const DATE: &str = "date";
/// Attempts whose rows are made at once.
const AT_ONCE: usize = 8;
/// Files that are looked at at once.
const LOOKS: usize = 16;
/// Bytes of rows that are kept for the next statement, at most.
const KEPT: u64 = 32 << 20;

/// Bytes at the end of a file that are fetched first: they hold what it says of itself.
const FOOTER: usize = 64 << 10;

/// Where engines find the files of the tables.
#[derive(Debug, Clone)]
pub struct Files {
    /// The object store.
    pub store: ObjectStoreUrl,
    /// What stands before the place of an object in ours.
    pub below: Path,
    /// Whether another process reads them, to which rows that are in no file are sent.
    pub elsewhere: bool,
}

impl Files {
    /// Found by nobody but us: nothing is resolved by the store's name.
    pub fn here() -> Files {
        let store = ObjectStoreUrl::parse("afterglow://store").unwrap_or_else(|_| ObjectStoreUrl::local_filesystem());
        Files { store, below: Path::default(), elsewhere: false }
    }
}

/// Rows of attempts that are in no file, made once for each state of an attempt.
pub struct Fresh {
    store: Arc<Store>,
    catalog: Catalog,
    judge: Arc<dyn Judge>,
    rows: Cache<(i64, i64, TableName), Arc<[RecordBatch]>, ByBytes>,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<(i64, i64, TableName), Arc<[RecordBatch]>> for ByBytes {
    fn weight(&self, _: &(i64, i64, TableName), rows: &Arc<[RecordBatch]>) -> u64 {
        128 + rows.iter().map(|r| r.get_array_memory_size() as u64).sum::<u64>()
    }
}

impl Fresh {
    /// Keeps at most so many bytes of rows.
    pub fn new(store: Arc<Store>, catalog: Catalog, judge: Arc<dyn Judge>, bytes: u64) -> Self {
        Fresh { store, catalog, judge, rows: Cache::with_weighter(4096, bytes.min(KEPT), ByBytes) }
    }

    /// Its rows; none if it is damaged.
    async fn rows(&self, attempt: &AttemptRow, name: TableName) -> Answered<Option<Arc<[RecordBatch]>>> {
        let key = (attempt.id, attempt.sequence, name);
        if let Some(rows) = self.rows.get(&key) {
            return Ok(Some(rows));
        }
        let made: Arc<[RecordBatch]> =
            match fleet::rows(&self.store, &self.catalog, self.judge.as_ref(), attempt, name).await {
                Ok(rows) => rows.into(),
                // Its parts were replaced since, or are damaged and will be: the next statement has it.
                Err(e) if e.is_damage() => {
                    tracing::warn!("{e}");
                    return Ok(None);
                }
                Err(e) => return Err(DataFusionError::External(Box::new(e))),
            };
        self.rows.insert(key, made.clone());
        Ok(Some(made))
    }
}

/// What there is when a statement is asked, and for whom; a part of the statement's session.
pub struct Snapshot {
    pub viewer: Viewer,
    pub fleet: Fleet,
    /// Applications that are left out, in whole or in part.
    lost: Mutex<BTreeSet<String>>,
    /// Files that are damaged, by table and batch.
    damaged: Mutex<BTreeSet<(TableName, i64)>>,
}

/// Applications that a note names.
const NAMED: usize = 5;

impl Snapshot {
    pub fn new(viewer: Viewer, fleet: Fleet) -> Self {
        Snapshot { viewer, fleet, lost: Mutex::default(), damaged: Mutex::default() }
    }

    /// An attempt is damaged, and left out.
    pub fn lost(&self, attempt: &AttemptRow) {
        let id = attempt.attempt_id.as_deref().map(|id| format!("/{id}")).unwrap_or_default();
        let name = format!("{}/{}{id}", attempt.cluster, attempt.app_id);
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).insert(name);
    }

    /// A file is damaged, and what it has read elsewhere.
    fn damaged(&self, table: TableName, batch: i64) {
        self.damaged.lock().unwrap_or_else(PoisonError::into_inner).insert((table, batch));
    }

    /// What an answer lacks, and what was not as it should be.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        if !lost.is_empty() {
            let mut named = lost.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
            if lost.len() > NAMED {
                named += &format!(" and {} more", lost.len() - NAMED);
            }
            notes.push(format!(
                "{} application attempts are damaged in the store and left out, in whole or in part, until their logs were read again: {named}",
                lost.len()
            ));
        }
        let damaged = self.damaged.lock().unwrap_or_else(PoisonError::into_inner);
        if !damaged.is_empty() {
            let tables: BTreeSet<_> = damaged.iter().map(|(table, _)| table.text()).collect();
            let tables = tables.into_iter().collect::<Vec<_>>().join(", ");
            notes.push(format!(
                "{} files of the tables are damaged ({tables}): their applications were read from the store, and they are written anew",
                damaged.len()
            ));
        }
        notes
    }

    /// What came with the statement that a session answers.
    pub fn of(session: &dyn Session) -> Answered<Arc<Snapshot>> {
        let found = session.config().get_extension::<Snapshot>();
        found.ok_or_else(|| DataFusionError::Internal("a statement without a snapshot".into()))
    }
}

/// One table; its rows are those of the [`Snapshot`] that comes with a statement.
pub struct FleetTable {
    name: TableName,
    schema: SchemaRef,
    store: Arc<Store>,
    fresh: Arc<Fresh>,
    kept: Arc<Kept>,
    files: Files,
}

impl std::fmt::Debug for FleetTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name.text())
    }
}

impl FleetTable {
    pub fn new(name: TableName, store: Arc<Store>, fresh: Arc<Fresh>, kept: Arc<Kept>, files: Files) -> Self {
        let fields = name.schema().fields().iter().cloned().chain([Arc::new(date_field())]).collect::<Vec<_>>();
        FleetTable { name, schema: Arc::new(Schema::new(fields)), store, fresh, kept, files }
    }

    /// The files that may have rows that match, and batches whose file is damaged.
    async fn files(
        &self,
        now: &Snapshot,
        predicate: Option<&Arc<dyn PhysicalExpr>>,
    ) -> Answered<(Vec<PartitionedFile>, Vec<i64>)> {
        let all = now.fleet.files.iter().filter(|f| now.viewer.may_see_all_of(&f.batch.cluster));
        let all: Vec<_> = all.filter_map(|f| f.files.get(self.name.text()).map(|file| (&f.batch, file))).collect();
        let candidates: Vec<_> = all.iter().map(|(batch, file)| Candidate::of_batch(batch, &file.times)).collect();
        let keep = may_match(predicate, &self.schema, &candidates.iter().collect::<Vec<_>>())?;
        let kept: Vec<_> = all.iter().zip(keep).filter(|(_, keep)| *keep).map(|(file, _)| *file).collect();
        let missing: Vec<i64> = kept.iter().flat_map(|(_, file)| file.missing.iter().copied()).collect();
        for some in missing.chunks(500) {
            let lost = self.fresh.catalog.attempts(&now.viewer, some).await.map_err(external)?;
            lost.iter().for_each(|attempt| now.lost(attempt));
        }
        let objects = self.store.objects();
        let looked = kept.iter().filter(|(_, file)| file.bytes > 0).map(|(batch, file)| {
            let place = self.store.place(&fleet_key(self.name.text(), &batch.day, &batch.cluster, batch.id));
            let mut meta = ObjectMeta {
                location: place.clone(),
                last_modified: Default::default(),
                size: file.bytes,
                e_tag: None,
                version: None,
            };
            // A batch is written anew under the same names; what the engine keeps of a file it keeps by size and time.
            meta.last_modified += Duration::from_secs(u64::from(file.crc));
            let (objects, batch) = (objects.clone(), *batch);
            async move {
                let whole = self.kept.is_whole(objects.as_ref(), &meta).await;
                if !whole.map_err(|e| DataFusionError::ObjectStore(Box::new(e)))? {
                    return Ok(Err(batch.id));
                }
                meta.location = Path::from_iter(self.files.below.parts().chain(place.parts()));
                let file = PartitionedFile::new_from_meta(meta);
                Ok::<_, DataFusionError>(Ok(file.with_partition_values(vec![ScalarValue::Date32(day(&batch.day))])))
            }
        });
        let looked: Vec<_> = looked.collect();
        let looked: Vec<_> = futures::stream::iter(looked).buffered(LOOKS).try_collect().await?;
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for file in looked {
            match file {
                Ok(file) => good.push(file),
                Err(batch) => bad.push(batch),
            }
        }
        Ok((good, bad))
    }

    /// The attempts of batches whose file is damaged; these are to be written anew.
    async fn of_batches(&self, now: &Snapshot, batches: &[i64]) -> Answered<Vec<AttemptRow>> {
        let mut all = Vec::new();
        for batch in batches {
            tracing::warn!("fleet table {}: the file of batch {batch} is not what was written", self.name.text());
            self.kept.note_bad(*batch);
            now.damaged(self.name, *batch);
            all.extend(self.fresh.catalog.batch_attempts(*batch).await.map_err(external)?);
        }
        Ok(all)
    }

    /// Attempts in no good file that may have rows that match, with their day.
    fn fresh_attempts(
        &self,
        now: &Snapshot,
        others: &[AttemptRow],
        predicate: Option<&Arc<dyn PhysicalExpr>>,
    ) -> Answered<Vec<(AttemptRow, Option<i32>)>> {
        let all = now.fleet.attempts.iter().chain(others).filter(|a| now.viewer.may_see(&a.cluster, &a.user));
        let all: Vec<_> = all.map(|a| (a, Candidate::of_attempt(a))).collect();
        let candidates: Vec<_> = all.iter().map(|(_, candidate)| candidate).collect();
        let keep = may_match(predicate, &self.schema, &candidates)?;
        let kept = all.iter().zip(keep).filter(|(_, keep)| *keep);
        Ok(kept.map(|((attempt, candidate), _)| ((*attempt).clone(), candidate.day)).collect())
    }

    async fn fresh_rows(&self, now: &Snapshot, attempt: AttemptRow, day: Option<i32>) -> Answered<Vec<RecordBatch>> {
        let dated = |rows: &RecordBatch| {
            let date: ArrayRef = Arc::new(Date32Array::from(vec![day; rows.num_rows()]));
            Ok(RecordBatch::try_new(self.schema.clone(), rows.columns().iter().cloned().chain([date]).collect())?)
        };
        match self.fresh.rows(&attempt, self.name).await? {
            Some(rows) => rows.iter().map(dated).collect(),
            None => {
                now.lost(&attempt);
                Ok(Vec::new())
            }
        }
    }
}

fn external(e: CatalogError) -> DataFusionError {
    DataFusionError::External(Box::new(e))
}

pub fn date_field() -> Field {
    Field::new(DATE, DataType::Date32, true)
}

#[async_trait]
impl TableProvider for FleetTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Answered<Vec<TableProviderFilterPushDown>> {
        // They leave out files and row groups; rows are filtered above.
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
        let schema = DFSchema::try_from(self.schema.clone())?;
        let predicate = conjunction(filters.iter().cloned()).map(|all| state.create_physical_expr(all, &schema));
        let predicate = predicate.transpose()?;
        let mut plans: Vec<Arc<dyn ExecutionPlan>> = Vec::new();
        let (files, damaged) = self.files(&now, predicate.as_ref()).await?;
        if !files.is_empty() {
            // What a file says of itself is read once, and not by every statement.
            let env = state.runtime_env();
            let store = CachedParquetFileReaderFactory::new(
                env.object_store(&self.files.store)?,
                env.cache_manager.get_file_metadata_cache(),
            );
            let reader = Readers { kept: self.kept.clone(), store };
            let schema = TableSchema::builder(self.name.schema())
                .with_table_partition_cols(vec![Arc::new(date_field())])
                .build();
            let mut source = ParquetSource::new(schema)
                .with_parquet_file_reader_factory(Arc::new(reader))
                .with_metadata_size_hint(FOOTER)
                // Files are small and have no filters of their own: to look closer costs more than to read.
                .with_enable_page_index(false)
                .with_bloom_filter_on_read(false);
            if let Some(predicate) = &predicate {
                source = source.with_predicate(predicate.clone());
            }
            let mut groups = vec![Vec::new(); state.config().target_partitions().clamp(1, files.len())];
            let n = groups.len();
            files.into_iter().enumerate().for_each(|(i, file)| groups[i % n].push(file));
            let scan = FileScanConfigBuilder::new(self.files.store.clone(), Arc::new(source))
                .with_file_groups(groups.into_iter().map(FileGroup::new).collect())
                .with_projection_indices(projection.cloned())?
                .with_limit(limit);
            plans.push(DataSourceExec::from_data_source(scan.build()));
        }
        let others = self.of_batches(&now, &damaged).await?;
        let fresh = self.fresh_attempts(&now, &others, predicate.as_ref())?;
        let rows = futures::stream::iter(fresh).map(|(attempt, day)| self.fresh_rows(&now, attempt, day));
        let mut rows: Vec<RecordBatch> = rows.buffered(AT_ONCE).try_concat().await?;
        if let (true, Some(predicate)) = (self.files.elsewhere, &predicate) {
            // What does not match need not travel.
            rows = rows.iter().map(|r| batch_filter(r, predicate)).collect::<Answered<_>>()?;
        }
        if !rows.is_empty() || plans.is_empty() {
            plans.push(MemorySourceConfig::try_new_exec(&[rows], self.schema.clone(), projection.cloned())?);
        }
        UnionExec::try_new(plans)
    }
}
