//! Amazon Bedrock: one request through Converse, and what became of it. Nothing is tried twice here, so that who pays decides.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::retry::RetryConfig;
use aws_sdk_bedrockruntime::config::timeout::TimeoutConfig;
use aws_sdk_bedrockruntime::error::{DisplayErrorContext, ProvideErrorMetadata as _, SdkError};
use aws_sdk_bedrockruntime::operation::converse::{ConverseError, ConverseOutput};
use aws_sdk_bedrockruntime::types::{
    ContentBlock, ConversationRole, GuardrailConfiguration, InferenceConfiguration, Message, SpecificToolChoice,
    StopReason, SystemContentBlock, Tool, ToolChoice, ToolConfiguration, ToolInputSchema, ToolSpecification,
};
use aws_smithy_types::{Document, Number};
use serde_json::Value as Json;

use super::prompt::{Prompt, TOOL, schema};

/// Which model, and how it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// Id of a model or of an inference profile.
    pub id: String,
    /// Id of a guardrail and its version.
    pub guardrail: Option<(String, String)>,
    /// Tokens that an answer may have.
    pub max_tokens: i32,
}

/// Tokens that a request took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tokens {
    pub input: i64,
    pub output: i64,
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// What the tool was called with, or what else there was, as the model wrote it.
    pub answer: Json,
    /// None if the service did not say.
    pub tokens: Option<Tokens>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    #[error("Bedrock asks for patience ({0}): raise the quota of the model, or lower the budgets of [remediation]")]
    Throttled(String),
    #[error("Bedrock does not answer as it should ({0})")]
    Unavailable(String),
    #[error("Bedrock took longer than {0:?}")]
    TimedOut(Duration),
    #[error(
        "Bedrock refuses the request ({0}): look at remediation.model, region, guardrail, and the rights of this role (bedrock:InvokeModel)"
    )]
    Refused(String),
    #[error("the guardrail stopped it")]
    Guardrail(Option<Tokens>),
    #[error("the model gave no answer in the form that was asked for ({what})")]
    Malformed { what: String, tokens: Option<Tokens> },
}

impl ModelError {
    /// Whether the same request may do better a moment later.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            ModelError::Throttled(_)
                | ModelError::Unavailable(_)
                | ModelError::TimedOut(_)
                | ModelError::Malformed { .. }
        )
    }

    /// Whether it tells of the service and not of this one request.
    pub fn of_service(&self) -> bool {
        !matches!(self, ModelError::Guardrail(_) | ModelError::Malformed { .. })
    }

    /// What it cost, as far as the service said.
    pub fn tokens(&self) -> Option<Tokens> {
        match self {
            ModelError::Guardrail(tokens) | ModelError::Malformed { tokens, .. } => *tokens,
            _ => None,
        }
    }

    /// A word for the audit.
    pub fn name(&self) -> &'static str {
        match self {
            ModelError::Throttled(_) => "throttled",
            ModelError::Unavailable(_) => "unavailable",
            ModelError::TimedOut(_) => "timed out",
            ModelError::Refused(_) => "refused",
            ModelError::Guardrail(_) => "guardrail",
            ModelError::Malformed { .. } => "malformed",
        }
    }
}

/// A client of Bedrock.
#[derive(Debug, Clone)]
pub struct Bedrock {
    client: Client,
    model: Model,
}

/// Region and credentials for clients of Bedrock; what is empty is as the AWS SDKs find it. Requests are signed for a region, also those
/// to an endpoint of one's own.
pub async fn sdk(region: &str, profile: &str) -> SdkConfig {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    afterglow_ingest::aws_settings(given(region), given(profile).as_ref(), false).await
}

impl Bedrock {
    /// A client with the credentials, region and HTTP client of `sdk`; `endpoint` stands over what the SDK would ask.
    pub fn new(sdk: &SdkConfig, model: Model, endpoint: Option<&str>) -> Bedrock {
        let mut config = aws_sdk_bedrockruntime::config::Builder::from(sdk)
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::builder().connect_timeout(Duration::from_secs(5)).build());
        if let Some(endpoint) = endpoint {
            config = config.endpoint_url(endpoint);
        }
        Bedrock { client: Client::from_conf(config.build()), model }
    }

    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Asks once.
    ///
    /// # Errors
    /// [`ModelError`], which says whether to try again.
    pub async fn ask(&self, prompt: &Prompt, timeout: Duration) -> Result<Reply, ModelError> {
        let request = self.request(prompt).map_err(ModelError::Refused)?;
        match tokio::time::timeout(timeout, request.send()).await {
            Err(_) => Err(ModelError::TimedOut(timeout)),
            Ok(Ok(output)) => reply(&output),
            Ok(Err(e)) => Err(problem(&e, timeout)),
        }
    }

    fn request(
        &self,
        prompt: &Prompt,
    ) -> Result<aws_sdk_bedrockruntime::operation::converse::builders::ConverseFluentBuilder, String> {
        let fail = |e: aws_sdk_bedrockruntime::error::BuildError| e.to_string();
        let user = ContentBlock::Text(prompt.user.clone());
        let message = Message::builder().role(ConversationRole::User).content(user).build().map_err(fail)?;
        let tool = ToolSpecification::builder()
            .name(TOOL)
            .description("Gives the advice")
            .input_schema(ToolInputSchema::Json(document(&schema())))
            .build()
            .map_err(fail)?;
        let mut tools = ToolConfiguration::builder().tools(Tool::ToolSpec(tool));
        // Only these families take it; the others are told by the instructions.
        if ["amazon.nova", "anthropic.claude"].iter().any(|family| self.model.id.contains(family)) {
            let choice = SpecificToolChoice::builder().name(TOOL).build().map_err(fail)?;
            tools = tools.tool_choice(ToolChoice::Tool(choice));
        }
        let inference = InferenceConfiguration::builder().max_tokens(self.model.max_tokens).temperature(0.0).build();
        let guardrail = self.model.guardrail.as_ref().map(|(id, version)| {
            GuardrailConfiguration::builder().guardrail_identifier(id).guardrail_version(version).build()
        });
        Ok(self
            .client
            .converse()
            .model_id(&self.model.id)
            .system(SystemContentBlock::Text(prompt.system.clone()))
            .messages(message)
            .inference_config(inference)
            .tool_config(tools.build().map_err(fail)?)
            .set_guardrail_config(guardrail))
    }
}

