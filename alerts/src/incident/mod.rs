//! Incidents: what somebody should know of, from the first sighting until it is over.
//!
//! Pure: what is seen and what time it is come in, what is to be written comes out. [`crate::ledger`] keeps it.

pub mod inhibit;
pub mod matcher;
pub mod quiet;
pub mod severity;
pub mod state;

use std::collections::BTreeMap;

use serde_json::Value as Json;
use twox_hash::XxHash3_128;

pub use state::State;

/// Pairs by which incidents are grouped, routed and silenced.
pub type Labels = BTreeMap<String, String>;

/// Something was seen, or seen to be over.
#[derive(Debug, Clone, PartialEq)]
pub struct Sighting {
    /// See [`fingerprint`].
    pub fingerprint: String,
    /// Which sighting this is. One that was counted is not counted again: a run that is judged twice, a message that comes twice.
    pub occurrence: String,
    /// Whether it is there; else it is over.
    pub active: bool,
    pub rule: String,
    /// `critical`, `warning`, `info`, or what an outside alert says.
    pub severity: String,
    pub cluster: String,
    /// Empty where no application is meant, as the three below.
    pub app_id: String,
    pub attempt_id: String,
    pub app_name: String,
    pub owner: String,
    pub summary: String,
    pub labels: Labels,
    pub annotations: Labels,
    /// As JSON tells it.
    pub finding: Option<Json>,
    pub origin: Origin,
    /// When it began, or was over; epoch milliseconds.
    pub at: i64,
    /// When its sender said so, of what comes from outside: of two words about the same the later counts, whatever times are in them.
    pub said: Option<i64>,
    /// How long it must last before it fires, milliseconds.
    pub hold: i64,
}

/// Who saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A rule over an application attempt.
    Findings,
    /// A rule of the operator's.
    Rules,
    Grafana,
    Alertmanager,
    Sqs,
    /// A topic that posts.
    Sns,
}

impl Origin {
    pub const ALL: [Origin; 6] =
        [Origin::Findings, Origin::Rules, Origin::Grafana, Origin::Alertmanager, Origin::Sqs, Origin::Sns];

    pub fn name(self) -> &'static str {
        match self {
            Origin::Findings => "findings",
            Origin::Rules => "rules",
            Origin::Grafana => "grafana",
            Origin::Alertmanager => "alertmanager",
            Origin::Sqs => "sqs",
            Origin::Sns => "sns",
        }
    }

    /// What [`Origin::name`] wrote; what is not known came from outside.
    pub fn of(name: &str) -> Self {
        Origin::ALL.into_iter().find(|o| o.name() == name).unwrap_or(Origin::Grafana)
    }
}

/// An incident as the ledger has it. Times are epoch milliseconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    pub id: i64,
    pub fingerprint: String,
    pub state: State,
    pub rule: String,
    pub severity: String,
    pub cluster: String,
    /// Of the run that it was seen in last; empty where no application is meant.
    pub app_id: String,
    pub attempt_id: String,
    pub app_name: String,
    pub owner: String,
    pub summary: String,
    pub labels: Labels,
    pub annotations: Labels,
    pub finding: Option<Json>,
    pub origin: Origin,
    pub started_at: i64,
    /// When it fires, if it lasts.
    pub due_at: i64,
    pub fired_at: Option<i64>,
    pub resolved_at: Option<i64>,
    pub last_seen_at: i64,
    pub count: i64,
    pub acknowledged_by: Option<String>,
    pub assigned_to: Option<String>,
    pub inhibited_by: Option<i64>,
}

/// What makes two sightings one incident, as 32 hexadecimal digits. The parts are told apart whatever is in them.
pub fn fingerprint(parts: &[&str]) -> String {
    let mut text = String::new();
    for part in parts {
        text.push_str(&part.len().to_string());
        text.push(':');
        text.push_str(part);
    }
    format!("{:032x}", XxHash3_128::oneshot(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_apart() {
        assert_eq!(fingerprint(&["a", "b"]), fingerprint(&["a", "b"]));
        assert_ne!(fingerprint(&["ab", ""]), fingerprint(&["a", "b"]));
        assert_ne!(fingerprint(&["1:a"]), fingerprint(&["", "a"]));
        assert_eq!(fingerprint(&["x"]).len(), 32);
    }
}
