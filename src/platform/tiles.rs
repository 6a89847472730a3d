//! Tiles and features as pure functions over plain values (docs/semantics.md sections 3, 4 and 6).
//!
//! No Polars, no I/O: the online store merges and reads tiles through this alone.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use thiserror::Error;

use self::names::{ANCHOR, PARTITION, Taken};
use crate::model::{DataType, Value, float_order};
use crate::platform::definition::{Aggregation, Function, Kind, View};
use ranges::{FloatSum, IntSum, Mean, Spread, Summary};

mod merge;
pub(crate) mod names;
pub(crate) mod ranges;

pub(crate) use merge::merge;

/// What a stored tile column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Number of non-null values; never null.
    Count,
    Sum,
    /// Their mean. A count of the same column is always stored with it.
    Mean,
    Min,
    Max,
    Last,
    /// The sum of their squares, float64.
    SumOfSquares,
    /// The sum of their squared distances from the mean, float64: what the sum of squares has lost where the mean is
    /// large.
    SquaredDistances,
    /// What rounding left out of a sum of floats, float64.
    SumRest,
    /// The newest n distinct values, oldest first; n is 0 in continuous mode, where a row holds one event.
    LastDistinct(u32),
    /// The newest n values, oldest first; n is 0 in continuous mode.
    LastN(u32),
}

impl Part {
    /// The word for it in sentences.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Count => "the count",
            Self::Sum => "the sum",
            Self::Mean => "the mean",
            Self::Min => "the minimum",
            Self::Max => "the maximum",
            Self::Last => "the last value",
            Self::SumOfSquares => "the sum of squares",
            Self::SquaredDistances => "the squared distances from the mean",
            Self::SumRest => "the rest of the sum",
            Self::LastDistinct(_) => "the last distinct values",
            Self::LastN(_) => "the last values",
        }
    }

    /// The word for it in the names of columns, that of a list without its number.
    pub(crate) fn stem(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Sum => "sum",
            Self::Mean => "mean",
            Self::Min => "min",
            Self::Max => "max",
            Self::Last => "last",
            Self::SumOfSquares => "sum_of_squares",
            Self::SquaredDistances => "squared_distances",
            Self::SumRest => "sum_rest",
            Self::LastDistinct(_) => "lastn",
            Self::LastN(_) => "last_non_distinct_n",
        }
    }

    /// Whether its value depends on the order of events, so that merging needs their times.
    pub(crate) fn is_ordered(self) -> bool {
        matches!(self, Self::Last | Self::LastDistinct(_) | Self::LastN(_))
    }

    /// Whether it is shown to people. The others are kept so that variances stay exact, and stand last in a layout.
    pub(crate) fn is_shown(self) -> bool {
        !matches!(self, Self::SquaredDistances | Self::SumRest)
    }
}

/// One stored column of a tile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredColumn {
    /// Its name, such as `sum_arr_delay`.
    pub name: String,
    /// The column of the query it is made of.
    pub column: String,
    pub part: Part,
    pub data_type: DataType,
}

/// The stored columns that the aggregations of a view need, each once, in the order of first need, those that are not
/// shown last; none for views without.
pub(crate) fn stored_columns(view: &View) -> Vec<StoredColumn> {
    // The names of docs/semantics.md section 3, but where a key has that name, or two parts would share one.
    let keys = view.join_keys.iter().map(|(name, _)| name.as_str());
    let mut taken = Taken::by(keys.chain([view.timestamp_field.as_str(), ANCHOR, PARTITION]));
    let mut columns = parts_of(&view.kind);
    columns.iter_mut().for_each(|column| column.name = taken.give(std::mem::take(&mut column.name)));
    columns
}

/// The stored columns by what they hold; their names are not told apart from each other.
pub(crate) fn parts_of(kind: &Kind) -> Vec<StoredColumn> {
    let Kind::Aggregate { interval, aggregations } = kind else { return Vec::new() };
    let continuous = interval.is_zero();
    let mut columns: Vec<StoredColumn> = Vec::new();
    let wanted = aggregations.iter().flat_map(|a| parts(a.function).into_iter().map(move |part| (a, part)));
    let kept = aggregations.iter().flat_map(|a| unshown_parts(a).into_iter().map(move |part| (a, part)));
    for (aggregation, part) in wanted.chain(kept) {
        let part = part_of(part, continuous);
        if !columns.iter().any(|other| other.part == part && other.column == aggregation.column) {
            columns.push(stored_column(aggregation, part));
        }
    }
    columns
}

/// The part as it is stored: in continuous mode lists have no number, for each row holds one event.
pub(crate) fn part_of(part: Part, continuous: bool) -> Part {
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

/// What a tile holds beside that, so that the function stays exact whatever the mean is.
fn unshown_parts(aggregation: &Aggregation) -> Vec<Part> {
    let varies = parts(aggregation.function).contains(&Part::SumOfSquares);
    match aggregation.input_type {
        _ if !varies => Vec::new(),
        // The sum of integers is exact.
        DataType::Int64 => vec![Part::SquaredDistances],
        _ => vec![Part::SquaredDistances, Part::SumRest],
    }
}

fn stored_column(aggregation: &Aggregation, part: Part) -> StoredColumn {
    let (column, stem) = (&aggregation.column, part.stem());
    let name = match part {
        Part::LastDistinct(n) | Part::LastN(n) if n > 0 => format!("{stem}{n}_{column}"),
        part if !part.is_shown() => format!("_{stem}_{column}"),
        _ => format!("{stem}_{column}"),
    };
    let input = aggregation.input_type.clone();
    let data_type = match part {
        Part::Count => DataType::Int64,
        Part::Mean | Part::SumOfSquares | Part::SquaredDistances | Part::SumRest => DataType::Float64,
        Part::Sum | Part::Min | Part::Max | Part::Last => input,
        Part::LastDistinct(_) | Part::LastN(_) => DataType::Array(Box::new(input)),
    };
    StoredColumn { name, column: column.clone(), part, data_type }
}

/// One tile of one key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tile {
    /// One value for each stored column.
    pub values: Vec<Value>,
    /// Event times behind the ordered columns, in their order: an instant for a last value, a list for a list. Only
    /// tiles that came from a stream have them; empty otherwise.
    pub times: Vec<Value>,
}

