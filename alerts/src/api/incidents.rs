//! Incidents over HTTP: searched, shown, and acted upon. Every read is for a viewer, and nobody acts upon what he may not see.

use std::sync::Arc;

use afterglow_history::api::{Api, ApiError, json};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Extension, Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{delete, get, post};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json as value};

use crate::incident::matcher::Matcher;
use crate::incident::quiet::{Mute, Quiet, Silence};
use crate::incident::{Incident, Origin};
use crate::intake::sns::{SnsError, Took, Topics};
use crate::intake::webhook::{self, Brought};
use crate::ledger::may_see;
use crate::ledger::{Action, Delivery, DeliveryState, Filter, Ledger, LedgerError};
use crate::settings::Settings;

/// Paths whose bodies have any type and are believed by their signature alone: SNS posts JSON as text.
pub const SIGNED: [&str; 1] = ["/api/afterglow/v1/intake/sns"];

/// What a page has, and at most has.
const LENGTH: i64 = 100;
const LONGEST: i64 = 1_000;

/// What handlers work with.
#[derive(Clone)]
pub struct Alerts {
    pub ledger: Ledger,
    pub settings: Arc<Settings>,
    /// Topics of SNS that may post.
    pub topics: Arc<Topics>,
    /// The present, epoch milliseconds.
    pub now: fn() -> i64,
}

/// Paths below `/api/afterglow/v1`.
pub fn router(alerts: Alerts) -> Router<Api> {
    Router::new()
        .route("/incidents", get(list))
        .route("/incidents/{id}", get(one))
        .route("/incidents/{id}/acknowledge", post(acknowledge))
        .route("/incidents/{id}/unacknowledge", post(unacknowledge))
        .route("/incidents/{id}/assign", post(assign))
        .route("/incidents/{id}/comment", post(comment))
        .route("/incidents/{id}/resolve", post(resolve))
        .route("/mutes", get(mutes).post(mute))
        .route("/mutes/{id}", delete(unmute))
        .route("/silences", get(silences).post(silence))
        .route("/silences/{id}", delete(unsilence))
        .route("/deliveries", get(deliveries))
        .route("/deliveries/{id}/resend", post(resend))
        .route("/intake/grafana", post(from_grafana))
        .route("/intake/alertmanager", post(from_alertmanager))
        .route("/intake/sns", post(from_sns))
        .layer(Extension(alerts))
}

fn failed(e: LedgerError) -> ApiError {
    ApiError::Internal(e.to_string())
}

/// Parameters of a query. Lists are separated by commas, or repeated.
struct Query(Vec<(String, String)>);

impl Query {
    fn parse(query: Option<String>) -> Self {
        let query = query.unwrap_or_default();
        Query(url::form_urlencoded::parse(query.as_bytes()).into_owned().filter(|(_, v)| !v.is_empty()).collect())
    }

    fn first(&self, name: &str) -> Option<String> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone())
    }

    fn list(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(n, _)| n == name).flat_map(|(_, v)| v.split(',').map(|t| t.trim().to_owned())).collect()
    }

    fn number(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let read = |text: String| text.parse().map_err(|_| ApiError::bad(format!("{name}={text} is not a number")));
        self.first(name).map(read).transpose()
    }

    fn page(&self) -> Result<(i64, i64), ApiError> {
        let offset = self.number("offset")?.unwrap_or(0).max(0);
        Ok((offset, self.number("length")?.unwrap_or(LENGTH).clamp(0, LONGEST)))
    }
}

fn body<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|e| ApiError::bad(format!("the body is not what it should be: {e}")))
}

