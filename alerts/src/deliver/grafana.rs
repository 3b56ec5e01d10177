//! Grafana: an annotation where incidents begin and end.

use async_trait::async_trait;
use reqwest::Client;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::message::Message;
use super::secret::Secret;
use super::text::{cut, one_line, plain};
use super::{Destination, SendError, http};

/// Bytes of all tags as a JSON list: Grafana's `[annotations] tags_length` is 500 unless somebody changed it.
const TAGS: usize = 499;

/// A Grafana that gets annotations.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grafana {
    /// Its address, without `/api/annotations`.
    pub url: String,
    /// A service account's token.
    pub token: Secret,
    /// The dashboard that shows them; all of them, unless set.
    pub dashboard_uid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub panel_id: Option<i64>,
    /// Beside `afterglow`, the status and the rule.
    pub tags: Vec<String>,
}

pub(super) struct Sender {
    pub config: Grafana,
    pub client: Client,
}

#[async_trait]
impl Destination for Sender {
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let mut request = self.client.post(format!("{}/api/annotations", self.config.url.trim_end_matches('/')));
        if !self.config.token.is_empty() {
            request = request.bearer_auth(self.config.token.read().map_err(SendError::later)?);
        }
        http::send_json(request, &body(message, &self.config)).await.map(drop)
    }
}

fn body(m: &Message, config: &Grafana) -> Json {
    let rule = m.common_labels.get("rule").map(|rule| cut(&one_line(rule), 100)).filter(|rule| !rule.is_empty());
    let all = ["afterglow".to_owned(), m.status.clone()].into_iter().chain(rule).chain(config.tags.iter().cloned());
    let mut room = TAGS;
    let tags: Vec<String> = all
        .take_while(|tag| {
            let left = room.checked_sub(tag.len() + 3);
            room = left.unwrap_or(room);
            left.is_some()
        })
        .collect();
    // Where it happened, not when it was heard of.
    let began = m.incidents.iter().filter(|t| t.status == "firing").map(|t| t.started_at).min();
    let over = m.incidents.iter().filter_map(|t| t.resolved_at).max();
    let time = if m.firing > 0 { began } else { over }.unwrap_or(m.at);
    let mut out = json!({ "time": time, "tags": tags, "text": cut(&plain(m), 10_000) });
    if let Some(map) = out.as_object_mut() {
        if !config.dashboard_uid.is_empty() {
            map.insert("dashboardUID".into(), config.dashboard_uid.clone().into());
        }
        if let Some(panel) = config.panel_id {
            map.insert("panelId".into(), panel.into());
        }
    }
    out
}
