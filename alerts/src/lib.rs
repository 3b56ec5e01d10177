//! Application state to findings: what is wrong with an application, what it costs, and what to do about it.

pub mod api;
pub mod conf;
pub mod facts;
pub mod finding;
pub mod judge;
pub mod remedy;
pub mod report;
pub mod rules;
