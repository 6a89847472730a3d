//! What the online store asks of a place that keeps its values: the embedded one, and such as Valkey or DynamoDB.
//!
//! A value is addressed by a space, a partition and a sort key ([`Key`]). The contract is what a place can keep whose
//! partitions lie on different machines: order inside one partition, and changes that are one step inside one
//! partition. Nothing above may ask for an order over partitions, nor for one instant at which several of them are
//! seen. What needs to find values over all partitions of a view is an operation in words of features
//! ([`PartitionStore::tiles_in`], [`PartitionStore::expire`]), and how a place finds them, by an index or otherwise, is
//! its own affair.
//!
//! # Addresses
//!
//! | space | partition | sort key | value |
//! |---|---|---|---|
//! | [`Space::Tiles`] | view, keys of its serving index | wildcard key, start ([`TIME_BYTES`]) | a tile |
//! | [`Space::Rows`] | view, keys of its serving index | wildcard key | time ([`TIME_BYTES`]), which is its version; a row |
//! | [`Space::Views`] | view | one byte | what is known of the view: how far its stream is, its windows |
//!
//! A view is the [`ID_BYTES`] at the front of every partition. Most views have no wildcard key: a partition is then a
//! join key.
//!
//! # What must be seen of a write
//!
//! - A lookup reads one range of one partition. It must see all of a step or nothing of it, and what was acknowledged
//!   before it began. A place whose ranges come in pages (DynamoDB) reads strongly, and compares a version of the
//!   partition before and after; one that answers each command at one instant (Valkey) reads from the primary.
//! - A step is as many values as a write holds of one partition. A place whose transactions are smaller (DynamoDB: 100
//!   values) puts them under a number of the partition's that readers do not know yet, and then, in one step, the
//!   number.
//! - Lookups of several partitions, and those of one at different times, need no common instant.
//! - Reads never wait for writes, but those of [`Space::Views`] after a write that failed, see
//!   [`PartitionStore::write_once`].
//!
//! # What keeps writes right that are more than one partition
//!
//! - A batch job's window, over all keys, may be left in the middle. Every value of it replaces what was there, so
//!   doing it again makes it right, and the mark that the window is materialized comes in the last change. Until then
//!   the job is not done and is tried again.
//! - Rows are put by version: a row that comes twice, or behind a newer one, changes nothing.
//! - Removing, by deletion or for age, is right when done again.
//! - A stream's tiles are sums: adding the same events twice would count them twice. Only they, and the change of a
//!   view's partitions, need [`PartitionStore::write_once`]: the position stands in the same write, behind the rows.
//!
//! One platform writes to a place at a time: the online store's writers take turns, and what they read to write it
//! again stays as it is meanwhile. A turn begins with a read of [`Space::Views`], so that it meets no half of an
//! earlier one.

use std::ops::ControlFlow;

use super::OnlineError;
use super::key::{Key, KeyRange};
use crate::model::Id;

/// What a change costs in memory beside its bytes, roughly.
pub const ENTRY: usize = 128;
/// Bytes of a view's id at the front of every partition.
pub const ID_BYTES: usize = 16;
/// Bytes of a time, which sort as it does: of a tile's start at the end of its sort key, and of a row's version at the
/// front of its value.
pub const TIME_BYTES: usize = 8;

/// Where a partition is. Partitions of different spaces never meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Space {
    /// Tiles of aggregate views, one a join key and start.
    Tiles,
    /// Latest rows of temporal views.
    Rows,
    /// What is known of each view.
    Views,
}

