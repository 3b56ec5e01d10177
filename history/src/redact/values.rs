//! Secrets that show by the name before them: `key=value`, `"key": "value"`, also escaped, `key -> value`,
//! `option("key", "value")`, `--key value`, `KEY 'value'`, elements of XML, filters of plans, and what SQL has beside these.

use std::ops::Range;

use regex::Regex;

use super::extent::{arrow_end, bare_end, is_identifier, is_nothing, is_path, line_end, of_name, quoted};
use super::names::{Strength, strength};
use super::shapes::mixed;
use super::words::{OF_COLUMNS, TOLD};

/// What every secret name has in it.
pub const HINTS: &str = concat!(
    r"(?i-u:(?:access|account|api|auth|encryption|master|private|secret|session|shared|signing|storage|subscription|symmetric)",
    r"[ ._-]?key|passw(?:or)?[dt]|passphrase|passcode|pass\b|pwd|secret|token|credential|jaas|authorization|cookie",
    r"|signature|\bsig\b|identified\s+by|\bsas\b|_sas\b|sas_)",
);
/// A name has no more characters.
const NAME: usize = 200;

/// A secret, and the quotes that it needs so that JSON stays JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<'t> {
    pub range: Range<usize>,
    pub quotes: &'t str,
}

pub struct Values(Regex);

impl Values {
    pub fn new() -> Result<Self, regex::Error> {
        Ok(Values(Regex::new(HINTS)?))
    }

    /// Adds where there are some.
    pub fn find<'t>(&self, text: &'t str, out: &mut Vec<Found<'t>>) {
        let mut from = 0;
        while let Some(hint) = self.0.find_at(text, from) {
            let name = Name::around(text, hint.range());
            from = name.range.end.max(hint.end());
            let found = name.value();
            if let Some(found) = found.filter(|f| !f.range.is_empty()) {
                from = from.max(found.range.end);
                out.push(found);
            }
        }
    }
}

/// A name in a text that may be one of a secret.
struct Name<'t> {
    text: &'t str,
    range: Range<usize>,
}

/// How name and value are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Join {
    Equals,
    Colon,
    Arrow,
    Comma,
    Space,
    Flag,
    Call,
}

fn is_quote(b: u8) -> bool {
    matches!(b, b'"' | b'\'' | b'`')
}

impl<'t> Name<'t> {
    fn around(text: &'t str, hint: Range<usize>) -> Self {
        let bytes = text.as_bytes();
        let Range { mut start, mut end } = hint;
        while start > 0 && hint.end - start < NAME && of_name(bytes[start - 1]) {
            start -= 1;
        }
        while end < bytes.len() && end - hint.end < NAME && of_name(bytes[end]) {
            end += 1;
        }
        while end > hint.end && matches!(bytes[end - 1], b'.' | b'-' | b'$') {
            end -= 1;
        }
        Name { text, range: start..end }
    }

