//! `state-reloaded`: state stores are loaded again and again, since they move from executor to executor.

use super::cores;
use super::keys::DELTAS;
use crate::facts::{Facts, Operator, Stream};
use crate::finding::{Advice, AtStake, Evidence, Finding, Severity, Sure, Value};
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "state-reloaded",
    family: Family::State,
    title: "State is loaded from the checkpoint location again and again",
    page: include_str!("reloaded.md"),
    judge,
};

/// Batches after which a store that stays where it is has next to no misses any more.
const BATCHES: i64 = 50;
/// Of the looks into maps, which the default state store counts since it was loaded.
const MISSES: f64 = 0.1;
/// Of the batches, what loading takes; RocksDB reports it from Spark 4 on.
const LOADS: f64 = 0.2;

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    for stream in &facts.streams {
        if stream.totals.batches < BATCHES || !stream.is_warm() {
            continue;
        }
        for (i, o) in stream.operators() {
            let found = missed(stream, i, o).or_else(|| loaded(facts, limits, stream, i));
            if let Some(finding) = found {
                verdict.find(advised(finding, facts, stream, o));
            }
        }
    }
}

fn missed(stream: &Stream, i: usize, o: &Operator) -> Option<Finding> {
    let (hits, misses) = (o.custom("loadedMapCacheHitCount")?, o.custom("loadedMapCacheMissCount")?);
    // One batch may tell of one executor that was lost.
    let share = |o: &Operator| {
        let (hits, misses) = (o.custom("loadedMapCacheHitCount")?, o.custom("loadedMapCacheMissCount")?);
        (hits + misses > 0.0).then(|| misses / (hits + misses))
    };
    let mean = stream.mean_of(i, share)?;
    if mean < MISSES || misses < 1.0 {
        return None;
    }
    let last = stream.last()?;
    let at = |field: &str| stream.report(last, &format!("/stateOperators/{i}/customMetrics/{field}"));
    let summary = format!(
        "stores of {} read their state from the checkpoint location for {:.0} % of looks at it",
        o.name,
        mean * 100.0
    );
    let finding = Finding::new(Severity::Warning, stream.place(), summary)
        .evidence(Evidence::derived("share of misses", Value::Share(mean)))
        .evidence(Evidence::new("misses of the stores", Value::Count(misses as i64), at("loadedMapCacheMissCount")))
        .evidence(Evidence::new("hits of the stores", Value::Count(hits as i64), at("loadedMapCacheHitCount")));
    Some(finding.sure(Sure::Likely))
}

fn loaded(facts: &Facts, limits: &Limits, stream: &Stream, i: usize) -> Option<Finding> {
    let load = |o: &Operator| o.custom("rocksdbLoadLatencyMs");
    let part = stream.part_of(cores(facts, stream), i, load)?;
    let stake = AtStake::wall(super::at_stake(stream, part));
    if part < LOADS || !limits.worth(facts, &stake) {
        return None;
    }
    let most = stream.most(|b| b.operators.get(i).and_then(load).unwrap_or(0.0))?;
    let o = most.operators.get(i)?;
    let source = stream.report(most, &format!("/stateOperators/{i}/customMetrics/rocksdbLoadLatencyMs"));
    let summary = format!("loading the state of {} takes {:.0} % of the batches", o.name, part * 100.0);
    let finding = Finding::new(Severity::Warning, stream.place(), summary)
        .evidence(Evidence::derived("share of the batches", Value::Share(part)))
        .evidence(Evidence::new("loading in a batch, summed over stores", Value::Millis(load(o)? as i64), source))
        .costs(stake);
    Some(finding.sure(Sure::Likely))
}

fn advised(mut finding: Finding, facts: &Facts, stream: &Stream, o: &Operator) -> Finding {
    let dynamic = "spark.dynamicAllocation.enabled";
    if facts.conf.flag(dynamic, false) {
        let why = "an executor that goes takes its stores with it";
        finding = finding.advise(stream.set(dynamic, "false", why, (0, 0)));
    }
    let wait = "spark.locality.wait";
    if facts.conf.millis(wait, 1).is_some_and(|ms| ms == 0) {
        finding =
            finding.advise(stream.set(wait, "3s", "a task then waits for the executor that has its state", (0, 0)));
    }
    if o.is_hdfs() {
        let why = "a store then has fewer files with changes to read when it is loaded";
        finding = finding.advise(stream.set(DELTAS, "5", why, (2, 0)));
    }
    finding.advise(Advice::Do(
        "look whether executors come and go, or whether tasks of a stage run elsewhere than before".into(),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{facts, found, settings};
    use super::*;

    #[test]
    fn stores_that_do_not_stay() {
        let of = |misses: f64, conf: &[(&str, &str)]| {
            let of = facts((3, 5), conf, move |_, o| {
                o.custom = vec![("loadedMapCacheHitCount", 100.0 - misses), ("loadedMapCacheMissCount", misses)];
            });
            (found(&RULE, &of).len(), settings(&RULE, &of))
        };
        assert_eq!(of(9.0, &[]).0, 0);
        assert_eq!(of(11.0, &[]), (1, vec![(DELTAS, "5".to_owned())]));
        let both = of(11.0, &[("spark.dynamicAllocation.enabled", "true"), ("spark.locality.wait", "0")]);
        assert_eq!(both.1[0], ("spark.dynamicAllocation.enabled", "false".to_owned()));
        assert_eq!(both.1[1], ("spark.locality.wait", "3s".to_owned()));
    }

    #[test]
    fn rocksdb_that_loads_all_the_time() {
        let of = |part: f64| {
            let of = facts((4, 0), &[], move |_, o| o.custom = vec![("rocksdbLoadLatencyMs", part * 80_000.0)]);
            found(&RULE, &of).len()
        };
        assert_eq!((of(0.2), of(0.19)), (1, 0));
    }
}
