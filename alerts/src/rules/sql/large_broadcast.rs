//! `large-broadcast`: a table that is sent to every executor is large.

use crate::facts::Facts;
use crate::facts::operators::Operator;
use crate::finding::{Advice, AtStake, Evidence, Finding, Setting, Severity, Sure, Value};
use crate::report::bytes;
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "large-broadcast",
    family: Family::Sql,
    title: "A broadcast table is large",
    page: include_str!("large_broadcast.md"),
    judge,
};

/// Bytes: DataFlint's; and those of rapids-tools, from which a setting is a risk.
const LARGE: i64 = 1 << 30;
const RISK: i64 = 100 << 20;
/// Of the driver's heap, which holds the rows and the relation made of them for a while.
const OF_DRIVER: f64 = 0.25;

fn judge(facts: &Facts, _: &Limits, verdict: &mut Verdict) {
    let driver = facts.conf.bytes("spark.driver.memory", 1 << 20).unwrap_or(1 << 30);
    for exchange in facts.operators().filter(|o| o.name() == "BroadcastExchange") {
        let Some(size) = exchange.sum("data size") else { continue };
        let of_driver = size as f64 / driver as f64;
        let risky = size > RISK && of_driver >= OF_DRIVER;
        if size <= LARGE && !risky {
            continue;
        }
        let time = ["time to collect", "time to build", "time to broadcast"];
        let time = time.iter().filter_map(|m| exchange.sum(m)).map(|ms| ms.max(0)).fold(0, i64::saturating_add);
        let summary =
            format!("{} are sent to every executor, {:.0} % of the driver's heap", bytes(size), of_driver * 100.0);
        let severity = if size > LARGE || of_driver >= 2.0 * OF_DRIVER { Severity::Warning } else { Severity::Info };
        let mut finding = Finding::new(severity, exchange.place(), summary);
        finding.evidence.extend(exchange.evidence("size", "data size", Value::Bytes));
        finding.evidence.extend(exchange.evidence("rows", "number of output rows", Value::Count));
        finding.evidence.extend(exchange.evidence("to collect", "time to collect", Value::Millis));
        finding.evidence.extend(exchange.evidence("to build", "time to build", Value::Millis));
        finding.evidence.extend(exchange.evidence("to broadcast", "time to broadcast", Value::Millis));
        finding.evidence.push(Evidence::derived("heap of the driver", Value::Bytes(driver)));
        finding.advice = advice(facts, &exchange);
        verdict.find(finding.costs(AtStake::wall(time.min(facts.duration()))).sure(Sure::Likely));
    }
}

fn advice(facts: &Facts, exchange: &Operator<'_>) -> Vec<Advice> {
    let keys =
        [("spark.sql.adaptive.autoBroadcastJoinThreshold", (3, 2)), ("spark.sql.autoBroadcastJoinThreshold", (1, 1))];
    let set = |(key, since): (&'static str, (u32, u32))| {
        // Settings of the session come with the SQL execution.
        let own = exchange.sql.modified_configs.iter().find(|(k, _)| k == key).map(|(_, v)| v.clone());
        let current = own.or_else(|| facts.conf.current(key));
        let now = crate::conf::size(current.as_deref()?, 1)?;
        let why = "larger tables are sorted and merged, which takes no memory of the driver".to_owned();
        (now > RISK).then_some(Advice::Set(Setting { key, current, suggested: "100m".into(), why, since }))
    };
    let mut out: Vec<Advice> = keys.into_iter().filter_map(set).collect();
    if out.is_empty() {
        out.push(Advice::Do(
            "drop the hint that asks for the broadcast: Spark would not have chosen it by size".into(),
        ));
    }
    out.push(Advice::Do("filter and project the table before the join: only what is read of it has to travel".into()));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::made::{application, found, node, settings};

    fn with(properties: &[(&str, &str)], size: i64) -> Facts {
        let exchange = node("BroadcastExchange", "BroadcastExchange HashedRelationBroadcastMode")
            .measured("data size", "size", size, None)
            .measured("time to collect", "timing", 2_000, None)
            .measured("time to build", "timing", 3_000, None);
        application("3.5.1", 100, properties).with_sql(50, &[], vec![exchange], &[])
    }

    #[test]
    fn large_by_itself_or_for_its_driver() {
        const MIB: i64 = 1 << 20;
        let driver = ("spark.driver.memory", "16g");
        assert_eq!(found(RULE.name, &with(&[driver], 1 << 30)), []);
        let large = found(RULE.name, &with(&[driver], (1 << 30) + 1));
        assert_eq!((large[0].severity, large[0].at_stake), (Severity::Warning, AtStake::wall(5_000)));
        assert_eq!(settings(&large[0]), []);
        assert_eq!(found(RULE.name, &with(&[], 255 * MIB)), []);
        assert_eq!(found(RULE.name, &with(&[], 256 * MIB))[0].severity, Severity::Info);
        let set = found(RULE.name, &with(&[("spark.sql.autoBroadcastJoinThreshold", "1g")], 600 * MIB));
        assert_eq!(settings(&set[0]), [("spark.sql.autoBroadcastJoinThreshold", Some("1g"), "100m")]);
        assert_eq!(set[0].severity, Severity::Warning);
    }
}
