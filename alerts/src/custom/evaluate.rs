//! A rule evaluated: what it asks, what the answer means, and what becomes of its state.

use std::collections::BTreeMap;
use std::sync::Arc;

use afterglow_history::query::output::Format;
use afterglow_history::query::{Ask, Engine, QueryError};
use afterglow_history::viewer::Viewer;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Alert, Condition, Held, Kind, Labels, Machine, Missing, Rule, Transition};
use crate::incident::fingerprint;
use crate::settings::millis;

/// Sets of labels that a rule may have at once.
const MOST: usize = 10_000;
/// The column that a condition is about.
const VALUE: &str = "value";

/// Why a rule could not be evaluated. Its state stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum EvaluationError {
    #[error("rule {0}: {1}")]
    Query(String, QueryError),
    #[error(
        "rule {0}: the answer has no column `value`, which the condition is about: name one so (SELECT … AS value)"
    )]
    NoValue(String),
    #[error("rule {0}: more than {MOST} rows: group, or ask for fewer")]
    Many(String),
    #[error("rule {0}: two rows have the same labels ({1}): group by them")]
    Twice(String, String),
    #[error("rule {0}: its answer cannot be read: {1}")]
    Answer(String, serde_json::Error),
}

/// A rule with its state.
#[derive(Debug, Clone, PartialEq)]
pub struct Watched {
    pub rule: Rule,
    machine: Machine,
}

/// An answer as the engine writes it.
#[derive(Debug, Deserialize)]
struct Rows {
    columns: Vec<Column>,
    /// As they are written: a number that is read as one may lose its last digit.
    rows: Vec<Vec<Box<RawValue>>>,
    truncated: bool,
}

#[derive(Debug, Deserialize)]
struct Column {
    name: String,
}

impl Watched {
    /// A rule of which nothing is known yet.
    pub fn new(rule: Rule) -> Self {
        let machine = Machine::new(millis(rule.hold), millis(rule.keep));
        Watched { rule, machine }
    }

    /// What its state is, to be kept over a restart.
    pub fn held(&self) -> Vec<(Labels, Held)> {
        self.machine.held()
    }

    /// Goes on from what [`Watched::held`] gave.
    pub fn restore(&mut self, held: Vec<(Labels, Held)>) {
        self.machine.restore(held);
    }

    /// What is pending or fires now, with the texts of the last evaluation.
    pub fn holding(&self) -> Vec<Alert> {
        self.machine.holding().map(|t| alert(&self.rule, t)).collect()
    }

    /// Evaluates the rule at `now`, epoch milliseconds, and gives what changed.
    ///
    /// # Errors
    /// If the statement has no answer, or one that means nothing; the state stays.
    pub async fn evaluate(
        &mut self,
        engine: &Arc<Engine>,
        viewer: &Viewer,
        now: i64,
    ) -> Result<Vec<Alert>, EvaluationError> {
        let holds = match &self.rule.kind {
            Kind::Sql { statement, condition } => {
                rows(&self.rule.name, ask(&self.rule.name, engine, viewer, statement).await?, *condition)?
            }
            Kind::Series { series, condition } => {
                let answer = ask(&self.rule.name, engine, viewer, &series.statement(now)).await?;
                rows(&self.rule.name, answer, Some(*condition))?
            }
            Kind::Missing(job) => {
                let Some((due, from)) = job.last_due(now) else { return Ok(self.step(now, &BTreeMap::new())) };
                let answer = ask(&self.rule.name, engine, viewer, &job.statement(from, now)).await?;
                let ran = answer.rows.first().and_then(|row| row.first()).and_then(|v| number(v)).unwrap_or(0.0);
                missed(job, ran, now, due)
            }
        };
        Ok(self.step(now, &holds))
    }

    /// What an evaluation with these values changes.
    pub fn step(&mut self, now: i64, holds: &BTreeMap<Labels, f64>) -> Vec<Alert> {
        self.machine.step(now, holds).into_iter().map(|t| alert(&self.rule, t)).collect()
    }
}

fn alert(rule: &Rule, t: Transition) -> Alert {
    let mut labels = t.labels;
    // What the operator says holds over what a row says.
    labels.extend(rule.labels.clone());
    labels.insert("alertname".into(), rule.name.clone());
    let parts: Vec<&str> = labels.iter().flat_map(|(name, value)| [name.as_str(), value]).collect();
    let print = fingerprint(&parts);
    let annotations = rule.annotations.iter().map(|(name, text)| (name.clone(), text.fill(&labels, t.value))).collect();
    Alert {
        fingerprint: print,
        rule: rule.name.clone(),
        annotations,
        state: t.state,
        since: t.since,
        value: t.value,
        labels,
    }
}

