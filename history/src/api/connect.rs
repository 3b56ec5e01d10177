//! `connect/*`: sessions and operations of Spark Connect.

use axum::response::Response;
use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

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

/// base64url as Java reads it: padded or not, and whatever bits are left over.
const JAVA: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn base64url(text: &str) -> Option<String> {
    JAVA.decode(text).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}
