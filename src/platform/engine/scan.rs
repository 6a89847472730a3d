//! Reading a source's Parquet files: the part that a window needs, moved onto the present.
//!
//! It plans; events are read by whoever runs the plan. File by file, so that an error names its file and a damaged file harms only the windows that touch it.

use std::path::Path;

use polars::prelude::*;

use super::lap::Lap;
use super::{EngineError, ErrorKind, frame, schema};
use crate::model::time::{micros, span_micros};
use crate::model::{Span, Time, Window};
use crate::platform::registry::definition::{Source, Stream};

/// Name of the arrival instant (recorded, microseconds) while events are ordered. It begins with what no column's name holds.
pub const ARRIVAL: &str = "\u{0}arrival";

/// A lazy frame over one file. Opening it reads nothing.
pub fn file(path: &Path) -> PolarsResult<LazyFrame> {
    let args = ScanArgsParquet { glob: false, cache: false, ..ScanArgsParquet::default() };
    LazyFrame::scan_parquet(PlRefPath::try_from_path(path)?, args)
}

/// The whole of a plain table: the named columns.
pub fn whole(source: &Source, columns: &[String]) -> Result<DataFrame, EngineError> {
    let mut parts = Vec::new();
    for data in &source.files {
        let read = || select(file(&data.path)?, columns.to_vec())?.collect();
        parts.push(read().map_err(|error| unreadable(source, &data.path, &error))?);
    }
    together(source, columns, parts)
}

/// What one file holds of a window in one lap.
#[derive(Clone, Debug)]
pub struct Part {
    /// The file.
    pub path: std::path::PathBuf,
    lap: Lap,
    /// Recorded times; absent for all.
    recorded: Option<Window>,
    /// Recorded microseconds before which events have arrived.
    arrived: i64,
}

/// The parts that hold the events of `window` (absent: of all time) which arrived by `now`; laps in order, files inside one
/// by path. A replayed source plays for ever, so its windows must be given: without one it has no part.
pub fn parts(source: &Source, window: Option<Window>, now: Time) -> Vec<Part> {
    let laps = match (window, &source.replay) {
        (Some(window), _) => laps(source, window),
        (None, None) => vec![Lap::still()],
        (None, Some(_)) => Vec::new(),
    };
    let mut parts = Vec::new();
    for lap in laps {
        let recorded = window.map(|window| lap.record_window(window));
        let arrived = micros(lap.record(now + Span::microseconds(1)));
        for data in &source.files {
            let apart = |covers: Window| recorded.is_some_and(|recorded| !covers.overlaps(&recorded));
            if !data.covers.is_some_and(apart) {
                parts.push(Part { path: data.path.clone(), lap, recorded, arrived });
            }
        }
    }
    parts
}

/// The events of a part, times mapped: the named columns. With `ordered` in the order of time and arrival, else as the
/// file has them. Plans only.
pub fn lazy(source: &Source, part: &Part, columns: &[String], ordered: bool) -> PolarsResult<LazyFrame> {
    let Some(time) = &source.timestamp_column else { return select(file(&part.path)?, columns.to_vec()) };
    let wanted = columns.iter().cloned().chain(times_and_order(source, time)).collect();
    let mut events = file(&part.path)?;
    if let Some(window) = part.recorded {
        events = inside(events, time, window)?;
    }
    let mut events = select(events, wanted)?;
    if source.stream.is_some() {
        events = events.with_column(arrival(source.stream.as_ref(), time));
        events = events.filter(col(ARRIVAL).lt(lit(part.arrived)));
    } else {
        // Events that arrive at their own time.
        let before = lit(Scalar::new_datetime(part.arrived, TimeUnit::Microseconds, Some(TimeZone::UTC)));
        events = events.filter(col(time.as_str()).lt(before));
    }
    if ordered {
        events = in_order(source, time, events);
    }
    Ok(play(source, &part.lap, events, columns))
}

/// Whether events of one time may stand in the files in another order than they arrived in.
pub fn needs_order(source: &Source) -> bool {
    source.stream.is_some()
}

/// The laps that reach into a window; for a source that is not replayed, one that maps each instant to itself.
pub fn laps(source: &Source, window: Window) -> Vec<Lap> {
    match &source.replay {
        Some(replay) => Lap::around(replay, window),
        None => vec![Lap::still()],
    }
}

/// Columns that ordering events needs.
pub fn times_and_order(source: &Source, time: &str) -> Vec<String> {
    let stream = source.stream.iter().flat_map(|stream| {
        let arrival = &stream.arrival;
        [Some(&arrival.column), arrival.or_end_of_day_of.as_ref(), Some(&stream.order)].into_iter().flatten().cloned()
    });
    stream.chain([time.to_owned()]).collect()
}

