//! Aggregates over frames. Nothing is subtracted, so that no frame suffers from what another one added.

use polars::prelude::{Column, PolarsResult, Series, SortOptions, polars_bail};

use super::order::Order;
use crate::platform::sql::cells::{decimals, doubles, each_decimal, longs};
use crate::platform::sql::decimal;

/// The aggregate of each row's frame.
pub(super) fn aggregate(name: &str, own: &[Column], order: &Order, frames: &[(usize, usize)]) -> PolarsResult<Column> {
    let Some(column) = own.first() else { polars_bail!(ComputeError: "an aggregate of nothing") };
    match name {
        "count" => Ok(counted(own, order, frames)),
        "min" | "max" | "max nan" => extreme(column, name == "min", order, frames),
        "sum" | "avg" if column.dtype().is_decimal() => exact(name == "avg", column, order, frames),
        "sum" if !column.dtype().is_float() => {
            let values = longs(column)?;
            let items: Vec<Option<i128>> = order.rows.iter().map(|row| values.get(*row).map(i128::from)).collect();
            let sums = folded(&items, frames, order, |a, b| a + b);
            let fits = |sum: Option<i128>| match sum.map(i64::try_from) {
                Some(Err(_)) => polars_bail!(ComputeError: "a sum does not fit BIGINT: cast to DOUBLE before"),
                sum => Ok(sum.and_then(Result::ok)),
            };
            let sums = sums.into_iter().map(fits).collect::<PolarsResult<Vec<_>>>()?;
            Ok(Column::new("window".into(), in_rows(sums, order)))
        }
        _ => {
            let values = doubles(column)?;
            let items: Vec<Option<Moments>> = order.rows.iter().map(|row| values.get(*row).map(Moments::of)).collect();
            let made = folded(&items, frames, order, Moments::merge);
            let values = made.into_iter().map(|moments| moments.and_then(|moments| moments.value(name))).collect();
            Ok(Column::new("window".into(), in_rows(values, order)))
        }
    }
}

/// Sums and means of decimals.
fn exact(mean: bool, column: &Column, order: &Order, frames: &[(usize, usize)]) -> PolarsResult<Column> {
    let (values, from) = decimals(column)?;
    let items: Vec<Option<(i128, i64)>> =
        order.rows.iter().map(|row| values.get(*row).map(|value| (value, 1))).collect();
    let made = folded(&items, frames, order, |a, b| (a.0.saturating_add(b.0), a.1 + b.1));
    let made = in_rows(made, order);
    let size = if mean { decimal::averaged(from) } else { decimal::summed(from) };
    each_decimal(std::slice::from_ref(column), size, |row| {
        let Some((sum, count)) = made.get(row).copied().flatten() else { return Ok(None) };
        let value = if mean { decimal::mean(sum, from.1, count, size) } else { decimal::resize(sum, from.1, size) };
        match value {
            None => polars_bail!(ComputeError: "a sum does not fit DECIMAL: cast to DOUBLE before"),
            value => Ok(value),
        }
    })
}

/// Values of places as values of rows.
fn in_rows<T: Clone>(values: Vec<Option<T>>, order: &Order) -> Vec<Option<T>> {
    let mut rows = vec![None; values.len()];
    for (row, value) in order.rows.iter().zip(values) {
        if let Some(slot) = rows.get_mut(*row) {
            *slot = value;
        }
    }
    rows
}

fn counted(own: &[Column], order: &Order, frames: &[(usize, usize)]) -> Column {
    let nulls: Vec<_> = own.iter().map(Column::is_null).collect();
    let counts = |row: usize| nulls.iter().all(|null| null.get(row) == Some(false));
    let mut before = vec![0_i64];
    for row in &order.rows {
        before.push(before.last().unwrap_or(&0) + i64::from(counts(*row)));
    }
    let at = |place: usize| before.get(place).copied().unwrap_or(0);
    let values = frames.iter().map(|(start, end)| Some(at(*end) - at(*start))).collect();
    Column::new("window".into(), in_rows(values, order))
}

/// Least or greatest by the values' ranks, for any type.
fn extreme(column: &Column, least: bool, order: &Order, frames: &[(usize, usize)]) -> PolarsResult<Column> {
    let values: &Series = column.as_materialized_series();
    // Nulls last, NaN before them: NaN is greater than any number.
    let sorted = values.arg_sort(SortOptions::default().with_nulls_last(true).with_maintain_order(true));
    let valid = values.len() - values.null_count();
    let mut ranks: Vec<Option<usize>> = vec![None; values.len()];
    let by_rank: Vec<u32> = sorted.iter().map(|row| row.unwrap_or(0)).collect();
    for (rank, row) in by_rank.iter().enumerate().take(valid) {
        if let Some(slot) = ranks.get_mut(*row as usize) {
            *slot = Some(rank);
        }
    }
    let items: Vec<Option<usize>> = order.rows.iter().map(|row| ranks.get(*row).copied().flatten()).collect();
    let best = folded(&items, frames, order, |a, b| if least { *a.min(b) } else { *a.max(b) });
    let from = best.into_iter().map(|rank| rank.and_then(|rank| by_rank.get(rank).copied())).collect();
    super::gathered(column, in_rows(from, order))
}

