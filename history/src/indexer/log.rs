//! Reads one log from where it was left, and commits what came of it.

use std::sync::Arc;

use afterglow_ingest::log::Layout;
use afterglow_ingest::read::is_as_read;
use afterglow_ingest::{EventLog, LogReader, Position, Source};
use object_store::path::Path;
use tokio::task::JoinError;

use super::follow::LiveAttempt;
use super::pipeline::{self, PipelineError, Work};
use super::progress::{Damage, Outcome};
use super::{Indexer, identity, now};
use crate::catalog::{
    AttemptRow, AttemptStatus, Commit, Committed, KnownLog, LogRow, LogState, Summary, Usage, log_claim,
};
use crate::insight::outcome::{first_line, outcome};
use crate::placement::{Placed, Told, queue};
use crate::state::{Attempt, Completeness, StageAttempt};
use crate::store::reader::PartRef;
use crate::store::{AttemptReader, VERSION, part_key, part_number, snapshot};

/// Characters of search text kept for an attempt.
const MAX_SEARCH: usize = 64 << 10;
/// Characters of an error that lists show.
const MAX_ERROR: usize = 500;

/// How often a log is read from what other processes made of it meanwhile, before it is left for the next time.
const TRIES: usize = 5;

/// Why a log could not be read further.
pub(super) struct Failure {
    pub what: String,
    pub why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// No fault of the log: another time it may do.
    Outside,
    /// It was renamed or deleted since it was listed: the next listing tells.
    Gone,
    /// Of what is in it: it will be the same until that changes.
    Log,
}

impl From<String> for Failure {
    fn from(what: String) -> Self {
        Failure { what, why: Why::Outside }
    }
}

impl From<JoinError> for Failure {
    fn from(e: JoinError) -> Self {
        let why = if e.is_panic() { Why::Log } else { Why::Outside };
        Failure { what: format!("reading it was interrupted: {e}"), why }
    }
}

impl From<PipelineError> for Failure {
    fn from(e: PipelineError) -> Self {
        let why = match &e {
            PipelineError::Read(object_store::Error::NotFound { .. }) => Why::Gone,
            PipelineError::Panicked(_) => Why::Log,
            _ => Why::Outside,
        };
        Failure { what: e.to_string(), why }
    }
}

/// What came of one attempt to read a log further.
enum Attempted {
    Read(Outcome),
    /// Another process was faster.
    Overtaken,
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
    /// Of what the catalog knew of the log.
    revision: Option<i64>,
}

impl Indexer {
    /// Reads what is new in a log that this process has claimed, and gives up the claim.
    pub(super) async fn read_log(
        self: &Arc<Self>,
        source: &Source,
        source_id: i64,
        log: &EventLog,
        threads: usize,
    ) -> Result<Outcome, Failure> {
        let done = self.read_on(source, source_id, log, threads).await;
        let done = match done {
            Err(Failure { what, why: Why::Log }) => self.remember(source_id, log, what).await.map_err(Failure::from),
            done => done,
        };
        // A commit has done so already.
        if !matches!(&done, Ok(outcome) if outcome.committed) {
            let claim = log_claim(source_id, &log.key);
            if let Err(e) = self.catalog.release(self.member.id(), &[claim]).await {
                tracing::warn!(log = log.key, "{e}");
            }
        }
        done
    }

    /// The same, from what others made of it where they were faster.
    async fn read_on(
        self: &Arc<Self>,
        source: &Source,
        source_id: i64,
        log: &EventLog,
        threads: usize,
    ) -> Result<Outcome, Failure> {
        for _ in 0..TRIES {
            let known = self.catalog.known_log(source_id, &log.key).await.map_err(|e| e.to_string())?;
            if !self.is_new(log, known.log.as_ref().map(|(row, _)| row)) {
                return Ok(Outcome { unchanged: true, ..Outcome::default() });
            }
            match self.read_from(source, source_id, log, known, threads).await? {
                Attempted::Read(outcome) => return Ok(outcome),
                Attempted::Overtaken => tracing::debug!(log = log.key, "another process has read on: reading again"),
            }
        }
        Err("another process reads it at the same time, and is always faster".to_owned().into())
    }

