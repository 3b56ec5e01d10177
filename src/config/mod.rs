//! Settings: plain data with defaults that work. File under environment under flags.
//! Everything that can be set is a field here and a line in `docs/configuration.md`.

pub mod actions;
pub mod alerts;
pub mod findings;
mod load;
pub mod otel;
pub mod postgres;
pub mod remediation;
pub mod rules;
pub mod sources;
pub mod sql;
pub mod units;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use actions::ActionConfig;
use alerts::Alerts;
use findings::{Cost, Findings};
use serde::{Deserialize, Serialize};

pub use load::{ConfigError, load};
use otel::Otel;
use postgres::Postgres;
use remediation::Remediation;
use rules::RuleConfig;
use sources::SourceConfig;
use sql::Sql;
use units::{Size, Time};

/// All settings.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub server: Server,
    pub store: Store,
    pub ingest: Ingest,
    pub retention: Retention,
    pub redaction: Redaction,
    pub sql: Sql,
    pub postgres: Postgres,
    pub metrics: Metrics,
    pub remote_write: RemoteWrite,
    pub otel: Otel,
    pub findings: Findings,
    pub cost: Cost,
    pub alerts: Alerts,
    pub remediation: Remediation,
    pub action: Vec<ActionConfig>,
    pub rule: Vec<RuleConfig>,
    pub source: Vec<SourceConfig>,
}

/// The HTTP server.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    pub listen: SocketAddr,
    /// There is no authentication yet: other addresses than this machine's own are refused
    /// unless this says that something in front takes care of it.
    pub allow_remote: bool,
    /// Names under which it is asked, beside this machine's own: those of a proxy, or in DNS.
    pub hosts: Vec<String>,
    /// Time that a client may take for a request, leave an answer lying, or keep a connection without a request.
    pub timeout: Time,
    /// Connections at once; 0: half as many as files may be open, and no more than 2048.
    pub connections: usize,
    /// Memory of all requests together.
    pub memory: Size,
    /// Log downloads at once.
    pub downloads: usize,
}

impl Default for Server {
    fn default() -> Self {
        Server {
            listen: SocketAddr::from(([127, 0, 0, 1], 18080)),
            allow_remote: false,
            hosts: Vec::new(),
            timeout: Time(Duration::from_secs(60)),
            connections: 0,
            memory: Size(512 << 20),
            downloads: 64,
        }
    }
}

impl Server {
    fn problems(&self) -> Vec<String> {
        let mut out = Vec::new();
        let is_host = |h: &str| {
            let name = h.strip_prefix("*.").unwrap_or(h);
            let letters = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
            h.parse::<IpAddr>().is_ok() || !name.is_empty() && letters && !name.ends_with('.')
        };
        for host in self.hosts.iter().filter(|h| !is_host(h)) {
            out.push(format!(
                "server.hosts: `{host}` is no name: write spark.example.com, *.example.com or an address, without scheme and port"
            ));
        }
        if self.timeout.0 < Duration::from_secs(1) {
            out.push("server.timeout: less than a second: write 10s or more".into());
        }
        if self.memory.0 < 64 << 20 {
            out.push("server.memory: less than 64MiB, which single pages may need: write 64MiB or more".into());
        }
        if self.downloads == 0 {
            out.push("server.downloads: 0: write how many log downloads may run at once".into());
        }
        out
    }
}

/// Where indexed attempts are kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// A folder, or a URL of an object store.
    pub url: String,
    /// Folder of catalog, search index and scratch files. Empty: the store's own folder, or
    /// `afterglow-data` here if the store is remote.
    pub dir: PathBuf,
    /// Memory for blocks read from the store.
    pub cache: Size,
    /// Settings of the object store, as keys of the `object_store` crate.
    pub options: BTreeMap<String, String>,
}

impl Default for Store {
    fn default() -> Self {
        Store { url: "afterglow-data".into(), dir: PathBuf::new(), cache: Size(128 << 20), options: BTreeMap::new() }
    }
}

/// Reading of logs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ingest {
    /// Threads that parse; 0: one a core.
    pub workers: usize,
    /// Pause between two scans of a source.
    pub poll: Time,
    /// A log without an end that has not grown for so long is lost.
    pub quiet: Time,
    /// Memory for the states of applications that are followed, and at most as much again for long lines of logs.
    pub memory: Size,
}

