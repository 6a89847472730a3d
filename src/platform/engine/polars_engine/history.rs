//! `get_historical_features`: feature values as they were (docs/semantics.md section 8).
//!
//! With a spine one row a spine row, in its order; without one all values of a range. Rows come from the source or from
//! the offline table, and from there on everything is the same.

use std::cell::Cell;
use std::collections::BTreeMap;

use polars::prelude::*;

use super::asof::AsOf;
use super::keys::{Keys, UNKNOWN, normal_keys_of};
use super::query::{EARLIEST, Reach, Reader, feed_stored, query_error};
use super::run;
use super::sink::{Collector, Sink};
use super::stored::{KeyCollector, StoredTiles, Subset};
use super::tiles::{Grid, TileBuilder, Tiles, Wanted};
use super::windows::{Points, features, is_alive};
use crate::model::time::{from_micros, micros, print_time, span_micros};
use crate::model::{DataType as Word, Span, Window};
use crate::platform::compute::EngineError;
use crate::platform::definition::{Kind, View};
use crate::platform::engine::args::{self, HistoryPlan, feature_names};
use crate::platform::engine::ask::{Answer, Control, HistoryArgs, Rows};
use crate::platform::frame;
use crate::platform::tiles::names::ANCHOR;
use crate::platform::tiles::{Part, StoredColumn, parts_of};

/// As [`crate::platform::engine::Engine::history`] has it.
///
/// # Errors
/// As it says there.
pub(crate) fn history(view: &View, args: &HistoryArgs<'_>, control: Control<'_>) -> Result<Answer, EngineError> {
    let (plan, mut warnings) = args::history(view, args)?;
    let asked = Asked { view, args, control, mocks: BTreeMap::new(), older: Cell::default() };
    if matches!(args.rows, Rows::Source) {
        warnings.extend(asked.later(&plan)?);
    }
    let (frame, timestamp_key) = match plan {
        HistoryPlan::Spine { spine, timestamp_key } => {
            (asked.at_spine(&spine, &timestamp_key, &mut warnings)?, Some(timestamp_key))
        }
        HistoryPlan::Range { window, entities } => (asked.in_range(window, entities.as_ref())?, None),
    };
    warnings.extend(asked.older.take().map(|times| {
        format!(
            "Some of the stored tiles, between {} and {}, were written by an earlier version: their variances lose digits \
             where the mean is more than 1000 times the deviation. Materialize their windows again with overwrite.",
            print_time(times.start),
            print_time(times.end)
        )
    }));
    Ok(Answer { frame, warnings, timestamp_key })
}

struct Asked<'a> {
    view: &'a View,
    args: &'a HistoryArgs<'a>,
    control: Control<'a>,
    mocks: BTreeMap<String, DataFrame>,
    /// The times of stored tiles that an earlier version wrote without what variances need.
    older: Cell<Option<Window>>,
}

