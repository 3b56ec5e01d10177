//! An attempt's work as spans. Pure: what is known of an entity in, its span out.

use std::collections::{BTreeMap, BTreeSet};

use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};

use super::attributes::{Attributes, bounded, error_type, nanos};
use super::ids::{Ids, Of};
use crate::catalog::{AttemptRow, AttemptStatus};
use crate::insight::outcome::{RootError, first_line};
use crate::state::metrics::TaskMetrics;
use crate::state::{Job, JobStatus, SqlExecution, SqlStatus, StageAttempt, StageKey, StageStatus, Task, TaskStatus};

/// The flags of a sampled span whose parent is of the same process.
const FLAGS: u32 = 0x101;
/// Characters of a description that are a span's name.
const NAME: usize = 100;

/// What spans of one attempt have in common.
pub struct Frame<'r> {
    pub row: &'r AttemptRow,
    pub ids: Ids,
}

/// When and what a span is, but for what it says.
struct Shape {
    of: Of,
    parent: Option<Of>,
    name: String,
    from: i64,
    /// None for what has no end in the log.
    to: Option<i64>,
}

impl<'r> Frame<'r> {
    pub fn new(row: &'r AttemptRow) -> Self {
        Frame { row, ids: Ids::new(&row.cluster, &row.app_id, row.attempt_id.as_deref()) }
    }

    /// Whose telemetry it is: the application's, with further attributes.
    pub fn resource(&self, further: &BTreeMap<String, String>) -> Resource {
        let row = self.row;
        let instance = row.attempt_id.as_ref().map_or_else(|| row.app_id.clone(), |a| format!("{}/{a}", row.app_id));
        let own = Attributes::default()
            .text("service.name", if row.name.is_empty() { &row.app_id } else { &row.name })
            .text("service.instance.id", &instance)
            .text("spark.cluster", &row.cluster)
            .text("spark.application.id", &row.app_id)
            .text_if("spark.application.attempt_id", row.attempt_id.as_deref())
            .text_if("spark.version", Some(&row.spark_version))
            .text_if("spark.queue", Some(&row.summary.queue))
            .text_if("user.name", Some(&row.user));
        let own = row.labels.iter().fold(own, |all, (k, v)| all.text(&format!("spark.label.{k}"), v));
        let known: BTreeSet<String> = own.0.iter().map(|kv| kv.key.clone()).collect();
        let all = further.iter().filter(|(k, _)| !known.contains(*k)).fold(own, |all, (k, v)| all.text(k, v));
        Resource { attributes: all.0, ..Resource::default() }
    }

    /// Start of the application, epoch milliseconds.
    pub fn start(&self) -> i64 {
        self.row.start_time
    }

    /// Its end, or how far its log goes.
    pub fn end(&self) -> i64 {
        let end = if self.row.end_time >= 0 { self.row.end_time } else { self.row.last_event_time };
        end.max(self.row.start_time)
    }

    fn span(&self, shape: Shape, attributes: Attributes, error: Option<&str>) -> Span {
        let Shape { of, parent, name, from, to } = shape;
        let attributes = if to.is_none() { attributes.flag("spark.unfinished", true) } else { attributes };
        let to = to.unwrap_or_else(|| self.end()).max(from);
        let line = error.map(first_line);
        let attributes = match &line {
            Some(line) => attributes.text("error.type", error_type(line)),
            None => attributes,
        };
        let event = |(text, line): (&str, &String)| Event {
            time_unix_nano: nanos(to),
            name: "exception".into(),
            attributes: Attributes::default()
                .text("exception.type", error_type(line))
                .text("exception.message", line)
                .text("exception.stacktrace", text)
                .0,
            ..Event::default()
        };
        let events = error.zip(line.as_ref()).map(event).into_iter().collect();
        let status = line.map(|l| Status { message: bounded(&l).to_owned(), code: StatusCode::Error.into() });
        Span {
            trace_id: self.ids.trace(),
            span_id: self.ids.span(of),
            parent_span_id: parent.map(|p| self.ids.span(p)).unwrap_or_default(),
            flags: FLAGS,
            name,
            kind: SpanKind::Internal.into(),
            start_time_unix_nano: nanos(from),
            end_time_unix_nano: nanos(to),
            attributes: attributes.0,
            events,
            status: Some(status.unwrap_or_default()),
            ..Span::default()
        }
    }

