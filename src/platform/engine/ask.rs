//! What a person asks the engine for, and what comes back: arguments of `run` and `get_historical_features` with their
//! tables read, and the answer with its warnings.
//!
//! Plain data; nothing is judged here.

use polars::prelude::DataFrame;

use crate::model::Time;
use crate::platform::compute::Cancel;
use crate::platform::frame::StoredRows;
use crate::wire::queries::{HistoryQuery, RunQuery};

/// Arguments of `run` (docs/semantics.md section 7).
#[derive(Clone, Debug)]
pub struct RunArgs<'a> {
    /// The arguments as they were given, with the tables for mock sources read.
    pub query: &'a RunQuery<DataFrame>,
    /// The present: events later than it are not there yet (docs/semantics.md section 1).
    pub now: Time,
}

/// Arguments of `get_historical_features` (docs/semantics.md section 8), with what the engine takes as given.
#[derive(Clone)]
pub struct HistoryArgs<'a> {
    /// What is asked; whether the result is kept is no business of the engine.
    pub query: &'a HistoryQuery<DataFrame>,
    /// Where the rows come from: `from_source`, settled.
    pub rows: Rows,
    /// When the view's features begin, settled.
    pub feature_start_time: Option<Time>,
    /// What stands between the view's and the feature's name, such as `.` (docs/semantics.md section 3).
    pub separator: String,
    /// The present: events later than it are not there yet (docs/semantics.md section 1).
    pub now: Time,
}

/// Where the rows of a history come from.
#[derive(Clone)]
pub enum Rows {
    /// Computed from the source now.
    Source,
    /// The rows of the offline table, in its layout.
    Stored(StoredRows),
}

/// What a micro-batch of stream events comes to.
#[derive(Clone, Debug)]
pub struct Streamed {
    /// The rows as the stores keep them: tiles, or single rows. Single rows have the number of their event in a column
    /// `sql::EVENT` more.
    pub rows: DataFrame,
    /// The times of the query's rows that went into them, in microseconds; rows without a time are not among them.
    pub times: Vec<i64>,
    /// For each of these the event that it came of, by its place in the micro-batch; empty where the query does not read
    /// the stream.
    pub events: Vec<u32>,
}

/// What `run` and `get_historical_features` answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The rows under the columns that users see.
    pub frame: DataFrame,
    /// What the caller should know.
    pub warnings: Vec<String>,
    /// The spine's time column that was used; absent without a spine.
    pub timestamp_key: Option<String>,
}

/// How a computation is watched and held.
#[derive(Clone, Copy)]
pub struct Control<'a> {
    /// Asked to stop: it ends within a second with [`crate::platform::compute::ErrorKind::Cancelled`].
    pub cancel: &'a Cancel,
    /// Told now and then how many rows of the source were read.
    pub progress: &'a (dyn Fn(u64) + Sync),
    /// Most bytes that it may hold; past them it ends with [`crate::platform::compute::ErrorKind::Memory`].
    pub memory: u64,
}

impl<'a> Control<'a> {
    /// Nobody is told of the progress.
    pub fn quiet(cancel: &'a Cancel, memory: u64) -> Self {
        fn ignore(_: u64) {}
        Self { cancel, progress: &ignore, memory }
    }
}
