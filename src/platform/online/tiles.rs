//! Tiles: replaced by batch, merged by streams, read by lookups.

use std::ops::ControlFlow;

use polars::prelude::DataFrame;

use super::bounds::{Bounds, Fate};
use super::cells::{Cells, KeyCells, unfit};
use super::chunks::Chunks;
use super::contract::{Change, PartitionReads, PartitionStore, Space, TIME_BYTES};
use super::key::{Key, KeyRange};
use super::plan::Plan;
use super::{BatchWrite, OnlineError, StreamWrite, codec, make_ahead, sort_rows};
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
    fn new(plan: &Plan, rows: &DataFrame) -> Result<Self, OnlineError> {
        let stored = plan.layout.iter().map(|stored| stored.name.clone());
        let ordered = plan.layout.iter().filter(|stored| stored.part.is_ordered());
        let times = ordered.map(|stored| times_name(&stored.name)).filter(|name| rows.column(name).is_ok());
        let values = stored.chain(times).map(|name| Cells::column(rows, &name)).collect::<Result<_, _>>();
        Ok(Self {
            keys: KeyCells::new(plan, rows)?,
            starts: Cells::column(rows, ANCHOR).map_err(|error| unfit(plan, &error))?,
            values: values.map_err(|error| unfit(plan, &error))?,
        })
    }

    /// Start of a row's tile, microseconds.
    fn start(&self, plan: &Plan, row: usize) -> Result<i64, OnlineError> {
        let nanos = self.starts.number(row);
        let missing = || OnlineError::Mismatch(format!("view {}: a row has no {ANCHOR}", plan.name));
        nanos.map(|nanos| nanos.div_euclid(1_000)).ok_or_else(missing)
    }

    fn key(&self, row: usize, start: i64) -> Key {
        self.keys.key(row).then(&codec::ordered(start))
    }

    fn value(&self, row: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(8 + 9 * self.values.len());
        codec::begin_tile(&mut bytes, self.values.len());
        self.values.iter().for_each(|column| column.push(row, &mut bytes));
        bytes
    }

    fn tile(&self, plan: &Plan, reads: &dyn PartitionReads, row: usize) -> Result<Tile, OnlineError> {
        decode(plan, &self.value(row)).ok_or_else(|| plan.damaged(reads))
    }
}

/// The rows of one tile, by key and number, and their value.
type Encoded<'a> = (&'a [(Key, usize)], Result<Vec<u8>, OnlineError>);

/// Puts the tiles of the rows in the place of all tiles of the window. Rows that no lookup can reach at `now` or later
/// are left out.
pub(super) fn replace(
    chunks: &mut Chunks<'_>,
    place: &dyn PartitionStore,
    plan: &Plan,
    (window, now): (Window, Time),
    rows: &DataFrame,
) -> Result<BatchWrite, OnlineError> {
    let cells = TileCells::new(plan, rows)?;
    let first = plan.first_start(micros(now));
    let mut done = BatchWrite::default();
    let mut tiles: Vec<(Key, usize)> = Vec::with_capacity(rows.height());
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
            tiles.push((cells.key(row, start), row));
        }
    }
    sort_rows::sort_by_key(&mut tiles, |(key, row)| (key.joined(), *row));
    let mut there = stored_in(place, plan, window)?.into_iter().peekable();
    let value = |rows: &[(Key, usize)]| match rows {
        [(_, row)] => Ok(cells.value(*row)),
        rows => merged(plan, place, &cells, rows),
    };
    let mut encoded = tiles.chunk_by(|a, b| a.0 == b.0).map(|rows| (rows, value(rows)));
    let great = chunks.is_great(tiles.len(), tiles.first().map_or(0, |(key, _)| 3 * key.len()));
    let mut write = |encoded: &mut dyn Iterator<Item = Encoded<'_>>| {
        for (rows, value) in encoded {
            let (Some((key, _)), value) = (rows.first(), value?) else { continue };
            while let Some(gone) = there.next_if(|there| there.as_slice() < key.joined()) {
                remove(chunks, plan.split(gone))?;
            }
            let is_new = there.next_if(|there| there == key.joined()).is_none();
            // In continuous mode several events of a key may share an instant: they are one tile, and count each.
            done.rows += rows.len() as u64;
            done.bytes += (key.len() + value.len()) as u64;
            put(chunks, plan, key, value, is_new)?;
        }
        there.try_for_each(|gone| remove(chunks, plan.split(gone)))
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
    reads: &dyn PartitionReads,
    cells: &TileCells,
    rows: &[(Key, usize)],
) -> Result<Vec<u8>, OnlineError> {
    let mut tiles = rows.iter().map(|(_, row)| cells.tile(plan, reads, *row));
    let mut all = tiles.next().unwrap_or_else(|| Err(plan.damaged(reads)))?;
    for tile in tiles {
        all = merge(plan, &all, &tile?)?;
    }
    Ok(encode(&all))
}

