//! Opsgenie: Alert API. A group of incidents is one alert there, by its alias, which is closed when all of them have ended.

use async_trait::async_trait;
use reqwest::Client;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::message::Message;
use super::secret::Secret;
use super::text::{cut, one_line, plain, shown};
use super::{Destination, SendError, http};
use crate::incident::Labels;

/// An integration of Opsgenie.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Opsgenie {
    pub api_key: Secret,
    /// `https://api.eu.opsgenie.com` for accounts in the EU.
    pub url: String,
    /// Names of teams.
    pub teams: Vec<String>,
}

impl Default for Opsgenie {
    fn default() -> Self {
        Opsgenie { api_key: Secret::default(), url: "https://api.opsgenie.com".into(), teams: Vec::new() }
    }
}

pub(super) struct Sender {
    pub config: Opsgenie,
    pub client: Client,
}

#[async_trait]
impl Destination for Sender {
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let key = self.config.api_key.read().map_err(SendError::later)?;
        let base = format!("{}/v2/alerts", self.config.url.trim_end_matches('/'));
        let (url, body) = if message.firing == 0 {
            (format!("{base}/{}/close?identifierType=alias", message.group_key), json!({ "source": "Afterglow" }))
        } else {
            (base, body(message, &self.config.teams))
        };
        let request = self.client.post(url).header("Authorization", format!("GenieKey {key}"));
        http::send_json(request, &body).await.map(drop)
    }
}

fn body(m: &Message, teams: &[String]) -> Json {
    let priority = match m.severity() {
        "critical" | "page" => "P1",
        "error" => "P2",
        "info" => "P5",
        _ => "P3",
    };
    let responders: Vec<Json> = teams.iter().map(|t| json!({ "name": t, "type": "team" })).collect();
    let tags = ["rule", "cluster"].into_iter().filter_map(|name| m.common_labels.get(name));
    let tags: Vec<String> = tags.map(|t| cut(&one_line(t), 50)).filter(|t| !t.is_empty()).collect();
    json!({
        "message": cut(&m.title(), 130),
        "alias": m.group_key,
        "description": cut(&plain(m), 15_000),
        "priority": priority,
        "responders": responders,
        "tags": tags,
        "details": details(&m.common_labels),
        "source": "Afterglow",
    })
}

/// Opsgenie takes 8,000 characters of names and values.
fn details(labels: &Labels) -> Labels {
    let mut room = 8_000;
    let mut fits = |(name, value): &(String, String)| {
        let length = name.encode_utf16().count() + value.encode_utf16().count();
        let fits = length <= room;
        room -= if fits { length } else { 0 };
        fits
    };
    shown(labels, 500).into_iter().filter(|l| fits(l)).collect()
}
