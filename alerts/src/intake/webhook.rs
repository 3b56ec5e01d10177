//! The webhook of Alertmanager, which Grafana sends alike: alerts in, sightings out.

use std::collections::BTreeMap;

use afterglow_history::date;
use serde::Deserialize;

use crate::deliver::OURS;
use crate::incident::{Labels, Origin, Sighting, fingerprint};

/// What is read of a message; the rest is passed over.
#[derive(Debug, Deserialize)]
struct Payload {
    alerts: Vec<Alert>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Alert {
    status: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default)]
    starts_at: String,
    #[serde(default)]
    ends_at: String,
    #[serde(default)]
    fingerprint: String,
    #[serde(default, rename = "generatorURL")]
    generator_url: String,
}

/// Reads a message. Alerts that are incidents of ours are passed over.
///
/// # Errors
/// A sentence about what is missing.
pub fn read(body: &[u8], origin: Origin, now: i64) -> Result<Vec<Sighting>, String> {
    let payload: Payload = serde_json::from_slice(body)
        .map_err(|e| format!("this is no message of Grafana's or Alertmanager's webhook: {e}"))?;
    let ours = |a: &Alert| a.annotations.contains_key(OURS);
    payload.alerts.into_iter().filter(|a| !ours(a)).map(|a| sighting(a, origin, now)).collect()
}

fn sighting(a: Alert, origin: Origin, now: i64) -> Result<Sighting, String> {
    let active = match a.status.as_str() {
        "firing" | "alerting" => true,
        "resolved" | "ok" | "normal" => false,
        other => return Err(format!("status `{other}` is neither firing nor resolved")),
    };
    let started = instant(&a.starts_at).filter(|t| *t > 0).unwrap_or(now);
    let ended = instant(&a.ends_at).filter(|t| *t > 0).unwrap_or(now);
    let label = |name: &str| a.labels.get(name).cloned().unwrap_or_default();
    // Whoever brings it, the same alert is the same incident.
    let print = if a.fingerprint.is_empty() {
        let parts = a.labels.iter().flat_map(|(k, v)| [k.as_str(), v.as_str()]);
        fingerprint(&["alert"].into_iter().chain(parts).collect::<Vec<_>>())
    } else {
        fingerprint(&["alert", &a.fingerprint])
    };
    let rule = Some(label("alertname")).filter(|r| !r.trim().is_empty()).unwrap_or_else(|| "alert".into());
    let severity = Some(label("severity")).filter(|s| !s.is_empty()).unwrap_or_else(|| "warning".into());
    let said =
        ["summary", "description", "message"].iter().find_map(|k| a.annotations.get(*k)).filter(|s| !s.is_empty());
    let summary = said.cloned().unwrap_or_else(|| rule.clone());
    let mut labels: Labels = a.labels.clone();
    labels.entry("rule".into()).or_insert_with(|| rule.clone());
    labels.entry("severity".into()).or_insert_with(|| severity.clone());
    let mut annotations = a.annotations.clone();
    if !a.generator_url.is_empty() {
        annotations.entry("generator_url".into()).or_insert_with(|| a.generator_url.clone());
    }
    Ok(Sighting {
        fingerprint: print,
        occurrence: format!("{}/{}", if active { "firing" } else { "resolved" }, a.starts_at),
        active,
        rule,
        severity,
        cluster: label("cluster"),
        app_id: label("app_id"),
        attempt_id: String::new(),
        app_name: label("app_name"),
        // Whose it is is not for others to say.
        owner: String::new(),
        summary,
        labels,
        annotations,
        finding: None,
        origin,
        at: if active { started } else { ended },
        hold: 0,
    })
}

/// A time of RFC 3339 as epoch milliseconds.
fn instant(text: &str) -> Option<i64> {
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
        let all = read(GRAFANA.as_bytes(), Origin::Grafana, 5).unwrap();
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
        assert_eq!(read(GRAFANA.as_bytes(), Origin::Sqs, 9).unwrap()[0].fingerprint, first.fingerprint);
    }

    #[test]
    fn what_is_none_is_said() {
        assert!(read(b"{}", Origin::Grafana, 0).unwrap_err().contains("alerts"));
        let odd = r#"{"alerts":[{"status":"maybe"}]}"#;
        assert!(read(odd.as_bytes(), Origin::Grafana, 0).unwrap_err().contains("`maybe`"));
    }
}
