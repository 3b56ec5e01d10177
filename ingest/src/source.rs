//! A source: one place with event logs, which belongs to one cluster. Turns URLs as people write
//! them into object stores, and store errors into what to do about them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use object_store::{
    ClientConfigKey, ClientOptions, ObjectStore, RetryConfig,
    aws::AmazonS3ConfigKey,
    azure::{AzureConfigKey, MicrosoftAzureBuilder},
    gcp::{GoogleCloudStorageBuilder, GoogleConfigKey},
    http::HttpBuilder,
    local::LocalFileSystem,
    path::Path,
};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::aws;

/// What a source holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    /// Where it lies on this machine, if it does: a folder is listed by [`crate::scan`] itself.
    pub folder: Option<PathBuf>,
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
    let bad = || SourceError::NotAUrl(masked(url));
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
    shown.set_fragment(None);
    shown.to_string()
}

/// A text in which every URL is as it may be shown: errors of clients repeat the addresses that they were given.
pub fn masked(text: &str) -> String {
    const SCHEME: &str = "://";
    /// What ends a URL inside of a text.
    const ENDS: [char; 9] = [' ', '\t', '\n', '"', '\'', '`', '<', '>', ')'];
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(SCHEME) {
        let (before, after) = rest.split_at(at + SCHEME.len());
        out.push_str(before);
        let url = &after[..after.find(ENDS).unwrap_or(after.len())];
        let place = &url[..url.find(['?', '#']).unwrap_or(url.len())];
        let (authority, path) = place.split_at(place.find('/').unwrap_or(place.len()));
        out.push_str(authority.rsplit_once('@').map_or(authority, |(_, host)| host));
        out.push_str(path);
        // A colon or full stop behind it is the text's.
        rest = &after[url.len()..];
        if place.len() < url.len() && url.ends_with([':', ',', ';', '.']) {
            out.push_str(&url[url.len() - 1..]);
        }
    }
    out.push_str(rest);
    out
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
    check_options(url.scheme(), options).map_err(|what| SourceError::Store { url: shown(&url), what })?;
    let (store, root): (Arc<dyn ObjectStore>, Path) = match url.scheme() {
        "file" => {
            let path = url.to_file_path().map_err(|()| SourceError::NotAUrl(shown(&url)))?;
            let log = path.is_file().then(|| path.parent().zip(path.file_name().and_then(|n| n.to_str()))).flatten();
            if let Some((folder, name)) = log {
                // One log: its folder, of which no more is asked.
                let store = LocalFileSystem::new_with_prefix(folder).map_err(fail)?;
                return Ok((url, Arc::new(store), Path::from(name)));
            }
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
            let mut client = ClientOptions::new().with_allow_http(url.scheme() == "http");
            for (k, v) in options {
                client = client.with_config(k.parse().map_err(fail)?, v);
            }
            let b = HttpBuilder::new().with_url(host.as_str()).with_retry(retry()).with_client_options(client);
            (Arc::new(b.build().map_err(fail)?), key)
        }
        other => return Err(SourceError::Scheme(other.to_owned())),
    };
    Ok((url, store, root))
}

/// Names of options by what a URL begins with, for who errs: those that people set.
const OPTIONS: [(&str, &[&str]); 4] = [
    (
        "s3",
        &[
            "aws_access_key_id",
            "aws_secret_access_key",
            "aws_session_token",
            "aws_region",
            "aws_endpoint",
            aws::PROFILE,
            "aws_role_arn",
            "aws_web_identity_token_file",
            "aws_skip_signature",
            "aws_allow_http",
            "aws_virtual_hosted_style_request",
            "aws_imdsv1_fallback",
            "aws_unsigned_payload",
            "aws_request_payer",
        ],
    ),
    (
        "gs",
        &[
            "google_service_account",
            "google_service_account_key",
            "google_application_credentials",
            "google_skip_signature",
        ],
    ),
    (
        "az",
        &[
            "azure_storage_account_name",
            "azure_storage_account_key",
            "azure_storage_client_id",
            "azure_storage_client_secret",
            "azure_storage_tenant_id",
            "azure_storage_sas_key",
            "azure_storage_token",
            "azure_storage_endpoint",
            "azure_storage_use_emulator",
            "azure_skip_signature",
        ],
    ),
    ("", &["allow_http", "allow_invalid_certificates", "connect_timeout", "timeout", "proxy_url", "user_agent"]),
];
/// How like a name must be to be the one that was meant, from 0 to 1.
const ALIKE: f64 = 0.8;

