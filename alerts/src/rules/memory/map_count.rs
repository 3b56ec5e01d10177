//! `memory-mappings`: the host allows fewer mappings of memory than ZGC needs for its heap.

use std::collections::BTreeMap;

use crate::facts::{Container, Facts};
use crate::finding::{Advice, Evidence, Finding, Severity, Sure, Value};
use crate::rules::{Family, Limits, Rule, Verdict};

pub const RULE: Rule = Rule {
    name: "memory-mappings",
    family: Family::Memory,
    title: "Hosts allow fewer memory mappings than ZGC needs",
    page: include_str!("map_count.md"),
    judge,
};

/// What tells these warnings from others.
const MARK: &str = "vm.max_map_count";

fn judge(facts: &Facts, _: &Limits, verdict: &mut Verdict) {
    let mut all: BTreeMap<&str, Vec<(&Container, usize)>> = BTreeMap::new();
    for c in &facts.containers {
        for (at, warning) in c.warnings.iter().enumerate().filter(|(_, w)| w.contains(MARK)) {
            all.entry(warning).or_default().push((c, at));
        }
    }
    for (warning, containers) in all {
        let Some((first, at)) = containers.first() else { continue };
        let text = Value::Text(warning.to_owned());
        let said = Evidence { source: first.source(&format!("warnings/{at}")), ..Evidence::derived("warning", text) };
        let count = Evidence::derived("containers", Value::Count(containers.len() as i64));
        verdict.find(
            Finding::new(Severity::Warning, first.place(), warning.to_owned())
                .evidence(said)
                .evidence(count)
                .advise(Advice::Do(
                    "raise vm.max_map_count on the hosts, as with sysctl or the node's user data".into(),
                ))
                .sure(Sure::Certain),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::made::{application, found};

    #[test]
    fn a_warning_of_many_containers_is_told_once() {
        let c = |at: usize, warning: &str| Container { at, warnings: vec![warning.to_owned()], ..Container::default() };
        let few = "ZGC may need 235929 mappings of memory for a heap of 131072 MiB, and vm.max_map_count allows 65530";
        let containers = vec![c(0, "something else"), c(1, few), c(2, few)];
        let all = found(RULE.name, &Facts { containers, ..application("3.5.1", 60, &[]) });
        assert_eq!((all.len(), all[0].summary.as_str()), (1, few));
        assert_eq!(all[0].evidence[0].source.as_ref().map(|s| s.pointer.as_str()), Some("/containers/1/warnings/0"));
        assert_eq!(all[0].evidence[1].value, Value::Count(2));
    }
}
