//! Findings as rows of the fleet table `findings`.

use std::sync::Arc;

use afterglow_history::catalog::{AttemptRow, ContainerRow};
use afterglow_history::fleet::{FindingRow, Judge};
use afterglow_history::store::{AttemptReader, StoreError};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::Value;

use crate::finding::Finding;
use crate::judge::judge_with;
use crate::report::{Prices, Subject, told};
use crate::rules::Limits;

/// All rules, as who writes the tables asks them.
pub fn table(limits: Limits) -> Arc<dyn Judge> {
    Arc::new(Rules(limits))
}

struct Rules(Limits);

impl Judge for Rules {
    fn judge<'a>(
        &'a self,
        row: &'a AttemptRow,
        reader: &'a AttemptReader,
        logs: &'a [ContainerRow],
    ) -> BoxFuture<'a, Result<Vec<FindingRow>, StoreError>> {
        let subject = Subject::new(row);
        async move {
            let judged = judge_with(row, reader, logs.to_vec(), &self.0).await?;
            Ok(judged.findings.iter().map(|f| cells(&subject, f)).collect())
        }
        .boxed()
    }
}

fn cells(subject: &Subject, f: &Finding) -> FindingRow {
    // Prices change; the table has amounts.
    let told = told(subject, f, &Prices::default());
    FindingRow {
        rule: told.rule.into(),
        family: told.family.into(),
        severity: told.severity.into(),
        sure: told.sure.into(),
        place: f.place.to_string(),
        summary: told.summary,
        wall: f.at_stake.wall,
        cores: f.at_stake.cores,
        memory: f.at_stake.memory,
        evidence: Value::Array(told.evidence).to_string(),
        advice: Value::Array(told.advice).to_string(),
    }
}