    /// The application; `metrics` are sums over all its stage attempts.
    pub fn application(&self, metrics: &TaskMetrics, error: Option<&RootError>) -> Span {
        let row = self.row;
        let over = row.status == AttemptStatus::Completed;
        let at = |e: &RootError| (e.stage.map(|s| s.0), e.job, e.sql);
        let (stage, job, sql) = error.map(at).unwrap_or_default();
        let attributes = Attributes::default()
            .text("spark.application.outcome", &row.summary.outcome)
            .int_if("process.exit.code", row.exit_code)
            .int("spark.tasks.total", row.summary.tasks)
            .int("spark.tasks.failed", row.summary.failed_tasks)
            .int_if("spark.error.stage_id", stage)
            .int_if("spark.error.job_id", job)
            .int_if("spark.error.sql_execution_id", sql)
            .flag("spark.log.damaged", row.damaged)
            .metrics(metrics);
        let name = if row.name.is_empty() { &row.app_id } else { &row.name };
        let shape = Shape {
            of: Of::Application,
            parent: None,
            name: bounded(name).to_owned(),
            from: self.start(),
            to: over.then_some(row.end_time).filter(|t| *t >= 0),
        };
        self.span(shape, attributes, error.map(|e| e.text.as_str()))
    }

    /// A SQL execution, below its root execution if that is another one that is there.
    pub fn sql(&self, x: &SqlExecution, all: &BTreeMap<i64, SqlExecution>) -> Span {
        let status = match x.status() {
            SqlStatus::Running => "RUNNING",
            SqlStatus::Completed => "COMPLETED",
            SqlStatus::Failed => "FAILED",
        };
        let attributes = Attributes::default()
            .int("spark.sql.execution_id", x.id)
            .int_if("spark.sql.root_execution_id", (x.root_id != x.id).then_some(x.root_id))
            .text_if("spark.sql.description", Some(&x.description))
            .text_if("spark.sql.query_id", x.query_id.as_deref())
            .text("spark.sql.status", status);
        let nested = x.root_id != x.id && all.contains_key(&x.root_id);
        let shape = Shape {
            of: Of::Sql(x.id),
            parent: Some(if nested { Of::Sql(x.root_id) } else { Of::Application }),
            name: named("sql", &x.description),
            from: x.submission_time,
            to: x.completion_time,
        };
        let failed = (x.status() == SqlStatus::Failed).then(|| x.error.as_deref().unwrap_or("a job of it failed"));
        self.span(shape, attributes, failed)
    }

    /// A job, below its SQL execution; none if nothing says when it began.
    pub fn job(&self, job: &Job, sql: &BTreeMap<i64, SqlExecution>) -> Option<Span> {
        let status = match job.status {
            JobStatus::Running => "RUNNING",
            JobStatus::Succeeded => "SUCCEEDED",
            JobStatus::Failed => "FAILED",
        };
        let attributes = Attributes::default()
            .int("spark.job.id", job.id)
            .text_if("spark.job.name", Some(&job.name))
            .text_if("spark.job.description", job.description.as_deref())
            .text_if("spark.job.group", job.job_group.as_deref())
            .texts("spark.job.tags", &job.job_tags)
            .text("spark.job.status", status)
            .int_if("spark.sql.execution_id", job.sql_execution_id)
            .int("spark.job.stages.completed", job.completed_stages.len() as i64)
            .int("spark.job.stages.skipped", job.skipped_stages.len() as i64)
            .int("spark.job.stages.failed", job.failed_stages)
            .int("spark.tasks.total", job.num_tasks)
            .int("spark.tasks.completed", job.completed_tasks)
            .int("spark.tasks.failed", job.failed_tasks)
            .int("spark.tasks.killed", job.killed_tasks)
            .int("spark.tasks.skipped", job.skipped_tasks);
        let parent = job.sql_execution_id.filter(|id| sql.contains_key(id));
        let shape = Shape {
            of: Of::Job(job.id),
            parent: Some(parent.map_or(Of::Application, Of::Sql)),
            name: named("job", &job.name),
            from: job.submission_time?,
            to: job.completion_time,
        };
        let failed = (job.status == JobStatus::Failed).then(|| job.error.as_deref().unwrap_or("the job failed"));
        Some(self.span(shape, attributes, failed))
    }

