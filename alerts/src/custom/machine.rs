//! How a rule's state goes from evaluation to evaluation, for each set of labels: normal, pending, firing, resolved. It knows
//! no clock and no store: time and what holds are handed in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Names and values.
pub type Labels = BTreeMap<String, String>;

/// State of a rule for a set of labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The condition held, but not for long enough.
    Normal,
    /// It holds, not yet for long enough.
    Pending,
    Firing,
    /// It fired, and the condition does not hold any more.
    Resolved,
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            State::Normal => "normal",
            State::Pending => "pending",
            State::Firing => "firing",
            State::Resolved => "resolved",
        }
    }
}

/// A change of state.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    pub labels: Labels,
    pub state: State,
    /// When the state began, epoch milliseconds: for firing when it began to fire.
    pub since: i64,
    pub value: Option<f64>,
}

/// The states of a rule. Sets of labels that are not held are normal.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Machine {
    /// How long the condition must hold before it fires, milliseconds.
    hold: i64,
    /// How long it fires on after the condition held last.
    keep: i64,
    held: BTreeMap<Labels, Held>,
}

/// A set of labels that is pending or fires. Times are epoch milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Held {
    firing: bool,
    /// When it began to be pending, or to fire.
    since: i64,
    /// When the condition held last, and with which value.
    last: i64,
    value: f64,
}

impl Machine {
    /// `hold` and `keep` are milliseconds.
    pub fn new(hold: i64, keep: i64) -> Self {
        Machine { hold: hold.max(0), keep: keep.max(0), held: BTreeMap::new() }
    }

    /// Goes on from what [`Machine::held`] gave, after a restart.
    pub fn restore(&mut self, held: Vec<(Labels, Held)>) {
        self.held.extend(held);
    }

    /// All of the state, to go on from.
    pub fn held(&self) -> Vec<(Labels, Held)> {
        self.held.iter().map(|(labels, held)| (labels.clone(), held.clone())).collect()
    }

    /// What is pending or fires.
    pub fn holding(&self) -> impl Iterator<Item = Transition> {
        self.held.iter().map(|(labels, h)| Transition {
            labels: labels.clone(),
            state: if h.firing { State::Firing } else { State::Pending },
            since: h.since,
            value: Some(h.value),
        })
    }

