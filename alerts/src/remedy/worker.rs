//! Looks for advice on incidents that fire, and follows up on jobs that run again; beside everything else, so that no incident waits for it.

use std::sync::Arc;
use std::time::Duration;

use afterglow_history::catalog::{AttemptRow, AttemptStatus, Catalog, CatalogError};
use afterglow_history::store::{AttemptReader, Store};
use afterglow_history::viewer::Viewer;
use futures::StreamExt as _;

use super::actions::{Action, propose};
use super::advisor::{Advice, Advisor, Reason, cited, text};
use super::case::{Case, PASSAGES};
use super::follow_up::compare;
use super::knowledge::Knowledge;
use super::mask::Mask;
use crate::court::{Court, CourtError};
use crate::incident::Incident;
use crate::ledger::{Ledger, LedgerError, Remediation};

/// Pause between two looks, and after the ledger or the catalog failed.
const PAUSE: Duration = Duration::from_secs(1);
const AFTER_FAILURE: Duration = Duration::from_secs(10);
/// Looks between two at the runbooks.
const LOOKS: u32 = 15;
/// Incidents at a time.
const AT_ONCE: usize = 4;
/// Incidents that fired longer ago are not asked about: after a long stop their number could be large, and their time is over. Milliseconds.
pub const RECENT: i64 = 15 * 60_000;
/// Attempts looked up at once.
const SOME: i64 = 50;
/// Past outcomes that the knowledge base has.
const OUTCOMES: i64 = 1_000;
/// Name of the follow-up's position in the ledger.
const POSITION: &str = "follow-up";
const DAY: i64 = 86_400_000;

#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Court(#[from] CourtError),
}

/// Who asks a model about incidents.
pub struct Asks {
    pub advisor: Advisor,
    pub knowledge: Knowledge,
    pub mask: Arc<Mask>,
    /// Severities that are asked about.
    pub severities: &'static [&'static str],
    /// How long requests and answers are kept.
    pub keep: Duration,
}

/// Remediation of one store.
pub struct Worker {
    /// None unless the operator turned it on.
    pub asks: Option<Arc<Asks>>,
    pub ledger: Ledger,
    pub catalog: Catalog,
    pub store: Arc<Store>,
    pub court: Arc<Court>,
    pub actions: Vec<Action>,
    /// The present, epoch milliseconds.
    pub now: fn() -> i64,
}

impl Worker {
    /// Prepares the follow-up, before anything is indexed: the first time of all, what is over by now is no news.
    ///
    /// # Errors
    /// If catalog or ledger fail.
    pub async fn prepare(&self) -> Result<(), WorkerError> {
        if self.ledger.position(POSITION).await?.is_none() {
            self.ledger.note_position(POSITION, self.catalog.newest_change().await?).await?;
        }
        Ok(())
    }

    /// Works for ever. Needs [`Worker::prepare`].
    pub async fn run(self) {
        // A model that is slow must not keep jobs from being followed up, nor the other way round.
        tokio::join!(self.advising(), self.following(), self.acting());
    }

