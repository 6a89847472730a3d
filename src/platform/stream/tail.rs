//! What run_stream emits for one view, micro-batch by micro-batch (docs/semantics.md section 7.1).
//!
//! Temporal views and continuous mode: one record an event. Aggregates: each tile once, when the watermark (the
//! greatest event time so far less the source's threshold) has passed its end; events of tiles that were emitted are
//! dropped and counted. It keeps events, not sums, of the tiles that are still open, so that each tile is computed by
//! the engine alone. It does no I/O.

use polars::prelude::{ChunkAgg, ChunkCompareIneq, DataFrame, SortMultipleOptions};

use crate::model::time::{floor, from_micros, micros};
use crate::model::{Span, Time, foreign};
use crate::platform::compute::{EngineError, ErrorKind};
use crate::platform::definition::{Kind, View};
use crate::platform::engine::ask::Streamed;
use crate::platform::engine::sound::{self, Sound, Transform, of_the_events};
use crate::platform::source::latest_event;
use crate::platform::tiles::names::{ANCHOR, stored_names};

/// How far a tail is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub events: u64,
    /// The greatest event time among them.
    pub latest_event: Option<Time>,
    /// The instant before which tiles are complete.
    pub watermark: Option<Time>,
    /// Rows of the query that came after their tile was emitted, and so are in no record.
    pub late: u64,
    /// Events that the query fails on or that could not be made of what arrived, and so are in no record.
    pub failed: u64,
    /// Events that were not read, for they had arrived longer ago than the stream keeps them.
    pub expired: u64,
}

/// What a micro-batch came to.
#[derive(Clone, Debug)]
pub(crate) struct Absorbed {
    /// The rows that it completes; without columns where there are none.
    pub rows: DataFrame,
    /// Why events were left out, where some were.
    pub problem: Option<String>,
}

/// Events of one micro-batch that some open tile still needs.
#[derive(Clone)]
struct Pending {
    events: DataFrame,
    newest_anchor: i64,
}

/// The state of one view's tail.
#[derive(Clone, Default)]
pub(crate) struct Tail {
    progress: Progress,
    /// The event time up to which the stream was read: the watermark is the threshold behind it.
    read_to: Option<Time>,
    pending: Vec<Pending>,
    emitted_until: Option<Time>,
}

impl Tail {
    pub(crate) fn progress(&self) -> Progress {
        self.progress
    }

    /// Takes a micro-batch (the source's columns, oldest arrival first), after which the stream is read up to the event
    /// time `newest`, and returns the rows that it completes. Events that the query fails on are left out, counted and
    /// told of, for brought again they would fail again.
    ///
    /// # Errors
    /// When a source cannot be read: the tail is as it was before, so the batch may be brought again.
    pub(crate) fn absorb(
        &mut self,
        view: &View,
        events: DataFrame,
        newest: Option<Time>,
        transform: Transform,
    ) -> Result<Absorbed, EngineError> {
        let mut next = self.clone();
        let absorbed = next.take_in(view, events, newest, transform)?;
        *self = next;
        Ok(absorbed)
    }

    /// Counts events that were not read, for they had expired.
    pub(crate) fn expired(&mut self, events: u64) {
        self.progress.expired += events;
    }

    /// Counts records that no event could be made of.
    pub(crate) fn refused(&mut self, records: u64) {
        self.progress.failed += records;
    }

