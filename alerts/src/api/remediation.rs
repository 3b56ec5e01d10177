//! Remediation over HTTP: the advice for an incident, what was asked for it, how advice turned out, and the operator's own actions.

use std::sync::Arc;

use afterglow_history::api::{Api, ApiError, json};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value as Json, json as value};

use crate::incident::Incident;
use crate::ledger::{ActionRun, Call, Decided, Ledger, LedgerError};
use crate::remedy::actions::{self, Action};
use crate::remedy::budget::Budgets;
use crate::remedy::follow_up::{Outcome, Record};

/// Requests to a model that an incident shows at most, and follow-ups of a job.
const CALLS: i64 = 50;
const OUTCOMES: i64 = 50;

/// What handlers work with.
#[derive(Clone)]
pub struct Remedies {
    pub ledger: Ledger,
    pub actions: Arc<Vec<Action>>,
    /// Id of the model that is asked; none unless the operator turned it on.
    pub model: Option<String>,
    pub budgets: Budgets,
    /// The present, epoch milliseconds.
    pub now: fn() -> i64,
}

/// Paths below `/api/afterglow/v1`.
pub fn router(remedies: Remedies) -> Router<Api> {
    Router::new()
        .route("/remediation", get(state))
        .route("/incidents/{id}/remediation", get(of_incident))
        .route("/incidents/{id}/actions/{name}/approve", post(approve))
        .route("/incidents/{id}/actions/{name}/refuse", post(refuse))
        .layer(Extension(remedies))
}

fn failed(e: LedgerError) -> ApiError {
    ApiError::Internal(e.to_string())
}

/// Whether a model is asked, and what was spent today. For those who see everything: it is about all.
async fn state(State(_): State<Api>, Extension(r): Extension<Remedies>) -> Result<Response, ApiError> {
    let spent = r.ledger.spent_on((r.now)()).await.map_err(failed)?;
    let day = r.budgets.day;
    json(&value!({
        "enabled": r.model.is_some(), "model": r.model,
        "spent_today": { "tokens": spent.tokens, "money": spent.money, "ms": spent.time },
        "budget_of_day": { "tokens": day.tokens, "money": day.money, "ms": day.time },
        "actions": r.actions.iter().map(|a| value!({ "name": a.name, "rules": a.rules, "automatic": a.automatic, "dry_run": a.dry_run })).collect::<Vec<_>>(),
    }))
}

async fn seen(api: &Api, r: &Remedies, id: i64) -> Result<Incident, ApiError> {
    let found = r.ledger.incident(&api.viewer(), id).await.map_err(failed)?;
    found.ok_or_else(|| ApiError::not_found(format!("no such incident: {id}")))
}

async fn of_incident(
    State(api): State<Api>,
    Extension(r): Extension<Remedies>,
    Path(id): Path<i64>,
) -> Result<Response, ApiError> {
    let incident = seen(&api, &r, id).await?;
    shown(&r, &incident).await
}

async fn shown(r: &Remedies, incident: &Incident) -> Result<Response, ApiError> {
    let mut out = told(&r.ledger, incident).await.map_err(failed)?;
    let calls = r.ledger.calls(Some(incident.id), CALLS).await.map_err(failed)?;
    if let Some(map) = out.as_object_mut() {
        map.insert("calls".into(), calls.iter().map(call).collect());
    }
    json(&out)
}

/// What an incident's own page shows of it: the advice, how it turned out, and actions.
///
/// # Errors
/// If the ledger cannot be read.
pub async fn told(ledger: &Ledger, incident: &Incident) -> Result<Json, LedgerError> {
    let advice = ledger.remediation(incident.id).await?;
    let runs = ledger.runs(incident.id).await?;
    let job = (!incident.app_name.is_empty()).then_some((incident.cluster.as_str(), incident.app_name.as_str()));
    let outcomes = match job {
        Some(_) => ledger.outcomes(job, Some(&incident.rule), OUTCOMES).await?,
        None => Vec::new(),
    };
    let record = ledger.record_of(&incident.rule).await?;
    let advice = advice.map(|a| {
        value!({ "state": a.state, "why": a.why, "at": a.at, "deadline": a.deadline, "model": a.model, "answer": a.answer,
            "cited": a.cited, "reused_from": a.reused_from })
    });
    Ok(value!({
        "advice": advice,
        "rule_advice": of_rule(incident, &record),
        "follow_up": outcomes.iter().map(|(at, o)| outcome(*at, o)).collect::<Vec<_>>(),
        "actions": runs.iter().map(run).collect::<Vec<_>>(),
    }))
}

