//! The cluster's part of a plan as an operator of it: run once for all its partitions, which are then fetched one by one.

use std::fmt;
use std::sync::Arc;

use arrow_array::{Array as _, RecordBatch, RecordBatchOptions};
use datafusion::common::tree_node::{Transformed, TreeNode as _, TreeNodeRecursion};
use datafusion::common::{Result as Answered, internal_err};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties as _, PlanProperties,
};
use futures::{StreamExt as _, TryStreamExt as _};
use tokio::sync::OnceCell;

use super::Remote;
use super::job::{Job, MESSAGE};

/// Bytes of rows that are sent along with a plan at most; the rest of a message is the plan itself.
const ROWS: usize = MESSAGE / 2;

/// What became of the part.
#[derive(Debug)]
enum Outcome {
    Ran(Arc<Job>),
    /// It is too large to be sent.
    Here,
}

/// Part of a plan that the cluster runs.
#[derive(Debug)]
pub struct ClusterExec {
    remote: Arc<Remote>,
    /// What it runs, with [`Shipped`] in it.
    sent: Arc<dyn ExecutionPlan>,
    outcome: Arc<OnceCell<Result<Outcome, Arc<DataFusionError>>>>,
}

impl ClusterExec {
    pub fn new(remote: Arc<Remote>, sent: Arc<dyn ExecutionPlan>) -> Self {
        ClusterExec { remote, sent, outcome: Arc::default() }
    }

    /// Whether it turned out too large to be sent.
    pub fn was_run_here(&self) -> bool {
        matches!(self.outcome.get(), Some(Ok(Outcome::Here)))
    }
}

/// Has the cluster run the part, unless it is too large.
async fn run(remote: &Remote, sent: &Arc<dyn ExecutionPlan>, context: &Arc<TaskContext>) -> Answered<Outcome> {
    let mut all = Vec::new();
    sent.apply(|node| {
        all.extend(node.downcast_ref::<Shipped>().map(|s| s.rows.clone()));
        Ok(TreeNodeRecursion::Continue)
    })?;
    let (mut rows, mut room) = (Vec::new(), ROWS);
    for plan in all {
        let Some(some) = collect(&plan, context, &mut room).await? else { return Ok(Outcome::Here) };
        rows.push(some);
    }
    let mut rows = rows.into_iter();
    let plan = with_rows(sent, &mut |_| Ok(rows.next().unwrap_or_default()))?;
    let message = remote.codec.encode(&plan)?;
    if message.len() > MESSAGE {
        return Ok(Outcome::Here);
    }
    let partitions = sent.output_partitioning().partition_count();
    let job =
        remote.scheduler.run(message, context, partitions).await.map_err(|e| DataFusionError::External(Box::new(e)))?;
    Ok(Outcome::Ran(Arc::new(job)))
}

/// All rows of a plan, unless they take more than there is room for.
async fn collect(
    plan: &Arc<dyn ExecutionPlan>,
    context: &Arc<TaskContext>,
    room: &mut usize,
) -> Answered<Option<Vec<RecordBatch>>> {
    let mut all = Vec::new();
    for partition in 0..plan.output_partitioning().partition_count() {
        let mut stream = plan.execute(partition, context.clone())?;
        while let Some(batch) = stream.try_next().await? {
            for column in batch.columns() {
                let Some(left) = room.checked_sub(column.to_data().get_slice_memory_size()?) else { return Ok(None) };
                *room = left;
            }
            all.push(batch);
        }
    }
    Ok(Some(all))
}

/// A plan with rows in place of each [`Shipped`], in the order in which [`TreeNode::apply`](datafusion::common::tree_node::TreeNode)
/// comes to them.
pub fn with_rows(
    plan: &Arc<dyn ExecutionPlan>,
    of: &mut dyn FnMut(&Shipped) -> Answered<Vec<RecordBatch>>,
) -> Answered<Arc<dyn ExecutionPlan>> {
    let replaced = plan.clone().transform_down(|node| match node.downcast_ref::<Shipped>() {
        None => Ok(Transformed::no(node)),
        Some(shipped) => {
            let rows = of(shipped)?;
            Ok(Transformed::yes(
                MemorySourceConfig::try_new_exec(&[rows], node.schema(), None)? as Arc<dyn ExecutionPlan>
            ))
        }
    })?;
    Ok(replaced.data)
}

impl DisplayAs for ClusterExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClusterExec: {}", self.remote.scheduler)
    }
}

impl ExecutionPlan for ClusterExec {
    fn name(&self) -> &str {
        "ClusterExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.sent.properties()
    }

    /// One, so that it is shown.
    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.sent]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Answered<TreeNodeRecursion>,
    ) -> Answered<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Answered<Arc<dyn ExecutionPlan>> {
        match children.pop() {
            Some(same) if Arc::ptr_eq(&same, &self.sent) => Ok(self),
            _ => internal_err!("the cluster's part of a plan is finished"),
        }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Answered<SendableRecordBatchStream> {
        let (remote, sent) = (self.remote.clone(), self.sent.clone());
        let (outcome, schema) = (self.outcome.clone(), self.schema());
        let of = schema.clone();
        let opened = async move {
            let made = outcome.get_or_init(|| async { run(&remote, &sent, &context).await.map_err(Arc::new) }).await;
            match made {
                Err(e) => Err(DataFusionError::Shared(e.clone())),
                Ok(Outcome::Here) => sent.execute(partition, context),
                Ok(Outcome::Ran(job)) => {
                    let told = |e| DataFusionError::External(Box::new(e));
                    let rows = job.clone().fetch(partition).await.map_err(told)?;
                    let same = of.clone();
                    let rows = rows.map(move |batch| {
                        let batch = batch?;
                        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
                        Ok(RecordBatch::try_new_with_options(same.clone(), batch.columns().to_vec(), &options)?)
                    });
                    Ok(Box::pin(RecordBatchStreamAdapter::new(of, rows)) as SendableRecordBatchStream)
                }
            }
        };
        let stream = futures::stream::once(opened).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream)))
    }
}

/// Rows that are computed here and sent along.
#[derive(Debug)]
pub struct Shipped {
    rows: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl Shipped {
    pub fn new(rows: Arc<dyn ExecutionPlan>) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(rows.schema()),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Shipped { rows, properties: Arc::new(properties) }
    }
}

impl DisplayAs for Shipped {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shipped: {}", self.rows.name())
    }
}

impl ExecutionPlan for Shipped {
    fn name(&self) -> &str {
        "Shipped"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Answered<TreeNodeRecursion>,
    ) -> Answered<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Answered<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    /// Where nothing could be sent.
    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Answered<SendableRecordBatchStream> {
        match self.rows.output_partitioning().partition_count() {
            1 => self.rows.execute(partition, context),
            _ => CoalescePartitionsExec::new(self.rows.clone()).execute(partition, context),
        }
    }
}