    fn take_in(
        &mut self,
        view: &View,
        events: DataFrame,
        newest: Option<Time>,
        transform: Transform,
    ) -> Result<Absorbed, EngineError> {
        let source = view.inputs.first().map(|input| &input.source);
        let threshold = source.and_then(|s| s.stream.as_ref()).map_or(Span::zero(), |stream| stream.watermark);
        let latest = source.and_then(|source| latest_event(&events, source));
        let count = events.height() as u64;
        self.progress.events += count;
        self.progress.latest_event = self.progress.latest_event.max(latest);
        self.read_to = self.read_to.max(newest);
        self.progress.watermark = self.read_to.map(|at| at - threshold);
        let Sound { streamed, events, poisoned } = sound::fold(view, &events, transform)?;
        self.progress.failed += poisoned.len() as u64;
        let mut problem = poisoned.into_iter().next().map(|(_, why)| why);
        let interval = match view.kind {
            Kind::Aggregate { interval, .. } if !interval.is_zero() => interval,
            // Temporal views and continuous mode: each event is complete by itself.
            _ => return Ok(Absorbed { rows: shown(view, streamed.rows)?, problem }),
        };
        let Streamed { rows, times, .. } = streamed;
        let is_late = |at: &&i64| self.emitted_until.is_some_and(|until| floor(from_micros(**at), interval) < until);
        self.progress.late += times.iter().filter(is_late).count() as u64;
        if let Some(newest_anchor) = newest_anchor(&rows)? {
            self.pending.push(Pending { events, newest_anchor });
        }
        let boundary = self.progress.watermark.map(|at| floor(at, interval));
        let Some(boundary) = boundary.filter(|boundary| self.emitted_until.is_none_or(|until| until < *boundary))
        else {
            // Batches whose tiles were all emitted came too late.
            self.forget(self.emitted_until);
            return Ok(Absorbed { rows: DataFrame::empty(), problem });
        };
        let rows = match self.complete(view, boundary, transform) {
            Ok(rows) => rows,
            Err(error) => {
                // Each batch was sound alone and they are not together: none of them can be told to be the cause.
                problem = Some(of_the_events(error)?);
                let kept = self.pending.drain(..).map(|pending| pending.events.height() as u64);
                self.progress.failed += kept.sum::<u64>();
                DataFrame::empty()
            }
        };
        self.emitted_until = Some(boundary);
        self.forget(Some(boundary));
        Ok(Absorbed { rows: shown(view, rows)?, problem })
    }

    /// The tiles that end at or before `boundary` and were not emitted yet.
    fn complete(&self, view: &View, boundary: Time, transform: Transform) -> Result<DataFrame, EngineError> {
        let mut batches = self.pending.iter().map(|pending| &pending.events);
        let Some(mut events) = batches.next().cloned() else { return Ok(DataFrame::empty()) };
        for batch in batches {
            events.vstack_mut(batch).map_err(defect)?;
        }
        let tiles = transform(view, events)?.rows;
        let anchors = tiles.column(ANCHOR).and_then(|column| column.i64()).map_err(defect)?;
        let mut complete = anchors.lt(nanos(boundary));
        if let Some(until) = self.emitted_until {
            complete = &complete & &anchors.gt_eq(nanos(until));
        }
        let tiles = tiles.filter(&complete).map_err(defect)?;
        let order: Vec<&str> =
            std::iter::once(ANCHOR).chain(view.join_keys.iter().map(|(name, _)| name.as_str())).collect();
        tiles.sort(order, SortMultipleOptions::default()).map_err(defect)
    }

    fn forget(&mut self, until: Option<Time>) {
        if let Some(until) = until {
            self.pending.retain(|pending| pending.newest_anchor >= nanos(until));
        }
    }
}

/// The frame without the columns that only stores need.
pub(crate) fn shown(view: &View, rows: DataFrame) -> Result<DataFrame, EngineError> {
    let shown = stored_names(view);
    let names = rows.get_column_names().into_iter().filter(|name| shown.iter().any(|shown| shown == name.as_str()));
    let names: Vec<_> = names.cloned().collect();
    rows.select(names).map_err(defect)
}

fn newest_anchor(rows: &DataFrame) -> Result<Option<i64>, EngineError> {
    Ok(rows.column(ANCHOR).and_then(|column| column.i64()).map_err(defect)?.max())
}

fn nanos(at: Time) -> i64 {
    micros(at).saturating_mul(1_000)
}

fn defect(error: polars::error::PolarsError) -> EngineError {
    let problem = foreign::sentence(&error);
    EngineError { kind: ErrorKind::Query, message: format!("the stream's rows do not fit the view: {problem}") }
}

#[cfg(test)]
mod tests {
    use polars::prelude::{Column, DataType, IntoLazy, TimeUnit, TimeZone, col, df, len, lit};

