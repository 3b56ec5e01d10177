//! The indexed store: parts of attempts in object storage, written once, read by range.
//!
//! Layers: [`record`] makes bytes of values, [`schema`] lists what is stored, [`column`] and
//! [`segment`] hold tasks, [`part`] is an object's format, [`keys`] its name. [`Store`] publishes
//! and reads objects; [`AttemptReader`] answers for one attempt, [`merge`] its long
//! lists; [`snapshot`] moves whole states.

pub mod column;
mod containers;
mod keys;
pub mod merge;
pub mod part;
pub mod quantiles;
pub mod reader;
pub mod record;
pub mod schema;
pub mod segment;
pub mod snapshot;
pub mod tasks;

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, Mutex};

use afterglow_ingest::source::masked;
use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt as _, PutPayload, path::Path};
use quick_cache::{Weighter, sync::Cache};

pub use keys::{
    container as container_key, fleet as fleet_key, noted as noted_key, part as part_key, part_number, too_long,
};
pub use part::{Kind, PartWriter};
pub use reader::AttemptReader;
pub use schema::VERSION;

use crate::budget::Full;
use part::{Directory, Entry, Finished, OpenError};
use segment::Segment;

/// Why the store has no answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The object is not what was written: rebuild the attempt from its log.
    #[error("{path}: {what}")]
    Damaged { path: String, what: String },
    #[error("{path}: {}", masked(&source.to_string()))]
    Object { path: String, source: object_store::Error },
    #[error("{}: {source}: make room, or name another folder with store.dir", folder.display())]
    NoRoom { folder: PathBuf, source: std::io::Error },
    #[error("scratch folder: {0}")]
    Scratch(#[from] std::io::Error),
    /// It is there, and there is no memory for it now.
    #[error(transparent)]
    Full(#[from] Full),
}

impl StoreError {
    fn object(path: &Path, source: object_store::Error) -> Self {
        match source {
            object_store::Error::NotFound { .. } => {
                StoreError::Damaged { path: path.to_string(), what: "the object is gone".into() }
            }
            source => StoreError::Object { path: path.to_string(), source },
        }
    }

    /// Whether rebuilding the attempt mends it.
    pub fn is_damage(&self) -> bool {
        matches!(self, StoreError::Damaged { .. })
    }
}

/// The object store with the indexed attempts, and what was read of it lately.
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    root: Path,
    scratch: PathBuf,
    directories: Cache<Path, Arc<Directory>>,
    blocks: Cache<(Path, u64), Held, ByBytes>,
    /// Reports that only container logs have, by the parts of an attempt and of its container logs.
    extras: Cache<String, Arc<Vec<containers::Extra>>>,
    /// Objects that turned out damaged or gone, until somebody has them rebuilt.
    damaged: Mutex<BTreeSet<Path>>,
}

/// What is in memory of an object: a block's plain entities, an open segment, or a small object as it lies.
#[derive(Clone)]
enum Held {
    Plain(Bytes),
    Segment(Arc<Segment>),
    Whole(Bytes),
}

/// In place of a block's offset: the whole object.
const WHOLE: u64 = u64::MAX;

#[derive(Clone)]
struct ByBytes;

impl Weighter<(Path, u64), Held> for ByBytes {
    fn weight(&self, _: &(Path, u64), held: &Held) -> u64 {
        128 + match held {
            Held::Plain(b) | Held::Whole(b) => b.len() as u64,
            Held::Segment(s) => s.size() as u64,
        }
    }
}

/// Blocks found in memory and fetched, since the process began; bytes held, and that may be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheCounts {
    pub hits: u64,
    pub misses: u64,
    pub bytes: u64,
    pub limit: u64,
}

/// Bytes read for a part's tail at once: enough for most directories, and for the whole of most small applications.
const TAIL: u64 = 64 << 10;
/// Attempts of which it is remembered what only container logs tell.
const EXTRAS: usize = 64;
/// Bytes that there must be room for.
const ROOM: usize = 1 << 20;
/// Pieces in which large parts are uploaded.
const PIECE: usize = 8 << 20;

impl Store {
    /// `scratch` is a local folder for parts under construction; `cache` bounds the bytes of
    /// blocks held in memory.
    pub fn new(objects: Arc<dyn ObjectStore>, root: Path, scratch: &FilePath, cache: u64) -> std::io::Result<Self> {
        std::fs::create_dir_all(scratch)?;
        // What a killed process left half-written belongs to nobody. Parts have had no names for long.
        for left in std::fs::read_dir(scratch)?.flatten() {
            let name = left.file_name().to_string_lossy().into_owned();
            if name.starts_with("part-") {
                let _ = std::fs::remove_file(left.path());
            } else if name.starts_with("sql-") && !is_alive(&name) {
                let _ = std::fs::remove_dir_all(left.path());
            }
        }
        Ok(Store {
            objects,
            root,
            scratch: scratch.to_owned(),
            directories: Cache::new(4096),
            blocks: Cache::with_weighter(1 << 14, cache, ByBytes),
            extras: Cache::new(EXTRAS),
            damaged: Mutex::default(),
        })
    }

