//! A stream out of recorded events: in their real order of arrival, played onto the present.
//!
//! It reads; it must not keep a position: its callers store how far they have read. The record has one partition, and
//! its offsets are instants: all events that arrived at the instant or before are behind the reader.

use polars::prelude::*;

use super::position::{Place, Position};
use super::{Form, Offset, Partition, Seek, StreamSource, damaged, latest_event};
use crate::model::time::{from_micros, micros, parse_time, rfc3339};
use crate::model::{Span, StreamCounts, Time, Window, foreign};
use crate::platform::clock::Clock;
use crate::platform::compute::{EngineError, ErrorKind};
use crate::platform::definition::{DataFile, Recorded, Source};
use crate::platform::frame;
use crate::platform::source::files;
use crate::platform::source::lap::Lap;

/// Its offsets: the microseconds since 1970, in eight bytes.
const FORM: Form = Form { kind: "replay", version: 1 };
const WHOLE: Partition = 0;

/// A record that is played: its events arrive as the clock goes on.
pub(crate) struct Replay {
    recording: Recording,
    clock: Clock,
}

impl Replay {
    /// Loads the events of the stream side of `source`.
    ///
    /// # Errors
    /// As [`Recording::open`].
    pub(crate) fn open(source: &Source, clock: Clock) -> Result<Self, EngineError> {
        Ok(Self { recording: Recording::open(source)?, clock })
    }
}

impl StreamSource for Replay {
    fn partitions(&self) -> Result<Vec<Partition>, EngineError> {
        Ok(vec![WHOLE])
    }

    fn read(&self, _: Partition, from: Option<&Offset>, max: usize) -> Result<super::Read, EngineError> {
        let (recording, now) = (&self.recording, self.clock.now());
        let from = match from {
            Some(offset) => recording.instant(offset)?,
            None => now - recording.retention,
        };
        let Played { events, until, expired } = recording.between(from, now, max)?;
        let newest = latest_event(&events, &recording.source);
        let (offset, reached, caught_up) = (offset(until), Some(until), until >= now);
        Ok(super::Read { events, refused: Vec::new(), offset, reached, newest, caught_up, expired })
    }

    fn print(&self, offset: &Offset) -> String {
        self.recording.instant(offset).map_or_else(|_| format!("{:02x?}", offset.bytes()), rfc3339)
    }

    fn seek(&self, _: Partition, to: &Seek) -> Result<Offset, EngineError> {
        match to {
            Seek::Latest => Ok(offset(self.clock.now())),
            // Behind an instant lies what arrived later.
            Seek::Arrived(at) => Ok(offset(*at - Span::microseconds(1))),
            Seek::Printed(text) => {
                let now = self.clock.now();
                let first = now - self.recording.retention;
                parse_time(text).ok().filter(|at| (first..=now).contains(at)).map(offset).ok_or_else(|| EngineError {
                    kind: ErrorKind::Arguments,
                    message: format!(
                        "source {}: the places of its stream are instants, here {} to {}. Write one of them",
                        self.recording.source.name,
                        rfc3339(first),
                        rfc3339(now)
                    ),
                })
            }
        }
    }
}

fn offset(until: Time) -> Offset {
    Offset::new(FORM, &micros(until).to_be_bytes())
}

/// The position of a reader that has all events which arrived at that instant or before.
pub(crate) fn position(until: Time) -> Position {
    let counts = StreamCounts::default();
    Position::of(WHOLE, Place { offset: offset(until), reached: Some(until), newest: None, counts })
}

/// The events of one source in memory, sorted by arrival.
pub(crate) struct Recording {
    source: Source,
    retention: Span,
    /// All known columns of the source, in its order.
    columns: Vec<String>,
    events: DataFrame,
    /// Recorded arrival of each event, microseconds, never falling.
    arrivals: Vec<i64>,
}

/// What was read of a record.
#[derive(Clone, Debug)]
pub(crate) struct Played {
    /// The events, oldest arrival first.
    pub events: DataFrame,
    /// The arrival instant read up to: the `from` of the next call. Never before this one's.
    pub until: Time,
    /// Events after `from` that were not read, for they had arrived longer ago than the stream keeps them.
    pub expired: u64,
}

