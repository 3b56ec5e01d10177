//! What the name of a log tells of its application, where the log itself does not.

use std::path::Path;

use afterglow_ingest::log::{EventLog, Layout};

/// Application and attempt id of a log whose start is missing. Databricks delivers dated parts into a folder for
/// each cluster's driver: that names them, where the source has it below its own.
pub fn of(log: &EventLog) -> Option<(String, Option<String>)> {
    let named = || {
        let mut names = log.key.rsplit('/').filter(|name| !name.is_empty());
        let file = names.next()?;
        Some((names.next().unwrap_or(file).to_owned(), None))
    };
    from_key(&log.key).or_else(|| if log.layout == Layout::Dated { named() } else { None })
}

/// The same by the log's key alone.
pub fn from_key(key: &str) -> Option<(String, Option<String>)> {
    let name = Path::new(key).file_name()?.to_str()?;
    let name = name.strip_prefix("eventlog_v2_").unwrap_or(name);
    let name = name.split('.').next()?;
    if !looks_like_id(name) {
        return None;
    }
    // application_<cluster>_<n>[_<attempt>], others <id>[_<attempt>].
    let parts: Vec<&str> = name.split('_').collect();
    let id_parts = if parts[0] == "application" { 3 } else { 1 };
    let attempt = (parts.len() == id_parts + 1).then(|| parts[id_parts].to_owned());
    let id = if attempt.is_some() { parts[..id_parts].join("_") } else { name.to_owned() };
    Some((id, attempt))
}

/// Whether a name has the form in which Spark and its platforms name applications: such a file
/// was meant to be an event log, even if its content is none.
pub fn looks_like_id(name: &str) -> bool {
    let digits_after =
        |prefix: &str| name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    ["application_", "local-", "app-"].into_iter().any(digits_after)
        || name
            .strip_prefix("spark-")
            .is_some_and(|rest| rest.len() >= 16 && rest.bytes().all(|b| b.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ids_off_names() {
        let id = |key| from_key(key).map(|(a, b)| (a, b.unwrap_or_default()));
        let some = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        assert_eq!(id("x/eventlog_v2_application_1_2_3"), some("application_1_2", "3"));
        assert_eq!(id("application_1_2.zstd"), some("application_1_2", ""));
        assert_eq!(id("local-1430917381535_2"), some("local-1430917381535", "2"));
        assert_eq!(id("app-20161115172038-0000"), some("app-20161115172038-0000", ""));
        assert_eq!(id("notes.txt"), None);
        let dated = |key: &str, layout| {
            let key = key.to_owned();
            let log = EventLog { key, layout, parts: vec![], in_progress: false, missing: vec![], compacted: false };
            of(&log).map(|(id, _)| id)
        };
        assert_eq!(dated("logs/0921-c2/eventlog", Layout::Dated).as_deref(), Some("0921-c2"));
        assert_eq!(dated("eventlog", Layout::Dated).as_deref(), Some("eventlog"));
        assert_eq!(dated("app-1-0921/eventlog", Layout::Single), None);
    }
}
