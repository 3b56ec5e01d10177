//! Advice of a model in the ledger: what was asked and spent, what came of it, and how it turned out.

use futures::TryStreamExt as _;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, Sqlite, Transaction};

use super::incidents::note;
use super::{Ledger, LedgerError, json, parsed};
use crate::incident::quiet::Quiet;
use crate::remedy::bedrock::Tokens;
use crate::remedy::budget::{Budgets, Spent};
use crate::remedy::follow_up::{Outcome, Run, Verdict};

pub(super) const DAY: i64 = 86_400_000;
const MINUTE: i64 = 60_000;

/// A request that is about to be made.
#[derive(Debug, Clone)]
pub struct Asking<'a> {
    pub incident: Option<i64>,
    pub fingerprint: &'a str,
    pub model: &'a str,
    pub system: &'a str,
    pub prompt: &'a str,
    /// What it takes at most; of time what it is given.
    pub most: Spent,
}

/// What became of it.
#[derive(Debug, Clone)]
pub struct Settled {
    /// `answered`, or a [`crate::remedy::bedrock::ModelError::name`].
    pub outcome: &'static str,
    pub answer: Option<String>,
    pub error: Option<String>,
    /// As the service said.
    pub tokens: Option<Tokens>,
    pub spent: Spent,
    pub dropped: i64,
}

/// A request as the audit has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    pub id: i64,
    pub incident: Option<i64>,
    pub at: i64,
    pub model: String,
    pub system: String,
    pub prompt: String,
    pub outcome: String,
    pub answer: Option<String>,
    pub error: Option<String>,
    pub tokens: Option<Tokens>,
    /// What it was counted as.
    pub spent: Spent,
    pub dropped: i64,
}

/// The advice for an incident.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Remediation {
    /// `wanted` (somebody asked for it), `asking`, `advised` or `none`.
    pub state: String,
    /// Why none: a [`crate::remedy::advisor::Reason::name`], or `lost`; and in words.
    pub reason: Option<String>,
    pub why: Option<String>,
    pub at: i64,
    pub deadline: i64,
    pub model: String,
    pub answer: Option<serde_json::Value>,
    /// What the answer cites, by id.
    pub cited: Option<serde_json::Value>,
    pub reused_from: Option<i64>,
}

impl Ledger {
    /// Sets aside what a request may take, if the budgets have room for it; its number and the milliseconds it has, or why not.
    ///
    /// # Errors
    /// If the ledger cannot be written; then nothing may be asked.
    pub async fn set_aside(
        &self,
        asking: &Asking<'_>,
        budgets: &Budgets,
        now: i64,
    ) -> Result<Result<(i64, i64), String>, LedgerError> {
        let mut tx = self.begin().await?;
        let day = now.div_euclid(DAY);
        let of_day = spent(&mut tx, "day = $1", day).await?;
        let of_incident = match asking.incident {
            Some(id) => spent(&mut tx, "incident = $1", id).await?,
            None => Spent::default(),
        };
        if let Some(why) = budgets.refusal(of_day, of_incident, asking.most) {
            return Ok(Err(why));
        }
        let left = budgets.time_left(of_day, of_incident).unwrap_or(i64::MAX);
        let time = asking.most.time.min(left);
        let id = sqlx::query(
            "INSERT INTO model_calls (incident, fingerprint, at, day, model, system, prompt, outcome, tokens, money, took)
             VALUES ($1, $2, $3, $4, $5, $6, $7, 'asking', $8, $9, $10) RETURNING id",
        )
        .bind(asking.incident)
        .bind(asking.fingerprint)
        .bind(now)
        .bind(day)
        .bind(asking.model)
        .bind(asking.system)
        .bind(asking.prompt)
        .bind(asking.most.tokens)
        .bind(asking.most.money)
        .bind(time)
        .fetch_one(&mut *tx)
        .await?
        .try_get(0)?;
        tx.commit().await?;
        Ok(Ok((id, time)))
    }

