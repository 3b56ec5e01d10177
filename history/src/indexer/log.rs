//! Reads one log from where it was left, and commits what came of it.

use std::sync::Arc;

use afterglow_ingest::log::Layout;
use afterglow_ingest::{EventLog, LogReader, Position, Source};
use object_store::path::Path;

use super::follow::LiveAttempt;
use super::pipeline::{self, PipelineError, Work};
use super::progress::{Damage, Outcome};
use super::{Indexer, identity, now};
use crate::catalog::{AttemptRow, AttemptStatus, Commit, LogRow, LogState, Summary, Usage};
use crate::insight::outcome;
use crate::state::{Attempt, Completeness, StageAttempt};
use crate::store::reader::PartRef;
use crate::store::{AttemptReader, VERSION, part_key, snapshot};

/// Characters of search text kept for an attempt.
const MAX_SEARCH: usize = 64 << 10;
/// Characters of an error that lists show.
const MAX_ERROR: usize = 500;

/// Why a log could not be read further: by no fault of the log.
pub(super) struct Failure {
    pub what: String,
    /// It was renamed or deleted since it was listed: the next listing tells.
    pub gone: bool,
}

impl From<String> for Failure {
    fn from(what: String) -> Self {
        Failure { what, gone: false }
    }
}

impl From<PipelineError> for Failure {
    fn from(e: PipelineError) -> Self {
        let gone = matches!(e, PipelineError::Read(object_store::Error::NotFound { .. }));
        Failure { what: e.to_string(), gone }
    }
}

/// Where reading starts, and what is there already.
struct Start {
    attempt: Attempt,
    next_progress: i64,
    position: Position,
    events: u64,
    /// Parts that hold what was read before.
    parts: Vec<PartRef>,
    generation: i64,
}

impl Indexer {
    /// Reads what is new in a log.
    pub(super) async fn read_log(
        self: &Arc<Self>,
        source: &Source,
        source_id: i64,
        log: &EventLog,
        row: Option<&LogRow>,
        threads: usize,
    ) -> Result<Outcome, Failure> {
        let start = self.start(source_id, log, row).await?;
        let Start { attempt, next_progress, position, events, parts, generation } = start;
        let take_tail = !log.in_progress;
        let known = attempt.completeness.clone();
        let reader = LogReader::open(source.store.clone(), log, &position, take_tail);
        let mut work = Work {
            attempt,
            part: self.store.writer(),
            next_progress,
            position,
            events,
            lines: 0,
            plain: 0,
            no_log: false,
        };
        let (bytes, mut work) = tokio::task::spawn_blocking(move || {
            let read = pipeline::run(reader, &mut work, threads);
            read.map(|bytes| (bytes, work))
        })
        .await
        .map_err(|e| e.to_string())??;
        let mut outcome = Outcome { events: work.events - events, bytes, plain: work.plain, ..Outcome::default() };
        let nothing = work.events == 0;
        if !work.attempt.is_application() && !nothing && !work.no_log {
            self.name_by_key(&mut work.attempt, log);
        }
        if !work.attempt.is_application() || nothing {
            return Ok(self.no_application(source_id, log, outcome, nothing || work.no_log).await?);
        }
        note(&mut work.attempt.completeness, log);
        let ended = work.attempt.application.end_time.is_some();
        let finished = ended && !log.in_progress;
        if finished {
            work.attempt.close();
        }
        let Work { mut attempt, part, next_progress, position, events, .. } = work;
        let finished_part = {
            let (made, back) = tokio::task::spawn_blocking(move || {
                let made = snapshot::finish(part, &mut attempt, !finished, next_progress);
                (made, attempt)
            })
            .await
            .map_err(|e| e.to_string())?;
            attempt = back;
            made.map_err(|e| e.to_string())?
        };
        let app = attempt.application.clone();
        let key = part_key(&source.cluster, &app.id, app.attempt_id.as_deref(), generation, next_part(&parts));
        let size = self.store.publish(&key, finished_part).await.map_err(|e| e.to_string())?;
        let mut all = parts;
        all.push(PartRef { key, size });
        let (all, merged) = self.compact(source, &app.id, app.attempt_id.as_deref(), generation, all, finished).await?;
        outcome.attempt = Some(match &app.attempt_id {
            Some(a) => format!("{}/{}/{a}", source.cluster, app.id),
            None => format!("{}/{}", source.cluster, app.id),
        });
        outcome.problem = problem(&attempt.completeness);
        outcome.damage = Damage::between(&known, &attempt.completeness);
        let row = attempt_row(&attempt, source, source_id, log, events, generation, all.clone());
        let consumed = bare_names(log).take_while(|n| *n != position.part).map(str::to_owned).collect();
        let commit = Commit {
            source_id,
            log_key: log.key.clone(),
            log: LogRow {
                version: log.version(),
                state: if finished { LogState::Indexed } else { LogState::Live },
                problem: outcome.problem.clone(),
                position,
                consumed,
            },
            attempt: Some(row),
        };
        let unused = self.catalog.commit(commit).await.map_err(|e| e.to_string())?;
        for key in unused.into_iter().chain(merged) {
            // Nobody names it any more; a reader that still holds its key asks again.
            if let Err(e) = self.store.delete(&key).await {
                tracing::warn!("{e}");
            }
        }
        if !finished {
            self.live.put(source_id, &log.key, LiveAttempt { attempt, next_progress, generation, parts: all.len() });
        }
        Ok(outcome)
    }

