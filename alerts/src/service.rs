//! Alerting as one service over an open store: what watches, what takes in, what tells, and what delivers.

use std::collections::BTreeMap;
use std::sync::Arc;

use afterglow_history::catalog::Catalog;
use afterglow_history::health::{Health, Part};
use afterglow_history::query::Engine;
use tokio::task::JoinSet;

use crate::court::Court;
use crate::custom::{Evaluator, Rule};
use crate::deliver::message::Message;
use crate::deliver::worker::Outbox;
use crate::deliver::{Receiver, SendError};
use crate::dispatch;
use crate::incident::{Incident, Labels, Origin, State, fingerprint};
use crate::intake::sqs;
use crate::ledger::{Ledger, Membership};
use crate::settings::Settings;
use crate::watch::{Watch, WatchError};

/// Everything that alerting does beside answering requests.
pub struct Service {
    watch: Watch,
    outbox: Outbox,
    settings: Arc<Settings>,
    ledger: Ledger,
    rules: Vec<Rule>,
    engine: Option<Arc<Engine>>,
    now: fn() -> i64,
}

/// Who is told, by name.
///
/// # Errors
/// A sentence about what cannot be.
pub async fn receivers(settings: &Settings) -> Result<BTreeMap<String, Receiver>, String> {
    let mut all = BTreeMap::new();
    for config in &settings.receivers {
        let open = config.open(settings.timeout).await.map_err(|e| format!("alerts.receiver {}: {e}", config.name))?;
        all.insert(config.name.clone(), open);
    }
    Ok(all)
}

impl Service {
    /// Prepares it, before anything is indexed. `now` is the present, epoch milliseconds.
    ///
    /// # Errors
    /// A sentence about settings, catalog or ledger.
    pub async fn open(
        settings: Arc<Settings>,
        ledger: Ledger,
        catalog: Catalog,
        court: Arc<Court>,
        now: fn() -> i64,
    ) -> Result<Self, String> {
        let outbox = Outbox {
            ledger: ledger.clone(),
            receivers: Arc::new(receivers(&settings).await?),
            backoff: settings.backoff,
            timeout: settings.timeout,
            now,
        };
        let watch = Watch::new(settings.clone(), catalog, court, ledger.clone(), now);
        watch.prepare().await.map_err(|e: WatchError| e.to_string())?;
        Ok(Service { watch, outbox, settings, ledger, rules: Vec::new(), engine: None, now })
    }

    /// Has an engine evaluate rules that operators wrote.
    pub fn with_rules(self, rules: Vec<Rule>, engine: Arc<Engine>) -> Self {
        Service { rules, engine: Some(engine), ..self }
    }

    /// Does it for ever, and says so if a part of it does not. Its tasks end when it is dropped.
    pub async fn run(self, health: Health) {
        let Service { watch, outbox, settings, ledger, rules, engine, now } = self;
        let mut tasks = JoinSet::new();
        if let Some(engine) = engine {
            let evaluator = Evaluator { engine, ledger: ledger.clone(), settings: settings.clone(), now };
            tasks.spawn(evaluator.run(rules));
        }
        for queue in settings.queues.clone() {
            tasks.spawn(sqs::run(queue, settings.clone(), ledger.clone(), now));
        }
        tasks.spawn(watch.run());
        tasks.spawn(outbox.run());
        tasks.spawn(dispatch::run(settings, ledger, now));
        while let Some(ended) = tasks.join_next().await {
            // Who has nothing to do may end; by a fault of ours nobody does.
            if let Err(e) = ended {
                health.fails(Part::Alerting, format!("a part of it ended: {e}: see the log, and restart this process"));
            }
        }
    }
}

/// Where a sample went.
#[derive(Debug)]
pub struct Sampled {
    pub group: Membership,
    /// Destinations, each with what became of it; none where it was not sent.
    pub destinations: Vec<(String, Option<Result<(), SendError>>)>,
}

/// Sends a sample incident with these labels where the routes say, or only says where.
///
/// # Errors
/// A sentence about settings that cannot be.
pub async fn sample(settings: &Settings, labels: Labels, send: bool, now: i64) -> Result<Vec<Sampled>, String> {
    let receivers = receivers(settings).await?;
    let incident = of_sample(labels, now);
    let mut out = Vec::new();
    for group in settings.tree.place(&incident.labels) {
        let mut destinations = Vec::new();
        let found = receivers.get(&group.receiver).map(|r| r.destinations.clone()).unwrap_or_default();
        for (name, destination) in found {
            let message = Message {
                key: fingerprint(&["sample", &now.to_string(), &name]),
                group_key: group.key.clone(),
                receiver: group.receiver.clone(),
                group_labels: group.labels.clone(),
                at: now,
                again_at: now.saturating_add(group.repeat_interval),
                ..Message::about(&[&incident], &settings.url)
            };
            let sent = if send { Some(destination.send(&message).await) } else { None };
            destinations.push((name, sent));
        }
        out.push(Sampled { group, destinations });
    }
    Ok(out)
}

fn of_sample(mut labels: Labels, now: i64) -> Incident {
    for (name, value) in [("rule", "sample"), ("severity", "warning"), ("cluster", "sample"), ("app_name", "sample")] {
        labels.entry(name.into()).or_insert_with(|| value.into());
    }
    let label = |name: &str| labels.get(name).cloned().unwrap_or_default();
    Incident {
        id: 0,
        fingerprint: fingerprint(&["sample"]),
        state: State::Firing,
        rule: label("rule"),
        severity: label("severity"),
        cluster: label("cluster"),
        app_id: label("app_id"),
        attempt_id: String::new(),
        app_name: label("app_name"),
        owner: String::new(),
        summary: "a sample, sent to see where it goes: nothing is wrong".into(),
        labels,
        annotations: Labels::new(),
        finding: None,
        origin: Origin::Rules,
        started_at: now,
        due_at: now,
        fired_at: Some(now),
        resolved_at: None,
        last_seen_at: now,
        count: 1,
        acknowledged_by: None,
        assigned_to: None,
        inhibited_by: None,
    }
}
