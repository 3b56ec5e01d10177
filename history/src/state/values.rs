//! One SQL metric's value for each task of a stage, until the execution ends: every value counts
//! for the median. Kept in chunks of [`CHUNK`] tasks; one whose tasks are all done takes as few
//! bytes a value as its span needs, and one that nobody reported takes none.

use std::collections::BTreeMap;

use super::sets::IndexSet;

/// Tasks of a chunk.
pub const CHUNK: usize = 512;

/// Values by task index, up to the last index that reported; those between count as 0.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Values {
    pub(crate) len: i64,
    pub(crate) chunks: BTreeMap<i64, Chunk>,
}

/// The values of one chunk.
#[derive(Debug, Clone, PartialEq)]
pub enum Chunk {
    Open(Vec<i64>),
    Packed(Packed),
}

/// Values as differences from the least, each of `width` bytes, little-endian.
#[derive(Debug, Clone, PartialEq)]
pub struct Packed {
    min: i64,
    width: usize,
    bytes: Box<[u8]>,
}

impl Packed {
    fn new(values: &[i64]) -> Self {
        let min = values.iter().copied().min().unwrap_or(0);
        let span = values.iter().map(|v| v.wrapping_sub(min) as u64).max().unwrap_or(0);
        let width = (64 - span.leading_zeros()).div_ceil(8) as usize;
        let bytes = values.iter().flat_map(|v| v.wrapping_sub(min).to_le_bytes().into_iter().take(width));
        Packed { min, width, bytes: bytes.collect() }
    }

    fn values(&self) -> Vec<i64> {
        if self.width == 0 {
            return vec![self.min; CHUNK];
        }
        let value = |bytes: &[u8]| {
            let mut whole = [0; 8];
            whole[..bytes.len()].copy_from_slice(bytes);
            self.min.wrapping_add(i64::from_le_bytes(whole))
        };
        self.bytes.chunks_exact(self.width).map(value).collect()
    }
}

impl Chunk {
    pub fn values(&self) -> Vec<i64> {
        match self {
            Chunk::Open(values) => values.clone(),
            Chunk::Packed(packed) => packed.values(),
        }
    }

    pub(crate) fn is_packed(&self) -> bool {
        matches!(self, Chunk::Packed(_))
    }

    /// A chunk of these values, if they are as many as [`CHUNK`].
    pub(crate) fn of(values: Vec<i64>, packed: bool) -> Option<Self> {
        (values.len() == CHUNK).then_some(())?;
        Some(if packed { Chunk::Packed(Packed::new(&values)) } else { Chunk::Open(values) })
    }
}

/// The chunk that an index is in.
fn chunk_of(index: i64) -> i64 {
    index / CHUNK as i64
}

impl Values {
    /// The value of the task at `index`, from 0 on.
    pub fn set(&mut self, index: i64, value: i64) {
        self.len = self.len.max(index + 1);
        let chunk = self.chunks.entry(chunk_of(index)).or_insert_with(|| Chunk::Open(vec![0; CHUNK]));
        if let Chunk::Packed(packed) = chunk {
            *chunk = Chunk::Open(packed.values());
        }
        if let Chunk::Open(values) = chunk {
            values[index as usize % CHUNK] = value;
        }
    }

    /// Packs the chunk of `index`.
    pub fn pack(&mut self, index: i64) {
        if let Some(chunk) = self.chunks.get_mut(&chunk_of(index))
            && let Chunk::Open(values) = chunk
        {
            *chunk = Chunk::Packed(Packed::new(values));
        }
    }

    /// How many values there are: the last index that reported, plus 1.
    pub fn len(&self) -> i64 {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends the values to `out`, those of chunks that nobody reported left out; gives how many
    /// zeros those are.
    pub fn append(&self, out: &mut Vec<i64>) -> i64 {
        let before = out.len();
        for (chunk, values) in &self.chunks {
            let rest = self.len.saturating_sub(chunk.saturating_mul(CHUNK as i64)).clamp(0, CHUNK as i64);
            out.extend_from_slice(&values.values()[..rest as usize]);
        }
        self.len.saturating_sub((out.len() - before) as i64)
    }
}

/// Whether every task of the chunk of `index` is in `done`.
pub fn chunk_is_done(done: &IndexSet, index: i64) -> bool {
    let first = chunk_of(index) * CHUNK as i64;
    (0..CHUNK as i64).step_by(64).all(|i| done.has_word(first + i))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn packing_changes_no_value(
            sets in prop::collection::vec((0i64..3000, prop_oneof![any::<i64>(), 0i64..300]), 0..400),
            packs in prop::collection::vec(0i64..3000, 0..6),
        ) {
            let (mut values, mut plain) = (Values::default(), Vec::new());
            let (first, second) = sets.split_at(sets.len() / 2);
            for (half, pack) in [(first, true), (second, false)] {
                for (i, v) in half {
                    values.set(*i, *v);
                    plain.resize(plain.len().max(*i as usize + 1), 0);
                    plain[*i as usize] = *v;
                }
                packs.iter().filter(|_| pack).for_each(|i| values.pack(*i));
            }
            let mut out = Vec::new();
            let zeros = values.append(&mut out);
            out.resize(out.len() + zeros as usize, 0);
            out.sort_unstable();
            plain.sort_unstable();
            prop_assert_eq!(out, plain);
        }
    }

    #[test]
    fn a_task_far_away_costs_one_chunk() {
        let mut values = Values::default();
        values.set(1 << 40, 7);
        let mut out = Vec::new();
        assert_eq!(values.append(&mut out), (1 << 40) - (1 << 40) % CHUNK as i64);
        assert_eq!(out.last(), Some(&7));
    }
}
