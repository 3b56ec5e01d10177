//! What changed over time, a point for each step in which it did. Steps grow longer where there would be too many.

/// What there was in a step.
pub trait Point: Copy + Default {
    /// Points that are kept at most.
    const MOST: usize;
    /// Length of steps at first, milliseconds.
    const STEP: i64;

    /// Where the step begins, epoch milliseconds.
    fn time(&self) -> i64;

    /// The point of a later step in which nothing happened yet.
    fn followed_by(self, time: i64) -> Self;

    /// The point of a step that is this one and `later` together, beginning at `time`.
    fn joined(self, later: Self, time: i64) -> Self;
}

/// Points in the order of time.
#[derive(Debug, Clone, PartialEq)]
pub struct History<P> {
    /// Milliseconds; steps begin at its multiples.
    pub step: i64,
    pub points: Vec<P>,
}

impl<P: Point> Default for History<P> {
    fn default() -> Self {
        History { step: P::STEP, points: Vec::new() }
    }
}

impl<P: Point> History<P> {
    fn begin(&self, time: i64) -> i64 {
        let step = self.step.max(1);
        time.div_euclid(step).saturating_mul(step)
    }

    /// Whether both times are in one step.
    pub fn is_one_step(&self, a: i64, b: i64) -> bool {
        self.begin(a) == self.begin(b)
    }

    /// The point of a time; of one that is before the last point, the last.
    pub fn at(&mut self, time: i64) -> &mut P {
        let before = self.points.last().copied().unwrap_or_default();
        if self.points.is_empty() || self.begin(time) > before.time() {
            self.points.push(before.followed_by(self.begin(time)));
        }
        while self.points.len() > P::MOST {
            self.coarsen();
        }
        let last = self.points.len() - 1;
        &mut self.points[last]
    }

    /// Makes one step of two.
    fn coarsen(&mut self) {
        self.step = self.step.max(1).saturating_mul(2);
        let mut joined: Vec<P> = Vec::with_capacity(self.points.len());
        for p in std::mem::take(&mut self.points) {
            let time = self.begin(p.time());
            match joined.last_mut() {
                Some(last) if last.time() >= time => *last = last.joined(p, last.time()),
                _ => joined.push(P::default().joined(p, time)),
            }
        }
        self.points = joined;
    }
}