async fn ask(rule: &str, engine: &Arc<Engine>, viewer: &Viewer, statement: &str) -> Result<Rows, EvaluationError> {
    let failed = |e| EvaluationError::Query(rule.to_owned(), e);
    let answer = engine.query(viewer, Ask::Sql(statement.to_owned()), None).await.map_err(failed)?;
    let json = answer.write(Format::Json).map_err(failed)?;
    serde_json::from_slice(&json).map_err(|e| EvaluationError::Answer(rule.to_owned(), e))
}

/// The rows for which the condition holds, with their values; a row without a value holds nothing.
fn rows(rule: &str, answer: Rows, condition: Option<Condition>) -> Result<BTreeMap<Labels, f64>, EvaluationError> {
    let at = answer.columns.iter().position(|c| c.name == VALUE);
    if condition.is_some() && at.is_none() {
        return Err(EvaluationError::NoValue(rule.to_owned()));
    }
    if answer.truncated || answer.rows.len() > MOST {
        return Err(EvaluationError::Many(rule.to_owned()));
    }
    let mut out = BTreeMap::new();
    for row in answer.rows {
        let value = match at {
            Some(at) => row.get(at).and_then(|v| number(v)),
            None => Some(1.0),
        };
        let Some(value) = value.filter(|v| condition.is_none_or(|c| c.holds(*v))) else { continue };
        let others = answer.columns.iter().zip(&row).enumerate().filter(|(i, _)| Some(*i) != at);
        let labels: Labels = others.filter_map(|(_, (c, v))| Some((c.name.clone(), text(v)?))).collect();
        if out.insert(labels.clone(), value).is_some() {
            let named: Vec<String> = labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
            return Err(EvaluationError::Twice(rule.to_owned(), named.join(", ")));
        }
    }
    Ok(out)
}

/// Large whole numbers and decimals may be texts.
fn number(value: &RawValue) -> Option<f64> {
    text(value)?.parse().ok().filter(|v: &f64| v.is_finite())
}

fn text(value: &RawValue) -> Option<String> {
    match value.get() {
        "null" => None,
        quoted if quoted.starts_with('"') => serde_json::from_str(quoted).ok(),
        other => Some(other.to_owned()),
    }
}