impl Default for Ingest {
    fn default() -> Self {
        Ingest {
            workers: 0,
            poll: Time(Duration::from_secs(5)),
            quiet: Time(Duration::from_secs(6 * 3600)),
            memory: Size(1 << 30),
        }
    }
}

/// The shortest pause between two scans.
const SHORTEST_POLL: Duration = Duration::from_millis(100);

/// What is removed from the store, oldest first. Nothing, unless set.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Attempts whose last event is older go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age: Option<Time>,
    /// Attempts go until the store is no larger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// The share of all attempts that one round may remove; 1 for all.
    pub most: f64,
}

impl Default for Retention {
    fn default() -> Self {
        Retention { age: None, size: None, most: afterglow_history::maintain::Retention::default().most }
    }
}

impl Retention {
    fn problems(&self) -> Vec<String> {
        let mut out = Vec::new();
        if self.age.is_some_and(|t| t.0.is_zero()) {
            out.push(
                "retention.age: 0 would remove everything: write 90d, or leave the setting out to keep everything"
                    .into(),
            );
        }
        if self.size.is_some_and(|s| s.0 == 0) {
            out.push(
                "retention.size: 0 would remove everything: write 200GB, or leave the setting out to keep everything"
                    .into(),
            );
        }
        if !(0.0..=1.0).contains(&self.most) {
            out.push(format!("retention.most: {} is no share: write a number from 0 to 1", self.most));
        }
        out
    }
}

/// Which property values are masked before they are stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Redaction {
    /// Matched against keys and values, like `spark.redaction.regex`. A wider list of our own is
    /// always masked.
    pub regex: String,
}

impl Default for Redaction {
    fn default() -> Self {
        Redaction { regex: afterglow_history::redact::SPARK_DEFAULT.into() }
    }
}

/// Metrics of a process that serves nothing else.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// Where `ingest` and `alerts` serve `/metrics`; nowhere, unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
}

/// Sending of metrics to a Prometheus that cannot fetch them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RemoteWrite {
    /// Address of the receiver; nothing is sent, unless set.
    pub url: String,
    /// Pause between two sendings.
    pub every: Time,
    /// Patterns of names that are sent; with `!` before them, that are not.
    pub series: Vec<String>,
    /// Labels that every series gets.
    pub labels: BTreeMap<String, String>,
    /// Headers that every request gets.
    pub headers: BTreeMap<String, String>,
    /// File with a bearer token.
    pub bearer_token_file: PathBuf,
    /// Name and file of the password for basic authentication.
    pub username: String,
    pub password_file: PathBuf,
    /// Requests are signed, as Amazon Managed Service for Prometheus wants it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sigv4: Option<SigV4>,
}

impl Default for RemoteWrite {
    fn default() -> Self {
        RemoteWrite {
            url: String::new(),
            every: Time(Duration::from_secs(15)),
            series: vec!["*".into(), "!*_bucket".into()],
            labels: BTreeMap::new(),
            headers: BTreeMap::new(),
            bearer_token_file: PathBuf::new(),
            username: String::new(),
            password_file: PathBuf::new(),
            sigv4: None,
        }
    }
}

/// How requests are signed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SigV4 {
    pub region: String,
    /// A profile of the AWS SDKs; empty: what they find.
    pub profile: String,
}

impl RemoteWrite {
    /// Ways to say who we are, of which there may be one.
    fn accesses(&self) -> usize {
        let given = [
            !self.bearer_token_file.as_os_str().is_empty(),
            !self.username.is_empty() || !self.password_file.as_os_str().is_empty(),
            self.sigv4.is_some(),
        ];
        given.into_iter().filter(|g| *g).count()
    }

