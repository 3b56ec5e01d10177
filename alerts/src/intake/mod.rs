//! Alerts from outside: webhooks of Grafana and Alertmanager, topics of SNS that post them, and queues of SQS that have them. They become incidents as findings do.

pub mod sns;
pub mod sqs;
pub mod webhook;
