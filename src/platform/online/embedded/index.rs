//! The embedded store's index of tiles: for each tile an entry of view, start and join key, without a value. It finds
//! the tiles of a window over all keys, oldest first. Entries change in the same batch as their tiles; nobody outside
//! sees them.

use super::super::codec;
use super::super::contract::{ID_BYTES, TIME_BYTES};
use crate::model::Id;

/// The entry of a tile, of its joined key.
pub(super) fn entry_of(tile: &[u8]) -> Option<Vec<u8>> {
    let (rest, start) = tile.split_last_chunk::<TIME_BYTES>()?;
    Some([rest.get(..ID_BYTES)?, start, rest.get(ID_BYTES..)?].concat())
}

/// The joined key of the tile that an entry stands for.
pub(super) fn tile_of(entry: &[u8]) -> Option<Vec<u8>> {
    let (id, rest) = entry.split_at_checked(ID_BYTES)?;
    let (start, key) = rest.split_at_checked(TIME_BYTES)?;
    Some([id, key, start].concat())
}

/// The edge before all entries of a view whose tiles start at that instant or later, microseconds.
pub(super) fn edge(view: Id, start: i64) -> [u8; ID_BYTES + TIME_BYTES] {
    let mut edge = [0; ID_BYTES + TIME_BYTES];
    edge[..ID_BYTES].copy_from_slice(&view.0.to_be_bytes());
    edge[ID_BYTES..].copy_from_slice(&codec::ordered(start));
    edge
}

/// The start of a tile, of its joined key, microseconds.
pub(super) fn start_of(tile: &[u8]) -> Option<i64> {
    codec::unordered(tile.last_chunk::<TIME_BYTES>()?)
}
