//! Settings of alerting: from when on a finding is an incident, who is told of it, and how.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use afterglow_alerts::deliver::ReceiverConfig;
use afterglow_alerts::deliver::backoff::Backoff;
use afterglow_alerts::finding::Severity;
use afterglow_alerts::incident::inhibit::Inhibition;
use afterglow_alerts::incident::matcher::Matcher;
use afterglow_alerts::intake::sns::TopicConfig;
use afterglow_alerts::intake::sqs::QueueConfig;
use afterglow_alerts::route::{Interval, Route, Tree};
use afterglow_alerts::settings::Settings;
use serde::{Deserialize, Serialize};

use super::Config;
use super::units::Time;

/// Incidents and who is told of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Alerts {
    /// Findings from this severity on are incidents: `info`, `warning` or `critical`.
    pub severity: String,
    /// Time between two judgements of an application that runs; `0s`: only when it is over.
    pub running: Time,
    /// Applications that ended longer ago are not told of.
    pub max_age: Time,
    /// What was not seen for so long is over.
    pub resolve_after: Time,
    /// Deliveries that were sent are forgotten after that.
    pub keep: Time,
    /// Incidents that were over so long ago are forgotten, with all that is about them.
    pub retention: Time,
    /// Address of this server as people reach it.
    pub url: String,
    /// Of one try to deliver.
    pub timeout: Time,
    /// Longest wait after the first try that failed, and after any; tries in all.
    pub backoff: Time,
    pub backoff_most: Time,
    pub attempts: u32,
    pub route: RouteConfig,
    pub receiver: Vec<ReceiverConfig>,
    /// Without, a driver that is lost makes no news of all else about its application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inhibit: Option<Vec<InhibitConfig>>,
    pub time_interval: Vec<IntervalConfig>,
    pub queue: Vec<QueueConfig>,
    pub topic: Vec<TopicConfig>,
}

const MINUTE: u64 = 60;
const DAY: u64 = 24 * 3600;

fn seconds(n: u64) -> Time {
    Time(Duration::from_secs(n))
}

impl Default for Alerts {
    fn default() -> Self {
        Alerts {
            severity: "warning".into(),
            running: seconds(MINUTE),
            max_age: seconds(DAY),
            resolve_after: seconds(30 * DAY),
            keep: seconds(30 * DAY),
            retention: seconds(90 * DAY),
            url: String::new(),
            timeout: seconds(10),
            backoff: seconds(1),
            backoff_most: seconds(5 * MINUTE),
            attempts: 20,
            route: RouteConfig::default(),
            receiver: Vec::new(),
            inhibit: None,
            time_interval: Vec::new(),
            queue: Vec::new(),
            topic: Vec::new(),
        }
    }
}

/// Who is told of what. What is not set is as in the route above; at the top, as `docs/alerts.md` says.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RouteConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receiver: Option<String>,
    pub matchers: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_by: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_wait: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_interval: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeat_interval: Option<Time>,
    /// Not as above: each route has its own.
    pub active_time_intervals: Vec<String>,
    pub mute_time_intervals: Vec<String>,
    /// Whether routes that follow beside it are asked, too.
    pub r#continue: bool,
    pub routes: Vec<RouteConfig>,
}

/// While one incident fires, others are no news.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InhibitConfig {
    pub source_matchers: Vec<String>,
    pub target_matchers: Vec<String>,
    /// Labels that must be equal.
    pub equal: Vec<String>,
}

/// When routes tell, or do not.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IntervalConfig {
    pub name: String,
    /// As `monday:friday`.
    pub weekdays: Vec<String>,
    /// As `08:00-18:00`.
    pub times: Vec<String>,
    /// Distance of the zone from UTC, as `+02:00`.
    pub utc_offset: String,
}

impl RouteConfig {
    /// The route with what it has from `above`.
    fn route(&self, above: &Route, key: &str) -> Result<Route, String> {
        let ms = |t: &Option<Time>, above: i64| t.map_or(above, |t| i64::try_from(t.0.as_millis()).unwrap_or(i64::MAX));
        let mut route = Route {
            matchers: Matcher::all(&self.matchers).map_err(|e| format!("{key}.matchers: {e}"))?,
            receiver: self.receiver.clone().unwrap_or_else(|| above.receiver.clone()),
            group_by: self.group_by.clone().unwrap_or_else(|| above.group_by.clone()),
            group_wait: ms(&self.group_wait, above.group_wait),
            group_interval: ms(&self.group_interval, above.group_interval),
            repeat_interval: ms(&self.repeat_interval, above.repeat_interval),
            active: self.active_time_intervals.clone(),
            mute: self.mute_time_intervals.clone(),
            goes_on: self.r#continue,
            routes: Vec::new(),
        };
        for (i, child) in self.routes.iter().enumerate() {
            let child = child.route(&route, &format!("{key}.routes[{i}]"))?;
            route.routes.push(child);
        }
        Ok(route)
    }
}