fn reply(output: &ConverseOutput) -> Result<Reply, ModelError> {
    let tokens = output.usage().map(|u| Tokens { input: u.input_tokens().into(), output: u.output_tokens().into() });
    if matches!(output.stop_reason(), StopReason::GuardrailIntervened | StopReason::ContentFiltered) {
        return Err(ModelError::Guardrail(tokens));
    }
    let malformed = |what: String| ModelError::Malformed { what, tokens };
    let content = output.output().and_then(|o| o.as_message().ok()).map(Message::content).unwrap_or_default();
    let called = content.iter().find_map(|c| c.as_tool_use().ok().filter(|t| t.name() == TOOL));
    if let Some(tool) = called {
        return Ok(Reply { answer: json(tool.input()), tokens });
    }
    // Models that cannot be made to call a tool write the JSON as text.
    let text: String = content.iter().filter_map(|c| c.as_text().ok()).map(String::as_str).collect();
    let inner = text.find('{').zip(text.rfind('}')).and_then(|(from, to)| text.get(from..=to));
    match inner.and_then(|t| serde_json::from_str(t).ok()) {
        Some(answer) => Ok(Reply { answer, tokens }),
        None => Err(malformed(output.stop_reason().as_str().to_owned())),
    }
}

fn problem(e: &SdkError<ConverseError>, timeout: Duration) -> ModelError {
    let code = e.code().map(str::to_owned);
    let status = e.raw_response().map(|r| r.status().as_u16());
    let said = match (&code, e.message()) {
        (Some(code), Some(message)) => format!("{code}: {}", super::mask::plain(message)),
        (Some(code), None) => code.clone(),
        _ => match status {
            Some(status) => format!("HTTP status {status}"),
            None => super::mask::plain(&DisplayErrorContext(e).to_string()),
        },
    };
    match (code.as_deref(), status) {
        (Some("ThrottlingException" | "TooManyRequestsException" | "ServiceQuotaExceededException"), _)
        | (_, Some(429)) => ModelError::Throttled(said),
        (Some("ModelTimeoutException"), _) => ModelError::TimedOut(timeout),
        (Some("ModelErrorException" | "ModelNotReadyException"), _) => ModelError::Unavailable(said),
        (_, Some(400..=499)) => ModelError::Refused(said),
        _ if matches!(e, SdkError::ConstructionFailure(_)) => ModelError::Refused(said),
        _ => ModelError::Unavailable(said),
    }
}

/// JSON as the SDK has it.
fn document(value: &Json) -> Document {
    match value {
        Json::Null => Document::Null,
        Json::Bool(b) => Document::Bool(*b),
        Json::Number(n) => Document::Number(match (n.as_u64(), n.as_i64()) {
            (Some(n), _) => Number::PosInt(n),
            (_, Some(n)) => Number::NegInt(n),
            _ => Number::Float(n.as_f64().unwrap_or(0.0)),
        }),
        Json::String(s) => Document::String(s.clone()),
        Json::Array(all) => Document::Array(all.iter().map(document).collect()),
        Json::Object(all) => Document::Object(all.iter().map(|(k, v)| (k.clone(), document(v))).collect()),
    }
}

/// What the SDK has as JSON.
fn json(value: &Document) -> Json {
    match value {
        Document::Null => Json::Null,
        Document::Bool(b) => Json::Bool(*b),
        Document::Number(Number::PosInt(n)) => (*n).into(),
        Document::Number(Number::NegInt(n)) => (*n).into(),
        Document::Number(Number::Float(n)) => (*n).into(),
        Document::String(s) => Json::String(s.clone()),
        Document::Array(all) => all.iter().map(json).collect(),
        Document::Object(all) => Json::Object(all.iter().map(|(k, v)| (k.clone(), json(v))).collect()),
    }
}
