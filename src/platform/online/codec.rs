//! Keys and values as bytes: the layout of the online store.
//!
//! Keys keep the order of what they stand for, so that one range finds the tiles of a window and one walk gives the
//! values of a wildcard key in their order. Values need no order; they begin with a version byte, so that a later
//! layout can be told from this one. No I/O.

use crate::model::time::{from_micros, micros};
use crate::model::{Time, Value};

/// Version of the value encoding. Bytes of another version are refused, not guessed at.
const VERSION: u8 = 1;
/// Version of tiles that hold all parts of their layout; those of version 1 lack the parts that are not shown.
const WHOLE_TILE: u8 = 2;
/// Deepest nesting of lists that is read back: stored lists hold scalars, and damaged bytes must not use up the stack.
const MAX_DEPTH: u8 = 4;

/// Appends one join key value. The order of the bytes is the order of the values, nulls first. No key is the beginning
/// of another, so that what is stored below one key is never met below a longer one, and several keys can be taken
/// apart without their lengths. Absent for types that cannot be keys.
pub(super) fn push_key(bytes: &mut Vec<u8>, value: &Value) -> Option<()> {
    match value {
        Value::Null => bytes.push(0),
        Value::Int(number) => push_int_key(bytes, *number),
        Value::Text(text) => push_text_key(bytes, text),
        _ => return None,
    }
    Some(())
}

/// Appends an integer join key.
pub(super) fn push_int_key(bytes: &mut Vec<u8>, number: i64) {
    bytes.push(1);
    bytes.extend(ordered(number));
}

/// Appends a text join key. Two zero bytes end it: less than anything that may follow the same beginning, so that `a`
/// comes before `ab`. A zero byte inside is therefore followed by 0xff, which no end is, and which keeps it less than
/// any other byte.
pub(super) fn push_text_key(bytes: &mut Vec<u8>, text: &str) {
    bytes.push(2);
    if !text.as_bytes().contains(&0) {
        bytes.extend(text.as_bytes());
    } else {
        for byte in text.bytes() {
            bytes.push(byte);
            if byte == 0 {
                bytes.push(0xff);
            }
        }
    }
    bytes.extend([0, 0]);
}

/// The join key value at the front of the bytes, and the rest; absent when they are damaged.
pub(super) fn take_key(bytes: &[u8]) -> Option<(Value, &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    match tag {
        0 => Some((Value::Null, rest)),
        1 => {
            let (number, rest) = rest.split_at_checked(8)?;
            Some((Value::Int(unordered(number)?), rest))
        }
        2 => {
            let mut text = Vec::new();
            let mut rest = rest;
            loop {
                match rest {
                    [0, 0xff, behind @ ..] => (text.push(0), rest = behind),
                    [0, 0, behind @ ..] => return Some((Value::Text(String::from_utf8(text).ok()?), behind)),
                    [byte, behind @ ..] => (text.push(*byte), rest = behind),
                    [] => return None,
                };
            }
        }
        _ => None,
    }
}

/// The bytes of the join key value at the front, and the rest, without reading it; absent when they are damaged.
pub(super) fn split_key(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = match bytes.first()? {
        0 => 1,
        1 => 9,
        // A zero byte of the text has an escape behind it: the first zero behind which another one stands ends it.
        2 => 1 + text_end(bytes.get(1..)?)?,
        _ => return None,
    };
    bytes.split_at_checked(length)
}

/// Where a text key ends, its two zero bytes included.
fn text_end(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += bytes.get(at..)?.iter().position(|byte| *byte == 0)? + 2;
        if *bytes.get(at - 1)? == 0 {
            return Some(at);
        }
    }
}

/// Eight bytes that sort as the number does: with its sign bit turned over, for that is set where a number is less than
/// zero, and bytes with it set come last.
pub(super) fn ordered(number: i64) -> [u8; 8] {
    ((number as u64) ^ (1 << 63)).to_be_bytes()
}

/// The number behind eight bytes of [`ordered`].
pub(super) fn unordered(bytes: &[u8]) -> Option<i64> {
    Some((u64::from_be_bytes(bytes.try_into().ok()?) ^ (1 << 63)) as i64)
}

/// An instant as eight bytes that sort as it does.
pub(super) fn instant(at: Time) -> [u8; 8] {
    ordered(micros(at))
}

/// The bytes of a row of values.
pub(super) fn encode(values: &[Value]) -> Vec<u8> {
    let mut bytes = Vec::new();
    begin(&mut bytes, values.len());
    values.iter().for_each(|value| push(&mut bytes, value));
    bytes
}

/// Begins a row of that many values; each is then appended by [`push`] or one of its kin.
pub(super) fn begin(bytes: &mut Vec<u8>, values: usize) {
    bytes.push(VERSION);
    bytes.extend((values as u32).to_be_bytes());
}

/// Begins a tile, as [`begin`] a row.
pub(super) fn begin_tile(bytes: &mut Vec<u8>, values: usize) {
    bytes.push(WHOLE_TILE);
    bytes.extend((values as u32).to_be_bytes());
}

pub(super) fn push(bytes: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => push_null(bytes),
        Value::Int(number) => push_int(bytes, *number),
        Value::Float(number) => push_float(bytes, *number),
        Value::Text(text) => push_text(bytes, text),
        Value::Bool(flag) => bytes.extend([4, u8::from(*flag)]),
        Value::Time(at) => push_micros(bytes, micros(*at)),
        Value::List(items) => {
            bytes.push(6);
            bytes.extend((items.len() as u32).to_be_bytes());
            items.iter().for_each(|item| push(bytes, item));
        }
    }
}