/// What the top route has that says nothing.
fn top() -> Route {
    Route {
        group_by: vec!["rule".into(), "cluster".into()],
        group_wait: 60_000,
        group_interval: 5 * 60_000,
        repeat_interval: 4 * 3_600_000,
        ..Route::default()
    }
}

/// A driver that is lost explains what its application suffers from.
fn lost_driver() -> InhibitConfig {
    InhibitConfig {
        source_matchers: vec!["rule=\"driver-lost\"".into()],
        target_matchers: vec!["rule!=\"driver-lost\"".into()],
        equal: vec!["cluster".into(), "app_id".into(), "app_name".into()],
    }
}

impl Alerts {
    /// Who is told of what, and when.
    fn tree(&self) -> Result<Tree, String> {
        let root = self.route.route(&top(), "alerts.route")?;
        let mut intervals: BTreeMap<String, Vec<Interval>> = BTreeMap::new();
        for (i, interval) in self.time_interval.iter().enumerate() {
            let key = format!("alerts.time_interval[{i}]");
            if interval.name.is_empty() {
                return Err(format!("{key}.name: empty: routes name intervals by it"));
            }
            let parsed = Interval::parse(&interval.weekdays, &interval.times, &interval.utc_offset);
            intervals.entry(interval.name.clone()).or_default().push(parsed.map_err(|e| format!("{key}: {e}"))?);
        }
        let default = [lost_driver()];
        let inhibitions = self.inhibit.as_deref().unwrap_or(&default).iter().enumerate();
        let inhibitions = inhibitions.map(|(i, c)| {
            let matchers = |texts| Matcher::all(texts).map_err(|e| format!("alerts.inhibit[{i}]: {e}"));
            let (source, target) = (matchers(&c.source_matchers)?, matchers(&c.target_matchers)?);
            Ok(Inhibition { source, target, equal: c.equal.clone() })
        });
        Ok(Tree { root, intervals, inhibitions: inhibitions.collect::<Result<_, String>>()? })
    }

    fn severity(&self) -> Result<Severity, String> {
        let all = [Severity::Info, Severity::Warning, Severity::Critical];
        let bad = || format!("alerts.severity: `{}` is none: write info, warning or critical", self.severity);
        all.into_iter().find(|s| s.name() == self.severity).ok_or_else(bad)
    }

    /// What cannot work, each with its key and the remedy.
    pub fn problems(&self) -> Vec<String> {
        let mut out = Vec::new();
        out.extend(self.severity().err());
        let mut names = BTreeSet::new();
        for (i, receiver) in self.receiver.iter().enumerate() {
            let key = format!("alerts.receiver[{i}]");
            out.extend(receiver.problems(&key));
            if !names.insert(receiver.name.as_str()) {
                out.push(format!("{key}.name: `{}` is there twice: give each a name of its own", receiver.name));
            }
        }
        for (i, topic) in self.topic.iter().enumerate() {
            out.extend(topic.check().err().map(|e| format!("alerts.topic[{i}].arn: {e}")));
        }
        for (i, _) in self.queue.iter().enumerate().filter(|(_, q)| q.queue_url.is_empty()) {
            out.push(format!(
                "alerts.queue[{i}].queue_url: empty: write https://sqs.REGION.amazonaws.com/ACCOUNT/NAME"
            ));
        }
        if self.retention.0 < Duration::from_secs(DAY) {
            out.push("alerts.retention: less than a day: write 1d or more".into());
        } else if self.retention.0 < self.keep.0 {
            out.push(
                "alerts.retention: less than alerts.keep: incidents must stay as long as what was told of them".into(),
            );
        }
        if self.attempts == 0 {
            out.push("alerts.attempts: 0 would send nothing: write 1 or more".into());
        }
        if !self.route.matchers.is_empty() || self.route.r#continue {
            out.push(
                "alerts.route: the top route takes all: put matchers and continue into alerts.route.routes".into(),
            );
        }
        match self.tree() {
            Ok(tree) => routes(&tree.root, "alerts.route", &mut |route, key| {
                if !route.receiver.is_empty() && !names.contains(route.receiver.as_str()) {
                    out.push(format!(
                        "{key}.receiver: there is no [[alerts.receiver]] with name = \"{}\"",
                        route.receiver
                    ));
                }
                for name in route.active.iter().chain(&route.mute).filter(|n| !tree.intervals.contains_key(*n)) {
                    out.push(format!("{key}: there is no [[alerts.time_interval]] with name = \"{name}\""));
                }
            }),
            Err(e) => out.push(e),
        }
        out
    }
}

