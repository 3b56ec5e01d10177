//! Where attempts are judged for all who want to know: what notes findings in the catalog, what puts them in the fleet
//! table, what makes incidents of them, what compares runs, and what answers over HTTP.
//!
//! An attempt is judged once as it stands. Who asks while it is judged waits for the same judgement, and the last ones are kept, as those
//! who follow the catalog are never far apart.

use std::sync::Arc;

use afterglow_history::catalog::{AttemptRow, Catalog, CatalogError, ContainerRow};
use afterglow_history::fleet::{FindingRow, Judge};
use afterglow_history::store::{AttemptReader, Store, StoreError};
use afterglow_history::telemetry::{Labels, Page, Part, labels, names};
use async_trait::async_trait;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use quick_cache::{Weighter, sync::Cache};
use serde_json::Value;
use twox_hash::XxHash3_128;

use crate::facts::Facts;
use crate::finding::Finding;
use crate::judge::{Judgement, judge_facts};
use crate::remedy::follow_up::Run;
use crate::report::{Prices, Subject, told};
use crate::rules::Limits;

/// Judgements and findings that are kept, some kilobytes each at most.
const KEPT: u64 = 8192;

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

#[derive(Clone)]
struct ByFindings;

impl Weighter<Key, Arc<Judged>> for ByFindings {
    fn weight(&self, _: &Key, judged: &Arc<Judged>) -> u64 {
        1 + judged.judgement.findings.len() as u64
    }
}

/// Judges the attempts of one store.
pub struct Court {
    store: Arc<Store>,
    catalog: Catalog,
    limits: Limits,
    kept: Cache<Key, Arc<Judged>, ByFindings>,
    counted: Family<Labels, Counter>,
}

impl Court {
    pub fn new(store: Arc<Store>, catalog: Catalog, limits: Limits) -> Self {
        let counted = Family::default();
        for outcome in ["ok", "failed"] {
            drop(counted.get_or_create(&labels([("outcome", outcome)])));
        }
        let kept = Cache::with_weighter(KEPT as usize, KEPT, ByFindings);
        Court { store, catalog, limits, kept, counted }
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
        Ok(self.judge_with(row, &row.reader(&self.store, &logs), &logs).await?)
    }

    /// The same with what was looked up before.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn judge_with(
        &self,
        row: &AttemptRow,
        reader: &AttemptReader,
        logs: &[ContainerRow],
    ) -> Result<Arc<Judged>, StoreError> {
        let key = (row.id, row.sequence, XxHash3_128::oneshot(format!("{logs:?}").as_bytes()));
        let judging = async {
            let read = Facts::read(row, reader).await;
            self.counted.get_or_create(&labels([("outcome", if read.is_ok() { "ok" } else { "failed" })])).inc();
            let facts = read?.with_containers(logs.to_vec());
            let judgement = judge_facts(&facts, &self.limits);
            let id = format!("{}/{}", row.app_id, row.attempt_id.as_deref().unwrap_or("-"));
            Ok(Arc::new(Judged { run: Run::of(&id, &facts, &judgement), judgement }))
        };
        self.kept.get_or_insert_async(&key, judging).await
    }
}

/// Findings, as the fleet table has them.
impl Judge for Court {
    fn judge<'a>(
        &'a self,
        row: &'a AttemptRow,
        reader: &'a AttemptReader,
        logs: &'a [ContainerRow],
    ) -> BoxFuture<'a, Result<Vec<FindingRow>, StoreError>> {
        let subject = Subject::new(row);
        async move {
            let judged = self.judge_with(row, reader, logs).await?;
            Ok(judged.judgement.findings.iter().map(|f| cells(&subject, f)).collect())
        }
        .boxed()
    }
}

fn cells(subject: &Subject, f: &Finding) -> FindingRow {
    // Prices change; the table has amounts.
    let told = told(subject, f, &Prices::default());
    FindingRow {
        rule: told.rule.into(),
        family: told.family.into(),
        severity: told.severity.into(),
        sure: told.sure.into(),
        place: f.place.to_string(),
        summary: told.summary,
        wall: f.at_stake.wall,
        cores: f.at_stake.cores,
        memory: f.at_stake.memory,
        evidence: Value::Array(told.evidence).to_string(),
        advice: Value::Array(told.advice).to_string(),
    }
}

#[async_trait]
impl Part for Court {
    fn register(&self, registry: &mut Registry) {
        registry.register(names::JUDGEMENTS.name, names::JUDGEMENTS.help, self.counted.clone());
    }

    async fn put(&self, _: &mut Page, _: i64) {}
}
