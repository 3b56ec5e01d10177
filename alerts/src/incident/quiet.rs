//! What keeps incidents quiet: mutes by rule and application name, silences by labels. They are still recorded and shown.

use super::Labels;
use super::matcher::{Matcher, all_match};

/// A rule that is not to be told of for applications of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mute {
    pub id: i64,
    /// `*` stands for any text; empty is `*`.
    pub rule: String,
    pub app_name: String,
    /// Epoch milliseconds; for ever without.
    pub until: Option<i64>,
    pub reason: String,
    pub by: String,
    pub created_at: i64,
}

impl Mute {
    pub fn mutes(&self, rule: &str, app_name: &str, now: i64) -> bool {
        self.until.is_none_or(|until| now < until) && like(&self.rule, rule) && like(&self.app_name, app_name)
    }
}

/// Labels that are not to be told of for a time.
#[derive(Debug, Clone)]
pub struct Silence {
    pub id: i64,
    /// As they were written.
    pub texts: Vec<String>,
    pub matchers: Vec<Matcher>,
    /// Epoch milliseconds.
    pub until: i64,
    pub reason: String,
    pub by: String,
    pub created_at: i64,
}

impl Silence {
    pub fn silences(&self, labels: &Labels, now: i64) -> bool {
        now < self.until && all_match(&self.matchers, labels)
    }
}

/// All that holds now.
#[derive(Debug, Clone, Default)]
pub struct Quiet {
    pub mutes: Vec<Mute>,
    pub silences: Vec<Silence>,
}

impl Quiet {
    pub fn muted(&self, rule: &str, app_name: &str, now: i64) -> bool {
        self.mutes.iter().any(|m| m.mutes(rule, app_name, now))
    }

    pub fn silenced(&self, labels: &Labels, now: i64) -> bool {
        self.silences.iter().any(|s| s.silences(labels, now))
    }
}

/// Whether a text is like a pattern in which `*` stands for any text.
pub fn like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    if pattern.is_empty() {
        return true;
    }
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text, wanted) in [
            ("", "anything", true),
            ("*", "", true),
            ("etl", "etl", true),
            ("etl", "etl-2", false),
            ("etl-*", "etl-2", true),
            ("*-dev", "etl-dev", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("ab*ba", "aba", false),
        ] {
            assert_eq!(like(pattern, text), wanted, "{pattern} {text}");
        }
    }

    #[test]
    fn mutes_end() {
        let mute = Mute {
            id: 1,
            rule: "gc-*".into(),
            app_name: "nightly*".into(),
            until: Some(100),
            reason: String::new(),
            by: String::new(),
            created_at: 0,
        };
        assert!(mute.mutes("gc-pressure", "nightly etl", 99));
        assert!(!mute.mutes("gc-pressure", "nightly etl", 100));
        assert!(!mute.mutes("task-skew", "nightly etl", 0));
        assert!(!mute.mutes("gc-pressure", "hourly", 0));
    }
}
