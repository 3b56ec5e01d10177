//! Names of everything in the store. No other module builds an object key.
//!
//! ```text
//! attempts/<cluster>/<application>/<attempt or ->/<generation>-<part>.ag
//! containers/<cluster>/<application>/<source>-<checksum of the log's key>-<generation>.ag
//! probes/<process>
//! fleet/<table>/date=<yyyy-mm-dd>/cluster=<cluster>/<batch>.parquet
//! ```

use object_store::path::Path;

/// A part of an attempt. A rebuilt attempt has a new generation, so that readers of the old one
/// are not disturbed and a crash leaves no mixture.
pub fn part(cluster: &str, app: &str, attempt: Option<&str>, generation: i64, part: i64) -> Path {
    let name = format!("{generation}-{part}.ag");
    Path::from_iter(["attempts", cluster, app, attempt.unwrap_or("-"), &name])
}

/// What was found in a container's log. A log that is read anew has a new generation.
pub fn container(cluster: &str, app: &str, source: i64, log_key: &str, generation: i64) -> Path {
    let name = format!("{source}-{:08x}-{generation}.ag", crc32fast::hash(log_key.as_bytes()));
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
