//! How an incident stands, and what a sighting or the passing of time makes of it.

/// `normal` is no incident at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Seen, but not for as long as its rule wants.
    Pending,
    Firing,
    Resolved,
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::Firing => "firing",
            State::Resolved => "resolved",
        }
    }

    /// What [`State::name`] wrote.
    pub fn of(name: &str) -> Option<Self> {
        [State::Pending, State::Firing, State::Resolved].into_iter().find(|s| s.name() == name)
    }
}

/// What becomes of an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing is there, and nothing was.
    None,
    /// A new one in this state, that fires at `due`.
    Open { state: State, due: i64 },
    /// It is still there.
    Stay,
    /// It has lasted long enough.
    Fire,
    /// It is over.
    Resolve,
    /// It went before it fired: nobody heard of it, and nobody need.
    Forget,
}

/// What a sighting at `at` makes of an incident: `open` is its state with the time at which it fires, none if it is not open;
/// `hold` is how long it must last.
pub fn seen(open: Option<(State, i64)>, active: bool, at: i64, hold: i64) -> Step {
    match (open, active) {
        (None | Some((State::Resolved, _)), false) => Step::None,
        (None | Some((State::Resolved, _)), true) => {
            let state = if hold > 0 { State::Pending } else { State::Firing };
            Step::Open { state, due: at.saturating_add(hold.max(0)) }
        }
        (Some((State::Pending, due)), true) if at >= due => Step::Fire,
        (Some((State::Pending, _)), false) => Step::Forget,
        (Some((State::Firing, _)), false) => Step::Resolve,
        (Some(_), true) => Step::Stay,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    /// Samples a minute apart against `holds`, for three minutes: the states, and what was told.
    fn run(samples: &[i64], holds: fn(i64) -> bool) -> (Vec<&'static str>, usize, usize) {
        let (mut open, mut states, mut told, mut over) = (None, Vec::new(), 0, 0);
        for (i, sample) in samples.iter().enumerate() {
            let at = i as i64 * MINUTE;
            open = match seen(open, holds(*sample), at, 3 * MINUTE) {
                Step::Open { state, due } => Some((state, due)),
                Step::Fire => {
                    told += 1;
                    open.map(|(_, due)| (State::Firing, due))
                }
                Step::Resolve => {
                    over += 1;
                    None
                }
                Step::Forget | Step::None => None,
                Step::Stay => open,
            };
            states.push(open.map_or("normal", |(state, _)| state.name()));
        }
        (states, told, over)
    }

    #[test]
    fn below_two_for_three_minutes() {
        let (states, told, over) = run(&[2, 1, 1, 1, 1, 2], |x| x < 2);
        assert_eq!(states, ["normal", "pending", "pending", "pending", "firing", "normal"]);
        assert_eq!((told, over), (1, 1));
    }

    #[test]
    fn above_ninety_five_for_three_minutes() {
        let (states, told, over) = run(&[95, 96, 97, 99, 96, 100, 95, 96], |x| x > 95);
        assert_eq!(states, ["normal", "pending", "pending", "pending", "firing", "firing", "normal", "pending"]);
        assert_eq!((told, over), (1, 1));
    }

    #[test]
    fn what_goes_before_it_fires_is_told_to_nobody() {
        let (states, told, over) = run(&[1, 1, 2, 1, 2], |x| x < 2);
        assert_eq!(states, ["pending", "pending", "normal", "pending", "normal"]);
        assert_eq!((told, over), (0, 0));
    }

    #[test]
    fn without_a_hold_it_fires_at_once() {
        assert_eq!(seen(None, true, 5, 0), Step::Open { state: State::Firing, due: 5 });
        assert_eq!(seen(None, false, 5, 0), Step::None);
    }
}
