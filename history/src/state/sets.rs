//! A set of task indices: one bit an index, so that a stage of a million tasks costs 125 KB.

use std::collections::HashSet;

/// Indices beyond this are kept one by one: no real stage has them, a hostile log may.
const DENSE: i64 = 1 << 26;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexSet {
    pub(crate) words: Vec<u64>,
    pub(crate) far: HashSet<i64>,
    pub(crate) len: i64,
}

impl IndexSet {
    /// Adds an index; false if it was there.
    pub fn insert(&mut self, index: i64) -> bool {
        let new = if (0..DENSE).contains(&index) {
            let (word, bit) = ((index / 64) as usize, 1u64 << (index % 64));
            if word >= self.words.len() {
                self.words.resize(word + 1, 0);
            }
            let new = self.words[word] & bit == 0;
            self.words[word] |= bit;
            new
        } else {
            self.far.insert(index)
        };
        self.len += i64::from(new);
        new
    }

    pub fn contains(&self, index: i64) -> bool {
        if (0..DENSE).contains(&index) {
            self.words.get((index / 64) as usize).is_some_and(|w| w & (1 << (index % 64)) != 0)
        } else {
            self.far.contains(&index)
        }
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
