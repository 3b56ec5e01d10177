//! `driver-lost`: the log has no end and has been quiet for long.

use afterglow_history::state::{JobStatus, StageStatus};

use crate::conf::as_setting;
use crate::facts::Facts;
use crate::finding::{Advice, Evidence, Finding, Place, Setting, Severity, Source, Sure, Value};
use crate::lack::Lack;
use crate::rules::failures::application_failed::lost as lost_time;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "driver-lost",
    family: Family::Log,
    title: "The log has no end: the driver was lost",
    page: include_str!("driver_lost.md"),
    judge,
};

/// Peak of the driver's heap over its size from which it probably ran out of it.
const FULL: f64 = 0.9;

fn judge(facts: &Facts, _: &Limits, verdict: &mut Verdict) {
    if !facts.lost || facts.application.end_time.is_some() {
        return;
    }
    let jobs = facts.jobs.values().filter(|j| j.status == JobStatus::Running).count();
    let stages = facts.stages.values().filter(|s| s.status == StageStatus::Active).count();
    let doing = match (jobs, stages) {
        (0, _) => "no job was running".to_owned(),
        (1, _) => "a job was running".to_owned(),
        (n, _) => format!("{n} jobs were running"),
    };
    // Without work it may as well have ended, and never said so.
    let (severity, sure) = match jobs {
        0 => (Severity::Warning, Sure::Possible),
        _ => (Severity::Critical, Sure::Likely),
    };
    let (used, size) = (heap(facts), facts.conf.bytes("spark.driver.memory", 1 << 20).unwrap_or(1 << 30));
    let full = used.filter(|used| *used as f64 >= FULL * size as f64);
    let why = if full.is_some() { ", and its heap was nearly full" } else { "" };
    let summary = format!("the log ends without an end of the application; {doing}{why}");
    let mut f = Finding::new(severity, Place::Application, summary)
        .evidence(Evidence::new("status", Value::Text("lost".into()), Source::ours("overview", "/status")))
        .evidence(Evidence::new("last event", Value::Time(facts.end), Source::ours("overview", "/lastEventTime")))
        .evidence(Evidence::derived("jobs that were running", Value::Count(jobs as i64)))
        .evidence(Evidence::derived("stages that were running", Value::Count(stages as i64)));
    if let (Some(used), Some(at)) = (full, facts.executors.keys().position(|id| id == "driver")) {
        let source = Source::spark("allexecutors", format!("/{at}/peakMemoryMetrics/JVMHeapMemory"));
        f = f.evidence(Evidence::new("peak of the driver's heap", Value::Bytes(used), source)).advise(Advice::Set(
            Setting {
                key: "spark.driver.memory",
                current: facts.conf.current("spark.driver.memory"),
                suggested: as_setting(size.saturating_add(size / 2)),
                why: "the heap was nearly full; what is collected or broadcast goes through it".into(),
                since: (0, 0),
            },
        ));
    }
    if used.is_none() {
        verdict.not_known("whether the driver ran out of memory", Lack::Peaks);
    }
    f = f
        .advise(Advice::Do("see how the driver's container or process ended: killed for its memory, its node taken back, an exit without stopping Spark".into()))
        .advise(Advice::Do("if the job is fine and has ended, let it call stop() on its session: a log is complete only then".into()));
    verdict.find(f.costs(lost_time(facts)).sure(sure));
}

/// Peak of the driver's heap, bytes; none where the log does not have it.
fn heap(facts: &Facts) -> Option<i64> {
    facts.executors.get("driver")?.peaks.get("JVMHeapMemory").filter(|used| *used > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::made::{cluster, job, suggested};
    use crate::finding::AtStake;

    fn lost() -> Facts {
        let mut facts = cluster(1, 60_000, "3.5.1", &[]);
        facts.application.end_time = None;
        (facts.ended, facts.lost) = (false, true);
        facts.jobs.insert(0, job(0, JobStatus::Running, &[0], None));
        facts
    }

    #[test]
    fn only_when_it_has_been_quiet_for_long() {
        let found = lost().found(&RULE);
        assert_eq!(found[0].summary, "the log ends without an end of the application; a job was running");
        assert_eq!(found[0].at_stake, AtStake::wall(60_000).cores(240_000));
        let mut running = lost();
        running.lost = false;
        assert_eq!(running.found(&RULE), []);
    }

    #[test]
    fn one_that_did_nothing_may_only_lack_its_end() {
        let mut facts = lost();
        facts.jobs.clear();
        let found = facts.found(&RULE);
        assert_eq!((found[0].severity, found[0].sure), (Severity::Warning, Sure::Possible));
        assert_eq!(facts.not_known(&RULE)[0].lack, Lack::Peaks);
    }

    #[test]
    fn a_full_heap_is_told() {
        let mut facts = lost();
        let mut peaks = [0; 23];
        peaks[0] = 1 << 30;
        facts.executors.get_mut("driver").unwrap().peaks.0 = Some(peaks);
        assert_eq!(suggested(&facts.found(&RULE)[0])["spark.driver.memory"], "1536m");
    }
}