impl Recording {
    /// Loads the events of the stream side of `source`.
    ///
    /// # Errors
    /// Of kind `Source` when a file cannot be read, or has a column whose values the source's type cannot hold exactly.
    pub(crate) fn open(source: &Source) -> Result<Self, EngineError> {
        let (Some(stream), Some(recorded), Some(time)) = (&source.stream, source.recorded(), &source.timestamp_column)
        else {
            let message = format!("source {} has no stream: add a [source.stream] table to it", source.name);
            return Err(EngineError { kind: ErrorKind::Source, message });
        };
        let columns: Vec<String> = source.columns.iter().map(|(name, _)| name.clone()).collect();
        let failed = |error: PolarsError| EngineError {
            kind: ErrorKind::Source,
            message: format!(
                "source {}: its events cannot be ordered: {}. Correct the files of the stream",
                source.name,
                foreign::sentence(&error)
            ),
        };
        let mut all = frame::empty(&source.columns).and_then(|all| arriving(recorded, time, all)).map_err(failed)?;
        for data in &recorded.files {
            files::guarded(source, data, || {
                let part = arriving(recorded, time, load(source, data, &columns)?)?;
                all.vstack_mut(&part).map(drop)
            })?;
        }
        let (events, arrivals) = in_order(recorded, all).map_err(failed)?;
        let arrived: Vec<i64> = arrivals.iter().flatten().copied().collect();
        let never = arrivals.len() - arrived.len();
        if never > 0 {
            // Sorted first, and so cut off first.
            tracing::warn!(
                source = source.name,
                events = never,
                "events have no arrival and no event time: they are never read"
            );
        }
        let events = events.slice(never as i64, arrived.len());
        Ok(Self { source: source.clone(), retention: stream.retention, columns, events, arrivals: arrived })
    }

    /// Events with `from < arrival <= until` (mapped), oldest first, at most `max`. Events of one arrival instant are
    /// never parted, so there may be some more than `max`. Events that arrived longer ago than the stream's retention
    /// are gone, and counted. An `until` before `from`, of a clock that was set back, reads nothing and keeps the
    /// place.
    ///
    /// # Errors
    /// When the events do not have the source's columns.
    pub(crate) fn between(&self, from: Time, until: Time, max: usize) -> Result<Played, EngineError> {
        let kept_from = from.max(until - self.retention);
        let expired = self.count(from, kept_from);
        let from = kept_from;
        let mut found = self.find(from, until, max);
        found.sort_by_key(|(arrival, ..)| *arrival);
        let read_to = match found.get(max.max(1) - 1).filter(|_| found.len() > max.max(1)) {
            Some((arrival, ..)) => {
                let cut = *arrival;
                found.retain(|(arrival, ..)| *arrival <= cut);
                cut
            }
            None => until.max(from),
        };
        let events = self.frame(&found).map_err(|error| EngineError {
            kind: ErrorKind::Source,
            message: format!(
                "source {}: the events of its stream do not have its columns: {}. Correct the files of the stream",
                self.source.name,
                foreign::sentence(&error)
            ),
        })?;
        Ok(Played { events, until: read_to, expired })
    }

    /// The instant of an offset.
    fn instant(&self, offset: &Offset) -> Result<Time, EngineError> {
        let (_, place) = offset.place(FORM, &self.source)?;
        let at = place.try_into().map(i64::from_be_bytes).map_err(|_| damaged(&self.source));
        at.map(from_micros)
    }

    /// Where the events of a time lie: of each lap somewhat more than `max`, and all that arrive together with the last
    /// of them.
    fn find(&self, from: Time, until: Time, max: usize) -> Vec<(Time, Lap, usize)> {
        let mut found = Vec::new();
        for (lap, range) in self.ranges(from, until) {
            // Laps follow each other but for a spill over the end of the record: enough of each is taken, then sorted.
            let arrival = |row: usize| lap.play(from_micros(self.arrivals[row]));
            let end = range.end.min(range.start.saturating_add(max.max(1)).saturating_add(1));
            // Played faster than it was recorded, events of several instants arrive at one.
            let last = (end > range.start).then(|| arrival(end - 1));
            let together = (end..range.end).take_while(|row| Some(arrival(*row)) == last);
            found.extend((range.start..end).chain(together).map(|row| (arrival(row), lap, row)));
        }
        found
    }

    /// How many events have `from < arrival <= until`.
    fn count(&self, from: Time, until: Time) -> u64 {
        if until <= from { 0 } else { self.ranges(from, until).map(|(_, range)| range.len() as u64).sum() }
    }

