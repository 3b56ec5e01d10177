//! Secrets in settings: the text itself, or `file:PATH` of a file that has it. They are shown to nobody.

use std::fmt;

use afterglow_history::redact::REDACTED;
use serde::{Deserialize, Serialize, Serializer};

/// A text that is not shown. A file is read whenever the secret is used, so that a replaced one is used.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The secret itself.
    ///
    /// # Errors
    /// If its file cannot be read.
    pub fn read(&self) -> Result<String, String> {
        match self.0.strip_prefix("file:") {
            Some(path) => {
                std::fs::read_to_string(path).map(|t| t.trim().to_owned()).map_err(|e| format!("{path}: {e}"))
            }
            None => Ok(self.0.clone()),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "\"\"" } else { REDACTED })
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        // Where it lies is no secret.
        let shown = if self.0.is_empty() || self.0.starts_with("file:") { &self.0 } else { REDACTED };
        s.serialize_str(shown)
    }
}

/// Whether a secret is there at all.
pub(super) fn given(key: &str, secret: &Secret) -> Result<(), String> {
    if secret.is_empty() {
        Err(format!("{key} is not set: write it, or file:PATH of a file that has it"))
    } else {
        Ok(())
    }
}

/// Whether a secret is an address, or lies in a file.
pub(super) fn is_url(secret: &Secret) -> Result<(), String> {
    if secret.0.starts_with("file:") { Ok(()) } else { is_address(&secret.0) }
}

/// Whether a text is an address.
pub(super) fn is_address(text: &str) -> Result<(), String> {
    if text.starts_with("http://") || text.starts_with("https://") {
        Ok(())
    } else {
        Err("url is no address: write https://HOST/…, or file:PATH of a file that has it".into())
    }
}
