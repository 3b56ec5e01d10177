//! PagerDuty: Events API v2. A group of incidents is one alert there, which ends when all of them have.

use async_trait::async_trait;
use reqwest::Client;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::message::{Message, Told};
use super::secret::Secret;
use super::text::{SHOWN, cut, one_line, plain, shown};
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

/// PagerDuty takes 512 KB, 1,024 characters of summary and 255 of the key, which is ours and shorter.
fn body(m: &Message, routing_key: &str) -> Json {
    if m.firing == 0 {
        return json!({ "routing_key": routing_key, "event_action": "resolve", "dedup_key": m.group_key });
    }
    let severity = match m.severity() {
        s @ ("critical" | "error" | "warning" | "info") => s,
        "page" => "critical",
        _ => "warning",
    };
    let first = m.incidents.first();
    let links: Vec<Json> = m
        .incidents
        .iter()
        .take(SHOWN)
        .filter(|t| !t.url.is_empty())
        .map(|t| json!({ "href": t.url, "text": cut(&one_line(&t.rule), 200) }))
        .collect();
    let of_first = |field: fn(&Told) -> &String| first.map(|t| cut(&one_line(field(t)), 500)).filter(|s| !s.is_empty());
    let details = json!({
        "firing": m.firing,
        "resolved": m.resolved,
        "labels": shown(&m.common_labels, 1_000),
        "text": cut(&plain(m), 20_000),
    });
    let mut payload = json!({
        "summary": cut(&m.title(), 1_024),
        "source": of_first(|t| &t.cluster).unwrap_or_else(|| "afterglow".into()),
        "severity": severity,
        "custom_details": details,
    });
    for (name, value) in [("class", of_first(|t| &t.rule)), ("component", of_first(|t| &t.app_name))] {
        if let Some(value) = value {
            payload[name] = value.into();
        }
    }
    let mut out = json!({
        "routing_key": routing_key,
        "event_action": "trigger",
        "dedup_key": m.group_key,
        "client": "Afterglow",
        "links": links,
        "payload": payload,
    });
    if !m.url.is_empty() {
        out["client_url"] = m.url.clone().into();
    }
    out
}
