//! Removing: the data of some join keys, and what no lookup can reach any more.

use std::ops::ControlFlow;

use polars::prelude::DataFrame;

use super::cells::KeyCells;
use super::chunks::{Chunks, PART_BYTES};
use super::contract::{ByteStore, Change, Space, after};
use super::plan::{Plan, tile_key};
use super::tiles::start_of;
use super::{OnlineError, damaged, rows, tiles};

/// Rows that one call of [`expire`] looks at, at most.
const LOOKED_AT: usize = 200_000;

/// Removes everything of the join keys of a frame. Returns the tiles or rows that are gone.
pub fn delete(
    chunks: &mut Chunks<'_>,
    bytes: &dyn ByteStore,
    plan: &Plan,
    keys: &DataFrame,
) -> Result<u64, OnlineError> {
    let cells = KeyCells::of(plan, keys)?;
    let mut prefixes: Vec<Vec<u8>> = (0..keys.height()).map(|row| cells.key(row)).collect();
    prefixes.sort_unstable();
    prefixes.dedup();
    let mut gone = 0;
    for prefix in prefixes {
        if plan.space() == Space::Rows {
            if bytes.get(Space::Rows, &prefix)?.is_some() {
                gone += 1;
                chunks.key(&prefix)?;
                chunks.push(Change::Remove { space: Space::Rows, key: prefix });
            }
            continue;
        }
        let mut found = Vec::new();
        // No join key is the beginning of another, so these are the tiles of this one alone.
        bytes.scan(Space::Tiles, &prefix, &after(&prefix), &mut |key, _| {
            found.push(key.to_vec());
            ControlFlow::Continue(())
        })?;
        gone += found.len() as u64;
        found.into_iter().try_for_each(|key| tiles::remove(chunks, plan, key))?;
    }
    Ok(gone)
}

/// How far the expiry of one view is. In memory alone: after a start one pass looks at everything.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// No stored tile starts, and no stored row is, before this instant, microseconds.
    oldest: i64,
    /// Rows: the first key of the pass under way that was not looked at.
    next: Option<Vec<u8>>,
    /// Rows: the oldest time that the pass under way has left, and writes have added.
    left: i64,
}

impl Default for Sweep {
    fn default() -> Self {
        Self { oldest: i64::MIN, next: None, left: i64::MAX }
    }
}

impl Sweep {
    /// A tile that starts, or a row of that time, is about to be written.
    pub fn note(&mut self, at: Option<i64>) {
        let at = at.unwrap_or(i64::MAX);
        (self.oldest, self.left) = (self.oldest.min(at), self.left.min(at));
    }
}

/// Removes at most `limit` tiles or rows that no lookup at `now` (microseconds) or later can reach; the oldest tiles first.
/// Rows are looked at in the order of their keys, [`LOOKED_AT`] a call at most; the next call goes on from there.
pub fn expire(
    bytes: &dyn ByteStore,
    plan: &Plan,
    now: i64,
    limit: usize,
    sweep: &mut Sweep,
) -> Result<u64, OnlineError> {
    if limit == 0 {
        return Ok(0);
    }
    match plan.space() {
        Space::Rows => expire_rows(bytes, plan, now, limit, sweep),
        _ => expire_tiles(bytes, plan, now, limit, sweep),
    }
}

fn expire_tiles(
    bytes: &dyn ByteStore,
    plan: &Plan,
    now: i64,
    limit: usize,
    sweep: &mut Sweep,
) -> Result<u64, OnlineError> {
    let first = plan.first_start(now);
    if sweep.oldest >= first {
        return Ok(0);
    }
    let mut found = Vec::new();
    let (from, to) = (plan.index_edge(sweep.oldest), plan.index_edge(first));
    bytes.scan(Space::TileIndex, &from, &to, &mut |index, _| {
        found.extend(tile_key(index));
        if found.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    let gone = found.len();
    let last = found.last().and_then(|key| start_of(key));
    let mut chunks = Chunks::new(bytes, PART_BYTES);
    found.into_iter().try_for_each(|key| tiles::remove(&mut chunks, plan, key))?;
    chunks.finish()?;
    sweep.oldest = if gone < limit { first } else { last.unwrap_or(sweep.oldest) };
    Ok(gone as u64)
}

fn expire_rows(
    bytes: &dyn ByteStore,
    plan: &Plan,
    now: i64,
    limit: usize,
    sweep: &mut Sweep,
) -> Result<u64, OnlineError> {
    let is_over = |time: i64| plan.row_ends(time).is_some_and(|end| end <= now);
    if !is_over(sweep.oldest) {
        return Ok(0);
    }
    let (first, end) = plan.everything();
    if sweep.next.is_none() {
        sweep.left = i64::MAX;
    }
    let from = sweep.next.clone().unwrap_or(first);
    let (mut found, mut looked_at, mut left, mut next) = (Vec::new(), 0, sweep.left, None);
    let mut whole = true;
    bytes.scan(Space::Rows, &from, &end, &mut |key, value| {
        if found.len() == limit || looked_at == LOOKED_AT {
            next = Some(key.to_vec());
            return ControlFlow::Break(());
        }
        looked_at += 1;
        match rows::time_of(value) {
            Some(time) if is_over(time) => found.push(key.to_vec()),
            Some(time) => left = left.min(time),
            None => whole = false,
        }
        ControlFlow::Continue(())
    })?;
    if !whole {
        return Err(damaged(plan, bytes));
    }
    let gone = found.len() as u64;
    let mut chunks = Chunks::new(bytes, PART_BYTES);
    for key in found {
        chunks.key(&key)?;
        chunks.push(Change::Remove { space: Space::Rows, key });
    }
    chunks.finish()?;
    (sweep.next, sweep.left) = (next, left);
    if sweep.next.is_none() {
        sweep.oldest = left;
    }
    Ok(gone)
}