/// Count, sum, mean and sum of squared differences from the mean.
#[derive(Clone, Copy)]
struct Moments {
    count: f64,
    sum: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn of(value: f64) -> Self {
        Self { count: 1.0, sum: value, mean: value, squares: 0.0 }
    }

    fn merge(a: &Self, b: &Self) -> Self {
        let count = a.count + b.count;
        let apart = b.mean - a.mean;
        Self {
            count,
            sum: a.sum + b.sum,
            mean: a.mean + apart * b.count / count,
            squares: a.squares + b.squares + apart * apart * a.count * b.count / count,
        }
    }

    fn value(self, name: &str) -> Option<f64> {
        let sample = (self.count > 1.0).then(|| self.squares / (self.count - 1.0));
        match name {
            "sum" => Some(self.sum),
            "avg" => Some(self.sum / self.count),
            "var_samp" => sample,
            "stddev_samp" => sample.map(f64::sqrt),
            "var_pop" => Some(self.squares / self.count),
            "stddev_pop" => Some((self.squares / self.count).sqrt()),
            _ => None,
        }
    }
}

/// The items of each frame combined, nulls skipped. Frames never go back inside of a partition: a queue of two
/// stacks gives each one in constant time on average.
fn folded<T: Clone>(
    items: &[Option<T>],
    frames: &[(usize, usize)],
    order: &Order,
    combine: impl Fn(&T, &T) -> T,
) -> Vec<Option<T>> {
    let join = |a: &Option<T>, b: &Option<T>| match (a, b) {
        (Some(a), Some(b)) => Some(combine(a, b)),
        (some, None) | (None, some) => some.clone(),
    };
    let mut queue = Queue { start: 0, middle: 0, end: 0, front: Vec::new(), back: None };
    let mut values = Vec::with_capacity(frames.len());
    for (at, (start, end)) in frames.iter().enumerate() {
        if order.partition(at).0 == at || *start >= queue.end {
            queue = Queue { start: *start, middle: *start, end: *start, front: Vec::new(), back: None };
        }
        while queue.end < *end {
            queue.back = join(&queue.back, items.get(queue.end).unwrap_or(&None));
            queue.end += 1;
        }
        while queue.start < *start {
            if queue.start >= queue.middle {
                // What was pushed since becomes the front: the combination of each item with all behind it.
                queue.front.clear();
                let mut all: Option<T> = None;
                for item in items.get(queue.start..queue.end).unwrap_or_default().iter().rev() {
                    all = join(item, &all);
                    queue.front.push(all.clone());
                }
                (queue.middle, queue.back) = (queue.end, None);
            }
            queue.front.pop();
            queue.start += 1;
        }
        let front = if queue.start < queue.middle { queue.front.last().cloned().flatten() } else { None };
        values.push(if start < end { join(&front, &queue.back) } else { None });
    }
    values
}

struct Queue<T> {
    start: usize,
    middle: usize,
    end: usize,
    front: Vec<Option<T>>,
    back: Option<T>,
}

/// The result of a fold must not depend on how its frames overlap.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_holds_exactly_its_items() {
        let rows = Column::new("k".into(), vec![0_i64; 40]);
        let order = Order::of(&[rows], &[], &[], 40).unwrap();
        let items: Vec<Option<i64>> = (0..40).map(|at| if at % 7 == 3 { None } else { Some(at * at) }).collect();
        for (before, behind) in [(0, 0), (3, 0), (2, 5), (40, 0), (-4, 9)] {
            let frame = |at: i64| {
                let start = (at - before).clamp(0, 40) as usize;
                (start, ((at + behind + 1).clamp(0, 40) as usize).max(start))
            };
            let frames: Vec<_> = (0..40).map(frame).collect();
            let expected = |(start, end): &(usize, usize)| {
                let inside: Vec<i64> = items[*start..*end].iter().flatten().copied().collect();
                if inside.is_empty() { None } else { Some(inside.iter().sum()) }
            };
            let expected: Vec<Option<i64>> = frames.iter().map(expected).collect();
            assert_eq!(folded(&items, &frames, &order, |a, b| a + b), expected, "{before} {behind}");
        }
    }
}
