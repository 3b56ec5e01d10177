//! Streaming queries: falling behind, watermarks, failures.

mod batch_over_trigger;
mod empty_batches;
mod falling_behind;
mod late_rows;
mod phase;
mod progress_log;
mod query_failed;
mod query_planning;
mod source_offsets;
mod tiny_batches;
mod watermark_stuck;

use super::Rule;

/// The rules of this family, in the order in which the catalogue shows them.
pub const RULES: &[Rule] = &[
    query_failed::RULE,
    falling_behind::RULE,
    batch_over_trigger::RULE,
    watermark_stuck::RULE,
    late_rows::RULE,
    query_planning::RULE,
    source_offsets::RULE,
    progress_log::RULE,
    empty_batches::RULE,
    tiny_batches::RULE,
];
