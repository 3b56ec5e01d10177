//! Clients of AWS: credentials, region and endpoint as the AWS SDKs find them, over the HTTP client that the rest has.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_http_client::{Builder, Connector, proxy::ProxyConfig, tls};

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
    let http = Builder::new().build_with_connector_fn(|settings, _| {
        let mut connector =
            Connector::builder().tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring));
        connector.set_connector_settings(settings.cloned());
        connector.proxy_config(ProxyConfig::from_env()).build()
    });
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().operation_timeout(timeout).build());
    if !access.region.is_empty() {
        loader = loader.region(Region::new(access.region.clone()));
    }
    if !access.profile.is_empty() {
        loader = loader.profile_name(&access.profile);
    }
    if !access.endpoint_url.is_empty() {
        loader = loader.endpoint_url(&access.endpoint_url);
    }
    loader.load().await
}

/// What an error of a client means: `status` and `code` are those of the service's answer, if there was one.
pub fn meaning(e: &dyn std::error::Error, status: Option<u16>, code: Option<&str>) -> SendError {
    let what = chain(e);
    // Credentials are renewed, limits pass, and what is not there may be made.
    let never = status.is_some_and(|s| (400..500).contains(&s) && ![403, 404, 408, 429].contains(&s));
    let passes = code.is_some_and(|c| {
        ["Throttl", "Expired", "TooManyRequests", "RequestLimit", "NotFound", "NonExistent"]
            .iter()
            .any(|w| c.contains(w))
    });
    if never && !passes { SendError::Never(what) } else { SendError::later(what) }
}
