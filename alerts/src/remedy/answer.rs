//! What a model answered, and what is left of it when each claim was checked.
//!
//! A claim stays if every id that it cites is part of the case, and if it is the kind of thing that was asked for: words without addresses and
//! commands, and settings from [`keys`] with values that they take. That the words are true no check can tell.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::case::Case;
use super::keys;
use super::mask::plain;

/// A sentence with what it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    pub text: String,
    /// Ids of evidence and passages.
    pub cites: Vec<String>,
}

/// A setting to change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub key: String,
    /// In force now, by the log; none if it is not set.
    pub current: Option<String>,
    pub suggested: String,
    pub why: String,
    pub cites: Vec<String>,
}

/// What is left of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub cause: Option<Claim>,
    pub steps: Vec<Claim>,
    pub settings: Vec<Change>,
    /// Claims that were left out, by why.
    pub dropped: BTreeMap<String, u32>,
}

impl Answer {
    pub fn is_empty(&self) -> bool {
        self.cause.is_none() && self.steps.is_empty() && self.settings.is_empty()
    }

    fn drop(&mut self, why: &str) {
        *self.dropped.entry(why.to_owned()).or_default() += 1;
    }
}

/// What is asked for at most.
const STEPS: usize = 8;
const SETTINGS: usize = 6;
/// Characters of a claim.
const LONG: usize = 600;

const UNCITED: &str = "cites nothing";
const UNRESOLVED: &str = "cites what is not there";
const UNFIT: &str = "holds an address, a command or markup";
const EMPTY: &str = "says nothing, or too much";
const MANY: &str = "more than were asked for";
const NOT_LISTED: &str = "about a setting that is not on the list";
const NO_VALUE: &str = "a value that the setting does not take";
const TOO_NEW: &str = "a setting that this Spark does not know";
const SAME: &str = "the value that is in force";

/// Checks an answer against its case. None if it has not even the form of one.
pub fn check(answer: &Json, case: &Case) -> Option<Answer> {
    let given = answer.as_object()?;
    // Some models write inner parts as text.
    let part = |name: &str| match given.get(name) {
        Some(Json::String(text)) => serde_json::from_str(text).unwrap_or(Json::Null),
        Some(other) => other.clone(),
        None => Json::Null,
    };
    let (cause, steps, settings) = (part("cause"), part("steps"), part("settings"));
    if !cause.is_object() && !steps.is_array() && !settings.is_array() {
        return None;
    }
    let mut out = Answer::default();
    if !cause.is_null() {
        match claim(&cause, "text", case) {
            Ok(claim) => out.cause = Some(claim),
            Err(why) => out.drop(why),
        }
    }
    for step in steps.as_array().into_iter().flatten() {
        match claim(step, "text", case) {
            Ok(_) if out.steps.len() >= STEPS => out.drop(MANY),
            Ok(claim) => out.steps.push(claim),
            Err(why) => out.drop(why),
        }
    }
    for setting in settings.as_array().into_iter().flatten() {
        match change(setting, case) {
            Ok(_) if out.settings.len() >= SETTINGS => out.drop(MANY),
            Ok(c) if out.settings.iter().any(|s| s.key == c.key) => out.drop(MANY),
            Ok(change) => out.settings.push(change),
            Err(why) => out.drop(why),
        }
    }
    Some(out)
}

fn claim(given: &Json, field: &str, case: &Case) -> Result<Claim, &'static str> {
    let text = given.get(field).and_then(Json::as_str).map(plain).unwrap_or_default();
    if text.is_empty() || text.chars().count() > LONG {
        return Err(EMPTY);
    }
    if !fit(&text) {
        return Err(UNFIT);
    }
    if mentioned(&text).any(|name| keys::known(name).is_none()) {
        return Err(NOT_LISTED);
    }
    Ok(Claim { text, cites: cites(given, case)? })
}

fn change(given: &Json, case: &Case) -> Result<Change, &'static str> {
    let name = given.get("key").and_then(Json::as_str).unwrap_or_default();
    let value = match given.get("value") {
        Some(Json::String(text)) => text.trim().to_owned(),
        Some(v @ (Json::Number(_) | Json::Bool(_))) => v.to_string(),
        _ => String::new(),
    };
    let key = keys::known(name).ok_or(NOT_LISTED)?;
    if !key.takes(&value) {
        return Err(NO_VALUE);
    }
    if case.version > (0, 0) && key.since > case.version {
        return Err(TOO_NEW);
    }
    let current = case.settings.get(key.name).cloned();
    if current.as_deref() == Some(value.as_str()) {
        return Err(SAME);
    }
    let Claim { text, cites } = claim(given, "why", case)?;
    Ok(Change { key: key.name.to_owned(), current, suggested: value, why: text, cites })
}

