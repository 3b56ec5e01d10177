//! `check --request`: is a request to run an application right, and what will its settings be?

use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use afterglow_history::redact::Redactor;
use afterglow_history::request::{LARGEST, MANY, Request, Setting, Winner, read};
use afterglow_ingest::source;

use super::fail;
use crate::config::Config;
use crate::terminal::{complain, say};

const ENABLED: &str = "spark.eventLog.enabled";
const DIR: &str = "spark.eventLog.dir";
/// Characters of a value or a problem that are shown.
const LONG: usize = 500;
/// Settings that lose against another one that are shown.
const LOSERS: usize = 5;

pub fn run(config: &Config, file: &Path) -> ExitCode {
    let shown = file.display();
    let redactor = match Redactor::new(&config.redaction.regex) {
        Ok(redactor) => redactor,
        Err(e) => return fail(&format!("redaction.regex: {e}")),
    };
    let wrong = |line, column, what: &str| format!("{shown}:{line}:{column}: {}", cut(&redactor.text(what)));
    let text = match text(file) {
        Ok(text) => text,
        Err(e) => return fail(&format!("{shown}: {e}")),
    };
    let found = match read(&text) {
        Ok(found) => found,
        Err(p) => return fail(&wrong(p.line, p.column, &p.what)),
    };
    for request in &found.requests {
        let place = if found.requests.len() > 1 { format!(":{}", request.line) } else { String::new() };
        say!("{shown}{place}: {}", request.kind.text());
        settings(&redactor, request);
        // Of what could not be understood at all, nothing is known.
        let understood = !request.settings.is_empty() || request.problems.is_empty();
        if let Some(note) = event_log(config, request).filter(|_| understood) {
            say!("{note}");
        }
    }
    if !found.passed.is_empty() {
        let some = found.passed.iter().take(MANY).map(|(kind, line)| format!("{} (line {line})", cut(kind)));
        say!("passed by, as they are no such requests: {}", some.collect::<Vec<_>>().join(", "));
    }
    let problems = || found.requests.iter().flat_map(|r| &r.problems);
    problems().take(MANY).for_each(|p| complain!("{}", wrong(p.line, p.column, &p.what)));
    let count = problems().count();
    if count > MANY {
        complain!("{shown}: and {} more", count - MANY);
    }
    if count == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Says what the settings of a request will be.
fn settings(redactor: &Redactor, request: &Request) {
    let some = &request.settings[..request.settings.len().min(MANY)];
    let width = some.iter().map(|w| w.setting.name.chars().count()).max().unwrap_or(0).min(LONG / 4);
    let value = |s: &Setting| {
        let masked = redactor.properties(vec![(s.name.clone(), s.value.clone())]).pop();
        cut(&masked.map_or(String::new(), |(_, value)| value))
    };
    let place = |s: &Setting| format!("{}, line {}", s.from, s.line);
    for Winner { setting, over } in some {
        let mut losers: Vec<_> =
            over.iter().rev().take(LOSERS).map(|s| format!("{} ({})", value(s), place(s))).collect();
        if over.len() > LOSERS {
            losers.push(format!("{} more", over.len() - LOSERS));
        }
        let over = if losers.is_empty() { String::new() } else { format!(", wins over {}", losers.join(" and ")) };
        say!("  {:width$}  {} ({}){over}", cut(&setting.name), value(setting), place(setting));
    }
    if request.settings.len() > some.len() {
        say!("  and {} more", request.settings.len() - some.len());
    }
}

/// The beginning of a long text.
fn cut(text: &str) -> String {
    match text.char_indices().nth(LONG) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

/// All of a file, if that is not too much: whatever the file says of its size.
fn text(file: &Path) -> Result<String, String> {
    let opened = std::fs::File::open(file).map_err(|e| e.to_string())?;
    let mut bytes = Vec::new();
    opened.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("more than {LARGEST} bytes are no request"));
    }
    String::from_utf8(bytes).map_err(|e| {
        let line = e.as_bytes().iter().take(e.utf8_error().valid_up_to()).filter(|b| **b == b'\n').count() + 1;
        let utf16 = e.as_bytes().starts_with(&[0xff, 0xfe]) || e.as_bytes().starts_with(&[0xfe, 0xff]);
        let what = if utf16 { "it is UTF-16" } else { "it is another encoding, or no text" };
        format!("line {line} is not UTF-8: {what}; save it as UTF-8")
    })
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
