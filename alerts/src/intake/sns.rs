//! Topics of SNS that post: their subscription is confirmed, what they bring is believed if it is signed.
//!
//! A message is signed with a key whose certificate lies with SNS itself: nothing is fetched from elsewhere, nor confirmed anywhere else.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use afterglow_history::answer;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Client;
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, RsaParameters, UnparsedPublicKey,
};
use serde::{Deserialize, Serialize};
use url::Url;
use x509_certificate::X509Certificate;

use super::sqs;
use super::webhook::{self, Brought};
use crate::deliver::http;
use crate::incident::Origin;

/// Of one request to SNS.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Certificates that are kept; SNS has one at a time.
const KEPT: usize = 8;
/// Bytes that a certificate has not: no more is read of it.
const LONGEST: usize = answer::MOST;

/// A topic that may post.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TopicConfig {
    pub arn: String,
    /// Where SNS is if it is not AWS's own: subscriptions are confirmed, and certificates fetched, there.
    pub endpoint_url: String,
}

impl TopicConfig {
    /// What cannot work, and the remedy.
    pub fn check(&self) -> Result<(), String> {
        let parts: Vec<&str> = self.arn.split(':').collect();
        if parts.len() != 6 || parts[0] != "arn" || parts[2] != "sns" || parts[3].is_empty() || parts[5].is_empty() {
            return Err(format!("`{}` is no topic: write arn:aws:sns:REGION:ACCOUNT:NAME", self.arn));
        }
        match Url::parse(&self.endpoint_url) {
            Err(e) if !self.endpoint_url.is_empty() => Err(format!("endpoint_url: {e}")),
            _ => Ok(()),
        }
    }

    /// Whether an address is one of SNS in the topic's region, or below the endpoint that is set.
    fn owns(&self, url: &Url) -> bool {
        let plain = url.username().is_empty() && url.password().is_none();
        if let Ok(endpoint) = Url::parse(&self.endpoint_url) {
            return plain && url.origin() == endpoint.origin();
        }
        let parts: Vec<&str> = self.arn.split(':').collect();
        let [_, partition, _, region, ..] = parts[..] else { return false };
        let domain = if partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
        let host = format!("sns.{region}.{domain}");
        plain && url.scheme() == "https" && url.host_str() == Some(&host) && url.port().is_none()
    }
}

/// What SNS posts.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope {
    r#type: String,
    message_id: String,
    topic_arn: String,
    subject: Option<String>,
    message: String,
    timestamp: String,
    signature_version: String,
    signature: String,
    #[serde(rename = "SigningCertURL")]
    signing_cert_url: String,
    #[serde(rename = "SubscribeURL")]
    subscribe_url: Option<String>,
    token: Option<String>,
}

