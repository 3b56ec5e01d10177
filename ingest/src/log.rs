//! What an event log is, seen from the outside: which objects of a listing belong together, and
//! in which order they are read. Names decide only what surely is no log; content decides the rest.

use std::collections::{BTreeMap, HashSet};

use object_store::{ObjectMeta, path::Path};

/// An event log of one application attempt: one object, or the parts of a rolling log in order.
#[derive(Debug, Clone, PartialEq)]
pub struct EventLog {
    /// Path below the source that stays the same for the life of the log: without
    /// `.inprogress`, and the folder for a rolling log.
    pub key: String,
    pub layout: Layout,
    pub parts: Vec<Part>,
    /// The writer says it has not finished.
    pub in_progress: bool,
    /// Indices of a rolling log that should be there and are not.
    pub missing: Vec<i64>,
    /// Spark rewrote the oldest parts, leaving out events of finished work.
    pub compacted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    Single,
    /// `eventlog_v2_*` with numbered parts.
    Rolling,
    /// `eventlog` and its rotated, dated predecessors, as Databricks delivers them.
    Dated,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    pub index: i64,
    pub path: Path,
    /// Bytes.
    pub size: u64,
    pub etag: Option<String>,
    /// Epoch milliseconds.
    pub modified: i64,
}

impl EventLog {
    /// Bytes of all parts.
    pub fn size(&self) -> u64 {
        self.parts.iter().map(|p| p.size).sum()
    }

    /// When the newest part was written, epoch milliseconds.
    pub fn modified(&self) -> i64 {
        self.parts.iter().map(|p| p.modified).max().unwrap_or(0)
    }

    /// A text that changes whenever the log does.
    pub fn version(&self) -> String {
        let mut out = String::from(if self.in_progress { "…" } else { "" });
        for p in &self.parts {
            let name = p.path.filename().unwrap_or_default();
            out.push_str(&format!("{name}:{}:{};", p.size, p.etag.as_deref().unwrap_or_default()));
        }
        out
    }
}

/// What one object of a listing is.
#[derive(Debug, PartialEq, Eq)]
enum Class {
    /// Surely nothing of ours: hidden, a marker, data, a container's output.
    PassBy,
    Single {
        key: String,
        in_progress: bool,
    },
    RollingPart {
        dir: String,
        index: i64,
        compacted: bool,
    },
    RollingStatus {
        dir: String,
        in_progress: bool,
    },
    DatedPart {
        dir: String,
    },
}

/// Endings of files that are never event logs, wherever they lie.
pub(crate) const OTHER_ENDINGS: [&str; 22] = [
    "parquet", "orc", "avro", "csv", "tsv", "crc", "jar", "py", "whl", "egg", "sh", "sql", "md", "html", "xml", "yaml",
    "yml", "png", "class", "pyc", "metadata", "delta",
];

/// Names of container and step output on EMR and YARN, before any `.gz`.
const OUTPUT_NAMES: [&str; 9] = [
    "stdout",
    "stderr",
    "syslog",
    "controller",
    "directory.info",
    "prelaunch.out",
    "prelaunch.err",
    "launch_container.sh",
    "container-localizer-syslog",
];

/// Whether a folder has the name of a rolling log.
fn is_rolling(folder: &str) -> bool {
    folder.rsplit('/').next().unwrap_or_default().starts_with("eventlog_v2_")
}

fn classify(path: &str) -> Class {
    let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
    let hidden = |part: &str| part.starts_with(['.', '_']);
    if path.split('/').any(hidden) {
        return Class::PassBy;
    }
    if is_rolling(dir) {
        if let Some(rest) = name.strip_prefix("appstatus_") {
            return Class::RollingStatus { dir: dir.to_owned(), in_progress: rest.ends_with(".inprogress") };
        }
        if let Some(rest) = name.strip_prefix("events_") {
            let index = rest.split('_').next().and_then(|i| i.parse().ok());
            if let Some(index) = index {
                return Class::RollingPart { dir: dir.to_owned(), index, compacted: rest.ends_with(".compact") };
            }
        }
        return Class::PassBy;
    }
    if name == "eventlog" || name.starts_with("eventlog-") {
        return Class::DatedPart { dir: dir.to_owned() };
    }
    let bare = name.strip_suffix(".gz").unwrap_or(name);
    let ending = bare.rsplit_once('.').map_or("", |(_, e)| e);
    if OTHER_ENDINGS.contains(&ending)
        || OUTPUT_NAMES.contains(&bare)
        || bare.ends_with(".log") && !bare.starts_with("application_")
    {
        return Class::PassBy;
    }
    let key = path.strip_suffix(".inprogress").unwrap_or(path);
    Class::Single { key: key.to_owned(), in_progress: key.len() < path.len() }
}

