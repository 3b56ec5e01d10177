//! `findings`: judges logs on the spot. They are indexed into a folder that goes with the process.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use afterglow_alerts::judge::{Judgement, judge};
use afterglow_alerts::report::{Subject, Told, advice_text, stake_text, told, unknowns};
use afterglow_history::catalog::ApplicationFilter;
use afterglow_history::store::AttemptReader;
use afterglow_history::viewer::Viewer;
use tempfile::TempDir;

use super::{DAMAGED, fail, indexer, ingest, open, sources};
use crate::config::Config;
use crate::config::sources::SourceConfig;
use crate::terminal::{self, complain, say};

/// Where the logs are said to come from.
const CLUSTER: &str = "local";

/// An attempt with what was found about it.
pub(super) struct Judged {
    pub subject: Subject,
    pub judgement: Judgement,
    /// Version of Spark, and its settings.
    pub version: String,
    pub properties: Vec<(String, String)>,
    damaged: bool,
}

pub async fn run(config: Config, logs: Vec<String>, json: bool) -> ExitCode {
    match findings(config, &logs).await {
        Ok((problems, judged, config)) => {
            if !json {
                judged.iter().for_each(|j| print(j, &config));
            } else if let Err(e) = print_json(&judged, &config) {
                return fail(&e);
            }
            // Of a damaged log that was judged the list says so itself (`log-damaged`).
            let told = |p: &&String| json && judged.iter().any(|j| j.damaged && p.contains(&j.subject.app_id));
            problems.iter().filter(|p| !told(p)).for_each(|p| complain!("{p}"));
            if judged.iter().any(|j| j.damaged) || !problems.is_empty() {
                ExitCode::from(DAMAGED)
            } else {
                ExitCode::SUCCESS
            }
        }
        Err(e) => fail(&e),
    }
}

/// Indexes the logs and judges every attempt; with what was wrong with them.
pub(super) async fn findings(
    mut config: Config,
    logs: &[String],
) -> Result<(Vec<String>, Vec<Judged>, Config), String> {
    let folder = tempfile::tempdir().map_err(|e| format!("cannot make a folder to index into: {e}: set TMPDIR"))?;
    config.store.url = folder.path().join("store").display().to_string();
    config.store.dir = PathBuf::new();
    config.source = logs.iter().enumerate().map(|(i, log)| source(&folder, i, log)).collect::<Result<_, _>>()?;
    let opened = open(&config).await?;
    let (good, bad) = sources(&config).await;
    if let Some((source, e)) = bad.first() {
        return Err(format!("{}: {e}", source.url));
    }
    let indexer = indexer(&config, &opened, "findings")?;
    indexer.prepare().await.map_err(|e| e.to_string())?;
    let shown = tokio::spawn(ingest::show(indexer.progress.clone()));
    let indexed = indexer.once(&good).await;
    shown.abort();
    indexer.leave().await;
    indexed.map_err(|e| e.to_string())?;
    let problems = indexer.progress.problems();
    let filter = ApplicationFilter { completed: true, running: true, ..ApplicationFilter::default() };
    let all = opened.catalog.applications(&Viewer::everything(), &filter).await.map_err(|e| e.to_string())?;
    if all.is_empty() {
        let what = "no event log of an application there: name the log itself, or a folder or prefix that holds some";
        return Err(format!("{}: {what}", logs.join(", ")));
    }
    let mut out = Vec::new();
    for row in all.into_iter().flatten() {
        let reader = AttemptReader::new(opened.store.clone(), row.parts.clone());
        let judgement = judge(&row, &reader, &config.findings.limits()).await.map_err(|e| e.to_string())?;
        let environment = reader.environment().await.map_err(|e| e.to_string())?;
        let properties = environment.spark_properties.to_vec();
        let (subject, version) = (Subject::new(&row), row.spark_version.clone());
        out.push(Judged { subject, judgement, version, properties, damaged: row.damaged });
    }
    opened.catalog.close().await;
    Ok((problems, out, config))
}

/// A source for what was named: a folder or URL as it is, a file through a folder that has it alone.
fn source(folder: &TempDir, number: usize, log: &str) -> Result<SourceConfig, String> {
    let named = SourceConfig { cluster: CLUSTER.into(), url: log.to_owned(), ..SourceConfig::default() };
    let path = Path::new(log.strip_prefix("file://").unwrap_or(log));
    let is_rolling = |p: &Path| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with("eventlog_v2_"));
    if !(path.is_file() || path.is_dir() && is_rolling(path)) {
        return Ok(named);
    }
    let fail = |e: std::io::Error| format!("{log}: {e}");
    let whole = path.canonicalize().map_err(fail)?;
    let name = whole.file_name().unwrap_or_default();
    let alone = folder.path().join(format!("log-{number}"));
    std::fs::create_dir(&alone).map_err(fail)?;
    std::os::unix::fs::symlink(&whole, alone.join(name)).map_err(fail)?;
    Ok(SourceConfig { url: alone.display().to_string(), ..named })
}

fn print_json(judged: &[Judged], config: &Config) -> Result<(), String> {
    let prices = config.cost.prices();
    let all: Vec<Told> =
        judged.iter().flat_map(|j| j.judgement.findings.iter().map(|f| told(&j.subject, f, &prices))).collect();
    terminal::json(&serde_json::to_string_pretty(&all).map_err(|e| e.to_string())?);
    Ok(())
}

fn print(j: &Judged, config: &Config) {
    let s = &j.subject;
    let attempt = s.attempt_id.as_deref().map(|a| format!(", attempt {a}")).unwrap_or_default();
    say!("{} ({}{attempt})", s.app_name, s.app_id);
    if j.judgement.findings.is_empty() {
        say!("  nothing found");
    }
    let prices = config.cost.prices();
    for f in &j.judgement.findings {
        let stake = stake_text(&f.at_stake, &prices);
        let stake = if stake.is_empty() { String::new() } else { format!("  [{stake}]") };
        say!("  {:<8} {:<24} {}: {}{stake}", f.severity.name(), f.rule, f.place, f.summary);
        for a in &f.advice {
            say!("{:11}-> {}", "", advice_text(a));
        }
    }
    for n in unknowns(&j.judgement, &prices) {
        say!("  {:<8} {:<24} {}", "unknown", n.rule, n.what());
        say!("{:11}-> {}", "", n.lack.remedy());
    }
    say!("");
}
