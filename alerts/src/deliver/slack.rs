//! Slack: an incoming webhook, with blocks (Block Kit).

use async_trait::async_trait;
use reqwest::Client;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::message::{Message, Told};
use super::secret::Secret;
use super::text::{SHOWN, advice, cut, cut_as, line, one_line, rest};
use super::{Destination, SendError, http};

/// Advice of one incident that is sent.
const ADVICE: usize = 5;

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

/// Slack takes 150 characters in a header, 3,000 in a section and 50 blocks. A section has less, as people read it.
fn body(m: &Message) -> Json {
    let mut blocks = vec![json!({ "type": "header", "text": { "type": "plain_text", "text": cut(&m.title(), 150) } })];
    for t in m.incidents.iter().take(SHOWN) {
        blocks.push(json!({ "type": "section", "text": { "type": "mrkdwn", "text": section(t) } }));
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
    json!({ "text": escaped_to(&m.title(), 3_000), "blocks": blocks })
}

fn section(t: &Told) -> String {
    let mark = match (t.status.as_str(), t.severity.as_str()) {
        ("resolved", _) => ":white_check_mark:",
        (_, "critical") => ":red_circle:",
        (_, "warning") => ":large_orange_circle:",
        _ => ":large_blue_circle:",
    };
    // What is in a link up to a bar is its address.
    let rule = escaped_to(&one_line(&t.rule), 200).replace('|', "¦");
    let rule = if rule.trim().is_empty() { "incident".to_owned() } else { rule };
    let rule = if t.url.is_empty() { format!("*{rule}*") } else { format!("*<{}|{rule}>*", escaped(&t.url)) };
    let mut out = format!("{mark} {rule} {}", escaped_to(&line(t), 1_000));
    for a in advice(t).iter().take(ADVICE) {
        out.push_str(&format!("\n• {}", escaped_to(a, 300)));
    }
    out
}

fn escaped(text: &str) -> String {
    escaped_to(text, usize::MAX)
}

/// A text with the three characters written that Slack reads as its own, and of a length that Slack takes.
fn escaped_to(text: &str, most: usize) -> String {
    cut_as(text, most, |c| match c {
        '&' => "&amp;".into(),
        '<' => "&lt;".into(),
        '>' => "&gt;".into(),
        c => c.into(),
    })
}
