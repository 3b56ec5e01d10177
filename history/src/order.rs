//! The order in which Scala 2.13's hash collections give their elements. Spark turns some of them
//! into JSON arrays, where order shows; clients and golden answers see it.

/// Keys of an immutable map in its order: as inserted up to four, then that of the hash trie.
pub fn trie_order(keys: impl IntoIterator<Item = i64>) -> Vec<i64> {
    let keys: Vec<i64> = keys.into_iter().collect();
    if keys.len() <= 4 {
        return keys;
    }
    let mut out = Vec::with_capacity(keys.len());
    walk(keys.into_iter().map(|k| (improve(long_hash(k)), k)).collect(), 0, &mut out);
    out
}

/// A node of the trie: first the keys that stand alone in their slot, then the slots shared.
fn walk(keys: Vec<(u32, i64)>, shift: u32, out: &mut Vec<i64>) {
    if shift >= u32::BITS {
        out.extend(keys.into_iter().map(|(_, k)| k));
        return;
    }
    let mut slots = vec![Vec::new(); 32];
    for (hash, key) in keys {
        slots[(hash >> shift) as usize & 31].push((hash, key));
    }
    out.extend(slots.iter().filter(|s| s.len() == 1).map(|s| s[0].1));
    for slot in slots.into_iter().filter(|s| s.len() > 1) {
        walk(slot, shift + 5, out);
    }
}

fn improve(hash: i32) -> u32 {
    let h = hash.wrapping_add(!(hash << 9)) as u32;
    let h = h ^ (h >> 14);
    let h = h.wrapping_add(h << 4);
    h ^ (h >> 10)
}

/// A position for each text key, by which the keys of a mutable map of `count` entries that
/// never had more sort into its order.
pub fn table_position(key: &str, count: usize) -> (usize, i32) {
    position(string_hash(key), count)
}

/// The same for keys that are numbers.
pub fn table_position_of(key: i64, count: usize) -> (usize, i32) {
    position(long_hash(key), count)
}

fn position(hash: i32, count: usize) -> (usize, i32) {
    let mut capacity = 16usize;
    while count >= capacity / 4 * 3 {
        capacity *= 2;
    }
    let hash = hash ^ ((hash as u32) >> 16) as i32;
    (hash as usize & (capacity - 1), hash)
}

/// A whole number's hash: its own value, while that fits.
fn long_hash(value: i64) -> i32 {
    i32::try_from(value).unwrap_or((value ^ ((value as u64) >> 32) as i64) as i32)
}

fn string_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0i32, |h, unit| h.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expectations: `scala.collection.immutable.Map` of Spark 4.3.0's Scala library.
    #[test]
    fn immutable_maps() {
        assert_eq!(trie_order([9, 3, 7]), [9, 3, 7]);
        assert_eq!(trie_order(3..9), [5, 6, 7, 3, 8, 4]);
        let keys = [5, 6, 7, 8, 9, 10, 11, 12, 40, 41, 42, 100, 1000, 33, 65, 97, 2049, 1025];
        let order = [5, 10, 42, 2049, 6, 33, 9, 41, 12, 7, 1000, 1025, 11, 40, 8, 100, 65, 97];
        assert_eq!(trie_order(keys), order);
    }

    /// Expectations: `scala.collection.mutable.HashMap` of the same.
    #[test]
    fn mutable_maps() {
        for (count, order) in [
            (3, "0,1,driver"),
            (12, "0,1,2,3,driver,4,5,6,7,8,9,10"),
            (13, "11,0,1,2,3,driver,4,5,6,7,8,9,10"),
            (24, "22,10,11,12,13,14,15,16,17,18,19,0,1,2,3,driver,4,5,6,7,8,9,20,21"),
        ] {
            let mut keys: Vec<String> = (0..count - 1).map(|n| n.to_string()).chain(["driver".to_owned()]).collect();
            keys.sort_by_key(|k| table_position(k, count));
            assert_eq!(keys.join(","), order);
        }
        // A stage's 40 accumulables, 11 of them of users, as a History Server 4.3.0 answers them.
        let mut ids = [1349, 1362, 1368, 1372, 1383, 1388, 1390, 1403, 1405, 1406, 1408];
        ids.sort_by_key(|id| table_position_of(*id, 40));
        assert_eq!(ids, [1408, 1349, 1362, 1368, 1372, 1383, 1388, 1390, 1403, 1405, 1406]);
    }
}