pub(super) fn push_null(bytes: &mut Vec<u8>) {
    bytes.push(0);
}

pub(super) fn push_int(bytes: &mut Vec<u8>, number: i64) {
    bytes.push(1);
    bytes.extend(number.to_be_bytes());
}

pub(super) fn push_float(bytes: &mut Vec<u8>, number: f64) {
    bytes.push(2);
    bytes.extend(number.to_bits().to_be_bytes());
}

pub(super) fn push_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.push(3);
    bytes.extend((text.len() as u32).to_be_bytes());
    bytes.extend(text.as_bytes());
}

/// Appends an instant, in microseconds since 1970.
pub(super) fn push_micros(bytes: &mut Vec<u8>, at: i64) {
    bytes.push(5);
    bytes.extend(at.to_be_bytes());
}

/// The values behind the bytes of [`encode`]; absent when they are damaged or of another version.
pub(super) fn decode(bytes: &[u8]) -> Option<Vec<Value>> {
    let (version, rest) = bytes.split_first()?;
    (*version == VERSION).then(|| whole_list(rest))?
}

/// The values of a tile, and whether it holds all parts of its layout; absent when they are damaged or of another
/// version.
pub(super) fn decode_tile(bytes: &[u8]) -> Option<(Vec<Value>, bool)> {
    let (version, rest) = bytes.split_first()?;
    let is_whole = *version == WHOLE_TILE;
    if is_whole || *version == VERSION { Some((whole_list(rest)?, is_whole)) } else { None }
}

fn whole_list(mut bytes: &[u8]) -> Option<Vec<Value>> {
    let values = list(&mut bytes, MAX_DEPTH)?;
    bytes.is_empty().then_some(values)
}

fn list(bytes: &mut &[u8], depth: u8) -> Option<Vec<Value>> {
    let length = u32::from_be_bytes(take(bytes)?);
    // Each value takes a byte at least: a length beyond that is damage, and must not reserve memory.
    (length as usize <= bytes.len()).then_some(())?;
    (0..length).map(|_| value(bytes, depth)).collect()
}

fn value(bytes: &mut &[u8], depth: u8) -> Option<Value> {
    let [tag] = take(bytes)?;
    Some(match tag {
        0 => Value::Null,
        1 => Value::Int(i64::from_be_bytes(take(bytes)?)),
        2 => Value::Float(f64::from_bits(u64::from_be_bytes(take(bytes)?))),
        3 => {
            let length = u32::from_be_bytes(take(bytes)?) as usize;
            let (text, rest) = bytes.split_at_checked(length)?;
            *bytes = rest;
            Value::Text(String::from_utf8(text.to_vec()).ok()?)
        }
        4 => Value::Bool(take::<1>(bytes)? == [1]),
        5 => Value::Time(from_micros(i64::from_be_bytes(take(bytes)?))),
        6 => Value::List(list(bytes, depth.checked_sub(1)?)?),
        _ => return None,
    })
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scalar() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::Int),
            any::<i32>().prop_map(|n| Value::Float(f64::from(n) / 3.0)),
            any::<String>().prop_map(Value::Text),
            any::<bool>().prop_map(Value::Bool),
            (0i64..4_000_000_000_000_000).prop_map(|at| Value::Time(from_micros(at))),
        ]
    }

    fn key() -> impl Strategy<Value = Value> {
        prop_oneof![Just(Value::Null), any::<i64>().prop_map(Value::Int), "[a\u{0}\u{1}]{0,4}".prop_map(Value::Text)]
    }

    fn rank(value: &Value) -> (u8, i64, &str) {
        match value {
            Value::Int(number) => (1, *number, ""),
            Value::Text(text) => (2, 0, text),
            _ => (0, 0, ""),
        }
    }

    proptest! {
        #[test]
        fn values_are_read_back(values in prop::collection::vec(scalar(), 0..6), items in prop::collection::vec(scalar(), 0..4)) {
            let mut values = values;
            values.push(Value::List(items));
            prop_assert_eq!(decode(&encode(&values)), Some(values));
        }

        #[test]
        fn damage_is_never_taken_for_values_of_another_shape(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            // Must come back without a panic or a great allocation, whatever the bytes are.
            let _ = (decode(&bytes), split_key(&bytes), take_key(&bytes));
        }

        #[test]
        fn keys_sort_as_their_values(a in prop::collection::vec(key(), 2), b in prop::collection::vec(key(), 2)) {
            let bytes = |keys: &[Value]| {
                let mut bytes = Vec::new();
                keys.iter().for_each(|key| push_key(&mut bytes, key).unwrap());
                bytes
            };
            let order = a.iter().map(rank).collect::<Vec<_>>().cmp(&b.iter().map(rank).collect::<Vec<_>>());
            prop_assert_eq!(bytes(&a).cmp(&bytes(&b)), order);
            let all = bytes(&a);
            let (first, rest) = take_key(&all).unwrap();
            prop_assert_eq!(split_key(&all), Some(all.split_at(all.len() - rest.len())));
            let (second, rest) = take_key(rest).unwrap();
            prop_assert_eq!((vec![first, second], rest), (a, [].as_slice()));
        }
    }

    #[test]
    fn numbers_are_read_back_from_keys() {
        for number in [i64::MIN, -1, 0, 1, i64::MAX] {
            assert_eq!(unordered(&ordered(number)), Some(number));
        }
    }
}
