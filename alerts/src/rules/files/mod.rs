//! Files read and written.

mod cluster_filter;
mod iceberg_replace;
mod partition_filter;
mod repeated_reads;
mod slow_commit;
mod small_read;
mod small_written;

use super::Rule;

/// The rules of this family, in the order in which the catalogue shows them.
pub const RULES: &[Rule] = &[
    small_read::RULE,
    small_written::RULE,
    partition_filter::RULE,
    cluster_filter::RULE,
    repeated_reads::RULE,
    slow_commit::RULE,
    iceberg_replace::RULE,
];
