//! `task-skew`: one task of a stage has far more data than the others, and the stage waits for it.

use afterglow_history::state::{StageAttempt, StageKey, Task, metrics::TaskMetrics};

use super::{MOST, adaptive, in_list, is_sql, of_most, slots, waited};
use crate::conf::as_setting;
use crate::facts::{Facts, Spread};
use crate::finding::{Advice, AtStake, Evidence, Finding, Place, Setting, Severity, Sure, Value};
use crate::report::{bytes, time};
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "task-skew",
    family: Family::Tasks,
    title: "One task has far more data than the others, and the stage waits for it",
    page: include_str!("task_skew.md"),
    judge,
};

/// The longest task takes so long, milliseconds: DataFlint's bound.
pub const LONG: i64 = 5_000;
/// And so many times as long as the median one: spark-history's first step; DataFlint has 10.
pub const UNEVEN: f64 = 3.0;
/// One that costs less counts, too, if it takes so long, so many times as long as the median one, which is DataFlint's
/// bound, and such a share of the application's duration more.
const SHORT: i64 = 1_000;
const VERY_UNEVEN: f64 = 10.0;
const SHARE: f64 = 0.1;
/// Its data over the median task's, from which they explain its time.
const MORE_DATA: f64 = 2.0;
/// Share of the application's duration from which it is a warning.
pub const MUCH: f64 = 0.05;

/// A stage attempt that waits for its longest task.
pub struct Uneven<'f> {
    pub key: StageKey,
    pub stage: &'f StageAttempt,
    pub spread: &'f Spread,
    pub task: &'f Task,
    pub longest: i64,
    pub median: i64,
    pub ratio: f64,
    /// Milliseconds.
    pub waited: i64,
    /// Whether the time that the stage waits is worth a word.
    pub worth: bool,
    /// How many times the median task's bytes and records it read.
    pub more_bytes: f64,
    pub more_records: f64,
}

impl Uneven<'_> {
    /// Whether the longest task's data explain that it is.
    pub fn by_data(&self) -> bool {
        self.more_bytes >= MORE_DATA || self.more_records >= MORE_DATA
    }

    pub fn metrics(&self) -> TaskMetrics {
        self.task.metrics.unwrap_or_default()
    }

    pub fn bytes(&self) -> i64 {
        let m = self.metrics();
        m.input_bytes_read.saturating_add(m.shuffle_local_bytes_read).saturating_add(m.shuffle_remote_bytes_read)
    }

    pub fn severity(&self, facts: &Facts) -> Severity {
        let much = self.worth && self.longest >= LONG && self.waited as f64 >= MUCH * facts.duration() as f64;
        if much { Severity::Warning } else { Severity::Info }
    }

    pub fn at_stake(&self, facts: &Facts) -> AtStake {
        // While a stage waits for one task, all other cores have nothing to do, if it is the only stage.
        let idle = slots(facts, self.stage).saturating_sub(1).max(0);
        AtStake::wall(self.waited).cores(self.waited.saturating_mul(idle))
    }
}

/// Stage attempts that wait for their longest task, those with the most at stake first.
pub fn uneven<'f>(facts: &'f Facts, limits: &Limits) -> Vec<Uneven<'f>> {
    let all = facts.stages.iter().filter_map(|(key, stage)| of(facts, limits, *key, stage));
    let mut out: Vec<Uneven<'f>> = all.collect();
    out.sort_by_key(|u| (std::cmp::Reverse(u.waited), u.key));
    out
}

