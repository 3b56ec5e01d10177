//! OpenTelemetry: Spark applications as traces, metrics and events, and the traces of the process itself, over OTLP.
//!
//! In: attempts from catalog and store. Out: requests to one receiver. What it sends has ids that follow from what it is about, so
//! that a receiver which gets it twice has it once.
//!
//! Invariant: nothing waits for a receiver but what sends to it.
//! Invariant: what the log does not tell is left out, and not sent as zero.

mod attributes;
mod events;
pub mod export;
pub mod follow;
mod ids;
mod numbers;
pub mod own;
mod send;
mod spans;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use reqwest::Url;

pub use export::{ExportError, Exporter, Patience, Sent};
pub use send::Sender;

/// How a receiver is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Grpc,
    HttpProtobuf,
}

impl FromStr for Protocol {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        match s {
            "grpc" => Ok(Protocol::Grpc),
            "http/protobuf" => Ok(Protocol::HttpProtobuf),
            _ => Err(format!("`{s}` is not spoken here: write grpc or http/protobuf")),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::Grpc => "grpc",
            Protocol::HttpProtobuf => "http/protobuf",
        })
    }
}

/// Where to send, and as whom.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The receiver's address, without the paths of signals.
    pub endpoint: Url,
    pub protocol: Protocol,
    /// Headers that every request has.
    pub headers: BTreeMap<String, String>,
    /// `service.name` of the process's own spans.
    pub service_name: String,
    /// Further attributes of every resource.
    pub attributes: BTreeMap<String, String>,
    /// Share of the process's own traces that are sent, 0 to 1.
    pub sample: f64,
    /// Slowest tasks of each stage attempt that become spans.
    pub tasks: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum OtelError {
    #[error("otel.endpoint: {0}: write http://HOST:4317 for gRPC, or http://HOST:4318 for HTTP")]
    Endpoint(String),
    #[error("otel.headers: {0}: write a header's name in small letters and a text in ASCII")]
    Header(String),
    #[error("otel: {0}")]
    Client(#[from] reqwest::Error),
}

/// The scope of everything that is sent.
const SCOPE: &str = "afterglow";

/// An error with its causes: the outermost says little.
fn reasons(e: &dyn std::error::Error) -> String {
    let mut out = e.to_string();
    let mut cause = e.source();
    while let Some(e) = cause {
        let said = e.to_string();
        if !out.ends_with(&said) {
            out.push_str(&format!(": {said}"));
        }
        cause = e.source();
    }
    out
}
