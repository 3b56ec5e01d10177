//! `iceberg-rewrite`: a commit replaced many of an Iceberg table's files for few changed rows.

use crate::facts::Facts;
use crate::facts::operators::Operator;
use crate::finding::{Advice, AtStake, Evidence, Finding, Place, Severity, Sure, Value};
use crate::lack::Lack;
use crate::report::bytes;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "iceberg-rewrite",
    family: Family::Files,
    title: "A commit rewrites much of an Iceberg table",
    page: include_str!("iceberg_replace.md"),
    judge,
};

/// Of the table's files that were replaced, from which it is much, and from which it is most: DataFlint's.
const MUCH: f64 = 0.30;
const MOST: f64 = 0.60;
/// Of the table's records by which it grew or shrank, from which somebody who replaced all of it meant to.
const CHANGED: f64 = 0.30;
/// Bytes added below which nobody notices, unless it weighs for this application.
const COUNTS: i64 = 1 << 30;

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    let iceberg = facts.conf.get("spark.sql.extensions").is_some_and(|e| e.contains("IcebergSparkSessionExtensions"));
    if iceberg && facts.commits.is_empty() {
        let rewrites =
            |o: &Operator<'_>| o.name() == "ReplaceData" && limits.worth(facts, &facts.cost_of(&o.sql.stages));
        if facts.operators().any(|o| rewrites(&o)) {
            verdict.not_known("how many files of a table its changes replace", Lack::IcebergCommits);
        }
    }
    for c in &facts.commits {
        let n = |name: &str| c.number(name).max(0);
        let (added, removed) = (n("addedDataFiles"), n("removedDataFiles"));
        let before = n("totalDataFiles").saturating_sub(added).saturating_add(removed).max(0);
        let (rows_added, rows_removed) = (n("addedRecords"), n("removedRecords"));
        let rows = n("totalRecords").saturating_sub(rows_added).saturating_add(rows_removed).max(0);
        // An append removes nothing; who overwrites a table means to.
        if c.operation != "overwrite" || before == 0 || rows == 0 {
            continue;
        }
        let share = removed as f64 / before as f64;
        let changed = rows_added.saturating_sub(rows_removed).saturating_abs() as f64 / rows as f64;
        let all = removed >= before && rows_removed >= rows;
        // However many rows went or came: files of a part of the table were written anew for those that stayed.
        if share <= MUCH || all && (changed >= CHANGED || rows_added == 0) {
            continue;
        }
        let Some(sql) = facts.sql.get(&c.sql) else { continue };
        let took = sql.completion_time.unwrap_or(facts.end).saturating_sub(sql.submission_time).max(0);
        let stages = facts.cost_of(&sql.stages);
        let at_stake =
            AtStake::wall((took as f64 * share) as i64).cores((stages.cores.unwrap_or(0) as f64 * share) as i64);
        let counts = n("addedFilesSizeInBytes") >= COUNTS || facts.weight(&at_stake) > Severity::Info;
        if !counts || !limits.worth(facts, &at_stake) {
            continue;
        }
        let summary = format!(
            "it replaced {:.0} % of the files of {} ({} written), and the table {} by {:.1} % of its rows",
            share * 100.0,
            c.table,
            bytes(n("addedFilesSizeInBytes")),
            if rows_added < rows_removed { "shrank" } else { "grew" },
            changed * 100.0
        );
        let severity = if share > MOST { facts.weight(&at_stake) } else { Severity::Info };
        verdict.find(
            Finding::new(severity, Place::Sql(c.sql), summary)
                .evidence(Evidence::derived("replaced files of all", Value::Share(share)))
                .evidence(c.evidence("removed files", "removedDataFiles", Value::Count))
                .evidence(c.evidence("added files", "addedDataFiles", Value::Count))
                .evidence(c.evidence("files afterwards", "totalDataFiles", Value::Count))
                .evidence(c.evidence("written", "addedFilesSizeInBytes", Value::Bytes))
                .evidence(c.evidence("removed records", "removedRecords", Value::Count))
                .evidence(c.evidence("added records", "addedRecords", Value::Count))
                .costs(at_stake)
                .advise(Advice::Do(
                    "set write.merge.mode, write.update.mode and write.delete.mode to merge-on-read".into(),
                ))
                .advise(Advice::Do(
                    "partition or sort the table by what the changes have in common, so that they meet fewer files"
                        .into(),
                ))
                .sure(Sure::Possible),
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::facts::Commit;
    use crate::facts::made::{application, found};

    /// A table of 100 files and 1,000 rows.
    fn with(operation: &str, removed: i64, rows: (i64, i64), bytes: i64) -> Facts {
        let metrics = json!({
            "addedDataFiles": removed, "removedDataFiles": removed, "totalDataFiles": 100,
            "addedRecords": rows.0, "removedRecords": rows.1, "totalRecords": 1000 + rows.0 - rows.1,
            "addedFilesSizeInBytes": bytes,
        });
        let commit = Commit { operation: operation.into(), table: "c.db.t".into(), metrics, ..Commit::default() };
        let facts = application("3.5.1", 100, &[]).with_stage(1, 50, 200, |_| ()).with_sql(60, &[1], vec![], &[]);
        Facts { commits: vec![commit], ..facts }
    }

    #[test]
    fn many_files_for_few_rows() {
        const GIB: i64 = 1 << 30;
        assert_eq!(found(RULE.name, &with("overwrite", 30, (300, 300), GIB)), []);
        let much = found(RULE.name, &with("overwrite", 31, (310, 310), GIB));
        assert_eq!((much[0].severity, &much[0].place), (Severity::Info, &Place::Sql(0)));
        assert_eq!(much[0].at_stake, AtStake::wall(18_600).cores(62_000));
        assert_eq!(found(RULE.name, &with("overwrite", 61, (610, 610), GIB))[0].severity, Severity::Warning);
        assert_eq!(found(RULE.name, &with("append", 61, (610, 610), GIB)), []);
        assert_eq!(found(RULE.name, &with("overwrite", 31, (310, 310), GIB - 1)).len(), 1, "it weighs");
    }

    #[test]
    fn rows_that_come_or_go_excuse_no_rewrite_of_those_that_stay() {
        const GIB: i64 = 1 << 30;
        let shrank = found(RULE.name, &with("overwrite", 80, (200, 800), GIB));
        assert!(
            shrank[0].summary.contains("80 % of the files of c.db.t") && shrank[0].summary.contains("shrank by 60.0 %")
        );
        assert_eq!(shrank[0].severity, Severity::Warning);
        assert_eq!(found(RULE.name, &with("overwrite", 61, (910, 610), GIB)).len(), 1);
        assert_eq!(found(RULE.name, &with("overwrite", 100, (1300, 1000), GIB)), [], "all of it is another table");
        assert_eq!(found(RULE.name, &with("overwrite", 100, (0, 1000), GIB)), [], "nothing stayed");
    }

    #[test]
    fn few_bytes_count_where_they_weigh() {
        let small = |seconds: i64| {
            let mut facts = with("overwrite", 40, (400, 400), 1 << 20);
            facts.sql.values_mut().for_each(|x| x.completion_time = Some(seconds * 1000));
            facts.stages.clear();
            found(RULE.name, &facts).len()
        };
        assert_eq!([small(24), small(26)], [0, 1], "a tenth of 100 s is 0.4 of 25");
    }

    #[test]
    fn without_the_plugin_it_is_not_known_where_rows_are_replaced() {
        use crate::facts::made::node;
        let with = |extensions: &str, name: &str| {
            let of = application("3.5.1", 100, &[("spark.sql.extensions", extensions)]);
            let of = of.with_stage(1, 50, 200, |_| ()).with_sql(60, &[1], vec![node(name, name)], &[]);
            of.not_known(&RULE).iter().map(|n| n.lack).collect::<Vec<_>>()
        };
        let iceberg = "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions";
        assert_eq!(with(iceberg, "ReplaceData"), [Lack::IcebergCommits]);
        assert_eq!(with(iceberg, "AppendData"), []);
        assert_eq!(with("", "ReplaceData"), []);
    }
}
