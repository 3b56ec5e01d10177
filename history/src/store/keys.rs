//! Names of everything in the store. No other module builds an object key.
//!
//! ```text
//! attempts/<cluster>/<application>/<attempt or ->/<generation>-<part>.ag
//! fleet/<table>/date=<yyyy-mm-dd>/cluster=<cluster>/<batch>.parquet
//! ```

use object_store::path::Path;

/// A part of an attempt. A rebuilt attempt has a new generation, so that readers of the old one
/// are not disturbed and a crash leaves no mixture.
pub fn part(cluster: &str, app: &str, attempt: Option<&str>, generation: i64, part: i64) -> Path {
    let name = format!("{generation}-{part}.ag");
    Path::from_iter(["attempts", cluster, app, attempt.unwrap_or("-"), &name])
}

/// The folder of all parts.
pub fn attempts() -> Path {
    Path::from("attempts")
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