/// The joined keys of the tiles that are stored of a window, in their order.
fn stored_in(place: &dyn PartitionStore, plan: &Plan, window: Window) -> Result<Vec<Vec<u8>>, OnlineError> {
    let mut keys = Vec::new();
    place.tiles_in(plan.id, micros(window.start), micros(window.end), &mut |joined| keys.push(joined.to_vec()))?;
    keys.sort_unstable();
    Ok(keys)
}

fn put(chunks: &mut Chunks<'_>, plan: &Plan, key: &Key, value: Vec<u8>, is_new: bool) -> Result<(), OnlineError> {
    chunks.begin_key(join_key(key.joined()))?;
    chunks.push(change(plan, key.clone(), value, is_new));
    Ok(())
}

fn change(plan: &Plan, key: Key, value: Vec<u8>, is_new: bool) -> Change {
    let (space, ends) = (Space::Tiles, plan.ends(key.sort(), &value));
    if is_new { Change::Put { space, key, value, ends } } else { Change::Replace { space, key, value, ends } }
}

pub(super) fn remove(chunks: &mut Chunks<'_>, key: Key) -> Result<(), OnlineError> {
    chunks.begin_key(join_key(key.joined()))?;
    chunks.push(Change::Remove { space: Space::Tiles, key });
    Ok(())
}

/// A tile's joined key without its start.
fn join_key(joined: &[u8]) -> &[u8] {
    &joined[..joined.len().saturating_sub(TIME_BYTES)]
}

/// Merges the rows into the tiles there are. Late tiles, and those of windows that batch wrote, are left out.
pub(super) fn merge_stream(
    place: &dyn PartitionStore,
    plan: &Plan,
    bounds: &Bounds,
    rows: &DataFrame,
) -> Result<(Vec<Change>, StreamWrite), OnlineError> {
    let cells = TileCells::new(plan, rows)?;
    let mut done = StreamWrite::default();
    let mut tiles: Vec<(Key, usize)> = Vec::with_capacity(rows.height());
    for row in 0..rows.height() {
        let start = cells.start(plan, row)?;
        if bounds.fate_of_tile(start) != Fate::Taken {
            done.late += 1;
        } else {
            tiles.push((cells.key(row, start), row));
        }
    }
    sort_rows::sort_by_key(&mut tiles, |(key, row)| (key.joined(), *row));
    let keys: Vec<Key> = tiles.chunk_by(|a, b| a.0 == b.0).filter_map(|rows| Some(rows.first()?.0.clone())).collect();
    done.written = keys.len() as u64;
    let stored = place.get_many(Space::Tiles, &keys)?;
    let mut changes = Vec::with_capacity(keys.len());
    for ((rows, key), stored) in tiles.chunk_by(|a, b| a.0 == b.0).zip(keys).zip(stored) {
        let is_new = stored.is_none();
        let mut all = stored.map(|value| decode(plan, &value).ok_or_else(|| plan.damaged(place))).transpose()?;
        for (_, row) in rows {
            let tile = cells.tile(plan, place, *row)?;
            all = Some(match all {
                Some(all) => merge(plan, &all, &tile)?,
                None => tile,
            });
        }
        changes.extend(all.map(|tile| change(plan, key, encode(&tile), is_new)));
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
pub(super) fn decode(plan: &Plan, value: &[u8]) -> Option<Tile> {
    let (mut values, is_whole) = codec::decode_tile(value)?;
    let unshown = plan.layout.iter().filter(|stored| !stored.part.is_shown()).count();
    let lacking = if is_whole { 0 } else { unshown };
    let kept = plan.layout.len() - lacking;
    let times = (values.len() >= kept).then(|| values.split_off(kept))?;
    values.resize(plan.layout.len(), Value::Null);
    Some(Tile { values, times })
}

/// The tiles of one join key whose starts lie in `[from, to)`, microseconds, oldest first.
pub(super) fn read(
    reads: &dyn PartitionReads,
    plan: &Plan,
    key: Key,
    (from, to): (i64, i64),
) -> Result<Vec<(i64, Tile)>, OnlineError> {
    let range = KeyRange::between(key, &codec::ordered(from), &codec::ordered(to));
    let mut tiles = Vec::new();
    let mut whole = true;
    reads.range(Space::Tiles, &range, &mut |sort, value| {
        match start_of(sort).zip(decode(plan, value)) {
            Some(tile) => tiles.push(tile),
            None => whole = false,
        }
        if whole { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    if whole { Ok(tiles) } else { Err(plan.damaged(reads)) }
}

/// The start at the end of a tile's sort key, microseconds.
pub(super) fn start_of(sort: &[u8]) -> Option<i64> {
    codec::unordered(sort.last_chunk::<TIME_BYTES>()?)
}

/// The newest event that the rows can stand for: the last instant of their newest tile, or the newest event itself.
pub(super) fn newest_event(plan: &Plan, rows: &DataFrame) -> Result<Option<Time>, OnlineError> {
    let starts = Cells::column(rows, ANCHOR).map_err(|error| unfit(plan, &error))?;
    let last = (plan.reach().0 - 1).max(0);
    Ok(starts.max().map(|nanos| from_micros(nanos.div_euclid(1_000).saturating_add(last))))
}
