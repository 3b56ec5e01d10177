//! JSON that is passed on with the numbers that it has. serde_json reads a fraction fast, and may miss its last digit.

use std::collections::BTreeMap;

use serde::{Deserialize as _, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Number, Value as Json};

/// Reads JSON text.
///
/// # Errors
/// As serde_json has them.
pub fn read(text: &str) -> serde_json::Result<Json> {
    let text = text.trim();
    Ok(match text.as_bytes().first() {
        Some(b'{') => {
            let fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text)?;
            Json::Object(fields.into_iter().map(|(k, v)| Ok((k, read(v.get())?))).collect::<serde_json::Result<_>>()?)
        }
        Some(b'[') => {
            let items: Vec<Box<RawValue>> = serde_json::from_str(text)?;
            Json::Array(items.iter().map(|v| read(v.get())).collect::<serde_json::Result<_>>()?)
        }
        Some(b'-' | b'0'..=b'9') if text.contains(['.', 'e', 'E']) => {
            let number = text.parse().ok().and_then(Number::from_f64);
            number.map_or_else(|| serde_json::from_str(text), |n| Ok(Json::Number(n)))?
        }
        _ => serde_json::from_str(text)?,
    })
}

/// Reads a field that may be null, of text that serde_json reads.
///
/// # Errors
/// As serde_json has them.
pub fn field<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Json>, D::Error> {
    let raw = Option::<Box<RawValue>>::deserialize(deserializer)?;
    raw.map(|raw| read(raw.get())).transpose().map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_last_digit() {
        let text = r#"{"a":[1.3623978201634879,-7,18446744073709551615,null,"1.5"],"b":{"c":0.1,"d":true}}"#;
        let value = read(text).unwrap();
        assert_eq!(value.to_string(), text);
        assert_eq!(value["a"][0].as_f64(), "1.3623978201634879".parse().ok());
        assert!(read("{\"a\":1.}").is_err() && read("").is_err() && read("1e999").is_err());
    }
}
