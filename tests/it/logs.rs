//! The real logs of `tests/logs`: unpacked once, below cargo's folder for the tests' files, and laid
//! out as a test needs them. What is unpacked is never written to: [`lay`] links, [`copy`] copies.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::UNIX_EPOCH;

use tempfile::TempDir;

/// The archives were packed with a window of this size.
pub const WINDOW_LOG: u32 = 27;
pub const VERSIONS: [&str; 2] = ["3.5.9", "4.3.0"];

static UNPACKING: Mutex<()> = Mutex::new(());

fn archives(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/logs").join(version)
}

/// A folder that goes with the value; on the file system where logs are unpacked, so that they can be linked.
pub fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder")
}

/// The folder with the logs of a case.
pub fn case(version: &str, case: &str) -> PathBuf {
    unpacked(version, case, &archives(version).join(format!("{case}.tar.zst")))
}

/// A folder with an application's event log in `events`, and what its driver and executor wrote, with the garbage
/// collector's log at standard output, in `containers`.
pub fn containers(version: &str) -> PathBuf {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/containers");
    unpacked(version, "containers", &all.join(format!("{version}.tar.zst")))
}

/// The logs of `tests/reports`.
pub fn reports() -> PathBuf {
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports/logs.tar.zst");
    unpacked("reports", "logs", &archive)
}

fn unpacked(version: &str, case: &str, archive: &Path) -> PathBuf {
    let about = fs::metadata(archive).unwrap_or_else(|e| panic!("{}: {e}", archive.display()));
    let written = about.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok()).map_or(0, |d| d.as_millis());
    let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("logs").join(version);
    let place = all.join(format!("{case}-{}-{written}", about.len()));
    let _one = UNPACKING.lock().unwrap_or_else(|e| e.into_inner());
    if !place.is_dir() {
        fs::create_dir_all(&all).expect("a folder");
        let made = tempfile::tempdir_in(&all).expect("a folder");
        let mut decoder = zstd::Decoder::new(File::open(archive).expect("an archive")).expect("zstd");
        decoder.window_log_max(WINDOW_LOG).expect("zstd");
        tar::Archive::new(decoder).unpack(made.path()).expect("an archive");
        fs::rename(made.keep(), &place).expect("a folder");
    }
    place
}

/// Names of all cases of a version.
pub fn cases(version: &str) -> Vec<String> {
    let names = fs::read_dir(archives(version)).expect("tests/logs").flatten().map(|f| f.file_name());
    let mut all: Vec<String> = names.filter_map(|n| Some(n.to_str()?.strip_suffix(".tar.zst")?.to_owned())).collect();
    all.sort();
    all
}

/// The one plain log of a case: its application's id and its bytes.
pub fn plain(version: &str, name: &str) -> (String, Vec<u8>) {
    let mut found =
        fs::read_dir(case(version, name)).expect("a case").flatten().map(|f| f.path()).filter(|p| p.is_file());
    let log = found.next().expect("a log");
    assert!(found.next().is_none(), "{version}/{name} has several logs");
    (log.file_name().unwrap().to_string_lossy().into_owned(), fs::read(log).expect("a log"))
}

/// Links the entries of a folder into another, those whose names `wanted` takes; gives how many.
pub fn lay(from: &Path, to: &Path, wanted: &dyn Fn(&str) -> bool) -> usize {
    fs::create_dir_all(to).expect("a folder");
    let all = fs::read_dir(from).expect("a folder").flatten();
    let taken = all.filter(|f| wanted(&f.file_name().to_string_lossy()));
    taken
        .map(|entry| {
            let (source, place) = (entry.path(), to.join(entry.file_name()));
            if source.is_dir() {
                lay(&source, &place, &|_| true);
            } else {
                fs::hard_link(&source, &place).unwrap_or_else(|e| panic!("{}: {e}", place.display()));
            }
        })
        .count()
}

/// Every log of `tests/logs` side by side, as the History Server of the goldens had them, but for
/// those that `left_out` names; gives the number of entries.
pub fn flat(to: &Path, left_out: impl Fn(&str) -> bool) -> usize {
    let all = VERSIONS.iter().flat_map(|v| cases(v).into_iter().map(|c| case(v, &c)));
    all.map(|case| lay(&case, to, &|name| !left_out(name))).sum()
}

/// A log under another application id, which must be as long as lines do not care: ids are text.
pub fn renamed(log: &[u8], id: &str, to: &str) -> Vec<u8> {
    String::from_utf8_lossy(log).replace(id, to).into_bytes()
}
