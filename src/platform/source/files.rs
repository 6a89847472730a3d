//! Reading a source's Parquet files: the part that a window needs, moved onto the present.
//!
//! It plans; events are read by whoever runs the plan. File by file, so that an error names its file and a damaged file
//! harms only the windows that touch it. The footer of a file is looked at before Polars is: what it would panic on, or
//! read wrongly, is read by other means.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use polars::prelude::*;

use super::footer::{Footer, Times};
use super::kept::Manifest;
use super::lap::Lap;
use super::{arrow_reader, kept};
use crate::model::time::{from_micros, micros, print_time, span_micros};
use crate::model::{DataType as Word, Span, Time, Window, foreign};
use crate::platform::compute::{EngineError, ErrorKind};
use crate::platform::definition::{DataFile, Located, Recorded, Source};
use crate::platform::frame;

/// Name of the arrival instant (recorded, microseconds) while events are ordered. It begins with what no column's name
/// holds.
pub(crate) const ARRIVAL: &str = "\u{0}arrival";

/// A lazy frame over one file. Opening it reads nothing.
fn file(path: &Path) -> PolarsResult<LazyFrame> {
    let args = ScanArgsParquet { glob: false, cache: false, ..ScanArgsParquet::default() };
    LazyFrame::scan_parquet(PlRefPath::try_from_path(path)?, args)
}

/// The named columns of a file in the types that the source has; those that the file lacks are null. With a window,
/// only the events of it, in the file's own times.
pub(crate) fn columns(
    source: &Source,
    data: &DataFile,
    names: &[String],
    window: Option<Window>,
) -> PolarsResult<LazyFrame> {
    allowed(data)?;
    let mut names = names.to_vec();
    names.sort();
    names.dedup();
    let wanted: Vec<(String, Word)> = names.iter().map(|name| declared(source, name)).collect::<PolarsResult<_>>()?;
    let footer = Footer::read(&data.path).map_err(broken)?;
    let time = source.timestamp_column.as_deref();
    let window = time.zip(window);
    for name in names.iter().map(String::as_str).chain(time) {
        footer.column(name).map_err(broken)?;
    }
    let reads: Vec<String> = names.iter().cloned().chain(time.map(str::to_owned)).collect();
    let there = wanted.iter().any(|(name, _)| footer.column(name).is_ok_and(|found| found.is_some()));
    if footer.is_for_polars(&reads) && there {
        let mut events = file(&data.path)?;
        let found = events.collect_schema()?;
        if let Some((time, window)) = window {
            events = match found.get(time) {
                Some(dtype) => inside(events, time, dtype, window)?,
                None => events.limit(0),
            };
        }
        let column = |(name, word): &(String, Word)| match found.get(name) {
            Some(dtype) => frame::of_file(name, dtype, word),
            None => frame::of_file(name, &DataType::Null, word),
        };
        return Ok(events.select(wanted.iter().map(column).collect::<PolarsResult<Vec<_>>>()?));
    }
    let mut reads = wanted.clone();
    if let Some((time, _)) = window
        && !names.iter().any(|name| name == time)
    {
        reads.push((time.to_owned(), Word::Timestamp));
    }
    let mut events = arrow_reader::read(&data.path, &footer, &reads, window).map_err(broken)?.lazy();
    if let Some((time, window)) = window {
        events = events.filter(frame::within(time, window));
    }
    Ok(events.select(names.iter().map(|name| col(name.as_str())).collect::<Vec<_>>()))
}

/// How many events a plan brings.
pub(crate) fn count(events: LazyFrame) -> PolarsResult<u64> {
    let counted = events.select([len().cast(DataType::UInt64).alias("rows")]).collect()?;
    Ok(counted.column("rows")?.u64()?.get(0).unwrap_or_default())
}

fn broken(problem: String) -> PolarsError {
    polars_err!(ComputeError: "{}", problem)
}

/// A column with the type that the source has for it.
fn declared(source: &Source, name: &str) -> PolarsResult<(String, Word)> {
    let mut known = source.columns.iter().filter(|(known, _)| known == name);
    known.next().cloned().ok_or_else(|| polars_err!(ColumnNotFound: "the source has no column `{}`", name))
}

/// Sees that the file lies where files may lie. Links may have come into its path since the repository was read.
fn allowed(data: &DataFile) -> PolarsResult<()> {
    leads_inside(&data.path, &data.within).map_err(broken)
}

