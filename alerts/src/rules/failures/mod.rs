//! What failed, and why.

pub mod application_failed;
pub mod cause;
mod commit_denied;
mod fetch_failure;
mod job_failed;
mod query_failed;
mod stage_retried;
mod task_failures;

use super::Rule;

/// The rules of this family, in the order in which the catalogue shows them.
pub const RULES: &[Rule] = &[
    application_failed::RULE,
    job_failed::RULE,
    query_failed::RULE,
    stage_retried::RULE,
    fetch_failure::RULE,
    task_failures::RULE,
    commit_denied::RULE,
];
