//! Whole states to parts and back: a checkpoint of what changed, the state to go on from, and
//! the merging of small parts.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    AttemptReader, StoreError,
    part::{Finished, Kind, PartWriter},
    record::{Record, byte},
    schema::{SqlBodyOf, SqlHeadOf, StageBodyOf, StageHeadOf},
};
use crate::redact::Redactor;
use crate::state::{Attempt, Changed, Live, Rows};

/// Moves the rows an attempt has made into a part under construction. Progress reports are
/// numbered through the attempt; `next` is the next number.
pub fn write_rows(part: &mut PartWriter, rows: Rows, next: &mut i64) -> std::io::Result<()> {
    part.tasks(rows.tasks)?;
    let first = *next;
    *next += rows.progress.len() as i64;
    part.progress(&rows.progress, first)
}

/// Completes a part with what changed since the last one. `resume`: with what the fold needs to
/// go on behind it; not wanted once the log has ended.
pub fn finish(mut part: PartWriter, attempt: &mut Attempt, resume: bool, next: i64) -> std::io::Result<Finished> {
    let changed = attempt.take_changed();
    write_changed(&mut part, attempt, &changed)?;
    part.flush_tasks()?;
    if !attempt.live.tasks.is_empty() {
        part.segment(Kind::RunningTasks, attempt.live.tasks.values().cloned().collect())?;
    }
    if resume {
        part.entities(Kind::Resume, [(next, Some(&attempt.live))])?;
    }
    part.finish()
}

fn write_changed(part: &mut PartWriter, a: &Attempt, changed: &Changed) -> std::io::Result<()> {
    let head = (a.application.clone(), a.completeness.clone());
    part.entities(Kind::Application, [(0i64, Some(&head))])?;
    if changed.environment {
        part.entities(Kind::Environment, [(0i64, Some(&a.environment))])?;
    }
    if changed.storage {
        part.entities(Kind::Storage, [(0i64, Some(&a.storage))])?;
    }
    part.entities(Kind::Jobs, changed.jobs.iter().map(|k| (*k, a.jobs.get(k))))?;
    let stages = || changed.stages.iter().filter_map(|k| Some((*k, a.stages.get(k)?)));
    part.entities(Kind::Stages, stages().map(|(k, s)| (k, Some(StageHeadOf(s)))))?;
    part.entities(Kind::StageBodies, stages().map(|(k, s)| (k, Some(StageBodyOf(s)))))?;
    part.entities(Kind::Executors, changed.executors.iter().map(|k| (k.clone(), a.executors.get(k))))?;
    part.entities(Kind::Memory, changed.memory.iter().map(|k| (k.clone(), a.memory.get(k))))?;
    part.entities(Kind::Processes, changed.processes.iter().map(|k| (k.clone(), a.processes.get(k))))?;
    part.entities(Kind::Rdds, changed.rdds.iter().map(|k| (*k, a.rdds.get(k))))?;
    let sql = || changed.sql.iter().filter_map(|k| a.sql.get(k));
    part.entities(Kind::SqlHeads, sql().map(|x| (x.id, Some(SqlHeadOf(x)))))?;
    part.entities(Kind::SqlBodies, sql().map(|x| (x.id, Some(SqlBodyOf(x)))))?;
    part.entities(Kind::Queries, changed.queries.iter().map(|k| (k.clone(), a.queries.get(k))))?;
    part.entities(Kind::Sessions, changed.sessions.iter().map(|k| (k.clone(), a.sessions.get(k))))?;
    part.entities(Kind::Operations, changed.operations.iter().map(|k| (k.clone(), a.operations.get(k))))?;
    part.entities(Kind::Foreign, a.foreign.iter().enumerate().map(|(i, f)| (i as i64, Some(f))))
}

