//! `rocksdb-memory`: all RocksDB instances of an executor together may take more memory than its container has beside the heap.

use super::keys::{BOUNDED, BUFFER_SIZE, BUFFERS, CACHE_SIZE, MAX_MEMORY};
use crate::conf::Conf;
use crate::facts::{Facts, Stream};
use crate::finding::{Evidence, Finding, Severity, Sure, Value};
use crate::report::bytes;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "rocksdb-memory",
    family: Family::State,
    title: "RocksDB may take more memory than the container has beside the heap",
    page: include_str!("memory_bound.md"),
    judge,
};

const MIB: i64 = 1 << 20;
/// Of the memory overhead, in use by RocksDB: from then on the worst case is not only one on paper.
const IN_USE: f64 = 0.25;
/// The first Spark that can bound it.
const SINCE: (u32, u32) = (3, 5);
/// RocksDB's own defaults: two buffers of 64 MiB, and Spark's of the cache, 8 MiB.
const BUFFER_SIZE_MIB: i64 = 64;
const BUFFER_NUMBER: i64 = 2;
const CACHE_MIB: i64 = 8;

fn judge(facts: &Facts, _: &Limits, verdict: &mut Verdict) {
    let Some(overhead) = overhead(facts) else { return };
    for stream in &facts.streams {
        let Some(last) = stream.last() else { continue };
        let executors = facts.runners_at(last.time) as i64;
        if executors == 0 || stream.conf.flag(BOUNDED, false) {
            continue;
        }
        let rocksdb = || last.operators.iter().filter(|o| o.is_rocksdb());
        let instances = rocksdb().filter_map(|o| o.instances).sum::<f64>() as i64;
        let on_one = instances.saturating_add(executors - 1) / executors;
        let worst = on_one.saturating_mul(instance(&stream.conf));
        if worst <= overhead {
            continue;
        }
        let used = rocksdb().filter_map(|o| o.memory).sum::<f64>() / executors as f64;
        let in_use = used >= IN_USE * overhead as f64;
        // Nobody asked about the default overhead of a query with little state.
        if !in_use && facts.conf.get(OVERHEAD).is_none() {
            continue;
        }
        verdict.find(finding(facts, stream, &Case { on_one, worst, overhead, used, in_use }));
    }
}

const OVERHEAD: &str = "spark.executor.memoryOverhead";

/// What an instance may take off the heap.
fn instance(conf: &Conf) -> i64 {
    let set = |key: &str, default: i64| Some(conf.number(key, default)).filter(|n| *n > 0).unwrap_or(default);
    let buffers = set(BUFFER_SIZE, BUFFER_SIZE_MIB).saturating_mul(set(BUFFERS, BUFFER_NUMBER));
    buffers.saturating_add(set(CACHE_SIZE, CACHE_MIB)).saturating_mul(MIB)
}

/// What a container of an executor has beside the heap; none where executors have no containers.
fn overhead(facts: &Facts) -> Option<i64> {
    let master = facts.conf.get("spark.master")?;
    if !(master.starts_with("yarn") || master.starts_with("k8s")) {
        return None;
    }
    let heap = facts.conf.bytes("spark.executor.memory", MIB).unwrap_or(1 << 30);
    let factor = facts.conf.decimal("spark.executor.memoryOverheadFactor", 0.1);
    Some(facts.conf.bytes(OVERHEAD, MIB).unwrap_or_else(|| ((heap as f64 * factor) as i64).max(384 * MIB)))
}

struct Case {
    on_one: i64,
    worst: i64,
    overhead: i64,
    used: f64,
    in_use: bool,
}