/// Groups the objects of a listing into logs. Feed it in listing order: a single log is given out
/// at once, a folder's as soon as the listing has left the folder, and so is one under its
/// `.inprogress` name, because its final name may follow.
#[derive(Debug, Default)]
pub struct Grouper {
    /// Below which the keys are.
    root: String,
    folders: BTreeMap<String, Folder>,
    /// Single logs that are being written.
    open: BTreeMap<String, EventLog>,
    /// Keys of single logs that were met under their final name.
    finals: HashSet<String>,
    current: String,
    /// Objects passed by for their name.
    pub passed_by: u64,
}

#[derive(Debug, Default)]
struct Folder {
    parts: Vec<(Part, bool)>,
    dated: bool,
    /// The status file's word; none without one.
    in_progress: Option<bool>,
}

impl Grouper {
    pub fn new(root: &Path) -> Self {
        Grouper { root: root.to_string(), ..Grouper::default() }
    }

    /// Takes one object in; gives the logs that are complete as far as the listing goes.
    pub fn push(&mut self, meta: ObjectMeta) -> Vec<EventLog> {
        let full = meta.location.to_string();
        let below = full.strip_prefix(&self.root).unwrap_or(&full).trim_start_matches('/').to_owned();
        let dir = below.rsplit_once('/').map_or("", |(d, _)| d).to_owned();
        let mut done = Vec::new();
        if dir != self.current {
            done = self.leave();
            self.current = dir;
        }
        let part = Part {
            index: 0,
            path: meta.location,
            size: meta.size,
            etag: meta.e_tag,
            modified: meta.last_modified.timestamp_millis(),
        };
        match classify(&below) {
            Class::PassBy => self.passed_by += 1,
            // Hadoop marks folders in S3 by empty objects, `eventlog_v2_ID/`; the slash is not in their paths.
            Class::Single { key, .. } if part.size == 0 && is_rolling(&key) => self.passed_by += 1,
            Class::Single { key, in_progress } => {
                let log = EventLog {
                    key: key.clone(),
                    layout: Layout::Single,
                    parts: vec![part],
                    in_progress,
                    missing: Vec::new(),
                    compacted: false,
                };
                if in_progress {
                    self.open.insert(key, log);
                } else {
                    self.finals.insert(key);
                    done.push(log);
                }
            }
            Class::RollingPart { dir, index, compacted } => {
                self.folders.entry(dir).or_default().parts.push((Part { index, ..part }, compacted));
            }
            Class::RollingStatus { dir, in_progress } => {
                let folder = self.folders.entry(dir).or_default();
                // While the status file is renamed both may be there.
                folder.in_progress = Some(in_progress && folder.in_progress != Some(false));
            }
            Class::DatedPart { dir } => {
                let folder = self.folders.entry(dir).or_default();
                folder.dated = true;
                folder.parts.push((part, false));
            }
        }
        done
    }

    /// The listing has ended: everything that is left.
    pub fn finish(mut self) -> (Vec<EventLog>, u64) {
        let logs = self.leave();
        (logs, self.passed_by)
    }

    fn leave(&mut self) -> Vec<EventLog> {
        // A log that is being renamed may be listed under both names: the final one counts.
        let open = std::mem::take(&mut self.open).into_iter().filter(|(key, _)| !self.finals.contains(key));
        let folders = std::mem::take(&mut self.folders);
        open.map(|(_, log)| log).chain(folders.into_iter().filter_map(|(dir, f)| f.into_log(dir))).collect()
    }
}

