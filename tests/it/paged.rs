//! An object store in memory whose listings come in pages, and which asks the test before each page and each read: it may let them
//! wait, or fail.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use async_trait::async_trait;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetRange, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// What is about to be answered.
#[derive(Debug, Clone)]
pub enum Call {
    /// A page of a listing; both counted from 0.
    Page { listing: usize, page: usize },
    /// Bytes of an object, from an offset on.
    Read { path: Path, from: u64 },
}

type Ask = dyn Fn(Call) -> BoxFuture<'static, Result<()>> + Send + Sync;

/// The store. Objects are put into `objects`.
pub struct Paged {
    pub objects: InMemory,
    size: usize,
    ask: std::sync::Arc<Ask>,
    /// Listings that were begun.
    pub listings: AtomicUsize,
    /// Requests for an object, its bytes or its head.
    pub reads: AtomicUsize,
}

impl Paged {
    /// Pages of `size` objects; `ask` is asked before each answer.
    pub fn new(size: usize, ask: impl Fn(Call) -> BoxFuture<'static, Result<()>> + Send + Sync + 'static) -> Paged {
        let (listings, reads) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Paged { objects: InMemory::new(), size, ask: std::sync::Arc::new(ask), listings, reads }
    }
}

/// The failure of a store that does not say more.
pub fn failure() -> object_store::Error {
    object_store::Error::Generic { store: "test", source: "the test wants it so".into() }
}

impl fmt::Debug for Paged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Paged")
    }
}

impl fmt::Display for Paged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Paged")
    }
}

#[async_trait]
impl ObjectStore for Paged {
    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (ask, listing) = (self.ask.clone(), self.listings.fetch_add(1, Relaxed));
        let pages = self.objects.list(prefix).try_chunks(self.size).map_err(|e| e.1).enumerate();
        let answered = pages.then(move |(page, objects)| {
            let ready = ask(Call::Page { listing, page });
            async move {
                ready.await?;
                Result::<_>::Ok(stream::iter(objects?.into_iter().map(Ok)))
            }
        });
        answered.try_flatten().boxed()
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.reads.fetch_add(1, Relaxed);
        let from = match &options.range {
            Some(GetRange::Bounded(range)) => range.start,
            Some(GetRange::Offset(from)) => *from,
            _ => 0,
        };
        (self.ask)(Call::Read { path: location.clone(), from }).await?;
        self.objects.get_opts(location, options).await
    }

    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.objects.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.objects.put_multipart_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.objects.delete_stream(locations)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.objects.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.objects.copy_opts(from, to, options).await
    }
}
