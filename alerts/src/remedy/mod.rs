//! Remediation: advice beyond what a rule says itself, written by a model of Amazon Bedrock if the operator turned it on, and checked
//! before anybody sees it.

pub mod actions;
pub mod advisor;
pub mod answer;
pub mod bedrock;
pub mod breaker;
pub mod budget;
pub mod case;
pub mod follow_up;
pub mod keys;
pub mod knowledge;
pub mod mask;
pub mod prompt;
pub mod retrieve;
pub mod worker;
