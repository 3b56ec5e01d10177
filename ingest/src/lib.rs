//! Bytes in object storage to typed Spark events, in order, resumable.
//!
//! [`source`] opens a place, [`scan`] lists it and groups objects into [`log`]s, [`read`] decodes
//! (by [`codec`]) and cuts them into blocks of lines, [`event`] parses a line of an event log,
//! [`container`] those of containers' standard streams.
//! Knows nothing of application state.

mod aws;
pub mod codec;
pub mod container;
pub mod event;
mod folder;
pub mod log;
pub mod read;
pub mod scan;
pub mod sign;
pub mod source;

pub use aws::settings as aws_settings;
pub use folder::Odd;
pub use log::EventLog;
pub use read::{Block, LineBudget, LogReader, Position};
pub use source::{Source, SourceKind};
