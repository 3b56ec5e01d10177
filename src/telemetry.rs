//! Logs of the process itself: text on standard error, JSON with `AFTERGLOW_LOG_FORMAT=json`;
//! what is logged follows `AFTERGLOW_LOG` (as `RUST_LOG`), by default warnings and our own news.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// The SDK warns of every place where it finds no credentials; that there are none is our own news.
const DEFAULT: &str = "warn,aws_config=error,afterglow=info,afterglow_history=info,afterglow_ingest=info";

pub fn init() {
    let filter = EnvFilter::try_from_env("AFTERGLOW_LOG").unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::env::var("AFTERGLOW_LOG_FORMAT").is_ok_and(|f| f == "json") {
        builder.json().init();
    } else {
        builder.with_target(false).with_ansi(std::io::stderr().is_terminal()).init();
    }
}
