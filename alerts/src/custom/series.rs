//! A threshold on a series: what a number column of a fleet table came to within a window of time, for each set of labels. It stands for
//! one statement, so it is evaluated as any other; its names are looked up before anything runs.

use std::fmt::Write as _;

use afterglow_history::date::date;
use afterglow_history::fleet::schema::{TABLES, TableName, Type};
use serde::{Deserialize, Serialize};

/// A series, its names known to be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    table: TableName,
    /// When a row's numbers are from.
    time: &'static str,
    /// The number, as SQL has it.
    number: String,
    take: Take,
    /// Milliseconds.
    window: i64,
    by: Vec<&'static str>,
    only: Vec<(&'static str, Literal)>,
}

/// What is taken of the numbers in the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Take {
    Max,
    Min,
    Avg,
    Sum,
    Last,
}

/// What a column must be equal to, as settings have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Literal {
    Flag(bool),
    Whole(i64),
    Text(String),
}

/// What is wrong with a series: the key, and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeriesError {
    #[error("column: `{0}` is no series: write a table and a number column of it, as executor_samples.gc_share")]
    Column(String),
    #[error("column: no table is called `{name}`: {}", instead(.nearest))]
    Table { name: String, nearest: Vec<&'static str> },
    #[error("column: the numbers of {0} have no time of their own: {1}")]
    Timeless(&'static str, &'static str),
    #[error("{key}: {table} has no column `{name}`: {}", instead(.nearest))]
    Name { key: &'static str, table: &'static str, name: String, nearest: Vec<&'static str> },
    #[error("column: {table}.{name} is no number: {}", instead(.nearest))]
    NoNumber { table: &'static str, name: String, nearest: Vec<&'static str> },
    #[error("column: {table}.{name} has many numbers: name one of them, as {table}.{name}.{example}")]
    Many { table: &'static str, name: &'static str, example: &'static str },
    #[error("take: `{0}` is none: write max, min, avg, sum or last")]
    Take(String),
    #[error("window: write from 1s to 31d")]
    Window,
    #[error("{key}: {table}.{name} tells no series from another: {}", instead(.nearest))]
    NoLabel { key: &'static str, table: &'static str, name: String, nearest: Vec<&'static str> },
    #[error("where: {table}.{name} is {is}: compare it with {is}")]
    Literal { table: &'static str, name: &'static str, is: &'static str },
}

/// Names that somebody may have meant.
fn instead(nearest: &[&str]) -> String {
    match nearest {
        [] => "docs/sql.md lists them".to_owned(),
        _ => format!("did you mean {}?", nearest.join(" or ")),
    }
}

/// The longest window, milliseconds.
const LONGEST: i64 = 31 * 86_400_000;
/// Names that an error suggests at most.
const SUGGESTED: usize = 3;
/// How like another a name must be to be meant, of 1.
const LIKE: f64 = 0.7;

impl Series {
    /// Looks the names up. `column` is `table.column`, or `table.column.name` for a number in a map; `window` is in milliseconds.
    ///
    /// # Errors
    /// If a name means nothing or is of the wrong kind: what, and what is like it.
    pub fn parse(
        column: &str,
        take: &str,
        window: i64,
        by: &[String],
        only: impl IntoIterator<Item = (String, Literal)>,
    ) -> Result<Self, SeriesError> {
        let (table, name) = column.trim().split_once('.').ok_or_else(|| SeriesError::Column(column.to_owned()))?;
        let table = TABLES.into_iter().find(|t| t.text() == table).ok_or_else(|| SeriesError::Table {
            name: table.to_owned(),
            nearest: nearest(table, TABLES.iter().map(|t| t.text())),
        })?;
        let time = time(table)?;
        let take = Take::parse(take)?;
        if !(1_000..=LONGEST).contains(&window) {
            return Err(SeriesError::Window);
        }
        let by: Vec<&str> = by.iter().map(|name| Ok(label(table, "by", name)?.0)).collect::<Result<_, _>>()?;
        let equal = |(name, value): (String, Literal)| {
            let (name, kind) = label(table, "where", &name)?;
            let is = match (kind, &value) {
                (Type::Text, Literal::Text(_)) | (Type::Int, Literal::Whole(_)) | (Type::Bool, Literal::Flag(_)) => {
                    return Ok((name, value));
                }
                (Type::Text, _) => "a text",
                (Type::Bool, _) => "true or false",
                _ => "a whole number",
            };
            Err(SeriesError::Literal { table: table.text(), name, is })
        };
        let only = only.into_iter().map(equal).collect::<Result<_, _>>()?;
        Ok(Series { table, time, number: number(table, name)?, take, window, by, only })
    }

    /// The statement it stands for at `now`, epoch milliseconds: a row for each set of labels, with `value`.
    ///
    /// The window bounds the time of rows, which leaves out files. The day of an application's start, which would leave out more, does
    /// not: what streams started long ago.
    pub fn statement(&self, now: i64) -> String {
        let instant = |ms: i64| date(ms).replace("GMT", "Z");
        let (number, time) = (&self.number, quoted(self.time));
        let value = match self.take {
            Take::Max => format!("max({number})"),
            Take::Min => format!("min({number})"),
            Take::Avg => format!("avg({number})"),
            Take::Sum => format!("sum({number})"),
            Take::Last => format!("last_value({number} ORDER BY {time})"),
        };
        let labels: String = self.by.iter().map(|name| quoted(name) + ", ").collect();
        let mut out = format!(
            "SELECT {labels}{value} AS value FROM {} WHERE {time} > TIMESTAMP '{}' AND {time} <= TIMESTAMP '{}' AND {number} IS NOT NULL",
            self.table.text(),
            instant(now - self.window),
            instant(now),
        );
        for (name, value) in &self.only {
            // Writing to a text cannot fail.
            let _ = write!(out, " AND {} = {value}", quoted(name));
        }
        if !self.by.is_empty() {
            let all: Vec<String> = self.by.iter().map(|name| quoted(name)).collect();
            let _ = write!(out, " GROUP BY {}", all.join(", "));
        }
        out
    }
}

impl Take {
    fn parse(text: &str) -> Result<Self, SeriesError> {
        Ok(match text.trim() {
            "max" => Take::Max,
            "min" => Take::Min,
            "avg" => Take::Avg,
            "sum" => Take::Sum,
            "last" => Take::Last,
            _ => return Err(SeriesError::Take(text.to_owned())),
        })
    }
}

impl std::fmt::Display for Literal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Literal::Text(text) => write!(f, "'{}'", text.replace('\'', "''")),
            Literal::Whole(n) => write!(f, "{n}"),
            Literal::Flag(flag) => write!(f, "{flag}"),
        }
    }
}

/// A name as SQL has it; those of columns have no quotes in them.
fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

/// When the numbers of a table's rows are from: of what ends, the end, for they are whole then.
fn time(table: TableName) -> Result<&'static str, SeriesError> {
    Ok(match table {
        TableName::Applications | TableName::Findings => "end_time",
        TableName::Jobs | TableName::Stages | TableName::SqlExecutions => "completion_time",
        TableName::StreamingProgress | TableName::StateOperatorMetrics => "timestamp",
        TableName::ApplicationSamples | TableName::ExecutorSamples | TableName::JvmPauses => "time",
        TableName::Executors => {
            return Err(SeriesError::Timeless(table.text(), "take a column of executor_samples, or write `sql`"));
        }
    })
}

