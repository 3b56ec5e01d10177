//! Where attempts are judged for all who want to know: what notes findings in the catalog, what makes incidents of them, and what compares runs.
//!
//! An attempt is judged once as it stands. Who asks while it is judged waits for the same judgement, and the last ones are kept, as those
//! who follow the catalog are never far apart.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use afterglow_history::catalog::{AttemptRow, Catalog, CatalogError};
use afterglow_history::store::{AttemptReader, Store, StoreError};
use afterglow_history::telemetry::{Labels, Page, Part, labels, names};
use async_trait::async_trait;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tokio::sync::OnceCell;
use twox_hash::XxHash3_128;

use crate::facts::Facts;
use crate::judge::{Judgement, judge_facts};
use crate::remedy::follow_up::Run;
use crate::rules::Limits;

/// Judgements that are kept.
const KEPT: usize = 256;

/// Why an attempt was not judged.
#[derive(Debug, thiserror::Error)]
pub enum CourtError {
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CourtError {
    /// Whether what was read is damaged, so that reading it again does not help.
    pub fn is_damage(&self) -> bool {
        matches!(self, CourtError::Store(e) if e.is_damage())
    }
}

/// An attempt that was judged.
#[derive(Debug)]
pub struct Judged {
    pub judgement: Judgement,
    /// What it came to, to be compared with other runs.
    pub run: Run,
}

/// An attempt as it stands: its id, its last change, and its container logs.
type Key = (i64, i64, u128);
type Cell = Arc<OnceCell<Arc<Judged>>>;

/// Judges the attempts of one store.
pub struct Court {
    store: Arc<Store>,
    catalog: Catalog,
    limits: Limits,
    kept: Mutex<VecDeque<(Key, Cell)>>,
    counted: Family<Labels, Counter>,
}

impl Court {
    pub fn new(store: Arc<Store>, catalog: Catalog, limits: Limits) -> Self {
        let counted = Family::default();
        for outcome in ["ok", "failed"] {
            drop(counted.get_or_create(&labels([("outcome", outcome)])));
        }
        Court { store, catalog, limits, kept: Mutex::default(), counted }
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The judgement of an attempt as the catalog had it.
    ///
    /// # Errors
    /// If catalog or store cannot be read; then the next who asks tries again.
    pub async fn judge(&self, row: &AttemptRow) -> Result<Arc<Judged>, CourtError> {
        let logs = self.catalog.container_logs(row).await?;
        let key = (row.id, row.sequence, XxHash3_128::oneshot(format!("{logs:?}").as_bytes()));
        let cell = self.cell(key);
        let judging = async {
            let reports = logs.iter().filter(|c| c.reports > 0).filter_map(|c| c.part.clone()).collect();
            let reader = AttemptReader::new(self.store.clone(), row.parts.clone()).with_reports(reports);
            let read = Facts::read(row, &reader).await;
            self.counted.get_or_create(&labels([("outcome", if read.is_ok() { "ok" } else { "failed" })])).inc();
            let facts = read?.with_containers(logs.clone());
            let judgement = judge_facts(&facts, &self.limits);
            let id = format!("{}/{}", row.app_id, row.attempt_id.as_deref().unwrap_or("-"));
            Ok(Arc::new(Judged { run: Run::of(&id, &facts, &judgement), judgement }))
        };
        cell.get_or_try_init(|| judging).await.cloned()
    }

    fn cell(&self, key: Key) -> Cell {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, cell)) = kept.iter().find(|(k, _)| *k == key) {
            return cell.clone();
        }
        // What it was before nobody asks for any more.
        kept.retain(|((id, _, _), _)| *id != key.0);
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        let cell = Cell::default();
        kept.push_back((key, cell.clone()));
        cell
    }
}

#[async_trait]
impl Part for Court {
    fn register(&self, registry: &mut Registry) {
        registry.register(names::JUDGEMENTS.name, names::JUDGEMENTS.help, self.counted.clone());
    }

    async fn put(&self, _: &mut Page, _: i64) {}
}
