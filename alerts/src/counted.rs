//! What alerting counts as it happens, and what its ledger is asked for when somebody looks at metrics. Names are in
//! `afterglow_history::telemetry::names`.
//!
//! Invariant: no label comes from an incident, but for severities, of which there are four.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use afterglow_history::telemetry::names::{self, Metric};
use afterglow_history::telemetry::{Labels, Page, Part, labels};
use async_trait::async_trait;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::incident::Origin;
use crate::incident::state::Step;
use crate::ledger::Ledger;

/// Upper bounds of the times of deliveries, seconds.
const DELIVERY: [f64; 9] = [0.1, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 3_600.0];
/// Severities that are told apart.
pub const SEVERITIES: [&str; 3] = ["critical", "warning", "info"];
/// All others together.
pub const OTHER: &str = "other";

type Counters = Family<Labels, Counter>;

/// Counters of one process; clones count together.
#[derive(Debug, Clone)]
pub struct Counted(Arc<Families>);

#[derive(Debug)]
struct Families {
    sightings: Counters,
    refused: Counters,
    deliveries: Counters,
    delivery: Family<Labels, Histogram>,
    rules: Counters,
    calls: Counters,
    tokens: Counters,
    /// None where there are no prices.
    money: Mutex<Option<f64>>,
    dropped: Counter,
    breaker: Gauge,
    retrievals: Counters,
}

impl Default for Counted {
    /// What never happened can be told from what is not known: counters begin at zero.
    fn default() -> Self {
        let families = Families {
            sightings: Counters::default(),
            refused: Counters::default(),
            deliveries: Counters::default(),
            delivery: Family::new_with_constructor(|| Histogram::new(DELIVERY)),
            rules: Counters::default(),
            calls: Counters::default(),
            tokens: Counters::default(),
            money: Mutex::default(),
            dropped: Counter::default(),
            breaker: Gauge::default(),
            retrievals: Counters::default(),
        };
        for origin in Origin::ALL {
            for meaning in ["opened", "known", "resolved", "nothing"] {
                drop(families.sightings.get_or_create(&labels([("source", origin.name()), ("meaning", meaning)])));
            }
        }
        for origin in [Origin::Grafana, Origin::Alertmanager, Origin::Sqs, Origin::Sns] {
            drop(families.refused.get_or_create(&labels([("source", origin.name())])));
        }
        for outcome in ["ok", "failed"] {
            drop(families.rules.get_or_create(&labels([("outcome", outcome)])));
            drop(families.retrievals.get_or_create(&labels([("outcome", outcome)])));
        }
        let calls =
            ["answered", "throttled", "unavailable", "timed_out", "refused", "guardrail", "malformed", "over_budget"];
        for outcome in calls {
            drop(families.calls.get_or_create(&labels([("outcome", outcome)])));
        }
        for direction in ["in", "out"] {
            drop(families.tokens.get_or_create(&labels([("direction", direction)])));
        }
        Counted(Arc::new(families))
    }
}

impl Counted {
    pub fn seen(&self, origin: Origin, step: Step) {
        let meaning = match step {
            Step::None => "nothing",
            Step::Open { .. } => "opened",
            Step::Stay | Step::Fire => "known",
            Step::Resolve | Step::Forget => "resolved",
        };
        self.0.sightings.get_or_create(&labels([("source", origin.name()), ("meaning", meaning)])).inc();
    }

    /// A message from outside could not be taken.
    pub fn refused(&self, origin: Origin) {
        self.0.refused.get_or_create(&labels([("source", origin.name())])).inc();
    }

    /// There is a destination of this kind, named as `webhook/0`.
    pub fn destination(&self, name: &str) {
        for outcome in ["sent", "later", "dead"] {
            drop(self.0.deliveries.get_or_create(&labels([("kind", kind(name)), ("outcome", outcome)])));
        }
        drop(self.0.delivery.get_or_create(&labels([("kind", kind(name))])));
    }

