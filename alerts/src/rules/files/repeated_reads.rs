//! `repeated-reads`: the same files are read again and again.

use std::collections::BTreeMap;

use crate::facts::Facts;
use crate::facts::operators::Operator;
use crate::facts::words::counted;
use crate::finding::{Advice, AtStake, Evidence, Finding, Place, Severity, Sure, Value};
use crate::report::bytes;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "repeated-reads",
    family: Family::Files,
    title: "The same location is read again and again",
    page: include_str!("repeated_reads.md"),
    judge,
};

/// Distinct locations over scans below which reads repeat, and bytes that were read again, unless they weigh: rapids-tools'.
const DISTINCT: f64 = 0.5;
const WORTH: i64 = 100 * (1 << 30);
/// Scans of the worst location that are evidence, at most.
const SHOWN: usize = 5;

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    let mut by_location: BTreeMap<&str, Vec<(i64, Operator<'_>)>> = BTreeMap::new();
    let mut scans = 0;
    for scan in facts.operators() {
        if let (Some(location), Some(size)) = (scan.metadata("Location"), scan.sum("size of files read")) {
            by_location.entry(location).or_default().push((size.max(0), scan));
            scans += 1;
        }
    }
    if scans == 0 || by_location.len() as f64 >= DISTINCT * f64::from(scans) {
        return;
    }
    // The largest read of a location had to be.
    let again = |reads: &[(i64, Operator<'_>)]| {
        let sum = reads.iter().map(|(size, _)| *size).fold(0, i64::saturating_add);
        sum.saturating_sub(reads.iter().map(|(size, _)| *size).max().unwrap_or(0))
    };
    let total = by_location.values().map(|reads| again(reads)).fold(0, i64::saturating_add);
    let locations = by_location.len();
    let Some((location, reads)) = by_location.iter().max_by_key(|(_, reads)| again(reads)) else { return };
    let mut at_stake = AtStake::wall(0).cores(0);
    for (_, reads) in by_location.iter().filter(|(_, reads)| reads.len() > 1) {
        let mut reads: Vec<_> = reads.iter().collect();
        reads.sort_by_key(|(size, scan)| (std::cmp::Reverse(*size), scan.sql.id));
        for (_, scan) in &reads[1..] {
            let cost = scan.cost(facts, &[]);
            at_stake = AtStake::wall(at_stake.wall.unwrap_or(0).saturating_add(cost.wall.unwrap_or(0)))
                .cores(at_stake.cores.unwrap_or(0).saturating_add(cost.cores.unwrap_or(0)));
        }
    }
    let counts = total >= WORTH || facts.weight(&at_stake) > Severity::Info;
    if total == 0 || !counts || !limits.worth(facts, &at_stake) {
        return;
    }
    let summary = format!(
        "{scans} scans read {}; {} were read more than once",
        counted(locations as i64, "location"),
        bytes(total)
    );
    let mut finding = Finding::new(facts.weight(&at_stake), Place::Application, summary)
        .evidence(Evidence::derived("read again", Value::Bytes(total)))
        .evidence(Evidence::derived("of that from the worst location", Value::Bytes(again(reads))))
        .evidence(Evidence::derived("worst location", Value::Text((*location).to_owned())))
        .evidence(Evidence::derived("reads of it", Value::Count(reads.len() as i64)));
    for (_, scan) in reads.iter().take(SHOWN) {
        finding.evidence.extend(scan.evidence("size of files", "size of files read", Value::Bytes));
    }
    verdict.find(
        finding
            .costs(at_stake)
            .advise(Advice::Do(
                "read it once: persist what several queries need, or write it out filtered and projected".into(),
            ))
            .advise(Advice::Do("put several queries over the same table into one".into()))
            .sure(Sure::Likely),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::made::{application, found, node};

    const GIB: i64 = 1 << 30;

    fn with(scans: i64, size: i64, location: fn(i64) -> String) -> Facts {
        (0..scans).fold(application("3.5.1", 1000, &[]), |f, id| {
            let scan = node("Scan parquet", "FileScan")
                .measured("size of files read", "size", size, None)
                .measured("scan time", "timing", 50_000, id)
                .says("Location", &location(id));
            f.with_stage(id, 100, 100, |_| ()).with_sql(100, &[id], vec![scan], &[])
        })
    }

    #[test]
    fn half_of_the_scans_and_a_hundred_gibibytes() {
        let one = |_: i64| "InMemoryFileIndex(1 paths)[s3://b/t]".to_owned();
        let long = |of: Facts| Facts { end: of.start + 3_000_000, ..of };
        assert_eq!(found(RULE.name, &long(with(5, 24 * GIB, one))), []);
        assert_eq!(found(RULE.name, &with(5, 24 * GIB, one)).len(), 1, "it is a fifth of the application");
        let again = found(RULE.name, &with(5, 25 * GIB, one));
        assert_eq!(again[0].summary, "5 scans read 1 location; 100.0 GiB were read more than once");
        assert_eq!(again[0].at_stake, AtStake::wall(200_000).cores(200_000));
        assert_eq!(found(RULE.name, &with(4, 200 * GIB, |id| format!("s3://b/{}", id / 2))), [], "half are distinct");
    }
}
