//! The outbox: what is to be sent, what became of each try, and what nobody took.
//!
//! What is taken is leased, not removed: a process that dies leaves it to the next, under the same key.

use std::collections::BTreeSet;

use afterglow_history::viewer::Viewer;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite};

use super::{Ledger, LedgerError, parsed};
use crate::deliver::message::Message;

/// How a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    Waiting,
    Sent,
    /// Given up; somebody may have it sent again.
    Dead,
}

impl DeliveryState {
    pub fn name(self) -> &'static str {
        match self {
            DeliveryState::Waiting => "waiting",
            DeliveryState::Sent => "sent",
            DeliveryState::Dead => "dead",
        }
    }
}

/// A message on its way to one destination. Times are epoch milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub id: i64,
    pub key: String,
    pub receiver: String,
    pub destination: String,
    pub state: String,
    pub attempts: i64,
    pub created_at: i64,
    /// None unless it waits.
    pub next_at: Option<i64>,
    pub error: Option<String>,
    pub sent_at: Option<i64>,
}

/// A delivery that is to be tried now.
#[derive(Debug, Clone)]
pub struct Taken {
    pub id: i64,
    /// Tries so far.
    pub attempts: i64,
    pub message: Message,
}

/// What became of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Sent,
    /// It is tried again at that time.
    Later {
        at: i64,
        error: String,
    },
    /// It is given up.
    Dead {
        error: String,
    },
}

impl Outcome {
    /// `sent`, `later` or `dead`.
    pub fn name(&self) -> &'static str {
        match self {
            Outcome::Sent => "sent",
            Outcome::Later { .. } => "later",
            Outcome::Dead { .. } => "dead",
        }
    }
}

const COLUMNS: &str = "id, key, receiver, destination, state, attempts, created_at, next_at, error, sent_at";

fn delivery(r: &SqliteRow) -> Result<Delivery, LedgerError> {
    let state: String = r.try_get("state")?;
    let next_at: i64 = r.try_get("next_at")?;
    Ok(Delivery {
        id: r.try_get("id")?,
        key: r.try_get("key")?,
        receiver: r.try_get("receiver")?,
        destination: r.try_get("destination")?,
        next_at: (state == "waiting").then_some(next_at),
        state,
        attempts: r.try_get("attempts")?,
        created_at: r.try_get("created_at")?,
        error: r.try_get("error")?,
        sent_at: r.try_get("sent_at")?,
    })
}

