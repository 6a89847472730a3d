//! A frame of a log's file: the records that were taken together. It is whole or it does not count.
//!
//! Bytes alone: it must not know where frames come from or go to.
//!
//! | bytes | what |
//! | --- | --- |
//! | 4 | `fvIR` |
//! | 8 | xxh3 of all that follows, seeded with the salt of the file and the place of the frame in it |
//! | 4 | length of the records |
//! | 8, 4 | number of the first record, count of records |
//! | 8 | how much of the file was durable when the frame was written |
//! | 8 | arrival, microseconds since 1970 |
//! | 16, 16 | hash of the idempotency key and of what came with it; zeros without a key |
//! | length | each record behind its own length in 4 bytes |
//!
//! Numbers are big-endian.

use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128};

const MAGIC: [u8; 4] = *b"fvIR";
/// Bytes of a frame without its records.
pub(super) const HEAD: usize = 76;
/// What the checksum is of begins here.
const SUMMED: usize = 12;
/// Most bytes of the records of a frame: more than a request can bring.
pub(super) const MOST: usize = 16 << 20;

/// An idempotency key and what came with it, as hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(super) key: u128,
    pub(super) body: u128,
}

impl Tag {
    /// The tag of a request that had that key and brought that.
    pub(crate) fn new(key: &str, body: &[u8]) -> Self {
        // Zero stands for no key.
        Self { key: xxh3_128(key.as_bytes()).max(1), body: xxh3_128(body) }
    }
}

/// What a frame says of its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// The number of the first record.
    pub first: u64,
    pub count: u32,
    /// The durable bytes of the file before the write that the frame was part of.
    pub durable: u64,
    /// When the records came, microseconds since 1970.
    pub arrival: i64,
    pub tag: Option<Tag>,
}

/// The records of a request as a frame has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Records {
    bytes: Vec<u8>,
    count: u32,
}

impl Records {
    /// Adds one; false when the frame cannot hold it.
    pub(crate) fn push(&mut self, record: &[u8]) -> bool {
        if self.bytes.len() + 4 + record.len() > MOST {
            return false;
        }
        self.bytes.extend((record.len() as u32).to_be_bytes());
        self.bytes.extend(record);
        self.count += 1;
        true
    }

    /// All of them, told apart: what an idempotency key came with.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Bytes of a frame with them.
    pub(super) fn size(&self) -> usize {
        HEAD + self.bytes.len()
    }

    /// Writes the frame that stands at `place` of a file with that salt. `head.count` is theirs.
    pub(super) fn write(&self, head: &Head, salt: u64, place: u64, to: &mut Vec<u8>) {
        let begin = to.len();
        to.extend(MAGIC);
        to.extend([0; 8]);
        to.extend((self.bytes.len() as u32).to_be_bytes());
        to.extend(head.first.to_be_bytes());
        to.extend(self.count.to_be_bytes());
        to.extend(head.durable.to_be_bytes());
        to.extend(head.arrival.to_be_bytes());
        let Tag { key, body } = head.tag.unwrap_or(Tag { key: 0, body: 0 });
        to.extend(key.to_be_bytes());
        to.extend(body.to_be_bytes());
        to.extend(&self.bytes);
        let sum = xxh3_64_with_seed(&to[begin + SUMMED..], salt ^ place);
        to[begin + MAGIC.len()..begin + SUMMED].copy_from_slice(&sum.to_be_bytes());
    }
}

/// The bytes of the frame that begins there, as far as its head is one. The checksum is not looked at.
pub(super) fn size(head: &[u8]) -> Option<usize> {
    let length = u32::from_be_bytes(part(head, SUMMED)?) as usize;
    (head.starts_with(&MAGIC) && length <= MOST).then_some(HEAD + length)
}

/// A whole frame of [`size`] bytes at `place` of a file with that salt: what it says, and its records. Nothing when it
/// is damaged.
pub(super) fn read(bytes: &[u8], salt: u64, place: u64) -> Option<(Head, &[u8])> {
    let sum = u64::from_be_bytes(part(bytes, MAGIC.len())?);
    if !bytes.starts_with(&MAGIC) || bytes.len() < HEAD || xxh3_64_with_seed(&bytes[SUMMED..], salt ^ place) != sum {
        return None;
    }
    let key = u128::from_be_bytes(part(bytes, 44)?);
    let body = u128::from_be_bytes(part(bytes, 60)?);
    let head = Head {
        first: u64::from_be_bytes(part(bytes, 16)?),
        count: u32::from_be_bytes(part(bytes, 24)?),
        durable: u64::from_be_bytes(part(bytes, 28)?),
        arrival: i64::from_be_bytes(part(bytes, 36)?),
        tag: (key != 0).then_some(Tag { key, body }),
    };
    Some((head, &bytes[HEAD..]))
}

fn part<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

/// The single records.
pub(super) fn records(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (record, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        bytes = rest;
        Some(record)
    })
}

/// Where a frame may begin behind `from`.
pub(super) fn next_magic(bytes: &[u8], from: usize) -> Option<usize> {
    bytes.get(from..)?.windows(MAGIC.len()).position(|window| window == MAGIC).map(|at| from + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_as_it_was_written_and_every_changed_bit_is_noticed() {
        let mut given = Records::default();
        assert!(given.push(b"{\"a\": 1}") && given.push(b""));
        let head = Head { first: 7, count: 2, durable: 52, arrival: -3, tag: Some(Tag::new("k", b"body")) };
        let mut bytes = vec![1, 2, 3];
        given.write(&head, 99, 60, &mut bytes);
        let frame = &bytes[3..];
        assert_eq!((size(frame), frame.len()), (Some(given.size()), given.size()));
        let (read_head, read_records) = read(frame, 99, 60).unwrap();
        assert_eq!(read_head, head);
        assert_eq!(records(read_records).collect::<Vec<_>>(), [b"{\"a\": 1}".as_slice(), b""]);
        assert!(read(frame, 98, 60).is_none() && read(frame, 99, 61).is_none(), "of another file or place");
        for bit in 0..frame.len() * 8 {
            let mut bent = frame.to_vec();
            bent[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&bent, 99, 60).is_none(), "{bit}");
        }
        for length in 0..frame.len() {
            assert!(read(&frame[..length], 99, 60).is_none());
        }
    }

    #[test]
    fn a_frame_holds_no_more_than_can_be_read_back() {
        let mut given = Records::default();
        assert!(!given.push(&vec![0; MOST]) && given.push(&vec![0; MOST - 4]) && !given.push(b""));
        assert_eq!(given.count(), 1);
    }
}
