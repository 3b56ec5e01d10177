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

    /// What attempts are ordered by: one critical more outweighs all warnings, and one warning all infos.
    fn order(&self) -> i64 {
        let digits = |n: i64| n.clamp(0, 99_999);
        digits(self.critical) * 10_000_000_000 + digits(self.warning) * 100_000 + digits(self.info)
    }
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
        sqlx::query("UPDATE attempts SET findings = $2 WHERE id = $1")
            .bind(a.id)
            .bind(counts.order())
            .execute(&mut *tx)
            .await?;
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

    #[test]
    fn the_severest_counts() {
        let of = |critical, warning, info| FindingCounts { critical, warning, info }.worst();
        let order = |critical, warning, info| FindingCounts { critical, warning, info }.order();
        assert!(order(1, 0, 0) > order(0, 9, 9) && order(0, 1, 0) > order(0, 0, 99) && order(0, 0, 1) > order(0, 0, 0));
        assert_eq!([of(1, 2, 3), of(0, 1, 0), of(0, 0, 9), of(0, 0, 0)], ["critical", "warning", "info", "none"]);
    }
}
