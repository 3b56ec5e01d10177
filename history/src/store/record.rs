//! How entities become bytes: fields in declared order, whole numbers as varints, text with its
//! length. [`record!`] lists the fields of a type once and makes both directions of it.
//! Reading never panics and never allocates more than the input could fill.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

/// A value that can be stored. `take` gives none for bytes that are no such value.
pub trait Record: Sized {
    fn put(&self, out: &mut Vec<u8>);
    fn take(from: &mut &[u8]) -> Option<Self>;
}

/// Makes a struct a [`Record`] of its listed fields, in that order.
#[macro_export]
macro_rules! record {
    ($($name:ident { $($field:ident),* $(,)? })*) => {$(
        impl $crate::store::record::Record for $name {
            fn put(&self, out: &mut Vec<u8>) {
                let $name { $($field),* } = self;
                $($crate::store::record::Record::put($field, out);)*
            }
            fn take(from: &mut &[u8]) -> Option<Self> {
                Some($name { $($field: $crate::store::record::Record::take(from)?),* })
            }
        }
    )*};
}

/// Makes an enum without data a [`Record`]: its variants by number.
#[macro_export]
macro_rules! record_enum {
    ($($name:ident { $($variant:ident = $n:literal),* $(,)? })*) => {$(
        impl $crate::store::record::Record for $name {
            fn put(&self, out: &mut Vec<u8>) {
                out.push(match self { $($name::$variant => $n),* });
            }
            fn take(from: &mut &[u8]) -> Option<Self> {
                match $crate::store::record::byte(from)? { $($n => Some($name::$variant),)* _ => None }
            }
        }
    )*};
}

pub fn byte(from: &mut &[u8]) -> Option<u8> {
    let (first, rest) = from.split_first()?;
    *from = rest;
    Some(*first)
}

pub fn put_u64(mut v: u64, out: &mut Vec<u8>) {
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
}

pub fn take_u64(from: &mut &[u8]) -> Option<u64> {
    let mut v = 0u64;
    for shift in (0..64).step_by(7) {
        let b = byte(from)?;
        v |= u64::from(b & 0x7F) << shift;
        if b < 0x80 {
            return Some(v);
        }
    }
    None
}

/// A length, no greater than what is left to read.
fn take_len(from: &mut &[u8]) -> Option<usize> {
    usize::try_from(take_u64(from)?).ok().filter(|n| *n <= from.len())
}

impl Record for i64 {
    fn put(&self, out: &mut Vec<u8>) {
        put_u64(((self << 1) ^ (self >> 63)) as u64, out);
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        let v = take_u64(from)?;
        Some((v >> 1) as i64 ^ -((v & 1) as i64))
    }
}

impl Record for u64 {
    fn put(&self, out: &mut Vec<u8>) {
        put_u64(*self, out);
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        take_u64(from)
    }
}

impl Record for f64 {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        let (bytes, rest) = from.split_first_chunk::<8>()?;
        *from = rest;
        Some(f64::from_le_bytes(*bytes))
    }
}

impl Record for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        byte(from).map(|b| b != 0)
    }
}

fn take_str<'b>(from: &mut &'b [u8]) -> Option<&'b str> {
    let n = take_len(from)?;
    let (text, rest) = from.split_at(n);
    *from = rest;
    std::str::from_utf8(text).ok()
}

impl Record for String {
    fn put(&self, out: &mut Vec<u8>) {
        put_u64(self.len() as u64, out);
        out.extend_from_slice(self.as_bytes());
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        take_str(from).map(str::to_owned)
    }
}

impl Record for Arc<str> {
    fn put(&self, out: &mut Vec<u8>) {
        put_u64(self.len() as u64, out);
        out.extend_from_slice(self.as_bytes());
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        take_str(from).map(Arc::from)
    }
}

impl<T: Record> Record for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            None => out.push(0),
            Some(v) => {
                out.push(1);
                v.put(out);
            }
        }
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        match byte(from)? {
            0 => Some(None),
            1 => Some(Some(T::take(from)?)),
            _ => None,
        }
    }
}

impl<A: Record, B: Record> Record for (A, B) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        Some((A::take(from)?, B::take(from)?))
    }
}

impl<A: Record, B: Record, C: Record> Record for (A, B, C) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
        self.2.put(out);
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        Some((A::take(from)?, B::take(from)?, C::take(from)?))
    }
}

impl Record for [i64; 23] {
    fn put(&self, out: &mut Vec<u8>) {
        self.iter().for_each(|v| v.put(out));
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        let mut all = [0; 23];
        for v in &mut all {
            *v = i64::take(from)?;
        }
        Some(all)
    }
}

/// Collections: their length, then their elements.
macro_rules! collections {
    ($($name:ty [$($gen:tt)*] => $item:ty;)*) => {$(
        impl<$($gen)*> Record for $name {
            fn put(&self, out: &mut Vec<u8>) {
                put_u64(self.len() as u64, out);
                for item in self.iter() {
                    collections!(@put item, out);
                }
            }
            fn take(from: &mut &[u8]) -> Option<Self> {
                let n = take_len(from)?;
                (0..n).map(|_| <$item>::take(from)).collect()
            }
        }
    )*};
    (@put $item:ident, $out:ident) => { $item.put_item($out) };
}

/// A borrowed view of something stored: an element of a collection, a part of an entity.
pub trait PutItem {
    fn put_item(&self, out: &mut Vec<u8>);
}

impl<T: Record> PutItem for &T {
    fn put_item(&self, out: &mut Vec<u8>) {
        self.put(out);
    }
}

impl<K: Record, V: Record> PutItem for (&K, &V) {
    fn put_item(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }
}

collections! {
    Vec<T> [T: Record] => T;
    BTreeSet<T> [T: Record + Ord] => T;
    HashSet<T> [T: Record + Eq + Hash] => T;
    BTreeMap<K, V> [K: Record + Ord, V: Record] => (K, V);
    HashMap<K, V> [K: Record + Eq + Hash, V: Record] => (K, V);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Sample = (Vec<(i64, String)>, BTreeMap<String, Option<f64>>, (bool, HashSet<i64>));

    proptest! {
        #[test]
        fn gives_back_what_was_put(v in any::<(Vec<(i64, String)>, BTreeMap<String, Option<u32>>, (bool, HashSet<i64>))>()) {
            let v: Sample = (v.0, v.1.into_iter().map(|(k, x)| (k, x.map(f64::from))).collect(), v.2);
            let mut out = Vec::new();
            v.put(&mut out);
            prop_assert_eq!(Sample::take(&mut out.as_slice()), Some(v));
        }

        #[test]
        fn hostile_bytes_give_none_or_a_value(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Sample::take(&mut bytes.as_slice());
        }
    }
}
