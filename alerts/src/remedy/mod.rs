//! Remediation: advice beyond what a rule says itself, written by a model of Amazon Bedrock if the operator turned it on, and checked
//! before anybody sees it.

pub mod answer;
pub mod bedrock;
pub mod breaker;
pub mod budget;
pub mod case;
pub mod keys;
pub mod mask;
pub mod prompt;