/// Sees that what a definition names lies where files may lie. Links may have come into its path since it was read.
///
/// # Errors
/// What is wrong, to follow the name of the file.
pub(crate) fn located(at: &Located) -> Result<(), String> {
    leads_inside(&at.path, &at.within)
}

fn leads_inside(path: &Path, within: &[PathBuf]) -> Result<(), String> {
    if within.is_empty() {
        return Ok(());
    }
    let real = path.canonicalize().map_err(|error| error.to_string())?;
    if within.iter().any(|folder| real.starts_with(folder)) {
        return Ok(());
    }
    let real = real.display();
    Err(format!("it leads to {real}, outside of the folders that this platform may read (--allow-sources)"))
}

/// Files, and the manifest that keeps them from being removed.
type Held<'a> = (Cow<'a, [DataFile]>, Option<Arc<Manifest>>);

/// All files of the batch side as they are now; of a stream that is kept those that its manifest names, which stay for
/// as long as it is held.
///
/// # Errors
/// When those that are kept of a stream cannot be told.
fn all(source: &Source) -> Result<Held<'_>, EngineError> {
    let Some(kept) = &source.kept else { return Ok((Cow::Borrowed(&source.files), None)) };
    let manifest = kept::current(source, kept)?;
    Ok((Cow::Owned(kept::listed(kept, &manifest)), Some(manifest)))
}

/// The whole of a plain table: the named columns.
pub(crate) fn whole(source: &Source, names: &[String]) -> Result<DataFrame, EngineError> {
    let mut parts = Vec::new();
    let (files, _held) = all(source)?;
    for data in files.iter() {
        parts.push(guarded(source, data, || columns(source, data, names, None)?.collect())?);
    }
    together(source, names, parts)
}

/// Reads of a file: an error, and a panic of a library, names the file.
pub(crate) fn guarded<T>(
    source: &Source,
    data: &DataFile,
    read: impl FnOnce() -> PolarsResult<T>,
) -> Result<T, EngineError> {
    unpanicked(read).map_err(|error| unreadable(source, &data.path, &error))
}

/// A panic of a library as an error. The one who made it knows no better either.
pub(crate) fn unpanicked<T>(read: impl FnOnce() -> PolarsResult<T>) -> PolarsResult<T> {
    let read = catch_unwind(AssertUnwindSafe(read));
    read.unwrap_or_else(|_| Err(broken("it made a library stop with a fault".to_owned())))
}

/// Size and time of change of a file; absent when there is none.
pub(crate) fn state(path: &Path) -> Option<(u64, SystemTime)> {
    let about = std::fs::metadata(path).ok()?;
    Some((about.len(), about.modified().ok()?))
}

/// The times of a file that cannot be read: what its name says, and a day more on both sides, for who names files by
/// days may mean those of any place on earth.
pub(crate) fn of_name(data: &DataFile) -> Option<Window> {
    let Window { start, end } = data.named?;
    let more = Span::days(1);
    Some(Window { start: start.checked_sub_signed(more)?, end: end.checked_add_signed(more)? })
}

/// The times that a file holds; absent where that is not known. What was seen when the repository was read counts as
/// long as the file is the same.
fn covered(source: &Source, data: &DataFile) -> Option<Window> {
    // Nobody else writes these, and the manifest says it.
    if source.kept.is_some() {
        return data.covers;
    }
    let now = state(&data.path);
    if now.is_some() && now == data.seen {
        return data.covers;
    }
    match (Footer::read(&data.path), &source.timestamp_column) {
        (Ok(footer), Some(time)) => footer.times(time).window(),
        (Ok(_), None) => None,
        (Err(_), _) => of_name(data),
    }
}

/// What one file holds of a window in one lap.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub data: DataFile,
    lap: Lap,
    /// Recorded times; absent for all.
    recorded: Option<Window>,
    /// Recorded microseconds before which events have arrived.
    arrived: i64,
    /// Keeps the file from being removed while it may be read.
    _held: Option<Arc<Manifest>>,
}

