//! The rows in the order of a window: partitions, and peers inside of them.

use polars::prelude::{Column, DataFrame, IdxCa, PolarsResult, SortMultipleOptions};

/// The order of the rows. Places count along it.
pub(super) struct Order {
    /// The row at each place.
    pub rows: Vec<usize>,
    partitions: Groups,
    peers: Groups,
}

/// Neighbours that belong together: for each place where its group starts and ends.
struct Groups(Vec<(usize, usize)>);

impl Order {
    /// By the partition, then by the order with its directions; equal rows stay as they are.
    pub(super) fn of(
        partition: &[Column],
        order: &[Column],
        directions: &[(bool, bool)],
        height: usize,
    ) -> PolarsResult<Self> {
        let rows: Vec<usize> = if partition.is_empty() && order.is_empty() {
            (0..height).collect()
        } else {
            sorted(partition, order, directions, height)?
        };
        let places = IdxCa::from_vec("rows".into(), rows.iter().map(|row| *row as u32).collect());
        let mut starts = vec![false; height];
        mark(partition, &places, &mut starts)?;
        let partitions = Groups::of(&starts);
        mark(order, &places, &mut starts)?;
        let peers = Groups::of(&starts);
        Ok(Self { rows, partitions, peers })
    }

    /// Where the partition of a place starts and ends.
    pub(super) fn partition(&self, at: usize) -> (usize, usize) {
        self.partitions.0.get(at).copied().unwrap_or((at, at))
    }

    /// Where the rows that equal that of a place start and end.
    pub(super) fn peers(&self, at: usize) -> (usize, usize) {
        self.peers.0.get(at).copied().unwrap_or((at, at))
    }
}

fn sorted(
    partition: &[Column],
    order: &[Column],
    directions: &[(bool, bool)],
    height: usize,
) -> PolarsResult<Vec<usize>> {
    let mut columns: Vec<Column> = Vec::new();
    for (index, column) in partition.iter().chain(order).enumerate() {
        columns.push(column.clone().with_name(format!("k{index}").into()));
    }
    let names: Vec<String> = (0..columns.len()).map(|index| format!("k{index}")).collect();
    let row = IdxCa::from_vec("row".into(), (0..height as u32).collect());
    columns.push(polars::prelude::IntoColumn::into_column(row));
    let flags = |of: fn(&(bool, bool)) -> bool| -> Vec<bool> {
        partition.iter().map(|_| false).chain(directions.iter().map(of)).collect()
    };
    let options = SortMultipleOptions {
        descending: flags(|(descending, _)| *descending),
        nulls_last: flags(|(_, nulls_last)| *nulls_last),
        maintain_order: true,
        ..SortMultipleOptions::default()
    };
    let frame = DataFrame::new(height, columns)?.sort(names, options)?;
    Ok(frame.column("row")?.idx()?.iter().map(|row| row.unwrap_or(0) as usize).collect())
}

/// Marks the places where a value differs from the one before.
fn mark(columns: &[Column], places: &IdxCa, starts: &mut [bool]) -> PolarsResult<()> {
    if let Some(first) = starts.first_mut() {
        *first = true;
    }
    for column in columns {
        let values = column.as_materialized_series().take(places)?;
        let differs = polars::prelude::ChunkCompareEq::not_equal_missing(&values, &values.shift(1))?;
        for (start, differs) in starts.iter_mut().zip(differs.iter()).skip(1) {
            *start |= differs.unwrap_or(true);
        }
    }
    Ok(())
}

impl Groups {
    fn of(starts: &[bool]) -> Self {
        let mut groups = vec![(0, 0); starts.len()];
        let mut start = 0;
        for (at, (group, begins)) in groups.iter_mut().zip(starts).enumerate() {
            if *begins {
                start = at;
            }
            group.0 = start;
        }
        let mut end = starts.len();
        for (at, group) in groups.iter_mut().enumerate().rev() {
            group.1 = end;
            if group.0 == at {
                end = at;
            }
        }
        Self(groups)
    }
}
