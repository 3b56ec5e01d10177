//! Files of the fleet tables that were read lately stay in memory, each whole: most are small and asked for by every
//! statement of a dashboard, and to ask the store again takes longer than to read what it gives.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::common::Result as Answered;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use object_store::ObjectMeta;
use object_store::path::Path;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ParquetMetaData;
use quick_cache::{Weighter, sync::Cache};

/// A larger file is read in parts, and not kept.
const LARGE: u64 = 4 << 20;

/// A file as it was written: a batch is written anew under the same names, with another time.
type Key = (Path, i64);

/// The files.
pub struct Kept(Cache<Key, Bytes, BySize>);

#[derive(Clone)]
struct BySize;

impl Weighter<Key, Bytes> for BySize {
    fn weight(&self, _: &Key, file: &Bytes) -> u64 {
        128 + file.len() as u64
    }
}

impl Kept {
    /// Of at most so many bytes together.
    pub fn new(bytes: u64) -> Self {
        // About as many as there is room for, of usual size.
        Kept(Cache::with_weighter((bytes >> 16) as usize, bytes, BySize))
    }
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("files that were read lately")
    }
}

/// Gives readers that look there first.
#[derive(Debug)]
pub struct Readers {
    pub kept: Arc<Kept>,
    /// Reads from the store.
    pub store: CachedParquetFileReaderFactory,
}

impl ParquetFileReaderFactory for Readers {
    fn create_reader(
        &self,
        partition: usize,
        file: PartitionedFile,
        footer: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Answered<Box<dyn AsyncFileReader + Send>> {
        let file_meta = file.object_meta.clone();
        let store = self.store.create_reader(partition, file, footer, metrics)?;
        Ok(Box::new(Reader { file: file_meta, kept: self.kept.clone(), store }))
    }
}

struct Reader {
    file: ObjectMeta,
    kept: Arc<Kept>,
    store: Box<dyn AsyncFileReader + Send>,
}

impl Reader {
    async fn whole(&mut self) -> Result<Bytes> {
        let key = (self.file.location.clone(), self.file.last_modified.timestamp());
        let Reader { file, kept, store } = self;
        kept.0.get_or_insert_async(&key, store.get_bytes(0..file.size)).await
    }
}

fn part(whole: &Bytes, range: &Range<u64>) -> Result<Bytes> {
    let there = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
    let there = there.filter(|(from, to)| from <= to && *to <= whole.len());
    let beyond = || ParquetError::EOF(format!("bytes {range:?} of a file of {}", whole.len()));
    there.map(|(from, to)| whole.slice(from..to)).ok_or_else(beyond)
}

impl AsyncFileReader for Reader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes>> {
        if self.file.size > LARGE {
            return self.store.get_bytes(range);
        }
        async move { part(&self.whole().await?, &range) }.boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Result<Vec<Bytes>>> {
        if self.file.size > LARGE {
            return self.store.get_byte_ranges(ranges);
        }
        async move {
            let whole = self.whole().await?;
            ranges.iter().map(|range| part(&whole, range)).collect()
        }
        .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>>> {
        self.store.get_metadata(options)
    }
}