fn or_null(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn told(i: &Incident, quiet: &Quiet, now: i64) -> Json {
    value!({
        "id": i.id,
        "state": i.state.name(),
        "rule": i.rule,
        "severity": i.severity,
        "cluster": or_null(&i.cluster),
        "app_id": or_null(&i.app_id),
        "attempt_id": or_null(&i.attempt_id),
        "app_name": or_null(&i.app_name),
        "summary": i.summary,
        "labels": i.labels,
        "origin": i.origin.name(),
        "started_at": i.started_at,
        "fired_at": i.fired_at,
        "resolved_at": i.resolved_at,
        "last_seen_at": i.last_seen_at,
        "count": i.count,
        "acknowledged_by": i.acknowledged_by,
        "assigned_to": i.assigned_to,
        "muted": quiet.muted(&i.rule, &i.app_name, now),
        "silenced": quiet.silenced(&i.labels, now),
        "inhibited_by": i.inhibited_by,
    })
}

fn delivery(d: &Delivery) -> Json {
    value!({
        "id": d.id,
        "receiver": d.receiver,
        "destination": d.destination,
        "state": d.state,
        "attempts": d.attempts,
        "created_at": d.created_at,
        "next_at": d.next_at,
        "error": d.error,
        "sent_at": d.sent_at,
        "key": d.key,
    })
}

async fn list(
    State(api): State<Api>,
    Extension(alerts): Extension<Alerts>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let query = Query::parse(query);
    let (offset, length) = query.page()?;
    let filter = Filter {
        states: query.list("state"),
        rules: query.list("rule"),
        clusters: query.list("cluster"),
        severities: query.list("severity"),
        app_name: query.first("app_name"),
        text: query.first("q"),
        from: query.number("from")?,
        to: query.number("to")?,
    };
    let now = (alerts.now)();
    let quiet = alerts.ledger.quiet(now).await.map_err(failed)?;
    let (total, page) = alerts.ledger.incidents(&api.viewer(), &filter, offset, length).await.map_err(failed)?;
    let page: Vec<Json> = page.iter().map(|i| told(i, &quiet, now)).collect();
    json(&value!({ "total": total, "incidents": page }))
}

async fn seen(api: &Api, alerts: &Alerts, id: i64) -> Result<Incident, ApiError> {
    let found = alerts.ledger.incident(&api.viewer(), id).await.map_err(failed)?;
    found.ok_or_else(|| ApiError::not_found(format!("no such incident: {id}")))
}

async fn shown(api: &Api, alerts: &Alerts, id: i64) -> Result<Response, ApiError> {
    let now = (alerts.now)();
    let incident = seen(api, alerts, id).await?;
    let quiet = alerts.ledger.quiet(now).await.map_err(failed)?;
    let events = alerts.ledger.events(id).await.map_err(failed)?;
    let deliveries = alerts.ledger.deliveries_of(id).await.map_err(failed)?;
    let mut out = told(&incident, &quiet, now);
    let event = |e: &crate::ledger::Event| value!({ "at": e.at, "kind": e.kind, "by": e.by, "text": e.text });
    if let Some(map) = out.as_object_mut() {
        map.insert("finding".into(), incident.finding.clone().unwrap_or(Json::Null));
        map.insert("annotations".into(), value!(incident.annotations));
        map.insert("events".into(), events.iter().map(event).collect());
        map.insert("deliveries".into(), deliveries.iter().map(delivery).collect());
        let remediation = super::remediation::told(&alerts.ledger, &incident).await.map_err(failed)?;
        map.insert("remediation".into(), remediation);
    }
    json(&out)
}

async fn one(
    State(api): State<Api>,
    Extension(alerts): Extension<Alerts>,
    Path(id): Path<i64>,
) -> Result<Response, ApiError> {
    shown(&api, &alerts, id).await
}

/// Does it to an incident that the viewer may see, and shows what became of it.
async fn act(api: &Api, alerts: &Alerts, id: i64, action: Action) -> Result<Response, ApiError> {
    seen(api, alerts, id).await?;
    alerts.ledger.act(id, &action, (alerts.now)()).await.map_err(failed)?;
    shown(api, alerts, id).await
}

/// What people say with what they do. Who they are is theirs to say, as long as there is no authentication.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    by: String,
    #[serde(default)]
    comment: String,
}

impl Said {
    fn read(bytes: &Bytes) -> Result<Self, ApiError> {
        let said: Said = body(bytes)?;
        if said.by.trim().is_empty() { Err(ApiError::bad("by: empty: say who you are")) } else { Ok(said) }
    }
}

async fn acknowledge(
    State(api): State<Api>,
    Extension(alerts): Extension<Alerts>,
    Path(id): Path<i64>,
    bytes: Bytes,
) -> Result<Response, ApiError> {
    let Said { by, comment } = Said::read(&bytes)?;
    act(&api, &alerts, id, Action::Acknowledge { by, comment }).await
}

async fn unacknowledge(
    State(api): State<Api>,
    Extension(alerts): Extension<Alerts>,
    Path(id): Path<i64>,
    bytes: Bytes,
) -> Result<Response, ApiError> {
    let Said { by, .. } = Said::read(&bytes)?;
    act(&api, &alerts, id, Action::Unacknowledge { by }).await
}

async fn assign(
    State(api): State<Api>,
    Extension(alerts): Extension<Alerts>,
    Path(id): Path<i64>,
    bytes: Bytes,
) -> Result<Response, ApiError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Assigned {
        to: String,
        by: String,
    }
    let Assigned { to, by } = body(&bytes)?;
    act(&api, &alerts, id, Action::Assign { to, by }).await
}

