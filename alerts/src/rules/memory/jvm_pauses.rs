//! `jvm-pauses`: a JVM stood still for long, as its own log says.

use afterglow_history::insight::removal::{Removal, class};
use afterglow_history::state::Executor;

use crate::facts::{Container, Facts};
use crate::finding::{Advice, AtStake, Evidence, Finding, Severity, Sure, Value};
use crate::lack::Lack;
use crate::report::time;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "jvm-pauses",
    family: Family::Memory,
    title: "A JVM stood still for long",
    page: include_str!("jvm_pauses.md"),
    judge,
};

/// Of the time that its log spans, from which pauses are much.
const MUCH: f64 = 0.10;
/// Microseconds of a log that is long enough to tell.
const TOLD: i64 = 60_000_000;
/// Microseconds of one pause after which others take the process for lost: an executor's heartbeat comes every ten seconds.
const LOST: i64 = 10_000_000;
/// Containers that are told of at most.
const CONTAINERS: usize = 5;

/// Milliseconds that an application must have run for its pauses to matter.
const RAN: i64 = 60_000;

fn judge(facts: &Facts, _: &Limits, verdict: &mut Verdict) {
    if facts.containers.iter().all(|c| c.gc.count == 0 && c.monitor.count == 0) {
        unseen(facts, verdict);
    }
    let pauses = |c: &&Container| {
        let pauses = if c.gc.count > 0 { c.gc } else { c.monitor };
        let share = c.uptime_us.filter(|us| *us >= TOLD).map_or(0.0, |us| pauses.total_us as f64 / us as f64);
        (pauses.longest_us >= LOST || share >= MUCH).then_some((pauses, share))
    };
    for (c, (pauses, share)) in facts.containers.iter().filter_map(|c| Some((c, pauses(&c)?))).take(CONTAINERS) {
        let (total, longest) = (pauses.total_us / 1000, pauses.longest_us / 1000);
        let of = if share > 0.0 { format!(", {:.0} % of its time", share * 100.0) } else { String::new() };
        let summary = format!(
            "the JVM of {} stood still for {} in {} pauses{of}, {} at once",
            c.name,
            time(total),
            pauses.count,
            time(longest)
        );
        let severity = if pauses.longest_us >= LOST { Severity::Warning } else { Severity::Info };
        let field = if c.gc.count > 0 { "pauses" } else { "monitor" };
        let count = Value::Count(i64::try_from(pauses.count).unwrap_or(i64::MAX));
        let count = Evidence { source: c.source(&format!("{field}/count")), ..Evidence::derived("pauses", count) };
        let mut finding = Finding::new(severity, c.place(), summary)
            .evidence(Evidence::derived("stood still", Value::Millis(total)))
            .evidence(Evidence::derived("longest pause", Value::Millis(longest)))
            .evidence(count);
        if share > 0.0 {
            finding.evidence.push(Evidence::derived("share of its time", Value::Share(share)));
        }
        if let Some(collector) = &c.collector {
            let collector = Value::Text(collector.clone());
            finding
                .evidence
                .push(Evidence { source: c.source("collector"), ..Evidence::derived("collector", collector) });
        }
        let wall = if c.executor.as_deref() == Some("driver") { AtStake::wall(total) } else { AtStake::default() };
        verdict.find(
            finding
                .costs(wall)
                .advise(Advice::Do("give it more heap, or less to hold: fewer tasks at a time, less cached".into()))
                .advise(Advice::Do(
                    "for long pauses on large heaps try G1 or ZGC: -XX:+UseG1GC, -XX:+UseZGC in extraJavaOptions"
                        .into(),
                ))
                .sure(Sure::Certain),
        );
    }
}

/// Where pauses would explain something and nothing tells of them.
fn unseen(facts: &Facts, verdict: &mut Verdict) {
    let unheard = |e: &Executor| e.remove_reason.as_deref().is_some_and(|why| class(why) == Removal::Heartbeat);
    if facts.workers().any(unheard) {
        verdict.not_known("whether executors that were not heard of stood still", Lack::Pauses);
    }
    let options = ["spark.executor.extraJavaOptions", "spark.driver.extraJavaOptions"];
    let has = |flag: &str| options.iter().any(|key| facts.conf.get(key).is_some_and(|o| o.contains(flag)));
    if facts.duration() >= RAN && (has("+UseZGC") || has("+UseShenandoahGC")) {
        let what = "for how long JVMs stand still: what Spark counts of this collector is work beside the application";
        verdict.not_known(what, Lack::Pauses);
    }
}

#[cfg(test)]
mod tests {
    use afterglow_history::catalog::Sum;

    use super::*;
    use crate::facts::made::{application, found};
    use crate::finding::Place;

    fn with(count: u64, total_us: i64, longest_us: i64, uptime_us: i64) -> Facts {
        let gc = Sum { count, total_us, longest_us };
        let c = Container {
            name: "exec-1".into(),
            executor: Some("1".into()),
            gc,
            uptime_us: Some(uptime_us),
            ..Container::default()
        };
        Facts { containers: vec![c], ..application("3.5.1", 3600, &[]) }
    }

    #[test]
    fn much_at_all_or_long_at_once() {
        // 69.1 seconds of an hour are little; 2,839 and 3,021 ms are no loss.
        assert_eq!(found(RULE.name, &with(2, 69_100_000, 3_021_000, 3_600_000_000)), []);
        let much = found(RULE.name, &with(100, 360_000_000, 3_021_000, 3_600_000_000));
        assert_eq!((much[0].severity, &much[0].place), (Severity::Info, &Place::Executor("1".into())));
        assert_eq!(
            much[0].summary,
            "the JVM of exec-1 stood still for 6.0 min in 100 pauses, 10 % of its time, 3.0 s at once"
        );
        assert_eq!(found(RULE.name, &with(1, 10_000_000, 10_000_000, 3_600_000_000))[0].severity, Severity::Warning);
        assert_eq!(found(RULE.name, &with(9, 20_000_000, 3_000_000, 59_000_000)), [], "too short to tell");
    }

    #[test]
    fn without_a_log_pauses_are_not_known_where_they_would_explain_something() {
        let zgc = [("spark.executor.extraJavaOptions", "-XX:+UseZGC -Xmx1g")];
        let lacks = |facts: &Facts| facts.not_known(&RULE).iter().map(|n| n.lack).collect::<Vec<_>>();
        assert_eq!(lacks(&application("3.5.1", 3600, &zgc)), [Lack::Pauses]);
        assert_eq!(lacks(&application("3.5.1", 59, &zgc)), []);
        assert_eq!(lacks(&application("3.5.1", 3600, &[])), []);
        let mut unheard = application("3.5.1", 3600, &[]).with_executor("1", 4, &[]);
        unheard.executors.values_mut().for_each(|e| {
            e.remove_reason = Some("Executor heartbeat timed out after 152 s".into());
        });
        assert_eq!(lacks(&unheard), [Lack::Pauses]);
        unheard.containers = with(1, 1, 1, 1).containers;
        assert_eq!(lacks(&unheard), [], "a log tells");
    }
}
