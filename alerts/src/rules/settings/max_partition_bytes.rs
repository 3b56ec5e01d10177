//! `max-partition-bytes`: scans cut files into pieces of the wrong size.

use crate::conf::as_setting;
use crate::facts::Facts;
use crate::finding::{Advice, AtStake, Evidence, Finding, Place, Setting, Source, Sure, Value};
use crate::report::{bytes, time};
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "max-partition-bytes",
    family: Family::Settings,
    title: "Scans cut files into pieces of the wrong size",
    page: include_str!("max_partition_bytes.md"),
    judge,
};

const MIB: i64 = 1 << 20;
/// Spark's default.
const DEFAULT: i64 = 128 * MIB;
/// Mean input of a task below which pieces are small, and above which they are large if tasks spill; most that is advised: rapids-tools'
/// aim is from 128 to 256 MiB, at most 4 GiB.
const SMALL: i64 = 16 * MIB;
const LARGE: i64 = 512 * MIB;
const MOST: i64 = 4 << 30;
/// Tasks from which small pieces cost, and how short a task is then, milliseconds.
const MANY: i64 = 1000;
const SHORT: i64 = 1_000;
const KEY: &str = "spark.sql.files.maxPartitionBytes";

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    let now = facts.conf.bytes(KEY, 1).unwrap_or(DEFAULT);
    let mut worst: Option<(AtStake, Finding)> = None;
    for (key, stage) in &facts.stages {
        let m = &stage.metrics;
        let shuffled = m.shuffle_local_bytes_read.saturating_add(m.shuffle_remote_bytes_read);
        let tasks = stage.completed_tasks;
        if m.input_bytes_read <= 0 || shuffled > 0 || tasks <= 0 {
            continue;
        }
        let mean = m.input_bytes_read / tasks;
        let median = stage.task_times.map_or(i64::MAX, |t| t.median);
        let beside = stage.measured_time.saturating_sub(m.executor_run_time).max(0);
        // Small pieces are the setting's doing only if it is smaller than Spark's own, or was not enough for so small tasks.
        let small = now < DEFAULT && tasks >= MANY && mean < SMALL && mean.saturating_mul(2) > now && median < SHORT;
        let large = now > DEFAULT && mean > LARGE && m.disk_bytes_spilled > 0;
        let (of, wanted) = match (small, large) {
            (true, _) => (beside as f64 / stage.measured_time.max(1) as f64, DEFAULT),
            (_, true) => (1.0 / (1.0 + m.input_bytes_read as f64 / (2.0 * m.disk_bytes_spilled as f64)), 2 * DEFAULT),
            _ => continue,
        };
        if facts.sql_of(stage).is_none() {
            continue;
        }
        let of = of.clamp(0.0, 1.0);
        let run = m.executor_run_time.max(0);
        let at_stake = AtStake::wall((facts.wall_of(*key) as f64 * of) as i64).cores(if small {
            beside
        } else {
            (run as f64 * of) as i64
        });
        if !limits.worth(facts, &at_stake) || worst.as_ref().is_some_and(|(most, _)| most.cores >= at_stake.cores) {
            continue;
        }
        let what = if small { format!(", {} at the median", time(median)) } else { " and spill".to_owned() };
        let summary = format!("{tasks} tasks read {} each{what}", bytes(mean));
        let path = format!("stages/{}/{}", key.0, key.1);
        let ev = |name, value, field: &str| Evidence::new(name, value, Source::spark(&path, field));
        let mut finding = Finding::new(facts.weight(&at_stake), Place::Stage(key.0, key.1), summary)
            .evidence(Evidence::derived("mean input of a task", Value::Bytes(mean)))
            .evidence(ev("input", Value::Bytes(m.input_bytes_read), "/inputBytes"))
            .evidence(ev("tasks", Value::Count(tasks), "/numCompleteTasks"));
        if large {
            finding.evidence.push(ev("spilled to disk", Value::Bytes(m.disk_bytes_spilled), "/diskBytesSpilled"));
        }
        let why = if small { "larger pieces are fewer tasks" } else { "smaller pieces fit into memory" };
        finding.advice.push(Advice::Set(Setting {
            key: KEY,
            current: facts.conf.current(KEY),
            suggested: as_setting(wanted.min(MOST)),
            why: why.into(),
            since: (2, 0),
        }));
        worst = Some((at_stake, finding.costs(at_stake).sure(Sure::Likely)));
    }
    if let Some((_, finding)) = worst {
        verdict.find(finding);
    }
}

#[cfg(test)]
mod tests {
    use afterglow_history::state::TaskTimes;

    use super::*;
    use crate::facts::made::{application, found, node, settings};

    fn with(set: &str, tasks: i64, mean: i64, spilled: i64) -> Facts {
        application("3.5.1", 1000, &[(KEY, set)])
            .with_stage(3, 500, 1000, |s| {
                (s.completed_tasks, s.measured_time) = (tasks, 2_000_000);
                s.task_times = Some(TaskTimes { tasks, median: 200, longest: 900 });
                s.metrics.input_bytes_read = mean * tasks;
                s.metrics.disk_bytes_spilled = spilled;
            })
            .with_sql(500, &[3], vec![node("Scan parquet", "")], &[])
    }

    #[test]
    fn pieces_smaller_than_they_need_be() {
        let small = found(RULE.name, &with("4m", 5000, 4 * MIB, 0));
        assert_eq!(settings(&small[0]), [(KEY, Some("4m"), "128m")]);
        assert_eq!(small[0].at_stake, AtStake::wall(250_000).cores(1_000_000));
        assert_eq!(small[0].summary, "5000 tasks read 4.0 MiB each, 200 ms at the median");
        assert_eq!(found(RULE.name, &with("4m", 999, 4 * MIB, 0)), []);
        assert_eq!(found(RULE.name, &with("128m", 5000, 4 * MIB, 0)), [], "files are small, not the setting");
    }

    #[test]
    fn pieces_larger_than_memory_takes() {
        let large = found(RULE.name, &with("2g", 100, 1 << 30, 50 << 30));
        assert_eq!(settings(&large[0]), [(KEY, Some("2g"), "256m")]);
        assert_eq!(large[0].at_stake, AtStake::wall(250_000).cores(500_000));
        assert_eq!(found(RULE.name, &with("2g", 100, 1 << 30, 0)), [], "they fit");
    }
}
