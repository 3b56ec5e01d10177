//! Names of everything in the store. No other module builds an object key.
//!
//! ```text
//! attempts/<cluster>/<application>/<attempt or ->/<generation>-<part>-<token>.ag
//! containers/<cluster>/<application>/<source>-<checksum of the log's key>-<generation>-<token>.ag
//! probes/<process>
//! fleet/<table>/date=<yyyy-mm-dd>/cluster=<cluster>/<batch>.parquet
//! ```

use object_store::path::Path;

/// Bytes of a folder's name: file systems take 255.
const MAX_NAME: usize = 240;

/// What no two processes choose at the same time, so that a key is one object's for ever.
fn token() -> u64 {
    fastrand::u64(..)
}

/// A part of an attempt. A rebuilt attempt has a new generation, so that readers of the old one
/// are not disturbed and a crash leaves no mixture. Every call gives another key.
pub fn part(cluster: &str, app: &str, attempt: Option<&str>, generation: i64, part: i64) -> Path {
    let name = format!("{generation}-{part}-{:016x}.ag", token());
    Path::from_iter(["attempts", cluster, app, attempt.unwrap_or("-"), &name])
}

/// The number of a part, by its key.
pub fn part_number(key: &Path) -> Option<i64> {
    key.filename()?.trim_end_matches(".ag").split('-').nth(1)?.parse().ok()
}

/// What is too long for a key of any store, in words: an object's name holds both ids.
pub fn too_long(app: &str, attempt: Option<&str>) -> Option<String> {
    let stored = |id: &str| Path::from_iter([id]).as_ref().len();
    [("application id", app), ("attempt id", attempt.unwrap_or_default())].into_iter().find_map(|(what, id)| {
        let bytes = stored(id);
        let start: String = id.chars().take(40).collect();
        (bytes > MAX_NAME).then(|| {
            format!("its {what} {start:?}… has {bytes} bytes where a store takes {MAX_NAME}: it cannot be indexed")
        })
    })
}

/// What was found in a container's log. A log that is read anew has a new generation.
pub fn container(cluster: &str, app: &str, source: i64, log_key: &str, generation: i64) -> Path {
    let name = format!("{source}-{:08x}-{generation}-{:016x}.ag", crc32fast::hash(log_key.as_bytes()), token());
    Path::from_iter(["containers", cluster, app, &name])
}

/// The key that was noted as this text, or that a store listed so. Such a text is encoded already where it must be.
pub fn noted(text: &str) -> Path {
    Path::parse(text).unwrap_or_else(|_| Path::from(text))
}

/// What a process writes and removes to see whether it may write.
pub fn probe(process: u32) -> Path {
    Path::from_iter(["probes", &process.to_string()])
}

/// The folders of all parts.
pub fn parts() -> [Path; 2] {
    [Path::from("attempts"), Path::from("containers")]
}

/// A file of a fleet table.
pub fn fleet(table: &str, date: &str, cluster: &str, batch: i64) -> Path {
    Path::from_iter([
        "fleet",
        table,
        &format!("date={date}"),
        &format!("cluster={cluster}"),
        &format!("{batch}.parquet"),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_one_objects_for_ever() {
        let [a, b] = [(); 2].map(|()| part("c", "app-1", None, 17, 42));
        assert_ne!(a, b);
        assert_eq!((part_number(&a), part_number(&b)), (Some(42), Some(42)));
        // As older versions wrote them.
        assert_eq!(part_number(&Path::from("attempts/c/app-1/-/17-43.ag")), Some(43));
        assert_ne!(container("c", "app-1", 1, "k", 1), container("c", "app-1", 1, "k", 1));
    }

    #[test]
    fn ids_that_no_store_takes_are_told() {
        assert_eq!(too_long("application_1_2", Some("1")), None);
        assert_eq!(too_long(&"x".repeat(240), None), None);
        assert!(too_long(&"x".repeat(241), None).unwrap().contains("application id \"xxx"));
        // Three bytes for each, as they are stored.
        assert!(too_long(&"%".repeat(100), None).unwrap().contains("300 bytes"));
        assert!(too_long("app-1", Some(&"y".repeat(300))).unwrap().contains("attempt id"));
    }
}
