//! `rocksdb-block-size`: a very large state in very small blocks.

use super::keys::BLOCK_SIZE;
use crate::facts::{Facts, Stream};
use crate::finding::{Evidence, Finding, Severity, Sure, Value};
use crate::report::bytes;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "rocksdb-block-size",
    family: Family::State,
    title: "A very large state is kept in small blocks",
    page: include_str!("block_size.md"),
    judge,
};

/// Files of the state from which larger blocks pay; below a fifth of it they do harm.
const LARGE: f64 = (50u64 << 30) as f64;
/// Spark's default, and what is advised, KiB.
const DEFAULT: i64 = 4;
const ADVISED: i64 = 64;

fn judge(facts: &Facts, _: &Limits, verdict: &mut Verdict) {
    for stream in &facts.streams {
        if let Some(finding) = large(stream) {
            verdict.find(finding);
        }
    }
}

fn large(stream: &Stream) -> Option<Finding> {
    let last = stream.last().filter(|_| stream.is_warm())?;
    let block = stream.conf.number(BLOCK_SIZE, DEFAULT);
    let size: f64 = last.operators.iter().filter_map(|o| o.custom("rocksdbSstFileSize")).sum();
    if size < LARGE || block >= ADVISED {
        return None;
    }
    let of = |o: &crate::facts::Operator| o.custom("rocksdbSstFileSize").unwrap_or(0.0);
    let (i, o) = stream.operators().max_by(|a, b| of(a.1).total_cmp(&of(b.1)))?;
    let source = stream.report(last, &format!("/stateOperators/{i}/customMetrics/rocksdbSstFileSize"));
    let summary = format!("{} of state are kept in blocks of {block} KiB", bytes(size as i64));
    let why = "fewer blocks need less memory for their index, and compress better; single reads read more";
    let finding = Finding::new(Severity::Info, stream.place(), summary)
        .evidence(Evidence::derived("files of the state", Value::Bytes(size as i64)))
        .evidence(Evidence::new("of its largest operator", Value::Bytes(of(o) as i64), source))
        .advise(stream.set(BLOCK_SIZE, ADVISED.to_string(), why, (3, 2)))
        .sure(Sure::Possible);
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{facts, settings};
    use super::*;

    #[test]
    fn fifty_gibibytes() {
        let of = |block: &str, size: f64| {
            let of = facts((3, 2), &[(BLOCK_SIZE, block)], move |_, o| o.custom = vec![("rocksdbSstFileSize", size)]);
            settings(&RULE, &of)
        };
        assert_eq!(of("4", LARGE), [(BLOCK_SIZE, "64".to_owned())]);
        assert_eq!(of("4", LARGE - 1.0), []);
        assert_eq!(of("64", LARGE), []);
    }
}