/// The parts that hold the events of `window` (absent: of all time) which arrived by `now`; laps in order, files inside
/// one by path. A replayed source plays for ever, so its windows must be given: without one it has no part.
///
/// # Errors
/// When what is kept of a stream cannot be told.
pub(crate) fn parts(source: &Source, window: Option<Window>, now: Time) -> Result<Vec<Part>, EngineError> {
    let laps = match (window, &source.replay) {
        (Some(window), _) => laps(source, window),
        (None, None) => vec![Lap::still()],
        (None, Some(_)) => Vec::new(),
    };
    let (files, held) = all(source)?;
    let covered: Vec<Option<Window>> = files.iter().map(|data| covered(source, data)).collect();
    let mut parts = Vec::new();
    for lap in laps {
        let recorded = window.map(|window| lap.record_window(window));
        let arrived = micros(lap.record(now + Span::microseconds(1)));
        for (data, covers) in files.iter().zip(&covered) {
            let apart = |covers: Window| recorded.is_some_and(|recorded| !covers.overlaps(&recorded));
            if !covers.is_some_and(apart) {
                parts.push(Part { data: data.clone(), lap, recorded, arrived, _held: held.clone() });
            }
        }
    }
    Ok(parts)
}

/// The events of a part, times mapped: the named columns. With `ordered` in the order of time and arrival, else as the
/// file has them. Plans only.
pub(crate) fn lazy(source: &Source, part: &Part, columns: &[String], ordered: bool) -> PolarsResult<LazyFrame> {
    let Some(time) = &source.timestamp_column else {
        return self::columns(source, &part.data, columns, part.recorded);
    };
    let wanted: Vec<String> = columns.iter().cloned().chain(times_and_order(source, time)).collect();
    let mut events = self::columns(source, &part.data, &wanted, part.recorded)?;
    if let Some(recorded) = source.recorded() {
        events = events.with_column(arrival(recorded, time));
    }
    if !source.future_events {
        events = events.filter(has_arrived(source, time, part.arrived));
    }
    if ordered {
        events = in_order(source, time, events);
    }
    Ok(play(source, &part.lap, events, columns))
}

/// Whether an event has arrived before that instant, in microseconds of the record.
fn has_arrived(source: &Source, time: &str, before: i64) -> Expr {
    match source.recorded() {
        Some(_) => col(ARRIVAL).lt(lit(before)),
        // Events that arrive at their own time.
        None => col(time).lt(lit(Scalar::new_datetime(before, TimeUnit::Microseconds, Some(TimeZone::UTC)))),
    }
}

/// The sentence about events of the window (absent: of all time) that are left out because they are later than now;
/// none where there is none. Most files say in their footers that they hold none.
pub(crate) fn later(source: &Source, window: Option<Window>, now: Time) -> Result<Option<String>, EngineError> {
    // A record that is played has its later events each time.
    let Some(time) = source.timestamp_column.as_ref().filter(|_| source.replay.is_none() && !source.future_events)
    else {
        return Ok(None);
    };
    let before = micros(now).saturating_add(1);
    let names: Vec<String> = [time.clone()].into_iter().chain(times_and_order(source, time)).collect();
    let (mut count, mut last) = (0_u64, i64::MIN);
    let apart =
        |data: &DataFile| window.zip(covered(source, data)).is_some_and(|(window, covers)| !covers.overlaps(&window));
    let (files, _held) = all(source)?;
    for data in files.iter().filter(|data| !apart(data) && may_be_later(source, data, before)) {
        let late = || {
            let mut events = columns(source, data, &names, window)?;
            if let Some(recorded) = source.recorded() {
                events = events.with_column(arrival(recorded, time));
            }
            let at = col(time.as_str()).dt().timestamp(TimeUnit::Microseconds).max().alias("last");
            events.filter(has_arrived(source, time, before).not()).select([len().alias("count"), at]).collect()
        };
        let late = guarded(source, data, late)?;
        let number = |name: &str| late.column(name).and_then(|column| column.get(0)).ok()?.extract::<i64>();
        count += number("count").and_then(|count| u64::try_from(count).ok()).unwrap_or(0);
        last = last.max(number("last").unwrap_or(last));
    }
    if count == 0 {
        return Ok(None);
    }
    let (events, are) = if count == 1 { ("event", "is") } else { ("events", "are") };
    Ok(Some(format!(
        "{count} {events} of source {} {are} later than now, {}, and left out as not having happened yet; the latest is of {}. \
         Where such events are meant, write `future_events = true` in the source.",
        source.name,
        print_time(now),
        print_time(from_micros(last))
    )))
}

