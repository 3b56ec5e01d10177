//! `locality-miss`: tasks read from other nodes, and take longer for it.

use afterglow_history::state::StageKey;

use super::{MOST, of_stage, slots};
use crate::facts::{Facts, Group};
use crate::finding::{Advice, AtStake, Evidence, Finding, Place, Setting, Severity, Sure, Value};
use crate::report::time;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "locality-miss",
    family: Family::Tasks,
    title: "Tasks that read from other nodes take longer than those that read from their own",
    page: include_str!("locality_miss.md"),
    judge,
};

/// Share of tasks that are far from their data.
const MUCH: f64 = 0.25;
/// How much longer they take.
const SLOWER: f64 = 1.5;
/// Tasks of each kind from which medians say something.
const TASKS: i64 = 5;

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    let mut found: Vec<(i64, StageKey, Finding)> = Vec::new();
    for (key, spread) in &facts.spread {
        let Some(stage) = facts.stages.get(key).filter(|s| s.metrics.input_bytes_read > 0) else { continue };
        let is = |names: &[&str]| {
            let of = |g: &&Group| names.contains(&g.name.as_str()) && g.tasks >= TASKS;
            spread.localities.iter().filter(of).max_by_key(|g| g.tasks)
        };
        // Of an object store everything is as far: Spark then tells no preference.
        let (Some(near), Some(far)) = (is(&["PROCESS_LOCAL", "NODE_LOCAL"]), is(&["RACK_LOCAL", "ANY"])) else {
            continue;
        };
        let all = spread.localities.iter().map(|g| g.tasks).fold(0, i64::saturating_add);
        let share = far.tasks as f64 / all.max(1) as f64;
        let longer = far.median.saturating_sub(near.median);
        let lost = longer.saturating_mul(far.tasks);
        let wall = (lost / slots(facts, stage).max(1)).min(facts.wall_of(*key));
        let at_stake = AtStake::wall(wall).cores(lost);
        let alike = far.bytes as f64 <= near.bytes.max(1) as f64 * 1.3;
        let slower = far.median as f64 >= near.median.max(1) as f64 * SLOWER;
        if share < MUCH || !slower || !alike || !limits.worth(facts, &at_stake) {
            continue;
        }
        let summary = format!(
            "{:.0} % of the tasks read from other nodes; their median takes {}, of those near their data {}",
            share * 100.0,
            time(far.median),
            time(near.median)
        );
        let finding = Finding::new(Severity::Info, Place::Stage(key.0, key.1), summary)
            .evidence(Evidence::derived("share of tasks far from their data", Value::Share(share)))
            .evidence(Evidence::derived("median task far from its data", Value::Millis(far.median)))
            .evidence(Evidence::derived("median task near its data", Value::Millis(near.median)))
            .evidence(Evidence::new("tasks", Value::Count(stage.num_tasks), of_stage(*key, "/numTasks")))
            .evidence(Evidence::new(
                "input",
                Value::Bytes(stage.metrics.input_bytes_read),
                of_stage(*key, "/inputBytes"),
            ))
            .costs(at_stake)
            .advise(Advice::Set(Setting {
                key: "spark.locality.wait",
                current: facts.conf.current("spark.locality.wait"),
                suggested: "10s".into(),
                why: "a task waits longer for a place near its data; worth it where tasks take longer than that".into(),
                since: (0, 0),
            }))
            .advise(Advice::Do("executors on more of the nodes that have the data, or more replicas of it".into()))
            .sure(Sure::Likely);
        found.push((lost, *key, finding));
    }
    found.sort_by_key(|(lost, key, _)| (std::cmp::Reverse(*lost), *key));
    found.into_iter().take(MOST).for_each(|(_, _, f)| verdict.find(f));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Spread;
    use crate::facts::made::{cluster, stage};

    fn placed(far: i64, median: i64, bytes: i64) -> Vec<Finding> {
        let mut s = stage((1, 0), (0, 100_000), (80, 10_000, 20_000));
        s.metrics.input_bytes_read = 80 << 20;
        let mut facts = cluster(2, 600_000, "3.5.1", &[]).with(s);
        let of = |name: &str, tasks, median, bytes| Group { name: name.into(), tasks, median, bytes };
        let localities = vec![of("NODE_LOCAL", 80 - far, 10_000, 100), of("ANY", far, median, bytes)];
        facts.spread.insert((1, 0), Spread { localities, ..Spread::default() });
        facts.found(&RULE)
    }

    #[test]
    fn many_slower_and_with_as_much_data() {
        let found = placed(20, 15_000, 100);
        assert_eq!(
            found[0].summary,
            "25 % of the tasks read from other nodes; their median takes 15.0 s, of those near their data 10.0 s"
        );
        assert_eq!(found[0].at_stake, AtStake::wall(12_500).cores(100_000));
        assert_eq!(placed(19, 15_000, 100), []);
        assert_eq!(placed(20, 14_999, 100), []);
        assert_eq!(placed(20, 15_000, 200), [], "more data");
    }
}
