//! A Ballista cluster as its own programs set one up: a scheduler and executors, which talk over the network, in threads of this process.

use std::net::SocketAddr;
use std::sync::Arc;

use ballista_core::extension::{ballista_aggregate_functions, ballista_scalar_functions, ballista_window_functions};
use ballista_core::object_store::{
    runtime_env_with_s3_support, session_config_with_s3_support, session_state_with_s3_support,
};
use ballista_core::serde::BallistaCodec;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_executor::new_standalone_executor_from_builder;
use ballista_scheduler::standalone::new_standalone_scheduler_with_builder;
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::SessionConfig;
use tokio::runtime::Runtime;

use crate::moto;

/// What finds the S3 server of the tests; nothing, if there is none.
pub fn s3_environment() -> Vec<(&'static str, String)> {
    moto::address().map_or_else(Vec::new, |at| {
        let (endpoint, keys) = (format!("http://{at}"), "tests".to_owned());
        vec![
            ("AWS_ENDPOINT_URL", endpoint),
            ("AWS_ACCESS_KEY_ID", keys.clone()),
            ("AWS_SECRET_ACCESS_KEY", keys),
            ("AWS_REGION", "us-east-1".to_owned()),
        ]
    })
}

/// What its programs have, with the credentials that they would take from their environment.
fn settings() -> SessionConfig {
    let mut config = session_config_with_s3_support();
    if let Some(at) = moto::address() {
        for (key, value) in [
            ("s3.endpoint", format!("http://{at}")),
            ("s3.allow_http", "true".into()),
            ("s3.access_key_id", "tests".into()),
            ("s3.secret_access_key", "tests".into()),
            ("s3.region", "us-east-1".into()),
        ] {
            config = config.set_str(key, &value);
        }
    }
    config
}

/// A cluster that ends with the value.
pub struct Cluster {
    runtime: Option<Runtime>,
    scheduler: SocketAddr,
}

impl Cluster {
    /// A scheduler, and executors with a core each.
    pub fn start(executors: usize) -> Cluster {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.enable_all().thread_stack_size(32 << 20).build().unwrap();
        let scheduler = runtime.block_on(async {
            let config = Arc::new(settings);
            let sessions = Arc::new(session_state_with_s3_support);
            let scheduler = new_standalone_scheduler_with_builder(sessions, config.clone(), BallistaCodec::default());
            let scheduler = scheduler.await.unwrap();
            let functions = SessionStateBuilder::new()
                .with_default_features()
                .with_scalar_functions(ballista_scalar_functions())
                .with_aggregate_functions(ballista_aggregate_functions())
                .with_window_functions(ballista_window_functions())
                .build();
            for _ in 0..executors {
                let client = SchedulerGrpcClient::connect(format!("http://{scheduler}")).await.unwrap();
                let runtimes = Arc::new(runtime_env_with_s3_support);
                let executor = new_standalone_executor_from_builder(
                    client,
                    1,
                    config.clone(),
                    runtimes,
                    BallistaCodec::default(),
                    (&functions).into(),
                );
                executor.await.unwrap();
            }
            scheduler
        });
        Cluster { runtime: Some(runtime), scheduler }
    }

    pub fn url(&self) -> String {
        format!("ballista://{}", self.scheduler)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
