//! Entities of an attempt in the order of their keys, forwards or backwards, a block of each part at a time: of a list
//! of any length no more than that is in memory, and no block is read that nobody comes to.
//!
//! Every part has its entities in order; where several have one, the newest part's word counts.

use std::collections::VecDeque;
use std::sync::Arc;

use object_store::path::Path;

use super::part::{BlockKey, Directory, Entry, Kind};
use super::reader::take_row;
use super::record::Record;
use super::schema::{PartOf, SqlBody, SqlHead, StageBody, StageHead};
use super::{AttemptReader, Store, StoreError};
use crate::state::{Job, SqlExecution, StageAttempt, StageKey};

/// Which way through the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Forwards,
    Backwards,
}

/// Entities of a kind in the order of their keys.
pub struct Merge<K, T> {
    store: Arc<Store>,
    way: Way,
    /// Of each part, oldest first.
    parts: Vec<Cursor<K, T>>,
}

/// Where one part is read.
struct Cursor<K, T> {
    key: Path,
    /// Blocks that were not read yet, the next one first.
    blocks: VecDeque<Entry>,
    /// Rows of the block that is read, the next one last.
    rows: Vec<(K, Option<T>)>,
}

impl<K: Record + BlockKey + Ord + Clone, T: Record> Merge<K, T> {
    fn new(store: &Arc<Store>, directories: &[(Path, Arc<Directory>)], kind: Kind, way: Way) -> Self {
        let cursor = |(key, directory): &(Path, Arc<Directory>)| {
            let mut blocks: VecDeque<Entry> = directory.of(kind).cloned().collect();
            if way == Way::Backwards {
                blocks.make_contiguous().reverse();
            }
            Cursor { key: key.clone(), blocks, rows: Vec::new() }
        };
        Merge { store: store.clone(), way, parts: directories.iter().map(cursor).collect() }
    }

    /// Whether `a` comes before `b`.
    fn is_before<N: Ord>(&self, a: &N, b: &N) -> bool {
        if self.way == Way::Forwards { a < b } else { a > b }
    }

    /// The next entity.
    pub async fn next(&mut self) -> Result<Option<(K, T)>, StoreError> {
        loop {
            match self.word().await? {
                None => return Ok(None),
                Some((key, Some(entity))) => return Ok(Some((key, entity))),
                Some((_, None)) => {}
            }
        }
    }

    /// What is said of the next key; none where the newest word is that it is gone.
    async fn word(&mut self) -> Result<Option<(K, Option<T>)>, StoreError> {
        for part in &mut self.parts {
            part.fill(&self.store, self.way).await?;
        }
        let mut next: Option<&K> = None;
        for key in self.parts.iter().filter_map(|p| Some(&p.rows.last()?.0)) {
            if next.is_none_or(|n| self.is_before(key, n)) {
                next = Some(key);
            }
        }
        let Some(next) = next.cloned() else { return Ok(None) };
        let mut word = None;
        for part in &mut self.parts {
            if let Some((_, newer)) = part.rows.pop_if(|row| row.0 == next) {
                word = newer;
            }
        }
        Ok(Some((next, word)))
    }

    /// The entity of a key that is not behind those asked for before. Blocks before it are not read.
    async fn at(&mut self, key: &K) -> Result<Option<T>, StoreError> {
        let (mut found, way) = (None, self.way);
        let before = |a: &K| if way == Way::Forwards { a < key } else { a > key };
        for part in &mut self.parts {
            loop {
                while part.rows.pop_if(|row| before(&row.0)).is_some() {}
                if !part.rows.is_empty() {
                    break;
                }
                let passed = |e: &Entry| match way {
                    Way::Forwards => e.last < key.number(),
                    Way::Backwards => e.first > key.number(),
                };
                while part.blocks.front().is_some_and(passed) {
                    part.blocks.pop_front();
                }
                if !part.fill(&self.store, way).await? {
                    break;
                }
            }
            if let Some((_, newer)) = part.rows.pop_if(|row| row.0 == *key) {
                found = newer;
            }
        }
        Ok(found)
    }
}

impl<K: Record, T: Record> Cursor<K, T> {
    /// Reads the next block if none is left of the last; whether there is a row.
    async fn fill(&mut self, store: &Store, way: Way) -> Result<bool, StoreError> {
        while self.rows.is_empty() {
            let Some(entry) = self.blocks.pop_front() else { return Ok(false) };
            let bytes = store.plain(&self.key, &entry).await?;
            let mut from = &bytes[..];
            for _ in 0..entry.rows {
                let row = take_row::<K, T>(&mut from);
                self.rows.push(row.ok_or_else(|| super::damaged_block(&self.key, &entry))?);
            }
            if way == Way::Forwards {
                self.rows.reverse();
            }
            // Of many blocks that are in memory already none would give its thread to others.
            tokio::task::yield_now().await;
        }
        Ok(true)
    }
}

/// Stage attempts in order.
pub struct Stages {
    heads: Merge<StageKey, StageHead>,
    bodies: Merge<StageKey, StageBody>,
}

