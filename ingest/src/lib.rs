//! Bytes in object storage to typed Spark events, in order, resumable.
//!
//! `scan` lists sources and recognises event logs, `codec` decodes them, `event` parses lines.
//! Knows nothing of application state.

pub mod codec;
pub mod event;