impl Ledger {
    /// Receivers and destinations that have something to be tried now.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn waiting(&self, now: i64) -> Result<Vec<(String, String)>, LedgerError> {
        let rows = sqlx::query(
            "SELECT DISTINCT receiver, destination FROM deliveries WHERE state = 'waiting' AND next_at <= $1 AND leased_until <= $1",
        )
        .bind(now)
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(|r| Ok((r.try_get(0)?, r.try_get(1)?))).collect()
    }

    /// Whether a destination has something to be tried now.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn any_waiting(&self, receiver: &str, destination: &str, now: i64) -> Result<bool, LedgerError> {
        let row = sqlx::query(
            "SELECT 1 FROM deliveries WHERE state = 'waiting' AND receiver = $1 AND destination = $2
                 AND next_at <= $3 AND leased_until <= $3 LIMIT 1",
        )
        .bind(receiver)
        .bind(destination)
        .bind(now)
        .fetch_optional(&self.readers)
        .await?;
        Ok(row.is_some())
    }

    /// Gives up all that waits for a destination; gives how many.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub async fn give_up(&self, receiver: &str, destination: &str, error: &str, now: i64) -> Result<u64, LedgerError> {
        let done = sqlx::query(
            "UPDATE deliveries SET state = 'dead', error = $3, next_at = $4
             WHERE state = 'waiting' AND receiver = $1 AND destination = $2 AND leased_until <= $4",
        )
        .bind(receiver)
        .bind(destination)
        .bind(error)
        .bind(now)
        .execute(&self.writer)
        .await?;
        Ok(done.rows_affected())
    }

    /// Takes at most so many for one destination, oldest first, of each lane one; nobody else gets them before `until`.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub async fn take(
        &self,
        receiver: &str,
        destination: &str,
        most: usize,
        now: i64,
        until: i64,
    ) -> Result<Vec<Taken>, LedgerError> {
        let rows = sqlx::query(
            "UPDATE deliveries SET leased_until = $5 WHERE id IN (
                 SELECT id FROM deliveries d WHERE state = 'waiting' AND receiver = $1 AND destination = $2
                     AND next_at <= $4 AND leased_until <= $4 AND NOT EXISTS (
                         SELECT 1 FROM deliveries o WHERE o.state = 'waiting' AND o.lane = d.lane AND o.receiver = d.receiver
                             AND o.destination = d.destination AND o.id < d.id)
                 ORDER BY next_at, id LIMIT $3)
             RETURNING id, attempts, message",
        )
        .bind(receiver)
        .bind(destination)
        .bind(i64::try_from(most).unwrap_or(i64::MAX))
        .bind(now)
        .bind(until)
        .fetch_all(&self.writer)
        .await?;
        let mut taken = rows
            .iter()
            .map(|r| {
                let message: String = r.try_get("message")?;
                Ok(Taken {
                    id: r.try_get("id")?,
                    attempts: r.try_get("attempts")?,
                    message: parsed("message", &message)?,
                })
            })
            .collect::<Result<Vec<_>, LedgerError>>()?;
        taken.sort_by_key(|t| t.id);
        Ok(taken)
    }

    /// Notes what became of tries, all in one transaction.
    ///
    /// # Errors
    /// If the ledger cannot be written; then they are tried again.
    pub async fn note_outcomes(&self, all: &[(i64, Outcome)], now: i64) -> Result<(), LedgerError> {
        let mut tx = self.begin().await?;
        for (id, outcome) in all {
            let (state, at, error) = match outcome {
                Outcome::Sent => (DeliveryState::Sent, now, None),
                Outcome::Later { at, error } => (DeliveryState::Waiting, *at, Some(error)),
                Outcome::Dead { error } => (DeliveryState::Dead, now, Some(error)),
            };
            sqlx::query(
                "UPDATE deliveries SET state = $2, attempts = attempts + 1, next_at = $3, leased_until = 0, error = $4,
                     sent_at = CASE WHEN $2 = 'sent' THEN $5 END, message = CASE WHEN $2 = 'sent' THEN '' ELSE message END WHERE id = $1",
            )
            .bind(id)
            .bind(state.name())
            .bind(at)
            .bind(error)
            .bind(now)
            .execute(&mut *tx)
            .await?;
            if let Some(error) = error {
                sqlx::query("INSERT INTO delivery_failures (delivery, at, error) VALUES ($1, $2, $3)")
                    .bind(id)
                    .bind(now)
                    .bind(error)
                    .execute(&mut *tx)
                    .await?;
            }
        }
        tx.commit().await?;
        Ok(())
    }

    /// Has a dead delivery sent again; whether there is one.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub async fn resend(&self, id: i64, now: i64) -> Result<bool, LedgerError> {
        let done = sqlx::query(
            "UPDATE deliveries SET state = 'waiting', attempts = 0, next_at = $2, leased_until = 0 WHERE id = $1 AND state = 'dead'",
        )
        .bind(id)
        .bind(now)
        .execute(&self.writer)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Deliveries that tell of nothing that is hidden from the viewer, newest first, of a state or of all; and how many there are.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn deliveries(
        &self,
        viewer: &Viewer,
        state: Option<DeliveryState>,
        offset: i64,
        length: i64,
    ) -> Result<(i64, Vec<Delivery>), LedgerError> {
        self.deliveries_without(&self.hidden(viewer).await?, state, offset, length).await
    }

    /// The same without those of clusters and owners.
    async fn deliveries_without(
        &self,
        hidden: &BTreeSet<(String, String)>,
        state: Option<DeliveryState>,
        offset: i64,
        length: i64,
    ) -> Result<(i64, Vec<Delivery>), LedgerError> {
        let query = |what: &str, page: bool| {
            let mut q: QueryBuilder<Sqlite> = QueryBuilder::new(format!("SELECT {what} FROM deliveries WHERE 1 = 1"));
            if let Some(state) = state {
                q.push(" AND state = ").push_bind(state.name());
            }
            if !hidden.is_empty() {
                q.push(" AND NOT EXISTS (SELECT 1 FROM delivery_incidents JOIN incidents i ON i.id = incident");
                q.push(" WHERE delivery = deliveries.id AND (0 = 1");
                for (cluster, owner) in hidden {
                    q.push(" OR i.cluster = ").push_bind(cluster.clone());
                    q.push(" AND i.owner = ").push_bind(owner.clone());
                }
                q.push("))");
            }
            if page {
                q.push(" ORDER BY id DESC LIMIT ").push_bind(length).push(" OFFSET ").push_bind(offset);
            }
            q
        };
        let total = query("COUNT(*)", false).build().fetch_one(&self.readers).await?.try_get(0)?;
        let rows = query(COLUMNS, true).build().fetch_all(&self.readers).await?;
        Ok((total, rows.iter().map(delivery).collect::<Result<_, _>>()?))
    }

    /// Deliveries that told of an incident, newest first, at most 1,000.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn deliveries_of(&self, incident: i64) -> Result<Vec<Delivery>, LedgerError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM deliveries JOIN delivery_incidents ON delivery = id WHERE incident = $1 ORDER BY id DESC LIMIT 1000"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(incident).fetch_all(&self.readers).await?;
        rows.iter().map(delivery).collect()
    }

    /// Receivers of a delivery's incidents: who may see it is told by them.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn owners_of_delivery(&self, id: i64) -> Result<Vec<(String, String)>, LedgerError> {
        let rows = sqlx::query(
            "SELECT DISTINCT cluster, owner FROM incidents JOIN delivery_incidents ON incident = id WHERE delivery = $1",
        )
        .bind(id)
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(|r| Ok((r.try_get(0)?, r.try_get(1)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_hidden_is_not_counted() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&folder.path().join("alerts.db")).await.unwrap();
        // One tells of ann's, one of bob's, and one of both.
        sqlx::raw_sql(
            "INSERT INTO incidents (id, fingerprint, state, rule, severity, cluster, app_id, attempt_id, app_name, owner, summary, labels,
                 annotations, origin, started_at, due_at, last_seen_at, count)
             VALUES (1, 'a', 'firing', 'r', 'info', 'c', '', '', '', 'ann', '', '{}', '{}', 'findings', 0, 0, 0, 1),
                    (2, 'b', 'firing', 'r', 'info', 'c', '', '', '', 'bob', '', '{}', '{}', 'findings', 0, 0, 0, 1);
             INSERT INTO deliveries (id, key, receiver, destination, lane, message, state, created_at, next_at)
             VALUES (1, 'k1', 't', 'webhook/0', 'l', '{}', 'sent', 0, 0), (2, 'k2', 't', 'webhook/0', 'l', '{}', 'dead', 0, 0),
                    (3, 'k3', 't', 'webhook/0', 'l', '{}', 'sent', 0, 0);
             INSERT INTO delivery_incidents (incident, delivery) VALUES (1, 1), (2, 2), (1, 3), (2, 3);",
        )
        .execute(&ledger.writer)
        .await
        .unwrap();
        let seen = async |hidden: &[(&str, &str)], state, length| {
            let hidden = hidden.iter().map(|(c, o)| ((*c).to_owned(), (*o).to_owned())).collect();
            let (total, page) = ledger.deliveries_without(&hidden, state, 0, length).await.unwrap();
            (total, page.iter().map(|d| d.id).collect::<Vec<_>>())
        };
        assert_eq!(seen(&[], None, 10).await, (3, vec![3, 2, 1]));
        assert_eq!(seen(&[("c", "bob")], None, 10).await, (1, vec![1]));
        assert_eq!(seen(&[("c", "ann")], None, 10).await, (1, vec![2]));
        assert_eq!(seen(&[("other", "ann")], None, 1).await, (3, vec![3]));
        assert_eq!(seen(&[("c", "ann")], Some(DeliveryState::Sent), 10).await, (0, vec![]));
    }
}
