//! What rules find, as plain data: what is wrong and where, the numbers it rests on, what it costs, and what to change.

use std::fmt::{self, Display, Formatter};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::lack::Lack;

/// What is not in a run's id as Spark makes them.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-');

/// Something about an application that its owner should know, and can do something about.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Name of the rule, as `task-skew`; set by the judge.
    pub rule: &'static str,
    pub severity: Severity,
    /// What is wrong, with the numbers that say so: a sentence without a period.
    pub summary: String,
    pub place: Place,
    /// The numbers it rests on, the telling one first.
    pub evidence: Vec<Evidence>,
    pub at_stake: AtStake,
    pub advice: Vec<Advice>,
    pub sure: Sure,
}

impl Finding {
    /// A finding to be completed; it is likely, and nothing is known to be at stake.
    pub fn new(severity: Severity, place: Place, summary: impl Into<String>) -> Self {
        Finding {
            rule: "",
            severity,
            summary: summary.into(),
            place,
            evidence: Vec::new(),
            at_stake: AtStake::default(),
            advice: Vec::new(),
            sure: Sure::Likely,
        }
    }

    /// The resource that its own computations start from: that of its place, of a whole application where its first number is.
    pub fn basis(&self) -> Source {
        let first = || self.evidence.iter().find_map(|e| e.source.clone());
        let basis = self.place.source().or_else(first).unwrap_or_else(|| Source::ours("overview", ""));
        Source { pointer: String::new(), ..basis }
    }

    pub fn evidence(mut self, evidence: Evidence) -> Self {
        self.evidence.push(evidence);
        self
    }

    pub fn costs(mut self, at_stake: AtStake) -> Self {
        self.at_stake = at_stake;
        self
    }

    pub fn advise(mut self, advice: Advice) -> Self {
        self.advice.push(advice);
        self
    }

    pub fn sure(mut self, sure: Sure) -> Self {
        self.sure = sure;
        self
    }
}

/// How much somebody should care.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing when one looks anyway.
    Info,
    /// Costs time or money that can be saved.
    Warning,
    /// Something failed or is about to.
    Critical,
}

impl Severity {
    pub fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
    }
}

/// How far the evidence carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sure {
    /// A sign; other causes would look the same.
    Possible,
    /// The usual cause of such numbers.
    Likely,
    /// The log says so itself.
    Certain,
}

impl Sure {
    pub fn name(self) -> &'static str {
        match self {
            Sure::Possible => "possible",
            Sure::Likely => "likely",
            Sure::Certain => "certain",
        }
    }
}

/// Which part of the application is meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    Application,
    Job(i64),
    /// Stage attempt.
    Stage(i64, i64),
    Sql(i64),
    /// Node of the plan of a SQL execution, by its id in the plan graph, with its name.
    Node {
        sql: i64,
        node: i64,
        name: String,
    },
    Executor(String),
    Host(String),
    /// Run of a streaming query; by its name, or its query id without one.
    Query {
        run: String,
        name: String,
    },
    /// Micro-batch of a run.
    Batch {
        run: String,
        name: String,
        batch: i64,
    },
}

impl Place {
    /// Its kind, as JSON tells it. Of the next run the same kind is meant, whatever its number.
    pub fn kind(&self) -> &'static str {
        match self {
            Place::Application => "application",
            Place::Job(_) => "job",
            Place::Stage(..) => "stage",
            Place::Sql(_) => "sql",
            Place::Node { .. } => "node",
            Place::Executor(_) => "executor",
            Place::Host(_) => "host",
            Place::Query { .. } => "query",
            Place::Batch { .. } => "batch",
        }
    }

    /// The resource that tells of it; none for the whole application, which has many.
    fn source(&self) -> Option<Source> {
        let run = |run: &str| utf8_percent_encode(run, RESERVED).to_string();
        Some(match self {
            Place::Application => return None,
            Place::Job(id) => Source::spark(format!("jobs/{id}"), ""),
            Place::Stage(id, attempt) => Source::spark(format!("stages/{id}/{attempt}"), ""),
            Place::Sql(id) => Source::spark(format!("sql/{id}?details=false"), ""),
            Place::Node { sql, .. } => Source::ours(format!("sql/{sql}/graph"), ""),
            Place::Executor(_) | Place::Host(_) => Source::spark("allexecutors", ""),
            Place::Query { run: id, .. } => Source::ours(format!("streaming/queries/{}/series", run(id)), ""),
            Place::Batch { run: id, batch, .. } => {
                Source::ours(format!("streaming/progress?runId={}&batch={batch}", run(id)), "")
            }
        })
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Place::Application => f.write_str("application"),
            Place::Job(id) => write!(f, "job {id}"),
            Place::Stage(id, attempt) => write!(f, "stage {id}.{attempt}"),
            Place::Sql(id) => write!(f, "SQL {id}"),
            Place::Node { sql, node, name } => write!(f, "SQL {sql}, node {node} ({name})"),
            Place::Executor(id) => write!(f, "executor {id}"),
            Place::Host(name) => write!(f, "host {name}"),
            Place::Query { name, .. } => write!(f, "query {name}"),
            Place::Batch { name, batch, .. } => write!(f, "query {name}, batch {batch}"),
        }
    }
}

