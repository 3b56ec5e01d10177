//! Masks secrets before anything is stored: property values by Spark's own rule (key or value matches
//! `spark.redaction.regex`) and a wider one of ours; in free text (SQL, plans, errors, descriptions) only the secret itself.
//!
//! `names` says which names are of secrets, `values` finds what belongs to them, `shapes` what shows by itself.

mod extent;
mod names;
mod shapes;
mod values;
mod words;

use std::borrow::Cow;

use regex::Regex;

use names::Strength;
use shapes::Shapes;
use values::{Found, Values};

/// Spark's replacement text, which clients know.
pub const REDACTED: &str = "*********(redacted)";

/// Default of `spark.redaction.regex` in Spark 4.3.
pub const SPARK_DEFAULT: &str = r"(?i)secret|password|token|access[.]?key|credential";

/// Keys whose values Spark would show: JAAS configurations, pass phrases, private keys, and
/// JDBC user info in the `jdbc.*` options.
const KEYS: &str = r"(?i-u:jaas[.]config|passwd|passphrase|private[._-]?key|api[._-]?key|account[.]key)";

/// The rules in force; compiled once a process.
pub struct Redactor {
    property: Regex,
    keys: Regex,
    values: Values,
    shapes: Shapes,
    /// Where something in a text may have to be masked: found fast, as it begins with a letter that is known.
    suspect: Regex,
    /// The same of properties; none if `property` may ask where a text begins or ends.
    any: Option<Regex>,
}

impl Redactor {
    /// `property` is matched against keys and values of properties, as Spark does.
    pub fn new(property: &str) -> Result<Self, regex::Error> {
        let suspect = format!("{}|{}", values::HINTS, shapes::BEGINS);
        let any = format!("(?:{property})|(?:{KEYS})|(?:{suspect})");
        let anchored = property.contains(['^', '$', '\\']);
        Ok(Redactor {
            property: Regex::new(property)?,
            keys: Regex::new(KEYS)?,
            values: Values::new()?,
            shapes: Shapes::new()?,
            suspect: Regex::new(&suspect)?,
            any: if anchored { None } else { Regex::new(&any).ok() },
        })
    }

    /// Masks the values of a list of properties.
    pub fn properties(&self, mut pairs: Vec<(String, String)>) -> Vec<(String, String)> {
        let suspects = self.suspects(&pairs);
        for ((key, value), _) in pairs.iter_mut().zip(suspects).filter(|(_, suspect)| *suspect) {
            if self.hides(key, value) {
                REDACTED.clone_into(value);
            } else if let Cow::Owned(masked) = self.text(value) {
                *value = masked;
            }
        }
        pairs
    }

    /// Whether all of a property's value is masked.
    fn hides(&self, key: &str, value: &str) -> bool {
        let is_name = || key.bytes().all(extent::of_name);
        let named = || {
            is_name()
                && names::strength(key) == Some(Strength::Strong)
                && !extent::is_nothing(value)
                && !value.starts_with('/')
        };
        self.property.is_match(key) || self.keys.is_match(key) || self.property.is_match(value) || named()
    }

    /// Which pairs may hold something to mask: few do, and one search over all of them costs less
    /// than one in each.
    fn suspects(&self, pairs: &[(String, String)]) -> Vec<bool> {
        let Some(any) = &self.any else { return vec![true; pairs.len()] };
        let mut all = String::new();
        let ends: Vec<usize> = pairs
            .iter()
            .map(|(key, value)| {
                for text in [key, value] {
                    all.push_str(text);
                    all.push('\n');
                }
                all.len()
            })
            .collect();
        let mut suspects = vec![false; pairs.len()];
        for found in any.find_iter(&all) {
            let first = ends.partition_point(|end| *end <= found.start());
            let last = ends.partition_point(|end| *end < found.end());
            suspects.iter_mut().take(last + 1).skip(first).for_each(|s| *s = true);
        }
        suspects
    }

    /// Masks the secrets inside free text.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if !self.suspect.is_match(text) {
            return Cow::Borrowed(text);
        }
        let mut found = Vec::new();
        self.values.find(text, &mut found);
        let mut shaped = Vec::new();
        self.shapes.find(text, &mut shaped);
        found.extend(shaped.into_iter().map(|range| Found { range, quotes: "" }));
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        found.sort_by_key(|f| (f.range.start, std::cmp::Reverse(f.range.end)));
        let mut out = String::with_capacity(text.len());
        let mut from = 0;
        for Found { range, quotes } in found {
            if range.start >= from {
                out.push_str(&text[from..range.start]);
                out.extend([quotes, REDACTED, quotes]);
            }
            from = from.max(range.end);
        }
        out.push_str(&text[from..]);
        Cow::Owned(out)
    }
}

#[cfg(test)]
mod tests;
