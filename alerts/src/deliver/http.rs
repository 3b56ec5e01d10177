//! Requests to destinations that speak HTTP, and what their answers mean.

use std::time::Duration;

use afterglow_history::answer;
use reqwest::{Client, RequestBuilder, StatusCode, header, redirect};

use super::SendError;

/// Bytes of an answer that errors tell.
const TOLD: usize = 300;

/// A client whose requests end within `timeout`.
pub fn client(timeout: Duration) -> Result<Client, String> {
    // Who is told is in the settings; nobody sends us elsewhere.
    let client = Client::builder().timeout(timeout).redirect(redirect::Policy::none());
    client.user_agent(concat!("afterglow/", env!("CARGO_PKG_VERSION"))).build().map_err(|e| e.to_string())
}

/// Sends a request; gives the answer of who took it, as far as it is read.
pub async fn send(request: RequestBuilder) -> Result<String, SendError> {
    // The address may be the secret.
    let answer = request.send().await.map_err(|e| SendError::later(chain(&e.without_url())))?;
    let status = answer.status();
    let after = answer::retry_after(answer.headers());
    let body = answer::text(answer).await;
    if status.is_success() {
        return Ok(body);
    }
    let told: String = body.chars().take(TOLD).collect();
    let what = format!("{status}: {}", told.trim());
    let what = what.trim_end_matches([' ', ':']).to_owned();
    let later = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS].contains(&status);
    if later || status.is_server_error() { Err(SendError::Later { what, after }) } else { Err(SendError::Never(what)) }
}

/// Sends a request with JSON.
pub async fn send_json(request: RequestBuilder, body: &impl serde::Serialize) -> Result<String, SendError> {
    let body = serde_json::to_vec(body).map_err(|e| SendError::Never(e.to_string()))?;
    send(request.header(header::CONTENT_TYPE, "application/json").body(body)).await
}

/// An error with its causes.
pub fn chain(e: &dyn std::error::Error) -> String {
    let mut out = e.to_string();
    let mut source = e.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !out.contains(&text) {
            out.push_str(": ");
            out.push_str(&text);
        }
        source = cause.source();
    }
    out
}
