//! Tiles: replaced by batch, merged by streams, read by lookups.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use polars::prelude::DataFrame;

use super::cells::{Cells, KeyCells, unfit};
use super::chunks::Chunks;
use super::contract::{ByteStore, Change, Space};
use super::meta::Windows;
use super::plan::{Plan, START_BYTES, tile_key};
use super::remove::Sweep;
use super::{BatchWrite, OnlineError, StreamWrite, codec, damaged, make_ahead, sort_rows};
use crate::model::time::{from_micros, micros};
use crate::model::{Time, Value, Window};
use crate::platform::tiles::names::{ANCHOR, times_name};
use crate::platform::tiles::{self, Tile};

/// A frame of stored rows, ready to become tiles.
struct TileCells {
    keys: KeyCells,
    starts: Cells,
    /// The stored columns, then the times behind ordered ones where the frame has them.
    values: Vec<Cells>,
}

impl TileCells {
    fn of(plan: &Plan, rows: &DataFrame) -> Result<Self, OnlineError> {
        let stored = plan.layout.iter().map(|stored| stored.name.clone());
        let ordered = plan.layout.iter().filter(|stored| stored.part.is_ordered());
        let times = ordered.map(|stored| times_name(&stored.name)).filter(|name| rows.column(name).is_ok());
        let values = stored.chain(times).map(|name| Cells::of(rows, &name)).collect::<Result<_, _>>();
        Ok(Self {
            keys: KeyCells::of(plan, rows)?,
            starts: Cells::of(rows, ANCHOR).map_err(|error| unfit(plan, &error))?,
            values: values.map_err(|error| unfit(plan, &error))?,
        })
    }

    /// Start of a row's tile, microseconds.
    fn start(&self, plan: &Plan, row: usize) -> Result<i64, OnlineError> {
        let nanos = self.starts.number(row);
        let missing = || OnlineError::Mismatch(format!("view {}: a row has no {ANCHOR}", plan.name));
        nanos.map(|nanos| nanos.div_euclid(1_000)).ok_or_else(missing)
    }

    fn key(&self, row: usize, start: i64) -> Vec<u8> {
        let mut key = self.keys.key(row);
        key.extend(codec::ordered(start));
        key
    }

    fn value(&self, row: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(8 + 9 * self.values.len());
        codec::begin_tile(&mut bytes, self.values.len());
        self.values.iter().for_each(|column| column.push(row, &mut bytes));
        bytes
    }

    fn tile(&self, plan: &Plan, bytes: &dyn ByteStore, row: usize) -> Result<Tile, OnlineError> {
        tile_of(plan, &self.value(row)).ok_or_else(|| damaged(plan, bytes))
    }
}

/// The rows of one tile, by key and number, and their value.
type Encoded<'a> = (&'a [(Vec<u8>, usize)], Result<Vec<u8>, OnlineError>);

/// Puts the tiles of the rows in the place of all tiles of the window. Rows that no lookup can reach at `now` or later are
/// left out.
pub fn replace(
    chunks: &mut Chunks<'_>,
    bytes: &dyn ByteStore,
    plan: &Plan,
    (window, now): (Window, Time),
    rows: &DataFrame,
    sweep: &mut Sweep,
) -> Result<BatchWrite, OnlineError> {
    let cells = TileCells::of(plan, rows)?;
    let first = plan.first_start(micros(now));
    let mut done = BatchWrite::default();
    let mut tiles: Vec<(Vec<u8>, usize)> = Vec::with_capacity(rows.height());
    for row in 0..rows.height() {
        let start = cells.start(plan, row)?;
        if !window.contains(from_micros(start)) {
            let at = from_micros(start);
            let problem = format!("view {}: the tile of {at} lies outside the window that is written", plan.name);
            return Err(OnlineError::Mismatch(problem));
        }
        if start < first {
            done.skipped += 1;
        } else {
            sweep.note(Some(start));
            tiles.push((cells.key(row, start), row));
        }
    }
    sort_rows::sort_by_key(&mut tiles, |(key, row)| (key, *row));
    let mut there = tiles_of_window(bytes, plan, window)?.into_iter().peekable();
    let value = |rows: &[(Vec<u8>, usize)]| match rows {
        [(_, row)] => Ok(cells.value(*row)),
        rows => merged(plan, bytes, &cells, rows),
    };
    let mut encoded = tiles.chunk_by(|a, b| a.0 == b.0).map(|rows| (rows, value(rows)));
    let great = chunks.is_great(tiles.len(), tiles.first().map_or(0, |(key, _)| 3 * key.len()));
    let mut write = |encoded: &mut dyn Iterator<Item = Encoded<'_>>| {
        for (rows, value) in encoded {
            let (Some((key, _)), value) = (rows.first(), value?) else { continue };
            while let Some(gone) = there.next_if(|there| there < key) {
                remove(chunks, plan, gone)?;
            }
            let is_new = there.next_if_eq(key).is_none();
            // In continuous mode several events of a key may share an instant: they are one tile, and count each.
            done.rows += rows.len() as u64;
            done.bytes += (key.len() + value.len()) as u64;
            put(chunks, plan, key, value, is_new)?;
        }
        there.try_for_each(|gone| remove(chunks, plan, gone))
    };
    if great {
        make_ahead::make_ahead(encoded, write)?
    } else {
        write(&mut encoded)?
    }
    Ok(done)
}

