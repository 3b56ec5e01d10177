//! How many executors, cores and running tasks an application had at each time.

/// Steps of equal length over a span of time, in which sums are gathered.
#[derive(Debug, Clone)]
pub struct Steps {
    start: i64,
    /// Milliseconds; never 0.
    length: f64,
    /// By edge of a step: how many began at or before it in its step, and the sum of how far before.
    counts: Vec<f64>,
    before: Vec<f64>,
}

impl Steps {
    /// `points` steps from `start` to `end`, epoch milliseconds; no step is shorter than one.
    pub fn new(start: i64, end: i64, points: usize) -> Self {
        let span = end.saturating_sub(start).max(1);
        let n = points.clamp(1, usize::try_from(span).unwrap_or(usize::MAX));
        Steps { start, length: span as f64 / n as f64, counts: vec![0.0; n], before: vec![0.0; n] }
    }

    /// When each step begins.
    pub fn times(&self) -> Vec<i64> {
        (0..self.counts.len()).map(|i| self.start.saturating_add((i as f64 * self.length).round() as i64)).collect()
    }

    /// Takes in something that is there from a time on; `weight` below 0 takes it away.
    fn begin(&mut self, time: i64, weight: f64) {
        let at = (time.saturating_sub(self.start) as f64 / self.length).max(0.0);
        let step = at as usize;
        if let (Some(count), Some(before)) = (self.counts.get_mut(step), self.before.get_mut(step)) {
            *count += weight;
            *before += weight * (step as f64 + 1.0 - at);
        }
    }

    /// Takes in something that is there between two times.
    pub fn add(&mut self, from: i64, to: i64, weight: f64) {
        if to > from {
            self.begin(from, weight);
            self.begin(to, -weight);
        }
    }

    /// Takes in an amount of time that was spent evenly between two times.
    pub fn spend(&mut self, from: i64, to: i64, amount: i64) {
        let to = to.max(from.saturating_add(1));
        if amount > 0 {
            self.add(from, to, amount as f64 / to.saturating_sub(from) as f64);
        }
    }

    /// What was spent in each step, milliseconds.
    pub fn spent(&self) -> Vec<f64> {
        self.over_steps(self.length)
    }

    /// What there is on average in each step.
    pub fn averages(&self) -> Vec<f64> {
        self.over_steps(1.0)
    }

    fn over_steps(&self, length: f64) -> Vec<f64> {
        let mut whole = 0.0;
        let steps = self.counts.iter().zip(&self.before);
        steps
            .map(|(count, before)| {
                let average = whole + before;
                whole += count;
                // Sums of many fractions: no more digits than mean something.
                (average.max(0.0) * length * 1000.0).round() / 1000.0
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn averages_over_steps() {
        let mut steps = Steps::new(1000, 1400, 4);
        steps.add(1050, 1150, 1.0);
        steps.add(900, 1100, 2.0);
        steps.add(1350, 9000, 4.0);
        assert_eq!(steps.times(), [1000, 1100, 1200, 1300]);
        assert_eq!(steps.averages(), [2.5, 0.5, 0.0, 2.0]);
        assert_eq!(Steps::new(5, 5, 100).averages(), [0.0]);
        let mut spent = Steps::new(1000, 1400, 4);
        spent.spend(1050, 1150, 30);
        spent.spend(1300, 1300, 5);
        spent.spend(1200, 1210, 0);
        assert_eq!(spent.spent(), [15.0, 15.0, 0.0, 5.0]);
    }

    proptest! {
        #[test]
        fn averages_hold_all_time(spans in prop::collection::vec((0i64..5000, 0i64..3000), 0..50), points in 1usize..200) {
            let mut steps = Steps::new(1000, 4000, points);
            spans.iter().for_each(|(from, length)| steps.add(*from, from + length, 1.0));
            let inside: i64 = spans.iter().map(|(from, length)| ((from + length).clamp(1000, 4000) - (*from).clamp(1000, 4000)).max(0)).sum();
            let sum: f64 = steps.averages().iter().sum::<f64>() * (3000.0 / points as f64);
            prop_assert!((sum - inside as f64).abs() < 3000.0 * 0.001 + 1.0, "{sum} {inside}");
        }
    }
}