impl Asked<'_> {
    /// The sentence about events that would have counted if they were not later than now. Without an end, all that
    /// begin in the range would: now is its end because they are not there.
    fn later(&self, plan: &HistoryPlan) -> Result<Option<String>, EngineError> {
        let failed = |error: PolarsError| self.failed(&error);
        let (from, to) = match plan {
            HistoryPlan::Spine { spine, timestamp_key } => {
                let at = frame::micros_of(spine.column(timestamp_key).map_err(failed)?).map_err(failed)?;
                (EARLIEST, at.iter().flatten().max().copied().unwrap_or(EARLIEST).saturating_add(1))
            }
            HistoryPlan::Range { window, .. } => {
                (micros(window.start), self.args.query.end_time.map_or(*frame::SHOWN_MICROS.end(), micros))
            }
        };
        let rows = Window { start: from_micros(from), end: from_micros(to) };
        self.reader(None)?.later(Reach { source: None, rows: Some(rows) })
    }

    fn failed(&self, error: &PolarsError) -> EngineError {
        query_error(self.view, None, error)
    }

    fn at_spine(&self, spine: &DataFrame, time: &str, warnings: &mut Vec<String>) -> Result<DataFrame, EngineError> {
        let failed = |error: PolarsError| self.failed(&error);
        let wildcard = args::wildcard(self.view, spine).map(str::to_owned);
        let mut at = frame::micros_of(spine.column(time).map_err(failed)?).map_err(failed)?;
        self.warn_early(&at, warnings);
        let mut spine = spine.clone();
        if let Some(wildcard) = &wildcard {
            spine = self.expanded(&spine, &at, wildcard)?;
            at = frame::micros_of(spine.column(time).map_err(failed)?).map_err(failed)?;
        }
        let mut keys = Keys::new(&self.view.join_keys);
        let ids = keys.learn(&normal_keys_of(&self.view.join_keys, &spine).map_err(failed)?).map_err(failed)?;
        let (columns, alive) = match (&self.view.kind, Grid::of(self.view)) {
            (Kind::Aggregate { .. }, Some(grid)) => self.aggregates(grid, keys, &ids, &at)?,
            (Kind::Temporal { ttl, features }, _) => self.latest_rows(*ttl, features, keys, &ids, &at)?,
            _ => (Vec::new(), Vec::new()),
        };
        let names = feature_names(self.view, &self.args.separator);
        let named = columns.into_iter().zip(&names).map(|(column, name)| column.with_name(name.as_str().into()));
        let all = spine.columns().iter().cloned().chain(named).collect();
        let all = DataFrame::new(spine.height(), all).map_err(failed)?;
        if wildcard.is_none() {
            return Ok(all);
        }
        all.filter(&BooleanChunked::from_iter_values("".into(), alive.into_iter())).map_err(failed)
    }

    fn warn_early(&self, at: &[Option<i64>], warnings: &mut Vec<String>) {
        let Some(begins) = self.args.feature_start_time else { return };
        if at.iter().flatten().min().is_some_and(|first| *first < micros(begins)) {
            warnings.push(format!(
                "The spine begins before the features do: rows before feature_start_time, {}, have no values.",
                print_time(begins)
            ));
        }
    }

    /// One row a spine row and value of the wildcard key that was ever seen with its other keys.
    fn expanded(&self, spine: &DataFrame, at: &[Option<i64>], wildcard: &str) -> Result<DataFrame, EngineError> {
        let failed = |error: PolarsError| self.failed(&error);
        let given: Vec<(String, Word)> =
            self.view.join_keys.iter().filter(|(name, _)| name != wildcard).cloned().collect();
        let mut known = Keys::new(&given);
        known.learn(&normal_keys_of(&given, spine).map_err(failed)?).map_err(failed)?;
        let sink = KeyCollector::new(self.view, known);
        let latest = at.iter().flatten().max().copied().unwrap_or(i64::MIN);
        let reach = self.reach(None, latest.saturating_add(1));
        let seen = match &self.args.rows {
            Rows::Source => self.reader(Some(self.view.query_columns()))?.read(reach, sink)?,
            Rows::Stored(rows) => feed_stored(&self.view.name, rows, None, self.control, sink)?,
        };
        let on: Vec<Expr> = given.iter().map(|(name, _)| col(name.as_str())).collect();
        let seen = seen.keys().map_err(failed)?;
        let mut join = JoinArgs::new(JoinType::Inner);
        join.nulls_equal = true;
        join.maintain_order = MaintainOrderJoin::Left;
        let normal = given.iter().map(|(name, word)| match frame::polars_type(word) {
            Some(wanted) => col(name.as_str()).cast(wanted),
            None => col(name.as_str()),
        });
        let spine = spine.clone().lazy().with_columns(normal.collect::<Vec<_>>());
        spine.join(seen.lazy(), on.clone(), on, join).collect().map_err(failed)
    }

    /// The reach of rows from `from` (absent: all before) to before `to`, in microseconds.
    fn reach(&self, from: Option<i64>, to: i64) -> Reach {
        let replay = self.view.inputs.first().and_then(|input| input.source.replay.as_ref());
        // A replayed record has no beginning; whatever it ever says, it says within a lap.
        let from = from.or_else(|| replay.map(|replay| to.saturating_sub(2 * span_micros(replay.plays_in))));
        let rows = Window { start: from_micros(from.unwrap_or(EARLIEST)), end: from_micros(to.max(EARLIEST)) };
        Reach { source: replay.and_then(|_| self.view.source_window(rows)), rows: Some(rows) }
    }

    fn reader(&self, wanted: Option<Vec<String>>) -> Result<Reader<'_>, EngineError> {
        Reader::new(self.view, &self.mocks, wanted, self.args.now, self.control)
    }

    /// Feature columns at the points, and whether each point has anything in its longest window.
    fn aggregates(
        &self,
        grid: Grid,
        keys: Keys,
        ids: &[u32],
        at: &[Option<i64>],
    ) -> Result<(Vec<Column>, Vec<bool>), EngineError> {
        let failed = |error: PolarsError| self.failed(&error);
        let begins = self.args.feature_start_time.map(|begins| grid.floor(micros(begins)));
        let edges: Vec<Option<i64>> = at
            .iter()
            .map(|at| at.map(|at| grid.floor(at)).filter(|edge| begins.is_none_or(|begins| begins <= *edge)))
            .collect();
        let longest = span_micros(self.view.longest_window().unwrap_or(Span::zero()));
        let known = edges.iter().flatten();
        let (first, last) = (known.clone().min().copied(), known.max().copied());
        let tiles = match first.zip(last) {
            // Tiles end after T - window and at or before T.
            Some((first, last)) => {
                let tick = i64::from(grid.interval == 0);
                self.tiles(grid, keys, Wanted::Known, (first - longest + tick, last + tick))?
            }
            None => TileBuilder::new(self.view, grid, keys, Wanted::Known, false).finish().map_err(failed)?,
        };
        let points = Points {
            key: ids.iter().zip(&edges).map(|(id, edge)| if edge.is_some() { *id } else { UNKNOWN }).collect(),
            at: edges.iter().map(|edge| edge.unwrap_or(EARLIEST)).collect(),
        };
        let alive = is_alive(grid, &tiles, &points, longest);
        let values = features(&self.view.kind, grid, &tiles, &points).map_err(failed)?;
        if edges.iter().all(Option::is_some) {
            return Ok((values, alive));
        }
        // Before the features begin, and at no time at all, there is no value, not even a count of nothing.
        let there = BooleanChunked::from_iter_values("".into(), edges.iter().map(Option::is_some));
        let blank = |column: Column| {
            let nulls = Column::full_null(column.name().clone(), column.len(), column.dtype());
            column.zip_with(&there, &nulls)
        };
        Ok((values.into_iter().map(blank).collect::<PolarsResult<_>>().map_err(failed)?, alive))
    }

    /// The tiles of events in `[from, to)`, microseconds.
    fn tiles(&self, grid: Grid, keys: Keys, wanted: Wanted, (from, to): (i64, i64)) -> Result<Tiles, EngineError> {
        let failed = |error: PolarsError| self.failed(&error);
        match &self.args.rows {
            Rows::Source => {
                let builder = TileBuilder::new(self.view, grid, keys, wanted, false);
                let reader = self.reader(Some(self.view.query_columns()))?;
                reader.read(self.reach(Some(from), to), builder)?.finish().map_err(failed)
            }
            Rows::Stored(rows) => {
                let anchor = || col(ANCHOR).floor_div(lit(1_000_i64));
                let inside = anchor().gt_eq(lit(grid.floor(from))).and(anchor().lt(lit(to)));
                let sink = StoredTiles::new(self.view, keys, wanted);
                let read = feed_stored(&self.view.name, rows, Some(inside), self.control, sink)?;
                let tiles = read.finish().map_err(failed)?;
                self.older.set(older(&self.view.kind, grid, &tiles));
                Ok(tiles)
            }
        }
    }

    /// Feature columns of the latest rows at the points, and whether each point has one.
    fn latest_rows(
        &self,
        ttl: Option<Span>,
        features: &[(String, Word)],
        keys: Keys,
        ids: &[u32],
        at: &[Option<i64>],
    ) -> Result<(Vec<Column>, Vec<bool>), EngineError> {
        let failed = |error: PolarsError| self.failed(&error);
        let ttl = ttl.map(span_micros);
        let begins = self.args.feature_start_time.map(micros);
        let key: Vec<u32> = ids.iter().zip(at).map(|(id, at)| if at.is_some() { *id } else { UNKNOWN }).collect();
        let instants: Vec<i64> = at.iter().map(|at| at.unwrap_or(EARLIEST)).collect();
        let known = at.iter().flatten();
        let (first, last) = (known.clone().min().copied(), known.max().copied());
        let mut columns: Vec<String> = features.iter().map(|(name, _)| name.clone()).collect();
        let names = columns.clone();
        columns.push(self.view.timestamp_field.clone());
        let mut sink = AsOf::new(keys, (&key, &instants), &self.view.timestamp_field, columns);
        if let Some((first, last)) = first.zip(last) {
            let expired = ttl.map(|ttl| first.saturating_sub(ttl).saturating_add(1));
            let from = expired.max(begins);
            sink = self.rows(self.reach(from, last.saturating_add(1)), sink)?;
        }
        let alive = |event: i64, instant: i64| ttl.is_none_or(|ttl| instant < event.saturating_add(ttl));
        let found = sink.answer((&key, &instants), alive).map_err(failed)?;
        let Some(found) = found else {
            let none = features.iter().map(|(name, word)| {
                let dtype = frame::polars_type(word).unwrap_or(DataType::Null);
                Column::full_null(name.as_str().into(), at.len(), &dtype)
            });
            return Ok((none.collect(), vec![false; at.len()]));
        };
        let has = found.column(&self.view.timestamp_field).map_err(failed)?.is_not_null();
        let columns = names.iter().map(|name| found.column(name).cloned()).collect::<PolarsResult<Vec<_>>>();
        Ok((columns.map_err(failed)?, has.iter().map(|has| has == Some(true)).collect()))
    }

    /// Rows of a view without aggregations into a sink.
    fn rows<S: Sink>(&self, reach: Reach, sink: S) -> Result<S, EngineError> {
        match &self.args.rows {
            Rows::Source => self.reader(None)?.read(reach, sink),
            Rows::Stored(rows) => {
                let inside = reach.rows.map(|window| frame::within(&self.view.timestamp_field, window));
                feed_stored(&self.view.name, rows, inside, self.control, sink)
            }
        }
    }

    fn in_range(&self, window: Window, entities: Option<&DataFrame>) -> Result<DataFrame, EngineError> {
        let failed = |error: PolarsError| self.failed(&error);
        match (&self.view.kind, Grid::of(self.view)) {
            (Kind::Aggregate { .. }, Some(grid)) => {
                let longest = span_micros(self.view.longest_window().unwrap_or(Span::zero()));
                let from = micros(window.start).saturating_sub(longest).saturating_sub(grid.interval);
                // The last tile that ends before the end of the range.
                let to = if grid.interval == 0 { micros(window.end) } else { grid.floor(micros(window.end) - 1) };
                let mut tiles = self.tiles(grid, Keys::new(&self.view.join_keys), Wanted::All, (from, to))?;
                if let Some(entities) = entities {
                    tiles = self.only(tiles, entities).map_err(failed)?;
                }
                run::full(self.view, grid, &tiles, Some(window)).map_err(failed)
            }
            (Kind::Temporal { features, .. }, _) => {
                let mut columns = self.view.join_keys.clone();
                columns.extend(features.iter().cloned());
                columns.push((self.view.timestamp_field.clone(), Word::Timestamp));
                let reach = self.reach(Some(micros(window.start)), micros(window.end));
                let mut rows = match entities {
                    Some(entities) => {
                        let sink = Subset::new(self.view, entities).map_err(failed)?;
                        self.rows(reach, sink)?.rows(&columns).map_err(failed)?
                    }
                    None => self.rows(reach, Collector::default())?.rows(&columns).map_err(failed)?,
                };
                rows = rows.select(columns.iter().map(|(name, _)| name.as_str())).map_err(failed)?;
                let order = SortMultipleOptions::default().with_maintain_order(true);
                rows.sort([self.view.timestamp_field.as_str()], order).map_err(failed)
            }
            _ => Ok(DataFrame::empty()),
        }
    }

    /// The tiles of the wanted keys.
    fn only(&self, tiles: Tiles, entities: &DataFrame) -> PolarsResult<Tiles> {
        let frame = DataFrame::new(tiles.key.len(), tiles.keys.columns(&tiles.key))?;
        let wanted = Subset::new(self.view, entities)?.mask(&frame)?;
        let pick = |row: &usize| wanted.get(*row) == Some(true);
        let rows: Vec<usize> = (0..tiles.key.len()).filter(pick).collect();
        let values = tiles.values.iter().map(|column| column.filter(&wanted)).collect::<PolarsResult<_>>()?;
        Ok(Tiles {
            key: rows.iter().map(|row| tiles.key[*row]).collect(),
            start: rows.iter().map(|row| tiles.start[*row]).collect(),
            keys: tiles.keys,
            values,
            times: Vec::new(),
        })
    }
}

/// The times of the tiles that lack the squared distances that a variance of several values needs.
fn older(kind: &Kind, grid: Grid, tiles: &Tiles) -> Option<Window> {
    let layout = parts_of(kind);
    let mut times: Option<(i64, i64)> = None;
    for (at, stored) in layout.iter().enumerate().filter(|(_, stored)| stored.part == Part::SquaredDistances) {
        let known = tiles.values.get(at).filter(|distances| distances.null_count() > 0)?.is_not_null();
        let is_count = |other: &&StoredColumn| other.part == Part::Count && other.column == stored.column;
        let counts =
            layout.iter().position(|other| is_count(&other)).and_then(|at| tiles.values.get(at))?.i64().ok()?;
        for ((known, count), start) in known.iter().zip(counts.iter()).zip(&tiles.start) {
            if known != Some(true) && count > Some(1) {
                let (first, last) = times.unwrap_or((*start, *start));
                times = Some((first.min(*start), last.max(*start)));
            }
        }
    }
    times.map(|(first, last)| Window { start: from_micros(first), end: from_micros(last + grid.interval) })
}