    fn ranges(&self, from: Time, until: Time) -> impl Iterator<Item = (Lap, std::ops::Range<usize>)> + '_ {
        let tick = Span::microseconds(1);
        let window = Window { start: from + tick, end: until + tick };
        files::laps(&self.source, window).into_iter().map(move |lap| {
            let at = |edge: Time| self.arrivals.partition_point(|arrival| *arrival < micros(lap.record(edge)));
            (lap, at(window.start)..at(window.end))
        })
    }

    /// The found events as a frame, runs of one lap mapped together.
    fn frame(&self, found: &[(Time, Lap, usize)]) -> PolarsResult<DataFrame> {
        let mut all = frame::empty(&self.source.columns)?;
        for run in found.chunk_by(|a, b| a.1 == b.1 && a.2 + 1 == b.2) {
            let Some((_, lap, first)) = run.first() else { continue };
            let rows = self.events.slice(*first as i64, run.len());
            all.vstack_mut(&files::play(&self.source, lap, rows.lazy(), &self.columns).collect()?)?;
        }
        Ok(all)
    }
}

/// The known columns of a file, in their order.
fn load(source: &Source, data: &DataFile, columns: &[String]) -> PolarsResult<DataFrame> {
    files::columns(source, data, columns, None)?.collect()?.select(columns)
}

/// The events with their arrival.
fn arriving(recorded: &Recorded, time: &str, events: DataFrame) -> PolarsResult<DataFrame> {
    events.lazy().with_column(files::arrival(recorded, time)).collect()
}