    fn str(&self) -> &'t str {
        &self.text[self.range.clone()]
    }

    fn before(&self) -> &'t str {
        &self.text[..self.range.start]
    }

    fn byte(&self, at: usize) -> u8 {
        self.text.as_bytes().get(at).copied().unwrap_or(0)
    }

    /// The first byte from `at` on that is no blank.
    fn blanks(&self, mut at: usize) -> usize {
        while matches!(self.byte(at), b' ' | b'\t') {
            at += 1;
        }
        at
    }

    fn value(&self) -> Option<Found<'t>> {
        let name = self.str();
        if name.len() > 12 && name[..10].eq_ignore_ascii_case("identified") {
            let at = self.blanks(self.range.end);
            let rest = &self.text[at..];
            let skip = ["PASSWORD ", "VALUES ", "password ", "values "].iter().find(|s| rest.starts_with(**s));
            return self.taken(at + skip.map_or(0, |s| s.len()), Join::Flag, Strength::Strong, "");
        }
        let strength = strength(name)?;
        if let Some(found) = self.aliased(strength).or_else(|| self.filtered()) {
            return Some(found);
        }
        let flag = name.starts_with('-');
        let mut at = self.range.end;
        let mut column = false;
        if self.byte(at) == b'#' && self.byte(at + 1).is_ascii_digit() {
            at += 1 + self.text[at + 1..].bytes().take_while(u8::is_ascii_alphanumeric).count();
            column = true;
        }
        let close = self.text[at..].bytes().take(8).take_while(|b| is_quote(*b) || matches!(b, b'\\' | b']')).count();
        let quotes = self.text[at..at + close].trim_matches(']');
        at += close;
        if self.before().ends_with('<') && self.byte(at) == b'>' {
            return self.until(at + 1, '<');
        }
        if let Some(rest) = self.text[at..].strip_prefix("</name>") {
            let value = rest.trim_start().strip_prefix("<value>")?;
            return self.until(self.text.len() - value.len(), '<');
        }
        let next = self.blanks(at);
        let rest = &self.text[next..];
        if let Some(start) = beside(rest) {
            return self.taken(next + start, Join::Equals, strength, "");
        }
        let (join, len) = match rest.as_bytes() {
            [b'=', b'>', ..] | [b'-', b'>', ..] => (Join::Arrow, 2),
            [b'=', b'=', b'=', ..] => (Join::Equals, 3),
            [b'=', b'=', ..] | [b':', b'=', ..] | [b'+', b'=', ..] => (Join::Equals, 2),
            [b'=', ..] => (Join::Equals, 1),
            [b'%', b'3', b'D' | b'd', ..] => (Join::Equals, 3),
            [b':', b':', ..] | [b'!', ..] => return None,
            [b':', ..] => (Join::Colon, 1),
            [b',', ..] if !quotes.is_empty() && self.is_pair() => (Join::Comma, 1),
            [b'(', ..] if !quotes.contains(['"', '\'']) => (Join::Call, 1),
            _ if next > at && flag => (Join::Flag, 0),
            _ if next > at && !column => (Join::Space, 0),
            _ => return None,
        };
        if join == Join::Colon && self.before().ends_with('/') {
            // A path of a list of volumes.
            return None;
        }
        let start = self.blanks(next + len);
        if column {
            return if join == Join::Equals { self.literal(start, strength) } else { None };
        }
        let quotes = if matches!(join, Join::Colon) { quotes } else { "" };
        self.taken(start, join, strength, quotes)
    }

    /// The value that begins at `start`, unless it is none.
    fn taken(&self, mut start: usize, join: Join, strength: Strength, quotes: &'t str) -> Option<Found<'t>> {
        if matches!(self.byte(start), b'f' | b'r' | b'b' | b'u' | b'N') && is_quote(self.byte(start + 1)) {
            start += 1;
        }
        if self.byte(start) == b'[' && join != Join::Space && is_quote(self.byte(start + 1)) {
            start += 1;
        }
        let rest = &self.text[start..];
        let slashes = rest.bytes().take_while(|b| *b == b'\\').count();
        if slashes < 8 && is_quote(self.byte(start + slashes)) {
            let (from, to) = quoted(rest, slashes);
            let value = &rest[from..to];
            let range = start + from..start + to;
            return self.is_secret(value, join, strength, true).then_some(Found { range, quotes: "" });
        }
        let header = self.is("authorization") || self.is("cookie");
        let len = match join {
            Join::Call => return None,
            Join::Arrow => arrow_end(rest),
            _ if header => rest.find(['\n', '"', '\'', '\\', '}', ')']).unwrap_or(rest.len()),
            _ if self.str().to_ascii_lowercase().contains("jaas") => rest.find([';', '\n']).unwrap_or(rest.len()),
            _ if join == Join::Colon && self.begins_line() && strength == Strength::Strong => line_end(rest),
            _ => bare_end(rest),
        };
        let value = rest[..len].trim_end();
        let after = rest[value.len()..].trim_start();
        if join == Join::Colon && is_nothing(value) && after.starts_with("= ") {
            // The name has a type: `password: String = "x"`.
            return self.taken(self.text.len() - after.len() + 2, Join::Equals, strength, "");
        }
        let callee = value.split(['(', '[']).next().unwrap_or_default();
        let called = callee.len() < value.len() || matches!(self.byte(start + len), b'(' | b'[');
        let last = self.str().rsplit('.').next().unwrap_or_default();
        let same = value.rsplit_once('.').is_some_and(|(of, name)| name == last && !of.is_empty());
        if same || called && is_identifier(callee) || !self.is_secret(value, join, strength, false) {
            return None;
        }
        Some(Found { range: start..start + value.len(), quotes })
    }

    fn is(&self, word: &str) -> bool {
        self.str().to_ascii_lowercase().ends_with(word)
    }

    fn is_secret(&self, value: &str, join: Join, strength: Strength, quoted: bool) -> bool {
        let told = || {
            let words = self.before().trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
            let at = words.rfind(|c: char| !c.is_ascii_alphabetic()).map_or(0, |at| at + 1);
            let word = words.get(at..).unwrap_or_default().to_ascii_lowercase();
            TOLD.contains(&word.as_str())
        };
        if is_nothing(value) {
            return false;
        }
        let random = value.len() >= 12 && mixed(value) && !value.contains(' ');
        let digits = value.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b',' | b'%'));
        let bare_pwd = self.str().trim_start_matches("OLD").eq_ignore_ascii_case("pwd");
        if value.starts_with('/') && (bare_pwd || !quoted && is_path(value)) {
            return false;
        }
        if strength == Strength::Strong {
            let prose = self.is("key") && join == Join::Colon && !quoted && self.str().contains(' ');
            return match join {
                Join::Space if !quoted => random || self.after_login() || !self.is("key") && alphanumeric(value),
                Join::Space | Join::Call if self.is("secret") && join == Join::Call => false,
                _ if prose => value.bytes().any(|b| b.is_ascii_digit()),
                _ => true,
            };
        }
        let (signature, credentials) =
            (self.is("signature") || self.is("sig"), self.is("credentials") || self.is("credential"));
        match join {
            _ if signature => join == Join::Equals && value.len() >= 12 && mixed(value),
            _ if self.is("pass") && digits => false,
            Join::Space if credentials && quoted => !value.contains(' ') || value.contains('='),
            Join::Space | Join::Call => random,
            Join::Colon if credentials && !quoted => random,
            Join::Colon if !quoted => !told() && value.len() >= 5 && mixed(value) && !digits || random,
            _ if digits && value.len() < 6 => false,
            _ if told() => random,
            _ => true,
        }
    }

    /// `login x password y`, as in `.netrc`.
    fn after_login(&self) -> bool {
        let before: Vec<&str> = self.before().rsplit(char::is_whitespace).filter(|w| !w.is_empty()).take(2).collect();
        matches!(before[..], [_, "login" | "user" | "username"])
    }

    fn begins_line(&self) -> bool {
        let line = self.before().rsplit('\n').next().unwrap_or_default();
        line.bytes().all(|b| matches!(b, b' ' | b'-' | b'\t')) && self.before().contains('\n')
    }

    /// Whether it is the first of two quoted arguments: `("name", "value")`.
    fn is_pair(&self) -> bool {
        let before = self.before().trim_end_matches(['"', '\'', '`', '\\']).trim_end();
        let Some(before) = before.strip_suffix('(') else { return false };
        let at = before.rfind(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).map_or(0, |at| at + 1);
        let callee = before.get(at..).unwrap_or_default().to_ascii_lowercase();
        let sets = callee == "set" && before.as_bytes().get(at.wrapping_sub(1)) == Some(&b'.');
        let rest = self.text[self.range.end..].trim_start_matches(['"', '\'', '`', '\\', ',', ' ']);
        let two = rest.find(['"', '\'', '\n']).is_some_and(|at| {
            let after = rest[at..].trim_start_matches(['"', '\'', '`', '\\']).trim_start();
            after.starts_with(')')
        });
        two && (sets || !OF_COLUMNS.contains(&callee.as_str()))
    }

    /// `'value' AS name`, or `value AS name#1`.
    fn aliased(&self, strength: Strength) -> Option<Found<'t>> {
        let before = self.before().trim_end_matches(['`', '"']);
        let cut = before.len().checked_sub(4).filter(|at| before.is_char_boundary(*at))?;
        if strength == Strength::Weak || !before[cut..].eq_ignore_ascii_case(" as ") {
            return None;
        }
        let value = before[..cut].trim_end();
        let last = value.bytes().last()?;
        let start = if matches!(last, b'\'' | b'"') {
            value[..value.len() - 1].rfind(last as char)? + 1
        } else if self.byte(self.range.end) == b'#' {
            value.rfind(['[', ',', '(']).map_or(0, |at| at + 1)
        } else {
            return None;
        };
        let end = if matches!(last, b'\'' | b'"') { value.len() - 1 } else { value.len() };
        let inner = value[start..end].trim_start();
        let literal = !inner.contains(['#', ')', ']']) && !is_nothing(inner);
        literal.then_some(Found { range: end - inner.len()..end, quotes: "" })
    }

    /// `EqualTo(name,value)`.
    fn filtered(&self) -> Option<Found<'t>> {
        let call = self.before().strip_suffix('(')?;
        let of = ["EqualTo", "EqualNullSafe", "In", "StringStartsWith", "StringContains", "StringEndsWith"];
        if !of.iter().any(|f| call.ends_with(f)) || self.byte(self.range.end) != b',' {
            return None;
        }
        let start = self.blanks(self.range.end + 1);
        let start = if self.byte(start) == b'[' { start + 1 } else { start };
        self.until(start, ')')
    }

    /// The literal that a column of a plan is compared with.
    fn literal(&self, start: usize, strength: Strength) -> Option<Found<'t>> {
        let rest = &self.text[start..];
        let ends = [rest.find([')', ',', ']', '\n']), rest.find(" AND "), rest.find(" OR ")];
        let value = rest[..ends.into_iter().flatten().min().unwrap_or(rest.len())].trim_end();
        let secret =
            !is_nothing(value) && !value.contains(['#', '(']) && (strength == Strength::Strong || mixed(value));
        secret.then_some(Found { range: start..start + value.len(), quotes: "" })
    }

    fn until(&self, start: usize, end: char) -> Option<Found<'t>> {
        let rest = &self.text[start..];
        let value = rest[..rest.find(end).unwrap_or(rest.len())].trim();
        let from = start + rest.find(value).unwrap_or(0);
        (!is_nothing(value)).then_some(Found { range: from..from + value.len(), quotes: "" })
    }
}

/// Where a value begins that stands beside its name: `"name": "password", "value": "x"`, `key="password", value="x"`.
fn beside(rest: &str) -> Option<usize> {
    let after = rest.trim_start_matches([',', ' ', '\n', '"', '\'', '\\']);
    let begun = after.len() < rest.len() && rest.starts_with([',', '\n']);
    let value = after.strip_prefix("value").filter(|_| begun)?;
    let value = value.trim_start_matches(['"', '\'']).trim_start();
    let value = value.strip_prefix([':', '='])?;
    Some(rest.len() - value.trim_start().len())
}

/// A short word with digits, as passwords are and words of sentences are not.
fn alphanumeric(value: &str) -> bool {
    let some = |is: fn(&u8) -> bool| value.bytes().any(|b| is(&b));
    value.len() >= 6 && some(u8::is_ascii_digit) && some(u8::is_ascii_alphabetic) && !value.contains(['/', '.', '#'])
}
