//! `logs`: the event logs themselves, as a zip that is made while it is sent.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use afterglow_ingest::source;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures::TryStreamExt as _;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _, path::Path as ObjectPath};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::error::{ApiError, SOON};
use super::query::Query;
use super::rows::{self, Ended, Rows};
use super::target::{cluster, find};
use super::{Api, SourceAccess};
use crate::budget::{self, Budget};
use crate::catalog::AttemptRow;
use crate::store::noted_key;

type Params = Path<HashMap<String, String>>;

/// Bytes read of a log at a time.
const PIECE: u64 = 1 << 20;
/// Bytes compressed at a time.
const TURN: usize = 256 << 10;
/// The level of compression: logs are mostly compressed already, and a plain one gets little smaller for much more work.
const FAST: i64 = 1;
/// About what a download has in memory: a piece as it lies and compressed, the compressor, and what waits to be sent.
const MEMORY: u64 = 4 << 20;

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
    let Ok(Ok(place)) = tokio::time::timeout(budget::WAIT, api.downloads.clone().acquire_owned()).await else {
        let what = "as many log downloads run as may at once (server.downloads): ask again soon";
        return Err(ApiError::Busy(what.into(), SOON));
    };
    let held = api.budget.take(MEMORY).await?;
    let budget = api.budget.clone();
    let mut response = rows::answer(|mut out| async move {
        write_zip(&budget, members, &mut out).await?;
        drop((place, held));
        Ok(out)
    })
    .await?;
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

/// What was written and not yet sent.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Written {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(buf);
        Ok(buf.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads, compresses and sends a piece after the other. Only compressing has a thread, for one piece: whoever is slow,
/// the store or the client, keeps none.
async fn write_zip(budget: &Budget, members: Vec<Member>, out: &mut Rows) -> Result<(), Ended> {
    let written = Written::default();
    let options = SimpleFileOptions::default().compression_level(Some(FAST));
    let mut zip = ZipWriter::new_stream(written.clone());
    for member in members {
        let Some((store, path, size)) = member.object else {
            zip.add_directory(member.name, SimpleFileOptions::default()).map_err(failed)?;
            continue;
        };
        zip.start_file(member.name, options.large_file(size >= u64::from(u32::MAX))).map_err(failed)?;
        let mut at = 0;
        while at < size {
            let bytes = store.get_range(&path, at..size.min(at + PIECE)).await;
            let bytes = bytes.map_err(|e| failed(source::explain(&e)))?;
            if bytes.is_empty() {
                break;
            }
            at += bytes.len() as u64;
            // Others have their turns in between.
            for from in (0..bytes.len()).step_by(TURN) {
                let some = bytes.slice(from..bytes.len().min(from + TURN));
                let compressed = budget.compute(move || zip.write_all(&some).map(|()| zip));
                zip = compressed.await?.map_err(failed)?;
                out.text(&written.take()).await?;
            }
        }
    }
    zip.finish().map_err(failed)?;
    out.text(&written.take()).await
}

fn failed(e: impl std::fmt::Display) -> ApiError {
    ApiError::Internal(format!("log download: {e}"))
}
