//! The values at some ranks among unsorted ones, exactly. [`at_ranks`] takes them out of a column that is in memory, in
//! linear time: values are counted by their leading bits, and only the buckets that hold a wanted rank are looked into.
//! [`Median`] is shown values again and again instead, and narrows down where the one in the middle is.

/// Buckets of the count.
const BITS: u32 = 12;

/// The values that would stand at `ranks` (ascending, below the length) if `values` were sorted.
pub fn at_ranks(values: &[i64], ranks: &[usize]) -> Vec<i64> {
    let (Some(min), Some(max)) = (values.iter().min(), values.iter().max()) else { return vec![0; ranks.len()] };
    let (min, span) = (*min, max.wrapping_sub(*min) as u64);
    if span == 0 {
        return vec![min; ranks.len()];
    }
    let shift = (64 - span.leading_zeros()).saturating_sub(BITS);
    let bucket = |v: i64| (v.wrapping_sub(min) as u64 >> shift) as usize;
    let mut counts = vec![0u32; 1 << BITS];
    for v in values {
        counts[bucket(*v)] += 1;
    }
    // For each bucket with a wanted rank: where its first value would stand.
    let mut wanted: Vec<(usize, usize)> = Vec::new();
    let (mut at, mut below) = (0usize, 0usize);
    for rank in ranks {
        while below + counts[at] as usize <= *rank {
            below += counts[at] as usize;
            at += 1;
        }
        if wanted.last().is_none_or(|(b, _)| *b != at) {
            wanted.push((at, below));
        }
    }
    if shift == 0 {
        return pick(ranks, &wanted, |b, _| min.wrapping_add(b as i64));
    }
    let mut slot = vec![u8::MAX; 1 << BITS];
    let few = wanted.len() < usize::from(u8::MAX);
    let mut held: Vec<Vec<i64>> = wanted.iter().map(|(b, _)| Vec::with_capacity(counts[*b] as usize)).collect();
    if few {
        wanted.iter().enumerate().for_each(|(i, (b, _))| slot[*b] = i as u8);
        for v in values {
            let s = slot[bucket(*v)];
            if s != u8::MAX {
                held[usize::from(s)].push(*v);
            }
        }
    } else {
        for v in values {
            if let Ok(i) = wanted.binary_search_by_key(&bucket(*v), |(b, _)| *b) {
                held[i].push(*v);
            }
        }
    }
    let sorted: Vec<Vec<i64>> = held
        .into_iter()
        .map(|mut h| {
            h.sort_unstable();
            h
        })
        .collect();
    pick(ranks, &wanted, |b, nth| {
        wanted.binary_search_by_key(&b, |(b, _)| *b).ok().and_then(|i| sorted[i].get(nth).copied()).unwrap_or(min)
    })
}

fn pick(ranks: &[usize], wanted: &[(usize, usize)], value: impl Fn(usize, usize) -> i64) -> Vec<i64> {
    ranks
        .iter()
        .map(|rank| {
            let i = wanted.partition_point(|(_, below)| below <= rank) - 1;
            value(wanted[i].0, rank - wanted[i].1)
        })
        .collect()
}

/// The value in the middle of any number of values, in memory that does not grow with them: they are shown in some
/// rounds, the same ones in any order, until [`Median::narrow`] says that it is known.
#[derive(Debug, Clone)]
pub struct Median {
    /// Where it is, both ends included.
    low: i64,
    high: i64,
    /// How many values are below that.
    below: u64,
    /// Its place among all, known after the first round.
    rank: Option<u64>,
    /// How many values are in each bucket between the ends, from `first` on.
    counts: Vec<u64>,
    first: i64,
}

impl Default for Median {
    fn default() -> Self {
        Median { low: i64::MIN, high: i64::MAX, below: 0, rank: None, counts: Vec::new(), first: 0 }
    }
}

impl Median {
    pub fn see(&mut self, value: i64) {
        if self.get().is_some() || !(self.low..=self.high).contains(&value) {
            return;
        }
        let bucket = self.bucket(value);
        if self.counts.is_empty() {
            self.first = bucket;
        }
        if bucket < self.first {
            self.counts.splice(..0, std::iter::repeat_n(0, (self.first - bucket) as usize));
            self.first = bucket;
        }
        let at = (bucket - self.first) as usize;
        if at >= self.counts.len() {
            self.counts.resize(at + 1, 0);
        }
        self.counts[at] += 1;
    }

