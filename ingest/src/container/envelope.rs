//! What runtimes, log shippers and structured logging put around lines: the prefix of Kubernetes' log
//! files (`2025-04-18T07:52:27.642Z stdout F …`), and JSON objects with the line in `log`, `msg` or
//! `message`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use super::time::stamp;

/// The line, or lines, inside.
pub(super) struct Inner<'t> {
    pub text: Cow<'t, str>,
    /// Epoch milliseconds.
    pub time: Option<i64>,
}

#[derive(Deserialize)]
struct Object<'t> {
    #[serde(borrow, default, alias = "msg", alias = "message")]
    log: Option<Cow<'t, str>>,
    #[serde(default, alias = "time", alias = "timestamp")]
    ts: Value,
}

/// Takes off what is around a line; none where nothing is.
pub(super) fn open(text: &str) -> Option<Inner<'_>> {
    if text.starts_with('{') { object(text) } else { prefix(text) }
}

fn prefix(text: &str) -> Option<Inner<'_>> {
    let date = stamp(text.as_bytes())?;
    let rest = text.get(date.len..)?.strip_prefix(" std")?;
    let rest = rest.strip_prefix("out ").or_else(|| rest.strip_prefix("err "))?;
    let rest = rest.strip_prefix("F ").or_else(|| rest.strip_prefix("P "))?;
    Some(Inner { text: Cow::Borrowed(rest), time: Some(date.ms) })
}

fn object(text: &str) -> Option<Inner<'_>> {
    // Most lines that begin so are no envelopes: parse those only that may be one.
    ["\"log\"", "\"msg\"", "\"message\""].iter().any(|key| text.contains(key)).then_some(())?;
    let object: Object<'_> = serde_json::from_str(text).ok()?;
    let time = object.ts.as_str().and_then(|t| stamp(t.as_bytes())).map(|s| s.ms);
    Some(Inner { text: object.log?, time })
}
