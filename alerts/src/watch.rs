//! Follows the catalog: judges attempts as they end, and those that run at an interval, and makes sightings of what is found.
//!
//! The first time of all, what is over by then counts as judged: it did not end just now. A process that dies judges again what it had
//! judged last; what is seen twice is one incident.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use afterglow_history::catalog::{AttemptRow, AttemptStatus, Catalog, CatalogError};
use afterglow_history::viewer::Viewer;

use crate::court::{Court, CourtError};
use crate::finding::{Finding, NotKnown};
use crate::incident::{Labels, Origin, Sighting, fingerprint};
use crate::judge::Judgement;
use crate::ledger::{Ledger, LedgerError};
use crate::report::{Prices, Subject, told};
use crate::rules;
use crate::settings::{Settings, millis};

/// Pause between two looks.
const PAUSE: Duration = Duration::from_secs(2);
/// Attempts looked up at once.
const SOME: i64 = 50;
/// Pause after the store, the catalog or the ledger failed.
const AFTER_FAILURE: Duration = Duration::from_secs(10);
/// Name of our position in the ledger.
const POSITION: &str = "watch";

#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Court(#[from] CourtError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Watches a store.
pub struct Watch {
    pub settings: Arc<Settings>,
    pub catalog: Catalog,
    pub court: Arc<Court>,
    pub ledger: Ledger,
    /// The present, epoch milliseconds.
    pub now: fn() -> i64,
    /// When attempts that run were judged last, and whether they changed since.
    running: HashMap<i64, Running>,
}

struct Running {
    judged_at: i64,
    changed: bool,
}

impl Watch {
    pub fn new(settings: Arc<Settings>, catalog: Catalog, court: Arc<Court>, ledger: Ledger, now: fn() -> i64) -> Self {
        Watch { settings, catalog, court, ledger, now, running: HashMap::new() }
    }

