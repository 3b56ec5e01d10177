//! `application-failed`: the application ended with an error.

use afterglow_history::insight::outcome::{self, RootError, outcome};

use super::cause::{Cause, telling_line};
use crate::facts::Facts;
use crate::finding::{Advice, AtStake, Evidence, Finding, Place, Severity, Source, Sure, Value};
use crate::rules::resources::is_streaming;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "application-failed",
    family: Family::Failures,
    title: "The application ended with an error",
    page: include_str!("application_failed.md"),
    judge,
};

/// Characters of an error that a summary quotes.
const QUOTED: usize = 200;

/// The error that the application ended with.
pub fn root(facts: &Facts) -> Option<RootError> {
    outcome(&facts.application, facts.completeness.no_start, &facts.jobs, &facts.stages, &facts.sql).error
}

/// All that it took: it must run again. A stream goes on where it was.
pub fn lost(facts: &Facts) -> AtStake {
    if is_streaming(facts) {
        return AtStake::default();
    }
    AtStake::wall(facts.duration()).cores(facts.core_time())
}

/// The beginning of an error's telling line.
pub fn quoted(line: &str) -> String {
    let mut short: String = line.chars().take(QUOTED).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    short
}

fn judge(facts: &Facts, _: &Limits, verdict: &mut Verdict) {
    let Some(error) = root(facts) else { return };
    let line = outcome::first_line(&error.text);
    let cause = Cause::of(&error.text);
    // Somebody stopped it: they know.
    if cause == Cause::Cancelled {
        return;
    }
    let kind = if cause == Cause::Other { String::new() } else { format!(" ({})", cause.name()) };
    let summary = format!("it failed{kind}: {}", quoted(&telling_line(&error.text)));
    let mut finding = Finding::new(Severity::Critical, Place::Application, summary)
        .evidence(Evidence::new("error", Value::Text(line), Source::ours("overview", "/error/line")))
        .evidence(Evidence::derived("kind of error", Value::Text(cause.name().to_owned())));
    if let Some(stage) = error.stage.and_then(|key| facts.stages.get(&key)) {
        let path = format!("stages/{}/{}?details=false", stage.stage_id, stage.attempt_id);
        let failed = Value::Count(stage.failed_tasks);
        finding = finding
            .evidence(Evidence::new(
                "stage that failed",
                Value::Count(stage.stage_id),
                Source::spark(&path, "/stageId"),
            ))
            .evidence(Evidence::new("failed tasks of it", failed, Source::spark(&path, "/numFailedTasks")));
    } else if let Some(job) = error.job {
        let path = format!("jobs/{job}");
        finding = finding.evidence(Evidence::new("job that failed", Value::Count(job), Source::spark(path, "/jobId")));
    } else if let Some(sql) = error.sql {
        let path = format!("sql/{sql}?details=false");
        finding = finding.evidence(Evidence::new("query that failed", Value::Count(sql), Source::spark(path, "/id")));
    }
    let advice = cause.advice(facts);
    let advice = if advice.is_empty() { vec![Advice::Do("see the error".into())] } else { advice };
    finding.advice = advice;
    verdict.find(finding.costs(lost(facts)).sure(Sure::Certain));
}

#[cfg(test)]
mod tests {
    use afterglow_history::state::{JobStatus, StageStatus};

    use super::*;
    use crate::facts::made::{cluster, job, stage, suggested};

    fn failing(error: &str) -> Facts {
        let mut facts = cluster(1, 60_000, "3.5.1", &[]);
        facts.jobs.insert(0, job(0, JobStatus::Succeeded, &[0], None));
        facts.jobs.insert(1, job(1, JobStatus::Failed, &[1], Some(error)));
        facts
    }

    #[test]
    fn says_what_went_wrong_and_what_helps() {
        let mut failed = stage((1, 0), (0, 100), (4, 1, 1));
        failed.status = StageStatus::Failed;
        failed.failed_tasks = 4;
        failed.failure_reason = Some("Job aborted due to stage failure: Task 0 in stage 1.0 failed 4 times, most recent failure: Lost task 0.3 in stage 1.0 (TID 9) (h executor 2): java.lang.OutOfMemoryError: Java heap space\n\tat a.b(C.java:1)".into());
        let found = failing("x").with(failed).found(&RULE);
        let [f] = &found[..] else { panic!("{found:?}") };
        assert_eq!(f.summary, "it failed (out of memory): java.lang.OutOfMemoryError: Java heap space");
        assert_eq!((f.severity, f.evidence.len()), (Severity::Critical, 4));
        assert_eq!(f.at_stake, AtStake::wall(60_000).cores(240_000));
        assert_eq!(suggested(f)["spark.executor.memory"], "1536m");
    }

    #[test]
    fn says_nothing_of_what_somebody_stopped_or_what_went_on() {
        assert_eq!(failing("Job 1 cancelled by user").found(&RULE), []);
        let mut recovered = failing("boom");
        recovered.jobs.insert(2, job(2, JobStatus::Succeeded, &[2], None));
        assert_eq!(recovered.found(&RULE), []);
        let mut server = failing("boom");
        server.jobs.get_mut(&0).unwrap().job_tags =
            vec!["SparkConnect_OperationTag_User_u_Session_s_Operation_o".into()];
        assert_eq!(server.found(&RULE), [], "a client's failure is not the server's");
        let mut running = failing("boom");
        running.application.end_time = None;
        assert_eq!(running.found(&RULE), []);
    }
}