    /// Where to go on in a log: behind what was read, if the log still begins with that.
    async fn start(&self, source_id: i64, log: &EventLog, row: Option<&LogRow>) -> Result<Start, String> {
        let known = self.catalog.attempt_of_log(source_id, &log.key).await.map_err(|e| e.to_string())?;
        let fresh = |generation| Start {
            attempt: Attempt::new(self.redactor.clone()),
            next_progress: 0,
            position: Position::default(),
            events: 0,
            parts: Vec::new(),
            generation,
        };
        let Some(known) = known else { return Ok(fresh(now())) };
        // The present as a generation is greater than any before it.
        let again = fresh(now().max(known.generation + 1));
        let Some(row) =
            row.filter(|r| r.state == LogState::Live && !r.version.is_empty() && known.format == i64::from(VERSION))
        else {
            return Ok(again);
        };
        if !goes_on(log, row) {
            return Ok(again);
        }
        let restored = match self.live.take(source_id, &log.key, &known) {
            Some(live) => Some((live.attempt, live.next_progress)),
            None => {
                let reader = AttemptReader::new(self.store.clone(), known.parts.clone());
                snapshot::restore(&reader, self.redactor.clone()).await.unwrap_or_else(|e| {
                    tracing::warn!(log = log.key, "reading the log anew: {e}");
                    None
                })
            }
        };
        Ok(match restored {
            // A log that seemed finished, and ended in the middle of a line: the rest of that line is there now.
            Some((attempt, _)) if attempt.completeness.torn_tail => again,
            Some((attempt, next_progress)) => Start {
                attempt,
                next_progress,
                position: row.position.clone(),
                events: known.events as u64,
                parts: known.parts,
                generation: known.generation,
            },
            None => again,
        })
    }

    /// Merges small parts, so that an attempt that is followed for long has few, and a finished
    /// one has a single part. Gives the parts, and those that went into others: they may be
    /// deleted once the catalog names the others.
    async fn compact(
        &self,
        source: &Source,
        app: &str,
        attempt: Option<&str>,
        generation: i64,
        mut parts: Vec<PartRef>,
        finished: bool,
    ) -> Result<(Vec<PartRef>, Vec<Path>), String> {
        let mut gone = Vec::new();
        loop {
            let n = parts.len();
            let merged = match n {
                0 | 1 => return Ok((parts, gone)),
                _ if finished => n,
                // Sizes fall by half from part to part: there are few, and each byte is
                // rewritten a few times only.
                _ if parts[n - 2].size <= 2 * parts[n - 1].size => 2,
                _ => return Ok((parts, gone)),
            };
            let number = next_part(&parts);
            let last = parts.split_off(n - merged);
            gone.extend(last.iter().map(|p| p.key.clone()));
            let reader = AttemptReader::new(self.store.clone(), last);
            let made = snapshot::merge(&reader, self.store.writer(), !finished).await.map_err(|e| e.to_string())?;
            let key = part_key(&source.cluster, app, attempt, generation, number);
            let size = self.store.publish(&key, made).await.map_err(|e| e.to_string())?;
            parts.push(PartRef { key, size });
        }
    }

