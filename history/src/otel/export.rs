//! Exports one attempt: reads it stage by stage, and sends what it makes of it in requests of bounded size.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;

use super::attributes::scope;
use super::events::events;
use super::ids::hex;
use super::numbers::{metrics, total};
use super::send::{Fate, Message, Sender};
use super::spans::{Entities, Frame};
use crate::catalog::AttemptRow;
use crate::insight::outcome::outcome;
use crate::state::{StageKey, Task, TaskStatus};
use crate::store::segment::TaskColumn;
use crate::store::tasks::{Order, Page, Quantity, StageTasks, TaskFilter};
use crate::store::{AttemptReader, Store, StoreError};

/// Things in a request at most.
const THINGS: usize = 512;
/// Bytes of a request, nearly: receivers take 4 MiB unless told otherwise.
const BYTES: usize = 1 << 20;
/// Failed tasks of a stage attempt that become spans at most, the earliest of them.
const FAILED: usize = 100;
/// First pause before a request is sent again; it doubles up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LAST_PAUSE: Duration = Duration::from_secs(60);

/// How long to try again while the receiver is away.
#[derive(Debug, Clone, Copy)]
pub enum Patience {
    For(Duration),
    Endless,
}

/// What was sent of an attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent {
    /// The trace's id, as people write it.
    pub trace: String,
    pub spans: usize,
    pub metrics: usize,
    pub events: usize,
    /// What the receiver did not take, a sentence each.
    pub notes: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "{address} does not take {signal}: {what}: start the receiver, or correct otel.endpoint (--endpoint), otel.protocol and otel.headers"
    )]
    Away { address: String, signal: &'static str, what: String },
    #[error("{address} refuses {signal}: {what}")]
    Refused { address: String, signal: &'static str, what: String },
    #[error("reading the tasks was interrupted: {0}")]
    Interrupted(#[from] tokio::task::JoinError),
}

/// Exports attempts to one receiver.
pub struct Exporter {
    pub store: Arc<Store>,
    pub sender: Sender,
    /// Slowest tasks of each stage attempt that become spans.
    pub tasks: usize,
    /// Further attributes of every resource.
    pub attributes: BTreeMap<String, String>,
}

/// One export under way.
struct Export<'x> {
    exporter: &'x Exporter,
    resource: Resource,
    patience: Patience,
    sent: Sent,
    waiting: Vec<Span>,
    bytes: usize,
}

impl Exporter {
    /// Sends everything about an attempt: spans, then metrics, then events.
    ///
    /// # Errors
    /// If the store cannot be read, or the receiver refuses what it gets or stays away for longer than there is patience.
    pub async fn export(&self, row: &AttemptRow, patience: Patience) -> Result<Sent, ExportError> {
        let frame = Frame::new(row);
        let reader = AttemptReader::new(self.store.clone(), row.parts.clone());
        let (application, completeness) = reader.application().await?;
        let sql = reader.sql_heads().await?;
        let of = Entities { jobs: reader.jobs().await?, stages: reader.stage_heads().await? };
        let executors = reader.lives().await?;
        let error = outcome(&application, completeness.no_start, &of.jobs, &of.stages, &sql).error;
        let total = total(&of);
        let sent = Sent { trace: hex(&frame.ids.trace()), ..Sent::default() };
        let resource = frame.resource(&self.attributes);
        let mut out = Export { exporter: self, resource, patience, sent, waiting: Vec::new(), bytes: 0 };
        out.span(frame.application(&total, error.as_ref())).await?;
        for x in sql.values() {
            out.span(frame.sql(x, &sql)).await?;
        }
        for job in of.jobs.values() {
            if let Some(span) = frame.job(job, &sql) {
                out.span(span).await?;
            }
        }
        for (key, stage) in &of.stages {
            if stage.submission_time.is_none() {
                continue;
            }
            let tasks = if stage.tasks() > 0 { self.tasks_of(&reader, *key).await? } else { Vec::new() };
            if let Some(span) = frame.stage(stage, &of, tasks.len()) {
                out.span(span).await?;
            }
            for task in &tasks {
                out.span(frame.task(task)).await?;
            }
        }
        out.flush().await?;
        out.metrics(metrics(&frame, &of, executors.values(), &total)).await?;
        out.events(events(&frame, &of, executors.values(), error.as_ref())).await?;
        Ok(out.sent)
    }

    /// The tasks of a stage attempt that become spans: the slowest, and those that failed.
    async fn tasks_of(&self, reader: &AttemptReader, stage: StageKey) -> Result<Vec<Task>, ExportError> {
        let tasks = reader.tasks(stage).await?;
        let slowest = self.tasks;
        Ok(tokio::task::spawn_blocking(move || chosen(&tasks, slowest)).await?)
    }
}

fn chosen(tasks: &StageTasks, slowest: usize) -> Vec<Task> {
    let page = |column, ascending, statuses: &[TaskStatus], length| Page {
        sort: Quantity::Column(column),
        order: Order::Shown,
        ascending,
        filter: TaskFilter { statuses: statuses.to_vec(), ..TaskFilter::default() },
        offset: 0,
        length,
    };
    let ended = [TaskStatus::Success, TaskStatus::Failed, TaskStatus::Killed];
    let (slow, _) = tasks.page(&page(TaskColumn::Duration, false, &ended, slowest));
    let (failed, _) = tasks.page(&page(TaskColumn::LaunchTime, true, &[TaskStatus::Failed], FAILED));
    let all = slow.into_iter().chain(failed).map(|t| (t.task_id, t));
    all.collect::<BTreeMap<_, _>>().into_values().collect()
}

impl Export<'_> {
    /// Adds a span; sends when there are many.
    async fn span(&mut self, span: Span) -> Result<(), ExportError> {
        let size = span.encoded_len();
        if self.bytes + size > BYTES || self.waiting.len() >= THINGS {
            self.flush().await?;
        }
        self.bytes += size;
        self.waiting.push(span);
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), ExportError> {
        self.bytes = 0;
        let spans = std::mem::take(&mut self.waiting);
        if spans.is_empty() {
            return Ok(());
        }
        let number = spans.len();
        let scope_spans = vec![ScopeSpans { scope: scope(), spans, ..ScopeSpans::default() }];
        let resource_spans =
            vec![ResourceSpans { resource: Some(self.resource.clone()), scope_spans, ..ResourceSpans::default() }];
        self.deliver(Message::Traces(ExportTraceServiceRequest { resource_spans })).await?;
        self.sent.spans += number;
        Ok(())
    }

    async fn metrics(&mut self, metrics: Vec<Metric>) -> Result<(), ExportError> {
        let number = metrics.len();
        let scope_metrics = vec![ScopeMetrics { scope: scope(), metrics, ..ScopeMetrics::default() }];
        let resource_metrics = vec![ResourceMetrics {
            resource: Some(self.resource.clone()),
            scope_metrics,
            ..ResourceMetrics::default()
        }];
        if self.deliver(Message::Metrics(ExportMetricsServiceRequest { resource_metrics })).await? {
            self.sent.metrics += number;
        }
        Ok(())
    }

    async fn events(&mut self, events: Vec<LogRecord>) -> Result<(), ExportError> {
        let mut events = events.into_iter().peekable();
        while events.peek().is_some() {
            let mut log_records = Vec::new();
            let mut bytes = 0;
            while let Some(e) = events.next_if(|e| {
                bytes += e.encoded_len();
                log_records.is_empty() || bytes <= BYTES && log_records.len() < THINGS
            }) {
                log_records.push(e);
            }
            let number = log_records.len();
            let scope_logs = vec![ScopeLogs { scope: scope(), log_records, ..ScopeLogs::default() }];
            let resource_logs =
                vec![ResourceLogs { resource: Some(self.resource.clone()), scope_logs, ..ResourceLogs::default() }];
            if !self.deliver(Message::Logs(ExportLogsServiceRequest { resource_logs })).await? {
                return Ok(());
            }
            self.sent.events += number;
        }
        Ok(())
    }

    /// Sends until it is taken; whether it was. Not to be spoken to of metrics or events is a note, of traces an error.
    async fn deliver(&mut self, message: Message) -> Result<bool, ExportError> {
        let (sender, signal) = (&self.exporter.sender, message.signal());
        let address = || sender.shown.clone();
        let began = Instant::now();
        let mut pause = FIRST_PAUSE;
        let mut told = None;
        loop {
            let (what, wait) = match sender.send(&message).await {
                Fate::Taken => {
                    if told.is_some() {
                        tracing::info!("otel: {} takes {signal} again", address());
                    }
                    return Ok(true);
                }
                Fate::Partly(number, why) => {
                    self.sent.notes.push(format!("{} did not take {number} of the {signal}: {why}", address()));
                    return Ok(true);
                }
                Fate::NotSpoken(what) if signal != "traces" => {
                    self.sent.notes.push(format!("{} does not take {signal}: {what}", address()));
                    return Ok(false);
                }
                Fate::Refused(what) => return Err(ExportError::Refused { address: address(), signal, what }),
                Fate::NotSpoken(what) => (what, None),
                Fate::Again(what, wait) => (what, wait),
            };
            let next = wait.unwrap_or(pause);
            match self.patience {
                Patience::For(all) if began.elapsed() + next > all => {
                    return Err(ExportError::Away { address: address(), signal, what });
                }
                Patience::For(_) => {}
                // Once as long as it stays the same.
                Patience::Endless if told.as_ref() != Some(&what) => {
                    tracing::warn!("otel: {} does not take {signal}; trying again: {what}", address());
                    told = Some(what);
                }
                Patience::Endless => {}
            }
            tokio::time::sleep(next).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }
}