    /// Ends a round. Whether another one is needed.
    pub fn narrow(&mut self) -> bool {
        let counts = std::mem::take(&mut self.counts);
        let rank = self.rank.unwrap_or(counts.iter().sum::<u64>() / 2);
        let found = (self.first..).zip(counts).find(|(_, count)| {
            let here = rank < self.below + count;
            self.below += if here { 0 } else { *count };
            here
        });
        if let Some((bucket, _)) = found {
            (self.low, self.high) = self.ends(bucket);
        }
        self.rank = Some(rank);
        found.is_some() && self.low < self.high
    }

    /// The value with as many below it as above, the greater of two; none of none, and before it is known.
    pub fn get(&self) -> Option<i64> {
        (self.low == self.high).then_some(self.low)
    }

    /// Nothing is known in the first round: a bucket is as wide as its values are large. Later ones are alike.
    fn bucket(&self, value: i64) -> i64 {
        match self.rank {
            None if value < 0 => !coarse(!value),
            None => coarse(value),
            Some(_) => (value.wrapping_sub(self.low) as u64 >> self.shift()) as i64,
        }
    }

    /// The least and the greatest value of a bucket.
    fn ends(&self, bucket: i64) -> (i64, i64) {
        match self.rank {
            None if bucket < 0 => (!coarse_ends(!bucket).1, !coarse_ends(!bucket).0),
            None => coarse_ends(bucket),
            Some(_) => {
                let low = self.low.wrapping_add(bucket << self.shift());
                (low, low.saturating_add((1 << self.shift()) - 1).min(self.high))
            }
        }
    }

    fn shift(&self) -> u32 {
        (64 - (self.high.wrapping_sub(self.low) as u64).leading_zeros()).saturating_sub(BITS)
    }
}

/// Leading bits of a value, below the first one, that tell coarse buckets apart.
const LEADING: u32 = 6;
/// Below that, a coarse bucket has one value.
const EXACT: i64 = 2 << LEADING;

fn coarse(value: i64) -> i64 {
    if value < EXACT {
        return value;
    }
    let beyond = value.ilog2() - LEADING;
    (i64::from(beyond) << LEADING) + (value >> beyond)
}

fn coarse_ends(bucket: i64) -> (i64, i64) {
    if bucket < EXACT {
        return (bucket, bucket);
    }
    let beyond = (bucket >> LEADING) - 1;
    let low = (bucket - (beyond << LEADING)) << beyond;
    (low, low + ((1 << beyond) - 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_sorting(
            values in prop::collection::vec(prop_oneof![0i64..50, 0i64..1_000_000_000, any::<i64>()], 1..400),
            at in prop::collection::vec(any::<prop::sample::Index>(), 1..8),
        ) {
            let mut ranks: Vec<usize> = at.iter().map(|i| i.index(values.len())).collect();
            ranks.sort_unstable();
            let mut sorted = values.clone();
            sorted.sort_unstable();
            let expected: Vec<i64> = ranks.iter().map(|r| sorted[*r]).collect();
            prop_assert_eq!(at_ranks(&values, &ranks), expected);
        }
    }

    fn median(values: &[i64]) -> (Option<i64>, usize) {
        let mut median = Median::default();
        for rounds in 1.. {
            values.iter().for_each(|v| median.see(*v));
            assert!(median.counts.len() < 16 << 10);
            if !median.narrow() {
                return (median.get(), rounds);
            }
            assert_eq!(median.get(), None);
        }
        unreachable!()
    }

    proptest! {
        #[test]
        fn narrows_down_to_the_median(
            values in prop::collection::vec(
                prop_oneof![0i64..50, 0i64..1_000_000_000, 134_000_000i64..134_300_000, any::<i64>()], 1..400)
        ) {
            let mut sorted = values.clone();
            sorted.sort_unstable();
            prop_assert_eq!(median(&values).0, Some(sorted[values.len() / 2]));
        }
    }

    #[test]
    fn few_rounds_are_enough() {
        assert_eq!(median(&[]), (None, 1));
        assert_eq!(median(&[127, 5, 90]), (Some(90), 1));
        let near: Vec<i64> = (0..100_000).map(|i| (128 << 20) + i * 7).collect();
        assert_eq!(median(&near), (Some((128 << 20) + 350_000), 3));
        for edge in [i64::MIN, i64::MAX, -1, 0] {
            assert_eq!(median(&[edge; 3]).0, Some(edge));
        }
        assert_eq!(median(&[i64::MIN, i64::MAX]).0, Some(i64::MAX));
    }
}
