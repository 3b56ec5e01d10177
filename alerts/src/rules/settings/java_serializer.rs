//! `java-serializer`: RDD code spends time in Java's own serialization, which Kryo does faster.

use crate::facts::Facts;
use crate::facts::words::counted;
use crate::finding::{Advice, AtStake, Evidence, Finding, Place, Setting, Source, Sure, Value};
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "java-serializer",
    family: Family::Settings,
    title: "RDD code serializes with Java's own serializer, and that takes time",
    page: include_str!("java_serializer.md"),
    judge,
};

const KEY: &str = "spark.serializer";
const KRYO: &str = "org.apache.spark.serializer.KryoSerializer";

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    let kryo = facts.conf.get(KEY).is_some_and(|s| s != "org.apache.spark.serializer.JavaSerializer");
    if !facts.conf.known || kryo {
        return;
    }
    let (mut wall, mut cores, mut stages) = (0i64, 0i64, 0);
    let mut worst: Option<(i64, i64, i64)> = None;
    for (key, stage) in &facts.stages {
        // SQL has its own format, and Python's objects are bytes to Spark.
        let python = || stage.rdds.iter().any(|r| r.name.contains("Python"));
        let time = stage.metrics.result_serialization_time;
        if time <= 0 || stage.measured_time <= 0 || facts.sql_of(stage).is_some() || python() {
            continue;
        }
        stages += 1;
        cores = cores.saturating_add(time);
        wall = wall
            .saturating_add((facts.wall_of(*key) as f64 * (time as f64 / stage.measured_time as f64).min(1.0)) as i64);
        if worst.is_none_or(|(most, _, _)| time > most) {
            worst = Some((time, key.0, key.1));
        }
    }
    let at_stake = AtStake::wall(wall).cores(cores);
    let Some((most, stage, attempt)) = worst.filter(|_| limits.worth(facts, &at_stake)) else { return };
    let path = format!("stages/{stage}/{attempt}");
    let summary =
        format!("tasks of {} took {} to serialize their results", counted(stages, "stage"), crate::report::time(cores));
    verdict.find(
        Finding::new(facts.weight(&at_stake), Place::Application, summary)
            .evidence(Evidence::derived("serialization of results", Value::Millis(cores)))
            .evidence(Evidence::new(
                "of that in the worst stage",
                Value::Millis(most),
                Source::spark(path, "/resultSerializationTime"),
            ))
            .costs(at_stake)
            .advise(Advice::Set(Setting {
                key: KEY,
                current: facts.conf.current(KEY),
                suggested: KRYO.into(),
                why: "it is faster and takes less room, in results, shuffles and serialized caches of RDDs".into(),
                since: (1, 0),
            }))
            .sure(Sure::Likely),
    );
}

#[cfg(test)]
mod tests {
    use afterglow_history::state::RddNode;

    use super::*;
    use crate::facts::made::{application, found, settings};

    fn with(properties: &[(&str, &str)], rdd: &str, ms: i64) -> Facts {
        application("3.5.1", 100, properties).with_stage(3, 50, 200, |s| {
            s.measured_time = 400_000;
            s.metrics.result_serialization_time = ms;
            s.rdds.push(RddNode { name: rdd.into(), ..RddNode::default() });
        })
    }

    #[test]
    fn only_where_it_costs() {
        assert_eq!(found(RULE.name, &with(&[], "MapPartitionsRDD", 7_999)), []);
        let slow = found(RULE.name, &with(&[], "MapPartitionsRDD", 80_000));
        assert_eq!(slow[0].at_stake, AtStake::wall(10_000).cores(80_000));
        assert_eq!(settings(&slow[0]), [(KEY, None, KRYO)]);
        assert_eq!(found(RULE.name, &with(&[], "PythonRDD", 80_000)), []);
        assert_eq!(found(RULE.name, &with(&[(KEY, KRYO)], "MapPartitionsRDD", 80_000)), []);
    }
}
