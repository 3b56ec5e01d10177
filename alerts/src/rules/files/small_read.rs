//! `small-files-read`: a scan opens many files with little in each.

use crate::facts::Facts;
use crate::finding::{Advice, Evidence, Finding, Sure, Value};
use crate::lack::Lack;
use crate::report::bytes;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "small-files-read",
    family: Family::Files,
    title: "A scan reads many small files",
    page: include_str!("small_read.md"),
    judge,
};

/// Mean bytes of a file, and files: DataFlint's.
const SMALL: i64 = 3 << 20;
const MANY: i64 = 100;

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    if facts.plans_unmeasured() {
        verdict.not_known("how many files queries read, and of which size", Lack::PlanMetrics);
    }
    for scan in facts.operators() {
        let (Some(files), Some(size)) = (scan.sum("number of files read"), scan.sum("size of files read")) else {
            continue;
        };
        if files <= MANY || size <= 0 || size / files >= SMALL {
            continue;
        }
        let at_stake = scan.cost(facts, &[]);
        if !limits.worth(facts, &at_stake) {
            continue;
        }
        let mean = size / files;
        let summary = format!("it read {files} files with {} in each on average", bytes(mean));
        let mut finding = Finding::new(facts.weight(&at_stake), scan.place(), summary)
            .evidence(Evidence::derived("mean size of a file", Value::Bytes(mean)));
        finding.evidence.extend(scan.evidence("files", "number of files read", Value::Count));
        finding.evidence.extend(scan.evidence("size of files", "size of files read", Value::Bytes));
        finding.evidence.extend(scan.said("location", "Location"));
        verdict.find(
            finding
                .costs(at_stake)
                .advise(Advice::Do(format!(
                    "have whoever writes them write fewer: about {} of 128 MiB",
                    files_of_128(size)
                )))
                .advise(Advice::Do(
                    "compact what is there: OPTIMIZE (Delta), rewrite_data_files (Iceberg), or read and write anew"
                        .into(),
                ))
                .sure(Sure::Likely),
        );
    }
}

/// Files of 128 MiB that hold so many bytes.
pub(super) fn files_of_128(size: i64) -> i64 {
    (size.max(1) as u64).div_ceil(128 << 20) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::made::{application, found, node};
    use crate::finding::{AtStake, Place, Severity};

    fn with(files: i64, size: i64, seconds: i64) -> Facts {
        let scan = node("Scan parquet ", "FileScan")
            .measured("number of files read", "sum", files, None)
            .measured("size of files read", "size", size, None)
            .measured("scan time", "timing", seconds * 1000, 1)
            .says("Location", "InMemoryFileIndex(1 paths)[s3://b/t]");
        application("3.5.1", 100, &[]).with_stage(1, 50, 200, |_| ()).with_sql(50, &[1], vec![scan], &[])
    }

    #[test]
    fn many_and_small_and_worth_it() {
        const MIB: i64 = 1 << 20;
        assert_eq!(found(RULE.name, &with(100, 100 * MIB, 100)), []);
        assert_eq!(found(RULE.name, &with(101, 303 * MIB, 100)), []);
        assert_eq!(found(RULE.name, &with(101, 302 * MIB, 1)), [], "a second of 200 costs nothing");
        let small = found(RULE.name, &with(1000, 300 * MIB, 100));
        assert_eq!(small[0].place, Place::Node { sql: 0, node: 0, name: "Scan parquet".into() });
        assert_eq!((small[0].severity, small[0].at_stake), (Severity::Warning, AtStake::wall(25_000).cores(100_000)));
        assert_eq!(small[0].summary, "it read 1000 files with 307.2 KiB in each on average");
        assert_eq!(small[0].evidence[1].source.as_ref().map(|s| s.pointer.as_str()), Some("/nodes/0/metrics/0/value"));
        assert_eq!(small[0].evidence[3].value, Value::Text("InMemoryFileIndex(1 paths)[s3://b/t]".into()));
    }
}
