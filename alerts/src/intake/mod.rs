//! Alerts from outside: webhooks of Grafana and Alertmanager, and queues of SQS that have them. They become incidents as findings do.

pub mod sqs;
pub mod webhook;
