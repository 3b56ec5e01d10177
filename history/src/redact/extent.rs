//! How far a value goes, and values that are none.

use super::REDACTED;
use super::words::NOTHING;

/// What names are made of.
pub fn of_name(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'$')
}

/// Where what is between quotes, each after so many backslashes, begins and ends.
pub fn quoted(text: &str, slashes: usize) -> (usize, usize) {
    let bytes = text.as_bytes();
    let quote = bytes[slashes];
    let triple = slashes == 0 && bytes.starts_with(&[quote; 3]);
    let from = if triple { 3 } else { slashes + 1 };
    let mut at = from;
    let mut escapes = 0;
    while at < bytes.len() {
        let b = bytes[at];
        if b == quote {
            let closes = if slashes == 0 { escapes % 2 == 0 } else { escapes <= slashes };
            let doubled = slashes == 0 && !triple && at > from && bytes.get(at + 1) == Some(&quote);
            if closes && doubled {
                at += 1;
            } else if closes && (!triple || bytes[at..].starts_with(&[quote; 3])) {
                return (from, at - escapes.min(slashes));
            }
        } else if b == b'\n' && !triple && slashes > 0 {
            return (from, at);
        }
        escapes = if b == b'\\' { escapes + 1 } else { 0 };
        at += 1;
    }
    (from, text.len())
}

/// The end of a value of Scala's `Map(name -> value, name -> value)`.
pub fn arrow_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut open = 0usize;
    for (at, b) in bytes.iter().enumerate() {
        match b {
            b'\n' => return at,
            b'(' => open += 1,
            b')' if open == 0 => return at,
            b')' => open -= 1,
            b',' => {
                let rest = text[at + 1..].trim_start();
                let name = rest.bytes().take_while(|b| of_name(*b)).count();
                let name = rest[..name].trim_end_matches('-').len();
                let after = rest[name..].trim_start_matches(['"', '\'']).trim_start();
                if name == 0 || after.starts_with("->") || after.starts_with("=>") {
                    return at;
                }
            }
            _ => {}
        }
    }
    text.len()
}

/// The end of a value without quotes.
pub fn bare_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    if bytes.first() == Some(&b'{') && bytes.get(1).is_some_and(u8::is_ascii_alphanumeric) {
        return text.find('}').map_or(text.len(), |at| at + 1);
    }
    for (at, b) in bytes.iter().enumerate() {
        let next = bytes.get(at + 1).copied().unwrap_or(b' ');
        let named = || {
            let rest = text[at + 1..].trim_start();
            let name = rest.bytes().take_while(|b| of_name(*b)).count();
            name > 0 && rest[name..].trim_start().starts_with(['=', ':'])
        };
        let ends = match b {
            b'"' | b'\'' | b'`' | b'&' | b'<' => true,
            b')' | b']' | b'}' => at == 0 || !next.is_ascii_alphanumeric(),
            b',' | b';' => at == 0 || !next.is_ascii_alphanumeric() || named(),
            b'\\' => matches!(next, b'n' | b'r' | b't' | b'"' | b'\''),
            b => b.is_ascii_whitespace(),
        };
        if ends {
            return at;
        }
    }
    text.len()
}

/// The end of a value of YAML.
pub fn line_end(text: &str) -> usize {
    let line = &text[..text.find('\n').unwrap_or(text.len())];
    let line = &line[..line.find(" #").unwrap_or(line.len())];
    if line.len() > 100 || line.contains(['{', '"', '\'', ',']) { bare_end(text) } else { line.trim_end().len() }
}

pub fn is_identifier(text: &str) -> bool {
    let known =
        ["get", "env", "secret", "read", "conf", "load", "fetch", "param", "lookup", "next", "prompt", "decode"];
    let lower = text.to_ascii_lowercase();
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'))
        && (text.contains('.') || known.iter().any(|k| lower.contains(k)))
}

/// `/etc/passwd`, `/var/run/secrets/x`.
pub fn is_path(text: &str) -> bool {
    let of_path = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'/' | b'.' | b'_' | b'-' | b':');
    text.bytes().all(of_path) && text.matches('/').count() >= 2
}

/// Values that are no secret: nothing, references to where the secret is, types, what was masked already.
pub fn is_nothing(value: &str) -> bool {
    let value = value.trim();
    let begins = [
        "${",
        "$(",
        "{{",
        "<",
        "%(",
        "%s",
        "arn:",
        "aws_iam_role=arn:",
        "{",
        "(",
        "[",
        "#{",
        "@{",
        "@Microsoft.KeyVault",
    ];
    let lower = value.to_ascii_lowercase();
    let word = lower.split(['(', '<', ' ', ')']).next().unwrap_or_default();
    let plain = value.bytes().all(|b| {
        matches!(b, b'*' | b'.' | b'?' | b'-' | b'_' | b'x' | b'\\' | b'/' | b':' | b'=' | b'>' | b'+' | b'|')
    });
    let variable = value.strip_prefix(['$', '%', ':', '@']).is_some_and(|v| {
        let v = v.trim_end_matches('%');
        !v.is_empty() && v.bytes().all(|b| b.is_ascii_uppercase() || b == b'_' || b == b'{')
            || value.starts_with("$env")
    });
    let dotted =
        ["os.environ", "args.", "self.", "config.", "conf.", "settings.", "var.", "env.", "process.env", "this."];
    plain
        || variable
        || begins.iter().any(|b| value.starts_with(b))
            && !(value.starts_with('{') && value.ends_with('}') && value.len() > 2 && !value.starts_with("{{"))
        || value.contains(REDACTED.trim_end_matches(')'))
        || NOTHING.contains(&word) && (value.len() == word.len() || !value.contains('-'))
        || dotted.iter().any(|d| value.starts_with(d))
}