impl Folder {
    fn into_log(mut self, dir: String) -> Option<EventLog> {
        if self.parts.is_empty() {
            return None;
        }
        if self.dated {
            // "eventlog" is the newest; the dates of the others sort as text.
            self.parts.sort_by_key(|(p, _)| {
                let name = p.path.filename().unwrap_or_default().to_owned();
                (name == "eventlog", name)
            });
            let parts = self.parts.into_iter().enumerate().map(|(i, (p, _))| Part { index: i as i64 + 1, ..p });
            return Some(EventLog {
                key: format!("{dir}/eventlog").trim_start_matches('/').to_owned(),
                layout: Layout::Dated,
                parts: parts.collect(),
                in_progress: false,
                missing: Vec::new(),
                compacted: false,
            });
        }
        // A compacted part stands for itself and all before it.
        self.parts.sort_by_key(|(p, compacted)| (p.index, !compacted));
        let start = self.parts.iter().rposition(|(_, compacted)| *compacted);
        let compacted = start.is_some();
        let mut parts: Vec<Part> = self.parts.drain(start.unwrap_or(0)..).map(|(p, _)| p).collect();
        parts.dedup_by_key(|p| p.index);
        let first = if compacted { parts[0].index } else { 1 };
        let have: Vec<i64> = parts.iter().map(|p| p.index).collect();
        let missing = (first..*have.last()?).filter(|i| have.binary_search(i).is_err()).take(1000).collect();
        Some(EventLog {
            key: dir,
            layout: Layout::Rolling,
            parts,
            in_progress: self.in_progress.unwrap_or(false),
            missing,
            compacted,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(path: &str) -> ObjectMeta {
        ObjectMeta {
            location: Path::from(path),
            last_modified: "2026-01-01T00:00:00Z".parse().unwrap(),
            size: 10,
            e_tag: None,
            version: None,
        }
    }

    fn group(root: &str, paths: &[&str]) -> (Vec<EventLog>, u64) {
        let mut grouper = Grouper::new(&Path::from(root));
        let mut logs: Vec<EventLog> = paths.iter().flat_map(|p| grouper.push(object(p))).collect();
        let (rest, passed_by) = grouper.finish();
        logs.extend(rest);
        (logs, passed_by)
    }

    #[test]
    fn finds_logs_at_any_depth_and_passes_the_rest_by() {
        let (logs, passed_by) = group(
            "p",
            &[
                "p/_SUCCESS",
                "p/.hidden",
                "p/app/job.jar",
                "p/application_1_2.inprogress",
                "p/containers/application_1_1/container_1/stderr.gz",
                "p/data/part-0000.snappy.parquet",
                "p/deep/er/local-1.zstd",
                "p/deep/er/spark-abc",
            ],
        );
        let keys: Vec<(&str, bool)> = logs.iter().map(|l| (l.key.as_str(), l.in_progress)).collect();
        assert_eq!(keys, [("application_1_2", true), ("deep/er/local-1.zstd", false), ("deep/er/spark-abc", false)]);
        assert_eq!(passed_by, 5);
    }

    #[test]
    fn a_log_is_given_out_while_its_folder_is_still_listed() {
        let mut grouper = Grouper::new(&Path::from("p"));
        assert_eq!(grouper.push(object("p/app-1.inprogress")), []);
        let given = grouper.push(object("p/app-2"));
        assert_eq!(given.iter().map(|l| l.key.as_str()).collect::<Vec<_>>(), ["app-2"]);
        // Its final name may still come, and a name that was given out does not come again.
        assert_eq!(grouper.push(object("p/app-2.inprogress")), []);
        assert_eq!(
            grouper.push(object("p/x/app-3")).iter().map(|l| l.key.as_str()).collect::<Vec<_>>(),
            ["app-1", "x/app-3"]
        );
        assert_eq!(grouper.finish().0, []);
    }

    #[test]
    fn the_marker_of_a_folder_is_not_its_log() {
        let mut grouper = Grouper::new(&Path::default());
        let marker = |path| ObjectMeta { size: 0, ..object(path) };
        let listing = [marker("eventlog_v2_a"), object("eventlog_v2_a/events_1_a"), marker("eventlog_v2_b")];
        let logs: Vec<EventLog> = listing.into_iter().flat_map(|meta| grouper.push(meta)).collect();
        assert_eq!((logs.len(), logs[0].layout), (1, Layout::Rolling));
        assert_eq!(grouper.finish(), (Vec::new(), 2));
    }

    #[test]
    fn the_final_name_wins_while_a_log_is_renamed() {
        for order in [["a", "a.inprogress"], ["a.inprogress", "a"]] {
            let (logs, _) = group("", &order);
            assert_eq!(logs.len(), 1);
            assert!(!logs[0].in_progress);
        }
    }

    #[test]
    fn rolling_parts_are_read_in_numeric_order_and_gaps_are_named() {
        let d = "x/eventlog_v2_app-1";
        let (logs, passed_by) = group(
            "x",
            &[
                &format!("{d}/appstatus_app-1.inprogress"),
                &format!("{d}/events_10_app-1.zstd"),
                &format!("{d}/events_2_app-1.zstd"),
                &format!("{d}/events_1_app-1.zstd"),
                &format!("{d}/junk"),
            ],
        );
        let log = &logs[0];
        assert_eq!((log.key.as_str(), log.in_progress, passed_by), ("eventlog_v2_app-1", true, 1));
        assert_eq!(log.parts.iter().map(|p| p.index).collect::<Vec<_>>(), [1, 2, 10]);
        assert_eq!(log.missing, [3, 4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn a_compacted_part_replaces_what_came_before() {
        let d = "eventlog_v2_a";
        let (logs, _) = group(
            "",
            &[
                &format!("{d}/appstatus_a"),
                &format!("{d}/events_1_a"),
                &format!("{d}/events_3_a.compact"),
                &format!("{d}/events_3_a"),
                &format!("{d}/events_4_a"),
            ],
        );
        let names: Vec<&str> = logs[0].parts.iter().filter_map(|p| p.path.filename()).collect();
        assert_eq!(names, ["events_3_a.compact", "events_4_a"]);
        assert!(logs[0].compacted && logs[0].missing.is_empty());
    }

    #[test]
    fn databricks_logs_are_read_oldest_first() {
        let d = "c/123_10.0.0.1_abc";
        let (logs, _) = group(
            "",
            &[
                &format!("{d}/eventlog"),
                &format!("{d}/eventlog-2021-06-15--16-00.gz"),
                &format!("{d}/eventlog-2021-06-15--15-00.gz"),
            ],
        );
        let names: Vec<&str> = logs[0].parts.iter().filter_map(|p| p.path.filename()).collect();
        assert_eq!(names, ["eventlog-2021-06-15--15-00.gz", "eventlog-2021-06-15--16-00.gz", "eventlog"]);
    }
}
