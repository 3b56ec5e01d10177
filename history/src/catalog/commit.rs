//! Commits what was read of logs. Those that wait for their turn go into one transaction: pages of
//! the catalog that several of them change are written once.

use std::sync::{Mutex, PoisonError};

use object_store::path::Path;
use sqlx::{Row as _, Sqlite, Transaction};
use tokio::sync::oneshot;

use super::indexers::release;
use super::{AttemptRow, Catalog, CatalogError, LogRow, LogState};

/// Commits that go into one transaction at most.
const TOGETHER: usize = 32;

/// All that changes when a log was read further.
pub struct Commit {
    pub source_id: i64,
    pub log_key: String,
    pub log: LogRow,
    /// The attempt, its parts published; none if the log gave none.
    pub attempt: Option<AttemptRow>,
    /// The revision of the log that reading began from; none for a log that was not known.
    pub base: Option<i64>,
    /// The process and what it claimed of the log, to be given up with the commit.
    pub claim: Option<(i64, String)>,
}

/// What became of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    /// It holds.
    Done {
        /// What is known of the log now.
        revision: i64,
        /// Parts that the attempt had and has no more.
        unused: Vec<Path>,
    },
    /// What is known of the log is not what reading began from: another process was faster. Nothing was changed.
    Overtaken,
}

type Waiting = (Commit, oneshot::Sender<Result<Committed, CatalogError>>);

/// Commits that wait, in the order they came.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Vec<Waiting>>,
    /// Who has it commits for all that wait.
    turn: tokio::sync::Mutex<()>,
}

impl Queue {
    fn push(&self, waiting: Waiting) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(waiting);
    }

    fn take(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let n = waiting.len().min(TOGETHER);
        waiting.drain(..n).collect()
    }
}

impl Catalog {
    /// Commits what was read of a log: its position and, in one step with it, its attempt; unless what is known of the log
    /// has changed since reading began.
    pub async fn commit(&self, commit: Commit) -> Result<Committed, CatalogError> {
        let (done, mut answer) = oneshot::channel();
        self.commits.push((commit, done));
        let _turn = self.commits.turn.lock().await;
        loop {
            match answer.try_recv() {
                Ok(result) => return result,
                Err(oneshot::error::TryRecvError::Closed) => {
                    return Err(CatalogError::Stored("the commit was interrupted".into()));
                }
                Err(oneshot::error::TryRecvError::Empty) => self.commit_waiting().await,
            }
        }
    }

    async fn commit_waiting(&self) {
        let (commits, answers): (Vec<Commit>, Vec<_>) = self.commits.take().into_iter().unzip();
        let results = match self.commit_all(&commits).await {
            Ok(committed) => committed.into_iter().map(Ok).collect(),
            Err(e) if commits.len() == 1 => vec![Err(e)],
            // One that cannot be saved must not keep others from it.
            Err(_) => {
                let mut results = Vec::new();
                for commit in &commits {
                    let alone = self.commit_all(std::slice::from_ref(commit)).await;
                    let lost = || CatalogError::Stored("the commit was lost".into());
                    results.push(alone.and_then(|all| all.into_iter().next().ok_or_else(lost)));
                }
                results
            }
        };
        for (answer, result) in answers.into_iter().zip(results) {
            // Who does not wait any more was stopped.
            let _ = answer.send(result);
        }
    }

    async fn commit_all(&self, commits: &[Commit]) -> Result<Vec<Committed>, CatalogError> {
        let mut tx = self.begin().await?;
        let mut committed = Vec::with_capacity(commits.len());
        for commit in commits {
            committed.push(commit.save(&mut tx).await?);
        }
        tx.commit().await?;
        Ok(committed)
    }
}

impl Commit {
    async fn save(&self, tx: &mut Transaction<'_, Sqlite>) -> Result<Committed, CatalogError> {
        let Commit { source_id, log_key, log, attempt, base, claim } = self;
        let known = sqlx::query("SELECT revision FROM logs WHERE source_id = $1 AND log_key = $2")
            .bind(source_id)
            .bind(log_key)
            .fetch_optional(&mut **tx)
            .await?;
        let known: Option<i64> = known.map(|r| r.try_get(0)).transpose()?;
        if let Some((process, name)) = claim {
            release(tx, *process, name).await?;
        }
        if known != *base {
            return Ok(Committed::Overtaken);
        }
        let revision = known.unwrap_or(0) + 1;
        let (mut state, mut problem) = (log.state, log.problem.clone());
        let mut unused = Vec::new();
        if let Some(attempt) = attempt {
            let other = attempt.owner(tx).await?.filter(|(source, key)| (source, key) != (source_id, log_key));
            match (other, attempt.was_in(tx).await?) {
                (None, _) => unused = attempt.save(tx).await?,
                // Rules would have it where another log's attempt is: it stays where it was.
                (Some(_), Some(cluster)) => {
                    let staying = AttemptRow { cluster, placed_by: String::new(), ..attempt.clone() };
                    unused = staying.save(tx).await?;
                }
                (Some((_, key)), None) => {
                    state = LogState::Duplicate;
                    problem = Some(format!("tells of the same attempt as {key}, which was read first"));
                    unused = attempt.parts.iter().map(|p| p.key.clone()).collect();
                }
            }
        }
        sqlx::query(
            "INSERT INTO logs (source_id, log_key, version, state, problem, position_part, position_offset, position_skip, consumed,
                 revision, tail_end, tail_len, tail_sum)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
             ON CONFLICT (source_id, log_key) DO UPDATE SET version = $3, state = $4, problem = $5,
                 position_part = $6, position_offset = $7, position_skip = $8, consumed = $9,
                 revision = $10, tail_end = $11, tail_len = $12, tail_sum = $13",
        )
        .bind(source_id)
        .bind(log_key)
        .bind(&log.version)
        .bind(state.text())
        .bind(problem)
        .bind(&log.position.part)
        .bind(log.position.offset as i64)
        .bind(log.position.skip as i64)
        .bind(serde_json::to_string(&log.consumed).unwrap_or_default())
        .bind(revision)
        .bind(log.position.tail.end as i64)
        .bind(log.position.tail.len as i64)
        // All its bits, in a column of integers.
        .bind(log.position.tail.sum.cast_signed())
        .execute(&mut **tx)
        .await?;
        Ok(Committed::Done { revision, unused })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use afterglow_ingest::Position;

