//! One request to the receiver, over gRPC or HTTP, and what became of it.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use prost::Message as _;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, StatusCode};
use tonic::metadata::{Ascii, MetadataKey, MetadataMap, MetadataValue};
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status};

use super::{OtelError, Protocol, Settings, reasons};
use crate::answer;

/// A receiver that takes longer does not answer.
const PATIENCE: Duration = Duration::from_secs(10);
const AGENT: &str = concat!("afterglow/", env!("CARGO_PKG_VERSION"));

/// What is sent at once.
#[derive(Debug, Clone)]
pub enum Message {
    Traces(ExportTraceServiceRequest),
    Metrics(ExportMetricsServiceRequest),
    Logs(ExportLogsServiceRequest),
}

impl Message {
    pub fn signal(&self) -> &'static str {
        match self {
            Message::Traces(_) => "traces",
            Message::Metrics(_) => "metrics",
            Message::Logs(_) => "logs",
        }
    }
}

/// What became of a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Fate {
    Taken,
    /// But for so many, for which there was a reason; these are gone.
    Partly(i64, String),
    /// Worth another try, perhaps not before a while.
    Again(String, Option<Duration>),
    /// The receiver does not take this signal.
    NotSpoken(String),
    /// What was sent is at fault, and will be again.
    Refused(String),
}

impl Fate {
    fn of_partial(rejected: Option<(i64, String)>) -> Fate {
        match rejected {
            Some((rejected, said)) if rejected > 0 => Fate::Partly(rejected, said),
            _ => Fate::Taken,
        }
    }

    fn of_grpc(status: &Status) -> Fate {
        let said = status.message();
        let what = match std::error::Error::source(status) {
            // That of the transport says nothing by itself.
            Some(cause) => format!("{}: {}", status.code(), reasons(cause)),
            None if said.is_empty() => status.code().to_string(),
            None => format!("{}: {said}", status.code()),
        };
        match status.code() {
            Code::Unimplemented => Fate::NotSpoken(what),
            Code::InvalidArgument | Code::FailedPrecondition => Fate::Refused(what),
            _ => Fate::Again(what, None),
        }
    }

    fn of_http(status: StatusCode, what: String, wait: Option<Duration>) -> Fate {
        match status {
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
                Fate::NotSpoken(what)
            }
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => {
                Fate::Refused(what)
            }
            // Not the fault of what is sent, even where it is ours: whoever corrects a key or an address has it all.
            _ => Fate::Again(what, wait),
        }
    }
}

#[derive(Debug)]
enum Way {
    Grpc(Channel, MetadataMap),
    Http(Client, String, HeaderMap),
}

/// Sends to one receiver.
#[derive(Debug)]
pub struct Sender {
    way: Way,
    /// The address as it may be shown.
    pub shown: String,
}

impl Sender {
    /// Prepares one; connects when there is something to send. Call it inside a runtime.
    ///
    /// # Errors
    /// If the address cannot be spoken to, or a header cannot be sent.
    pub fn new(settings: &Settings) -> Result<Self, OtelError> {
        let shown = afterglow_ingest::source::shown(&settings.endpoint);
        let way = match settings.protocol {
            Protocol::Grpc => grpc(settings, &shown)?,
            Protocol::HttpProtobuf => http(settings)?,
        };
        Ok(Sender { way, shown })
    }

    /// Sends once.
    pub async fn send(&self, message: &Message) -> Fate {
        match &self.way {
            Way::Grpc(channel, metadata) => {
                let sent = tokio::time::timeout(PATIENCE, send_grpc(channel.clone(), metadata.clone(), message)).await;
                sent.unwrap_or_else(|_| Fate::Again(format!("no answer within {} s", PATIENCE.as_secs()), None))
            }
            Way::Http(client, base, headers) => send_http(client, base, headers, message).await,
        }
    }
}

