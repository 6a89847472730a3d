//! What the online store needs of a place that keeps keys and bytes, so that Redis or DynamoDB can take the place of the
//! embedded one. It must know nothing of views, tiles or times.

use std::ops::ControlFlow;

use super::OnlineError;

/// Where a key lives. Keys of different spaces never meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Space {
    /// Tiles: view, join key, start.
    Tiles,
    /// For each tile: view, start, join key; without a value. Finds the tiles of a window, oldest first.
    TileIndex,
    /// Latest rows: view, join key.
    Rows,
    /// What is known of views, and of the store itself.
    Meta,
}

impl Space {
    /// All spaces, in the order of their declaration.
    pub const ALL: [Self; 4] = [Self::Tiles, Self::TileIndex, Self::Rows, Self::Meta];
}

/// Bytes at the front of a versioned value that say how new it is; later versions are greater, byte by byte.
pub const VERSION_BYTES: usize = 8;

/// One change of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Puts a value, whatever was there.
    Put {
        /// Where.
        space: Space,
        /// Its key.
        key: Vec<u8>,
        /// The value.
        value: Vec<u8>,
    },
    /// Puts a versioned value unless the stored one is newer: newer or equal wins.
    PutNewer {
        /// Where.
        space: Space,
        /// Its key.
        key: Vec<u8>,
        /// The value; its first [`VERSION_BYTES`] bytes are its version.
        value: Vec<u8>,
    },
    /// Removes a key; harmless where it is not there.
    Remove {
        /// Where.
        space: Space,
        /// Its key.
        key: Vec<u8>,
    },
}

impl Change {
    /// Bytes of its key and value.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Put { key, value, .. } | Self::PutNewer { key, value, .. } => key.len() + value.len(),
            Self::Remove { key, .. } => key.len(),
        }
    }
}

/// Whether a versioned value may take the place of the stored one.
pub fn wins(value: &[u8], stored: &[u8]) -> bool {
    value.get(..VERSION_BYTES) >= stored.get(..VERSION_BYTES)
}

/// Takes a key and its value; breaks when it has seen enough.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// Keys with their versioned values.
pub type Puts<'a> = dyn Iterator<Item = (Vec<u8>, Vec<u8>)> + 'a;

/// The conditional puts that lost against newer values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// How many.
    pub changes: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
}

/// A place for keys and bytes. What an implementation must promise:
///
/// - A write is atomic and durable before it returns: after an error, or a crash before it returned, either all of it is
///   there or nothing. The comparison of a [`Change::PutNewer`] and its put are one step.
/// - After an error no later write may claim success unless it is durable, with all that was acknowledged before it.
/// - One `get`, and one `scan` from its beginning to its end, sees all of a write or nothing of it.
/// - Reads never wait for writes.
/// - Keys are ordered byte by byte. A key of a write is in it at most once.
pub trait ByteStore: Send + Sync {
    /// Its name in sentences: a folder or an address.
    fn place(&self) -> String;

    /// The value of a key.
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, OnlineError>;

    /// Visits the keys in `[from, to)` in their order.
    fn scan(&self, space: Space, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<(), OnlineError>;

    /// Puts many versioned values, in ascending order of their keys, each key once; newer or equal wins, as with
    /// [`Change::PutNewer`]. One write like any other. A place that takes sorted entries faster than single ones does so here.
    fn load(&self, space: Space, puts: &mut Puts<'_>) -> Result<Lost, OnlineError> {
        let changes: Vec<Change> = puts.map(|(key, value)| Change::PutNewer { space, key, value }).collect();
        let sizes: Vec<usize> = changes.iter().map(Change::bytes).collect();
        let lost = self.write(changes)?;
        let bytes = lost.iter().filter_map(|at| sizes.get(*at)).map(|size| *size as u64).sum();
        Ok(Lost { changes: lost.len() as u64, bytes })
    }

    /// What keeps it from being written, in words; what is read may be older than what was to be written since.
    fn trouble(&self) -> Option<String> {
        None
    }

    /// Tries to make it fit to be written again, where it is not and it is time to.
    fn mend(&self) -> Result<(), OnlineError> {
        Ok(())
    }

    /// Does all changes. Returns the places, in `changes`, of the [`Change::PutNewer`] that lost against a newer value.
    fn write(&self, changes: Vec<Change>) -> Result<Vec<usize>, OnlineError>;
}

/// The first key behind all that begin with `prefix`. Nothing but 0xff has none; prefixes here begin with an id or a word.
pub fn after(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < 0xff {
            end.push(last + 1);
            return end;
        }
    }
    vec![0xff; prefix.len() + 1]
}
