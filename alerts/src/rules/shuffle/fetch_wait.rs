//! `shuffle-fetch-wait`: tasks wait for shuffle blocks of other executors.

use crate::facts::Facts;
use crate::finding::{Advice, AtStake, Evidence, Finding, Place, Setting, Severity, Source, Sure, Value};
use crate::report::bytes;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "shuffle-fetch-wait",
    family: Family::Shuffle,
    title: "Tasks wait for shuffle blocks of other executors",
    page: include_str!("fetch_wait.md"),
    judge,
};

/// Of the run time of a stage's tasks: a third of Dr. Elephant's lowest rung for shuffle over the rest, and half.
const MUCH: f64 = 0.20;
const TOO_MUCH: f64 = 0.50;
/// Bytes of a block below which the number of blocks costs more than what is in them.
const SMALL: i64 = 64 << 10;
/// Stage attempts that are told of at most.
const STAGES: usize = 5;

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    let mut all: Vec<(i64, Finding)> = Vec::new();
    for (key, stage) in &facts.stages {
        let m = &stage.metrics;
        let (run, wait) = (m.executor_run_time, m.shuffle_fetch_wait_time);
        if wait <= 0 || wait > run {
            continue;
        }
        let share = wait as f64 / run as f64;
        let at_stake = AtStake::wall((facts.wall_of(*key) as f64 * share) as i64).cores(wait);
        if share < MUCH || !limits.worth(facts, &at_stake) {
            continue;
        }
        let severity = if share >= TOO_MUCH { Severity::Warning } else { Severity::Info };
        let path = format!("stages/{}/{}", key.0, key.1);
        let of = |name, value, field: &str| Evidence::new(name, value, Source::spark(&path, field));
        let blocks = m.shuffle_remote_blocks_fetched.max(0);
        let size = if blocks > 0 { m.shuffle_remote_bytes_read / blocks } else { 0 };
        let summary = format!("its tasks wait {:.0} % of their run time for shuffle blocks", share * 100.0);
        let mut finding = Finding::new(severity, Place::Stage(key.0, key.1), summary)
            .evidence(Evidence::derived("share of run time", Value::Share(share)))
            .evidence(of("waiting for blocks", Value::Millis(wait), "/shuffleFetchWaitTime"))
            .evidence(of("run time of tasks", Value::Millis(run), "/executorRunTime"))
            .evidence(of(
                "read from other executors",
                Value::Bytes(m.shuffle_remote_bytes_read),
                "/shuffleRemoteBytesRead",
            ))
            .evidence(of("blocks from other executors", Value::Count(blocks), "/shuffleRemoteBlocksFetched"));
        if blocks > 0 && size < SMALL {
            finding.evidence.push(Evidence::derived("mean size of a block", Value::Bytes(size)));
            finding.advice.push(smaller(facts, stage.num_tasks, size));
        } else {
            let key = "spark.reducer.maxSizeInFlight";
            let now = facts.conf.bytes(key, 1 << 20).unwrap_or(48 << 20);
            finding.advice.push(Advice::Set(Setting {
                key,
                current: facts.conf.current(key),
                suggested: crate::conf::as_setting(now.saturating_mul(2)),
                why: "more requests at a time, for that much more memory in each task".into(),
                since: (1, 4),
            }));
        }
        let text =
            "look at disks and network of the executors that serve: their garbage collection makes others wait, too";
        all.push((wait, finding.advise(Advice::Do(text.into())).costs(at_stake).sure(Sure::Certain)));
    }
    all.sort_by_key(|(wait, _)| std::cmp::Reverse(*wait));
    all.into_iter().take(STAGES).for_each(|(_, finding)| verdict.find(finding));
}

/// Blocks are too small: partitions are too many, on one side or the other.
fn smaller(facts: &Facts, tasks: i64, size: i64) -> Advice {
    let key = "spark.sql.shuffle.partitions";
    let why = format!("blocks of {} on average: half as many partitions have blocks twice as large", bytes(size));
    let set = facts.conf.get(key).map_or(Some(200), |v| v.trim().parse::<i64>().ok());
    match set {
        Some(n) if n == tasks && n > 1 => Advice::Set(Setting {
            key,
            current: facts.conf.current(key),
            suggested: (n / 2).to_string(),
            why,
            since: (0, 0),
        }),
        _ => Advice::Do(format!("fewer partitions on either side of the shuffle: {why}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::made::{application, found, settings};

    fn with(wait: i64, size: i64) -> Facts {
        application("3.5.1", 100, &[]).with_stage(3, 50, 200, |s| {
            s.metrics.shuffle_fetch_wait_time = wait * 1000;
            s.metrics.shuffle_remote_blocks_fetched = 1000;
            s.metrics.shuffle_remote_bytes_read = size * 1000;
        })
    }

    #[test]
    fn a_fifth_is_much_and_half_is_too_much() {
        assert_eq!(found(RULE.name, &with(39, 1 << 20)), []);
        let much = found(RULE.name, &with(40, 1 << 20));
        assert_eq!((much[0].severity, &much[0].at_stake), (Severity::Info, &AtStake::wall(10_000).cores(40_000)));
        assert_eq!(settings(&much[0]), [("spark.reducer.maxSizeInFlight", None, "96m")]);
        assert_eq!(found(RULE.name, &with(100, 1 << 20))[0].severity, Severity::Warning);
    }

    #[test]
    fn small_blocks_want_fewer_partitions() {
        let small = found(RULE.name, &with(100, 10 << 10));
        assert_eq!(settings(&small[0]), [("spark.sql.shuffle.partitions", None, "100")]);
    }
}