/// The value of several rows of one tile.
fn merged(
    plan: &Plan,
    bytes: &dyn ByteStore,
    cells: &TileCells,
    rows: &[(Vec<u8>, usize)],
) -> Result<Vec<u8>, OnlineError> {
    let mut tiles = rows.iter().map(|(_, row)| cells.tile(plan, bytes, *row));
    let mut all = tiles.next().unwrap_or_else(|| Err(damaged(plan, bytes)))?;
    for tile in tiles {
        all = merge(plan, &all, &tile?)?;
    }
    Ok(encode(&all))
}

/// Keys of the tiles that are stored of a window, in their order.
fn tiles_of_window(bytes: &dyn ByteStore, plan: &Plan, window: Window) -> Result<Vec<Vec<u8>>, OnlineError> {
    let mut keys = Vec::new();
    let edges = (plan.index_edge(micros(window.start)), plan.index_edge(micros(window.end)));
    bytes.scan(Space::TileIndex, &edges.0, &edges.1, &mut |index, _| {
        keys.extend(tile_key(index));
        ControlFlow::Continue(())
    })?;
    keys.sort_unstable();
    Ok(keys)
}

fn put(chunks: &mut Chunks<'_>, plan: &Plan, key: &[u8], value: Vec<u8>, is_new: bool) -> Result<(), OnlineError> {
    chunks.key(join_key(key))?;
    if let Some(index) = plan.index_key(key).filter(|_| is_new) {
        chunks.push(Change::Put { space: Space::TileIndex, key: index, value: Vec::new() });
    }
    chunks.push(Change::Put { space: Space::Tiles, key: key.to_vec(), value });
    Ok(())
}

/// Removes a tile and its entry in the index.
pub fn remove(chunks: &mut Chunks<'_>, plan: &Plan, key: Vec<u8>) -> Result<(), OnlineError> {
    chunks.key(join_key(&key))?;
    if let Some(index) = plan.index_key(&key) {
        chunks.push(Change::Remove { space: Space::TileIndex, key: index });
    }
    chunks.push(Change::Remove { space: Space::Tiles, key });
    Ok(())
}

/// A tile's key without its start.
fn join_key(key: &[u8]) -> &[u8] {
    &key[..key.len().saturating_sub(START_BYTES)]
}

/// What a stream's tiles are held against.
pub struct Known {
    /// Windows that batch jobs wrote.
    pub windows: Windows,
    /// Tiles that end at or before this instant come too late, microseconds.
    pub passed: Option<i64>,
}

