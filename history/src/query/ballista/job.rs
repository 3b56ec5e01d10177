//! One part of a plan on the cluster: handed to the scheduler, waited for, its rows fetched from the executors that have them. A job whose
//! asker is gone is cancelled, and what a finished one left on the executors is removed.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ballista_core::client::BallistaClient;
use ballista_core::serde::protobuf::execute_query_params::Query;
use ballista_core::serde::protobuf::get_job_status_result::FlightProxy;
use ballista_core::serde::protobuf::job_status::Status as State;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::serde::protobuf::{
    CancelJobParams, CleanJobDataParams, ExecuteQueryParams, GetJobStatusParams, KeyValuePair, PartitionLocation,
    execute_query_result,
};
use ballista_core::version;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt as _, TryStreamExt as _};
use tokio::runtime::Handle;
use tonic::transport::{Channel, Endpoint};

use crate::query::QueryError;

/// Bytes that a scheduler and executors take in one message, as they are set up unless somebody says otherwise.
pub const MESSAGE: usize = 16 << 20;
/// Time for a connection to the scheduler.
const CONNECT: Duration = Duration::from_secs(5);
/// Pauses between two questions whether a job has ended: the first, and the longest.
const POLL: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(200));
/// How often an executor is asked for rows, and the pause between.
const FETCH: (u8, u64) = (3, 1000);

/// The way to a scheduler.
#[derive(Debug)]
pub struct Scheduler {
    at: String,
}

impl fmt::Display for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ballista://{}", self.at)
    }
}

/// A job that ended well, and where its rows are.
#[derive(Debug)]
pub struct Job {
    running: Running,
    /// By partition.
    rows: Vec<Vec<PartitionLocation>>,
    proxy: Option<FlightProxy>,
}

/// A job that the scheduler knows of.
struct Running {
    /// Host and port of the scheduler.
    at: String,
    client: SchedulerGrpcClient<Channel>,
    id: String,
    ended: AtomicBool,
    handle: Handle,
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "job {} of ballista://{}", self.id, self.at)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let (mut client, job_id) = (self.client.clone(), std::mem::take(&mut self.id));
        let ended = self.ended.load(Ordering::Relaxed);
        // Nobody waits for it, and a scheduler that does not answer cleans up by itself.
        self.handle.spawn(async move {
            if ended {
                let _ = client.clean_job_data(CleanJobDataParams { job_id, remove_stage_ids: Vec::new() }).await;
            } else {
                let _ = client.cancel_job(CancelJobParams { job_id }).await;
            }
        });
    }
}

/// The innermost reason, which says most.
fn reason(e: &dyn Error) -> String {
    let mut e = e;
    while let Some(source) = e.source() {
        e = source;
    }
    e.to_string()
}

impl Scheduler {
    pub fn new(at: &str) -> Self {
        Scheduler { at: at.to_owned() }
    }

    fn failed(&self, what: &str) -> QueryError {
        QueryError::Cluster(format!("the Ballista cluster at {self} did not run the statement: {what}"))
    }

    async fn connect(&self) -> Result<SchedulerGrpcClient<Channel>, QueryError> {
        let unreachable = |e: tonic::transport::Error| {
            QueryError::Cluster(format!(
                "the Ballista scheduler at {self} cannot be reached ({}): start it, or name another or none in sql.engine",
                reason(&e)
            ))
        };
        let endpoint = Endpoint::from_shared(format!("http://{}", self.at)).map_err(unreachable)?;
        let channel = endpoint.connect_timeout(CONNECT).tcp_nodelay(true).connect().await.map_err(unreachable)?;
        let client = SchedulerGrpcClient::new(channel);
        Ok(client.max_encoding_message_size(MESSAGE + (1 << 20)).max_decoding_message_size(MESSAGE))
    }

