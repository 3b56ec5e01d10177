//! What the ledger forgets: incidents that were over long ago with all that is about them, messages that went out, and letters that stayed dead.
//!
//! A few at a time, each in a transaction of its own: who wants to write waits for one of them at most.

use sqlx::{AssertSqlSafe, Row as _};

use super::{Ledger, LedgerError, json};

/// Incidents or deliveries of one transaction.
const SOME: i64 = 500;
/// What is about an incident: table and column.
const OF_INCIDENT: [(&str, &str); 7] = [
    ("events", "incident"),
    ("group_members", "incident"),
    ("delivery_incidents", "incident"),
    ("remediations", "incident"),
    ("feedback", "incident"),
    ("action_runs", "incident"),
    ("incidents", "id"),
];
const OF_DELIVERY: [(&str, &str); 3] =
    [("delivery_incidents", "delivery"), ("delivery_failures", "delivery"), ("deliveries", "id")];

impl Ledger {
    /// Forgets deliveries that were sent before a time; gives how many.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub async fn forget_sent(&self, before: i64) -> Result<u64, LedgerError> {
        self.forget("SELECT id FROM deliveries WHERE state = 'sent' AND sent_at < $1", &OF_DELIVERY, before).await
    }

    /// Forgets incidents that were over before a time, and what is about them; and of that age deliveries that nobody took, what was seen of
    /// incidents that are open yet, how advice turned out, last runs, and mutes and silences that have ended. Gives how many incidents.
    ///
    /// # Errors
    /// If the ledger cannot be written. What was forgotten until then is.
    pub async fn forget_old(&self, before: i64) -> Result<u64, LedgerError> {
        let over = "SELECT id FROM incidents WHERE state = 'resolved' AND resolved_at < $1";
        let incidents = self.forget(over, &OF_INCIDENT, before).await?;
        self.forget("SELECT id FROM deliveries WHERE state = 'dead' AND next_at < $1", &OF_DELIVERY, before).await?;
        for sql in [
            // Events are numbered as time goes by.
            "DELETE FROM events WHERE kind = 'seen' AND at < $1
                 AND id < COALESCE((SELECT id FROM events WHERE at >= $1 ORDER BY id LIMIT 1), 9223372036854775807)",
            "DELETE FROM outcomes WHERE at < $1",
            "DELETE FROM last_runs WHERE at < $1",
            "DELETE FROM mutes WHERE COALESCE(removed_at, until) < $1",
            "DELETE FROM silences WHERE COALESCE(removed_at, until) < $1",
        ] {
            sqlx::query(sql).bind(before).execute(&self.writer).await?;
        }
        Ok(incidents)
    }

    /// Deletes what a query names, with all that hangs on it; the last table is its own.
    async fn forget(&self, old: &str, tables: &[(&str, &str)], before: i64) -> Result<u64, LedgerError> {
        let old = format!("{old} LIMIT $2");
        let mut all = 0;
        loop {
            let mut tx = self.begin().await?;
            let rows = sqlx::query(AssertSqlSafe(old.as_str())).bind(before).bind(SOME).fetch_all(&mut *tx).await?;
            let ids = rows.iter().map(|r| r.try_get(0)).collect::<Result<Vec<i64>, _>>()?;
            for (table, column) in tables.iter().filter(|_| !ids.is_empty()) {
                let sql = format!("DELETE FROM {table} WHERE {column} IN (SELECT value FROM json_each($1))");
                sqlx::query(AssertSqlSafe(sql)).bind(json(&ids)?).execute(&mut *tx).await?;
            }
            tx.commit().await?;
            all += ids.len() as u64;
            if (ids.len() as i64) < SOME {
                return Ok(all);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;

    async fn count(ledger: &Ledger, table: &str) -> i64 {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        sqlx::query(AssertSqlSafe(sql)).fetch_one(&ledger.readers).await.unwrap().try_get(0).unwrap()
    }

    async fn with(sql: &str) -> (tempfile::TempDir, Ledger) {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&folder.path().join("alerts.db")).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&ledger.writer).await.unwrap();
        (folder, ledger)
    }

    /// 1,200 that were over a day each after the other, the last of them open.
    fn incidents() -> String {
        format!(
            "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 1200)
             INSERT INTO incidents (id, fingerprint, state, rule, severity, cluster, app_id, attempt_id, app_name, owner, summary, labels,
                 annotations, origin, started_at, due_at, last_seen_at, count, resolved_at)
             SELECT id, 'f' || id, CASE WHEN id = 1200 THEN 'firing' ELSE 'resolved' END, 'r', 'info', 'c', '', '', 'app', '', '', '{{}}', '{{}}',
                 'findings', 0, 0, 0, 1, CASE WHEN id < 1200 THEN id * {DAY} END FROM n;
             INSERT INTO events (incident, at, kind, text) SELECT id, 0, 'firing', '' FROM incidents;
             INSERT INTO events (incident, at, kind, text) VALUES (1200, {DAY}, 'seen', ''), (1200, {}, 'seen', '');
             INSERT INTO remediations (incident, state, at, deadline, model) SELECT id, 'none', 0, 0, '' FROM incidents;
             INSERT INTO feedback (incident, about, by, rule, verdict, comment, at) SELECT id, 'rule', 'me', 'r', 'worked', '', 0 FROM incidents;",
            1199 * DAY
        )
    }

    #[tokio::test]
    async fn what_was_over_long_ago_goes_with_all_that_is_about_it() {
        let (_folder, ledger) = with(&incidents()).await;
        assert_eq!(ledger.forget_old(1110 * DAY).await.unwrap(), 1109);
        for table in ["incidents", "remediations", "feedback"] {
            assert_eq!(count(&ledger, table).await, 91, "{table}: 90 that were over since, and the open one");
        }
        assert_eq!(count(&ledger, "events").await, 92, "what was seen of the open one long ago is gone, too");
        assert_eq!(ledger.forget_old(1110 * DAY).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn messages_go_when_they_were_sent_and_letters_that_stay_dead_in_the_end() {
        let delivery = |id: i64, state: &str, at: i64| {
            format!(
                "INSERT INTO deliveries (id, key, receiver, destination, lane, message, state, created_at, next_at, sent_at)
                 VALUES ({id}, 'k{id}', 't', 'webhook/0', 'l', '{{}}', '{state}', 0, {at}, {at});
                 INSERT INTO delivery_incidents (incident, delivery) VALUES (1, {id});
                 INSERT INTO delivery_failures (delivery, at, error) VALUES ({id}, 0, 'x');"
            )
        };
        let all = [(1, "sent", 1), (2, "sent", 3), (3, "dead", 1), (4, "dead", 3), (5, "waiting", 1)];
        let (_folder, ledger) = with(&all.map(|(id, state, at)| delivery(id, state, at)).concat()).await;
        assert_eq!(ledger.forget_sent(2).await.unwrap(), 1);
        assert_eq!(count(&ledger, "deliveries").await, 4);
        ledger.forget_old(2).await.unwrap();
        for table in ["deliveries", "delivery_incidents", "delivery_failures"] {
            assert_eq!(count(&ledger, table).await, 3, "{table}");
        }
        ledger.note_outcomes(&[(5, crate::ledger::Outcome::Sent)], 9).await.unwrap();
        assert_eq!(count(&ledger, "deliveries WHERE message = ''").await, 1, "what was sent");
        assert_eq!(count(&ledger, "deliveries WHERE message <> ''").await, 2);
    }

    #[tokio::test]
    async fn what_has_no_end_stays() {
        let (_folder, ledger) = with(
            "INSERT INTO mutes (rule, app_name, until, reason, by, created_at, removed_at)
                 VALUES ('a', '*', NULL, '', 'me', 0, NULL), ('b', '*', 1, '', 'me', 0, NULL), ('c', '*', NULL, '', 'me', 0, 1), ('d', '*', 3, '', 'me', 0, NULL);
             INSERT INTO silences (matchers, until, reason, by, created_at) VALUES ('[]', 1, '', 'me', 0), ('[]', 3, '', 'me', 0);
             INSERT INTO last_runs (cluster, app_name, run, at, numbers) VALUES ('c', 'a', 'r', 1, '{}'), ('c', 'b', 'r', 3, '{}');",
        )
        .await;
        ledger.forget_old(2).await.unwrap();
        let left = (count(&ledger, "mutes").await, count(&ledger, "silences").await, count(&ledger, "last_runs").await);
        assert_eq!(left, (2, 1, 1));
    }
}
