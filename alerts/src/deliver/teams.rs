//! Microsoft Teams: a webhook of a workflow, with an Adaptive Card.

use async_trait::async_trait;
use reqwest::{Client, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::message::Message;
use super::secret::Secret;
use super::text::{SHOWN, advice, cut, line};
use super::{Destination, SendError, http};

/// Bytes of a message at most: Teams takes 28 KB with what it adds.
const MOST: usize = 24_000;
/// Advice of one incident that is sent.
const ADVICE: usize = 5;

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
        let body = serde_json::to_vec(&fitted(message)).map_err(|e| SendError::Never(e.to_string()))?;
        // Without the charset Teams counts two bytes for each character.
        let kind = "application/json; charset=utf-8";
        http::send(self.client.post(url).header(header::CONTENT_TYPE, kind).body(body)).await.map(drop)
    }
}

/// A card with as many incidents as fit.
fn fitted(m: &Message) -> Json {
    let fits = |card: &Json| serde_json::to_vec(card).is_ok_and(|bytes| bytes.len() <= MOST);
    (0..=SHOWN).rev().map(|shown| body(m, shown)).find(fits).unwrap_or_else(|| body(m, 0))
}

fn body(m: &Message, shown: usize) -> Json {
    let color = match (m.firing, m.severity()) {
        (0, _) => "Good",
        (_, "critical") => "Attention",
        (_, "warning") => "Warning",
        _ => "Accent",
    };
    let text = |text: String, more: Json| {
        let mut block = json!({ "type": "TextBlock", "text": text, "wrap": true });
        if let (Some(block), Json::Object(more)) = (block.as_object_mut(), more) {
            block.extend(more);
        }
        block
    };
    let mut blocks =
        vec![text(escaped(&cut(&m.title(), 1_000)), json!({ "size": "Medium", "weight": "Bolder", "color": color }))];
    for t in m.incidents.iter().take(shown) {
        let told = format!("{} [{}] {}", t.severity, t.rule, line(t));
        blocks.push(text(escaped(&cut(&told, 1_000)), json!({ "separator": true })));
        let advice = advice(t).into_iter().take(ADVICE);
        blocks.extend(advice.map(|a| text(escaped(&cut(&a, 300)), json!({ "isSubtle": true, "spacing": "None" }))));
    }
    let rest = m.count - m.incidents.len().min(shown);
    if rest > 0 {
        blocks.push(text(format!("and {rest} more"), json!({})));
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
