//! `spill`: tasks of a stage have more to sort or aggregate than fits into their memory.

use afterglow_history::state::{StageAttempt, StageKey};

use crate::conf::as_setting;
use crate::facts::{Extreme, Facts};
use crate::finding::{Advice, AtStake, Evidence, Finding, Place, Setting, Severity, Source, Sure, Value};
use crate::report::bytes;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "spill",
    family: Family::Shuffle,
    title: "Tasks spill to disk what does not fit into memory",
    page: include_str!("spill.md"),
    judge,
};

/// Bytes on disk of a stage attempt from which it counts: kubeflow's.
const COUNTS: i64 = 100 << 20;
/// Below that, on disk over what the stage took in, from which it counts all the same: on a small cluster little is much.
const OF_INPUT: f64 = 0.5;
/// In memory over what the stage took in: Dr. Elephant's lowest and highest rung for records that are spilled.
const OFTEN: f64 = 2.01;
const VERY_OFTEN: f64 = 3.0;
/// The largest task over the median one, from which more partitions do not help.
const SKEWED: i64 = 3;
/// Partitions that are asked for at most, and the least bytes of one.
const PARTITIONS: i64 = 100_000;
const LEAST: i64 = 16 << 20;
/// Stage attempts that are told of at most.
const STAGES: usize = 5;
const MIB: i64 = 1 << 20;

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    let mut all: Vec<(i64, Finding)> = Vec::new();
    for (key, stage) in &facts.stages {
        let m = &stage.metrics;
        let taken =
            m.input_bytes_read.saturating_add(m.shuffle_local_bytes_read).saturating_add(m.shuffle_remote_bytes_read);
        let counts = m.disk_bytes_spilled >= COUNTS || m.disk_bytes_spilled as f64 > OF_INPUT * taken as f64;
        if m.disk_bytes_spilled <= 0 || !counts {
            continue;
        }
        let at_stake = stake(facts, *key, stage);
        if !limits.worth(facts, &at_stake) {
            continue;
        }
        let ratio = if taken > 0 { m.memory_bytes_spilled as f64 / taken as f64 } else { 0.0 };
        let severity = match ratio {
            r if r >= VERY_OFTEN => Severity::Warning,
            r if r >= OFTEN => facts.weight(&at_stake),
            _ => Severity::Info,
        };
        let skew = skew(facts, *key);
        let path = format!("stages/{}/{}", key.0, key.1);
        let of = |name, value, field: &str| Evidence::new(name, Value::Bytes(value), Source::spark(&path, field));
        let who = if skew.is_some() { ", most of it by few tasks" } else { "" };
        let summary = format!("its tasks spilled {} to disk{who}", bytes(m.disk_bytes_spilled));
        let mut finding = Finding::new(severity, Place::Stage(key.0, key.1), summary)
            .evidence(of("spilled to disk", m.disk_bytes_spilled, "/diskBytesSpilled"))
            .evidence(of("of that in memory", m.memory_bytes_spilled, "/memoryBytesSpilled"))
            .evidence(of("input", m.input_bytes_read, "/inputBytes"))
            .evidence(of(
                "shuffle read",
                m.shuffle_local_bytes_read.saturating_add(m.shuffle_remote_bytes_read),
                "/shuffleReadBytes",
            ))
            .evidence(Evidence::derived("in memory over what came in", Value::Ratio(ratio)));
        finding.evidence.extend(skew.map(|(most, _)| Evidence::derived("of the largest task", Value::Bytes(most))));
        finding.evidence.extend(skew.map(|(_, median)| Evidence::derived("of the median task", Value::Bytes(median))));
        finding.advice = advice(facts, stage, facts.sql_of(stage).is_some(), skew.is_some());
        all.push((m.disk_bytes_spilled, finding.costs(at_stake).sure(Sure::Certain)));
    }
    all.sort_by_key(|(spilled, _)| std::cmp::Reverse(*spilled));
    all.into_iter().take(STAGES).for_each(|(_, finding)| verdict.find(finding));
}

