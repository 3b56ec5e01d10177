//! A knowledge base of Amazon Bedrock, as a further source of passages: one request of Retrieve. What cannot be had is left out, as there is more.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_bedrockagentruntime::Client;
use aws_sdk_bedrockagentruntime::config::retry::RetryConfig;
use aws_sdk_bedrockagentruntime::error::DisplayErrorContext;
use aws_sdk_bedrockagentruntime::types::{
    KnowledgeBaseQuery, KnowledgeBaseRetrievalConfiguration, KnowledgeBaseRetrievalResult,
    KnowledgeBaseVectorSearchConfiguration, RetrievalResultLocation,
};

use super::case::Passage;
use super::mask::Mask;
use crate::counted::Counted;

/// Of one request: advice has a deadline, and passages are a help only.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Characters of a question that the service takes.
const QUESTION: usize = 1_000;
/// Characters of a passage, as of our own.
const LONG: usize = 1_500;

/// A client of one knowledge base.
pub struct Retriever {
    client: Client,
    id: String,
    counted: Counted,
}

impl Retriever {
    /// A client with the credentials, region and HTTP client of `sdk`; `endpoint` stands over what the SDK would ask.
    pub fn new(sdk: &SdkConfig, id: &str, endpoint: Option<&str>, counted: Counted) -> Retriever {
        let mut config = aws_sdk_bedrockagentruntime::config::Builder::from(sdk).retry_config(RetryConfig::disabled());
        if let Some(endpoint) = endpoint {
            config = config.endpoint_url(endpoint);
        }
        Retriever { client: Client::from_conf(config.build()), id: id.to_owned(), counted }
    }

    /// The passages nearest to a question, best first, masked; none if the service does not answer, which is logged and counted.
    pub async fn ask(&self, question: &str, limit: usize, mask: &Mask) -> Vec<Passage> {
        let asked = tokio::time::timeout(TIMEOUT, self.once(question, limit)).await;
        let found = asked.unwrap_or_else(|_| Err(format!("no answer within {TIMEOUT:?}")));
        self.counted.retrieved(found.is_ok());
        match found {
            Ok(found) => found.iter().filter_map(|r| passage(r, mask)).take(limit).collect(),
            Err(e) => {
                tracing::error!(
                    "remediation.knowledge_base {}: {e}: look at its id, region and the right bedrock:Retrieve; \
                     runbooks are searched without it",
                    self.id
                );
                Vec::new()
            }
        }
    }

    async fn once(&self, question: &str, limit: usize) -> Result<Vec<KnowledgeBaseRetrievalResult>, String> {
        let text: String = question.chars().take(QUESTION).collect();
        let search = KnowledgeBaseVectorSearchConfiguration::builder()
            .number_of_results(i32::try_from(limit).unwrap_or(i32::MAX))
            .build();
        let how = KnowledgeBaseRetrievalConfiguration::builder().vector_search_configuration(search).build();
        let request = self
            .client
            .retrieve()
            .knowledge_base_id(&self.id)
            .retrieval_query(KnowledgeBaseQuery::builder().text(text).build())
            .retrieval_configuration(how);
        let answer = request.send().await.map_err(|e| DisplayErrorContext(&e).to_string())?;
        Ok(answer.retrieval_results().to_vec())
    }
}

/// A result as a passage; those without text are none.
fn passage(r: &KnowledgeBaseRetrievalResult, mask: &Mask) -> Option<Passage> {
    let text: String = r.content()?.text().chars().take(LONG).collect();
    let text = mask.written(text.trim());
    let from = r.location().and_then(place).unwrap_or("knowledge base").to_owned();
    // The name of its file says what it is about; the whole address is for people.
    let name = from.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let title = mask.written(name.rsplit_once('.').map_or(name, |(stem, _)| stem));
    (!text.is_empty()).then_some(Passage { id: String::new(), title, text, from })
}

/// Where a document is, as its kind of place has it.
fn place(l: &RetrievalResultLocation) -> Option<&str> {
    l.s3_location()
        .and_then(|l| l.uri())
        .or_else(|| l.web_location().and_then(|l| l.url()))
        .or_else(|| l.confluence_location().and_then(|l| l.url()))
        .or_else(|| l.share_point_location().and_then(|l| l.url()))
        .or_else(|| l.salesforce_location().and_then(|l| l.url()))
        .or_else(|| l.kendra_document_location().and_then(|l| l.uri()))
        .or_else(|| l.custom_document_location().and_then(|l| l.id()))
}
