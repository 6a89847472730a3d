//! Great writes in parts, so that their memory is bounded.
//!
//! A write is cut only between two join keys: what is stored of one key goes into one atomic write, so a lookup never
//! meets a half of it. Most writes are one part. What is written before a crash stays, so a writer that may be cut must
//! be one that doing it again makes right.

use super::OnlineError;
use super::contract::{ByteStore, Change, Lost, Puts, Space};

/// Bytes of keys and values after which a write is cut, together with [`ENTRY`] for each change.
pub const PART_BYTES: usize = 32 << 20;
/// What a change costs beside its bytes, roughly.
const ENTRY: usize = 128;

/// Collects changes and writes them in parts.
pub struct Chunks<'a> {
    bytes: &'a dyn ByteStore,
    limit: usize,
    changes: Vec<Change>,
    size: usize,
    key: Vec<u8>,
    lost: Lost,
}

impl<'a> Chunks<'a> {
    /// Nothing yet. A part is written once it has `limit` bytes.
    pub fn new(bytes: &'a dyn ByteStore, limit: usize) -> Self {
        Self { bytes, limit, changes: Vec::new(), size: 0, key: Vec::new(), lost: Lost::default() }
    }

    /// Tells which join key the next changes belong to. Writes what there is when it is another one and the part is full.
    pub fn key(&mut self, key: &[u8]) -> Result<(), OnlineError> {
        if self.key != key {
            if self.size >= self.limit {
                self.write()?;
            }
            self.key.clear();
            self.key.extend_from_slice(key);
        }
        Ok(())
    }

    /// Adds a change.
    pub fn push(&mut self, change: Change) {
        self.size += change.bytes() + ENTRY;
        self.changes.push(change);
    }

    /// Whether so many entries of about that size are more than one part.
    pub fn is_great(&self, entries: usize, size: usize) -> bool {
        entries.saturating_mul(size + ENTRY) >= self.limit
    }

    /// Writes what there is, and then these in a write of their own.
    pub fn load(&mut self, space: Space, puts: &mut Puts<'_>) -> Result<(), OnlineError> {
        self.write()?;
        let lost = self.bytes.load(space, puts)?;
        self.lost.changes += lost.changes;
        self.lost.bytes += lost.bytes;
        Ok(())
    }

    fn write(&mut self) -> Result<(), OnlineError> {
        let changes = std::mem::take(&mut self.changes);
        let is_put = |change: &Change| matches!(change, Change::PutNewer { .. });
        let sizes: Vec<usize> =
            if changes.iter().any(is_put) { changes.iter().map(Change::bytes).collect() } else { Vec::new() };
        self.size = 0;
        for at in self.bytes.write(changes)? {
            self.lost.changes += 1;
            self.lost.bytes += sizes.get(at).map_or(0, |size| *size as u64);
        }
        Ok(())
    }

    /// Writes what is left.
    pub fn finish(mut self) -> Result<Lost, OnlineError> {
        if !self.changes.is_empty() {
            self.write()?;
        }
        Ok(self.lost)
    }
}
