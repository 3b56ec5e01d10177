//! `connect/*`: sessions and operations of Spark Connect.

use axum::response::Response;

use super::error::ApiError;
use super::query::Query;
use super::target::Target;
use super::wire::{SessionData, connect::ExecutionData};
use crate::state::{Operation, ServerKind, Session};

pub async fn sessions(target: Target, query: Query) -> Result<Response, ApiError> {
    let mut shown: Vec<Session> =
        target.reader.sessions().await?.into_values().filter(|s| s.server == ServerKind::Connect).collect();
    shown.sort_by(|a, b| a.session_id.cmp(&b.session_id));
    let shown: Vec<SessionData> = shown.iter().map(|s| SessionData::new(s, target.now())).collect();
    target.json(&query.slice(shown)?)
}

pub async fn session(target: Target, query: Query) -> Result<Response, ApiError> {
    let id = target.param("session").to_owned();
    let user = query.first("userId").filter(|u| !u.is_empty()).ok_or_else(|| ApiError::bad("userId is required."))?;
    let user = base64url(user).ok_or_else(|| ApiError::bad("userId must be a base64url-encoded string."))?;
    let sessions = target.reader.sessions().await?;
    let found = sessions.get(&id).filter(|s| s.user_id == user && s.server == ServerKind::Connect);
    match found {
        Some(s) => target.json(&SessionData::new(s, target.now())),
        None => Err(ApiError::not_found(format!("unknown session id: {id}"))),
    }
}

pub async fn operations(target: Target, query: Query) -> Result<Response, ApiError> {
    let mut shown: Vec<Operation> =
        target.reader.operations().await?.into_values().filter(|o| o.server == ServerKind::Connect).collect();
    shown.sort_by(|a, b| a.job_tag.cmp(&b.job_tag));
    let shown: Vec<ExecutionData> = shown.iter().map(|o| ExecutionData::new(o, target.now())).collect();
    target.json(&query.slice(shown)?)
}

pub async fn operation(target: Target, query: Query) -> Result<Response, ApiError> {
    let tag = query.first("jobTag").filter(|t| !t.is_empty()).ok_or_else(|| ApiError::bad("jobTag is required."))?;
    match target.reader.operations().await?.get(tag) {
        Some(o) => target.json(&ExecutionData::new(o, target.now())),
        None => Err(ApiError::not_found(format!("unknown operation job tag: {tag}"))),
    }
}

/// Text in base64url, padded or not.
fn base64url(text: &str) -> Option<String> {
    let mut bits = 0u32;
    let mut held = 0u32;
    let mut out = Vec::new();
    let body = text.trim_end_matches('=');
    if body.len() % 4 == 1 {
        return None;
    }
    for c in body.bytes() {
        let v = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(v);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    Some(String::from_utf8_lossy(&out).into_owned())
}
