//! The physical limit that indexing is measured against: how fast typed, borrowed `serde_json`
//! alone parses the lines of a plain log, on so many threads. Prints MB/s.
//!
//! parse_rate LOG THREADS

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

use afterglow_ingest::event::{TaskEnd, TaskStart, parse};

/// Lines handed to a thread at a time.
const LINES: usize = 500;

fn main() {
    let mut args = std::env::args().skip(1);
    let (Some(log), Some(threads)) = (args.next(), args.next().and_then(|n| n.parse::<usize>().ok())) else {
        eprintln!("usage: parse_rate LOG THREADS");
        std::process::exit(2);
    };
    let data = match std::fs::read(&log) {
        Ok(data) => data,
        Err(e) => {
            eprintln!("{log}: {e}");
            std::process::exit(1);
        }
    };
    let lines: Vec<&[u8]> = data.split(|b| *b == b'\n').filter(|l| !l.is_empty()).collect();
    let (next, events) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(LINES, Relaxed);
                    let Some(some) = lines.get(at..lines.len().min(at + LINES)).filter(|s| !s.is_empty()) else {
                        return;
                    };
                    events.fetch_add(some.iter().filter(|l| serde(l)).count(), Relaxed);
                }
            });
        }
    });
    let seconds = began.elapsed().as_secs_f64();
    println!("{:.0} MB/s, {} events", data.len() as f64 / 1e6 / seconds, events.load(Relaxed));
}

fn serde(line: &[u8]) -> bool {
    if line.starts_with(b"{\"Event\":\"SparkListenerTaskEnd\"") {
        serde_json::from_slice::<TaskEnd<'_>>(line).is_ok()
    } else if line.starts_with(b"{\"Event\":\"SparkListenerTaskStart\"") {
        serde_json::from_slice::<TaskStart<'_>>(line).is_ok()
    } else {
        parse(line).is_ok()
    }
}
