//! `demo`: real logs that travel in the binary, served from a folder that goes with the process.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use afterglow_ingest::SourceKind;

use super::{fail, serve};
use crate::config::Config;
use crate::config::sources::SourceConfig;
use crate::config::units::Time;
use crate::terminal::complain;

/// Packed logs of real applications: (cluster, archive).
const SAMPLES: [(&str, &[u8]); 13] = [
    ("analytics", include_bytes!("../../tests/logs/4.3.0/sql.tar.zst")),
    ("analytics", include_bytes!("../../tests/logs/4.3.0/fail-job.tar.zst")),
    ("analytics", include_bytes!("../../tests/logs/4.3.0/skew.tar.zst")),
    ("analytics", include_bytes!("../../tests/logs/4.3.0/fail-killed.tar.zst")),
    ("analytics", include_bytes!("../../tests/logs/4.3.0/storage.tar.zst")),
    ("analytics", include_bytes!("../../tests/logs/4.3.0/users.tar.zst")),
    ("analytics", include_bytes!("../../tests/logs/4.3.0/connect.tar.zst")),
    ("science", include_bytes!("../../tests/logs/3.5.9/derived.tar.zst")),
    ("science", include_bytes!("../../tests/logs/3.5.9/exec-lost.tar.zst")),
    ("science", include_bytes!("../../tests/logs/3.5.9/exec-metrics.tar.zst")),
    ("science", include_bytes!("../../tests/logs/3.5.9/spill.tar.zst")),
    ("streaming", include_bytes!("../../tests/logs/3.5.9/streaming-rocksdb.tar.zst")),
    ("streaming", include_bytes!("../../tests/containers/4.3.0.tar.zst")),
];

/// The archives were packed with a window of this size.
const WINDOW_LOG: u32 = 27;

pub async fn run(mut config: Config) -> ExitCode {
    let folder = match tempfile::tempdir() {
        Ok(folder) => folder,
        Err(e) => return fail(&format!("cannot make a folder for the samples: {e}")),
    };
    if let Err(e) = unpack(folder.path()) {
        return fail(&format!("{}: {e}", folder.path().display()));
    }
    let clusters = ["analytics", "science", "streaming"];
    let source = |cluster: &str, kind| {
        let url = folder.path().join(cluster).display().to_string();
        SourceConfig { cluster: cluster.into(), url, kind, ..SourceConfig::default() }
    };
    config.source = clusters.map(|c| source(c, SourceKind::EventLogs)).to_vec();
    config.source.push(source("streaming", SourceKind::ContainerLogs));
    // What the samples tell is long past.
    config.alerts.max_age = Time(Duration::from_secs(1 << 36));
    config.store.url = folder.path().join("store").display().to_string();
    complain!("Sample logs of real Spark applications: open http://{}/", config.server.listen);
    serve::run(config).await
}

fn unpack(folder: &Path) -> std::io::Result<()> {
    for (cluster, archive) in SAMPLES {
        let mut decoder = zstd::stream::read::Decoder::new(archive)?;
        decoder.window_log_max(WINDOW_LOG)?;
        tar::Archive::new(decoder).unpack(folder.join(cluster))?;
    }
    Ok(())
}
