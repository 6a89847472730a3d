//! The online store: tiles and latest rows by key, for lookups (semantics.md sections 6 and 9).
//!
//! It stores what the engine made and answers lookups; it must not run queries.

use polars::prelude::DataFrame;
use thiserror::Error;

use crate::model::{DataType, FeatureVector, Id, Time, Value, Window};
use crate::platform::registry::definition::View;

pub mod bytes;
mod cells;
mod chunks;
mod codec;
pub mod embedded;
mod format;
#[cfg(test)]
pub(crate) mod memory;
mod meta;
mod plan;
mod query;
mod remove;
mod rows;
mod sort;
mod store;
mod tiles;
mod vector;

pub use store::Store;

/// What a stream write did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamWrite {
    /// Tiles or rows written.
    pub written: u64,
    /// Tiles or rows that came too late and were left out.
    pub late: u64,
}

/// What a batch write did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchWrite {
    /// Tiles or rows written.
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
        /// Folder of the store.
        path: String,
        /// What happened.
        problem: String,
    },
    /// The rows, keys or stored bytes do not fit the view.
    #[error("{0}")]
    Mismatch(String),
}

fn damaged(plan: &plan::Plan, bytes: &dyn bytes::ByteStore) -> OnlineError {
    OnlineError::Store {
        path: bytes.place(),
        problem: format!(
            "stored data of view {} cannot be read: materialize its windows again with overwrite",
            plan.name
        ),
    }
}

/// A text that is not a key of the declared type.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{text}` is not a key of type {expected}: {fix}")]
pub struct KeyError {
    /// The text as it came.
    pub text: String,
    /// The declared type.
    pub expected: String,
    /// What to write instead.
    pub fix: &'static str,
}

/// A place for tiles and rows by key. Every write is durable before it returns.
pub trait OnlineStore: Send + Sync {
    /// Batch: replaces the tiles of the window (aggregates), or upserts rows by newer-or-equal timestamp (temporal), and
    /// marks the window as batch-materialized. Idempotent. What no lookup can reach at `now` or later is left out.
    fn write_batch(&self, view: &View, window: Window, rows: &DataFrame, now: Time) -> Result<BatchWrite, OnlineError>;

    /// Stream: merges tiles or upserts rows and stores `offset`, all or nothing. Tiles inside batch-materialized windows,
    /// and tiles that ended before the newest event of earlier writes less the watermark, are left out and counted.
    fn write_stream(
        &self,
        view: &View,
        rows: &DataFrame,
        offset: Time,
        latest_event: Option<Time>,
    ) -> Result<StreamWrite, OnlineError>;

    /// The offset of the last stream write.
    fn stream_offset(&self, view: Id) -> Result<Option<Time>, OnlineError>;

    /// The newest event time written.
    fn latest_event(&self, view: Id) -> Result<Option<Time>, OnlineError>;

    /// The feature vector of one key at instant `at` (semantics.md section 9). `keys` are all join keys in the view's
    /// order, already typed; `Null` is a legal key.
    fn lookup(&self, view: &View, keys: &[Value], at: Time) -> Result<FeatureVector, OnlineError>;

    /// One entry for each value of the wildcard key that has anything inside the longest window, or the ttl, at `at`; in the
    /// order of that value. `indexed` are the keys of the view's `online_serving_index`, in its order.
    fn query(&self, view: &View, indexed: &[Value], at: Time) -> Result<Vec<Entry>, OnlineError>;

    /// Removes everything of these keys (a frame of the view's join key columns, distinct, of their types; null is a legal
    /// key) in one write. Returns the tiles or rows that are gone. Deleting again is harmless.
    fn delete(&self, view: &View, keys: &DataFrame) -> Result<u64, OnlineError>;

    /// Removes what no lookup can reach at `now` or later: tiles behind the longest window, rows whose ttl is over. At most
    /// `limit` of them; returns how many.
    fn expire(&self, view: &View, now: Time, limit: usize) -> Result<u64, OnlineError>;
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
