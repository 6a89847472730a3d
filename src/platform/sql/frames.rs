//! Window functions over whole columns, computed here: frames, peers and the order of nulls are Spark's.
//!
//! It knows columns; names and types are settled before.

use polars::prelude as pl;
use polars::prelude::{Column, Expr as Plan, IdxCa, IdxSize, NewChunkedArray, PolarsResult, polars_bail};

use super::functions::{Kind, Ranking};
use super::node::Window;
use super::types::Type;

mod bounds;
mod fold;
mod order;

use order::Order;

/// The window function of these argument columns (its own, the partition's, the order's). It needs all rows at once.
pub(super) fn expression(window: &Window, args: Vec<Plan>, ty: &Type) -> Plan {
    let (window, dtype) = (window.clone(), ty.polars());
    let wanted = dtype.clone();
    let field = move |_: &pl::Schema, _: &[pl::Field]| Ok(pl::Field::new("window".into(), dtype.clone()));
    let run = move |columns: &mut [Column]| {
        let made = value(&window, columns)?;
        let made = if made.dtype() == &wanted { made } else { made.cast(&wanted)? };
        Ok(made.with_name("window".into()))
    };
    pl::apply_multiple(run, args, field, false)
}

fn value(window: &Window, columns: &[Column]) -> PolarsResult<Column> {
    let height = columns.first().map_or(0, Column::len);
    let (own, keys) = columns.split_at_checked(window.own).unwrap_or((columns, &[]));
    let keys = keys.get(..window.partition + window.order.len()).unwrap_or(&[]);
    let (partition, order_by) = keys.split_at_checked(window.partition).unwrap_or((keys, &[]));
    let order = Order::of(partition, order_by, &window.order, height)?;
    match window.function.kind {
        Kind::Window(rank @ (Ranking::Lag | Ranking::Lead)) => shifted(rank, own, &order),
        Kind::Window(rank @ (Ranking::First | Ranking::Last)) => {
            let frames = bounds::frames(&window.frame, &order, order_by, &window.order)?;
            edge(rank, own, &order, &frames, window.ignore_nulls)
        }
        Kind::Window(rank) => ranked(rank, own, &order),
        _ => {
            let frames = bounds::frames(&window.frame, &order, order_by, &window.order)?;
            fold::aggregate(window.function.name, own, &order, &frames)
        }
    }
}

fn number(own: &[Column], index: usize, default: i64) -> PolarsResult<i64> {
    match own.get(index) {
        Some(column) => Ok(super::cells::longs(column)?.get(0).unwrap_or(default)),
        None => Ok(default),
    }
}

fn ranked(rank: Ranking, own: &[Column], order: &Order) -> PolarsResult<Column> {
    let parts = number(own, 0, 1)?.max(1) as usize;
    let mut values = vec![0.0; order.rows.len()];
    let mut dense = 0;
    for at in 0..order.rows.len() {
        let (start, end) = order.partition(at);
        let (peers, peers_end) = order.peers(at);
        dense = if at == start { 1 } else { dense + usize::from(at == peers) };
        let (number, count) = (at - start, end - start);
        let value = match rank {
            Ranking::RowNumber => (number + 1) as f64,
            Ranking::Place => (peers - start + 1) as f64,
            Ranking::Dense => dense as f64,
            Ranking::Percent if count == 1 => 0.0,
            Ranking::Percent => (peers - start) as f64 / (count - 1) as f64,
            Ranking::CumeDist => (peers_end - start) as f64 / count as f64,
            _ => ntile(number, count, parts) as f64,
        };
        if let Some(slot) = order.rows.get(at).and_then(|row| values.get_mut(*row)) {
            *slot = value;
        }
    }
    Ok(Column::new("window".into(), values))
}

/// The part, from 1, of a row: the first parts are one longer where the rows do not divide.
fn ntile(number: usize, count: usize, parts: usize) -> usize {
    let (size, longer) = (count / parts, count % parts);
    let in_longer = longer * (size + 1);
    if number < in_longer { number / (size + 1) + 1 } else { longer + (number - in_longer) / size.max(1) + 1 }
}

/// The values of other rows: for each row which one, none for null.
fn gathered(values: &Column, from: Vec<Option<IdxSize>>) -> PolarsResult<Column> {
    let from = IdxCa::from_slice_options("from".into(), &from);
    Ok(values.as_materialized_series().take(&from)?.into())
}

fn shifted(rank: Ranking, own: &[Column], order: &Order) -> PolarsResult<Column> {
    let Some(values) = own.first() else { polars_bail!(ComputeError: "lag of nothing") };
    let steps = number(own, 1, 1)? * if rank == Ranking::Lag { -1 } else { 1 };
    let mut from = vec![None; order.rows.len()];
    let mut outside = vec![true; order.rows.len()];
    for (at, row) in order.rows.iter().enumerate() {
        let (start, end) = order.partition(at);
        let other = usize::try_from(at as i64 + steps).ok().filter(|other| (start..end).contains(other));
        if let (Some(other), Some(slot), Some(out)) =
            (other.and_then(|other| order.rows.get(other)), from.get_mut(*row), outside.get_mut(*row))
        {
            (*slot, *out) = (Some(*other as IdxSize), false);
        }
    }
    let made = gathered(values, from)?;
    let Some(default) = own.get(2) else { return Ok(made) };
    let outside = pl::BooleanChunked::from_slice("outside".into(), &outside);
    let default = super::cells::spread(default, made.len());
    Ok(default.as_materialized_series().zip_with(&outside, made.as_materialized_series())?.into())
}

fn edge(rank: Ranking, own: &[Column], order: &Order, frames: &[(usize, usize)], skip: bool) -> PolarsResult<Column> {
    let Some(values) = own.first() else { polars_bail!(ComputeError: "first_value of nothing") };
    let nulls = values.is_null();
    let is_null: Vec<bool> = nulls.iter().map(|null| null.unwrap_or(true)).collect();
    let counts = |at: &usize| !skip || order.rows.get(*at).and_then(|row| is_null.get(*row)) == Some(&false);
    // For each place the nearest one at or behind it (for first), or before its end (for last), that counts.
    let count = order.rows.len();
    let mut nearest: Vec<Option<usize>> = vec![None; count + 1];
    if rank == Ranking::First {
        for at in (0..count).rev() {
            nearest[at] = if counts(&at) { Some(at) } else { nearest[at + 1] };
        }
    } else {
        for at in 0..count {
            nearest[at + 1] = if counts(&at) { Some(at) } else { nearest[at] };
        }
    }
    let mut from = vec![None; count];
    for (row, (start, end)) in order.rows.iter().zip(frames) {
        let at = nearest.get(if rank == Ranking::First { *start } else { *end }).copied().flatten();
        let at = at.filter(|at| (*start..*end).contains(at)).and_then(|at| order.rows.get(at));
        if let Some(slot) = from.get_mut(*row) {
            *slot = at.map(|row| *row as IdxSize);
        }
    }
    gathered(values, from)
}
