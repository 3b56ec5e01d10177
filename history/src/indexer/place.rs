//! Gives applications their cluster and labels, and those that are here already others when the rules of their source change.

use std::collections::HashMap;
use std::sync::Arc;

use afterglow_ingest::{Source, SourceKind};

use super::Indexer;
use crate::catalog::{AttemptRow, CatalogError};
use crate::placement::{Placement, Told, queue};
use crate::state::{Application, Environment};
use crate::store::AttemptReader;

/// Attempts that are looked at at a time.
const PAGE: i64 = 500;

/// Where the applications of each source belong.
#[derive(Debug, Clone, Default)]
pub struct Placements(HashMap<(SourceKind, String, String), Arc<Placement>>);

impl Placements {
    /// Has the source at an address, in its normal form, place its applications so.
    pub fn add(&mut self, kind: SourceKind, cluster: &str, url: &str, placement: Placement) {
        self.0.insert((kind, cluster.to_owned(), url.to_owned()), Arc::new(placement));
    }

    /// How a source places its applications: as it says itself, unless there is more.
    pub fn of(&self, source: &Source) -> Arc<Placement> {
        let fixed = || {
            let (cluster, labels) = (source.cluster.clone(), source.labels.clone());
            Arc::new(Placement { cluster, labels, ..Placement::default() })
        };
        self.0.get(&(source.kind, source.cluster.clone(), source.url.clone())).cloned().unwrap_or_else(fixed)
    }

    /// The clusters of all sources at an address.
    fn at(&self, source: &Source) -> Vec<&str> {
        let same = self.0.keys().filter(|(kind, _, url)| (*kind, url) == (source.kind, &source.url));
        same.map(|(_, cluster, _)| cluster.as_str()).collect()
    }
}

impl Indexer {
    /// The source's id, once its applications are where its rules place them.
    pub(super) async fn placed(&self, source: &Source) -> Result<i64, CatalogError> {
        let others = self.config.placements.at(source);
        let id = self.catalog.source(&source.cluster, &source.url, source.kind, &others).await?;
        // Once: another process may have other rules, and each would undo what the other did.
        if self.placed.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(id) {
            let placement = self.config.placements.of(source);
            let rules = placement.fingerprint();
            if self.catalog.placed_by(id).await? != rules {
                match source.kind {
                    SourceKind::EventLogs => self.place_attempts(source, id, &placement).await?,
                    SourceKind::ContainerLogs => self.place_containers(id, &placement).await?,
                }
                self.catalog.all_placed(id, &rules).await?;
            }
        }
        Ok(id)
    }

    async fn place_attempts(&self, source: &Source, id: i64, placement: &Placement) -> Result<(), CatalogError> {
        let (mut above, mut moved) = (0, 0);
        loop {
            let page = self.catalog.attempts_of_source(id, above, PAGE).await?;
            let Some(last) = page.last() else { break };
            above = last.id;
            for row in page {
                moved += u64::from(self.place_attempt(&row, placement).await?);
            }
        }
        if moved > 0 {
            tracing::info!(source = ?source, attempts = moved, "rules for clusters and labels changed: placed anew");
        }
        Ok(())
    }

    /// Whether the attempt was moved.
    async fn place_attempt(&self, row: &AttemptRow, placement: &Placement) -> Result<bool, CatalogError> {
        let reader = AttemptReader::new(self.store.clone(), row.parts.clone());
        let read =
            async { Ok::<_, crate::store::StoreError>((reader.application().await?.0, reader.environment().await?)) };
        let (application, environment) = match read.await {
            Ok(read) => read,
            // What is damaged is read anew from its log, and placed then.
            Err(e) => {
                tracing::warn!(app = row.app_id, "cannot be placed anew: {e}");
                return Ok(false);
            }
        };
        let told = Told { application: &application, environment: &environment, path: &row.log_key };
        let to = placement.place(&told);
        if row.cluster == to.cluster && row.labels == to.labels {
            return Ok(false);
        }
        let free = self.catalog.place(row, &to, queue(&environment)).await?;
        if !free {
            tracing::warn!(app = row.app_id, "stays in {}: {} has another log of it", row.cluster, to.cluster);
        }
        Ok(free)
    }

    async fn place_containers(&self, id: i64, placement: &Placement) -> Result<(), CatalogError> {
        for (key, app, cluster) in self.catalog.containers_of_source(id).await? {
            let to = cluster_of_container(placement, &app, &key);
            if to != cluster {
                self.catalog.place_container(id, &key, &app, &cluster, &to).await?;
            }
        }
        Ok(())
    }
}

/// The cluster of a container's log: it has no settings, so its path and its application's id tell.
pub(super) fn cluster_of_container(placement: &Placement, app: &str, path: &str) -> String {
    let application = Application { id: app.to_owned(), ..Application::default() };
    placement.place(&Told { application: &application, environment: &Environment::default(), path }).cluster
}