/// A job that did not run holds, with how late it is, minutes.
fn missed(job: &Missing, ran: f64, now: i64, due: i64) -> BTreeMap<Labels, f64> {
    if ran > 0.0 {
        return BTreeMap::new();
    }
    let mut labels: Labels = [("app_name".to_owned(), job.app_name.clone())].into();
    labels.extend(job.cluster.clone().map(|c| ("cluster".to_owned(), c)));
    [(labels, ((now - due) / 60_000) as f64)].into()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{State, Template};
    use super::*;

    fn rule(kind: Kind) -> Rule {
        Rule {
            name: "slow".into(),
            kind,
            interval: Duration::from_secs(60),
            hold: Duration::ZERO,
            keep: Duration::ZERO,
            labels: [("severity".to_owned(), "warning".to_owned())].into(),
            annotations: [("summary".to_owned(), Template::parse("{{ labels.app_name }}: {{ value }}").unwrap())]
                .into(),
        }
    }

    fn answer(json: &str) -> Rows {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn rows_become_values_by_label() {
        let two = || {
            answer(
                r#"{"columns":[{"name":"app_name"},{"name":"value"},{"name":"cluster"}],"rows":[["a",96.5,null],["b",95,"east"],["c",null,"x"]],"truncated":false}"#,
            )
        };
        let over = rows("r", two(), Some(Condition::parse("> 95").unwrap())).unwrap();
        assert_eq!(over, [([("app_name".to_owned(), "a".to_owned())].into(), 96.5)].into());
        assert_eq!(rows("r", two(), None).unwrap().len(), 2, "without a value nothing holds");
        let named = answer(r#"{"columns":[{"name":"n"}],"rows":[["a"],["a"]],"truncated":false}"#);
        assert_eq!(
            rows("r", named, None).unwrap_err().to_string(),
            "rule r: two rows have the same labels (n=a): group by them"
        );
        let none = answer(r#"{"columns":[{"name":"n"}],"rows":[],"truncated":false}"#);
        assert!(matches!(rows("r", none, Condition::parse("> 1").ok()), Err(EvaluationError::NoValue(_))));
    }

    #[test]
    fn numbers_keep_their_last_digit() {
        let one = r#"{"columns":[{"name":"rate"},{"name":"value"}],"rows":[[1.3623978201634879,1.3623978201634879]],"truncated":false}"#;
        let found = rows("r", answer(one), None).unwrap();
        let (labels, value) = found.first_key_value().unwrap();
        assert_eq!((labels["rate"].as_str(), value.to_string().as_str()), ("1.3623978201634879", "1.3623978201634879"));
    }

    #[test]
    fn an_alert_says_what_it_is_about() {
        let mut watched = Watched::new(rule(Kind::Sql { statement: String::new(), condition: None }));
        let holds = [([("app_name".to_owned(), "a".to_owned())].into(), 3.0)].into();
        let fired = watched.step(60_000, &holds);
        let [alert] = &fired[..] else { panic!("{fired:?}") };
        assert_eq!((alert.state, alert.since, alert.annotations["summary"].as_str()), (State::Firing, 60_000, "a: 3"));
        assert_eq!((alert.labels["alertname"].as_str(), alert.labels["severity"].as_str()), ("slow", "warning"));
        let ended = watched.step(120_000, &BTreeMap::new());
        assert_eq!((ended[0].state, &ended[0].fingerprint), (State::Resolved, &alert.fingerprint));
    }

    /// One hour without a run is one alert, which the next run resolves.
    #[test]
    fn an_hour_without_a_run() {
        const HOUR: i64 = 3_600_000;
        let job = Missing::parse("load", None, "00:10", Duration::from_secs(3600), &[]).unwrap();
        let mut watched = Watched::new(rule(Kind::Missing(job.clone())));
        let ends = [HOUR / 2, 2 * HOUR + HOUR / 2, 3 * HOUR + HOUR / 2].map(|ms| ms + 24 * HOUR);
        let mut changes = Vec::new();
        // Every 10 minutes, from 01:10 to 04:00.
        for now in (1..).map(|i| 25 * HOUR + i * HOUR / 6).take_while(|now| *now <= 28 * HOUR) {
            let (due, from) = job.last_due(now).unwrap();
            let ran = ends.iter().filter(|end| **end > from && **end <= now).count();
            changes.extend(watched.step(now, &missed(&job, ran as f64, now, due)));
        }
        let told: Vec<_> = changes.iter().map(|a| ((a.since - 24 * HOUR) / 60_000, a.state)).collect();
        assert_eq!(told, [(130, State::Firing), (150, State::Resolved)]);
    }
    /// What fires on after its condition held last does so over a restart, and for no longer.
    #[tokio::test]
    async fn firing_on_outlives_a_restart() {
        const MINUTE: i64 = 60_000;
        let folder = tempfile::tempdir().unwrap();
        let ledger = crate::ledger::Ledger::open(&folder.path().join("alerts.db")).await.unwrap();
        let kept =
            Rule { keep: Duration::from_secs(600), ..rule(Kind::Sql { statement: String::new(), condition: None }) };
        let nothing = BTreeMap::new();
        let mut before = Watched::new(kept.clone());
        let holds = [([("app_name".to_owned(), "a".to_owned())].into(), 3.0)].into();
        let fired = before.step(MINUTE, &holds);
        assert_eq!(before.step(2 * MINUTE, &nothing), []);
        ledger.note_rule(&kept.name, &before.held()).await.unwrap();

        let anew = async || {
            let mut anew = Watched::new(kept.clone());
            anew.restore(ledger.rule(&kept.name).await.unwrap());
            anew
        };
        let mut after = anew().await;
        assert_eq!(after.holding(), before.holding(), "with the same texts and times");
        assert_eq!(after.holding()[0].fingerprint, fired[0].fingerprint);
        assert_eq!(after.step(10 * MINUTE, &nothing), []);
        assert_eq!(after.step(11 * MINUTE, &nothing)[0].state, State::Resolved);
        // One that was away for longer finds it over.
        assert_eq!(anew().await.step(60 * MINUTE, &nothing)[0].state, State::Resolved);
        assert_eq!(ledger.rule("another").await.unwrap(), []);
        ledger.note_rule(&kept.name, &[]).await.unwrap();
        assert_eq!(ledger.rule(&kept.name).await.unwrap(), []);
    }
}