    /// A log without ApplicationStart is named by its file, if that is an application's name.
    fn name_by_key(&self, attempt: &mut Attempt, log: &EventLog) {
        if let Some((id, attempt_id)) = identity::from_key(&log.key) {
            let app = &mut attempt.application;
            app.name.clone_from(&id);
            app.id = id;
            app.attempt_id = attempt_id;
            app.start_time = attempt.jobs.values().filter_map(|j| j.submission_time).min().or(app.last_event_time);
            attempt.completeness.no_start = true;
        }
    }

    async fn no_application(
        &self,
        source_id: i64,
        log: &EventLog,
        mut outcome: Outcome,
        no_events: bool,
    ) -> Result<Outcome, String> {
        let name = log.key.rsplit('/').next().unwrap_or_default();
        let meant = log.layout != Layout::Single || identity::looks_like_id(name);
        outcome.no_log = no_events && !meant;
        let problem = match (no_events, log.size()) {
            (_, 0) => None,
            (true, _) => Some("holds no event of Spark".to_owned()),
            (false, _) => Some("has no ApplicationStart event, and its name is no application id".to_owned()),
        };
        outcome.problem = problem.clone().filter(|_| !outcome.no_log);
        let log_row = LogRow {
            version: log.version(),
            state: if outcome.no_log { LogState::NoLog } else { LogState::Failed },
            problem,
            position: Position::default(),
            consumed: Vec::new(),
        };
        let commit = Commit { source_id, log_key: log.key.clone(), log: log_row, attempt: None };
        self.catalog.commit(commit).await.map_err(|e| e.to_string())?;
        Ok(outcome)
    }
}

/// Whether the log is the one that was read up to the row's position: the parts before it are
/// the same, and its own is there and not shorter.
fn goes_on(log: &EventLog, row: &LogRow) -> bool {
    let names: Vec<&str> = bare_names(log).collect();
    if row.position.part.is_empty() {
        return row.consumed.is_empty();
    }
    let Some(at) = names.iter().position(|n| *n == row.position.part) else { return false };
    names[..at].iter().copied().eq(row.consumed.iter().map(String::as_str)) && log.parts[at].size >= row.position.offset
}

/// Names of a log's parts as positions have them: a single file is renamed when it is finished.
fn bare_names(log: &EventLog) -> impl Iterator<Item = &str> {
    log.parts.iter().filter_map(|p| p.path.filename()).map(|n| n.strip_suffix(".inprogress").unwrap_or(n))
}

/// A number for a new part: greater than those there are, and never given before, so that a part
/// whose commit failed is not mistaken for the one that follows.
fn next_part(parts: &[PartRef]) -> i64 {
    let number = |key: &Path| key.filename()?.trim_end_matches(".ag").rsplit_once('-')?.1.parse::<i64>().ok();
    parts.iter().filter_map(|p| number(&p.key)).max().map_or(0, |n| n + 1).max(now())
}

/// What the listing knows of a log's completeness.
fn note(c: &mut Completeness, log: &EventLog) {
    c.missing_parts.clone_from(&log.missing);
    c.compacted = log.compacted;
}

fn problem(c: &Completeness) -> Option<String> {
    let mut all = Vec::new();
    if c.damaged_lines > 0 {
        all.push(format!("{} damaged lines", c.damaged_lines));
    }
    if c.damaged_blocks > 0 {
        all.push(format!("{} damaged compressed blocks", c.damaged_blocks));
    }
    if c.torn_tail {
        all.push("ends in the middle of an event".to_owned());
    }
    if !c.missing_parts.is_empty() {
        all.push(format!("parts {:?} of the rolling log are missing", c.missing_parts));
    }
    if c.no_start {
        all.push("no ApplicationStart event: named by its file".to_owned());
    }
    if all.is_empty() {
        return None;
    }
    let first = c.first_damage.as_ref().map(|d| format!("; first: {d}")).unwrap_or_default();
    Some(format!("{}{first}", all.join(", ")))
}

