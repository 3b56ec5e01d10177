//! Data between stages: spill, waits, too much of it.

mod amplification;
mod fetch_wait;
mod spill;

use super::Rule;

/// The rules of this family, in the order in which the catalogue shows them.
pub const RULES: &[Rule] = &[spill::RULE, fetch_wait::RULE, amplification::RULE];
