//! Amazon SNS: a topic, or one for each severity. Attributes are there for filter policies; a FIFO topic gets groups in order and each
//! message once.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sns::Client;
use aws_sdk_sns::error::ProvideErrorMetadata as _;
use aws_sdk_sns::types::MessageAttributeValue;
use serde::{Deserialize, Serialize};

use super::aws::{self, Access};
use super::message::Message;
use super::text::{cut, plain, shown};
use super::{Destination, SendError};

/// Bytes of a message at most: AWS takes 262,144 with its attributes.
pub(super) const MOST: usize = 250_000;

/// A topic of SNS.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sns {
    pub topic_arn: String,
    /// Topics for messages whose worst incident has this severity.
    pub topics: BTreeMap<String, String>,
    /// People get text from it rather than JSON.
    pub text: bool,
    /// The topic's own, unless set. What is empty here is as the AWS SDKs find it.
    pub region: String,
    pub profile: String,
    /// Another address than AWS's own.
    pub endpoint_url: String,
}

impl Sns {
    pub(super) fn check(&self) -> Result<(), String> {
        let bad = |arn: &&String| !arn.starts_with("arn:");
        let all = self.topics.values().chain((!self.topic_arn.is_empty()).then_some(&self.topic_arn));
        match (all.clone().count(), all.into_iter().find(bad)) {
            (0, _) => Err("topic_arn is not set: write arn:aws:sns:REGION:ACCOUNT:NAME".into()),
            (_, Some(arn)) => Err(format!("`{arn}` is no topic: write arn:aws:sns:REGION:ACCOUNT:NAME")),
            _ => Ok(()),
        }
    }

    /// The topic's own region, unless another is set.
    fn access(&self) -> Access {
        let arn = self.topics.values().next().unwrap_or(&self.topic_arn);
        let of_arn = arn.split(':').nth(3).unwrap_or_default().to_owned();
        let region = if self.region.is_empty() { of_arn } else { self.region.clone() };
        Access { region, profile: self.profile.clone(), endpoint_url: self.endpoint_url.clone() }
    }
}

pub(super) struct Sender {
    config: Sns,
    client: Client,
}

impl Sender {
    pub(super) async fn open(config: &Sns, timeout: Duration) -> Self {
        let client = Client::new(&aws::config(&config.access(), timeout).await);
        Sender { config: config.clone(), client }
    }
}

#[async_trait]
impl Destination for Sender {
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let topic = self.config.topics.get(message.severity()).unwrap_or(&self.config.topic_arn);
        if topic.is_empty() {
            return Err(SendError::Never(format!("no topic for severity {}, and no topic_arn", message.severity())));
        }
        let body = if self.config.text { plainly(&cut(&plain(message), MOST / 4)) } else { fitted(message)? };
        let subject: String =
            message.title().chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect();
        let mut request = self.client.publish().topic_arn(topic).message(body).subject(cut_ascii(&subject, 99));
        for (name, value) in attributes(message) {
            let value = MessageAttributeValue::builder().data_type("String").string_value(value).build();
            request = request.message_attributes(name, value.map_err(|e| SendError::Never(e.to_string()))?);
        }
        if topic.ends_with(".fifo") {
            request = request.message_group_id(&message.group_key).message_deduplication_id(&message.key);
        }
        request.send().await.map(drop).map_err(|e| {
            let status = e.raw_response().map(|r| r.status().as_u16());
            aws::meaning(&e, status, e.code())
        })
    }
}

fn cut_ascii(text: &str, most: usize) -> &str {
    text.get(..most).unwrap_or(text)
}

/// What filter policies may ask for. AWS takes no empty values.
pub(super) fn attributes(m: &Message) -> Vec<(&'static str, String)> {
    let common = |name: &str| m.common_labels.get(name).cloned().unwrap_or_default();
    let all = [
        ("status", m.status.clone()),
        ("severity", m.severity().to_owned()),
        ("rule", common("rule")),
        ("cluster", common("cluster")),
        ("app_name", common("app_name")),
        ("receiver", m.receiver.clone()),
        ("key", m.key.clone()),
    ];
    all.map(|(name, value)| (name, cut(&plainly(&value), 1_000))).into_iter().filter(|(_, v)| !v.is_empty()).collect()
}

/// A text without the characters that XML lacks: SQS refuses a message that has one.
pub(super) fn plainly(text: &str) -> String {
    let fits = |c: char| matches!(c, '\t' | '\n' | '\r') || c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}');
    text.chars().map(|c| if fits(c) { c } else { '\u{fffd}' }).collect()
}

/// The message as JSON, with as many incidents as fit; one whose texts are too long has them cut.
pub(super) fn fitted(m: &Message) -> Result<String, SendError> {
    let (mut message, mut was_cut) = (m.clone(), false);
    loop {
        let body = serde_json::to_string(&message).map_err(|e| SendError::Never(e.to_string()))?;
        if body.len() <= MOST {
            return Ok(plainly(&body));
        }
        match message.incidents.len() {
            n if n > 1 => message.incidents.truncate(n / 2),
            _ if was_cut => return Err(SendError::Never(format!("{} bytes are more than AWS takes", body.len()))),
            _ => {
                was_cut = true;
                message.group_labels = shown(&message.group_labels, 200);
                message.common_labels = shown(&message.common_labels, 200);
                for t in &mut message.incidents {
                    t.summary = cut(&t.summary, 1_000);
                    (t.labels, t.annotations) = (shown(&t.labels, 200), shown(&t.annotations, 1_000));
                    t.finding = None;
                }
            }
        }
    }
}
