//! The webhook of Alertmanager, which Grafana sends alike: alerts in, sightings out.
//!
//! Each alert is read alone: one that is odd costs itself only, and what is missing, null or no text in it is passed over
//! where an incident can do without.

use afterglow_history::date;
use serde_json::{Map, Value as Json};

use crate::deliver::OURS;
use crate::incident::{Labels, Origin, Sighting, fingerprint, severity};

/// What a message brought.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Brought {
    pub alerts: Vec<Sighting>,
    pub odd: Vec<Odd>,
}

/// An alert that could not be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Odd {
    /// Which it is in the message, from 0.
    pub at: usize,
    /// Its rule; empty where it says none.
    pub name: String,
    pub why: String,
}

impl Brought {
    /// Notes that the message was sent by then: what came late is no later word.
    pub fn sent_by(&mut self, sent: i64) {
        self.alerts.iter_mut().filter(|_| sent > 0).for_each(|s| s.said = s.said.map(|at| at.min(sent)));
    }

    /// All that is odd, in a sentence.
    pub fn told(&self) -> String {
        let each = |o: &Odd| format!("alert {}{}: {}", o.at, quoted(&o.name), o.why);
        self.odd.iter().map(each).collect::<Vec<_>>().join("; ")
    }
}

fn quoted(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(" `{name}`") }
}

/// Reads a message that is heard `now`. Alerts that are incidents of ours are passed over.
///
/// # Errors
/// A sentence about what is missing, if there is no alert that can be taken.
pub fn read(body: &[u8], origin: Origin, now: i64) -> Result<Brought, String> {
    let bad = |why: &str| format!("this is no message of Grafana's or Alertmanager's webhook: {why}");
    let payload: Json = serde_json::from_slice(body).map_err(|e| bad(&e.to_string()))?;
    let alerts = payload.get("alerts").and_then(Json::as_array).ok_or_else(|| bad("it has no list `alerts`"))?;
    let mut out = Brought::default();
    for (at, alert) in alerts.iter().enumerate() {
        let fields = alert.as_object().cloned().unwrap_or_default();
        let labels = texts(&fields, "labels");
        let annotations = texts(&fields, "annotations");
        if annotations.contains_key(OURS) {
            continue;
        }
        let name = labels.get("alertname").cloned().unwrap_or_default();
        match sighting(&fields, labels, annotations, origin, now) {
            Ok(one) => out.alerts.push(one),
            Err(why) => out.odd.push(Odd { at, name, why }),
        }
    }
    if out.alerts.is_empty() && !out.odd.is_empty() { Err(out.told()) } else { Ok(out) }
}

/// The texts of a map, numbers and truth values as such; what else is in it is passed over.
fn texts(fields: &Map<String, Json>, name: &str) -> Labels {
    let all = fields.get(name).and_then(Json::as_object).into_iter().flatten();
    all.filter_map(|(k, v)| Some((k.clone(), text(v)?))).collect()
}