/// The stage's time, as far as bytes that went to disk and back are of all that it moved: an estimate.
fn stake(facts: &Facts, key: StageKey, stage: &StageAttempt) -> AtStake {
    let m = &stage.metrics;
    let spilled = m.disk_bytes_spilled.max(0) as f64 * 2.0;
    let others = [
        m.input_bytes_read,
        m.shuffle_local_bytes_read,
        m.shuffle_remote_bytes_read,
        m.shuffle_bytes_written,
        m.output_bytes_written,
    ];
    let moved = spilled + others.iter().map(|b| (*b).max(0) as f64).sum::<f64>();
    let share = if moved > 0.0 { spilled / moved } else { 0.0 };
    AtStake::wall((facts.wall_of(key) as f64 * share) as i64).cores((m.executor_run_time.max(0) as f64 * share) as i64)
}

/// What the largest and the median task took in, if that is far apart.
fn skew(facts: &Facts, key: StageKey) -> Option<(i64, i64)> {
    let tasks = facts.tasks.get(&key)?;
    let far = |e: &&Extreme| e.most >= e.median.saturating_mul(SKEWED) && e.most >= COUNTS;
    let found = tasks.shuffle_read.as_ref().or(tasks.input.as_ref()).filter(far)?;
    Some((found.most, found.median))
}

