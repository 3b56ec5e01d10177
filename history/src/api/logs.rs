//! `logs`: the event logs themselves, as a zip that is made while it is sent.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::Arc;

use afterglow_ingest::source;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures::TryStreamExt as _;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _, path::Path as ObjectPath};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::error::ApiError;
use super::query::Query;
use super::target::{cluster, find};
use super::{Api, SourceAccess};
use crate::catalog::AttemptRow;
use crate::store::noted_key;

type Params = Path<HashMap<String, String>>;

/// Bytes read of a log at a time.
const PIECE: u64 = 1 << 20;

pub async fn all_attempts(State(api): State<Api>, Path(params): Params, query: Query) -> Result<Response, ApiError> {
    download(api, &params, &query, None).await
}

pub async fn one_attempt(State(api): State<Api>, Path(params): Params, query: Query) -> Result<Response, ApiError> {
    let attempt = params.get("attempt").cloned();
    download(api, &params, &query, attempt).await
}

async fn download(
    api: Api,
    params: &HashMap<String, String>,
    query: &Query,
    attempt: Option<String>,
) -> Result<Response, ApiError> {
    let app = params.get("app").map(String::as_str).unwrap_or_default();
    let mut attempts = find(&api, cluster(params, query), app).await?;
    if let Some(wanted) = &attempt {
        attempts.retain(|a| a.attempt_id.as_ref() == Some(wanted));
    }
    if attempts.is_empty() {
        let suffix = attempt.as_ref().map(|a| format!("/{a}")).unwrap_or_default();
        return Err(ApiError::not_found(format!("no such app: {app}{suffix}")));
    }
    let sources: HashMap<i64, String> =
        api.catalog.sources(&api.viewer()).await?.into_iter().map(|s| (s.id, s.url)).collect();
    let mut members = Vec::new();
    for a in &attempts {
        let url = sources.get(&a.source_id).map(String::as_str).unwrap_or_default();
        let open = || SourceAccess { url: url.to_owned(), ..SourceAccess::default() };
        members.extend(members_of(a, url, &api.sources.get(url).cloned().unwrap_or_else(open)).await?);
    }
    let (tx, rx) = mpsc::channel::<io::Result<Bytes>>(4);
    let handle = Handle::current();
    tokio::task::spawn_blocking(move || {
        if let Err(e) = write_zip(&handle, members, Sender(tx.clone())) {
            tracing::warn!("log download ended early: {e}");
            let _ = tx.blocking_send(Err(e));
        }
    });
    let stream = futures::stream::unfold(rx, |mut rx| async move { rx.recv().await.map(|item| (item, rx)) });
    let mut response = Response::new(Body::from_stream(stream));
    let suffix = attempt.map(|a| format!("-{a}")).unwrap_or_default();
    let name = format!("attachment; filename=eventLogs-{app}{suffix}.zip");
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    if let Ok(value) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

/// A file or folder of the zip.
struct Member {
    name: String,
    /// None for a folder.
    object: Option<(Arc<dyn ObjectStore>, ObjectPath, u64)>,
}

/// The objects of an attempt's log as they lie at its source, under the names Spark gives them.
async fn members_of(a: &AttemptRow, shown: &str, access: &SourceAccess) -> Result<Vec<Member>, ApiError> {
    let gone = |e: &dyn std::fmt::Display| {
        ApiError::not_found(format!("the event log of {} cannot be read at {shown}: {e}", a.app_id))
    };
    let (_, store, root) = source::open(&access.url, &access.options).await.map_err(|e| gone(&e))?;
    let at = |key: &str| ObjectPath::from_iter(root.parts().chain(noted_key(key).parts()));
    let member =
        |meta: ObjectMeta, name: String| Member { name, object: Some((store.clone(), meta.location, meta.size)) };
    let base = |p: &ObjectPath| p.filename().unwrap_or_default().to_owned();
    for key in [a.log_key.clone(), format!("{}.inprogress", a.log_key)] {
        if let Ok(meta) = store.head(&at(&key)).await {
            let name = base(&meta.location);
            return Ok(vec![member(meta, name)]);
        }
    }
    // A folder: a rolling log, with its status file and what else Spark put there.
    let folder = at(a.log_key.strip_suffix("/eventlog").unwrap_or(&a.log_key));
    let dir = base(&folder);
    let mut found: Vec<ObjectMeta> =
        store.list(Some(&folder)).try_collect().await.map_err(|e| gone(&source::explain(&e)))?;
    // Hadoop keeps checksums beside files of local folders, and marks folders in S3; they are no part of the log.
    found.retain(|m| !base(&m.location).starts_with('.') && m.location != folder);
    if found.is_empty() {
        return Err(gone(&"it is not there any more"));
    }
    found.sort_by(|x, y| x.location.cmp(&y.location));
    let files = found.into_iter().map(|meta| {
        let name = format!("{dir}/{}", base(&meta.location));
        member(meta, name)
    });
    Ok(std::iter::once(Member { name: format!("{dir}/"), object: None }).chain(files).collect())
}

/// Sends what is written to the client as it comes.
struct Sender(mpsc::Sender<io::Result<Bytes>>);

impl Write for Sender {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.blocking_send(Ok(Bytes::copy_from_slice(buf))).map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(buf.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_zip(handle: &Handle, members: Vec<Member>, out: Sender) -> io::Result<()> {
    let mut zip = ZipWriter::new_stream(io::BufWriter::with_capacity(64 << 10, out));
    for member in members {
        let Some((store, path, size)) = member.object else {
            zip.add_directory(member.name, SimpleFileOptions::default())?;
            continue;
        };
        zip.start_file(member.name, SimpleFileOptions::default().large_file(size >= u64::from(u32::MAX)))?;
        let mut at = 0;
        while at < size {
            let bytes = handle.block_on(store.get_range(&path, at..size.min(at + PIECE))).map_err(io::Error::other)?;
            if bytes.is_empty() {
                break;
            }
            zip.write_all(&bytes)?;
            at += bytes.len() as u64;
        }
    }
    zip.finish()?.into_inner().flush()
}
