//! `JvmPauseMonitor` of Hadoop: a thread that sleeps for half a second and logs when it overslept.
//! A line with the pause, then one for each garbage collector that worked, or `No GCs detected`.

use super::{Pause, PauseKind};

const DETECTED: &str = "Detected pause in JVM or host machine";
const PAUSE: &str = "pause of approximately ";
const POOL: &str = "GC pool '";
const NONE: &str = "No GCs detected";

/// A pause whose lines may not be complete.
#[derive(Default)]
pub(super) struct Monitor {
    pause: Option<Pause>,
}

impl Monitor {
    /// Takes a line that may begin a pause, logged at `time`.
    pub(super) fn begin(&mut self, line: &str, time: Option<i64>) {
        let Some(at) = memchr::memmem::find(line.as_bytes(), DETECTED.as_bytes()) else { return };
        let Some((_, duration)) = line[at..].split_once(PAUSE) else { return };
        let Some((millis, _)) = duration.split_once("ms") else { return };
        let Some(duration_us) = millis.trim().parse::<i64>().ok().and_then(|ms| ms.checked_mul(1000)) else { return };
        if duration_us >= 0 {
            self.pause = Some(Pause { time, kind: PauseKind::JvmPauseMonitor, duration_us, ..Pause::default() });
        }
    }

    /// Takes a line that belongs to the pause before it; false for any other.
    pub(super) fn goes_on(&mut self, line: &str) -> bool {
        let Some(pause) = &mut self.pause else { return false };
        if let Some((pool, _)) = line.strip_prefix(POOL).and_then(|rest| rest.split_once('\'')) {
            let pools = pause.collector.get_or_insert_default();
            if !pools.is_empty() {
                pools.push_str(", ");
            }
            pools.push_str(pool);
            return pools.len() < 1024;
        }
        if line.starts_with(NONE) {
            pause.cause = Some(NONE.to_owned());
            return true;
        }
        false
    }

    /// The pause, whose last line was read.
    pub(super) fn take(&mut self) -> Option<Pause> {
        self.pause.take()
    }
}
