//! Reads the logs of containers: whole each time they changed, because what ships them to object
//! storage replaces them. What was found is published as a part, then named in the catalog; a log whose
//! application is not there yet is read all the same, and joined when somebody asks.

use std::sync::Arc;

use afterglow_ingest::container::{Finding, Pause, Reader, Summary};
use afterglow_ingest::event;
use afterglow_ingest::scan::{self, ContainerLog};
use afterglow_ingest::{LogReader, Position, Source};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::log::Failure;
use super::pipeline::PipelineError;
use super::place::cluster_of_container;
use super::progress::Outcome;
use super::{CLAIMED, FOUND, Indexer, Problems, Unread, container_claim, now};
use crate::catalog::{CatalogError, ContainerRow};
use crate::redact::Redactor;
use crate::state::Attempt;
use crate::store::part::Finished;
use crate::store::reader::PartRef;
use crate::store::{Kind, PartWriter, container_key, too_long};

/// Pauses held before they are written.
const ROWS: usize = 4096;
/// Bytes of progress reports held before they are written.
const WAITING: usize = 1 << 20;

/// What reading a log gives.
struct Read {
    summary: Summary,
    /// None if there is nothing to keep.
    part: Option<Finished>,
    pauses: u64,
    reports: u64,
    /// Bytes fetched, and plain ones.
    bytes: u64,
    plain: u64,
    damage: Option<String>,
}

impl Indexer {
    /// One scan of a source with container logs, and the reading of those that are new.
    pub(super) async fn pass_containers(
        self: &Arc<Self>,
        source: &Source,
        problems: Problems,
    ) -> Result<(), CatalogError> {
        let id = self.placed(source).await?;
        let known = self.catalog.container_versions(id).await?;
        // A place may hold both kinds, which are listed each at its own pace.
        let progress = self.progress.source(&source.cluster, &format!("{} (container logs)", source.url));
        progress.begin();
        let (tx, mut found) = mpsc::channel(FOUND);
        let listing = tokio::spawn({
            let source = source.clone();
            async move { scan::containers(&source, &tx).await }
        });
        let mut readers = JoinSet::new();
        let mut unread = Unread::default();
        let mut batch = Vec::new();
        while found.recv_many(&mut batch, CLAIMED).await > 0 {
            let mut new = Vec::new();
            for log in batch.drain(..) {
                let unchanged = match known.get(&log.log.key) {
                    None => false,
                    Some(None) => true,
                    Some(Some(version)) => *version == log.log.version(),
                };
                if unchanged {
                    self.progress.unchanged(&progress, None);
                } else {
                    new.push(log);
                }
            }
            // What another process reads now is seen as read the next time; a log is small.
            let (ours, _) = self.share_out(new, |log| container_claim(id, &log.log.key)).await?;
            for log in ours {
                progress.found(&log.log.key, log.log.size(), log.log.modified());
                let Ok(permit) = self.permits.clone().acquire_owned().await else { break };
                let (me, source, progress) = (self.clone(), source.clone(), progress.clone());
                readers.spawn(async move {
                    let outcome = me.read_container(&source, id, &log).await;
                    let claim = container_claim(id, &log.log.key);
                    if let Err(e) = me.catalog.release(me.member.id(), &[claim]).await {
                        tracing::warn!("{e}");
                    }
                    drop(permit);
                    me.report(&source, &progress, &log.log, outcome, problems)
                });
                while let Some(done) = readers.try_join_next() {
                    unread.note(done);
                }
            }
        }
        let mut scan = self.scanned(source, &progress, listing.await, problems);
        while let Some(done) = readers.join_next().await {
            unread.note(done);
        }
        scan.problem = scan.problem.or_else(|| unread.problem());
        self.catalog.scanned(id, &scan).await
    }