    use super::*;
    use crate::model::time::parse_time;
    use crate::platform::testing;

    fn events(times: &[&str]) -> DataFrame {
        let micros: Vec<i64> = times.iter().map(|t| micros(parse_time(&format!("2026-01-01 {t}")).unwrap())).collect();
        let mut frame = df!("carrier" => vec!["AA"; times.len()]).unwrap();
        let at = Column::new("timestamp".into(), micros);
        let utc = DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
        frame.with_column(at.cast(&utc).unwrap()).unwrap();
        frame
    }

    /// Counts events by hour: what the engine does, in small.
    fn hourly(_: &View, events: DataFrame) -> Result<Streamed, EngineError> {
        let at = events.column("timestamp").unwrap().datetime().unwrap().clone();
        let times = at.phys.iter().flatten().collect();
        let hour = 3_600_000_000_000_i64;
        let nanos = col("timestamp").cast(DataType::Int64) * lit(1_000_i64);
        let tiles = events
            .lazy()
            .with_column((nanos.clone() - nanos % lit(hour)).alias(ANCHOR))
            .group_by([col("carrier"), col(ANCHOR)])
            .agg([len().cast(DataType::Int64).alias("count_delay"), lit(1_i64).first().alias("_at_x")]);
        Ok(Streamed { rows: tiles.collect().unwrap(), times, events: Vec::new() })
    }

    /// The same, which fails on `ZZ`, and on the other carriers together.
    fn touchy(view: &View, events: DataFrame) -> Result<Streamed, EngineError> {
        let carriers = events.column("carrier").unwrap().str().unwrap();
        let has = |name: &str| carriers.iter().flatten().any(|carrier| carrier == name);
        match (has("ZZ") || (has("AA") && has("UA")), has("file")) {
            (true, _) => Err(EngineError { kind: ErrorKind::Query, message: "it fails".to_owned() }),
            (_, true) => Err(EngineError { kind: ErrorKind::Source, message: "no file".to_owned() }),
            _ => hourly(view, events),
        }
    }

    fn of(carrier: &str, times: &[&str]) -> DataFrame {
        let mut events = events(times);
        events.with_column(Column::new("carrier".into(), vec![carrier; times.len()])).unwrap();
        events
    }

    /// A micro-batch of a stream with one partition.
    fn take(tail: &mut Tail, view: &View, events: DataFrame, with: Transform) -> Result<Absorbed, EngineError> {
        let newest = latest_event(&events, &view.inputs[0].source);
        tail.absorb(view, events, newest, with)
    }

    fn counts(absorbed: &Absorbed) -> Vec<(i64, i64)> {
        let frame = &absorbed.rows;
        if frame.width() == 0 {
            return Vec::new();
        }
        assert!(frame.column("_at_x").is_err(), "companions are not shown");
        let start = nanos(parse_time("2026-01-01").unwrap());
        let anchors = frame.column(ANCHOR).unwrap().i64().unwrap();
        let counts = frame.column("count_delay").unwrap().i64().unwrap();
        anchors.iter().zip(counts.iter()).map(|(a, c)| ((a.unwrap() - start) / 3_600_000_000_000, c.unwrap())).collect()
    }

    #[test]
    fn tiles_appear_once_when_the_watermark_has_passed_them() {
        // The example of docs/semantics.md section 7.1: one hour tiles, a threshold of 30 minutes.
        let view = testing::view("v");
        let mut tail = Tail::default();
        let mut absorb = |times: &[&str]| counts(&take(&mut tail, &view, events(times), &hourly).unwrap());
        assert!(absorb(&["00:10", "00:50"]).is_empty());
        assert_eq!(absorb(&["00:55", "02:05"]), [(0, 3)], "the watermark stands at 01:35");
        assert_eq!(absorb(&["00:56", "03:40"]), [(2, 1)], "00:56 is too late");
        assert_eq!(absorb(&["05:00"]), [(3, 1)]);
        assert_eq!(tail.pending.len(), 1);
        assert_eq!((tail.progress().events, tail.progress().late, tail.progress().failed), (7, 1, 0));
        assert_eq!(tail.progress().watermark, Some(parse_time("2026-01-01 04:30").unwrap()));
    }