/// One change of a write.
///
/// `ends` is the instant (microseconds since 1970) from which no lookup sees a value any more, by the definition of its
/// view: a place that lets go of values by itself does so from then on, another waits for [`PartitionStore::expire`].
/// Of a view whose windows have become longer, what was written before may so be gone at its former end: materializing
/// it again with overwrite puts that right, as it does for what had expired before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Puts a value where none was seen in this turn to write, or whatever is there.
    Put {
        /// The space of its partition.
        space: Space,
        /// Its partition and sort key.
        key: Key,
        /// The bytes that are there afterwards.
        value: Vec<u8>,
        /// The instant from which no lookup sees it; absent where it counts for ever.
        ends: Option<i64>,
    },
    /// Puts a value in the place of one that was seen in this turn to write: what the place keeps beside that one, such
    /// as an entry of an index, can stay.
    Replace {
        /// The space of its partition.
        space: Space,
        /// Its partition and sort key.
        key: Key,
        /// The bytes that are there afterwards.
        value: Vec<u8>,
        /// The instant from which no lookup sees it; absent where it counts for ever.
        ends: Option<i64>,
    },
    /// Puts a value whose version is its first [`TIME_BYTES`] bytes unless the stored one is newer: newer or equal
    /// wins. Comparison and put are one step.
    PutNewer {
        /// The space of its partition.
        space: Space,
        /// Its partition and sort key.
        key: Key,
        /// The bytes that are there afterwards.
        value: Vec<u8>,
        /// The instant from which no lookup sees it; absent where it counts for ever.
        ends: Option<i64>,
    },
    /// Removes a value; harmless where none is there.
    Remove {
        /// The space of its partition.
        space: Space,
        /// Its partition and sort key.
        key: Key,
    },
    /// Removes all values of a range, and counts them.
    RemoveRange {
        /// The space of the partition.
        space: Space,
        /// The sort keys whose values go.
        range: KeyRange,
    },
}

impl Change {
    /// Bytes of its key and value.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Put { key, value, .. } | Self::Replace { key, value, .. } | Self::PutNewer { key, value, .. } => {
                key.len() + value.len()
            }
            Self::Remove { key, .. } => key.len(),
            Self::RemoveRange { range, .. } => range.joined().0.len() + range.joined().1.len(),
        }
    }

    /// The partition that it changes, with its space.
    pub fn partition(&self) -> (Space, &[u8]) {
        match self {
            Self::Put { space, key, .. }
            | Self::Replace { space, key, .. }
            | Self::PutNewer { space, key, .. }
            | Self::Remove { space, key } => (*space, key.partition()),
            Self::RemoveRange { space, range } => (*space, range.partition()),
        }
    }
}

/// Whether a value with a version may take the place of the stored one.
pub fn wins(value: &[u8], stored: &[u8]) -> bool {
    value.get(..TIME_BYTES) >= stored.get(..TIME_BYTES)
}

/// Takes a key and its value; breaks when it has seen enough.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// A value to be put by its version: key, value, and the instant at which it is over.
pub type NewerPut = (Key, Vec<u8>, Option<i64>);

/// What a write did beside what it was told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Places, in the list of changes, of each [`Change::PutNewer`] that lost against a newer value.
    pub lost: Vec<usize>,
    /// Values that each [`Change::RemoveRange`] met, together.
    pub removed: u64,
}

/// The puts of a [`PartitionStore::load_rows`] that lost against newer values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// How many puts that were.
    pub changes: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
}

/// What is over: at `now` no lookup sees tiles that start, or rows that are, before `before`. Both in microseconds
/// since 1970, and both say the same: a value's `ends` is at or before `now` where its time lies before `before`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Over {
    /// The present, at which lookups are made from now on.
    pub now: i64,
    /// The first time that is not over.
    pub before: i64,
}

/// What one call of [`PartitionStore::expire`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// Values that were removed because no lookup sees them any more.
    pub gone: u64,
    /// Values that tell no time. Where there are some, nothing is gone.
    pub damaged: u64,
}

/// The reads of a lookup.
pub trait PartitionReads: Send + Sync {
    /// The place's name in sentences: a folder or an address.
    fn place(&self) -> String;

    /// The value of a key.
    fn get(&self, space: Space, key: &Key) -> Result<Option<Vec<u8>>, OnlineError>;