    /// Has a plan with so many partitions run.
    ///
    /// # Errors
    /// [`QueryError::Cluster`] if the scheduler cannot be reached, refuses the plan, or says that the job failed.
    pub async fn run(&self, plan: Vec<u8>, context: &Arc<TaskContext>, partitions: usize) -> Result<Job, QueryError> {
        let refused = |e: tonic::Status| self.failed(e.message());
        let mut client = self.connect().await?;
        let settings = context.session_config().options().entries();
        let settings = settings.into_iter().map(|e| KeyValuePair { key: e.key, value: e.value }).collect();
        let session_id = context.session_id();
        let operation_id = session_id.clone();
        let query = ExecuteQueryParams { session_id, settings, operation_id, query: Some(Query::PhysicalPlan(plan)) };
        let mut request = tonic::Request::new(query);
        version::insert_version_header(request.metadata_mut());
        let response = client.execute_query(request).await.map_err(refused)?;
        let theirs = version::version_from_metadata(response.metadata()).map(str::to_owned);
        let id = match response.into_inner().result {
            Some(execute_query_result::Result::Success(job)) => job.job_id,
            other => return Err(self.failed(&format!("{other:?}"))),
        };
        let (at, ended) = (self.at.clone(), AtomicBool::new(false));
        let running = Running { at, client: client.clone(), id: id.clone(), ended, handle: Handle::current() };
        version::check_compatibility(Some(ballista_core::BALLISTA_VERSION), theirs.as_deref())
            .map_err(|e| self.failed(&e))?;

        let (mut pause, longest) = POLL;
        loop {
            let asked = client.get_job_status(GetJobStatusParams { job_id: id.clone() }).await;
            let answer = asked.map_err(refused)?.into_inner();
            match answer.status.and_then(|s| s.status) {
                Some(State::Successful(job)) => {
                    running.ended.store(true, Ordering::Relaxed);
                    let mut rows = vec![Vec::new(); partitions];
                    for location in job.partition_location {
                        let of = location.partition_id.as_ref().map(|p| p.partition_id as usize);
                        match of.and_then(|of| rows.get_mut(of)) {
                            Some(of) => of.push(location),
                            None => {
                                return Err(self.failed(&format!("it answers with a partition {of:?} of {partitions}")));
                            }
                        }
                    }
                    return Ok(Job { running, rows, proxy: answer.flight_proxy });
                }
                Some(State::Failed(job)) => {
                    running.ended.store(true, Ordering::Relaxed);
                    return Err(self.failed(&job.error));
                }
                Some(State::Queued(_) | State::Running(_)) | None => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(longest);
                }
            }
        }
    }
}

impl Job {
    /// The rows of a partition, from the executors that have them.
    ///
    /// # Errors
    /// [`QueryError::Cluster`] if an executor does not give them.
    pub async fn fetch(self: Arc<Self>, partition: usize) -> Result<SendableRecordBatchStream, QueryError> {
        let mut parts = Vec::new();
        for location in self.rows.get(partition).into_iter().flatten() {
            parts.push(self.open(location).await?);
        }
        let [first, ..] = &parts[..] else {
            return Err(QueryError::Cluster(format!("{:?} has no rows for partition {partition}", self.running)));
        };
        let schema = first.schema();
        let (job, told) = (self.clone(), format!("{:?}", self.running));
        let rows = futures::stream::iter(parts).flatten().map_err(move |e| {
            datafusion::error::DataFusionError::External(Box::new(QueryError::Cluster(format!(
                "rows of {told} cannot be fetched: {e}"
            ))))
        });
        // They are there for as long as the job is.
        let rows = rows.inspect(move |_| {
            let _ = &job;
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }

    async fn open(&self, location: &PartitionLocation) -> Result<SendableRecordBatchStream, QueryError> {
        let failed =
            |what: String| QueryError::Cluster(format!("rows of {:?} cannot be fetched: {what}", self.running));
        let (Some(executor), Some(id)) = (&location.executor_meta, &location.partition_id) else {
            return Err(failed("it does not say where they are".into()));
        };
        let port = u16::try_from(executor.port).map_err(|e| failed(e.to_string()))?;
        let through = match &self.proxy {
            Some(FlightProxy::External(at)) => Some(at),
            Some(FlightProxy::Local(true)) => Some(&self.running.at),
            Some(FlightProxy::Local(false)) | None => None,
        };
        let (host, through) = match through {
            None => (executor.host.clone(), port),
            Some(at) => {
                let parted = at.rsplit_once(':').and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)));
                parted.ok_or_else(|| failed(format!("{at} is no address")))?
            }
        };
        let (tries, pause) = FETCH;
        let client = BallistaClient::try_new(&host, through, MESSAGE, false, None, tries, pause, 0, 0).await;
        let mut client = client.map_err(|e| failed(e.to_string()))?;
        let id = id.clone().into();
        let rows = client
            .fetch_partition_proxied(&executor.id, &id, location.file_id, location.layout(), &executor.host, port, true)
            .await;
        rows.map_err(|e| failed(e.to_string()))
    }
}
