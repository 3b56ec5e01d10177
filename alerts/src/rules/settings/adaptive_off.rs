//! `adaptive-execution-off`: adaptive execution is off, and would have helped.

use afterglow_history::state::StageAttempt;

use crate::facts::Facts;
use crate::facts::words::counted;
use crate::finding::{Advice, AtStake, Evidence, Finding, Place, Setting, Source, Sure, Value};
use crate::lack::Lack;
use crate::rules::sql::missed_broadcast;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "adaptive-execution-off",
    family: Family::Settings,
    title: "Adaptive execution is off, and would have helped",
    page: include_str!("adaptive_off.md"),
    judge,
};

/// Bytes of a shuffle partition that adaptive execution puts together with others, its own least.
const SMALL: i64 = 1 << 20;
/// Tasks from which there is something to put together.
const MANY: i64 = 100;
/// Bytes of a table that it broadcasts once it knows them: Spark's default.
const BROADCAST: i64 = 10 << 20;
const KEY: &str = "spark.sql.adaptive.enabled";

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    let conf = &facts.conf;
    if !conf.known && !facts.stages.is_empty() {
        verdict.not_known("which settings are not what they should be", Lack::Environment);
    }
    if !conf.known || conf.version < (3, 0) || conf.flag(KEY, conf.version >= (3, 2)) {
        return;
    }
    // Streaming queries do without it in most versions.
    let batch = |sql: i64| facts.sql.get(&sql).is_some_and(|x| !x.description.contains("runId = "));
    let read =
        |s: &StageAttempt| s.metrics.shuffle_local_bytes_read.saturating_add(s.metrics.shuffle_remote_bytes_read);
    let small = facts.stages.iter().filter(|(_, s)| {
        let is = s.num_tasks >= MANY && read(s) > 0 && read(s) / s.num_tasks < SMALL;
        is && facts.sql_of(s).is_some_and(batch)
    });
    let (mut stages, mut tasks, mut wall, mut cores) = (0, 0i64, 0i64, 0i64);
    let mut worst: Option<(i64, &StageAttempt)> = None;
    for (key, s) in small {
        // What a task takes beside its run: to be sent, unpacked, answered.
        let beside = s.measured_time.saturating_sub(s.metrics.executor_run_time).max(0);
        stages += 1;
        tasks = tasks.saturating_add(s.num_tasks);
        cores = cores.saturating_add(beside);
        if s.measured_time > 0 {
            wall = wall.saturating_add((facts.wall_of(*key) as f64 * beside as f64 / s.measured_time as f64) as i64);
        }
        if worst.is_none_or(|(most, _)| beside > most) {
            worst = Some((beside, s));
        }
    }
    let is_small = |m: &missed_broadcast::Missed<'_>| m.small.sum("data size").is_some_and(|size| size < BROADCAST);
    let joins: Vec<_> = missed_broadcast::missed(facts).filter(is_small).collect();
    for join in &joins {
        wall = wall.saturating_add(join.at_stake.wall.unwrap_or(0));
        cores = cores.saturating_add(join.at_stake.cores.unwrap_or(0));
    }
    let at_stake = AtStake::wall(wall).cores(cores);
    if stages + joins.len() as i64 == 0 || !limits.worth(facts, &at_stake) {
        return;
    }
    let mut parts = Vec::new();
    if stages > 0 {
        parts.push(format!("{} had {tasks} tasks with less than 1 MiB each", counted(stages, "stage")));
    }
    if !joins.is_empty() {
        let joins = counted(joins.len() as i64, "join");
        parts.push(format!("{joins} sorted both sides although one is small"));
    }
    let mut finding = Finding::new(facts.weight(&at_stake), Place::Application, parts.join(", and "))
        .evidence(Evidence::derived("stages with small partitions", Value::Count(stages)))
        .evidence(Evidence::derived("their tasks", Value::Count(tasks)))
        .evidence(Evidence::derived("joins with a small side", Value::Count(joins.len() as i64)));
    if let Some((_, s)) = worst {
        let path = format!("stages/{}/{}", s.stage_id, s.attempt_id);
        let of = |name, value, field: &str| Evidence::new(name, value, Source::spark(&path, field));
        finding.evidence.push(of("tasks of the worst stage", Value::Count(s.num_tasks), "/numTasks"));
        finding.evidence.push(of("its shuffle read", Value::Bytes(read(s)), "/shuffleReadBytes"));
    }
    for join in joins.iter().take(3) {
        finding.evidence.extend(join.small.evidence("small side of a join", "data size", Value::Bytes));
    }
    verdict.find(
        finding
            .costs(at_stake)
            .advise(Advice::Set(Setting {
                key: KEY,
                current: conf.current(KEY),
                suggested: "true".into(),
                why: "small partitions are put together and small tables broadcast once their size is known".into(),
                since: (3, 0),
            }))
            .sure(Sure::Likely),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::made::{application, found, node, settings};

    fn with(version: &str, properties: &[(&str, &str)], tasks: i64, bytes: i64) -> Facts {
        application(version, 100, properties)
            .with_stage(3, 50, 100, |s| {
                (s.num_tasks, s.measured_time) = (tasks, 200_000);
                s.metrics.shuffle_remote_bytes_read = bytes;
            })
            .with_sql(50, &[3], vec![node("HashAggregate", "")], &[])
    }

    #[test]
    fn many_small_partitions() {
        let off = [("spark.sql.adaptive.enabled", "false")];
        let small = found(RULE.name, &with("3.5.1", &off, 200, 100 << 20));
        assert_eq!(small[0].at_stake, AtStake::wall(25_000).cores(100_000));
        assert_eq!(small[0].summary, "1 stage had 200 tasks with less than 1 MiB each");
        assert_eq!(settings(&small[0]), [(KEY, Some("false"), "true")]);
        assert_eq!(found(RULE.name, &with("3.5.1", &off, 200, 200 << 20)), []);
        assert_eq!(found(RULE.name, &with("3.5.1", &off, 99, 1 << 20)), []);
    }

    #[test]
    fn versions_have_other_defaults() {
        let of = |version| found(RULE.name, &with(version, &[], 200, 100 << 20)).len();
        assert_eq!(["2.4.8", "3.0.1", "3.1.3", "3.2.0", "4.0.0"].map(of), [0, 1, 1, 0, 0]);
    }

    #[test]
    fn without_settings_none_is_known_to_be_wrong() {
        let mut facts = with("3.5.1", &[], 200, 100 << 20);
        assert_eq!(facts.not_known(&RULE), []);
        facts.conf.known = false;
        assert_eq!(facts.not_known(&RULE)[0].lack, Lack::Environment);
    }
}
