//! Few of many, so that a picture of them stays true: bins, points, and the longest of each lane.
//! The same values give the same choice.

/// Values from `from` on and below `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bin {
    pub from: i64,
    pub to: i64,
    pub count: u64,
}

/// Counts values in at most `bins` bins of one width, the first from the least value on; there
/// are fewer where there are fewer whole numbers. None of no values.
pub fn histogram(values: &[i64], bins: usize) -> Vec<Bin> {
    let (Some(min), Some(max)) = (values.iter().min().copied(), values.iter().max().copied()) else {
        return Vec::new();
    };
    let span = i128::from(max) - i128::from(min) + 1;
    let width = (span + bins.max(1) as i128 - 1) / bins.max(1) as i128;
    let mut counts = vec![0u64; ((span + width - 1) / width) as usize];
    match u64::try_from(width) {
        Ok(width) => values.iter().for_each(|v| counts[(v.wrapping_sub(min) as u64 / width) as usize] += 1),
        Err(_) => counts[0] = values.len() as u64,
    }
    let edge = |i: usize| i64::try_from(i128::from(min) + i as i128 * width).unwrap_or(i64::MAX);
    counts.into_iter().enumerate().map(|(i, count)| Bin { from: edge(i), to: edge(i + 1), count }).collect()
}

/// Steps in which values are told apart when points are chosen.
const STEPS: usize = 1 << 14;

/// Rows of at most `count` points, in order: those with the extremes of both axes, the rest evenly
/// among all as they are ordered by `x`. Linear time: rows whose `x` differ by less than a step
/// of its span are in no order.
pub fn points(x: &[i64], y: &[i64], count: usize) -> Vec<usize> {
    let rows = x.len().min(y.len());
    if rows <= count {
        return (0..rows).collect();
    }
    let extreme = |v: &[i64], most: bool| {
        let rows = v[..rows].iter().enumerate();
        // The first of equal ones.
        if most { rows.rev().max_by_key(|(_, v)| **v) } else { rows.min_by_key(|(_, v)| **v) }.map(|(row, _)| row)
    };
    let mut chosen: Vec<usize> =
        [extreme(x, false), extreme(x, true), extreme(y, false), extreme(y, true)].into_iter().flatten().collect();
    chosen.sort_unstable();
    chosen.dedup();
    let (min, max) = (chosen.iter().map(|r| x[*r]).min().unwrap_or(0), chosen.iter().map(|r| x[*r]).max().unwrap_or(0));
    let span = u64::try_from(i128::from(max) - i128::from(min)).unwrap_or(u64::MAX);
    let shift = (64 - span.leading_zeros()).saturating_sub(STEPS.trailing_zeros());
    let step = |row: usize| (x[row].wrapping_sub(min) as u64 >> shift) as usize;
    let mut next = vec![0usize; STEPS + 1];
    (0..rows).for_each(|row| next[step(row) + 1] += 1);
    (1..next.len()).for_each(|i| next[i] += next[i - 1]);
    // Where each row stands among all; every so many is taken.
    let wanted = count.saturating_sub(chosen.len());
    for row in 0..rows {
        let place = &mut next[step(row)];
        let taken = |n: usize| n * wanted / rows;
        if taken(*place + 1) > taken(*place) && chosen.binary_search(&row).is_err() {
            chosen.push(row);
        }
        *place += 1;
    }
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}

