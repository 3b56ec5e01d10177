//! What went wrong in an attempt as OTLP log records: failures, and executors that were lost. Pure.

use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, SeverityNumber};

use super::attributes::{Attributes, bounded, error_type, nanos};
use super::ids::Of;
use super::spans::{Entities, Frame};
use crate::insight::outcome::{RootError, first_line};
use crate::insight::removal::{Removal, class};
use crate::state::{Executor, JobStatus, StageStatus};

/// An event before it is a record.
struct Said<'t> {
    name: &'static str,
    severity: SeverityNumber,
    /// Epoch milliseconds; none where the log has none, and the attempt's end then.
    time: Option<i64>,
    text: &'t str,
    of: Of,
    attributes: Attributes,
}

/// Everything that went wrong, in the order of time.
pub fn events<'e>(
    frame: &Frame<'_>,
    of: &Entities,
    executors: impl Iterator<Item = &'e Executor>,
    error: Option<&RootError>,
) -> Vec<LogRecord> {
    let mut all = Vec::new();
    let failed = of.stages.values().filter(|s| s.status == StageStatus::Failed && s.submission_time.is_some());
    for s in failed {
        all.push(Said {
            name: "spark.stage.failed",
            severity: SeverityNumber::Error,
            time: s.completion_time,
            text: s.failure_reason.as_deref().unwrap_or_default(),
            of: Of::Stage((s.stage_id, s.attempt_id)),
            attributes: Attributes::default()
                .int("spark.stage.id", s.stage_id)
                .int("spark.stage.attempt_id", s.attempt_id),
        });
    }
    for j in of.jobs.values().filter(|j| j.status == JobStatus::Failed && j.submission_time.is_some()) {
        all.push(Said {
            name: "spark.job.failed",
            severity: SeverityNumber::Error,
            time: j.completion_time,
            text: j.error.as_deref().unwrap_or_default(),
            of: Of::Job(j.id),
            attributes: Attributes::default().int("spark.job.id", j.id),
        });
    }
    for e in executors {
        let Some(reason) = e.remove_reason.as_deref().filter(|r| !r.is_empty()) else { continue };
        let severity = match class(reason) {
            // Nothing was lost.
            Removal::Idle | Removal::DriverExit => continue,
            Removal::Decommission => SeverityNumber::Warn,
            _ => SeverityNumber::Error,
        };
        all.push(Said {
            name: "spark.executor.lost",
            severity,
            time: e.remove_time,
            text: reason,
            of: Of::Application,
            attributes: Attributes::default().text("spark.executor.id", &e.id).text_if("host.name", Some(e.hostname())),
        });
    }
    if let Some(e) = error {
        all.push(Said {
            name: "spark.application.failed",
            severity: SeverityNumber::Fatal,
            time: Some(frame.end()),
            text: &e.text,
            of: Of::Application,
            attributes: Attributes::default(),
        });
    }
    all.sort_by_key(|s| s.time.unwrap_or_else(|| frame.end()));
    all.into_iter().map(|s| record(frame, s)).collect()
}

fn record(frame: &Frame<'_>, said: Said<'_>) -> LogRecord {
    let Said { name, severity, time, text, of, attributes } = said;
    let line = first_line(text);
    let attributes = match severity {
        _ if text.is_empty() => attributes,
        SeverityNumber::Warn => attributes,
        _ if name == "spark.executor.lost" => attributes,
        _ => attributes
            .text("exception.type", error_type(&line))
            .text("exception.message", &line)
            .text("exception.stacktrace", text),
    };
    LogRecord {
        time_unix_nano: nanos(time.unwrap_or_else(|| frame.end())),
        // When the log was written last: the same at every export.
        observed_time_unix_nano: nanos(frame.row.last_updated),
        severity_number: severity.into(),
        severity_text: match severity {
            SeverityNumber::Warn => "WARN",
            SeverityNumber::Fatal => "FATAL",
            _ => "ERROR",
        }
        .into(),
        body: Some(AnyValue { value: Some(Value::StringValue(bounded(&line).to_owned())) }),
        attributes: attributes.0,
        flags: 1,
        trace_id: frame.ids.trace(),
        span_id: frame.ids.span(of),
        event_name: name.into(),
        ..LogRecord::default()
    }
}
