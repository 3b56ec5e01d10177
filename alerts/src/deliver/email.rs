//! E-mail over SMTP: text, and HTML for those who read it. The message's key makes its id, so that what comes twice can be told.

use std::time::Duration;

use async_trait::async_trait;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use serde::{Deserialize, Serialize};

use super::message::{Message, rank};
use super::secret::Secret;
use super::text::{SHOWN, advice, cut, line, plain, rest};
use super::{Destination, SendError, http::chain};

/// An SMTP server, and who gets mail.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Email {
    pub to: Vec<String>,
    pub from: String,
    /// Host and port; the port is by `tls`, unless set.
    pub server: String,
    pub tls: MailTls,
    pub username: String,
    pub password: Secret,
}

/// How the connection is made safe.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// From the first byte (port 465).
    Always,
    /// Asked for, and insisted on (port 587).
    #[default]
    Starttls,
    /// Not at all (port 25): inside one machine.
    None,
}

impl Email {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.to.is_empty() {
            return Err("to: nobody: write to = [\"team@example.com\"]".into());
        }
        for address in self.to.iter().chain([&self.from]) {
            address.parse::<Mailbox>().map_err(|e| format!("`{address}` is no address: {e}"))?;
        }
        self.address().map(drop)?;
        if !self.username.is_empty() && self.tls == MailTls::None {
            return Err("tls: none would send the password for all to read: use starttls or always".into());
        }
        Ok(())
    }

    fn address(&self) -> Result<(String, u16), String> {
        let port = match self.tls {
            MailTls::Always => 465,
            MailTls::Starttls => 587,
            MailTls::None => 25,
        };
        let bad = || format!("server: `{}` is none: write HOST or HOST:PORT", self.server);
        let (host, port) = match self.server.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| bad())?),
            None => (self.server.as_str(), port),
        };
        if host.is_empty() { Err(bad()) } else { Ok((host.to_owned(), port)) }
    }
}

pub(super) struct Sender {
    config: Email,
    timeout: Duration,
}

impl Sender {
    pub(super) fn new(config: &Email, timeout: Duration) -> Result<Self, String> {
        config.check()?;
        Ok(Sender { config: config.clone(), timeout })
    }

    fn transport(&self) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
        let (host, port) = self.config.address()?;
        let parameters = || TlsParameters::new(host.clone()).map_err(|e| chain(&e));
        let tls = match self.config.tls {
            MailTls::Always => Tls::Wrapper(parameters()?),
            MailTls::Starttls => Tls::Required(parameters()?),
            MailTls::None => Tls::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&host).port(port).tls(tls);
        builder = builder.timeout(Some(self.timeout));
        if !self.config.username.is_empty() {
            builder = builder.credentials(Credentials::new(self.config.username.clone(), self.config.password.read()?));
        }
        Ok(builder.build())
    }

    fn mail(&self, m: &Message) -> Result<lettre::Message, String> {
        let from: Mailbox = self.config.from.parse().map_err(|e| format!("from: {e}"))?;
        let domain = from.email.domain().to_owned();
        let mut mail = lettre::Message::builder().from(from).subject(cut(&m.title(), 250));
        mail = mail.message_id(Some(format!("<{}@{domain}>", m.key)));
        // What is about one group is one conversation.
        mail = mail.references(format!("<{}@{domain}>", m.group_key));
        for to in &self.config.to {
            mail = mail.to(to.parse().map_err(|e| format!("{to}: {e}"))?);
        }
        let part = |kind: ContentType, text: String| SinglePart::builder().header(kind).body(text);
        let parts = MultiPart::alternative()
            .singlepart(part(ContentType::TEXT_PLAIN, plain(m)))
            .singlepart(part(ContentType::TEXT_HTML, html(m)));
        mail.multipart(parts).map_err(|e| chain(&e))
    }
}

#[async_trait]
impl Destination for Sender {
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let mail = self.mail(message).map_err(SendError::Never)?;
        let transport = self.transport().map_err(SendError::later)?;
        match transport.send(mail).await {
            Ok(_) => Ok(()),
            Err(e) if e.is_permanent() => Err(SendError::Never(chain(&e))),
            Err(e) => Err(SendError::later(chain(&e))),
        }
    }
}

fn html(m: &Message) -> String {
    let mut out =
        format!("<!doctype html><html><body style=\"font-family: sans-serif\"><h3>{}</h3>", escaped(&m.title()));
    for t in m.incidents.iter().take(SHOWN) {
        let color = match (t.status.as_str(), rank(&t.severity)) {
            ("resolved", _) => "#2e7d32",
            (_, 0) => "#c62828",
            (_, 1) => "#b26a00",
            _ => "#1565c0",
        };
        let rule = escaped(&t.rule);
        let rule = if t.url.is_empty() { rule } else { format!("<a href=\"{}\">{rule}</a>", escaped(&t.url)) };
        out.push_str(&format!(
            "<p style=\"border-left: 4px solid {color}; padding-left: 8px\"><b>{rule}</b> ({}) {}",
            escaped(&t.severity),
            escaped(&line(t))
        ));
        let advice = advice(t);
        if !advice.is_empty() {
            let items: String = advice.iter().map(|a| format!("<li><code>{}</code></li>", escaped(a))).collect();
            out.push_str(&format!("</p><ul>{items}</ul>"));
        } else {
            out.push_str("</p>");
        }
    }
    if rest(m) > 0 {
        out.push_str(&format!("<p>and {} more</p>", rest(m)));
    }
    out.push_str("</body></html>");
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
