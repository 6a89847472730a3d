//! Rows of a query folded into tiles (docs/semantics.md sections 4 and 5).
//!
//! A tile is a row of columns: its key's id, its start, and one value for each stored column. Rows come in batches, in
//! the order of their arrival and in any order of time; what is held grows with the number of tiles, not of rows. In
//! continuous mode each row is a tile of its own. No I/O.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use polars::prelude::*;

use super::fold::Fold;
use super::keys::{Keys, UNKNOWN};
use crate::model::time::span_micros;
use crate::platform::definition::{Kind, View};
use crate::platform::frame::{self, instants};
use crate::platform::tiles::names::{ANCHOR, stored_names};
use crate::platform::tiles::{StoredColumn, stored_columns};

/// Where tiles begin and end: at `origin` and every `interval` from there, in microseconds. An interval of zero is
/// continuous mode: each event begins and ends at its own time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    pub interval: i64,
    pub origin: i64,
}

impl Grid {
    /// The grid of a view's stored tiles, aligned to the epoch; `None` for views without aggregations.
    pub(crate) fn of(view: &View) -> Option<Self> {
        match &view.kind {
            Kind::Aggregate { interval, .. } => Some(Self { interval: span_micros(*interval), origin: 0 }),
            Kind::Temporal { .. } => None,
        }
    }

    /// The same grid moved so that `edge` is an edge (docs/semantics.md section 5: `run` aligns to its end).
    pub(crate) fn with_edge(self, edge: i64) -> Self {
        let origin = if self.interval > 0 { edge.rem_euclid(self.interval) } else { 0 };
        Self { origin, ..self }
    }

    /// The start of the tile of `at`; also the last edge at or before an instant.
    pub(crate) fn floor(&self, at: i64) -> i64 {
        if self.interval == 0 { at } else { (at - self.origin).div_euclid(self.interval) * self.interval + self.origin }
    }
}

/// Tiles of many keys, each (key, start) once; in continuous mode each event once, in the order of arrival.
pub(crate) struct Tiles {
    /// What the ids stand for.
    pub keys: Keys,
    pub key: Vec<u32>,
    /// Start of each tile, microseconds since 1970.
    pub start: Vec<i64>,
    /// One column for each stored column of the layout.
    pub values: Vec<Column>,
    /// Event times behind the ordered stored columns, in their order; empty where they were not asked for.
    pub times: Vec<Column>,
}

impl Tiles {
    /// As stored rows: keys, timestamp (continuous mode), stored columns, `_anchor_time`, then companions; in the order
    /// of tile starts.
    pub(crate) fn stored(self, view: &View) -> PolarsResult<DataFrame> {
        let mut columns = self.keys.columns(&self.key);
        if view.is_continuous() {
            columns.push(instants(&view.timestamp_field, self.start.clone())?);
        }
        columns.extend(self.values);
        let anchors: Vec<i64> = self.start.iter().map(|start| start.saturating_mul(1_000)).collect();
        columns.push(Column::new(ANCHOR.into(), anchors));
        columns.extend(self.times);
        let rows = DataFrame::new(self.key.len(), columns)?;
        if self.start.is_sorted() {
            return Ok(rows);
        }
        rows.sort([ANCHOR], SortMultipleOptions::default().with_maintain_order(true))
    }
}

/// Rows of a temporal view as stored rows: in the order of time and arrival, with their anchor and what else is to be
/// kept of them.
pub(crate) fn stamped(view: &View, rows: DataFrame, more: impl IntoIterator<Item = Expr>) -> PolarsResult<DataFrame> {
    let time = view.timestamp_field.as_str();
    let step = span_micros(view.batch_schedule).max(1);
    let at = col(time).dt().timestamp(TimeUnit::Microseconds);
    let anchor = (at.floor_div(lit(step)) * lit(step) * lit(1_000_i64)).alias(ANCHOR);
    let names = stored_names(view);
    let rows = rows.lazy().sort([time], SortMultipleOptions::default().with_maintain_order(true)).with_column(anchor);
    rows.select(names.iter().map(|name| frame::named(name)).chain(more).collect::<Vec<_>>()).collect()
}

pub(crate) enum Wanted {
    All,
    /// Those that the keys know already.
    Known,
}

impl Wanted {
    /// The key of each row; [`UNKNOWN`] for those that are not wanted.
    pub(crate) fn ids(&self, keys: &mut Keys, rows: &DataFrame) -> PolarsResult<Vec<u32>> {
        match self {
            Self::All => keys.learn(rows),
            Self::Known => keys.find(rows),
        }
    }
}

pub(crate) struct TileBuilder {
    grid: Grid,
    time: String,
    wanted: Wanted,
    keys: Keys,
    key: Vec<u32>,
    start: Vec<i64>,
    /// The tile that each key got last.
    latest: Vec<u32>,
    /// All tiles by key and start; only there once a row came out of order.
    index: Option<HashTable<u32>>,
    folds: Vec<Fold>,
    layout: Vec<StoredColumn>,
}

