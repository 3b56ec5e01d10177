//! Delivery: messages out of the ledger's outbox to those who want to know. One file a kind of destination.
//!
//! At least once: a message is sent until somebody took it or it is given up, always under the same key. What is given up stays as a dead letter.

mod alertmanager;
pub mod aws;
pub mod backoff;
mod email;
mod grafana;
pub mod http;
pub mod message;
mod opsgenie;
mod pagerduty;
pub mod secret;
mod slack;
mod sns;
mod sqs;
mod teams;
mod text;
mod webhook;
pub mod worker;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use message::Message;
use secret::Secret;

pub use alertmanager::{Alertmanager, OURS};
pub use email::Email;
pub use grafana::Grafana;
pub use opsgenie::Opsgenie;
pub use pagerduty::PagerDuty;
pub use slack::Slack;
pub use sns::Sns;
pub use sqs::Sqs;
pub use teams::Teams;
pub use webhook::Webhook;

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It may be taken later: after so long at the earliest, if they said so.
    #[error("{what}")]
    Later { what: String, after: Option<Duration> },
    /// It will never be taken as it is.
    #[error("{0}")]
    Never(String),
}

impl SendError {
    pub fn later(what: impl Into<String>) -> Self {
        SendError::Later { what: what.into(), after: None }
    }
}

/// Somebody who takes messages.
#[async_trait]
pub trait Destination: Send + Sync {
    /// Sends a message; it was taken if this gives no error. The same one may come twice, under the same key.
    async fn send(&self, message: &Message) -> Result<(), SendError>;
}

/// Who is told, and how: as the settings have it. Each kind may be there several times.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReceiverConfig {
    pub name: String,
    /// Messages on their way to one destination at once.
    pub concurrency: usize,
    /// Messages a second to one destination, at most.
    pub rate: f64,
    pub webhook: Vec<Webhook>,
    pub slack: Vec<Slack>,
    pub teams: Vec<Teams>,
    pub pagerduty: Vec<PagerDuty>,
    pub opsgenie: Vec<Opsgenie>,
    pub alertmanager: Vec<Alertmanager>,
    pub email: Vec<Email>,
    pub sns: Vec<Sns>,
    pub sqs: Vec<Sqs>,
    pub grafana: Vec<Grafana>,
}

impl Default for ReceiverConfig {
    fn default() -> Self {
        ReceiverConfig {
            name: String::new(),
            concurrency: 8,
            rate: 50.0,
            webhook: Vec::new(),
            slack: Vec::new(),
            teams: Vec::new(),
            pagerduty: Vec::new(),
            opsgenie: Vec::new(),
            alertmanager: Vec::new(),
            email: Vec::new(),
            sns: Vec::new(),
            sqs: Vec::new(),
            grafana: Vec::new(),
        }
    }
}

/// Who is told, ready to be told.
#[derive(Clone)]
pub struct Receiver {
    pub concurrency: usize,
    pub rate: f64,
    /// By names as `webhook/0`.
    pub destinations: BTreeMap<String, Arc<dyn Destination>>,
}

impl ReceiverConfig {
    /// What cannot work, each with its key and the remedy; `key` is the receiver's own.
    pub fn problems(&self, key: &str) -> Vec<String> {
        let mut out = Vec::new();
        if self.name.is_empty() {
            out.push(format!("{key}.name: empty: routes name receivers by it"));
        }
        if self.concurrency == 0 || self.rate.is_nan() || self.rate <= 0.0 {
            out.push(format!("{key}: concurrency and rate must be more than 0"));
        }
        fn each<T>(out: &mut Vec<String>, key: &str, kind: &str, all: &[T], check: impl Fn(&T) -> Result<(), String>) {
            for (i, one) in all.iter().enumerate() {
                out.extend(check(one).err().map(|e| format!("{key}.{kind}[{i}]: {e}")));
            }
        }
        each(&mut out, key, "webhook", &self.webhook, Webhook::check);
        each(&mut out, key, "slack", &self.slack, |s| secret::is_url(&s.url));
        each(&mut out, key, "teams", &self.teams, |t| secret::is_url(&t.url));
        each(&mut out, key, "pagerduty", &self.pagerduty, |p| secret::given("routing_key", &p.routing_key));
        each(&mut out, key, "opsgenie", &self.opsgenie, |o| secret::given("api_key", &o.api_key));
        each(&mut out, key, "alertmanager", &self.alertmanager, |a| secret::is_address(&a.url));
        each(&mut out, key, "email", &self.email, Email::check);
        each(&mut out, key, "sns", &self.sns, Sns::check);
        each(&mut out, key, "sqs", &self.sqs, |s| secret::is_address(&s.queue_url));
        each(&mut out, key, "grafana", &self.grafana, |g| secret::is_address(&g.url));
        out
    }

