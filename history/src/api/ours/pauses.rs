//! `pauses`: for how long the JVMs of an attempt's containers stood still, and single pauses of one.

use std::collections::BTreeMap;

use afterglow_ingest::container::{Pause, PauseKind, Role};
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use super::list::{Number, Slice};
use crate::api::Api;
use crate::api::error::ApiError;
use crate::api::query::Query;
use crate::api::target::Target;
use crate::catalog::{ContainerRow, Sum};
use crate::insight::containers::{Process, process};

#[derive(Serialize)]
struct Pauses {
    known: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
    total: usize,
    containers: Vec<Container>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Container {
    container: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    executor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    logs: Vec<Log>,
    #[serde(skip_serializing_if = "Option::is_none")]
    collector: Option<String>,
    /// What follows is of the garbage collector's own log; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    uptime: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pauses: Option<Summed>,
    /// Of the uptime.
    #[serde(skip_serializing_if = "Option::is_none")]
    share: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    concurrent_cycles: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stalls: Option<Summed>,
    /// Pauses that Hadoop's monitor noticed.
    #[serde(skip_serializing_if = "Option::is_none")]
    monitor: Option<Summed>,
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct Log {
    stream: String,
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

#[derive(Serialize)]
struct Summed {
    count: u64,
    total: Number,
    longest: Number,
}

impl Summed {
    fn of(sum: Sum) -> Option<Self> {
        let whole = Summed { count: sum.count, total: millis(sum.total_us), longest: millis(sum.longest_us) };
        (sum.count > 0).then_some(whole)
    }
}

fn millis(us: i64) -> Number {
    Number::of(us as f64 / 1000.0)
}

/// Containers of an attempt, those that stood still longest first; with `container`, its pauses. Errors:
/// 404 for a container that is not there.
pub async fn list(State(api): State<Api>, target: Target, query: Query) -> Result<Response, ApiError> {
    let logs = api.catalog.container_logs(&target.row).await?;
    if let Some(container) = query.first("container").filter(|c| !c.is_empty()) {
        return single(&target, &query, container, logs).await;
    }
    let slice = Slice::of(&query, 100)?;
    let executors = target.reader.executors().await?;
    let mut by_container: BTreeMap<String, Vec<ContainerRow>> = BTreeMap::new();
    for log in logs {
        by_container.entry(log.place.container.clone()).or_default().push(log);
    }
    let paused = |logs: &[ContainerRow]| {
        let of = |c: &ContainerRow| c.found.gc.total_us.max(c.found.monitor.total_us);
        logs.iter().map(of).fold(0, i64::saturating_add)
    };
    let mut all: Vec<_> = by_container.into_iter().collect();
    all.sort_by_cached_key(|(name, logs)| (std::cmp::Reverse(paused(logs)), name.clone()));
    let total = all.len();
    let shown = slice.cut(all).into_iter().map(|(name, logs)| {
        let of = logs.first().map(|c| process(&c.place, &executors)).unwrap_or_default();
        container(name, logs, of)
    });
    let containers = shown.collect();
    let why = (total == 0).then_some("not known: no container logs of this application, see docs/sources.md");
    target.json(&Pauses { known: total > 0, why, total, containers })
}

fn container(name: String, logs: Vec<ContainerRow>, of: Process) -> Container {
    let (mut gc, mut monitor, mut stalls) = (Sum::default(), Sum::default(), Sum::default());
    let (mut uptime, mut cycles, mut collector, mut warnings) = (None, 0, None, Vec::new());
    let mut shown = Vec::new();
    for log in logs {
        let found = log.found;
        gc.add(found.gc);
        monitor.add(found.monitor);
        stalls.add(found.stalls);
        uptime = match (uptime, found.uptime_us) {
            (Some(a), Some(b)) => Some(i64::saturating_add(a, b)),
            (a, b) => a.or(b),
        };
        cycles += found.concurrent_cycles;
        collector = collector.or(found.collector);
        warnings.extend(found.warnings);
        shown.push(Log { stream: log.place.stream, key: log.log_key, problem: log.problem });
    }
    warnings.sort();
    warnings.dedup();
    // ZGC's pauses are not logged unless they are asked for.
    let told = uptime.is_some() && (gc.count > 0 || collector.as_deref() != Some("ZGC") || cycles == 0);
    let share = uptime.filter(|us| told && *us > 0).map(|us| gc.total_us as f64 / us as f64);
    Container {
        container: name,
        role: of.role.map(role),
        executor: of.executor_id,
        host: of.host,
        logs: shown,
        collector,
        uptime: uptime.map(millis),
        pauses: told.then_some(Summed { count: gc.count, total: millis(gc.total_us), longest: millis(gc.longest_us) }),
        share: share.map(|s| (s * 1e6).round() / 1e6),
        concurrent_cycles: uptime.map(|_| cycles),
        stalls: Summed::of(stalls),
        monitor: Summed::of(monitor),
        warnings,
    }
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Driver => "driver",
        Role::Executor => "executor",
    }
}

#[derive(Serialize)]
struct Page {
    total: usize,
    pauses: Vec<Shown>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uptime: Option<Number>,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    collector: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    duration: Number,
    #[serde(skip_serializing_if = "Option::is_none")]
    heap_before: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    heap_after: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    heap_capacity: Option<i64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    nested: bool,
}

impl From<Pause> for Shown {
    fn from(p: Pause) -> Self {
        Shown {
            time: p.time,
            uptime: p.uptime_us.map(millis),
            kind: kind(p.kind),
            collector: p.collector,
            name: p.name,
            cause: p.cause,
            duration: millis(p.duration_us),
            heap_before: p.heap_before,
            heap_after: p.heap_after,
            heap_capacity: p.heap_capacity,
            nested: p.nested,
        }
    }
}

fn kind(kind: PauseKind) -> &'static str {
    match kind {
        PauseKind::Gc => "gc",
        PauseKind::JvmPauseMonitor => "jvm_pause_monitor",
    }
}

/// The pauses of one container, log by log, each in its order.
async fn single(
    target: &Target,
    query: &Query,
    container: &str,
    logs: Vec<ContainerRow>,
) -> Result<Response, ApiError> {
    let Slice { mut offset, length } = Slice::of(query, 1000)?;
    let logs: Vec<_> = logs.into_iter().filter(|c| c.place.container == container).collect();
    if logs.is_empty() {
        return Err(ApiError::not_found(format!("there is no log of a container {container}")));
    }
    let (mut pauses, mut total) = (Vec::new(), 0);
    for part in logs.iter().filter(|c| c.pauses > 0).filter_map(|c| c.part.as_ref()) {
        let (some, of) = target.reader.pauses(part, offset, length - pauses.len()).await?;
        offset = offset.saturating_sub(of);
        total += of;
        pauses.extend(some.into_iter().map(Shown::from));
    }
    target.json(&Page { total, pauses })
}