    /// Notes what became of a request.
    ///
    /// # Errors
    /// If the ledger cannot be written; then what was set aside stays spent.
    pub async fn settle(&self, call: i64, s: &Settled) -> Result<(), LedgerError> {
        sqlx::query(
            "UPDATE model_calls SET outcome = $2, answer = $3, error = $4, tokens_in = $5, tokens_out = $6, tokens = $7, money = $8,
                 took = $9, dropped = $10 WHERE id = $1",
        )
        .bind(call)
        .bind(s.outcome)
        .bind(&s.answer)
        .bind(&s.error)
        .bind(s.tokens.map(|t| t.input))
        .bind(s.tokens.map(|t| t.output))
        .bind(s.spent.tokens)
        .bind(s.spent.money)
        .bind(s.spent.time)
        .bind(s.dropped)
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    /// The newest answer of a model for a case that is alike, not older than `since`: when it was given, and as it came.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn answered(
        &self,
        fingerprint: &str,
        model: &str,
        since: i64,
    ) -> Result<Option<(i64, serde_json::Value)>, LedgerError> {
        let row = sqlx::query(
            "SELECT at, answer FROM model_calls WHERE fingerprint = $1 AND model = $2 AND outcome = 'answered' AND at >= $3
             ORDER BY id DESC LIMIT 1",
        )
        .bind(fingerprint)
        .bind(model)
        .bind(since)
        .fetch_optional(&self.readers)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let answer: Option<String> = row.try_get(1)?;
        answer.map(|a| Ok((row.try_get(0)?, parsed("answer", &a)?))).transpose()
    }

