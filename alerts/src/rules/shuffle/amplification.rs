//! `shuffle-amplification`: a stage writes far more to the shuffle than it reads.

use crate::facts::Facts;
use crate::finding::{Advice, AtStake, Evidence, Finding, Place, Severity, Source, Sure, Value};
use crate::report::bytes;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "shuffle-amplification",
    family: Family::Shuffle,
    title: "A stage shuffles far more than it reads",
    page: include_str!("amplification.md"),
    judge,
};

/// Written over read. Columnar files grow by two or three when their rows are shuffled: more than that was made.
const MUCH: f64 = 4.0;
/// Bytes to the shuffle from which it counts; fewer do where they weigh for this application.
const COUNTS: i64 = 1 << 30;
/// Stage attempts that are told of at most.
const STAGES: usize = 5;

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    let mut all: Vec<(i64, Finding)> = Vec::new();
    for (key, stage) in &facts.stages {
        let m = &stage.metrics;
        let shuffled = m.shuffle_local_bytes_read.saturating_add(m.shuffle_remote_bytes_read);
        let (read, written) = (m.input_bytes_read.max(0).saturating_add(shuffled), m.shuffle_bytes_written);
        if read <= 0 || (written as f64) < MUCH * read as f64 {
            continue;
        }
        // What is not made needs not be written.
        let run = m.executor_run_time.max(0);
        let cores = (m.shuffle_write_time / 1_000_000).clamp(0, run);
        let wall = if run > 0 { facts.wall_of(*key) as f64 * cores as f64 / run as f64 } else { 0.0 };
        let at_stake = AtStake::wall(wall as i64).cores(cores);
        let counts = written >= COUNTS || facts.weight(&at_stake) > Severity::Info;
        if !counts || !limits.worth(facts, &at_stake) {
            continue;
        }
        let path = format!("stages/{}/{}", key.0, key.1);
        let of = |name, value, field: &str| Evidence::new(name, value, Source::spark(&path, field));
        let ratio = written as f64 / read as f64;
        let summary =
            format!("it read {} and wrote {} to the shuffle, {ratio:.1} times as much", bytes(read), bytes(written));
        let finding = Finding::new(facts.weight(&at_stake), Place::Stage(key.0, key.1), summary)
            .evidence(Evidence::derived("written over read", Value::Ratio(ratio)))
            .evidence(of("written to the shuffle", Value::Bytes(written), "/shuffleWriteBytes"))
            .evidence(of("input", Value::Bytes(m.input_bytes_read), "/inputBytes"))
            .evidence(of("shuffle read", Value::Bytes(shuffled), "/shuffleReadBytes"))
            .costs(at_stake)
            .advise(Advice::Do(
                "aggregate or filter before rows are multiplied by explode, cube, a join or several distinct counts"
                    .into(),
            ))
            .advise(Advice::Do("drop columns that nobody reads afterwards".into()))
            .sure(Sure::Likely);
        all.push((written, finding));
    }
    all.sort_by_key(|(written, _)| std::cmp::Reverse(*written));
    all.into_iter().take(STAGES).for_each(|(_, finding)| verdict.find(finding));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::made::{application, found};

    fn with(input: i64, written: i64, write_seconds: i64) -> Facts {
        application("3.5.1", 100, &[]).with_stage(3, 50, 200, |s| {
            s.metrics.input_bytes_read = input;
            s.metrics.shuffle_bytes_written = written;
            s.metrics.shuffle_write_time = write_seconds * 1_000_000_000;
        })
    }

    #[test]
    fn four_times_as_much_counts_where_writing_takes_time() {
        const MIB: i64 = 1 << 20;
        assert_eq!(found(RULE.name, &with(256 * MIB + 1, 1024 * MIB, 40)), []);
        let much = found(RULE.name, &with(256 * MIB, 1024 * MIB, 40));
        assert_eq!(much[0].at_stake, AtStake::wall(10_000).cores(40_000));
        assert_eq!(much[0].summary, "it read 256.0 MiB and wrote 1.0 GiB to the shuffle, 4.0 times as much");
        assert_eq!(found(RULE.name, &with(256 * MIB, 1024 * MIB, 1)), [], "it costs next to nothing");
        assert_eq!(found(RULE.name, &with(10 * MIB, 1000 * MIB, 40)).len(), 1, "it is a tenth of the application");
        assert_eq!(found(RULE.name, &with(10 * MIB, 1000 * MIB, 39)), [], "it is little");
        assert_eq!(found(RULE.name, &with(0, 1024 * MIB, 40)), [], "it makes its rows itself");
    }
}
