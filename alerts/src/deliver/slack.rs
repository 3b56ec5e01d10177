//! Slack: an incoming webhook, with blocks (Block Kit).

use async_trait::async_trait;
use reqwest::Client;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::message::{Message, Told};
use super::secret::Secret;
use super::text::{SHOWN, advice, cut, line, rest};
use super::{Destination, SendError, http};

/// An incoming webhook of Slack.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Slack {
    /// Address of the webhook, which is a secret.
    pub url: Secret,
}

pub(super) struct Sender {
    pub config: Slack,
    pub client: Client,
}

#[async_trait]
impl Destination for Sender {
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let url = self.config.url.read().map_err(SendError::later)?;
        http::send_json(self.client.post(url), &body(message)).await.map(drop)
    }
}

/// Slack takes 150 characters in a header, 3,000 in a section and 50 blocks.
fn body(m: &Message) -> Json {
    let mut blocks = vec![json!({ "type": "header", "text": { "type": "plain_text", "text": cut(&m.title(), 150) } })];
    for t in m.incidents.iter().take(SHOWN) {
        blocks.push(json!({ "type": "section", "text": { "type": "mrkdwn", "text": cut(&section(t), 3_000) } }));
    }
    let mut context = Vec::new();
    if rest(m) > 0 {
        context.push(format!("and {} more", rest(m)));
    }
    if !m.url.is_empty() {
        context.push(format!("<{}/incidents|all incidents>", escaped(m.url.trim_end_matches('/'))));
    }
    if !context.is_empty() {
        blocks.push(json!({ "type": "context", "elements": [{ "type": "mrkdwn", "text": context.join(" · ") }] }));
    }
    // What notifications show.
    json!({ "text": escaped(&m.title()), "blocks": blocks })
}

fn section(t: &Told) -> String {
    let mark = match (t.status.as_str(), t.severity.as_str()) {
        ("resolved", _) => ":white_check_mark:",
        (_, "critical") => ":red_circle:",
        (_, "warning") => ":large_orange_circle:",
        _ => ":large_blue_circle:",
    };
    let rule = escaped(&t.rule);
    let rule = if t.url.is_empty() { format!("*{rule}*") } else { format!("*<{}|{rule}>*", escaped(&t.url)) };
    let mut out = format!("{mark} {rule} {}", escaped(&line(t)));
    for a in advice(t) {
        out.push_str(&format!("\n• {}", escaped(&a)));
    }
    out
}

/// The three characters that Slack reads as its own.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
