//! Application state to findings, incidents and people: what is wrong with an application, what it costs, what to do about it, and who is told.

pub mod api;
pub mod conf;
pub mod counted;
pub mod court;
pub mod custom;
pub mod deliver;
pub mod dispatch;
mod exact;
pub mod facts;
pub mod finding;
pub mod incident;
pub mod intake;
pub mod judge;
pub mod lack;
pub mod ledger;
pub mod note;
pub mod remedy;
pub mod report;
pub mod route;
pub mod rules;
pub mod service;
pub mod settings;
pub mod watch;
