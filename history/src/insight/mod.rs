//! What the entities of an attempt come to: where the time went, why it failed, what to draw of
//! many. Pure functions over [`crate::state`]: no IO, no clock, no HTTP.

pub mod containers;
pub mod outcome;
pub mod plan_time;
pub mod presence;
pub mod removal;
pub mod sample;
pub mod series;
pub mod skew;
pub mod used;
pub mod wall_clock;