/// The rows of a recorded window. The bounds are written in the column's own type, so that Parquet's statistics can skip.
fn inside(events: LazyFrame, time: &str, window: Window) -> PolarsResult<LazyFrame> {
    let mut events = events;
    let schema = events.collect_schema()?;
    let DataType::Datetime(unit, zone) = schema.try_get(time)?.clone() else {
        polars_bail!(SchemaMismatch: "column `{}` is not a timestamp", time);
    };
    let edge = |at: Time| {
        let at = micros(at);
        let at = match unit {
            TimeUnit::Nanoseconds => at.saturating_mul(1_000),
            TimeUnit::Microseconds => at,
            TimeUnit::Milliseconds => at.div_euclid(1_000) + i64::from(at.rem_euclid(1_000) != 0),
        };
        lit(Scalar::new_datetime(at, unit, zone.clone()))
    };
    Ok(events.filter(col(time).gt_eq(edge(window.start)).and(col(time).lt(edge(window.end)))))
}

/// The named columns in the types of the model, each once.
pub fn select(mut events: LazyFrame, mut columns: Vec<String>) -> PolarsResult<LazyFrame> {
    columns.sort();
    columns.dedup();
    let schema = events.collect_schema()?;
    let normal = |name: &String| {
        let dtype = schema.try_get(name)?;
        frame::normal(name, dtype)
            .ok_or_else(|| polars_err!(SchemaMismatch: "column `{}` has type {}, which is not known", name, dtype))
    };
    Ok(events.select(columns.iter().map(normal).collect::<PolarsResult<Vec<_>>>()?))
}

/// When an event arrived, in recorded microseconds: never before its event time.
pub fn arrival(stream: Option<&Stream>, time: &str) -> Expr {
    let at = |name: &str| col(name).dt().timestamp(TimeUnit::Microseconds);
    let Some(stream) = stream else { return at(time).alias(ARRIVAL) };
    let rule = &stream.arrival;
    let (day, starts) = (span_micros(Span::days(1)), span_micros(rule.day_starts));
    let mut choices = vec![at(&rule.column)];
    if let Some(other) = &rule.or_end_of_day_of {
        choices.push(((at(other) - lit(starts)).floor_div(lit(day)) + lit(1_i64)) * lit(day) + lit(starts));
    }
    choices.push(at(time));
    let arrival = coalesce(&choices);
    when(arrival.clone().lt(at(time))).then(at(time)).otherwise(arrival).alias(ARRIVAL)
}

fn in_order(source: &Source, time: &str, events: LazyFrame) -> LazyFrame {
    let order = source.stream.as_ref().map(|stream| stream.order.as_str());
    let arrival = source.stream.as_ref().map(|_| ARRIVAL);
    let by: Vec<&str> = [time].into_iter().chain(arrival).chain(order.filter(|order| *order != time)).collect();
    events.sort(by, SortMultipleOptions::default().with_maintain_order(true))
}

/// The events with the columns of the replay mapped onto a lap.
pub fn play(source: &Source, lap: &Lap, events: LazyFrame, columns: &[String]) -> LazyFrame {
    let mapped = source.replay.as_ref().map(|replay| replay.columns.as_slice()).unwrap_or_default();
    let column = |name: &String| {
        if !mapped.contains(name) {
            return col(name.as_str());
        }
        let offset = col(name.as_str()).dt().timestamp(TimeUnit::Microseconds) - lit(lap.begins);
        let offset = (offset * lit(lap.numerator)).floor_div(lit(lap.denominator));
        (offset + lit(lap.starts)).cast(frame::timestamp_type()).alias(name.as_str())
    };
    events.select(columns.iter().map(column).collect::<Vec<_>>())
}

/// All parts under each other; a frame without rows where there is none.
pub fn together(source: &Source, columns: &[String], parts: Vec<DataFrame>) -> Result<DataFrame, EngineError> {
    let wanted = source.columns.iter().filter(|(name, _)| columns.contains(name)).cloned();
    let mut wanted: Vec<_> = wanted.collect();
    wanted.sort_by_key(|(name, _)| columns.iter().position(|column| column == name));
    let joined = schema::empty(&wanted).and_then(|mut all| {
        for part in parts {
            all.vstack_mut(&part.select(columns)?)?;
        }
        Ok(all)
    });
    joined.map_err(|error| EngineError {
        kind: ErrorKind::Source,
        message: format!("source {}: its files do not fit each other: {error}", source.name),
    })
}

/// The sentence about a file that cannot be read.
pub fn unreadable(source: &Source, path: &Path, error: &PolarsError) -> EngineError {
    let problem = super::sql::first_line(error);
    EngineError {
        kind: ErrorKind::Source,
        message: format!(
            "source {}: file {} cannot be read: {problem}. Replace the file; the job is then tried again",
            source.name,
            path.display()
        ),
    }
}
