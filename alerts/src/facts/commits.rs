//! What DataFlint's plugin logs of tables: commits to Iceberg's, and how Delta's are laid out that are scanned.

use afterglow_history::state::ForeignEvent;
use serde_json::Value as Json;

use crate::finding::{Evidence, Source, Value};

const ICEBERG: &str = "IcebergCommitEvent";
const DELTA: &str = "DataflintDeltaLakeScanEvent";

/// A commit to an Iceberg table, as Iceberg itself counts.
#[derive(Debug, Clone, Default)]
pub struct Commit {
    /// Place among the events of other writers.
    pub at: usize,
    pub sql: i64,
    pub table: String,
    pub operation: String,
    /// As the plugin has them.
    pub metrics: Json,
}

impl Commit {
    /// A number under the plugin's name for it, as `addedDataFiles`; 0 where there is none.
    pub fn number(&self, name: &str) -> i64 {
        self.metrics.get(name).and_then(Json::as_i64).unwrap_or(0)
    }

    /// The same as evidence.
    pub fn evidence(&self, name: &'static str, metric: &str, value: fn(i64) -> Value) -> Evidence {
        let pointer = format!("/{}/event/icebergCommit/metrics/{metric}", self.at);
        Evidence::new(name, value(self.number(metric)), Source::ours("events", pointer))
    }
}

/// How a Delta table that is scanned is laid out.
#[derive(Debug, Clone, Default)]
pub struct DeltaScan {
    /// Place among the events of other writers.
    pub at: usize,
    pub path: String,
    pub clustering: Vec<String>,
    pub z_order: Vec<String>,
    pub partitions: Vec<String>,
}

impl DeltaScan {
    /// Where the log has its columns of a kind.
    pub fn source(&self, columns: &str) -> Source {
        Source::ours("events", format!("/{}/event/scanInfo/{columns}/0", self.at))
    }
}

/// Events of a class with their places, which are those of the `events` resource.
fn of_class<'e>(foreign: &'e [ForeignEvent], class: &'e str) -> impl Iterator<Item = (usize, Json)> + 'e {
    let named = move |f: &ForeignEvent| f.class.rsplit('.').next() == Some(class);
    foreign
        .iter()
        .enumerate()
        .filter(move |(_, f)| named(f))
        .filter_map(|(at, f)| Some((at, serde_json::from_str(&f.json).ok()?)))
}

pub(super) fn of_iceberg(foreign: &[ForeignEvent]) -> Vec<Commit> {
    let commit = |(at, event): (usize, Json)| {
        let info = event.get("icebergCommit")?;
        Some(Commit {
            at,
            sql: info.get("executionId")?.as_i64()?,
            table: text(info, "tableName"),
            operation: text(info, "operation"),
            metrics: info.get("metrics")?.clone(),
        })
    };
    of_class(foreign, ICEBERG).filter_map(commit).collect()
}

pub(super) fn of_delta(foreign: &[ForeignEvent]) -> Vec<DeltaScan> {
    let scan = |(at, event): (usize, Json)| {
        let info = event.get("scanInfo")?;
        Some(DeltaScan {
            at,
            path: text(info, "tablePath"),
            clustering: texts(info, "clusteringColumns"),
            z_order: texts(info, "zorderColumns"),
            partitions: texts(info, "partitionColumns"),
        })
    };
    of_class(foreign, DELTA).filter_map(scan).collect()
}

fn text(of: &Json, key: &str) -> String {
    of.get(key).and_then(Json::as_str).unwrap_or_default().to_owned()
}

fn texts(of: &Json, key: &str) -> Vec<String> {
    let all = of.get(key).and_then(Json::as_array).into_iter().flatten();
    all.filter_map(Json::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_the_plugin_are_read_where_they_stand() {
        let event = |class: &str, json: &str| ForeignEvent { class: class.to_owned(), json: json.to_owned() };
        let all = [
            event("org.example.Other", "{}"),
            event(
                "org.apache.spark.dataflint.listener.IcebergCommitEvent",
                r#"{"icebergCommit":{"executionId":7,"tableName":"c.db.t","commitId":3,"operation":"overwrite","metrics":{"addedDataFiles":12}}}"#,
            ),
            event("org.apache.spark.dataflint.listener.IcebergCommitEvent", "{}"),
            event(
                "org.apache.spark.dataflint.listener.DataflintDeltaLakeScanEvent",
                r#"{"scanInfo":{"minExecutionId":1,"tablePath":"s3://b/t","partitionColumns":[],"clusteringColumns":["c"],"zorderColumns":[]}}"#,
            ),
        ];
        let [commit] = &of_iceberg(&all)[..] else { panic!("one commit") };
        assert_eq!((commit.sql, commit.table.as_str(), commit.number("addedDataFiles")), (7, "c.db.t", 12));
        let source = commit.evidence("files", "addedDataFiles", Value::Count).source;
        assert_eq!(source, Some(Source::ours("events", "/1/event/icebergCommit/metrics/addedDataFiles")));
        let [scan] = &of_delta(&all)[..] else { panic!("one scan") };
        assert_eq!((scan.path.as_str(), &scan.clustering[..]), ("s3://b/t", &["c".to_owned()][..]));
        assert_eq!(scan.source("clusteringColumns").pointer, "/3/event/scanInfo/clusteringColumns/0");
    }
}
