//! Follow-up: when a job runs again, whether what was found is better, the same or worse. Pure.
//!
//! Costs are compared for the same amount of input, because a job that read half as much has not got faster. What cannot be compared is
//! not known: a run that failed, or that had next to nothing to do.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::facts::Facts;
use crate::finding::Advice;
use crate::judge::Judgement;

/// A finding's cost changed if it is a fifth less, or a quarter more (which is the same step back): runs of one job differ by some
/// tenths of it on a shared cluster anyway.
const BETTER: f64 = 0.8;
const WORSE: f64 = 1.25;
/// Runs are compared if the one read at least this share of what the other did.
const COMPARABLE: f64 = 0.1;

/// What a run came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Application id, and attempt.
    pub id: String,
    /// Epoch milliseconds.
    pub start: i64,
    /// Whether it ended, and no stage or SQL of it failed for good.
    pub whole: bool,
    /// Bytes that it read from outside.
    pub input: i64,
    /// Records that it read; for what reads no bytes that are counted.
    pub records: i64,
    /// Settings that advice may be about.
    pub settings: BTreeMap<String, String>,
    /// By rule, and kind of place.
    pub found: Vec<Found>,
}

/// Findings of one rule at one kind of place, together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Found {
    pub rule: String,
    pub kind: String,
    pub count: usize,
    /// At stake, milliseconds of the duration, and cores times milliseconds; none where a rule does not know.
    pub wall: Option<i64>,
    pub cores: Option<i64>,
    /// What was advised: settings with the suggested value.
    pub advised: BTreeMap<String, String>,
    /// Whether there was other advice, which no log tells whether somebody took it.
    pub other: bool,
}

/// How advice turned out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Worked,
    NoEffect,
    Worse,
    /// None of the settings that were advised was changed, and nothing is better by itself.
    NotTried,
    NotKnown,
}

impl Verdict {
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Worked => "worked",
            Verdict::NoEffect => "no effect",
            Verdict::Worse => "worse",
            Verdict::NotTried => "not tried",
            Verdict::NotKnown => "not known",
        }
    }
}

/// A setting that differs between two runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    pub key: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// How the advice of a finding turned out in the next run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub rule: String,
    pub kind: String,
    /// Ids of the runs.
    pub before: String,
    pub after: String,
    pub verdict: Verdict,
    /// Of the settings that were advised, those that are different now.
    pub changed: Vec<Changed>,
    /// Milliseconds, or cores times milliseconds, for each GiB (or million records) that was read; none without such numbers.
    pub cost_before: Option<f64>,
    pub cost_after: Option<f64>,
    /// What costs are counted in, as `ms/GiB`; none without such numbers, and of before there was this field.
    #[serde(default)]
    pub unit: Option<String>,
    /// Why it is not known.
    pub why: Option<String>,
}

impl Run {
    /// Of an attempt that was judged.
    pub fn of(id: &str, facts: &Facts, judgement: &Judgement) -> Run {
        let sum = |of: fn(&afterglow_history::state::StageAttempt) -> i64| {
            facts.stages.values().map(of).fold(0, i64::saturating_add)
        };
        let known = super::keys::all().filter_map(|k| Some((k.name.to_owned(), facts.conf.current(k.name)?)));
        let mut found: BTreeMap<(&str, &str), Found> = BTreeMap::new();
        for f in &judgement.findings {
            let kind = f.place.kind();
            let all = found.entry((f.rule, kind)).or_insert_with(|| Found {
                rule: f.rule.to_owned(),
                kind: kind.to_owned(),
                ..Found::default()
            });
            let add = |sum: &mut Option<i64>, more: Option<i64>| {
                *sum = sum.map_or(more, |s| Some(s.saturating_add(more.unwrap_or(0))));
            };
            all.count += 1;
            add(&mut all.wall, f.at_stake.wall);
            add(&mut all.cores, f.at_stake.cores);
            for advice in &f.advice {
                match advice {
                    Advice::Set(s) => drop(all.advised.insert(s.key.to_owned(), s.suggested.clone())),
                    Advice::Do(_) => all.other = true,
                }
            }
        }
        Run {
            id: id.to_owned(),
            start: facts.start,
            whole: facts.ended && !facts.jobs.values().any(failed),
            input: sum(|s| s.metrics.input_bytes_read),
            records: sum(|s| s.metrics.input_records_read),
            settings: known.collect(),
            found: found.into_values().collect(),
        }
    }
}

fn failed(job: &afterglow_history::state::Job) -> bool {
    job.status == afterglow_history::state::JobStatus::Failed
}

