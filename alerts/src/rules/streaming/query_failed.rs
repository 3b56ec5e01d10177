//! `streaming-query-failed`: a streaming query ended with an exception.

use std::collections::BTreeMap;

use afterglow_history::insight::outcome::first_line;

use crate::facts::{Facts, Stream};
use crate::finding::{Advice, Evidence, Finding, Severity, Sure, Value};
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "streaming-query-failed",
    family: Family::Streaming,
    title: "A streaming query ended with an exception",
    page: include_str!("query_failed.md"),
    judge,
};

/// Longest exception that is quoted whole, and longest message in a summary, characters.
const QUOTED: usize = 400;
const MESSAGE: usize = 160;

/// What a text in an exception says of its cause, and what helps: the first that is there holds.
const CAUSES: [(&str, &str, &str); 12] = [
    (
        "KafkaDataLoss",
        "the offsets to continue from are gone from Kafka",
        "keep records in Kafka for longer than the query may stand still; failOnDataLoss=false goes on with what is left, and loses the rest",
    ),
    (
        "Some data may have been lost because they are not available in Kafka",
        "the offsets to continue from are gone from Kafka",
        "keep records in Kafka for longer than the query may stand still; failOnDataLoss=false goes on with what is left, and loses the rest",
    ),
    (
        "OffsetOutOfRange",
        "the offsets to continue from are gone from Kafka",
        "keep records in Kafka for longer than the query may stand still; failOnDataLoss=false goes on with what is left, and loses the rest",
    ),
    (
        "ConcurrentModificationException",
        "another run writes to the same checkpoint location",
        "let one run at a time use a checkpoint location: stop the other one first",
    ),
    (
        "CONCURRENT_STREAM_LOG_UPDATE",
        "another run writes to the same checkpoint location",
        "let one run at a time use a checkpoint location: stop the other one first",
    ),
    (
        "StateSchemaNotCompatible",
        "the query changed so that its state does not fit any more",
        "go back to the old query, or start the new one with a new checkpoint location",
    ),
    (
        "STATE_STORE_KEY_SCHEMA_NOT_COMPATIBLE",
        "the query changed so that its state does not fit any more",
        "go back to the old query, or start the new one with a new checkpoint location",
    ),
    (
        "STATE_STORE_VALUE_SCHEMA_NOT_COMPATIBLE",
        "the query changed so that its state does not fit any more",
        "go back to the old query, or start the new one with a new checkpoint location",
    ),
    (
        "STREAMING_STATEFUL_OPERATOR_NOT_MATCH_IN_STATE_METADATA",
        "the query changed so that its state does not fit any more",
        "go back to the old query, or start the new one with a new checkpoint location",
    ),
    (
        "There are [",
        "sources were added to the query or taken from it",
        "start the changed query with a new checkpoint location",
    ),
    ("OutOfMemoryError", "memory ran out", "look at what took the memory: the state, or what foreachBatch collects"),
    (
        "FileNotFoundException",
        "a file is not there any more",
        "look who deletes files of the source or of the checkpoint location: a lifecycle rule of the bucket, perhaps",
    ),
];

