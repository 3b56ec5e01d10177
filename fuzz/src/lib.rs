//! What the fuzz targets share: seeds cut out of `tests/logs`, a runtime, and a stack for deep plans.

pub mod attempt;
pub mod seeds;

use std::sync::{Arc, OnceLock};

use afterglow_history::redact::{Redactor, SPARK_DEFAULT};
use tokio::runtime::{Builder, Runtime};

/// The stack that the product gives to threads which parse.
const STACK: usize = 64 << 20;
/// Levels of nesting that any stack has room for.
const SHALLOW: usize = 60;

/// One runtime for all inputs: making it takes longer than most of them.
pub fn runtime() -> &'static Runtime {
    static ONE: OnceLock<Runtime> = OnceLock::new();
    ONE.get_or_init(|| {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(1).max_blocking_threads(16).thread_stack_size(STACK).enable_all();
        builder.build().expect("a runtime")
    })
}

/// The default rules of what is masked; compiled once.
pub fn redactor() -> Arc<Redactor> {
    static ONE: OnceLock<Arc<Redactor>> = OnceLock::new();
    ONE.get_or_init(|| Arc::new(Redactor::new(SPARK_DEFAULT).expect("a pattern"))).clone()
}

/// Runs `work` where there is stack for what nests as deep as these bytes may.
pub fn with_stack<T: Send + 'static>(bytes: &[u8], work: impl FnOnce() -> T + Send + 'static) -> T {
    let levels = bytes.iter().filter(|b| matches!(b, b'{' | b'[')).take(SHALLOW).count();
    if levels < SHALLOW {
        return work();
    }
    // The runtime keeps its threads: a new one with so large a stack for each input would take most of the time.
    runtime().block_on(runtime().spawn_blocking(work)).expect("no panic comes so far")
}
