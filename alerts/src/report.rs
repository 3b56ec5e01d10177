//! Findings as they are told: JSON for machines, text for people. The only types here that serialise.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use afterglow_history::catalog::AttemptRow;

use crate::finding::{Advice, Api, AtStake, Evidence, Finding, NotKnown, Place, Setting, Source, Value};
use crate::judge::Judgement;
use crate::lack::Lack;
use crate::rules;

/// All but what RFC 3986 has as unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What computing costs, where the operator says so.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Prices {
    /// Of a core for an hour.
    pub core_hour: Option<f64>,
    /// Of a gibibyte of memory for an hour.
    pub gib_hour: Option<f64>,
    /// As `USD`.
    pub currency: String,
}

impl Prices {
    /// What could be saved; none without prices or where nothing is known to be at stake.
    pub fn of(&self, at_stake: &AtStake) -> Option<f64> {
        let part = |price: Option<f64>, amount: Option<f64>| Some(price? * amount?);
        let cores = part(self.core_hour, at_stake.cores.map(core_hours));
        let memory = part(self.gib_hour, at_stake.memory.map(gib_hours));
        (cores.is_some() || memory.is_some()).then(|| cores.unwrap_or(0.0) + memory.unwrap_or(0.0))
    }
}

fn core_hours(ms: i64) -> f64 {
    ms as f64 / 3_600_000.0
}

fn gib_hours(mib_ms: i64) -> f64 {
    mib_ms as f64 / 1024.0 / 3_600_000.0
}

/// Whose findings these are, and where REST has what they rest on.
#[derive(Debug, Clone)]
pub struct Subject {
    pub cluster: String,
    pub app_id: String,
    pub attempt_id: Option<String>,
    pub app_name: String,
}

impl Subject {
    pub fn new(row: &AttemptRow) -> Self {
        Subject {
            cluster: row.cluster.clone(),
            app_id: row.app_id.clone(),
            attempt_id: row.attempt_id.clone(),
            app_name: row.name.clone(),
        }
    }

    /// Path of a source on this server.
    pub fn path(&self, source: &Source) -> String {
        let part = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
        let cluster = part(&self.cluster);
        let base = match source.api {
            Api::Spark => format!("/clusters/{cluster}/api/v1"),
            Api::Ours => format!("/api/afterglow/v1/clusters/{cluster}"),
        };
        let attempt = self.attempt_id.as_deref().map(|a| format!("/{}", part(a))).unwrap_or_default();
        format!("{base}/applications/{}{attempt}/{}", part(&self.app_id), source.path)
    }
}

#[derive(Debug, Serialize)]
pub struct Told {
    pub cluster: String,
    pub app_id: String,
    pub attempt_id: Option<String>,
    pub app_name: String,
    pub rule: &'static str,
    pub family: &'static str,
    pub severity: &'static str,
    /// How far the evidence carries.
    pub sure: &'static str,
    pub summary: String,
    #[serde(rename = "where")]
    pub place: Json,
    pub evidence: Vec<Json>,
    pub at_stake: Json,
    pub advice: Vec<Json>,
}

/// A finding as JSON tells it.
pub fn told(subject: &Subject, finding: &Finding, prices: &Prices) -> Told {
    let rule = rules::by_name(finding.rule);
    Told {
        cluster: subject.cluster.clone(),
        app_id: subject.app_id.clone(),
        attempt_id: subject.attempt_id.clone(),
        app_name: subject.app_name.clone(),
        rule: finding.rule,
        family: rule.map_or("", |r| r.family.name()),
        severity: finding.severity.name(),
        sure: finding.sure.name(),
        summary: finding.summary.clone(),
        place: place(&finding.place),
        evidence: finding.evidence.iter().map(|e| evidence(subject, finding, e)).collect(),
        at_stake: at_stake(&finding.at_stake, prices),
        advice: finding.advice.iter().map(advice).collect(),
    }
}

/// Hours of a core, or of a gibibyte, from which somebody may ask what they cost.
const MATTERS: f64 = 1.0;

/// All that is not known of an attempt; with prices, if they are what is missing.
pub fn unknowns(judgement: &Judgement, prices: &Prices) -> Vec<NotKnown> {
    let mut all = judgement.not_known.clone();
    let paid = |f: &&Finding| {
        f.at_stake.cores.is_some_and(|c| core_hours(c) >= MATTERS)
            || f.at_stake.memory.is_some_and(|m| gib_hours(m) >= MATTERS)
    };
    if prices.core_hour.is_none()
        && prices.gib_hour.is_none()
        && let Some(first) = judgement.findings.iter().find(paid)
    {
        let questions = vec!["what is at stake in money".to_owned()];
        all.push(NotKnown { rule: first.rule, also: Vec::new(), questions, lack: Lack::Prices });
    }
    all
}

/// What could not be judged, as JSON tells it.
pub fn not_known(n: &NotKnown) -> Json {
    json!({ "rule": n.rule, "also": n.also, "what": n.what(), "remedy": n.lack.remedy() })
}