    /// What the cache of blocks has done, and holds.
    pub fn cache(&self) -> CacheCounts {
        let blocks = &self.blocks;
        CacheCounts { hits: blocks.hits(), misses: blocks.misses(), bytes: blocks.weight(), limit: blocks.capacity() }
    }

    /// Whether the disk of the scratch folder takes what a part may need of it. To be called where one may block.
    ///
    /// # Errors
    /// If it does not.
    pub fn room(&self) -> Result<(), StoreError> {
        let probe = self.scratch.join(format!("part-{}-room", std::process::id()));
        let written = std::fs::write(&probe, vec![1u8; ROOM]);
        let _ = std::fs::remove_file(&probe);
        written.map_err(|e| StoreError::NoRoom { folder: self.scratch.clone(), source: e })
    }

    /// Writes an object and removes it, to see whether one may.
    ///
    /// # Errors
    /// If one may not.
    pub async fn try_write(&self) -> Result<(), object_store::Error> {
        let place = self.place(&keys::probe(std::process::id()));
        self.objects.put(&place, PutPayload::from_static(b"written to see whether one may")).await?;
        self.objects.delete(&place).await
    }

    pub fn writer(&self) -> PartWriter {
        PartWriter::new(&self.scratch)
    }

    /// The object store itself, in which keys are [`Store::place`]s.
    pub fn objects(&self) -> Arc<dyn ObjectStore> {
        self.objects.clone()
    }

    /// Where an object with this key lies.
    pub fn place(&self, key: &Path) -> Path {
        Path::from_iter(self.root.parts().chain(key.parts()))
    }

    /// Publishes a finished part under its key; it is whole or not there.
    pub async fn publish(&self, key: &Path, part: Finished) -> Result<u64, StoreError> {
        let place = self.place(key);
        let fail = |e| StoreError::object(&place, e);
        let size = part.size;
        match part.bytes() {
            Some(bytes) => drop(self.objects.put(&place, PutPayload::from_bytes(bytes)).await.map_err(fail)?),
            None => {
                let mut upload = self.objects.put_multipart(&place).await.map_err(fail)?;
                if let Err(e) = send(upload.as_mut(), part, &place).await {
                    // What was sent costs until somebody removes it; if nobody can, the first error says more.
                    let _ = upload.abort().await;
                    return Err(e);
                }
            }
        }
        Ok(size)
    }

    /// Puts a whole object, as fleet files are.
    pub async fn put(&self, key: &Path, bytes: Vec<u8>) -> Result<(), StoreError> {
        let place = self.place(key);
        self.objects.put(&place, bytes.into()).await.map(drop).map_err(|e| StoreError::object(&place, e))
    }

