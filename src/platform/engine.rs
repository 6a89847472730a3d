//! What computes features (docs/semantics.md sections 2 to 9): [`Engine`] is what every engine promises,
//! [`PolarsEngine`] the one that there is.
//!
//! Whoever needs features holds an `Arc<dyn Engine>` and knows frames of rows alone. How a query is planned, which
//! library runs it and on how many threads is the engine's business. It reads source files and stored rows, and must
//! write nothing.

pub(crate) mod args;
pub mod ask;
pub(crate) mod polars_engine;
pub(crate) mod sound;

use polars::prelude::DataFrame;

use crate::model::{Time, Window};
use crate::platform::compute::EngineError;
use crate::platform::definition::View;
use ask::{Answer, Control, HistoryArgs, RunArgs, Streamed};

pub use polars_engine::PolarsEngine;

/// Computes the features of views.
///
/// **Threads.** Calls block and may come from several threads at once; none comes from a thread of an async runtime.
///
/// **Rows** come and go as frames whose columns have the types of the model: int64, float64, text, flags, lists of
/// these, and instants in whole microseconds, UTC. Anchors (`_anchor_time`) are int64 nanoseconds. Windows and ranges
/// are half-open.
///
/// **Errors** say what happened, to what, and what to do next, and their kind decides about a retry: `Source` when a
/// file cannot be read (it may be mended), `Query` when the view's query fails on its data, `Memory` when the work does
/// not fit, `Cancelled`, and `Arguments` for what cannot be asked, by [`args`] before anything is read. What is wrong
/// with a source is never told as the query's fault.
///
/// **Control.** Within a second after `cancel`, wherever the work is, the call returns with kind `Cancelled`; threads
/// that it started may end a little later, but touch nothing any more. `progress` is told now and then how many rows of
/// the source were read, never fewer than before. What the call holds stays below `memory` bytes, about: past them it
/// ends with kind `Memory`.
///
/// **Determinism.** The same view, arguments, present and files give the same rows in the same order, on every machine
/// and with any number of threads: events of one instant count in the order of their arrival, sums of floats are added
/// as `platform::tiles::ranges` adds them. Batch, stream, `run` and history of the same events agree to the last digit,
/// for stores merge what they wrote. Only events that had arrived by the present that was given exist.
pub trait Engine: Send + Sync {
    /// What the batch side holds for `window` at `now`, as stored rows: for aggregates the keys, the columns of
    /// `tiles::stored_columns` and `_anchor_time` (the tile's start), one row a key and tile that is not empty, in the
    /// order of tile starts; in continuous mode one row an event, its timestamp among the columns; for temporal views
    /// keys, timestamp, features and `_anchor_time`, in the order of time and arrival.
    ///
    /// # Errors
    /// Of any kind but `Arguments`.
    fn materialize(
        &self,
        view: &View,
        window: Window,
        now: Time,
        control: Control<'_>,
    ) -> Result<DataFrame, EngineError>;

    /// The same stored rows for a micro-batch of stream events: the source's columns with their times mapped, oldest
    /// arrival first; no events give no rows, but all columns.
    ///
    /// Order-sensitive tile columns (`last_c`, `lastn{n}_c`, `last_non_distinct_n{n}_c`) come with a companion
    /// (`tiles::names::times_name`) that holds the event times of the values, which the online store needs to merge
    /// late events; tails show the columns of `tiles::names::stored_names` alone. A batch is small: it is neither
    /// watched nor bounded, and the query's present is that of the machine.
    ///
    /// # Errors
    /// Of kind `Source` for a table that is joined; of kind `Query` when the query fails on the events, or when its
    /// rows need several of them: which events come together in a micro-batch must not tell.
    fn transform_stream(&self, view: &View, events: DataFrame) -> Result<Streamed, EngineError>;

    /// The view over a range of time, nothing written: at level `disabled` the query's own columns, one row a row;
    /// `partial` keys, tile columns, `tile_start_time`, `tile_end_time`, one row a key and tile; `full` keys, timestamp
    /// (the tile's end), features, one row a key and tile. Continuous mode has one row an event, at its own time. Rows
    /// outside the range do not exist, and the end of the range is the edge of a tile.
    ///
    /// # Errors
    /// Of any kind.
    fn run(&self, view: &View, args: &RunArgs<'_>, control: Control<'_>) -> Result<Answer, EngineError>;

    /// Feature values as they were: with a spine its rows in their order, feature columns behind its own
    /// ([`args::feature_names`]), where the wildcard key is missing one row for each of its values; without a spine the
    /// keys, timestamp and features of a range, in the order of time. Rows of the source and of the offline table give
    /// the same answer.
    ///
    /// # Errors
    /// Of any kind; `Source` also for an offline table that cannot be read.
    fn history(&self, view: &View, args: &HistoryArgs<'_>, control: Control<'_>) -> Result<Answer, EngineError>;
}
