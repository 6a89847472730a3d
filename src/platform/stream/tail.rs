//! What run_stream emits for one view, micro-batch by micro-batch (semantics.md section 7.1).
//!
//! Temporal views and continuous mode: one record an event. Aggregates: each tile once, when the watermark (the greatest event time so far
//! less the source's threshold) has passed its end; events of tiles that were emitted are dropped. It keeps events, not
//! sums, of the tiles that are still open, so that each tile is computed by the engine alone. It does no I/O.

use polars::prelude::{ChunkAgg, ChunkCompareIneq, DataFrame, SortMultipleOptions};

use crate::model::time::{floor, micros};
use crate::model::{Span, Time, foreign};
use crate::platform::engine::{EngineError, ErrorKind};
use crate::platform::registry::definition::{Kind, View};

use super::readers::latest_event;

/// The column of a stored row with its tile's start, or its timestamp aligned, in nanoseconds.
const ANCHOR: &str = "_anchor_time";
/// How the names of columns begin that only stores need.
const COMPANION: &str = "_at_";

/// The engine's fold of stream events to stored rows.
pub type Transform<'a> = &'a dyn Fn(&View, DataFrame) -> Result<DataFrame, EngineError>;

/// How far a tail is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Events read.
    pub events: u64,
    /// The greatest event time among them.
    pub latest_event: Option<Time>,
    /// The instant before which tiles are complete.
    pub watermark: Option<Time>,
}

/// Events of one micro-batch that some open tile still needs.
struct Pending {
    events: DataFrame,
    newest_anchor: i64,
}

/// The state of one view's tail.
#[derive(Default)]
pub struct Tail {
    progress: Progress,
    pending: Vec<Pending>,
    emitted_until: Option<Time>,
}

impl Tail {
    /// How far it is.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// Takes a micro-batch (the source's columns, oldest arrival first) and returns the rows that it completes.
    pub fn absorb(&mut self, view: &View, events: DataFrame, transform: Transform) -> Result<DataFrame, EngineError> {
        let source = view.inputs.first().map(|input| &input.source);
        let latest = source.and_then(|source| latest_event(&events, source));
        let threshold = source.and_then(|s| s.stream.as_ref()).map_or(Span::zero(), |stream| stream.watermark);
        let count = events.height() as u64;
        let rows = transform(view, events.clone())?;
        let emitted = match view.kind {
            Kind::Temporal { .. } => Ok(rows),
            // Continuous mode: each event is complete by itself.
            Kind::Aggregate { interval, .. } if interval.is_zero() => Ok(rows),
            Kind::Aggregate { interval, .. } => {
                if let Some(newest_anchor) = newest_anchor(&rows)? {
                    self.pending.push(Pending { events, newest_anchor });
                }
                let watermark = self.progress.latest_event.max(latest).map(|at| at - threshold);
                self.emit(view, watermark.map(|at| floor(at, interval)), rows, transform)
            }
        };
        self.progress.events += count;
        self.progress.latest_event = self.progress.latest_event.max(latest);
        self.progress.watermark = self.progress.latest_event.map(|at| at - threshold);
        shown(emitted?)
    }

    /// The tiles that end at or before `boundary` and were not emitted yet; `like` has their columns.
    fn emit(
        &mut self,
        view: &View,
        boundary: Option<Time>,
        like: DataFrame,
        transform: Transform,
    ) -> Result<DataFrame, EngineError> {
        let Some(boundary) = boundary.filter(|boundary| self.emitted_until.is_none_or(|until| until < *boundary))
        else {
            // Batches whose tiles were all emitted came too late.
            self.forget(self.emitted_until);
            return Ok(like.clear());
        };
        let mut events: Option<DataFrame> = None;
        for pending in &self.pending {
            match &mut events {
                Some(all) => drop(all.vstack_mut(&pending.events).map_err(defect)?),
                none => *none = Some(pending.events.clone()),
            }
        }
        let tiles = match events {
            Some(events) => transform(view, events)?,
            None => like.clear(),
        };
        let anchors = tiles.column(ANCHOR).and_then(|column| column.i64()).map_err(defect)?;
        let mut complete = anchors.lt(nanos(boundary));
        if let Some(until) = self.emitted_until {
            complete = &complete & &anchors.gt_eq(nanos(until));
        }
        let tiles = tiles.filter(&complete).map_err(defect)?;
        let order: Vec<&str> =
            std::iter::once(ANCHOR).chain(view.join_keys.iter().map(|(name, _)| name.as_str())).collect();
        let tiles = tiles.sort(order, SortMultipleOptions::default()).map_err(defect)?;
        self.emitted_until = Some(boundary);
        self.forget(Some(boundary));
        Ok(tiles)
    }

