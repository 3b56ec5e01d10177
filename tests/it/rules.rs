//! Compares JSON answers, but for what rules allow. The engine of `tests/golden/compare.py`, which
//! explains the rules; here the first answer is what is expected, the second what was got.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;

use regex::Regex;
use serde_json::Value;

/// One allowed difference.
struct Rule {
    url: Regex,
    json: Regex,
    spark: Regex,
    op: String,
    text: String,
}

/// Allowed differences, and which of them were met.
pub struct Rules {
    rules: Vec<Rule>,
    /// Spark versions of applications by id.
    versions: BTreeMap<String, String>,
    used: Mutex<BTreeSet<usize>>,
}

pub fn golden(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// The rules of a file of `tests/golden`.
pub fn of_file(name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(golden(name)).unwrap_or_else(|e| panic!("tests/golden/{name}: {e}"));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("tests/golden/{name}: {e}"))
}

/// What differs with the clock: the durations of unfinished applications, and when they were looked at.
pub fn of_clock() -> Vec<Value> {
    let unfinished = of_file("clock.json");
    let app = |x: &Value| x["app"].as_str().expect("an id").to_owned();
    let ids: BTreeSet<String> = unfinished.iter().map(app).collect();
    let ids = ids.into_iter().collect::<Vec<_>>().join("|");
    let base = |x: &Value| app(x) + &x["attemptId"].as_str().map(|a| format!("/{a}")).unwrap_or_default();
    let bases: Vec<String> = unfinished.iter().map(base).collect();
    let rule =
        |url: String, json: &str| serde_json::json!({"url": url, "json": json, "op": "ignore", "why": "the clock"});
    vec![
        rule(r"^applications(/?$|\?)".into(), r"\$\.\d+\.attempts\.\d+\.lastUpdated(Epoch)?"),
        rule(format!(r"^applications/({ids})(/\d+)?$"), r"\$(\.attempts\.\d+)?\.lastUpdated(Epoch)?"),
        rule(
            format!("^applications/({})/", bases.join("|")),
            r"\$.*\.(duration|totalDuration|summary\.averageDuration)",
        ),
    ]
}

impl Rules {
    pub fn new(rules: &[Value], versions: BTreeMap<String, String>) -> Rules {
        let rules = rules.iter().map(|r| {
            let text = |key: &str| r[key].as_str().unwrap_or_default();
            let regex = |re: String| Regex::new(&re).unwrap_or_else(|e| panic!("{r}: {e}"));
            assert!(!text("why").is_empty(), "a rule without a reason: {r}");
            assert!(
                ["ignore", "unordered", "longer", "extra", "status", "better"].contains(&text("op")),
                "unknown op: {r}"
            );
            Rule {
                url: regex(text("url").to_owned()),
                json: regex(format!("^(?:{})$", text("json"))),
                spark: regex(format!("^(?:{})", text("spark"))),
                op: text("op").to_owned(),
                text: r.to_string(),
            }
        });
        Rules { rules: rules.collect(), versions, used: Mutex::default() }
    }

    /// Whether a rule with one of these ops is for this place.
    pub fn allow(&self, ops: &[&str], url: &str, place: &str) -> bool {
        let app = url.strip_prefix("applications/").and_then(|rest| rest.split(['/', '?']).next());
        let spark = app.and_then(|a| self.versions.get(a)).map_or("", String::as_str);
        let mut used = self.used.lock().unwrap();
        let fits = |r: &Rule| r.json.is_match(place) && r.url.is_match(url) && r.spark.is_match(spark);
        let found = self.rules.iter().enumerate().filter(|(_, r)| ops.contains(&r.op.as_str()) && fits(r));
        found.map(|(i, _)| used.insert(i)).count() > 0
    }

    /// Rules for which there was no use.
    pub fn unused(&self) -> Vec<&str> {
        let used = self.used.lock().unwrap();
        self.rules.iter().enumerate().filter(|(i, _)| !used.contains(i)).map(|(_, r)| r.text.as_str()).collect()
    }

    /// The differences between two answers that no rule allows, as `place: what`.
    pub fn differences(&self, url: &str, expected: &Value, got: &Value) -> Vec<String> {
        let mut out = Vec::new();
        self.compare(url, "$", expected, got, &mut out);
        out
    }

    fn compare(&self, url: &str, at: &str, a: &Value, b: &Value, out: &mut Vec<String>) {
        match (a, b) {
            (Value::Object(x), Value::Object(y)) => {
                for (k, v) in x {
                    let here = format!("{at}.{k}");
                    match y.get(k) {
                        Some(w) => self.compare(url, &here, v, w, out),
                        None if self.allow(&["ignore"], url, &here) => {}
                        None => out.push(format!("{here}: missing, expected {}", short(v))),
                    }
                }
                for (k, w) in y.iter().filter(|(k, _)| !x.contains_key(*k)) {
                    let here = format!("{at}.{k}");
                    if !self.allow(&["ignore", "extra"], url, &here) {
                        out.push(format!("{here}: not expected, got {}", short(w)));
                    }
                }
            }
            (Value::Array(x), Value::Array(y)) => {
                if a == b || self.allow(&["ignore"], url, at) {
                    return;
                }
                let sorted = |list: &[Value]| {
                    let mut list: Vec<Value> = list.to_vec();
                    list.sort_by_cached_key(Value::to_string);
                    list
                };
                let unordered = self.allow(&["unordered"], url, at);
                let (x, y) = if unordered { (sorted(x), sorted(y)) } else { (x.clone(), y.clone()) };
                if x.len() > y.len() || x.len() < y.len() && !self.allow(&["longer"], url, at) {
                    out.push(format!("{at}: length {}, expected {}", y.len(), x.len()));
                }
                for (i, (v, w)) in x.iter().zip(&y).enumerate() {
                    self.compare(url, &format!("{at}.{i}"), v, w, out);
                }
            }
            _ if same(a, b) || self.allow(&["ignore"], url, at) => {}
            _ => out.push(format!("{at}: {}, expected {}", short(b), short(a))),
        }
    }
}

/// Equal values; fractions are equal if they differ by rounding only.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) if x != y => match (x.as_f64(), y.as_f64()) {
            (Some(_), Some(_)) if !x.is_f64() && !y.is_f64() => false,
            (Some(x), Some(y)) => (x - y).abs() <= 1e-9 * x.abs().max(y.abs()),
            _ => false,
        },
        _ => a == b,
    }
}

fn short(v: &Value) -> String {
    let text = v.to_string();
    if text.chars().count() <= 90 { text } else { text.chars().take(87).collect::<String>() + "..." }
}
