//! Whether something of a statement still runs. One that was dropped ends where it next gives its thread back, which a
//! join may not do for
//! minutes; until then it holds on to the memory pool that it was given.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use datafusion::common::Result as Answered;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation};
use datafusion::execution::runtime_env::RuntimeEnv;

/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// Something of a statement that may run.
#[derive(Debug, Default)]
pub struct Still(Mutex<Weak<OfStatement>>);

impl Still {
    /// What a statement is to be run with.
    pub fn environment(&self, shared: &RuntimeEnv) -> Arc<RuntimeEnv> {
        let pool = Arc::new(OfStatement(shared.memory_pool.clone()));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&pool);
        Arc::new(RuntimeEnv { memory_pool: pool, ..shared.clone() })
    }

    /// Waits until nothing runs any more.
    pub async fn over(&self) {
        while self.0.lock().unwrap_or_else(PoisonError::into_inner).strong_count() > 0 {
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// The pool of all, as one statement has it.
#[derive(Debug)]
struct OfStatement(Arc<dyn MemoryPool>);

impl fmt::Display for OfStatement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl MemoryPool for OfStatement {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.0.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.0.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.0.grow(reservation, additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.0.shrink(reservation, shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Answered<()> {
        self.0.try_grow(reservation, additional)
    }

    fn reserved(&self) -> usize {
        self.0.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        self.0.memory_limit()
    }
}
