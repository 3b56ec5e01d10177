//! `log-damaged`: parts of the log are missing or cannot be read.

use crate::facts::Facts;
use crate::finding::{Advice, Evidence, Finding, Place, Severity, Source, Sure, Value};
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "log-damaged",
    family: Family::Log,
    title: "Parts of the log are missing or cannot be read",
    page: include_str!("log_damaged.md"),
    judge,
};

fn judge(facts: &Facts, _: &Limits, verdict: &mut Verdict) {
    let note = &facts.completeness;
    // One that grows, or whose driver died, ends where it ends.
    let torn = note.torn_tail && facts.ended;
    let mut told: Vec<String> = Vec::new();
    let mut evidence: Vec<Evidence> = Vec::new();
    let mut count = |n: i64, what: &str, name: &'static str, pointer: &str| {
        if n > 0 {
            told.push(format!("{n} {what}"));
            evidence.push(Evidence::new(name, Value::Count(n), Source::ours("completeness", pointer)));
        }
    };
    count(note.damaged_lines, "damaged lines", "damaged lines", "/damagedLines");
    count(note.damaged_blocks, "damaged blocks", "damaged blocks", "/damagedBlocks");
    if let Some(first) = note.missing_parts.first() {
        let parts = match note.missing_parts.len() {
            1 => "1 part is missing".to_owned(),
            n => format!("{n} parts are missing"),
        };
        told.push(parts);
        let source = Source::ours("completeness", "/missingParts/0");
        evidence.push(Evidence::new("first missing part", Value::Count(*first), source));
    }
    if torn {
        told.push("its end is torn off".into());
    }
    if note.no_start {
        told.push("it has no start".into());
    }
    if told.is_empty() {
        return;
    }
    if let Some(first) = &note.first_damage {
        let source = Source::ours("completeness", "/firstDamage");
        evidence.push(Evidence::new("first damage", Value::Text(first.clone()), source));
    }
    let summary = format!("{}: numbers may be too small", told.join(", "));
    let mut f = Finding::new(Severity::Info, Place::Application, summary)
        .advise(Advice::Do(
            "see who moves or deletes logs, and whether the place for them was full or not reachable at the time"
                .into(),
        ))
        .sure(Sure::Certain);
    f.evidence = evidence;
    verdict.find(f);
}

#[cfg(test)]
mod tests {
    use afterglow_history::state::Completeness;

    use super::*;
    use crate::facts::made::cluster;

    fn with(completeness: Completeness, ended: bool) -> Vec<Finding> {
        Facts { completeness, ended, ..cluster(1, 60_000, "3.5.1", &[]) }.found(&RULE)
    }

    #[test]
    fn what_is_missing_is_told() {
        assert_eq!(with(Completeness::default(), true), []);
        let damaged = Completeness { damaged_lines: 2, missing_parts: vec![3, 4], ..Completeness::default() };
        assert_eq!(with(damaged, true)[0].summary, "2 damaged lines, 2 parts are missing: numbers may be too small");
        let torn = Completeness { torn_tail: true, ..Completeness::default() };
        assert_eq!((with(torn.clone(), true).len(), with(torn, false).len()), (1, 0));
    }
}
