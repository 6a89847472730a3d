//! What computes features: source window, SQL, tiles (docs/semantics.md sections 2 to 6).
//!
//! Synchronous: its callers are worker threads (a thread of a current-thread async runtime must not call it: Polars blocks
//! on a runtime of its own). It reads source files and must write nothing.

pub mod asof;
pub mod fold;
pub mod guard;
pub mod history;
pub mod keyed;
pub mod keys;
pub mod memory;
pub mod moments;
pub mod query;
pub mod run;
pub mod sink;
pub mod stored;
pub mod tiles;
pub mod watch;
pub mod windows;

use std::collections::BTreeMap;

use polars::prelude::*;

use crate::platform::engine::ask::Control;
use keys::Keys;
use query::{Reach, Reader};
use sink::Collector;
use tiles::{Grid, TileBuilder, Wanted};

use crate::model::time::{print_time, span_micros};
use crate::model::{Time, Window};
use crate::platform::compute::{Cancel, EngineError, ErrorKind};
use crate::platform::definition::View;
use crate::platform::source::files;
use crate::platform::tiles::names::{ANCHOR, stored_names};
use crate::platform::{frame, sql};

/// What the batch side holds for `window`, as stored rows: for aggregates the keys, the stored tile columns and
/// `_anchor_time` (tile start, int64 nanoseconds), one row per key and non-empty tile, in the order of tile starts; in
/// continuous mode one row an event, its timestamp among the columns; for temporal views keys, timestamp, features and
/// `_anchor_time`, in the order of time and arrival. Only events that arrived by `now` count. It
/// may hold `memory` bytes, and calls `progress` with 0 to 1.
///
/// The window is computed at once, whatever its length: a query that needs several events to make a row gives what `run`
/// gives. Where each row comes of one event the files stream through, and memory follows the rows that are stored; any other
/// query holds the events of the window, and ends with kind `Memory` where they do not fit.
///
/// # Errors
/// Of kind `Source`, `Query`, `Memory`, or `Cancelled` within a second after `cancel`.
pub fn materialize(
    view: &View,
    window: Window,
    now: Time,
    (cancel, memory): (&Cancel, u64),
    progress: &dyn Fn(f32),
) -> Result<DataFrame, EngineError> {
    let told = |_| {};
    let control = Control { cancel, progress: &told, memory };
    let mocks = BTreeMap::new();
    let reader = Reader::new(view, &mocks, Some(view.query_columns()), now, control)?;
    progress(0.0);
    let reach = Reach { source: view.source_window(window), rows: Some(window) };
    let failed = |error: PolarsError| query_error(view, Some(window), &error);
    let rows = match Grid::of(view) {
        Some(grid) => {
            let builder = TileBuilder::new(view, grid, Keys::new(&view.join_keys), Wanted::All, false);
            reader.read(reach, builder)?.finish().and_then(|tiles| tiles.stored(view)).map_err(failed)?
        }
        None => {
            let collector = reader.read(reach, Collector::default())?;
            let columns = reader.output().map_err(failed)?;
            collector.rows(&columns).and_then(|rows| stamped(view, rows)).map_err(failed)?
        }
    };
    progress(1.0);
    Ok(rows)
}

/// What a micro-batch of stream events comes to.
#[derive(Clone, Debug)]
pub struct Streamed {
    /// The stored rows, as [`transform_stream`] gives them.
    pub rows: DataFrame,
    /// The times of the query's rows that went into them, in microseconds; rows without a time are not among them.
    pub times: Vec<i64>,
}

/// The same stored rows for a micro-batch of stream events (the source's columns, times mapped, oldest arrival first).
///
/// Order-sensitive tile columns (`last_c`, `lastn{n}_c`, `last_non_distinct_n{n}_c`) come with a companion
/// (`tiles::times_name`) that holds the event times of the values, which the online store needs to merge late events; tails
/// show the columns of `tiles::stored_names` alone.
///
/// # Errors
/// Of kind `Query` when the query fails on the events, or when its rows need several of them: which events come together in
/// a micro-batch must not tell.
pub fn transform_stream(view: &View, events: DataFrame) -> Result<DataFrame, EngineError> {
    let output = stream_output(view, events)?;
    fold(view, output, None, true).map_err(|error| query_error(view, None, &error))
}

