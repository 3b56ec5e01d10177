//! How much of the cores' time was used, and what for.

use afterglow_history::insight::wall_clock::present;
use afterglow_history::state::StageStatus;

use crate::facts::Facts;

/// Time of the cores of all executors, core milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// That were there.
    pub all: i64,
    /// That ran tasks.
    pub busy: i64,
    /// That were there while no stage was active.
    pub between: i64,
    /// Mebibytes times milliseconds of the executors that were there.
    pub memory: i64,
}

impl Usage {
    /// That did nothing.
    pub fn idle(&self) -> i64 {
        self.all.saturating_sub(self.busy).max(0)
    }

    pub fn idle_share(&self) -> f64 {
        if self.all > 0 { self.idle() as f64 / self.all as f64 } else { 0.0 }
    }

    /// Whether most of what was idle was so while no stage was active.
    pub fn is_idle_between(&self) -> bool {
        self.between.saturating_mul(2) >= self.idle()
    }
}

/// Of an application on a cluster.
pub fn usage(facts: &Facts) -> Usage {
    let heap = facts.conf.bytes("spark.executor.memory", 1 << 20).unwrap_or(1 << 30) >> 20;
    let gaps = Gaps::of(facts);
    let mut out = Usage::default();
    for e in facts.workers() {
        let Some((from, to)) = present(e, facts.start, facts.end) else { continue };
        let (from, to) = (from.clamp(facts.start, facts.end), to.clamp(facts.start, facts.end));
        // What counts are places for tasks: with several CPUs for each task there are fewer than cores.
        let places = if e.max_tasks > 0 { e.max_tasks } else { e.total_cores };
        let plus = |sum: i64, time: i64, by: i64| sum.saturating_add(time.saturating_mul(by));
        out.all = plus(out.all, to.saturating_sub(from).max(0), places);
        out.between = plus(out.between, gaps.within(from, to), places);
        out.memory = plus(out.memory, to.saturating_sub(from).max(0), heap);
        out.busy = out.busy.saturating_add(e.total_duration);
    }
    out.busy = out.busy.min(out.all);
    out
}

/// Times without an active stage.
pub struct Gaps {
    /// Where each begins, where it ends, and how long those before it were.
    all: Vec<(i64, i64, i64)>,
}

impl Gaps {
    pub fn of(facts: &Facts) -> Self {
        let active = |s: &&afterglow_history::state::StageAttempt| {
            !matches!(s.status, StageStatus::Skipped | StageStatus::Pending)
        };
        let mut spans: Vec<(i64, i64)> = facts
            .stages
            .values()
            .filter(active)
            .filter_map(|s| Some((s.submission_time?, s.completion_time.unwrap_or(facts.end))))
            .collect();
        spans.sort_unstable();
        let (mut all, mut at, mut sum) = (Vec::new(), facts.start, 0i64);
        for (from, to) in spans.into_iter().chain([(facts.end, facts.end)]) {
            let from = from.min(facts.end);
            if from > at {
                all.push((at, from, sum));
                sum = sum.saturating_add(from.saturating_sub(at));
            }
            at = at.max(to);
        }
        Gaps { all }
    }

    /// Milliseconds of gaps between two times.
    pub fn within(&self, from: i64, to: i64) -> i64 {
        self.before(to).saturating_sub(self.before(from)).max(0)
    }

    fn before(&self, time: i64) -> i64 {
        let at = self.all.partition_point(|(from, _, _)| *from < time);
        let Some((from, to, sum)) = at.checked_sub(1).and_then(|at| self.all.get(at)) else { return 0 };
        sum.saturating_add(time.min(*to).saturating_sub(*from).max(0))
    }

    /// How many there are, after the first and before the last stage.
    pub fn inner(&self, facts: &Facts) -> i64 {
        let inner = self.all.iter().filter(|(from, to, _)| *from > facts.start && *to < facts.end);
        inner.count() as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::made::{cluster, stage};

    #[test]
    fn cores_are_busy_idle_in_stages_or_between_them() {
        let mut facts = cluster(2, 100_000, "3.5.1", &[])
            .with(stage((0, 0), (10_000, 30_000), (8, 1_000, 1_000)))
            .with(stage((1, 0), (20_000, 40_000), (8, 1_000, 1_000)))
            .with(stage((2, 0), (70_000, 80_000), (8, 1_000, 1_000)));
        facts.executors.get_mut("1").unwrap().total_duration = 60_000;
        facts.executors.get_mut("2").unwrap().remove_time = Some(50_000);
        let u = usage(&facts);
        // Gaps are 0..10, 40..70, 80..100; the second executor sees 10 + 10 s of them.
        assert_eq!(u, Usage { all: 600_000, busy: 60_000, between: 4 * 60_000 + 4 * 20_000, memory: 1024 * 150_000 });
        assert_eq!((u.idle(), u.is_idle_between()), (540_000, true));
        assert_eq!(Gaps::of(&facts).inner(&facts), 1);
    }
}
