//! What the log itself tells of the application: lost drivers, dropped events.

use super::Rule;

/// The rules of this family, in the order in which the catalogue shows them.
pub const RULES: &[Rule] = &[];
