//! A set of task indices: one bit an index, so that a stage of a million tasks costs 125 KB.

use std::collections::HashSet;

/// Places that a list by task index always has room for, and how many more for each it holds.
const FREE: u64 = 128;
const SPREAD: u64 = 64;

/// Whether a list that has a place for each task may grow as far as `place`, with so many tasks in it.
/// Tasks of real stages come nearly in order; the indices of a hostile log must not cost more memory
/// than the log has bytes. What is beyond is kept one by one.
fn is_near(place: u64, held: i64) -> bool {
    place < FREE.saturating_add(SPREAD.saturating_mul(held.unsigned_abs()))
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexSet {
    pub(crate) words: Vec<u64>,
    pub(crate) far: HashSet<i64>,
    pub(crate) len: i64,
}

impl IndexSet {
    /// Adds an index; false if it was there.
    pub fn insert(&mut self, index: i64) -> bool {
        if self.contains(index) {
            return false;
        }
        match place(index) {
            Some((word, bit)) if word < self.words.len() || is_near(word as u64, self.len) => {
                if word >= self.words.len() {
                    self.words.resize(word + 1, 0);
                }
                self.words[word] |= bit;
            }
            _ => drop(self.far.insert(index)),
        }
        self.len = self.len.wrapping_add(1);
        true
    }

    pub fn contains(&self, index: i64) -> bool {
        let near = place(index).is_some_and(|(word, bit)| self.words.get(word).is_some_and(|w| w & bit != 0));
        near || !self.far.is_empty() && self.far.contains(&index)
    }

    /// Whether the 64 indices from `index`, a multiple of 64, on are all in.
    pub(super) fn has_word(&self, index: i64) -> bool {
        self.words.get((index / 64) as usize) == Some(&u64::MAX)
    }

    pub fn len(&self) -> i64 {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// The word of an index and its bit there.
fn place(index: i64) -> Option<(usize, u64)> {
    Some((usize::try_from(index).ok()? / 64, 1 << (index % 64)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// As a plain set, and never larger than what was put in calls for.
        #[test]
        fn holds_what_was_put_in(all in prop::collection::vec(prop_oneof![0i64..300, 0i64..100_000, any::<i64>()], 0..400)) {
            let (mut set, mut plain) = (IndexSet::default(), BTreeSet::new());
            for index in &all {
                prop_assert_eq!(set.insert(*index), plain.insert(*index));
                prop_assert_eq!(set.len(), plain.len() as i64);
            }
            prop_assert!(all.iter().all(|i| set.contains(*i)));
            prop_assert!(!(0..300).any(|i| set.contains(i) != plain.contains(&i)));
            prop_assert!(set.words.len() as u64 <= FREE + SPREAD * plain.len() as u64);
        }
    }
}
