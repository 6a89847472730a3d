//! Queries by the keys of the serving index: one entry for each value of the wildcard key (docs/semantics.md
//! section 9).

use std::ops::ControlFlow;

use super::contract::{ByteStore, Space, after};
use super::plan::{ID_BYTES, Plan, START_BYTES};
use super::tiles::{start_of, tile_of};
use super::vector::{self, At};
use super::{Entry, OnlineError, codec, damaged, rows};
use crate::model::time::micros;
use crate::model::{Time, Value};
use crate::platform::tiles::Tile;

/// Entries that one query answers at most.
pub const MOST_ENTRIES: usize = 10_000;

/// What a scan has found so far: the entries that are whole, and the tiles of the key under way.
struct Found<'a> {
    plan: &'a Plan,
    at: At,
    key: Vec<u8>,
    tiles: Vec<(i64, Tile)>,
    entries: Vec<Entry>,
}

/// The entries under the indexed keys at instant `at`, in the order of the wildcard key.
pub fn query(bytes: &dyn ByteStore, plan: &Plan, indexed: &[Value], at: Time) -> Result<Vec<Entry>, OnlineError> {
    let prefix = plan.index_prefix(indexed)?;
    let mut found = Found { plan, at: At::of(plan, at), key: Vec::new(), tiles: Vec::new(), entries: Vec::new() };
    let mut failed = None;
    bytes.scan(plan.space(), &prefix, &after(&prefix), &mut |key, value| {
        let taken = match plan.space() {
            Space::Rows => found.row(bytes, key, value, at),
            _ => found.tile(bytes, key, value),
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
        None => found.close(bytes).map(|()| found.entries),
    }
}

impl Found<'_> {
    fn tile(&mut self, bytes: &dyn ByteStore, key: &[u8], value: &[u8]) -> Result<(), OnlineError> {
        let start = start_of(key).ok_or_else(|| damaged(self.plan, bytes))?;
        if start < self.at.from || start >= self.at.to {
            return Ok(());
        }
        let key = &key[..key.len() - START_BYTES];
        if self.key != key {
            self.close(bytes)?;
            self.key = key.to_vec();
        }
        self.tiles.push((start, tile_of(self.plan, value).ok_or_else(|| damaged(self.plan, bytes))?));
        Ok(())
    }

    /// Ends the key under way.
    fn close(&mut self, bytes: &dyn ByteStore) -> Result<(), OnlineError> {
        if self.tiles.is_empty() {
            return Ok(());
        }
        let keys = keys_of(self.plan, &self.key).ok_or_else(|| damaged(self.plan, bytes))?;
        let tiles = std::mem::take(&mut self.tiles);
        let vector = vector::of_tiles(self.plan, &keys, &tiles, self.at)?;
        self.add((keys, vector))
    }

    fn row(&mut self, bytes: &dyn ByteStore, key: &[u8], value: &[u8], at: Time) -> Result<(), OnlineError> {
        let time = rows::time_of(value).ok_or_else(|| damaged(self.plan, bytes))?;
        if !vector::is_alive(self.plan, time, micros(at)) {
            return Ok(());
        }
        let row = rows::row_of(value).zip(keys_of(self.plan, key));
        let (row, keys) = row.ok_or_else(|| damaged(self.plan, bytes))?;
        let vector = vector::of_row(self.plan, &keys, Some(row));
        self.add((keys, vector))
    }

    fn add(&mut self, entry: Entry) -> Result<(), OnlineError> {
        if self.entries.len() == MOST_ENTRIES {
            return Err(OnlineError::TooMany { view: self.plan.name.clone(), most: MOST_ENTRIES });
        }
        self.entries.push(entry);
        Ok(())
    }
}

/// The join keys behind a stored key, in the view's order; absent when it is damaged.
fn keys_of(plan: &Plan, key: &[u8]) -> Option<Vec<Value>> {
    let mut rest = key.get(ID_BYTES..)?;
    let mut keys = vec![Value::Null; plan.join_keys.len()];
    for at in &plan.order {
        (keys[*at], rest) = codec::take_key(rest)?;
    }
    rest.is_empty().then_some(keys)
}