fn text(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(_) | Json::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

fn sighting(
    fields: &Map<String, Json>,
    mut labels: Labels,
    mut annotations: Labels,
    origin: Origin,
    now: i64,
) -> Result<Sighting, String> {
    let field = |name: &str| fields.get(name).and_then(text).unwrap_or_default();
    let status = field("status");
    let active = match status.to_lowercase().as_str() {
        "firing" | "alerting" => true,
        "resolved" | "ok" | "normal" => false,
        _ => return Err(format!("status `{status}` is neither firing nor resolved")),
    };
    // Neither did it begin, nor was it over, after it was told; clocks of senders are off.
    let time = |name: &str| instant(&field(name)).filter(|t| *t > 0).unwrap_or(now).min(now);
    let (starts_at, print) = (field("startsAt"), field("fingerprint"));
    // Whoever brings it, the same alert is the same incident.
    let print = if print.is_empty() {
        let parts = labels.iter().flat_map(|(k, v)| [k.as_str(), v.as_str()]);
        fingerprint(&["alert"].into_iter().chain(parts).collect::<Vec<_>>())
    } else {
        fingerprint(&["alert", &print])
    };
    let label = |name: &str| labels.get(name).filter(|v| !v.trim().is_empty()).cloned();
    let rule = label("alertname").unwrap_or_else(|| "alert".into());
    let severity = label("severity").map_or_else(|| "warning".into(), |s| severity::named(&s));
    let cluster = label("cluster").or_else(|| label("cluster_id")).unwrap_or_default();
    let (app_id, app_name) = (label("app_id").unwrap_or_default(), label("app_name").unwrap_or_default());
    let said = ["summary", "description", "message"].iter().find_map(|k| annotations.get(*k).filter(|s| !s.is_empty()));
    let summary = said.cloned().unwrap_or_else(|| rule.clone());
    labels.entry("rule".into()).or_insert_with(|| rule.clone());
    // Routes, silences and groups go by what they mean.
    labels.insert("severity".into(), severity.clone());
    if !cluster.is_empty() {
        labels.insert("cluster".into(), cluster.clone());
    }
    let url = field("generatorURL");
    if !url.is_empty() {
        annotations.entry("generator_url".into()).or_insert(url);
    }
    Ok(Sighting {
        fingerprint: print,
        occurrence: format!("{}/{starts_at}", if active { "firing" } else { "resolved" }),
        active,
        rule,
        severity,
        cluster,
        app_id,
        attempt_id: String::new(),
        app_name,
        // Whose it is is not for others to say.
        owner: String::new(),
        summary,
        labels,
        annotations,
        finding: None,
        origin,
        at: time(if active { "startsAt" } else { "endsAt" }),
        said: Some(now),
        hold: 0,
    })
}

/// A time of RFC 3339 as epoch milliseconds.
pub(super) fn instant(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.ends_with('Z') {
        return date::instant(text);
    }
    let (local, offset) = text.split_at_checked(text.len().checked_sub(6)?)?;
    let sign = match offset.get(..1)? {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    let minutes = hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?;
    Some(date::instant(&format!("{local}Z"))? - sign * minutes * 60_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2025-06-01T12:00:00Z.
    const NOW: i64 = 1_748_779_200_000;

    const GRAFANA: &str = r#"{"receiver":"sns","status":"firing","orgId":1,"alerts":[
        {"status":"firing","labels":{"alertname":"HBase region servers","grafana_folder":"emr","cluster":"j-1"},
         "annotations":{"summary":"fewer than two"},"startsAt":"2025-06-01T12:00:00+02:00","endsAt":"0001-01-01T00:00:00Z",
         "generatorURL":"https://g/alerting/x","fingerprint":"c6eadffa33fcdf37","values":{"B":1}},
        {"status":"resolved","labels":{"alertname":"CPU","severity":"critical"},"annotations":{},
         "startsAt":"2025-06-01T10:00:00.123456789Z","endsAt":"2025-06-01T10:05:00Z","fingerprint":"00"},
        {"status":"firing","labels":{"alertname":"gc-pressure"},"annotations":{"afterglow_incident":"7"},
         "startsAt":"2025-06-01T10:00:00Z","fingerprint":"01"}],"version":"1"}"#;

    #[test]
    fn what_grafana_sends() {
        let all = read(GRAFANA.as_bytes(), Origin::Grafana, NOW).unwrap().alerts;
        assert_eq!(all.len(), 2, "ours is no news");
        let first = &all[0];
        assert_eq!(
            (first.active, first.rule.as_str(), first.severity.as_str()),
            (true, "HBase region servers", "warning")
        );
        assert_eq!(
            (first.cluster.as_str(), first.summary.as_str(), first.at),
            ("j-1", "fewer than two", 1_748_772_000_000)
        );
        assert_eq!(first.occurrence, "firing/2025-06-01T12:00:00+02:00");
        assert_eq!(first.annotations["generator_url"], "https://g/alerting/x");
        let second = &all[1];
        assert_eq!((second.active, second.severity.as_str(), second.at), (false, "critical", 1_748_772_300_000));
        // What came by another way is the same.
        assert_eq!(read(GRAFANA.as_bytes(), Origin::Sqs, NOW).unwrap().alerts[0].fingerprint, first.fingerprint);
    }

    #[test]
    fn what_is_none_is_said() {
        assert!(read(b"{}", Origin::Grafana, 0).unwrap_err().contains("alerts"));
        let odd = r#"{"alerts":[{"status":"maybe"}]}"#;
        assert!(read(odd.as_bytes(), Origin::Grafana, 0).unwrap_err().contains("`maybe`"));
    }
    fn alerts(text: &str) -> Vec<Sighting> {
        read(format!(r#"{{"alerts":[{text}]}}"#).as_bytes(), Origin::Grafana, NOW).unwrap().alerts
    }

    #[test]
    fn what_is_null_is_passed_over_and_one_that_is_odd_costs_itself() {
        let body = r#"{"alerts":[
            {"status":"firing","labels":{"alertname":"a","team":null,"shard":3},"annotations":null,"generatorURL":null,
             "startsAt":null,"endsAt":null,"fingerprint":null},
            {"status":"maybe","labels":{"alertname":"b"}}, 7, {"status":"Resolved","labels":{"alertname":"c"}}]}"#;
        let got = read(body.as_bytes(), Origin::Alertmanager, NOW).unwrap();
        let names: Vec<(&str, bool)> = got.alerts.iter().map(|s| (s.rule.as_str(), s.active)).collect();
        assert_eq!(names, [("a", true), ("c", false)]);
        assert_eq!(got.alerts[0].labels.get("team"), None);
        assert_eq!(got.alerts[0].labels["shard"], "3");
        let told = "alert 1 `b`: status `maybe` is neither firing nor resolved; alert 2: status `` is neither firing nor resolved";
        assert_eq!(got.told(), told);
    }

    #[test]
    fn severity_and_cluster_whatever_they_are_called() {
        let one =
            &alerts(r#"{"status":"firing","labels":{"alertname":"x","severity":"CRITICAL","cluster_id":"j-1"}}"#)[0];
        assert_eq!((one.severity.as_str(), one.labels["severity"].as_str()), ("critical", "critical"));
        assert_eq!((one.cluster.as_str(), one.labels["cluster"].as_str()), ("j-1", "j-1"));
        let both = &alerts(r#"{"status":"firing","labels":{"cluster":"prod","cluster_id":"j-1"}}"#)[0];
        assert_eq!(both.cluster, "prod");
    }

    #[test]
    fn no_time_is_after_it_was_told() {
        let tomorrow = r#"{"status":"resolved","startsAt":"2025-06-03T00:00:00Z","endsAt":"2025-06-02T12:00:00Z"}"#;
        assert_eq!(alerts(tomorrow)[0].at, NOW);
        assert_eq!(alerts(&tomorrow.replace("resolved", "firing"))[0].at, NOW);
        let before = &alerts(r#"{"status":"resolved","endsAt":"2025-06-01T10:10:00Z"}"#)[0];
        assert_eq!((before.at, before.said), (1_748_772_600_000, Some(NOW)));
    }
}
