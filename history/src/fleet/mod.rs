//! Fleet tables: what all attempts of a day and cluster have in common, as Parquet files that any
//! engine reads as they are. Written in batches, by the store's own entities: a batch that is
//! interrupted or out of date is written again under the same names.
//!
//! In: finished attempts of the catalog that are in no batch. Out: objects under `fleet/`.

mod findings;
mod samples;
pub mod schema;
mod table;
mod tables;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::RecordBatch;
use futures::{StreamExt as _, stream};
use tokio::task::JoinSet;

use crate::catalog::{AttemptRow, Batch, BatchFile, Catalog, CatalogError, ContainerRow};
use crate::store::{AttemptReader, Store, StoreError, fleet_key};
pub use findings::{FindingRow, Judge};
use schema::{TABLES, TableName};
use table::Table;

/// Attempts in a batch at first, and so in a file: each file that a statement opens costs it as much as reading some thousand rows.
const BATCH: i64 = 1000;
/// Batches written at once.
const AT_ONCE: usize = 2;
/// Attempts fetched ahead of the one whose rows are added.
const AHEAD: usize = 8;

#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("fleet table: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    #[error("fleet table: {0}")]
    Thread(#[from] tokio::task::JoinError),
}

impl FleetError {
    /// Whether rebuilding the attempt mends it.
    pub fn is_damage(&self) -> bool {
        matches!(self, FleetError::Store(e) if e.is_damage())
    }
}

/// Puts finished attempts into batches and writes every batch that is open; gives how many.
pub async fn write(store: &Arc<Store>, catalog: &Catalog, judge: &Arc<dyn Judge>) -> Result<usize, FleetError> {
    catalog.plan_batches(BATCH).await?;
    let open = catalog.open_batches().await?;
    let batches = open.len();
    // Those under way end with this set.
    let mut writing = JoinSet::new();
    for batch in open {
        if writing.len() == AT_ONCE
            && let Some(written) = writing.join_next().await
        {
            written??;
        }
        writing.spawn(write_batch(store.clone(), catalog.clone(), judge.clone(), batch));
    }
    while let Some(written) = writing.join_next().await {
        written??;
    }
    Ok(batches)
}

async fn write_batch(
    store: Arc<Store>,
    catalog: Catalog,
    judge: Arc<dyn Judge>,
    batch: Batch,
) -> Result<(), FleetError> {
    catalog.batch_begun(batch.id).await?;
    let rows = catalog.batch_attempts(batch.id).await?;
    let empty = rows.is_empty();
    let mut tables = TABLES.map(|name| (name, Table::file(name), Vec::new()));
    // The next are fetched while one is added.
    let mut attempts = stream::iter(rows).map(|row| open(&store, &catalog, row)).buffered(AHEAD);
    while let Some(attempt) = attempts.next().await {
        add_all(judge.as_ref(), &attempt?, &mut tables).await?;
    }
    // In one thread: what an encoder takes for a column is used again for the next.
    let encoded = tokio::task::spawn_blocking(move || {
        tables.map(|(name, table, missing)| (name, missing, table.times(), table.parquet()))
    });
    let mut files = BTreeMap::new();
    for (name, missing, times, file) in encoded.await? {
        let key = fleet_key(name.text(), &batch.day, &batch.cluster, batch.id);
        let Some(bytes) = file? else {
            store.delete(&key).await?;
            if !missing.is_empty() {
                files.insert(name.text().to_owned(), BatchFile { bytes: 0, crc: 0, times, missing });
            }
            continue;
        };
        let written = BatchFile { bytes: bytes.len() as u64, crc: crc32fast::hash(&bytes), times, missing };
        files.insert(name.text().to_owned(), written);
        store.put(&key, bytes).await?;
    }
    Ok(catalog.batch_written(batch.id, empty, &files).await?)
}

/// An attempt whose rows are wanted.
struct Attempt {
    row: AttemptRow,
    logs: Vec<ContainerRow>,
    reader: AttemptReader,
}

async fn open(store: &Arc<Store>, catalog: &Catalog, row: AttemptRow) -> Result<Attempt, FleetError> {
    let logs = catalog.container_logs(&row).await?;
    let reader = row.reader(store, &logs);
    reader.prefetch().await;
    Ok(Attempt { row, logs, reader })
}

async fn add_all(
    judge: &dyn Judge,
    a: &Attempt,
    tables: &mut [(TableName, Table, Vec<i64>)],
) -> Result<(), StoreError> {
    for (name, table, missing) in tables {
        match add(judge, a, *name, table).await {
            Ok(()) => {}
            // It is rebuilt, which makes this batch stale; the others need not wait for it. Until then statements say so.
            Err(e) if e.is_damage() => {
                tracing::warn!("{e}");
                missing.push(a.row.id);
            }
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

async fn add(judge: &dyn Judge, a: &Attempt, name: TableName, table: &mut Table) -> Result<(), StoreError> {
    match name {
        TableName::Findings => findings::add(table, &a.row, &a.reader, &a.logs, judge).await,
        _ => tables::add(table, name, &a.row, &a.reader, &a.logs).await,
    }
}

/// An attempt's rows of a table, as its files would have them.
pub async fn rows(
    store: &Arc<Store>,
    catalog: &Catalog,
    judge: &dyn Judge,
    row: &AttemptRow,
    name: TableName,
) -> Result<Vec<RecordBatch>, FleetError> {
    let mut table = Table::rows(name);
    add(judge, &open(store, catalog, row.clone()).await?, name, &mut table).await?;
    Ok(table.batches()?)
}
