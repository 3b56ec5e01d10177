//! A source: one place with event logs, which belongs to one cluster. Turns URLs as people write
//! them into object stores, and store errors into what to do about them.

use std::collections::BTreeMap;
use std::sync::Arc;

use object_store::{
    ClientOptions, ObjectStore, RetryConfig, azure::MicrosoftAzureBuilder, gcp::GoogleCloudStorageBuilder,
    http::HttpBuilder, local::LocalFileSystem, path::Path,
};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::aws;

/// What a source holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// Spark's event logs.
    #[default]
    EventLogs,
    /// What drivers and executors wrote to their standard streams.
    ContainerLogs,
}

impl SourceKind {
    /// As settings and the catalog write it.
    pub fn text(self) -> &'static str {
        match self {
            SourceKind::EventLogs => "event-logs",
            SourceKind::ContainerLogs => "container-logs",
        }
    }
}

/// Where the logs of one cluster lie.
#[derive(Clone)]
pub struct Source {
    pub cluster: String,
    pub kind: SourceKind,
    /// Normal form: `s3a`/`s3n` as `s3`, no trailing slash, local paths as `file:///…`, no secrets.
    pub url: String,
    pub labels: BTreeMap<String, String>,
    pub store: Arc<dyn ObjectStore>,
    pub root: Path,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.cluster, self.url)
    }
}

/// What cannot be a source, and what to write instead.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error(
        "`{0}` is no URL and no path: write s3://bucket/prefix, gs://bucket/prefix, az://container/prefix or a local folder"
    )]
    NotAUrl(String),
    #[error("scheme `{0}` is not known: use s3, s3a, s3n, gs, az, abfss, http, https or file")]
    Scheme(String),
    #[error("{url}: {what}")]
    Store { url: String, what: String },
}

/// The normal form of a source's URL; the same place always has the same one.
pub fn normalize(url: &str) -> Result<Url, SourceError> {
    let bad = || SourceError::NotAUrl(url.to_owned());
    let text = url.trim();
    if text.is_empty() {
        return Err(bad());
    }
    let mut parsed = if text.contains("://") || text.starts_with("file:") {
        Url::parse(text).map_err(|_| bad())?
    } else {
        let path = std::path::absolute(text).map_err(|_| bad())?;
        Url::from_file_path(path).map_err(|()| bad())?
    };
    if matches!(parsed.scheme(), "s3a" | "s3n") {
        parsed = Url::parse(&format!("s3{}", &parsed.as_str()[3..])).map_err(|_| bad())?;
    }
    let path = parsed.path().trim_end_matches('/').to_owned();
    parsed.set_path(&path);
    Ok(parsed)
}

/// A source's URL as it may be shown and stored: without user info and query, which may hold
/// passwords and signatures.
pub fn shown(url: &Url) -> String {
    let mut shown = url.clone();
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.set_query(None);
    shown.to_string()
}

/// An object store for a URL and the path below which things lie. `options` are the keys of the
/// `object_store` crate (`aws_endpoint`, `aws_region`, …) and `aws_profile`; they stand over the environment.
pub async fn open(
    url: &str,
    options: &BTreeMap<String, String>,
) -> Result<(Url, Arc<dyn ObjectStore>, Path), SourceError> {
    let url = normalize(url)?;
    let fail = |e: object_store::Error| SourceError::Store { url: shown(&url), what: explain(&e) };
    let key =
        Path::from_url_path(url.path()).map_err(|e| SourceError::Store { url: shown(&url), what: e.to_string() })?;
    let (store, root): (Arc<dyn ObjectStore>, Path) = match url.scheme() {
        "file" => {
            let path = url.to_file_path().map_err(|()| SourceError::NotAUrl(url.to_string()))?;
            if !path.is_dir() {
                let what = "no such folder: create it, or correct the path".to_owned();
                return Err(SourceError::Store { url: shown(&url), what });
            }
            (Arc::new(LocalFileSystem::new_with_prefix(path).map_err(fail)?), Path::default())
        }
        "s3" => (Arc::new(aws::open(&url, options, retry()).await.map_err(fail)?), key),
        "gs" => {
            let mut b = GoogleCloudStorageBuilder::from_env().with_url(url.as_str()).with_retry(retry());
            for (k, v) in options {
                b = b.with_config(k.parse().map_err(fail)?, v);
            }
            (Arc::new(b.build().map_err(fail)?), key)
        }
        "az" | "azure" | "abfs" | "abfss" | "adl" => {
            let mut b = MicrosoftAzureBuilder::from_env().with_url(url.as_str()).with_retry(retry());
            for (k, v) in options {
                b = b.with_config(k.parse().map_err(fail)?, v);
            }
            (Arc::new(b.build().map_err(fail)?), key)
        }
        "http" | "https" => {
            let mut host = url.clone();
            host.set_path("");
            let client = ClientOptions::new().with_allow_http(url.scheme() == "http");
            let b = HttpBuilder::new().with_url(host.as_str()).with_retry(retry()).with_client_options(client);
            (Arc::new(b.build().map_err(fail)?), key)
        }
        other => return Err(SourceError::Scheme(other.to_owned())),
    };
    Ok((url, store, root))
}