/// How what was found in one run did in the next.
pub fn compare(before: &Run, after: &Run) -> Vec<Outcome> {
    before.found.iter().map(|found| outcome(found, before, after)).collect()
}

fn outcome(found: &Found, before: &Run, after: &Run) -> Outcome {
    let now = after.found.iter().find(|f| f.rule == found.rule && f.kind == found.kind);
    let changed: Vec<Changed> = found
        .advised
        .keys()
        .map(|key| Changed {
            key: key.clone(),
            before: before.settings.get(key).cloned(),
            after: after.settings.get(key).cloned(),
        })
        .filter(|c| c.before != c.after)
        .collect();
    let scale = scale(before, after);
    let cost = |f: Option<&Found>, by: f64| match f {
        None => Some(0.0),
        Some(f) => f.wall.or(f.cores).map(|ms| ms as f64 / by),
    };
    // The same measure for both, if one of them has only cores.
    let by_wall = found.wall.is_some() && now.is_none_or(|n| n.wall.is_some());
    let of = |f: Option<&Found>, by: f64| {
        if by_wall { cost(f, by) } else { f.map_or(Some(0.0), |f| f.cores.map(|ms| ms as f64 / by)) }
    };
    let (cost_before, cost_after) = match scale {
        Some((b, a, _)) => (of(Some(found), b), of(now, a)),
        None => (None, None),
    };
    let measure = if by_wall { "ms" } else { "core-ms" };
    let unit = scale.filter(|_| cost_before.is_some()).map(|(_, _, of)| format!("{measure}{of}"));
    let (verdict, why) = if scale.is_none() {
        (Verdict::NotKnown, Some("the runs read too differing amounts to be compared"))
    } else if now.is_none() && !after.whole {
        // Who fails early has no time to do it again.
        (Verdict::NotKnown, Some("the next run failed or has not ended"))
    } else {
        let ratio = match (cost_before, cost_after, now) {
            (_, _, None) => Some(0.0),
            (Some(b), Some(a), _) if b > 0.0 => Some(a / b),
            (_, _, Some(n)) => Some(n.count as f64 / found.count.max(1) as f64),
        };
        let tried = !changed.is_empty() || found.advised.is_empty() || found.other;
        match ratio {
            Some(r) if r >= WORSE => (Verdict::Worse, None),
            Some(r) if r <= BETTER && tried => (Verdict::Worked, None),
            // Better, though nobody did what was advised: it has another reason.
            Some(r) if r <= BETTER => (Verdict::NotKnown, Some("it is better, but no setting was changed as advised")),
            _ if changed.is_empty() && !found.advised.is_empty() => (Verdict::NotTried, None),
            _ => (Verdict::NoEffect, None),
        }
    };
    Outcome {
        rule: found.rule.clone(),
        kind: found.kind.clone(),
        before: before.id.clone(),
        after: after.id.clone(),
        verdict,
        changed,
        cost_before,
        cost_after,
        unit,
        why: why.map(str::to_owned),
    }
}

/// What to divide each run's cost by: what it read, in GiB or millions of records. Runs that read nothing are taken for equal. None if they
/// cannot be compared. With what a cost is for then, as `/GiB`.
fn scale(before: &Run, after: &Run) -> Option<(f64, f64, &'static str)> {
    let (b, a, unit, of) = if before.input > 0 || after.input > 0 {
        (before.input as f64, after.input as f64, (1u64 << 30) as f64, "/GiB")
    } else if before.records > 0 || after.records > 0 {
        (before.records as f64, after.records as f64, 1e6, "/million records")
    } else {
        return Some((1.0, 1.0, ""));
    };
    let (least, most) = (b.min(a), b.max(a));
    (least > 0.0 && least >= COMPARABLE * most).then(|| (b / unit, a / unit, of))
}

/// How changes of settings turned out, for one rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// By key: how often it worked, had no effect, and made it worse.
    keys: BTreeMap<String, (u32, u32, u32)>,
}

impl<'o> FromIterator<&'o Outcome> for Record {
    fn from_iter<T: IntoIterator<Item = &'o Outcome>>(outcomes: T) -> Self {
        let mut record = Record::default();
        for o in outcomes {
            for c in &o.changed {
                let counts = record.keys.entry(c.key.clone()).or_default();
                match o.verdict {
                    Verdict::Worked => counts.0 += 1,
                    Verdict::NoEffect => counts.1 += 1,
                    Verdict::Worse => counts.2 += 1,
                    Verdict::NotTried | Verdict::NotKnown => {}
                }
            }
        }
        record
    }
}