/// The events sorted by arrival, those without one first, and the arrivals.
fn in_order(recorded: &Recorded, events: DataFrame) -> PolarsResult<(DataFrame, Vec<Option<i64>>)> {
    let order = SortMultipleOptions::default().with_maintain_order(true).with_nulls_last(false);
    let events = events.sort([files::ARRIVAL, recorded.order.as_str()], order)?;
    let arrivals = events.column(files::ARRIVAL)?.i64()?.iter().collect();
    Ok((events.drop(files::ARRIVAL)?, arrivals))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;
    use crate::model::time::{floor, span_micros};
    use crate::platform::definition::Replay as Replayed;
    use crate::platform::{frame, registry};

    fn reader() -> Recording {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/flights");
        let repository = registry::load(&root);
        let view = repository.views.iter().find(|view| view.name == "aircraft_state").unwrap();
        Recording::open(&view.inputs[0].source).unwrap()
    }

    #[test]
    fn a_lap_plays_every_flight_once_in_the_order_of_arrival() {
        let reader = reader();
        let lap = floor(parse_time("2026-11-22").unwrap(), Span::days(3));
        let ties = reader.arrivals.chunk_by(|a, b| a == b).map(<[i64]>::len).max().unwrap();
        let (mut rows, mut from, until) = (0, lap - Span::microseconds(1), lap + Span::hours(2));
        let whole = reader.between(from, until, usize::MAX).unwrap().events;
        while from < until {
            let part = reader.between(from, until, 500).unwrap();
            assert!(part.until > from);
            // Only the events of one instant may go beyond the limit.
            assert!(part.events.height() < 500 + ties);
            rows += part.events.height();
            from = part.until;
        }
        assert_eq!(rows, whole.height());
        assert!(rows > 5_000);
        // The last flights of the record spill into the next lap: they come before its first ones.
        let spilled = reader.between(lap - Span::microseconds(1), lap + Span::minutes(1), usize::MAX).unwrap();
        assert!(spilled.events.height() > 0);
    }

    #[test]
    fn events_never_arrive_before_they_happen() {
        let reader = reader();
        let until = parse_time("2026-11-22 10:00").unwrap();
        let events = reader.between(until - Span::hours(1), until, usize::MAX).unwrap().events;
        let latest = crate::platform::frame::values(events.column("timestamp").unwrap());
        assert!(events.height() > 1_000);
        assert!(latest.iter().all(|at| matches!(at, crate::model::Value::Time(at) if *at <= until)));
    }

    /// The events of a stream whose batch side has doubles, as written, once the repository was read with `seen`.
    fn of_file(seen: Column, written: Column) -> Result<DataFrame, String> {
        let root = tempfile::tempdir().unwrap();
        let write = |file: &str, v: Column| {
            let times = Column::new("ts".into(), (0..v.len() as i64).collect::<Vec<_>>());
            let times = times.cast(&frame::timestamp_type()).unwrap();
            let keys = Column::new("k".into(), vec!["a"; v.len()]);
            let mut frame = DataFrame::new(v.len(), vec![keys, times, v]).unwrap();
            ParquetWriter::new(std::fs::File::create(root.path().join(file)).unwrap()).finish(&mut frame).unwrap();
        };
        write("batch.parquet", Column::new("v".into(), [1.5]));
        write("stream.parquet", seen);
        let text = "[[source]]\nname = \"s\"\nfiles = \"batch.parquet\"\ntimestamp_column = \"ts\"\n[source.stream]\nfiles = \
                    \"stream.parquet\"\narrival = { column = \"ts\" }\norder = \"ts\"\nwatermark = \"1h\"\nretention = \"1d\"\n";
        std::fs::write(root.path().join("sources.toml"), text).unwrap();
        std::fs::write(root.path().join("workspaces.toml"), "[[workspace]]\nname = \"prod\"\nlive = true\n").unwrap();
        let entity = "[[entity]]\nname = \"e\"\njoin_keys = [{ name = \"k\", type = \"string\" }]\n";
        std::fs::write(root.path().join("entities.toml"), entity).unwrap();
        std::fs::create_dir(root.path().join("views")).unwrap();
        let view = "name = \"v\"\nentities = [\"e\"]\nsource = \"s\"\nmode = \"spark_sql\"\nonline = true\nbatch_schedule = \
                    \"1d\"\nsql = \"SELECT k, ts, v FROM s\"\n";
        std::fs::write(root.path().join("views/v.toml"), view).unwrap();
        let repository = registry::load(root.path());
        assert!(repository.errors.is_empty(), "{:?}", repository.errors);
        write("stream.parquet", written);
        let source = &repository.views[0].inputs[0].source;
        Recording::open(source).map(|reader| reader.events).map_err(|error| {
            assert_eq!(error.kind, ErrorKind::Source);
            error.message
        })
    }

    /// A warehouse has 1.0 where a stream has 1.
    #[test]
    fn whole_numbers_stand_for_doubles_where_nothing_changes_and_else_are_refused_by_file_and_column() {
        let whole = |values: &[Option<i64>]| Column::new("v".into(), values);
        let exact = whole(&[Some(1), None, Some(1 << 53)]);
        let events = of_file(exact.clone(), exact.clone()).unwrap();
        let expected = Column::new("v".into(), [Some(1.0), None, Some(9_007_199_254_740_992.0)]);
        assert!(events.column("v").unwrap().equals_missing(&expected), "{events}");
        let refused = of_file(exact.clone(), whole(&[Some(9_007_199_254_740_993)])).unwrap_err();
        for part in ["stream.parquet", "`v`", "9007199254740993"] {
            assert!(refused.contains(part), "{part}: {refused}");
        }
        let text = Column::new("v".into(), ["1"]);
        let refused = of_file(exact.clone(), text).unwrap_err();
        assert!(refused.contains("stream.parquet"), "{refused}");
        assert!(refused.contains("column `v` is string in the file, where the source has float64"), "{refused}");
        let empty = Column::new("v".into(), [None::<i64>]);
        assert_eq!(of_file(exact, empty).unwrap().column("v").unwrap().null_count(), 1);
    }

    #[test]
    fn a_clock_that_was_set_back_keeps_the_place_and_reads_nothing() {
        let reader = reader();
        let from = parse_time("2026-11-22 10:00").unwrap();
        let read = reader.between(from, from - Span::hours(1), 100).unwrap();
        assert_eq!((read.events.height(), read.until, read.expired), (0, from, 0));
        // A step back by more than the retention as well.
        let read = reader.between(from, from - Span::days(30), 100).unwrap();
        assert_eq!((read.events.height(), read.until), (0, from));
    }

    #[test]
    fn events_that_nobody_read_in_time_are_counted() {
        let reader = reader();
        let until = parse_time("2026-11-22 10:00").unwrap();
        let kept = until - reader.retention;
        let missed = reader.between(kept - Span::hours(2), kept, usize::MAX).unwrap().events.height();
        let read = reader.between(kept - Span::hours(2), until, usize::MAX).unwrap();
        assert!(missed > 500);
        assert_eq!(read.expired, missed as u64);
        assert_eq!(reader.between(kept, until, usize::MAX).unwrap().expired, 0);
        assert_eq!(read.events.height(), reader.between(kept, until, usize::MAX).unwrap().events.height());
    }

    #[test]
    fn events_that_arrive_together_only_when_played_are_all_read() {
        let mut source = Source::clone(&crate::platform::testing::view("v").inputs[0].source);
        let begins = parse_time("2013-01-01").unwrap();
        let (lasts, plays_in) = (Span::days(365), Span::days(3));
        source.replay = Some(Replayed { begins, lasts, plays_in, columns: vec!["timestamp".to_owned()] });
        // A microsecond apart; played, more than a hundred are of one instant.
        let arrivals: Vec<i64> = (0..300).map(|n| micros(begins) + n).collect();
        let times = frame::instants("timestamp", arrivals.clone()).unwrap();
        let carriers = Column::new("carrier".into(), vec!["AA"; 300]);
        let delays = Column::new("delay".into(), (0..300).map(f64::from).collect::<Vec<_>>());
        let events = DataFrame::new(300, vec![carriers, times, delays]).unwrap();
        let columns = source.columns.iter().map(|(name, _)| name.clone()).collect();
        let recording = Recording { source, retention: Span::days(1), columns, events, arrivals };
        let lap = floor(parse_time("2026-11-22").unwrap(), plays_in);
        let (mut rows, mut from, until) = (0, lap - Span::microseconds(1), lap + Span::seconds(1));
        while from < until {
            let part = recording.between(from, until, 2).unwrap();
            rows += part.events.height();
            from = part.until;
        }
        assert_eq!(rows, 300);
    }

    #[test]
    fn a_record_that_is_played_keeps_the_contract_of_streams() {
        let reader = reader();
        let (begin, hours) = (parse_time("2026-11-22 10:00").unwrap(), Span::hours(2));
        let now = Arc::new(AtomicI64::new(micros(begin)));
        let clock = Arc::clone(&now);
        let mut whole = reader.between(begin - reader.retention, begin, usize::MAX).unwrap().events;
        whole.vstack_mut_owned(reader.between(begin, begin + hours, usize::MAX).unwrap().events).unwrap();
        let stream =
            Replay { recording: reader, clock: Clock::from_fn(move || from_micros(clock.load(Ordering::SeqCst))) };
        let (mut position, mut all, mut rounds) = (Position::default(), DataFrame::empty(), 0);
        while all.height() < whole.height() || rounds < 20 {
            let batch = position.read(&stream, 700).unwrap();
            let reached = batch.position.reached().unwrap();
            assert_eq!(batch.caught_up, micros(reached) == now.load(Ordering::SeqCst));
            assert_eq!(batch.expired, 0);
            assert_eq!(batch.position.print(&stream), rfc3339(reached));
            if all.width() == 0 {
                all = batch.events;
            } else {
                all.vstack_mut_owned(batch.events).unwrap();
            }
            position = Position::decode(&batch.position.encode()).unwrap();
            // The clock goes on while it is read.
            now.fetch_add(span_micros(hours) / 16, Ordering::SeqCst);
            now.fetch_min(micros(begin + hours), Ordering::SeqCst);
            rounds += 1;
        }
        assert!(all.equals_missing(&whole), "each once, in the order of arrival");
        let damaged = Offset::new(FORM, &[1, 2, 3]);
        let error = stream.read(WHOLE, Some(&damaged), 1).unwrap_err();
        assert!(error.message.contains("how far its stream was read is damaged"), "{error}");
        assert!(stream.print(&damaged).contains("72"), "as it is");
        let end = begin + hours;
        let oldest = end - stream.recording.retention;
        for at in [oldest, begin, end] {
            let found = stream.seek(WHOLE, &Seek::Printed(rfc3339(at))).unwrap();
            assert_eq!(stream.print(&found), rfc3339(at));
        }
        for at in [oldest - Span::seconds(1), end + Span::seconds(1)] {
            let error = stream.seek(WHOLE, &Seek::Printed(rfc3339(at))).unwrap_err();
            assert!(error.message.contains(&format!("to {}. Write one of them", rfc3339(end))), "{error}");
        }
    }
}
