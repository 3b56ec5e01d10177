//! Files of the fleet tables that were read lately stay in memory, each whole: most are small and asked for by every
//! statement of a dashboard, and to ask the store again takes longer than to read what it gives.
//!
//! Invariant: no byte of a file is used before all of it was found to be what was written, by the checksum that the
//! catalog has.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use datafusion::common::Result as Answered;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::future::BoxFuture;
use futures::{FutureExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _};
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use quick_cache::{Weighter, sync::Cache};

/// A larger file is read in parts, and not kept.
const LARGE: u64 = 4 << 20;

/// A file as it was written: a batch is written anew under the same names, with another time.
type Key = (Path, i64);

/// The files.
pub struct Kept {
    files: Cache<Key, Bytes, BySize>,
    /// What they say of themselves.
    footers: Cache<Key, Arc<ParquetMetaData>, ByMemory>,
    /// When files were found to be what was written.
    verified: Mutex<HashMap<Key, Instant>>,
    /// Batches whose files are not.
    bad: Mutex<BTreeSet<i64>>,
    /// Files that turned out damaged while they were read.
    spoiled: AtomicUsize,
}

/// After so long a file is looked at once more, of so many files at most.
const STALE: Duration = Duration::from_secs(3600);
const FILES: usize = 1 << 16;
/// What is told of a file that is not what was written.
const DAMAGED: &str = "a file of the fleet tables is damaged";

#[derive(Clone)]
struct ByMemory;

impl Weighter<Key, Arc<ParquetMetaData>> for ByMemory {
    fn weight(&self, _: &Key, footer: &Arc<ParquetMetaData>) -> u64 {
        128 + footer.memory_size() as u64
    }
}

/// The checksum of a file stands where its time would.
fn checksum(file: &ObjectMeta) -> u32 {
    file.last_modified.timestamp() as u32
}

fn key(file: &ObjectMeta) -> Key {
    (file.location.clone(), file.last_modified.timestamp())
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Clone)]
struct BySize;

impl Weighter<Key, Bytes> for BySize {
    fn weight(&self, _: &Key, file: &Bytes) -> u64 {
        128 + file.len() as u64
    }
}

impl Kept {
    /// Of at most so many bytes together, and so many for what they say of themselves.
    pub fn new(bytes: u64, footers: u64) -> Self {
        // About as many as there is room for, of usual size.
        let count = (bytes >> 16) as usize;
        let (files, footers) =
            (Cache::with_weighter(count, bytes, BySize), Cache::with_weighter(count, footers, ByMemory));
        let (verified, bad, spoiled) = (Mutex::default(), Mutex::default(), AtomicUsize::new(0));
        Kept { files, footers, verified, bad, spoiled }
    }

    /// Whether a file is what was written. It is read whole for this, once in a while.
    ///
    /// # Errors
    /// If the store does not say.
    pub async fn is_whole(&self, objects: &dyn ObjectStore, file: &ObjectMeta) -> Result<bool, object_store::Error> {
        let key = key(file);
        if locked(&self.verified).get(&key).is_some_and(|at| at.elapsed() < STALE) {
            return Ok(true);
        }
        let sound = match objects.get(&file.location).await {
            Ok(read) if read.meta.size != file.size => false,
            Ok(read) if file.size <= LARGE => {
                let bytes = read.bytes().await?;
                let sound = crc32fast::hash(&bytes) == checksum(file);
                if sound {
                    self.files.insert(key.clone(), bytes);
                }
                sound
            }
            Ok(read) => {
                let mut pieces = read.into_stream();
                let mut hasher = crc32fast::Hasher::new();
                while let Some(piece) = pieces.try_next().await? {
                    hasher.update(&piece);
                }
                hasher.finalize() == checksum(file)
            }
            Err(object_store::Error::NotFound { .. }) => false,
            Err(e) => return Err(e),
        };
        if sound {
            let mut verified = locked(&self.verified);
            if verified.len() >= FILES {
                verified.clear();
            }
            verified.insert(key, Instant::now());
        }
        Ok(sound)
    }

    /// Notes a batch one of whose files is damaged.
    pub fn note_bad(&self, batch: i64) {
        locked(&self.bad).insert(batch);
    }

    /// How often a file turned out damaged while it was read.
    pub fn spoiled(&self) -> usize {
        self.spoiled.load(Ordering::Relaxed)
    }

    /// Batches with damaged files that were met since this was asked last.
    pub fn take_bad(&self) -> Vec<i64> {
        std::mem::take(&mut *locked(&self.bad)).into_iter().collect()
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
        let key = key(&self.file);
        let Reader { file, kept, store } = self;
        let read = async {
            let bytes = store.get_bytes(0..file.size).await?;
            if crc32fast::hash(&bytes) == checksum(file) {
                return Ok(bytes);
            }
            locked(&kept.verified).remove(&key);
            kept.spoiled.fetch_add(1, Ordering::Relaxed);
            Err(ParquetError::General(DAMAGED.into()))
        };
        kept.files.get_or_insert_async(&key, read).await
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
        if self.file.size > LARGE {
            return self.store.get_metadata(options);
        }
        async move {
            let key = key(&self.file);
            if let Some(footer) = self.kept.footers.get(&key) {
                return Ok(footer);
            }
            let footer = Arc::new(ParquetMetaDataReader::new().parse_and_finish(&self.whole().await?)?);
            self.kept.footers.insert(key, footer.clone());
            Ok(footer)
        }
        .boxed()
    }
}