fn attempt_row(
    a: &Attempt,
    source: &Source,
    source_id: i64,
    log: &EventLog,
    events: u64,
    generation: i64,
    parts: Vec<PartRef>,
) -> AttemptRow {
    let app = &a.application;
    AttemptRow {
        id: 0,
        cluster: source.cluster.clone(),
        app_id: app.id.clone(),
        attempt_id: app.attempt_id.clone(),
        source_id,
        log_key: log.key.clone(),
        name: app.name.clone(),
        user: app.user.clone(),
        spark_version: app.spark_version.clone(),
        start_time: app.start_time.unwrap_or(0),
        end_time: app.end_time.unwrap_or(-1),
        last_event_time: app.last_event_time.unwrap_or(0),
        last_updated: log.modified(),
        exit_code: app.exit_code,
        status: if app.end_time.is_some() { AttemptStatus::Completed } else { AttemptStatus::Running },
        log_size: log.size() as i64,
        events: events as i64,
        format: i64::from(VERSION),
        generation,
        parts,
        labels: source.labels.clone(),
        damaged: a.completeness.is_damaged(),
        completeness: crate::completeness::json(&a.completeness),
        search_text: search_text(a),
        sequence: 0,
        summary: summary(a),
    }
}

/// Where resource managers say in which queue an application runs; Kubernetes has none of its own.
const QUEUES: [&str; 4] = [
    "spark.yarn.queue",
    "spark.kubernetes.driver.label.queue",
    "spark.kubernetes.driver.annotation.yunikorn.apache.org/queue",
    "spark.kubernetes.driver.label.kueue.x-k8s.io/queue-name",
];

fn summary(a: &Attempt) -> Summary {
    let app = &a.application;
    let error = outcome::root_error(app, &a.jobs, &a.stages, &a.sql);
    let outcome = match (&error, app.end_time) {
        (_, None) => AttemptStatus::Running.text(),
        (Some(_), _) => "failed",
        (None, _) => AttemptStatus::Completed.text(),
    };
    let end = app.end_time.or(app.last_event_time).unwrap_or(0);
    let tasks = |count: fn(&StageAttempt) -> i64| a.stages.values().map(count).fold(0, i64::saturating_add);
    // A driver runs tasks in local mode only; elsewhere it has no cores.
    let executors = || a.executors.values().filter(|e| e.active && e.total_cores > 0);
    Summary {
        queue: QUEUES.iter().find_map(|key| a.environment.spark_property(key)).unwrap_or_default().to_owned(),
        outcome: outcome.to_owned(),
        duration: end.saturating_sub(app.start_time.unwrap_or(end)).max(0),
        tasks: tasks(StageAttempt::tasks),
        failed_tasks: tasks(|s| s.failed_tasks),
        executor_time: tasks(|s| s.metrics.executor_run_time),
        error: error.map(|e| outcome::first_line(&e.text).chars().take(MAX_ERROR).collect()),
        usage: Some(Usage {
            gc_time: tasks(|s| s.metrics.jvm_gc_time),
            memory_spilled: tasks(|s| s.metrics.memory_bytes_spilled),
            disk_spilled: tasks(|s| s.metrics.disk_bytes_spilled),
            executors: executors().count() as i64,
            cores: executors().map(|e| e.total_cores).fold(0, i64::saturating_add),
        }),
    }
}

/// What people search an application by, beside its name: SQL descriptions, job descriptions and
/// the first lines of errors; each text once.
fn search_text(a: &Attempt) -> String {
    let mut seen = std::collections::HashSet::new();
    let mut out = String::new();
    let first_line = |t: &str| t.lines().next().unwrap_or_default().trim().to_owned();
    let sql = a.sql.values().map(|x| x.description.clone());
    let sql_errors = a.sql.values().filter_map(|x| x.error.as_deref()).map(first_line);
    let jobs = a.jobs.values().filter_map(|j| j.description.clone());
    let job_errors = a.jobs.values().filter_map(|j| j.error.as_deref()).map(first_line);
    let stages = a.stages.values().filter_map(|s| s.failure_reason.as_deref()).map(first_line);
    let queries = a.queries.values().filter_map(|q| q.name.clone());
    for text in job_errors.chain(sql_errors).chain(stages).chain(queries).chain(jobs).chain(sql) {
        if out.len() + text.len() > MAX_SEARCH {
            break;
        }
        if !text.is_empty() && seen.insert(text.clone()) {
            out.push_str(&text);
            out.push('\n');
        }
    }
    out
}
