//! Sorting many rows by their keys. No I/O.
//!
//! All keys of a view begin alike. The eight bytes behind what they share mostly tell two apart without a look at the
//! rest, which lies somewhere else in memory.

/// Sorts by key, rows of one key by number.
pub(super) fn sort_by_key<T>(rows: &mut Vec<T>, key: impl Fn(&T) -> (&[u8], usize)) {
    let Some(first) = rows.first().map(|row| key(row).0.to_vec()) else { return };
    let shared = rows
        .iter()
        .fold(first.len(), |shared, row| first[..shared].iter().zip(key(row).0).take_while(|(a, b)| a == b).count());
    let mut sorted: Vec<(u64, T)> = rows.drain(..).map(|row| (part(key(&row).0, shared), row)).collect();
    sorted.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| key(&a.1).cmp(&key(&b.1))));
    rows.extend(sorted.into_iter().map(|(_, row)| row));
}

/// Up to eight bytes from `shared` on, as a number of their order; a key that ends there comes first or is equal.
fn part(key: &[u8], shared: usize) -> u64 {
    let mut bytes = [0; 8];
    let rest = &key[shared..];
    let length = rest.len().min(8);
    bytes[..length].copy_from_slice(&rest[..length]);
    u64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_are_in_the_order_of_their_keys(keys in prop::collection::vec("[ab]{0,3}[\u{0}a]{0,9}", 0..30)) {
            let mut rows: Vec<(Vec<u8>, usize)> = keys.iter().map(|key| key.clone().into_bytes()).zip(0..).collect();
            rows.reverse();
            let mut expected = rows.clone();
            expected.sort();
            super::sort_by_key(&mut rows, |(key, row)| (key, *row));
            prop_assert_eq!(rows, expected);
        }
    }
}
