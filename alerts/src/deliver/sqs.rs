//! Amazon SQS: a queue gets the message as JSON, with the attributes that SNS gets.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata as _;
use aws_sdk_sqs::types::MessageAttributeValue;
use serde::{Deserialize, Serialize};

use super::aws::{self, Access};
use super::message::Message;
use super::sns::{attributes, fitted};
use super::{Destination, SendError};

/// A queue of SQS.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sqs {
    pub queue_url: String,
    /// What is empty here is as the AWS SDKs find it.
    pub region: String,
    pub profile: String,
    /// Another address than AWS's own.
    pub endpoint_url: String,
}

impl Sqs {
    fn access(&self) -> Access {
        Access { region: self.region.clone(), profile: self.profile.clone(), endpoint_url: self.endpoint_url.clone() }
    }
}

pub(super) struct Sender {
    config: Sqs,
    client: Client,
}

impl Sender {
    pub(super) async fn open(config: &Sqs, timeout: Duration) -> Self {
        Sender { config: config.clone(), client: Client::new(&aws::config(&config.access(), timeout).await) }
    }
}

#[async_trait]
impl Destination for Sender {
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let mut request = self.client.send_message().queue_url(&self.config.queue_url).message_body(fitted(message)?);
        for (name, value) in attributes(message) {
            let value = MessageAttributeValue::builder().data_type("String").string_value(value).build();
            request = request.message_attributes(name, value.map_err(|e| SendError::Never(e.to_string()))?);
        }
        if self.config.queue_url.ends_with(".fifo") {
            request = request.message_group_id(&message.group_key).message_deduplication_id(&message.key);
        }
        request.send().await.map(drop).map_err(|e| {
            let status = e.raw_response().map(|r| r.status().as_u16());
            aws::meaning(&e, status, e.code())
        })
    }
}
