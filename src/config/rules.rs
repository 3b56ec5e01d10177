//! Settings of rules that operators write.

use std::collections::BTreeMap;
use std::time::Duration;

use afterglow_alerts::custom::{Condition, Kind, Literal, Missing, Rule, Series, Template};
use serde::{Deserialize, Serialize};

use super::units::Time;

/// A rule: a statement over the fleet tables, a series of them, or a job that must have run.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuleConfig {
    pub name: String,
    /// The column `value` of its rows is what the condition is about; the others become labels.
    pub sql: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series: Option<SeriesConfig>,
    /// A comparison with a number, as `> 95`. Without it every row of a statement counts.
    pub when: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<MissingConfig>,
    /// From one evaluation to the next.
    pub interval: Time,
    /// How long the condition must hold.
    #[serde(rename = "for")]
    pub hold: Time,
    /// How long it fires on after the condition held last.
    pub keep_firing_for: Time,
    /// `info`, `warning` or `critical`.
    pub severity: String,
    pub labels: BTreeMap<String, String>,
    /// What is told, with places for labels and the value.
    pub summary: String,
    /// Further texts, as `description` or `runbook_url`.
    pub annotations: BTreeMap<String, String>,
}

/// What a number of a fleet table came to within a window of time.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SeriesConfig {
    /// As `executor_samples.gc_share`.
    pub column: String,
    /// `max`, `min`, `avg`, `sum` or `last`.
    pub take: String,
    /// How far back it looks.
    pub window: Time,
    /// Columns that tell series apart, and become labels.
    pub by: Vec<String>,
    /// What columns must be equal to.
    #[serde(rename = "where")]
    pub only: BTreeMap<String, Literal>,
}

/// A job that must have run by a time.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MissingConfig {
    pub app_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// UTC, as `06:00`.
    pub by: String,
    /// A day, or what divides it.
    pub every: Time,
    /// As `mon`; every day if there is none.
    pub days: Vec<String>,
}

impl Default for RuleConfig {
    fn default() -> Self {
        RuleConfig {
            name: String::new(),
            sql: String::new(),
            series: None,
            when: String::new(),
            missing: None,
            interval: Time(Duration::from_secs(60)),
            hold: Time(Duration::ZERO),
            keep_firing_for: Time(Duration::ZERO),
            severity: "warning".into(),
            labels: BTreeMap::new(),
            summary: String::new(),
            annotations: BTreeMap::new(),
        }
    }
}

impl Default for SeriesConfig {
    fn default() -> Self {
        let window = Time(Duration::from_secs(600));
        let (column, take) = (String::new(), "max".into());
        SeriesConfig { column, take, window, by: Vec::new(), only: BTreeMap::new() }
    }
}

impl Default for MissingConfig {
    fn default() -> Self {
        let every = Time(Duration::from_secs(24 * 3600));
        MissingConfig { app_name: String::new(), cluster: None, by: String::new(), every, days: Vec::new() }
    }
}

/// The shortest interval: statements read files.
const SHORTEST: Duration = Duration::from_secs(1);
const SEVERITIES: [&str; 3] = ["info", "warning", "critical"];

impl RuleConfig {
    /// The rule; what is wrong with it begins with the key.
    pub fn rule(&self) -> Result<Rule, String> {
        let said = |key: &str, what: &dyn std::fmt::Display| format!("{key}: {what}");
        if self.name.trim().is_empty() {
            return Err("name: empty: give the rule one".into());
        }
        if !SEVERITIES.contains(&self.severity.as_str()) {
            return Err(format!("severity: `{}` is none: write info, warning or critical", self.severity));
        }
        if self.interval.0 < SHORTEST {
            return Err("interval: less than a second: write 1s or more".into());
        }
        let mut annotations = BTreeMap::new();
        let texts = self.annotations.iter().map(|(k, v)| (k.as_str(), v));
        for (key, text) in texts.chain([("summary", &self.summary)]).filter(|(_, text)| !text.is_empty()) {
            annotations.insert(key.to_owned(), Template::parse(text).map_err(|e| said(key, &e))?);
        }
        let mut labels = self.labels.clone();
        labels.insert("severity".into(), self.severity.clone());
        Ok(Rule {
            name: self.name.clone(),
            kind: self.kind()?,
            interval: self.interval.0,
            hold: self.hold.0,
            keep: self.keep_firing_for.0,
            labels,
            annotations,
        })
    }

