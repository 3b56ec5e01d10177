//! Which names are of secrets: `db_password`, `fs.s3a.secret.key`, `clientSecret`, but not `max_tokens`, `secretName`
//! or the name of a class.

use super::words::{HARMLESS_AFTER, HARMLESS_BEFORE, KEY_OF, LAST, SECRET};

/// How sure a name is that its value is secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// A word that is often used of other things, as `token` alone.
    Weak,
    Strong,
}

/// None of names that are of no secret.
pub fn strength(name: &str) -> Option<Strength> {
    if is_class(name) {
        return None;
    }
    let all = segments(name);
    let (first, last) = (0..all.len()).rev().find_map(|at| ends_at(&all, at))?;
    let key_id = all.get(last + 1).is_some_and(|s| s == "id") && all[last] == "key";
    let secret_id = all.get(last + 1).is_some_and(|s| s == "id") && all[last] == "secret";
    let after = all.get(last + 1..).unwrap_or_default();
    if all[last] != "jaas"
        && after.iter().any(|s| HARMLESS_AFTER.contains(&s.as_str()) || s == "id" && !(key_id || secret_id))
    {
        return None;
    }
    if first > 0 && HARMLESS_BEFORE.contains(&all[first - 1].as_str()) {
        return None;
    }
    let weak = ["token", "credential", "credentials", "sig", "signature", "sas", "cookie", "pass", "secrets"];
    let alone = all.len() == 1 && weak.contains(&all[0].as_str());
    let by_word = ["sig", "signature", "sas"].contains(&all[last].as_str());
    Some(if alone || by_word { Strength::Weak } else { Strength::Strong })
}

/// The segments of a word or a pair of words that is secret and ends at `at`.
fn ends_at(all: &[String], at: usize) -> Option<(usize, usize)> {
    let word = all[at].trim_end_matches(|c: char| c.is_ascii_digit());
    if word == "key" && at > 0 && KEY_OF.contains(&all[at - 1].as_str()) {
        return Some((at - 1, at));
    }
    let glued = SECRET.iter().any(|s| word.ends_with(s) && (word.len() == s.len() || s.len() > 3 || word.len() > 4));
    let config = all.get(at + 1).is_some_and(|next| next == "config");
    let last = at + 1 == all.len() && LAST.contains(&word) || word == "jaas" && config;
    (glued || last).then_some((at, at))
}

/// In lower case, cut at what is no letter or digit and where capitals begin.
fn segments(name: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let bytes = name.as_bytes();
    for (i, b) in bytes.iter().enumerate() {
        let before = i.checked_sub(1).map_or(b' ', |i| bytes[i]);
        let next = bytes.get(i + 1).copied().unwrap_or(b' ');
        let humps = b.is_ascii_uppercase()
            && (before.is_ascii_lowercase() || before.is_ascii_uppercase() && next.is_ascii_lowercase());
        if !b.is_ascii_alphanumeric() || humps {
            out.push(String::new());
        }
        if b.is_ascii_alphanumeric()
            && let Some(last) = out.last_mut()
        {
            last.push(b.to_ascii_lowercase() as char);
        }
    }
    out.retain(|s| !s.is_empty());
    out
}

/// `org.apache.hadoop.security.token.Token`, say.
fn is_class(name: &str) -> bool {
    let first = name.split('.').next().unwrap_or_default();
    let last = name.rsplit('.').next().unwrap_or_default();
    let known = ["org", "com", "java", "javax", "io", "net", "scala", "software", "sun", "jdk", "shaded"];
    let value = ["Password", "Key", "Secret"].iter().any(|end| last.ends_with(end));
    !value && known.contains(&first) && last.starts_with(|c: char| c.is_ascii_uppercase()) && name.contains('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_by_their_segments() {
        for name in [
            "password",
            "db_password",
            "DB-PASSWORD",
            "dbpassword",
            "PGPASSWORD",
            "aws_secret_access_key",
            "clientSecret",
            "fs.s3a.secret.key",
            "AWSSecretKey",
            "apiKey",
            "spark.hadoop.fs.azure.account.key.acc.dfs.core.windows.net",
            "kafka.sasl.jaas.config",
            "access_key_id",
            "secret_id",
            "keyStorePassword",
            "private_key",
            "smtp.pass",
        ] {
            assert_eq!(strength(name), Some(Strength::Strong), "{name}");
        }
        for name in ["token", "credentials", "sig", "X-Amz-Signature"] {
            assert_eq!(strength(name), Some(Strength::Weak), "{name}");
        }
        for name in [
            "tokens",
            "max_tokens",
            "tokenizer",
            "token_type",
            "secretName",
            "password.length",
            "primary_key",
            "org.apache.hadoop.security.token.Token",
            "getPassword",
            "token.renewal.interval",
            "compass",
            "bypass",
            "hadoop.registry.jaas.context",
            "InvalidToken",
            "sort_key",
            "spark.kubernetes.token.name",
            "credentials.provider",
            "design",
            "key",
        ] {
            assert_eq!(strength(name), None, "{name}");
        }
    }
}
