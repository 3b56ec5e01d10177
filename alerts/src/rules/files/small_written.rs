//! `small-files-written`: a write leaves many files with little in each.

use super::small_read::files_of_128;
use crate::facts::Facts;
use crate::finding::{Advice, Evidence, Finding, Place, Severity, Sure, Value};
use crate::report::bytes;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "small-files-written",
    family: Family::Files,
    title: "A write leaves many small files",
    page: include_str!("small_written.md"),
    judge,
};

/// Mean bytes of a file below which it is small, below which it is far too small (DataFlint's), and from how many files on.
const SMALL: i64 = 100_000_000;
const TINY: i64 = 3 << 20;
const MANY: i64 = 100;
/// Writes that are told of at most, those that left most files.
const WRITES: usize = 10;

/// What a write left.
struct Written {
    place: Place,
    files: i64,
    size: i64,
    /// Partitions that it wrote to, as the table has them; 0 without.
    partitions: i64,
    iceberg: bool,
    evidence: Vec<Evidence>,
}

fn judge(facts: &Facts, _: &Limits, verdict: &mut Verdict) {
    let mut all: Vec<Written> = of_files(facts).chain(of_iceberg(facts)).filter(is_small).collect();
    all.sort_by_key(|w| std::cmp::Reverse(w.files));
    for w in all.into_iter().take(WRITES) {
        let mean = w.size / w.files;
        let summary = format!("it wrote {} files with {} in each on average", w.files, bytes(mean));
        let severity = if mean < TINY { Severity::Warning } else { Severity::Info };
        let mut finding = Finding::new(severity, w.place.clone(), summary)
            .evidence(Evidence::derived("mean size of a file", Value::Bytes(mean)));
        finding.evidence.extend(w.evidence.iter().cloned());
        finding.advice = advice(facts, &w);
        verdict.find(finding.sure(Sure::Certain));
    }
}

fn is_small(w: &Written) -> bool {
    w.files > MANY && w.size > 0 && w.size / w.files < SMALL
}

fn of_files(facts: &Facts) -> impl Iterator<Item = Written> {
    facts.operators().filter_map(|o| {
        let files = o.sum("number of written files")?;
        // Spark 2 has the second name.
        let name = ["written output", "bytes of written output"].into_iter().find(|n| o.has(n))?;
        let all = [
            o.evidence("files", "number of written files", Value::Count),
            o.evidence("size of files", name, Value::Bytes),
            o.evidence("partitions of the table", "number of dynamic part", Value::Count),
        ];
        Some(Written {
            place: o.place(),
            files,
            size: o.sum(name)?,
            partitions: o.sum("number of dynamic part").unwrap_or(0),
            iceberg: false,
            evidence: all.into_iter().flatten().collect(),
        })
    })
}

fn of_iceberg(facts: &Facts) -> impl Iterator<Item = Written> {
    facts.commits.iter().map(|c| Written {
        place: Place::Sql(c.sql),
        files: c.number("addedDataFiles"),
        size: c.number("addedFilesSizeInBytes"),
        partitions: 0,
        iceberg: true,
        evidence: vec![
            c.evidence("files", "addedDataFiles", Value::Count),
            c.evidence("size of files", "addedFilesSizeInBytes", Value::Bytes),
        ],
    })
}

fn advice(facts: &Facts, w: &Written) -> Vec<Advice> {
    let good = files_of_128(w.size);
    let hint = facts.conf.version >= (3, 2) && facts.conf.flag("spark.sql.adaptive.enabled", true);
    let text = if w.iceberg {
        "set write.distribution-mode to hash on the table, write larger batches, and compact with rewrite_data_files"
            .into()
    } else if w.partitions == 0 {
        let rebalance = if hint { ", or with the hint REBALANCE" } else { "" };
        format!("repartition before the write, into {good} files of 128 MiB{rebalance}")
    } else if w.files > w.partitions.saturating_mul(2) {
        let rebalance = if hint { ", or use the hint REBALANCE with them" } else { "" };
        format!(
            "repartition by the columns of the partitions before the write{rebalance}: each partition now gets {} files",
            w.files / w.partitions.max(1)
        )
    } else {
        format!("partition by something coarser: a partition has {} on average", bytes(w.size / w.partitions.max(1)))
    };
    vec![Advice::Do(text)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::made::{application, found, node};

    fn with(files: i64, size: i64, partitions: i64) -> Facts {
        let write = node("Execute InsertIntoHadoopFsRelationCommand", "")
            .measured("number of written files", "sum", files, None)
            .measured("written output", "size", size, None)
            .measured("number of dynamic part", "sum", partitions, None);
        application("3.5.1", 1000, &[]).with_sql(100, &[], vec![write], &[])
    }

    fn text(finding: &Finding) -> &str {
        match &finding.advice[0] {
            Advice::Do(text) => text,
            Advice::Set(s) => s.key,
        }
    }

    #[test]
    fn the_mean_decides_how_bad_it_is() {
        // 31.2 GB in 2,100 files are small, 15 GB in 100 are not.
        let dynamic = found(RULE.name, &with(2100, 31_200_000_000, 2000));
        assert_eq!(dynamic[0].severity, Severity::Info);
        assert_eq!(dynamic[0].evidence[0].value, Value::Bytes(14_857_142));
        assert_eq!(text(&dynamic[0]), "partition by something coarser: a partition has 14.9 MiB on average");
        assert_eq!(found(RULE.name, &with(100, 15_000_000_000, 0)), []);
        assert_eq!(found(RULE.name, &with(101, 101 * 150_000_000, 0)), []);
        assert_eq!(found(RULE.name, &with(101, 101 * 100_000_000, 0)), []);
        assert_eq!(found(RULE.name, &with(100, 100, 0)), [], "not many");
        let tiny = found(RULE.name, &with(1000, 1000 << 20, 0));
        assert_eq!(tiny[0].severity, Severity::Warning);
        assert_eq!(text(&tiny[0]), "repartition before the write, into 8 files of 128 MiB, or with the hint REBALANCE");
    }

    #[test]
    fn many_files_in_each_partition_want_another_distribution() {
        let each = found(RULE.name, &with(1000, 1000 << 20, 20));
        assert!(
            text(&each[0])
                .starts_with("repartition by the columns of the partitions before the write, or use the hint")
        );
        let mut old = with(1000, 1000 << 20, 20);
        old.conf.version = (2, 4);
        assert!(!text(&found(RULE.name, &old)[0]).contains("REBALANCE"));
    }
}
