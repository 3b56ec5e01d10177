//! What is told of a group of incidents: kept in the outbox as JSON, and what webhooks get.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::text::one_line;
use crate::incident::{Incident, Labels, State};

/// Incidents that a message has one by one; of the others it has the number.
pub const MOST: usize = 1_000;
/// Of those, the ones that come with their finding.
pub const WITH_FINDING: usize = 20;

/// News of a group of incidents.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The same whenever this message is sent again.
    pub key: String,
    /// The same for all messages about the group.
    pub group_key: String,
    pub receiver: String,
    /// `firing` as long as one of them fires.
    pub status: String,
    /// What the group has in common by its route.
    pub group_labels: Labels,
    /// What all of them have in common.
    pub common_labels: Labels,
    /// Incidents in all, those that fire, and those that are over.
    pub count: usize,
    pub firing: usize,
    pub resolved: usize,
    /// Those that fire first, and of those the severest; at most 1,000.
    pub incidents: Vec<Told>,
    /// Address of this server as people reach it; may be empty.
    pub url: String,
    /// When it was written, and when it is told again if nothing changes: epoch milliseconds.
    pub at: i64,
    pub again_at: i64,
}

/// An incident in a message.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Told {
    pub id: i64,
    pub fingerprint: String,
    pub status: String,
    pub rule: String,
    pub severity: String,
    pub cluster: String,
    pub app_id: String,
    pub attempt_id: String,
    pub app_name: String,
    pub summary: String,
    pub labels: Labels,
    pub annotations: Labels,
    pub started_at: i64,
    pub resolved_at: Option<i64>,
    pub count: i64,
    /// Its page; empty without the server's address.
    pub url: String,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::exact::field")]
    pub finding: Option<Json>,
}

/// Order of severities; what is not known stands between warning and info.
pub fn rank(severity: &str) -> u8 {
    match severity {
        "critical" | "error" | "page" => 0,
        "warning" => 1,
        "info" => 3,
        _ => 2,
    }
}

impl Told {
    pub fn new(i: &Incident, url: &str) -> Self {
        let over = i.state == State::Resolved;
        Told {
            id: i.id,
            fingerprint: i.fingerprint.clone(),
            status: if over { "resolved" } else { "firing" }.into(),
            rule: i.rule.clone(),
            severity: i.severity.clone(),
            cluster: i.cluster.clone(),
            app_id: i.app_id.clone(),
            attempt_id: i.attempt_id.clone(),
            app_name: i.app_name.clone(),
            summary: i.summary.clone(),
            labels: i.labels.clone(),
            annotations: i.annotations.clone(),
            started_at: i.started_at,
            resolved_at: i.resolved_at,
            count: i.count,
            url: if url.is_empty() {
                String::new()
            } else {
                format!("{}/incidents/{}", url.trim_end_matches('/'), i.id)
            },
            finding: i.finding.clone(),
        }
    }
}

impl Message {
    /// A message about these; what is in it beside them is to be filled in.
    pub fn about(incidents: &[&Incident], url: &str) -> Self {
        let mut told: Vec<Told> = incidents.iter().map(|i| Told::new(i, url)).collect();
        told.sort_by_key(|t| (t.status == "resolved", rank(&t.severity), std::cmp::Reverse(t.started_at), t.id));
        let firing = told.iter().filter(|t| t.status == "firing").count();
        let mut common = told.first().map(|t| t.labels.clone()).unwrap_or_default();
        for t in &told {
            common.retain(|name, value| t.labels.get(name) == Some(value));
        }
        let count = told.len();
        told.truncate(MOST);
        told.iter_mut().skip(WITH_FINDING).for_each(|t| t.finding = None);
        Message {
            status: if firing > 0 { "firing" } else { "resolved" }.into(),
            common_labels: common,
            count,
            firing,
            resolved: count - firing,
            incidents: told,
            url: url.to_owned(),
            ..Message::default()
        }
    }

    /// The worst that fires, or that was.
    pub fn severity(&self) -> &str {
        self.incidents.first().map(|t| t.severity.as_str()).unwrap_or_default()
    }

    /// One line about all of it: `[firing 3] gc-pressure on analytics: nightly etl: 30 % …`.
    pub fn title(&self) -> String {
        let head = match (self.firing, self.resolved) {
            (0, n) => format!("[resolved {n}]"),
            (n, 0) => format!("[firing {n}]"),
            (n, m) => format!("[firing {n}, resolved {m}]"),
        };
        let first = self.incidents.first();
        let rule = self.common_labels.get("rule").cloned().unwrap_or_else(|| "several rules".into());
        let cluster = self.common_labels.get("cluster").filter(|c| !c.is_empty());
        let cluster = cluster.map(|c| format!(" on {c}")).unwrap_or_default();
        let what = match first {
            Some(t) if self.count == 1 && !t.app_name.is_empty() => format!(": {}: {}", t.app_name, t.summary),
            Some(t) if self.count == 1 => format!(": {}", t.summary),
            _ => format!(": {} incidents", self.count),
        };
        one_line(&format!("{head} {rule}{cluster}{what}"))
    }
}