fn grpc(settings: &Settings, shown: &str) -> Result<Way, OtelError> {
    let bad = |e: tonic::transport::Error| OtelError::Endpoint(format!("{shown}: {}", reasons(&e)));
    let mut endpoint = Endpoint::from_shared(settings.endpoint.to_string()).map_err(bad)?;
    if settings.endpoint.scheme() == "https" {
        endpoint = endpoint.tls_config(ClientTlsConfig::new().with_native_roots()).map_err(bad)?;
    }
    let endpoint = endpoint.user_agent(AGENT).map_err(bad)?.connect_timeout(PATIENCE);
    let mut metadata = MetadataMap::new();
    for (name, value) in &settings.headers {
        let bad = || OtelError::Header(name.clone());
        let key: MetadataKey<Ascii> = name.to_ascii_lowercase().parse().map_err(|_| bad())?;
        let mut value: MetadataValue<Ascii> = value.parse().map_err(|_| bad())?;
        value.set_sensitive(true);
        metadata.insert(key, value);
    }
    Ok(Way::Grpc(endpoint.connect_lazy(), metadata))
}

fn http(settings: &Settings) -> Result<Way, OtelError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &settings.headers {
        let bad = || OtelError::Header(name.clone());
        let name: HeaderName = name.parse().map_err(|_| bad())?;
        let mut value: HeaderValue = value.parse().map_err(|_| bad())?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
    let client = Client::builder()
        .timeout(PATIENCE)
        .user_agent(AGENT)
        // Whoever sends us elsewhere would get the headers, too.
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    Ok(Way::Http(client, settings.endpoint.as_str().trim_end_matches('/').to_owned(), headers))
}

async fn send_grpc(channel: Channel, metadata: MetadataMap, message: &Message) -> Fate {
    fn request<T>(metadata: MetadataMap, message: &T) -> Request<T>
    where
        T: Clone,
    {
        Request::from_parts(metadata, tonic::Extensions::default(), message.clone())
    }
    let answer = match message {
        Message::Traces(m) => {
            let answer = TraceServiceClient::new(channel)
                .max_decoding_message_size(answer::MOST)
                .export(request(metadata, m))
                .await;
            answer.map(|a| a.into_inner().partial_success.map(|p| (p.rejected_spans, p.error_message)))
        }
        Message::Metrics(m) => {
            let answer = MetricsServiceClient::new(channel)
                .max_decoding_message_size(answer::MOST)
                .export(request(metadata, m))
                .await;
            answer.map(|a| a.into_inner().partial_success.map(|p| (p.rejected_data_points, p.error_message)))
        }
        Message::Logs(m) => {
            let answer = LogsServiceClient::new(channel)
                .max_decoding_message_size(answer::MOST)
                .export(request(metadata, m))
                .await;
            answer.map(|a| a.into_inner().partial_success.map(|p| (p.rejected_log_records, p.error_message)))
        }
    };
    match answer {
        Ok(rejected) => Fate::of_partial(rejected),
        Err(status) => Fate::of_grpc(&status),
    }
}

async fn send_http(client: &Client, base: &str, headers: &HeaderMap, message: &Message) -> Fate {
    let body = match message {
        Message::Traces(m) => m.encode_to_vec(),
        Message::Metrics(m) => m.encode_to_vec(),
        Message::Logs(m) => m.encode_to_vec(),
    };
    let request = client.post(format!("{base}/v1/{}", message.signal())).headers(headers.clone()).body(body);
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(e) => return Fate::Again(reasons(&e.without_url()), None),
    };
    let status = answer.status();
    let wait = answer::retry_after(answer.headers());
    let binary = answer.headers().get(CONTENT_TYPE).is_some_and(|t| t.as_bytes().ends_with(b"protobuf"));
    let body = answer::head(answer).await;
    if status.is_success() {
        return Fate::of_partial(partial(message, &body));
    }
    let said = if binary { String::new() } else { String::from_utf8_lossy(&body).into_owned() };
    let said: String = said.lines().next().unwrap_or_default().trim().chars().take(200).collect();
    let what = if said.is_empty() { status.to_string() } else { format!("{status}: {said}") };
    Fate::of_http(status, what, wait)
}

/// What an answer says was not taken. One that cannot be read took all.
fn partial(message: &Message, body: &[u8]) -> Option<(i64, String)> {
    match message {
        Message::Traces(_) => {
            let p = ExportTraceServiceResponse::decode(body).ok()?.partial_success?;
            Some((p.rejected_spans, p.error_message))
        }
        Message::Metrics(_) => {
            let p = ExportMetricsServiceResponse::decode(body).ok()?.partial_success?;
            Some((p.rejected_data_points, p.error_message))
        }
        Message::Logs(_) => {
            let p = ExportLogsServiceResponse::decode(body).ok()?.partial_success?;
            Some((p.rejected_log_records, p.error_message))
        }
    }
}
