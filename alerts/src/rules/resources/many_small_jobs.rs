//! `many-small-jobs`: hundreds of jobs that take a second each, one after the other.

use super::usage::Gaps;
use super::{is_streaming, of_wall};
use crate::facts::Facts;
use crate::finding::{Advice, AtStake, Evidence, Finding, Place, Severity, Source, Sure, Value};
use crate::report::time;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "many-small-jobs",
    family: Family::Resources,
    title: "Hundreds of short jobs, and between them the driver alone",
    page: include_str!("many_small_jobs.md"),
    judge,
};

/// Jobs, and milliseconds that the median one takes.
const JOBS: usize = 500;
const SHORT: i64 = 1_000;
/// Share of the duration in which no stage was active.
const MUCH: f64 = 0.3;
/// Milliseconds of it.
const LONG: i64 = 60_000;

/// The median job's duration, if there are so many.
fn median(facts: &Facts) -> Option<i64> {
    let took = |j: &afterglow_history::state::Job| Some(j.completion_time?.saturating_sub(j.submission_time?));
    let mut all: Vec<i64> = facts.jobs.values().filter_map(took).collect();
    let middle = all.len() / 2;
    (all.len() >= JOBS).then(|| *all.select_nth_unstable(middle).1)
}

/// Whether what is idle is so for this reason.
pub fn applies(facts: &Facts) -> bool {
    let alone = facts.wall.parts[0];
    let much = alone >= LONG && alone as f64 >= MUCH * facts.duration() as f64;
    // Gaps between the jobs, not one long one.
    let many = || Gaps::of(facts).inner(facts) >= (facts.jobs.len() / 2) as i64;
    !is_streaming(facts) && much && median(facts).is_some_and(|m| m < SHORT) && many()
}

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    let alone = facts.wall.parts[0];
    let at_stake = AtStake::wall(alone);
    let Some(median) = median(facts).filter(|_| applies(facts) && limits.worth(facts, &at_stake)) else { return };
    let jobs = facts.jobs.len() as i64;
    let share = alone as f64 / facts.duration().max(1) as f64;
    let summary = format!(
        "{jobs} jobs, of which the median takes {}; no stage was active for {:.0} % of the time",
        time(median),
        share * 100.0
    );
    let finding = Finding::new(Severity::Warning, Place::Application, summary)
        .evidence(Evidence::new("jobs", Value::Count(jobs), Source::ours("overview", "/counts/jobs")))
        .evidence(Evidence::derived("median job", Value::Millis(median)))
        .evidence(Evidence::new("time without an active stage", Value::Millis(alone), of_wall(0)))
        .evidence(Evidence::derived("time for each job", Value::Millis(alone / jobs.max(1))))
        .costs(at_stake)
        .advise(Advice::Do(
            "a loop on the driver that asks for one small thing after the other: make it one query over all of them"
                .into(),
        ))
        .advise(Advice::Do("if the jobs do not depend on each other, start them from several threads".into()))
        .sure(Sure::Likely);
    verdict.find(finding);
}

#[cfg(test)]
mod tests {
    use afterglow_history::state::{Job, JobStatus};

    use super::*;
    use crate::facts::made::{cluster, stage};

    /// A job of half a second in each second.
    fn looped(n: i64, description: Option<&str>) -> Vec<Finding> {
        let mut facts = cluster(2, n * 1_000, "3.5.1", &[]);
        for id in 0..n {
            let s = stage((id, 0), (id * 1_000 + 100, id * 1_000 + 600), (2, 400, 400));
            facts.stages.insert((id, 0), s);
            let job = Job {
                id,
                status: JobStatus::Succeeded,
                submission_time: Some(id * 1_000 + 100),
                completion_time: Some(id * 1_000 + 600),
                description: description.map(str::to_owned),
                ..Job::default()
            };
            facts.jobs.insert(id, job);
        }
        facts.with(stage((n, 0), (n * 1_000, n * 1_000), (1, 0, 0))).found(&RULE)
    }

    #[test]
    fn hundreds_of_short_ones() {
        let found = looped(500, None);
        assert_eq!(
            found[0].summary,
            "500 jobs, of which the median takes 500 ms; no stage was active for 50 % of the time"
        );
        assert_eq!(found[0].at_stake, AtStake::wall(250_000));
        assert_eq!(looped(499, None), []);
        assert_eq!(looped(500, Some("q\nid = 1\nrunId = 2\nbatch = 3")), [], "a stream's");
    }
}
