//! Settings of OpenTelemetry, and the environment that its specification gives them.

use std::collections::BTreeMap;

use afterglow_history::otel::{self, Protocol, Sender};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use toml::{Table, Value};

use super::shown_url;

/// Sending of traces, metrics and events to a receiver that speaks OTLP.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Otel {
    /// Address of the receiver; nothing is sent, unless set.
    pub endpoint: String,
    /// How it is spoken to; unless set, gRPC if the port is gRPC's, and HTTP otherwise.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "write", deserialize_with = "read")]
    pub protocol: Option<Protocol>,
    /// Headers that every request has.
    pub headers: BTreeMap<String, String>,
    /// `service.name` of the process's own traces.
    pub service_name: String,
    /// Attributes of every resource.
    pub attributes: BTreeMap<String, String>,
    /// Share of the process's own traces that are sent, 0 to 1.
    pub sample: f64,
    /// Whether applications are sent as they end.
    pub applications: bool,
    /// Slowest tasks of each stage attempt that become spans.
    pub tasks: usize,
}

impl Default for Otel {
    fn default() -> Self {
        Otel {
            endpoint: String::new(),
            protocol: None,
            headers: BTreeMap::new(),
            service_name: "afterglow".into(),
            attributes: BTreeMap::new(),
            sample: 1.0,
            applications: false,
            tasks: 20,
        }
    }
}

fn write<S: Serializer>(protocol: &Option<Protocol>, s: S) -> Result<S::Ok, S::Error> {
    match protocol {
        Some(protocol) => s.collect_str(protocol),
        None => s.serialize_none(),
    }
}

fn read<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Protocol>, D::Error> {
    String::deserialize(d)?.parse().map(Some).map_err(D::Error::custom)
}

/// Port of OTLP over gRPC.
const GRPC: u16 = 4317;

impl Otel {
    /// Where to send; none if nothing says.
    ///
    /// # Errors
    /// A sentence about an address that is none.
    pub fn settings(&self) -> Result<Option<otel::Settings>, String> {
        if self.endpoint.is_empty() {
            return Ok(None);
        }
        let no_address = || {
            format!(
                "otel.endpoint: `{}` is no address: write http://HOST:4317 for gRPC, or http://HOST:4318 for HTTP",
                shown_url(&self.endpoint)
            )
        };
        if !self.endpoint.starts_with("http://") && !self.endpoint.starts_with("https://") {
            return Err(no_address());
        }
        let endpoint = url::Url::parse(&self.endpoint).map_err(|_| no_address())?;
        let usual = if endpoint.port() == Some(GRPC) { Protocol::Grpc } else { Protocol::HttpProtobuf };
        Ok(Some(otel::Settings {
            protocol: self.protocol.unwrap_or(usual),
            endpoint,
            headers: self.headers.clone(),
            service_name: self.service_name.clone(),
            attributes: self.attributes.clone(),
            sample: self.sample,
            tasks: self.tasks,
        }))
    }

    /// What cannot work, each with its key and the remedy.
    pub fn problems(&self) -> Vec<String> {
        let mut out = Vec::new();
        out.extend(self.settings().err());
        if !(0.0..=1.0).contains(&self.sample) {
            out.push(format!("otel.sample: {} is no share: write a number from 0 to 1", self.sample));
        }
        if self.applications && self.endpoint.is_empty() {
            out.push(
                "otel.applications: there is no otel.endpoint to send them to: name the receiver's address".into(),
            );
        }
        out
    }

    /// A sender to the receiver. Inside a runtime only.
    ///
    /// # Errors
    /// A sentence about an address or header that cannot be.
    pub fn sender(&self) -> Result<Sender, String> {
        let settings = self.settings()?.ok_or(
            "otel.endpoint: not set: name the receiver with --endpoint http://HOST:4317, or in OTEL_EXPORTER_OTLP_ENDPOINT",
        )?;
        Sender::new(&settings).map_err(|e| e.to_string())
    }
}

/// A setting: (variable, key, value).
pub type Given<'e> = (&'e str, &'static str, Value);

/// Settings that variables of OpenTelemetry's specification stand for.
///
/// # Errors
/// The variable, and a sentence about it.
pub fn standard(environment: &[(String, String)]) -> Result<Vec<Given<'_>>, (String, String)> {
    let mut out = Vec::new();
    let given = |name: &str| {
        let found = environment.iter().find(|(n, v)| n == name && !v.is_empty());
        found.map(|(n, v)| (n.as_str(), v.trim()))
    };
    let disabled = given("OTEL_SDK_DISABLED").is_some_and(|(_, v)| v.eq_ignore_ascii_case("true"));
    if disabled {
        return Ok(vec![("OTEL_SDK_DISABLED", "endpoint", Value::String(String::new()))]);
    }
    for (name, key) in [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "endpoint"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "protocol"),
        ("OTEL_SERVICE_NAME", "service_name"),
    ] {
        out.extend(given(name).map(|(n, v)| (n, key, Value::String(v.to_owned()))));
    }
    for (name, key) in [("OTEL_EXPORTER_OTLP_HEADERS", "headers"), ("OTEL_RESOURCE_ATTRIBUTES", "attributes")] {
        let Some((name, value)) = given(name) else { continue };
        let mut pairs = pairs(value).map_err(|e| (name.to_owned(), e))?;
        // It is what our own traces are named by, unless OTEL_SERVICE_NAME says otherwise; applications have names of their own.
        if let Some(service) = pairs.remove("service.name").filter(|_| given("OTEL_SERVICE_NAME").is_none()) {
            out.push((name, "service_name", service));
        }
        out.push((name, key, Value::Table(pairs)));
    }
    let ratio = given("OTEL_TRACES_SAMPLER").is_some_and(|(_, v)| v.ends_with("traceidratio"));
    if let Some((name, share)) = given("OTEL_TRACES_SAMPLER_ARG").filter(|_| ratio) {
        let share = share.parse().map_err(|_| (name.to_owned(), format!("`{share}` is no number from 0 to 1")))?;
        out.push((name, "sample", Value::Float(share)));
    }
    Ok(out)
}

/// `key=value,key=value`, values percent-encoded.
fn pairs(text: &str) -> Result<Table, String> {
    let pair = |pair: &str| {
        let (key, value) =
            pair.split_once('=').ok_or_else(|| format!("`{}` is no pair: write key=value,key=value", pair.trim()))?;
        let value = percent_decode_str(value.trim()).decode_utf8().map_err(|_| format!("{key}: not in UTF-8"))?;
        Ok((key.trim().to_owned(), Value::String(value.into_owned())))
    };
    text.split(',').filter(|p| !p.trim().is_empty()).map(pair).collect()
}
