//! A request to run an application, read before it is sent: what is wrong in it, with line and column, and which setting wins where
//! several say the same. `StartJobRun` of Amazon EMR and manifests of the Kubernetes operator are understood.
//!
//! What an application ran with is what its log says; nothing of a request is ever shown for that.

mod crd;
mod document;
mod emr;
mod json;
mod operator;
mod shape;
mod submit;

use std::collections::BTreeMap;

use document::Node;

/// A larger file is no request.
pub const LARGEST: u64 = 1 << 20;
/// More settings or problems of a file are not shown.
pub const MANY: usize = 200;

/// What a file asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    EmrOnEks,
    EmrServerless,
    Operator,
}

impl Kind {
    /// In words.
    pub fn text(self) -> &'static str {
        match self {
            Kind::EmrOnEks => "StartJobRun of Amazon EMR on EKS",
            Kind::EmrServerless => "StartJobRun of Amazon EMR Serverless",
            Kind::Operator => "a SparkApplication of the Kubernetes operator",
        }
    }
}

/// Something that is wrong, and where; lines and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub line: usize,
    pub column: usize,
    pub what: String,
}

/// A setting, and what says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    pub name: String,
    pub value: String,
    pub from: &'static str,
    pub line: usize,
    pub column: usize,
}

impl Setting {
    fn new(name: &str, value: &str, from: &'static str, at: &Node) -> Setting {
        Setting { name: name.to_owned(), value: value.to_owned(), from, line: at.line, column: at.column }
    }
}

/// A setting as it will be, and those that lose against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Winner {
    pub setting: Setting,
    pub over: Vec<Setting>,
}

/// A request as it was understood.
#[derive(Debug)]
pub struct Request {
    pub kind: Kind,
    /// Where it begins.
    pub line: usize,
    /// By name.
    pub settings: Vec<Winner>,
    /// In the order of their places.
    pub problems: Vec<Problem>,
}

impl Request {
    /// What a setting will be.
    pub fn setting(&self, name: &str) -> Option<&Setting> {
        self.settings.iter().map(|w| &w.setting).find(|s| s.name == name)
    }
}

/// What a file holds.
#[derive(Debug, Default)]
pub struct File {
    /// In their order, at least one.
    pub requests: Vec<Request>,
    /// Other documents: what they are, and where they begin.
    pub passed: Vec<(String, usize)>,
}

/// Reads a file of requests.
///
/// # Errors
/// If it has none, or is neither JSON nor YAML: then nothing else can be said of it.
pub fn read(text: &str) -> Result<File, Problem> {
    let mut file = File::default();
    let documents = document::parse(text)?;
    for (document, twice) in &documents {
        let first = file.requests.len();
        for item in operator::items(document).unwrap_or(std::slice::from_ref(document)) {
            match request(item) {
                Some(request) => file.requests.push(request),
                None if matches!(item.data, document::Data::Null) => {}
                None => {
                    let kind = item.get("kind").and_then(Node::text).unwrap_or("of no kind");
                    file.passed.push((kind.to_owned(), item.line));
                }
            }
        }
        let of_document = file.requests.get_mut(first..).unwrap_or_default();
        for problem in twice {
            let after = of_document.iter().take_while(|r| r.line <= problem.line).count();
            if let Some(request) = of_document.get_mut(after.saturating_sub(1)) {
                request.problems.push(problem.clone());
            }
        }
        of_document.iter_mut().for_each(|r| r.problems.sort_by_key(|p| (p.line, p.column)));
    }
    if file.requests.is_empty() {
        let Some((first, _)) = documents.iter().find(|(d, _)| !matches!(d.data, document::Data::Null)) else {
            return Err(Problem { line: 1, column: 1, what: "the file is empty".into() });
        };
        let what = "neither a StartJobRun of Amazon EMR (virtualClusterId or applicationId, jobDriver) nor a SparkApplication of the Kubernetes operator (kind)";
        return Err(first.problem(what));
    }
    Ok(file)
}

/// The request that a document is, if it is one.
fn request(document: &Node) -> Option<Request> {
    let mut problems = Vec::new();
    let (kind, settings) = match emr::kind(document) {
        Some(kind) => (kind, emr::settings(document, kind, &mut problems)),
        None if operator::is(document) => (Kind::Operator, operator::settings(document, &mut problems)),
        None => return None,
    };
    let mut by_name: BTreeMap<String, Winner> = BTreeMap::new();
    for setting in settings {
        problems.extend(wrong_value(&setting));
        if !setting.name.starts_with("spark.") {
            let what = format!("`{}`: Spark ignores settings whose names do not begin with `spark.`", setting.name);
            problems.push(Problem { line: setting.line, column: setting.column, what });
            continue;
        }
        match by_name.get_mut(&setting.name) {
            Some(winner) => winner.over.push(std::mem::replace(&mut winner.setting, setting)),
            None => {
                by_name.insert(setting.name.clone(), Winner { setting, over: Vec::new() });
            }
        }
    }
    Some(Request { kind, line: document.line, settings: by_name.into_values().collect(), problems })
}

/// Settings whose values are sizes of memory.
const SIZES: [&str; 6] = [
    "spark.driver.memory",
    "spark.driver.memoryOverhead",
    "spark.driver.maxResultSize",
    "spark.executor.memory",
    "spark.executor.memoryOverhead",
    "spark.memory.offHeap.size",
];
const COUNTS: [&str; 6] = [
    "spark.driver.cores",
    "spark.executor.cores",
    "spark.executor.instances",
    "spark.dynamicAllocation.initialExecutors",
    "spark.dynamicAllocation.minExecutors",
    "spark.dynamicAllocation.maxExecutors",
];

fn wrong_value(s: &Setting) -> Option<Problem> {
    let value = s.value.trim();
    let unit = value.trim_start_matches(|c: char| c.is_ascii_digit()).to_ascii_lowercase();
    let number = value.len() > unit.len();
    let units = ["", "b", "k", "kb", "m", "mb", "g", "gb", "t", "tb", "p", "pb"];
    let what = if SIZES.contains(&s.name.as_str()) && !(number && units.contains(&unit.as_str())) {
        let kubernetes = if unit.ends_with('i') { ", and Kubernetes' `Gi` is none to Spark" } else { "" };
        format!("`{value}` is no size of memory: write 4g or 512m{kubernetes}")
    } else if COUNTS.contains(&s.name.as_str()) && !(number && unit.is_empty()) {
        format!("`{value}` is no whole number")
    } else {
        return None;
    };
    Some(Problem { line: s.line, column: s.column, what: format!("{}: {what}", s.name) })
}

#[cfg(test)]
mod tests;