    #[test]
    fn without_a_threshold_a_later_tile_completes_the_earlier() {
        let mut view = testing::view("v");
        let source = std::sync::Arc::make_mut(&mut view.inputs[0].source);
        source.stream.as_mut().unwrap().watermark = Span::zero();
        let mut tail = Tail::default();
        let mut absorb = |times: &[&str]| counts(&take(&mut tail, &view, events(times), &hourly).unwrap());
        assert!(absorb(&["00:10"]).is_empty());
        assert_eq!(absorb(&["01:00"]), [(0, 1)]);
    }

    #[test]
    fn events_that_are_late_but_not_too_late_are_counted() {
        let view = testing::view("v");
        let mut tail = Tail::default();
        let mut absorb = |times: &[&str]| counts(&take(&mut tail, &view, events(times), &hourly).unwrap());
        assert!(absorb(&["00:10", "01:20"]).is_empty());
        assert!(absorb(&["00:20"]).is_empty());
        assert_eq!(absorb(&["01:30"]), [(0, 2)]);
        assert!(absorb(&["00:59"]).is_empty());
    }

    #[test]
    fn every_event_of_a_tile_that_was_emitted_is_counted() {
        let view = testing::view("v");
        let mut tail = Tail::default();
        let mut absorb = |times: &[&str]| counts(&take(&mut tail, &view, events(times), &hourly).unwrap());
        absorb(&["00:10", "03:40"]);
        // Four of a batch that also completes a tile, and then two of one that holds nothing else.
        assert_eq!(absorb(&["00:11", "02:59", "03:01", "00:12", "00:13", "05:00"]), [(3, 2)]);
        assert!(absorb(&["01:00", "01:01"]).is_empty());
        assert_eq!((tail.progress().events, tail.progress().late), (10, 6));
    }

    #[test]
    fn events_that_the_query_fails_on_are_left_out_counted_and_not_brought_again() {
        let view = testing::view("v");
        let mut tail = Tail::default();
        take(&mut tail, &view, of("AA", &["00:10", "00:20"]), &touchy).unwrap();
        let left = take(&mut tail, &view, of("ZZ", &["00:30", "02:05", "02:06"]), &touchy).unwrap();
        assert_eq!((counts(&left), left.problem.as_deref()), (vec![(0, 2)], Some("it fails")));
        assert_eq!((tail.progress().events, tail.progress().failed, tail.pending.len()), (5, 3, 0));
        let after = take(&mut tail, &view, of("AA", &["02:10", "03:40"]), &touchy).unwrap();
        assert_eq!((counts(&after), after.problem), (vec![(2, 1)], None));
    }

    #[test]
    fn batches_that_fail_only_together_are_all_counted_and_the_tail_goes_on() {
        let view = testing::view("v");
        let mut tail = Tail::default();
        take(&mut tail, &view, of("AA", &["00:10"]), &touchy).unwrap();
        let left = take(&mut tail, &view, of("UA", &["00:30", "01:40"]), &touchy).unwrap();
        assert_eq!((left.rows.height(), left.problem.as_deref()), (0, Some("it fails")));
        assert_eq!((tail.progress().events, tail.progress().failed), (3, 3));
        let after = take(&mut tail, &view, of("UA", &["01:50", "02:31"]), &touchy).unwrap();
        assert_eq!((counts(&after), after.problem), (vec![(1, 1)], None));
    }

    #[test]
    fn a_source_that_cannot_be_read_leaves_the_tail_as_it_was() {
        let view = testing::view("v");
        let mut tail = Tail::default();
        take(&mut tail, &view, of("AA", &["00:10"]), &touchy).unwrap();
        let before = (tail.progress(), tail.pending.len());
        assert_eq!(take(&mut tail, &view, of("file", &["01:40"]), &touchy).unwrap_err().kind, ErrorKind::Source);
        assert_eq!((tail.progress(), tail.pending.len()), before);
        assert_eq!(counts(&take(&mut tail, &view, of("AA", &["01:40"]), &touchy).unwrap()), [(0, 1)]);
    }
}
