//! Microsoft Teams: a webhook of a workflow, with an Adaptive Card.

use async_trait::async_trait;
use reqwest::Client;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::message::Message;
use super::secret::Secret;
use super::text::{SHOWN, advice, line, rest};
use super::{Destination, SendError, http};

/// A webhook of a Teams workflow.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Teams {
    /// Address of the webhook, which is a secret.
    pub url: Secret,
}

pub(super) struct Sender {
    pub config: Teams,
    pub client: Client,
}

#[async_trait]
impl Destination for Sender {
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let url = self.config.url.read().map_err(SendError::later)?;
        http::send_json(self.client.post(url), &body(message)).await.map(drop)
    }
}

fn body(m: &Message) -> Json {
    let color = match (m.firing, m.severity()) {
        (0, _) => "good",
        (_, "critical") => "attention",
        (_, "warning") => "warning",
        _ => "accent",
    };
    let text = |text: String, more: Json| {
        let mut block = json!({ "type": "TextBlock", "text": text, "wrap": true });
        if let (Some(block), Json::Object(more)) = (block.as_object_mut(), more) {
            block.extend(more);
        }
        block
    };
    let mut blocks = vec![text(escaped(&m.title()), json!({ "size": "medium", "weight": "bolder", "color": color }))];
    for t in m.incidents.iter().take(SHOWN) {
        blocks.push(text(escaped(&format!("{} [{}] {}", t.severity, t.rule, line(t))), json!({ "separator": true })));
        blocks.extend(advice(t).iter().map(|a| text(escaped(a), json!({ "isSubtle": true, "spacing": "none" }))));
    }
    if rest(m) > 0 {
        blocks.push(text(format!("and {} more", rest(m)), json!({})));
    }
    let mut card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": blocks,
    });
    let first = m.incidents.first().map(|t| t.url.as_str()).filter(|u| !u.is_empty());
    if let (Some(url), Some(card)) = (first, card.as_object_mut()) {
        card.insert("actions".into(), json!([{ "type": "Action.OpenUrl", "title": "Open", "url": url }]));
    }
    let content = "application/vnd.microsoft.card.adaptive";
    json!({ "type": "message", "attachments": [{ "contentType": content, "content": card }] })
}

/// Cards read Markdown: what would be a link or emphasis is text here.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '[' | ']' | '*' | '_' | '\\' | '`') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
