//! Tiles and features as pure functions over plain values (semantics.md sections 3, 4 and 6).
//!
//! No Polars, no I/O: the online store merges and reads tiles through this alone.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use thiserror::Error;

use super::ranges::{Spread, Summary};
use crate::model::{DataType, Value};
use crate::platform::registry::definition::{Aggregation, Function, Kind};

mod merge;

pub use merge::merge;

/// What a stored tile column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Number of non-null values; never null.
    Count,
    /// Their sum.
    Sum,
    /// Their mean. A count of the same column is always stored with it.
    Mean,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// The latest.
    Last,
    /// The sum of their squares, float64.
    SumOfSquares,
    /// The newest n distinct values, oldest first; n is 0 in continuous mode, where a row holds one event.
    LastDistinct(u32),
    /// The newest n values, oldest first; n is 0 in continuous mode.
    LastN(u32),
}

impl Part {
    /// The word for it in sentences.
    pub fn word(self) -> &'static str {
        match self {
            Self::Count => "the count",
            Self::Sum => "the sum",
            Self::Mean => "the mean",
            Self::Min => "the minimum",
            Self::Max => "the maximum",
            Self::Last => "the last value",
            Self::SumOfSquares => "the sum of squares",
            Self::LastDistinct(_) => "the last distinct values",
            Self::LastN(_) => "the last values",
        }
    }

    /// Whether its value depends on the order of events, so that merging needs their times.
    pub fn is_ordered(self) -> bool {
        matches!(self, Self::Last | Self::LastDistinct(_) | Self::LastN(_))
    }
}

/// One stored column of a tile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredColumn {
    /// Its name, such as `sum_arr_delay`.
    pub name: String,
    /// The column of the query it is made of.
    pub column: String,
    /// What it holds.
    pub part: Part,
    /// Its type.
    pub data_type: DataType,
}

/// The stored columns that the aggregations of a view need, each once, in the order of first need; none for views without.
pub fn stored_columns(kind: &Kind) -> Vec<StoredColumn> {
    let Kind::Aggregate { interval, aggregations } = kind else { return Vec::new() };
    let continuous = interval.is_zero();
    let mut columns: Vec<StoredColumn> = Vec::new();
    for aggregation in aggregations {
        for part in parts(aggregation.function) {
            let column = stored_column(aggregation, part_of(part, continuous));
            if !columns.iter().any(|other| other.name == column.name) {
                columns.push(column);
            }
        }
    }
    columns
}

/// The part as it is stored: in continuous mode lists have no number, for each row holds one event.
pub fn part_of(part: Part, continuous: bool) -> Part {
    match part {
        Part::LastDistinct(_) if continuous => Part::LastDistinct(0),
        Part::LastN(_) if continuous => Part::LastN(0),
        other => other,
    }
}

/// What a tile must hold for a function.
fn parts(function: Function) -> Vec<Part> {
    match function {
        Function::Count => vec![Part::Count],
        Function::Sum => vec![Part::Sum],
        Function::Mean => vec![Part::Mean, Part::Count],
        Function::Min => vec![Part::Min],
        Function::Max => vec![Part::Max],
        Function::Last => vec![Part::Last],
        Function::VarSamp | Function::VarPop | Function::StddevSamp | Function::StddevPop => {
            vec![Part::SumOfSquares, Part::Sum, Part::Count]
        }
        Function::LastDistinct(n) => vec![Part::LastDistinct(n)],
        Function::LastN(n) => vec![Part::LastN(n)],
    }
}

fn stored_column(aggregation: &Aggregation, part: Part) -> StoredColumn {
    let column = &aggregation.column;
    let input = || aggregation.input_type.clone();
    let (name, data_type) = match part {
        Part::Count => (format!("count_{column}"), DataType::Int64),
        Part::Sum => (format!("sum_{column}"), input()),
        Part::Mean => (format!("mean_{column}"), DataType::Float64),
        Part::Min => (format!("min_{column}"), input()),
        Part::Max => (format!("max_{column}"), input()),
        Part::Last => (format!("last_{column}"), input()),
        Part::SumOfSquares => (format!("sum_of_squares_{column}"), DataType::Float64),
        Part::LastDistinct(0) => (format!("lastn_{column}"), DataType::Array(Box::new(input()))),
        Part::LastN(0) => (format!("last_non_distinct_n_{column}"), DataType::Array(Box::new(input()))),
        Part::LastDistinct(n) => (format!("lastn{n}_{column}"), DataType::Array(Box::new(input()))),
        Part::LastN(n) => (format!("last_non_distinct_n{n}_{column}"), DataType::Array(Box::new(input()))),
    };
    StoredColumn { name, column: column.clone(), part, data_type }
}

