//! Remediation over HTTP: the advice for an incident, what was asked for it, how advice turned out, and the operator's own actions.

use std::sync::Arc;
use std::time::Duration;

use afterglow_history::api::{Api, ApiError, json};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value as Json, json as value};

use crate::incident::{Incident, State as Firing};
use crate::ledger::{ActionRun, Call, Counts, Decided, Feedback, Ledger, LedgerError, Remediation, Sought};
use crate::remedy::actions::{self, Action};
use crate::remedy::budget::{Bounds, Budgets};
use crate::remedy::follow_up::{Outcome, Record};
use crate::remedy::worker::{Asks, RECENT};

/// Requests to a model that an incident shows at most, follow-ups of a job, and searches for advice.
const CALLS: i64 = 50;
const OUTCOMES: i64 = 50;
const SOUGHT: i64 = 50;

/// What handlers work with.
#[derive(Clone)]
pub struct Remedies {
    pub ledger: Ledger,
    pub actions: Arc<Vec<Action>>,
    /// Id of the model that is asked; none unless the operator turned it on.
    pub model: Option<String>,
    /// Who asks it, if that is this process.
    pub asks: Option<Arc<Asks>>,
    /// Severities that it is asked about.
    pub severities: &'static [&'static str],
    /// Time for all tries for an incident, and how many.
    pub deadline: Duration,
    pub attempts: i64,
    /// Whether tokens have prices; without, money is not known.
    pub priced: bool,
    /// Where runbooks are, as it may be shown.
    pub runbooks: Option<String>,
    pub budgets: Budgets,
    /// The present, epoch milliseconds.
    pub now: fn() -> i64,
}

/// Paths below `/api/afterglow/v1`.
pub fn router(remedies: Remedies) -> Router<Api> {
    Router::new()
        .route("/remediation", get(state))
        .route("/remediation/advice", get(sought))
        .route("/remediation/records", get(records))
        .route("/incidents/{id}/remediation", get(of_incident))
        .route("/incidents/{id}/remediation/ask", post(ask))
        .route("/incidents/{id}/remediation/feedback", post(feedback))
        .route("/incidents/{id}/actions/{name}/approve", post(approve))
        .route("/incidents/{id}/actions/{name}/refuse", post(refuse))
        .layer(Extension(remedies))
}

fn failed(e: LedgerError) -> ApiError {
    ApiError::Internal(e.to_string())
}

/// Whether a model is asked, what was spent today, and what there is to go by. For those who see everything: it is about all.
async fn state(State(api): State<Api>, Extension(r): Extension<Remedies>) -> Result<Response, ApiError> {
    let now = (r.now)();
    let spent = r.ledger.spent_on(now).await.map_err(failed)?;
    let calls = r.ledger.calls_on(&api.viewer(), now).await.map_err(failed)?;
    let bounds = |b: Bounds| value!({ "tokens": b.tokens, "money": b.money, "ms": b.time });
    let breaker = r.asks.as_ref().map(|asks| {
        let (state, until) = asks.advisor.stands();
        value!({ "state": state, "until": until })
    });
    let knowledge = r.asks.as_ref().map(|asks| {
        let has = asks.knowledge.contents();
        let newest = has.newest.map(|(name, at)| value!({ "name": name, "at": at }));
        value!({ "files": has.files, "passages": has.passages, "newest": newest, "rules": has.rules,
            "past_incidents": has.past, "error": has.error })
    });
    let mut actions = Vec::new();
    for a in r.actions.iter() {
        let mut told = declared(a, r.ledger.begun(&a.name, now).await.map_err(failed)?);
        if let Some(map) = told.as_object_mut() {
            map.insert("name".into(), value!(a.name));
            map.insert("rules".into(), value!(a.rules));
            map.insert("automatic".into(), value!(a.automatic));
        }
        actions.push(told);
    }
    json(&value!({
        "enabled": r.model.is_some(), "model": r.model, "severities": r.severities,
        "spent_today": { "tokens": spent.tokens, "money": r.priced.then_some(spent.money), "ms": spent.time },
        "calls_today": { "total": calls.values().sum::<i64>(), "by_outcome": calls },
        "budget_of_day": bounds(r.budgets.day), "budget_of_incident": bounds(r.budgets.incident),
        "breaker": breaker, "runbooks": r.runbooks, "knowledge": knowledge, "actions": actions,
    }))
}

/// The newest searches for advice, and how they turned out.
async fn sought(State(api): State<Api>, Extension(r): Extension<Remedies>) -> Result<Response, ApiError> {
    let all = r.ledger.sought(&api.viewer(), SOUGHT).await.map_err(failed)?;
    json(&all.iter().map(|s| one_sought(s, r.priced)).collect::<Vec<_>>())
}

