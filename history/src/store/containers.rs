//! What the parts of container logs add to an attempt: pauses, and the progress reports that its event
//! log does not have.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use afterglow_ingest::container::Pause;
use futures::{Stream, StreamExt};
use object_store::path::Path;

use super::part::{Entry, Kind};
use super::reader::{AttemptReader, PartRef, Reports, take_row};
use super::{StoreError, damaged_block};
use crate::date::instant;
use crate::state::{Progress, StreamingQuery};

/// Reports of container logs that are read at once.
const AT_ONCE: usize = 64;

/// A progress report that only a container log has, and where it lies.
#[derive(Debug, Clone)]
pub(super) struct Extra {
    part: Path,
    entry: Arc<Entry>,
    row: usize,
    run: Arc<str>,
    batch: i64,
    timestamp: String,
    /// Epoch milliseconds.
    time: Option<i64>,
}

impl AttemptReader {
    /// With the progress reports of container logs.
    pub fn with_reports(mut self, parts: Vec<PartRef>) -> Self {
        self.reports = parts;
        self
    }

    /// A page of the pauses in the part of a container's log, in its order, with how many there are.
    pub async fn pauses(
        &self,
        part: &PartRef,
        offset: usize,
        length: usize,
    ) -> Result<(Vec<Pause>, usize), StoreError> {
        let directory = self.store.directory(&part.key, part.size).await?;
        let end = offset.saturating_add(length);
        let (mut total, mut out) = (0, Vec::new());
        for entry in directory.of(Kind::Pauses) {
            let rows = usize::try_from(entry.rows).unwrap_or(usize::MAX);
            let last = total + rows;
            if total < end && last > offset {
                let bytes = self.store.plain(&part.key, entry).await?;
                let mut from = &bytes[..];
                for n in total..last {
                    let row = take_row::<i64, Pause>(&mut from).ok_or_else(|| damaged_block(&part.key, entry))?;
                    if (offset..end).contains(&n) {
                        out.extend(row.1);
                    }
                }
            }
            total = last;
        }
        Ok((out, total))
    }

    /// Which of these reports only container logs have, by their time.
    pub(super) async fn extras(&self, of: Reports<'_>) -> Result<VecDeque<Extra>, StoreError> {
        if self.reports.is_empty() {
            return Ok(VecDeque::new());
        }
        let parts = self.parts.iter().chain(&self.reports).map(|p| p.key.as_ref());
        let key = parts.collect::<Vec<_>>().join("\n");
        let all = match self.store.extras.get(&key) {
            Some(all) => all,
            None => {
                let all = Arc::new(self.find_extras().await?);
                self.store.extras.insert(key, all.clone());
                all
            }
        };
        Ok(all.iter().filter(|e| of.takes(&e.run, e.batch, &e.timestamp)).cloned().collect())
    }

    async fn find_extras(&self) -> Result<Vec<Extra>, StoreError> {
        let mut found = Vec::new();
        let mut runs: HashMap<Arc<str>, (i64, i64)> = HashMap::new();
        // The same line may have been shipped twice.
        let mut seen = HashSet::new();
        for part in &self.reports {
            let directory = self.store.directory(&part.key, part.size).await?;
            for entry in directory.of(Kind::Progress) {
                let entry = Arc::new(entry.clone());
                for (row, report) in self.reports(&part.key, &entry, Reports::default()).await?.into_iter().enumerate()
                {
                    let batch = report.batch_id;
                    let run = match runs.get_key_value(report.run_id.as_str()) {
                        Some((run, _)) => run.clone(),
                        None => Arc::from(report.run_id.as_str()),
                    };
                    let range = runs.entry(run.clone()).or_insert((batch, batch));
                    *range = (range.0.min(batch), range.1.max(batch));
                    if seen.insert((run.clone(), batch, report.timestamp.clone())) {
                        found.push(Extra {
                            part: part.key.clone(),
                            entry: entry.clone(),
                            row,
                            run,
                            batch,
                            time: instant(&report.timestamp),
                            timestamp: report.timestamp,
                        });
                    }
                }
            }
        }
        let mut logged = HashSet::new();
        for part in &self.parts {
            let directory = self.store.directory(&part.key, part.size).await?;
            let near = |e: &&Entry| {
                e.runs.iter().any(|r| {
                    runs.get(r.run.as_str()).is_some_and(|(least, most)| r.batches.0 <= *most && r.batches.1 >= *least)
                })
            };
            for entry in directory.of(Kind::Progress).filter(near) {
                for report in self.reports(&part.key, entry, Reports::default()).await? {
                    logged.insert((report.run_id, report.batch_id));
                }
            }
        }
        found.retain(|e| !logged.contains(&(e.run.to_string(), e.batch)));
        found.sort_by_key(|e| e.time);
        Ok(found)
    }

