//! `jobs`.

use axum::extract::OriginalUri;
use axum::response::Response;

use super::error::ApiError;
use super::query::Query;
use super::target::Target;
use super::wire::JobData;

pub async fn list(target: Target, query: Query) -> Result<Response, ApiError> {
    let statuses = query.job_statuses()?;
    let jobs = target.reader.jobs().await?;
    let shown = jobs.values().rev().filter(|j| statuses.is_empty() || statuses.contains(&Some(j.status)));
    target.json(&query.slice(shown.map(JobData::new).collect())?)
}

pub async fn one(target: Target, OriginalUri(uri): OriginalUri) -> Result<Response, ApiError> {
    // A job id that is no number makes Jersey answer with the path itself.
    let id = target.number("job").map_err(|_| ApiError::not_found(uri.path().to_owned()))?;
    match target.reader.job(id).await? {
        Some(job) => target.json(&JobData::new(&job)),
        None => Err(ApiError::not_found(format!("unknown job: {id}"))),
    }
}
