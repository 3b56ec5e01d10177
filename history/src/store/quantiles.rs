//! The values at some ranks of an unsorted column, exactly, in linear time: values are counted by
//! their leading bits, and only the buckets that hold a wanted rank are looked into.

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
}
