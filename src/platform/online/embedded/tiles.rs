//! Tiles: replaced by batch, merged by streams, read by lookups.

use std::collections::BTreeMap;

use fjall::OwnedWriteBatch;
use polars::prelude::DataFrame;

use super::super::{OnlineError, StreamWrite, codec};
use super::{EmbeddedStore, key_prefix};
use crate::model::time::from_micros;
use crate::model::{Span, Time, Value, Window};
use crate::platform::engine::aggregate::{self, StoredColumn, Tile, stored_columns};
use crate::platform::engine::frame;
use crate::platform::engine::tiles::{ANCHOR, times_name};
use crate::platform::registry::definition::{Kind, View};

/// A tile out of a frame of stored rows, with its keys and start.
struct TileRow {
    keys: Vec<Value>,
    start: Time,
    tile: Tile,
}

impl EmbeddedStore {
    /// Removes all tiles of the window and writes those of the rows.
    pub(super) fn replace_tiles(
        &self,
        batch: &mut OwnedWriteBatch,
        view: &View,
        window: Window,
        rows: &DataFrame,
    ) -> Result<u64, OnlineError> {
        let rows = tile_rows(view, rows)?;
        if let Some(row) = rows.iter().find(|row| !window.contains(row.start)) {
            let problem =
                format!("view {}: the tile of {} lies outside the window that is written", view.name, row.start);
            return Err(OnlineError::Mismatch(problem));
        }
        let edge = |at: Time| index_key(view, at, &[]);
        for entry in self.tile_index.range(edge(window.start)..edge(window.end)) {
            let index = entry.key().map_err(|error| self.failed(&error))?;
            if let Some(tile) = tile_key_of_index(&index) {
                batch.remove(&self.tiles, tile);
            }
            batch.remove(&self.tile_index, index);
        }
        let written = rows.len() as u64;
        for (row, tile) in one_a_key(view, rows)?.values() {
            self.push_tile(batch, view, row, tile)?;
        }
        Ok(written)
    }

    /// Merges the rows into the tiles there are. Late tiles, and those of windows that batch wrote, are left out.
    pub(super) fn merge_tiles(
        &self,
        batch: &mut OwnedWriteBatch,
        view: &View,
        rows: &DataFrame,
    ) -> Result<StreamWrite, OnlineError> {
        let Kind::Aggregate { interval, .. } = &view.kind else { return Ok(StreamWrite::default()) };
        let layout = stored_columns(&view.kind);
        let windows = self.windows(view.id)?;
        let watermark =
            view.inputs.first().and_then(|input| input.source.stream.as_ref()).map(|stream| stream.watermark);
        // The newest event of earlier writes: what comes together is not late for each other (semantics.md section 7.1).
        let newest = super::OnlineStore::latest_event(self, view.id)?;
        let passed = newest.zip(watermark).map(|(newest, watermark)| newest - watermark);
        let mut done = StreamWrite::default();
        let mut merged: BTreeMap<Vec<u8>, (TileRow, Tile)> = BTreeMap::new();
        for row in tile_rows(view, rows)? {
            let late = passed.is_some_and(|passed| row.start + *interval <= passed);
            if late || windows.contains(row.start) {
                done.late += 1;
                continue;
            }
            let key = tile_key(view, &row)?;
            let known = match merged.remove(&key) {
                Some((_, tile)) => Some(tile),
                None => self.read_tile(view, &layout, &key)?,
            };
            let tile = match known {
                Some(known) => aggregate::merge(&layout, &known, &row.tile)
                    .map_err(|error| OnlineError::Mismatch(format!("view {}: {error}", view.name)))?,
                None => row.tile.clone(),
            };
            merged.insert(key, (row, tile));
        }
        for (row, tile) in merged.values() {
            self.push_tile(batch, view, row, tile)?;
            done.written += 1;
        }
        Ok(done)
    }

    /// The tiles of one key whose starts lie in the window, oldest first.
    pub(super) fn read_tiles(
        &self,
        view: &View,
        keys: &[Value],
        window: Window,
    ) -> Result<Vec<(Time, Tile)>, OnlineError> {
        let layout = stored_columns(&view.kind);
        let prefix = key_prefix(view, keys)?;
        let edge = |at: Time| [prefix.as_slice(), &codec::instant(at)].concat();
        let mut tiles = Vec::new();
        for entry in self.tiles.range(edge(window.start)..edge(window.end)) {
            let (key, value) = entry.into_inner().map_err(|error| self.failed(&error))?;
            let start = key.get(prefix.len()..).and_then(codec::unordered).map(from_micros);
            let tile = tile_of(&layout, &value).filter(|_| start.is_some());
            let (Some(start), Some(tile)) = (start, tile) else { return Err(self.damaged(view)) };
            tiles.push((start, tile));
        }
        Ok(tiles)
    }

    fn read_tile(&self, view: &View, layout: &[StoredColumn], key: &[u8]) -> Result<Option<Tile>, OnlineError> {
        let found = self.tiles.get(key).map_err(|error| self.failed(&error))?;
        found.map(|bytes| tile_of(layout, &bytes).ok_or_else(|| self.damaged(view))).transpose()
    }

