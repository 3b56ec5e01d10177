//! What may leave the house: text of logs and settings without secrets, SQL literals, paths and addresses.
//!
//! Secrets go by the operator's own rule and by ours ([`afterglow_history::redact`]), and by shapes that only matter here, because
//! what a model is sent cannot be taken back. When in doubt, text goes: evidence has the numbers.

use std::sync::Arc;

use afterglow_history::redact::{REDACTED, Redactor};
use regex::{Captures, Regex};

/// What the operator lets out beside what always may.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Literals of SQL statements and plans, and whatever else is quoted.
    pub literals: bool,
    /// Paths of files and URLs, without user info and query.
    pub paths: bool,
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
/// Text that is SQL or a plan of Spark.
const SQL: &str = concat!(
    r"(?is)\bselect\b|\binsert\s+(?:into|overwrite)\b|\bmerge\s+into\b|\bdelete\s+from\b|\bupdate\b.*\bset\b|\bcopy\s+into\b",
    r"|\bvalues\s*\(|\bcreate\s+(?:or\s+replace\s+)?(?:temp\w*\s+)?(?:table|view|function)\b|(?:\b(?:where|having)\b|(?-i:\b(?:AND|OR)\b))[^.]*(?:[=<>]|\bin\s*\(|\blike\b|\bbetween\b)",
    r"|\w#\d+|PushedFilters|==\s*\w*\s*(?:Physical|SQL)",
);
/// Literals that plans have without quotes.
const PLAN: [(&str, &str); 6] = [
    // name#12 = John Smith: up to where the expression ends; another column stays.
    (
        r"(#\d+L?\)?\s*(?:<=>|<=|>=|<>|!=|==|=|<|>)\s*)(?P<literal>[^\s#()\[\],][^#()\[\],]*?)(\s*(?:\)|\]|,|$|\s(?:AND|OR)\s))",
        "${1}?${3}",
    ),
    (r"(?i)(#\d+L?\s+(?:NOT\s+)?IN(?:SET)?\s*)\([^)]*\)?", "${1}(?)"),
    (r"(?i)(#\d+L?\s+(?:NOT\s+)?R?LIKE\s+)[^)\],]+", "${1}?"),
    (
        r"\b((?:EqualTo|EqualNullSafe|GreaterThan|GreaterThanOrEqual|LessThan|LessThanOrEqual|In|(?:String)?(?:StartsWith|EndsWith|Contains))\([^,()]*,)[^)]*",
        "${1}?",
    ),
    (r"([\[,]\s*)[^\[\],#()]+?(\s+AS\s+[\w`]+#\d+)", "${1}?${2}"),
    (r"(?i)((?:[\w`\])]|#\d+)\s*(?:<=>|<=|>=|<>|!=|==|=|<|>)\s*)-?\d[\w.]*", "${1}?"),
];

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
    sql: Regex,
    plan: Vec<(Regex, &'static str)>,
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
            sql: Regex::new(SQL)?,
            plan: PLAN.iter().map(|(p, with)| Ok((Regex::new(p)?, *with))).collect::<Result<_, regex::Error>>()?,
        })
    }

    /// The text as one line, masked.
    pub fn text(&self, text: &str) -> String {
        let plain = plain(text);
        let known = self.redactor.text(&plain);
        let mut out = self.secrets.replace_all(&known, REDACTED).into_owned();
        out = self.jdbc.replace_all(&out, "[database]").into_owned();
        out = self.urls.replace_all(&out, |c: &Captures<'_>| self.url(&c[0])).into_owned();
        if !self.allowed.literals {
            out = self.literals(&out);
        }
        if !self.allowed.paths {
            out = self.paths.replace_all(&out, |c: &Captures<'_>| c[0].replace(&c["path"], "[path]")).into_owned();
        }
        out = self.addresses.replace_all(&out, "[address]").into_owned();
        self.tokens.replace_all(&out, |c: &Captures<'_>| self.token(&c[0])).into_owned()
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

    fn literals(&self, text: &str) -> String {
        let sql = self.sql.is_match(text);
        let mut out = unquoted(text, sql);
        if sql {
            for (pattern, with) in &self.plan {
                out = pattern.replace_all(&out, *with).into_owned();
            }
            out = unnumbered(&out);
        }
        out
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

/// SQL without its numbers; those of names (`name#12`, `t1`) stay.
fn unnumbered(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        if c.is_ascii_digit() && !(before.is_alphanumeric() || matches!(before, '_' | '#' | '`' | '.' | '$')) {
            while chars.next_if(|n| n.is_alphanumeric() || *n == '.').is_some() {}
            out.push('?');
            before = '?';
            continue;
        }
        out.push(c);
        before = c;
    }
    out
}

#[cfg(test)]
mod tests {
    use afterglow_history::redact::SPARK_DEFAULT;

    use super::*;

    fn mask(allowed: Allowed) -> Mask {
        Mask::new(Arc::new(Redactor::new(SPARK_DEFAULT).unwrap()), allowed).unwrap()
    }

    #[test]
    fn no_secret_comes_through() {
        let planted = [
            ("hunter2", "jdbc:postgresql://db.corp:5432/sales?user=app&password=hunter2"),
            ("hunter2", "connect with password=hunter2 failed"),
            ("tiger", "cannot open jdbc:oracle:thin:scott/tiger@db:1521:orcl"),
            ("toor", "jdbc:mysql://root:toor@db/x refused"),
            ("AKIAIOSFODNN7EXAMPLE", "The AWS Access Key Id AKIAIOSFODNN7EXAMPLE does not exist"),
            ("wJalrXUtnFEMI", "key wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY was refused"),
            ("wJalrXUtnFEMI", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            ("dapi0123456789", "catalog answered 401 to dapi0123456789abcdef0123456789abcdef"),
            ("ghp_16C7e42F", "git clone with ghp_16C7e42F292c6912E7710c838347Ae178B4a"),
            ("SflKxwRJ", "token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"),
            ("abc123def", "Authorization: Bearer abc123def456"),
            ("dXNlcjpw", "authorization: Basic dXNlcjpwYXNz"),
            (
                "kafkapw",
                "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"app\" password=\"kafkapw\";",
            ),
            (
                "alice",
                "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username='alice' password='x'",
            ),
            ("MIIEvQ", "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY----- rest"),
            ("c2lnbmF0dXJl", "https://acc.blob.core.windows.net/c/f?sv=2024&sig=c2lnbmF0dXJl%3D"),
            ("Zm9vYmFy", "DefaultEndpointsProtocol=https;AccountKey=Zm9vYmFyYmF6cXV4;EndpointSuffix=x"),
            ("s3cr3t", "OPTIONS (url 'x', password 's3cr3t')"),
            ("s3cr3t", "fs.s3a.secret.key -> secret_key: s3cr3t"),
            ("anna", "mail anna.b@example.com about it"),
            ("10.2.3.4", "lost executor 3 on 10.2.3.4:7337"),
            ("10-2-3-4", "host ip-10-2-3-4.eu-central-1.compute.internal"),
        ];
        for allowed in [Allowed::default(), Allowed { literals: true, paths: true }] {
            for (secret, text) in planted {
                let masked = mask(allowed).text(text);
                assert!(!masked.contains(secret), "{allowed:?} {text} -> {masked}");
            }
        }
    }

    #[test]
    fn literals_go_and_names_stay() {
        let mask = mask(Allowed::default());
        for (text, expected) in [
            (
                "SELECT name FROM people p WHERE p.ssn = '123-45-6789' AND age > 42 AND t1.id = p.id",
                "SELECT name FROM people p WHERE p.ssn = '?' AND age > ? AND t1.id = p.id",
            ),
            ("INSERT INTO t VALUES (17, \"Smith\", -3.5e2)", "INSERT INTO t VALUES (?, '?', -?)"),
            ("SELECT 'it''s', 'a\\'b' FROM t -- Smith owes 500", "SELECT '?', '?' FROM t --"),
            ("SELECT /* Smith */ x FROM t", "SELECT x FROM t"),
            ("Filter (isnotnull(name#12) AND (name#12 = John Smith))", "Filter (isnotnull(name#12) AND (name#12 = ?))"),
            (
                "SortMergeJoin [id#1L], [id#7L], Inner, (x#2 < y#3)",
                "SortMergeJoin [id#1L], [id#7L], Inner, (x#2 < y#3)",
            ),
            (
                "PushedFilters: [IsNotNull(name), EqualTo(name,Smith), In(city, [Bonn,Ulm])]",
                "PushedFilters: [IsNotNull(name), EqualTo(name,?), In(city,?)]",
            ),
            ("Filter name#3 IN (Smith,Jones)", "Filter name#3 IN (?)"),
            ("Project [Smith AS owner#4, id#1]", "Project [? AS owner#4, id#1]"),
            ("Filter (amount#9 > 1500)", "Filter (amount#9 > ?)"),
            ("it can't be read: unknown column `city`", "it can't be read: unknown column `city`"),
            ("cannot cast \"Smith\" to INT", "cannot cast '?' to INT"),
            ("value 'Smith is unclosed", "value '?'"),
            (
                "stage 3: 45 % of the run time is garbage collection",
                "stage 3: 45 % of the run time is garbage collection",
            ),
        ] {
            let mut masked = mask.text(text);
            masked = masked.split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(masked, expected);
        }
    }

    #[test]
    fn paths_go_unless_they_are_allowed() {
        let texts = [
            ("FileNotFoundException: s3://bucket/sales/y=2025/part-1.parquet not there", "sales"),
            ("cannot read /home/anna/secret-project/x.csv", "home"),
            ("LOCATION hdfs://nn:8020/warehouse/t", "warehouse"),
            ("file:/data/x", "data"),
            ("wrote sales/year=2025/part-00000.parquet", "sales"),
            ("abfss://raw@acc.dfs.core.windows.net/in", "raw"),
        ];
        for (text, part) in texts {
            let masked = mask(Allowed::default()).text(text);
            assert!(!masked.contains(part) && masked.contains("[path]"), "{text} -> {masked}");
        }
        let shown =
            mask(Allowed { paths: true, ..Allowed::default() }).text("not there: s3://bucket/sales/x?versionId=1");
        assert_eq!(shown, "not there: s3://bucket/sales/x");
        assert_eq!(mask(Allowed::default()).text("12 MB/s and 3/4 of it"), "12 MB/s and 3/4 of it");
    }

    #[test]
    fn text_is_one_line_without_hidden_characters_and_has_an_end() {
        assert_eq!(plain("a\u{202e}b\u{200b}c\n\td\u{0}e"), "abc d e");
        assert!(mask(Allowed::default()).text(&"x ".repeat(1_000_000)).chars().count() <= LONG + 1);
    }
}