fn advice(facts: &Facts, stage: &StageAttempt, is_sql: bool, skewed: bool) -> Vec<Advice> {
    let conf = &facts.conf;
    let set = |key, suggested: String, why: &str, since| {
        Advice::Set(Setting { key, current: conf.current(key), suggested, why: why.to_owned(), since })
    };
    let mut out = Vec::new();
    let shuffles = stage.metrics.shuffle_local_bytes_read.saturating_add(stage.metrics.shuffle_remote_bytes_read) > 0;
    let key = "spark.sql.shuffle.partitions";
    let adaptive = conf.flag("spark.sql.adaptive.enabled", conf.version >= (3, 2));
    let partitions = conf.get(key).map_or(Some(200), |v| v.trim().parse::<i64>().ok());
    match (is_sql, shuffles, partitions) {
        _ if skewed => {
            if is_sql && !adaptive {
                let why = "joins split partitions that are far larger than others";
                out.push(set("spark.sql.adaptive.enabled", "true".into(), why, (3, 0)));
            }
            let text = "spread the large keys: more partitions do not help, all rows of a key still go to one task";
            out.push(Advice::Do(text.into()));
        }
        (true, true, Some(n)) if stage.num_tasks == n => {
            let why = "twice as many partitions are half as large";
            out.push(set(key, n.saturating_mul(2).min(PARTITIONS).to_string(), why, (0, 0)));
        }
        (true, true, _) if adaptive && stage.num_tasks < partitions.unwrap_or(i64::MAX) => {
            let key = "spark.sql.adaptive.advisoryPartitionSizeInBytes";
            let now = conf.bytes(key, 1).unwrap_or(64 * MIB);
            let why = "adaptive execution put partitions together until they had this size";
            out.push(set(key, as_setting((now / 2).max(LEAST)), why, (3, 0)));
        }
        (true, false, _) if stage.metrics.input_bytes_read > 0 => {
            let key = "spark.sql.files.maxPartitionBytes";
            let now = conf.bytes(key, 1).unwrap_or(128 * MIB);
            let why = "smaller pieces of files for each task";
            out.push(set(key, as_setting((now / 2).max(LEAST)), why, (2, 0)));
        }
        _ => out.push(Advice::Do(
            "more and smaller partitions: a higher number in repartition, join or reduceByKey".into(),
        )),
    }
    let fraction = conf.decimal("spark.memory.fraction", 0.6);
    if fraction < 0.6 {
        out.push(set(
            "spark.memory.fraction",
            "0.6".into(),
            "the default leaves more memory to sort and aggregate in",
            (1, 6),
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::TaskFacts;
    use crate::facts::made::{application, found, node, settings};

    fn with(version: &str, properties: &[(&str, &str)], disk: i64) -> Facts {
        application(version, 100, properties)
            .with_stage(3, 50, 200, |s| {
                s.metrics.disk_bytes_spilled = disk;
                s.metrics.memory_bytes_spilled = disk * 4;
                s.metrics.shuffle_remote_bytes_read = disk * 2;
            })
            .with_sql(50, &[3], vec![node("Sort", "Sort")], &[])
    }

    #[test]
    fn counts_by_bytes_or_by_share() {
        assert_eq!(found(RULE.name, &with("3.5.1", &[], 100 * MIB - 1)), []);
        let spill = found(RULE.name, &with("3.5.1", &[], 100 * MIB));
        assert_eq!((spill[0].severity, &spill[0].place), (Severity::Info, &Place::Stage(3, 0)));
        // 200 of the 400 MiB that moved: half of the stage's time.
        assert_eq!(spill[0].at_stake, AtStake::wall(25_000).cores(100_000));
        assert_eq!(settings(&spill[0]), [("spark.sql.shuffle.partitions", None, "400")]);
    }

    #[test]
    fn little_is_much_on_a_small_cluster() {
        // 62 of 59 MB, in a stage of 9 of 61 seconds.
        let of = |disk: i64| {
            let mut facts = application("3.5.1", 61, &[]).with_stage(3, 9, 30, |s| {
                s.metrics.disk_bytes_spilled = disk;
                s.metrics.memory_bytes_spilled = 4 * disk;
                s.metrics.shuffle_remote_bytes_read = 59_000_000;
            });
            facts.jobs.clear();
            found(RULE.name, &facts).first().map(|f| f.severity)
        };
        assert_eq!(of(62_000_000), Some(Severity::Warning));
        assert_eq!(of(29_500_000), None, "half of it");
    }

    #[test]
    fn how_often_rows_are_spilled_decides_how_bad_it_is() {
        let of = |times: i64| {
            let mut facts = with("3.5.1", &[], 100 * MIB);
            facts.stages.values_mut().for_each(|s| s.metrics.memory_bytes_spilled = 2 * MIB * times);
            found(RULE.name, &facts)[0].severity
        };
        assert_eq!([of(200), of(201), of(300)], [Severity::Info, Severity::Warning, Severity::Warning]);
    }

    #[test]
    fn what_helps_depends_on_who_made_the_partitions() {
        let few = |properties| {
            let mut facts = with("3.5.1", properties, 100 * MIB);
            facts.stages.values_mut().for_each(|s| s.num_tasks = 40);
            found(RULE.name, &facts).remove(0)
        };
        assert_eq!(settings(&few(&[])), [("spark.sql.adaptive.advisoryPartitionSizeInBytes", None, "32m")]);
        assert_eq!(settings(&few(&[("spark.sql.adaptive.enabled", "false")])), [], "the code says how many");
        assert_eq!(
            settings(&few(&[("spark.sql.shuffle.partitions", "auto")])),
            [("spark.sql.adaptive.advisoryPartitionSizeInBytes", None, "32m")]
        );
        let mut rdd = with("3.5.1", &[("spark.memory.fraction", "0.2")], 100 * MIB);
        rdd.jobs.clear();
        assert_eq!(settings(&found(RULE.name, &rdd)[0]), [("spark.memory.fraction", Some("0.2"), "0.6")]);
    }

    #[test]
    fn more_partitions_do_not_help_against_skew() {
        let skewed = |version| {
            let mut facts = with(version, &[], 100 * MIB);
            let read = Extreme { most: 600 * MIB, median: 200 * MIB, ..Extreme::default() };
            facts.tasks.insert((3, 0), TaskFacts { shuffle_read: Some(read), ..TaskFacts::default() });
            found(RULE.name, &facts).remove(0)
        };
        assert_eq!(settings(&skewed("3.5.1")), []);
        assert_eq!(settings(&skewed("3.1.1")), [("spark.sql.adaptive.enabled", None, "true")]);
        assert_eq!(settings(&skewed("2.4.8")), [], "it knows no adaptive execution");
        assert_eq!(skewed("3.5.1").summary, "its tasks spilled 100.0 MiB to disk, most of it by few tasks");
    }
}