async fn comment(
    State(api): State<Api>,
    Extension(alerts): Extension<Alerts>,
    Path(id): Path<i64>,
    bytes: Bytes,
) -> Result<Response, ApiError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Written {
        by: String,
        text: String,
    }
    let Written { by, text } = body(&bytes)?;
    if text.trim().is_empty() {
        return Err(ApiError::bad("text: empty: say something"));
    }
    act(&api, &alerts, id, Action::Comment { by, text }).await
}

async fn resolve(
    State(api): State<Api>,
    Extension(alerts): Extension<Alerts>,
    Path(id): Path<i64>,
    bytes: Bytes,
) -> Result<Response, ApiError> {
    let Said { by, comment } = Said::read(&bytes)?;
    act(&api, &alerts, id, Action::Resolve { by, comment }).await
}

fn muted(m: &Mute) -> Json {
    value!({
        "id": m.id, "rule": m.rule, "app_name": m.app_name, "until": m.until, "reason": m.reason, "by": m.by,
        "created_at": m.created_at,
    })
}

async fn mutes(Extension(alerts): Extension<Alerts>) -> Result<Response, ApiError> {
    let quiet = alerts.ledger.quiet((alerts.now)()).await.map_err(failed)?;
    json(&quiet.mutes.iter().map(muted).collect::<Vec<_>>())
}

async fn mute(Extension(alerts): Extension<Alerts>, bytes: Bytes) -> Result<Response, ApiError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wanted {
        #[serde(default)]
        rule: String,
        #[serde(default)]
        app_name: String,
        #[serde(default)]
        until: Option<i64>,
        #[serde(default)]
        reason: String,
        by: String,
    }
    let Wanted { rule, app_name, until, reason, by } = body(&bytes)?;
    if rule.trim().is_empty() && app_name.trim().is_empty() {
        return Err(ApiError::bad("rule, app_name: both empty would mute all: write `*` for what may be any"));
    }
    let now = (alerts.now)();
    if until.is_some_and(|u| u <= now) {
        return Err(ApiError::bad("until: past: write epoch milliseconds, or nothing for ever"));
    }
    let any = |text: String| if text.trim().is_empty() { "*".to_owned() } else { text.trim().to_owned() };
    let mut mute = Mute { id: 0, rule: any(rule), app_name: any(app_name), until, reason, by, created_at: now };
    mute.id = alerts.ledger.mute(&mute).await.map_err(failed)?;
    json(&muted(&mute))
}

async fn unmute(Extension(alerts): Extension<Alerts>, Path(id): Path<i64>) -> Result<Response, ApiError> {
    removed(id, "mute", alerts.ledger.unmute(id, (alerts.now)()).await)
}

fn removed(id: i64, what: &str, done: Result<bool, LedgerError>) -> Result<Response, ApiError> {
    if done.map_err(failed)? {
        json(&value!({ "id": id }))
    } else {
        Err(ApiError::not_found(format!("no such {what}: {id}")))
    }
}

fn silenced(s: &Silence) -> Json {
    value!({
        "id": s.id, "matchers": s.texts, "until": s.until, "reason": s.reason, "by": s.by, "created_at": s.created_at,
    })
}

async fn silences(Extension(alerts): Extension<Alerts>) -> Result<Response, ApiError> {
    let quiet = alerts.ledger.quiet((alerts.now)()).await.map_err(failed)?;
    json(&quiet.silences.iter().map(silenced).collect::<Vec<_>>())
}

async fn silence(Extension(alerts): Extension<Alerts>, bytes: Bytes) -> Result<Response, ApiError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wanted {
        matchers: Vec<String>,
        until: i64,
        #[serde(default)]
        reason: String,
        by: String,
    }
    let Wanted { matchers: texts, until, reason, by } = body(&bytes)?;
    let matchers = Matcher::all(&texts).map_err(ApiError::bad)?;
    if matchers.is_empty() {
        return Err(ApiError::bad("matchers: none would silence all: write at least one, as severity=\"info\""));
    }
    let now = (alerts.now)();
    if until <= now {
        return Err(ApiError::bad("until: past: write epoch milliseconds"));
    }
    let mut silence = Silence { id: 0, texts, matchers, until, reason, by, created_at: now };
    silence.id = alerts.ledger.silence(&silence).await.map_err(failed)?;
    json(&silenced(&silence))
}

async fn unsilence(Extension(alerts): Extension<Alerts>, Path(id): Path<i64>) -> Result<Response, ApiError> {
    removed(id, "silence", alerts.ledger.unsilence(id, (alerts.now)()).await)
}