/// A column that is a number, as SQL has it.
fn number(table: TableName, name: &str) -> Result<String, SeriesError> {
    let (column, inside) = name.split_once('.').map_or((name, None), |(column, inside)| (column, Some(inside)));
    let numbers = || table.columns().filter(|(_, kind, _)| matches!(kind, Type::Int | Type::Real | Type::Map));
    let found = table.columns().find(|(own, ..)| *own == column);
    let of = |nearest| SeriesError::NoNumber { table: table.text(), name: name.to_owned(), nearest };
    match (found, inside) {
        (Some((own, Type::Int | Type::Real, _)), None) => Ok(quoted(own)),
        (Some((own, Type::Map, _)), Some(inside)) if !inside.is_empty() => {
            Ok(format!("{}[{}]", quoted(own), Literal::Text(inside.to_owned())))
        }
        (Some((own, Type::Map, _)), _) => {
            let example = if own == "phase_durations_ms" { "addBatch" } else { "rocksdbSstFileSize" };
            Err(SeriesError::Many { table: table.text(), name: own, example })
        }
        (Some(_), _) => Err(of(nearest(column, numbers().map(|(own, ..)| own)))),
        (None, _) => Err(SeriesError::Name {
            key: "column",
            table: table.text(),
            name: column.to_owned(),
            nearest: nearest(column, numbers().map(|(own, ..)| own)),
        }),
    }
}

/// A column that can tell series apart: a text, a whole number or a flag.
fn label(table: TableName, key: &'static str, name: &str) -> Result<(&'static str, Type), SeriesError> {
    let fits = |kind: Type| matches!(kind, Type::Text | Type::Int | Type::Bool);
    let near = || nearest(name, table.columns().filter(|(_, kind, _)| fits(*kind)).map(|(own, ..)| own));
    match table.columns().find(|(own, ..)| *own == name) {
        Some((own, kind, _)) if fits(kind) => Ok((own, kind)),
        Some(_) => Err(SeriesError::NoLabel { key, table: table.text(), name: name.to_owned(), nearest: near() }),
        None => Err(SeriesError::Name { key, table: table.text(), name: name.to_owned(), nearest: near() }),
    }
}

