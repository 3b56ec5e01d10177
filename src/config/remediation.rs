//! Settings of remediation: which model of Bedrock is asked, what it may be told, and what it may cost.

use std::collections::BTreeMap;
use std::time::Duration;

use afterglow_alerts::deliver::backoff::Backoff;
use afterglow_alerts::remedy::advisor::Settings;
use afterglow_alerts::remedy::bedrock::Model;
use afterglow_alerts::remedy::breaker::Patience;
use afterglow_alerts::remedy::budget::{Bounds, Budgets, TokenPrices};
use afterglow_alerts::remedy::mask::Allowed;
use serde::{Deserialize, Serialize};

use super::units::Time;

/// Advice of a model of Amazon Bedrock. Nothing is asked unless `enabled`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Remediation {
    pub enabled: bool,
    /// Id of a model or of an inference profile.
    pub model: String,
    /// Empty: as the AWS SDKs find it.
    pub region: String,
    /// A profile of the AWS SDKs; empty: what they find.
    pub profile: String,
    /// Stands over the service's own address: a VPC endpoint.
    pub endpoint_url: String,
    /// Id of a knowledge base of Bedrock, and what stands over its service's own address.
    pub knowledge_base: String,
    pub knowledge_base_endpoint_url: String,
    /// Id of a guardrail, and its version.
    pub guardrail: String,
    pub guardrail_version: String,
    /// Tokens of an answer.
    pub max_tokens: i32,
    /// The least severity that is asked about.
    pub severity: String,
    /// Whether literals of SQL and plans, paths, and names of columns and tables, may be sent.
    pub send_literals: bool,
    pub send_paths: bool,
    pub send_names: bool,
    /// Of one request, and of all tries for an incident.
    pub timeout: Time,
    pub deadline: Time,
    pub attempts: i64,
    /// Failures in a row after which nothing is asked for a while, and that while.
    pub breaker_failures: u32,
    pub breaker_pause: Time,
    /// Budgets; 0 of tokens or time: nothing is asked.
    pub tokens_per_day: i64,
    pub tokens_per_incident: i64,
    pub time_per_day: Time,
    pub time_per_incident: Time,
    /// In the currency of the prices, which they need.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub money_per_day: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub money_per_incident: Option<f64>,
    /// Of 1,000 tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_price: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_price: Option<f64>,
    /// How long an answer serves for cases that are alike.
    pub reuse: Time,
    /// How long requests and answers are kept.
    pub keep: Time,
    /// Folder or URL of runbooks in Markdown, and settings of its object store.
    pub runbooks: String,
    pub runbooks_options: BTreeMap<String, String>,
}

impl Default for Remediation {
    fn default() -> Self {
        let time = |s| Time(Duration::from_secs(s));
        Remediation {
            enabled: false,
            model: "amazon.nova-lite-v1:0".into(),
            region: String::new(),
            profile: String::new(),
            endpoint_url: String::new(),
            knowledge_base: String::new(),
            knowledge_base_endpoint_url: String::new(),
            guardrail: String::new(),
            guardrail_version: "DRAFT".into(),
            max_tokens: 1_500,
            severity: "warning".into(),
            send_literals: false,
            send_paths: false,
            send_names: false,
            timeout: time(20),
            deadline: time(60),
            attempts: 3,
            breaker_failures: 5,
            breaker_pause: time(60),
            tokens_per_day: 1_000_000,
            tokens_per_incident: 30_000,
            time_per_day: time(3_600),
            time_per_incident: time(60),
            money_per_day: None,
            money_per_incident: None,
            input_price: None,
            output_price: None,
            reuse: time(7 * 86_400),
            keep: time(90 * 86_400),
            runbooks: String::new(),
            runbooks_options: BTreeMap::new(),
        }
    }
}

/// From the least on.
const SEVERITIES: [&str; 3] = ["info", "warning", "critical"];

impl Remediation {
    pub fn model(&self) -> Model {
        let guardrail = (!self.guardrail.is_empty()).then(|| (self.guardrail.clone(), self.guardrail_version.clone()));
        Model { id: self.model.clone(), guardrail, max_tokens: self.max_tokens }
    }