/// Whether every option means something to the stores of a scheme; if not, which one does not, and which may have been meant.
fn check_options(scheme: &str, options: &BTreeMap<String, String>) -> Result<(), String> {
    let family = match scheme {
        "s3" | "gs" => scheme,
        "az" | "azure" | "abfs" | "abfss" | "adl" => "az",
        "http" | "https" => "",
        _ => "file",
    };
    let known = |name: &str| match family {
        "s3" => name == aws::PROFILE || name.parse::<AmazonS3ConfigKey>().is_ok(),
        "gs" => name.parse::<GoogleConfigKey>().is_ok(),
        "az" => name.parse::<AzureConfigKey>().is_ok(),
        "" => name.parse::<ClientConfigKey>().is_ok(),
        _ => false,
    };
    let Some(name) = options.keys().find(|name| !known(name)) else { return Ok(()) };
    let all = OPTIONS.iter().filter(|(of, _)| family != "file" && (*of == family || of.is_empty()));
    let all = all.flat_map(|(_, names)| names.iter().map(move |n| (strsim::jaro_winkler(n, name), n)));
    let meant = all.filter(|(alike, _)| *alike > ALIKE).max_by(|a, b| a.0.total_cmp(&b.0));
    let remedy = match (family, meant) {
        ("file", _) => "a folder has no options: leave it out".to_owned(),
        (_, Some((_, meant))) => format!("did you mean {meant}?"),
        (_, None) => "docs/sources.md names the options of each kind of store".to_owned(),
    };
    Err(format!("options: `{name}` means nothing to {scheme}://: {remedy}"))
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
        let folder = (url.scheme() == "file").then(|| url.to_file_path().ok()).flatten().filter(|f| f.is_dir());
        Ok(Source { cluster: cluster.to_owned(), kind, url: shown(&url), labels, store, root, folder })
    }

    /// The same place, as one that holds something else.
    pub fn of_kind(self, kind: SourceKind) -> Source {
        Source { kind, ..self }
    }
}

/// What went wrong with a store, in the words of somebody who has to mend it.
pub fn explain(e: &object_store::Error) -> String {
    let text = masked(&full(e));
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

    #[test]
    fn no_url_shows_a_secret() {
        for (text, seen) in [
            ("s3://AKIA:secret@bucket/p?X-Amz-Signature=s#f", "s3://bucket/p"),
            ("https://u:p@h/x?sig=s&token=t: no answer", "https://h/x: no answer"),
            ("error for url (https://h/x?sig=s): timed out", "error for url (https://h/x): timed out"),
            ("`http://us:p@ss@h:80/a@b`, and \"az://c?sas=1\"", "`http://h:80/a@b`, and \"az://c\""),
            ("http://h/a?b=1, then 2", "http://h/a, then 2"),
            ("file:///data/events: no such folder", "file:///data/events: no such folder"),
            ("a@b is no URL", "a@b is no URL"),
        ] {
            assert_eq!(masked(text), seen);
        }
        let url = Url::parse("http://u:p@h/x?sig=s#f").unwrap();
        assert_eq!(shown(&url), "http://h/x");
        let bad = normalize("http://u:secret@h:port/x").unwrap_err().to_string();
        assert!(!bad.contains("secret"), "{bad}");
    }

    #[tokio::test]
    async fn options_that_mean_nothing_are_said() {
        let folder = std::env::temp_dir().display().to_string();
        for (url, option, said) in [
            ("s3://b/p", "aws_regoin", "`aws_regoin` means nothing to s3://: did you mean aws_region?"),
            ("s3://b/p", "allow_htp", "did you mean allow_http?"),
            ("s3://b/p", "colour", "docs/sources.md"),
            ("gs://b/p", "google_service_acount", "did you mean google_service_account?"),
            ("az://b/p", "azure_storage_acount_name", "did you mean azure_storage_account_name?"),
            ("https://h/p", "time_out", "did you mean timeout?"),
            (folder.as_str(), "aws_region", "a folder has no options"),
        ] {
            let options = [(option.to_owned(), "x".to_owned())].into();
            let e = open(url, &options).await.unwrap_err().to_string();
            assert!(e.contains(said), "{url} {option}: {e}");
        }
        let options = [("timeout".to_owned(), "5s".to_owned())].into();
        assert!(open("https://h/p", &options).await.is_ok());
    }
}