/// Rows of at most `count` tasks, of each lane the longest and at least one: lanes with few tasks
/// keep all, the others as many each. Lanes are small numbers from 0 on.
pub fn longest(lanes: &[i64], durations: &[i64], count: usize) -> Vec<usize> {
    let rows = lanes.len().min(durations.len());
    if rows <= count {
        return (0..rows).collect();
    }
    let lanes = lanes[..rows].iter().map(|lane| usize::try_from(*lane).unwrap_or(0));
    let mut by_lane: Vec<Vec<usize>> = vec![Vec::new(); lanes.clone().max().unwrap_or(0) + 1];
    lanes.enumerate().for_each(|(row, lane)| by_lane[lane].push(row));
    by_lane.retain(|rows| !rows.is_empty());
    let mut sizes: Vec<usize> = by_lane.iter().map(Vec::len).collect();
    sizes.sort_unstable();
    let (mut left, mut lanes_left, mut each) = (count, sizes.len(), 0);
    for size in sizes {
        each = left / lanes_left;
        if size > each {
            break;
        }
        left -= size;
        lanes_left -= 1;
    }
    let each = each.max(1);
    let mut chosen = Vec::new();
    for mut rows in by_lane {
        if rows.len() > each {
            rows.select_nth_unstable_by_key(each - 1, |row| (std::cmp::Reverse(durations[*row]), *row));
            rows.truncate(each);
        }
        chosen.extend(rows);
    }
    chosen.sort_unstable();
    chosen
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bins_have_whole_edges() {
        let bin = |from, to, count| Bin { from, to, count };
        assert_eq!(histogram(&[1, 2, 2, 9], 3), [bin(1, 4, 3), bin(4, 7, 0), bin(7, 10, 1)]);
        assert_eq!(histogram(&[5, 5], 40), [bin(5, 6, 2)]);
        assert_eq!(histogram(&[0, 1], 40), [bin(0, 1, 1), bin(1, 2, 1)]);
        assert_eq!(histogram(&[], 40), []);
    }

    #[test]
    fn few_lanes_share_the_place() {
        let lanes = [0, 0, 0, 0, 0, 0, 1, 2, 2];
        let durations = [5, 9, 1, 7, 7, 2, 1, 3, 4];
        assert_eq!(longest(&lanes, &durations, 6), [1, 3, 4, 6, 7, 8]);
        assert_eq!(longest(&lanes, &durations, 1), [1, 6, 8], "one each at least");
    }

    proptest! {
        #[test]
        fn every_value_is_in_one_bin(values in prop::collection::vec(prop_oneof![0i64..100, any::<i64>()], 1..200), bins in 1usize..60) {
            let all = histogram(&values, bins);
            prop_assert!(all.len() <= bins && !all.is_empty());
            prop_assert_eq!(all.iter().map(|b| b.count).sum::<u64>(), values.len() as u64);
            for b in all.iter().filter(|b| b.to < i64::MAX) {
                prop_assert_eq!(values.iter().filter(|v| (b.from..b.to).contains(v)).count() as u64, b.count);
            }
        }

        #[test]
        fn points_hold_the_extremes(xy in prop::collection::vec((prop_oneof![0i64..100, any::<i64>()], 0i64..1000), 1..500), count in 4usize..100) {
            let (x, y): (Vec<i64>, Vec<i64>) = xy.into_iter().unzip();
            let chosen = points(&x, &y, count);
            prop_assert!(chosen.len() <= count && chosen.is_sorted());
            prop_assert!(chosen.len() >= count.min(x.len()).saturating_sub(8), "{} of {}", chosen.len(), count);
            for v in [&x, &y] {
                let of = |rows: &mut dyn Iterator<Item = i64>| rows.fold((i64::MAX, i64::MIN), |(a, b), v| (a.min(v), b.max(v)));
                prop_assert_eq!(of(&mut chosen.iter().map(|r| v[*r])), of(&mut v.iter().copied()));
            }
        }

        #[test]
        fn points_are_even_along_x(n in 100usize..2000, count in 10usize..50) {
            let x: Vec<i64> = (0..n as i64).rev().collect();
            let chosen = points(&x, &x, count);
            let widest = chosen.windows(2).map(|w| w[1] - w[0]).max().unwrap();
            prop_assert!(widest <= 2 * (n / (count - 4) + 2), "{widest} of {n}, {count}");
        }

        #[test]
        fn lanes_show_their_longest(rows in prop::collection::vec((0i64..6, 0i64..50), 1..200), count in 1usize..100) {
            let (lanes, durations): (Vec<i64>, Vec<i64>) = rows.into_iter().unzip();
            let chosen = longest(&lanes, &durations, count);
            let all: BTreeSet<i64> = lanes.iter().copied().collect();
            prop_assert!(chosen.len() <= count.max(all.len()));
            prop_assert_eq!(chosen.iter().map(|r| lanes[*r]).collect::<BTreeSet<_>>(), all);
            let mut least: BTreeMap<i64, i64> = BTreeMap::new();
            for r in &chosen {
                let l = least.entry(lanes[*r]).or_insert(i64::MAX);
                *l = (*l).min(durations[*r]);
            }
            for r in (0..lanes.len()).filter(|r| !chosen.contains(r)) {
                prop_assert!(durations[r] <= least[&lanes[r]]);
            }
        }
    }
}
