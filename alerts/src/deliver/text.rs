//! Messages as people read them, for destinations that have no form of their own.

use serde_json::Value as Json;

use super::message::{Message, Told};

/// Incidents that a text tells one by one.
pub const SHOWN: usize = 10;

/// An incident on one line.
pub fn line(t: &Told) -> String {
    let name = if t.app_name.is_empty() { String::new() } else { format!("{}: ", t.app_name) };
    let times = if t.count > 1 { format!(" (seen {} times)", t.count) } else { String::new() };
    let over = if t.status == "resolved" { "over: " } else { "" };
    format!("{over}{name}{}{times}", t.summary)
}

/// What is advised, a line each.
pub fn advice(t: &Told) -> Vec<String> {
    let all = t.finding.as_ref().and_then(|f| f.get("advice")).and_then(Json::as_array);
    let text = |a: &Json, key: &str| a.get(key).and_then(Json::as_str).map(str::to_owned);
    let one = |a: &Json| match text(a, "key") {
        Some(key) => {
            let now = text(a, "current").unwrap_or_else(|| "not set".into());
            Some(format!("{key} = {} (now {now})", text(a, "suggested")?))
        }
        None => text(a, "text"),
    };
    all.into_iter().flatten().filter_map(one).collect()
}

/// How many are not told one by one.
pub fn rest(m: &Message) -> usize {
    m.count - m.incidents.len().min(SHOWN)
}

/// All of it as plain text.
pub fn plain(m: &Message) -> String {
    let mut out = format!("{}\n", m.title());
    for t in m.incidents.iter().take(SHOWN) {
        out.push_str(&format!("\n- {} [{}] {}", t.severity, t.rule, line(t)));
        for a in advice(t) {
            out.push_str(&format!("\n    {a}"));
        }
        if !t.url.is_empty() {
            out.push_str(&format!("\n    {}", t.url));
        }
    }
    if rest(m) > 0 {
        out.push_str(&format!("\n\nand {} more", rest(m)));
    }
    out
}

/// A text cut to so many characters.
pub fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}
