//! `state-batches-to-retain`: old versions of the state take much more room than the state itself.

use super::keys::{CHANGELOG, RETAIN};
use crate::facts::{Facts, Operator, Stream};
use crate::finding::{Evidence, Finding, Severity, Sure, Value};
use crate::report::bytes;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "state-batches-to-retain",
    family: Family::State,
    title: "Old versions of the state take much room in the checkpoint location",
    page: include_str!("batches_to_retain.md"),
    judge,
};

/// What old versions take, and how many times what the state itself does.
const BYTES: f64 = (50u64 << 30) as f64;
const TIMES: f64 = 10.0;
/// Spark's default, and what is advised.
const DEFAULT: i64 = 100;
const ADVISED: i64 = 20;

fn judge(facts: &Facts, _: &Limits, verdict: &mut Verdict) {
    for stream in &facts.streams {
        let Some(finding) = kept(stream) else { continue };
        let why = "enough to go back by some batches; older versions are deleted in the background";
        verdict.find(finding.advise(stream.set(RETAIN, ADVISED.to_string(), why, (2, 1))));
    }
}

fn kept(stream: &Stream) -> Option<Finding> {
    let retained = stream.conf.number(RETAIN, DEFAULT);
    // With a log of changes the metric tells of files that go up now and then.
    if retained <= ADVISED || !stream.is_warm() || stream.conf.flag(CHANGELOG, false) {
        return None;
    }
    let sum = |of: fn(&Operator) -> Option<f64>| {
        (0..stream.last()?.operators.len()).filter_map(|i| stream.mean_of(i, of)).reduce(|a, b| a + b)
    };
    let copied = sum(|o| o.custom("rocksdbBytesCopied"))?;
    let size = sum(|o| o.custom("rocksdbSstFileSize"))?;
    let kept = copied * retained as f64;
    if kept < BYTES || kept < size * TIMES {
        return None;
    }
    let most = stream.most(|b| b.operators.iter().filter_map(|o| o.custom("rocksdbBytesCopied")).sum())?;
    let (i, o) = most.operators.iter().enumerate().find(|(_, o)| o.custom("rocksdbBytesCopied").is_some())?;
    let summary = format!(
        "{retained} versions of the state are kept, about {}, {:.0} times what the state takes",
        bytes(kept as i64),
        kept / size.max(1.0)
    );
    let at = |name: &str| stream.report(most, &format!("/stateOperators/{i}/customMetrics/{name}"));
    let value = |name: &str| Value::Bytes(o.custom(name).unwrap_or(0.0) as i64);
    let finding = Finding::new(Severity::Info, stream.place(), summary)
        .evidence(Evidence::derived("kept", Value::Bytes(kept as i64)))
        .evidence(Evidence::new("uploaded by a batch", value("rocksdbBytesCopied"), at("rocksdbBytesCopied")))
        .evidence(Evidence::new("files of the state", value("rocksdbSstFileSize"), at("rocksdbSstFileSize")))
        .evidence(Evidence::derived("versions", Value::Count(retained)));
    Some(finding.sure(Sure::Likely))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{facts, settings};
    use super::*;

    fn of(retain: &str, copied: f64, size: f64) -> usize {
        let of = facts((3, 5), &[(RETAIN, retain)], move |_, o| {
            o.custom = vec![("rocksdbBytesCopied", copied), ("rocksdbSstFileSize", size)];
        });
        settings(&RULE, &of).len()
    }

    #[test]
    fn much_more_than_the_state() {
        assert_eq!((of("100", BYTES / 100.0, BYTES / 10.0), of("100", BYTES / 101.0, 1.0)), (1, 0));
        assert_eq!((of("100", BYTES, BYTES * 11.0), of("20", BYTES, 1.0)), (0, 0));
    }
}
