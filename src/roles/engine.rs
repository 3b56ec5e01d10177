//! `sql-engine`: the process that answers statements for another one of ours, which starts it and says what to open.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use afterglow_alerts::court::Court;
use afterglow_history::catalog::Catalog;
use afterglow_history::query::{Cluster, Engine, Launch, Limits, Worker, process};
use afterglow_history::store::Store;
use afterglow_ingest::source;
use serde::{Deserialize, Serialize};

use super::{CATALOG, Opened, fail, folders};
use crate::config::{self, Config, findings::Findings, sql::Sql};
use crate::telemetry;

/// Bytes of blocks of the store that it holds: statements read most of what they read once.
const CACHE: u64 = 16 << 20;

/// What it opens, as its parent has it. In no argument and no environment: the store's options may be secret.
#[derive(Debug, Serialize, Deserialize)]
struct Opening {
    store: config::Store,
    findings: Findings,
    sql: Sql,
    catalog: PathBuf,
    /// Nobody writes the catalog.
    immutable: bool,
    scratch: PathBuf,
}

fn limits(sql: &Sql) -> Limits {
    Limits { timeout: sql.timeout.0, memory: sql.memory.0, rows: sql.rows }
}

/// An engine for statements about an open store; they are answered by a process of its own.
pub fn engine(config: &Config, opened: &Opened) -> Result<Arc<Engine>, String> {
    let (_, dir) = folders(config)?;
    let scratch = opened.dir.join("tmp");
    let opening = Opening {
        store: config.store.clone(),
        findings: config.findings.clone(),
        sql: config.sql.clone(),
        catalog: dir.join(CATALOG),
        immutable: opened.immutable,
        scratch: scratch.clone(),
    };
    let settings = serde_json::to_value(&opening).map_err(|e| format!("sql: {e}"))?;
    // The file that runs, also after another was put in its place.
    let this = PathBuf::from("/proc/self/exe");
    let program = if this.exists() { Ok(this) } else { std::env::current_exe() };
    let program = program.map_err(|e| format!("sql: this program's own file: {e}"))?;
    let arguments = vec!["sql-engine".to_owned()];
    let launch = Launch { program, arguments, settings, scratch, health: opened.health.clone() };
    Ok(Engine::apart(launch, limits(&config.sql), opened.store.clone(), opened.catalog.clone()))
}

/// Answers until the parent asks no more.
pub async fn run() -> ExitCode {
    let mut quiet = Config::default();
    quiet.otel.sample = 0.0;
    let _tracing = match telemetry::init(&quiet) {
        Ok(tracing) => tracing,
        Err(e) => return fail(&e),
    };
    // Where memory runs out on this machine, the parent is to stay.
    let _ = std::fs::write("/proc/self/oom_score_adj", "500");
    let open = |settings| async move {
        let opening: Opening = serde_json::from_value(settings).map_err(|e| e.to_string())?;
        worker(opening).await
    };
    match process::serve(open).await {
        // What still runs is not waited for.
        Ok(()) => std::process::exit(0),
        Err(e) => fail(&format!("{e}: this role is for Afterglow itself, see docs/sql.md")),
    }
}

async fn worker(opening: Opening) -> Result<Arc<Worker>, String> {
    let Opening { store: settings, findings, sql, catalog, immutable, scratch } = opening;
    let catalog = match immutable {
        true => Catalog::open_to_read(&catalog).await,
        false => Catalog::open_beside(&catalog).await,
    };
    let catalog = catalog.map_err(|e| e.to_string())?;
    let opened = source::open(&settings.url, &settings.options).await;
    let (_, objects, root) = opened.map_err(|e| format!("store.url: {e}"))?;
    let own = scratch.join(format!("sql-{}", std::process::id()));
    let store = Store::new(objects, root, &own, settings.cache.0.min(CACHE));
    let store = Arc::new(store.map_err(|e| format!("{}: {e}", own.display()))?);
    let court = Arc::new(Court::new(store.clone(), catalog.clone(), findings.limits()));
    let cluster = match sql.scheduler()? {
        None => None,
        Some(scheduler) => {
            let store = source::normalize(&settings.url).map_err(|e| format!("store.url: {e}"))?;
            Some(Cluster { scheduler, store })
        }
    };
    Worker::new(store, catalog, court, limits(&sql), &scratch, cluster.as_ref()).map_err(|e| e.to_string())
}