fn retry() -> RetryConfig {
    RetryConfig { max_retries: 6, retry_timeout: std::time::Duration::from_secs(90), ..RetryConfig::default() }
}

impl Source {
    pub async fn open(
        cluster: &str,
        url: &str,
        labels: BTreeMap<String, String>,
        options: &BTreeMap<String, String>,
    ) -> Result<Source, SourceError> {
        let (url, store, root) = open(url, options).await?;
        let kind = SourceKind::default();
        Ok(Source { cluster: cluster.to_owned(), kind, url: shown(&url), labels, store, root })
    }

    /// The same place, as one that holds something else.
    pub fn of_kind(self, kind: SourceKind) -> Source {
        Source { kind, ..self }
    }
}

/// What went wrong with a store, in the words of somebody who has to mend it.
pub fn explain(e: &object_store::Error) -> String {
    let text = full(e);
    let has = |words: &[&str]| words.iter().any(|w| text.contains(w));
    let advice = if has(&["RequestTimeTooSkewed"]) {
        "clock skew: this machine's clock differs from the store's; set it by NTP"
    } else if has(&["profile `"]) && !has(&["profile `default`"]) {
        "the AWS profile gives no credentials: check AWS_PROFILE (or the source's aws_profile) and ~/.aws/config; for SSO run `aws sso login`"
    } else if has(&["no credentials found in chain", "169.254.169.254", "IMDS"]) {
        "no credentials found: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give this machine a role"
    } else if has(&["NoSuchBucket", "The specified bucket does not exist"]) {
        "no such bucket: correct the name, the region or the endpoint"
    } else if has(&["InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"]) {
        "the credentials are not valid: check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or the role"
    } else if has(&[
        "AccessDenied",
        "Access Denied",
        "403 Forbidden",
        "PermissionDenied",
        "Permission denied",
        "Unauthenticated",
    ]) {
        "access denied: grant s3:ListBucket on the bucket and s3:GetObject on the prefix (read permission on a folder)"
    } else if has(&["PermanentRedirect", "301 Moved", "AuthorizationHeaderMalformed"]) {
        "the bucket is in another region: set AWS_REGION or the source's aws_region"
    } else if has(&["dns error", "failed to lookup"]) {
        "the endpoint's name does not resolve: correct the endpoint or the region"
    } else if has(&["Connection refused", "connect error", "tcp connect", "timed out", "operation timed out"]) {
        "the store does not answer: check endpoint, network and proxy"
    } else if matches!(e, object_store::Error::InvalidPath { .. }) {
        "an object's name cannot be read: rename or remove it, or name a prefix beside it"
    } else if matches!(e, object_store::Error::NotFound { .. }) {
        "not found"
    } else {
        return short(&text);
    };
    format!("{advice} ({})", short(&text))
}

/// Characters of a store's error that are shown.
const SHOWN: usize = 240;

fn short(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{} …", &text[..at]),
        None => text.to_owned(),
    }
}

/// An error with its causes, on one line.
fn full(e: &dyn std::error::Error) -> String {
    let mut text = e.to_string();
    let mut cause = e.source();
    while let Some(c) = cause {
        let c_text = c.to_string();
        if !text.contains(&c_text) {
            text.push_str(": ");
            text.push_str(&c_text);
        }
        cause = c.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_place_has_one_url() {
        for (given, normal) in [
            ("s3a://b/p/", "s3://b/p"),
            ("s3n://b/p", "s3://b/p"),
            ("s3://b/p/", "s3://b/p"),
            ("s3://b", "s3://b"),
            ("/data/events/", "file:///data/events"),
            ("file:///data/events", "file:///data/events"),
            ("file:/data/events", "file:///data/events"),
        ] {
            assert_eq!(normalize(given).unwrap().to_string(), normal, "{given}");
        }
        assert!(matches!(normalize(""), Err(SourceError::NotAUrl(_))));
        assert!(matches!(open("ftp://x/y", &BTreeMap::new()).await, Err(SourceError::Scheme(s)) if s == "ftp"));
    }
}