/// A sum that does not fit int64.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the sum of `{column}` does not fit a 64-bit integer: cast the column to DOUBLE in the SQL")]
pub(crate) struct Overflow {
    /// The column that is summed.
    pub column: String,
}

/// The value of a feature over the tiles of its window, oldest first.
pub(crate) fn feature(aggregation: &Aggregation, layout: &[StoredColumn], tiles: &[&Tile]) -> Result<Value, Overflow> {
    let read = |part: Part| {
        let is_it = |stored: &StoredColumn| {
            let same = stored.part == part || stored.part == part_of(part, true);
            same && stored.column == aggregation.column
        };
        let at = layout.iter().position(is_it);
        tiles.iter().map(move |tile| at.and_then(|at| tile.values.get(at)).unwrap_or(&Value::Null))
    };
    Ok(match aggregation.function {
        Function::Count => Value::Int(read(Part::Count).map(count).sum()),
        Function::Sum if aggregation.input_type == DataType::Float64 => {
            let sums = read(Part::Sum).map(|sum| FloatSum::of(real(sum)));
            sums.fold(FloatSum::NONE, FloatSum::then).value().map_or(Value::Null, Value::Float)
        }
        Function::Sum => {
            let sums = read(Part::Sum).filter_map(int).map(|sum| IntSum { any: true, sum: sum.into() });
            let sum = sums.fold(IntSum::NONE, IntSum::then);
            let fits = i64::try_from(sum.sum).map_err(|_| Overflow { column: aggregation.column.clone() })?;
            if sum.any { Value::Int(fits) } else { Value::Null }
        }
        Function::Mean => {
            let means = read(Part::Mean).zip(read(Part::Count)).map(|(mean, n)| Mean::of(number(mean), count(n)));
            means.fold(Mean::NONE, Mean::then).value().map_or(Value::Null, Value::Float)
        }
        Function::Min => read(Part::Min).fold(Value::Null, |least, value| pick(least, value, Ordering::Less)),
        Function::Max => read(Part::Max).fold(Value::Null, |most, value| pick(most, value, Ordering::Greater)),
        Function::Last => read(Part::Last).rfind(|value| **value != Value::Null).cloned().unwrap_or(Value::Null),
        Function::LastN(n) => newest(read(Part::LastN(n)).rev(), n, false),
        Function::LastDistinct(n) => newest(read(Part::LastDistinct(n)).rev(), n, true),
        function => {
            let places = SpreadPlaces::of(layout, &aggregation.column);
            let spread = tiles.iter().fold(Spread::NONE, |all, tile| all.then(places.spread(tile)));
            spread.answer(function).map_or(Value::Null, Value::Float)
        }
    })
}

/// Where the parts of a variance stand in a layout.
pub(crate) struct SpreadPlaces {
    count: usize,
    sum: usize,
    rest: usize,
    squares: usize,
    distances: usize,
}

impl SpreadPlaces {
    pub(crate) fn of(layout: &[StoredColumn], column: &str) -> Self {
        let place = |part: Part| {
            let at = layout.iter().position(|stored| stored.part == part && stored.column == column);
            at.unwrap_or(usize::MAX)
        };
        Self {
            count: place(Part::Count),
            sum: place(Part::Sum),
            rest: place(Part::SumRest),
            squares: place(Part::SumOfSquares),
            distances: place(Part::SquaredDistances),
        }
    }

    /// Those values of a tile. One of an older form has the sum of squares alone.
    pub(crate) fn spread(&self, tile: &Tile) -> Spread {
        let value = |at: usize| tile.values.get(at).unwrap_or(&Value::Null);
        let count = count(value(self.count));
        let sum = match value(self.sum) {
            Value::Int(sum) => int_parts(*sum),
            sum => (number(sum), number(value(self.rest))),
        };
        match value(self.distances) {
            Value::Float(distances) => Spread::of(count, sum, *distances),
            _ => Spread::of_squares(count, sum.0, number(value(self.squares))),
        }
    }
}

/// An integer as the nearest float, and what that leaves out.
pub(crate) fn int_parts(number: i64) -> (f64, f64) {
    let near = number as f64;
    (near, (i128::from(number) - near as i128) as f64)
}

fn count(value: &Value) -> i64 {
    if let Value::Int(count) = value { *count } else { 0 }
}

fn int(value: &Value) -> Option<i64> {
    if let Value::Int(number) = value { Some(*number) } else { None }
}

fn real(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    }
}

fn number(value: &Value) -> f64 {
    real(value).unwrap_or(0.0)
}

/// The sum of two values, null counting as nothing; absent when it does not fit.
pub(crate) fn add(a: &Value, b: &Value) -> Option<Value> {
    Some(match (a, b) {
        (Value::Null, other) | (other, Value::Null) => other.clone(),
        (Value::Int(a), Value::Int(b)) => Value::Int(a.checked_add(*b)?),
        (a, b) => Value::Float(number(a) + number(b)),
    })
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
        (Value::Float(a), Value::Float(b)) => float_order(*a, *b),
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
