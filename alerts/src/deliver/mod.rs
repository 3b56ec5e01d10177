//! Delivery: messages out of the ledger's outbox to those who want to know.

pub mod backoff;
pub mod message;
