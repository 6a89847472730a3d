//! For each place of an order the places of its frame.

use std::ops::Add;

use polars::prelude::{Column, PolarsResult, polars_bail};

use super::order::Order;
use crate::platform::sql::cells::{doubles, longs};
use crate::platform::sql::node::{Bound, Frame};

/// Start and end of the frame of each place; both never go back along a partition.
pub(super) fn frames(
    frame: &Frame,
    order: &Order,
    keys: &[Column],
    directions: &[(bool, bool)],
) -> PolarsResult<Vec<(usize, usize)>> {
    let places = 0..order.rows.len();
    if frame.rows {
        return Ok(places.map(|at| by_rows(frame, at, order.partition(at))).collect());
    }
    let by_value = |bound: &Bound| !matches!(bound, Bound::Unbounded | Bound::Exact(0));
    if !by_value(&frame.start) && !by_value(&frame.end) {
        return Ok(places.map(|at| by_peers(frame, order, at)).collect());
    }
    let [key] = keys else { polars_bail!(ComputeError: "a RANGE over more than one ORDER BY") };
    let descending = directions.first().is_some_and(|(descending, _)| *descending);
    if key.dtype().is_float() {
        let values = doubles(key)?;
        let sign = if descending { -1.0 } else { 1.0 };
        let value = |row: &usize| values.get(*row).filter(|value| !value.is_nan()).map(|value| value * sign);
        let bound = |bound: &Bound| match bound {
            Bound::Offset(width) => *width,
            Bound::Exact(width) => *width as f64,
            Bound::Unbounded => 0.0,
        };
        let values: Vec<Option<f64>> = order.rows.iter().map(value).collect();
        return Ok(by_values(frame, order, &values, bound(&frame.start), bound(&frame.end)));
    }
    let values = longs(key)?;
    let sign = if descending { -1 } else { 1 };
    let values: Vec<Option<i128>> =
        order.rows.iter().map(|row| values.get(*row).map(|value| i128::from(value) * sign)).collect();
    let bound = |bound: &Bound| if let Bound::Exact(width) = bound { i128::from(*width) } else { 0 };
    Ok(by_values(frame, order, &values, bound(&frame.start), bound(&frame.end)))
}

fn by_rows(frame: &Frame, at: usize, (start, end): (usize, usize)) -> (usize, usize) {
    let moved = |steps: i64| (at as i64).saturating_add(steps).clamp(start as i64, end as i64) as usize;
    let from = match frame.start {
        Bound::Exact(steps) => moved(steps),
        _ => start,
    };
    let to = match frame.end {
        Bound::Exact(steps) => moved(steps.saturating_add(1)),
        _ => end,
    };
    (from, to.max(from))
}

fn by_peers(frame: &Frame, order: &Order, at: usize) -> (usize, usize) {
    let (partition, peers) = (order.partition(at), order.peers(at));
    let from = if frame.start == Bound::Unbounded { partition.0 } else { peers.0 };
    let to = if frame.end == Bound::Unbounded { partition.1 } else { peers.1 };
    (from, to)
}

/// By distance of the values, which ascend along a partition. Rows without one (null, NaN) have only each other.
fn by_values<T: Copy + PartialOrd + Add<Output = T>>(
    frame: &Frame,
    order: &Order,
    values: &[Option<T>],
    start: T,
    end: T,
) -> Vec<(usize, usize)> {
    let one = |(at, value): (usize, &Option<T>)| {
        let Some(value) = value else { return by_peers(frame, order, at) };
        let partition = order.partition(at);
        let inside = values.get(partition.0..partition.1).unwrap_or_default();
        let first = inside.iter().position(Option::is_some).unwrap_or(0);
        let valid = inside.get(first..).unwrap_or_default();
        let valid = valid.get(..valid.partition_point(Option::is_some)).unwrap_or_default();
        let offset = partition.0 + first;
        let before = |limit: T, with: bool| {
            let less = |other: &Option<T>| other.is_some_and(|other| other < limit || (with && other == limit));
            offset + valid.partition_point(less)
        };
        let from = if frame.start == Bound::Unbounded { partition.0 } else { before(*value + start, false) };
        let to = if frame.end == Bound::Unbounded { partition.1 } else { before(*value + end, true) };
        (from, to.max(from))
    };
    values.iter().enumerate().map(one).collect()
}
