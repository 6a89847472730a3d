//! What computes features: source window, SQL, tiles (semantics.md sections 2 to 6).
//!
//! Synchronous: its callers are worker threads. It reads source files and must write nothing.

pub mod frame;
pub mod lap;
pub mod scan;
pub mod schema;
pub mod sql;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use polars::prelude::DataFrame;
use thiserror::Error;

use crate::model::{Time, Window};
use crate::platform::registry::definition::View;

/// A flag that asks a running computation to stop. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks for the computation to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What went wrong, in the words that decide about a retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// A source cannot be read: may be mended, so the attempt is retried.
    Source,
    /// The query fails on its data: permanent.
    Query,
    /// The work does not fit the memory limits: permanent.
    Memory,
    /// Somebody asked to stop.
    Cancelled,
}

/// Why a computation ended without a result.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct EngineError {
    /// The class that decides about a retry.
    pub kind: ErrorKind,
    /// What happened, to what, and what to do next.
    pub message: String,
}

/// What the batch side holds for `window`, as stored rows: for aggregates the keys, the stored tile columns and
/// `_anchor_time` (tile start, int64 nanoseconds), one row per key and non-empty tile; for temporal views keys,
/// timestamp, features and `_anchor_time`, in the order of time and arrival. Only events that arrived by `now` count.
/// Calls `progress` with 0 to 1.
pub fn materialize(
    _view: &View,
    _window: Window,
    _now: Time,
    _cancel: &Cancel,
    _progress: &dyn Fn(f32),
) -> Result<DataFrame, EngineError> {
    Err(EngineError { kind: ErrorKind::Query, message: "the engine is not built yet".to_owned() })
}

/// The same stored rows for a micro-batch of stream events (the source's columns, times mapped, oldest arrival first).
///
/// Order-sensitive tile columns (`last_c`, `lastn{n}_c`, `last_non_distinct_n{n}_c`) come with a companion `_at_{name}`
/// that holds the event times of the values, which the online store needs to merge late events; tails leave these out.
pub fn transform_stream(_view: &View, _events: DataFrame) -> Result<DataFrame, EngineError> {
    Err(EngineError { kind: ErrorKind::Query, message: "the engine is not built yet".to_owned() })
}