    /// A stage attempt, below the job that had it run, with `exported` tasks below it; none if it never began.
    pub fn stage(&self, s: &StageAttempt, of: &Entities, exported: usize) -> Option<Span> {
        let from = s.submission_time?;
        let key = (s.stage_id, s.attempt_id);
        let status = match s.status {
            StageStatus::Active => "ACTIVE",
            StageStatus::Complete => "COMPLETE",
            StageStatus::Failed => "FAILED",
            StageStatus::Pending => "PENDING",
            StageStatus::Skipped => "SKIPPED",
        };
        let attributes = Attributes::default()
            .int("spark.stage.id", s.stage_id)
            .int("spark.stage.attempt_id", s.attempt_id)
            .text_if("spark.stage.name", Some(&s.name))
            .text_if("spark.stage.description", s.description.as_deref())
            .text_if("spark.stage.scheduling_pool", Some(&s.scheduling_pool))
            .text("spark.stage.status", status)
            .int("spark.tasks.total", s.num_tasks)
            .int("spark.tasks.completed", s.completed_tasks)
            .int("spark.tasks.failed", s.failed_tasks)
            .int("spark.tasks.killed", s.killed_tasks)
            .int("spark.tasks.exported", exported as i64)
            .int_if("spark.tasks.median_duration", s.task_times.map(|t| t.median))
            .int_if("spark.tasks.longest_duration", s.task_times.map(|t| t.longest))
            .metrics(&s.metrics);
        let job = of.job_of(s, from);
        let shape = Shape {
            of: Of::Stage(key),
            parent: Some(job.map_or(Of::Application, Of::Job)),
            name: named("stage", &s.name),
            from,
            to: s.completion_time,
        };
        let failed = (s.status == StageStatus::Failed)
            .then(|| s.failure_reason.as_deref().filter(|r| !r.is_empty()).unwrap_or("the stage failed"));
        let mut span = self.span(shape, attributes, failed);
        let link = |kind: &str, to: Of| Link {
            trace_id: self.ids.trace(),
            span_id: self.ids.span(to),
            attributes: Attributes::default().text("spark.link", kind).0,
            flags: FLAGS,
            ..Link::default()
        };
        let jobs = s.job_ids.iter().filter(|j| Some(**j) != job && of.has_span(**j));
        span.links.extend(jobs.map(|j| link("job", Of::Job(*j))));
        span.links.extend(of.parents_of(s).map(|p| link("parent stage", Of::Stage(p))));
        Some(span)
    }

    /// A task attempt.
    pub fn task(&self, t: &Task) -> Span {
        let stage = (t.stage_id, t.stage_attempt_id);
        let attributes = Attributes::default()
            .int("spark.task.id", t.task_id)
            .int("spark.task.index", t.index)
            .int("spark.task.attempt", t.attempt)
            .int_if("spark.task.partition_id", (t.partition_id >= 0).then_some(t.partition_id))
            .int("spark.stage.id", t.stage_id)
            .int("spark.stage.attempt_id", t.stage_attempt_id)
            .text("spark.task.status", t.status.name())
            .text_if("spark.task.locality", Some(&t.locality))
            .flag("spark.task.speculative", t.speculative)
            .text_if("spark.executor.id", Some(&t.executor_id))
            .text_if("host.name", Some(&t.host));
        let attributes = match &t.metrics {
            Some(metrics) => attributes.metrics(metrics),
            None => attributes,
        };
        let shape = Shape {
            of: Of::Task(stage, t.task_id),
            parent: Some(Of::Stage(stage)),
            name: "task".into(),
            from: t.launch_time,
            to: t.duration.map(|d| t.launch_time.saturating_add(d)),
        };
        let failed = (t.status == TaskStatus::Failed).then(|| t.error.as_deref().unwrap_or("the task failed"));
        self.span(shape, attributes, failed)
    }
}

