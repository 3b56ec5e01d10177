//! Memory of driver and executors: too little, too much, badly used.

mod cache_evicted;
mod cache_unread;
mod container_memory_high;
mod driver_memory_high;
mod executor_memory_high;
mod executor_memory_low;
mod gc_pressure;
mod jvm_pauses;
mod map_count;

use super::Rule;

/// The rules of this family, in the order in which the catalogue shows them.
pub const RULES: &[Rule] = &[
    gc_pressure::RULE,
    executor_memory_high::RULE,
    executor_memory_low::RULE,
    driver_memory_high::RULE,
    container_memory_high::RULE,
    cache_evicted::RULE,
    cache_unread::RULE,
    jvm_pauses::RULE,
    map_count::RULE,
];