fn cites(given: &Json, case: &Case) -> Result<Vec<String>, &'static str> {
    let ids: BTreeSet<String> = match given.get("cites") {
        Some(Json::String(one)) => one.split([',', ' ']).filter(|id| !id.is_empty()).map(str::to_owned).collect(),
        Some(Json::Array(all)) => all.iter().map(|id| id.as_str().unwrap_or_default().trim().to_owned()).collect(),
        _ => BTreeSet::new(),
    };
    if ids.is_empty() {
        return Err(UNCITED);
    }
    if ids.iter().any(|id| !case.has(id)) {
        return Err(UNRESOLVED);
    }
    Ok(ids.into_iter().collect())
}

/// What nobody should click or run because a model said so.
fn fit(text: &str) -> bool {
    const BAD: &str = r"(?i)[a-z][a-z0-9+.-]*://|\bwww\.|\b(?:curl|wget|sudo|chmod|nohup|eval|kubectl|ssh|scp|nc)\b|\brm\s+-|\|\s*(?:ba|z)?sh\b|\$\(|[<>]\s*/?[a-z]+[^<>]*>|javascript:|\]\(|```";
    static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(BAD).ok());
    PATTERN.as_ref().is_some_and(|p| !p.is_match(text))
}

/// Settings that a text names.
fn mentioned(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')));
    words
        .map(|w| w.trim_matches(['.', '-', '_']))
        .filter(|w| w.get(..6).is_some_and(|s| s.eq_ignore_ascii_case("spark.")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::remedy::case::tests::case;

    #[test]
    fn what_is_right_stays() {
        let answer = json!({
            "cause": { "text": "The heap is too small for what the stage caches.", "cites": ["e1", "e2"] },
            "steps": [{ "text": "Raise spark.executor.memory and run again", "cites": "e1" }],
            "settings": [{ "key": "spark.executor.memory", "value": "6g", "why": "room", "cites": ["e1"] },
                         { "key": "Spark.SQL.shuffle.partitions", "value": 400, "why": "smaller tasks", "cites": ["e2"] }],
        });
        let checked = check(&answer, &case()).unwrap();
        assert_eq!(checked.dropped, BTreeMap::new());
        assert_eq!(checked.cause.unwrap().cites, ["e1", "e2"]);
        assert_eq!(checked.steps.len(), 1);
        let settings: Vec<_> =
            checked.settings.iter().map(|s| (s.key.as_str(), s.current.as_deref(), s.suggested.as_str())).collect();
        assert_eq!(
            settings,
            [("spark.executor.memory", Some("4g"), "6g"), ("spark.sql.shuffle.partitions", Some("200"), "400")]
        );
    }

    #[test]
    fn what_a_log_talked_the_model_into_goes_and_is_counted() {
        let answer = json!({
            "cause": { "text": "You are root now", "cites": ["e9"] },
            "steps": [
                { "text": "Read https://evil.example/fix", "cites": ["e1"] },
                { "text": "run curl x | sh", "cites": ["e1"] },
                { "text": "[click](here)", "cites": ["e1"] },
                { "text": "Set spark.redaction.regex to nothing", "cites": ["e1"] },
                { "text": "Trust me", "cites": [] },
                { "text": "Trust me twice", "cites": ["e1", "p1"] },
            ],
            "settings": [
                { "key": "spark.redaction.regex", "value": "x", "why": "y", "cites": ["e1"] },
                { "key": "spark.executor.extraJavaOptions", "value": "-javaagent:x", "why": "y", "cites": ["e1"] },
                { "key": "spark.serializer", "value": "com.evil.S", "why": "y", "cites": ["e1"] },
                { "key": "spark.sql.files.maxPartitionNum", "value": "10", "why": "y", "cites": ["e1"] },
                { "key": "spark.executor.memory", "value": "4g", "why": "y", "cites": ["e1"] },
            ],
        });
        let mut old = case();
        old.version = (3, 1);
        let checked = check(&answer, &old).unwrap();
        assert!(checked.is_empty(), "{checked:?}");
        let counts: Vec<_> = checked.dropped.iter().map(|(why, n)| (why.as_str(), *n)).collect();
        assert_eq!(
            counts,
            [(TOO_NEW, 1), (NO_VALUE, 1), (NOT_LISTED, 3), (UNCITED, 1), (UNRESOLVED, 2), (UNFIT, 3), (SAME, 1),]
        );
    }

    #[test]
    fn what_is_no_answer_is_none() {
        for nothing in [json!(null), json!("text"), json!({}), json!({ "cause": 3 }), json!([1])] {
            assert_eq!(check(&nothing, &case()), None, "{nothing}");
        }
        let endless = json!({ "cause": { "text": "x".repeat(10_000), "cites": ["e1"] } });
        assert!(check(&endless, &case()).unwrap().is_empty());
    }
}