fn one_sought(s: &Sought, priced: bool) -> Json {
    let length = |name: &str| {
        let part = s.answer.as_ref().and_then(|a| a.get(name));
        part.and_then(Json::as_array).map_or(0, Vec::len)
    };
    let claims = s.answer.as_ref().map(|a| {
        let cause = usize::from(a.get("cause").is_some_and(Json::is_object));
        let dropped = a.get("dropped").and_then(Json::as_object);
        let dropped: i64 = dropped.into_iter().flat_map(|d| d.values()).filter_map(Json::as_i64).sum();
        value!({ "kept": cause + length("steps") + length("settings"), "dropped": dropped })
    });
    value!({ "incident": s.incident, "rule": s.rule, "severity": s.severity, "summary": s.summary,
        "app_name": (!s.app_name.is_empty()).then_some(&s.app_name), "state": named(&s.state, s.reason.as_deref()), "why": s.why,
        "at": s.at, "model": s.model, "claims": claims, "reused_from": s.reused_from,
        "counted": { "tokens": s.tokens, "money": priced.then_some(s.money) },
        "follow_up": s.follow_up, "feedback": s.feedback })
}

/// How advice turned out, by rule: in runs that followed, by setting that was changed, and by what people said.
async fn records(State(api): State<Api>, Extension(r): Extension<Remedies>) -> Result<Response, ApiError> {
    let counts = |c: &Counts| {
        let of = |verdict: &str| c.get(verdict).copied().unwrap_or(0);
        value!({ "worked": of("worked"), "no_effect": of("no effect"), "worse": of("worse"), "not_tried": of("not tried"),
            "not_known": of("not known") })
    };
    let all = r.ledger.records(&api.viewer()).await.map_err(failed)?;
    let told = all.iter().map(|(rule, record)| {
        let settings = record.settings.iter().map(|(key, c)| value!({ "key": key, "runs": counts(c) }));
        value!({ "rule": rule, "runs": counts(&record.runs), "people": counts(&record.people), "settings": settings.collect::<Vec<_>>() })
    });
    json(&told.collect::<Vec<_>>())
}

/// An action as it is declared now.
fn declared(a: &Action, begun: i64) -> Json {
    value!({ "kind": a.kind.name(), "target": a.shown_target(), "dry_run": a.dry_run, "per_hour": a.per_hour, "within_hour": begun })
}

/// Where the search for advice stands, in a word. What an older release left has no reason.
fn named<'a>(state: &'a str, reason: Option<&'a str>) -> &'a str {
    match state {
        "none" => reason.unwrap_or("failed"),
        "wanted" => "queued",
        other => other,
    }
}

/// The same where nobody looked for some yet.
fn not_sought(r: &Remedies, i: &Incident) -> &'static str {
    let now = (r.now)();
    if r.model.is_none() {
        "off"
    } else if i.state == Firing::Resolved {
        "over"
    } else if !r.severities.contains(&i.severity.as_str()) {
        "mild"
    } else if i.inhibited_by.is_some() {
        "inhibited"
    } else if i.state == Firing::Pending {
        "pending"
    } else if i.fired_at.is_some_and(|at| at < now.saturating_sub(RECENT)) {
        "old"
    } else {
        "queued"
    }
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
    let said = r.ledger.feedback(incident.id).await.map_err(failed)?;
    let advice = r.ledger.remediation(incident.id).await.map_err(failed)?;
    let standing = advice.as_ref().map_or_else(|| not_sought(r, incident), |a| named(&a.state, a.reason.as_deref()));
    for run in out.get_mut("actions").and_then(Json::as_array_mut).into_iter().flatten() {
        let name = run.get("action").and_then(Json::as_str).unwrap_or_default().to_owned();
        let action = r.actions.iter().find(|a| a.name == name);
        let now = match action {
            Some(a) => {
                let mut now = declared(a, r.ledger.begun(&a.name, (r.now)()).await.map_err(failed)?);
                now["automatic"] = a.is_automatic(&incident.rule).into();
                now
            }
            None => Json::Null,
        };
        run["declared"] = now;
    }
    if let Some(map) = out.as_object_mut() {
        map.insert("standing".into(), standing.into());
        map.insert("deadline_ms".into(), value!(i64::try_from(r.deadline.as_millis()).unwrap_or(i64::MAX)));
        map.insert("attempts".into(), value!(r.attempts));
        map.insert("feedback".into(), said.iter().map(one_said).collect());
        map.insert("calls".into(), calls.iter().map(|c| call(c, r.priced)).collect());
    }
    json(&out)
}

fn one_said(f: &Feedback) -> Json {
    value!({ "about": f.about, "verdict": f.verdict, "by": f.by, "comment": f.comment, "at": f.at })
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
        value!({ "state": a.state, "reason": a.reason, "why": a.why, "at": a.at, "deadline": a.deadline, "model": a.model, "answer": a.answer,
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
        "changed": o.changed, "cost_before": o.cost_before, "cost_after": o.cost_after, "unit": o.unit, "why": o.why })
}

