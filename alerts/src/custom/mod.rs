//! Rules that operators write: a statement over the fleet tables with a threshold, or a job that must have run by a time.
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
mod template;

pub use evaluate::{EvaluationError, Watched};
pub use follow::Evaluator;
pub use machine::{Labels, Machine, State, Transition};
pub use missing::Missing;
pub use rule::{Condition, Kind, Rule, RuleError};
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

impl Alert {
    /// Whether somebody is to hear of it: that it fires, and that it does not any more.
    pub fn notifies(&self) -> bool {
        matches!(self.state, State::Firing | State::Resolved)
    }
}

/// A name for a set of labels: FNV-1a over names and values in order, 16 digits.
pub fn fingerprint(labels: &Labels) -> String {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let mut hash = OFFSET;
    for text in labels.iter().flat_map(|(name, value)| [name, value]) {
        // 255 is in no text: where one ends is part of what is named.
        for byte in text.bytes().chain([255]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(PRIME);
        }
    }
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_tells_where_a_text_ends() {
        let labels = |all: &[(&str, &str)]| all.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect::<Labels>();
        assert_eq!(fingerprint(&labels(&[])), "cbf29ce484222325");
        assert_ne!(fingerprint(&labels(&[("a", "bc")])), fingerprint(&labels(&[("ab", "c")])));
        assert_eq!(fingerprint(&labels(&[("a", "b"), ("c", "d")])), fingerprint(&labels(&[("c", "d"), ("a", "b")])));
    }
}
