//! What becomes of the pairs of a join when more than equal keys is asked of them.
//!
//! It knows rows and flags only.

use polars::prelude as pl;
use polars::prelude::{Column, PolarsResult};

use crate::platform::sql::cells::flags;

/// The row is not part of the result.
pub(super) const LEFT_OUT: i32 = 0;
/// The row is a pair.
pub(super) const MATCHED: i32 = 1;
/// The row stands for a left row without a pair.
pub(super) const ALONE: i32 = 2;

/// For each pair its state; where `once`, a left row has one row: its first.
pub(super) fn states(columns: &mut [Column], once: bool) -> PolarsResult<Column> {
    let [row, fits] = columns else { pl::polars_bail!(ComputeError: "a join without rows") };
    let rows = row.cast(&pl::DataType::UInt32)?;
    let rows: Vec<usize> = rows.u32()?.iter().map(|row| row.unwrap_or(0) as usize).collect();
    let fits = flags(fits)?;
    let mut any = vec![false; rows.iter().max().map_or(0, |row| row + 1)];
    for (at, row) in rows.iter().enumerate() {
        if let Some(any) = any.get_mut(*row).filter(|_| fits.get(at) == Some(true)) {
            *any = true;
        }
    }
    let mut seen = vec![false; any.len()];
    let state = |(at, row): (usize, &usize)| {
        let first = seen.get_mut(*row).is_some_and(|seen| !std::mem::replace(seen, true));
        match any.get(*row) {
            Some(true) if once => {
                if first {
                    MATCHED
                } else {
                    LEFT_OUT
                }
            }
            Some(true) if fits.get(at) == Some(true) => MATCHED,
            Some(false) if first => ALONE,
            _ => LEFT_OUT,
        }
    };
    let states: Vec<i32> = rows.iter().enumerate().map(state).collect();
    Ok(Column::new("state".into(), states))
}
