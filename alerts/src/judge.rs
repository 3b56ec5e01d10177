//! Puts an attempt before every rule.

use afterglow_history::catalog::AttemptRow;
use afterglow_history::store::{AttemptReader, StoreError};

use crate::facts::Facts;
use crate::finding::{Advice, Finding, NotKnown};
use crate::rules::{self, Limits, Rule, Verdict};

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
        for n in verdict.not_known {
            lacks(&mut out.not_known, rule, n);
        }
    }
    let stake = |f: &Finding| f.at_stake.wall.unwrap_or(0).max(f.at_stake.cores.unwrap_or(0));
    out.findings.sort_by(|a, b| {
        let order = b.severity.cmp(&a.severity).then(stake(b).cmp(&stake(a)));
        order.then_with(|| (a.rule, &a.place).cmp(&(b.rule, &b.place)))
    });
    out
}

/// Adds what is not known: one entry for each family and lack, whatever number of its rules wanted to know.
fn lacks(all: &mut Vec<NotKnown>, rule: &Rule, more: NotKnown) {
    let same = |n: &&mut NotKnown| {
        n.lack == more.lack && rules::by_name(n.rule).is_some_and(|first| first.family == rule.family)
    };
    let Some(n) = all.iter_mut().find(same) else {
        all.push(NotKnown { rule: rule.name, ..more });
        return;
    };
    if n.rules().all(|name| name != rule.name) {
        n.also.push(rule.name);
    }
    for question in more.questions {
        if !n.questions.contains(&question) {
            n.questions.push(question);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::made::application;
    use crate::lack::Lack;

    #[test]
    fn a_family_tells_once_what_it_lacks() {
        let asks = [("spark.executor.memory", "10g")];
        let mut facts = application("3.5.1", 3600, &asks).with_executor("1", 4, &[]).with_executor("driver", 0, &[]);
        let told = |facts: &Facts| -> Vec<(&str, Vec<&str>, Lack)> {
            let all = judge_facts(facts, &Limits::default()).not_known;
            all.into_iter().map(|n| (n.rule, n.also, n.lack)).collect()
        };
        assert_eq!(told(&facts), [("executor-memory-low", vec!["driver-memory-high"], Lack::Peaks)]);
        facts.executors.values_mut().for_each(|e| {
            e.remove_reason = Some("Container killed by YARN for exceeding memory limits".into());
            e.remove_time = Some(1_000_000);
        });
        // Another family tells it again, and another lack is told apart.
        assert_eq!(
            told(&facts),
            [
                ("executor-memory-high", vec!["executor-memory-low", "driver-memory-high"], Lack::Peaks),
                ("container-memory-high", vec![], Lack::ProcessTree),
                ("executor-lost", vec![], Lack::Peaks),
            ]
        );
    }

    #[test]
    fn what_is_short_and_small_lacks_nothing() {
        let facts = application("3.5.1", 59, &[]).with_executor("1", 4, &[]).with_executor("driver", 0, &[]);
        assert_eq!(judge_facts(&facts, &Limits::default()).not_known, []);
    }
}