impl Record {
    /// How often changing a key worked, had no effect, and made it worse.
    pub fn of(&self, key: &str) -> (u32, u32, u32) {
        self.keys.get(key).copied().unwrap_or_default()
    }

    /// From 1 (always worked) to -1 (always worse); 0 without anything known. One run says little: two that are undecided are added.
    fn weight(&self, key: Option<&str>) -> f64 {
        let (worked, nothing, worse) = key.map(|k| self.of(k)).unwrap_or_default();
        (f64::from(worked) - f64::from(worse)) / (f64::from(worked) + f64::from(nothing) + f64::from(worse) + 2.0)
    }

    /// Puts what worked first and what made things worse last; else the order stays.
    pub fn prefer<T>(&self, advice: &mut [T], key: impl Fn(&T) -> Option<&str>) {
        advice.sort_by(|a, b| self.weight(key(b)).total_cmp(&self.weight(key(a))));
    }

    /// What is known of a key, as a sentence; none if nothing is.
    pub fn told(&self, key: &str) -> Option<String> {
        let (worked, nothing, worse) = self.of(key);
        (worked + nothing + worse > 0).then(|| {
            format!("worked {worked} times before, had no effect {nothing} times, made it worse {worse} times")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "spark.executor.memory";

    fn run(id: &str, memory: &str, input: i64, wall: Option<i64>) -> Run {
        let found = wall.map(|wall| Found {
            rule: "gc-pressure".into(),
            kind: "stage".into(),
            count: 1,
            wall: Some(wall),
            cores: None,
            advised: [(KEY.to_owned(), "6g".to_owned())].into(),
            other: false,
        });
        Run {
            id: id.into(),
            start: 0,
            whole: true,
            input,
            records: 0,
            settings: [(KEY.to_owned(), memory.to_owned())].into(),
            found: found.into_iter().collect(),
        }
    }

    fn verdict(before: &Run, after: &Run) -> Verdict {
        compare(before, after)[0].verdict
    }

    #[test]
    fn runs_are_compared_by_what_they_read() {
        let before = run("a", "4g", 10 << 30, Some(100_000));
        for (after, expected) in [
            (run("b", "6g", 10 << 30, None), Verdict::Worked),
            (run("b", "6g", 10 << 30, Some(79_000)), Verdict::Worked),
            (run("b", "6g", 10 << 30, Some(81_000)), Verdict::NoEffect),
            (run("b", "6g", 10 << 30, Some(126_000)), Verdict::Worse),
            // Half the cost for half the input is the same.
            (run("b", "6g", 5 << 30, Some(50_000)), Verdict::NoEffect),
            // The same cost for twice the input is better.
            (run("b", "6g", 20 << 30, Some(100_000)), Verdict::Worked),
            (run("b", "4g", 10 << 30, Some(100_000)), Verdict::NotTried),
            (run("b", "4g", 10 << 30, None), Verdict::NotKnown),
            (run("b", "4g", 10 << 30, Some(200_000)), Verdict::Worse),
            (run("b", "6g", 1 << 20, None), Verdict::NotKnown),
            (run("b", "6g", 0, None), Verdict::NotKnown),
        ] {
            assert_eq!(verdict(&before, &after), expected, "{after:?}");
        }
        let told = compare(&before, &run("b", "6g", 20 << 30, Some(100_000)));
        let told = (told[0].cost_before, told[0].cost_after, told[0].unit.as_deref());
        assert_eq!(told, (Some(10_000.0), Some(5_000.0), Some("ms/GiB")));
        let mut broken = run("b", "6g", 10 << 30, None);
        broken.whole = false;
        assert_eq!(verdict(&before, &broken), Verdict::NotKnown);
    }

    #[test]
    fn what_worked_comes_first() {
        let outcome = |key: &str, verdict| Outcome {
            rule: "r".into(),
            kind: "stage".into(),
            before: "a".into(),
            after: "b".into(),
            verdict,
            changed: vec![Changed { key: key.into(), before: None, after: Some("1".into()) }],
            cost_before: None,
            cost_after: None,
            unit: None,
            why: None,
        };
        let all =
            [outcome("bad", Verdict::Worse), outcome("good", Verdict::Worked), outcome("idle", Verdict::NoEffect)];
        let record: Record = all.iter().collect();
        let mut advice = ["bad", "new", "idle", "good"];
        record.prefer(&mut advice, |k| Some(k));
        assert_eq!(advice, ["good", "new", "idle", "bad"]);
        assert_eq!(record.told("good").unwrap(), "worked 1 times before, had no effect 0 times, made it worse 0 times");
        assert_eq!(record.told("new"), None);
    }
}
