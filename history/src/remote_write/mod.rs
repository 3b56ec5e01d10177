//! Sends series to a Prometheus, or what speaks as it does, that cannot come and ask: remote write 1.0. What is sent is what
//! `/metrics` says at that moment.
//!
//! Nothing waits for it: requests wait here, the oldest go when they are too many, and what is refused is gone.

mod samples;
mod wire;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use afterglow_ingest::sign::{SignError, Signer};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, StatusCode, Url};
use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;

use crate::answer;
use crate::telemetry::counted::Sent;
use crate::telemetry::{Format, Telemetry};
use samples::Wanted;

/// How series are sent.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to, the whole address.
    pub url: Url,
    /// Pause between two looks.
    pub every: Duration,
    /// Names that are sent; see docs/metrics.md.
    pub series: Vec<String>,
    /// Labels that every series has.
    pub labels: BTreeMap<String, String>,
    /// Headers that every request has.
    pub headers: BTreeMap<String, String>,
    pub access: Access,
}

/// Who we are to the receiver. Files are read before every request, so that they can be changed.
#[derive(Debug, Clone)]
pub enum Access {
    Anybody,
    Bearer(PathBuf),
    Basic { user: String, password: PathBuf },
    SigV4 { region: String, profile: Option<String> },
}

#[derive(Debug, thiserror::Error)]
pub enum RemoteWriteError {
    #[error("remote_write.headers: {0}: write a header's name and a text in ASCII")]
    Header(String),
    #[error("remote_write: {0}")]
    Client(#[from] reqwest::Error),
    #[error("remote_write.sigv4: {0}")]
    Sign(#[from] SignError),
    #[error("{file}: {source}")]
    Secret { file: PathBuf, source: std::io::Error },
    #[error("remote_write: a secret is no text that a header can have")]
    Unprintable,
}

/// Service that Amazon Managed Service for Prometheus is to signatures.
const SERVICE: &str = "aps";
/// Samples in a request at most.
const SAMPLES: usize = 2000;
/// Requests that may wait: at a request every 15 s, two hours.
const WAITING: usize = 480;
/// A receiver that takes longer does not answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// First pause before a request is sent again; it doubles up to the last.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_secs(60);

/// A request that waits.
struct Waiting {
    body: Vec<u8>,
    samples: u64,
}

/// Requests in their order; the oldest go when they are too many.
#[derive(Default)]
struct Queue {
    waiting: Mutex<VecDeque<Arc<Waiting>>>,
    filled: Notify,
}

impl Queue {
    /// Adds one; gives the samples that went for it.
    fn push(&self, one: Waiting) -> u64 {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push_back(Arc::new(one));
        let gone = if waiting.len() > WAITING { waiting.pop_front() } else { None };
        drop(waiting);
        self.filled.notify_one();
        gone.map_or(0, |g| g.samples)
    }

    /// The oldest, once there is one; it stays until [`Queue::done`].
    async fn first(&self) -> Arc<Waiting> {
        loop {
            let first = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).front().cloned();
            if let Some(first) = first {
                return first;
            }
            self.filled.notified().await;
        }
    }

    fn has(&self, one: &Arc<Waiting>) -> bool {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.front().is_some_and(|first| Arc::ptr_eq(first, one))
    }

    fn done(&self, one: &Arc<Waiting>) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).retain(|w| !Arc::ptr_eq(w, one));
    }

    fn len(&self) -> usize {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// What became of a request.
enum Answer {
    Taken,
    /// Worth another try, perhaps not before a while.
    Again(String, Option<Duration>),
    Refused(String),
}

/// A sender that is ready.
pub struct RemoteWrite {
    settings: Settings,
    telemetry: Arc<Telemetry>,
    client: Client,
    headers: HeaderMap,
    signer: Option<Signer>,
    queue: Queue,
    now: fn() -> i64,
}

impl RemoteWrite {
    /// Prepares a sender; `now` gives the present, epoch milliseconds.
    ///
    /// # Errors
    /// If a header cannot be sent, or there are no credentials to sign with.
    pub async fn new(
        settings: Settings,
        telemetry: Arc<Telemetry>,
        now: fn() -> i64,
    ) -> Result<Self, RemoteWriteError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &settings.headers {
            let bad = || RemoteWriteError::Header(name.clone());
            let name: HeaderName = name.parse().map_err(|_| bad())?;
            headers.insert(name, value.parse().map_err(|_| bad())?);
        }
        for (name, value) in [
            ("content-type", "application/x-protobuf"),
            ("content-encoding", "snappy"),
            ("x-prometheus-remote-write-version", "0.1.0"),
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let client = Client::builder()
            .timeout(PATIENCE)
            .user_agent(concat!("afterglow/", env!("CARGO_PKG_VERSION")))
            // Whoever sends us elsewhere would get the secrets, too.
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let signer = match &settings.access {
            Access::SigV4 { region, profile } => Some(Signer::open(region, profile.as_deref(), SERVICE).await?),
            _ => None,
        };
        Ok(RemoteWrite { settings, telemetry, client, headers, signer, queue: Queue::default(), now })
    }

    /// Looks and sends for ever.
    pub async fn run(self) {
        tokio::join!(self.look(), self.send());
    }

    fn counted(&self) -> &Sent {
        &self.telemetry.sent
    }

    /// Puts what there is in the queue, every so often.
    async fn look(&self) {
        let wanted = Wanted::new(&self.settings.series);
        let mut ticks = tokio::time::interval(self.settings.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let now = (self.now)();
            let Ok(page) = self.telemetry.write(Format::OpenMetrics, now).await else { continue };
            for some in samples::samples(&page, &wanted, &self.settings.labels).chunks(SAMPLES) {
                match wire::body(some, now) {
                    Ok(body) => {
                        let gone = self.queue.push(Waiting { body, samples: some.len() as u64 });
                        if gone > 0 {
                            self.counted().dropped(gone);
                        }
                    }
                    Err(e) => tracing::error!("remote_write: {e}"),
                }
            }
            self.counted().waiting.set(self.queue.len() as i64);
        }
    }

    /// Sends the queue, one request after the other.
    async fn send(&self) {
        let mut told = None;
        loop {
            let request = self.queue.first().await;
            let mut pause = FIRST_PAUSE;
            // One that made room for newer ones meanwhile is not tried any more.
            while self.queue.has(&request) {
                match self.post(&request.body).await {
                    Answer::Taken => {
                        if told.take().is_some() {
                            tracing::info!("remote_write: {} takes what is sent again", self.shown());
                        }
                        self.counted().sent(request.samples);
                        self.queue.done(&request);
                    }
                    Answer::Refused(what) => {
                        self.tell(&mut told, format!("refuses what is sent, which is dropped: {what}"));
                        self.counted().dropped(request.samples);
                        self.queue.done(&request);
                    }
                    Answer::Again(what, wait) => {
                        self.tell(&mut told, format!("does not take what is sent; trying again: {what}"));
                        self.counted().retries.inc();
                        tokio::time::sleep(wait.unwrap_or(pause)).await;
                        pause = (pause * 2).min(LAST_PAUSE);
                    }
                }
                self.counted().waiting.set(self.queue.len() as i64);
            }
        }
    }

    /// Says what is wrong, once as long as it stays the same.
    fn tell(&self, told: &mut Option<String>, what: String) {
        if told.as_ref() != Some(&what) {
            tracing::warn!("remote_write: {} {what}", self.shown());
            *told = Some(what);
        }
    }

    fn shown(&self) -> String {
        afterglow_ingest::source::shown(&self.settings.url)
    }

    async fn post(&self, body: &[u8]) -> Answer {
        let headers = match self.signed(body).await {
            Ok(headers) => headers,
            Err(e) => return Answer::Again(e.to_string(), None),
        };
        let request = self.client.post(self.settings.url.clone()).headers(headers).body(body.to_vec());
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(e) => return Answer::Again(reasons(&e.without_url()), None),
        };
        let status = answer.status();
        if status.is_success() {
            return Answer::Taken;
        }
        let wait = answer::retry_after(answer.headers());
        let said = answer::text(answer).await;
        let said: String = said.lines().next().unwrap_or_default().trim().chars().take(200).collect();
        let what = if said.is_empty() { status.to_string() } else { format!("{status}: {said}") };
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            Answer::Again(what, wait)
        } else {
            Answer::Refused(what)
        }
    }

    /// The headers of a request: those of all, and who we are.
    async fn signed(&self, body: &[u8]) -> Result<HeaderMap, RemoteWriteError> {
        let mut headers = self.headers.clone();
        let secret = |file: &PathBuf| {
            let read = std::fs::read_to_string(file);
            read.map(|s| s.trim().to_owned()).map_err(|source| RemoteWriteError::Secret { file: file.clone(), source })
        };
        let authorization = match &self.settings.access {
            Access::Anybody | Access::SigV4 { .. } => None,
            Access::Bearer(file) => Some(format!("Bearer {}", secret(file)?)),
            Access::Basic { user, password } => {
                use base64::Engine as _;
                let pair = format!("{user}:{}", secret(password)?);
                Some(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair)))
            }
        };
        if let Some(authorization) = authorization {
            let mut value: HeaderValue = authorization.parse().map_err(|_| RemoteWriteError::Unprintable)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        if let Some(signer) = &self.signer {
            let pairs: Vec<(&str, &str)> =
                headers.iter().filter_map(|(n, v)| Some((n.as_str(), v.to_str().ok()?))).collect();
            let time = UNIX_EPOCH + Duration::from_millis((self.now)().max(0) as u64);
            let signature = signer.sign("POST", self.settings.url.as_str(), &pairs, body, time).await?;
            for (name, value) in signature {
                let name: HeaderName = name.parse().map_err(|_| RemoteWriteError::Unprintable)?;
                headers.insert(name, value.parse().map_err(|_| RemoteWriteError::Unprintable)?);
            }
        }
        Ok(headers)
    }
}

/// An error with its causes: the outermost says little.
fn reasons(e: &dyn std::error::Error) -> String {
    let mut out = e.to_string();
    let mut cause = e.source();
    while let Some(e) = cause {
        out.push_str(&format!(": {e}"));
        cause = e.source();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_oldest_goes_when_too_many_wait() {
        let queue = Queue::default();
        let one = |samples| Waiting { body: Vec::new(), samples };
        for samples in 1..=WAITING as u64 {
            assert_eq!(queue.push(one(samples)), 0);
        }
        let first = queue.first().await;
        assert_eq!(first.samples, 1);
        assert_eq!(queue.push(one(1000)), 1);
        assert!(!queue.has(&first));
        let first = queue.first().await;
        assert_eq!((first.samples, queue.len()), (2, WAITING));
        queue.done(&first);
        assert_eq!((queue.first().await.samples, queue.len()), (3, WAITING - 1));
    }
}
