//! The rules: one file each, with the page that explains it beside it, in a folder for each family.
//!
//! A rule is a pure function over [`Facts`]. It says nothing about what costs less than [`Limits`] have, nothing where a
//! number is absent, and [`NotKnown`] where the log could have had it.

mod failures;
mod files;
mod log;
mod memory;
mod resources;
mod settings;
mod shuffle;
mod sql;
mod state;
mod streaming;
mod tasks;

use crate::facts::Facts;
use crate::finding::{AtStake, Finding, NotKnown};
use crate::lack::Lack;

/// A rule, as the catalogue shows it.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// As `task-skew`: stable, for muting and links.
    pub name: &'static str,
    pub family: Family,
    /// What it looks for: a sentence without a period.
    pub title: &'static str,
    /// Markdown: what it sees, why it matters, threshold, evidence, advice.
    pub page: &'static str,
    pub judge: fn(&Facts, &Limits, &mut Verdict),
}

/// What a rule is about: of one family, a log that is made for one rule triggers no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    Failures,
    Tasks,
    Memory,
    Resources,
    Shuffle,
    Files,
    Sql,
    Streaming,
    State,
    Settings,
    Log,
}

impl Family {
    pub fn name(self) -> &'static str {
        match self {
            Family::Failures => "failures",
            Family::Tasks => "tasks",
            Family::Memory => "memory",
            Family::Resources => "resources",
            Family::Shuffle => "shuffle",
            Family::Files => "files",
            Family::Sql => "sql",
            Family::Streaming => "streaming",
            Family::State => "state",
            Family::Settings => "settings",
            Family::Log => "log",
        }
    }
}

/// What a rule has to say.
#[derive(Debug, Default)]
pub struct Verdict {
    pub findings: Vec<Finding>,
    pub not_known: Vec<NotKnown>,
}

impl Verdict {
    pub fn find(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// What is not known for lack of something.
    pub fn not_known(&mut self, question: impl Into<String>, lack: Lack) {
        self.not_known.push(NotKnown { rule: "", also: Vec::new(), questions: vec![question.into()], lack });
    }
}

/// What must be at stake before waste is worth a word. Failures are told whatever they cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Milliseconds of an application's duration.
    pub wall: i64,
    /// Cores times milliseconds.
    pub cores: i64,
    /// Of the application's duration, or of all its cores' time.
    pub share: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { wall: 1_000, cores: 60_000, share: 0.01 }
    }
}

impl Limits {
    /// Whether this is worth somebody's time.
    pub fn worth(&self, facts: &Facts, at_stake: &AtStake) -> bool {
        let share = |part: i64, of: i64| of > 0 && part as f64 >= self.share * of as f64;
        let wall = at_stake.wall.is_some_and(|w| w >= self.wall && share(w, facts.duration()));
        let cores = at_stake.cores.is_some_and(|c| c >= self.cores && share(c, facts.core_time()));
        wall || cores
    }
}

/// Every rule, in the order in which the catalogue shows them.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    [
        failures::RULES,
        tasks::RULES,
        memory::RULES,
        resources::RULES,
        shuffle::RULES,
        files::RULES,
        sql::RULES,
        streaming::RULES,
        state::RULES,
        settings::RULES,
        log::RULES,
    ]
    .into_iter()
    .flatten()
}

/// A rule by its name.
pub fn by_name(name: &str) -> Option<&'static Rule> {
    all().find(|r| r.name == name)
}
