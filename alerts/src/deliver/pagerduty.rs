//! PagerDuty: Events API v2. A group of incidents is one alert there, which ends when all of them have.

use async_trait::async_trait;
use reqwest::Client;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::message::Message;
use super::secret::Secret;
use super::text::{SHOWN, cut, plain};
use super::{Destination, SendError, http};

/// An integration of PagerDuty.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PagerDuty {
    pub routing_key: Secret,
    pub url: String,
}

impl Default for PagerDuty {
    fn default() -> Self {
        PagerDuty { routing_key: Secret::default(), url: "https://events.pagerduty.com/v2/enqueue".into() }
    }
}

pub(super) struct Sender {
    pub config: PagerDuty,
    pub client: Client,
}

#[async_trait]
impl Destination for Sender {
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let key = self.config.routing_key.read().map_err(SendError::later)?;
        http::send_json(self.client.post(&self.config.url), &body(message, &key)).await.map(drop)
    }
}

fn body(m: &Message, routing_key: &str) -> Json {
    if m.firing == 0 {
        return json!({ "routing_key": routing_key, "event_action": "resolve", "dedup_key": m.group_key });
    }
    let severity = match m.severity() {
        s @ ("critical" | "error" | "warning" | "info") => s,
        _ => "warning",
    };
    let first = m.incidents.first();
    let links: Vec<Json> = m
        .incidents
        .iter()
        .take(SHOWN)
        .filter(|t| !t.url.is_empty())
        .map(|t| json!({ "href": t.url, "text": t.rule }))
        .collect();
    let source = first.map(|t| t.cluster.as_str()).filter(|c| !c.is_empty()).unwrap_or("afterglow");
    json!({
        "routing_key": routing_key,
        "event_action": "trigger",
        "dedup_key": m.group_key,
        "client": "Afterglow",
        "client_url": m.url,
        "links": links,
        "payload": {
            "summary": cut(&m.title(), 1_024),
            "source": source,
            "severity": severity,
            "class": first.map(|t| t.rule.as_str()).unwrap_or_default(),
            "component": first.map(|t| t.app_name.as_str()).unwrap_or_default(),
            "custom_details": { "firing": m.firing, "resolved": m.resolved, "labels": m.common_labels, "text": plain(m) },
        },
    })
}
