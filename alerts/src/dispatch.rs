//! Time passing: pending incidents fire, groups are told of, what was not seen for long is over.

use std::sync::Arc;
use std::time::Duration;

use crate::incident::matcher::all_match;
use crate::ledger::{Ledger, LedgerError};
use crate::route::flush::{Moment, decide};
use crate::settings::Settings;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(500);
/// Pause after the ledger failed.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// Groups of one transaction: what is taken in waits for it.
const GROUPS: i64 = 100;
/// Looks between two clearings: about ten minutes.
const CLEAR_EVERY: u64 = 1_200;

/// Does so for ever; `now` is the present, epoch milliseconds.
pub async fn run(settings: Arc<Settings>, ledger: Ledger, now: fn() -> i64) {
    for round in 0u64.. {
        let cleared = if round.is_multiple_of(CLEAR_EVERY) { clear(&settings, &ledger, now()).await } else { Ok(()) };
        match cleared.and(tick(&settings, &ledger, now()).await.map(drop)) {
            Ok(()) => tokio::time::sleep(PAUSE).await,
            Err(e) => {
                tracing::error!("alerts: {e}");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
}

/// What is due at `now`; gives how many groups were looked at.
///
/// # Errors
/// If the ledger cannot be read or written.
pub async fn tick(settings: &Settings, ledger: &Ledger, now: i64) -> Result<usize, LedgerError> {
    while ledger.fire_due(now, &|labels| settings.tree.place(labels)).await? > 0 {}
    if !ledger.any_group_due(now).await? {
        return Ok(0);
    }
    let inhibitions = &settings.tree.inhibitions;
    let quiet = ledger.quiet(now).await?;
    // Few of those that fire inhibit anything.
    let exact: Option<Vec<_>> =
        inhibitions.iter().map(|i| i.source.iter().find_map(|matcher| matcher.exactly())).collect();
    let mut firing = match exact {
        Some(exact) if exact.is_empty() => Vec::new(),
        exact => ledger.firing(&exact.unwrap_or_default()).await?,
    };
    firing.retain(|f| inhibitions.iter().any(|i| all_match(&i.source, &f.labels)));
    let mut looked_at = 0;
    loop {
        let destinations = |receiver: &str| settings.destinations(receiver);
        let moment = Moment {
            now,
            tree: &settings.tree,
            quiet: &quiet,
            firing: &firing,
            destinations: &destinations,
            url: &settings.url,
        };
        let groups = ledger.flush(now, GROUPS, &|group, members| decide(&moment, group, members)).await?;
        looked_at += groups;
        if groups == 0 {
            return Ok(looked_at);
        }
    }
}

async fn clear(settings: &Settings, ledger: &Ledger, now: i64) -> Result<(), LedgerError> {
    let before = |d: Duration| now.saturating_sub(i64::try_from(d.as_millis()).unwrap_or(i64::MAX));
    ledger.resolve_unseen(before(settings.resolve_after), now).await?;
    ledger.forget_sent(before(settings.keep)).await?;
    ledger.forget_old(before(settings.retention)).await.map(drop)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::deliver::message::Message;
    use crate::deliver::{ReceiverConfig, Webhook};
    use crate::incident::inhibit::Inhibition;
    use crate::incident::matcher::Matcher;
    use crate::incident::quiet::{Mute, Silence};
    use crate::incident::{Labels, Origin, Sighting, State, fingerprint};
    use crate::intake::webhook;
    use crate::ledger::{Action, Filter};
    use crate::route::{Route, Tree};
    use afterglow_history::viewer::Viewer;

    const SECOND: i64 = 1_000;
    const MINUTE: i64 = 60_000;
    /// When these tests begin.
    const T: i64 = 1_795_266_000_000;

    /// One receiver, grouped by rule and cluster.
    fn settings(group_wait: i64) -> Settings {
        let root = Route {
            receiver: "team".into(),
            group_by: vec!["rule".into(), "cluster".into()],
            group_wait,
            group_interval: 5 * MINUTE,
            repeat_interval: 240 * MINUTE,
            ..Route::default()
        };
        let matchers = |text: &str| vec![Matcher::parse(text).unwrap()];
        let inhibitions = vec![Inhibition {
            source: matchers("rule=\"driver-lost\""),
            target: matchers("rule!=\"driver-lost\""),
            equal: vec!["cluster".into(), "app_id".into()],
        }];
        let team =
            ReceiverConfig { name: "team".into(), webhook: vec![Webhook::default()], ..ReceiverConfig::default() };
        Settings { tree: Tree { root, inhibitions, ..Tree::default() }, receivers: vec![team], ..Settings::default() }
    }

    async fn ledger() -> (tempfile::TempDir, Ledger) {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&folder.path().join("alerts.db")).await.unwrap();
        (folder, ledger)
    }

    fn sighting(rule: &str, app: &str, at: i64) -> Sighting {
        let labels = [("rule", rule), ("cluster", "prod"), ("app_id", app), ("app_name", app), ("severity", "warning")];
        Sighting {
            fingerprint: fingerprint(&[rule, app]),
            occurrence: at.to_string(),
            active: true,
            rule: rule.into(),
            severity: "warning".into(),
            cluster: "prod".into(),
            app_id: app.into(),
            attempt_id: String::new(),
            app_name: app.into(),
            owner: "me".into(),
            summary: format!("{rule} in {app}"),
            labels: labels.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            annotations: Labels::new(),
            finding: None,
            origin: Origin::Rules,
            at,
            said: None,
            hold: 0,
        }
    }

    async fn see(s: &Settings, ledger: &Ledger, all: &[Sighting], now: i64) {
        ledger.see(all, now, &|labels| s.tree.place(labels)).await.unwrap();
    }

    /// What was put into the outbox since the last time.
    async fn told(ledger: &Ledger, now: i64) -> Vec<Message> {
        let taken = ledger.take("team", "webhook/0", 10_000, now, now + 1).await.unwrap();
        let sent: Vec<_> = taken.iter().map(|t| (t.id, crate::ledger::Outcome::Sent)).collect();
        ledger.note_outcomes(&sent, now).await.unwrap();
        taken.into_iter().map(|t| t.message).collect()
    }

    async fn states(ledger: &Ledger) -> BTreeMap<&'static str, i64> {
        let (_, all) = ledger.incidents(&Viewer::everything(), &Filter::default(), 0, 10_000).await.unwrap();
        let mut out = BTreeMap::new();
        for i in all {
            *out.entry(i.state.name()).or_insert(0) += 1;
        }
        out
    }

    #[tokio::test]
    async fn below_two_for_three_minutes_is_told_once_and_its_end_once() {
        let (mut s, (_folder, ledger)) = (settings(0), ledger().await);
        s.tree.root.group_interval = SECOND;
        let (mut seen, mut all) = (Vec::new(), Vec::new());
        for (i, sample) in [2, 1, 1, 1, 1, 2, 2].into_iter().enumerate() {
            let now = T + i as i64 * MINUTE;
            let mut one = sighting("hbase-region-servers", "j-1", now);
            (one.active, one.hold) = (sample < 2, 3 * MINUTE);
            see(&s, &ledger, &[one], now).await;
            tick(&s, &ledger, now).await.unwrap();
            seen.push(states(&ledger).await.keys().next().copied().unwrap_or("normal"));
            all.extend(told(&ledger, now).await);
        }
        assert_eq!(seen, ["normal", "pending", "pending", "pending", "firing", "resolved", "resolved"]);
        let statuses: Vec<&str> = all.iter().map(|m| m.status.as_str()).collect();
        assert_eq!(statuses, ["firing", "resolved"]);
        let (_, all) = ledger.incidents(&Viewer::everything(), &Filter::default(), 0, 10).await.unwrap();
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].started_at, all[0].resolved_at), (T + MINUTE, Some(T + 5 * MINUTE)));
    }

    /// An alert that its sender told of at a time.
    fn word(status: &str, starts: &str, ends: &str, at: i64) -> Vec<Sighting> {
        let body = format!(
            r#"{{"alerts":[{{"status":"{status}","labels":{{"alertname":"CPU","cluster":"prod"}},"startsAt":"{starts}",
            "endsAt":"{ends}","fingerprint":"c6ea"}}]}}"#
        );
        webhook::read(body.as_bytes(), Origin::Sqs, at).unwrap().alerts
    }

    const NO_END: &str = "0001-01-01T00:00:00Z";

    #[tokio::test]
    async fn what_comes_twice_is_one_incident() {
        let (s, (_folder, ledger)) = (settings(0), ledger().await);
        let (first, second) = ("2026-11-21T13:00:00Z", "2026-11-21T13:02:30Z");
        let (fires, over) = (word("firing", first, NO_END, T), word("resolved", first, first, T + MINUTE));
        for _ in 0..3 {
            see(&s, &ledger, &fires, T).await;
        }
        assert_eq!(states(&ledger).await, [("firing", 1)].into());
        for _ in 0..2 {
            see(&s, &ledger, &over, T + MINUTE).await;
        }
        // Late and again.
        see(&s, &ledger, &fires, T + 2 * MINUTE).await;
        assert_eq!(states(&ledger).await, [("resolved", 1)].into());
        see(&s, &ledger, &word("firing", second, NO_END, T + 3 * MINUTE), T + 3 * MINUTE).await;
        see(&s, &ledger, &over, T + 4 * MINUTE).await;
        assert_eq!(states(&ledger).await, [("firing", 1), ("resolved", 1)].into());
        let (_, all) = ledger.incidents(&Viewer::everything(), &Filter::default(), 0, 10).await.unwrap();
        assert!(all.iter().all(|i| i.count == 1), "{all:?}");
    }

    #[tokio::test]
    async fn what_fires_again_with_the_same_start_is_open_again() {
        let (s, (_folder, ledger)) = (settings(0), ledger().await);
        let starts = "2026-11-21T13:00:00Z";
        let mut ids = Vec::new();
        for (n, status) in ["firing", "resolved", "firing", "firing", "resolved", "firing"].into_iter().enumerate() {
            let now = T + (n as i64 + 1) * MINUTE;
            let word = word(status, starts, "2026-11-21T13:01:30Z", now);
            let seen = ledger.see(&word, now, &|labels| s.tree.place(labels)).await.unwrap();
            ids.push(seen[0].incident.unwrap());
        }
        assert_eq!((ids[0], ids[2], ids[4]), (ids[1], ids[3], ids[3]));
        assert!(ids[2] != ids[0] && ids[5] != ids[3], "{ids:?}");
        assert_eq!(states(&ledger).await, [("firing", 1), ("resolved", 2)].into());
        let (_, all) = ledger.incidents(&Viewer::everything(), &Filter::default(), 0, 10).await.unwrap();
        let last = all.iter().find(|i| i.state == State::Firing).unwrap();
        assert_eq!(last.started_at, T + 6 * MINUTE, "it began anew");
        // What somebody ended stays so while the same goes on.
        let end = Action::Resolve { by: "ann".into(), comment: String::new() };
        ledger.act(last.id, &end, T + 7 * MINUTE).await.unwrap();
        see(&s, &ledger, &word("firing", starts, NO_END, T + 8 * MINUTE), T + 8 * MINUTE).await;
        assert_eq!(states(&ledger).await, [("resolved", 3)].into());
    }

    #[tokio::test]
    async fn what_is_over_is_so_from_when_it_was_and_by_the_senders_word() {
        let now = T + 30 * MINUTE;
        // Its start and end, and when that is, in minutes from the start of these tests.
        for (starts, ends, began, over) in [
            ("2026-11-21T13:00:00Z", "2026-11-21T13:10:00Z", 0, 10),
            ("2026-11-21T13:00:00Z", "2026-11-21T12:59:59.5Z", 0, 0),
            ("2026-11-21T13:00:00Z", "2026-11-22T13:00:00Z", 0, 30),
            ("2031-11-21T13:00:00Z", "2026-11-21T13:10:00Z", 20, 20),
            ("2031-11-21T13:00:00Z", NO_END, 20, 30),
        ] {
            let (s, (_folder, ledger)) = (settings(0), ledger().await);
            see(&s, &ledger, &word("firing", starts, NO_END, T + 20 * MINUTE), T + 20 * MINUTE).await;
            tick(&s, &ledger, T + 20 * MINUTE).await.unwrap();
            told(&ledger, T + 20 * MINUTE).await;
            see(&s, &ledger, &word("resolved", starts, ends, now), now).await;
            let (_, all) = ledger.incidents(&Viewer::everything(), &Filter::default(), 0, 10).await.unwrap();
            let wanted = (State::Resolved, T + began * MINUTE, Some(T + over * MINUTE));
            assert_eq!((all[0].state, all[0].started_at, all[0].resolved_at), wanted, "{starts} {ends}");
            tick(&s, &ledger, now).await.unwrap();
            let messages = told(&ledger, now).await;
            assert_eq!((messages[0].status.as_str(), messages[0].incidents[0].resolved_at), ("resolved", wanted.2));
        }
    }

    #[tokio::test]
    async fn a_thousand_alike_in_a_minute_are_one_message() {
        let (s, (_folder, ledger)) = (settings(MINUTE), ledger().await);
        for second in 0..60 {
            let now = T + second * SECOND;
            let from = second * 1_000 / 60;
            let to = (second + 1) * 1_000 / 60;
            let all: Vec<Sighting> = (from..to).map(|i| sighting("gc-pressure", &format!("app-{i}"), now)).collect();
            see(&s, &ledger, &all, now).await;
            tick(&s, &ledger, now).await.unwrap();
        }
        assert!(told(&ledger, T + 59 * SECOND).await.is_empty());
        tick(&s, &ledger, T + MINUTE).await.unwrap();
        let messages = told(&ledger, T + MINUTE).await;
        assert_eq!(messages.len(), 1);
        assert_eq!((messages[0].count, messages[0].firing, messages[0].incidents.len()), (1_000, 1_000, 1_000));
        assert_eq!(messages[0].title(), "[firing 1000] gc-pressure on prod: 1000 incidents");
        // Nothing new: silence until it is repeated.
        tick(&s, &ledger, T + 10 * MINUTE).await.unwrap();
        assert_eq!(told(&ledger, T + 10 * MINUTE).await.len(), 0);
        tick(&s, &ledger, T + 300 * MINUTE).await.unwrap();
        assert_eq!(told(&ledger, T + 300 * MINUTE).await.len(), 1);
    }

    #[tokio::test]
    async fn a_lost_driver_is_the_only_news_and_what_it_hid_is_told_when_it_is_over() {
        let (s, (_folder, ledger)) = (settings(10 * SECOND), ledger().await);
        let all = [sighting("task-skew", "a", T), sighting("driver-lost", "a", T), sighting("task-skew", "b", T)];
        see(&s, &ledger, &all, T).await;
        tick(&s, &ledger, T + 10 * SECOND).await.unwrap();
        let names = |all: &[Message]| -> Vec<String> {
            let mut names: Vec<_> = all.iter().flat_map(|m| &m.incidents).map(|t| t.summary.clone()).collect();
            names.sort();
            names
        };
        assert_eq!(names(&told(&ledger, T + 10 * SECOND).await), ["driver-lost in a", "task-skew in b"]);
        let (_, found) = ledger.incidents(&Viewer::everything(), &Filter::default(), 0, 10).await.unwrap();
        let id = |rule: &str| found.iter().find(|i| i.rule == rule && i.app_id == "a").unwrap().id;
        let hidden = found.iter().find(|i| i.id == id("task-skew")).unwrap();
        assert_eq!(hidden.inhibited_by, Some(id("driver-lost")));
        let by = |by: &str| Action::Resolve { by: by.into(), comment: String::new() };
        ledger.act(id("driver-lost"), &by("me"), T + MINUTE).await.unwrap();
        tick(&s, &ledger, T + 6 * MINUTE).await.unwrap();
        let messages = told(&ledger, T + 6 * MINUTE).await;
        assert!(names(&messages).contains(&"task-skew in a".to_owned()), "{messages:?}");
    }

    #[tokio::test]
    async fn a_group_that_grows_is_kept_with_its_news() {
        let (s, (_folder, ledger)) = (settings(0), ledger().await);
        let kept = async |app: &str| {
            let (_, all) = ledger.incidents(&Viewer::everything(), &Filter::default(), 0, 100).await.unwrap();
            let id = all.iter().find(|i| i.app_id == app).unwrap().id;
            ledger.deliveries_of(id).await.unwrap().len()
        };
        for (n, app) in ["a", "b", "c", "d"].into_iter().enumerate() {
            let now = T + n as i64 * 6 * MINUTE;
            see(&s, &ledger, &[sighting("skew", app, now)], now).await;
            tick(&s, &ledger, now).await.unwrap();
            let messages = told(&ledger, now).await;
            assert_eq!(messages[0].incidents.len(), n + 1, "it tells of all");
        }
        // The first one stands for the owner of all.
        assert_eq!((kept("a").await, kept("b").await, kept("c").await, kept("d").await), (4, 1, 1, 1));
        let later = T + 300 * MINUTE;
        tick(&s, &ledger, later).await.unwrap();
        assert_eq!(told(&ledger, later).await.len(), 1);
        assert_eq!((kept("a").await, kept("d").await), (5, 2), "a reminder is about all");
    }

    #[tokio::test]
    async fn mutes_silences_and_acknowledgements_keep_quiet() {
        let (s, (_folder, ledger)) = (settings(0), ledger().await);
        let mute = Mute {
            id: 0,
            rule: "gc-*".into(),
            app_name: "a".into(),
            until: Some(T + MINUTE),
            reason: "known".into(),
            by: "me".into(),
            created_at: T,
        };
        ledger.mute(&mute).await.unwrap();
        let texts = vec!["rule=\"spill\"".to_owned()];
        let matchers = Matcher::all(&texts).unwrap();
        let silence = Silence {
            id: 0,
            texts,
            matchers,
            until: T + 2 * MINUTE,
            reason: String::new(),
            by: "me".into(),
            created_at: T,
        };
        ledger.silence(&silence).await.unwrap();
        see(&s, &ledger, &[sighting("gc-pressure", "a", T), sighting("spill", "a", T), sighting("skew", "a", T)], T)
            .await;
        tick(&s, &ledger, T).await.unwrap();
        assert_eq!(
            told(&ledger, T).await.iter().map(Message::title).collect::<Vec<_>>(),
            ["[firing 1] skew on prod: a: skew in a"]
        );
        // They are over, and what they hid is told.
        tick(&s, &ledger, T + 6 * MINUTE).await.unwrap();
        assert_eq!(told(&ledger, T + 6 * MINUTE).await.len(), 2);
        let (_, all) = ledger.incidents(&Viewer::everything(), &Filter::default(), 0, 10).await.unwrap();
        for i in &all {
            let action = Action::Acknowledge { by: "me".into(), comment: "on it".into() };
            assert!(ledger.act(i.id, &action, T + 7 * MINUTE).await.unwrap());
        }
        tick(&s, &ledger, T + 600 * MINUTE).await.unwrap();
        assert!(told(&ledger, T + 600 * MINUTE).await.is_empty(), "somebody takes care");
        let events = ledger.events(all[0].id).await.unwrap();
        let kinds: Vec<&str> = events.iter().map(|e| e.kind.as_str()).collect();
        assert_eq!(kinds, ["firing", "acknowledged"]);
        assert_eq!(all[0].state, State::Firing);
    }

    #[tokio::test]
    async fn what_may_inhibit_is_found_by_its_label() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&folder.path().join("alerts.db")).await.unwrap();
        let alert = |name: &str| {
            format!(
                r#"{{"alerts":[{{"status":"firing","labels":{{"alertname":"{name}","a \"b":"c"}},"startsAt":"2025-06-01T10:00:00Z"}}]}}"#
            )
        };
        for name in ["driver-lost", "driver-lost-too", "gc"] {
            let all = webhook::read(alert(name).as_bytes(), Origin::Grafana, T).unwrap().alerts;
            ledger.see(&all, T, &|_| Vec::new()).await.unwrap();
        }
        let found = async |with: &[(&str, &str)]| ledger.firing(with).await.unwrap().len();
        assert_eq!(found(&[]).await, 3);
        assert_eq!(found(&[("rule", "driver-lost")]).await, 1);
        assert_eq!(found(&[("rule", "driver-lost"), ("rule", "gc")]).await, 2);
        assert_eq!(found(&[("a \"b", "c")]).await, 3);
        assert_eq!(found(&[("rule", "none")]).await, 0);
    }
}