/// The advice of the rule, what worked before first, each setting with how it turned out.
fn of_rule(incident: &Incident, record: &Record) -> Vec<Json> {
    let finding = incident.finding.as_ref();
    let mut all = finding.and_then(|f| f.get("advice")).and_then(Json::as_array).cloned().unwrap_or_default();
    record.prefer(&mut all, |a| a.get("key").and_then(Json::as_str));
    for advice in &mut all {
        let key = advice.get("key").and_then(Json::as_str).map(str::to_owned);
        if let (Some(key), Some(map)) = (key, advice.as_object_mut()) {
            let (worked, no_effect, worse) = record.of(&key);
            map.insert("record".into(), value!({ "worked": worked, "no_effect": no_effect, "worse": worse }));
        }
    }
    all
}

fn outcome(at: i64, o: &Outcome) -> Json {
    value!({ "at": at, "rule": o.rule, "kind": o.kind, "before": o.before, "after": o.after, "verdict": o.verdict.name(),
        "changed": o.changed, "cost_before": o.cost_before, "cost_after": o.cost_after, "why": o.why })
}

fn run(r: &ActionRun) -> Json {
    value!({ "id": r.id, "action": r.action, "state": r.state, "dry_run": r.dry_run, "by": r.by, "proposed_at": r.proposed_at,
        "decided_at": r.decided_at, "ended_at": r.ended_at, "request": r.request, "reply": r.reply })
}

fn call(c: &Call) -> Json {
    let tokens = c.tokens.map(|t| value!({ "input": t.input, "output": t.output }));
    value!({ "id": c.id, "at": c.at, "model": c.model, "system": c.system, "prompt": c.prompt, "outcome": c.outcome,
        "answer": c.answer, "error": c.error, "tokens": tokens, "dropped": c.dropped,
        "counted": { "tokens": c.spent.tokens, "money": c.spent.money, "ms": c.spent.time } })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    by: String,
}

async fn approve(
    State(api): State<Api>,
    Extension(r): Extension<Remedies>,
    Path((id, name)): Path<(i64, String)>,
    bytes: Bytes,
) -> Result<Response, ApiError> {
    decide(&api, &r, id, &name, &bytes, true).await
}

async fn refuse(
    State(api): State<Api>,
    Extension(r): Extension<Remedies>,
    Path((id, name)): Path<(i64, String)>,
    bytes: Bytes,
) -> Result<Response, ApiError> {
    decide(&api, &r, id, &name, &bytes, false).await
}

async fn decide(
    api: &Api,
    r: &Remedies,
    id: i64,
    name: &str,
    bytes: &Bytes,
    approved: bool,
) -> Result<Response, ApiError> {
    let said: Said =
        serde_json::from_slice(bytes).map_err(|e| ApiError::bad(format!("body: {e}: write {{\"by\": \"NAME\"}}")))?;
    if said.by.trim().is_empty() || said.by == actions::AUTOMATIC {
        return Err(ApiError::bad("by: say who you are"));
    }
    let incident = seen(api, r, id).await?;
    let runs = r.ledger.runs(id).await.map_err(failed)?;
    let proposed = runs.iter().find(|p| p.action == name);
    let proposed = proposed.ok_or_else(|| ApiError::not_found(format!("incident {id} proposes no action {name}")))?;
    let decided = if approved {
        // What was proposed is what runs; whether it is dry is the operator's word of now.
        let action = r.actions.iter().find(|a| a.name == name);
        let action =
            action.ok_or_else(|| ApiError::bad(format!("{name}: is not declared any more: see [[action]]")))?;
        actions::run(&r.ledger, action, proposed.id, &proposed.request, &said.by, r.now).await.map_err(failed)?
    } else {
        r.ledger.decide(proposed.id, &said.by, false, 0, (r.now)()).await.map_err(failed)?
    };
    match decided {
        Decided::Done => shown(r, &incident).await,
        Decided::Gone => Err(ApiError::bad(format!("{name}: is {} already", proposed.state))),
        Decided::TooOften => {
            Err(ApiError::bad(format!("{name}: ran as often within the hour as it may: see action.per_hour")))
        }
    }
}
