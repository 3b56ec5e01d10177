//! Stands in place of `ballista` in a build without it: there is no cluster that could be asked.

use std::sync::Arc;

use datafusion::execution::SessionState;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionConfig;
use object_store::ObjectStore;

use super::table::Files;
use super::{Cluster, QueryError};

/// None exists.
pub enum Remote {}

impl Remote {
    /// # Errors
    /// Always.
    pub fn new(cluster: &Cluster) -> Result<Remote, QueryError> {
        Err(QueryError::Internal(format!(
            "{} cannot be asked by this build: build it with `--features ballista`",
            cluster.scheduler
        )))
    }

    pub fn register(&self, _: &RuntimeEnv, _: Arc<dyn ObjectStore>) {
        match *self {}
    }

    pub fn files(&self) -> Files {
        match *self {}
    }

    pub fn configure(&self, _: SessionConfig) -> SessionConfig {
        match *self {}
    }

    pub fn prepare(self: &Arc<Self>, _: SessionState) -> SessionState {
        match **self {}
    }

    pub fn note(&self, _: &Arc<dyn ExecutionPlan>) -> Option<String> {
        match *self {}
    }
}
