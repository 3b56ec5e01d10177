//! `clustering-filter-missing`: a scan of a Delta table filters by none of the columns that it is laid out by.

use crate::facts::Facts;
use crate::facts::operators::Operator;
use crate::finding::{Advice, Evidence, Finding, Severity, Sure, Value};
use crate::lack::Lack;
use crate::report::bytes;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "clustering-filter-missing",
    family: Family::Files,
    title: "A scan of a clustered Delta table filters by other columns",
    page: include_str!("cluster_filter.md"),
    judge,
};

/// What finds the files of a Delta table, as plans name it.
const DELTA: [&str; 3] = ["PreparedDeltaFileIndex", "TahoeLogFileIndex", "TahoeBatchFileIndex"];
/// Bytes below which nothing is gained, unless it weighs for this application.
const COUNTS: i64 = 1 << 30;

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    if facts.delta.is_empty() {
        let of_delta = |o: &Operator<'_>| {
            o.metadata("Location").is_some_and(|l| DELTA.iter().any(|index| l.starts_with(index)))
                && o.sum("size of files read").is_some_and(|size| size >= COUNTS)
                && limits.worth(facts, &o.cost(facts, &[]))
        };
        if facts.operators().any(|o| of_delta(&o)) {
            verdict.not_known("whether scans of Delta tables filter by what these are laid out by", Lack::DeltaLayout);
        }
        return;
    }
    for scan in facts.operators() {
        let size = scan.sum("size of files read").unwrap_or(0);
        let (Some(location), Some(pushed)) = (scan.metadata("Location"), scan.metadata("PushedFilters")) else {
            continue;
        };
        let table = facts.delta.iter().find(|d| !d.path.is_empty() && is_at(location, &d.path));
        let Some(table) = table.filter(|_| !pushed.contains("...")) else { continue };
        // Files of a table with partitions are pruned by those first; z-order is within them.
        let z_order = if table.partitions.is_empty() { &table.z_order[..] } else { &[] };
        let (kind, columns, field) = match &table.clustering[..] {
            [] => ("z-order", z_order, "zorderColumns"),
            some => ("clustering", some, "clusteringColumns"),
        };
        if columns.is_empty() || columns.iter().any(|c| names(pushed, c)) {
            continue;
        }
        let at_stake = scan.cost(facts, &[]);
        let filtered = pushed != "[]" && !pushed.is_empty();
        let counts = size >= COUNTS || filtered && facts.weight(&at_stake) > Severity::Info;
        if !counts || !limits.worth(facts, &at_stake) {
            continue;
        }
        let all = columns.join(", ");
        let summary = format!("none of its filters is on the table's {kind} columns ({all}); it read {}", bytes(size));
        let severity = if filtered { facts.weight(&at_stake) } else { Severity::Info };
        let mut finding = Finding::new(severity, scan.place(), summary);
        finding.evidence.extend(scan.said("filters of the scan", "PushedFilters"));
        finding.evidence.push(Evidence::new(
            "first of the columns",
            Value::Text(columns[0].clone()),
            table.source(field),
        ));
        finding.evidence.extend(scan.evidence("size of files", "size of files read", Value::Bytes));
        verdict.find(
            finding
                .costs(at_stake)
                .advise(Advice::Do(format!(
                    "filter by {all} as far as the question allows, or cluster the table by what is asked for"
                )))
                .sure(if filtered { Sure::Likely } else { Sure::Possible }),
        );
    }
}

/// Whether a location, which Spark may have cut short, is that of a table.
fn is_at(location: &str, path: &str) -> bool {
    let inside = location.split_once('[').map_or(location, |(_, rest)| rest);
    let inside = inside.trim_end_matches(']');
    let bare = |p: &str| p.split_once(":/").map_or(p, |(_, rest)| rest).trim_matches('/').to_owned();
    match inside.strip_suffix("...") {
        Some(start) => bare(path).starts_with(&bare(start)),
        None => bare(inside.split(',').next().unwrap_or_default()) == bare(path),
    }
}

/// Whether one of the filters is on a column, as in `[IsNotNull(day), GreaterThan(day,3)]`. That it has a value is no filter.
fn names(pushed: &str, column: &str) -> bool {
    let inside = pushed.trim_start_matches('[').trim_end_matches(']');
    let mut rest = inside;
    while let Some(at) = rest.find(column) {
        let before = &rest[..at];
        let after = rest[at + column.len()..].chars().next();
        let whole = before.ends_with(['(', ',', '`', ' ']) && matches!(after, Some(',' | ')' | '`' | '.'));
        if whole && !before.ends_with("IsNotNull(") {
            return true;
        }
        rest = &rest[at + column.len()..];
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::DeltaScan;
    use crate::facts::made::{application, found, node};

    fn with(pushed: &str, table: DeltaScan) -> Facts {
        let scan = node("Scan parquet ", "FileScan parquet")
            .measured("size of files read", "size", 1 << 30, None)
            .measured("scan time", "timing", 100_000, 1)
            .says("Location", "PreparedDeltaFileIndex(1 paths)[s3://bucket/table]")
            .says("PushedFilters", pushed);
        let facts = application("3.5.1", 100, &[]).with_stage(1, 50, 200, |_| ()).with_sql(50, &[1], vec![scan], &[]);
        Facts { delta: vec![DeltaScan { path: "s3://bucket/table".into(), ..table }], ..facts }
    }

    #[test]
    fn columns_of_the_layout_are_looked_for_in_filters() {
        let clustered = || DeltaScan { clustering: vec!["day".into()], ..DeltaScan::default() };
        let missed = found(RULE.name, &with("[IsNotNull(holiday), EqualTo(holiday,1)]", clustered()));
        assert_eq!((missed[0].severity, missed.len()), (Severity::Warning, 1));
        assert_eq!(
            missed[0].summary,
            "none of its filters is on the table's clustering columns (day); it read 1.0 GiB"
        );
        assert_eq!(found(RULE.name, &with("[IsNotNull(day)]", clustered())).len(), 1);
        assert_eq!(found(RULE.name, &with("[IsNotNull(day), GreaterThan(day,3)]", clustered())), []);
        let z_ordered = |partitions| DeltaScan { z_order: vec!["day".into()], partitions, ..DeltaScan::default() };
        assert_eq!(found(RULE.name, &with("[]", z_ordered(vec![])))[0].severity, Severity::Info);
        assert_eq!(found(RULE.name, &with("[]", z_ordered(vec!["p".into()]))), []);
        assert_eq!(found(RULE.name, &with("[]", DeltaScan::default())), []);
    }

    #[test]
    fn locations_may_be_cut_short() {
        assert!(is_at("PreparedDeltaFileIndex(1 paths)[s3://bucket/long/ta...", "s3://bucket/long/table"));
        assert!(is_at("TahoeLogFileIndex(1 paths)[file:/data/t]", "file:///data/t/"));
        assert!(!is_at("TahoeLogFileIndex(1 paths)[file:/data/t2]", "file:///data/t"));
    }

    #[test]
    fn the_layout_of_delta_tables_is_not_known_without_the_plugin() {
        let lacks = |facts: &Facts| facts.not_known(&RULE).iter().map(|n| n.lack).collect::<Vec<_>>();
        let without = Facts { delta: Vec::new(), ..with("[]", DeltaScan::default()) };
        assert_eq!(lacks(&without), [Lack::DeltaLayout]);
        assert_eq!(lacks(&with("[]", DeltaScan::default())), []);
    }
}