impl Envelope {
    /// What is signed: names and values by turns, a line each.
    fn signed(&self) -> String {
        let mut all = vec![("Message", Some(&self.message)), ("MessageId", Some(&self.message_id))];
        if self.r#type == "Notification" {
            all.push(("Subject", self.subject.as_ref()));
        } else {
            all.push(("SubscribeURL", self.subscribe_url.as_ref()));
        }
        all.push(("Timestamp", Some(&self.timestamp)));
        if self.r#type != "Notification" {
            all.push(("Token", self.token.as_ref()));
        }
        all.extend([("TopicArn", Some(&self.topic_arn)), ("Type", Some(&self.r#type))]);
        all.into_iter().filter_map(|(name, value)| Some(format!("{name}\n{}\n", value?))).collect()
    }
}

/// What came of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Took {
    Alerts(Brought),
    /// A subscription was confirmed, or ended.
    Subscription,
}

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnsError {
    /// It will not be taken later, either.
    #[error("{0}")]
    Refused(String),
    /// SNS did not answer: it may be taken when it comes again.
    #[error("{0}")]
    Later(String),
}

/// The topics that may post.
pub struct Topics {
    all: Vec<TopicConfig>,
    client: Client,
    /// Public keys by their certificate's address.
    keys: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl Topics {
    /// # Errors
    /// A sentence about the HTTP client.
    pub fn new(all: Vec<TopicConfig>) -> Result<Self, String> {
        Ok(Topics { all, client: http::client(TIMEOUT)?, keys: Mutex::default() })
    }

    /// Whether any topic may.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Takes what was posted, if it is of a topic that may and signed.
    ///
    /// # Errors
    /// [`SnsError`], which says whether it may come again.
    pub async fn take(&self, body: &[u8], now: i64) -> Result<Took, SnsError> {
        let refused = |what: String| SnsError::Refused(what);
        let envelope: Envelope = serde_json::from_slice(body).map_err(|e| {
            refused(format!(
                "no message of SNS: {e}: a subscription with raw message delivery is not signed, turn it off"
            ))
        })?;
        let topic = self.all.iter().find(|t| t.arn == envelope.topic_arn).ok_or_else(|| {
            refused(format!("{}: not among [[alerts.topic]]: declare it there if it may post", envelope.topic_arn))
        })?;
        self.verify(&envelope, topic).await?;
        match envelope.r#type.as_str() {
            "Notification" => {
                let read = sqs::read(&envelope.message, sqs::DEEP, Origin::Sns, now);
                let mut brought = read.map_err(SnsError::Refused)?;
                brought.sent_by(webhook::instant(&envelope.timestamp).unwrap_or_default());
                Ok(Took::Alerts(brought))
            }
            "SubscriptionConfirmation" => {
                self.get(envelope.subscribe_url.as_deref().unwrap_or_default(), topic).await?;
                tracing::info!("alerts: subscribed to {}", topic.arn);
                Ok(Took::Subscription)
            }
            "UnsubscribeConfirmation" => {
                tracing::warn!("alerts: the subscription to {} was ended; nothing comes from it any more", topic.arn);
                Ok(Took::Subscription)
            }
            other => Err(refused(format!("`{other}` is no type of message"))),
        }
    }

    async fn verify(&self, e: &Envelope, topic: &TopicConfig) -> Result<(), SnsError> {
        let how: &'static RsaParameters = match e.signature_version.as_str() {
            "1" => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
            "2" => &RSA_PKCS1_2048_8192_SHA256,
            other => return Err(SnsError::Refused(format!("signature version `{other}` is not known"))),
        };
        let signature = STANDARD.decode(&e.signature).map_err(|e| SnsError::Refused(format!("signature: {e}")))?;
        let key = self.key(&e.signing_cert_url, topic).await?;
        UnparsedPublicKey::new(how, key)
            .verify(e.signed().as_bytes(), &signature)
            .map_err(|_| SnsError::Refused("the signature is not that of the message".into()))
    }

    /// The key of a certificate that SNS has.
    async fn key(&self, url: &str, topic: &TopicConfig) -> Result<Vec<u8>, SnsError> {
        let keys = || self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        // What is kept was fetched for a topic of the same place, or for another: asking again whose it is costs nothing.
        let known = keys().get(url).cloned().filter(|_| Url::parse(url).is_ok_and(|u| topic.owns(&u)));
        if let Some(key) = known {
            return Ok(key);
        }
        let pem = self.get(url, topic).await?;
        let bad = |e: x509_certificate::X509CertificateError| SnsError::Refused(format!("{url}: no certificate: {e}"));
        let key = X509Certificate::from_pem(&pem).map_err(bad)?.public_key_data().to_vec();
        let mut keys = keys();
        if keys.len() >= KEPT {
            keys.clear();
        }
        keys.insert(url.to_owned(), key.clone());
        Ok(key)
    }

    /// Fetches an address of SNS itself, and no other.
    async fn get(&self, url: &str, topic: &TopicConfig) -> Result<String, SnsError> {
        let parsed = Url::parse(url).ok().filter(|u| topic.owns(u));
        let parsed =
            parsed.ok_or_else(|| SnsError::Refused(format!("`{url}` is no address of SNS for {}", topic.arn)))?;
        let text = http::send(self.client.get(parsed)).await.map_err(|e| SnsError::Later(format!("SNS: {e}")))?;
        if text.len() >= LONGEST {
            return Err(SnsError::Refused(format!("{url}: {LONGEST} bytes or more")));
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sns_itself_is_asked() {
        let topic = TopicConfig { arn: "arn:aws:sns:eu-central-1:1:alerts".into(), ..TopicConfig::default() };
        let owns = |topic: &TopicConfig, url: &str| topic.owns(&Url::parse(url).unwrap());
        assert!(owns(&topic, "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0.pem"));
        for url in [
            "http://sns.eu-central-1.amazonaws.com/x.pem",
            "https://sns.us-east-1.amazonaws.com/x.pem",
            "https://sns.eu-central-1.amazonaws.com.evil.com/x.pem",
            "https://sns.eu-central-1.amazonaws.com@evil.com/x.pem",
            "https://a@sns.eu-central-1.amazonaws.com/x.pem",
            "https://sns.eu-central-1.amazonaws.com:8443/x.pem",
            "https://bucket.s3.amazonaws.com/x.pem",
            "https://127.0.0.1/x.pem",
        ] {
            assert!(!owns(&topic, url), "{url}");
        }
        let china = TopicConfig { arn: "arn:aws-cn:sns:cn-north-1:1:t".into(), ..TopicConfig::default() };
        assert!(owns(&china, "https://sns.cn-north-1.amazonaws.com.cn/x.pem"));
        let own = TopicConfig { endpoint_url: "http://127.0.0.1:4566".into(), ..topic };
        assert!(owns(&own, "http://127.0.0.1:4566/cert.pem") && !owns(&own, "http://127.0.0.1:4567/cert.pem"));
        assert!(!owns(&own, "https://sns.eu-central-1.amazonaws.com/x.pem"));
    }

    #[test]
    fn what_is_no_topic_is_said() {
        let check = |arn: &str, endpoint: &str| {
            TopicConfig { arn: arn.into(), endpoint_url: endpoint.into() }.check().map_err(|e| e.len() > 10)
        };
        assert_eq!(check("arn:aws:sns:eu-central-1:1:alerts", ""), Ok(()));
        assert_eq!(check("arn:aws:sqs:eu-central-1:1:alerts", ""), Err(true));
        assert_eq!(check("alerts", ""), Err(true));
        assert_eq!(check("arn:aws:sns:eu-central-1:1:alerts", "nowhere"), Err(true));
    }

    #[test]
    fn what_is_signed_is_what_the_service_says() {
        let text = r#"{"Type":"Notification","MessageId":"m","TopicArn":"t","Message":"hello","Timestamp":"T",
            "SignatureVersion":"1","Signature":"","SigningCertURL":"u"}"#;
        let mut e: Envelope = serde_json::from_str(text).unwrap();
        assert_eq!(e.signed(), "Message\nhello\nMessageId\nm\nTimestamp\nT\nTopicArn\nt\nType\nNotification\n");
        e.subject = Some("s".into());
        assert!(e.signed().contains("MessageId\nm\nSubject\ns\nTimestamp\n"));
        (e.r#type, e.subscribe_url, e.token) = ("SubscriptionConfirmation".into(), Some("w".into()), Some("k".into()));
        let all = "Message\nhello\nMessageId\nm\nSubscribeURL\nw\nTimestamp\nT\nToken\nk\nTopicArn\nt\nType\nSubscriptionConfirmation\n";
        assert_eq!(e.signed(), all);
    }
}