    fn problems(&self) -> Vec<String> {
        let mut out = Vec::new();
        if self.url.is_empty() {
            return out;
        }
        if !self.url.starts_with("http://") && !self.url.starts_with("https://") {
            out.push(format!(
                "remote_write.url: `{}` is no address: write https://HOST/api/v1/write, or what your receiver says",
                shown_url(&self.url)
            ));
        }
        if self.every.0 < Duration::from_secs(1) {
            out.push("remote_write.every: less than a second: write 15s or more".into());
        }
        if self.accesses() > 1 {
            out.push(
                "remote_write: bearer_token_file, username and sigv4 exclude each other: keep the one that your receiver wants"
                    .into(),
            );
        }
        if self.username.is_empty() != self.password_file.as_os_str().is_empty() {
            out.push("remote_write.username: needs password_file, and the other way round: set both".into());
        }
        if self.sigv4.as_ref().is_some_and(|s| s.region.is_empty()) {
            out.push("remote_write.sigv4: no region: write sigv4 = { region = \"eu-central-1\" }".into());
        }
        let is_name = |n: &str| {
            n.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && n.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        for name in self.labels.keys().filter(|n| !is_name(n)) {
            out.push(format!("remote_write.labels: `{name}` is no label's name: use letters, digits and underscores"));
        }
        out
    }
}

/// A URL from the settings as it may be printed; a path stays as it was written.
pub fn shown_url(url: &str) -> String {
    match afterglow_ingest::source::normalize(url) {
        Ok(parsed) if url.contains("://") => afterglow_ingest::source::shown(&parsed),
        _ => afterglow_ingest::source::masked(url),
    }
}

fn is_url(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| scheme.chars().all(|c| c.is_ascii_alphanumeric() || c == '+'))
}

/// Every value that is a URL as it may be printed.
fn mask_urls(value: &mut toml::Value) {
    match value {
        toml::Value::String(text) if is_url(text) => *text = afterglow_ingest::source::masked(text),
        toml::Value::Array(all) => all.iter_mut().for_each(mask_urls),
        toml::Value::Table(all) => all.iter_mut().for_each(|(_, value)| mask_urls(value)),
        _ => {}
    }
}

impl Config {
    /// The effective settings as TOML, secrets masked.
    pub fn print(&self) -> String {
        let mut shown = self.clone();
        let secret = |k: &str| {
            ["secret", "token", "key", "password", "credential"].iter().any(|w| k.to_ascii_lowercase().contains(w))
        };
        for options in [&mut shown.store.options, &mut shown.remediation.runbooks_options]
            .into_iter()
            .chain(shown.source.iter_mut().map(|s| &mut s.options))
        {
            options
                .iter_mut()
                .filter(|(k, _)| secret(k))
                .for_each(|(_, v)| *v = afterglow_history::redact::REDACTED.to_owned());
        }
        for value in shown.remote_write.headers.values_mut().chain(shown.otel.headers.values_mut()) {
            afterglow_history::redact::REDACTED.clone_into(value);
        }
        // The address of a webhook is often all that one needs to call it.
        for action in shown.action.iter_mut().filter(|a| a.kind == "webhook") {
            afterglow_history::redact::REDACTED.clone_into(&mut action.target);
        }
        shown.postgres.users.values_mut().for_each(|p| afterglow_history::redact::REDACTED.clone_into(p));
        let Ok(mut shown) = toml::Value::try_from(&shown) else { return String::new() };
        mask_urls(&mut shown);
        toml::to_string_pretty(&shown).unwrap_or_default()
    }