    /// An evaluation at `now`, epoch milliseconds, with the sets of labels that the condition holds for, and their values.
    /// Gives what changed.
    pub fn step(&mut self, now: i64, holds: &BTreeMap<Labels, f64>) -> Vec<Transition> {
        let mut out = Vec::new();
        let gone = |(_, h): &(&Labels, &Held)| !h.firing || now.saturating_sub(h.last) >= self.keep;
        let gone: Vec<Labels> = self
            .held
            .iter()
            .filter(|(labels, _)| !holds.contains_key(*labels))
            .filter(gone)
            .map(|(labels, _)| labels.clone())
            .collect();
        for labels in gone {
            if let Some(h) = self.held.remove(&labels) {
                let state = if h.firing { State::Resolved } else { State::Normal };
                out.push(Transition { labels, state, since: now, value: None });
            }
        }
        for (labels, value) in holds {
            let new = !self.held.contains_key(labels);
            let fresh = || Held { firing: false, since: now, last: now, value: *value };
            let h = self.held.entry(labels.clone()).or_insert_with(fresh);
            (h.last, h.value) = (now, *value);
            let fires = !h.firing && now.saturating_sub(h.since) >= self.hold;
            if fires {
                (h.firing, h.since) = (true, now);
            }
            if fires || new {
                let state = if h.firing { State::Firing } else { State::Pending };
                out.push(Transition { labels: labels.clone(), state, since: now, value: Some(*value) });
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: i64 = 60_000;

    fn labels(name: &str) -> Labels {
        [("app_name".to_owned(), name.to_owned())].into()
    }

    /// Evaluates every minute: minute and state of each change, of one set of labels.
    fn run(machine: &mut Machine, from: i64, samples: &[f64], holds: fn(f64) -> bool) -> Vec<(i64, State)> {
        let mut out = Vec::new();
        for (i, x) in samples.iter().enumerate() {
            let now = (from + i as i64) * MINUTE;
            let rows = holds(*x).then(|| (labels("a"), *x)).into_iter().collect();
            out.extend(machine.step(now, &rows).into_iter().map(|t| (now / MINUTE, t.state)));
        }
        out
    }

    #[test]
    fn three_minutes_below_two() {
        let mut machine = Machine::new(3 * MINUTE, 0);
        let low = |x| x < 2.0;
        let changes = run(&mut machine, 0, &[2.0, 1.0, 1.0, 1.0, 1.0], low);
        assert_eq!(changes, [(1, State::Pending), (4, State::Firing)]);
        assert_eq!(run(&mut machine, 5, &[1.0, 1.0], low), [], "one notification");
        assert_eq!(run(&mut machine, 7, &[2.0, 2.0], low), [(7, State::Resolved)], "one of its end");
        let mut machine = Machine::new(3 * MINUTE, 0);
        let changes = run(&mut machine, 0, &[95.0, 96.0, 97.0, 98.0, 99.0, 95.0], |x| x > 95.0);
        assert_eq!(changes, [(1, State::Pending), (4, State::Firing), (5, State::Resolved)]);
    }

    #[test]
    fn what_does_not_hold_for_long_never_fires() {
        let mut machine = Machine::new(3 * MINUTE, 0);
        let changes = run(&mut machine, 0, &[1.0, 1.0, 1.0, 2.0, 1.0], |x| x < 2.0);
        assert_eq!(changes, [(0, State::Pending), (3, State::Normal), (4, State::Pending)]);
        assert_eq!(run(&mut Machine::new(0, 0), 0, &[1.0], |x| x < 2.0), [(0, State::Firing)], "at once, if so wanted");
    }

    #[test]
    fn a_gap_does_not_end_what_is_kept() {
        let mut machine = Machine::new(0, 2 * MINUTE);
        let changes = run(&mut machine, 0, &[1.0, 2.0, 1.0, 2.0, 2.0, 2.0], |x| x < 2.0);
        assert_eq!(changes, [(0, State::Firing), (4, State::Resolved)]);
    }

    #[test]
    fn each_set_of_labels_is_on_its_own() {
        let mut machine = Machine::new(MINUTE, 0);
        let rows = |names: &[&str]| names.iter().map(|n| (labels(n), 1.0)).collect::<BTreeMap<_, _>>();
        assert_eq!(machine.step(0, &rows(&["a"])).len(), 1);
        let next = machine.step(MINUTE, &rows(&["a", "b"]));
        let states: Vec<_> = next.iter().map(|t| (t.labels["app_name"].as_str(), t.state)).collect();
        assert_eq!(states, [("a", State::Firing), ("b", State::Pending)]);
    }

    proptest! {
        /// A machine that is stopped and started anew goes on as one that was not.
        #[test]
        fn a_restart_changes_nothing(samples in proptest::collection::vec(0u8..3, 1..40), at in 0usize..40, hold in 0i64..5, keep in 0i64..5) {
            let rows = |x: u8| (x > 0).then(|| (labels("a"), f64::from(x))).into_iter().collect::<BTreeMap<_, _>>();
            let mut whole = Machine::new(hold * MINUTE, keep * MINUTE);
            let mut parted = Machine::new(hold * MINUTE, keep * MINUTE);
            for (i, x) in samples.iter().enumerate() {
                if i == at {
                    let mut anew = Machine::new(hold * MINUTE, keep * MINUTE);
                    anew.restore(parted.held());
                    parted = anew;
                }
                let now = i as i64 * MINUTE;
                prop_assert_eq!(whole.step(now, &rows(*x)), parted.step(now, &rows(*x)));
            }
        }
    }
}