/// A number that a finding rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// What it is, as `longest task`.
    pub name: &'static str,
    pub value: Value,
    /// Where REST has it; none for what was computed, of [`Finding::basis`] mostly.
    pub source: Option<Source>,
}

impl Evidence {
    /// What REST has.
    pub fn new(name: &'static str, value: Value, source: Source) -> Self {
        Evidence { name, value, source: Some(source) }
    }

    /// What follows from the other evidence.
    pub fn derived(name: &'static str, value: Value) -> Self {
        Evidence { name, value, source: None }
    }
}

/// A value with its unit.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Milliseconds.
    Millis(i64),
    Bytes(i64),
    /// Epoch milliseconds.
    Time(i64),
    Count(i64),
    /// 1 is all.
    Share(f64),
    /// How many times more.
    Ratio(f64),
    Text(String),
}

/// Where REST has a number: a resource of the application, and a place in its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub api: Api,
    /// Below the application attempt, with its query, as `stages/3/0`.
    pub path: String,
    /// JSON pointer (RFC 6901) into the answer.
    pub pointer: String,
}

impl Source {
    /// In Spark's own REST API.
    pub fn spark(path: impl Into<String>, pointer: impl Into<String>) -> Self {
        Source { api: Api::Spark, path: path.into(), pointer: pointer.into() }
    }

    /// In Afterglow's.
    pub fn ours(path: impl Into<String>, pointer: impl Into<String>) -> Self {
        Source { api: Api::Ours, path: path.into(), pointer: pointer.into() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    Spark,
    Ours,
}

/// What could be saved at most, or was lost; none where that cannot be told.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct AtStake {
    /// Of the application's duration, milliseconds.
    pub wall: Option<i64>,
    /// Cores times milliseconds.
    pub cores: Option<i64>,
    /// Mebibytes times milliseconds.
    pub memory: Option<i64>,
}

impl AtStake {
    /// Milliseconds of the application's duration.
    pub fn wall(ms: i64) -> Self {
        AtStake { wall: Some(ms.max(0)), ..AtStake::default() }
    }

    /// Cores times milliseconds.
    pub fn cores(self, ms: i64) -> Self {
        AtStake { cores: Some(ms.max(0)), ..self }
    }

    /// Mebibytes times milliseconds.
    pub fn memory(self, mib_ms: i64) -> Self {
        AtStake { memory: Some(mib_ms.max(0)), ..self }
    }
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advice {
    /// A setting to change.
    Set(Setting),
    /// Anything else: a sentence.
    Do(String),
}

/// A change of configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    pub key: &'static str,
    /// In force now; none if it is not set, and Spark's default holds.
    pub current: Option<String>,
    pub suggested: String,
    pub why: String,
    /// The first Spark version that knows it. Older ones are not advised so.
    pub since: (u32, u32),
}

/// What a rule could not judge, and what would let it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotKnown {
    /// Name of the rule; set by the judge.
    pub rule: &'static str,
    /// Rules of its family that lack the same; set by the judge.
    pub also: Vec<&'static str>,
    /// What is not known.
    pub questions: Vec<String>,
    pub lack: Lack,
}

impl NotKnown {
    /// The rules that could not judge.
    pub fn rules(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.rule).chain(self.also.iter().copied())
    }

    /// What is not known, and why: a sentence without a period.
    pub fn what(&self) -> String {
        format!("{}: {}", self.questions.join("; "), self.lack.why())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_computed_is_so_from_its_place_or_else_from_the_first_number() {
        let basis = |f: &Finding| (f.basis().api, f.basis().path);
        let of = |place: Place| Finding::new(Severity::Info, place, "x");
        let spark = |path: &str| (Api::Spark, path.to_owned());
        let ours = |path: &str| (Api::Ours, path.to_owned());
        assert_eq!(basis(&of(Place::Stage(3, 1))), spark("stages/3/1"));
        assert_eq!(basis(&of(Place::Executor("7".into()))), spark("allexecutors"));
        assert_eq!(basis(&of(Place::Sql(4))), spark("sql/4?details=false"));
        let batch = Place::Batch { run: "a b".into(), name: "n".into(), batch: 9 };
        assert_eq!(basis(&of(batch)), ours("streaming/progress?runId=a%20b&batch=9"));
        assert_eq!(basis(&of(Place::Application)), ours("overview"));
        let first = Evidence::new("n", Value::Count(1), Source::ours("completeness", "/damagedLines"));
        let told = of(Place::Application).evidence(Evidence::derived("m", Value::Count(2))).evidence(first);
        assert_eq!(basis(&told), ours("completeness"));
    }
}
