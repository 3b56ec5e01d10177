//! Memory of driver and executors: too little, too much, badly used.

mod gc_pressure;

use super::Rule;

/// The rules of this family, in the order in which the catalogue shows them.
pub const RULES: &[Rule] = &[gc_pressure::RULE];
