//! Amazon S3 as the AWS SDKs find it: credentials (environment, profile with SSO, roles and
//! processes, web identity, container, instance), region and endpoint. Only this module knows how the SDK is set up; [`crate::sign`] makes signatures, and clients of other services begin with [`settings`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_smithy_http_client::{Builder, Connector, proxy::ProxyConfig, tls};
use object_store::{
    CredentialProvider, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey as Key, AwsCredential},
};
use tokio::sync::Mutex;
use url::Url;

/// Credentials are asked for anew when they have less than this left.
const RENEW: Duration = Duration::from_secs(5 * 60);
/// The option that chooses a profile for one source; the SDKs' `AWS_PROFILE` is for all.
pub(crate) const PROFILE: &str = "aws_profile";
/// Options that say how to sign, or that nothing is signed: then nobody else is asked.
const SIGNING: [Key; 8] = [
    Key::AccessKeyId,
    Key::SecretAccessKey,
    Key::WebIdentityTokenFile,
    Key::RoleArn,
    Key::ContainerCredentialsRelativeUri,
    Key::ContainerCredentialsFullUri,
    Key::SkipSignature,
    Key::MetadataEndpoint,
];

/// A client for the bucket of `url`. `options` stand over the environment and over profiles.
pub(crate) async fn open(
    url: &Url,
    options: &BTreeMap<String, String>,
    retry: RetryConfig,
) -> object_store::Result<AmazonS3> {
    let mut builder = AmazonS3Builder::from_env().with_url(url.as_str()).with_retry(retry);
    let mut signs = false;
    for (name, value) in options.iter().filter(|(name, _)| *name != PROFILE) {
        let key: Key = name.parse()?;
        signs |= SIGNING.contains(&key);
        builder = builder.with_config(key, value);
    }
    let given = |builder: &AmazonS3Builder, key| builder.get_config_value(&key).filter(|v| !v.is_empty());
    let endpoint =
        |builder: &AmazonS3Builder| given(builder, Key::S3Endpoint).or_else(|| given(builder, Key::Endpoint));
    if !signs && given(&builder, Key::SkipSignature).is_none_or(|skip| skip != "true") {
        let region = given(&builder, Key::Region).or_else(|| given(&builder, Key::DefaultRegion));
        let sdk = sdk(options.get(PROFILE), region, endpoint(&builder).is_some()).await;
        if let Some(region) = sdk.region() {
            builder = builder.with_region(region.as_ref());
        }
        if let (None, Some(found)) = (endpoint(&builder), sdk.endpoint_url()) {
            builder = builder.with_endpoint(found);
        }
        if let Some(provider) = provider(&sdk, options.get(PROFILE)) {
            builder = builder.with_credentials(Arc::new(SdkCredentials { provider, kept: Mutex::default() }));
        }
    }
    // A custom endpoint that is plain HTTP was meant: it is a test or a store inside the house.
    if endpoint(&builder).is_some_and(|e| e.starts_with("http://")) {
        builder = builder.with_allow_http(true);
    }
    builder.build()
}

/// Who gives credentials for a service of AWS that is not S3, found in the same way.
pub(crate) async fn credentials(region: &str, profile: Option<&String>) -> Option<SharedCredentialsProvider> {
    let sdk = sdk(profile, Some(region.to_owned()), false).await;
    provider(&sdk, profile)
}

/// Settings for clients of other services of AWS: region, credentials and HTTP client as for S3. One with an endpoint of its own needs no
/// region.
pub async fn settings(region: Option<String>, profile: Option<&String>, endpoint: bool) -> SdkConfig {
    let sdk = sdk(profile, region, endpoint).await;
    let provider = provider(&sdk, profile);
    let mut builder = sdk.into_builder();
    builder.set_credentials_provider(provider);
    builder.build()
}

/// The SDK's settings. Without a region it asks the profile and then the instance; a store with an
/// endpoint of its own needs none, and nobody is asked.
async fn sdk(profile: Option<&String>, region: Option<String>, endpoint: bool) -> SdkConfig {
    let http = Builder::new().build_with_connector_fn(|settings, _| {
        let mut connector =
            Connector::builder().tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring));
        connector.set_connector_settings(settings.cloned());
        connector.proxy_config(ProxyConfig::from_env()).build()
    });
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http);
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = region.or_else(|| endpoint.then(|| "us-east-1".to_owned())) {
        loader = loader.region(Region::new(region));
    }
    loader.load().await
}

/// Who gives credentials. A profile chosen for this source stands before the environment.
fn provider(sdk: &SdkConfig, profile: Option<&String>) -> Option<SharedCredentialsProvider> {
    let Some(profile) = profile else { return sdk.credentials_provider() };
    let mut config = ProviderConfig::without_region().with_region(sdk.region().cloned());
    if let Some(http) = sdk.http_client() {
        config = config.with_http_client(http);
    }
    let provider = ProfileFileCredentialsProvider::builder().configure(&config).profile_name(profile).build();
    Some(SharedCredentialsProvider::new(provider))
}

/// The SDK's credentials for `object_store`, which asks before every request.
#[derive(Debug)]
struct SdkCredentials {
    provider: SharedCredentialsProvider,
    kept: Mutex<Option<Kept>>,
}

#[derive(Debug)]
struct Kept {
    credential: Arc<AwsCredential>,
    expires: Option<SystemTime>,
}

#[async_trait::async_trait]
impl CredentialProvider for SdkCredentials {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let mut kept = self.kept.lock().await;
        if let Some(k) = kept.as_ref().filter(|k| k.expires.is_none_or(|at| at > now() + RENEW)) {
            return Ok(k.credential.clone());
        }
        let found = self
            .provider
            .provide_credentials()
            .await
            .map_err(|e| object_store::Error::Generic { store: "S3", source: Box::new(e) })?;
        let credential = Arc::new(AwsCredential {
            key_id: found.access_key_id().to_owned(),
            secret_key: found.secret_access_key().to_owned(),
            token: found.session_token().map(str::to_owned),
        });
        *kept = Some(Kept { credential: credential.clone(), expires: found.expiry() });
        Ok(credential)
    }
}

#[expect(clippy::disallowed_methods, reason = "credentials expire by the clock of the machine")]
fn now() -> SystemTime {
    SystemTime::now()
}