    async fn extra(&self, e: &Extra) -> Result<Progress, StoreError> {
        let all = self.reports(&e.part, &e.entry, Reports::default()).await?;
        all.into_iter().nth(e.row).ok_or_else(|| damaged_block(&e.part, &e.entry))
    }

    /// The reports in some blocks of the event log with those of container logs between them, by their time.
    pub(super) fn merged<'r>(
        &'r self,
        blocks: Vec<(Path, Entry)>,
        extras: VecDeque<Extra>,
        of: Reports<'r>,
    ) -> impl Stream<Item = Result<Vec<Progress>, StoreError>> + Unpin + 'r {
        let logged = self.progress_of(blocks, of).fuse();
        let next = move |state: Option<(_, VecDeque<Extra>)>| async move {
            let (mut logged, mut extras) = state?;
            let made = match StreamExt::next(&mut logged).await {
                Some(Ok(reports)) => self.between(reports, &mut extras).await,
                Some(Err(e)) => Err(e),
                None if extras.is_empty() => return None,
                None => self.rest(&mut extras).await,
            };
            let state = made.is_ok().then_some((logged, extras));
            Some((made, state))
        };
        futures::stream::unfold(Some((logged, extras)), next).boxed()
    }

    /// Reports of the event log, each behind those of container logs that are older.
    async fn between(&self, reports: Vec<Progress>, extras: &mut VecDeque<Extra>) -> Result<Vec<Progress>, StoreError> {
        let mut out = Vec::with_capacity(reports.len());
        for report in reports {
            let time = instant(&report.timestamp);
            while let Some(e) = extras.pop_front_if(|e| e.time < time) {
                out.push(self.extra(&e).await?);
            }
            out.push(report);
        }
        Ok(out)
    }

    async fn rest(&self, extras: &mut VecDeque<Extra>) -> Result<Vec<Progress>, StoreError> {
        let mut out = Vec::new();
        while let Some(e) = extras.pop_front_if(|_| out.len() < AT_ONCE) {
            out.push(self.extra(&e).await?);
        }
        Ok(out)
    }

    /// Takes what only container logs tell into runs of queries, by run.
    pub(super) async fn add_extras(
        &self,
        queries: &mut std::collections::BTreeMap<String, StreamingQuery>,
    ) -> Result<(), StoreError> {
        for e in self.extras(Reports::default()).await? {
            if !queries.contains_key(&*e.run) {
                let first = self.extra(&e).await?;
                let query = StreamingQuery {
                    id: first.query_id,
                    run_id: first.run_id,
                    name: first.name,
                    start_timestamp: first.timestamp,
                    ..StreamingQuery::default()
                };
                queries.insert(e.run.to_string(), query);
            }
            let Some(query) = queries.get_mut(&*e.run) else { continue };
            query.progress_reports += 1;
            query.last_batch_id = query.last_batch_id.max(Some(e.batch));
            if instant(&query.last_timestamp) < e.time {
                query.last_timestamp = e.timestamp;
            }
        }
        Ok(())
    }
}
