//! A column of whole numbers, bit-packed in runs of [`RUN`] against the least value of the run
//! (frame of reference): small as compression makes it, yet any single value is read in constant
//! time, without decoding others.

use super::record::{Record, byte, put_u64, take_u64};

/// Values that share a least value and a width.
pub const RUN: usize = 512;

/// Bytes behind the packed values, so that a value is read by one load.
const PAD: usize = 16;

/// Packs `values`, appending to `out`.
pub fn pack(values: &[i64], out: &mut Vec<u8>) {
    let first = values.first().copied().unwrap_or(0);
    if values.iter().all(|v| *v == first) {
        out.push(0);
        first.put(out);
        return;
    }
    out.push(1);
    let runs: Vec<(i64, u32)> = values
        .chunks(RUN)
        .map(|run| {
            let min = run.iter().copied().min().unwrap_or(0);
            let span = run.iter().map(|v| v.wrapping_sub(min) as u64).max().unwrap_or(0);
            (min, 64 - span.leading_zeros())
        })
        .collect();
    put_u64(runs.len() as u64, out);
    for (min, width) in &runs {
        min.put(out);
        out.push(*width as u8);
    }
    for (run, (min, width)) in values.chunks(RUN).zip(&runs) {
        let (mut word, mut filled) = (0u128, 0u32);
        for v in run {
            word |= u128::from(v.wrapping_sub(*min) as u64) << filled;
            filled += width;
            while filled >= 8 {
                out.push(word as u8);
                word >>= 8;
                filled -= 8;
            }
        }
        if filled > 0 {
            out.push(word as u8);
        }
    }
    out.extend_from_slice(&[0; PAD]);
}

/// A packed column; `at` and `read` are its access paths.
pub enum Column<'b> {
    Constant(i64),
    Packed { runs: Vec<Run>, bytes: &'b [u8] },
}

pub struct Run {
    min: i64,
    width: u32,
    /// Where its bytes begin.
    start: usize,
}

impl<'b> Column<'b> {
    /// Opens a column of `len` values that [`pack`] wrote; none if the bytes are no such column.
    pub fn open(mut from: &'b [u8], len: usize) -> Option<Self> {
        match byte(&mut from)? {
            0 => Some(Column::Constant(i64::take(&mut from)?)),
            1 => {
                let n = take_u64(&mut from)? as usize;
                if n != len.div_ceil(RUN) || n > from.len() {
                    return None;
                }
                let mut runs = Vec::with_capacity(n);
                let mut start = 0;
                for i in 0..n {
                    let (min, width) = (i64::take(&mut from)?, u32::from(byte(&mut from)?));
                    if width > 64 {
                        return None;
                    }
                    runs.push(Run { min, width, start });
                    let count = RUN.min(len - i * RUN);
                    start += (count * width as usize).div_ceil(8);
                }
                (from.len() >= start + PAD).then_some(Column::Packed { runs, bytes: from })
            }
            _ => None,
        }
    }

    /// The value at `i`, which must be below the column's length.
    pub fn at(&self, i: usize) -> i64 {
        match self {
            Column::Constant(v) => *v,
            Column::Packed { runs, bytes } => {
                let run = &runs[i / RUN];
                run.value(bytes, i % RUN)
            }
        }
    }

    /// Appends the values of `range` to `out`.
    pub fn read(&self, range: std::ops::Range<usize>, out: &mut Vec<i64>) {
        match self {
            Column::Constant(v) => out.resize(out.len() + range.len(), *v),
            Column::Packed { runs, bytes } => {
                let mut i = range.start;
                while i < range.end {
                    let run = &runs[i / RUN];
                    let to = range.end.min((i / RUN + 1) * RUN);
                    if run.width == 0 {
                        out.resize(out.len() + (to - i), run.min);
                    } else {
                        out.extend((i % RUN..i % RUN + (to - i)).map(|at| run.value(bytes, at)));
                    }
                    i = to;
                }
            }
        }
    }
}

impl Run {
    #[inline]
    fn value(&self, bytes: &[u8], at: usize) -> i64 {
        let bit = at * self.width as usize;
        let from = self.start + bit / 8;
        let delta = if self.width <= 56 {
            let word = bytes[from..].first_chunk::<8>().map_or(0, |b| u64::from_le_bytes(*b));
            (word >> (bit % 8)) & ((1u64 << self.width) - 1)
        } else {
            let word = bytes[from..].first_chunk::<16>().map_or(0, |b| u128::from_le_bytes(*b));
            ((word >> (bit % 8)) & ((1u128 << self.width) - 1)) as u64
        };
        self.min.wrapping_add(delta as i64)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_value_is_read_back(values in prop::collection::vec(prop_oneof![any::<i64>(), 0i64..100, Just(7), Just(i64::MIN)], 1..1500), cut in any::<prop::sample::Index>()) {
            let mut bytes = Vec::new();
            pack(&values, &mut bytes);
            let column = Column::open(&bytes, values.len()).unwrap();
            for (i, v) in values.iter().enumerate() {
                prop_assert_eq!(column.at(i), *v);
            }
            let from = cut.index(values.len());
            let mut out = Vec::new();
            column.read(from..values.len(), &mut out);
            prop_assert_eq!(&out[..], &values[from..]);
        }

        #[test]
        fn hostile_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), len in 1usize..2000) {
            if let Some(column) = Column::open(&bytes, len) {
                column.at(len - 1);
            }
        }
    }
}
