//! The settings of an application as rules ask for them: Spark's units and defaults, keys in any case where Spark takes them so.

use std::collections::BTreeMap;

use afterglow_history::state::Environment;

/// Spark version as (major, minor).
pub type Version = (u32, u32);

/// Spark properties in force, and the version that reads them.
#[derive(Debug, Clone, Default)]
pub struct Conf {
    pub version: Version,
    /// Under lower-case keys: Spark looks up those of state stores without regard to case.
    properties: BTreeMap<String, String>,
    /// Whether the log tells of the environment.
    pub known: bool,
}

impl Conf {
    pub fn new(version: &str, environment: &Environment) -> Self {
        let properties = environment.spark_properties.iter().map(|(k, v)| (k.to_lowercase(), v.clone()));
        Conf {
            version: parse_version(version),
            properties: properties.collect(),
            known: !environment.spark_properties.is_empty(),
        }
    }

    /// The same, with what a session sets on top.
    pub fn with<'a>(&self, more: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut out = self.clone();
        out.properties.extend(more.into_iter().map(|(k, v)| (k.to_lowercase(), v.to_owned())));
        out
    }

    pub fn get(&self, key: &str) -> Option<&str> {
        self.properties.get(&key.to_lowercase()).map(String::as_str)
    }

    /// The value as text, for [`crate::finding::Setting::current`].
    pub fn current(&self, key: &str) -> Option<String> {
        self.get(key).map(str::to_owned)
    }

    /// True or false as Spark reads it; the default where it is not set or not readable.
    pub fn flag(&self, key: &str, default: bool) -> bool {
        self.get(key).and_then(|v| v.trim().to_lowercase().parse().ok()).unwrap_or(default)
    }

    pub fn number(&self, key: &str, default: i64) -> i64 {
        self.get(key).and_then(|v| v.trim().parse().ok()).unwrap_or(default)
    }

    pub fn decimal(&self, key: &str, default: f64) -> f64 {
        self.get(key).and_then(|v| v.trim().parse().ok()).unwrap_or(default)
    }

    /// A duration in milliseconds, as `60s` or `1min`; a bare number is in `unit` milliseconds.
    pub fn millis(&self, key: &str, unit: i64) -> Option<i64> {
        time(self.get(key)?, unit)
    }

    /// A size in bytes; `unit` is what a number without unit is in.
    pub fn bytes(&self, key: &str, unit: i64) -> Option<i64> {
        size(self.get(key)?, unit)
    }
}

/// `3.5.1-amzn-0` is (3, 5); what is no version is (0, 0).
fn parse_version(text: &str) -> Version {
    let mut numbers = text.split(['.', '-']).map(|n| n.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// A size as Spark writes it, as `4g` or `512MiB`, in bytes; `unit` is what a bare number is in.
pub fn size(text: &str, unit: i64) -> Option<i64> {
    let text = text.trim().to_lowercase();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, suffix) = text.split_at(digits);
    let factor = match suffix.trim() {
        "" => unit,
        "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        "t" | "tb" | "tib" => 1 << 40,
        "p" | "pb" | "pib" => 1 << 50,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(factor)
}

/// A duration as Spark writes it, in milliseconds; `unit` is what a bare number is in.
fn time(text: &str, unit: i64) -> Option<i64> {
    let text = text.trim().to_lowercase();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, suffix) = text.split_at(digits);
    let factor = match suffix.trim() {
        "" => unit,
        "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(factor)
}

/// Bytes as a setting takes them, rounded up to whole mebibytes, or gibibytes where it is many.
pub fn as_setting(bytes: i64) -> String {
    let mib = bytes.clamp(0, 1 << 60).unsigned_abs().div_ceil(1 << 20);
    if mib >= 10 * 1024 || (mib > 0 && mib.is_multiple_of(1024)) {
        format!("{}g", mib.div_ceil(1024))
    } else {
        format!("{mib}m")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_versions_as_spark_writes_them() {
        assert_eq!(size("4g", 1), Some(4 << 30));
        assert_eq!(size(" 512MiB ", 1), Some(512 << 20));
        assert_eq!(size("10485760", 1), Some(10 << 20));
        assert_eq!(size("384", 1 << 20), Some(384 << 20));
        assert_eq!(size("-1", 1), None);
        assert_eq!(size("many", 1), None);
        assert_eq!(
            (time("60s", 1), time("1 min", 1), time("250", 1), time("soon", 1)),
            (Some(60_000), Some(60_000), Some(250), None)
        );
        assert_eq!(parse_version("3.5.1-amzn-0"), (3, 5));
        assert_eq!(parse_version("4.3.0"), (4, 3));
        assert_eq!(parse_version(""), (0, 0));
        assert_eq!(as_setting(1 << 30), "1g");
        assert_eq!(as_setting(1_300_000_000), "1240m");
        assert_eq!(as_setting(20 << 30), "20g");
    }
}