    /// What was spent on a day (of this time) by all.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn spent_on(&self, now: i64) -> Result<Spent, LedgerError> {
        let mut tx = self.readers.begin().await?;
        spent(&mut tx, "day = $1", now.div_euclid(DAY)).await
    }

    /// Requests about an incident, or all without one, newest first.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn calls(&self, incident: Option<i64>, length: i64) -> Result<Vec<Call>, LedgerError> {
        let rows = sqlx::query("SELECT * FROM model_calls WHERE $1 IS NULL OR incident = $1 ORDER BY id DESC LIMIT $2")
            .bind(incident)
            .bind(length)
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(call).collect()
    }

    /// Forgets requests before a time.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub async fn forget_calls(&self, before: i64) -> Result<u64, LedgerError> {
        let done = sqlx::query("DELETE FROM model_calls WHERE at < $1").bind(before).execute(&self.writer).await?;
        Ok(done.rows_affected())
    }

    /// Incidents that fire, whose severity is one of these, of which people want to hear, and for which nobody began to look for advice, and
    /// those for which somebody asked for some; oldest first.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn unadvised(
        &self,
        severities: &[&str],
        since: i64,
        quiet: &Quiet,
        now: i64,
        most: usize,
    ) -> Result<Vec<i64>, LedgerError> {
        let rows = sqlx::query(
            "SELECT id, rule, app_name, labels, wanted FROM (
                 SELECT id, rule, app_name, labels, fired_at, 0 AS wanted FROM incidents i
                     WHERE state = 'firing' AND inhibited_by IS NULL AND fired_at >= $1 AND instr($2, ',' || severity || ',') > 0
                         AND NOT EXISTS (SELECT 1 FROM remediations r WHERE r.incident = i.id)
                 UNION ALL SELECT i.id, i.rule, i.app_name, i.labels, i.fired_at, 1 FROM remediations r JOIN incidents i ON i.id = r.incident
                     WHERE r.state = 'wanted')
             ORDER BY fired_at, id",
        )
        .bind(since)
        .bind(format!(",{},", severities.join(",")));
        let (mut rows, mut out) = (rows.fetch(&self.readers), Vec::new());
        while let Some(r) = rows.try_next().await? {
            let (rule, app_name, labels): (String, String, String) = (r.try_get(1)?, r.try_get(2)?, r.try_get(3)?);
            // Who asks wants to know.
            let wanted: bool = r.try_get(4)?;
            if wanted || !quiet.muted(&rule, &app_name, now) && !quiet.silenced(&parsed("labels", &labels)?, now) {
                out.push(r.try_get(0)?);
            }
            if out.len() >= most {
                break;
            }
        }
        Ok(out)
    }

    /// Begins to look for advice; false if somebody else did.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub async fn begin_advice(&self, incident: i64, model: &str, now: i64, deadline: i64) -> Result<bool, LedgerError> {
        let done = sqlx::query(
            "INSERT INTO remediations (incident, state, at, deadline, model) VALUES ($1, 'asking', $2, $3, $4)
             ON CONFLICT (incident) DO UPDATE SET state = 'asking', at = excluded.at, deadline = excluded.deadline, model = excluded.model
                 WHERE remediations.state = 'wanted'",
        )
        .bind(incident)
        .bind(now)
        .bind(deadline)
        .bind(model)
        .execute(&self.writer)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Has somebody else begin anew what was begun and could not be asked now.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub async fn put_off_advice(&self, incident: i64) -> Result<(), LedgerError> {
        sqlx::query("UPDATE remediations SET state = 'wanted' WHERE incident = $1 AND state = 'asking'")
            .bind(incident)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Gives up what was begun by a process that is no more.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub async fn end_overdue_advice(&self, now: i64) -> Result<u64, LedgerError> {
        let done = sqlx::query(
            "UPDATE remediations SET state = 'none', reason = 'lost', why = 'the process ended before there was an answer'
             WHERE state = 'asking' AND deadline < $1",
        )
        .bind(now - MINUTE)
        .execute(&self.writer)
        .await?;
        Ok(done.rows_affected())
    }

    /// Notes what came of it, in one transaction with the incident's timeline. With `news` the incident is told of once more, with
    /// the text as its annotation `advice`.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub async fn note_advice(
        &self,
        incident: i64,
        r: &Remediation,
        news: Option<&str>,
        now: i64,
    ) -> Result<(), LedgerError> {
        let mut tx = self.begin().await?;
        let text = |v: &Option<serde_json::Value>| v.as_ref().map(json).transpose();
        sqlx::query(
            "UPDATE remediations SET state = $2, why = $3, at = $4, answer = $5, cited = $6, reused_from = $7, reason = $8
             WHERE incident = $1",
        )
        .bind(incident)
        .bind(&r.state)
        .bind(&r.why)
        .bind(now)
        .bind(text(&r.answer)?)
        .bind(text(&r.cited)?)
        .bind(r.reused_from)
        .bind(&r.reason)
        .execute(&mut *tx)
        .await?;
        let line = match (&news, &r.why) {
            (Some(text), _) => (*text).to_owned(),
            (None, why) => format!("no advice of a model: {}", why.as_deref().unwrap_or("none")),
        };
        note(&mut tx, incident, now, "remediation", None, &line).await?;
        if let Some(text) = news {
            let row = sqlx::query("SELECT annotations FROM incidents WHERE id = $1")
                .bind(incident)
                .fetch_optional(&mut *tx)
                .await?;
            if let Some(row) = row {
                let mut annotations: crate::incident::Labels = parsed("annotations", &row.try_get::<String, _>(0)?)?;
                annotations.insert("advice".into(), text.to_owned());
                sqlx::query("UPDATE incidents SET annotations = $2 WHERE id = $1")
                    .bind(incident)
                    .bind(json(&annotations)?)
                    .execute(&mut *tx)
                    .await?;
            }
            // Who was told that it fires is told again, as if the time for that had come. Who was not will be, with the advice.
            sqlx::query(
                "UPDATE groups SET told_at = NULL, next_at = MIN(next_at, $2) WHERE id IN
                     (SELECT group_id FROM group_members WHERE incident = $1 AND told = 'firing')",
            )
            .bind(incident)
            .bind(now)
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// The advice for an incident, if somebody looked for some.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn remediation(&self, incident: i64) -> Result<Option<Remediation>, LedgerError> {
        let row = sqlx::query("SELECT * FROM remediations WHERE incident = $1")
            .bind(incident)
            .fetch_optional(&self.readers)
            .await?;
        let Some(r) = row else { return Ok(None) };
        let value = |c: &str| -> Result<Option<serde_json::Value>, LedgerError> {
            let text: Option<String> = r.try_get(c)?;
            text.map(|t| parsed(c, &t)).transpose()
        };
        Ok(Some(Remediation {
            state: r.try_get("state")?,
            reason: r.try_get("reason")?,
            why: r.try_get("why")?,
            at: r.try_get("at")?,
            deadline: r.try_get("deadline")?,
            model: r.try_get("model")?,
            answer: value("answer")?,
            cited: value("cited")?,
            reused_from: r.try_get("reused_from")?,
        }))
    }

    /// The last run of a job, and makes this the last one. None the first time, or if it is the same run.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub async fn next_run(
        &self,
        cluster: &str,
        app_name: &str,
        run: &Run,
        now: i64,
    ) -> Result<Option<Run>, LedgerError> {
        let mut tx = self.begin().await?;
        let row = sqlx::query("SELECT numbers FROM last_runs WHERE cluster = $1 AND app_name = $2")
            .bind(cluster)
            .bind(app_name)
            .fetch_optional(&mut *tx)
            .await?;
        let last: Option<Run> = row.map(|r| parsed("run", &r.try_get::<String, _>(0)?)).transpose()?;
        // An older run that is indexed late is no successor.
        if last.as_ref().is_some_and(|l| l.start > run.start) {
            return Ok(None);
        }
        sqlx::query(
            "INSERT INTO last_runs (cluster, app_name, run, at, numbers) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (cluster, app_name) DO UPDATE SET run = excluded.run, at = excluded.at, numbers = excluded.numbers",
        )
        .bind(cluster)
        .bind(app_name)
        .bind(&run.id)
        .bind(now)
        .bind(json(run)?)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(last.filter(|l| l.id != run.id))
    }

    /// Keeps how advice turned out.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub async fn note_outcomes_of_advice(
        &self,
        cluster: &str,
        app_name: &str,
        all: &[Outcome],
        now: i64,
    ) -> Result<(), LedgerError> {
        let mut tx = self.begin().await?;
        for o in all {
            sqlx::query(
                "INSERT INTO outcomes (cluster, app_name, rule, kind, before_run, after_run, verdict, changed, numbers, at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
            )
            .bind(cluster)
            .bind(app_name)
            .bind(&o.rule)
            .bind(&o.kind)
            .bind(&o.before)
            .bind(&o.after)
            .bind(o.verdict.name())
            .bind(json(&o.changed)?)
            .bind(json(o)?)
            .bind(now)
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// How advice turned out, newest first: of a job, or of a rule, or of all.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn outcomes(
        &self,
        job: Option<(&str, &str)>,
        rule: Option<&str>,
        length: i64,
    ) -> Result<Vec<(i64, Outcome)>, LedgerError> {
        let rows = sqlx::query(
            "SELECT at, numbers FROM outcomes WHERE ($1 IS NULL OR cluster = $1 AND app_name = $2) AND ($3 IS NULL OR rule = $3)
             ORDER BY id DESC LIMIT $4",
        )
        .bind(job.map(|j| j.0))
        .bind(job.map(|j| j.1))
        .bind(rule)
        .bind(length)
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(|r| Ok((r.try_get(0)?, parsed("outcome", &r.try_get::<String, _>(1)?)?))).collect()
    }

    /// How often changing a setting as a rule advised worked, had no effect, or made it worse.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn record_of(&self, rule: &str) -> Result<crate::remedy::follow_up::Record, LedgerError> {
        let all = self.outcomes(None, Some(rule), 1_000).await?;
        Ok(all.iter().filter(|(_, o)| o.verdict != Verdict::NotKnown).map(|(_, o)| o).collect())
    }
}