fn of<'f>(facts: &'f Facts, limits: &Limits, key: StageKey, stage: &'f StageAttempt) -> Option<Uneven<'f>> {
    let times = stage.task_times.filter(|t| t.tasks > 1 && t.longest >= SHORT)?;
    let (spread, task) = (facts.spread.get(&key)?, facts.tasks.get(&key)?.longest.as_ref()?);
    let ratio = times.longest as f64 / times.median.max(1) as f64;
    let waited = waited(facts, key, stage);
    // With few cores the others are busy meanwhile, and nothing is lost yet.
    let apart = times.longest.saturating_sub(times.median) as f64;
    let much = ratio >= VERY_UNEVEN && apart >= SHARE * facts.duration() as f64;
    let worth = limits.worth(facts, &AtStake::wall(waited));
    if ratio < UNEVEN || !(much || worth && times.longest >= LONG) {
        return None;
    }
    let m = task.metrics.unwrap_or_default();
    let read =
        m.input_bytes_read.saturating_add(m.shuffle_local_bytes_read).saturating_add(m.shuffle_remote_bytes_read);
    let records = m.input_records_read.saturating_add(m.shuffle_records_read);
    let more = |most: i64, median: i64| if most <= 0 { 0.0 } else { most as f64 / median.max(1) as f64 };
    Some(Uneven {
        key,
        stage,
        spread,
        task,
        longest: times.longest,
        median: times.median,
        ratio,
        waited,
        worth,
        more_bytes: more(read, spread.bytes),
        more_records: more(records, spread.records),
    })
}

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    for u in uneven(facts, limits).iter().filter(|u| u.by_data()).take(MOST) {
        verdict.find(finding(facts, u));
    }
}

fn finding(facts: &Facts, u: &Uneven<'_>) -> Finding {
    let (by, of) = match u.more_bytes >= MORE_DATA {
        true => (format!("{} where the median task has {}", bytes(u.bytes()), bytes(u.spread.bytes)), "bytes"),
        false => (format!("{:.0} times the records of the median task", u.more_records), "records"),
    };
    let summary = format!(
        "task {} takes {}, {:.0} times as long as the median task: it has {by}",
        u.task.task_id,
        time(u.longest),
        u.ratio
    );
    let m = u.metrics();
    let mut f = Finding::new(u.severity(facts), Place::Stage(u.key.0, u.key.1), summary)
        .evidence(Evidence::derived("longest over median", Value::Ratio(u.ratio)))
        .evidence(Evidence::new("longest task", Value::Millis(u.longest), in_list(facts, u.key, "longestTask")))
        .evidence(Evidence::new("median task", Value::Millis(u.median), in_list(facts, u.key, "medianTask")));
    let longest = |pointer: &str| of_most(u.key, "duration", &format!("/tasks/0/taskMetrics/{pointer}"));
    if of == "bytes" {
        let parts = [
            ("input of the longest task", m.input_bytes_read, "inputMetrics/bytesRead"),
            (
                "shuffle read of the longest task, local",
                m.shuffle_local_bytes_read,
                "shuffleReadMetrics/localBytesRead",
            ),
            (
                "shuffle read of the longest task, remote",
                m.shuffle_remote_bytes_read,
                "shuffleReadMetrics/remoteBytesRead",
            ),
        ];
        for (name, n, pointer) in parts.into_iter().filter(|p| p.1 > 0) {
            f = f.evidence(Evidence::new(name, Value::Bytes(n), longest(pointer)));
        }
        f = f.evidence(Evidence::derived("bytes of the median task", Value::Bytes(u.spread.bytes)));
    } else {
        let parts = [
            ("input records of the longest task", m.input_records_read, "inputMetrics/recordsRead"),
            ("shuffle records of the longest task", m.shuffle_records_read, "shuffleReadMetrics/recordsRead"),
        ];
        for (name, n, pointer) in parts.into_iter().filter(|p| p.1 > 0) {
            f = f.evidence(Evidence::new(name, Value::Count(n), longest(pointer)));
        }
        f = f.evidence(Evidence::derived("records of the median task", Value::Count(u.spread.records)));
    }
    f.advice = advice(facts, u, m);
    f.costs(u.at_stake(facts)).sure(Sure::Likely)
}

