//! `streaming-falling-behind`: more comes in than a query reads.

use crate::facts::{Batch, Facts, Stream};
use crate::finding::{Advice, Evidence, Finding, Severity, Sure, Value};
use crate::report::time;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "streaming-falling-behind",
    family: Family::Streaming,
    title: "More comes in than a streaming query reads",
    page: include_str!("falling_behind.md"),
    judge,
};

/// Batches with rows, and milliseconds between the first and the last of them.
const BATCHES: usize = 20;
const SPAN: i64 = 60_000;
/// From the first to the last third of the batches, or quarter.
const GROWS: f64 = 1.5;
/// Offsets that are left over, of the rows read meanwhile.
const LEFT: f64 = 0.05;
/// Part of the time in which batches run, when there is no pause between them.
const BUSY: f64 = 0.95;
/// A batch that takes as long is felt, milliseconds.
const FELT: f64 = 5_000.0;

fn judge(facts: &Facts, _: &Limits, verdict: &mut Verdict) {
    for stream in &facts.streams {
        let Some(behind) = behind(stream) else { continue };
        verdict.find(match behind {
            Behind::Lag { source, first, last } => lagging(stream, source, first, last),
            Behind::Growing { first, last } => growing(stream, first, last),
        });
    }
}

/// How a query falls behind.
#[derive(Debug, PartialEq)]
pub(super) enum Behind<'a> {
    /// Offsets that are there and not read become more, of a source.
    Lag { source: usize, first: &'a Batch, last: &'a Batch },
    /// Each batch reads all that came in during the one before, which is more each time.
    Growing { first: &'a Batch, last: &'a Batch },
}

/// Whether a query falls behind, as far as its last batches tell.
pub(super) fn behind(stream: &Stream) -> Option<Behind<'_>> {
    let fed = stream.fed();
    let (first, last) = (*fed.first()?, *fed.last()?);
    if fed.len() < BATCHES || last.time.saturating_sub(first.time) < SPAN {
        return None;
    }
    let rows: f64 = fed.iter().map(|b| b.rows).sum();
    for source in 0..last.lag.len() {
        let lag = |b: &&Batch| b.lag.get(source).copied().flatten();
        let Some(thirds) = parts(&fed, 3, lag) else { continue };
        let [early, middle, late] = thirds[..] else { continue };
        let more = late - early;
        let grows = late >= early * GROWS && middle >= early && late >= middle;
        let much = more >= rows * LEFT && lag(&last)? * fed.len() as f64 >= rows;
        if grows && much {
            return Some(Behind::Lag { source, first, last });
        }
    }
    let rises = |of: fn(&Batch) -> f64| {
        let quarters = parts(&fed, 4, |b| Some(of(b))).unwrap_or_default();
        let up = quarters.windows(2).all(|w| w[1] > w[0]);
        up && quarters.last() >= quarters.first().map(|q| q * GROWS).as_ref()
    };
    let felt = last.took >= FELT && stream.busy() >= BUSY;
    (felt && rises(|b| b.took) && rises(|b| b.rows)).then_some(Behind::Growing { first, last })
}

/// The means of equal parts of the batches; none if a batch lacks the value.
fn parts(fed: &[&Batch], n: usize, of: impl Fn(&&Batch) -> Option<f64>) -> Option<Vec<f64>> {
    let values: Vec<f64> = fed.iter().map(of).collect::<Option<_>>()?;
    let each = values.len() / n;
    Some((0..n).map(|i| values[i * each..(i + 1) * each].iter().sum::<f64>() / each as f64).collect())
}

