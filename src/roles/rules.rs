//! `rules`: evaluates the rules of the settings once over a store, and says what holds.

use std::process::ExitCode;

use afterglow_alerts::custom::{Kind, Rule, State, Watched};
use afterglow_history::date::instant;
use afterglow_history::viewer::Viewer;
use serde_json::json;

use super::{engine::engine, fail, now, open_existing};
use crate::config::Config;
use crate::terminal::{self, complain, say};

pub async fn run(config: Config, at: Option<String>, json: bool) -> ExitCode {
    match evaluate(&config, at.as_deref(), json).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(e) => fail(&e),
    }
}

/// Whether all rules could be evaluated.
async fn evaluate(config: &Config, at: Option<&str>, json: bool) -> Result<bool, String> {
    let at = match at {
        Some(text) => instant(text).ok_or_else(|| format!("--at: `{text}` is no time: write 2026-11-21T06:00:00Z"))?,
        None => now(),
    };
    // They were looked at when the settings were read.
    let rules = config.rule.iter().map(|r| r.rule()).collect::<Result<Vec<Rule>, String>>()?;
    let opened = open_existing(config).await?;
    let engine = engine(config, &opened)?;
    let (mut good, mut told) = (true, Vec::new());
    for rule in rules {
        let hold = rule.hold;
        if let Kind::Series { series, .. } = &rule.kind
            && !json
        {
            say!("{} asks: {}", rule.name, series.statement(at));
        }
        let mut watched = Watched::new(rule);
        match watched.evaluate(&engine, &Viewer::everything(), at).await {
            Ok(alerts) if json => told.extend(alerts.iter().map(|a| {
                json!({
                    "rule": a.rule, "state": a.state.name(), "fingerprint": a.fingerprint, "labels": a.labels,
                    "annotations": a.annotations, "value": a.value, "since": a.since,
                })
            })),
            Ok(alerts) if alerts.is_empty() => say!("{}: nothing holds", watched.rule.name),
            Ok(alerts) => {
                for a in alerts {
                    let summary = a.annotations.get("summary").map(|s| format!(": {s}")).unwrap_or_default();
                    let labels: Vec<String> = a.labels.iter().map(|(k, v)| format!("{k}=\"{v}\"")).collect();
                    let when = if a.state == State::Pending {
                        format!(" (fires after {} s)", hold.as_secs())
                    } else {
                        String::new()
                    };
                    say!("{}: {}{when} {{{}}}{summary}", a.rule, a.state.name(), labels.join(", "));
                }
            }
            Err(e) => {
                complain!("{e}");
                good = false;
            }
        }
    }
    engine.close().await;
    opened.catalog.close().await;
    if json {
        terminal::json(&serde_json::Value::Array(told).to_string());
    }
    Ok(good)
}