    fn push_tile(
        &self,
        batch: &mut OwnedWriteBatch,
        view: &View,
        row: &TileRow,
        tile: &Tile,
    ) -> Result<(), OnlineError> {
        let key = tile_key(view, row)?;
        let key_bytes = &key[16..key.len() - 8];
        batch.insert(&self.tile_index, index_key(view, row.start, key_bytes), Vec::new());
        let values: Vec<Value> = tile.values.iter().chain(&tile.times).cloned().collect();
        batch.insert(&self.tiles, key, codec::encode(&values));
        Ok(())
    }

    pub(super) fn damaged(&self, view: &View) -> OnlineError {
        OnlineError::Store {
            path: self.path.display().to_string(),
            problem: format!(
                "stored data of view {} cannot be read: materialize its windows again with overwrite",
                view.name
            ),
        }
    }

    /// The newest event that the rows can stand for: their newest time, or the end of their newest tile less a tick.
    pub(super) fn newest_of(&self, view: &View, rows: &DataFrame) -> Result<Option<Time>, OnlineError> {
        let (name, extra) = match &view.kind {
            Kind::Aggregate { interval, .. } => (ANCHOR, (*interval - Span::microseconds(1)).max(Span::zero())),
            Kind::Temporal { .. } => (view.timestamp_field.as_str(), Span::zero()),
        };
        let column = rows.column(name).map_err(|error| unfit(view, &error))?;
        let times = frame::values(column).into_iter().filter_map(|value| match value {
            Value::Time(at) => Some(at),
            Value::Int(nanos) => Some(from_micros(nanos.div_euclid(1_000))),
            _ => None,
        });
        Ok(times.max().map(|at| at + extra))
    }
}

/// Rows that lack the columns of the view.
pub(super) fn unfit(view: &View, error: &polars::prelude::PolarsError) -> OnlineError {
    OnlineError::Mismatch(format!("view {}: the rows to be written do not fit it: {error}", view.name))
}

fn tile_rows(view: &View, rows: &DataFrame) -> Result<Vec<TileRow>, OnlineError> {
    let layout = stored_columns(&view.kind);
    let ordered = layout.iter().filter(|stored| stored.part.is_ordered()).map(|stored| times_name(&stored.name));
    let times: Vec<String> = ordered.filter(|name| rows.column(name).is_ok()).collect();
    let keys = view.join_keys.iter().map(|(name, _)| name.as_str());
    let stored = layout.iter().map(|stored| stored.name.as_str());
    let names: Vec<&str> = keys.chain([ANCHOR]).chain(stored).chain(times.iter().map(String::as_str)).collect();
    let read = frame::rows(rows, &names).map_err(|error| unfit(view, &error))?;
    let row = |mut keys: Vec<Value>| {
        let mut rest = keys.split_off(view.join_keys.len()).into_iter();
        let Some(Value::Int(nanos)) = rest.next() else {
            return Err(OnlineError::Mismatch(format!("view {}: a row has no {ANCHOR}", view.name)));
        };
        let values = rest.by_ref().take(layout.len()).collect();
        Ok(TileRow { keys, start: from_micros(nanos.div_euclid(1_000)), tile: Tile { values, times: rest.collect() } })
    };
    read.into_iter().map(row).collect()
}

fn tile_of(layout: &[StoredColumn], bytes: &[u8]) -> Option<Tile> {
    let mut values = codec::decode(bytes)?;
    let times = (values.len() >= layout.len()).then(|| values.split_off(layout.len()))?;
    Some(Tile { values, times })
}

/// The rows by tile key. In continuous mode several events of a key may share an instant: they count together.
fn one_a_key(view: &View, rows: Vec<TileRow>) -> Result<BTreeMap<Vec<u8>, (TileRow, Tile)>, OnlineError> {
    let layout = stored_columns(&view.kind);
    let mut tiles: BTreeMap<Vec<u8>, (TileRow, Tile)> = BTreeMap::new();
    for row in rows {
        let key = tile_key(view, &row)?;
        let tile = match tiles.remove(&key) {
            Some((_, known)) => aggregate::merge(&layout, &known, &row.tile)
                .map_err(|error| OnlineError::Mismatch(format!("view {}: {error}", view.name)))?,
            None => row.tile.clone(),
        };
        tiles.insert(key, (row, tile));
    }
    Ok(tiles)
}

/// view, key, tile start.
fn tile_key(view: &View, row: &TileRow) -> Result<Vec<u8>, OnlineError> {
    let mut key = key_prefix(view, &row.keys)?;
    key.extend(codec::instant(row.start));
    Ok(key)
}

/// view, tile start, key.
fn index_key(view: &View, start: Time, key: &[u8]) -> Vec<u8> {
    [view.id.0.to_be_bytes().as_slice(), &codec::instant(start), key].concat()
}

/// The key of the tile that an entry of the index stands for.
fn tile_key_of_index(index: &[u8]) -> Option<Vec<u8>> {
    Some([index.get(..16)?, index.get(24..)?, index.get(16..24)?].concat())
}
