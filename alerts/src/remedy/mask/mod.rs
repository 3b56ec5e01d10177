//! What may leave the house: of text of logs and settings only what is known to be harmless ([`known`]).
//!
//! Secrets go first, by the operator's own rule and by ours ([`afterglow_history::redact`]), and by shapes that only matter here,
//! because what a model is sent cannot be taken back. Of the rest, words, operators, functions, types, names of settings and
//! classes, and numbers of sentences stay; all else is masked. When in doubt, text goes: evidence has the numbers.

mod known;
mod words;

use std::sync::Arc;

use afterglow_history::redact::{REDACTED, Redactor};
use regex::{Captures, Regex};

use words::Words;

/// What the operator lets out beside what always may.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Literals of SQL statements and plans, and whatever else is quoted.
    pub literals: bool,
    /// Paths of files and URLs, without user info and query.
    pub paths: bool,
    /// Names of columns and tables.
    pub names: bool,
}

/// Characters of a text that are looked at; the rest is left out.
const LONG: usize = 4_000;

/// Secrets that [`Redactor`] leaves, because pages may show what surrounds them: keys in PEM, headers, signatures of URLs,
/// options of JAAS.
const SECRETS: &str = concat!(
    r"(?is)-----BEGIN [A-Z ]+-----.*?(?:-----END [A-Z ]+-----|$)",
    r"|\b(?:bearer|basic|aws4-hmac-sha256)\s+[A-Za-z0-9+/=._~:-]{8,}",
    r"|[?&;](?:sig|signature|x-amz-[a-z-]+|sv|se|code|key)=[^\s&;]+",
    r"|\b[A-Za-z.]*LoginModule\b.*?(?:;|$)",
    r#"|\b(?:username|user|uid|login|principal|keytab|client[._-]?id)["']?\s*(?:=>|=|:)\s*(?:"[^"]*"|'[^']*'|[^\s,;&)]+)"#,
);
/// Databases by address: they name hosts, and some have the password where no pattern looks.
const JDBC: &str = r#"(?i)\bjdbc:[^\s"'`)]+"#;
/// A URL with any scheme, and paths of two parts or more.
const URLS: &str = r#"\b[A-Za-z][A-Za-z0-9+.-]*://[^\s"'`,)\]}>]+|\bfile:/[^\s"'`,)\]}>]+"#;
const PATHS: &str = r#"(?:^|[\s"'`=(\[,:])(?P<path>~?(?:/[^\s"'`,()\[\]{}<>;:]+)+/?|[A-Za-z]:\\[^\s"'`,]+|[\w.=%-]+(?:/[\w.=%-]+){2,}|[\w=%-]+/[\w=%-]+\.(?:parquet|orc|avro|csv|json|txt|gz|zst|snappy|jar|py|sql))"#;
/// Mail addresses and machines.
const ADDRESSES: &str = concat!(
    r"(?i)\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b",
    r"|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b",
    r"|\bip-\d+-\d+-\d+-\d+[\w.-]*",
    r"|\b[\w-]+(?:\.[\w-]+)*\.(?:internal|local|corp|lan|amazonaws\.com(?:\.cn)?)\b(?::\d+)?",
);
/// Words long enough for a key; those with digits are masked.
const TOKENS: &str = r"[A-Za-z0-9+/_=-]{20,}";
/// Roles and resources of AWS: they name accounts.
const ARNS: &str = r#"\barn:aws[\w-]*:[^\s"'`,;)\]}]+"#;

/// Masks text that others wrote.
pub struct Mask {
    redactor: Arc<Redactor>,
    allowed: Allowed,
    secrets: Regex,
    jdbc: Regex,
    urls: Regex,
    paths: Regex,
    addresses: Regex,
    tokens: Regex,
    arns: Regex,
    words: Words,
}

impl Mask {
    /// Masks by the operator's rule for secrets and by our own.
    ///
    /// # Errors
    /// If one of our own patterns is none, which a test sees.
    pub fn new(redactor: Arc<Redactor>, allowed: Allowed) -> Result<Self, regex::Error> {
        Ok(Mask {
            redactor,
            allowed,
            secrets: Regex::new(SECRETS)?,
            jdbc: Regex::new(JDBC)?,
            urls: Regex::new(URLS)?,
            paths: Regex::new(PATHS)?,
            addresses: Regex::new(ADDRESSES)?,
            tokens: Regex::new(TOKENS)?,
            arns: Regex::new(ARNS)?,
            words: Words::new()?,
        })
    }

