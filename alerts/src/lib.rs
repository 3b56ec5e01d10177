//! Application state to findings, incidents and people: what is wrong with an application, what it costs, what to do about it, and who is told.

pub mod api;
pub mod conf;
pub mod deliver;
pub mod facts;
pub mod finding;
pub mod incident;
pub mod judge;
pub mod ledger;
pub mod remedy;
pub mod report;
pub mod route;
pub mod rules;
