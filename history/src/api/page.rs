//! The plain page at `/` until the UI arrives: sources with their health, the latest applications.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Html;

use super::error::ApiError;
use super::query::Query;
use super::wire::date;
use super::{Api, now};
use crate::catalog::ApplicationFilter;

const ROWS: i64 = 100;

const STYLE: &str = "body{font:14px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;color:#222}\
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse;width:100%}\
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #e4e4e4;vertical-align:top}th{font-weight:600;color:#555}\
td.n{text-align:right;font-variant-numeric:tabular-nums}.bad{color:#a4001d}.good{color:#0a6b2d}.dim{color:#777}a{color:#0b57a4}\
@media(prefers-color-scheme:dark){body{background:#161616;color:#ddd}th,td{border-color:#333}th{color:#aaa}a{color:#7db7f0}.bad{color:#ff8095}.good{color:#6fd08c}}";

/// Ready when the catalog answers.
pub async fn ready(State(api): State<Api>) -> Result<&'static str, StatusCode> {
    api.catalog.totals(&api.viewer()).await.map(|_| "ready").map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
}

pub async fn index(State(api): State<Api>, query: Query) -> Result<Html<String>, ApiError> {
    let viewer = api.viewer();
    let offset = query.value::<i64>("offset", 0)?.max(0);
    let filter = ApplicationFilter {
        completed: true,
        running: true,
        now: now(),
        offset,
        limit: Some(ROWS),
        ..ApplicationFilter::default()
    };
    let found = api.catalog.applications(&viewer, &filter).await?;
    let (total, _) = api.catalog.totals(&viewer).await?;
    let mut out = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'><title>Afterglow</title><style>{STYLE}</style><h1>Afterglow</h1>"
    );
    out.push_str(
        "<h2>Sources</h2><table><tr><th>Cluster<th>Source<th>Health<th>Last listed<th>Logs<th>Other objects</tr>",
    );
    for s in api.catalog.sources(&viewer).await? {
        let health = match (&s.problem, s.last_success) {
            (Some(p), _) => format!("<span class=bad>{}</span>", escape(p)),
            (None, Some(_)) => "<span class=good>ok</span>".to_owned(),
            (None, None) => "<span class=dim>being listed for the first time</span>".to_owned(),
        };
        let last = s.last_success.map_or("never".to_owned(), date);
        out.push_str(&format!(
            "<tr><td>{}<td>{}<td>{health}<td>{last}<td class=n>{}<td class=n>{}</tr>",
            escape(&s.cluster),
            escape(&s.url),
            s.logs,
            s.passed_by
        ));
    }
    let urls: std::collections::HashMap<i64, String> =
        api.catalog.sources(&viewer).await?.into_iter().map(|s| (s.id, s.url)).collect();
    let problems = api.catalog.log_problems(&viewer, 50).await?;
    out.push_str(&format!("</table><h2>Applications <span class=dim>{} of {total}</span></h2>", found.len()));
    out.push_str("<table><tr><th>Application<th>Cluster<th>Name<th>User<th>Started<th>Duration<th>Status</tr>");
    for a in found.iter().flatten() {
        let attempt = a.attempt_id.as_ref().map(|t| format!("/{t}")).unwrap_or_default();
        let id = escape(&format!("{}{attempt}", a.app_id));
        let link = format!("/clusters/{}/api/v1/applications/{id}/jobs", escape(&a.cluster));
        let duration = if a.end_time >= 0 { span(a.end_time - a.start_time) } else { "–".to_owned() };
        let note = if a.damaged { " <span class=bad>incomplete log</span>" } else { "" };
        out.push_str(&format!(
            "<tr><td><a href='{link}'>{id}</a><td>{}<td>{}<td>{}<td>{}<td class=n>{duration}<td>{}{note}</tr>",
            escape(&a.cluster),
            escape(&a.name),
            escape(&a.user),
            date(a.start_time),
            a.status.text(),
        ));
    }
    out.push_str("</table>");
    if offset + ROWS < total {
        out.push_str(&format!("<p><a href='/?offset={}'>Older applications</a>", offset + ROWS));
    }
    if !problems.is_empty() {
        out.push_str("<h2>Logs with problems</h2><table><tr><th>Log<th>Problem</tr>");
        for (source, log, problem) in problems {
            let log = format!("{}/{log}", urls.get(&source).map(String::as_str).unwrap_or_default());
            out.push_str(&format!("<tr><td>{}<td>{}</tr>", escape(&log), escape(&problem)));
        }
        out.push_str("</table>");
    }
    out.push_str("<p class=dim>REST as Spark's History Server: <a href='/api/v1/applications'>/api/v1/applications</a> · search: <a href='/api/afterglow/v1/search?q='>/api/afterglow/v1/search?q=</a>");
    Ok(Html(out))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\'', "&#39;").replace('"', "&quot;")
}

fn span(ms: i64) -> String {
    match ms / 1000 {
        s if s < 60 => format!("{s} s"),
        s if s < 3600 => format!("{} min {} s", s / 60, s % 60),
        s => format!("{} h {} min", s / 3600, s % 3600 / 60),
    }
}
