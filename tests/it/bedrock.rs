//! A server that speaks Bedrock's Converse (`POST /model/{id}/converse`) and Retrieve (`POST /knowledgebases/{id}/retrieve`) and does with each request what a test says: answers, turns it
//! down with the error shapes of AWS, is slow, or talks nonsense. It shows wire format and errors, never the quality of an answer.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::sync::oneshot;

/// What is done with a request.
#[derive(Clone, Debug)]
pub enum Act {
    /// Calls the tool with this.
    Advise(Value),
    /// Writes this instead.
    Says(String),
    /// The guardrail stopped it.
    Guardrail,
    /// An error as AWS has it: status, type and message.
    Error(u16, &'static str, &'static str),
    /// A page that no service of AWS wrote.
    Page(u16),
    /// Answers with this, whatever was asked.
    Json(Value),
    /// A body that is no JSON.
    Garbage,
    /// Waits so long before it advises.
    Slow(Duration),
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Value,
}

#[derive(Clone)]
struct Shared {
    script: Arc<Mutex<VecDeque<Act>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// A server that lives as long as the value.
pub struct Bedrock {
    pub address: SocketAddr,
    shared: Shared,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Bedrock {
    /// Does these things, one a request; the last one from then on.
    pub fn start(script: impl IntoIterator<Item = Act>) -> Bedrock {
        let shared = Shared { script: Arc::new(Mutex::new(script.into_iter().collect())), asked: Arc::default() };
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel::<()>();
        let router = Router::new()
            .route("/model/{id}/converse", post(converse))
            .route("/knowledgebases/{id}/retrieve", post(converse))
            .with_state(shared.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                tokio::select! {
                    served = axum::serve(listener, router) => served.expect("serves"),
                    _ = stopped => {}
                }
            });
        });
        Bedrock { address, shared, stop: Some(stop), thread: Some(thread) }
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }
}

impl Drop for Bedrock {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.thread.take().map(std::thread::JoinHandle::join);
    }
}

async fn converse(
    State(shared): State<Shared>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    shared.asked.lock().unwrap().push(Asked { path: uri.path().to_owned(), headers, body });
    let act = {
        let mut script = shared.script.lock().unwrap();
        if script.len() > 1 { script.pop_front().unwrap() } else { script.front().cloned().unwrap_or(Act::Garbage) }
    };
    let answer = |content: Value, stop: &str| {
        json!({
            "output": { "message": { "role": "assistant", "content": content } },
            "stopReason": stop,
            "usage": { "inputTokens": 1000, "outputTokens": 200, "totalTokens": 1200 },
            "metrics": { "latencyMs": 12 },
        })
    };
    let tool = |input: Value| {
        let content = json!([{ "text": "<thinking>hm</thinking>" }, { "toolUse": { "toolUseId": "t1", "name": "advise", "input": input } }]);
        axum::Json(answer(content, "tool_use")).into_response()
    };
    match act {
        Act::Advise(input) => tool(input),
        Act::Says(text) => axum::Json(answer(json!([{ "text": text }]), "end_turn")).into_response(),
        Act::Guardrail => axum::Json(answer(json!([{ "text": "blocked" }]), "guardrail_intervened")).into_response(),
        Act::Error(status, kind, message) => (
            StatusCode::from_u16(status).unwrap(),
            [("x-amzn-errortype", format!("{kind}:http://internal.amazon.com/coral/com.amazon.bedrock/"))],
            axum::Json(json!({ "message": message })),
        )
            .into_response(),
        Act::Json(answer) => axum::Json(answer).into_response(),
        Act::Page(status) => (StatusCode::from_u16(status).unwrap(), "<html>Bad Gateway</html>").into_response(),
        Act::Garbage => ([("content-type", "application/json")], "{\"output\": {\"mess").into_response(),
        Act::Slow(time) => {
            tokio::time::sleep(time).await;
            tool(json!({ "cause": { "text": "Too late.", "cites": ["e1"] }, "steps": [], "settings": [] }))
        }
    }
}