    /// Reads on from what is known of a log, and commits that if it still is.
    async fn read_from(
        self: &Arc<Self>,
        source: &Source,
        source_id: i64,
        log: &EventLog,
        known: KnownLog,
        threads: usize,
    ) -> Result<Attempted, Failure> {
        let start = self.start(source, source_id, log, known).await?;
        let Start { attempt, next_progress, position, events, parts, generation, revision } = start;
        let take_tail = !log.in_progress;
        let known = attempt.completeness.clone();
        let reader = LogReader::open(source.store.clone(), log, &position, take_tail).within(&self.lines);
        let mut work = Work {
            attempt,
            part: self.store.writer(),
            next_progress,
            position,
            events,
            lines: 0,
            plain: 0,
            no_log: false,
            refused: None,
        };
        // Kept to the end: what its long lines took of the budget is in memory for so long.
        let (reader, mut work) = tokio::task::spawn_blocking(move || {
            let read = pipeline::run(reader, &mut work, threads);
            read.map(|reader| (reader, work))
        })
        .await??;
        let bytes = reader.bytes;
        if let Some(what) = work.refused {
            return Err(Failure { what, why: Why::Log });
        }
        let mut outcome = Outcome { events: work.events - events, bytes, plain: work.plain, ..Outcome::default() };
        let nothing = work.events == 0;
        if !work.attempt.is_application() && !nothing && !work.no_log {
            if log.in_progress && is_young(&work.attempt) {
                return Ok(self.not_yet(source_id, log, revision, outcome).await?);
            }
            self.name_by_key(&mut work.attempt, log);
        }
        if !work.attempt.is_application() || nothing {
            return Ok(self.no_application(source_id, log, revision, outcome, nothing || work.no_log).await?);
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
            .await?;
            attempt = back;
            made.map_err(|e| e.to_string())?
        };
        let app = attempt.application.clone();
        let told = Told { application: &app, environment: &attempt.environment, path: &log.key };
        let placed = self.config.placements.of(source).place(&told);
        let key = part_key(&placed.cluster, &app.id, app.attempt_id.as_deref(), generation, next_part(&parts));
        let size = self.store.publish(&key, finished_part).await.map_err(|e| e.to_string())?;
        let before = parts.clone();
        let mut all = parts;
        all.push(PartRef { key, size });
        let (mut all, merged) =
            self.compact(&placed.cluster, &app.id, app.attempt_id.as_deref(), generation, all, finished).await?;
        outcome.attempt = Some(match &app.attempt_id {
            Some(a) => format!("{}/{}/{a}", placed.cluster, app.id),
            None => format!("{}/{}", placed.cluster, app.id),
        });
        outcome.problem = problem(&attempt.completeness);
        outcome.damage = Damage::between(&known, &attempt.completeness);
        let row = attempt_row(&attempt, placed, source_id, log, events, generation, all.clone());
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
            base: revision,
            claim: self.claim_of(source_id, log),
        };
        let committed = self.catalog.commit(commit).await.map_err(|e| e.to_string())?;
        // Nobody names them any more; a reader that still holds a key asks again.
        let (revision, unnamed): (_, Vec<Path>) = match committed {
            Committed::Done { revision, unused } => (Some(revision), unused.into_iter().chain(merged).collect()),
            // Nobody ever did. What was there before is the other's.
            Committed::Overtaken => {
                let made = all.into_iter().map(|p| p.key).chain(merged);
                let made = made.filter(|key| !before.iter().any(|p| p.key == *key)).collect();
                all = Vec::new();
                (None, made)
            }
        };
        for key in unnamed {
            if let Err(e) = self.store.delete(&key).await {
                tracing::warn!("{e}");
            }
        }
        let Some(revision) = revision else { return Ok(Attempted::Overtaken) };
        if !finished {
            let live = LiveAttempt { attempt, next_progress, revision, generation, parts: all };
            self.live.put(source_id, &log.key, live);
        }
        outcome.committed = true;
        Ok(Attempted::Read(outcome))
    }

    /// What this process has claimed of a log, to be given up with a commit.
    fn claim_of(&self, source_id: i64, log: &EventLog) -> Option<(i64, String)> {
        Some((self.member.id(), log_claim(source_id, &log.key)))
    }

    /// Remembers what keeps a log from being indexed, so that it is not read again before it changes. What was read of it
    /// before stays.
    async fn remember(&self, source_id: i64, log: &EventLog, problem: String) -> Result<Outcome, String> {
        let known = self.catalog.known_log(source_id, &log.key).await.map_err(|e| e.to_string())?;
        let row = LogRow {
            version: log.version(),
            state: LogState::Failed,
            problem: Some(problem.clone()),
            position: Position::default(),
            consumed: Vec::new(),
        };
        let commit = Commit {
            source_id,
            log_key: log.key.clone(),
            log: row,
            attempt: None,
            base: known.log.map(|(_, revision)| revision),
            claim: self.claim_of(source_id, log),
        };
        let committed = self.catalog.commit(commit).await.map_err(|e| e.to_string())? != Committed::Overtaken;
        Ok(Outcome { problem: Some(problem), committed, ..Outcome::default() })
    }

    /// Where to go on in a log: behind what was read, if the log still begins with that.
    async fn start(&self, source: &Source, source_id: i64, log: &EventLog, known: KnownLog) -> Result<Start, Failure> {
        let KnownLog { log: row, attempt: known } = known;
        let revision = row.as_ref().map(|(_, revision)| *revision);
        let fresh = |generation| Start {
            attempt: Attempt::new(self.redactor.clone()),
            next_progress: 0,
            position: Position::default(),
            events: 0,
            parts: Vec::new(),
            generation,
            revision,
        };
        let Some(known) = known else { return Ok(fresh(now())) };
        // The present as a generation is greater than any before it.
        let again = fresh(now().max(known.generation + 1));
        let goes_on = |r: &LogRow| r.state == LogState::Live && !r.version.is_empty() && goes_on(log, r);
        let Some((row, revision)) = row.filter(|(r, _)| known.format == i64::from(VERSION) && goes_on(r)) else {
            return Ok(again);
        };
        if !is_as_read(&source.store, log, &row.position).await.map_err(PipelineError::Read)? {
            tracing::info!(source = ?source, log = log.key, "another log is there under its name: reading it anew");
            return Ok(again);
        }
        let restored = match self.live.take(source_id, &log.key, &known, revision) {
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
                position: row.position,
                events: known.events as u64,
                parts: known.parts,
                generation: known.generation,
                revision: Some(revision),
            },
            None => again,
        })
    }

    /// Merges small parts, so that an attempt that is followed for long has few, and a finished
    /// one has a single part. Gives the parts, and those that went into others: they may be
    /// deleted once the catalog names the others.
    async fn compact(
        &self,
        cluster: &str,
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
            let key = part_key(cluster, app, attempt, generation, number);
            let size = self.store.publish(&key, made).await.map_err(|e| e.to_string())?;
            parts.push(PartRef { key, size });
        }
    }

    /// A log without ApplicationStart is named by its file or its folder, if that names it.
    fn name_by_key(&self, attempt: &mut Attempt, log: &EventLog) {
        if let Some((id, attempt_id)) = identity::of(log) {
            let app = &mut attempt.application;
            app.name.clone_from(&id);
            app.id = id;
            app.attempt_id = attempt_id;
            app.start_time = attempt.jobs.values().filter_map(|j| j.submission_time).min().or(app.last_event_time);
            attempt.completeness.no_start = true;
        }
    }

    /// A log that is being written has not said yet whose it is: a driver asks for its cluster first, which may take minutes.
    /// It is read from its start again when it has grown.
    async fn not_yet(
        &self,
        source_id: i64,
        log: &EventLog,
        base: Option<i64>,
        mut outcome: Outcome,
    ) -> Result<Attempted, String> {
        let row = LogRow {
            version: log.version(),
            state: LogState::Live,
            problem: None,
            position: Position::default(),
            consumed: Vec::new(),
        };
        let claim = self.claim_of(source_id, log);
        let commit = Commit { source_id, log_key: log.key.clone(), log: row, attempt: None, base, claim };
        if self.catalog.commit(commit).await.map_err(|e| e.to_string())? == Committed::Overtaken {
            return Ok(Attempted::Overtaken);
        }
        outcome.committed = true;
        Ok(Attempted::Read(outcome))
    }

    async fn no_application(
        &self,
        source_id: i64,
        log: &EventLog,
        base: Option<i64>,
        mut outcome: Outcome,
        no_events: bool,
    ) -> Result<Attempted, String> {
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
        let claim = self.claim_of(source_id, log);
        let commit = Commit { source_id, log_key: log.key.clone(), log: log_row, attempt: None, base, claim };
        if self.catalog.commit(commit).await.map_err(|e| e.to_string())? == Committed::Overtaken {
            return Ok(Attempted::Overtaken);
        }
        outcome.committed = true;
        Ok(Attempted::Read(outcome))
    }
}

