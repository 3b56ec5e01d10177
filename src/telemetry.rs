//! What the process tells of itself: its log, as text on standard error or as JSON with `AFTERGLOW_LOG_FORMAT=json`, and its traces
//! if the settings say where to. What is logged follows `AFTERGLOW_LOG` (as `RUST_LOG`), by default warnings and our own news.

use std::io::IsTerminal as _;

use afterglow_history::otel::own::{Own, TARGET};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt};

use crate::config::Config;

/// The SDK warns of every place where it finds no credentials; that there are none is our own news.
const DEFAULT: &str =
    "warn,aws_config=error,afterglow=info,afterglow_alerts=info,afterglow_history=info,afterglow_ingest=info";

/// Traces that are made until it is dropped, and then sent as far as a few seconds allow.
pub struct Tracing(Option<Own>);

impl Drop for Tracing {
    fn drop(&mut self) {
        if let Some(own) = &self.0 {
            own.end();
        }
    }
}

/// Begins to tell; inside the runtime, once.
///
/// # Errors
/// A sentence about a receiver of traces that cannot be spoken to.
pub fn init(config: &Config) -> Result<Tracing, String> {
    let own = config.otel.settings()?.filter(|s| s.sample > 0.0).map(|s| Own::start(&s).map_err(|e| e.to_string()));
    let own = own.transpose()?;
    let traces = own.as_ref().map(|own| {
        let layer = tracing_opentelemetry::layer().with_tracer(own.tracer());
        let layer = layer.with_location(false).with_threads(false).with_target(false).with_tracked_inactivity(false);
        layer.with_filter(Targets::new().with_target(TARGET, LevelFilter::INFO))
    });
    let filter = EnvFilter::try_from_env("AFTERGLOW_LOG").unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let log = fmt::layer().with_writer(std::io::stderr);
    let log = if std::env::var("AFTERGLOW_LOG_FORMAT").is_ok_and(|f| f == "json") {
        log.json().boxed()
    } else {
        log.with_target(false).with_ansi(std::io::stderr().is_terminal()).boxed()
    };
    tracing_subscriber::registry().with(traces).with(log.with_filter(filter)).init();
    Ok(Tracing(own))
}
