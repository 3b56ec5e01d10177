//! Groups of incidents that are told of together, and how what is told of them comes into the outbox.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{QueryBuilder, Row as _, Sqlite, Transaction};

use super::incidents::{COLUMNS, incident};
use super::{Ledger, LedgerError, json, parsed};
use crate::deliver::message::Message;
use crate::incident::inhibit::Fires;
use crate::incident::{Incident, Labels, State};

/// A group that an incident belongs to, and how it is told of. Times are milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Route and labels: what makes two incidents one message.
    pub key: String,
    pub receiver: String,
    pub labels: Labels,
    pub group_wait: i64,
    pub group_interval: i64,
    pub repeat_interval: i64,
    /// Names of time intervals.
    pub active: Vec<String>,
    pub mute: Vec<String>,
}

/// A group that is to be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub id: i64,
    pub key: String,
    pub receiver: String,
    pub labels: Labels,
    pub group_interval: i64,
    pub repeat_interval: i64,
    pub active: Vec<String>,
    pub mute: Vec<String>,
    /// When it was told of last, epoch milliseconds.
    pub told_at: Option<i64>,
    /// How often.
    pub told: i64,
}

/// An incident of a group.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    pub incident: Incident,
    /// What was told of it last.
    pub told: Option<State>,
}

/// What is to be done with a group.
#[derive(Debug, Default)]
pub struct Flush {
    /// Destinations of its receiver, each with its message; nothing is told without.
    pub messages: Vec<(String, Message)>,
    /// What is told by them.
    pub told: Vec<(i64, State)>,
    /// Incidents that it has done with.
    pub done: Vec<i64>,
    /// What makes incidents no news, where that has changed.
    pub inhibited: Vec<(i64, Option<i64>)>,
    /// Whether something was told, even if the receiver has nobody to tell.
    pub tells: bool,
}

/// Puts an incident into groups, and takes it out of others that have told nothing of it.
pub(super) async fn join(
    tx: &mut Transaction<'_, Sqlite>,
    incident: i64,
    groups: &[Membership],
    now: i64,
) -> Result<(), LedgerError> {
    sqlx::query("DELETE FROM group_members WHERE incident = $1 AND told = ''")
        .bind(incident)
        .execute(&mut **tx)
        .await?;
    for g in groups {
        let row = sqlx::query(
            "INSERT INTO groups (key, receiver, labels, group_interval, repeat_interval, active_intervals, mute_intervals, next_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (key) DO UPDATE SET receiver = excluded.receiver, group_interval = excluded.group_interval,
                 repeat_interval = excluded.repeat_interval, active_intervals = excluded.active_intervals,
                 mute_intervals = excluded.mute_intervals
             RETURNING id",
        )
        .bind(&g.key)
        .bind(&g.receiver)
        .bind(json(&g.labels)?)
        .bind(g.group_interval)
        .bind(g.repeat_interval)
        .bind(json(&g.active)?)
        .bind(json(&g.mute)?)
        .bind(now.saturating_add(g.group_wait))
        .fetch_one(&mut **tx)
        .await?;
        let id: i64 = row.try_get(0)?;
        sqlx::query("INSERT OR IGNORE INTO group_members (group_id, incident) VALUES ($1, $2)")
            .bind(id)
            .bind(incident)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

impl Ledger {
    /// Whether a group is to be looked at.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn any_group_due(&self, now: i64) -> Result<bool, LedgerError> {
        let row = sqlx::query("SELECT 1 FROM groups WHERE next_at <= $1 LIMIT 1")
            .bind(now)
            .fetch_optional(&self.readers)
            .await?;
        Ok(row.is_some())
    }

    /// Looks at groups whose time has come, at most so many, and does what `decide` says; gives how many there were.
    ///
    /// # Errors
    /// If the ledger cannot be written; then nothing is done.
    pub async fn flush(
        &self,
        now: i64,
        most: i64,
        decide: &(dyn Fn(&Group, &[Member]) -> Flush + Sync),
    ) -> Result<usize, LedgerError> {
        let mut tx = self.begin().await?;
        let rows = sqlx::query("SELECT * FROM groups WHERE next_at <= $1 ORDER BY next_at LIMIT $2")
            .bind(now)
            .bind(most)
            .fetch_all(&mut *tx)
            .await?;
        for r in &rows {
            let text = |c: &str| r.try_get::<String, _>(c);
            let group = Group {
                id: r.try_get("id")?,
                key: text("key")?,
                receiver: text("receiver")?,
                labels: parsed("labels", &text("labels")?)?,
                group_interval: r.try_get("group_interval")?,
                repeat_interval: r.try_get("repeat_interval")?,
                active: parsed("active_intervals", &text("active_intervals")?)?,
                mute: parsed("mute_intervals", &text("mute_intervals")?)?,
                told_at: r.try_get("told_at")?,
                told: r.try_get("told")?,
            };
            let members = members(&mut tx, group.id).await?;
            let flush = decide(&group, &members);
            write(&mut tx, &group, &members, &flush, now).await?;
        }
        tx.commit().await?;
        Ok(rows.len())
    }

    /// What fires and has one of these labels with its value, or might; all that fires without. What inhibits comes from it.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub async fn firing(&self, with: &[(&str, &str)]) -> Result<Vec<Fires>, LedgerError> {
        let mut query: QueryBuilder<Sqlite> =
            QueryBuilder::new("SELECT id, labels FROM incidents WHERE state = 'firing'");
        // Labels are kept as JSON without spaces. To read all of them whenever a group is due takes longer, the more there are.
        for (i, (name, value)) in with.iter().enumerate() {
            query.push(if i == 0 { " AND (instr(labels, " } else { " OR instr(labels, " });
            query.push_bind(format!("{}:{}", json(name)?, json(value)?)).push(") > 0");
        }
        if !with.is_empty() {
            query.push(")");
        }
        let rows = query.build().fetch_all(&self.readers).await?;
        rows.iter()
            .map(|r| {
                let labels: String = r.try_get("labels")?;
                Ok(Fires { id: r.try_get("id")?, labels: parsed("labels", &labels)? })
            })
            .collect()
    }
}

