//! What an attempt did over time, in steps: of each executor, and as a whole. Steps begin at multiples of their
//! length, so that those of several applications fall together; they are longer where rows would be too many.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use futures::TryStreamExt as _;

use crate::catalog::AttemptRow;
use crate::insight::presence::Steps;
use crate::insight::wall_clock::present;
use crate::state::{Executor, MemoryHistory, MemoryPoint, Point as _, TaskStatus};
use crate::store::segment::{Metric, Segment, TaskColumn, status_number};
use crate::store::{AttemptReader, StoreError};

/// Rows of an attempt at most, nearly: of all its executors, and of itself.
const MOST_OF_EXECUTORS: i128 = 50_000;
const MOST_OF_APPLICATION: i128 = 2_000;
/// Lengths of steps, seconds; longer ones are whole days.
const LENGTHS: [i64; 11] = [10, 30, 60, 120, 300, 600, 1800, 3600, 10_800, 21_600, 43_200];
const DAY: i64 = 86_400_000;

/// The shortest length, milliseconds, by which a time (milliseconds) has no more than so many steps.
fn length(time: i128, steps: i128) -> i64 {
    let least = i64::try_from(time / steps).unwrap_or(i64::MAX);
    let fits = LENGTHS.iter().map(|s| s * 1000).find(|l| *l >= least);
    fits.unwrap_or_else(|| (least / DAY).saturating_add(1).saturating_mul(DAY))
}

/// Milliseconds between two times.
fn between((from, to): (i64, i64)) -> i128 {
    i128::from(to) - i128::from(from)
}

/// From start to end of an attempt.
fn whole(a: &AttemptRow) -> (i64, i64) {
    (a.start_time, a.start_time.saturating_add(a.summary.duration.max(0)))
}

/// What is summed up over tasks, in this order.
const SUMS: usize = 12;
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums(pub [i64; SUMS]);

/// Sums of a step, by meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sum {
    TaskTime,
    RunTime,
    GcTime,
    CpuTime,
    Input,
    Output,
    ShuffleRead,
    ShuffleWrite,
    MemorySpilled,
    DiskSpilled,
    Ended,
    Failed,
}

impl Sums {
    pub fn of(&self, what: Sum) -> i64 {
        self.0[what as usize]
    }

    fn add(&mut self, other: &Sums, sign: i64) {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a = a.wrapping_add(b.wrapping_mul(sign)));
    }
}

/// A step of an executor.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Epoch milliseconds; the step's length is [`ExecutorSamples::step`].
    pub time: i64,
    /// Milliseconds of the step in which the executor was there.
    pub present: i64,
    pub sums: Sums,
    /// None where nothing was read.
    pub memory: Option<MemoryPoint>,
}

/// Samples by executor, in the order of time.
pub struct ExecutorSamples {
    /// Milliseconds.
    pub step: i64,
    pub executors: Vec<(Arc<str>, Option<Executor>, Vec<Sample>)>,
}

/// Steps of one executor, from the first in which it was there.
struct Track {
    from: i64,
    to: i64,
    step: i64,
    sums: Vec<Sums>,
    /// What is to be added from a step on to all that follow.
    onwards: Vec<Sums>,
}

/// Times beyond, epoch milliseconds, are none.
const FAR: i64 = 1 << 62;

impl Track {
    fn new(from: i64, to: i64, step: i64) -> Self {
        // A log may name any time; there are steps before and behind these.
        let from = from.clamp(-FAR, FAR - 1);
        let to = to.clamp(from + 1, FAR);
        let n = (to - 1).div_euclid(step) - from.div_euclid(step) + 1;
        let n = usize::try_from(n).unwrap_or(1);
        Track { from, to, step, sums: vec![Sums::default(); n], onwards: vec![Sums::default(); n + 1] }
    }

    /// When the first step begins.
    fn first(&self) -> i64 {
        self.from.div_euclid(self.step).saturating_mul(self.step)
    }

    fn at(&self, time: i64) -> usize {
        let at = time.clamp(self.from, self.to - 1).saturating_sub(self.first()) / self.step;
        usize::try_from(at).map_or(0, |at| at.min(self.sums.len() - 1))
    }

