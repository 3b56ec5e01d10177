//! Inhibition: while one incident fires, others that only follow from it are no news.

use super::Labels;
use super::matcher::{Matcher, all_match};

/// While an incident fires that the first matchers match, those that the second match are not told of, if these labels are equal.
#[derive(Debug, Clone, Default)]
pub struct Inhibition {
    pub source: Vec<Matcher>,
    pub target: Vec<Matcher>,
    pub equal: Vec<String>,
}

/// An incident that fires.
#[derive(Debug, Clone)]
pub struct Fires {
    pub id: i64,
    pub labels: Labels,
}

impl Inhibition {
    /// Whether `source` makes of `target` no news. One that is both inhibits nothing that is both, so that no two silence each other.
    pub fn inhibits(&self, source: &Labels, target: &Labels) -> bool {
        let label = |labels: &Labels, name: &str| labels.get(name).cloned().unwrap_or_default();
        all_match(&self.source, source)
            && all_match(&self.target, target)
            && !(all_match(&self.source, target) && all_match(&self.target, source))
            && self.equal.iter().all(|name| label(source, name) == label(target, name))
    }
}

/// The incident that makes of another no news.
pub fn inhibitor(inhibitions: &[Inhibition], firing: &[Fires], id: i64, labels: &Labels) -> Option<i64> {
    // Most rules say nothing of most incidents.
    inhibitions
        .iter()
        .filter(|i| all_match(&i.target, labels))
        .find_map(|i| firing.iter().find(|f| f.id != id && i.inhibits(&f.labels, labels)).map(|f| f.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn a_lost_driver_silences_its_stages() {
        let matchers = |text: &str| vec![Matcher::parse(text).unwrap()];
        let rule = Inhibition {
            source: matchers("rule=\"driver-lost\""),
            target: matchers("place=\"stage\""),
            equal: vec!["cluster".into(), "app_id".into()],
        };
        let lost = labels(&[("rule", "driver-lost"), ("cluster", "a"), ("app_id", "1"), ("place", "application")]);
        let skew = labels(&[("rule", "task-skew"), ("cluster", "a"), ("app_id", "1"), ("place", "stage")]);
        let firing = [Fires { id: 7, labels: lost.clone() }, Fires { id: 8, labels: skew.clone() }];
        assert_eq!(inhibitor(std::slice::from_ref(&rule), &firing, 8, &skew), Some(7));
        assert_eq!(inhibitor(std::slice::from_ref(&rule), &firing, 7, &lost), None);
        let other = labels(&[("rule", "task-skew"), ("cluster", "a"), ("app_id", "2"), ("place", "stage")]);
        assert_eq!(inhibitor(&[rule], &firing, 9, &other), None);
    }

    #[test]
    fn two_that_are_both_do_not_silence_each_other() {
        let rule = Inhibition { equal: vec!["cluster".into()], ..Inhibition::default() };
        let (a, b) = (labels(&[("cluster", "a"), ("x", "1")]), labels(&[("cluster", "a"), ("x", "2")]));
        assert!(!rule.inhibits(&a, &b));
    }
}