fn lagging(stream: &Stream, source: usize, first: &Batch, last: &Batch) -> Finding {
    let lag = |b: &Batch| b.lag.get(source).copied().flatten().unwrap_or(0.0) as i64;
    let pointer = format!("/sources/{source}/lag/0");
    let span = last.time.saturating_sub(first.time);
    let summary = format!(
        "{} offsets are there and not read, {} more than {} before",
        lag(last),
        lag(last).saturating_sub(lag(first)),
        time(span)
    );
    Finding::new(Severity::Warning, stream.place(), summary)
        .evidence(Evidence::new("offsets behind", Value::Count(lag(last)), stream.series(last, &pointer)))
        .evidence(Evidence::new("offsets behind at first", Value::Count(lag(first)), stream.series(first, &pointer)))
        .evidence(Evidence::derived("time between", Value::Millis(span)))
        .evidence(took(stream, last))
        .advise(Advice::Do(
            "give the query more cores, if it has fewer than the topic has partitions; else more partitions (minPartitions splits them for reading)".into(),
        ))
        .advise(Advice::Do("if batches end long before the trigger interval does, raise maxOffsetsPerTrigger".into()))
        .sure(Sure::Certain)
}

fn growing(stream: &Stream, first: &Batch, last: &Batch) -> Finding {
    let summary = format!(
        "each batch takes longer than the one before, since more came in meanwhile: {} now, {} {} ago",
        time(last.took as i64),
        time(first.took as i64),
        time(last.time.saturating_sub(first.time))
    );
    Finding::new(Severity::Warning, stream.place(), summary)
        .evidence(took(stream, last))
        .evidence(Evidence::new(
            "duration at first",
            Value::Millis(first.took as i64),
            stream.report(first, "/durationMs/triggerExecution"),
        ))
        .evidence(Evidence::derived("rows of the batch", Value::Count(last.rows as i64)))
        .evidence(Evidence::derived("rows at first", Value::Count(first.rows as i64)))
        .evidence(Evidence::derived("time in batches", Value::Share(stream.busy())))
        .advise(Advice::Do("give the query more cores; look at the stages of its last batches for what takes the time".into()))
        .advise(Advice::Do(
            "bound what a batch reads (maxOffsetsPerTrigger, maxFilesPerTrigger), so that a backlog does not make one huge batch".into(),
        ))
        .sure(Sure::Likely)
}

fn took(stream: &Stream, batch: &Batch) -> Evidence {
    let ms = Value::Millis(batch.took as i64);
    Evidence::new("duration of the batch", ms, stream.report(batch, "/durationMs/triggerExecution"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Batches every `gap` ms with (rows, ms, lag).
    fn stream(gap: i64, batches: impl Iterator<Item = (f64, f64, Option<f64>)>) -> Stream {
        let mut s = Stream::default();
        for (i, (rows, took, lag)) in batches.enumerate() {
            let before = s.recent.back().map_or(0, |b: &Batch| b.time + gap.max(b.took as i64));
            s.recent.push_back(Batch { id: i as i64, time: before, rows, took, lag: vec![lag], ..Batch::default() });
        }
        s
    }

    #[test]
    fn lag_that_grows() {
        let lags = |f: fn(f64) -> f64| stream(10_000, (0..30).map(move |i| (1_000.0, 9_000.0, Some(f(f64::from(i))))));
        assert!(matches!(behind(&lags(|i| 1_000.0 + 200.0 * i)), Some(Behind::Lag { source: 0, .. })));
        assert_eq!(behind(&lags(|i| 90_000.0 - 1_000.0 * i)), None, "it catches up");
        assert_eq!(behind(&lags(|i| 50_000.0 + 10.0 * (i % 7.0))), None, "it stays where it is");
        assert_eq!(behind(&lags(|i| i)), None, "next to nothing");
        let short = stream(1_000, (0..30).map(|i| (1_000.0, 900.0, Some(f64::from(i) * 1_000.0))));
        assert_eq!(behind(&short), None, "half a minute of a start");
    }

    #[test]
    fn batches_that_grow_without_a_pause() {
        let grow = |gap, by: f64| stream(gap, (0..30).map(move |i| (1_000.0 * by.powi(i), 2_000.0 * by.powi(i), None)));
        assert!(matches!(behind(&grow(0, 1.1)), Some(Behind::Growing { .. })));
        assert_eq!(behind(&grow(120_000, 1.1)), None, "there is time left between them");
        assert_eq!(behind(&grow(0, 1.0)), None);
    }
}
