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
use crate::settings::millis;

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
            self.ledger.counted.destination(&lane.name);
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
        let rounds = 2;
        let most = (lane.concurrency * rounds).min(TOGETHER);
        let pace = Duration::from_secs_f64((most as f64 / lane.rate).min(3_600.0));
        let lease = self.timeout * (rounds as u32 + 1) + pace + AFTER_FAILURE;
        let taken = self.ledger.take(&lane.receiver, &lane.name, most, now, now.saturating_add(millis(lease))).await?;
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
        if sent.is_ok() {
            let after = (self.now)().saturating_sub(taken.message.at).max(0);
            self.ledger.counted.delivered(&lane.name, Duration::from_millis(after.unsigned_abs()));
        }
        let failed = taken.attempts + 1;
        let outcome = match sent {
            Ok(()) => Outcome::Sent,
            Err(SendError::Later { what, after }) if self.backoff.goes_on(failed) => {
                let wait = self.backoff.wait(failed, fastrand::f64());
                // Who says when gets what he asks for.
                let wait = wait.max(after.unwrap_or_default());
                Outcome::Later { at: (self.now)().saturating_add(millis(wait)), error: what }
            }
            Err(SendError::Later { what, .. }) => {
                Outcome::Dead { error: format!("given up after {failed} tries: {what}") }
            }
            Err(SendError::Never(what)) => Outcome::Dead { error: what },
        };
        if let Outcome::Dead { error } = &outcome {
            tracing::error!("alerts: {} of {}: a message is given up: {error}", lane.name, lane.receiver);
        }
        self.ledger.counted.tried(&lane.name, outcome.name());
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

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;
    use std::time::{SystemTime, UNIX_EPOCH};

    use afterglow_history::viewer::Viewer;
    use async_trait::async_trait;

    use super::*;
    use crate::deliver::message::Message;
    use crate::incident::{Labels, Origin, Sighting, fingerprint};
    use crate::ledger::{DeliveryState, Flush, Membership};

    #[expect(clippy::disallowed_methods, reason = "deliveries are made in real time")]
    fn now() -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64)
    }

    /// Answers in turn with these, and then takes all.
    #[derive(Default)]
    struct Moody {
        answers: Mutex<VecDeque<SendError>>,
        keys: Mutex<Vec<String>>,
    }

    #[async_trait]
    impl Destination for Moody {
        async fn send(&self, message: &Message) -> Result<(), SendError> {
            self.keys.lock().unwrap().push(message.key.clone());
            self.answers.lock().unwrap().pop_front().map_or(Ok(()), Err)
        }
    }

    async fn outbox(file: &std::path::Path, moody: &Arc<Moody>) -> Outbox {
        let destinations = [("webhook/0".to_owned(), moody.clone() as Arc<dyn Destination>)].into();
        let receiver = Receiver { concurrency: 4, rate: 1_000.0, destinations };
        Outbox {
            ledger: Ledger::open(file).await.unwrap(),
            receivers: Arc::new([("team".to_owned(), receiver)].into()),
            backoff: Backoff { first: Duration::from_millis(20), longest: Duration::from_millis(50), attempts: 4 },
            timeout: Duration::from_secs(5),
            now,
        }
    }

    /// One message in the outbox.
    async fn put(ledger: &Ledger, name: &str) {
        let group = Membership {
            key: name.into(),
            receiver: "team".into(),
            labels: Labels::new(),
            group_wait: 0,
            group_interval: 1_000,
            repeat_interval: 1_000,
            active: Vec::new(),
            mute: Vec::new(),
        };
        let sighting = Sighting {
            fingerprint: fingerprint(&[name]),
            occurrence: "1".into(),
            active: true,
            rule: "r".into(),
            severity: "info".into(),
            cluster: String::new(),
            app_id: String::new(),
            attempt_id: String::new(),
            app_name: String::new(),
            owner: String::new(),
            summary: String::new(),
            labels: Labels::new(),
            annotations: Labels::new(),
            finding: None,
            origin: Origin::Rules,
            at: 0,
            said: None,
            hold: 0,
        };
        ledger.see(&[sighting], 0, &|_| vec![group.clone()]).await.unwrap();
        let decide = |_: &_, members: &[crate::ledger::Member]| Flush {
            messages: vec![("webhook/0".into(), Message { key: format!("key of {name}"), ..Message::default() })],
            done: members.iter().map(|m| m.incident.id).collect(),
            tells: true,
            ..Flush::default()
        };
        assert_eq!(ledger.flush(0, 10, &decide).await.unwrap(), 1);
    }

    async fn state(ledger: &Ledger) -> (String, i64, Option<String>) {
        let (total, all) = ledger.deliveries(&Viewer::everything(), None, 0, 10).await.unwrap();
        assert_eq!(total, 1);
        (all[0].state.clone(), all[0].attempts, all[0].error.clone())
    }

    async fn until_tried(outbox: &Outbox, times: usize) {
        let mut tried = 0;
        while tried < times {
            tried += outbox.once().await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn tried_until_taken_under_one_key_and_across_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("alerts.db");
        let moody = Arc::new(Moody::default());
        moody.answers.lock().unwrap().extend([
            SendError::later("503 Service Unavailable"),
            SendError::Later { what: "429 Too Many Requests".into(), after: Some(Duration::from_millis(10)) },
        ]);
        let first = outbox(&file, &moody).await;
        put(&first.ledger, "a").await;
        until_tried(&first, 2).await;
        assert_eq!(state(&first.ledger).await, ("waiting".into(), 2, Some("429 Too Many Requests".into())));
        first.ledger.close().await;
        let second = outbox(&file, &moody).await;
        until_tried(&second, 1).await;
        assert_eq!(state(&second.ledger).await, ("sent".into(), 3, None));
        assert_eq!(*moody.keys.lock().unwrap(), ["key of a"; 3]);
    }

    #[tokio::test]
    async fn what_nobody_takes_is_a_dead_letter_that_can_be_sent_again() {
        let folder = tempfile::tempdir().unwrap();
        let moody = Arc::new(Moody::default());
        moody.answers.lock().unwrap().extend((0..4).map(|_| SendError::later("500")));
        let outbox = outbox(&folder.path().join("alerts.db"), &moody).await;
        put(&outbox.ledger, "a").await;
        until_tried(&outbox, 4).await;
        assert_eq!(state(&outbox.ledger).await, ("dead".into(), 4, Some("given up after 4 tries: 500".into())));
        let (_, dead) =
            outbox.ledger.deliveries(&Viewer::everything(), Some(DeliveryState::Dead), 0, 10).await.unwrap();
        assert!(outbox.ledger.resend(dead[0].id, now()).await.unwrap());
        assert!(!outbox.ledger.resend(dead[0].id, now()).await.unwrap(), "it waits already");
        until_tried(&outbox, 1).await;
        assert_eq!(state(&outbox.ledger).await.0, "sent");
        assert_eq!(moody.keys.lock().unwrap().len(), 5);
    }

    #[tokio::test]
    async fn what_will_never_be_taken_is_not_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let moody = Arc::new(Moody::default());
        moody.answers.lock().unwrap().push_back(SendError::Never("400 Bad Request".into()));
        let outbox = outbox(&folder.path().join("alerts.db"), &moody).await;
        put(&outbox.ledger, "a").await;
        until_tried(&outbox, 1).await;
        assert_eq!(state(&outbox.ledger).await, ("dead".into(), 1, Some("400 Bad Request".into())));
        // Nobody has it any more who is not in the settings.
        put(&outbox.ledger, "b").await;
        let nobody = Outbox { receivers: Arc::default(), ..outbox.clone() };
        nobody.give_up_orphans().await.unwrap();
        let (dead, all) =
            outbox.ledger.deliveries(&Viewer::everything(), Some(DeliveryState::Dead), 0, 10).await.unwrap();
        assert_eq!(dead, 2);
        assert!(all[0].error.as_ref().unwrap().contains("settings have no webhook/0"), "{all:?}");
    }
}
