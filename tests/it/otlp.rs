//! A receiver of OTLP that keeps what it gets, over gRPC and HTTP, and [`Rotel`], a real collector that passes on what it gets.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path as Route, State};
use axum::http::{HeaderMap, StatusCode};
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{LogsService, LogsServiceServer};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::sync::oneshot;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use crate::server::eventually;
use crate::skip;

/// Attributes as text: `7`, `true`, or the text itself.
pub type Pairs = BTreeMap<String, String>;

/// What came, in the order in which it came, with the attributes of its resource.
#[derive(Default)]
pub struct Got {
    pub spans: Vec<(Pairs, Span)>,
    pub metrics: Vec<(Pairs, Metric)>,
    pub events: Vec<(Pairs, LogRecord)>,
    /// The headers of each request.
    pub headers: Vec<Pairs>,
    /// Bytes of the largest request.
    pub largest: usize,
}

/// What a receiver does with a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Takes,
    /// It takes traces only.
    TracesOnly,
    Refuses,
}

#[derive(Clone)]
struct Shared {
    got: Arc<Mutex<Got>>,
    mood: Mood,
}

/// A receiver that lives as long as the value.
pub struct Receiver {
    pub grpc: SocketAddr,
    pub http: SocketAddr,
    shared: Shared,
    stop: Vec<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

pub fn pairs(all: &[KeyValue]) -> Pairs {
    all.iter().map(|kv| (kv.key.clone(), text(kv.value.as_ref()))).collect()
}

pub fn text(value: Option<&AnyValue>) -> String {
    match value.and_then(|v| v.value.as_ref()) {
        Some(Value::StringValue(s)) => s.clone(),
        Some(Value::IntValue(n)) => n.to_string(),
        Some(Value::BoolValue(b)) => b.to_string(),
        Some(Value::DoubleValue(x)) => x.to_string(),
        Some(Value::ArrayValue(a)) => a.values.iter().map(|v| text(Some(v))).collect::<Vec<_>>().join(","),
        other => format!("{other:?}"),
    }
}

/// An id as people write it.
pub fn hex(id: &[u8]) -> String {
    id.iter().map(|b| format!("{b:02x}")).collect()
}

impl Got {
    fn size(&mut self, size: usize, headers: Pairs) {
        self.largest = self.largest.max(size);
        self.headers.push(headers);
    }

    fn traces(&mut self, m: ExportTraceServiceRequest, headers: Pairs) {
        self.size(m.encoded_len(), headers);
        for of in m.resource_spans {
            let resource = pairs(&of.resource.unwrap_or_default().attributes);
            let spans = of.scope_spans.into_iter().flat_map(|s| s.spans);
            self.spans.extend(spans.map(|s| (resource.clone(), s)));
        }
    }

    fn metrics(&mut self, m: ExportMetricsServiceRequest, headers: Pairs) {
        self.size(m.encoded_len(), headers);
        for of in m.resource_metrics {
            let resource = pairs(&of.resource.unwrap_or_default().attributes);
            let metrics = of.scope_metrics.into_iter().flat_map(|s| s.metrics);
            self.metrics.extend(metrics.map(|m| (resource.clone(), m)));
        }
    }

    fn logs(&mut self, m: ExportLogsServiceRequest, headers: Pairs) {
        self.size(m.encoded_len(), headers);
        for of in m.resource_logs {
            let resource = pairs(&of.resource.unwrap_or_default().attributes);
            let events = of.scope_logs.into_iter().flat_map(|s| s.log_records);
            self.events.extend(events.map(|e| (resource.clone(), e)));
        }
    }

    /// Spans by id.
    pub fn by_id(&self) -> BTreeMap<String, &Span> {
        self.spans.iter().map(|(_, s)| (hex(&s.span_id), s)).collect()
    }