    use super::*;
    use crate::catalog::{AttemptStatus, ListFilter, ListPage, ListSort, Summary};
    use crate::viewer::Viewer;

    pub fn commit(source: i64, app: &str) -> Commit {
        let attempt = AttemptRow {
            id: 0,
            cluster: "c".into(),
            app_id: app.into(),
            attempt_id: None,
            source_id: source,
            log_key: app.into(),
            name: String::new(),
            user: String::new(),
            spark_version: String::new(),
            start_time: 1,
            end_time: 2,
            last_event_time: 2,
            last_updated: 2,
            exit_code: None,
            status: AttemptStatus::Completed,
            log_size: 1,
            events: 1,
            format: 1,
            generation: 1,
            parts: Vec::new(),
            labels: BTreeMap::new(),
            placed_by: String::new(),
            damaged: false,
            completeness: "{}".into(),
            search_text: String::new(),
            sequence: 0,
            summary: Summary::default(),
        };
        let log = LogRow {
            version: "1".into(),
            state: LogState::Indexed,
            problem: None,
            position: Position::default(),
            consumed: Vec::new(),
        };
        Commit { source_id: source, log_key: app.into(), log, attempt: Some(attempt), base: None, claim: None }
    }

    #[tokio::test]
    async fn who_began_from_what_is_not_there_any_more_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("catalog.db");
        // As two processes have it.
        let (a, b) = (Catalog::open(&file).await.unwrap(), Catalog::open(&file).await.unwrap());
        let with = |base, events| {
            let mut commit = commit(1, "app-1");
            commit.base = base;
            if let Some(attempt) = &mut commit.attempt {
                attempt.events = events;
            }
            commit
        };
        let done = |revision| Committed::Done { revision, unused: Vec::new() };
        let events = async || a.attempt_of_log(1, "app-1").await.unwrap().unwrap().events;
        assert_eq!(a.commit(with(None, 10)).await.unwrap(), done(1));
        assert_eq!(b.commit(with(None, 20)).await.unwrap(), Committed::Overtaken);
        assert_eq!(events().await, 10);
        let base = b.known_log(1, "app-1").await.unwrap().log.map(|(_, revision)| revision);
        assert_eq!(base, Some(1));
        assert_eq!(b.commit(with(base, 30)).await.unwrap(), done(2));
        assert_eq!(a.commit(with(Some(1), 40)).await.unwrap(), Committed::Overtaken);
        // What is asked for meanwhile is a change, too.
        a.forget_other_formats(9).await.unwrap();
        assert_eq!(a.commit(with(Some(2), 50)).await.unwrap(), Committed::Overtaken);
        assert_eq!(events().await, 30);
        let row = a.attempt_of_log(1, "app-1").await.unwrap().unwrap();
        a.expire(&row).await.unwrap();
        assert_eq!(b.commit(with(Some(3), 60)).await.unwrap(), Committed::Overtaken);
        assert!(a.attempt_of_log(1, "app-1").await.unwrap().is_none());
    }

    #[tokio::test]
    async fn one_that_cannot_be_saved_costs_only_itself() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&folder.path().join("catalog.db")).await.unwrap();
        let refuse =
            "CREATE TRIGGER t BEFORE INSERT ON attempts WHEN NEW.app_id = 'app-7' BEGIN SELECT RAISE(ABORT, 'no'); END";
        sqlx::query(refuse).execute(&catalog.writer).await.unwrap();
        // Every application in two sources: who comes second is told so.
        let all = (0..40).flat_map(|i| [(1, i), (2, i)]);
        let all = all.map(|(source, i)| {
            let catalog = catalog.clone();
            tokio::spawn(async move { (i, catalog.commit(commit(source, &format!("app-{i}"))).await.is_ok()) })
        });
        for saved in futures::future::join_all(all).await {
            let (i, saved) = saved.unwrap();
            assert_eq!(saved, i != 7, "app-{i}");
        }
        let page = ListPage { sort: ListSort::StartTime, descending: true, offset: 0, length: 1 };
        let (_, total) = catalog.list(&Viewer::everything(), &ListFilter::default(), page).await.unwrap();
        assert_eq!(total, 39);
        let states = catalog.logs(1).await.unwrap().into_values().chain(catalog.logs(2).await.unwrap().into_values());
        let duplicates = states.filter(|l| l.state == LogState::Duplicate).count();
        assert_eq!(duplicates, 39);
    }
}
