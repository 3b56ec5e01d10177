//! Incidents in the ledger: what sightings and time make of them, in batches of one transaction.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, Sqlite, Transaction};

use super::groups::{Membership, join};
use super::words::hear;
use super::{Ledger, LedgerError, exact, json, parsed};
use crate::incident::state::{Step, seen};
use crate::incident::{Incident, Labels, Origin, Sighting, State};

/// What became of a sighting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// None where there is no incident.
    pub incident: Option<i64>,
    pub step: Step,
}

pub(super) const COLUMNS: &str = "id, fingerprint, state, rule, severity, cluster, app_id, attempt_id, app_name, owner, summary, labels,
    annotations, finding, origin, started_at, due_at, fired_at, resolved_at, last_seen_at, count, acknowledged_by, assigned_to, inhibited_by";

pub(super) fn incident(r: &SqliteRow) -> Result<Incident, LedgerError> {
    let text = |c: &str| r.try_get::<String, _>(c);
    let state = text("state")?;
    let finding: Option<String> = r.try_get("finding")?;
    Ok(Incident {
        id: r.try_get("id")?,
        fingerprint: text("fingerprint")?,
        state: State::of(&state).ok_or_else(|| LedgerError::Stored(format!("state: `{state}` is none")))?,
        rule: text("rule")?,
        severity: text("severity")?,
        cluster: text("cluster")?,
        app_id: text("app_id")?,
        attempt_id: text("attempt_id")?,
        app_name: text("app_name")?,
        owner: text("owner")?,
        summary: text("summary")?,
        labels: parsed("labels", &text("labels")?)?,
        annotations: parsed("annotations", &text("annotations")?)?,
        finding: finding.map(|f| exact("finding", &f)).transpose()?,
        origin: Origin::of(&text("origin")?),
        started_at: r.try_get("started_at")?,
        due_at: r.try_get("due_at")?,
        fired_at: r.try_get("fired_at")?,
        resolved_at: r.try_get("resolved_at")?,
        last_seen_at: r.try_get("last_seen_at")?,
        count: r.try_get("count")?,
        acknowledged_by: r.try_get("acknowledged_by")?,
        assigned_to: r.try_get("assigned_to")?,
        inhibited_by: r.try_get("inhibited_by")?,
    })
}

/// Where incidents with these labels are told of.
pub type Place<'p> = &'p (dyn Fn(&Labels) -> Vec<Membership> + Sync);

/// What is asked of an open incident before a sighting changes it.
struct Open {
    id: i64,
    state: State,
    started_at: i64,
    due_at: i64,
    labels: String,
}

impl Ledger {
    /// Takes sightings, in order and all in one transaction; `now` is the present. What fires joins the groups that `place` names.
    ///
    /// # Errors
    /// If the ledger cannot be written; then none of them is taken.
    pub async fn see(&self, all: &[Sighting], now: i64, place: Place<'_>) -> Result<Vec<Seen>, LedgerError> {
        let mut tx = self.begin().await?;
        let mut out = Vec::with_capacity(all.len());
        for s in all {
            out.push(see(&mut tx, s, now, place).await?);
        }
        tx.commit().await?;
        all.iter().zip(&out).for_each(|(s, seen)| self.counted.seen(s.origin, seen.step));
        Ok(out)
    }

