//! Query parameters as Jersey reads them: repeatable, last type error a 404, unknown ones ignored.

use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::error::ApiError;
use crate::state::{JobStatus, StageStatus, TaskStatus};

/// The decoded parameters of a request, in order.
pub struct Query(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(Query::parse(parts.uri.query().unwrap_or_default()))
    }
}

impl Query {
    pub fn parse(query: &str) -> Self {
        Query(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// The first value of a parameter.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str())
    }

    /// Every value of a parameter.
    pub fn values<'q>(&'q self, name: &'q str) -> impl Iterator<Item = &'q str> {
        self.0.iter().filter(move |(k, _)| k == name).map(|(_, v)| v.as_str())
    }

    /// A value of a type that reads from text; the default if it is absent or empty.
    pub fn value<T: FromStr>(&self, name: &str, default: T) -> Result<T, ApiError> {
        match self.first(name) {
            None | Some("") => Ok(default),
            Some(text) => text.parse().map_err(|_| ApiError::parameter(format!("{name}={text} is not a number"))),
        }
    }

    /// `true`, in any case, is true; every other text is false.
    pub fn flag(&self, name: &str, default: bool) -> bool {
        self.first(name).map_or(default, |v| v.eq_ignore_ascii_case("true"))
    }

    fn choices<T>(&self, name: &str, of: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, ApiError> {
        let bad = |v| ApiError::parameter(format!("{name}={v} is none of the values that there are"));
        self.values(name).map(|v| of(&v.to_ascii_uppercase()).ok_or_else(|| bad(v))).collect()
    }

    pub fn stage_statuses(&self) -> Result<Vec<StageStatus>, ApiError> {
        self.choices("status", |v| {
            Some(match v {
                "ACTIVE" => StageStatus::Active,
                "COMPLETE" => StageStatus::Complete,
                "FAILED" => StageStatus::Failed,
                "PENDING" => StageStatus::Pending,
                "SKIPPED" => StageStatus::Skipped,
                _ => return None,
            })
        })
    }

    /// `None` stands for UNKNOWN, which no job is.
    pub fn job_statuses(&self) -> Result<Vec<Option<JobStatus>>, ApiError> {
        self.choices("status", |v| {
            Some(match v {
                "RUNNING" => Some(JobStatus::Running),
                "SUCCEEDED" => Some(JobStatus::Succeeded),
                "FAILED" => Some(JobStatus::Failed),
                "UNKNOWN" => None,
                _ => return None,
            })
        })
    }

    pub fn task_statuses(&self, name: &str) -> Result<Vec<TaskStatus>, ApiError> {
        self.choices(name, |v| {
            Some(match v {
                "RUNNING" => TaskStatus::Running,
                "KILLED" => TaskStatus::Killed,
                "FAILED" => TaskStatus::Failed,
                "SUCCESS" => TaskStatus::Success,
                "UNKNOWN" => TaskStatus::Unknown,
                _ => return None,
            })
        })
    }

    /// Comma-separated quantiles, sorted.
    pub fn quantiles(&self, default: &str) -> Result<Vec<f64>, ApiError> {
        let text = self.first("quantiles").unwrap_or(default);
        // Java drops empty texts at the end of a split, but gives one for an empty whole.
        let trimmed = if text.is_empty() { text } else { text.trim_end_matches(',') };
        let mut all = trimmed
            .split(',')
            .map(|q| {
                let fail =
                    || ApiError::bad(format!("Bad value for parameter \"quantiles\".  Expected a double, got \"{q}\""));
                q.trim().parse::<f64>().map_err(|_| fail())
            })
            .collect::<Result<Vec<_>, _>>()?;
        all.sort_by(f64::total_cmp);
        Ok(all)
    }

    /// The part of a list that our own `offset` and `length` ask for; all of it without them.
    pub fn part(&self) -> Result<Part, ApiError> {
        let offset: i64 = self.value("offset", 0)?;
        let length: i64 = self.value("length", -1)?;
        Ok(Part { skip: usize::try_from(offset).unwrap_or(0), take: usize::try_from(length).unwrap_or(usize::MAX) })
    }

    /// That part of a list.
    pub fn slice<T>(&self, all: Vec<T>) -> Result<Vec<T>, ApiError> {
        let Part { skip, take } = self.part()?;
        Ok(all.into_iter().skip(skip).take(take).collect())
    }
}

/// A part of a list that is gone through.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// Elements that are passed over before the first.
    pub skip: usize,
    /// Elements that are shown after that.
    pub take: usize,
}

impl Part {
    /// Whether no more of the list is shown.
    pub fn is_over(&self) -> bool {
        self.take == 0
    }

    /// Whether the next element is shown.
    pub fn takes(&mut self) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        self.take = self.take.saturating_sub(1);
        true
    }
}
