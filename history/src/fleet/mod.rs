//! Fleet tables: what all attempts of a day and cluster have in common, as Parquet files that any
//! engine reads as they are. Written in batches, by the store's own entities: a batch that is
//! interrupted or out of date is written again under the same names.
//!
//! In: finished attempts of the catalog that are in no batch. Out: objects under `fleet/`.

mod table;
mod tables;

use std::sync::Arc;

use afterglow_ingest::event::TaskMetrics;

use crate::catalog::{AttemptRow, Batch, Catalog, CatalogError};
use crate::store::{AttemptReader, Store, StoreError, fleet_key};
use tables::Tables;

/// Attempts in a batch, and so in a file, at most.
const BATCH: i64 = 500;

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

/// Puts finished attempts into batches and writes every batch that is open; gives how many.
pub async fn write(store: &Arc<Store>, catalog: &Catalog) -> Result<usize, FleetError> {
    catalog.plan_batches(BATCH).await?;
    let open = catalog.open_batches().await?;
    for batch in &open {
        write_batch(store, catalog, batch).await?;
    }
    Ok(open.len())
}

async fn write_batch(store: &Arc<Store>, catalog: &Catalog, batch: &Batch) -> Result<(), FleetError> {
    let attempts = catalog.batch_attempts(batch.id).await?;
    let mut tables = Tables::new();
    for attempt in &attempts {
        match gather(store, attempt, &mut tables).await {
            Ok(()) => {}
            // It is rebuilt, which makes this batch stale; the others need not wait for it.
            Err(e) if e.is_damage() => tracing::warn!("{e}"),
            Err(e) => return Err(e.into()),
        }
    }
    for (name, table) in tables.finish() {
        let key = fleet_key(name, &batch.day, &batch.cluster, batch.id);
        if table.is_empty() {
            store.delete(&key).await?;
        } else {
            let bytes = tokio::task::spawn_blocking(move || table.parquet()).await??;
            store.put(&key, bytes).await?;
        }
    }
    Ok(catalog.batch_written(batch.id, attempts.is_empty()).await?)
}

/// Adds an attempt's rows to the tables.
async fn gather(store: &Arc<Store>, row: &AttemptRow, tables: &mut Tables) -> Result<(), StoreError> {
    let reader = AttemptReader::new(store.clone(), row.parts.clone());
    let stages = reader.stage_heads().await?;
    let mut total = TaskMetrics::default();
    stages.values().for_each(|s| crate::state::metrics::add(&mut total, &s.metrics));
    tables.application(row, &total);
    reader.jobs().await?.values().for_each(|j| tables.job(row, j));
    stages.values().for_each(|s| tables.stage(row, s));
    reader.executors().await?.values().for_each(|e| tables.executor(row, e));
    reader.sql_heads().await?.values().for_each(|x| tables.sql(row, x));
    reader.progress().await?.iter().for_each(|p| tables.progress(row, p));
    Ok(())
}
