//! Queries by the keys of the serving index: one entry for each value of the wildcard key (docs/semantics.md
//! section 9).

use std::ops::ControlFlow;

use super::contract::{PartitionReads, Space, TIME_BYTES};
use super::key::KeyRange;
use super::plan::Plan;
use super::vector::{self, TileSpan};
use super::{Entry, OnlineError, codec, rows, tiles};
use crate::model::time::micros;
use crate::model::{Time, Value};
use crate::platform::tiles::Tile;

/// Entries that one query answers at most.
pub(super) const MOST_ENTRIES: usize = 10_000;

/// What a range has given so far: the entries that are whole, and the tiles of the wildcard key under way.
struct Found<'a> {
    plan: &'a Plan,
    reads: &'a dyn PartitionReads,
    span: TileSpan,
    /// The join keys in the view's order, with nulls in the place of the wildcard key.
    indexed: Vec<Value>,
    /// The wildcard key of the tiles under way, as in a sort key.
    wildcard: Vec<u8>,
    tiles: Vec<(i64, Tile)>,
    entries: Vec<Entry>,
}

/// The entries under the indexed keys at instant `at`, in the order of the wildcard key.
pub(super) fn query(
    reads: &dyn PartitionReads,
    plan: &Plan,
    indexed: &[Value],
    at: Time,
) -> Result<Vec<Entry>, OnlineError> {
    let (partition, indexed) = plan.partition(indexed)?;
    let mut found = Found {
        plan,
        reads,
        span: TileSpan::seen_at(plan, at),
        indexed,
        wildcard: Vec::new(),
        tiles: Vec::new(),
        entries: Vec::new(),
    };
    let mut failed = None;
    reads.range(plan.space(), &KeyRange::below(partition), &mut |sort, value| {
        let taken = match plan.space() {
            Space::Rows => found.row(sort, value, at),
            _ => found.tile(sort, value),
        };
        match taken {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    match failed {
        Some(error) => Err(error),
        None => found.close().map(|()| found.entries),
    }
}

impl Found<'_> {
    fn tile(&mut self, sort: &[u8], value: &[u8]) -> Result<(), OnlineError> {
        let start = tiles::start_of(sort).ok_or_else(|| self.plan.damaged(self.reads))?;
        if start < self.span.from || start >= self.span.to {
            return Ok(());
        }
        let wildcard = &sort[..sort.len() - TIME_BYTES];
        if self.wildcard != wildcard {
            self.close()?;
            self.wildcard = wildcard.to_vec();
        }
        self.tiles.push((start, tiles::decode(self.plan, value).ok_or_else(|| self.plan.damaged(self.reads))?));
        Ok(())
    }

    /// Ends the wildcard key under way.
    fn close(&mut self) -> Result<(), OnlineError> {
        if self.tiles.is_empty() {
            return Ok(());
        }
        let keys = self.keys(&self.wildcard)?;
        let tiles = std::mem::take(&mut self.tiles);
        let vector = vector::from_tiles(self.plan, &keys, &tiles, self.span)?;
        self.add((keys, vector))
    }

    fn row(&mut self, sort: &[u8], value: &[u8], at: Time) -> Result<(), OnlineError> {
        let time = rows::time_of(value).ok_or_else(|| self.plan.damaged(self.reads))?;
        if !vector::is_alive(self.plan, time, micros(at)) {
            return Ok(());
        }
        let row = rows::decode(value).ok_or_else(|| self.plan.damaged(self.reads))?;
        let keys = self.keys(sort)?;
        let vector = vector::from_row(self.plan, &keys, Some(row));
        self.add((keys, vector))
    }

    /// The join keys of an entry, in the view's order.
    fn keys(&self, wildcard: &[u8]) -> Result<Vec<Value>, OnlineError> {
        let mut rest = wildcard;
        let mut keys = self.indexed.clone();
        for at in &self.plan.order[self.plan.indexed..] {
            (keys[*at], rest) = codec::take_key(rest).ok_or_else(|| self.plan.damaged(self.reads))?;
        }
        if rest.is_empty() { Ok(keys) } else { Err(self.plan.damaged(self.reads)) }
    }

    fn add(&mut self, entry: Entry) -> Result<(), OnlineError> {
        if self.entries.len() == MOST_ENTRIES {
            return Err(OnlineError::TooMany { view: self.plan.name.clone(), most: MOST_ENTRIES });
        }
        self.entries.push(entry);
        Ok(())
    }
}
