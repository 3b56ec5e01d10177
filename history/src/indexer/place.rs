//! Gives applications their cluster and labels, and those that are here already others when the rules of their source change.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use afterglow_ingest::{Source, SourceKind};
use futures::{StreamExt as _, stream};

use super::Indexer;
use crate::catalog::{AttemptRow, CatalogError, Placing};
use crate::placement::{Placement, Told, queue};
use crate::state::{Application, Environment};
use crate::store::{AttemptReader, StoreError};

/// Attempts that are looked at at a time.
const PAGE: i64 = 500;
/// Attempts whose settings are read from the store at once.
const AT_ONCE: usize = 16;

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
        let fixed = || Arc::new(Placement::new(&source.cluster, source.labels.clone(), Vec::new(), Vec::new()));
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
        if self.placed.lock().unwrap_or_else(PoisonError::into_inner).insert(id) {
            let placement = self.config.placements.of(source);
            let rules = placement.fingerprint();
            let new = self.catalog.placed_by(id).await? != rules;
            match source.kind {
                SourceKind::EventLogs => self.place_attempts(source, id, &placement, rules).await?,
                SourceKind::ContainerLogs if new => self.place_containers(id, &placement).await?,
                SourceKind::ContainerLogs => {}
            }
            if new {
                self.catalog.place_by(id, rules).await?;
            }
        }
        Ok(id)
    }

    /// Places what other rules have placed, again and again while that makes room for others.
    async fn place_attempts(
        &self,
        source: &Source,
        id: i64,
        placement: &Placement,
        rules: &str,
    ) -> Result<(), CatalogError> {
        let (mut all, mut told) = (0, false);
        loop {
            let (mut above, mut moved, mut taken) = (0, 0, Vec::new());
            loop {
                let page = self.catalog.placed_otherwise(id, rules, above, PAGE).await?;
                let Some(last) = page.last() else { break };
                above = last.id;
                if !std::mem::replace(&mut told, true) {
                    tracing::info!(source = ?source, "placing what other rules for clusters and labels have placed");
                }
                let mut placing = stream::iter(page)
                    .map(|row| async move { (self.place_attempt(&row, placement).await, row) })
                    .buffer_unordered(AT_ONCE);
                while let Some((done, row)) = placing.next().await {
                    match done? {
                        Some(Placing::Moved) => moved += 1,
                        Some(Placing::Taken) => taken.push(row),
                        // Who changed it may have placed it: the next round sees.
                        Some(Placing::Changed) => moved += 1,
                        Some(Placing::There) | None => {}
                    }
                }
            }
            all += moved;
            if moved == 0 {
                for row in taken {
                    tracing::warn!(
                        app = row.app_id,
                        "stays in {}: where it belongs another log has this id",
                        row.cluster
                    );
                }
                break;
            }
        }
        if all > 0 {
            tracing::info!(source = ?source, attempts = all, "placed anew");
        }
        Ok(())
    }

    /// None if what the store has of it cannot be read now: the next start tries again.
    async fn place_attempt(&self, row: &AttemptRow, placement: &Placement) -> Result<Option<Placing>, CatalogError> {
        let reader = AttemptReader::new(self.store.clone(), row.parts.clone());
        let read = async { Ok::<_, StoreError>((reader.application().await?.0, reader.environment().await?)) };
        let (application, environment) = match read.await {
            Ok(read) => read,
            Err(e) => {
                tracing::warn!(app = row.app_id, "cannot be placed anew now: {e}");
                return Ok(None);
            }
        };
        let told = Told { application: &application, environment: &environment, path: &row.log_key };
        let to = placement.place(&told);
        Ok(Some(self.catalog.place(row, &to, queue(&environment)).await?))
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