/// Whether an application that has not told its name has done nothing else, either.
fn is_young(a: &Attempt) -> bool {
    a.jobs.is_empty() && a.stages.is_empty() && a.sql.is_empty() && a.application.end_time.is_none()
}

/// Whether the log is the one that was read up to the row's position: the parts before it are
/// the same, and its own is there and not shorter.
fn goes_on(log: &EventLog, row: &LogRow) -> bool {
    let names: Vec<&str> = bare_names(log).collect();
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
    parts.iter().filter_map(|p| part_number(&p.key)).max().map_or(0, |n| n + 1).max(now())
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
    placed: Placed,
    source_id: i64,
    log: &EventLog,
    events: u64,
    generation: i64,
    parts: Vec<PartRef>,
) -> AttemptRow {
    let app = &a.application;
    AttemptRow {
        id: 0,
        cluster: placed.cluster,
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
        labels: placed.labels,
        placed_by: placed.by,
        damaged: a.completeness.is_damaged(),
        completeness: crate::completeness::json(&a.completeness),
        search_text: search_text(a),
        sequence: 0,
        summary: summary(a),
    }
}

fn summary(a: &Attempt) -> Summary {
    let app = &a.application;
    let ended = outcome(app, a.completeness.no_start, &a.jobs, &a.stages, &a.sql);
    let end = app.end_time.or(app.last_event_time).unwrap_or(0);
    let tasks = |count: fn(&StageAttempt) -> i64| a.stages.values().map(count).fold(0, i64::saturating_add);
    // A driver runs tasks in local mode only; elsewhere it has no cores.
    let executors = || a.executors.values().filter(|e| e.active && e.total_cores > 0);
    Summary {
        queue: queue(&a.environment).to_owned(),
        outcome: ended.status.text().to_owned(),
        duration: end.saturating_sub(app.start_time.unwrap_or(end)).max(0),
        tasks: tasks(StageAttempt::tasks),
        failed_tasks: tasks(|s| s.failed_tasks),
        executor_time: tasks(|s| s.metrics.executor_run_time),
        error: ended.error.map(|e| first_line(&e.text).chars().take(MAX_ERROR).collect()),
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
