//! `partition-filter-missing`: a scan of a partitioned table filters by other columns than those of its partitions.

use crate::facts::Facts;
use crate::facts::operators::Operator;
use crate::finding::{Advice, Evidence, Finding, Severity, Sure, Value};
use crate::report::bytes;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "partition-filter-missing",
    family: Family::Files,
    title: "A scan of a partitioned table reads all partitions",
    page: include_str!("partition_filter.md"),
    judge,
};

/// Bytes below which nothing is gained, unless it weighs for this application, and partitions.
const COUNTS: i64 = 1 << 30;
const PARTITIONS: i64 = 2;
/// Spark shows this metric for scans of partitioned tables only.
const METRIC: &str = "number of partitions read";
/// Columns of partitions that are named, at most.
const NAMED: usize = 5;

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    for scan in facts.operators() {
        let Some(partitions) = scan.sum(METRIC) else { continue };
        let Some(filters) = scan.metadata("PartitionFilters") else { continue };
        let size = scan.sum("size of files read").unwrap_or(0);
        if partitions < PARTITIONS || prunes(filters) {
            continue;
        }
        let at_stake = scan.cost(facts, &[]);
        // Whoever filters does not want it all; whoever does not may.
        let filtered = scan.metadata("DataFilters").is_some_and(|f| f != "[]" && !f.is_empty());
        let counts = size >= COUNTS || filtered && facts.weight(&at_stake) > Severity::Info;
        if !counts || !limits.worth(facts, &at_stake) {
            continue;
        }
        let columns = partition_columns(&scan);
        let named = if columns.is_empty() { String::new() } else { format!(" ({})", columns.join(", ")) };
        let summary = format!("it read all {partitions} partitions of the table{named}, {}", bytes(size));
        let severity = if filtered { facts.weight(&at_stake) } else { Severity::Info };
        let mut finding = Finding::new(severity, scan.place(), summary);
        finding.evidence.extend(scan.evidence("partitions", METRIC, Value::Count));
        finding.evidence.extend(scan.evidence("size of files", "size of files read", Value::Bytes));
        finding.evidence.extend(scan.said("filters on partitions", "PartitionFilters"));
        finding.evidence.extend(scan.said("other filters", "DataFilters"));
        finding.evidence.extend(scan.said("location", "Location"));
        if !columns.is_empty() {
            finding
                .evidence
                .push(Evidence::derived("partition columns that are read", Value::Text(columns.join(", "))));
        }
        verdict.find(
            finding
                .costs(at_stake)
                .advise(Advice::Do(format!(
                    "filter by the columns of the partitions{named} as well, as far as the question allows"
                )))
                .advise(Advice::Do(
                    "a filter prunes if it compares the column itself: not a function of it, nor a cast".into(),
                ))
                .sure(if filtered { Sure::Likely } else { Sure::Possible }),
        );
    }
}

/// Whether a filter takes partitions out: one that only asks for a value takes none.
fn prunes(filters: &str) -> bool {
    let inside = filters.trim().trim_start_matches('[').trim_end_matches(']');
    let mut parts = inside.split(", ").filter(|p| !p.is_empty());
    parts.any(|p| !p.starts_with("isnotnull("))
}

/// Columns that come out of the scan and are not in its files.
fn partition_columns<'f>(scan: &Operator<'f>) -> Vec<&'f str> {
    let Some(schema) = scan.metadata("ReadSchema").filter(|s| s.ends_with('>') && !s.contains("...")) else {
        return Vec::new();
    };
    let out =
        scan.node.description.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map_or("", |(list, _)| list);
    if out.contains("...") || out.contains("more fields") {
        return Vec::new();
    }
    let in_files =
        |name: &str| [format!("<{name}:"), format!(",{name}:")].iter().any(|start| schema.contains(start.as_str()));
    let names = out.split(',').filter_map(|c| c.split_once('#').map(|(name, _)| name.trim()));
    names.filter(|name| !in_files(name)).take(NAMED).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::made::{application, found, node};

    fn with(partitions: i64, size: i64, filters: &str, others: &str) -> Facts {
        let scan = node(
            "Scan parquet ",
            "FileScan parquet [id#1L,price#2,day#3] Batched: true, DataFilters: [(price#2 > 0.5)]",
        )
        .measured(METRIC, "sum", partitions, None)
        .measured("size of files read", "size", size, None)
        .measured("scan time", "timing", 100_000, 1)
        .says("PartitionFilters", filters)
        .says("DataFilters", others)
        .says("ReadSchema", "struct<id:bigint,price:double>");
        application("3.5.1", 100, &[]).with_stage(1, 50, 200, |_| ()).with_sql(50, &[1], vec![scan], &[])
    }

    #[test]
    fn all_partitions_although_something_else_is_filtered() {
        let all = found(RULE.name, &with(30, 1 << 30, "[]", "[(price#2 > 0.5)]"));
        assert_eq!((all[0].severity, all[0].sure), (Severity::Warning, Sure::Likely));
        assert_eq!(all[0].summary, "it read all 30 partitions of the table (day), 1.0 GiB");
        let plain = found(RULE.name, &with(30, 1 << 30, "[]", "[]"));
        assert_eq!((plain[0].severity, plain[0].sure), (Severity::Info, Sure::Possible), "it may want all");
        assert_eq!(found(RULE.name, &with(30, 1 << 30, "[isnotnull(day#3)]", "[]")).len(), 1);
        for filters in ["[isnotnull(day#3), (day#3 > 5)]", "[dynamicpruningexpression(day#3 IN dynamicpruning#9)]"] {
            assert_eq!(found(RULE.name, &with(30, 1 << 30, filters, "[]")), [], "{filters}");
        }
        assert_eq!(found(RULE.name, &with(1, 1 << 30, "[]", "[]")), []);
        assert_eq!(found(RULE.name, &with(30, (1 << 30) - 1, "[]", "[]")), []);
        let little = found(RULE.name, &with(30, 1 << 20, "[]", "[(price#2 > 0.5)]"));
        assert_eq!(little.len(), 1, "it is a quarter of the application");
    }
}
