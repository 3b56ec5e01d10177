//! Which attempts were judged, and how many findings each has.

use std::collections::HashMap;

use sqlx::{QueryBuilder, Row as _};

use super::attempts::{COLUMNS, attempt};
use super::{AttemptRow, Catalog, CatalogError};

/// How many findings an attempt has, by severity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FindingCounts {
    pub critical: i64,
    pub warning: i64,
    pub info: i64,
}

impl FindingCounts {
    /// The severest; `none` where nothing was found.
    pub fn worst(&self) -> &'static str {
        match self {
            FindingCounts { critical: 1.., .. } => "critical",
            FindingCounts { warning: 1.., .. } => "warning",
            FindingCounts { info: 1.., .. } => "info",
            _ => "none",
        }
    }
}

/// What attempts are ordered by, out of their row in `judged`: one critical more outweighs all warnings, and one warning all infos.
const ORDER: &str = "MIN(critical, 99999) * 10000000000 + MIN(warning, 99999) * 100000 + MIN(info, 99999)";

/// The same for the attempt `$1`; -1 where it was not judged.
pub(super) fn order() -> String {
    format!("COALESCE((SELECT {ORDER} FROM judged WHERE attempt = $1), -1)")
}

impl Catalog {
    /// Attempts that changed since they were judged, oldest change first. One that runs is left out while it was judged after
    /// `running_before` (epoch milliseconds): its next change has it judged.
    pub async fn to_judge(&self, running_before: i64, limit: i64) -> Result<Vec<AttemptRow>, CatalogError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM attempts a WHERE sequence > COALESCE((SELECT value FROM counters WHERE name = 'judged'), 0)
                 AND NOT EXISTS (SELECT 1 FROM judged j WHERE j.attempt = a.id AND (j.sequence = a.sequence
                     OR (a.status = 'running' AND j.at > $1)))
             ORDER BY sequence LIMIT $2"
        );
        let rows =
            sqlx::query(sqlx::AssertSqlSafe(sql)).bind(running_before).bind(limit).fetch_all(&self.readers).await?;
        rows.iter().map(attempt).collect()
    }

    /// Remembers what was found about an attempt as it was then.
    pub async fn note_judged(&self, a: &AttemptRow, counts: FindingCounts, at: i64) -> Result<(), CatalogError> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO judged (attempt, sequence, at, critical, warning, info, worst) VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (attempt) DO UPDATE SET sequence = excluded.sequence, at = excluded.at, critical = excluded.critical,
                 warning = excluded.warning, info = excluded.info, worst = excluded.worst",
        )
        .bind(a.id)
        .bind(a.sequence)
        .bind(at)
        .bind(counts.critical)
        .bind(counts.warning)
        .bind(counts.info)
        .bind(counts.worst())
        .execute(&mut *tx)
        .await?;
        let update = format!("UPDATE attempts SET findings = {} WHERE id = $1", order());
        sqlx::query(sqlx::AssertSqlSafe(update)).bind(a.id).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Remembers that no change up to this one is to be looked at again.
    pub async fn judged_up_to(&self, sequence: i64) -> Result<(), CatalogError> {
        self.counted_up_to("judged", sequence).await
    }

    /// Forgets attempts that are no more. If others judge than before (`rules` names them), every attempt is to be judged again,
    /// and the fleet tables are to be written anew.
    pub async fn judged_by(&self, rules: i64) -> Result<(), CatalogError> {
        let mut tx = self.begin().await?;
        sqlx::query("DELETE FROM judged WHERE attempt NOT IN (SELECT id FROM attempts)").execute(&mut *tx).await?;
        let known = sqlx::query("SELECT value FROM counters WHERE name = 'rules'").fetch_optional(&mut *tx).await?;
        let known: Option<i64> = known.map(|r| r.try_get(0)).transpose()?;
        if known != Some(rules) {
            sqlx::query("DELETE FROM counters WHERE name = 'judged'").execute(&mut *tx).await?;
            sqlx::query("UPDATE judged SET sequence = -1, at = 0").execute(&mut *tx).await?;
            sqlx::query("UPDATE fleet_batches SET state = 'stale' WHERE state = 'written'").execute(&mut *tx).await?;
            sqlx::query(
                "INSERT INTO counters (name, value) VALUES ('rules', $1)
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            )
            .bind(rules)
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// How many findings attempts have, by their ids; those that were judged.
    pub async fn finding_counts(&self, ids: &[i64]) -> Result<HashMap<i64, FindingCounts>, CatalogError> {
        let mut out = HashMap::new();
        for some in ids.chunks(1000) {
            let mut q = QueryBuilder::new("SELECT attempt, critical, warning, info FROM judged WHERE attempt IN (");
            let mut list = q.separated(", ");
            for id in some {
                list.push_bind(*id);
            }
            q.push(")");
            for r in q.build().fetch_all(&self.readers).await? {
                let counts = FindingCounts { critical: r.try_get(1)?, warning: r.try_get(2)?, info: r.try_get(3)? };
                out.insert(r.try_get(0)?, counts);
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_severest_counts() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&folder.path().join("catalog.db")).await.unwrap();
        let order = async |critical: i64, warning: i64, info: i64| -> i64 {
            let sql = format!("SELECT {ORDER} FROM (SELECT $1 AS critical, $2 AS warning, $3 AS info)");
            let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(critical).bind(warning).bind(info);
            row.fetch_one(&catalog.readers).await.unwrap().get(0)
        };
        assert!(order(1, 0, 0).await > order(0, 9, 9).await);
        assert!(order(0, 1, 0).await > order(0, 0, 99).await);
        assert!(order(0, 0, 1).await > order(0, 0, 0).await);
        let of = |critical, warning, info| FindingCounts { critical, warning, info }.worst();
        assert_eq!([of(1, 2, 3), of(0, 1, 0), of(0, 0, 9), of(0, 0, 0)], ["critical", "warning", "info", "none"]);
    }
}
