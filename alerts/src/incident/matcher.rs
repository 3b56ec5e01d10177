//! Matchers over labels, as Alertmanager's: `severity="critical"`, `cluster!="test"`, `rule=~"task-.*|gc-.*"`, `app_name!~"dev-.*"`.
//! A label that is not there is empty. Expressions match the whole value.

use std::fmt;

use regex::Regex;

use super::{Labels, severity};

/// A condition on one label.
#[derive(Debug, Clone)]
pub struct Matcher {
    text: String,
    label: String,
    test: Test,
}

#[derive(Debug, Clone)]
enum Test {
    Is(String),
    IsNot(String),
    Like(Regex),
    NotLike(Regex),
}

impl Matcher {
    /// Reads a matcher. The value may go without quotes if it has neither quotes nor commas.
    ///
    /// # Errors
    /// A sentence about what it should be.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bad = |why: &str| format!("`{text}` is no matcher: {why}: write LABEL=\"VALUE\", or with !=, =~ or !~");
        let at = text.find(['=', '!']).ok_or_else(|| bad("there is no operator"))?;
        let (label, rest) = (text[..at].trim(), &text[at..]);
        let is_name = |n: &str| !n.is_empty() && n.chars().all(|c| c.is_alphanumeric() || "_-./:".contains(c));
        if !is_name(label) {
            return Err(bad("it does not begin with a label's name"));
        }
        let operator = ["=~", "!~", "!=", "="].into_iter().find(|o| rest.starts_with(o));
        let operator = operator.ok_or_else(|| bad("there is no operator"))?;
        let value = unquoted(rest[operator.len()..].trim()).ok_or_else(|| bad("the value's quotes do not close"))?;
        // What an alert calls it is told by our name for it.
        let value = if label == "severity" && !operator.contains('~') { severity::named(&value) } else { value };
        let expression =
            |value: &str| Regex::new(&format!("^(?:{value})$")).map_err(|e| bad(&e.to_string().replace('\n', " ")));
        let test = match operator {
            "=~" => Test::Like(expression(&value)?),
            "!~" => Test::NotLike(expression(&value)?),
            "!=" => Test::IsNot(value),
            _ => Test::Is(value),
        };
        Ok(Matcher { text: text.trim().to_owned(), label: label.to_owned(), test })
    }

    /// Reads all of a list.
    ///
    /// # Errors
    /// What is wrong with the first that is none.
    pub fn all<'t>(texts: impl IntoIterator<Item = &'t String>) -> Result<Vec<Self>, String> {
        texts.into_iter().map(|t| Matcher::parse(t)).collect()
    }

    /// The label and the value that it must have; none where it may have several, or none at all.
    pub fn exactly(&self) -> Option<(&str, &str)> {
        match &self.test {
            Test::Is(value) if !value.is_empty() => Some((&self.label, value)),
            _ => None,
        }
    }

    pub fn matches(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.label).map(String::as_str).unwrap_or_default();
        match &self.test {
            Test::Is(wanted) => value == wanted,
            Test::IsNot(wanted) => value != wanted,
            Test::Like(expression) => expression.is_match(value),
            Test::NotLike(expression) => !expression.is_match(value),
        }
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A value with or without quotes; inside them `\"` and `\\` are escaped.
fn unquoted(text: &str) -> Option<String> {
    let Some(inner) = text.strip_prefix('"') else {
        return (!text.contains(['"', ','])).then(|| text.to_owned());
    };
    let mut out = String::new();
    let mut chars = inner.chars();
    loop {
        match chars.next()? {
            '"' => return chars.as_str().trim().is_empty().then_some(out),
            // Others belong to the expression.
            '\\' => match chars.next()? {
                c @ ('"' | '\\') => out.push(c),
                'n' => out.push('\n'),
                c => out.extend(['\\', c]),
            },
            c => out.push(c),
        }
    }
}

/// Whether all hold.
pub fn all_match(matchers: &[Matcher], labels: &Labels) -> bool {
    matchers.iter().all(|m| m.matches(labels))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> Labels {
        [("severity", "warning"), ("app_name", "nightly \"etl\"")].map(|(k, v)| (k.into(), v.into())).into()
    }

    #[test]
    fn as_alertmanager_matches() {
        for (text, wanted) in [
            ("severity=\"warning\"", true),
            ("severity = warning", true),
            ("severity=\"WARN\"", true),
            ("severity!=\"warning\"", false),
            ("severity=~\"warning|info\"", true),
            // The whole value.
            ("severity=~\"warn\"", false),
            ("severity!~\"crit.*\"", true),
            ("app_name=\"nightly \\\"etl\\\"\"", true),
            ("app_name=~\"nightly \\S+\"", true),
            // What is not there is empty.
            ("team=\"\"", true),
            ("team!=\"\"", false),
            ("team=~\".+\"", false),
        ] {
            assert_eq!(Matcher::parse(text).unwrap().matches(&labels()), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_none_is_said() {
        for (text, why) in [
            ("severity", "no operator"),
            ("=\"x\"", "does not begin"),
            ("a=\"x", "do not close"),
            ("a=\"x\" and", "do not close"),
            ("a=~\"(\"", "unclosed group"),
            ("a!x", "no operator"),
        ] {
            let said = Matcher::parse(text).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
    }
}
