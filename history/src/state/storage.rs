//! Persisted RDDs and the storage memory of executors, from block updates. Spark logs those only
//! with `spark.eventLog.logBlockUpdates.enabled`; without them a persisted RDD shows no blocks.

use afterglow_ingest::event::BlockUpdatedInfo;

use super::{Attempt, Executor, Level, Rdd, RddDistribution, RddPartition};

/// Adds a delta without going below zero.
fn shift(value: &mut i64, delta: i64) {
    *value = value.saturating_add(delta).max(0);
}

impl Attempt {
    pub(super) fn block_updated(&mut self, info: &BlockUpdatedInfo<'_>) {
        let block = &*info.block_id;
        let level = Level {
            disk: info.storage_level.use_disk,
            memory: info.storage_level.use_memory,
            off_heap: info.storage_level.use_off_heap,
            deserialized: info.storage_level.deserialized,
            replication: info.storage_level.replication,
        };
        let memory = if level.memory { info.memory_size } else { info.memory_size.wrapping_neg() };
        let disk = if level.disk { info.disk_size } else { info.disk_size.wrapping_neg() };
        let executor = &*info.block_manager_id.executor_id;
        if rdd_of(block).is_some() && !level.memory && info.memory_size > 0 {
            self.storage.evict(self.last_time(), info.memory_size);
            self.changed.storage = true;
        }
        if let Some(id) = rdd_of(block) {
            self.use_storage(executor, &level, memory, disk);
            self.rdd_block_updated(id, block, executor, &level, info.storage_level.is_valid(), memory, disk);
        } else if block.starts_with("broadcast_") {
            self.use_storage(executor, &level, memory, disk);
        }
    }

    /// The time of the newest event that has one: block updates have none.
    pub(super) fn last_time(&self) -> i64 {
        self.application.last_event_time.unwrap_or(0)
    }

    /// Puts down what is stored now.
    pub(super) fn settle_storage(&mut self) {
        if !std::mem::take(&mut self.storage_moved) {
            return;
        }
        let active = self.executors.values().filter(|e| e.active);
        let (memory, disk) = active.fold((0i64, 0i64), |(memory, disk), e| {
            (memory.saturating_add(e.memory_used), disk.saturating_add(e.disk_used))
        });
        self.storage.set(self.last_time(), memory, disk);
        self.changed.storage = true;
    }

    fn use_storage(&mut self, executor: &str, level: &Level, memory: i64, disk: i64) {
        self.storage_moved = true;
        if let Some(exec) = self.executor_mut(executor) {
            if let Some(m) = &mut exec.memory {
                shift(if level.off_heap { &mut m.used_off_heap } else { &mut m.used_on_heap }, memory);
            }
            shift(&mut exec.memory_used, memory);
            shift(&mut exec.disk_used, disk);
        }
    }

    #[allow(clippy::too_many_arguments, reason = "one block update, taken apart once")]
    fn rdd_block_updated(
        &mut self,
        id: i64,
        block: &str,
        executor: &str,
        level: &Level,
        valid: bool,
        memory: i64,
        disk: i64,
    ) {
        let Some(rdd) = self.rdds.get_mut(&id) else { return };
        self.changed.rdds.insert(id);
        let at = rdd.partitions.iter().position(|p| p.block == block);
        let mut blocks = 0;
        let at = at.unwrap_or_else(|| {
            rdd.partitions.push(RddPartition { block: block.to_owned(), ..RddPartition::default() });
            rdd.partitions.len() - 1
        });
        let part = &mut rdd.partitions[at];
        if !valid {
            blocks = -1;
            part.executors.retain(|e| e != executor);
        } else if !part.executors.iter().any(|e| e == executor) {
            blocks = 1;
            part.executors.push(executor.to_owned());
        }
        if part.executors.is_empty() {
            rdd.partitions.remove(at);
        } else {
            shift(&mut part.memory_used, memory);
            shift(&mut part.disk_used, disk);
        }
        shift(&mut rdd.memory_used, memory);
        shift(&mut rdd.disk_used, disk);
        if !self.live.executors.contains(executor) {
            return;
        }
        let Some(exec) = self.executors.get_mut(executor) else { return };
        if exec.rdd_blocks + blocks > 0 {
            let dist = rdd.distributions.entry(executor.to_owned()).or_default();
            shift(&mut dist.memory_used, memory);
            shift(&mut dist.disk_used, disk);
            if exec.memory.is_some() {
                shift(if level.off_heap { &mut dist.off_heap_used } else { &mut dist.on_heap_used }, memory);
            }
        } else {
            rdd.distributions.remove(executor);
        }
        exec.rdd_blocks += blocks;
        // The executor's free memory shows in every RDD it holds a part of.
        for rdd in self.rdds.values_mut() {
            if let Some(dist) = rdd.distributions.get_mut(executor) {
                remaining(dist, exec);
                self.changed.rdds.insert(rdd.id);
            }
        }
    }

    pub(super) fn unpersist_rdd(&mut self, id: i64) {
        let Some(rdd) = self.rdds.remove(&id) else { return };
        self.changed.rdds.insert(id);
        self.storage_moved |= !self.storage.points.is_empty();
        for executor in rdd.partitions.iter().flat_map(|p| &p.executors) {
            if let Some(exec) = self.executor_mut(executor) {
                exec.rdd_blocks -= 1;
            }
        }
        for (executor, dist) in &rdd.distributions {
            let Some(exec) = self.executor_mut(executor) else { continue };
            if let Some(m) = &mut exec.memory {
                if rdd.level.off_heap {
                    shift(&mut m.used_off_heap, -dist.off_heap_used);
                } else {
                    shift(&mut m.used_on_heap, -dist.on_heap_used);
                }
            }
            shift(&mut exec.memory_used, -dist.memory_used);
            shift(&mut exec.disk_used, -dist.disk_used);
        }
    }

    /// A removed executor takes its blocks with it.
    pub(super) fn forget_blocks_of(&mut self, executor: &str) {
        self.storage_moved |= !self.storage.points.is_empty();
        for rdd in self.rdds.values_mut() {
            let mut touched = rdd.distributions.remove(executor).is_some();
            let Rdd { partitions, memory_used, disk_used, .. } = rdd;
            partitions.retain_mut(|part| {
                if !part.executors.iter().any(|e| e == executor) {
                    return true;
                }
                touched = true;
                let copies = part.executors.len() as i64;
                let (memory, disk) = (part.memory_used / copies, part.disk_used / copies);
                shift(memory_used, -memory);
                shift(disk_used, -disk);
                shift(&mut part.memory_used, -memory);
                shift(&mut part.disk_used, -disk);
                part.executors.retain(|e| e != executor);
                copies > 1
            });
            if touched {
                self.changed.rdds.insert(rdd.id);
            }
        }
    }
}

/// Notes how much storage memory the executor has left.
fn remaining(dist: &mut RddDistribution, exec: &Executor) {
    dist.address = exec.host_port.clone().unwrap_or_default();
    dist.memory_remaining = exec.max_memory.wrapping_sub(exec.memory_used);
    dist.on_heap_remaining = exec.memory.map(|m| m.total_on_heap.wrapping_sub(m.used_on_heap));
    dist.off_heap_remaining = exec.memory.map(|m| m.total_off_heap.wrapping_sub(m.used_off_heap));
}

/// The RDD of a block named `rdd_<id>_<partition>`.
fn rdd_of(block: &str) -> Option<i64> {
    let (id, part) = block.strip_prefix("rdd_")?.split_once('_')?;
    part.parse::<i64>().ok()?;
    id.parse().ok()
}