    /// Visits the values of a range, with their sort keys and in their order, as they are at one instant.
    fn range(&self, space: Space, range: &KeyRange, visit: &mut Visit<'_>) -> Result<(), OnlineError>;
}

/// A place for the values of the online store. All that is acknowledged is durable, and after an error no later write
/// may claim success unless it is durable with all that was acknowledged before it.
pub trait PartitionStore: PartitionReads {
    /// The values of many keys, of any partitions, in the order of the keys: each as [`PartitionReads::get`] gives it,
    /// in as few round trips as the place can.
    fn get_many(&self, space: Space, keys: &[Key]) -> Result<Vec<Option<Vec<u8>>>, OnlineError> {
        keys.iter().map(|key| self.get(space, key)).collect()
    }

    /// Does the changes in their order, a partition at a time: neighbours of one partition are one step. After an
    /// error, or an end in the middle, the steps up to some place of the list are done and the others are not.
    ///
    /// A key is in a write at most once.
    fn write(&self, changes: Vec<Change>) -> Result<Written, OnlineError>;

    /// As [`PartitionStore::write`], but all or nothing for whoever writes next: after an error, or an end in the
    /// middle, the next write, and the next read of [`Space::Views`], meets all of it or nothing. Lookups may see some
    /// partitions before others.
    ///
    /// A place without transactions over partitions keeps the changes durably in one step first (they say what will be
    /// there, not what is added, so they may be done again), then does them, and forgets them in the step of the last
    /// partition. What it finds kept it does before that next write or read.
    fn write_once(&self, changes: Vec<Change>) -> Result<Written, OnlineError>;

    /// Puts many rows by their versions, as [`Change::PutNewer`], in ascending order of their keys, each key once. A
    /// partition is one step. A place that takes sorted values faster than single ones does so here.
    fn load_rows(&self, puts: &mut dyn Iterator<Item = NewerPut>) -> Result<Lost, OnlineError> {
        let newer = |(key, value, ends)| Change::PutNewer { space: Space::Rows, key, value, ends };
        let changes: Vec<Change> = puts.map(newer).collect();
        let sizes: Vec<usize> = changes.iter().map(Change::bytes).collect();
        let lost = self.write(changes)?.lost;
        let bytes = lost.iter().filter_map(|at| sizes.get(*at)).map(|size| *size as u64).sum();
        Ok(Lost { changes: lost.len() as u64, bytes })
    }

    /// Visits the tiles of a view that start in `[from, to)` (microseconds since 1970), over all partitions and in no
    /// order, by their joined keys ([`Key::joined`]). Each tile that was there before the turn to write is met; one
    /// that is no longer there may be met too.
    fn tiles_in(&self, view: Id, from: i64, to: i64, visit: &mut dyn FnMut(&[u8])) -> Result<(), OnlineError>;

    /// Visits all values of a view in a space, in no order, with their joined keys.
    fn values_of(&self, space: Space, view: Id, visit: &mut Visit<'_>) -> Result<(), OnlineError>;

    /// Removes values of a view that are over, `limit` at most. One call may look at a part of them, and the next goes
    /// on from there: that nothing is gone need not mean that nothing is left. It costs nothing where nothing can be
    /// over.
    fn expire(&self, space: Space, view: Id, over: Over, limit: usize) -> Result<Expired, OnlineError>;

    /// Reads everything, and visits each value of a space. Returns how many entries that were, with those that the
    /// place keeps for itself.
    fn read_all(&self, visit: &mut dyn FnMut(Space, &[u8])) -> Result<u64, OnlineError>;

    /// About how many bytes of memory a change takes until it is written.
    fn cost(&self, change: &Change) -> usize {
        change.bytes() + ENTRY
    }

    /// Whether partition and sort key are kept apart, so that a value is moved when the border between them moves. A
    /// place that keeps them joined has nothing to do then.
    fn keeps_partitions_apart(&self) -> bool {
        true
    }

    /// What keeps the place from being written, in words; what is read may be older than what was to be written since.
    fn trouble(&self) -> Option<String> {
        None
    }

    /// Tries to make the place fit to be written again, where it is not and it is time to. An error where it stays
    /// unfit: then some of what failed may still appear. Called in a turn to write.
    fn mend(&self) -> Result<(), OnlineError> {
        Ok(())
    }
}