/// Whether a file may hold an event that arrives at that instant or later.
fn may_be_later(source: &Source, data: &DataFile, before: i64) -> bool {
    let Some(Recorded { arrival, .. }) = source.recorded() else {
        return covered(source, data).is_none_or(|covers| micros(covers.end) > before);
    };
    let Ok(footer) = Footer::read(&data.path) else { return false };
    // An arrival at the end of a day is at most a day later than the time that it is made of.
    let slack = 2 * span_micros(Span::days(1));
    let others = [Some(&arrival.column), arrival.or_end_of_day_of.as_ref()];
    let mut columns = source.timestamp_column.iter().chain(others.into_iter().flatten());
    columns.any(|column| match footer.times(column) {
        Times::Unknown => true,
        Times::Nothing => false,
        Times::Between(_, last) => last.saturating_add(slack) >= before,
    })
}

/// Whether events of one time may stand in the files in another order than they arrived in.
pub(crate) fn needs_order(source: &Source) -> bool {
    source.recorded().is_some()
}

/// The laps that reach into a window; for a source that is not replayed, one that maps each instant to itself.
pub(crate) fn laps(source: &Source, window: Window) -> Vec<Lap> {
    match &source.replay {
        Some(replay) => Lap::around(replay, window),
        None => vec![Lap::still()],
    }
}

/// Columns that ordering events needs.
pub(crate) fn times_and_order(source: &Source, time: &str) -> Vec<String> {
    let recorded = source.recorded().into_iter().flat_map(|Recorded { arrival, order, .. }| {
        [Some(&arrival.column), arrival.or_end_of_day_of.as_ref(), Some(order)].into_iter().flatten().cloned()
    });
    recorded.chain([time.to_owned()]).collect()
}

/// The rows of a recorded window. The bounds are written in the column's own type, so that Parquet's statistics can
/// skip.
fn inside(events: LazyFrame, time: &str, dtype: &DataType, window: Window) -> PolarsResult<LazyFrame> {
    let DataType::Datetime(unit, zone) = dtype.clone() else {
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

/// When an event arrived, in recorded microseconds: never before its event time.
pub(crate) fn arrival(recorded: &Recorded, time: &str) -> Expr {
    let at = |name: &str| col(name).dt().timestamp(TimeUnit::Microseconds);
    let rule = &recorded.arrival;
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
    let order = source.recorded().map(|recorded| recorded.order.as_str());
    let arrival = source.recorded().map(|_| ARRIVAL);
    let by: Vec<&str> = [time].into_iter().chain(arrival).chain(order.filter(|order| *order != time)).collect();
    events.sort(by, SortMultipleOptions::default().with_maintain_order(true))
}

/// The events with the columns of the replay mapped onto a lap.
pub(crate) fn play(source: &Source, lap: &Lap, events: LazyFrame, columns: &[String]) -> LazyFrame {
    let mapped = source.replay.as_ref().map(|replay| replay.columns.as_slice()).unwrap_or_default();
    let column = |name: &String| {
        if !mapped.contains(name) {
            return frame::named(name);
        }
        let offset = frame::named(name).dt().timestamp(TimeUnit::Microseconds) - lit(lap.begins);
        let offset = (offset * lit(lap.numerator)).floor_div(lit(lap.denominator));
        (offset + lit(lap.starts)).cast(frame::timestamp_type()).alias(name.as_str())
    };
    events.select(columns.iter().map(column).collect::<Vec<_>>())
}

/// All parts under each other; a frame without rows where there is none.
pub(crate) fn together(source: &Source, columns: &[String], parts: Vec<DataFrame>) -> Result<DataFrame, EngineError> {
    let wanted = source.columns.iter().filter(|(name, _)| columns.contains(name)).cloned();
    let mut wanted: Vec<_> = wanted.collect();
    wanted.sort_by_key(|(name, _)| columns.iter().position(|column| column == name));
    let joined = frame::empty(&wanted).and_then(|mut all| {
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
pub(crate) fn unreadable(source: &Source, path: &Path, error: &PolarsError) -> EngineError {
    let problem = foreign::sentence(error);
    EngineError {
        kind: ErrorKind::Source,
        message: format!(
            "source {}: file {} cannot be read: {problem}. Replace the file; the job is then tried again",
            source.name,
            path.display()
        ),
    }
}
