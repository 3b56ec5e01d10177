//! Puts an attempt before every rule.

use afterglow_history::catalog::AttemptRow;
use afterglow_history::store::{AttemptReader, StoreError};

use crate::facts::Facts;
use crate::finding::{Advice, Finding, NotKnown};
use crate::rules::{self, Limits, Verdict};

/// What all rules have to say about an attempt.
#[derive(Debug, Default)]
pub struct Judgement {
    /// The severest first, and of those the costliest.
    pub findings: Vec<Finding>,
    pub not_known: Vec<NotKnown>,
}

/// Reads an attempt and judges it.
///
/// # Errors
/// If the store cannot be read.
pub async fn judge(row: &AttemptRow, reader: &AttemptReader, limits: &Limits) -> Result<Judgement, StoreError> {
    Ok(judge_facts(&Facts::read(row, reader).await?, limits))
}

/// Judges what was read.
pub fn judge_facts(facts: &Facts, limits: &Limits) -> Judgement {
    let mut out = Judgement::default();
    for rule in rules::all() {
        let mut verdict = Verdict::default();
        (rule.judge)(facts, limits, &mut verdict);
        for mut finding in verdict.findings {
            finding.rule = rule.name;
            // What this Spark does not know is no advice.
            finding.advice.retain(|a| !matches!(a, Advice::Set(s) if s.since > facts.conf.version));
            out.findings.push(finding);
        }
        out.not_known.extend(verdict.not_known.into_iter().map(|n| NotKnown { rule: rule.name, ..n }));
    }
    let stake = |f: &Finding| f.at_stake.wall.unwrap_or(0).max(f.at_stake.cores.unwrap_or(0));
    out.findings.sort_by(|a, b| {
        let order = b.severity.cmp(&a.severity).then(stake(b).cmp(&stake(a)));
        order.then_with(|| (a.rule, &a.place).cmp(&(b.rule, &b.place)))
    });
    out
}
