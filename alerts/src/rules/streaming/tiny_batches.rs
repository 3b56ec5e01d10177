//! `tiny-batches`: many batches a minute write next to nothing each, into files.

use crate::facts::Facts;
use crate::finding::{Advice, Evidence, Finding, Severity, Sure, Value};
use crate::report::time;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "tiny-batches",
    family: Family::Streaming,
    title: "Many small batches write small files",
    page: include_str!("tiny_batches.md"),
    judge,
};

/// Batches with rows that were looked at; rows of each on average; milliseconds from one to the next.
const BATCHES: usize = 100;
const ROWS: f64 = 10_000.0;
const APART: i64 = 10_000;
/// What sinks that write files say of themselves.
const FILES: [&str; 4] = ["filesink", "delta", "iceberg", "hoodie"];

fn judge(facts: &Facts, _: &Limits, verdict: &mut Verdict) {
    for stream in &facts.streams {
        let sink = stream.sink.as_deref().unwrap_or_default();
        if !FILES.iter().any(|name| sink.to_lowercase().contains(name)) {
            continue;
        }
        let fed = stream.fed();
        let (Some(first), Some(last)) = (fed.first(), fed.last()) else { continue };
        let apart = last.time.saturating_sub(first.time) / (fed.len() as i64 - 1).max(1);
        let rows = fed.iter().map(|b| b.rows).sum::<f64>() / fed.len() as f64;
        if fed.len() < BATCHES || rows >= ROWS || apart <= 0 || apart >= APART {
            continue;
        }
        let day = 86_400_000 / apart;
        let summary = format!(
            "a batch every {} writes {rows:.0} rows on average, into files of their own: {day} batches a day",
            time(apart)
        );
        let finding = Finding::new(Severity::Info, stream.place(), summary)
            .evidence(Evidence::derived("rows in a batch", Value::Count(rows.round() as i64)))
            .evidence(Evidence::derived("time between batches", Value::Millis(apart)))
            .evidence(Evidence::new("last batch", Value::Count(last.id), stream.report(last, "/batchId")))
            .advise(Advice::Do(
                "trigger every minute or so, if results may be that old: fewer and larger files are read faster".into(),
            ))
            .advise(Advice::Do("or compact the table often (OPTIMIZE, rewrite_data_files)".into()))
            .sure(Sure::Likely);
        verdict.find(finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Batch, Stream};

    fn found(sink: &str, apart: i64, rows: f64) -> usize {
        let recent = (0..100).map(|id| Batch { id, time: id * apart, rows, ..Batch::default() }).collect();
        let stream = Stream { sink: Some(sink.into()), recent, ..Stream::default() };
        let mut verdict = Verdict::default();
        judge(&Facts { streams: vec![stream], ..Facts::default() }, &Limits::default(), &mut verdict);
        verdict.findings.len()
    }

    #[test]
    fn of_sinks_that_write_files() {
        assert_eq!(found("FileSink[s3://b/t]", 9_999, 9_999.0), 1);
        assert_eq!(found("DeltaSink[s3://b/t]", 1_000, 1.0), 1);
        assert_eq!(found("FileSink[s3://b/t]", 10_000, 9_999.0), 0);
        assert_eq!(found("FileSink[s3://b/t]", 9_999, 10_000.0), 0);
        assert_eq!(found("org.apache.spark.sql.kafka010.KafkaSourceProvider$KafkaTable@1", 1_000, 1.0), 0);
    }
}
