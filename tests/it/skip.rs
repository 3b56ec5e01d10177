//! What could not be tested, and why. Cargo hides what tests say that pass, so it is also kept in a file, which `make test` prints at
//! its end.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

/// Notes a part that is skipped for something that is not on this machine and that no preparation brings.
pub fn absent(what: &str) {
    eprintln!("SKIPPED: {what}");
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("skipped");
    // One write a line: other tests append to the same file.
    let opened = OpenOptions::new().create(true).append(true).open(file);
    opened.and_then(|mut f| f.write_all(format!("{what}\n").as_bytes())).expect("a note is written");
}

/// Notes a part that is skipped for want of preparation. With CI=true that is a failure.
pub fn unprepared(what: &str) {
    assert!(std::env::var("CI").map_or(true, |ci| ci != "true"), "CI=true: a skip is a failure: {what}");
    absent(what);
}