    /// Secrets that cannot be read or are empty, each with its key and the remedy; `key` is the receiver's own.
    pub fn unreadable(&self, key: &str) -> Vec<String> {
        let mut all: Vec<(String, &Secret)> = Vec::new();
        for (i, w) in self.webhook.iter().enumerate() {
            all.extend([(format!("webhook[{i}].url"), &w.url), (format!("webhook[{i}].secret"), &w.secret)]);
            all.extend(w.headers.iter().map(|(name, value)| (format!("webhook[{i}].headers.{name}"), value)));
        }
        for (i, a) in self.alertmanager.iter().enumerate() {
            all.extend(a.headers.iter().map(|(name, value)| (format!("alertmanager[{i}].headers.{name}"), value)));
        }
        all.extend(self.slack.iter().enumerate().map(|(i, s)| (format!("slack[{i}].url"), &s.url)));
        all.extend(self.teams.iter().enumerate().map(|(i, t)| (format!("teams[{i}].url"), &t.url)));
        all.extend(
            self.pagerduty.iter().enumerate().map(|(i, p)| (format!("pagerduty[{i}].routing_key"), &p.routing_key)),
        );
        all.extend(self.opsgenie.iter().enumerate().map(|(i, o)| (format!("opsgenie[{i}].api_key"), &o.api_key)));
        all.extend(self.email.iter().enumerate().map(|(i, e)| (format!("email[{i}].password"), &e.password)));
        all.extend(self.grafana.iter().enumerate().map(|(i, g)| (format!("grafana[{i}].token"), &g.token)));
        let given = all.into_iter().filter(|(_, secret)| !secret.is_empty());
        let wrong = given.filter_map(|(at, secret)| match secret.read() {
            Err(e) => Some(format!("{key}.{at}: {e}: name a file that can be read")),
            Ok(text) if text.is_empty() => Some(format!("{key}.{at}: the file is empty")),
            Ok(_) => None,
        });
        wrong.collect()
    }

    /// Names of its destinations, as the outbox has them.
    pub fn destinations(&self) -> Vec<String> {
        let kinds = [
            ("webhook", self.webhook.len()),
            ("slack", self.slack.len()),
            ("teams", self.teams.len()),
            ("pagerduty", self.pagerduty.len()),
            ("opsgenie", self.opsgenie.len()),
            ("alertmanager", self.alertmanager.len()),
            ("email", self.email.len()),
            ("sns", self.sns.len()),
            ("sqs", self.sqs.len()),
            ("grafana", self.grafana.len()),
        ];
        kinds.into_iter().flat_map(|(kind, count)| (0..count).map(move |i| format!("{kind}/{i}"))).collect()
    }

    /// Ready to be told. `timeout` is for one try.
    ///
    /// # Errors
    /// A sentence about what cannot be.
    pub async fn open(&self, timeout: Duration) -> Result<Receiver, String> {
        let client = http::client(timeout)?;
        let mut all: BTreeMap<String, Arc<dyn Destination>> = BTreeMap::new();
        for (i, c) in self.webhook.iter().enumerate() {
            all.insert(format!("webhook/{i}"), Arc::new(webhook::Sender::new(c, client.clone())?));
        }
        for (i, c) in self.slack.iter().enumerate() {
            all.insert(format!("slack/{i}"), Arc::new(slack::Sender { config: c.clone(), client: client.clone() }));
        }
        for (i, c) in self.teams.iter().enumerate() {
            all.insert(format!("teams/{i}"), Arc::new(teams::Sender { config: c.clone(), client: client.clone() }));
        }
        for (i, c) in self.pagerduty.iter().enumerate() {
            all.insert(
                format!("pagerduty/{i}"),
                Arc::new(pagerduty::Sender { config: c.clone(), client: client.clone() }),
            );
        }
        for (i, c) in self.opsgenie.iter().enumerate() {
            all.insert(
                format!("opsgenie/{i}"),
                Arc::new(opsgenie::Sender { config: c.clone(), client: client.clone() }),
            );
        }
        for (i, c) in self.alertmanager.iter().enumerate() {
            let sender = alertmanager::Sender { config: c.clone(), client: client.clone() };
            all.insert(format!("alertmanager/{i}"), Arc::new(sender));
        }
        for (i, c) in self.email.iter().enumerate() {
            all.insert(format!("email/{i}"), Arc::new(email::Sender::new(c, timeout)?));
        }
        for (i, c) in self.sns.iter().enumerate() {
            all.insert(format!("sns/{i}"), Arc::new(sns::Sender::open(c, timeout).await));
        }
        for (i, c) in self.sqs.iter().enumerate() {
            all.insert(format!("sqs/{i}"), Arc::new(sqs::Sender::open(c, timeout).await));
        }
        for (i, c) in self.grafana.iter().enumerate() {
            all.insert(format!("grafana/{i}"), Arc::new(grafana::Sender { config: c.clone(), client: client.clone() }));
        }
        Ok(Receiver { concurrency: self.concurrency, rate: self.rate, destinations: all })
    }
}