    /// Spans whose name begins so, with their attributes; applications, which have names of their own, aside.
    pub fn named(&self, name: &str) -> Vec<(Pairs, &Span)> {
        let all = self.spans.iter().filter(|(_, s)| s.name.starts_with(name));
        let all = all.map(|(_, s)| (pairs(&s.attributes), s));
        all.filter(|(a, _)| !a.contains_key("spark.application.outcome")).collect()
    }
}

impl Shared {
    fn got(&self) -> MutexGuard<'_, Got> {
        self.got.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Takes a request in, or says why not.
    fn take<T>(&self, traces: bool, request: Request<T>) -> Result<(T, Pairs), Status> {
        match self.mood {
            Mood::Refuses => return Err(Status::invalid_argument("not like this")),
            Mood::TracesOnly if !traces => return Err(Status::unimplemented("traces only")),
            _ => {}
        }
        let (metadata, _, message) = request.into_parts();
        let headers = metadata.into_headers();
        Ok((message, written(&headers)))
    }
}

fn written(headers: &HeaderMap) -> Pairs {
    headers.iter().map(|(n, v)| (n.to_string(), v.to_str().unwrap_or_default().to_owned())).collect()
}

#[tonic::async_trait]
impl TraceService for Shared {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let (message, headers) = self.take(true, request)?;
        self.got().traces(message, headers);
        Ok(Response::new(Default::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Shared {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let (message, headers) = self.take(false, request)?;
        self.got().metrics(message, headers);
        Ok(Response::new(Default::default()))
    }
}

#[tonic::async_trait]
impl LogsService for Shared {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        let (message, headers) = self.take(false, request)?;
        self.got().logs(message, headers);
        Ok(Response::new(Default::default()))
    }
}

async fn post(
    State(me): State<Shared>,
    Route(signal): Route<String>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, &'static str) {
    match me.mood {
        Mood::Refuses => return (StatusCode::BAD_REQUEST, "not like this"),
        Mood::TracesOnly if signal != "traces" => return (StatusCode::NOT_FOUND, "traces only"),
        _ => {}
    }
    let (mut got, headers) = (me.got(), written(&headers));
    let mut plain = Vec::new();
    let body = match headers.get("content-encoding").map(String::as_str) {
        Some("gzip") => {
            flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut plain).unwrap();
            Bytes::from(plain)
        }
        _ => body,
    };
    assert_eq!(headers["content-type"], "application/x-protobuf");
    match &*signal {
        "traces" => got.traces(ExportTraceServiceRequest::decode(body).unwrap(), headers),
        "metrics" => got.metrics(ExportMetricsServiceRequest::decode(body).unwrap(), headers),
        "logs" => got.logs(ExportLogsServiceRequest::decode(body).unwrap(), headers),
        _ => return (StatusCode::NOT_FOUND, ""),
    }
    (StatusCode::OK, "")
}

/// A port that nobody has just now.
pub fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl Receiver {
    pub fn start(mood: Mood) -> Receiver {
        Self::at(mood, "127.0.0.1:0".parse().unwrap())
    }

    /// With gRPC at an address.
    pub fn at(mood: Mood, grpc: SocketAddr) -> Receiver {
        let shared = Shared { got: Arc::default(), mood };
        // Connections of the one before may linger.
        let bind = || TcpListener::bind(grpc).ok();
        let listeners = [eventually("a port", 20, bind), TcpListener::bind("127.0.0.1:0").unwrap()];
        let [grpc, http] = [&listeners[0], &listeners[1]].map(|l| l.local_addr().unwrap());
        let (stop_grpc, stopped_grpc) = oneshot::channel();
        let (stop_http, stopped_http) = oneshot::channel::<()>();
        let me = shared.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let [grpc, http] = listeners.map(|l| {
                    l.set_nonblocking(true).unwrap();
                    tokio::net::TcpListener::from_std(l).unwrap()
                });
                // As a collector has it.
                let most = 4 << 20;
                let server = tonic::transport::Server::builder()
                    .add_service(TraceServiceServer::new(me.clone()).max_decoding_message_size(most))
                    .add_service(MetricsServiceServer::new(me.clone()).max_decoding_message_size(most))
                    .add_service(LogsServiceServer::new(me.clone()).max_decoding_message_size(most));
                let grpc = server.serve_with_incoming(TcpIncoming::from(grpc));
                let routes = axum::Router::new().route("/v1/{signal}", axum::routing::post(post)).with_state(me);
                // Dropped and not drained: a receiver that dies says no goodbye.
                tokio::select! {
                    ended = grpc => ended.unwrap(),
                    ended = async { axum::serve(http, routes).await } => ended.unwrap(),
                    _ = stopped_grpc => {}
                    _ = stopped_http => {}
                }
            });
        });
        Receiver { grpc, http, shared, stop: vec![stop_grpc, stop_http], thread: Some(thread) }
    }

    pub fn got(&self) -> MutexGuard<'_, Got> {
        self.shared.got()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stop.clear();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A real collector, from `.venv`, which takes gRPC and HTTP and passes on to a receiver over HTTP.
pub struct Rotel {
    child: Child,
    pub grpc: SocketAddr,
    pub http: SocketAddr,
}

impl Rotel {
    /// Starts it, with gRPC at an address; none, and a note, if it is not on this machine.
    pub fn start(grpc: SocketAddr, to: SocketAddr) -> Option<Rotel> {
        let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv");
        let find = "import os, rotel, sysconfig; print(os.path.join(os.path.dirname(rotel.__file__), 'rotel-agent')); print(sysconfig.get_config_var('LIBDIR'))";
        let found =
            Command::new(venv.join("bin/python")).args(["-c", find]).output().ok().filter(|o| o.status.success());
        let Some(found) = found else {
            skip::unprepared("OpenTelemetry (tests/it/otel.rs): no Rotel in .venv: run tests/prepare.sh");
            return None;
        };
        let found = String::from_utf8(found.stdout).unwrap();
        let (program, libraries) = found.trim().split_once('\n').unwrap();
        let http = free();
        let mut command = Command::new(program);
        command.args(["start", "--disable-batching", "--exporter", "otlp", "--otlp-exporter-protocol", "http"]);
        command.args(["--otlp-exporter-endpoint", &format!("http://{to}"), "--otlp-exporter-compression", "none"]);
        command.args(["--otlp-grpc-endpoint", &grpc.to_string(), "--otlp-http-endpoint", &http.to_string()]);
        command.env("LD_LIBRARY_PATH", libraries).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("Rotel starts");
        eventually("Rotel listens", 30, || {
            assert!(child.try_wait().unwrap().is_none(), "Rotel ended");
            let open = |a| std::net::TcpStream::connect_timeout(&a, Duration::from_millis(200)).ok();
            open(grpc).zip(open(http))
        });
        Some(Rotel { child, grpc, http })
    }
}

impl Drop for Rotel {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
