//! Bodies of webhooks and of messages in queues: whatever they are, they are read, or refused with a sentence. What is read has what an
//! incident is known by, and is the same when it comes again.

#![no_main]

use afterglow_alerts::incident::Origin;
use afterglow_alerts::intake::webhook::Brought;
use afterglow_alerts::intake::{sqs, webhook};
use afterglow_fuzz::seeds;
use libfuzzer_sys::fuzz_target;

/// The present, for all that is read.
const NOW: i64 = 1_800_000_000_000;

fuzz_target!(
    init: {
        seeds::plant("intake", || SEEDS.iter().map(|s| s.as_bytes().to_vec()).collect());
    },
    |data: &[u8]| {
        for origin in [Origin::Grafana, Origin::Alertmanager] {
            check(|| webhook::read(data, origin, NOW));
        }
        if let Ok(text) = std::str::from_utf8(data) {
            check(|| sqs::read(text, sqs::DEEP, Origin::Sqs, NOW));
        }
    }
);

fn check(read: impl Fn() -> Result<Brought, String>) {
    let first = read();
    match &first {
        Ok(all) => {
            for s in &all.alerts {
                assert!(!s.fingerprint.is_empty() && !s.rule.is_empty() && !s.severity.is_empty(), "{s:?}");
            }
        }
        Err(why) => assert!(!why.is_empty()),
    }
    assert_eq!(first, read());
}

const SEEDS: [&str; 4] = [
    r#"{"version":"4","groupKey":"{}:{alertname=\"x\"}","status":"firing","receiver":"r","groupLabels":{},"commonLabels":{},"alerts":[{"status":"firing","labels":{"alertname":"Lag","severity":"critical","cluster":"a"},"annotations":{"summary":"falls behind"},"startsAt":"2026-11-21T10:00:00Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://p/graph","fingerprint":"a1b2"}]}"#,
    r#"{"alerts":[{"status":"resolved","labels":{},"annotations":{},"startsAt":"2026-11-21T10:00:00.123456789+01:00","endsAt":"2026-11-21T11:00:00Z"}],"title":"[RESOLVED]","orgId":1}"#,
    r#"{"Type":"Notification","TopicArn":"arn:aws:sns:x:1:t","Message":"{\"alerts\":[{\"status\":\"alerting\",\"labels\":{\"alertname\":\"x\"}}]}"}"#,
    r#"{"alerts":[]}"#,
];
