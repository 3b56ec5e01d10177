//! A recording of `tests/golden`: what a real History Server answered, path by path. The format is
//! described in `tests/golden/capture.py`.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::logs::WINDOW_LOG;
use crate::rules;

#[derive(Deserialize)]
pub struct Entry {
    pub status: u16,
    headers: HashMap<String, String>,
    body: Option<String>,
    /// The body was too large to be kept.
    #[serde(default)]
    pub omitted: bool,
    /// The body is {member: sha256} of the zip that was answered.
    #[serde(default)]
    pub zip: bool,
}

impl Entry {
    pub fn content_type(&self) -> &str {
        self.headers.get("Content-Type").map_or("", String::as_str)
    }
}

pub struct Archive {
    /// By path below `/api/v1/`.
    pub index: BTreeMap<String, Entry>,
    bodies: HashMap<String, Vec<u8>>,
}

impl Archive {
    pub fn open(version: &str) -> Archive {
        Archive::read(&rules::golden(&format!("{version}.tar.zst")))
    }

    pub fn read(path: &Path) -> Archive {
        let file = File::open(path).expect("a recording");
        let mut decoder = zstd::Decoder::new(file).expect("zstd");
        decoder.window_log_max(WINDOW_LOG).expect("zstd");
        let mut bodies = HashMap::new();
        for member in tar::Archive::new(decoder).entries().expect("an archive") {
            let mut member = member.expect("a member");
            let name = member.path().expect("a name").display().to_string();
            let mut body = Vec::with_capacity(member.size() as usize);
            member.read_to_end(&mut body).expect("a body");
            bodies.insert(name, body);
        }
        let index = bodies.remove("index.json").expect("an index");
        Archive { index: serde_json::from_slice(&index).expect("an index"), bodies }
    }

    pub fn body(&self, entry: &Entry) -> &[u8] {
        entry.body.as_ref().and_then(|name| self.bodies.get(name)).map_or(&[], Vec::as_slice)
    }

    pub fn json(&self, path: &str) -> Value {
        let entry = self.index.get(path).unwrap_or_else(|| panic!("{path} was not recorded"));
        serde_json::from_slice(self.body(entry)).expect("JSON")
    }

    /// The Spark version that wrote each application.
    pub fn versions(&self) -> BTreeMap<String, String> {
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let all = self.json("applications");
        all.as_array()
            .expect("a list")
            .iter()
            .map(|a| (text(&a["id"]), text(&a["attempts"][0]["appSparkVersion"])))
            .collect()
    }
}

/// JSON without the blanks between its tokens: what differs in form only is then equal in bytes.
pub fn compact(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len());
    let mut rest = json;
    while let Some(&first) = rest.first() {
        let taken = match first {
            b' ' | b'\n' | b'\r' | b'\t' => {
                rest = &rest[1..];
                continue;
            }
            b'"' => text_length(rest),
            _ => 1,
        };
        out.extend_from_slice(&rest[..taken]);
        rest = &rest[taken..];
    }
    out
}

/// Bytes of the quoted text at the start of `json`.
fn text_length(json: &[u8]) -> usize {
    let mut at = 1;
    while let Some(&b) = json.get(at) {
        at += if b == b'\\' { 2 } else { 1 };
        if b == b'"' {
            break;
        }
    }
    at.min(json.len())
}
