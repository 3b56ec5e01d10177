//! `export`: send applications to a receiver, on demand.

use std::process::ExitCode;
use std::time::Duration;

use afterglow_history::catalog::{AttemptRow, AttemptStatus};
use afterglow_history::otel::{Exporter, Patience};
use afterglow_history::viewer::Viewer;

use super::{Opened, fail, open_existing};
use crate::config::Config;
use crate::terminal::{complain, say};

/// How long to try while the receiver is away.
const PATIENCE: Duration = Duration::from_secs(30);

/// An exporter of an open store's attempts.
pub fn exporter(config: &Config, opened: &Opened) -> Result<Exporter, String> {
    let otel = &config.otel;
    let (store, sender) = (opened.store.clone(), otel.sender()?);
    Ok(Exporter { store, sender, tasks: otel.tasks, attributes: otel.attributes.clone() })
}

/// Exports applications, each `CLUSTER/APP[/ATTEMPT]`; all attempts of one without attempt.
pub async fn otel(config: Config, applications: Vec<String>) -> ExitCode {
    let opened = match open_existing(&config).await {
        Ok(opened) => opened,
        Err(e) => return fail(&e),
    };
    let exported = all(&config, &opened, &applications).await;
    opened.catalog.close().await;
    match exported {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => fail(&e),
    }
}

async fn all(config: &Config, opened: &Opened, applications: &[String]) -> Result<(), String> {
    let exporter = exporter(config, opened)?;
    for name in applications {
        for row in attempts(opened, name).await? {
            let shown = row.attempt_id.as_ref().map_or_else(|| row.app_id.clone(), |a| format!("{}/{a}", row.app_id));
            let shown = format!("{}/{shown}", row.cluster);
            let sent = exporter.export(&row, Patience::For(PATIENCE)).await.map_err(|e| format!("{shown}: {e}"))?;
            say!(
                "{shown}: trace {}: {} spans, {} metrics, {} events sent to {}",
                sent.trace,
                sent.spans,
                sent.metrics,
                sent.events,
                exporter.sender.shown
            );
            if row.status == AttemptStatus::Running {
                complain!("note: {shown} still runs: sent as far as its log goes");
            }
            for note in sent.notes {
                complain!("note: {note}");
            }
        }
    }
    Ok(())
}

/// The attempts that a name means, oldest first.
async fn attempts(opened: &Opened, name: &str) -> Result<Vec<AttemptRow>, String> {
    let mut parts = name.splitn(3, '/');
    let (Some(cluster), Some(app), attempt) = (parts.next(), parts.next(), parts.next()) else {
        return Err(format!("--application: `{name}` names no application: write CLUSTER/APP or CLUSTER/APP/ATTEMPT"));
    };
    let found = opened.catalog.application(&Viewer::everything(), Some(cluster), app).await;
    let mut found = found.map_err(|e| e.to_string())?;
    found.retain(|a| attempt.is_none() || a.attempt_id.as_deref() == attempt);
    found.reverse();
    if found.is_empty() {
        return Err(format!(
            "--application: the store has no {name}: `afterglow sql \"SELECT cluster, app_id FROM applications\"` lists what it has"
        ));
    }
    Ok(found)
}
