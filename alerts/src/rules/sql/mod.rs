//! Plans of SQL executions.

mod cross_join;
mod large_broadcast;
mod long_filter;
pub(crate) mod missed_broadcast;

use super::Rule;

/// The rules of this family, in the order in which the catalogue shows them.
pub const RULES: &[Rule] = &[cross_join::RULE, large_broadcast::RULE, missed_broadcast::RULE, long_filter::RULE];