/// [`transform_stream`], and the times of what went into it.
///
/// # Errors
/// As [`transform_stream`].
pub fn transform_stream_timed(view: &View, events: DataFrame) -> Result<Streamed, EngineError> {
    let output = stream_output(view, events)?;
    let streamed =
        times_of(view, &output).and_then(|times| Ok(Streamed { rows: fold(view, output, None, true)?, times }));
    streamed.map_err(|error| query_error(view, None, &error))
}

/// The query's rows for a micro-batch.
fn stream_output(view: &View, events: DataFrame) -> Result<DataFrame, EngineError> {
    let query = checked(view)?;
    let name = view.inputs.first().map_or("", |input| input.name.as_str());
    if query.follows(name) == sql::Follows::Many {
        let message = format!(
            "view {}: its query makes rows of several events (a window function, GROUP BY, DISTINCT, LIMIT, or a join of `{name}` \
             with itself), and a stream brings them one by one. Aggregate by `aggregations` instead, or leave the stream out \
             of its source: batch jobs and `run` compute this query over their whole window",
            view.name
        );
        return Err(EngineError { kind: ErrorKind::Query, message });
    }
    let mut inputs = vec![(name, events.lazy())];
    for input in view.inputs.iter().skip(1) {
        let columns = query::needed(&query, &input.name, &input.source);
        inputs.push((input.name.as_str(), files::whole(&input.source, &columns)?.lazy()));
    }
    let output = sql::lazy(&query, inputs, chrono::Utc::now(), sql::at_once()).and_then(LazyFrame::collect);
    output.map_err(|error| query_error(view, None, &error))
}

fn times_of(view: &View, output: &DataFrame) -> PolarsResult<Vec<i64>> {
    let time = view.timestamp_field.as_str();
    let column = output.column(time)?;
    let at = frame::normal(time, column.dtype())
        .ok_or_else(|| polars_err!(SchemaMismatch: "column `{}` has type {}", time, column.dtype()))?;
    let times = DataFrame::new(output.height(), vec![column.clone()])?.lazy();
    let times = times.select([at.dt().timestamp(TimeUnit::Microseconds)]).collect()?;
    Ok(times.column(time)?.i64()?.iter().flatten().collect())
}

/// The query's output as stored rows. Rows outside `window` are dropped where one is given, rows without a time always.
/// With `times`, ordered tile columns come with their companions.
pub fn fold(view: &View, output: DataFrame, window: Option<Window>, times: bool) -> PolarsResult<DataFrame> {
    let time = view.timestamp_field.as_str();
    let columns: Vec<Expr> = output.schema().iter().filter_map(|(name, dtype)| frame::normal(name, dtype)).collect();
    let mut rows = output.lazy().select(columns).filter(col(time).is_not_null());
    if let Some(window) = window {
        rows = rows.filter(frame::within(time, window));
    }
    let rows = rows.collect()?;
    match Grid::of(view) {
        Some(grid) => {
            let mut builder = TileBuilder::new(view, grid, Keys::new(&view.join_keys), Wanted::All, times);
            builder.push(&rows)?;
            builder.finish()?.stored(view)
        }
        None => stamped(view, rows),
    }
}

/// Rows of a temporal view in the order of time and arrival, with their anchor.
fn stamped(view: &View, rows: DataFrame) -> PolarsResult<DataFrame> {
    let time = view.timestamp_field.as_str();
    let step = span_micros(view.batch_schedule).max(1);
    let at = col(time).dt().timestamp(TimeUnit::Microseconds);
    let anchor = (at.floor_div(lit(step)) * lit(step) * lit(1_000_i64)).alias(ANCHOR);
    let names = stored_names(view);
    let rows = rows.lazy().sort([time], SortMultipleOptions::default().with_maintain_order(true)).with_column(anchor);
    rows.select(names.iter().map(|name| frame::named(name)).collect::<Vec<_>>()).collect()
}

/// The view's query, parsed and checked.
fn checked(view: &View) -> Result<sql::Query, EngineError> {
    let query = sql::check(&view.sql).map_err(|refusal| EngineError {
        kind: ErrorKind::Query,
        message: format!("view {}: its query is refused: {refusal}", view.name),
    })?;
    Ok(query.spelled(view.names()))
}

fn query_error(view: &View, window: Option<Window>, error: &polars::prelude::PolarsError) -> EngineError {
    let place = match window {
        Some(window) => format!(", window {} to {}", print_time(window.start), print_time(window.end)),
        None => ", stream".to_owned(),
    };
    let problem = sql::first_line(error);
    EngineError {
        kind: ErrorKind::Query,
        message: format!("view {}{place}: the query fails: {problem}. Correct its SQL or the data", view.name),
    }
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
