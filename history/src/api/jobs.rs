//! `jobs`.

use axum::extract::OriginalUri;
use axum::response::Response;

use super::error::ApiError;
use super::query::Query;
use super::target::Target;
use super::wire::JobData;
use crate::store::merge::Way;

pub async fn list(target: Target, query: Query) -> Result<Response, ApiError> {
    let statuses = query.job_statuses()?;
    let mut part = query.part()?;
    let mut jobs = target.reader.jobs_in_order(Way::Backwards).await?;
    target
        .rows(|_, mut rows| async move {
            rows.begin(b"[").await?;
            while !part.is_over()
                && let Some((_, job)) = jobs.next().await?
            {
                if (statuses.is_empty() || statuses.contains(&Some(job.status))) && part.takes() {
                    rows.row(&JobData::new(&job)).await?;
                }
            }
            rows.text(b"]").await?;
            Ok(rows)
        })
        .await
}

pub async fn one(target: Target, OriginalUri(uri): OriginalUri) -> Result<Response, ApiError> {
    // A job id that is no number makes Jersey answer with the path itself.
    let id = target.number("job").map_err(|_| ApiError::not_found(uri.path().to_owned()))?;
    match target.reader.job(id).await? {
        Some(job) => target.json(&JobData::new(&job)),
        None => Err(ApiError::not_found(format!("unknown job: {id}"))),
    }
}
