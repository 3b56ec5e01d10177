//! `ApplicationInfo`: an application and its attempts in the listing, and `VersionInfo`.
//! In: rows of the listing. Out: what `applications`, `applications/<id>` and `version` answer.

use serde::Serialize;

use super::Date;

/// What the listing knows of an attempt. Times are epoch milliseconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AttemptRow {
    pub attempt_id: Option<String>,
    pub start_time: i64,
    /// -1 while the attempt runs, and for one that never logged its end.
    pub end_time: i64,
    pub last_updated: i64,
    /// Milliseconds; 0 without an end.
    pub duration: i64,
    pub user: String,
    pub completed: bool,
    pub spark_version: String,
    pub exit_code: Option<i64>,
    /// Name of the configured log folder that holds the attempt's log.
    pub log_source_name: Option<String>,
    pub log_source_full_path: Option<String>,
}

/// An application with its attempts, newest first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ApplicationInfo {
    pub id: String,
    pub name: String,
    pub attempts: Vec<ApplicationAttemptInfo>,
}

impl ApplicationInfo {
    pub fn new(id: String, name: String, attempts: impl IntoIterator<Item = AttemptRow>) -> Self {
        ApplicationInfo { id, name, attempts: attempts.into_iter().map(ApplicationAttemptInfo::from).collect() }
    }
}

/// An attempt of an application, each time once as a text and once as epoch milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationAttemptInfo {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt_id: Option<String>,
    pub start_time: Date,
    pub end_time: Date,
    pub last_updated: Date,
    pub duration: i64,
    pub spark_user: String,
    pub completed: bool,
    pub app_spark_version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_source_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_source_full_path: Option<String>,
    pub start_time_epoch: i64,
    pub end_time_epoch: i64,
    pub last_updated_epoch: i64,
}

impl From<AttemptRow> for ApplicationAttemptInfo {
    fn from(row: AttemptRow) -> Self {
        ApplicationAttemptInfo {
            attempt_id: row.attempt_id,
            start_time: Date(row.start_time),
            end_time: Date(row.end_time),
            last_updated: Date(row.last_updated),
            duration: row.duration,
            spark_user: row.user,
            completed: row.completed,
            app_spark_version: row.spark_version,
            exit_code: row.exit_code,
            log_source_name: row.log_source_name,
            log_source_full_path: row.log_source_full_path,
            start_time_epoch: row.start_time,
            end_time_epoch: row.end_time,
            last_updated_epoch: row.last_updated,
        }
    }
}

/// The version of Spark whose answers these are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VersionInfo {
    pub spark: String,
}
