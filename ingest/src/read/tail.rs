//! By what a log is known again: a checksum of the bytes that were read last of it, as they lie in the file. A log only ever
//! grows; one whose bytes there are others is another log under the same name.

use std::sync::Arc;

use object_store::{ObjectStore, ObjectStoreExt as _};
use twox_hash::XxHash3_64;

use super::{Position, name_of};
use crate::log::EventLog;

/// Bytes that are looked at.
const LOOK: usize = 4 << 10;

/// The bytes up to `end` of a file: how many they are, and their checksum. Without any, nothing was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tail {
    pub end: u64,
    pub len: u64,
    pub sum: u64,
}

/// What was fed last of a file.
pub(super) struct Recent {
    /// Of an earlier reading.
    before: Tail,
    end: u64,
    bytes: Vec<u8>,
}

impl Recent {
    pub(super) fn new(from: &Position) -> Recent {
        Recent { before: from.tail, end: from.offset, bytes: Vec::new() }
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.end += bytes.len() as u64;
        if bytes.len() < LOOK {
            let drop = (self.bytes.len() + bytes.len()).saturating_sub(LOOK);
            self.bytes.drain(..drop);
            self.bytes.extend_from_slice(bytes);
        } else {
            self.bytes.clear();
            self.bytes.extend_from_slice(&bytes[bytes.len() - LOOK..]);
        }
    }

    /// A few new bytes say less than many old ones.
    pub(super) fn tail(&self) -> Tail {
        let len = self.bytes.len() as u64;
        if len < self.before.len {
            return self.before;
        }
        Tail { end: self.end, len, sum: XxHash3_64::oneshot(&self.bytes) }
    }
}

/// Whether a log still has what was read of it up to a position: false for another log under its name.
///
/// # Errors
/// If the store cannot be asked.
pub async fn is_as_read(
    store: &Arc<dyn ObjectStore>,
    log: &EventLog,
    position: &Position,
) -> Result<bool, object_store::Error> {
    let Tail { end, len, sum } = position.tail;
    let part = log.parts.iter().find(|p| name_of(p) == position.part);
    let Some(part) = part.filter(|_| len > 0) else { return Ok(true) };
    if len > end || end > part.size {
        return Ok(false);
    }
    let bytes = store.get_range(&part.path, end - len..end).await?;
    Ok(bytes.len() as u64 == len && XxHash3_64::oneshot(&bytes) == sum)
}