fn place(place: &Place) -> Json {
    let mut out = match place {
        Place::Application => json!({}),
        Place::Job(id) => json!({ "job": id }),
        Place::Stage(id, attempt) => json!({ "stage": id, "attempt": attempt }),
        Place::Sql(id) => json!({ "sql": id }),
        Place::Node { sql, node, name } => json!({ "sql": sql, "node": node, "name": name }),
        Place::Executor(id) => json!({ "executor": id }),
        Place::Host(host) => json!({ "host": host }),
        Place::Query { run, name } => json!({ "run": run, "name": name }),
        Place::Batch { run, name, batch } => json!({ "run": run, "name": name, "batch": batch }),
    };
    if let Some(map) = out.as_object_mut() {
        map.insert("kind".into(), place.kind().into());
        map.insert("text".into(), place.to_string().into());
    }
    out
}

fn evidence(subject: &Subject, finding: &Finding, e: &Evidence) -> Json {
    let (value, unit) = match &e.value {
        Value::Millis(v) => (json!(v), "ms"),
        Value::Bytes(v) => (json!(v), "bytes"),
        Value::Time(v) => (json!(v), "time"),
        Value::Count(v) => (json!(v), "count"),
        Value::Share(v) => (json!(v), "share"),
        Value::Ratio(v) => (json!(v), "ratio"),
        Value::Text(v) => (json!(v), "text"),
    };
    let mut out = json!({ "name": e.name, "value": value, "unit": unit });
    match &e.source {
        Some(source) => {
            out["path"] = subject.path(source).into();
            out["pointer"] = source.pointer.clone().into();
        }
        None => out["computed_from"] = subject.path(&finding.basis()).into(),
    }
    out
}

fn at_stake(a: &AtStake, prices: &Prices) -> Json {
    let money = prices.of(a);
    let mut out = Map::new();
    out.insert("minutes".into(), json!(a.wall.map(|ms| ms as f64 / 60_000.0)));
    out.insert("core_hours".into(), json!(a.cores.map(core_hours)));
    out.insert("gib_hours".into(), json!(a.memory.map(gib_hours)));
    out.insert("money".into(), json!(money));
    out.insert("currency".into(), json!(money.map(|_| &prices.currency)));
    Json::Object(out)
}

fn advice(a: &Advice) -> Json {
    match a {
        Advice::Do(text) => json!({ "text": text }),
        Advice::Set(Setting { key, current, suggested, why, since }) => {
            let since = (*since > (0, 0)).then(|| format!("{}.{}", since.0, since.1));
            json!({ "key": key, "current": current, "suggested": suggested, "why": why, "min_spark_version": since })
        }
    }
}

/// Milliseconds as people say them.
pub fn time(ms: i64) -> String {
    let s = ms as f64 / 1000.0;
    match ms {
        ..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{s:.1} s"),
        60_000..3_600_000 => format!("{:.1} min", s / 60.0),
        _ => format!("{:.1} h", s / 3600.0),
    }
}

/// Bytes as people say them.
pub fn bytes(n: i64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if n < 1024 {
        return format!("{n} B");
    }
    let (mut size, mut unit) = (n as f64 / 1024.0, 0);
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

/// What is at stake, as people say it; empty where it is not known.
pub fn stake_text(a: &AtStake, prices: &Prices) -> String {
    let mut out = Vec::new();
    out.extend(a.wall.filter(|ms| *ms > 0).map(time));
    out.extend(a.cores.filter(|ms| *ms > 0).map(|ms| format!("{:.2} core-h", core_hours(ms))));
    out.extend(prices.of(a).map(|m| format!("{m:.2} {}", prices.currency)));
    out.join(", ")
}

/// A piece of advice on one line.
pub fn advice_text(a: &Advice) -> String {
    match a {
        Advice::Do(text) => text.clone(),
        Advice::Set(s) => {
            let mut out = String::new();
            let current = s.current.as_deref().unwrap_or("not set");
            let _ = write!(out, "{} = {} (now {current}): {}", s.key, s.suggested, s.why);
            out
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;

    #[test]
    fn without_prices_money_is_not_known_where_there_is_some_at_stake() {
        let with = |cores: i64| {
            let finding = Finding::new(Severity::Warning, Place::Application, "x").costs(AtStake::wall(1).cores(cores));
            Judgement { findings: vec![Finding { rule: "spill", ..finding }], ..Judgement::default() }
        };
        let told = |judgement: &Judgement, prices: &Prices| -> Vec<String> {
            unknowns(judgement, prices).iter().map(|n| not_known(n).to_string()).collect()
        };
        let said = r#"{"also":[],"remedy":"set cost.core_hour and cost.gib_hour in Afterglow's settings","rule":"spill","what":"what is at stake in money: there are no prices"}"#;
        assert_eq!(told(&with(3_600_000), &Prices::default()), [said]);
        assert_eq!(told(&with(3_599_999), &Prices::default()), [""; 0]);
        let priced = Prices { core_hour: Some(0.05), ..Prices::default() };
        assert_eq!(told(&with(3_600_000), &priced), [""; 0]);
    }
}
