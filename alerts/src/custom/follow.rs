//! Evaluates rules at their intervals, for ever, and makes sightings of what they say.

use std::collections::BTreeMap;
use std::sync::Arc;

use afterglow_history::query::Engine;
use afterglow_history::viewer::Viewer;
use tokio::task::JoinSet;

use super::{Alert, EvaluationError, Rule, Watched};
use crate::incident::{Labels, Origin, Sighting, fingerprint};
use crate::ledger::{Ledger, LedgerError};
use crate::settings::{Settings, millis};

/// What rules are evaluated with.
#[derive(Clone)]
pub struct Evaluator {
    pub engine: Arc<Engine>,
    pub ledger: Ledger,
    pub settings: Arc<Settings>,
    /// The present, epoch milliseconds.
    pub now: fn() -> i64,
}

#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error(transparent)]
    Evaluation(#[from] EvaluationError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// A rule, with since when its sets of labels hold.
struct Followed {
    watched: Watched,
    /// By fingerprint: what holds again after it was over is another occurrence.
    since: BTreeMap<String, i64>,
}

impl Evaluator {
    /// Evaluates all rules for ever; each waits for no other.
    pub async fn run(self, rules: Vec<Rule>) {
        let mut tasks = JoinSet::new();
        for rule in rules {
            let followed = Followed { watched: Watched::new(rule), since: BTreeMap::new() };
            tasks.spawn(self.clone().follow(followed));
        }
        while tasks.join_next().await.is_some() {}
    }

    async fn follow(self, mut of: Followed) {
        let mut told = None;
        if let Err(e) = self.restore(&mut of).await {
            tracing::error!("alerts: rule {}: its state before the restart: {e}", of.watched.rule.name);
        }
        loop {
            match self.round(&mut of).await {
                Ok(()) => told = None,
                // Once as long as it stays the same.
                Err(e) if told.as_ref() != Some(&e.to_string()) => {
                    tracing::error!("alerts: {e}");
                    told = Some(e.to_string());
                }
                Err(_) => {}
            }
            tokio::time::sleep(of.watched.rule.interval).await;
        }
    }

    /// Goes on from the state before a restart, where the rule fires on after its condition held last: nobody else knows when that was.
    async fn restore(&self, of: &mut Followed) -> Result<(), LedgerError> {
        if !of.watched.rule.keep.is_zero() {
            of.watched.restore(self.ledger.rule(&of.watched.rule.name).await?);
            let rule = &of.watched.rule;
            of.since = of.watched.holding().iter().map(|a| (named(rule, a), a.since)).collect();
        }
        Ok(())
    }

    /// One evaluation: what holds is there, and what is open and does not hold is over.
    async fn round(&self, of: &mut Followed) -> Result<(), FollowError> {
        let at = (self.now)();
        let evaluated = of.watched.evaluate(&self.engine, &Viewer::everything(), at).await;
        self.ledger.counted.evaluated(evaluated.is_ok());
        evaluated?;
        let holds = of.watched.holding();
        let rule = &of.watched.rule;
        of.since.retain(|print, _| holds.iter().any(|a| named(rule, a) == *print));
        let mut all = Vec::new();
        for alert in &holds {
            let print = named(rule, alert);
            let since = *of.since.entry(print.clone()).or_insert(at);
            all.push(sighting(rule, alert, print, since, at));
        }
        for print in self.ledger.open_of_rule(&rule.name).await? {
            if !of.since.contains_key(&print) {
                all.push(over(rule, print, at));
            }
        }
        self.ledger.see(&all, at, &|labels| self.settings.tree.place(labels)).await?;
        if !rule.keep.is_zero() {
            self.ledger.note_rule(&rule.name, &of.watched.held()).await?;
        }
        Ok(())
    }
}

/// The incident of an alert.
fn named(rule: &Rule, alert: &Alert) -> String {
    fingerprint(&["rule", &rule.name, &alert.fingerprint])
}

fn over(rule: &Rule, fingerprint: String, at: i64) -> Sighting {
    Sighting {
        fingerprint,
        occurrence: format!("over/{at}"),
        active: false,
        rule: rule.name.clone(),
        severity: String::new(),
        cluster: String::new(),
        app_id: String::new(),
        attempt_id: String::new(),
        app_name: String::new(),
        owner: String::new(),
        summary: "its condition does not hold any more".into(),
        labels: Labels::new(),
        annotations: Labels::new(),
        finding: None,
        origin: Origin::Rules,
        at,
        said: None,
        hold: 0,
    }
}

fn sighting(rule: &Rule, alert: &Alert, fingerprint: String, since: i64, at: i64) -> Sighting {
    let label = |name: &str| alert.labels.get(name).cloned().unwrap_or_default();
    let mut labels = alert.labels.clone();
    labels.insert("rule".into(), rule.name.clone());
    let mut annotations = alert.annotations.clone();
    if let Some(value) = alert.value {
        annotations.insert("value".into(), value.to_string());
    }
    let summary = annotations.get("summary").filter(|s| !s.is_empty()).cloned();
    Sighting {
        occurrence: format!("since/{since}"),
        active: true,
        severity: label("severity"),
        cluster: label("cluster"),
        app_id: label("app_id"),
        app_name: label("app_name"),
        summary: summary.unwrap_or_else(|| format!("the condition of {} holds", rule.name)),
        labels,
        annotations,
        hold: millis(rule.hold),
        ..over(rule, fingerprint, at)
    }
}