/// Names like one, the likest first.
fn nearest(name: &str, all: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    let mut like: Vec<(f64, &str)> = all.map(|own| (strsim::jaro_winkler(name, own), own)).collect();
    like.retain(|(like, own)| *like >= LIKE && *own != name);
    like.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    like.into_iter().take(SUGGESTED).map(|(_, own)| own).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTES: i64 = 60_000;
    /// 2026-11-21, 00:10 UTC.
    const NOW: i64 = 1_795_219_800_000;

    fn parse(column: &str, take: &str, by: &[&str], only: &[(&str, Literal)]) -> Result<Series, String> {
        let by: Vec<String> = by.iter().map(|b| (*b).to_owned()).collect();
        let only = only.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        Series::parse(column, take, 10 * MINUTES, &by, only).map_err(|e| e.to_string())
    }

    #[test]
    fn a_series_is_a_statement() {
        let gc = parse(
            "executor_samples.gc_share",
            "max",
            &["cluster", "app_name"],
            &[("cluster", Literal::Text("it's".into())), ("cores", Literal::Whole(4))],
        );
        assert_eq!(
            gc.unwrap().statement(NOW),
            "SELECT \"cluster\", \"app_name\", max(\"gc_share\") AS value FROM executor_samples \
             WHERE \"time\" > TIMESTAMP '2026-11-21T00:00:00.000Z' AND \"time\" <= TIMESTAMP '2026-11-21T00:10:00.000Z' \
             AND \"gc_share\" IS NOT NULL AND \"cluster\" = 'it''s' AND \"cores\" = 4 GROUP BY \"cluster\", \"app_name\""
        );
        let stalled = [("rocksdb_writer_stalled", Literal::Flag(true))];
        let sst = parse("state_operator_metrics.custom_metrics.rocksdbSstFileSize", "last", &[], &stalled);
        assert_eq!(
            sst.unwrap().statement(NOW),
            "SELECT last_value(\"custom_metrics\"['rocksdbSstFileSize'] ORDER BY \"timestamp\") AS value FROM state_operator_metrics \
             WHERE \"timestamp\" > TIMESTAMP '2026-11-21T00:00:00.000Z' AND \"timestamp\" <= TIMESTAMP '2026-11-21T00:10:00.000Z' \
             AND \"custom_metrics\"['rocksdbSstFileSize'] IS NOT NULL AND \"rocksdb_writer_stalled\" = true"
        );
    }

    #[test]
    fn what_a_series_cannot_be_is_said_with_what_is_like_it() {
        let fails = |column: &str| parse(column, "avg", &[], &[]).unwrap_err();
        assert_eq!(
            fails("gc_share"),
            "column: `gc_share` is no series: write a table and a number column of it, as executor_samples.gc_share"
        );
        assert_eq!(
            fails("executor_sample.gc_share"),
            "column: no table is called `executor_sample`: did you mean executor_samples or executors?"
        );
        assert_eq!(fails("zzz.x"), "column: no table is called `zzz`: docs/sql.md lists them");
        assert_eq!(
            fails("executors.gc_time_ms"),
            "column: the numbers of executors have no time of their own: take a column of executor_samples, or write `sql`"
        );
        assert_eq!(
            fails("executor_samples.gc_shar"),
            "column: executor_samples has no column `gc_shar`: did you mean gc_share?"
        );
        assert_eq!(
            fails("streaming_progress.query_name"),
            "column: streaming_progress.query_name is no number: docs/sql.md lists them"
        );
        assert_eq!(
            fails("streaming_progress.phase_durations_ms"),
            "column: streaming_progress.phase_durations_ms has many numbers: name one of them, as streaming_progress.phase_durations_ms.addBatch"
        );
        let take = parse("executor_samples.gc_share", "mean", &[], &[]).unwrap_err();
        assert_eq!(take, "take: `mean` is none: write max, min, avg, sum or last");
        let by = parse("executor_samples.gc_share", "max", &["app_nam"], &[]).unwrap_err();
        assert!(by.starts_with("by: executor_samples has no column `app_nam`: did you mean app_name"), "{by}");
        let by = parse("executor_samples.gc_share", "max", &["time"], &[]).unwrap_err();
        assert!(by.starts_with("by: executor_samples.time tells no series from another: "), "{by}");
        let only = [("cluster", Literal::Whole(1))];
        let only = parse("executor_samples.gc_share", "max", &[], &only).unwrap_err();
        assert_eq!(only, "where: executor_samples.cluster is a text: compare it with a text");
        let long = Series::parse("executor_samples.gc_share", "max", LONGEST + 1, &[], []);
        assert_eq!(long, Err(SeriesError::Window));
    }

    #[test]
    fn every_table_with_a_time_has_that_column() {
        for table in TABLES {
            let Ok(own) = time(table) else { continue };
            assert!(table.columns().any(|(name, kind, _)| (name, kind) == (own, Type::Time)), "{}", table.text());
        }
    }
}