    async fn advising(&self) {
        let Some(asks) = &self.asks else { return };
        for look in 0u32.. {
            if look.is_multiple_of(LOOKS)
                && let Err(e) = self.take_up(asks).await
            {
                tracing::error!("remediation: {e}");
            }
            let pause = match self.advise(asks).await {
                Ok(_) => PAUSE,
                Err(e) => {
                    tracing::error!("remediation: {e}");
                    AFTER_FAILURE
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Takes up runbooks that changed, and forgets what is old.
    async fn take_up(&self, asks: &Asks) -> Result<(), WorkerError> {
        let now = (self.now)();
        self.ledger.end_overdue_advice(now).await?;
        let kept = i64::try_from(asks.keep.as_millis()).unwrap_or(i64::MAX).max(DAY);
        self.ledger.forget_calls(now.saturating_sub(kept)).await?;
        let outcomes = self.ledger.outcomes(None, None, OUTCOMES).await?;
        match asks.knowledge.refresh(&outcomes).await {
            Ok(true) => tracing::info!("runbooks taken up"),
            Ok(false) => {}
            Err(e) => tracing::error!("{e}"),
        }
        Ok(())
    }

    /// Looks for advice on all that fires and has none yet; gives on how many.
    ///
    /// # Errors
    /// If the ledger fails.
    pub async fn advise(&self, asks: &Asks) -> Result<usize, WorkerError> {
        let since = (self.now)().saturating_sub(RECENT);
        let quiet = self.ledger.quiet((self.now)()).await?;
        let ids = self.ledger.unadvised(asks.severities, since, &quiet, (self.now)(), 100).await?;
        let all = futures::stream::iter(ids).map(|id| self.advise_on(asks, id)).buffer_unordered(AT_ONCE);
        let done: Vec<Result<bool, WorkerError>> = all.collect().await;
        let mut advised = 0;
        for one in done {
            advised += usize::from(one?);
        }
        Ok(advised)
    }

    async fn advise_on(&self, asks: &Asks, id: i64) -> Result<bool, WorkerError> {
        let Some(incident) = self.ledger.incident(&Viewer::everything(), id).await? else { return Ok(false) };
        let now = (self.now)();
        let deadline = i64::try_from(asks.advisor.settings().deadline.as_millis()).unwrap_or(i64::MAX);
        let model = asks.advisor.model();
        // While Bedrock is left alone it is not too late until the deadline has passed: it may be back by then.
        let waits = || incident.fired_at.is_some_and(|at| (self.now)() < at.saturating_add(deadline));
        if asks.advisor.stands().0 == "open" && waits() {
            return Ok(false);
        }
        if !self.ledger.begin_advice(id, model, now, now.saturating_add(deadline)).await? {
            return Ok(false);
        }
        let case = self.case(asks, &incident).await?;
        let advice = asks.advisor.advise(Some(id), &case).await?;
        let none = Remediation { state: "none".into(), model: model.to_owned(), ..Remediation::default() };
        let (remediation, news) = match advice {
            Advice::Given { answer, reused_from } => {
                let given = Remediation {
                    state: "advised".into(),
                    cited: Some(cited(&answer, &case)),
                    answer: serde_json::to_value(&answer).ok(),
                    reused_from,
                    ..none
                };
                (given, Some(text(&answer)))
            }
            Advice::None { reason: Reason::Breaker, .. } if waits() => {
                self.ledger.put_off_advice(id).await?;
                return Ok(false);
            }
            Advice::None { reason, why } => {
                (Remediation { reason: Some(reason.name().into()), why: Some(why), ..none }, None)
            }
        };
        self.ledger.note_advice(id, &remediation, news.as_deref(), (self.now)()).await?;
        Ok(news.is_some())
    }

    async fn case(&self, asks: &Asks, incident: &Incident) -> Result<Case, WorkerError> {
        let (version, properties) = self.settings_of(incident).await?;
        let case = match &incident.finding {
            Some(finding) => Case::of_finding(finding, &version, &properties, &asks.mask),
            None => Case::of_alert(&incident.labels, &incident.annotations, &incident.severity, &asks.mask),
        };
        let found = asks.knowledge.find(&case.rule, &case.question(), PASSAGES).await;
        // Without passages there is still the evidence.
        let found = found.inspect_err(|e| tracing::error!("{e}")).unwrap_or_default();
        Ok(case.passages(found))
    }

    /// Version of Spark and settings of the run that an incident is about; nothing if it is gone.
    async fn settings_of(&self, i: &Incident) -> Result<(String, Vec<(String, String)>), WorkerError> {
        let nothing = (String::new(), Vec::new());
        if i.app_id.is_empty() {
            return Ok(nothing);
        }
        let all = self.catalog.application(&Viewer::everything(), Some(&i.cluster), &i.app_id).await?;
        let attempt = all.iter().find(|r| r.attempt_id.as_deref().unwrap_or_default() == i.attempt_id);
        let Some(row) = attempt.or(all.first()) else { return Ok(nothing) };
        let reader = AttemptReader::new(self.store.clone(), row.parts.clone());
        match reader.environment().await {
            Ok(environment) => Ok((row.spark_version.clone(), environment.spark_properties.to_vec())),
            // It was replaced meanwhile, or is damaged: advice does without.
            Err(e) => {
                tracing::warn!("remediation: settings of {}: {e}", i.app_id);
                Ok((row.spark_version.clone(), Vec::new()))
            }
        }
    }

    async fn acting(&self) {
        if self.actions.is_empty() {
            return;
        }
        loop {
            let pause = match self.act().await {
                Ok(()) => PAUSE,
                Err(e) => {
                    tracing::error!("actions: {e}");
                    AFTER_FAILURE
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    async fn act(&self) -> Result<(), LedgerError> {
        let now = (self.now)();
        self.ledger.end_lost_runs(now.saturating_sub(RECENT)).await?;
        propose(&self.ledger, &self.actions, now.saturating_sub(RECENT), self.now).await?;
        Ok(())
    }

    async fn following(&self) {
        loop {
            let pause = match self.follow().await {
                Ok(_) => PAUSE * 2,
                Err(e) => {
                    tracing::error!("follow-up: {e}");
                    AFTER_FAILURE
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Compares runs that ended with those before; gives how many.
    ///
    /// # Errors
    /// If catalog, store or ledger fail; what is left is for the next time.
    pub async fn follow(&self) -> Result<usize, WorkerError> {
        let mut followed = 0;
        let mut position = self.ledger.position(POSITION).await?.unwrap_or(0);
        loop {
            let some = self.catalog.changed_since(position, SOME).await?;
            let Some(last) = some.last() else { return Ok(followed) };
            position = last.sequence;
            for row in some.iter().filter(|r| r.status != AttemptStatus::Running) {
                followed += usize::from(self.follow_one(row).await?);
            }
            self.ledger.note_position(POSITION, position).await?;
        }
    }

    async fn follow_one(&self, row: &AttemptRow) -> Result<bool, WorkerError> {
        let judged = match self.court.judge(row).await {
            Ok(judged) => judged,
            Err(e) => {
                // Its parts may have been replaced meanwhile: then there is another change.
                let now = self.catalog.attempts(&Viewer::everything(), &[row.id]).await?.pop();
                if now.is_none_or(|n| n.parts != row.parts) || e.is_damage() {
                    return Ok(false);
                }
                return Err(e.into());
            }
        };
        let now = (self.now)();
        let Some(before) = self.ledger.next_run(&row.cluster, &row.name, &judged.run, now).await? else {
            return Ok(false);
        };
        let outcomes = compare(&before, &judged.run);
        self.ledger.note_outcomes_of_advice(&row.cluster, &row.name, &outcomes, now).await?;
        Ok(true)
    }
}
