//! `settings/defaults`: what Spark's settings are where nobody set them, by version of Spark.
//!
//! `tests/generate/defaults.py` asks real Sparks for them.

use std::collections::BTreeMap;

use axum::response::Response;

use crate::api::error::ApiError;
use crate::api::query::Query;
use crate::api::target::json;

/// Versions that are known, with their defaults as JSON.
const KNOWN: [(&str, &str); 2] =
    [("3.5.9", include_str!("../defaults/3.5.9.json")), ("4.3.0", include_str!("../defaults/4.3.0.json"))];

/// Defaults of the version that is nearest to the one asked for; of the newest if none is.
pub async fn defaults(query: Query) -> Result<Response, ApiError> {
    let (version, text) = match query.first("version").filter(|v| !v.is_empty()) {
        Some(wanted) => nearest(number(wanted)),
        None => KNOWN[KNOWN.len() - 1],
    };
    let mut all: BTreeMap<String, String> =
        serde_json::from_str(text).map_err(|e| ApiError::Internal(format!("defaults of Spark {version}: {e}")))?;
    all.insert("version".to_owned(), version.to_owned());
    json(&all)
}

fn nearest(wanted: i64) -> (&'static str, &'static str) {
    let away = |version: &str| (number(version) - wanted).abs();
    KNOWN.into_iter().min_by_key(|(version, _)| away(version)).unwrap_or(KNOWN[0])
}

/// `3.5.1-amzn-0` as a number whose differences say how far versions are apart.
fn number(version: &str) -> i64 {
    let mut parts = version.split(['.', '-', '+']).map(|p| p.parse::<i64>().unwrap_or(0).clamp(0, 99));
    let mut next = || parts.next().unwrap_or(0);
    (next() * 100 + next()) * 100 + next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_version() {
        let cases = [
            ("3.5.9", "3.5.9"),
            ("2.4.8", "3.5.9"),
            ("3.5.1-amzn-0", "3.5.9"),
            ("4.0.0", "4.3.0"),
            ("4.3.1", "4.3.0"),
            ("9", "4.3.0"),
        ];
        for (wanted, version) in cases {
            assert_eq!(nearest(number(wanted)).0, version, "{wanted}");
        }
    }

    #[test]
    fn every_text_is_read() {
        for (version, text) in KNOWN {
            let all: BTreeMap<String, String> = serde_json::from_str(text).unwrap();
            assert_eq!(all["spark.sql.shuffle.partitions"], "200", "{version}");
        }
    }
}
