//! Events to application state to an indexed store to answers.

pub mod catalog;
pub mod completeness;
pub mod indexer;
pub mod redact;
pub mod state;
pub mod store;
pub mod viewer;
