//! Judges attempts as they change, in the order in which the catalog learns of it, and notes in the catalog how many findings each
//! has; so lists can show and filter by it.
//!
//! One that runs is judged now and then, and once more when it is over. If the rules or their limits are others than last time, all
//! are judged again.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use afterglow_history::catalog::{AttemptRow, Catalog, CatalogError, FindingCounts};
use afterglow_history::viewer::Viewer;
use tokio::task::{JoinError, JoinSet};

use crate::court::{Court, CourtError};
use crate::finding::Severity;
use crate::judge::Judgement;
use crate::rules::{self, Limits};

/// Pause between two looks.
const PAUSE: Duration = Duration::from_secs(2);
/// Attempts looked up at once.
const SOME: i64 = 200;
/// Attempts judged at once.
const AT_ONCE: usize = 4;
/// Pause after the store or the catalog failed.
const AFTER_FAILURE: Duration = Duration::from_secs(30);
/// A running attempt is not judged again before so many milliseconds.
const RUNNING: i64 = 15_000;

/// Judges what changes, and notes how many findings there are.
#[derive(Clone)]
pub struct Notary {
    pub court: Arc<Court>,
    pub catalog: Catalog,
    /// The present, epoch milliseconds.
    pub now: fn() -> i64,
}

#[derive(Debug, thiserror::Error)]
pub enum NoteError {
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Court(#[from] CourtError),
    #[error("a rule failed: {0}")]
    Thread(#[from] JoinError),
}

impl Notary {
    /// Prepares a run, before anything is indexed.
    ///
    /// # Errors
    /// If the catalog cannot be written.
    pub async fn prepare(&self) -> Result<(), CatalogError> {
        self.catalog.judged_by(fingerprint(self.court.limits())).await
    }

    /// Judges what changes, for ever. Needs [`Notary::prepare`].
    pub async fn run(self) {
        loop {
            match self.once().await {
                Ok(_) => tokio::time::sleep(PAUSE).await,
                Err(e) => {
                    tracing::error!("findings: {e}");
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            }
        }
    }

    /// Judges what changed since it was judged; gives how many attempts. Needs [`Notary::prepare`].
    ///
    /// # Errors
    /// If catalog or store cannot be read. What is left is left for the next time.
    pub async fn once(&self) -> Result<usize, NoteError> {
        let mut done = 0;
        loop {
            // What changes from here on is above, and is for the next time.
            let newest = self.catalog.newest_change().await?;
            let some = self.catalog.to_judge((self.now)() - RUNNING, SOME).await?;
            if some.is_empty() {
                self.catalog.judged_up_to(newest).await?;
                return Ok(done);
            }
            // On threads of their own, for rules are arithmetic and wait for nothing. They end with this set.
            let mut judging = JoinSet::new();
            for row in some {
                if judging.len() == AT_ONCE
                    && let Some(judged) = judging.join_next().await
                {
                    done += usize::from(judged??);
                }
                let this = self.clone();
                judging.spawn(async move { this.one(&row).await });
            }
            while let Some(judged) = judging.join_next().await {
                done += usize::from(judged??);
            }
        }
    }

    /// Judges an attempt, as the catalog had it; whether that worked.
    async fn one(&self, row: &AttemptRow) -> Result<bool, NoteError> {
        match self.court.judge(row).await {
            Ok(judged) => {
                self.catalog.note_judged(row, counts(&judged.judgement), (self.now)()).await?;
                Ok(true)
            }
            Err(e) => {
                // Its parts may have been replaced meanwhile, or it may be gone.
                let now = self.catalog.attempts(&Viewer::everything(), &[row.id]).await?.pop();
                match now {
                    Some(now) if now.parts == row.parts && !e.is_damage() => Err(e.into()),
                    // Damage is repaired from the log.
                    Some(now) if now.parts == row.parts => {
                        let name = format!("{}/{}", row.cluster, row.app_id);
                        tracing::warn!("findings: {name} is not judged before it is indexed anew: {e}");
                        self.catalog.judged_up_to(row.sequence).await?;
                        Ok(false)
                    }
                    _ => Ok(false),
                }
            }
        }
    }
}

fn counts(judged: &Judgement) -> FindingCounts {
    let of = |s: Severity| judged.findings.iter().filter(|f| f.severity == s).count() as i64;
    FindingCounts { critical: of(Severity::Critical), warning: of(Severity::Warning), info: of(Severity::Info) }
}

/// Tells rules and limits from others. Of the rules it knows what their pages say, thresholds among them.
fn fingerprint(limits: &Limits) -> i64 {
    let mut hasher = DefaultHasher::new();
    for rule in rules::all() {
        (rule.name, rule.page).hash(&mut hasher);
    }
    (limits.wall, limits.cores, limits.share.to_bits()).hash(&mut hasher);
    // With what is judged anew the fleet tables are written anew.
    (env!("CARGO_PKG_VERSION"), afterglow_history::fleet::schema::VERSION).hash(&mut hasher);
    hasher.finish() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_limits_judge_otherwise() {
        let usual = Limits::default();
        assert_eq!(fingerprint(&usual), fingerprint(&Limits::default()));
        assert_ne!(fingerprint(&usual), fingerprint(&Limits { wall: 1, ..usual }));
    }
}
