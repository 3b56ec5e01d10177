//! Messages as people read them, for destinations that have no form of their own.

use serde_json::Value as Json;

use super::message::{Message, Told};
use crate::incident::Labels;

/// Incidents that a text tells one by one.
pub const SHOWN: usize = 10;
/// Labels that are sent where there is a bound.
const LABELS: usize = 40;

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

/// A text cut to so many characters. Services count in differing units; none counts more than UTF-16 has.
pub fn cut(text: &str, most: usize) -> String {
    cut_as(text, most, |c| c.to_string())
}

/// A text as a service wants each character written, cut to so many characters of what comes out. None is cut in half.
pub fn cut_as(text: &str, most: usize, written: impl Fn(char) -> String) -> String {
    let units = |s: &str| s.encode_utf16().count();
    let (mut out, mut length, mut fits) = (String::new(), 0, 0);
    for c in text.chars() {
        let next = written(c);
        length += units(&next);
        if length > most {
            out.truncate(fits);
            out.push('…');
            return out;
        }
        out.push_str(&next);
        // The mark wants its place.
        if length < most {
            fits = out.len();
        }
    }
    out
}

/// A text without breaks of lines and what cannot be seen.
pub fn one_line(text: &str) -> String {
    let parts = text.split(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'));
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Labels by name, as many as are worth showing, their values cut to so many characters.
pub fn shown(labels: &Labels, most: usize) -> Labels {
    labels.iter().take(LABELS).map(|(name, value)| (cut(name, 200), cut(value, most))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_is_as_long_as_it_may_be_and_whole() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "ab…");
        assert_eq!(cut("a🦀🦀", 4), "a🦀…", "a crab counts two");
        assert_eq!(cut("a🦀b", 4), "a🦀b");
        let twice = |c: char| format!("\\{c}");
        assert_eq!(cut_as("abc", 6, twice), "\\a\\b\\c");
        assert_eq!(cut_as("abcd", 6, twice), "\\a\\b…");
    }

    #[test]
    fn lines_are_one() {
        assert_eq!(one_line("a\nb\r\n\tc\u{7}\u{2028}d"), "a b c d");
    }
}