/// Merges the rows into the tiles there are. Late tiles, and those of windows that batch wrote, are left out.
pub fn merge_stream(
    bytes: &dyn ByteStore,
    plan: &Plan,
    known: &Known,
    rows: &DataFrame,
    sweep: &mut Sweep,
) -> Result<(Vec<Change>, StreamWrite), OnlineError> {
    let cells = TileCells::of(plan, rows)?;
    let (interval, _) = plan.reach();
    let mut done = StreamWrite::default();
    let mut tiles: BTreeMap<Vec<u8>, (Tile, bool)> = BTreeMap::new();
    for row in 0..rows.height() {
        let start = cells.start(plan, row)?;
        let late = known.passed.is_some_and(|passed| start.saturating_add(interval) <= passed);
        if late || known.windows.contains(from_micros(start)) {
            done.late += 1;
            continue;
        }
        sweep.note(Some(start));
        let (key, tile) = (cells.key(row, start), cells.tile(plan, bytes, row)?);
        let (all, is_new) = match tiles.remove(&key) {
            Some((all, is_new)) => (merge(plan, &all, &tile)?, is_new),
            None => match bytes.get(Space::Tiles, &key)? {
                Some(value) => {
                    (merge(plan, &tile_of(plan, &value).ok_or_else(|| damaged(plan, bytes))?, &tile)?, false)
                }
                None => (tile, true),
            },
        };
        tiles.insert(key, (all, is_new));
    }
    done.written = tiles.len() as u64;
    let mut changes = Vec::with_capacity(2 * tiles.len());
    for (key, (tile, is_new)) in tiles {
        if let Some(index) = plan.index_key(&key).filter(|_| is_new) {
            changes.push(Change::Put { space: Space::TileIndex, key: index, value: Vec::new() });
        }
        changes.push(Change::Put { space: Space::Tiles, key, value: encode(&tile) });
    }
    Ok((changes, done))
}

fn merge(plan: &Plan, earlier: &Tile, later: &Tile) -> Result<Tile, OnlineError> {
    let failed = |error| OnlineError::Mismatch(format!("view {}: {error}", plan.name));
    tiles::merge(&plan.layout, earlier, later).map_err(failed)
}

fn encode(tile: &Tile) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8 + 9 * (tile.values.len() + tile.times.len()));
    codec::begin_tile(&mut bytes, tile.values.len() + tile.times.len());
    tile.values.iter().chain(&tile.times).for_each(|value| codec::push(&mut bytes, value));
    bytes
}

/// The tile behind a stored value; absent when that is damaged. What a tile of the form before this one lacks is null.
pub fn tile_of(plan: &Plan, bytes: &[u8]) -> Option<Tile> {
    let (mut values, is_whole) = codec::decode_tile(bytes)?;
    let unshown = plan.layout.iter().filter(|stored| !stored.part.is_shown()).count();
    let lacking = if is_whole { 0 } else { unshown };
    let kept = plan.layout.len() - lacking;
    let times = (values.len() >= kept).then(|| values.split_off(kept))?;
    values.resize(plan.layout.len(), Value::Null);
    Some(Tile { values, times })
}

/// The tiles of one join key whose starts lie in `[from, to)`, microseconds, oldest first.
pub fn read(
    bytes: &dyn ByteStore,
    plan: &Plan,
    prefix: Vec<u8>,
    (from, to): (i64, i64),
) -> Result<Vec<(i64, Tile)>, OnlineError> {
    let (mut first, mut last) = (prefix.clone(), prefix);
    first.extend(codec::ordered(from));
    last.extend(codec::ordered(to));
    let mut tiles = Vec::new();
    let mut whole = true;
    bytes.scan(Space::Tiles, &first, &last, &mut |key, value| {
        match start_of(key).zip(tile_of(plan, value)) {
            Some(tile) => tiles.push(tile),
            None => whole = false,
        }
        if whole { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    if whole { Ok(tiles) } else { Err(damaged(plan, bytes)) }
}

/// The start at the end of a tile's key, microseconds.
pub fn start_of(key: &[u8]) -> Option<i64> {
    codec::unordered(key.last_chunk::<START_BYTES>()?)
}

/// The newest event that the rows can stand for: the last instant of their newest tile, or the newest event itself.
pub fn newest_event(plan: &Plan, rows: &DataFrame) -> Result<Option<Time>, OnlineError> {
    let starts = Cells::of(rows, ANCHOR).map_err(|error| unfit(plan, &error))?;
    let last = (plan.reach().0 - 1).max(0);
    Ok(starts.max().map(|nanos| from_micros(nanos.div_euclid(1_000).saturating_add(last))))
}