impl Stages {
    /// The next one that is wanted, by what its head tells; without its body.
    pub async fn next_head(
        &mut self,
        wanted: impl Fn(&StageAttempt) -> bool,
    ) -> Result<Option<(StageKey, StageAttempt)>, StoreError> {
        while let Some((key, StageHead(stage))) = self.heads.next().await? {
            if wanted(&stage) {
                return Ok(Some((key, stage)));
            }
        }
        Ok(None)
    }

    /// A head, with its body.
    pub async fn whole(&mut self, key: StageKey, mut stage: StageAttempt) -> Result<StageAttempt, StoreError> {
        if let Some(body) = self.bodies.at(&key).await? {
            body.onto(&mut stage);
        }
        Ok(stage)
    }
}

/// SQL executions in order.
pub struct Executions {
    heads: Merge<i64, SqlHead>,
    bodies: Merge<i64, SqlBody>,
}

impl Executions {
    /// The next one, without plans and metrics.
    pub async fn next_head(&mut self) -> Result<Option<SqlExecution>, StoreError> {
        Ok(self.heads.next().await?.map(|(_, SqlHead(execution))| execution))
    }

    /// A head, with its body.
    pub async fn whole(&mut self, mut execution: SqlExecution) -> Result<SqlExecution, StoreError> {
        if let Some(body) = self.bodies.at(&execution.id).await? {
            body.onto(&mut execution);
        }
        Ok(execution)
    }
}

impl AttemptReader {
    pub async fn jobs_in_order(&self, way: Way) -> Result<Merge<i64, Job>, StoreError> {
        Ok(Merge::new(self.store(), &self.directories().await?, Kind::Jobs, way))
    }

    pub async fn stages_in_order(&self, way: Way) -> Result<Stages, StoreError> {
        let (store, all) = (self.store(), self.directories().await?);
        let heads = Merge::new(store, &all, Kind::Stages, way);
        Ok(Stages { heads, bodies: Merge::new(store, &all, Kind::StageBodies, way) })
    }

    pub async fn sql_in_order(&self, way: Way) -> Result<Executions, StoreError> {
        let (store, all) = (self.store(), self.directories().await?);
        let heads = Merge::new(store, &all, Kind::SqlHeads, way);
        Ok(Executions { heads, bodies: Merge::new(store, &all, Kind::SqlBodies, way) })
    }
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;
    use crate::store::reader::PartRef;
    use crate::store::schema::{StageBodyOf, StageHeadOf};

    /// A reader of parts that have stages of these ids, with the part's number in their heads and bodies.
    async fn parts(store: &Arc<Store>, of: &[(i64, i64)]) -> AttemptReader {
        let mut all = Vec::new();
        for (n, (from, to)) in of.iter().enumerate() {
            let stages: Vec<StageAttempt> = (*from..*to)
                .flat_map(|id| (0..1 + id % 2).map(move |attempt| (id, attempt)))
                .map(|(stage_id, attempt_id)| StageAttempt {
                    stage_id,
                    attempt_id,
                    name: format!("part {n}"),
                    details: format!("part {n}"),
                    ..StageAttempt::default()
                })
                .collect();
            let key = |s: &StageAttempt| (s.stage_id, s.attempt_id);
            let mut part = store.writer();
            part.entities(Kind::Stages, stages.iter().map(|s| (key(s), Some(StageHeadOf(s))))).unwrap();
            part.entities(Kind::StageBodies, stages.iter().map(|s| (key(s), Some(StageBodyOf(s))))).unwrap();
            let key = Path::from(format!("part-{n}"));
            let size = store.publish(&key, part.finish().unwrap()).await.unwrap();
            all.push(PartRef { key, size });
        }
        AttemptReader::new(store.clone(), all)
    }

    #[tokio::test]
    async fn the_newest_word_counts_in_either_order() {
        for of in [&[(0, 2000)][..], &[(0, 2000), (100, 200), (1990, 2010), (0, 1)], &[(500, 600), (0, 10)], &[]] {
            let folder = tempfile::tempdir().unwrap();
            let store = Store::new(Arc::new(InMemory::new()), Path::default(), folder.path(), 1 << 20).unwrap();
            let reader = parts(&Arc::new(store), of).await;
            let expected: Vec<StageAttempt> = reader.stages().await.unwrap().into_values().collect();
            let wanted = |s: &StageAttempt| s.stage_id % 7 != 0 || s.stage_id > 1900;
            for way in [Way::Forwards, Way::Backwards] {
                let mut stages = reader.stages_in_order(way).await.unwrap();
                let mut found = Vec::new();
                while let Some((key, head)) = stages.next_head(wanted).await.unwrap() {
                    let stage = stages.whole(key, head).await.unwrap();
                    found.push((stage.stage_id, stage.attempt_id, stage.name, stage.details));
                }
                if way == Way::Backwards {
                    found.reverse();
                }
                let expected = expected.iter().filter(|s| wanted(s));
                let expected: Vec<_> =
                    expected.map(|s| (s.stage_id, s.attempt_id, s.name.clone(), s.details.clone())).collect();
                assert_eq!(found, expected, "{of:?}");
            }
        }
    }
}
