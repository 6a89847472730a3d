//! Great writes in parts, so that their memory is bounded.
//!
//! A write is cut only between two join keys: what is stored of one key goes into one write, where it is one step, so a
//! lookup never meets a half of it. Most writes are one part. What is written before a crash stays, so a writer that
//! may be cut must be one that doing it again makes right.

use super::OnlineError;
use super::contract::{Change, ENTRY, Lost, NewerPut, PartitionStore};

/// Bytes of memory ([`PartitionStore::cost`]) after which a write is cut.
pub(super) const PART_BYTES: usize = 32 << 20;

/// Collects changes and writes them in parts.
pub(super) struct Chunks<'a> {
    place: &'a dyn PartitionStore,
    limit: usize,
    changes: Vec<Change>,
    size: usize,
    key: Vec<u8>,
    done: Done,
}

/// What all parts of a write did beside what they were told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Done {
    /// The conditional puts that lost against newer values.
    pub lost: Lost,
    /// Values that the ranges held which were removed.
    pub removed: u64,
}

impl<'a> Chunks<'a> {
    /// Nothing yet. A part is written once it has `limit` bytes.
    pub(super) fn new(place: &'a dyn PartitionStore, limit: usize) -> Self {
        Self { place, limit, changes: Vec::new(), size: 0, key: Vec::new(), done: Done::default() }
    }

    /// Tells which join key the next changes belong to. Writes what there is when it is another one and the part is
    /// full.
    pub(super) fn begin_key(&mut self, key: &[u8]) -> Result<(), OnlineError> {
        if self.key != key {
            if self.size >= self.limit {
                self.write()?;
            }
            self.key.clear();
            self.key.extend_from_slice(key);
        }
        Ok(())
    }

    pub(super) fn push(&mut self, change: Change) {
        self.size += self.place.cost(&change);
        self.changes.push(change);
    }

    /// Whether so many entries of about that size are more than one part.
    pub(super) fn is_great(&self, entries: usize, size: usize) -> bool {
        entries.saturating_mul(size + ENTRY) >= self.limit
    }

    /// Writes what there is, and then these rows in a write of their own.
    pub(super) fn load_rows(&mut self, puts: &mut dyn Iterator<Item = NewerPut>) -> Result<(), OnlineError> {
        self.write()?;
        let lost = self.place.load_rows(puts)?;
        self.done.lost.changes += lost.changes;
        self.done.lost.bytes += lost.bytes;
        Ok(())
    }

    fn write(&mut self) -> Result<(), OnlineError> {
        let changes = std::mem::take(&mut self.changes);
        let is_put = |change: &Change| matches!(change, Change::PutNewer { .. });
        let sizes: Vec<usize> =
            if changes.iter().any(is_put) { changes.iter().map(Change::bytes).collect() } else { Vec::new() };
        self.size = 0;
        let written = self.place.write(changes)?;
        self.done.removed += written.removed;
        for at in written.lost {
            self.done.lost.changes += 1;
            self.done.lost.bytes += sizes.get(at).map_or(0, |size| *size as u64);
        }
        Ok(())
    }

    /// Writes what is left, and gives what all parts did.
    pub(super) fn finish(mut self) -> Result<Done, OnlineError> {
        if !self.changes.is_empty() {
            self.write()?;
        }
        Ok(self.done)
    }
}