    /// A try ended: `sent`, `later` or `dead`.
    pub fn tried(&self, destination: &str, outcome: &'static str) {
        self.0.deliveries.get_or_create(&labels([("kind", kind(destination)), ("outcome", outcome)])).inc();
    }

    /// A message was taken so long after it was written.
    pub fn delivered(&self, destination: &str, after: Duration) {
        self.0.delivery.get_or_create(&labels([("kind", kind(destination))])).observe(after.as_secs_f64());
    }

    pub fn evaluated(&self, ok: bool) {
        self.0.rules.get_or_create(&labels([("outcome", if ok { "ok" } else { "failed" })])).inc();
    }

    /// A request to the model ended, or was not made.
    pub fn called(&self, outcome: &str) {
        self.0.calls.get_or_create(&labels([("outcome", &outcome.replace(' ', "_"))])).inc();
    }

    /// What a request took, as the service said; `money` where there are prices.
    pub fn took(&self, tokens_in: u64, tokens_out: u64, money: Option<f64>) {
        self.0.tokens.get_or_create(&labels([("direction", "in")])).inc_by(tokens_in);
        self.0.tokens.get_or_create(&labels([("direction", "out")])).inc_by(tokens_out);
        if let Some(money) = money {
            *self.money().get_or_insert_default() += money;
        }
    }

    /// There are prices, so what is spent is known: nothing as yet.
    pub fn priced(&self) {
        self.money().get_or_insert_default();
    }

    fn money(&self) -> MutexGuard<'_, Option<f64>> {
        self.0.money.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn dropped(&self, claims: u64) {
        self.0.dropped.inc_by(claims);
    }

    /// Whether the service is left alone.
    pub fn breaker(&self, open: bool) {
        self.0.breaker.set(i64::from(open));
    }

    /// The knowledge base of Bedrock was asked.
    pub fn retrieved(&self, ok: bool) {
        self.0.retrievals.get_or_create(&labels([("outcome", if ok { "ok" } else { "failed" })])).inc();
    }

    fn register(&self, registry: &mut Registry) {
        let f = &self.0;
        let counters = [
            (names::SIGHTINGS, &f.sightings),
            (names::INTAKE_REFUSED, &f.refused),
            (names::DELIVERIES, &f.deliveries),
            (names::RULE_EVALUATIONS, &f.rules),
            (names::MODEL_CALLS, &f.calls),
            (names::MODEL_TOKENS, &f.tokens),
            (names::RETRIEVALS, &f.retrievals),
        ];
        for (Metric { name, help }, family) in counters {
            registry.register(name, help, family.clone());
        }
        registry.register(names::DELIVERY_SECONDS.name, names::DELIVERY_SECONDS.help, f.delivery.clone());
        registry.register(names::MODEL_DROPPED.name, names::MODEL_DROPPED.help, f.dropped.clone());
        registry.register(names::MODEL_BREAKER.name, names::MODEL_BREAKER.help, f.breaker.clone());
    }
}

/// `webhook` of `webhook/0`.
fn kind(destination: &str) -> &str {
    destination.split('/').next().unwrap_or(destination)
}

#[async_trait]
impl Part for Ledger {
    fn register(&self, registry: &mut Registry) {
        self.counted.register(registry);
    }

    async fn put(&self, page: &mut Page, now: i64) {
        let money = *self.counted.money();
        if let Some(money) = money {
            page.counter(names::MODEL_MONEY, money);
        }
        let standing = match self.standing().await {
            Ok(standing) => standing,
            Err(e) => return tracing::warn!("metrics: {e}"),
        };
        let incidents = standing
            .incidents
            .iter()
            .map(|((state, severity), n)| (labels([("state", state), ("severity", severity)]), *n as f64));
        page.gauges(names::INCIDENTS, incidents);
        let outbox = [("waiting", standing.waiting), ("dead", standing.dead)];
        page.gauges(names::OUTBOX, outbox.map(|(state, n)| (labels([("state", state)]), n as f64)));
        let age = standing.oldest.map_or(0.0, |at| (now - at).max(0) as f64 / 1_000.0);
        page.gauge(names::OUTBOX_OLDEST, age);
    }
}
