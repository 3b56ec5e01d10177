//! Any HTTP address: the message as JSON, or what a template makes of it, signed if there is a secret.

use std::collections::BTreeMap;

use async_trait::async_trait;
use minijinja::{Environment, ErrorKind, UndefinedBehavior};
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

/// Steps that a template may take: enough for all labels of a message's incidents (a test has some).
const FUEL: u64 = 2_000_000;
/// Bytes of a body that a template makes.
const BODY: usize = 4 << 20;

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
    all.set_fuel(Some(FUEL));
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
        let mut body = Bounded(Vec::new());
        let made = self.template.get_template("body").and_then(|t| t.render_captured_to(values, &mut body).map(drop));
        made.map_err(|e| match e.kind() {
            ErrorKind::OutOfFuel => {
                SendError::Never(format!("body: the template takes more than {FUEL} steps: let it loop over less"))
            }
            _ => never(&e),
        })?;
        String::from_utf8(body.0).map_err(|e| never(&e))
    }
}

/// What a template makes, up to a bound.
struct Bounded(Vec<u8>);

impl std::io::Write for Bounded {
    fn write(&mut self, more: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + more.len() > BODY {
            let what = format!("the template makes more than {} MiB: let it tell less", BODY >> 20);
            return Err(std::io::Error::other(what));
        }
        self.0.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
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
    fn a_template_that_would_go_on_is_stopped() {
        let loops = "{% for a in range(5000) %}{% for b in range(5000) %}{% for c in range(5000) %}";
        let ends = "{% endfor %}".repeat(3);
        let text = "x".repeat(20_000);
        for (body, said) in [
            (format!("{loops}{ends}"), "body: the template takes more than 2000000 steps"),
            (format!("{{% for a in range(5000) %}}{text}{{% endfor %}}"), "the template makes more than 4 MiB"),
        ] {
            let config = Webhook { body, ..Webhook::default() };
            let sender = Sender::new(&config, http::client(std::time::Duration::from_secs(1)).unwrap()).unwrap();
            let began = std::time::Instant::now();
            let stopped = sender.body(&Message::default()).unwrap_err();
            assert!(matches!(&stopped, SendError::Never(what) if what.contains(said)), "{stopped}");
            assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
        }
    }

    #[test]
    fn a_template_may_tell_all_of_a_full_message() {
        let labels = (0..20).map(|n| (format!("label{n}"), "x".repeat(20))).collect();
        let told = Told { labels, ..Told::default() };
        let message = Message { incidents: vec![told; 1_000], ..Message::default() };
        let body = "{% for i in incidents %}{% for name, value in i.labels|items %}{{ name }}={{ value|upper }},{% endfor %}{% endfor %}";
        let config = Webhook { body: body.into(), ..Webhook::default() };
        let sender = Sender::new(&config, http::client(std::time::Duration::from_secs(1)).unwrap()).unwrap();
        assert_eq!(sender.body(&message).unwrap().matches('=').count(), 20_000);
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
