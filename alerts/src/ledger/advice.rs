//! Advice over all incidents: the newest, how it turned out by rule and setting, and what people said of it.

use std::collections::BTreeMap;

use afterglow_history::viewer::Viewer;
use sqlx::Row as _;

use super::incidents::note;
use super::remediation::DAY;
use super::{Ledger, LedgerError, may_see, parsed};
use crate::incident::Incident;

/// What a person said of an advice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feedback {
    /// `rule` or `model`: whose advice it is about.
    pub about: String,
    /// `worked`, `no effect` or `worse`.
    pub verdict: String,
    pub by: String,
    /// May be empty.
    pub comment: String,
    /// Epoch milliseconds.
    pub at: i64,
}

/// A search for advice, among those of all incidents.
#[derive(Debug, Clone, PartialEq)]
pub struct Sought {
    pub incident: i64,
    pub rule: String,
    pub severity: String,
    pub summary: String,
    pub app_name: String,
    /// `asking`, `advised`, `none` or `wanted`; why none, in a word and in words.
    pub state: String,
    pub reason: Option<String>,
    pub why: Option<String>,
    /// Epoch milliseconds.
    pub at: i64,
    pub model: String,
    pub answer: Option<serde_json::Value>,
    pub reused_from: Option<i64>,
    /// What its requests were counted as.
    pub tokens: i64,
    pub money: f64,
    /// How the job did when it ran next.
    pub follow_up: Option<String>,
    /// What people said last.
    pub feedback: Option<String>,
}

/// How often something turned out in each way, by the verdict's name.
pub type Counts = BTreeMap<String, i64>;

/// How the advice of a rule turned out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuleRecord {
    /// Runs that followed a finding, over all applications.
    pub runs: Counts,
    /// Of those, by setting that was changed as advised.
    pub settings: BTreeMap<String, Counts>,
    /// What people said.
    pub people: Counts,
}