impl TileBuilder {
    /// Tiles of a view on that grid. `keys` says which ids there are already. With `times`, ordered tile columns come
    /// with the event times behind them.
    pub(crate) fn new(view: &View, grid: Grid, keys: Keys, wanted: Wanted, times: bool) -> Self {
        let layout = stored_columns(view);
        let mut folds: Vec<Fold> = Vec::new();
        for stored in &layout {
            if !folds.iter().any(|fold| fold.column == stored.column) {
                let input = view.input_type(&stored.column);
                folds.push(Fold::new(&stored.column, &input, &layout, times));
            }
        }
        let time = view.timestamp_field.clone();
        let (key, start, latest) = (Vec::new(), Vec::new(), Vec::new());
        Self { grid, time, wanted, keys, key, start, latest, index: None, folds, layout }
    }

    /// The stored columns of no tile.
    pub(crate) fn empty(view: &View) -> PolarsResult<Vec<Column>> {
        let grid = Grid { interval: 1, origin: 0 };
        Ok(Self::new(view, grid, Keys::new(&view.join_keys), Wanted::All, false).finish()?.values)
    }

    /// Takes a batch of the query's rows, columns of normal types. Rows without a time, and of keys that are not
    /// wanted, are passed over.
    pub(crate) fn push(&mut self, rows: &DataFrame) -> PolarsResult<()> {
        let ids = self.wanted.ids(&mut self.keys, rows)?;
        let times = rows.column(&self.time)?.cast(&DataType::Int64)?;
        let times = times.i64()?;
        let tiles: Vec<u32> = ids.iter().zip(times.iter()).map(|(id, at)| self.tile(*id, at)).collect();
        let height = self.key.len();
        for fold in &mut self.folds {
            fold.push(rows.column(&fold.column.clone())?, &tiles, times, height)?;
        }
        Ok(())
    }

    /// The tile of a row, made where it is new; [`UNKNOWN`] for a row that is passed over.
    fn tile(&mut self, id: u32, at: Option<i64>) -> u32 {
        let Some(at) = at.filter(|_| id != UNKNOWN) else { return UNKNOWN };
        let start = self.grid.floor(at);
        if self.grid.interval == 0 {
            return self.add(id, start);
        }
        if self.latest.len() <= id as usize {
            self.latest.resize(self.keys.len().max(id as usize + 1), UNKNOWN);
        }
        let latest = self.latest[id as usize];
        if let Some(known) = self.start.get(latest as usize) {
            if *known == start {
                return latest;
            }
            if start < *known && self.index.is_none() {
                self.index = Some(self.indexed());
            }
        }
        let found = self.index.as_ref().and_then(|index| {
            index.find(hash(id, start), |tile| self.key[*tile as usize] == id && self.start[*tile as usize] == start)
        });
        let tile = match found.copied() {
            Some(tile) => tile,
            None => self.add(id, start),
        };
        // The newest tile stays at hand: events mostly come in the order of time.
        if self.start.get(latest as usize).is_none_or(|known| *known < start) {
            self.latest[id as usize] = tile;
        }
        tile
    }

    fn add(&mut self, id: u32, start: i64) -> u32 {
        let tile = self.key.len() as u32;
        self.key.push(id);
        self.start.push(start);
        let (keys, starts) = (&self.key, &self.start);
        if let Some(index) = &mut self.index {
            index.insert_unique(hash(id, start), tile, |tile| hash(keys[*tile as usize], starts[*tile as usize]));
        }
        tile
    }

    fn indexed(&self) -> HashTable<u32> {
        let of = |tile: &u32| hash(self.key[*tile as usize], self.start[*tile as usize]);
        let mut index = HashTable::with_capacity(self.key.len());
        for tile in 0..self.key.len() as u32 {
            index.insert_unique(of(&tile), tile, of);
        }
        index
    }

    pub(crate) fn bytes(&self) -> usize {
        let index = self.index.as_ref().map_or(0, |index| index.capacity() * 5);
        let folds: usize = self.folds.iter().map(Fold::bytes).sum();
        self.keys.bytes()
            + self.key.capacity() * 4
            + self.start.capacity() * 8
            + self.latest.capacity() * 4
            + index
            + folds
    }

    pub(crate) fn finish(mut self) -> PolarsResult<Tiles> {
        let mut values = Vec::with_capacity(self.layout.len());
        let mut times = Vec::new();
        for fold in &mut self.folds {
            fold.fill(self.key.len());
        }
        for stored in &self.layout {
            let Some(fold) = self.folds.iter_mut().find(|fold| fold.column == stored.column) else { continue };
            let (value, time) = fold.finish(stored)?;
            values.push(value);
            times.extend(time);
        }
        Ok(Tiles { keys: self.keys, key: self.key, start: self.start, values, times })
    }
}

fn hash(id: u32, start: i64) -> u64 {
    FixedState::default().hash_one((id, start))
}
