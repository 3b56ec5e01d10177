//! The traces of the process itself: requests, statements, readings of logs, rounds of maintenance. Spans of the target [`TARGET`]
//! become spans of OpenTelemetry; what cannot be sent is dropped, and nothing waits for it.

use std::sync::Mutex;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, Method};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use opentelemetry::KeyValue;
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tokio::runtime::Handle;
use tracing::Instrument as _;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::send::{Fate, Message, Sender};
use super::{OtelError, SCOPE, Settings};
use crate::api::metrics::template;

/// Target of the process's own spans.
pub const TARGET: &str = "otel";
/// Spans that may wait to be sent; more are dropped.
const WAITING: usize = 4096;
/// Pause between two sendings.
const EVERY: Duration = Duration::from_secs(2);
/// Addresses that machines ask every few seconds, and that no trace is made of.
const PROBES: [&str; 3] = ["/healthz", "/readyz", "/metrics"];
/// Time to send what waits when the process ends.
const GOODBYE: Duration = Duration::from_secs(3);

/// Makes spans of OpenTelemetry and sends them, until it is ended.
#[derive(Debug, Clone)]
pub struct Own(SdkTracerProvider);

impl Own {
    /// Call it inside a runtime of several threads, which must live until [`Own::end`].
    ///
    /// # Errors
    /// See [`Sender::new`].
    pub fn start(settings: &Settings) -> Result<Own, OtelError> {
        let further = settings.attributes.iter().map(|(k, v)| KeyValue::new(k.clone(), v.clone()));
        let resource = Resource::builder_empty()
            .with_attributes(further)
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .with_service_name(settings.service_name.clone())
            .build();
        let exporter = Exporter {
            sender: std::sync::Arc::new(Sender::new(settings)?),
            runtime: Handle::current(),
            resource: ResourceAttributesWithSchema::default(),
            told: Mutex::default(),
        };
        let batches = BatchConfigBuilder::default().with_max_queue_size(WAITING).with_scheduled_delay(EVERY).build();
        let processor = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
        let provider = SdkTracerProvider::builder()
            .with_resource(resource)
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(settings.sample))))
            .with_span_processor(processor)
            .build();
        Ok(Own(provider))
    }

    pub fn tracer(&self) -> SdkTracer {
        self.0.tracer(SCOPE)
    }

    /// Sends what waits, for a few seconds at most. Blocks: not to be called on a thread of the runtime's own.
    pub fn end(&self) {
        if let Err(e) = self.0.shutdown_with_timeout(GOODBYE) {
            tracing::debug!("otel: {e}");
        }
    }
}

/// Sends batches from the thread of the SDK on the runtime.
#[derive(Debug)]
struct Exporter {
    sender: std::sync::Arc<Sender>,
    runtime: Handle,
    resource: ResourceAttributesWithSchema,
    /// What is wrong, as far as it was said.
    told: Mutex<Option<String>>,
}

impl Exporter {
    fn tell(&self, what: Option<String>) -> OTelSdkResult {
        let mut told = self.told.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Some(what) = what else {
            if told.take().is_some() {
                tracing::info!("otel: {} takes our own traces again", self.sender.shown);
            }
            return Ok(());
        };
        if told.as_ref() != Some(&what) {
            tracing::warn!("otel: {} does not take our own traces, which are dropped: {what}", self.sender.shown);
            *told = Some(what.clone());
        }
        Err(OTelSdkError::InternalFailure(what))
    }
}

impl SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let resource_spans = group_spans_by_resource_and_scope(batch, &self.resource);
        let message = Message::Traces(ExportTraceServiceRequest { resource_spans });
        let sender = self.sender.clone();
        let sent = self.runtime.spawn(async move { sender.send(&message).await });
        match sent.await {
            Ok(Fate::Taken) => self.tell(None),
            Ok(Fate::Partly(number, why)) => self.tell(Some(format!("{number} spans: {why}"))),
            Ok(Fate::Again(what, _) | Fate::NotSpoken(what) | Fate::Refused(what)) => self.tell(Some(what)),
            Err(e) => self.tell(Some(e.to_string())),
        }
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }
}

/// A router whose requests are spans; a request that comes with a `traceparent` goes on with its trace.
pub fn traced(router: Router) -> Router {
    router.layer(from_fn(request))
}

async fn request(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if PROBES.contains(&path) {
        return next.run(request).await;
    }
    let route = template(request.extensions().get::<MatchedPath>()).map(str::to_owned);
    let method = method(request.method());
    let name = route.as_ref().map_or_else(|| method.to_owned(), |r| format!("{method} {r}"));
    let span = tracing::info_span!(
        target: "otel",
        "request",
        otel.name = name,
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
        url.scheme = "http",
        url.path = path,
        "error.type" = Empty,
    );
    if span.is_disabled() {
        return next.run(request).await;
    }
    let parent = TraceContextPropagator::new().extract(&Headers(request.headers()));
    // Fails only for a span that has begun.
    let _ = span.set_parent(parent);
    let response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
        span.record("error.type", status.as_str());
    }
    response
}

/// Methods that there are: others are anybody's choice.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        _ => "_OTHER",
    }
}

struct Headers<'h>(&'h HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(|k| k.as_str()).collect()
    }
}