/// The jobs and stages of an attempt: what spans hang on.
pub struct Entities {
    pub jobs: BTreeMap<i64, Job>,
    pub stages: BTreeMap<StageKey, StageAttempt>,
}

impl Entities {
    fn has_span(&self, job: i64) -> bool {
        self.jobs.get(&job).is_some_and(|j| j.submission_time.is_some())
    }

    /// The job that had a stage run which was submitted at `from`: of those that list it the first that ran then. Others found it done.
    fn job_of(&self, s: &StageAttempt, from: i64) -> Option<i64> {
        let ran =
            |j: &&Job| j.submission_time.is_some_and(|t| t <= from) && j.completion_time.is_none_or(|end| end >= from);
        let listed = || s.job_ids.iter().filter_map(|id| self.jobs.get(id)).filter(|j| j.submission_time.is_some());
        listed().find(ran).or_else(|| listed().next()).map(|j| j.id)
    }

    /// The attempts of a stage's parents that have spans.
    fn parents_of<'e>(&'e self, s: &'e StageAttempt) -> impl Iterator<Item = StageKey> + 'e {
        let attempts = |id: &i64| self.stages.range((*id, i64::MIN)..=(*id, i64::MAX));
        let all = s.parent_ids.iter().flat_map(attempts);
        all.filter(|(_, p)| p.submission_time.is_some()).map(|(key, _)| *key)
    }
}

/// A span's name: of what kind it is, and the beginning of what it is called.
fn named(kind: &str, text: &str) -> String {
    let line: String = text.lines().next().unwrap_or_default().trim().chars().take(NAME).collect();
    if line.is_empty() { kind.to_owned() } else { format!("{kind} {line}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_below_the_job_that_had_it_run() {
        let job = |id: i64, from, to| {
            (id, Job { id, submission_time: Some(from), completion_time: Some(to), ..Job::default() })
        };
        let stage = |stage_id: i64, from, parents: &[i64]| {
            let (job_ids, parent_ids) = ([1, 2, 3, 9].into(), parents.to_vec());
            let submission_time = Some(from);
            ((stage_id, 0), StageAttempt { stage_id, submission_time, job_ids, parent_ids, ..StageAttempt::default() })
        };
        let stages = [stage(0, 15, &[]), stage(1, 25, &[0, 7]), stage(2, 99, &[])];
        let of = Entities {
            jobs: [job(1, 10, 20), job(2, 12, 30), job(3, 26, 30)].into(),
            stages: stages.clone().into_iter().collect(),
        };
        let job_of = |n: usize| of.job_of(&stages[n].1, stages[n].1.submission_time.unwrap());
        // Nobody ran when the last was submitted, by clocks that disagree.
        assert_eq!([job_of(0), job_of(1), job_of(2)], [Some(1), Some(2), Some(1)]);
        assert_eq!(of.parents_of(&stages[1].1).collect::<Vec<_>>(), [(0, 0)]);
        assert!(of.has_span(3) && !of.has_span(9));
    }

    #[test]
    fn names_are_one_short_line() {
        assert_eq!(named("sql", "count at a.py:1\nmore"), "sql count at a.py:1");
        assert_eq!((named("job", " "), named("job", &"ä".repeat(200)).chars().count()), ("job".into(), 104));
    }
}
