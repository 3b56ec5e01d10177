//! Signs requests to services of AWS (Signature Version 4), with credentials as for S3.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use tokio::sync::Mutex;

use crate::aws;

/// Why a request is not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    #[error(
        "no credentials of AWS: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile, or give the machine a role"
    )]
    None,
    #[error("no credentials of AWS: {0}")]
    Credentials(String),
    #[error("cannot sign: {0}")]
    Request(String),
}

/// Signs requests to one service in one region.
pub struct Signer {
    region: String,
    service: &'static str,
    provider: SharedCredentialsProvider,
    kept: Mutex<Option<Credentials>>,
}

/// Credentials are asked for anew when they have less than this left.
const RENEW: Duration = Duration::from_secs(5 * 60);

impl Signer {
    /// A signer for a service, with the credentials of a profile or else those that the AWS SDKs find.
    ///
    /// # Errors
    /// [`SignError::None`] if there is nobody to ask for credentials.
    pub async fn open(region: &str, profile: Option<&str>, service: &'static str) -> Result<Signer, SignError> {
        let profile = profile.map(str::to_owned);
        let provider = aws::credentials(region, profile.as_ref()).await.ok_or(SignError::None)?;
        Ok(Signer::with(region, service, provider))
    }

    fn with(region: &str, service: &'static str, provider: SharedCredentialsProvider) -> Signer {
        Signer { region: region.to_owned(), service, provider, kept: Mutex::default() }
    }

    async fn credentials(&self, time: SystemTime) -> Result<Credentials, SignError> {
        let mut kept = self.kept.lock().await;
        if let Some(c) = kept.as_ref().filter(|c| c.expiry().is_none_or(|at| at > time + RENEW)) {
            return Ok(c.clone());
        }
        let found = self.provider.provide_credentials().await.map_err(|e| SignError::Credentials(e.to_string()))?;
        Ok(kept.insert(found).clone())
    }

    /// The headers that a request gets beside its own. `url` is whole; `time` is the present.
    ///
    /// # Errors
    /// If there are no credentials, or the request is none.
    pub async fn sign(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        time: SystemTime,
    ) -> Result<Vec<(String, String)>, SignError> {
        let fail = |e: &dyn std::error::Error| SignError::Request(e.to_string());
        let identity = self.credentials(time).await?.into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.service)
            .time(time)
            .settings(SigningSettings::default())
            .build()
            .map_err(|e| fail(&e))?
            .into();
        let request = SignableRequest::new(method, url, headers.iter().copied(), SignableBody::Bytes(body));
        let (signature, _) = sign(request.map_err(|e| fail(&e))?, &parameters).map_err(|e| fail(&e))?.into_parts();
        Ok(signature.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example `get-vanilla` of the test suite that AWS publishes for Signature Version 4.
    #[tokio::test]
    async fn signs_as_the_published_example_says() {
        let keys = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", None, None, "test");
        let signer = Signer::with("us-east-1", "service", SharedCredentialsProvider::new(keys));
        // 2015-08-30T12:36:00Z
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_440_938_160);
        let headers = signer.sign("GET", "https://example.amazonaws.com/", &[], b"", time).await.unwrap();
        let authorization = &headers.iter().find(|(n, _)| n.eq_ignore_ascii_case("authorization")).unwrap().1;
        assert_eq!(
            authorization,
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
        );
        assert!(headers.contains(&("x-amz-date".to_owned(), "20150830T123600Z".to_owned())), "{headers:?}");
    }
}
