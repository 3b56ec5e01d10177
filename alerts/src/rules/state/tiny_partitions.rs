//! `tiny-state-partitions`: a small state is cut into far more pieces than there are cores.

use super::{at_stake, cores};
use crate::facts::{Facts, Operator, Stream};
use crate::finding::{Advice, AtStake, Evidence, Finding, Severity, Sure, Value};
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "tiny-state-partitions",
    family: Family::State,
    title: "A small state is cut into far more partitions than there are cores",
    page: include_str!("tiny_partitions.md"),
    judge,
};

/// Partitions, and how many for each core.
const PARTITIONS: f64 = 50.0;
const FOR_A_CORE: f64 = 4.0;
/// State of a partition below which it is small: bytes, or rows where bytes are not reported.
const BYTES: f64 = (16 << 20) as f64;
const ROWS: f64 = 10_000.0;
/// Mean duration of batches from which it is felt, milliseconds; and what of it commits and updates take.
const FELT: f64 = 1_000.0;
const PART: f64 = 0.2;

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    for stream in &facts.streams {
        let Some(cores) = cores(facts, stream).filter(|_| stream.is_warm()) else { continue };
        if stream.mean(|b| b.took).unwrap_or(0.0) < FELT {
            continue;
        }
        // One finding for a query: its operators have the same number of partitions.
        let found = stream.operators().find_map(|(i, o)| tiny(facts, limits, stream, i, o, cores));
        if let Some(finding) = found {
            verdict.find(finding);
        }
    }
}

fn tiny(facts: &Facts, limits: &Limits, stream: &Stream, i: usize, o: &Operator, cores: i64) -> Option<Finding> {
    let partitions = o.partitions.or(o.instances)?;
    let rows = o.rows? / partitions;
    let size = o.custom("rocksdbSstFileSize").or(o.memory);
    let small = rows < ROWS && size.is_none_or(|bytes| bytes / partitions < BYTES);
    if partitions < PARTITIONS || partitions < cores as f64 * FOR_A_CORE || !small {
        return None;
    }
    let part = stream.part_of(Some(cores), i, |o| Some(o.commit_time? + o.update_time.unwrap_or(0.0)))?;
    let wanted = cores.saturating_mul(2);
    // What so many fewer would spare, at most.
    let spared = part * (1.0 - wanted as f64 / partitions);
    let stake = AtStake::wall(at_stake(stream, spared));
    if part < PART || !limits.worth(facts, &stake) {
        return None;
    }
    let last = stream.last()?;
    let at = |field: &str| stream.report(last, &format!("/stateOperators/{i}/{field}"));
    let summary = format!(
        "{partitions:.0} partitions of the state for {cores} cores, of {rows:.0} rows each: their updates and commits take {:.0} % of the batches",
        part * 100.0
    );
    let mut finding = Finding::new(Severity::Info, stream.place(), summary);
    if let Some(n) = o.partitions {
        finding = finding.evidence(Evidence::new("partitions", Value::Count(n as i64), at("numShufflePartitions")));
    }
    let finding = finding
        .evidence(Evidence::new("rows in state", Value::Count(o.rows? as i64), at("numRowsTotal")))
        .evidence(Evidence::derived("cores", Value::Count(cores)))
        .evidence(Evidence::derived("share of the batches", Value::Share(part)))
        .costs(stake)
        .advise(fewer(stream, wanted))
        .advise(Advice::Do("leave it if the state will grow much larger".into()))
        .sure(Sure::Likely);
    Some(finding)
}

/// The number of partitions is that of the query's first start, whatever the setting says by now.
fn fewer(stream: &Stream, wanted: i64) -> Advice {
    let key = "spark.sql.shuffle.partitions";
    if stream.conf.number(key, 200) <= wanted {
        let what =
            "start the query with a new checkpoint location: the number of partitions is still that of its first start";
        return Advice::Do(what.into());
    }
    let why = "every partition commits for itself; the number is fixed when a query first starts, so it needs a new checkpoint location";
    stream.set(key, wanted.to_string(), why, (0, 0))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{facts, settings};
    use super::*;

    fn of(partitions: f64, rows: f64, commit: f64) -> Vec<(&'static str, String)> {
        let of = facts((3, 5), &[], move |_, o| {
            (o.partitions, o.instances, o.rows) = (Some(partitions), Some(partitions), Some(rows));
            o.commit_time = Some(commit);
        });
        settings(&RULE, &of)
    }

    #[test]
    fn many_for_the_cores_with_little_in_each() {
        assert_eq!(of(200.0, 1e6, 16_000.0), [("spark.sql.shuffle.partitions", "16".to_owned())]);
        assert_eq!(of(200.0, 2e6, 16_000.0), [], "10,000 rows in each");
        assert_eq!(of(200.0, 1e6, 15_000.0), [], "less than a fifth of the batches");
        assert_eq!(of(49.0, 1e5, 16_000.0), []);
    }
}