fn run(r: &ActionRun) -> Json {
    value!({ "id": r.id, "action": r.action, "state": r.state, "dry_run": r.dry_run, "by": r.by, "comment": r.comment, "proposed_at": r.proposed_at,
        "decided_at": r.decided_at, "ended_at": r.ended_at, "request": r.request, "reply": r.reply })
}

fn call(c: &Call, priced: bool) -> Json {
    let tokens = c.tokens.map(|t| value!({ "input": t.input, "output": t.output }));
    value!({ "id": c.id, "at": c.at, "model": c.model, "system": c.system, "prompt": c.prompt, "outcome": c.outcome,
        "answer": c.answer, "error": c.error, "tokens": tokens, "dropped": c.dropped,
        "counted": { "tokens": c.spent.tokens, "money": priced.then_some(c.spent.money), "ms": c.spent.time } })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    by: String,
    #[serde(default)]
    comment: String,
}

impl Said {
    fn read(bytes: &Bytes) -> Result<Self, ApiError> {
        let said: Said = serde_json::from_slice(bytes)
            .map_err(|e| ApiError::bad(format!("body: {e}: write {{\"by\": \"NAME\"}}")))?;
        named_person(&said.by)?;
        Ok(said)
    }
}

fn named_person(by: &str) -> Result<(), ApiError> {
    if by.trim().is_empty() || by == actions::AUTOMATIC { Err(ApiError::bad("by: say who you are")) } else { Ok(()) }
}

/// Has a model asked once more, or though nobody would have asked it.
async fn ask(
    State(api): State<Api>,
    Extension(r): Extension<Remedies>,
    Path(id): Path<i64>,
    bytes: Bytes,
) -> Result<Response, ApiError> {
    let said = Said::read(&bytes)?;
    let incident = seen(&api, &r, id).await?;
    if r.model.is_none() {
        return Err(ApiError::bad("no model is asked: set remediation.enabled"));
    }
    if r.ledger.want_advice(id, &said.by, (r.now)()).await.map_err(failed)? {
        shown(&r, &incident).await
    } else {
        Err(ApiError::bad(format!("incident {id}: there is advice of a model, or it is asked right now")))
    }
}

/// What somebody says of an advice.
async fn feedback(
    State(api): State<Api>,
    Extension(r): Extension<Remedies>,
    Path(id): Path<i64>,
    bytes: Bytes,
) -> Result<Response, ApiError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Given {
        by: String,
        about: String,
        verdict: String,
        #[serde(default)]
        comment: String,
    }
    let Given { by, about, verdict, comment } =
        serde_json::from_slice(&bytes).map_err(|e| ApiError::bad(format!("body: {e}")))?;
    named_person(&by)?;
    if !["worked", "no effect", "worse"].contains(&verdict.as_str()) {
        return Err(ApiError::bad(format!("verdict: `{verdict}` is none: write worked, no effect or worse")));
    }
    let incident = seen(&api, &r, id).await?;
    let advice = r.ledger.remediation(id).await.map_err(failed)?;
    match about.as_str() {
        "rule" => {}
        "model" if advice.is_some_and(|a: Remediation| a.answer.is_some()) => {}
        "model" => return Err(ApiError::bad(format!("about: incident {id} has no advice of a model"))),
        other => return Err(ApiError::bad(format!("about: `{other}`: write rule or model"))),
    }
    let given = Feedback { about, verdict, by, comment: comment.trim().to_owned(), at: (r.now)() };
    r.ledger.give_feedback(&incident, &given).await.map_err(failed)?;
    shown(&r, &incident).await
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
    let said = Said::read(bytes)?;
    let comment = said.comment.trim();
    let incident = seen(api, r, id).await?;
    let runs = r.ledger.runs(id).await.map_err(failed)?;
    let proposed = runs.iter().find(|p| p.action == name);
    let proposed = proposed.ok_or_else(|| ApiError::not_found(format!("incident {id} proposes no action {name}")))?;
    let decided = if approved {
        // What was proposed is what runs; whether it is dry is the operator's word of now.
        let action = r.actions.iter().find(|a| a.name == name);
        let action =
            action.ok_or_else(|| ApiError::bad(format!("{name}: is not declared any more: see [[action]]")))?;
        actions::run(&r.ledger, action, proposed.id, &proposed.request, &said.by, comment, r.now)
            .await
            .map_err(failed)?
    } else {
        r.ledger.decide(proposed.id, &said.by, comment, false, 0, (r.now)()).await.map_err(failed)?
    };
    match decided {
        Decided::Done => shown(r, &incident).await,
        Decided::Gone => Err(ApiError::bad(format!("{name}: is {} already", proposed.state))),
        Decided::TooOften => {
            Err(ApiError::bad(format!("{name}: ran as often within the hour as it may: see action.per_hour")))
        }
    }
}
