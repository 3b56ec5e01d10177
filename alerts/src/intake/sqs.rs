//! Queues of SQS: alerts as an SNS topic that is subscribed to brings them, in its envelope or bare.
//!
//! A message is removed once its alerts are in the ledger. One that cannot be read goes to the dead-letter queue, and nobody waits for it.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{Message, MessageAttributeValue, MessageSystemAttributeName};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::webhook::{self, Brought};
use crate::deliver::aws::{self, Access};
use crate::incident::Origin;
use crate::ledger::Ledger;
use crate::settings::Settings;

/// Seconds that one look waits for messages.
const WAIT: i32 = 20;
const TIMEOUT: Duration = Duration::from_secs(WAIT as u64 + 10);
/// Pause after the queue or the ledger failed.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// When the queue got a message, epoch milliseconds: the same each time it is handed out.
const SENT: MessageSystemAttributeName = MessageSystemAttributeName::SentTimestamp;
/// Envelopes in envelopes that are opened.
pub const DEEP: usize = 3;

/// A queue with alerts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QueueConfig {
    pub queue_url: String,
    /// Where messages go that cannot be read; without, they stay for the queue's own redrive policy.
    pub dead_letter_url: String,
    /// What is empty here is as the AWS SDKs find it.
    pub region: String,
    pub profile: String,
    /// Another address than AWS's own.
    pub endpoint_url: String,
}

impl QueueConfig {
    fn access(&self) -> Access {
        Access { region: self.region.clone(), profile: self.profile.clone(), endpoint_url: self.endpoint_url.clone() }
    }
}

/// Takes alerts from a queue, for ever.
pub async fn run(queue: QueueConfig, settings: Arc<Settings>, ledger: Ledger, now: fn() -> i64) {
    let intake = Intake::open(queue, settings, ledger, now).await;
    loop {
        if let Err(e) = intake.some(WAIT).await {
            tracing::error!("alerts: {}: {e}", intake.queue.queue_url);
            tokio::time::sleep(AFTER_FAILURE).await;
        }
    }
}

/// A queue that is read.
pub struct Intake {
    queue: QueueConfig,
    client: Client,
    settings: Arc<Settings>,
    ledger: Ledger,
    now: fn() -> i64,
}

/// What came of a look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Looked {
    /// Messages whose alerts are in the ledger.
    pub taken: usize,
    /// Messages that cannot be read.
    pub poison: usize,
}

impl Intake {
    pub async fn open(queue: QueueConfig, settings: Arc<Settings>, ledger: Ledger, now: fn() -> i64) -> Self {
        let client = Client::new(&aws::config(&queue.access(), TIMEOUT).await);
        Intake { queue, client, settings, ledger, now }
    }

    /// Takes what is there, waiting for so many seconds at most.
    ///
    /// # Errors
    /// A sentence about queue or ledger; what was not taken comes again.
    pub async fn some(&self, wait: i32) -> Result<Looked, String> {
        let receive = self.client.receive_message().queue_url(&self.queue.queue_url).max_number_of_messages(10);
        let got = receive.message_system_attribute_names(SENT).wait_time_seconds(wait).send().await;
        let got = got.map_err(|e| aws::meaning(&e, None, None).to_string())?;
        let (mut all, mut good, mut looked) = (Vec::new(), Vec::new(), Looked::default());
        for message in got.messages() {
            match read(message.body().unwrap_or_default(), DEEP, Origin::Sqs, (self.now)()) {
                Ok(mut brought) => {
                    let sent = message.attributes().and_then(|a| a.get(&SENT)).and_then(|t| t.parse().ok());
                    brought.sent_by(sent.unwrap_or_default());
                    for _ in &brought.odd {
                        self.ledger.counted.refused(Origin::Sqs);
                    }
                    if !brought.odd.is_empty() {
                        let id = message.message_id().unwrap_or_default();
                        tracing::warn!("alerts: {}: message {id}: {}", self.queue.queue_url, brought.told());
                    }
                    all.extend(brought.alerts);
                    good.push(message);
                    looked.taken += 1;
                }
                Err(why) => {
                    looked.poison += 1;
                    self.ledger.counted.refused(Origin::Sqs);
                    if let Err(e) = self.bury(message, &why).await {
                        tracing::error!("alerts: {}: {e}", self.queue.dead_letter_url);
                    }
                }
            }
        }
        let place = |labels: &_| self.settings.tree.place(labels);
        self.ledger.see(&all, (self.now)(), &place).await.map_err(|e| e.to_string())?;
        for message in good {
            self.remove(message).await?;
        }
        Ok(looked)
    }