fn advice(facts: &Facts, u: &Uneven<'_>, m: TaskMetrics) -> Vec<Advice> {
    let shuffled = m.shuffle_local_bytes_read.saturating_add(m.shuffle_remote_bytes_read);
    if shuffled < m.input_bytes_read || shuffled <= 0 && m.shuffle_records_read <= 0 {
        return vec![
            Advice::Do("one file, or what it is compressed with, cannot be split (gzip, large row groups): write it in smaller files, or in a format that can".into()),
            Advice::Do("repartition after reading, if what comes after is what takes long".into()),
        ];
    }
    let salt = Advice::Do(
        "find the key that has most rows: handle it alone, or add a random part to the key and aggregate twice".into(),
    );
    if !is_sql(facts, u.stage) {
        return vec![
            salt,
            Advice::Do(
                "prefer reduceByKey or aggregateByKey to groupByKey: they make rows fewer before the shuffle".into(),
            ),
        ];
    }
    let set = |key: &'static str, suggested: String, why: &str| {
        Advice::Set(Setting { key, current: facts.conf.current(key), suggested, why: why.to_owned(), since: (3, 0) })
    };
    let mut out = Vec::new();
    if !adaptive(facts) {
        out.push(set(
            "spark.sql.adaptive.enabled",
            "true".into(),
            "adaptive execution splits the large partitions of joins",
        ));
    } else if !facts.conf.flag("spark.sql.adaptive.skewJoin.enabled", true) {
        out.push(set("spark.sql.adaptive.skewJoin.enabled", "true".into(), "the large partitions of joins are split"));
    } else {
        let key = "spark.sql.adaptive.skewJoin.skewedPartitionThresholdInBytes";
        let threshold = facts.conf.bytes(key, 1).unwrap_or(256 << 20);
        // A partition counts as skewed from five times the median on, and from this size on.
        if shuffled < threshold && shuffled >= 16 << 20 {
            out.push(set(key, as_setting(shuffled / 2), "the partition is below the size from which joins split it"));
        }
    }
    out.push(salt);
    out
}

#[cfg(test)]
mod tests {
    use afterglow_history::state::{Job, TaskStatus};

    use super::*;
    use crate::facts::TaskFacts;
    use crate::facts::made::{cluster, stage, suggested};

    /// Eight tasks of 2 s on eight cores, but for one, with so many MiB.
    pub fn skewed(longest: i64, mib: i64, version: &str, properties: &[(&str, &str)]) -> Facts {
        let mut s = stage((1, 0), (0, longest), (8, 2_000, longest));
        s.job_ids = [0].into();
        let mut facts = cluster(2, 60_000, version, properties).with(s);
        facts.jobs.insert(0, Job { sql_execution_id: Some(0), ..Job::default() });
        let metrics =
            TaskMetrics { shuffle_remote_bytes_read: mib << 20, shuffle_records_read: mib, ..TaskMetrics::default() };
        let task = Task { task_id: 7, status: TaskStatus::Success, metrics: Some(metrics), ..Task::default() };
        facts.tasks.insert((1, 0), TaskFacts { longest: Some(task), ..TaskFacts::default() });
        facts.spread.insert((1, 0), Spread { bytes: 20 << 20, records: 20, ..Spread::default() });
        facts
    }

    #[test]
    fn long_uneven_and_with_more_data() {
        let found = skewed(10_000, 200, "3.5.1", &[]).found(&RULE);
        let [f] = &found[..] else { panic!("{found:?}") };
        let says = "task 7 takes 10.0 s, 5 times as long as the median task: it has 200.0 MiB where the median task has 20.0 MiB";
        assert_eq!((f.summary.as_str(), f.severity), (says, Severity::Warning));
        // All the work evenly spread would take 24 s / 8 cores.
        assert_eq!(f.at_stake, AtStake::wall(7_000).cores(49_000));
        assert_eq!(suggested(f)["spark.sql.adaptive.skewJoin.skewedPartitionThresholdInBytes"], "100m");
        assert_eq!(skewed(4_999, 200, "3.5.1", &[]).found(&RULE), [], "too short");
        assert_eq!(skewed(5_999, 200, "3.5.1", &[]).found(&RULE), [], "not three times as long");
        assert_eq!(skewed(10_000, 30, "3.5.1", &[]).found(&RULE), [], "as much data as others have");
    }

    #[test]
    fn advice_depends_on_what_is_on() {
        let of =
            |version, properties: &[(&str, &str)]| suggested(&skewed(10_000, 600, version, properties).found(&RULE)[0]);
        assert_eq!(of("3.5.1", &[]).len(), 0, "the partition is above the threshold: it is no join");
        assert_eq!(of("3.1.2", &[])["spark.sql.adaptive.enabled"], "true");
        assert_eq!(
            of("3.5.1", &[("spark.sql.adaptive.skewJoin.enabled", "false")])["spark.sql.adaptive.skewJoin.enabled"],
            "true"
        );
    }
}