/// The state that the newest part was written from, and the next progress number; none if the
/// attempt was finished.
pub async fn restore(reader: &AttemptReader, redactor: Arc<Redactor>) -> Result<Option<(Attempt, i64)>, StoreError> {
    let Some(resume) = reader.resume().await? else { return Ok(None) };
    let Some((next, live)) = take_resume(resume) else { return Ok(None) };
    let mut a = Attempt::new(redactor);
    (a.application, a.completeness) = reader.application().await?;
    a.environment = reader.environment().await?;
    a.jobs = reader.jobs().await?;
    a.stages = reader.stages().await?;
    a.executors = reader.executors().await?;
    a.memory = reader.memory().await?;
    a.processes = reader.processes().await?;
    a.rdds = reader.rdds().await?;
    a.sql = reader.sql(i64::MIN..=i64::MAX).await?;
    a.queries = reader.queries().await?;
    a.sessions = reader.sessions().await?;
    a.operations = reader.operations().await?;
    a.foreign = reader.foreign().await?;
    a.storage = reader.storage().await?;
    a.live = live;
    Ok(Some((a, next)))
}

fn take_resume(bytes: Bytes) -> Option<(i64, Live)> {
    let mut from = &bytes[..];
    let next = i64::take(&mut from)?;
    (byte(&mut from)? == 1).then_some(())?;
    Some((next, Live::take(&mut from)?))
}

/// Writes the parts of `reader` anew as one. Segments of ended tasks are copied as they are.
pub async fn merge(reader: &AttemptReader, mut part: PartWriter, keep_resume: bool) -> Result<Finished, StoreError> {
    let directories = reader.directories().await?;
    let newest = directories.len().saturating_sub(1);
    for (i, (key, directory)) in directories.iter().enumerate() {
        for entry in &directory.entries {
            let copied = match entry.kind {
                Kind::Tasks | Kind::Progress => true,
                Kind::RunningTasks => i == newest,
                Kind::Resume => i == newest && keep_resume,
                _ => false,
            };
            if copied {
                let stored = reader.store().stored(key, entry).await?;
                part.copy(entry, &stored)?;
            }
        }
    }
    part.entities(Kind::Application, [(0i64, Some(&reader.application().await?))])?;
    // Without one in these parts, an older part has the word on it.
    if directories.iter().any(|(_, d)| d.of(Kind::Environment).next().is_some()) {
        part.entities(Kind::Environment, [(0i64, Some(&reader.environment().await?))])?;
    }
    if directories.iter().any(|(_, d)| d.of(Kind::Storage).next().is_some()) {
        part.entities(Kind::Storage, [(0i64, Some(&reader.storage().await?))])?;
    }
    macro_rules! rewrite {
        ($($kind:ident = $list:ident),*) => {
            $(part.entities(Kind::$kind, reader.$list().await?.iter().map(|(k, v)| (k.clone(), Some(v))))?;)*
        };
    }
    rewrite!(Jobs = jobs, Executors = executors, Memory = memory, Processes = processes);
    let stages = reader.stages().await?;
    part.entities(Kind::Stages, stages.iter().map(|(k, s)| (*k, Some(StageHeadOf(s)))))?;
    part.entities(Kind::StageBodies, stages.iter().map(|(k, s)| (*k, Some(StageBodyOf(s)))))?;
    part.entities(Kind::Rdds, reader.rdd_words().await?.iter().map(|(k, v)| (*k, v.as_ref())))?;
    rewrite!(Queries = queries, Sessions = sessions, Operations = operations);
    let sql = reader.sql(i64::MIN..=i64::MAX).await?;
    part.entities(Kind::SqlHeads, sql.values().map(|x| (x.id, Some(SqlHeadOf(x)))))?;
    part.entities(Kind::SqlBodies, sql.values().map(|x| (x.id, Some(SqlBodyOf(x)))))?;
    let foreign = reader.foreign().await?;
    part.entities(Kind::Foreign, foreign.iter().enumerate().map(|(i, f)| (i as i64, Some(f))))?;
    Ok(part.finish()?)
}
