//! Seeds of the targets, made of the real logs in `tests/logs` when a target starts with an empty corpus.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use afterglow_ingest::codec::Codec;

/// The archives were packed with a window of this size.
const WINDOW_LOG: u32 = 27;
/// Longer lines make slow inputs.
const LINE: usize = 3 << 10;

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Fills a target's corpus if it has none.
pub fn plant(target: &str, make: impl FnOnce() -> Vec<Vec<u8>>) {
    let folder = here().join("corpus").join(target);
    let is_empty = fs::read_dir(&folder).map_or(true, |mut all| all.next().is_none());
    if !is_empty {
        return;
    }
    fs::create_dir_all(&folder).expect("a folder for the corpus");
    for (i, seed) in make().into_iter().enumerate() {
        fs::write(folder.join(format!("seed-{i:04}")), seed).expect("a seed");
    }
}

/// Files of the bundled logs, `VERSION/CASE/PATH` and content; only those of cases that `wanted` takes.
pub fn files(wanted: impl Fn(&str) -> bool) -> Vec<(String, Vec<u8>)> {
    let mut out = Vec::new();
    for version in ["3.5.9", "4.3.0"] {
        let folder = here().join("../tests/logs").join(version);
        let mut archives: Vec<PathBuf> =
            fs::read_dir(folder).expect("tests/logs").flatten().map(|f| f.path()).collect();
        archives.sort();
        for archive in archives {
            let name = archive.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            let case = format!("{version}/{}", name.trim_end_matches(".tar.zst"));
            if !wanted(&case) {
                continue;
            }
            let mut decoder = zstd::Decoder::new(File::open(&archive).expect("an archive")).expect("zstd");
            decoder.window_log_max(WINDOW_LOG).expect("zstd");
            let mut archive = tar::Archive::new(decoder);
            for entry in archive.entries().expect("an archive") {
                let mut entry = entry.expect("an entry");
                let path = entry.path().expect("a path").display().to_string();
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).expect("an entry");
                if !bytes.is_empty() {
                    out.push((format!("{case}/{path}"), bytes));
                }
            }
        }
    }
    out
}

/// The plain text of a log.
pub fn text(bytes: &[u8]) -> Vec<u8> {
    let mut decoder = Codec::detect(bytes).decoder();
    let (mut out, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        match decoder.decode(&bytes[at..], &mut out, usize::MAX) {
            Ok(n) if n > 0 => at += n,
            _ => break,
        }
    }
    out
}

/// The name of a line's event.
fn class(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(b"{\"Event\":\"")?;
    rest.split(|b| *b == b'"').next()
}

/// Of a log, the first lines of each class of event, in order: the shortest log that has everything.
pub fn digest(text: &[u8], each: usize) -> Vec<&[u8]> {
    let mut seen: Vec<&[u8]> = Vec::new();
    let lines = text.split(|b| *b == b'\n').filter(|l| l.len() < LINE);
    lines
        .filter(|line| {
            let Some(class) = class(line) else { return false };
            seen.push(class);
            seen.iter().filter(|c| **c == class).count() <= each
        })
        .collect()
}

/// A line of every class of event, of each version.
pub fn lines() -> Vec<Vec<u8>> {
    let mut seen = BTreeSet::new();
    let mut out = Vec::new();
    for (name, bytes) in files(|_| true) {
        let text = text(&bytes);
        let version = name.split('/').next().unwrap_or_default();
        for line in digest(&text, 1) {
            if class(line).is_some_and(|c| seen.insert((version.to_owned(), c.to_vec()))) {
                out.push(line.to_vec());
            }
        }
    }
    out
}