    /// Watches for ever. Needs [`Watch::prepare`].
    pub async fn run(mut self) {
        loop {
            match self.round().await {
                Ok(_) => tokio::time::sleep(PAUSE).await,
                Err(e) => {
                    tracing::error!("alerts: {e}");
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            }
        }
    }

    /// Prepares a run, before anything is indexed: the first time of all, what is there by now counts as judged.
    ///
    /// # Errors
    /// If catalog or ledger fail.
    pub async fn prepare(&self) -> Result<(), WatchError> {
        if self.ledger.position(POSITION).await?.is_none() {
            self.ledger.note_position(POSITION, self.catalog.newest_change().await?).await?;
        }
        Ok(())
    }

    /// Judges what changed since the last time; gives how many attempts were judged.
    ///
    /// # Errors
    /// If catalog, store or ledger fail; what is left is for the next round.
    pub async fn round(&mut self) -> Result<usize, WatchError> {
        let mut judged = 0;
        let mut position = self.ledger.position(POSITION).await?.unwrap_or(0);
        loop {
            let some = self.catalog.changed_since(position, SOME).await?;
            let Some(last) = some.last() else { break };
            position = last.sequence;
            for row in some {
                if row.status == AttemptStatus::Running {
                    let known = self.running.entry(row.id).or_insert(Running { judged_at: i64::MIN, changed: true });
                    known.changed = true;
                } else {
                    self.running.remove(&row.id);
                    judged += usize::from(self.one(&row).await?);
                }
            }
            self.ledger.note_position(POSITION, position).await?;
        }
        Ok(judged + self.those_that_run().await?)
    }

    async fn those_that_run(&mut self) -> Result<usize, WatchError> {
        let Some(every) = self.settings.running else { return Ok(0) };
        let now = (self.now)();
        let since = now.saturating_sub(millis(every));
        let due: Vec<i64> =
            self.running.iter().filter(|(_, r)| r.changed && r.judged_at <= since).map(|(id, _)| *id).collect();
        let mut judged = 0;
        for ids in due.chunks(SOME as usize) {
            for row in self.catalog.attempts(&Viewer::everything(), ids).await? {
                self.running.insert(row.id, Running { judged_at: now, changed: false });
                judged += usize::from(self.one(&row).await?);
            }
        }
        // Those that were removed meanwhile.
        self.running.retain(|id, r| !(due.contains(id) && r.changed));
        Ok(judged)
    }

    /// Judges an attempt; whether it was.
    async fn one(&self, row: &AttemptRow) -> Result<bool, WatchError> {
        let now = (self.now)();
        if row.start_time.saturating_add(row.summary.duration) < now.saturating_sub(millis(self.settings.max_age)) {
            return Ok(false);
        }
        let judged = match self.court.judge(row).await {
            Ok(judged) => judged,
            Err(e) => {
                // Its parts may have been replaced meanwhile, or it may be gone: then there is another change.
                let now = self.catalog.attempts(&Viewer::everything(), &[row.id]).await?.pop();
                if now.is_none_or(|n| n.parts != row.parts) || e.is_damage() {
                    return Ok(false);
                }
                return Err(e.into());
            }
        };
        let open = self.ledger.open_about(&row.cluster, &row.name).await?;
        let all = sightings(row, &judged.judgement, &open, &self.settings);
        self.ledger.see(&all, now, &|labels| self.settings.tree.place(labels)).await?;
        Ok(true)
    }
}

/// What a judgement means for incidents: those that are there, and of the open ones those that a run which ended well is free of.
pub fn sightings(
    row: &AttemptRow,
    judgement: &Judgement,
    open: &[(String, String)],
    settings: &Settings,
) -> Vec<Sighting> {
    // The judge has the severest first: it is the one that is told.
    let mut by_kind: BTreeMap<String, (&Finding, usize)> = BTreeMap::new();
    for finding in judgement.findings.iter().filter(|f| f.severity >= settings.severity) {
        let print = fingerprint(&["finding", &row.cluster, &row.name, finding.rule, finding.place.kind()]);
        by_kind.entry(print).or_insert((finding, 0)).1 += 1;
    }
    let at = row.start_time.saturating_add(row.summary.duration);
    let mut out: Vec<Sighting> = Vec::new();
    for (print, (finding, count)) in &by_kind {
        out.push(sighting(row, print, finding, *count, at, &settings.prices));
    }
    if row.status == AttemptStatus::Completed && row.summary.outcome == "completed" {
        let not_judged: BTreeSet<&str> = judgement.not_known.iter().flat_map(NotKnown::rules).collect();
        for (print, rule) in open.iter().filter(|(p, r)| !by_kind.contains_key(p) && !not_judged.contains(r.as_str())) {
            out.push(Sighting {
                active: false,
                summary: format!("not found in the run {}", row.app_id),
                ..gone(row, print, rule, at)
            });
        }
    }
    out
}

/// Which run this is.
fn occurrence(row: &AttemptRow) -> String {
    format!("{}/{}", row.app_id, row.attempt_id.as_deref().unwrap_or("-"))
}

fn gone(row: &AttemptRow, print: &str, rule: &str, at: i64) -> Sighting {
    Sighting {
        fingerprint: print.to_owned(),
        occurrence: format!("free/{}", occurrence(row)),
        active: false,
        rule: rule.to_owned(),
        severity: String::new(),
        cluster: row.cluster.clone(),
        app_id: row.app_id.clone(),
        attempt_id: row.attempt_id.clone().unwrap_or_default(),
        app_name: row.name.clone(),
        owner: row.user.clone(),
        summary: String::new(),
        labels: Labels::new(),
        annotations: Labels::new(),
        finding: None,
        origin: Origin::Findings,
        at,
        said: None,
        hold: 0,
    }
}

fn sighting(row: &AttemptRow, print: &str, finding: &Finding, count: usize, at: i64, prices: &Prices) -> Sighting {
    let more = if count > 1 { format!(", and {} more like it", count - 1) } else { String::new() };
    let mut labels: Labels = row.labels.clone().into_iter().collect();
    let ours = [
        ("rule", finding.rule),
        ("family", rules::by_name(finding.rule).map_or("", |r| r.family.name())),
        ("severity", finding.severity.name()),
        ("cluster", &row.cluster),
        ("app_name", &row.name),
        ("app_id", &row.app_id),
        ("user", &row.user),
        ("queue", &row.summary.queue),
        ("place", finding.place.kind()),
    ];
    labels.extend(ours.into_iter().filter(|(_, v)| !v.is_empty()).map(|(k, v)| (k.to_owned(), v.to_owned())));
    Sighting {
        occurrence: occurrence(row),
        active: true,
        severity: finding.severity.name().to_owned(),
        summary: format!("{}: {}{more}", finding.place, finding.summary),
        labels,
        finding: serde_json::to_value(told(&Subject::new(row), finding, prices)).ok(),
        ..gone(row, print, finding.rule, at)
    }
}
