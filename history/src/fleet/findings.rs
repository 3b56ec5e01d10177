//! Rows of the table `findings`. Who judges is handed in: rules are no business of this crate.

use futures::future::BoxFuture;

use super::table::{Cell, Table};
use super::tables::{of_attempt, push};
use crate::catalog::{AttemptRow, ContainerRow};
use crate::store::{AttemptReader, StoreError};

/// Finds what is wrong with attempts: the same for the same attempt.
pub trait Judge: Send + Sync {
    /// What was found about an attempt, the severest first; `logs` are those of its containers.
    fn judge<'a>(
        &'a self,
        row: &'a AttemptRow,
        reader: &'a AttemptReader,
        logs: &'a [ContainerRow],
    ) -> BoxFuture<'a, Result<Vec<FindingRow>, StoreError>>;
}

/// A finding, as the table has it.
#[derive(Debug, Clone, PartialEq)]
pub struct FindingRow {
    pub rule: String,
    pub family: String,
    pub severity: String,
    pub sure: String,
    /// In words, as `stage 3.0`.
    pub place: String,
    pub summary: String,
    /// What is at stake, milliseconds; none where it is not known.
    pub wall: Option<i64>,
    /// Cores times milliseconds.
    pub cores: Option<i64>,
    /// Mebibytes times milliseconds.
    pub memory: Option<i64>,
    /// JSON arrays, as REST has them.
    pub evidence: String,
    pub advice: String,
}

pub(super) async fn add(
    table: &mut Table,
    a: &AttemptRow,
    reader: &AttemptReader,
    logs: &[ContainerRow],
    judge: &dyn Judge,
) -> Result<(), StoreError> {
    let text = |v| Cell::Text(Some(v));
    for f in &judge.judge(a, reader, logs).await? {
        let row = [
            text(&f.rule),
            text(&f.family),
            text(&f.severity),
            text(&f.sure),
            text(&f.place),
            text(&f.summary),
            Cell::Int(f.wall),
            Cell::Int(f.cores),
            Cell::Int(f.memory),
            text(&f.evidence),
            text(&f.advice),
            Cell::Time((a.end_time >= 0).then_some(a.end_time)),
        ];
        push(table, of_attempt(a).into_iter().chain(row));
    }
    Ok(())
}