    fn kind(&self) -> Result<Kind, String> {
        let condition = Some(&self.when).filter(|w| !w.trim().is_empty()).map(|w| Condition::parse(w));
        let condition = condition.transpose().map_err(|e| format!("when: {e}"))?;
        match (self.sql.trim().is_empty(), &self.series, &self.missing) {
            (false, None, None) => Ok(Kind::Sql { statement: self.sql.clone(), condition }),
            (true, Some(s), None) => {
                let condition = condition.ok_or("when: empty: write which numbers matter, as `> 0.2`")?;
                Ok(Kind::Series { series: s.series()?, condition })
            }
            (true, None, Some(m)) => {
                if m.app_name.is_empty() {
                    return Err("missing.app_name: empty: name the application that must run".into());
                }
                let job = Missing::parse(&m.app_name, m.cluster.as_deref(), &m.by, m.every.0, &m.days);
                job.map(Kind::Missing).map_err(|e| format!("missing: {e}"))
            }
            _ => Err("sql: write one of `sql`, `series` and `missing`: what the rule looks at".into()),
        }
    }
}

impl SeriesConfig {
    fn series(&self) -> Result<Series, String> {
        let window = i64::try_from(self.window.0.as_millis()).unwrap_or(i64::MAX);
        let series = Series::parse(&self.column, &self.take, window, &self.by, self.only.clone());
        series.map_err(|e| format!("series.{e}"))
    }
}

/// What is wrong with the rules of the settings.
pub fn problems(rules: &[RuleConfig]) -> Vec<String> {
    let mut out = Vec::new();
    for (i, r) in rules.iter().enumerate() {
        let named = if r.name.trim().is_empty() { String::new() } else { format!(" (rule `{}`)", r.name) };
        out.extend(r.rule().err().map(|e| format!("rule[{i}].{e}{named}")));
        if rules[..i].iter().any(|other| other.name == r.name) {
            out.push(format!("rule[{i}].name: there is another rule `{}`: give each a name of its own", r.name));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Vec<String> {
        problems(&[toml::from_str::<RuleConfig>(text).unwrap()])
    }

    #[test]
    fn what_a_rule_lacks_is_said() {
        let whole =
            "name = \"a\"\nsql = \"SELECT 1 AS value\"\nwhen = \"> 0\"\nfor = \"3m\"\nsummary = \"{{ value }}\"";
        assert_eq!(said(whole), [""; 0]);
        let job = "name = \"a\"\n[missing]\napp_name = \"daily load\"\nby = \"06:00\"\ndays = [\"mon\"]";
        assert_eq!(said(job), [""; 0]);
        let series = "name = \"a\"\nwhen = \"> 0.2\"\n[series]\ncolumn = \"executor_samples.gc_share\"\nwindow = \"5m\"\nwhere = { cluster = \"east\", cores = 4 }";
        assert_eq!(said(series), [""; 0]);
        for (text, what) in [
            ("sql = \"SELECT 1\"", "rule[0].name: empty"),
            ("name = \"a\"", "rule[0].sql: write one of"),
            (&format!("sql = \"SELECT 1\"\n{series}"), "rule[0].sql: write one of"),
            (&series.replace("when", "summary"), "rule[0].when: empty"),
            (&series.replace("gc_share", "gc"), "rule[0].series.column: executor_samples has no column `gc`"),
            (&series.replace("4", "\"4\""), "rule[0].series.where: executor_samples.cores is a whole number"),
            ("name = \"a\"\nsql = \"SELECT 1\"\nwhen = \"5\"", "rule[0].when: `5` is no condition"),
            ("name = \"a\"\nsql = \"SELECT 1\"\nseverity = \"bad\"", "rule[0].severity: `bad` is none"),
            ("name = \"a\"\nsql = \"SELECT 1\"\nsummary = \"{{ x }}\"", "rule[0].summary: `{{ x }}` means nothing"),
            ("name = \"a\"\nsql = \"SELECT 1\"\ninterval = \"10ms\"", "rule[0].interval: less than a second"),
            ("name = \"a\"\n[missing]\nby = \"06:00\"", "rule[0].missing.app_name: empty"),
            ("name = \"a\"\n[missing]\napp_name = \"b\"\nby = \"6\"", "rule[0].missing: `6` is no time of day"),
        ] {
            let found = said(text);
            assert!(found.len() == 1 && found[0].starts_with(what), "{text}: {found:?}");
        }
        let one = toml::from_str::<RuleConfig>(whole).unwrap();
        assert!(problems(&[one.clone(), one])[0].starts_with("rule[1].name: there is another rule `a`"));
    }
}
