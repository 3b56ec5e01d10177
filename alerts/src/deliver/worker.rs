//! Empties the outbox: for each destination a task of its own, so that none waits for another.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;
use tokio::task::JoinSet;

use super::backoff::Backoff;
use super::{Destination, Receiver, SendError};
use crate::ledger::{Ledger, LedgerError, Outcome, Taken};

/// Pause between two looks at an outbox that was empty.
const PAUSE: Duration = Duration::from_millis(500);
/// Pause after the ledger failed.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// Pause between two looks for what is for nobody any more.
const ORPHANS: Duration = Duration::from_secs(60);
/// Outcomes that are noted together.
const TOGETHER: usize = 256;

/// What delivery works with.
#[derive(Clone)]
pub struct Outbox {
    pub ledger: Ledger,
    /// By name.
    pub receivers: Arc<BTreeMap<String, Receiver>>,
    pub backoff: Backoff,
    /// Of one try.
    pub timeout: Duration,
    /// The present, epoch milliseconds.
    pub now: fn() -> i64,
}

/// One destination.
struct Lane {
    receiver: String,
    name: String,
    destination: Arc<dyn Destination>,
    concurrency: usize,
    rate: f64,
}

impl Outbox {
    /// Sends what there is and what comes, for ever. Ends its tasks when it is dropped.
    pub async fn run(self) {
        let mut tasks = JoinSet::new();
        for lane in self.lanes() {
            let outbox = self.clone();
            tasks.spawn(async move {
                loop {
                    match outbox.some(&lane).await {
                        Ok(0) => tokio::time::sleep(PAUSE).await,
                        Ok(_) => {}
                        Err(e) => {
                            tracing::error!("alerts: {e}");
                            tokio::time::sleep(AFTER_FAILURE).await;
                        }
                    }
                }
            });
        }
        loop {
            if let Err(e) = self.give_up_orphans().await {
                tracing::error!("alerts: {e}");
            }
            tokio::time::sleep(ORPHANS).await;
        }
    }

    /// Sends what is due now, once; gives how many were tried.
    ///
    /// # Errors
    /// If the ledger cannot be read or written.
    pub async fn once(&self) -> Result<usize, LedgerError> {
        let mut tried = 0;
        for lane in self.lanes() {
            tried += self.some(&lane).await?;
        }
        Ok(tried)
    }

    fn lanes(&self) -> Vec<Lane> {
        let of_receiver = |(name, r): (&String, &Receiver)| {
            let (name, r) = (name.clone(), r.clone());
            r.destinations.into_iter().map(move |(destination, to)| Lane {
                receiver: name.clone(),
                name: destination,
                destination: to,
                concurrency: r.concurrency.max(1),
                rate: r.rate,
            })
        };
        self.receivers.iter().flat_map(of_receiver).collect()
    }

    /// Takes some for a destination and tries them; gives how many.
    async fn some(&self, lane: &Lane) -> Result<usize, LedgerError> {
        let now = (self.now)();
        if !self.ledger.any_waiting(&lane.receiver, &lane.name, now).await? {
            return Ok(0);
        }
        // As many as are done while the lease holds, were each as slow as may be.
        let rounds = 8;
        let most = (lane.concurrency * rounds).min(TOGETHER);
        let pace = Duration::from_secs_f64((most as f64 / lane.rate).min(3_600.0));
        let lease = self.timeout * (rounds as u32 + 1) + pace + AFTER_FAILURE;
        let taken = self.ledger.take(&lane.receiver, &lane.name, most, now, now.saturating_add(ms(lease))).await?;
        let count = taken.len();
        let gap = Duration::from_secs_f64((1.0 / lane.rate).min(3_600.0));
        let mut ticks = tokio::time::interval(gap.max(Duration::from_micros(1)));
        // What a slow answer cost may be made up for.
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
        let paced = stream::unfold((taken.into_iter(), ticks), |(mut rest, mut ticks)| async move {
            let next = rest.next()?;
            ticks.tick().await;
            Some((next, (rest, ticks)))
        });
        let tries = paced.map(|t| self.one(lane, t)).buffer_unordered(lane.concurrency).ready_chunks(TOGETHER);
        let mut tries = std::pin::pin!(tries);
        while let Some(outcomes) = tries.next().await {
            self.ledger.note_outcomes(&outcomes, (self.now)()).await?;
        }
        Ok(count)
    }

    async fn one(&self, lane: &Lane, taken: Taken) -> (i64, Outcome) {
        let sent = tokio::time::timeout(self.timeout, lane.destination.send(&taken.message)).await;
        let sent = sent.unwrap_or_else(|_| Err(SendError::later(format!("no answer within {:?}", self.timeout))));
        let failed = taken.attempts + 1;
        let outcome = match sent {
            Ok(()) => Outcome::Sent,
            Err(SendError::Later { what, after }) if self.backoff.goes_on(failed) => {
                let wait = self.backoff.wait(failed, fastrand::f64());
                // Who asks for longer than we would ever wait gets as long as that.
                let wait = wait.max(after.unwrap_or_default().min(self.backoff.longest));
                Outcome::Later { at: (self.now)().saturating_add(ms(wait)), error: what }
            }
            Err(SendError::Later { what, .. }) => {
                Outcome::Dead { error: format!("given up after {failed} tries: {what}") }
            }
            Err(SendError::Never(what)) => Outcome::Dead { error: what },
        };
        if let Outcome::Dead { error } = &outcome {
            tracing::error!("alerts: {} of {}: a message is given up: {error}", lane.name, lane.receiver);
        }
        (taken.id, outcome)
    }

    /// Gives up what is for somebody whom the settings do not have any more: it can be seen, and sent again.
    async fn give_up_orphans(&self) -> Result<(), LedgerError> {
        for (receiver, destination) in self.ledger.waiting((self.now)()).await? {
            let known = self.receivers.get(&receiver).is_some_and(|r| r.destinations.contains_key(&destination));
            if !known {
                let error = format!("the settings have no {destination} of a receiver `{receiver}` any more");
                let given_up = self.ledger.give_up(&receiver, &destination, &error, (self.now)()).await?;
                tracing::error!(messages = given_up, "alerts: {error}");
            }
        }
        Ok(())
    }
}

fn ms(d: Duration) -> i64 {
    i64::try_from(d.as_millis()).unwrap_or(i64::MAX)
}