fn judge(facts: &Facts, _: &Limits, verdict: &mut Verdict) {
    let mut failed: BTreeMap<&str, Vec<&Stream>> = BTreeMap::new();
    for stream in &facts.streams {
        if stream.exception.as_deref().is_some_and(|e| !e.trim().is_empty() && !is_shutdown(e)) {
            failed.entry(&stream.id).or_default().push(stream);
        }
    }
    // One finding for a query, however often it was started again.
    for (id, runs) in failed {
        let Some(last) = runs.last() else { continue };
        let exception = last.exception.as_deref().unwrap_or_default();
        let again = facts.streams.iter().any(|s| s.id == id && s.index > last.index);
        let severity = if again { Severity::Warning } else { Severity::Critical };
        let cause = CAUSES
            .iter()
            .find(|(sign, _, _)| exception.contains(sign))
            .filter(|c| c.0 != "There are [" || exception.contains("sources in the checkpoint offsets"));
        let mut summary = match runs.len() {
            1 => "it failed".to_owned(),
            n => format!("{n} runs of it failed, the last"),
        };
        match last.last_batch {
            Some(batch) => summary.push_str(&format!(" after the report of batch {batch}: ")),
            None => summary.push_str(" before its first batch was reported: "),
        }
        if let Some((_, what, _)) = cause {
            summary.push_str(&format!("{what}: "));
        }
        summary.push_str(&message(exception));
        let mut finding = Finding::new(severity, last.place(), summary).sure(Sure::Certain);
        if exception.chars().count() <= QUOTED {
            let text = Value::Text(exception.to_owned());
            finding = finding.evidence(Evidence::new("exception", text, last.told("exception")));
        }
        finding = finding.evidence(Evidence::new(
            "progress reports",
            Value::Count(last.reports),
            last.told("progressReports"),
        ));
        if let Some(batch) = last.last_batch {
            finding = finding.evidence(Evidence::new("last batch", Value::Count(batch), last.told("lastBatchId")));
        }
        let advice = match cause {
            Some((_, _, help)) => (*help).to_owned(),
            None => "read the exception from its last cause on; the batch is run again when the query is started again"
                .into(),
        };
        verdict.find(finding.advise(Advice::Do(advice)));
    }
}

/// Whether the query ended since the application did: that is no failure of its own.
fn is_shutdown(exception: &str) -> bool {
    const SIGNS: [&str; 4] = [
        "SparkContext was shut down",
        "SparkContext has been shutdown",
        "Cannot call methods on a stopped SparkContext",
        "SparkContext is shutting down",
    ];
    SIGNS.iter().any(|sign| exception.contains(sign))
}

/// The line of an exception that says what went wrong, cut where it is long.
fn message(exception: &str) -> String {
    let line = first_line(exception);
    match line.char_indices().nth(MESSAGE) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(id: &str, index: usize, exception: Option<&str>) -> Stream {
        let exception = exception.map(str::to_owned);
        Stream { id: id.into(), run: format!("r{index}"), index, exception, last_batch: Some(3), ..Stream::default() }
    }

    fn found(streams: Vec<Stream>) -> Vec<Finding> {
        let mut verdict = Verdict::default();
        judge(&Facts { streams, ..Facts::default() }, &Limits::default(), &mut verdict);
        verdict.findings
    }

    #[test]
    fn a_query_that_was_started_again_is_less_urgent() {
        let (boom, none) = (Some("java.lang.OutOfMemoryError: Java heap space"), None);
        assert!(found(vec![stream("a", 0, none)]).is_empty());
        let stopped = Some("org.apache.spark.SparkException: Job 7 cancelled because SparkContext was shut down");
        assert!(found(vec![stream("a", 0, stopped)]).is_empty());
        let twice = found(vec![stream("a", 0, boom), stream("b", 1, none), stream("a", 2, boom)]);
        assert_eq!((twice.len(), twice[0].severity), (1, Severity::Critical));
        assert!(
            twice[0].summary.starts_with(
                "2 runs of it failed, the last after the report of batch 3: memory ran out: java.lang.OutOf"
            )
        );
        assert_eq!(found(vec![stream("a", 0, boom), stream("a", 1, none)])[0].severity, Severity::Warning);
    }

    #[test]
    fn the_line_that_says_most() {
        let python = "py4j.Py4JException: raised by the Python Proxy. Return Message: Traceback (most recent call last):\n  File \"x.py\", line 1\n    boom()\nRuntimeError: no luck\n\n\tat py4j.Protocol.getReturnValue(Protocol.java:476)";
        assert_eq!(message(python), "RuntimeError: no luck");
        assert_eq!(message("A: x\n\tat b\nCaused by: B: y\n\tat c\nCaused by: C: z"), "C: z");
        assert_eq!(message("one\ntwo"), "one");
        assert_eq!(message(&"x".repeat(200)).chars().count(), MESSAGE + 1);
    }
}