    /// Removes an object; one that is gone already is no error.
    pub async fn delete(&self, key: &Path) -> Result<(), StoreError> {
        let place = self.place(key);
        match self.objects.delete(&place).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(StoreError::object(&place, e)),
        }
    }

    /// Keys of all parts that lie in the store, with when they were written (epoch milliseconds).
    pub async fn parts(&self) -> Result<Vec<(Path, i64)>, StoreError> {
        let below = self.root.parts().count();
        let key = |place: &Path| Path::from_iter(place.parts().skip(below));
        let mut all = Vec::new();
        for folder in keys::parts() {
            let folder = self.place(&folder);
            let fail = |e| StoreError::object(&folder, e);
            let found: Vec<_> = self.objects.list(Some(&folder)).try_collect().await.map_err(fail)?;
            all.extend(found.iter().map(|m| (key(&m.location), m.last_modified.timestamp_millis())));
        }
        Ok(all)
    }

    async fn range(&self, key: &Path, range: Range<u64>) -> Result<Bytes, StoreError> {
        let id = (key.clone(), WHOLE);
        let whole = match (self.blocks.get(&id), self.directories.get(key)) {
            (Some(Held::Whole(bytes)), _) => bytes,
            // Who asks for one block of a small object asks for others, and each request costs more than the bytes.
            (_, Some(directory)) if directory.size <= TAIL => {
                let bytes = self.fetch(key, 0..directory.size).await?;
                self.blocks.insert(id, Held::Whole(bytes.clone()));
                bytes
            }
            _ => return self.fetch(key, range).await,
        };
        self.noted(key, slice(&whole, &range).ok_or_else(|| cut_off(key)))
    }

    async fn fetch(&self, key: &Path, range: Range<u64>) -> Result<Bytes, StoreError> {
        let place = self.place(key);
        let (end, len) = (range.end, range.end - range.start);
        let read = match self.objects.get_range(&place, range).await {
            Ok(bytes) if bytes.len() as u64 == len => Ok(bytes),
            Ok(_) => Err(cut_off(key)),
            // A range behind the end is refused by each store in its own words.
            Err(e) if e.to_string().to_ascii_lowercase().contains("range") => match self.objects.head(&place).await {
                Ok(meta) if meta.size < end => Err(cut_off(key)),
                _ => Err(StoreError::object(&place, e)),
            },
            Err(e) => Err(StoreError::object(&place, e)),
        };
        self.noted(key, read)
    }

    /// Remembers an object that is damaged.
    fn noted<T>(&self, key: &Path, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(e) = &result
            && e.is_damage()
            && let Ok(mut all) = self.damaged.lock()
        {
            all.insert(key.clone());
        }
        result
    }

    /// Remembers objects that another process found damaged.
    pub fn note_damaged(&self, keys: impl IntoIterator<Item = Path>) {
        if let Ok(mut all) = self.damaged.lock() {
            all.extend(keys);
        }
    }

    /// Objects that turned out damaged or gone since the last call.
    pub fn take_damaged(&self) -> BTreeSet<Path> {
        self.damaged.lock().map(|mut d| std::mem::take(&mut *d)).unwrap_or_default()
    }

    async fn directory(&self, key: &Path, size: u64) -> Result<Arc<Directory>, StoreError> {
        if let Some(d) = self.directories.get(key) {
            return Ok(d);
        }
        let damaged = |e: OpenError| StoreError::Damaged { path: key.to_string(), what: e.to_string() };
        let mut want = TAIL.min(size);
        let directory = loop {
            let tail = self.range(key, size - want..size).await?;
            if want == size {
                self.blocks.insert((key.clone(), WHOLE), Held::Whole(tail.clone()));
            }
            match Directory::open(&tail, size) {
                Err(OpenError::NeedTail(n)) if n > want && n <= size => want = n,
                other => break self.noted(key, other.map_err(damaged))?,
            }
        };
        let directory = Arc::new(directory);
        self.directories.insert(key.clone(), directory.clone());
        Ok(directory)
    }

    async fn plain(&self, key: &Path, entry: &Entry) -> Result<Bytes, StoreError> {
        let id = (key.clone(), entry.offset);
        if let Some(Held::Plain(bytes)) = self.blocks.get(&id) {
            return Ok(bytes);
        }
        let stored = self.range(key, entry.offset..entry.offset + entry.len).await?;
        let plain: Bytes =
            self.noted(key, part::plain(entry, &stored).ok_or_else(|| damaged_block(key, entry)))?.into();
        self.blocks.insert(id, Held::Plain(plain.clone()));
        Ok(plain)
    }

    async fn segment(&self, key: &Path, entry: &Entry) -> Result<Arc<Segment>, StoreError> {
        let id = (key.clone(), entry.offset);
        if let Some(Held::Segment(s)) = self.blocks.get(&id) {
            return Ok(s);
        }
        let stored = self.range(key, entry.offset..entry.offset + entry.len).await?;
        let segment =
            Arc::new(self.noted(key, part::open_segment(entry, stored).ok_or_else(|| damaged_block(key, entry)))?);
        self.blocks.insert(id, Held::Segment(segment.clone()));
        Ok(segment)
    }

    /// The stored bytes of a block, to be copied into another part.
    async fn stored(&self, key: &Path, entry: &Entry) -> Result<Bytes, StoreError> {
        self.range(key, entry.offset..entry.offset + entry.len).await
    }
}

/// Sends a large part in pieces.
async fn send(upload: &mut dyn MultipartUpload, mut part: Finished, place: &Path) -> Result<(), StoreError> {
    let fail = |e| StoreError::object(place, e);
    part.rewind()?;
    loop {
        let (piece, back) = tokio::task::spawn_blocking(move || (part.read(PIECE), part))
            .await
            .map_err(|e| StoreError::Scratch(std::io::Error::other(e)))?;
        part = back;
        match piece? {
            Some(bytes) => upload.put_part(PutPayload::from_bytes(bytes)).await.map_err(fail)?,
            None => break,
        }
    }
    upload.complete().await.map(drop).map_err(fail)
}

fn slice(bytes: &Bytes, range: &Range<u64>) -> Option<Bytes> {
    let (from, to) = (usize::try_from(range.start).ok()?, usize::try_from(range.end).ok()?);
    (from <= to && to <= bytes.len()).then(|| bytes.slice(from..to))
}

fn cut_off(key: &Path) -> StoreError {
    StoreError::Damaged { path: key.to_string(), what: "the object is shorter than what was written".into() }
}

fn damaged_block(key: &Path, entry: &Entry) -> StoreError {
    StoreError::Damaged {
        path: key.to_string(),
        what: format!("block {:?} at byte {} is damaged", entry.kind, entry.offset),
    }
}

/// Whether the process that made a scratch file (`sql-<pid>`) still runs.
fn is_alive(name: &str) -> bool {
    let pid = name.split('-').nth(1).unwrap_or_default();
    pid == std::process::id().to_string() || FilePath::new("/proc").join(pid).exists()
}