    /// Takes in what was done evenly between two times; the sums over all steps are what was taken in.
    fn spread(&mut self, from: i64, to: i64, amounts: &Sums) {
        let (first, last) = (self.at(from), self.at(to.saturating_sub(1).max(from)));
        if first == last {
            return self.sums[first].add(amounts, 1);
        }
        let (from, to) = (from.clamp(self.from, self.to), to.clamp(self.from, self.to));
        let edge = self.first().saturating_add((first as i64 + 1).saturating_mul(self.step));
        let share = |amount: i64, time: i128| (i128::from(amount) * time / between((from, to))) as i64;
        let within = (last - first - 1) as i64;
        let (mut head, mut each, mut tail) = (Sums::default(), Sums::default(), Sums::default());
        for (i, amount) in amounts.0.iter().enumerate() {
            head.0[i] = share(*amount, between((from, edge)));
            each.0[i] = share(*amount, self.step.into());
            tail.0[i] = amount.wrapping_sub(head.0[i]).wrapping_sub(each.0[i].wrapping_mul(within));
        }
        self.sums[first].add(&head, 1);
        self.sums[last].add(&tail, 1);
        if within > 0 {
            self.onwards[first + 1].add(&each, 1);
            self.onwards[last].add(&each, -1);
        }
    }

    fn samples(self, memory: Option<&MemoryHistory>) -> Vec<Sample> {
        let mut read: BTreeMap<usize, MemoryPoint> = BTreeMap::new();
        for point in memory.iter().flat_map(|m| &m.points) {
            let step = read.entry(self.at(point.time)).or_default();
            *step = step.joined(*point, 0);
        }
        let (first, mut going) = (self.first(), Sums::default());
        let all = self.sums.iter().zip(&self.onwards).enumerate();
        all.map(|(i, (sums, onwards))| {
            going.add(onwards, 1);
            let mut sums = *sums;
            sums.add(&going, 1);
            let time = first.saturating_add((i as i64).saturating_mul(self.step));
            let present = time.saturating_add(self.step).min(self.to).saturating_sub(time.max(self.from));
            Sample { time, present, sums, memory: read.get(&i).copied() }
        })
        .collect()
    }
}

/// A task as far as it matters here.
struct Work {
    executor: i64,
    from: i64,
    to: i64,
    sums: Sums,
}

/// Tells what the tasks of a segment did; tasks that run do so until `now`.
fn work(segment: &Segment, now: i64, tell: &mut dyn FnMut(Work)) {
    let metric = |m: Metric| segment.values(TaskColumn::Metric(m));
    let (executors, launched) = (segment.values(TaskColumn::Executor), segment.values(TaskColumn::LaunchTime));
    let (durations, statuses) = (segment.values(TaskColumn::Duration), segment.values(TaskColumn::Status));
    let (run, gc, cpu) =
        (metric(Metric::executor_run_time), metric(Metric::jvm_gc_time), metric(Metric::executor_cpu_time));
    let (input, output) = (metric(Metric::input_bytes_read), metric(Metric::output_bytes_written));
    let (local, remote) = (metric(Metric::shuffle_local_bytes_read), metric(Metric::shuffle_remote_bytes_read));
    let (written, spilled) = (metric(Metric::shuffle_bytes_written), metric(Metric::memory_bytes_spilled));
    let disk = metric(Metric::disk_bytes_spilled);
    let failed = status_number(TaskStatus::Failed);
    let one = |i: usize| {
        let ended = durations[i] >= 0;
        let to = if ended { launched[i].saturating_add(durations[i]) } else { now.max(launched[i]) };
        let read = local[i].wrapping_add(remote[i]);
        let time = to.saturating_sub(launched[i]);
        let sums =
            Sums([time, run[i], gc[i], cpu[i], input[i], output[i], read, written[i], spilled[i], disk[i], 0, 0]);
        let ends = [i64::from(ended), i64::from(statuses[i] == failed)];
        (Work { executor: executors[i], from: launched[i], to, sums }, ends)
    };
    for i in 0..segment.rows() {
        // A task ends in one step, however long it took.
        let (work, [ended, failed]) = one(i);
        let mut end = Sums::default();
        (end.0[Sum::Ended as usize], end.0[Sum::Failed as usize]) = (ended, failed);
        tell(Work { executor: work.executor, from: work.to, to: work.to, sums: end });
        tell(work);
    }
}

