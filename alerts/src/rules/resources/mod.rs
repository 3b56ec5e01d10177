//! Cores and executors: idle, lost, wasted.

use super::Rule;

/// The rules of this family, in the order in which the catalogue shows them.
pub const RULES: &[Rule] = &[];
