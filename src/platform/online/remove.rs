//! Removing the data of some join keys.

use polars::prelude::DataFrame;

use super::OnlineError;
use super::cells::KeyCells;
use super::chunks::Chunks;
use super::contract::Change;
use super::key::{Key, KeyRange};
use super::plan::Plan;

/// Removes everything of the join keys of a frame.
pub(super) fn delete(chunks: &mut Chunks<'_>, plan: &Plan, keys: &DataFrame) -> Result<(), OnlineError> {
    let cells = KeyCells::new(plan, keys)?;
    let mut keys: Vec<Key> = (0..keys.height()).map(|row| cells.key(row)).collect();
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        chunks.begin_key(key.joined())?;
        // No join key is the beginning of another, so what is below it is its own.
        chunks.push(Change::RemoveRange { space: plan.space(), range: KeyRange::below(key) });
    }
    Ok(())
}