fn finding(facts: &Facts, stream: &Stream, c: &Case) -> Finding {
    let sure = if c.in_use { Sure::Likely } else { Sure::Possible };
    let summary = format!(
        "{} RocksDB instances on an executor may take {} off the heap, and its memory overhead is {}",
        c.on_one,
        bytes(c.worst),
        bytes(c.overhead)
    );
    // The container is killed for it, and its stores are read anew: somebody should know before.
    let mut finding = Finding::new(Severity::Warning, stream.place(), summary)
        .evidence(Evidence::derived("at worst", Value::Bytes(c.worst)))
        .evidence(Evidence::derived("memory overhead", Value::Bytes(c.overhead)))
        .evidence(Evidence::derived("in use on an executor", Value::Bytes(c.used as i64)))
        .evidence(Evidence::derived("instances on an executor", Value::Count(c.on_one)))
        .sure(sure);
    if let (Some(last), Some((i, o))) = (stream.last(), stream.operators().find(|(_, o)| o.is_rocksdb())) {
        let source = stream.report(last, &format!("/stateOperators/{i}/numStateStoreInstances"));
        let instances = Value::Count(o.instances.unwrap_or(0.0) as i64);
        finding = finding.evidence(Evidence::new("instances in all", instances, source));
    }
    // Half of the overhead, as other things live there too; never less than Spark's default of 500.
    let bound = (c.overhead / 2 / MIB).max(500);
    let why = "all instances of an executor then share one cache and one set of buffers";
    finding = finding.advise(stream.set(BOUNDED, "true", why, SINCE)).advise(stream.set(
        MAX_MEMORY,
        bound.to_string(),
        "of each executor, within its memory overhead",
        SINCE,
    ));
    if stream.conf.version < SINCE {
        let current = facts.conf.current(OVERHEAD);
        let suggested = crate::conf::as_setting(c.worst);
        let why = "this Spark cannot bound RocksDB's memory".into();
        let setting = crate::finding::Setting { key: OVERHEAD, current, suggested, why, since: (0, 0) };
        finding = finding.advise(crate::finding::Advice::Set(setting));
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::super::tests::{facts, found, settings};
    use super::*;

    fn of(version: (u32, u32), conf: &[(&str, &str)], used: f64) -> Facts {
        let mut of = facts(version, conf, move |_, o| {
            o.instances = Some(36.0);
            o.memory = Some(used);
            o.custom = vec![("rocksdbGetCount", 1.0)];
        });
        of.executors.remove("2");
        of
    }

    const YARN: (&str, &str) = ("spark.master", "yarn");

    #[test]
    fn thirty_six_instances_with_four_gibibytes() {
        let sized = of((3, 5), &[YARN, (OVERHEAD, "4g")], 174_179.0);
        let worst = found(&RULE, &sized);
        assert_eq!((worst.len(), worst[0].severity, worst[0].sure), (1, Severity::Warning, Sure::Possible));
        assert_eq!(worst[0].evidence[0].value, Value::Bytes(4_896 << 20));
        assert_eq!(settings(&RULE, &sized), [(BOUNDED, "true".to_owned()), (MAX_MEMORY, "2048".to_owned())]);
        let used = found(&RULE, &of((3, 5), &[YARN, (OVERHEAD, "4g")], (1u64 << 30) as f64));
        assert_eq!((used[0].severity, used[0].sure), (Severity::Warning, Sure::Likely));
    }

    #[test]
    fn not_where_it_fits_or_is_bounded_or_nobody_counts() {
        assert!(found(&RULE, &of((3, 5), &[YARN, (OVERHEAD, "4896m")], 1e9)).is_empty());
        assert!(found(&RULE, &of((3, 5), &[YARN, (OVERHEAD, "4g"), (BOUNDED, "true")], 0.0)).is_empty());
        assert!(
            found(&RULE, &of((3, 5), &[YARN], 174_179.0)).is_empty(),
            "nobody set the overhead, and little is in use"
        );
        assert_eq!(found(&RULE, &of((3, 5), &[YARN], 1e9)).len(), 1);
        assert!(found(&RULE, &of((3, 5), &[("spark.master", "spark://h:7077"), (OVERHEAD, "1g")], 1e9)).is_empty());
        assert_eq!(settings(&RULE, &of((3, 4), &[YARN, (OVERHEAD, "4g")], 0.0)), [(OVERHEAD, "4896m".to_owned())]);
    }
}
