//! Who is told of what: a tree of routes over labels, as Alertmanager's. Pure.
//!
//! An incident goes down to the first child that matches, and on to the next where a route says `continue`; where no child matches, the
//! route itself takes it. What a route does not say it has from its parent.

pub mod flush;
pub mod schedule;

use std::collections::BTreeMap;

use crate::incident::inhibit::Inhibition;
use crate::incident::matcher::{Matcher, all_match};
use crate::incident::{Labels, fingerprint};
use crate::ledger::Membership;
pub use schedule::Interval;

/// A route with all that it has from its parents.
#[derive(Debug, Clone, Default)]
pub struct Route {
    pub matchers: Vec<Matcher>,
    pub receiver: String,
    /// Labels whose values make a group; `...` is all of them.
    pub group_by: Vec<String>,
    /// Milliseconds: for others to come, between two messages about a group that changes, and about one that does not.
    pub group_wait: i64,
    pub group_interval: i64,
    pub repeat_interval: i64,
    pub active: Vec<String>,
    pub mute: Vec<String>,
    /// Whether siblings that follow are asked, too.
    pub goes_on: bool,
    pub routes: Vec<Route>,
}

/// All that says who is told of what, and when.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    pub root: Route,
    pub inhibitions: Vec<Inhibition>,
    pub intervals: BTreeMap<String, Vec<Interval>>,
}

/// Label that stands for all of them.
pub const ALL: &str = "...";

impl Tree {
    /// The groups that an incident with these labels belongs to.
    pub fn place(&self, labels: &Labels) -> Vec<Membership> {
        let mut out: Vec<Membership> = Vec::new();
        place(&self.root, "", labels, &mut out);
        out
    }

    /// Whether one of the intervals of these names holds now.
    fn within(&self, names: &[String], now: i64) -> bool {
        names.iter().filter_map(|n| self.intervals.get(n)).flatten().any(|i| i.holds(now))
    }

    /// Whether a route with these intervals may tell now.
    pub fn tells_at(&self, active: &[String], mute: &[String], now: i64) -> bool {
        (active.is_empty() || self.within(active, now)) && !self.within(mute, now)
    }
}

/// Whether the route took it.
fn place(route: &Route, path: &str, labels: &Labels, out: &mut Vec<Membership>) -> bool {
    if !all_match(&route.matchers, labels) {
        return false;
    }
    let mut taken = false;
    for (i, child) in route.routes.iter().enumerate() {
        if place(child, &format!("{path}/{i}"), labels, out) {
            taken = true;
            if !child.goes_on {
                break;
            }
        }
    }
    if !taken {
        out.push(membership(route, path, labels));
    }
    true
}

fn membership(route: &Route, path: &str, labels: &Labels) -> Membership {
    let grouped: Labels = if route.group_by.iter().any(|l| l == ALL) {
        labels.clone()
    } else {
        let value = |name: &String| Some((name.clone(), labels.get(name).cloned().unwrap_or_default()));
        route.group_by.iter().filter_map(value).collect()
    };
    // By what it matches and whom it tells: settings may be written in another order.
    let matchers: Vec<String> = route.matchers.iter().map(ToString::to_string).collect();
    let pairs = grouped.iter().flat_map(|(k, v)| [k.as_str(), v.as_str()]);
    let parts: Vec<&str> = [path, route.receiver.as_str()]
        .into_iter()
        .chain(matchers.iter().map(String::as_str))
        .chain(["|"])
        .chain(pairs)
        .collect();
    Membership {
        key: fingerprint(&parts),
        receiver: route.receiver.clone(),
        labels: grouped,
        group_wait: route.group_wait,
        group_interval: route.group_interval,
        repeat_interval: route.repeat_interval,
        active: route.active.clone(),
        mute: route.mute.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    fn route(receiver: &str, matchers: &[&str], goes_on: bool, routes: Vec<Route>) -> Route {
        let matchers = matchers.iter().map(|m| Matcher::parse(m).unwrap()).collect();
        let group_by = vec!["rule".into(), "cluster".into()];
        Route { receiver: receiver.into(), matchers, goes_on, routes, group_by, ..Route::default() }
    }

    fn tree() -> Tree {
        let root = route(
            "default",
            &[],
            false,
            vec![
                route("audit", &["cluster=~\"prod-.*\""], true, vec![]),
                route(
                    "team",
                    &["team=\"etl\""],
                    false,
                    vec![route("pager", &["severity=\"critical\""], false, vec![])],
                ),
                route("never", &["team=\"etl\""], false, vec![]),
            ],
        );
        Tree { root, ..Tree::default() }
    }

    #[test]
    fn down_to_the_first_that_matches_and_on_where_it_says_so() {
        for (given, wanted) in [
            (vec![("cluster", "dev")], vec!["default"]),
            (vec![("team", "etl"), ("severity", "warning")], vec!["team"]),
            (vec![("team", "etl"), ("severity", "critical")], vec!["pager"]),
            (vec![("team", "etl"), ("severity", "critical"), ("cluster", "prod-1")], vec!["audit", "pager"]),
            (vec![("cluster", "prod-1")], vec!["audit"]),
        ] {
            let placed = tree().place(&labels(&given));
            let receivers: Vec<&str> = placed.iter().map(|m| m.receiver.as_str()).collect();
            assert_eq!(receivers, wanted, "{given:?}");
        }
    }

    #[test]
    fn a_group_is_what_is_equal_in_its_labels() {
        let key = |pairs: &[(&str, &str)]| tree().place(&labels(pairs))[0].key.clone();
        let one = key(&[("rule", "a"), ("cluster", "x"), ("app_name", "1")]);
        assert_eq!(one, key(&[("rule", "a"), ("cluster", "x"), ("app_name", "2")]));
        assert_ne!(one, key(&[("rule", "b"), ("cluster", "x")]));
        let mut all = tree();
        all.root.group_by = vec![ALL.into()];
        let of = |n: &str| all.place(&labels(&[("app_name", n)]))[0].key.clone();
        assert_ne!(of("1"), of("2"));
    }
}
