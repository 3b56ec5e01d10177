//! `slow-host`: tasks on one host take far longer than the same work elsewhere.

use std::collections::BTreeMap;

use afterglow_history::state::StageKey;

use super::of_stage;
use crate::facts::{Facts, Group, Spread};
use crate::finding::{Advice, AtStake, Evidence, Finding, Place, Severity, Sure, Value};
use crate::report::time;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "slow-host",
    family: Family::Tasks,
    title: "Tasks on one host take far longer than the same work elsewhere",
    page: include_str!("slow_host.md"),
    judge,
};

/// How much longer the median task takes there. Machines differ by less in one cluster.
const SLOWER: f64 = 2.0;
/// Tasks there, and elsewhere, from which medians say something.
const TASKS: i64 = 3;
/// How much more data they may have and still be alike.
const ALIKE: f64 = 1.3;
/// Milliseconds that its median task takes.
const LONG: i64 = 1_000;

/// The host of a stage attempt that is slow, if one is.
pub fn slow(spread: &Spread) -> Option<&Group> {
    // One against none or against one other says not which of them is odd, but it says that one is slow.
    let slow = spread.hosts.iter().filter(|h| h.tasks >= TASKS).max_by_key(|h| h.median)?;
    let others = elsewhere(spread, slow);
    let alike = slow.bytes as f64 <= others.bytes.max(1) as f64 * ALIKE;
    let slower = slow.median as f64 >= others.median.max(1) as f64 * SLOWER;
    (others.tasks >= TASKS && slow.median >= LONG && slower && alike).then_some(slow)
}

/// The other hosts together: their tasks, and the greatest of their medians.
fn elsewhere(spread: &Spread, but: &Group) -> Group {
    let others = spread.hosts.iter().filter(|h| h.name != but.name);
    others.fold(Group::default(), |sum, h| Group {
        tasks: sum.tasks.saturating_add(h.tasks),
        median: if h.tasks >= TASKS { sum.median.max(h.median) } else { sum.median },
        bytes: sum.bytes.max(h.bytes),
        ..sum
    })
}

/// What a host did, in the stages in which it was slow.
#[derive(Default)]
struct Host {
    stages: i64,
    tasks: i64,
    wall: i64,
    cores: i64,
    /// The stage that lost most by it, and medians there and elsewhere.
    worst: Option<(i64, StageKey, i64, i64)>,
}

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    let mut hosts: BTreeMap<&str, Host> = BTreeMap::new();
    for (key, spread) in &facts.spread {
        let Some(slow) = slow(spread) else { continue };
        let others = elsewhere(spread, slow);
        let of = hosts.entry(&slow.name).or_default();
        // Had its tasks taken as long as others: at most so much less of the stage.
        let saved = facts.wall_of(*key) as f64 * (1.0 - others.median as f64 / slow.median.max(1) as f64);
        let lost = slow.median.saturating_sub(others.median).saturating_mul(slow.tasks);
        of.stages += 1;
        of.tasks = of.tasks.saturating_add(slow.tasks);
        of.wall = of.wall.saturating_add(saved as i64);
        of.cores = of.cores.saturating_add(lost);
        let this = (lost, *key, slow.median, others.median);
        of.worst = of.worst.max(Some(this));
    }
    for (name, host) in hosts {
        let at_stake = AtStake::wall(host.wall).cores(host.cores);
        let Some((_, key, median, elsewhere)) = host.worst.filter(|_| limits.worth(facts, &at_stake)) else { continue };
        let ratio = median as f64 / elsewhere.max(1) as f64;
        let others = if host.stages > 1 { format!(", and so in {} stages", host.stages) } else { String::new() };
        let (here, there) = (time(median), time(elsewhere));
        let summary =
            format!("the median task takes {here} here and {there} elsewhere in stage {}.{}{others}", key.0, key.1);
        let tasks = facts.stages.get(&key).map_or(0, |s| s.num_tasks);
        let finding = Finding::new(Severity::Warning, Place::Host(name.to_owned()), summary)
            .evidence(Evidence::derived("times as long as elsewhere", Value::Ratio(ratio)))
            .evidence(Evidence::derived("median task here", Value::Millis(median)))
            .evidence(Evidence::derived("median task elsewhere", Value::Millis(elsewhere)))
            .evidence(Evidence::derived("tasks here in such stages", Value::Count(host.tasks)))
            .evidence(Evidence::new("tasks of the stage", Value::Count(tasks), of_stage(key, "/numTasks")))
            .costs(at_stake)
            .advise(Advice::Do("see what else runs on the host, and its CPU, disks and network; take it out of the cluster if it is broken".into()))
            .advise(Advice::Do("if instances of different sizes are mixed on purpose, give each as many cores as it has power".into()))
            .sure(Sure::Likely);
        verdict.find(finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::made::{cluster, stage};

    fn hosts(all: &[(&str, i64, i64, i64)]) -> Spread {
        let host = |(name, tasks, median, bytes): &(&str, i64, i64, i64)| Group {
            name: (*name).into(),
            tasks: *tasks,
            median: *median,
            bytes: *bytes,
        };
        Spread { hosts: all.iter().map(host).collect(), ..Spread::default() }
    }

    #[test]
    fn twice_as_long_with_as_much_data() {
        let name = |s: &Spread| slow(s).map(|h| h.name.clone());
        assert_eq!(name(&hosts(&[("a", 3, 4_000, 10), ("b", 3, 2_000, 10)])), Some("a".into()));
        assert_eq!(name(&hosts(&[("a", 3, 3_999, 10), ("b", 3, 2_000, 10)])), None);
        assert_eq!(name(&hosts(&[("a", 2, 4_000, 10), ("b", 3, 2_000, 10)])), None, "too few");
        assert_eq!(name(&hosts(&[("a", 3, 4_000, 14), ("b", 3, 2_000, 10)])), None, "more data");
        assert_eq!(name(&hosts(&[("a", 9, 4_000, 10)])), None, "no other");
        assert_eq!(name(&hosts(&[("a", 9, 999, 10), ("b", 9, 100, 10)])), None, "short");
    }

    #[test]
    fn tells_a_host_once() {
        let mut facts = cluster(2, 100_000, "3.5.1", &[])
            .with(stage((0, 0), (0, 40_000), (16, 4_000, 10_000)))
            .with(stage((1, 0), (40_000, 80_000), (16, 4_000, 10_000)));
        for key in [(0, 0), (1, 0)] {
            facts.spread.insert(key, hosts(&[("a", 4, 8_000, 10), ("b", 12, 4_000, 10)]));
        }
        let found = facts.found(&RULE);
        assert_eq!((found.len(), &found[0].place), (1, &Place::Host("a".into())));
        assert_eq!(found[0].at_stake, AtStake::wall(40_000).cores(32_000));
    }
}