/// The steps of all executors of an attempt.
pub async fn of_executors(a: &AttemptRow, reader: &AttemptReader) -> Result<ExecutorSamples, StoreError> {
    let executors = reader.executors().await?;
    let memory = reader.memory().await?;
    let (start, end) = whole(a);
    // From when it first came until it went at last.
    let span = |e: Option<&Executor>| {
        let times = e.into_iter().flat_map(Executor::lives).filter_map(|e| present(e, start, end));
        times.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or((start, end))
    };
    let spans = executors.values().map(|e| between(span(Some(e)))).sum::<i128>();
    let step = length(spans.max(between((start, end))), MOST_OF_EXECUTORS);
    let track = |e: Option<&Executor>| {
        let (from, to) = span(e);
        Track::new(from, to, step)
    };
    let mut tracks: Tracks = executors.iter().map(|(id, e)| (Arc::from(id.as_str()), track(Some(e)))).collect();
    let mut segments = std::pin::pin!(reader.segments().await?);
    while let Some(some) = segments.try_next().await? {
        tracks = blocking(move || {
            for piece in &some {
                take(&mut tracks, &piece.segment, end, || Track::new(start, end, step));
            }
            tracks
        })
        .await?;
    }
    let all = tracks.into_iter().map(|(id, track)| {
        let mut samples = track.samples(memory.get(&*id));
        let executor = executors.get(&*id).cloned();
        if executor.is_none() {
            // When it was there its tasks alone can tell.
            samples.retain(|s| s.sums != Sums::default());
        }
        (id, executor, samples)
    });
    Ok(ExecutorSamples { step, executors: all.collect() })
}

/// By executor.
type Tracks = BTreeMap<Arc<str>, Track>;

/// Executors that tasks name and nothing else does; a log may name any number of them.
const STRANGERS: usize = 10;

/// Takes in what the tasks of a segment did.
fn take(tracks: &mut Tracks, segment: &Segment, now: i64, stranger: impl Fn() -> Track) {
    // By the number that the segment has for an executor; none for one that nobody knows.
    let mut here: HashMap<i64, Option<(Arc<str>, Track)>> = HashMap::new();
    let mut strangers = 0;
    work(segment, now, &mut |w| {
        let found = here.entry(w.executor).or_insert_with(|| {
            let name = segment.name(w.executor)?;
            let track = tracks.remove(name).or_else(|| {
                strangers += 1;
                (strangers <= STRANGERS).then(&stranger)
            });
            Some((name.clone(), track?))
        });
        if let Some((_, track)) = found {
            track.spread(w.from, w.to, &w.sums);
        }
    });
    tracks.extend(here.into_values().flatten());
}

/// Averages over the steps of an attempt.
pub struct ApplicationSamples {
    /// Milliseconds.
    pub step: i64,
    /// When each step begins, epoch milliseconds.
    pub times: Vec<i64>,
    pub executors: Vec<f64>,
    pub cores: Vec<f64>,
    pub running: Vec<f64>,
    /// Tasks of submitted stages that were not launched yet.
    pub pending: Vec<f64>,
}

