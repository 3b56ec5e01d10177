//! `applications`: the list of attempts, filtered and sorted, and what it is counted by.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use super::list::{self, Slice};
use crate::api::Api;
use crate::api::error::ApiError;
use crate::api::query::Query;
use crate::api::target::json;
use crate::catalog::{AttemptRow, Facet, FindingCounts, ListFilter, ListPage, ListSort};

/// An attempt as a row.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Application {
    cluster: String,
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt_id: Option<String>,
    name: String,
    user: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    queue: String,
    status: String,
    start_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<i64>,
    last_event_time: i64,
    duration: i64,
    spark_version: String,
    labels: BTreeMap<String, String>,
    damaged: bool,
    log_size: i64,
    tasks: i64,
    failed_tasks: i64,
    executor_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// How many; absent until it was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    findings: Option<Findings>,
}

/// How many findings there are of each severity.
#[derive(Serialize)]
struct Findings {
    critical: i64,
    warning: i64,
    info: i64,
}

impl From<FindingCounts> for Findings {
    fn from(FindingCounts { critical, warning, info }: FindingCounts) -> Self {
        Findings { critical, warning, info }
    }
}

impl Application {
    fn new(a: AttemptRow, findings: Option<FindingCounts>) -> Self {
        let s = a.summary;
        Application {
            cluster: a.cluster,
            id: a.app_id,
            attempt_id: a.attempt_id,
            name: a.name,
            user: a.user,
            queue: s.queue,
            status: s.outcome,
            start_time: a.start_time,
            end_time: (a.end_time >= 0).then_some(a.end_time),
            last_event_time: a.last_event_time,
            duration: s.duration,
            spark_version: a.spark_version,
            labels: a.labels,
            damaged: a.damaged,
            log_size: a.log_size,
            tasks: s.tasks,
            failed_tasks: s.failed_tasks,
            executor_time: s.executor_time,
            error: s.error,
            findings: findings.map(Findings::from),
        }
    }
}

#[derive(Serialize)]
struct Applications {
    /// All that the filters let through, shown or not.
    total: i64,
    applications: Vec<Application>,
}

pub async fn list(State(api): State<Api>, query: Query) -> Result<Response, ApiError> {
    let (sort, descending) = list::sort(&query, "-startTime", column)?;
    let Slice { offset, length } = Slice::of(&query, 100)?;
    let page = ListPage { sort, descending, offset: offset as i64, length: length as i64 };
    let filter = filter(&api, &query).await?;
    let (rows, total) = api.catalog.list(&api.viewer(), &filter, page).await?;
    let ids: Vec<i64> = rows.iter().map(|a| a.id).collect();
    let mut counts = api.catalog.finding_counts(&ids).await?;
    let applications = rows.into_iter().map(|a| {
        let of = counts.remove(&a.id);
        Application::new(a, of)
    });
    json(&Applications { total, applications: applications.collect() })
}

fn column(name: &str) -> Option<ListSort> {
    Some(match name {
        "startTime" => ListSort::StartTime,
        "endTime" => ListSort::EndTime,
        "duration" => ListSort::Duration,
        "name" => ListSort::Name,
        "id" => ListSort::Id,
        "cluster" => ListSort::Cluster,
        "user" => ListSort::User,
        "queue" => ListSort::Queue,
        "status" => ListSort::Outcome,
        "version" => ListSort::Version,
        "logSize" => ListSort::LogSize,
        "tasks" => ListSort::Tasks,
        "failedTasks" => ListSort::FailedTasks,
        "executorTime" => ListSort::ExecutorTime,
        "findings" => ListSort::Findings,
        _ => return None,
    })
}

async fn filter(api: &Api, query: &Query) -> Result<ListFilter, ApiError> {
    let all = |name: &str| query.values(name).filter(|v| !v.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let time = |name: &str| match query.value::<i64>(name, i64::MIN)? {
        i64::MIN => Ok::<_, ApiError>(None),
        time => Ok(Some(time)),
    };
    let mut labels: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for label in all("label") {
        let bad = || ApiError::parameter(format!("label={label}: a label is asked for as label=name=value"));
        let (name, value) = label.split_once('=').ok_or_else(bad)?;
        labels.entry(name.to_owned()).or_default().push(value.to_owned());
    }
    let ids = match query.first("q").map(str::trim).filter(|q| !q.is_empty()) {
        None => None,
        Some(text) => {
            let (index, text) = (api.search.clone(), text.to_owned());
            let found = tokio::task::spawn_blocking(move || index.matches(&text)).await?;
            Some(found.map_err(|e| ApiError::bad(e.to_string()))?)
        }
    };
    Ok(ListFilter {
        clusters: all("cluster"),
        users: all("user"),
        queues: all("queue"),
        outcomes: all("status"),
        versions: all("version"),
        findings: all("findings"),
        labels,
        from: time("from")?,
        to: time("to")?,
        ids,
    })
}

#[derive(Serialize)]
struct Count {
    value: String,
    count: i64,
}

/// Values shown of each facet.
const VALUES: usize = 50;

/// How often each value of what the list can be filtered by occurs; each without its own filter.
pub async fn facets(State(api): State<Api>, query: Query) -> Result<Response, ApiError> {
    let filter = filter(&api, &query).await?;
    let facets = api.catalog.facets(&api.viewer(), &filter).await?;
    let shown: BTreeMap<&str, Vec<Count>> = facets
        .into_iter()
        .map(|(facet, counts)| {
            let counts = counts.into_iter().take(VALUES).map(|(value, count)| Count { value, count });
            (name(facet), counts.collect())
        })
        .collect();
    json(&shown)
}

fn name(facet: Facet) -> &'static str {
    match facet {
        Facet::Cluster => "cluster",
        Facet::User => "user",
        Facet::Queue => "queue",
        Facet::Outcome => "status",
        Facet::Version => "version",
        Facet::Label => "label",
        Facet::Findings => "findings",
    }
}
