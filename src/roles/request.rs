//! `check --request`: is a request to run an application right, and what will its settings be?

use std::path::Path;
use std::process::ExitCode;

use afterglow_history::request::{LARGEST, Request, Setting, read};
use afterglow_ingest::source;

use super::fail;
use crate::config::Config;
use crate::terminal::{complain, say};

const ENABLED: &str = "spark.eventLog.enabled";
const DIR: &str = "spark.eventLog.dir";

pub fn run(config: &Config, file: &Path) -> ExitCode {
    let shown = file.display();
    let text = match text(file) {
        Ok(text) => text,
        Err(e) => return fail(&format!("{shown}: {e}")),
    };
    let request = match read(&text) {
        Ok(request) => request,
        Err(p) => return fail(&format!("{shown}:{}:{}: {}", p.line, p.column, p.what)),
    };
    say!("{shown}: {}", request.kind.text());
    let width = request.settings.iter().map(|w| w.setting.name.len()).max().unwrap_or(0);
    for w in &request.settings {
        let place = |s: &Setting| format!("{}, line {}", s.from, s.line);
        let over: Vec<_> = w.over.iter().map(|s| format!("{} ({})", masked(s), place(s))).collect();
        let over = if over.is_empty() { String::new() } else { format!(", wins over {}", over.join(" and ")) };
        say!("  {:width$}  {} ({}){over}", w.setting.name, masked(&w.setting), place(&w.setting));
    }
    if let Some(note) = event_log(config, &request) {
        say!("{note}");
    }
    request.problems.iter().for_each(|p| complain!("{shown}:{}:{}: {}", p.line, p.column, p.what));
    if request.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn text(file: &Path) -> Result<String, String> {
    let size = std::fs::metadata(file).map_err(|e| e.to_string())?.len();
    if size > LARGEST {
        return Err(format!("{size} bytes are no request: name a file of at most {LARGEST}"));
    }
    std::fs::read_to_string(file).map_err(|e| e.to_string())
}

/// A value as it may be printed.
fn masked(s: &Setting) -> &str {
    let secret = ["secret", "token", "password", "credential", "accesskey", "access.key"];
    let name = s.name.to_ascii_lowercase();
    if secret.iter().any(|word| name.contains(word)) { afterglow_history::redact::REDACTED } else { &s.value }
}

/// What is to be known of its event log: whether it is written, and where somebody reads it.
fn event_log(config: &Config, request: &Request) -> Option<String> {
    let value = |name| request.setting(name).map(|s| s.value.trim());
    if value(ENABLED).is_none_or(|v| !v.eq_ignore_ascii_case("true")) {
        return Some(format!(
            "{ENABLED} is not true here: unless defaults set it, the run writes no event log, and is not seen"
        ));
    }
    let Some(dir) = value(DIR) else {
        return Some(format!("{DIR} is not set here: unless defaults set it, event logs go to a folder on the driver"));
    };
    let normal =
        |url: &str| source::normalize(url).ok().map(|u| format!("{}/", source::shown(&u).trim_end_matches('/')));
    let place = normal(dir)?;
    let read = config.source.iter().filter_map(|s| normal(&s.url)).any(|source| place.starts_with(&source));
    (!read && !config.source.is_empty())
        .then(|| format!("{DIR}: {} lies in no source of these settings: nobody reads it", source::masked(dir)))
}
