//! The process as Linux sees it, from `/proc`; elsewhere nothing is known.

use std::fs;

use super::names;
use super::page::Page;

/// Parts of a second in which the kernel tells times: 100 wherever Linux has 64 bits.
const TICKS: f64 = 100.0;

pub fn put(page: &mut Page) {
    let Some(seen) = look() else { return };
    page.counter(names::CPU_SECONDS, seen.cpu_seconds);
    page.gauge(names::RESIDENT_BYTES, seen.resident);
    page.gauge(names::VIRTUAL_BYTES, seen.virtual_size);
    page.gauge(names::THREADS, seen.threads);
    for (metric, value) in
        [(names::OPEN_FDS, seen.open_fds), (names::MAX_FDS, seen.max_fds), (names::START_TIME, seen.start)]
    {
        if let Some(value) = value {
            page.gauge(metric, value);
        }
    }
}

/// Seconds, bytes and numbers.
struct Seen {
    cpu_seconds: f64,
    resident: f64,
    virtual_size: f64,
    threads: f64,
    open_fds: Option<f64>,
    max_fds: Option<f64>,
    /// Since the epoch.
    start: Option<f64>,
}

fn look() -> Option<Seen> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let status = fs::read_to_string("/proc/self/status").ok()?;
    // What follows the name, which may hold anything; the first of these is the third field.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |n: usize| fields.get(n - 3)?.parse::<f64>().ok();
    let kib = |name: &str| -> Option<f64> {
        let line = status.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':'))?;
        line.split_whitespace().next()?.parse::<f64>().ok().map(|kib| kib * 1024.0)
    };
    let boot = || {
        let all = fs::read_to_string("/proc/stat").ok()?;
        all.lines().find_map(|l| l.strip_prefix("btime "))?.trim().parse::<f64>().ok()
    };
    let most = || {
        let limits = fs::read_to_string("/proc/self/limits").ok()?;
        limits.lines().find_map(|l| l.strip_prefix("Max open files"))?.split_whitespace().next()?.parse().ok()
    };
    Some(Seen {
        cpu_seconds: (field(14)? + field(15)?) / TICKS,
        resident: kib("VmRSS")?,
        virtual_size: kib("VmSize")?,
        threads: field(20)?,
        open_fds: fs::read_dir("/proc/self/fd").ok().map(|all| all.count() as f64),
        max_fds: most(),
        start: boot().zip(field(22)).map(|(boot, start)| boot + start / TICKS),
    })
}