async fn members(tx: &mut Transaction<'_, Sqlite>, group: i64) -> Result<Vec<Member>, LedgerError> {
    let sql = format!(
        "SELECT {COLUMNS}, told FROM incidents JOIN group_members ON incident = id WHERE group_id = $1 ORDER BY id"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(group).fetch_all(&mut **tx).await?;
    rows.iter()
        .map(|r| {
            let told: String = r.try_get("told")?;
            Ok(Member { incident: incident(r)?, told: State::of(&told) })
        })
        .collect()
}

/// What is told for the first time, or of another state than last time.
fn news(members: &[Member], flush: &Flush) -> BTreeSet<i64> {
    let told: BTreeMap<i64, Option<State>> = members.iter().map(|m| (m.incident.id, m.told)).collect();
    let is_news = |(id, state): &&(i64, State)| told.get(id).copied().flatten() != Some(*state);
    flush.told.iter().filter(is_news).map(|(id, _)| *id).collect()
}

/// The incidents that a message is kept with: its news, and one of each owner, whom it may be shown to. A reminder has no news and is kept with
/// all. Were it always all, a group that grows would write down the square of what it has.
fn about(members: &[Member], flush: &Flush, news: &BTreeSet<i64>) -> BTreeSet<i64> {
    let told: BTreeSet<i64> = flush.told.iter().map(|(id, _)| *id).collect();
    if news.is_empty() {
        return told;
    }
    let mut owners = BTreeSet::new();
    let mut all = news.clone();
    for m in members.iter().filter(|m| told.contains(&m.incident.id)) {
        if owners.insert((&m.incident.cluster, &m.incident.owner)) {
            all.insert(m.incident.id);
        }
    }
    all
}

async fn write(
    tx: &mut Transaction<'_, Sqlite>,
    group: &Group,
    members: &[Member],
    flush: &Flush,
    now: i64,
) -> Result<(), LedgerError> {
    let news = news(members, flush);
    for (destination, message) in &flush.messages {
        let row = sqlx::query(
            "INSERT INTO deliveries (key, receiver, destination, lane, message, state, created_at, next_at)
             VALUES ($1, $2, $3, $4, $5, 'waiting', $6, $6) ON CONFLICT (key) DO NOTHING RETURNING id",
        )
        .bind(&message.key)
        .bind(&group.receiver)
        .bind(destination)
        .bind(&group.key)
        .bind(json(message)?)
        .bind(now)
        .fetch_optional(&mut **tx)
        .await?;
        let Some(row) = row else { continue };
        let id: i64 = row.try_get(0)?;
        for incident in about(members, flush, &news) {
            sqlx::query("INSERT OR IGNORE INTO delivery_incidents (incident, delivery) VALUES ($1, $2)")
                .bind(incident)
                .bind(id)
                .execute(&mut **tx)
                .await?;
        }
    }
    for (incident, state) in flush.told.iter().filter(|(id, _)| news.contains(id)) {
        sqlx::query("UPDATE group_members SET told = $3 WHERE group_id = $1 AND incident = $2 AND told <> $3")
            .bind(group.id)
            .bind(incident)
            .bind(state.name())
            .execute(&mut **tx)
            .await?;
    }
    for incident in &flush.done {
        sqlx::query("DELETE FROM group_members WHERE group_id = $1 AND incident = $2")
            .bind(group.id)
            .bind(incident)
            .execute(&mut **tx)
            .await?;
    }
    for (incident, by) in &flush.inhibited {
        sqlx::query("UPDATE incidents SET inhibited_by = $2 WHERE id = $1")
            .bind(incident)
            .bind(by)
            .execute(&mut **tx)
            .await?;
    }
    if members.iter().all(|m| flush.done.contains(&m.incident.id)) {
        // One that comes later waits anew for others.
        sqlx::query("DELETE FROM groups WHERE id = $1").bind(group.id).execute(&mut **tx).await?;
    } else {
        sqlx::query(
            "UPDATE groups SET next_at = $2, told_at = CASE WHEN $3 THEN $4 ELSE told_at END, told = told + $3 WHERE id = $1",
        )
        .bind(group.id)
        .bind(now.saturating_add(group.group_interval.max(1_000)))
        .bind(i64::from(flush.tells))
        .bind(now)
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}