    pub fn allowed(&self) -> Allowed {
        Allowed { literals: self.send_literals, paths: self.send_paths, names: self.send_names }
    }

    /// The severities that are asked about.
    pub fn severities(&self) -> &'static [&'static str] {
        let least = SEVERITIES.iter().position(|s| *s == self.severity).unwrap_or(1);
        &SEVERITIES[least..]
    }

    pub fn settings(&self) -> Settings {
        let ms = |t: Time| i64::try_from(t.0.as_millis()).unwrap_or(i64::MAX);
        let bounds = |tokens, money, time| Bounds { tokens: Some(tokens), money, time: Some(ms(time)) };
        Settings {
            timeout: self.timeout.0,
            deadline: self.deadline.0,
            backoff: Backoff {
                first: Duration::from_secs(1),
                longest: Duration::from_secs(15),
                attempts: self.attempts,
            },
            patience: Patience { failures: self.breaker_failures, pause: self.breaker_pause.0 },
            budgets: Budgets {
                day: bounds(self.tokens_per_day, self.money_per_day, self.time_per_day),
                incident: bounds(self.tokens_per_incident, self.money_per_incident, self.time_per_incident),
            },
            prices: TokenPrices { input: self.input_price, output: self.output_price },
            reuse: self.reuse.0,
        }
    }

    pub fn problems(&self) -> Vec<String> {
        let mut out = Vec::new();
        if self.model.trim().is_empty() {
            out.push("remediation.model: empty: name a model, as amazon.nova-lite-v1:0".into());
        }
        if !SEVERITIES.contains(&self.severity.as_str()) {
            out.push(format!("remediation.severity: `{}` is none: write info, warning or critical", self.severity));
        }
        if !self.endpoint_url.is_empty() && !["http://", "https://"].iter().any(|s| self.endpoint_url.starts_with(s)) {
            out.push(format!(
                "remediation.endpoint_url: `{}` is no address: write https://HOST",
                super::shown_url(&self.endpoint_url)
            ));
        }
        if !(1..=100_000).contains(&self.max_tokens) {
            out.push(format!("remediation.max_tokens: {}: write a number from 1 to 100000", self.max_tokens));
        }
        if !(1..=20).contains(&self.attempts) {
            out.push(format!("remediation.attempts: {}: write a number from 1 to 20", self.attempts));
        }
        if self.timeout.0.is_zero() || self.deadline.0 < self.timeout.0 {
            out.push(
                "remediation.deadline: shorter than remediation.timeout: give all tries more time than one".into(),
            );
        }
        let bounded = self.money_per_day.is_some() || self.money_per_incident.is_some();
        if bounded && (self.input_price.is_none() || self.output_price.is_none()) {
            out.push(
                "remediation.money_per_day, money_per_incident: without prices money is not known: set input_price and output_price, for 1,000 tokens of the model"
                    .into(),
            );
        }
        for (key, value) in [
            ("money_per_day", self.money_per_day),
            ("money_per_incident", self.money_per_incident),
            ("input_price", self.input_price),
            ("output_price", self.output_price),
        ] {
            if let Some(bad) = value.filter(|v| !(v.is_finite() && *v >= 0.0)) {
                out.push(format!("remediation.{key}: {bad} is no amount: write a number that is not negative"));
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_work_is_said() {
        let problems = |text: &str| toml::from_str::<Remediation>(text).unwrap().problems();
        assert_eq!(problems(""), [""; 0]);
        for (text, said) in [
            ("model = \"\"", "remediation.model"),
            ("severity = \"bad\"", "remediation.severity: `bad`"),
            ("endpoint_url = \"host\"", "remediation.endpoint_url"),
            ("money_per_day = 1.0", "set input_price"),
            ("input_price = -1.0", "remediation.input_price: -1"),
            ("timeout = \"2m\"", "remediation.deadline"),
            ("attempts = 0", "remediation.attempts"),
        ] {
            let all = problems(text);
            assert!(all.len() == 1 && all[0].contains(said), "{text}: {all:?}");
        }
    }
}
