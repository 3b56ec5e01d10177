//! Clients of AWS, set up as `ingest` has it for S3: a profile that is named stands before the environment.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;

use super::SendError;
use super::http::chain;

/// Which AWS is meant. What is empty is as the SDKs find it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    pub region: String,
    pub profile: String,
    /// Another address than AWS's own.
    pub endpoint_url: String,
}

/// Settings for a service's client. It makes each try once: the outbox has it made again.
pub async fn config(access: &Access, timeout: Duration) -> SdkConfig {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let sdk = afterglow_ingest::aws_settings(given(&access.region), given(&access.profile).as_ref(), false).await;
    let mut builder = sdk
        .into_builder()
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().operation_timeout(timeout).build());
    if let Some(url) = given(&access.endpoint_url) {
        builder = builder.endpoint_url(url);
    }
    builder.build()
}

/// What an error of a client means: `status` and `code` are those of the service's answer, if there was one.
pub fn meaning(e: &dyn std::error::Error, status: Option<u16>, code: Option<&str>) -> SendError {
    let what = afterglow_ingest::source::masked(&chain(e));
    // Credentials are renewed, and limits pass.
    let never = status.is_some_and(|s| (400..500).contains(&s) && ![403, 408, 425, 429].contains(&s));
    let passes =
        code.is_some_and(|c| ["Throttl", "Expired", "TooManyRequests", "RequestLimit"].iter().any(|w| c.contains(w)));
    if never && !passes { SendError::Never(what) } else { SendError::later(what) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_not_asked_again() {
        let e = std::io::Error::other("said so");
        let final_ = |status, code| matches!(meaning(&e, status, code), SendError::Never(_));
        for (status, code) in
            [(404, "NotFound"), (400, "AWS.SimpleQueueService.NonExistentQueue"), (400, "InvalidParameter")]
        {
            assert!(final_(Some(status), Some(code)), "{status} {code}");
        }
        for (status, code) in [(403, "AccessDenied"), (400, "ExpiredToken"), (429, ""), (400, "Throttling"), (503, "")]
        {
            assert!(!final_(Some(status), Some(code)), "{status} {code}");
        }
        assert!(!final_(None, None), "no answer at all");
    }
}