    /// The text as one line, masked.
    pub fn text(&self, text: &str) -> String {
        self.masked(text, false)
    }

    /// A text that was written for whom it is sent to, a runbook: words that are not known stay, too, if they are no names.
    pub fn written(&self, text: &str) -> String {
        self.masked(text, true)
    }

    fn masked(&self, text: &str, written: bool) -> String {
        let plain = plain(text);
        let known = self.redactor.text(&plain);
        let mut out = self.secrets.replace_all(&known, REDACTED).into_owned();
        out = self.jdbc.replace_all(&out, "[database]").into_owned();
        out = self.arns.replace_all(&out, "[arn]").into_owned();
        out = self.urls.replace_all(&out, |c: &Captures<'_>| self.url(&c[0])).into_owned();
        if !self.allowed.literals {
            out = unquoted(&out, self.words.is_sql(&out));
        }
        if !self.allowed.paths {
            out = self.paths.replace_all(&out, |c: &Captures<'_>| c[0].replace(&c["path"], "[path]")).into_owned();
        }
        out = self.addresses.replace_all(&out, "[address]").into_owned();
        out = self.tokens.replace_all(&out, |c: &Captures<'_>| self.token(&c[0])).into_owned();
        if self.allowed.literals { out } else { self.words.keep(&out, self.allowed, written) }
    }

    fn url(&self, url: &str) -> String {
        if !self.allowed.paths {
            return "[path]".into();
        }
        let url = url.split(['?', '#']).next().unwrap_or_default();
        let (scheme, rest) = url.split_once("://").unwrap_or(("file", url));
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        // abfss://container@account: the container is no user, but nothing tells the two apart.
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        format!("{scheme}://{host}/{path}")
    }

    /// Ids and keys go; nobody needs either to understand a problem.
    fn token(&self, token: &str) -> String {
        // A path that may be shown has several words; none of them may be a key.
        if self.allowed.paths && token.starts_with('/') {
            return token.split('/').map(word).collect::<Vec<_>>().join("/");
        }
        word(token)
    }
}

/// The word, unless it is as long and as mixed as ids and keys are.
fn word(token: &str) -> String {
    let digits = token.bytes().filter(u8::is_ascii_digit).count();
    let letters = token.bytes().filter(u8::is_ascii_alphabetic).count();
    let upper = token.bytes().filter(u8::is_ascii_uppercase).count();
    let mixed = digits >= 3 && letters >= 3 || upper >= 6 && letters - upper >= 6 && digits >= 1;
    if token.len() >= 20 && (mixed || digits >= 20) { "[id]".into() } else { token.to_owned() }
}

/// One line without characters that are not seen, or that turn the order of those that are, no longer than [`LONG`].
pub fn plain(text: &str) -> String {
    let hidden = |c: &char| matches!(*c, '\u{00AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{E0000}'..='\u{E007F}');
    let shown = text.chars().filter(|c| !hidden(c)).map(|c| if c.is_control() { ' ' } else { c });
    let mut out = String::new();
    for (i, c) in shown.enumerate() {
        if i >= LONG {
            out.push('…');
            break;
        }
        out.push(c);
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Without what is quoted, and, in SQL, without comments. A quote that is not closed takes the rest with it.
fn unquoted(text: &str, sql: bool) -> String {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        let next = chars.peek().copied().unwrap_or(' ');
        let apostrophe = c == '\'' && before.is_alphanumeric() && next.is_alphanumeric() && !sql;
        match c {
            '\'' | '"' | '\u{2018}' | '\u{201C}' if !apostrophe => {
                let end = match c {
                    '\u{2018}' => '\u{2019}',
                    '\u{201C}' => '\u{201D}',
                    c => c,
                };
                let mut escaped = false;
                while let Some(q) = chars.next() {
                    let doubled = q == end && chars.peek() == Some(&end);
                    if doubled && !escaped {
                        chars.next();
                    } else if q == end && !escaped {
                        break;
                    }
                    escaped = q == '\\' && !escaped;
                }
                out.push_str("'?'");
            }
            // What was written over several lines is one now: nothing tells where the comment ends.
            '-' if sql && next == '-' => {
                out.push_str("--");
                break;
            }
            '/' if sql && next == '*' => {
                let mut last = ' ';
                for q in chars.by_ref().skip(1) {
                    if last == '*' && q == '/' {
                        break;
                    }
                    last = q;
                }
                out.push(' ');
            }
            c => out.push(c),
        }
        before = c;
    }
    out
}

#[cfg(test)]
mod tests;
