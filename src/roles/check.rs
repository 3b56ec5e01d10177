//! `check`: are the settings right, does every source answer? It makes what `serve` makes, up to the point where it would listen; so
//! what it lets pass, `serve` takes, but for addresses that are taken.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use afterglow_alerts::custom::Kind;
use afterglow_alerts::intake::sns::Topics;
use afterglow_alerts::ledger::{FILE, Ledger};
use afterglow_alerts::service::receivers;
use afterglow_history::indexer::{Peeked, peek};
use afterglow_history::query::Ask;
use afterglow_history::redact::Redactor;
use afterglow_history::viewer::Viewer;
use afterglow_ingest::source::{self, explain};
use afterglow_ingest::{Source, SourceKind, scan};

use super::{Opened, advise, engine::engine, now, open, sources};
use crate::config::sources::SourceConfig;
use crate::config::{Config, shown_url};
use crate::terminal::{self, say};

/// Logs of a source that are looked at for what they say of their cluster.
const PEEKED: usize = 10;

pub async fn run(config: Config, print: bool) -> ExitCode {
    if print {
        terminal::out(config.print().trim_end());
        return ExitCode::SUCCESS;
    }
    let mut problems = Vec::new();
    let mut wrong = |all: Vec<String>| problems.extend(all);
    wrong(store(&config).await);
    wrong(with_sources(&config).await);
    wrong(config.postgres.wrong_files());
    wrong(rules(&config).await.unwrap_or_else(|e| vec![e]));
    wrong(telling(&config).await);
    problems.iter().for_each(|p| say!("{p}"));
    if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether the store can be opened and written.
async fn store(config: &Config) -> Vec<String> {
    let shown = shown_url(&config.store.url);
    let known = source::normalize(&config.store.url).map_err(|e| format!("store.url: {e}"));
    let folder = match known {
        Ok(url) => url.to_file_path().ok().filter(|_| url.scheme() == "file"),
        Err(e) => return vec![e],
    };
    if let Some(folder) = folder.filter(|folder| !folder.exists()) {
        // Checking must not make it.
        return match makeable(&folder) {
            Ok(()) => {
                say!("store {shown}: not there yet; serve and ingest create it");
                Vec::new()
            }
            Err(e) => vec![e],
        };
    }
    match open_whole(config).await {
        Ok(opened) => {
            say!("store {shown}: ok (catalog in {})", opened.dir.display());
            for indexer in opened.catalog.indexers(&Viewer::everything(), now()).await.unwrap_or_default() {
                say!("store {shown}: indexed by {indexer}");
            }
            opened.catalog.close().await;
            Vec::new()
        }
        Err(e) => vec![e],
    }
}

async fn open_whole(config: &Config) -> Result<Opened, String> {
    let opened = open(config).await?;
    let written = opened.store.try_write().await;
    written.map_err(|e| format!("store {}: cannot be written: {}", shown_url(&config.store.url), explain(&e)))?;
    let ledger = opened.dir.join(FILE);
    if ledger.exists() {
        Ledger::open(&ledger).await.map_err(|e| e.to_string())?.close().await;
    }
    Ok(opened)
}

/// Whether a folder that is not there can be made.
fn makeable(folder: &Path) -> Result<(), String> {
    let Some(above) = folder.ancestors().find(|f| f.exists()) else { return Ok(()) };
    let probe = above.join(format!(".afterglow-{}", std::process::id()));
    let made = std::fs::create_dir(&probe).and_then(|()| std::fs::remove_dir(&probe));
    made.map_err(|e| {
        format!("store: {} cannot be made: {}: {e}: name another folder", folder.display(), above.display())
    })
}

/// Whether every source can be opened and listed.
async fn with_sources(config: &Config) -> Vec<String> {
    let (good, bad) = sources(config).await;
    let mut out: Vec<String> =
        bad.iter().map(|(s, e)| format!("source {}={}: {e}", s.cluster, shown_url(&s.url))).collect();
    for source in good {
        match scan::first(&source).await {
            Some(Err(e)) => out.push(format!("source {source:?}: {}", explain(&e))),
            Some(Ok(first)) => {
                say!("source {source:?}: ok (first object: {first})");
                out.extend(show_placed(config, &source).await.err());
            }
            None => say!("source {source:?}: answers, and holds nothing yet"),
        }
    }
    if config.source.is_empty() {
        say!("no sources: name them with --logs [CLUSTER=]URL or as [[source]]");
    }
    out
}

/// Shows which cluster and labels some logs get, where their source takes these from logs.
async fn show_placed(config: &Config, source: &Source) -> Result<(), String> {
    let same = |s: &&SourceConfig| s.kind == source.kind && s.cluster == source.cluster;
    let here = |s: &&SourceConfig| source::normalize(&s.url).is_ok_and(|url| source::shown(&url) == source.url);
    let settings = config.source.iter().filter(same).find(here);
    let Some(settings) = settings.filter(|s| s.kind == SourceKind::EventLogs && !s.derive.is_empty()) else {
        return Ok(());
    };
    let placement = Arc::new(settings.placement()?);
    let redactor = Redactor::new(&config.redaction.regex).map_err(|e| format!("redaction.regex: {e}"))?;
    for Peeked { log, placed } in peek(source, &placement, &Arc::new(redactor), PEEKED).await {
        match placed {
            Ok((app, placed)) => {
                let labels: Vec<_> = placed.labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
                let labels = if labels.is_empty() { String::new() } else { format!(", labels {}", labels.join(" ")) };
                let by = placed.rule.map_or_else(|| "no rule says another".into(), |i| format!("derive[{i}]"));
                say!("  {log}: {app} in cluster {} ({by}){labels}", placed.cluster);
            }
            Err(e) => say!("  {log}: {e}"),
        }
    }
    Ok(())
}

/// Whether the statements of rules fit the tables, and only read. Tables are the same in every store: an empty one will do.
async fn rules(config: &Config) -> Result<Vec<String>, String> {
    if config.rule.is_empty() {
        return Ok(Vec::new());
    }
    let folder = tempfile::tempdir().map_err(|e| format!("cannot make a folder to check rules in: {e}: set TMPDIR"))?;
    let mut empty = config.clone();
    (empty.store.url, empty.store.dir) = (folder.path().display().to_string(), PathBuf::new());
    empty.store.options.clear();
    empty.sql.engine = "datafusion".into();
    let opened = open(&empty).await?;
    let engine = engine(&empty, &opened)?;
    let mut out = Vec::new();
    for (i, r) in config.rule.iter().enumerate() {
        let Kind::Sql { statement, .. } = r.rule()?.kind else { continue };
        let planned = Ask::Sql(format!("EXPLAIN {statement}"));
        if let Err(e) = engine.query(&Viewer::everything(), planned, None).await {
            out.push(format!("rule[{i}].sql: {e} (rule `{}`)", r.name));
        }
    }
    engine.close().await;
    opened.catalog.close().await;
    Ok(out)
}

/// Whether all who are told of something can be, as far as that shows before they are.
async fn telling(config: &Config) -> Vec<String> {
    let mut out = Vec::new();
    for (i, receiver) in config.alerts.receiver.iter().enumerate() {
        out.extend(receiver.unreadable(&format!("alerts.receiver[{i}]")));
    }
    match config.alerting() {
        Ok(settings) => {
            out.extend(Topics::new(settings.topics.clone()).err());
            out.extend(receivers(&settings).await.err());
        }
        Err(e) => out.push(e),
    }
    let sent = &config.remote_write;
    if !sent.url.is_empty() {
        out.extend(sent.url.parse::<url::Url>().err().map(|e| format!("remote_write.url: {e}")));
        for (key, file) in [("bearer_token_file", &sent.bearer_token_file), ("password_file", &sent.password_file)] {
            out.extend(empty_file(file).map(|e| format!("remote_write.{key}: {e}")));
        }
    }
    if !config.otel.endpoint.is_empty() {
        out.extend(config.otel.sender().err());
    }
    if config.remediation.enabled {
        let knowledge = async { advise::knowledge(config, advise::mask(config)?, None).await };
        out.extend(knowledge.await.err());
    }
    out
}

/// What is wrong with a file that is named and should say something.
fn empty_file(file: &Path) -> Option<String> {
    if file.as_os_str().is_empty() {
        return None;
    }
    match std::fs::read_to_string(file) {
        Err(e) => Some(format!("{}: {e}: name a file that can be read", file.display())),
        Ok(text) if text.trim().is_empty() => Some(format!("{}: the file is empty", file.display())),
        Ok(_) => None,
    }
}
