//! What the log itself tells of the application: lost drivers, dropped events.

mod driver_lost;
mod events_dropped;
mod log_damaged;

use super::Rule;

/// The rules of this family, in the order in which the catalogue shows them.
pub const RULES: &[Rule] = &[driver_lost::RULE, events_dropped::RULE, log_damaged::RULE];
