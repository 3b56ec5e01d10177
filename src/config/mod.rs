//! Settings: plain data with defaults that work. File under environment under flags.
//! Everything that can be set is a field here and a line in `docs/configuration.md`.

mod load;
pub mod units;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use afterglow_ingest::SourceKind;
use serde::{Deserialize, Serialize};

pub use load::{ConfigError, load};
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
}

impl Default for Server {
    fn default() -> Self {
        Server { listen: SocketAddr::from(([127, 0, 0, 1], 18080)), allow_remote: false }
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
    /// Memory for the states of applications that are followed.
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

/// What is removed from the store, oldest first. Nothing, unless set.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Attempts whose last event is older go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age: Option<Time>,
    /// Attempts go until the store is no larger.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
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

/// SQL over the fleet tables.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sql {
    /// A statement that takes longer is stopped.
    pub timeout: Time,
    /// Memory of all statements together.
    pub memory: Size,
    /// Rows that a statement gives at most.
    pub rows: usize,
}

impl Default for Sql {
    fn default() -> Self {
        Sql { timeout: Time(Duration::from_secs(30)), memory: Size(256 << 20), rows: 100_000 }
    }
}

/// A place with logs.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SourceConfig {
    pub cluster: String,
    pub url: String,
    /// What it holds: event logs, unless this says container logs.
    pub kind: SourceKind,
    pub labels: BTreeMap<String, String>,
    pub options: BTreeMap<String, String>,
}

/// Cluster of a source that names none.
pub const DEFAULT_CLUSTER: &str = "default";

impl SourceConfig {
    /// `[CLUSTER=]URL`, as on the command line.
    pub fn parse(text: &str) -> SourceConfig {
        let (cluster, url) = match text.split_once('=') {
            Some((c, u)) if !c.contains(['/', ':', '?']) => (c.trim(), u),
            _ => (DEFAULT_CLUSTER, text),
        };
        SourceConfig { cluster: cluster.to_owned(), url: url.to_owned(), ..SourceConfig::default() }
    }
}

/// A URL from the settings as it may be printed; a path stays as it was written.
pub fn shown_url(url: &str) -> String {
    match afterglow_ingest::source::normalize(url) {
        Ok(parsed) if url.contains("://") => afterglow_ingest::source::shown(&parsed),
        _ => url.to_owned(),
    }
}

impl Config {
    /// The effective settings as TOML, secrets masked.
    pub fn print(&self) -> String {
        let mut shown = self.clone();
        let secret = |k: &str| {
            ["secret", "token", "key", "password", "credential"].iter().any(|w| k.to_ascii_lowercase().contains(w))
        };
        for options in std::iter::once(&mut shown.store.options).chain(shown.source.iter_mut().map(|s| &mut s.options))
        {
            options
                .iter_mut()
                .filter(|(k, _)| secret(k))
                .for_each(|(_, v)| *v = afterglow_history::redact::REDACTED.to_owned());
        }
        for url in std::iter::once(&mut shown.store.url).chain(shown.source.iter_mut().map(|s| &mut s.url)) {
            *url = shown_url(url);
        }
        toml::to_string_pretty(&shown).unwrap_or_default()
    }

    /// What cannot work, each with its key and the remedy.
    pub fn problems(&self) -> Vec<String> {
        let mut out = Vec::new();
        if !self.server.listen.ip().is_loopback() && !self.server.allow_remote {
            out.push(format!(
                "server.listen: {} is reachable from other machines and there is no authentication yet: listen on 127.0.0.1, or put a proxy in front and set server.allow_remote (--allow-remote)",
                self.server.listen
            ));
        }
        if let Err(e) = afterglow_history::redact::Redactor::new(&self.redaction.regex) {
            out.push(format!(
                "redaction.regex: {}: write a regular expression of Rust's `regex` crate",
                e.to_string().replace('\n', " ")
            ));
        }
        if self.store.url.trim().is_empty() {
            out.push("store.url: empty: name a folder or s3://bucket/prefix".into());
        }
        for (i, s) in self.source.iter().enumerate() {
            if s.url.trim().is_empty() {
                out.push(format!("source[{i}].url: empty: name a folder or s3://bucket/prefix"));
            }
            if s.cluster.is_empty() || s.cluster.contains(['/', '?', '#', '%']) {
                out.push(format!(
                    "source[{i}].cluster: `{}` cannot be part of a path: use letters, digits, dots and dashes",
                    s.cluster
                ));
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_documented() {
        let docs = include_str!("../../docs/configuration.md");
        let mut all = Config { source: vec![SourceConfig::default()], ..Config::default() };
        all.retention = Retention { age: Some(Time(Duration::from_secs(1))), size: Some(Size(1)) };
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
    fn sources_on_the_command_line() {
        for (text, cluster, url) in [
            ("analytics=s3://b/p", "analytics", "s3://b/p"),
            ("/data/events", "default", "/data/events"),
            ("s3://b/p?x=1", "default", "s3://b/p?x=1"),
            ("science=/data/a=b", "science", "/data/a=b"),
        ] {
            let s = SourceConfig::parse(text);
            assert_eq!((s.cluster.as_str(), s.url.as_str()), (cluster, url));
        }
    }
}