    fn forget(&mut self, until: Option<Time>) {
        if let Some(until) = until {
            self.pending.retain(|pending| pending.newest_anchor >= nanos(until));
        }
    }
}

/// The frame without the columns that only stores need.
pub fn shown(rows: DataFrame) -> Result<DataFrame, EngineError> {
    let names = rows.get_column_names();
    let names: Vec<_> = names.into_iter().filter(|name| !name.starts_with(COMPANION)).cloned().collect();
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
    use crate::platform::jobs::testing;

    fn events(times: &[&str]) -> DataFrame {
        let micros: Vec<i64> = times.iter().map(|t| micros(parse_time(&format!("2026-01-01 {t}")).unwrap())).collect();
        let mut frame = df!("carrier" => vec!["AA"; times.len()]).unwrap();
        let at = Column::new("timestamp".into(), micros);
        let utc = DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
        frame.with_column(at.cast(&utc).unwrap()).unwrap();
        frame
    }

    /// Counts events by hour: what the engine does, in small.
    fn hourly(_: &View, events: DataFrame) -> Result<DataFrame, EngineError> {
        let hour = 3_600_000_000_000_i64;
        let nanos = col("timestamp").cast(DataType::Int64) * lit(1_000_i64);
        let tiles = events
            .lazy()
            .with_column((nanos.clone() - nanos % lit(hour)).alias(ANCHOR))
            .group_by([col("carrier"), col(ANCHOR)])
            .agg([len().cast(DataType::Int64).alias("count_delay"), lit(1_i64).first().alias("_at_x")]);
        Ok(tiles.collect().unwrap())
    }

    fn counts(frame: &DataFrame) -> Vec<(i64, i64)> {
        assert!(frame.column("_at_x").is_err(), "companions are not shown");
        let start = nanos(parse_time("2026-01-01").unwrap());
        let anchors = frame.column(ANCHOR).unwrap().i64().unwrap();
        let counts = frame.column("count_delay").unwrap().i64().unwrap();
        anchors.iter().zip(counts.iter()).map(|(a, c)| ((a.unwrap() - start) / 3_600_000_000_000, c.unwrap())).collect()
    }

    #[test]
    fn tiles_appear_once_when_the_watermark_has_passed_them() {
        // The example of semantics.md section 7.1: one hour tiles, a threshold of 30 minutes.
        let view = testing::view("v");
        let mut tail = Tail::default();
        let mut absorb = |times: &[&str]| counts(&tail.absorb(&view, events(times), &hourly).unwrap());
        assert!(absorb(&["00:10", "00:50"]).is_empty());
        assert_eq!(absorb(&["00:55", "02:05"]), [(0, 3)], "the watermark stands at 01:35");
        assert_eq!(absorb(&["00:56", "03:40"]), [(2, 1)], "00:56 is too late");
        assert_eq!(absorb(&["05:00"]), [(3, 1)]);
        assert_eq!(tail.pending.len(), 1);
        assert_eq!(tail.progress().events, 7);
        assert_eq!(tail.progress().watermark, Some(parse_time("2026-01-01 04:30").unwrap()));
    }

    #[test]
    fn without_a_threshold_a_later_tile_completes_the_earlier() {
        let mut view = testing::view("v");
        let source = std::sync::Arc::make_mut(&mut view.inputs[0].source);
        source.stream.as_mut().unwrap().watermark = Span::zero();
        let mut tail = Tail::default();
        let mut absorb = |times: &[&str]| counts(&tail.absorb(&view, events(times), &hourly).unwrap());
        assert!(absorb(&["00:10"]).is_empty());
        assert_eq!(absorb(&["01:00"]), [(0, 1)]);
    }

    #[test]
    fn events_that_are_late_but_not_too_late_are_counted() {
        let view = testing::view("v");
        let mut tail = Tail::default();
        let mut absorb = |times: &[&str]| counts(&tail.absorb(&view, events(times), &hourly).unwrap());
        assert!(absorb(&["00:10", "01:20"]).is_empty());
        assert!(absorb(&["00:20"]).is_empty());
        assert_eq!(absorb(&["01:30"]), [(0, 2)]);
        assert!(absorb(&["00:59"]).is_empty());
    }
}
