//! `long-filter`: a condition is so long that to evaluate it takes time.

use crate::facts::Facts;
use crate::finding::{Advice, Evidence, Finding, Severity, Source, Sure, Value};
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "long-filter",
    family: Family::Sql,
    title: "A filter has a very long condition",
    page: include_str!("long_filter.md"),
    judge,
};

/// Characters: DataFlint's.
const LONG: usize = 1000;
/// Characters that are shown.
const SHOWN: usize = 80;

fn judge(facts: &Facts, limits: &Limits, verdict: &mut Verdict) {
    for filter in facts.operators().filter(|o| o.name() == "Filter") {
        let condition = filter.condition();
        if condition.len() <= LONG {
            continue;
        }
        let length = condition.chars().count();
        let at_stake = filter.cost(facts, &[]);
        if length <= LONG || !limits.worth(facts, &at_stake) {
            continue;
        }
        let start: String = condition.chars().take(SHOWN).collect();
        let summary = format!("its condition has {length} characters: {start}…");
        let path = format!("sql/{}/graph", filter.sql.id);
        let whole = Source::ours(path, format!("/nodes/{}/description", filter.at));
        let mut finding = Finding::new(Severity::Info, filter.place(), summary)
            .evidence(Evidence::derived("characters", Value::Count(length as i64)))
            .evidence(Evidence::new("condition", Value::Text(filter.node.description.clone()), whole));
        finding.evidence.extend(filter.evidence("rows that passed", "number of output rows", Value::Count));
        verdict.find(
            finding
                .costs(at_stake)
                .advise(Advice::Do(
                    "put the values into a table and join with it: a broadcast join looks each up once".into(),
                ))
                .sure(Sure::Possible),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::made::{application, found, node};
    use crate::finding::AtStake;

    fn with(length: usize) -> Facts {
        let filter =
            node("Filter", &format!("Filter {}", "x".repeat(length))).measured("number of output rows", "sum", 9, 1);
        application("3.5.1", 100, &[]).with_stage(1, 50, 200, |_| ()).with_sql(50, &[1], vec![filter], &[])
    }

    #[test]
    fn a_thousand_characters() {
        assert_eq!(found(RULE.name, &with(1000)), []);
        let long = found(RULE.name, &with(1001));
        assert_eq!(long[0].at_stake, AtStake::wall(50_000).cores(200_000));
        assert_eq!(long[0].evidence[0].value, Value::Count(1001));
    }

    #[test]
    fn what_is_cut_is_whole_in_the_text_of_the_plan() {
        let of = |condition: &str| {
            let description = "Filter (name#3 IN (v1,v2,... 298 more fields) AND (id#2 > 3))";
            let filter = node("Filter", description).measured("number of output rows", "sum", 9, 1);
            let facts = application("3.5.1", 100, &[]).with_stage(1, 50, 200, |_| ());
            let mut facts = facts.with_sql(50, &[1], vec![filter], &[]);
            let text = format!("(2) Filter\nInput [1]: [name#3]\nCondition : {condition}\n\n(3) Sort\n");
            facts.sql.values_mut().chain(facts.plans.values_mut()).for_each(|x| x.plan_description = text.clone());
            found(RULE.name, &facts).first().map(|f| f.evidence[0].value.clone())
        };
        let whole = format!("(name#3 IN (v1,v2,{}) AND (id#2 > 3))", "v,".repeat(600));
        assert_eq!(of(&whole), Some(Value::Count(whole.len() as i64)));
        assert_eq!(of(&whole.replace("name#3", "other#4")), None, "that of another filter");
        assert_eq!(of("(name#3 IN (v1,v2,v3) AND (id#2 > 3))"), None);
    }
}
