//! What alerting works by: plain data, made of the settings file by who has it.

use std::time::Duration;

use crate::deliver::ReceiverConfig;
use crate::deliver::backoff::Backoff;
use crate::finding::Severity;
use crate::intake::sns::TopicConfig;
use crate::intake::sqs::QueueConfig;
use crate::report::Prices;
use crate::route::Tree;
use crate::rules::Limits;

/// Settings of alerting.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Findings from this severity on are incidents.
    pub severity: Severity,
    /// Time between two judgements of an application that runs; none: when it is over.
    pub running: Option<Duration>,
    /// Applications that ended longer ago are not told of: logs that are indexed late.
    pub max_age: Duration,
    /// What was not seen for so long is over.
    pub resolve_after: Duration,
    /// Deliveries that were sent are forgotten after that.
    pub keep: Duration,
    /// Incidents that were over so long ago are forgotten, with all that is about them.
    pub retention: Duration,
    /// Address of this server as people reach it; may be empty.
    pub url: String,
    pub tree: Tree,
    pub receivers: Vec<ReceiverConfig>,
    pub backoff: Backoff,
    /// Of one try to deliver.
    pub timeout: Duration,
    /// Queues that alerts are taken from.
    pub queues: Vec<QueueConfig>,
    /// Topics that may post alerts.
    pub topics: Vec<TopicConfig>,
    pub limits: Limits,
    pub prices: Prices,
}

/// A duration as times are kept, in milliseconds.
pub fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

impl Settings {
    /// Names of a receiver's destinations, as the outbox has them.
    pub fn destinations(&self, receiver: &str) -> Vec<String> {
        self.receivers.iter().filter(|r| r.name == receiver).flat_map(ReceiverConfig::destinations).collect()
    }
}

impl Default for Settings {
    fn default() -> Self {
        const DAY: u64 = 24 * 3600;
        Settings {
            severity: Severity::Warning,
            running: Some(Duration::from_secs(60)),
            max_age: Duration::from_secs(DAY),
            resolve_after: Duration::from_secs(30 * DAY),
            keep: Duration::from_secs(30 * DAY),
            retention: Duration::from_secs(90 * DAY),
            url: String::new(),
            tree: Tree::default(),
            receivers: Vec::new(),
            backoff: Backoff::default(),
            timeout: Duration::from_secs(10),
            queues: Vec::new(),
            topics: Vec::new(),
            limits: Limits::default(),
            prices: Prices::default(),
        }
    }
}