async fn spent(tx: &mut Transaction<'_, Sqlite>, whose: &str, id: i64) -> Result<Spent, LedgerError> {
    let sql = format!(
        "SELECT COALESCE(SUM(tokens), 0), COALESCE(SUM(money), 0.0), COALESCE(SUM(took), 0) FROM model_calls WHERE {whose}"
    );
    let r = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id).fetch_one(&mut **tx).await?;
    Ok(Spent { tokens: r.try_get(0)?, money: r.try_get(1)?, time: r.try_get(2)? })
}

fn call(r: &SqliteRow) -> Result<Call, LedgerError> {
    let tokens: (Option<i64>, Option<i64>) = (r.try_get("tokens_in")?, r.try_get("tokens_out")?);
    Ok(Call {
        id: r.try_get("id")?,
        incident: r.try_get("incident")?,
        at: r.try_get("at")?,
        model: r.try_get("model")?,
        system: r.try_get("system")?,
        prompt: r.try_get("prompt")?,
        outcome: r.try_get("outcome")?,
        answer: r.try_get("answer")?,
        error: r.try_get("error")?,
        tokens: tokens.0.zip(tokens.1).map(|(input, output)| Tokens { input, output }),
        spent: Spent { tokens: r.try_get("tokens")?, money: r.try_get("money")?, time: r.try_get("took")? },
        dropped: r.try_get("dropped")?,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::incident::{Labels, Origin, Sighting, State};
    use crate::ledger::{Flush, Membership};
    use crate::remedy::budget::Bounds;

    pub async fn ledger(folder: &tempfile::TempDir) -> Ledger {
        Ledger::open(&folder.path().join("alerts.db")).await.unwrap()
    }

    pub fn place(_: &Labels) -> Vec<Membership> {
        vec![Membership {
            key: "k".into(),
            receiver: "r".into(),
            labels: Labels::new(),
            group_wait: 10,
            group_interval: 60_000,
            repeat_interval: 3_600_000,
            active: Vec::new(),
            mute: Vec::new(),
        }]
    }

    pub fn sighting() -> Sighting {
        Sighting {
            fingerprint: "f".into(),
            occurrence: "1".into(),
            active: true,
            rule: "gc-pressure".into(),
            severity: "warning".into(),
            cluster: "c".into(),
            app_id: "app-1".into(),
            attempt_id: String::new(),
            app_name: "load".into(),
            owner: "me".into(),
            summary: "s".into(),
            labels: Labels::new(),
            annotations: Labels::new(),
            finding: None,
            origin: Origin::Findings,
            at: 1_000,
            said: None,
            hold: 0,
        }
    }

    #[tokio::test]
    async fn what_is_set_aside_counts_until_it_is_settled() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger(&folder).await;
        let bounds = Bounds { tokens: Some(1_000), money: None, time: Some(60_000) };
        let budgets = Budgets { day: bounds, incident: Bounds { tokens: Some(700), ..Bounds::default() } };
        let most = Spent { tokens: 600, money: 0.0, time: 20_000 };
        let asking = |incident| Asking { incident, fingerprint: "f", model: "m", system: "s", prompt: "p", most };
        let ask = async |incident, now| ledger.set_aside(&asking(incident), &budgets, now).await.unwrap();
        let (first, time) = ask(Some(1), 0).await.unwrap();
        assert_eq!(time, 20_000);
        assert_eq!(ask(Some(2), 1).await.unwrap_err(), "the budget of tokens of the day is used up");
        let settled = |outcome, tokens| Settled {
            outcome,
            answer: Some("{}".into()),
            error: None,
            tokens: Some(Tokens { input: tokens, output: 0 }),
            spent: Spent { tokens, money: 0.0, time: 55_000 },
            dropped: 2,
        };
        ledger.settle(first, &settled("answered", 200)).await.unwrap();
        assert_eq!(ask(Some(1), 2).await.unwrap_err(), "the budget of tokens of the incident is used up");
        // 5 seconds are left of the day's minute.
        assert_eq!(ask(Some(2), 3).await.unwrap().1, 5_000);
        // Another day.
        assert!(ask(Some(3), DAY).await.is_ok());
        assert_eq!(ledger.answered("f", "m", 0).await.unwrap(), Some((0, serde_json::json!({}))));
        assert_eq!(ledger.answered("f", "m", 1).await.unwrap(), None);
        assert_eq!(ledger.calls(Some(1), 10).await.unwrap()[0].dropped, 2);
        assert_eq!(ledger.forget_calls(DAY).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn advice_has_those_told_again_who_were_told_and_loses_no_end() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger(&folder).await;
        ledger.see(&[sighting()], 1_000, &place).await.unwrap();
        let unadvised =
            async |severities: &[&str], quiet: &Quiet| ledger.unadvised(severities, 0, quiet, 1_000, 10).await.unwrap();
        let ids = unadvised(&["warning", "critical"], &Quiet::default()).await;
        assert_eq!(ids.len(), 1);
        assert_eq!(unadvised(&["critical"], &Quiet::default()).await, [0i64; 0]);
        let id = ids[0];
        assert!(ledger.begin_advice(id, "m", 1_001, 61_001).await.unwrap());
        assert!(!ledger.begin_advice(id, "m", 1_001, 61_001).await.unwrap(), "one looks for it");
        // It is told of meanwhile.
        let tell = |_: &crate::ledger::Group, members: &[crate::ledger::Member]| Flush {
            tells: true,
            told: members.iter().map(|m| (m.incident.id, State::Firing)).collect(),
            ..Flush::default()
        };
        assert_eq!(ledger.flush(1_100, 10, &tell).await.unwrap(), 1);
        assert!(!ledger.any_group_due(1_200).await.unwrap());
        let given = Remediation { state: "advised".into(), model: "m".into(), ..Remediation::default() };
        ledger.note_advice(id, &given, Some("do this [e1]"), 1_200).await.unwrap();
        assert!(ledger.any_group_due(1_200).await.unwrap());
        let seen = Mutex::new(Vec::new());
        let look = |group: &crate::ledger::Group, members: &[crate::ledger::Member]| {
            let m = &members[0];
            seen.lock().unwrap().push((group.told_at, m.told, m.incident.annotations.get("advice").cloned()));
            Flush::default()
        };
        ledger.flush(1_200, 10, &look).await.unwrap();
        let expected = (None, Some(State::Firing), Some("do this [e1]".to_owned()));
        assert_eq!(seen.into_inner().unwrap(), [expected]);
        let events = ledger.events(id).await.unwrap();
        assert_eq!(events.last().map(|e| (e.kind.as_str(), e.text.as_str())), Some(("remediation", "do this [e1]")));
        assert_eq!(ledger.remediation(id).await.unwrap().unwrap().state, "advised");
    }

    #[tokio::test]
    async fn an_action_runs_once_and_not_too_often() {
        use crate::ledger::Decided;
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger(&folder).await;
        ledger.see(&[sighting()], 1_000, &place).await.unwrap();
        let id = ledger.without_action("gc-pressure", "a", 0).await.unwrap()[0];
        let request = serde_json::json!({});
        let run = ledger.propose(id, "a", false, &request, 1).await.unwrap().unwrap();
        assert_eq!(ledger.propose(id, "a", false, &request, 1).await.unwrap(), None);
        assert_eq!(ledger.without_action("*", "a", 0).await.unwrap(), [0i64; 0]);
        assert_eq!(ledger.decide(run, "me", "", true, 0, 2).await.unwrap(), Decided::TooOften);
        assert_eq!(ledger.decide(run, "me", "why not", true, 1, 2).await.unwrap(), Decided::Done);
        assert_eq!(ledger.decide(run, "you", "", true, 1, 2).await.unwrap(), Decided::Gone);
        assert_eq!(ledger.begun("a", 3).await.unwrap(), 1);
        ledger.end_run(run, &Ok("fine".into()), 3).await.unwrap();
        let other = ledger.propose(id, "b", true, &request, 4).await.unwrap().unwrap();
        assert_eq!(ledger.decide(other, "me", "", false, 0, 5).await.unwrap(), Decided::Done);
        let states: Vec<_> = ledger.runs(id).await.unwrap().into_iter().map(|r| (r.action, r.state, r.by)).collect();
        let me = Some("me".to_owned());
        assert_eq!(states, [("a".into(), "done".into(), me.clone()), ("b".into(), "refused".into(), me)]);
        assert_eq!(ledger.runs(id).await.unwrap()[0].comment.as_deref(), Some("why not"));
        let told: Vec<String> = ledger.events(id).await.unwrap().into_iter().map(|e| e.text).collect();
        assert!(told.contains(&"approved: a: why not".to_owned()), "{told:?}");
    }
}