impl Ledger {
    /// Notes what somebody says of an advice, in the incident's timeline as well; who says something else later is taken at that.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub async fn give_feedback(&self, incident: &Incident, f: &Feedback) -> Result<(), LedgerError> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO feedback (incident, about, by, rule, verdict, comment, at) VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (incident, about, by) DO UPDATE SET verdict = excluded.verdict, comment = excluded.comment, at = excluded.at",
        )
        .bind(incident.id)
        .bind(&f.about)
        .bind(&f.by)
        .bind(&incident.rule)
        .bind(&f.verdict)
        .bind(&f.comment)
        .bind(f.at)
        .execute(&mut *tx)
        .await?;
        let comment = if f.comment.is_empty() { String::new() } else { format!(": {}", f.comment) };
        let line = format!("advice of the {}: {}{comment}", f.about, f.verdict);
        note(&mut tx, incident.id, f.at, "feedback", Some(&f.by), &line).await?;
        tx.commit().await?;
        Ok(())
    }

    /// What people said of the advice for an incident, oldest first.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn feedback(&self, incident: i64) -> Result<Vec<Feedback>, LedgerError> {
        let rows =
            sqlx::query("SELECT about, verdict, by, comment, at FROM feedback WHERE incident = $1 ORDER BY at, by")
                .bind(incident)
                .fetch_all(&self.readers)
                .await?;
        let read = |r: &sqlx::sqlite::SqliteRow| {
            Ok(Feedback {
                about: r.try_get(0)?,
                verdict: r.try_get(1)?,
                by: r.try_get(2)?,
                comment: r.try_get(3)?,
                at: r.try_get(4)?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Has advice looked for, whatever was decided or came of it before; false if somebody is at it, or there is some.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub async fn want_advice(&self, incident: i64, by: &str, now: i64) -> Result<bool, LedgerError> {
        let mut tx = self.begin().await?;
        let done = sqlx::query(
            "INSERT INTO remediations (incident, state, at, deadline, model) VALUES ($1, 'wanted', $2, $2, '')
             ON CONFLICT (incident) DO UPDATE SET state = 'wanted', at = excluded.at, why = NULL, reason = NULL
                 WHERE remediations.state = 'none'",
        )
        .bind(incident)
        .bind(now)
        .execute(&mut *tx)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        note(&mut tx, incident, now, "remediation", Some(by), "asks for advice of a model").await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The newest searches for advice about incidents that the viewer may see.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn sought(&self, viewer: &Viewer, length: i64) -> Result<Vec<Sought>, LedgerError> {
        let rows = sqlx::query(
            "SELECT r.*, i.rule, i.severity, i.summary, i.app_name, i.cluster, i.owner,
                 (SELECT COALESCE(SUM(tokens), 0) FROM model_calls c WHERE c.incident = r.incident) AS tokens,
                 (SELECT COALESCE(SUM(money), 0.0) FROM model_calls c WHERE c.incident = r.incident) AS money,
                 (SELECT verdict FROM outcomes o WHERE o.cluster = i.cluster AND o.app_name = i.app_name AND o.rule = i.rule
                     AND o.before_run = i.app_id || '/' || CASE i.attempt_id WHEN '' THEN '-' ELSE i.attempt_id END
                     ORDER BY o.id DESC LIMIT 1) AS follow_up,
                 (SELECT verdict FROM feedback f WHERE f.incident = r.incident AND f.about = 'model' ORDER BY f.at DESC LIMIT 1)
                     AS feedback
             FROM remediations r JOIN incidents i ON i.id = r.incident ORDER BY r.at DESC, r.incident DESC LIMIT $1",
        )
        .bind(length)
        .fetch_all(&self.readers)
        .await?;
        let mut out = Vec::new();
        for r in &rows {
            let (cluster, owner): (String, String) = (r.try_get("cluster")?, r.try_get("owner")?);
            if !may_see(viewer, &cluster, &owner) {
                continue;
            }
            let answer: Option<String> = r.try_get("answer")?;
            out.push(Sought {
                incident: r.try_get("incident")?,
                rule: r.try_get("rule")?,
                severity: r.try_get("severity")?,
                summary: r.try_get("summary")?,
                app_name: r.try_get("app_name")?,
                state: r.try_get("state")?,
                reason: r.try_get("reason")?,
                why: r.try_get("why")?,
                at: r.try_get("at")?,
                model: r.try_get("model")?,
                answer: answer.map(|a| parsed("answer", &a)).transpose()?,
                reused_from: r.try_get("reused_from")?,
                tokens: r.try_get("tokens")?,
                money: r.try_get("money")?,
                follow_up: r.try_get("follow_up")?,
                feedback: r.try_get("feedback")?,
            });
        }
        Ok(out)
    }

    /// How advice turned out, by rule, for applications that the viewer may see.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn records(&self, viewer: &Viewer) -> Result<BTreeMap<String, RuleRecord>, LedgerError> {
        self.records_where(&|cluster, owner| may_see(viewer, cluster, owner)).await
    }

    /// The same by cluster and owner. A run has no owner here: whose a job is, its incidents say, and all of them count; without one it is
    /// nobody's.
    async fn records_where(&self, may: May<'_>) -> Result<BTreeMap<String, RuleRecord>, LedgerError> {
        let owners = sqlx::query(
            "SELECT DISTINCT cluster, app_name, owner FROM incidents
             WHERE (cluster, app_name) IN (SELECT cluster, app_name FROM outcomes)",
        );
        let mut owned: BTreeMap<(String, String), bool> = BTreeMap::new();
        for r in owners.fetch_all(&self.readers).await? {
            let (cluster, app, owner): (String, String, String) = (r.try_get(0)?, r.try_get(1)?, r.try_get(2)?);
            let seen = may(&cluster, &owner);
            *owned.entry((cluster, app)).or_insert(true) &= seen;
        }
        let mut out: BTreeMap<String, RuleRecord> = BTreeMap::new();
        for (kind, sql) in [
            ("runs", "SELECT rule, '', verdict, COUNT(*), cluster, app_name FROM outcomes GROUP BY 1, 3, 5, 6"),
            (
                "settings",
                "SELECT rule, json_extract(c.value, '$.key'), verdict, COUNT(*), cluster, app_name
                 FROM outcomes, json_each(outcomes.changed) c
                 WHERE verdict IN ('worked', 'no effect', 'worse') GROUP BY 1, 2, 3, 5, 6",
            ),
            (
                "people",
                "SELECT f.rule, '', f.verdict, COUNT(*), COALESCE(i.cluster, ''), COALESCE(i.owner, '')
                 FROM feedback f LEFT JOIN incidents i ON i.id = f.incident GROUP BY 1, 3, 5, 6",
            ),
        ] {
            for r in sqlx::query(sql).fetch_all(&self.readers).await? {
                let (cluster, of): (String, String) = (r.try_get(4)?, r.try_get(5)?);
                let seen = match kind {
                    "people" => may(&cluster, &of),
                    _ => owned.get(&(cluster.clone(), of)).copied().unwrap_or_else(|| may(&cluster, "")),
                };
                if !seen {
                    continue;
                }
                let (rule, key): (String, String) = (r.try_get(0)?, r.try_get(1)?);
                let record = out.entry(rule).or_default();
                let counts = match kind {
                    "runs" => &mut record.runs,
                    "people" => &mut record.people,
                    _ => record.settings.entry(key).or_default(),
                };
                *counts.entry(r.try_get(2)?).or_insert(0) += r.try_get::<i64, _>(3)?;
            }
        }
        Ok(out)
    }

    /// How many requests of a day (of this time), about incidents that the viewer may see, ended in each way. What was asked by hand is
    /// nobody's.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn calls_on(&self, viewer: &Viewer, now: i64) -> Result<Counts, LedgerError> {
        self.calls_where(&|cluster, owner| may_see(viewer, cluster, owner), now).await
    }

    async fn calls_where(&self, may: May<'_>, now: i64) -> Result<Counts, LedgerError> {
        let rows = sqlx::query(
            "SELECT c.outcome, COUNT(*), COALESCE(i.cluster, ''), COALESCE(i.owner, '')
             FROM model_calls c LEFT JOIN incidents i ON i.id = c.incident WHERE c.day = $1 GROUP BY 1, 3, 4",
        )
        .bind(now.div_euclid(DAY))
        .fetch_all(&self.readers)
        .await?;
        let mut out = Counts::new();
        for r in &rows {
            let (cluster, owner): (String, String) = (r.try_get(2)?, r.try_get(3)?);
            if may(&cluster, &owner) {
                *out.entry(r.try_get(0)?).or_insert(0) += r.try_get::<i64, _>(1)?;
            }
        }
        Ok(out)
    }
}

/// Whether what an owner runs on a cluster may be seen.
type May<'m> = &'m (dyn Fn(&str, &str) -> bool + Sync);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incident::quiet::Quiet;
    use crate::ledger::remediation::tests::{ledger, place, sighting};
    use crate::ledger::{Remediation, Settled};
    use crate::remedy::budget::{Budgets, Spent};
    use crate::remedy::follow_up::{Changed, Outcome, Verdict};

    #[tokio::test]
    async fn what_people_say_counts_once_and_what_runs_show_counts_by_setting() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger(&folder).await;
        ledger.see(&[sighting()], 1_000, &place).await.unwrap();
        let everything = Viewer::everything();
        let incident = ledger.incident(&everything, 1).await.unwrap().unwrap();
        let said = |verdict: &str, by: &str, at| Feedback {
            about: "model".into(),
            verdict: verdict.into(),
            by: by.into(),
            comment: String::new(),
            at,
        };
        for one in [said("worse", "ada", 1), said("worked", "ada", 2), said("no effect", "bob", 3)] {
            ledger.give_feedback(&incident, &one).await.unwrap();
        }
        assert_eq!(ledger.feedback(1).await.unwrap(), [said("worked", "ada", 2), said("no effect", "bob", 3)]);
        let changed = |key: &str| Changed { key: key.into(), before: None, after: Some("6g".into()) };
        let outcome = |verdict, after: &str| Outcome {
            rule: "gc-pressure".into(),
            kind: "stage".into(),
            before: "app-1/-".into(),
            after: after.into(),
            verdict,
            changed: vec![changed("a"), changed("b")],
            cost_before: None,
            cost_after: None,
            unit: None,
            why: None,
        };
        let all = [outcome(Verdict::Worked, "app-2/-"), outcome(Verdict::NotKnown, "app-3/-")];
        ledger.note_outcomes_of_advice("c", "load", &all, 5).await.unwrap();
        let counts = |all: &[(&str, i64)]| all.iter().map(|(k, n)| ((*k).to_owned(), *n)).collect::<Counts>();
        let expected = RuleRecord {
            runs: counts(&[("not known", 1), ("worked", 1)]),
            settings: ["a", "b"].map(|k| (k.to_owned(), counts(&[("worked", 1)]))).into(),
            people: counts(&[("no effect", 1), ("worked", 1)]),
        };
        assert_eq!(ledger.records(&everything).await.unwrap(), [("gc-pressure".to_owned(), expected)].into());
        let others = ledger.records_where(&|_, owner| owner != incident.owner).await.unwrap();
        assert!(others.is_empty(), "runs of a job, and what was said of it, are its owner's: {others:?}");
        assert!(ledger.begin_advice(1, "m", 6, 7).await.unwrap());
        assert!(!ledger.want_advice(1, "ada", 7).await.unwrap(), "somebody is at it");
        let sought = &ledger.sought(&everything, 10).await.unwrap()[0];
        assert_eq!((sought.follow_up.as_deref(), sought.feedback.as_deref()), (Some("not known"), Some("no effect")));
    }

    #[tokio::test]
    async fn who_asks_again_gets_it_looked_for_again() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger(&folder).await;
        ledger.see(&[sighting()], 1_000, &place).await.unwrap();
        assert!(ledger.begin_advice(1, "m", 6, 7).await.unwrap());
        let none = Remediation {
            state: "none".into(),
            reason: Some("breaker".into()),
            why: Some("w".into()),
            ..Remediation::default()
        };
        ledger.note_advice(1, &none, None, 8).await.unwrap();
        // What fired long ago, and what is not severe enough, is asked about by hand.
        assert_eq!(ledger.unadvised(&["critical"], 1 << 40, &Quiet::default(), 0, 10).await.unwrap(), [0i64; 0]);
        assert!(ledger.want_advice(1, "ada", 9).await.unwrap());
        assert!(!ledger.want_advice(1, "bob", 9).await.unwrap());
        assert_eq!(ledger.unadvised(&["critical"], 1 << 40, &Quiet::default(), 0, 10).await.unwrap(), [1]);
        assert!(ledger.begin_advice(1, "m2", 10, 11).await.unwrap());
        assert!(!ledger.begin_advice(1, "m2", 10, 11).await.unwrap());
        let now = ledger.remediation(1).await.unwrap().unwrap();
        assert_eq!((now.state.as_str(), now.model.as_str(), now.why, now.reason), ("asking", "m2", None, None));
        let asking = crate::ledger::Asking {
            incident: Some(1),
            fingerprint: "f",
            model: "m2",
            system: "s",
            prompt: "p",
            most: Spent { tokens: 10, money: 0.5, time: 1 },
        };
        let (call, _) = ledger.set_aside(&asking, &Budgets::default(), 10).await.unwrap().unwrap();
        let settled = Settled {
            outcome: "unavailable",
            answer: None,
            error: Some("down".into()),
            tokens: None,
            spent: Spent { tokens: 4, money: 0.25, time: 1 },
            dropped: 0,
        };
        ledger.settle(call, &settled).await.unwrap();
        assert_eq!(ledger.calls_on(&Viewer::everything(), 20).await.unwrap(), [("unavailable".to_owned(), 1)].into());
        assert_eq!(ledger.calls_where(&|_, _| false, 20).await.unwrap(), Counts::new());
        let sought = &ledger.sought(&Viewer::everything(), 10).await.unwrap()[0];
        assert_eq!((sought.tokens, sought.money, sought.state.as_str()), (4, 0.25, "asking"));
    }
}