    /// Has those fire that are pending and due; gives how many.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub async fn fire_due(&self, now: i64, place: Place<'_>) -> Result<usize, LedgerError> {
        let due = "SELECT id, labels FROM incidents WHERE state = 'pending' AND due_at <= $1 LIMIT 1000";
        if sqlx::query(due).bind(now).fetch_optional(&self.readers).await?.is_none() {
            return Ok(0);
        }
        let mut tx = self.begin().await?;
        let rows = sqlx::query(due).bind(now).fetch_all(&mut *tx).await?;
        for r in &rows {
            let labels: String = r.try_get("labels")?;
            fire(&mut tx, r.try_get("id")?, &parsed("labels", &labels)?, now, place).await?;
        }
        tx.commit().await?;
        Ok(rows.len())
    }

    /// Fingerprints and rules of what is open about the runs of an application's name.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn open_about(&self, cluster: &str, app_name: &str) -> Result<Vec<(String, String)>, LedgerError> {
        let rows = sqlx::query(
            "SELECT fingerprint, rule FROM incidents
             WHERE cluster = $1 AND app_name = $2 AND state <> 'resolved' AND origin = 'findings'",
        )
        .bind(cluster)
        .bind(app_name)
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(|r| Ok((r.try_get(0)?, r.try_get(1)?))).collect()
    }

    /// Fingerprints of what is open of a rule that an operator wrote.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn open_of_rule(&self, rule: &str) -> Result<Vec<String>, LedgerError> {
        let rows = sqlx::query(
            "SELECT fingerprint FROM incidents WHERE rule = $1 AND state <> 'resolved' AND origin = 'rules'",
        )
        .bind(rule)
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(|r| Ok(r.try_get(0)?)).collect()
    }

    /// Resolves what was not seen since a time; gives how many. Forgets occurrences as old.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub async fn resolve_unseen(&self, since: i64, now: i64) -> Result<usize, LedgerError> {
        let mut tx = self.begin().await?;
        let rows = sqlx::query("SELECT id FROM incidents WHERE state IN ('pending', 'firing') AND last_seen_at < $1")
            .bind(since)
            .fetch_all(&mut *tx)
            .await?;
        for r in &rows {
            resolve(&mut tx, r.try_get(0)?, now, None, "not seen for long").await?;
        }
        // One that is still open is counted by its occurrences.
        sqlx::query(
            "DELETE FROM occurrences WHERE at < $1
             AND fingerprint NOT IN (SELECT fingerprint FROM incidents WHERE state <> 'resolved')",
        )
        .bind(since)
        .execute(&mut *tx)
        .await?;
        sqlx::query(
            "DELETE FROM words WHERE said_at < $1
             AND fingerprint NOT IN (SELECT fingerprint FROM incidents WHERE state <> 'resolved')",
        )
        .bind(since)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(rows.len())
    }
}

async fn see(tx: &mut Transaction<'_, Sqlite>, s: &Sighting, now: i64, place: Place<'_>) -> Result<Seen, LedgerError> {
    let open = sqlx::query(
        "SELECT id, state, started_at, due_at, labels FROM incidents WHERE fingerprint = $1 AND state <> 'resolved'",
    )
    .bind(&s.fingerprint)
    .fetch_optional(&mut **tx)
    .await?;
    let open = open
        .map(|r| {
            let state: String = r.try_get("state")?;
            Ok::<_, sqlx::Error>(Open {
                id: r.try_get("id")?,
                state: if state == "pending" { State::Pending } else { State::Firing },
                started_at: r.try_get("started_at")?,
                due_at: r.try_get("due_at")?,
                labels: r.try_get("labels")?,
            })
        })
        .transpose()?;
    let nothing = Seen { incident: open.as_ref().map(|o| o.id), step: Step::None };
    let (at, over) = match s.said {
        Some(said) => match hear(tx, s, said).await? {
            None => return Ok(nothing),
            // Its sender said since that start that it is over, so it began anew.
            Some(Some(over)) if s.active && s.at <= over => (said.max(over), false),
            Some(_) => (s.at, !s.active && open.is_none()),
        },
        // What is over before this one began is not the end of this one.
        None => (s.at, !s.active && open.as_ref().is_none_or(|o| s.at < o.started_at)),
    };
    if over {
        return Ok(nothing);
    }
    let new = sqlx::query("INSERT OR IGNORE INTO occurrences (fingerprint, occurrence, at) VALUES ($1, $2, $3)")
        .bind(&s.fingerprint)
        .bind(&s.occurrence)
        .bind(now)
        .execute(&mut **tx)
        .await?
        .rows_affected()
        > 0;
    if !new && (open.is_none() || !s.active) {
        return Ok(nothing);
    }
    let step = seen(open.as_ref().map(|o| (o.state, o.due_at)), s.active, at, s.hold);
    let incident = match (step, &open) {
        (Step::None, _) => return Ok(nothing),
        (Step::Open { state, due }, _) => insert(tx, s, at, (state, due), now, place).await?,
        (Step::Stay | Step::Fire, Some(o)) => {
            update(tx, o, s, new, now, place).await?;
            if step == Step::Fire {
                fire(tx, o.id, &s.labels, now, place).await?;
            }
            o.id
        }
        (Step::Resolve | Step::Forget, Some(o)) => {
            let text = if step == Step::Forget { "gone before it fired" } else { s.summary.as_str() };
            // When it was over, not when that was heard; and no earlier than it began.
            resolve(tx, o.id, s.at.min(now).max(o.started_at), None, text).await?;
            o.id
        }
        (_, None) => return Ok(nothing),
    };
    Ok(Seen { incident: Some(incident), step })
}

