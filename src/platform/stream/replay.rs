//! The stream side of a source: recorded events in their real order of arrival, played onto the present.
//!
//! It reads; it must not keep a position: its callers store how far they have read.

use polars::prelude::*;

use crate::model::time::micros;
use crate::model::{Span, Time, Window};
use crate::platform::engine::lap::Lap;
use crate::platform::engine::{EngineError, ErrorKind, scan, schema};
use crate::platform::registry::definition::{Source, Stream};

/// The events of one source in memory, sorted by arrival.
pub struct StreamReader {
    source: Source,
    retention: Span,
    /// All known columns of the source, in its order.
    columns: Vec<String>,
    events: DataFrame,
    /// Recorded arrival of each event, microseconds, never falling.
    arrivals: Vec<i64>,
    /// The most events that share one arrival instant.
    ties: usize,
}

impl StreamReader {
    /// Loads the events of the stream side of `source`.
    pub fn open(source: &Source) -> Result<Self, EngineError> {
        let (Some(stream), Some(time)) = (&source.stream, &source.timestamp_column) else {
            let message = format!("source {} has no stream: add a [source.stream] table to it", source.name);
            return Err(EngineError { kind: ErrorKind::Source, message });
        };
        let columns: Vec<String> = source.columns.iter().map(|(name, _)| name.clone()).collect();
        let mut all: Option<DataFrame> = None;
        for path in &stream.files {
            let part = load(stream, time, path, &columns).map_err(|error| scan::unreadable(source, path, &error))?;
            all = match all.take() {
                None => Some(part),
                Some(mut all) => {
                    all.vstack_mut(&part).map_err(|error| scan::unreadable(source, path, &error))?;
                    Some(all)
                }
            };
        }
        let (events, arrivals) = in_order(stream, all.unwrap_or_default()).map_err(|error| EngineError {
            kind: ErrorKind::Source,
            message: format!("source {}: its events cannot be ordered: {error}", source.name),
        })?;
        let ties = arrivals.chunk_by(|a, b| a == b).map(<[i64]>::len).max().unwrap_or(0);
        Ok(Self { source: source.clone(), retention: stream.retention, columns, events, arrivals, ties })
    }

    /// Events with `from < arrival <= until` (mapped), oldest first, at most `max`, and the arrival instant read up to:
    /// the `from` of the next call. Events of one arrival instant are never parted, so there may be some more than `max`.
    /// Events that arrived longer ago than the stream's retention are gone.
    pub fn read(&self, from: Time, until: Time, max: usize) -> (DataFrame, Time) {
        let from = from.max(until - self.retention);
        let tick = Span::microseconds(1);
        let window = Window { start: from + tick, end: until + tick };
        let mut found: Vec<(Time, Lap, usize)> = Vec::new();
        for lap in scan::laps(&self.source, window) {
            let at = |edge: Time| self.arrivals.partition_point(|arrival| *arrival < micros(lap.record(edge)));
            // Laps follow each other but for a spill over the end of the record: enough of each is taken, then sorted.
            let range = at(window.start)..at(window.end);
            let arrival = |row: usize| lap.play(crate::model::time::from_micros(self.arrivals[row]));
            found.extend(range.take(max.saturating_add(self.ties)).map(|row| (arrival(row), lap, row)));
        }
        found.sort_by_key(|(arrival, ..)| *arrival);
        let read_to = match found.get(max.max(1) - 1).filter(|_| found.len() > max.max(1)) {
            Some((arrival, ..)) => {
                let cut = *arrival;
                found.retain(|(arrival, ..)| *arrival <= cut);
                cut
            }
            None => until,
        };
        (self.frame(&found).unwrap_or_default(), read_to)
    }

    /// The found events as a frame, runs of one lap mapped together.
    fn frame(&self, found: &[(Time, Lap, usize)]) -> PolarsResult<DataFrame> {
        let mut all = schema::empty(&self.source.columns)?;
        for run in found.chunk_by(|a, b| a.1 == b.1 && a.2 + 1 == b.2) {
            let Some((_, lap, first)) = run.first() else { continue };
            let rows = self.events.slice(*first as i64, run.len());
            all.vstack_mut(&scan::play(&self.source, lap, rows.lazy(), &self.columns).collect()?)?;
        }
        Ok(all)
    }
}

fn load(stream: &Stream, time: &str, path: &std::path::Path, columns: &[String]) -> PolarsResult<DataFrame> {
    scan::select(scan::file(path)?, columns.to_vec())?.with_column(scan::arrival(Some(stream), time)).collect()
}

/// The events sorted by arrival, and the arrivals.
fn in_order(stream: &Stream, events: DataFrame) -> PolarsResult<(DataFrame, Vec<i64>)> {
    let order = SortMultipleOptions::default().with_maintain_order(true);
    let events = events.sort([scan::ARRIVAL, stream.order.as_str()], order)?;
    let arrivals = events.column(scan::ARRIVAL)?.i64()?.iter().map(Option::unwrap_or_default).collect();
    Ok((events.drop(scan::ARRIVAL)?, arrivals))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::{floor, parse_time};
    use crate::platform::registry;

    fn reader() -> StreamReader {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/flights");
        let repository = registry::load(&root);
        let view = repository.views.iter().find(|view| view.name == "aircraft_state").unwrap();
        StreamReader::open(&view.inputs[0].source).unwrap()
    }

    #[test]
    fn a_lap_plays_every_flight_once_in_the_order_of_arrival() {
        let reader = reader();
        let lap = floor(parse_time("2026-11-22").unwrap(), Span::days(3));
        let (mut rows, mut from, until) = (0, lap - Span::microseconds(1), lap + Span::hours(2));
        let (whole, _) = reader.read(from, until, usize::MAX);
        while from < until {
            let (part, to) = reader.read(from, until, 500);
            assert!(to > from);
            // Only the events of one instant may go beyond the limit.
            assert!(part.height() < 500 + reader.ties);
            rows += part.height();
            from = to;
        }
        assert_eq!(rows, whole.height());
        assert!(rows > 5_000);
        // The last flights of the record spill into the next lap: they come before its first ones.
        let (spilled, _) = reader.read(lap - Span::microseconds(1), lap + Span::minutes(1), usize::MAX);
        assert!(spilled.height() > 0);
    }

    #[test]
    fn events_never_arrive_before_they_happen() {
        let reader = reader();
        let until = parse_time("2026-11-22 10:00").unwrap();
        let (events, _) = reader.read(until - Span::hours(1), until, usize::MAX);
        let latest = crate::platform::engine::frame::values(events.column("timestamp").unwrap());
        assert!(events.height() > 1_000);
        assert!(latest.iter().all(|at| matches!(at, crate::model::Value::Time(at) if *at <= until)));
    }
}