    /// What cannot work, each with its key and the remedy.
    pub fn problems(&self) -> Vec<String> {
        let mut out = Vec::new();
        let listens = [("server.listen", Some(self.server.listen)), ("metrics.listen", self.metrics.listen)];
        for (key, address) in listens.into_iter().filter_map(|(key, address)| Some((key, address?))) {
            if !address.ip().is_loopback() && !self.server.allow_remote {
                out.push(format!(
                    "{key}: {address} is reachable from other machines and there is no authentication yet: listen on 127.0.0.1, or put a proxy in front and set server.allow_remote (--allow-remote)"
                ));
            }
        }
        if self.ingest.poll.0 < SHORTEST_POLL {
            out.push(format!(
                "ingest.poll: {} would list sources without a pause: write {} or more",
                self.ingest.poll,
                Time(SHORTEST_POLL)
            ));
        }
        out.extend(self.server.problems());
        out.extend(self.retention.problems());
        out.extend(self.sql.problems());
        out.extend(self.postgres.problems(self.server.allow_remote));
        out.extend(self.remote_write.problems());
        out.extend(self.otel.problems());
        out.extend(self.findings.problems());
        out.extend(self.cost.problems());
        out.extend(self.alerts.problems());
        out.extend(self.remediation.problems());
        out.extend(self.action.iter().enumerate().flat_map(|(i, a)| a.problems(i)));
        for (i, a) in self.action.iter().enumerate() {
            if self.action[..i].iter().any(|before| before.name == a.name) {
                out.push(format!("action[{i}].name: `{}` is there twice: give each action a name of its own", a.name));
            }
        }
        out.extend(rules::problems(&self.rule));
        if let Err(e) = afterglow_history::redact::Redactor::new(&self.redaction.regex) {
            out.push(format!(
                "redaction.regex: {}: write a regular expression of Rust's `regex` crate",
                e.to_string().replace('\n', " ")
            ));
        }
        if self.store.url.trim().is_empty() {
            out.push("store.url: empty: name a folder or s3://bucket/prefix".into());
        }
        out.extend(sources::problems(&self.source));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_documented() {
        let docs = include_str!("../../docs/configuration.md");
        let mut all = Config {
            source: vec![SourceConfig::default()],
            action: vec![ActionConfig::default()],
            ..Config::default()
        };
        all.postgres.users.insert("NAME".into(), String::new());
        all.metrics.listen = Some(all.server.listen);
        all.remote_write.sigv4 = Some(SigV4::default());
        all.otel.protocol = Some(afterglow_history::otel::Protocol::Grpc);
        all.cost.core_hour = Some(0.05);
        all.cost.gib_hour = Some(0.005);
        all.alerts.inhibit = Some(Vec::new());
        let r = &mut all.remediation;
        for amount in [&mut r.money_per_day, &mut r.money_per_incident, &mut r.input_price, &mut r.output_price] {
            *amount = Some(1.0);
        }
        let job = rules::MissingConfig { cluster: Some(String::new()), ..rules::MissingConfig::default() };
        let series = rules::SeriesConfig::default();
        all.rule = vec![RuleConfig { series: Some(series), missing: Some(job), ..RuleConfig::default() }];
        all.retention = Retention { age: Some(Time(Duration::from_secs(1))), size: Some(Size(1)), most: 1.0 };
        let table = toml::Table::try_from(all).unwrap();
        for (section, keys) in &table {
            let keys = keys.as_table().cloned().or_else(|| keys.as_array()?.first()?.as_table().cloned()).unwrap();
            for key in keys.keys() {
                assert!(
                    docs.contains(&format!("`{section}.{key}`")),
                    "docs/configuration.md does not tell of {section}.{key}"
                );
            }
        }
    }

    #[test]
    fn what_cannot_be_sent_or_listened_on_is_said() {
        let config = |text: &str| toml::from_str::<Config>(text).unwrap();
        let url = "[remote_write]\nurl = \"https://h/api/v1/write\"\n";
        assert_eq!(config(url).problems(), [""; 0]);
        for (text, said) in [
            ("[remote_write]\nurl = \"h:9090\"", "remote_write.url: `h:9090` is no address"),
            (&format!("{url}every = \"10ms\""), "remote_write.every: less than a second"),
            (&format!("{url}bearer_token_file = \"t\"\nsigv4 = {{ region = \"r\" }}"), "exclude each other"),
            (&format!("{url}username = \"me\""), "remote_write.username: needs password_file"),
            (&format!("{url}sigv4 = {{}}"), "remote_write.sigv4: no region"),
            (&format!("{url}labels = {{ \"a-b\" = \"x\" }}"), "remote_write.labels: `a-b`"),
            ("[metrics]\nlisten = \"0.0.0.0:1\"", "metrics.listen: 0.0.0.0:1 is reachable"),
            ("[server]\nhosts = [\"http://spark\"]", "server.hosts: `http://spark` is no name"),
            ("[server]\nhosts = [\"spark:443\"]", "server.hosts: `spark:443` is no name"),
            ("[server]\ntimeout = \"10ms\"", "server.timeout: less than a second"),
            ("[server]\nmemory = \"1MiB\"", "server.memory: less than 64MiB"),
            ("[server]\ndownloads = 0", "server.downloads: 0"),
            ("[otel]\nendpoint = \"collector:4317\"", "otel.endpoint: `collector:4317` is no address"),
            ("[otel]\nsample = 1.5", "otel.sample: 1.5 is no share"),
            ("[retention]\nage = \"0s\"", "retention.age: 0 would remove everything"),
            ("[retention]\nsize = 0", "retention.size: 0 would remove everything"),
            ("[retention]\nmost = 50.0", "retention.most: 50 is no share"),
            ("[otel]\napplications = true", "otel.applications: there is no otel.endpoint"),
        ] {
            let problems = config(text).problems();
            assert!(problems.len() == 1 && problems[0].contains(said), "{text}: {problems:?}");
        }
        let secret = config(&format!("{url}headers = {{ x-key = \"s3cret\" }}")).print();
        assert!(!secret.contains("s3cret"), "{secret}");
    }
}
