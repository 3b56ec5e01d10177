//! Any HTTP address: the message as JSON, or what a template makes of it, signed if there is a secret.

use std::collections::BTreeMap;

use async_trait::async_trait;
use minijinja::{Environment, UndefinedBehavior};
use reqwest::Client;
use ring::hmac;
use serde::{Deserialize, Serialize};

use super::message::Message;
use super::secret::{self, Secret};
use super::{Destination, SendError, http};

/// Header with the message's key: the same for every try.
pub const KEY: &str = "idempotency-key";
/// Header with the signature: `sha256=` and the HMAC of the body in hexadecimal digits.
pub const SIGNATURE: &str = "x-afterglow-signature";

/// An HTTP address.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Webhook {
    pub url: Secret,
    /// Requests are signed with it.
    pub secret: Secret,
    pub headers: BTreeMap<String, Secret>,
    /// A template (Jinja) of the body; without, the message as JSON.
    pub body: String,
    pub content_type: String,
}

impl Default for Webhook {
    fn default() -> Self {
        Webhook {
            url: Secret::default(),
            secret: Secret::default(),
            headers: BTreeMap::new(),
            body: String::new(),
            content_type: "application/json".into(),
        }
    }
}

impl Webhook {
    pub(super) fn check(&self) -> Result<(), String> {
        secret::is_url(&self.url)?;
        template(&self.body).map(drop)
    }
}

fn template(body: &str) -> Result<Environment<'static>, String> {
    let mut all = Environment::new();
    all.set_undefined_behavior(UndefinedBehavior::Chainable);
    all.add_template_owned("body", body.to_owned()).map_err(|e| format!("body: {e}"))?;
    Ok(all)
}

pub(super) struct Sender {
    config: Webhook,
    template: Environment<'static>,
    client: Client,
}

impl Sender {
    pub(super) fn new(config: &Webhook, client: Client) -> Result<Self, String> {
        Ok(Sender { template: template(&config.body)?, config: config.clone(), client })
    }

    fn body(&self, message: &Message) -> Result<String, SendError> {
        let never = |e: &dyn std::error::Error| SendError::Never(format!("body: {}", http::chain(e)));
        if self.config.body.is_empty() {
            return serde_json::to_string(message).map_err(|e| never(&e));
        }
        let values = minijinja::context! { title => message.title(), ..minijinja::Value::from_serialize(message) };
        self.template.get_template("body").and_then(|t| t.render(values)).map_err(|e| never(&e))
    }
}

/// The signature of a body.
pub fn signature(secret: &str, body: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), body);
    tag.as_ref().iter().fold("sha256=".to_owned(), |out, byte| format!("{out}{byte:02x}"))
}

#[async_trait]
impl Destination for Sender {
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let read = |s: &Secret| s.read().map_err(SendError::later);
        let body = self.body(message)?;
        let mut request = self.client.post(read(&self.config.url)?).header(KEY, &message.key);
        request = request.header(reqwest::header::CONTENT_TYPE, &self.config.content_type);
        for (name, value) in &self.config.headers {
            request = request.header(name, read(value)?);
        }
        if !self.config.secret.is_empty() {
            request = request.header(SIGNATURE, signature(&read(&self.config.secret)?, body.as_bytes()));
        }
        http::send(request.body(body)).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::message::Told;

    /// RFC 4231, test case 2.
    #[test]
    fn signs_as_the_published_example_says() {
        assert_eq!(
            signature("Jefe", b"what do ya want for nothing?"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn a_template_makes_the_body() {
        let told = Told { app_name: "a \"b\"".into(), summary: "x".into(), ..Told::default() };
        let message = Message { firing: 1, count: 1, incidents: vec![told], ..Message::default() };
        let config = Webhook {
            body: "{\"text\": {{ title|tojson }}, \"n\": {{ count }}, \"who\": {{ incidents[0].app_name|tojson }}, \"none\": \"{{ a.b.c }}\"}"
                .into(),
            ..Webhook::default()
        };
        let sender = Sender::new(&config, http::client(std::time::Duration::from_secs(1)).unwrap()).unwrap();
        let body: serde_json::Value = serde_json::from_str(&sender.body(&message).unwrap()).unwrap();
        assert_eq!(
            body,
            serde_json::json!({"text": "[firing 1] several rules: a \"b\": x", "n": 1, "who": "a \"b\"", "none": ""})
        );
        let bad = Webhook { url: Secret::new("http://h/"), body: "{{ x".into(), ..Webhook::default() };
        assert!(bad.check().unwrap_err().starts_with("body: "));
    }
}