/// Every route with its key.
fn routes(route: &Route, key: &str, each: &mut impl FnMut(&Route, &str)) {
    each(route, key);
    for (i, child) in route.routes.iter().enumerate() {
        routes(child, &format!("{key}.routes[{i}]"), each);
    }
}

impl Config {
    /// What alerting works by.
    ///
    /// # Errors
    /// What [`Alerts::problems`] says.
    pub fn alerting(&self) -> Result<Settings, String> {
        let a = &self.alerts;
        Ok(Settings {
            severity: a.severity()?,
            running: (!a.running.0.is_zero()).then_some(a.running.0),
            max_age: a.max_age.0,
            resolve_after: a.resolve_after.0,
            keep: a.keep.0,
            retention: a.retention.0,
            url: a.url.clone(),
            tree: a.tree()?,
            receivers: a.receiver.clone(),
            backoff: Backoff { first: a.backoff.0, longest: a.backoff_most.0, attempts: i64::from(a.attempts) },
            timeout: a.timeout.0,
            queues: a.queue.clone(),
            topics: a.topic.clone(),
            limits: self.findings.limits(),
            prices: self.cost.prices(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        toml::from_str::<Config>(text).unwrap().problems()
    }

    const GOOD: &str = r#"
        [alerts]
        url = "https://afterglow.example.com"
        [alerts.route]
        receiver = "team"
        group_by = ["rule", "cluster"]
        repeat_interval = "12h"
        [[alerts.route.routes]]
        matchers = ['severity="critical"', 'cluster=~"prod-.*"']
        receiver = "pager"
        continue = true
        group_wait = "10s"
        active_time_intervals = ["office"]
        [[alerts.receiver]]
        name = "team"
        [[alerts.receiver.slack]]
        url = "https://hooks.example.com/s3cret"
        [[alerts.receiver]]
        name = "pager"
        [[alerts.receiver.pagerduty]]
        routing_key = "s3cret"
        [[alerts.receiver.sns]]
        topic_arn = "arn:aws:sns:eu-central-1:1:alerts"
        [[alerts.time_interval]]
        name = "office"
        weekdays = ["monday:friday"]
        times = ["08:00-18:00"]
        utc_offset = "+01:00"
    "#;

    #[test]
    fn a_route_has_from_above_what_it_does_not_say() {
        let config: Config = toml::from_str(GOOD).unwrap();
        assert_eq!(config.problems(), [""; 0]);
        let tree = config.alerting().unwrap().tree;
        assert_eq!((tree.root.receiver.as_str(), tree.root.group_wait), ("team", 60_000));
        let pager = &tree.root.routes[0];
        assert_eq!((pager.group_wait, pager.repeat_interval, pager.goes_on), (10_000, 12 * 3_600_000, true));
        assert_eq!(pager.group_by, ["rule", "cluster"]);
        assert!(!config.print().contains("s3cret"), "{}", config.print());
    }

    #[test]
    fn what_cannot_be_is_said() {
        let receiver = "[[alerts.receiver]]\nname = \"a\"\n";
        for (text, said) in [
            ("[alerts]\nseverity = \"bad\"", "alerts.severity: `bad` is none"),
            ("[alerts]\nretention = \"1h\"", "alerts.retention: less than a day"),
            ("[alerts]\nretention = \"20d\"", "alerts.retention: less than alerts.keep"),
            ("[[alerts.topic]]\narn = \"alerts\"", "alerts.topic[0].arn: `alerts` is no topic"),
            ("[alerts.route]\nreceiver = \"x\"", "no [[alerts.receiver]] with name = \"x\""),
            ("[alerts.route]\nmatchers = ['a=\"b\"']", "the top route takes all"),
            ("[[alerts.route.routes]]\nmatchers = ['a']", "alerts.route.routes[0].matchers: `a` is no matcher"),
            ("[[alerts.route.routes]]\nmute_time_intervals = [\"n\"]", "no [[alerts.time_interval]]"),
            (&format!("{receiver}{receiver}"), "is there twice"),
            (
                &format!("{receiver}[[alerts.receiver.slack]]\nurl = \"hooks\""),
                "alerts.receiver[0].slack[0]: url is no address",
            ),
            (&format!("{receiver}[[alerts.receiver.email]]\nfrom = \"a@b.c\""), "email[0]: to: nobody"),
            (&format!("{receiver}[[alerts.receiver.sns]]"), "sns[0]: topic_arn is not set"),
            (
                "[[alerts.time_interval]]\nname = \"n\"\ntimes = [\"9-5\"]",
                "alerts.time_interval[0]: `9-5` is no time of day",
            ),
        ] {
            let problems = problems(text);
            assert!(problems.len() == 1 && problems[0].contains(said), "{text}: {problems:?}");
        }
    }
}
