//! Alertmanager: its API v2. Every incident is an alert of its own there, with its labels.

use std::collections::BTreeMap;

use afterglow_history::date::date;
use async_trait::async_trait;
use reqwest::Client;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::message::{Message, Told};
use super::secret::Secret;
use super::text::advice;
use super::{Destination, SendError, http};

/// Annotation of alerts that are incidents of ours.
pub const OURS: &str = "afterglow_incident";

/// An Alertmanager.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Alertmanager {
    /// Its address, without `/api/v2/alerts`.
    pub url: String,
    pub headers: BTreeMap<String, Secret>,
}

pub(super) struct Sender {
    pub config: Alertmanager,
    pub client: Client,
}

#[async_trait]
impl Destination for Sender {
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let mut request = self.client.post(format!("{}/api/v2/alerts", self.config.url.trim_end_matches('/')));
        for (name, value) in &self.config.headers {
            request = request.header(name, value.read().map_err(SendError::later)?);
        }
        let alerts: Vec<Json> = message.incidents.iter().map(|t| alert(t, message)).collect();
        http::send_json(request, &alerts).await.map(drop)
    }
}

fn alert(t: &Told, m: &Message) -> Json {
    let mut labels: BTreeMap<String, &str> =
        t.labels.iter().filter(|(_, v)| !v.is_empty()).map(|(k, v)| (name(k), v.as_str())).collect();
    labels.insert("alertname".into(), &t.rule);
    // What changes from run to run would make of each run an alert of its own, whose end is never told.
    labels.remove("app_id");
    let mut annotations: BTreeMap<String, String> = t.annotations.iter().map(|(k, v)| (name(k), v.clone())).collect();
    annotations.insert("summary".into(), t.summary.clone());
    // So that nobody sends it back to us as news.
    annotations.insert(OURS.into(), t.id.to_string());
    if !t.app_id.is_empty() {
        annotations.insert("app_id".into(), t.app_id.clone());
    }
    let advice = advice(t);
    if !advice.is_empty() {
        annotations.insert("advice".into(), advice.join("\n"));
    }
    // It is told again before that.
    let ends = t.resolved_at.unwrap_or(m.again_at.saturating_add(m.again_at.saturating_sub(m.at)));
    json!({
        "labels": labels,
        "annotations": annotations,
        "startsAt": rfc3339(t.started_at),
        "endsAt": rfc3339(ends.max(t.started_at)),
        "generatorURL": t.url,
    })
}

pub(super) fn rfc3339(ms: i64) -> String {
    date(ms).replace("GMT", "Z")
}

/// A label's name as Alertmanager takes it.
fn name(text: &str) -> String {
    let fits = |(i, c): (usize, char)| {
        if c.is_ascii_alphabetic() || c == '_' || i > 0 && c.is_ascii_digit() { c } else { '_' }
    };
    if text.is_empty() { "_".into() } else { text.chars().enumerate().map(fits).collect() }
}
