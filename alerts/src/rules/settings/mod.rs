//! Settings that cost something, and what they cost is seen.

mod adaptive_off;
mod java_serializer;
mod max_partition_bytes;

use super::Rule;

/// The rules of this family, in the order in which the catalogue shows them.
pub const RULES: &[Rule] = &[adaptive_off::RULE, max_partition_bytes::RULE, java_serializer::RULE];
