//! What container logs tell of the JVMs of an attempt: for how long each stood still, and what its collector warned of.

use std::collections::BTreeMap;

use afterglow_history::catalog::{ContainerRow, Sum};
use afterglow_history::insight::containers::process;

use super::Facts;
use crate::finding::{Place, Source};

/// Containers that the `pauses` resource shows without being asked for more.
const SHOWN: usize = 100;

/// A container with its logs summed up.
#[derive(Debug, Clone, Default)]
pub struct Container {
    /// Place in the list of `pauses`.
    pub at: usize,
    pub name: String,
    /// Id of its executor, or `driver`; none where nothing tells.
    pub executor: Option<String>,
    pub collector: Option<String>,
    /// Microseconds that the collector's log spans; none without one.
    pub uptime_us: Option<i64>,
    pub gc: Sum,
    /// Pauses that Hadoop's monitor noticed.
    pub monitor: Sum,
    pub warnings: Vec<String>,
}

impl Container {
    /// A place in its entry of `pauses`.
    pub fn source(&self, field: &str) -> Option<Source> {
        (self.at < SHOWN).then(|| Source::ours("pauses", format!("/containers/{}/{field}", self.at)))
    }

    pub fn place(&self) -> Place {
        self.executor.clone().map_or(Place::Application, Place::Executor)
    }
}

impl Facts {
    /// With what the attempt's container logs tell.
    pub fn with_containers(mut self, logs: Vec<ContainerRow>) -> Self {
        let mut by_name: BTreeMap<String, Vec<ContainerRow>> = BTreeMap::new();
        for log in logs {
            by_name.entry(log.place.container.clone()).or_default().push(log);
        }
        let paused = |logs: &[ContainerRow]| {
            let of = |c: &ContainerRow| c.found.gc.total_us.max(c.found.monitor.total_us);
            logs.iter().map(of).fold(0, i64::saturating_add)
        };
        let mut all: Vec<_> = by_name.into_iter().collect();
        // As `pauses` has them.
        all.sort_by_cached_key(|(name, logs)| (std::cmp::Reverse(paused(logs)), name.clone()));
        let containers = all.into_iter().enumerate().map(|(at, (name, logs))| {
            let of = logs.first().map(|c| process(&c.place, &self.executors)).unwrap_or_default();
            let role = of.role.filter(|r| *r == afterglow_ingest::container::Role::Driver).map(|_| "driver".to_owned());
            let mut out = Container { at, name, executor: of.executor_id.or(role), ..Container::default() };
            for log in logs {
                let found = log.found;
                out.gc.add(found.gc);
                out.monitor.add(found.monitor);
                out.uptime_us = match (out.uptime_us, found.uptime_us) {
                    (Some(a), Some(b)) => Some(i64::saturating_add(a, b)),
                    (a, b) => a.or(b),
                };
                out.collector = out.collector.take().or(found.collector);
                out.warnings.extend(found.warnings);
            }
            out.warnings.sort();
            out.warnings.dedup();
            out
        });
        self.containers = containers.collect();
        self
    }
}
