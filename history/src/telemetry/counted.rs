//! What is counted as it happens. Each counter has one place where it is counted; clones count together.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::names;

/// Upper bounds of the times of requests, seconds.
const REQUEST: [f64; 8] = [0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0];
/// Upper bounds of the times of statements, seconds.
const STATEMENT: [f64; 9] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 30.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: String,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

/// Counters that begin at zero: what never happened can be told from what is not known.
fn outcomes<const N: usize>(all: [&'static str; N]) -> Family<Outcome, Counter> {
    let family = Family::default();
    for outcome in all {
        drop(family.get_or_create(&Outcome { outcome }));
    }
    family
}

/// HTTP requests.
#[derive(Debug, Clone)]
pub struct Requests {
    answered: Family<Answered, Counter>,
    took: Family<Route, Histogram>,
}

impl Default for Requests {
    fn default() -> Self {
        let took = Family::new_with_constructor((|| Histogram::new(REQUEST)) as fn() -> Histogram);
        Requests { answered: Family::default(), took }
    }
}

impl Requests {
    /// A request was answered; `route` is a template, of which there are few, and never a path.
    pub fn answered(&self, route: &str, status: u16, took: Duration) {
        let status = match status {
            100..=199 => "1xx",
            200..=299 => "2xx",
            300..=399 => "3xx",
            400..=499 => "4xx",
            _ => "5xx",
        };
        self.answered.get_or_create(&Answered { route: route.to_owned(), status }).inc();
        self.took.get_or_create(&Route { route: route.to_owned() }).observe(took.as_secs_f64());
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(names::REQUESTS.name, names::REQUESTS.help, self.answered.clone());
        registry.register(names::REQUEST_SECONDS.name, names::REQUEST_SECONDS.help, self.took.clone());
    }
}

/// SQL statements.
#[derive(Debug, Clone)]
pub struct Statements {
    ended: Family<Outcome, Counter>,
    took: Histogram,
}

impl Default for Statements {
    fn default() -> Self {
        let ended = outcomes(["ok", "refused", "timeout", "busy", "failed"]);
        Statements { ended, took: Histogram::new(STATEMENT) }
    }
}

impl Statements {
    /// A statement ended: `ok`, `refused`, `timeout`, `busy` or `failed`.
    pub fn ended(&self, outcome: &'static str, took: Duration) {
        self.ended.get_or_create(&Outcome { outcome }).inc();
        self.took.observe(took.as_secs_f64());
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(names::STATEMENTS.name, names::STATEMENTS.help, self.ended.clone());
        registry.register(names::STATEMENT_SECONDS.name, names::STATEMENT_SECONDS.help, self.took.clone());
    }
}

/// Rounds of maintenance.
#[derive(Debug, Clone)]
pub struct Rounds(Family<Outcome, Counter>);

impl Default for Rounds {
    fn default() -> Self {
        Rounds(outcomes(["ok", "failed"]))
    }
}

impl Rounds {
    pub fn ended(&self, ok: bool) {
        self.0.get_or_create(&Outcome { outcome: if ok { "ok" } else { "failed" } }).inc();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(names::ROUNDS.name, names::ROUNDS.help, self.0.clone());
    }
}

/// What remote write sent.
#[derive(Debug, Clone)]
pub struct Sent {
    samples: Family<Outcome, Counter>,
    pub(crate) retries: Counter,
    pub(crate) waiting: Gauge,
}

impl Default for Sent {
    fn default() -> Self {
        let samples = outcomes(["sent", "dropped"]);
        Sent { samples, retries: Counter::default(), waiting: Gauge::default() }
    }
}

impl Sent {
    pub(crate) fn sent(&self, samples: u64) {
        self.samples.get_or_create(&Outcome { outcome: "sent" }).inc_by(samples);
    }

    pub(crate) fn dropped(&self, samples: u64) {
        self.samples.get_or_create(&Outcome { outcome: "dropped" }).inc_by(samples);
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(names::SAMPLES.name, names::SAMPLES.help, self.samples.clone());
        registry.register(names::RETRIES.name, names::RETRIES.help, self.retries.clone());
        registry.register(names::REQUESTS_WAITING.name, names::REQUESTS_WAITING.help, self.waiting.clone());
    }
}
