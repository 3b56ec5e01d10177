//! Rules that operators write: a statement over the fleet tables or a series of them with a threshold, or a job that must have run by a time.
//! Shaped as Prometheus's and Grafana's: a rule is evaluated at an interval, each set of labels that its condition holds for is
//! pending at first, and fires once the condition has held for long enough.
//!
//! [`Watched`] is a rule with its state: what it gives is [`Alert`]s, one for each change of state, as plain data. [`Evaluator`] evaluates
//! rules at their intervals, and has the ledger know what holds.

mod evaluate;
mod follow;
mod machine;
mod missing;
mod rule;
mod series;
mod template;

pub use evaluate::{EvaluationError, Watched};
pub use follow::Evaluator;
pub use machine::{Held, Labels, Machine, State, Transition};
pub use missing::Missing;
pub use rule::{Condition, Kind, Rule, RuleError};
pub use series::{Literal, Series, SeriesError, Take};
pub use template::{Template, TemplateError};

/// A change of state of a rule for a set of labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// The same for the same rule and labels, always.
    pub fingerprint: String,
    pub rule: String,
    /// Those of the rule and those of the row, with `alertname` and `severity`.
    pub labels: Labels,
    /// With the numbers of this evaluation.
    pub annotations: Labels,
    pub state: State,
    /// Since when it is in this state, epoch milliseconds.
    pub since: i64,
    pub value: Option<f64>,
}