/// Whether the viewer may see all that a delivery tells of.
async fn may_see_delivery(api: &Api, alerts: &Alerts, id: i64) -> Result<bool, ApiError> {
    let owners = alerts.ledger.owners_of_delivery(id).await.map_err(failed)?;
    Ok(owners.iter().all(|(cluster, owner)| may_see(&api.viewer(), cluster, owner)))
}

async fn deliveries(
    State(api): State<Api>,
    Extension(alerts): Extension<Alerts>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let query = Query::parse(query);
    let (offset, length) = query.page()?;
    let state = match query.first("state").as_deref() {
        None => None,
        Some("waiting") => Some(DeliveryState::Waiting),
        Some("sent") => Some(DeliveryState::Sent),
        Some("dead") => Some(DeliveryState::Dead),
        Some(other) => return Err(ApiError::bad(format!("state={other}: write waiting, sent or dead"))),
    };
    let found = alerts.ledger.deliveries(&api.viewer(), state, offset, length).await;
    let (total, page) = found.map_err(failed)?;
    let out: Vec<Json> = page.iter().map(delivery).collect();
    json(&value!({ "total": total, "deliveries": out }))
}

async fn resend(
    State(api): State<Api>,
    Extension(alerts): Extension<Alerts>,
    Path(id): Path<i64>,
) -> Result<Response, ApiError> {
    let missing = || ApiError::not_found(format!("no such dead letter: {id}"));
    if !may_see_delivery(&api, &alerts, id).await? {
        return Err(missing());
    }
    let done = alerts.ledger.resend(id, (alerts.now)()).await.map_err(failed)?;
    if done { json(&value!({ "id": id, "state": "waiting" })) } else { Err(missing()) }
}

async fn from_grafana(Extension(alerts): Extension<Alerts>, bytes: Bytes) -> Result<Response, ApiError> {
    taken(&alerts, &bytes, Origin::Grafana).await
}

async fn from_alertmanager(Extension(alerts): Extension<Alerts>, bytes: Bytes) -> Result<Response, ApiError> {
    taken(&alerts, &bytes, Origin::Alertmanager).await
}

/// Takes a message; it was taken when this answers.
async fn taken(alerts: &Alerts, bytes: &Bytes, origin: Origin) -> Result<Response, ApiError> {
    let now = (alerts.now)();
    let brought = webhook::read(bytes, origin, now).map_err(|why| {
        alerts.ledger.counted.refused(origin);
        ApiError::bad(why)
    })?;
    seen_from(alerts, &brought, origin, now).await
}

/// Takes what a topic posts. What is not to come again is answered with 4xx, as SNS knows it.
async fn from_sns(Extension(alerts): Extension<Alerts>, bytes: Bytes) -> Result<Response, ApiError> {
    if alerts.topics.is_empty() {
        return Err(ApiError::not_found("no topic may post: declare it with [[alerts.topic]]"));
    }
    let now = (alerts.now)();
    match alerts.topics.take(&bytes, now).await {
        Ok(Took::Alerts(brought)) => seen_from(&alerts, &brought, Origin::Sns, now).await,
        Ok(Took::Subscription) => json(&value!({ "alerts": 0, "incidents": [], "refused": [] })),
        Err(e) => {
            alerts.ledger.counted.refused(Origin::Sns);
            tracing::warn!("alerts: a message for /intake/sns was not taken: {e}");
            Err(match e {
                SnsError::Refused(why) => ApiError::bad(why),
                SnsError::Later(why) => ApiError::Text(StatusCode::SERVICE_UNAVAILABLE, why),
            })
        }
    }
}

async fn seen_from(alerts: &Alerts, brought: &Brought, origin: Origin, now: i64) -> Result<Response, ApiError> {
    let place = |labels: &_| alerts.settings.tree.place(labels);
    let seen = alerts.ledger.see(&brought.alerts, now, &place).await.map_err(failed)?;
    if !brought.odd.is_empty() {
        brought.odd.iter().for_each(|_| alerts.ledger.counted.refused(origin));
        tracing::warn!("alerts: not all of a message for /intake/{} was taken: {}", origin.name(), brought.told());
    }
    let incidents: Vec<Option<i64>> = seen.iter().map(|s| s.incident).collect();
    let refused: Vec<Json> =
        brought.odd.iter().map(|o| value!({ "alert": o.at, "name": or_null(&o.name), "why": o.why })).collect();
    json(&value!({ "alerts": brought.alerts.len(), "incidents": incidents, "refused": refused }))
}