/// One tile of one key.
#[derive(Clone, Debug, PartialEq)]
pub struct Tile {
    /// One value for each stored column.
    pub values: Vec<Value>,
    /// Event times behind the ordered columns, in their order: an instant for a last value, a list for a list. Only
    /// tiles that came from a stream have them; empty otherwise.
    pub times: Vec<Value>,
}

/// A sum that does not fit int64.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the sum of `{column}` does not fit a 64-bit integer: cast the column to DOUBLE in the SQL")]
pub struct Overflow {
    /// The column that is summed.
    pub column: String,
}

/// The value of a feature over the tiles of its window, oldest first.
pub fn feature(aggregation: &Aggregation, layout: &[StoredColumn], tiles: &[&Tile]) -> Result<Value, Overflow> {
    let read = |part: Part| {
        let is_it = |stored: &StoredColumn| {
            let same = stored.part == part || stored.part == part_of(part, true);
            same && stored.column == aggregation.column
        };
        let at = layout.iter().position(is_it);
        tiles.iter().map(move |tile| at.and_then(|at| tile.values.get(at)).unwrap_or(&Value::Null))
    };
    let overflow = || Overflow { column: aggregation.column.clone() };
    Ok(match aggregation.function {
        Function::Count => Value::Int(read(Part::Count).map(count).sum()),
        Function::Sum => read(Part::Sum).try_fold(Value::Null, |sum, value| add(&sum, value)).ok_or_else(overflow)?,
        Function::Mean => mean(read(Part::Mean).map(number).zip(read(Part::Count).map(count))),
        Function::Min => read(Part::Min).fold(Value::Null, |least, value| pick(least, value, Ordering::Less)),
        Function::Max => read(Part::Max).fold(Value::Null, |most, value| pick(most, value, Ordering::Greater)),
        Function::Last => read(Part::Last).rfind(|value| **value != Value::Null).cloned().unwrap_or(Value::Null),
        Function::LastN(n) => newest(read(Part::LastN(n)).rev(), n, false),
        Function::LastDistinct(n) => newest(read(Part::LastDistinct(n)).rev(), n, true),
        function => {
            let sums = read(Part::Sum).map(number).zip(read(Part::SumOfSquares).map(number));
            let tiles = read(Part::Count).map(count).zip(sums);
            let spread = tiles.fold(Spread::NONE, |all, (n, (sum, squares))| all.then(Spread::of(n, sum, squares)));
            spread.answer(function).map_or(Value::Null, Value::Float)
        }
    })
}

fn count(value: &Value) -> i64 {
    if let Value::Int(count) = value { *count } else { 0 }
}

fn number(value: &Value) -> f64 {
    match value {
        Value::Int(number) => *number as f64,
        Value::Float(number) => *number,
        _ => 0.0,
    }
}

/// The sum of two values, null counting as nothing; absent when it does not fit.
pub(crate) fn add(a: &Value, b: &Value) -> Option<Value> {
    Some(match (a, b) {
        (Value::Null, other) | (other, Value::Null) => other.clone(),
        (Value::Int(a), Value::Int(b)) => Value::Int(a.checked_add(*b)?),
        (a, b) => Value::Float(number(a) + number(b)),
    })
}

/// The mean of tiles' means, each weighted with its count.
pub(crate) fn mean(tiles: impl Iterator<Item = (f64, i64)>) -> Value {
    let (sum, total) = tiles
        .filter(|(_, count)| *count > 0)
        .fold((0.0, 0), |(sum, total), (mean, count)| (sum + mean * count as f64, total + count));
    if total == 0 { Value::Null } else { Value::Float(sum / total as f64) }
}

/// The value that compares as `wanted` to the other; null loses.
pub(crate) fn pick(best: Value, value: &Value, wanted: Ordering) -> Value {
    match (&best, value) {
        (_, Value::Null) => best,
        (Value::Null, value) => value.clone(),
        (a, b) if compare(b, a) == wanted => b.clone(),
        _ => best,
    }
}

/// The order of two values of one type.
pub(crate) fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Float(a), Value::Float(b)) => a.total_cmp(b),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Time(a), Value::Time(b)) => a.cmp(b),
        _ => Ordering::Equal,
    }
}

/// The newest n values of lists that come newest first, each oldest first; the result is oldest first.
fn newest<'a>(lists: impl Iterator<Item = &'a Value>, n: u32, distinct: bool) -> Value {
    let mut found: Vec<Value> = Vec::new();
    let mut seen: BTreeMap<String, ()> = BTreeMap::new();
    let items = lists.filter_map(|list| if let Value::List(items) = list { Some(items) } else { None });
    for item in items.flat_map(|items| items.iter().rev()) {
        if found.len() == n as usize {
            break;
        }
        let known = distinct && seen.insert(format!("{item:?}"), ()).is_some();
        if !known {
            found.push(item.clone());
        }
    }
    found.reverse();
    Value::List(found)
}

#[cfg(test)]
mod tests;