    async fn remove(&self, message: &Message) -> Result<(), String> {
        let handle = message.receipt_handle().unwrap_or_default();
        let removed = self.client.delete_message().queue_url(&self.queue.queue_url).receipt_handle(handle).send().await;
        removed.map(drop).map_err(|e| aws::meaning(&e, None, None).to_string())
    }

    async fn bury(&self, message: &Message, why: &str) -> Result<(), String> {
        let id = message.message_id().unwrap_or_default();
        if self.queue.dead_letter_url.is_empty() {
            tracing::warn!(
                "alerts: {}: message {id} is left to the queue's redrive policy: {why}",
                self.queue.queue_url
            );
            return Ok(());
        }
        tracing::warn!("alerts: {}: message {id} goes to the dead-letter queue: {why}", self.queue.queue_url);
        let text = |value: &str| {
            let value: String = value.chars().filter(|c| !c.is_control()).take(500).collect();
            MessageAttributeValue::builder().data_type("String").string_value(value).build().map_err(|e| e.to_string())
        };
        let dead = self.client.send_message().queue_url(&self.queue.dead_letter_url);
        let dead = dead.message_body(message.body().unwrap_or_default()).message_attributes("reason", text(why)?);
        dead.send().await.map_err(|e| aws::meaning(&e, None, None).to_string())?;
        self.remove(message).await
    }
}

/// Reads a message's body, out of the envelope that SNS puts it in.
///
/// # Errors
/// A sentence about what is missing.
pub fn read(body: &str, deep: usize, origin: Origin, now: i64) -> Result<Brought, String> {
    let value: Json = serde_json::from_str(body).map_err(|e| format!("no JSON: {e}"))?;
    let inner = value.get("Message").and_then(Json::as_str).filter(|_| value.get("alerts").is_none());
    match inner {
        Some(inner) if deep > 0 => {
            let mut brought = read(inner, deep - 1, origin, now)?;
            let sent = value.get("Timestamp").and_then(Json::as_str).and_then(webhook::instant);
            brought.sent_by(sent.unwrap_or_default());
            Ok(brought)
        }
        _ => webhook::read(body.as_bytes(), origin, now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_an_envelope_or_bare() {
        let bare = r#"{"alerts":[{"status":"firing","labels":{"alertname":"x"},"startsAt":"2025-06-01T10:00:00Z"}]}"#;
        let envelope = serde_json::json!({ "Type": "Notification", "TopicArn": "arn:aws:sns:x:1:t", "Message": bare });
        let all = read(&envelope.to_string(), DEEP, Origin::Sqs, 0).unwrap();
        assert_eq!(all, read(bare, DEEP, Origin::Sqs, 0).unwrap());
        assert_eq!((all.alerts[0].rule.as_str(), all.alerts[0].said), ("x", Some(0)));
        // It was said when the topic got it.
        let late = serde_json::json!({ "Message": bare, "Timestamp": "1970-01-01T00:00:01.000Z" }).to_string();
        assert_eq!(read(&late, DEEP, Origin::Sqs, 9_000).unwrap().alerts[0].said, Some(1_000));
        assert!(read("hello", DEEP, Origin::Sqs, 0).unwrap_err().starts_with("no JSON"));
        let odd = serde_json::json!({ "Type": "Notification", "Message": "hello" }).to_string();
        assert!(read(&odd, DEEP, Origin::Sqs, 0).unwrap_err().starts_with("no JSON"));
    }
}
