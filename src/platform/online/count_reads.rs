//! Counts what a lookup reads, for whoever asks how much the store had to answer.

use std::sync::atomic::{AtomicU64, Ordering};

use super::OnlineError;
use super::contract::{PartitionReads, Space, Visit};
use super::key::{Key, KeyRange};

/// What was found, and the bytes that were read to find it.
#[derive(Clone, Debug, PartialEq)]
pub struct Read<T> {
    /// The answer of the lookup.
    pub found: T,
    /// Bytes of the values that the store answered with.
    pub bytes: u64,
}

/// The reads of a place, whose answers are counted.
pub(super) struct CountedReads<'a> {
    inner: &'a dyn PartitionReads,
    bytes: AtomicU64,
}

impl<'a> CountedReads<'a> {
    pub(super) fn new(inner: &'a dyn PartitionReads) -> Self {
        Self { inner, bytes: AtomicU64::new(0) }
    }

    /// What was found through it, with the count.
    pub(super) fn read<T>(self, found: T) -> Read<T> {
        Read { found, bytes: self.bytes.into_inner() }
    }

    fn add(&self, value: &[u8]) {
        self.bytes.fetch_add(value.len() as u64, Ordering::Relaxed);
    }
}

impl PartitionReads for CountedReads<'_> {
    fn place(&self) -> String {
        self.inner.place()
    }

    fn get(&self, space: Space, key: &Key) -> Result<Option<Vec<u8>>, OnlineError> {
        let value = self.inner.get(space, key)?;
        value.iter().for_each(|value| self.add(value));
        Ok(value)
    }

    fn range(&self, space: Space, range: &KeyRange, visit: &mut Visit<'_>) -> Result<(), OnlineError> {
        self.inner.range(space, range, &mut |sort, value| {
            self.add(value);
            visit(sort, value)
        })
    }
}
