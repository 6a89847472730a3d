//! How the embedded store finds what is over: tiles by its index, rows by a pass over all of them, and nothing at all
//! where the oldest value is known to count still.

use std::collections::HashMap;
use std::ops::ControlFlow;

use super::super::contract::{Expired, ID_BYTES, Over, Space, TIME_BYTES};
use super::super::{codec, key};
use super::index;
use super::open::{Failure, Kept, Open};
use crate::model::Id;

/// Rows that one call of [`Sweeps::expire`] looks at, at most.
const LOOKED_AT: usize = 200_000;

/// How far the expiry of each view is. In memory alone: after a start one pass looks at everything.
#[derive(Default)]
pub(super) struct Sweeps(HashMap<Id, Sweep>);

/// How far the expiry of one view is.
struct Sweep {
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

/// The oldest time of each view among the values that a write puts.
#[derive(Default)]
pub(super) struct Oldest(Vec<([u8; ID_BYTES], i64)>);

impl Oldest {
    /// A tile, with its joined key, is put.
    pub(super) fn tile(&mut self, key: &[u8]) {
        self.note(key, key.last_chunk());
    }

    /// A row, with its joined key, is put.
    pub(super) fn row(&mut self, key: &[u8], value: &[u8]) {
        self.note(key, value.first_chunk());
    }

    fn note(&mut self, key: &[u8], time: Option<&[u8; TIME_BYTES]>) {
        let Some((view, time)) = key.first_chunk::<ID_BYTES>().zip(time.and_then(|time| codec::unordered(time))) else {
            return;
        };
        // Almost every write is of one view.
        match self.0.iter_mut().rev().find(|(known, _)| known == view) {
            Some((_, oldest)) => *oldest = time.min(*oldest),
            None => self.0.push((*view, time)),
        }
    }
}

impl Sweeps {
    /// Values with these times are about to be there.
    pub(super) fn note(&mut self, oldest: Oldest) {
        for (view, time) in oldest.0 {
            let sweep = self.0.entry(Id(u128::from_be_bytes(view))).or_default();
            (sweep.oldest, sweep.left) = (sweep.oldest.min(time), sweep.left.min(time));
        }
    }

    /// Whether some value of the view may be over.
    pub(super) fn may_hold(&self, view: Id, over: Over) -> bool {
        self.0.get(&view).is_none_or(|sweep| sweep.oldest < over.before)
    }

    /// Removes at most `limit` values that are over: the oldest tiles first; rows in the order of their keys,
    /// [`LOOKED_AT`] a call.
    pub(super) fn expire(
        &mut self,
        open: &Open,
        (space, view): (Space, Id),
        over: Over,
        limit: usize,
    ) -> Result<Expired, Failure> {
        let sweep = self.0.entry(view).or_default();
        match space {
            Space::Tiles => sweep.tiles(open, view, over.before, limit),
            Space::Rows => sweep.rows(open, view, over.before, limit),
            Space::Views => Ok(Expired::default()),
        }
    }
}

impl Sweep {
    fn tiles(&mut self, open: &Open, view: Id, before: i64, limit: usize) -> Result<Expired, Failure> {
        let mut found = Vec::new();
        let edges = (index::edge(view, self.oldest), index::edge(view, before));
        open.scan(Kept::TileIndex, &edges.0, &edges.1, &mut |entry, _| {
            found.extend(index::tile_of(entry));
            if found.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
        .map_err(Failure::Read)?;
        let gone = found.len();
        let last = found.last().and_then(|tile| index::start_of(tile));
        open.remove(Space::Tiles, found)?;
        self.oldest = if gone < limit { before } else { last.unwrap_or(self.oldest) };
        Ok(Expired { gone: gone as u64, damaged: 0 })
    }

    fn rows(&mut self, open: &Open, view: Id, before: i64, limit: usize) -> Result<Expired, Failure> {
        if self.next.is_none() {
            self.left = i64::MAX;
        }
        let first = view.0.to_be_bytes();
        let from = self.next.clone().unwrap_or_else(|| first.to_vec());
        let (mut found, mut looked_at, mut left, mut next, mut damaged) = (Vec::new(), 0, self.left, None, 0);
        open.scan(Kept::Rows, &from, &key::after(&first), &mut |key, value| {
            if found.len() == limit || looked_at == LOOKED_AT {
                next = Some(key.to_vec());
                return ControlFlow::Break(());
            }
            looked_at += 1;
            match value.first_chunk::<TIME_BYTES>().and_then(|time| codec::unordered(time)) {
                Some(time) if time < before => found.push(key.to_vec()),
                Some(time) => left = left.min(time),
                None => damaged += 1,
            }
            ControlFlow::Continue(())
        })
        .map_err(Failure::Read)?;
        if damaged > 0 {
            return Ok(Expired { gone: 0, damaged });
        }
        let gone = found.len() as u64;
        open.remove(Space::Rows, found)?;
        (self.next, self.left) = (next, left);
        if self.next.is_none() {
            self.oldest = left;
        }
        Ok(Expired { gone, damaged: 0 })
    }
}