async fn insert(
    tx: &mut Transaction<'_, Sqlite>,
    s: &Sighting,
    at: i64,
    (state, due): (State, i64),
    now: i64,
    place: Place<'_>,
) -> Result<i64, LedgerError> {
    let done = sqlx::query(
        "INSERT INTO incidents (fingerprint, state, rule, severity, cluster, app_id, attempt_id, app_name, owner, summary, labels,
             annotations, finding, origin, started_at, due_at, fired_at, last_seen_at, count)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, 1)",
    )
    .bind(&s.fingerprint)
    .bind(state.name())
    .bind(&s.rule)
    .bind(&s.severity)
    .bind(&s.cluster)
    .bind(&s.app_id)
    .bind(&s.attempt_id)
    .bind(&s.app_name)
    .bind(&s.owner)
    .bind(&s.summary)
    .bind(json(&s.labels)?)
    .bind(json(&s.annotations)?)
    .bind(s.finding.as_ref().map(json).transpose()?)
    .bind(s.origin.name())
    .bind(at)
    .bind(due)
    .bind((state == State::Firing).then_some(now))
    .bind(now)
    .execute(&mut **tx)
    .await?;
    let id = done.last_insert_rowid();
    note(tx, id, now, state.name(), None, &s.summary).await?;
    if state == State::Firing {
        join(tx, id, &place(&s.labels), now).await?;
    }
    Ok(id)
}

async fn update(
    tx: &mut Transaction<'_, Sqlite>,
    open: &Open,
    s: &Sighting,
    new: bool,
    now: i64,
    place: Place<'_>,
) -> Result<(), LedgerError> {
    let labels = json(&s.labels)?;
    sqlx::query(
        "UPDATE incidents SET severity = $2, app_id = $3, attempt_id = $4, app_name = $5, owner = $6, summary = $7, labels = $8,
             annotations = $9, finding = $10, last_seen_at = $11, count = count + $12 WHERE id = $1",
    )
    .bind(open.id)
    .bind(&s.severity)
    .bind(&s.app_id)
    .bind(&s.attempt_id)
    .bind(&s.app_name)
    .bind(&s.owner)
    .bind(&s.summary)
    .bind(&labels)
    .bind(json(&s.annotations)?)
    .bind(s.finding.as_ref().map(json).transpose()?)
    .bind(now)
    .bind(i64::from(new))
    .execute(&mut **tx)
    .await?;
    if new {
        note(tx, open.id, now, "seen", None, &s.summary).await?;
    }
    // Other labels may mean other routes.
    if open.state == State::Firing && labels != open.labels {
        join(tx, open.id, &place(&s.labels), now).await?;
    }
    Ok(())
}

async fn fire(
    tx: &mut Transaction<'_, Sqlite>,
    id: i64,
    labels: &Labels,
    now: i64,
    place: Place<'_>,
) -> Result<(), LedgerError> {
    sqlx::query("UPDATE incidents SET state = 'firing', fired_at = $2 WHERE id = $1")
        .bind(id)
        .bind(now)
        .execute(&mut **tx)
        .await?;
    note(tx, id, now, "firing", None, "").await?;
    join(tx, id, &place(labels), now).await
}

/// Ends an incident, by itself or by somebody.
pub(super) async fn resolve(
    tx: &mut Transaction<'_, Sqlite>,
    id: i64,
    at: i64,
    by: Option<&str>,
    text: &str,
) -> Result<(), LedgerError> {
    sqlx::query("UPDATE incidents SET state = 'resolved', resolved_at = $2 WHERE id = $1")
        .bind(id)
        .bind(at)
        .execute(&mut **tx)
        .await?;
    note(tx, id, at, "resolved", by, text).await
}

/// A line of an incident's timeline.
pub(super) async fn note(
    tx: &mut Transaction<'_, Sqlite>,
    incident: i64,
    at: i64,
    kind: &str,
    by: Option<&str>,
    text: &str,
) -> Result<(), LedgerError> {
    sqlx::query("INSERT INTO events (incident, at, kind, by, text) VALUES ($1, $2, $3, $4, $5)")
        .bind(incident)
        .bind(at)
        .bind(kind)
        .bind(by)
        .bind(text)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
