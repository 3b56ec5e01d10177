//! `RDDStorageInfo`: a persisted RDD, its partitions and who holds them, as `storage/rdd` and
//! `storage/rdd/<id>` answer it alike.

use serde::Serialize;

use crate::order::table_position;
use crate::state::{Level, Rdd, RddDistribution, RddPartition};

/// A persisted RDD; sizes are bytes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RDDStorageInfo {
    pub id: i64,
    pub name: String,
    pub num_partitions: i64,
    pub num_cached_partitions: usize,
    pub storage_level: String,
    pub memory_used: i64,
    pub disk_used: i64,
    /// By executor; absent if no executor holds a block.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub data_distribution: Vec<RDDDataDistribution>,
    pub partitions: Vec<RDDPartitionInfo>,
}

impl RDDStorageInfo {
    pub fn new(rdd: &Rdd) -> Self {
        let mut holders: Vec<_> = rdd.distributions.iter().collect();
        holders.sort_by_key(|(executor, _)| table_position(executor, rdd.distributions.len()));
        RDDStorageInfo {
            id: rdd.id,
            name: rdd.name.clone(),
            num_partitions: rdd.num_partitions,
            num_cached_partitions: rdd.partitions.len(),
            storage_level: describe(&rdd.level),
            memory_used: rdd.memory_used,
            disk_used: rdd.disk_used,
            data_distribution: holders.into_iter().map(|(_, d)| RDDDataDistribution::new(d)).collect(),
            partitions: rdd.partitions.iter().map(|p| RDDPartitionInfo::new(p, &rdd.level)).collect(),
        }
    }
}

/// What one executor holds of an RDD, and the storage memory it has left; bytes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RDDDataDistribution {
    pub address: String,
    pub memory_used: i64,
    pub memory_remaining: i64,
    pub disk_used: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_heap_memory_used: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub off_heap_memory_used: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_heap_memory_remaining: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub off_heap_memory_remaining: Option<i64>,
}

impl RDDDataDistribution {
    pub fn new(d: &RddDistribution) -> Self {
        RDDDataDistribution {
            address: d.address.clone(),
            memory_used: d.memory_used,
            memory_remaining: d.memory_remaining,
            disk_used: d.disk_used,
            on_heap_memory_used: d.on_heap_remaining.map(|_| d.on_heap_used),
            off_heap_memory_used: d.off_heap_remaining.map(|_| d.off_heap_used),
            on_heap_memory_remaining: d.on_heap_remaining,
            off_heap_memory_remaining: d.off_heap_remaining,
        }
    }
}

/// A partition of it that is stored somewhere.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RDDPartitionInfo {
    pub block_name: String,
    pub storage_level: String,
    pub memory_used: i64,
    pub disk_used: i64,
    pub executors: Vec<String>,
}

impl RDDPartitionInfo {
    pub fn new(partition: &RddPartition, asked: &Level) -> Self {
        RDDPartitionInfo {
            block_name: partition.block.clone(),
            storage_level: describe(&effective(partition, asked)),
            memory_used: partition.memory_used,
            disk_used: partition.disk_used,
            executors: partition.executors.clone(),
        }
    }
}

/// The level a partition has in fact, which may be less than was asked for.
fn effective(partition: &RddPartition, asked: &Level) -> Level {
    let memory = partition.memory_used > 0;
    Level {
        disk: partition.disk_used > 0,
        memory,
        off_heap: asked.off_heap,
        deserialized: memory && asked.deserialized,
        replication: partition.executors.len() as i64,
    }
}

/// A storage level in Spark's words.
pub fn describe(level: &Level) -> String {
    let disk = if level.disk { "Disk " } else { "" };
    let memory = match (level.memory, level.off_heap) {
        (true, true) => "Memory (off heap) ",
        (true, false) => "Memory ",
        (false, _) => "",
    };
    let form = if level.deserialized { "Deserialized" } else { "Serialized" };
    format!("{disk}{memory}{form} {}x Replicated", level.replication)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn describes_levels() {
        let none = Level { replication: 1, ..Level::default() };
        let memory = Level { memory: true, deserialized: true, ..none };
        let cases = [
            (none, "Serialized 1x Replicated"),
            (memory, "Memory Deserialized 1x Replicated"),
            (Level { disk: true, ..none }, "Disk Serialized 1x Replicated"),
            (Level { disk: true, replication: 2, ..memory }, "Disk Memory Deserialized 2x Replicated"),
            (
                Level { off_heap: true, memory: true, disk: true, ..none },
                "Disk Memory (off heap) Serialized 1x Replicated",
            ),
        ];
        for (level, text) in cases {
            assert_eq!(describe(&level), text);
        }
    }

    #[test]
    fn a_partition_on_disk_alone_is_serialized() {
        let asked = Level { memory: true, disk: true, deserialized: true, replication: 2, ..Level::default() };
        let spilled = RddPartition { disk_used: 9, executors: vec!["1".to_owned()], ..RddPartition::default() };
        assert_eq!(RDDPartitionInfo::new(&spilled, &asked).storage_level, "Disk Serialized 1x Replicated");
    }
}