    /// Reads a log, publishes what was found, and commits it.
    async fn read_container(
        self: &Arc<Self>,
        source: &Source,
        source_id: i64,
        log: &ContainerLog,
    ) -> Result<Outcome, Failure> {
        let reader = LogReader::open(source.store.clone(), &log.log, &Position::default(), true).within(&self.lines);
        let (writer, redactor) = (self.store.writer(), self.redactor.clone());
        let read =
            tokio::task::spawn_blocking(move || read(reader, writer, redactor)).await.map_err(|e| e.to_string())??;
        let refused = too_long(&log.place.app_id, None);
        let placement = self.config.placements.of(source);
        let cluster = cluster_of_container(&placement, &log.place.app_id, &log.log.key);
        let part = match read.part {
            _ if refused.is_some() => None,
            None => None,
            Some(part) => {
                let key = container_key(&cluster, &log.place.app_id, source_id, &log.log.key, now());
                let size = self.store.publish(&key, part).await.map_err(|e| e.to_string())?;
                Some(PartRef { key, size })
            }
        };
        let problem = refused.or_else(|| problem(&read.summary, read.damage));
        let row = ContainerRow {
            source_id,
            log_key: log.log.key.clone(),
            version: log.log.version(),
            cluster,
            place: log.place.clone(),
            modified: log.log.modified(),
            part,
            pauses: read.pauses as i64,
            reports: read.reports as i64,
            found: read.summary.into(),
            problem: problem.clone(),
            expired: false,
        };
        let old = self.catalog.commit_container(&row).await.map_err(|e| e.to_string())?;
        if let Some(old) = old {
            // Nobody names it any more; a reader that still holds its key asks again.
            if let Err(e) = self.store.delete(&old).await {
                tracing::warn!("{e}");
            }
        }
        Ok(Outcome {
            bytes: read.bytes,
            plain: read.plain,
            problem,
            container: Some((read.pauses, read.reports)),
            ..Outcome::default()
        })
    }
}

fn problem(summary: &Summary, damage: Option<String>) -> Option<String> {
    let broken = summary.broken_reports;
    let broken = (broken > 0).then(|| format!("{broken} progress reports are cut off or no JSON"));
    let all: Vec<String> = damage.into_iter().chain(broken).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// Reads a log to its end. Blocks: call from a thread that may.
fn read(mut log: LogReader, part: PartWriter, redactor: Arc<Redactor>) -> Result<Read, PipelineError> {
    let mut reader = Reader::default();
    let mut kept = Kept { part, reports: Attempt::new(redactor), pauses: Vec::new(), waiting: 0, pause: 0, report: 0 };
    let (mut found, mut plain, mut damage) = (Vec::new(), 0, None);
    while let Some(block) = log.next_block().map_err(PipelineError::Read)? {
        for line in block.lines() {
            reader.line(line, &mut found);
            if !found.is_empty() {
                kept.take(&mut found)?;
            }
        }
        plain += block.len() as u64;
        damage = damage.or_else(|| block.damage.first().map(|d| format!("{}: {}", d.place, d.what)));
    }
    let summary = reader.finish(&mut found);
    kept.take(&mut found)?;
    kept.flush()?;
    let Kept { part, pause, report, .. } = kept;
    let part = if part.is_empty() { None } else { Some(part.finish()?) };
    let (pauses, reports) = (pause as u64, report as u64);
    Ok(Read { summary, part, pauses, reports, bytes: log.bytes, plain, damage })
}

/// What was found, on its way into a part.
struct Kept {
    part: PartWriter,
    /// Makes of a report what it would make of one in an event log.
    reports: Attempt,
    pauses: Vec<Pause>,
    /// Bytes of reports that are not written yet.
    waiting: usize,
    /// Numbers of the next pause and report that are written.
    pause: i64,
    report: i64,
}

impl Kept {
    fn take(&mut self, found: &mut Vec<Finding>) -> std::io::Result<()> {
        for finding in found.drain(..) {
            match finding {
                Finding::Pause(pause) => self.pauses.push(pause),
                Finding::Report(json) => self.reported(&json),
            }
        }
        if self.pauses.len() >= ROWS || self.waiting >= WAITING { self.flush() } else { Ok(()) }
    }

    /// A report goes the way of the event that Spark would log for it.
    fn reported(&mut self, json: &str) {
        if let Ok(event) = event::progress(json) {
            self.reports.apply(&event);
            self.waiting += json.len();
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let pauses = std::mem::take(&mut self.pauses);
        self.part.entities(Kind::Pauses, (self.pause..).zip(&pauses).map(|(n, p)| (n, Some(p))))?;
        self.pause += pauses.len() as i64;
        let rows = self.reports.take_rows();
        self.part.progress(&rows.progress, self.report)?;
        self.report += rows.progress.len() as i64;
        self.waiting = 0;
        Ok(())
    }
}
