//! Events to application state to an indexed store to answers.

pub mod answer;
pub mod api;
pub mod budget;
pub mod catalog;
pub mod completeness;
pub mod database;
pub mod date;
pub mod fleet;
pub mod health;
pub mod indexer;
pub mod insight;
pub mod maintain;
pub mod order;
pub mod otel;
pub mod placement;
pub mod postgres;
pub mod query;
pub mod redact;
pub mod remote_write;
pub mod request;
pub mod search;
pub mod serve;
pub mod state;
pub mod store;
pub mod telemetry;
pub mod viewer;
