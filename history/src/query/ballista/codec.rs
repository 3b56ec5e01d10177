//! Plans as messages that a stock cluster can read: operators and functions of DataFusion, none of ours.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use ballista_core::extension::ballista_scalar_functions;
use datafusion::common::{Result as Answered, not_impl_err};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{ScalarUDF, ScalarUDFImpl};
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::{AsExecutionPlan as _, PhysicalExtensionCodec, PhysicalProtoConverterExtension};
use datafusion_proto::protobuf::PhysicalPlanNode;

/// Refuses what a stock cluster does not have.
#[derive(Debug)]
pub struct Stock {
    functions: HashMap<String, Arc<ScalarUDF>>,
}

impl Stock {
    pub fn new() -> Self {
        let all = ballista_scalar_functions();
        Stock { functions: all.into_iter().map(|f| (f.name().to_owned(), f)).collect() }
    }

    /// The message for a plan.
    ///
    /// # Errors
    /// If there is none that a stock cluster reads.
    pub fn encode(&self, plan: &Arc<dyn ExecutionPlan>) -> Answered<Vec<u8>> {
        let mut bytes = Vec::new();
        PhysicalPlanNode::try_from_physical_plan(plan.clone(), self)?.try_encode(&mut bytes)?;
        Ok(bytes)
    }
}

/// Functions are sent by name: ours must not pass for one of theirs.
fn same(a: &ScalarUDF, b: &ScalarUDF) -> bool {
    let kind = |f: &ScalarUDF| {
        let f: &dyn ScalarUDFImpl = f.inner().as_ref();
        let f: &dyn Any = f;
        f.type_id()
    };
    kind(a) == kind(b)
}

impl PhysicalExtensionCodec for Stock {
    fn try_decode(
        &self,
        _: &[u8],
        _: &[Arc<dyn ExecutionPlan>],
        _: &TaskContext,
        _: &dyn PhysicalProtoConverterExtension,
    ) -> Answered<Arc<dyn ExecutionPlan>> {
        not_impl_err!("plans are sent, never received")
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        _: &mut Vec<u8>,
        _: &dyn PhysicalProtoConverterExtension,
    ) -> Answered<()> {
        not_impl_err!("a cluster has no {}", node.name())
    }

    fn try_encode_udf(&self, node: &ScalarUDF, _: &mut Vec<u8>) -> Answered<()> {
        match self.functions.get(node.name()) {
            Some(theirs) if same(theirs, node) => Ok(()),
            _ => not_impl_err!("a cluster has no function {}", node.name()),
        }
    }
}
