//! The online store: tiles and latest rows by key, for lookups (docs/semantics.md sections 6 and 9).
//!
//! It stores what the engine made and answers lookups; it must not run queries.
//!
//! What a view's values look like and what may be written when is the online store's own, over any place that keeps the
//! contract (`contract`): the embedded one, and in tests one in memory. A place must know no view, and what is over it
//! must not know which place it is.

use polars::prelude::DataFrame;
use thiserror::Error;

use crate::model::{DataType, FeatureVector, Time, Value};
use crate::platform::compute::Cause;

pub mod bounds;
mod cells;
mod chunks;
mod codec;
pub mod contract;
mod count_reads;
pub mod embedded;
pub(crate) mod key;
mod make_ahead;
#[cfg(test)]
pub(crate) mod memory;
mod meta;
mod plan;
mod query;
mod remove;
mod reorder;
pub mod restart;
mod rows;
pub mod seen;
mod sort_rows;
mod store;
mod tiles;
mod vector;

pub use bounds::{Bounds, Fate};
pub use count_reads::Read;
pub use restart::Restart;
pub use seen::Seen;
pub use store::OnlineStore;
pub(crate) use store::{Release, Released, Verdict};

/// What a stream writes besides its position.
#[derive(Clone, Copy, Debug)]
pub struct StreamRows<'a> {
    /// Stored rows as the engine makes them.
    pub rows: &'a DataFrame,
    /// By which their events were told apart.
    pub bounds: &'a Bounds,
    /// The event time up to which the stream is read then.
    pub newest: Option<Time>,
    /// Events that deduplication is to know from now on, each once.
    pub seen: &'a [Seen],
    /// It forgets those before this time, microseconds.
    pub forget: Option<i64>,
}

/// What a stream write did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamWrite {
    /// Tiles or rows that were put, new ones and those that replace older ones.
    pub written: u64,
    /// Tiles or rows that came too late and were left out.
    pub late: u64,
}

/// What a batch write did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchWrite {
    /// Tiles or rows that were put, new ones and those that replace older ones.
    pub rows: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
    /// Tiles or rows left out: a newer row is there, or no window can reach them any more.
    pub skipped: u64,
}

/// One answer of a query by the indexed keys: the full join key, in the view's order, and its features.
pub type Entry = (Vec<Value>, FeatureVector);

/// Why the online store failed.
#[derive(Debug, Error)]
pub enum OnlineError {
    /// The store cannot be read or written.
    #[error("online store {path}: {problem}")]
    Store {
        /// Folder of the store, as text for the sentence.
        path: String,
        /// What happened, and what to do next.
        problem: String,
        /// The error of the store's engine; absent where what is stored makes no sense.
        source: Option<Cause>,
    },
    /// The disk is full, and nothing of the write is kept.
    #[error(
        "online store {path}: the disk is full: nothing of this write is kept, what was acknowledged is safe. Make room: the \
         store is opened again by itself"
    )]
    Full {
        /// Folder of the store, as text for the sentence.
        path: String,
        /// The error of the store's engine.
        source: Option<Cause>,
    },
    /// An earlier write failed, and the store is not opened anew yet.
    #[error(
        "online store {path}: it is not written for now, for an earlier write failed: {problem}. It is opened again by itself; \
         what was acknowledged is safe"
    )]
    Closed {
        /// Folder of the store, as text for the sentence.
        path: String,
        /// What happened, and what to do next.
        problem: String,
    },
    /// What jobs wrote is not there.
    #[error(
        "view {view}: the online store in {path} does not hold what jobs wrote of {windows}: it was removed, or put back from an \
         older copy. Put the right copy back, or materialize these windows again with overwrite (`fvtop jobs trigger {view} \
         --start {start} --end {end} --online --overwrite`)"
    )]
    Lost {
        /// Folder of the store, as text for the sentence.
        path: String,
        /// Name of the view, which the command in the sentence needs.
        view: String,
        /// The windows that are missing, in words.
        windows: String,
        /// The first of their instants.
        start: String,
        /// The end of the last of them.
        end: String,
    },
    /// The rows, keys or stored bytes do not fit the view.
    #[error("{0}")]
    Mismatch(String),
    /// A query by the indexed keys has more entries than one answer holds.
    #[error(
        "view {view}: more than {most} entries are under these keys, which is what one query answers at most. Look them \
         up one by one by their full keys"
    )]
    TooMany {
        /// Name of the view that was asked.
        view: String,
        /// Entries that one query answers at most.
        most: usize,
    },
}

impl OnlineError {
    /// Whether the disk is full, so that making room is what helps.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Full { .. } => true,
            Self::Closed { problem, .. } => problem.contains("the disk is full"),
            _ => false,
        }
    }
}

/// A text that is not a key of the declared type.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{text}` is not a key of type {expected}: {fix}")]
pub struct KeyError {
    /// The text as it came.
    pub text: String,
    /// The type that the view declares of it.
    pub expected: String,
    /// What to write instead, to go into the sentence.
    pub fix: &'static str,
}

/// Reads a key as a user writes it.
pub fn parse_key(text: &str, data_type: &DataType) -> Result<Value, KeyError> {
    match data_type {
        DataType::Int64 => text.trim().parse().map(Value::Int).map_err(|_| KeyError {
            text: text.to_owned(),
            expected: data_type.to_string(),
            fix: "write a whole number such as `42`",
        }),
        _ => Ok(Value::Text(text.to_owned())),
    }
}

#[cfg(test)]
mod tests;
