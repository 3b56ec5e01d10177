//! Statements on a Ballista cluster. They are planned here, over files that the catalog knows and the viewer may see; [`split`]
//! decides which part of a plan the cluster takes, [`exec`] stands for that part in the plan, [`job`] talks to the scheduler and the
//! executors, [`codec`] says what a stock cluster can read.
//!
//! Rows that only this process has travel with the plan, up to a bound. What a cluster cannot take is run here, and a note says so.

mod codec;
mod exec;
mod job;
mod split;

use std::sync::Arc;

use ballista_core::extension::SessionConfigExt as _;
use ballista_core::optimizer::with_ballista_optimizer_rules;
use datafusion::common::Result as Answered;
use datafusion::common::config::ConfigOptions;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionConfig;
use object_store::ObjectStore;
use object_store::path::Path;

use super::table::Files;
use super::{Cluster, QueryError};
use codec::Stock;
use exec::ClusterExec;

/// Parts into which work is cut at most: what Ballista's own client takes.
const PARTITIONS: usize = 16;

/// DataFusion's rule that has scans compute expressions.
const PROJECTIONS_INTO_SCANS: &str = "ProjectionPushdown";

/// A cluster, as the engine uses it.
#[derive(Debug)]
pub struct Remote {
    scheduler: job::Scheduler,
    codec: Stock,
    files: Files,
    local: bool,
}

impl Remote {
    /// # Errors
    /// If the store lies where no other machine could find it.
    pub fn new(cluster: &Cluster) -> Result<Remote, QueryError> {
        let told = |e: &dyn std::fmt::Display| QueryError::Internal(format!("{}: {e}", cluster.store));
        let local = cluster.store.scheme() == "file";
        let (store, below) = if local {
            let folder = cluster.store.to_file_path().map_err(|()| told(&"no folder"))?;
            (ObjectStoreUrl::local_filesystem(), Path::from_absolute_path(folder).map_err(|e| told(&e))?)
        } else {
            let mut bare = cluster.store.clone();
            bare.set_path("");
            bare.set_query(None);
            (ObjectStoreUrl::parse(bare.as_str()).map_err(|e| told(&e))?, Path::default())
        };
        let files = Files { store, below, elsewhere: true };
        Ok(Remote { scheduler: job::Scheduler::new(&cluster.scheduler), codec: Stock::new(), files, local })
    }

    /// Has what is run here read the same files by the same names.
    pub fn register(&self, env: &RuntimeEnv, objects: Arc<dyn ObjectStore>) {
        // The file system is known by its name anyway.
        if !self.local {
            env.register_object_store(self.files.store.as_ref(), objects);
        }
    }

    /// Where the cluster finds the files of the tables.
    pub fn files(&self) -> Files {
        self.files.clone()
    }

    /// Settings with which plans can be cut at shuffles.
    pub fn configure(&self, config: SessionConfig) -> SessionConfig {
        config.upgrade_for_ballista().with_target_partitions(PARTITIONS)
    }

    /// A session whose plans are for the cluster.
    pub fn prepare(self: &Arc<Self>, state: SessionState) -> SessionState {
        let logical = with_ballista_optimizer_rules(state.optimizers());
        // What a cluster cannot compute must not become part of a scan, which it then could not read.
        let physical = state.physical_optimizers().iter().filter(|rule| rule.name() != PROJECTIONS_INTO_SCANS);
        let physical = physical.cloned().chain([Arc::new(ToCluster(self.clone())) as _]).collect();
        SessionStateBuilder::new_from_existing(state)
            .with_optimizer_rules(logical)
            .with_physical_optimizer_rules(physical)
            .build()
    }

    /// What an asker should know of where a plan was run, once it was.
    pub fn note(&self, plan: &Arc<dyn ExecutionPlan>) -> Option<String> {
        let here = "the statement was run here and not on the Ballista cluster";
        match find(plan) {
            Some(part) => part.was_run_here().then(|| {
                let room = job::MESSAGE >> 20;
                format!("{here}: what would have to be sent does not fit into a message of {room} MiB, half of it rows")
            }),
            None => split::reads_files(plan)
                .then(|| format!("{here}, which cannot read all of its plan: docs/sql.md says what that may be")),
        }
    }
}

/// The part of a plan that the cluster takes.
fn find(plan: &Arc<dyn ExecutionPlan>) -> Option<&ClusterExec> {
    plan.downcast_ref::<ClusterExec>().or_else(|| plan.children().into_iter().find_map(find))
}

/// Puts into a finished plan the part that the cluster takes.
#[derive(Debug)]
struct ToCluster(Arc<Remote>);

impl PhysicalOptimizerRule for ToCluster {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Answered<Arc<dyn ExecutionPlan>> {
        Ok(split::split(&self.0, &plan)?.unwrap_or(plan))
    }

    fn name(&self) -> &str {
        "ballista"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
