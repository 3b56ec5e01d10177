//! `large-result`: tasks send much to the driver.

use afterglow_history::state::{StageAttempt, StageKey};

use super::{MOST, of_stage};
use crate::conf::as_setting;
use crate::facts::Facts;
use crate::finding::{Advice, AtStake, Evidence, Finding, Place, Setting, Severity, Sure, Value};
use crate::report::{bytes, time};
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "large-result",
    family: Family::Tasks,
    title: "Tasks send so much to the driver that it is near its limit, or waited for",
    page: include_str!("large_result.md"),
    judge,
};

/// Share of spark.driver.maxResultSize from which a little more data makes the job fail.
const NEAR: f64 = 0.5;
/// Milliseconds in which the driver fetched results, from which they are worth a word.
const LONG: i64 = 10_000;
/// Spark's default of the limit, bytes.
const DEFAULT: i64 = 1 << 30;

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    const KEY: &str = "spark.driver.maxResultSize";
    let limit = facts.conf.bytes(KEY, 1).unwrap_or(DEFAULT);
    let mut found: Vec<(i64, StageKey, Finding)> = Vec::new();
    for (key, stage) in &facts.stages {
        // Those of tasks that write a shuffle are small, many, and count for no limit.
        if !gives_results(facts, *key, stage) {
            continue;
        }
        let (size, took) = (stage.metrics.result_size, stage.getting_result_time);
        // 0 is no limit.
        let near = limit > 0 && size as f64 >= NEAR * limit as f64;
        let waited = took.min(facts.wall_of(*key));
        let at_stake = if waited > 0 { AtStake::wall(waited) } else { AtStake::default() };
        let long = took >= LONG && limits.worth(facts, &at_stake);
        if !near && !long {
            continue;
        }
        let of_limit =
            if near { format!(", {:.0} % of {KEY}", size as f64 / limit as f64 * 100.0) } else { String::new() };
        let fetched = if took > 0 { format!("; the driver fetched for {} in all", time(took)) } else { String::new() };
        let summary = format!("tasks sent results of {} to the driver{of_limit}{fetched}", bytes(size));
        let severity = if near { Severity::Warning } else { Severity::Info };
        let mut f = Finding::new(severity, Place::Stage(key.0, key.1), summary)
            .evidence(Evidence::new("results", Value::Bytes(size), of_stage(*key, "/resultSize")))
            .evidence(Evidence::new("tasks", Value::Count(stage.num_tasks), of_stage(*key, "/numTasks")))
            .evidence(Evidence::derived("limit", Value::Bytes(limit)))
            .evidence(Evidence::derived("time of fetching them", Value::Millis(took)))
            .advise(Advice::Do("write the result, or make it smaller before collect, toPandas or countByKey".into()));
        if near {
            f = f.advise(Advice::Set(Setting {
                key: KEY,
                current: facts.conf.current(KEY),
                suggested: as_setting(limit.max(size).saturating_mul(2)),
                why: "if the driver's heap has room for it: above the limit the job fails".into(),
                since: (0, 0),
            }));
        }
        found.push((size, *key, f.costs(at_stake).sure(Sure::Certain)));
    }
    found.sort_by_key(|(size, key, _)| (std::cmp::Reverse(*size), *key));
    found.into_iter().take(MOST).for_each(|(_, _, f)| verdict.find(f));
}

/// Whether a stage attempt is the last of its jobs.
fn gives_results(facts: &Facts, key: StageKey, stage: &StageAttempt) -> bool {
    let mut jobs = stage.job_ids.iter().filter_map(|id| facts.jobs.get(id));
    stage.metrics.shuffle_bytes_written == 0 && jobs.all(|j| j.stage_ids.iter().max() == Some(&key.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::made::{cluster, stage, suggested};

    fn sent(size: i64, took: i64, properties: &[(&str, &str)]) -> Vec<Finding> {
        let mut s = stage((1, 0), (0, 100_000), (80, 10_000, 10_000));
        s.metrics.result_size = size;
        s.getting_result_time = took;
        cluster(2, 600_000, "3.5.1", properties).with(s).found(&RULE)
    }

    #[test]
    fn near_the_limit_or_waited_for() {
        assert_eq!(sent((512 << 20) - 1, 9_999, &[]), []);
        let found = sent(512 << 20, 0, &[]);
        assert_eq!(
            found[0].summary,
            "tasks sent results of 512.0 MiB to the driver, 50 % of spark.driver.maxResultSize"
        );
        assert_eq!(suggested(&found[0])["spark.driver.maxResultSize"], "2g");
        assert_eq!(sent(512 << 20, 0, &[("spark.driver.maxResultSize", "4g")]), []);
        assert_eq!(sent(512 << 20, 0, &[("spark.driver.maxResultSize", "0")]), [], "no limit");
        let mut s = stage((1, 0), (0, 100_000), (80, 10_000, 10_000));
        (s.metrics.result_size, s.metrics.shuffle_bytes_written) = (1 << 30, 1);
        assert_eq!(cluster(2, 600_000, "3.5.1", &[]).with(s).found(&RULE), [], "no results");
        let waited = sent(64 << 20, 10_000, &[]);
        assert_eq!((waited[0].severity, waited[0].at_stake), (Severity::Info, AtStake::wall(10_000)));
    }
}
