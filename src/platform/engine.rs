//! What computes features: source window, SQL, tiles (semantics.md sections 2 to 6).
//!
//! Synchronous: its callers are worker threads (a thread of a current-thread async runtime must not call it: Polars blocks
//! on a runtime of its own). It reads source files and must write nothing.

pub mod aggregate;
pub mod ask;
pub mod frame;
pub mod history;
pub mod lap;
pub mod run;
pub mod scan;
pub mod schema;
pub mod sql;
pub mod tiles;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use polars::prelude::DataFrame;
use thiserror::Error;

use crate::model::time::{floor, print_time};
use crate::model::{Span, Time, Window};
use crate::platform::registry::definition::{Input, View};

/// Most bytes that the events of one slice may take in memory before the query runs over them.
const MAX_SLICE_BYTES: usize = 1 << 30;

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
    /// The caller asked for something that cannot be: the sentence says what to change.
    Arguments,
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

impl EngineError {
    fn cancelled() -> Self {
        Self { kind: ErrorKind::Cancelled, message: "cancelled on request".to_owned() }
    }
}

/// What the batch side holds for `window`, as stored rows: for aggregates the keys, the stored tile columns and
/// `_anchor_time` (tile start, int64 nanoseconds), one row per key and non-empty tile; for temporal views keys,
/// timestamp, features and `_anchor_time`, in the order of time and arrival. Only events that arrived by `now` count.
/// Calls `progress` with 0 to 1.
///
/// The work is cut into slices of `batch_schedule`: memory is bounded by one slice, and `cancel` is looked at between
/// slices and between reading and querying one.
pub fn materialize(
    view: &View,
    window: Window,
    now: Time,
    cancel: &Cancel,
    progress: &dyn Fn(f32),
) -> Result<DataFrame, EngineError> {
    let tables = plain_tables(view)?;
    let slices = slices(window, view.batch_schedule);
    let mut stored: Option<DataFrame> = None;
    for (done, slice) in slices.iter().enumerate() {
        progress(done as f32 / slices.len() as f32);
        let rows = materialize_slice(view, *slice, now, &tables, cancel)?;
        let joined = match stored.take() {
            Some(all) => all.vstack(&rows),
            None => Ok(rows),
        };
        stored = Some(joined.map_err(|error| query_error(view, Some(*slice), &error))?);
    }
    progress(1.0);
    stored.ok_or_else(|| EngineError {
        kind: ErrorKind::Query,
        message: format!("view {}: the window is empty: its end must be after its start", view.name),
    })
}

/// The same stored rows for a micro-batch of stream events (the source's columns, times mapped, oldest arrival first).
///
/// Order-sensitive tile columns (`last_c`, `lastn{n}_c`, `last_non_distinct_n{n}_c`) come with a companion `_at_{name}`
/// that holds the event times of the values, which the online store needs to merge late events; tails leave these out
/// (`tiles::stored_names` are the columns to show).
pub fn transform_stream(view: &View, events: DataFrame) -> Result<DataFrame, EngineError> {
    let mut inputs = vec![(view.inputs.first().map_or("", |input| input.name.as_str()), events)];
    inputs.extend(plain_tables(view)?);
    let rows = sql::run(inputs, &view.sql).and_then(|output| tiles::fold(view, output, None, true));
    rows.map_err(|error| query_error(view, None, &error))
}

fn materialize_slice(
    view: &View,
    slice: Window,
    now: Time,
    tables: &[(&str, DataFrame)],
    cancel: &Cancel,
) -> Result<DataFrame, EngineError> {
    let stop = || if cancel.is_cancelled() { Err(EngineError::cancelled()) } else { Ok(()) };
    stop()?;
    let Some(first) = view.inputs.first() else {
        return Err(query_error(view, None, &polars::prelude::polars_err!(NoData: "the view has no input")));
    };
    let columns = needed_columns(view, first);
    let events = scan::events(&first.source, slice, now, &columns)?;
    stop()?;
    check_size(view, slice, events.estimated_size())?;
    let mut inputs = vec![(first.name.as_str(), events)];
    inputs.extend(tables.iter().cloned());
    let rows = sql::run_at(inputs, &view.sql, now).and_then(|output| tiles::fold(view, output, Some(slice), false));
    rows.map_err(|error| query_error(view, Some(slice), &error))
}

fn check_size(view: &View, slice: Window, bytes: usize) -> Result<(), EngineError> {
    if bytes <= MAX_SLICE_BYTES {
        return Ok(());
    }
    let (start, end) = (print_time(slice.start), print_time(slice.end));
    let message = format!(
        "view {}, window {start} to {end}: its events take {bytes} bytes, more than the {MAX_SLICE_BYTES} allowed. \
         Choose a shorter batch_schedule",
        view.name
    );
    Err(EngineError { kind: ErrorKind::Memory, message })
}

/// The inputs after the first, whole.
fn plain_tables(view: &View) -> Result<Vec<(&str, DataFrame)>, EngineError> {
    let tables = view.inputs.iter().skip(1).map(|input| {
        let columns = needed_columns(view, input);
        Ok((input.name.as_str(), scan::whole(&input.source, &columns)?))
    });
    tables.collect()
}

/// The columns that the SQL can mean: those it names, or all where it has a `*`. At least one.
fn needed_columns(view: &View, input: &Input) -> Vec<String> {
    let columns = &input.source.columns;
    let words = sql::check(&view.sql).ok().and_then(|query| query.columns_of(&input.name));
    let named = |name: &str| words.as_ref().is_none_or(|words| words.contains(&name.to_lowercase()));
    let needed: Vec<String> = columns.iter().map(|(name, _)| name.clone()).filter(|name| named(name)).collect();
    if needed.is_empty() { columns.iter().take(1).map(|(name, _)| name.clone()).collect() } else { needed }
}

/// The window in pieces that end on multiples of `step`.
fn slices(window: Window, step: Span) -> Vec<Window> {
    let mut slices = Vec::new();
    let mut start = window.start;
    while start < window.end {
        let next = floor(start, step) + step;
        let end = if next > start { next.min(window.end) } else { window.end };
        slices.push(Window { start, end });
        start = end;
    }
    slices
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
mod tests;
