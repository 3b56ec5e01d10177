//! What senders of alerts said last. Of two words about an alert the later counts, by when they were sent and not by the
//! times in them: queues bring messages late and twice, and clocks of senders are off.

use sqlx::{Row as _, Sqlite, Transaction};

use super::LedgerError;
use crate::incident::Sighting;

/// Takes a word; none if a later one is known. Otherwise when the alert was over by what its sender said of that before.
pub(super) async fn hear(
    tx: &mut Transaction<'_, Sqlite>,
    s: &Sighting,
    said: i64,
) -> Result<Option<Option<i64>>, LedgerError> {
    let row = sqlx::query(
        "INSERT INTO words (fingerprint, said_at) VALUES ($1, $2)
         ON CONFLICT (fingerprint) DO UPDATE SET said_at = excluded.said_at WHERE excluded.said_at >= words.said_at
         RETURNING over_at",
    )
    .bind(&s.fingerprint)
    .bind(said)
    .fetch_optional(&mut **tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    if !s.active {
        sqlx::query("UPDATE words SET over_at = $2 WHERE fingerprint = $1")
            .bind(&s.fingerprint)
            .bind(s.at)
            .execute(&mut **tx)
            .await?;
        // It may begin again with the same start.
        sqlx::query("DELETE FROM occurrences WHERE fingerprint = $1").bind(&s.fingerprint).execute(&mut **tx).await?;
    }
    Ok(Some(row.try_get(0)?))
}
