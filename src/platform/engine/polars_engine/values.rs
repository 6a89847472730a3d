//! The values of a batch's column, walked with the tiles that its rows belong to.

use polars::prelude::*;

use super::keys::UNKNOWN;

pub(crate) fn integers(values: &Column) -> PolarsResult<Column> {
    values.cast(&DataType::Int64)
}

pub(crate) fn floats(values: &Column) -> PolarsResult<Column> {
    values.cast(&DataType::Float64)
}

/// Calls `take` for each value that is there, with its tile.
pub(crate) fn each<T>(tiles: &[u32], values: impl Iterator<Item = Option<T>>, mut take: impl FnMut(usize, T)) {
    for (tile, value) in tiles.iter().zip(values) {
        if let Some(value) = value.filter(|_| *tile != UNKNOWN) {
            take(*tile as usize, value);
        }
    }
}

/// [`each`] with the row's time.
pub(crate) fn each_at<T>(
    tiles: &[u32],
    values: impl Iterator<Item = Option<T>>,
    times: &Int64Chunked,
    mut take: impl FnMut(usize, i64, T),
) {
    for ((tile, value), at) in tiles.iter().zip(values).zip(times.iter()) {
        if let (Some(value), Some(at)) = (value.filter(|_| *tile != UNKNOWN), at) {
            take(*tile as usize, at, value);
        }
    }
}
