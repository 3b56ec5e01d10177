//! Which part of a plan the cluster takes: everything that reads files, and what is computed from them. Above it stays what merges its
//! answer, and what the cluster could not read; what touches no file is computed here, and its rows are sent along.

use std::any::Any;
use std::sync::Arc;

use datafusion::common::Result as Answered;
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_expr::Partitioning;
use datafusion::physical_plan::analyze::AnalyzeExec;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties as _, replace_children_if_necessary};

use super::Remote;
use super::exec::{ClusterExec, Shipped, with_rows};

/// The plan with the cluster's part in it, if there is such a part.
pub fn split(remote: &Arc<Remote>, plan: &Arc<dyn ExecutionPlan>) -> Answered<Option<Arc<dyn ExecutionPlan>>> {
    if !reads_files(plan) {
        return Ok(None);
    }
    if !stays_here(plan.as_ref()) {
        let sent = ship(plan)?;
        // Rows do not decide whether a plan can be read, so none are made for this.
        if remote.codec.encode(&with_rows(&sent, &mut |_| Ok(Vec::new()))?).is_ok() {
            return Ok(Some(Arc::new(ClusterExec::new(remote.clone(), sent))));
        }
    }
    match plan.children()[..] {
        [only] => match split(remote, only)? {
            Some(new) => Ok(Some(replace_children_if_necessary(plan.clone(), vec![new])?)),
            None => Ok(None),
        },
        _ => Ok(None),
    }
}

/// Whether a plan reads files of the tables.
pub fn reads_files(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let scans = plan.downcast_ref::<DataSourceExec>().is_some_and(|scan| {
        let source: &dyn Any = scan.data_source().as_ref();
        source.is::<FileScanConfig>()
    });
    scans || plan.children().into_iter().any(reads_files)
}

/// What would cost the cluster a step and saves nothing, as everything comes together here; and what measures where it is.
fn stays_here(plan: &dyn ExecutionPlan) -> bool {
    plan.is::<CoalescePartitionsExec>() || plan.is::<SortPreservingMergeExec>() || plan.is::<AnalyzeExec>()
}

/// The plan with [`Shipped`] in place of what touches no file.
fn ship(plan: &Arc<dyn ExecutionPlan>) -> Answered<Arc<dyn ExecutionPlan>> {
    let children = plan.children();
    if !reads_files(plan) && (children.is_empty() || may_be_cut(plan)) {
        return Ok(Arc::new(Shipped::new(plan.clone())));
    }
    let shipped = children.into_iter().map(ship).collect::<Answered<Vec<_>>>()?;
    replace_children_if_necessary(plan.clone(), shipped)
}

/// Whether nothing above relies on how rows are parted and ordered: the cluster parts them by hashes of its own.
fn may_be_cut(plan: &Arc<dyn ExecutionPlan>) -> bool {
    match plan.output_partitioning() {
        p if p.partition_count() == 1 => true,
        Partitioning::UnknownPartitioning(_) | Partitioning::RoundRobinBatch(_) => plan.output_ordering().is_none(),
        _ => false,
    }
}