/// The steps of an attempt as a whole.
pub async fn of_application(a: &AttemptRow, reader: &AttemptReader) -> Result<ApplicationSamples, StoreError> {
    let (start, end) = whole(a);
    let step = length(between((start, end)), MOST_OF_APPLICATION);
    let first = start.div_euclid(step).saturating_mul(step);
    let n = end.saturating_sub(1).max(first).saturating_sub(first) / step + 1;
    let steps = Steps::new(first, first.saturating_add(n.saturating_mul(step)), usize::try_from(n).unwrap_or(1));
    let submitted = reader.stage_heads().await?;
    let submitted: BTreeMap<_, _> = submitted.into_iter().filter_map(|(k, s)| Some((k, s.submission_time?))).collect();
    let submitted = Arc::new(submitted);
    let (mut running, mut pending) = (steps.clone(), steps.clone());
    let mut segments = std::pin::pin!(reader.segments().await?);
    while let Some(some) = segments.try_next().await? {
        let submitted = submitted.clone();
        (running, pending) = blocking(move || {
            for piece in &some {
                piece.segment.spans(end, &mut |span| running.add(span.from, span.to, 1.0));
                let launched = piece.segment.values(TaskColumn::LaunchTime);
                for rows in &piece.stages {
                    let Some(submitted) = submitted.get(&rows.stage) else { continue };
                    let launched = launched.get(rows.start as usize..(rows.start + rows.rows) as usize);
                    launched.unwrap_or_default().iter().for_each(|l| pending.add(*submitted, *l, 1.0));
                }
            }
            (running, pending)
        })
        .await?;
    }
    let (mut count, mut cores) = (steps.clone(), steps);
    for e in reader.lives().await?.values() {
        if let Some((from, to)) = present(e, start, end) {
            if e.id != "driver" {
                count.add(from, to, 1.0);
            }
            cores.add(from, to, e.total_cores as f64);
        }
    }
    Ok(ApplicationSamples {
        step,
        times: count.times(),
        executors: count.averages(),
        cores: cores.averages(),
        running: running.averages(),
        pending: pending.averages(),
    })
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.map_err(|e| StoreError::Scratch(std::io::Error::other(e)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn steps_are_as_short_as_rows_allow() {
        let hour = 3_600_000;
        for (time, most, seconds) in [
            (0, 50_000, 10),
            (100 * hour, 50_000, 10),
            (2_400 * hour, 50_000, 300),
            (24_000 * hour, 50_000, 1800),
            (5 * hour, 2_000, 10),
            (24 * hour, 2_000, 60),
            (i64::MAX, 2_000, i64::MAX / 2_000 / DAY * 86_400 + 86_400),
        ] {
            assert_eq!(length(time.into(), most), seconds * 1000, "{time}");
        }
    }

    #[test]
    fn a_task_counts_where_it_ran() {
        let mut track = Track::new(5_000, 45_000, 10_000);
        let mut amounts = Sums::default();
        (amounts.0[0], amounts.0[4]) = (30_000, 7);
        track.spread(8_000, 38_000, &amounts);
        let samples = track.samples(None);
        let column = |i: usize| samples.iter().map(|s| s.sums.0[i]).collect::<Vec<_>>();
        assert_eq!(samples.iter().map(|s| s.time).collect::<Vec<_>>(), [0, 10_000, 20_000, 30_000, 40_000]);
        assert_eq!(samples.iter().map(|s| s.present).collect::<Vec<_>>(), [5_000, 10_000, 10_000, 10_000, 5_000]);
        assert_eq!(column(0), [2_000, 10_000, 10_000, 8_000, 0]);
        // Seven bytes over three steps: what a share does not make whole is in the last.
        assert_eq!(column(4), [0, 2, 2, 3, 0]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_doubled(
            from in prop_oneof![-100_000i64..100_000, Just(-FAR), Just(FAR - 600_000)], life in 0i64..500_000, step in 1i64..40_000,
            tasks in prop::collection::vec((any::<i64>(), any::<i64>(), any::<i64>()), 0..20),
            near in prop::collection::vec((-150_000i64..700_000, 0i64..300_000, 0i64..1 << 40), 0..50),
        ) {
            let mut track = Track::new(from, from + life, step);
            let mut sum = 0i64;
            for (at, took, amount) in tasks.into_iter().chain(near) {
                let mut amounts = Sums::default();
                amounts.0[3] = amount;
                sum = sum.wrapping_add(amount);
                track.spread(at, at.saturating_add(took), &amounts);
            }
            let samples = track.samples(None);
            prop_assert_eq!(samples.iter().fold(0i64, |s, x| s.wrapping_add(x.sums.0[3])), sum);
            prop_assert_eq!(samples.iter().map(|s| s.present).sum::<i64>(), life.max(1));
        }
    }
}
