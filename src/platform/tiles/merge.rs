//! Merging two parts of one tile: events of a stream that reached the store in different writes.

use std::cmp::Ordering;

use super::{Overflow, Part, SpreadPlaces, StoredColumn, Tile, add, count, number, pick};
use crate::model::Value;
use crate::platform::tiles::ranges::{Mean, Summary, two_sum};

/// The tile of the events behind both. Among events of one time those of `later` come later, as they arrived later.
pub(crate) fn merge(layout: &[StoredColumn], earlier: &Tile, later: &Tile) -> Result<Tile, Overflow> {
    let mut values = Vec::with_capacity(layout.len());
    let mut times = Vec::new();
    let mut ordered = 0;
    for (at, stored) in layout.iter().enumerate() {
        let (a, b) = (value(&earlier.values, at), value(&later.values, at));
        values.push(match stored.part {
            Part::Count | Part::Sum | Part::SumOfSquares => {
                add(a, b).ok_or_else(|| Overflow { column: stored.column.clone() })?
            }
            Part::Mean => {
                let of = |tile: &Tile, mean: &Value| {
                    Mean::of(number(mean), count(value(&tile.values, counts(layout, stored))))
                };
                of(earlier, a).then(of(later, b)).value().map_or(Value::Null, Value::Float)
            }
            Part::SquaredDistances => {
                let places = SpreadPlaces::of(layout, &stored.column);
                let spread = places.spread(earlier).then(places.spread(later));
                if spread.count > 0.0 { Value::Float(spread.squares) } else { Value::Null }
            }
            Part::SumRest if *a == Value::Null && *b == Value::Null => Value::Null,
            Part::SumRest => {
                let is_sum = |other: &StoredColumn| other.part == Part::Sum && other.column == stored.column;
                let sum = layout.iter().position(is_sum).unwrap_or(usize::MAX);
                let of = |tile: &Tile| number(value(&tile.values, sum));
                let rest = number(a) + number(b) + two_sum(of(earlier), of(later)).1;
                Value::Float(if rest.is_finite() { rest } else { 0.0 })
            }
            Part::Min => pick(a.clone(), b, Ordering::Less),
            Part::Max => pick(a.clone(), b, Ordering::Greater),
            Part::Last | Part::LastDistinct(_) | Part::LastN(_) => {
                let (a_times, b_times) = (value(&earlier.times, ordered), value(&later.times, ordered));
                ordered += 1;
                let (value, time) = newest(stored.part, (a, a_times), (b, b_times));
                times.push(time);
                value
            }
        });
    }
    Ok(Tile { values, times })
}

fn value(values: &[Value], at: usize) -> &Value {
    values.get(at).unwrap_or(&Value::Null)
}

/// Where the count that belongs to a mean stands.
fn counts(layout: &[StoredColumn], mean: &StoredColumn) -> usize {
    let is_count = |stored: &StoredColumn| stored.part == Part::Count && stored.column == mean.column;
    layout.iter().position(is_count).unwrap_or(usize::MAX)
}

/// The newest values of both sides with their times.
fn newest(part: Part, a: (&Value, &Value), b: (&Value, &Value)) -> (Value, Value) {
    let mut events = events(a);
    events.extend(self::events(b));
    // Stable: events of one time keep the order of their writes. A side without times counts as the oldest.
    events.sort_by_key(|(time, _)| if let Value::Time(at) = time { Some(*at) } else { None });
    let keep = match part {
        Part::LastDistinct(n) => {
            let distinct = events.iter().rev().fold(Vec::new(), |mut kept: Vec<(Value, Value)>, event| {
                if !kept.iter().any(|(_, value)| *value == event.1) {
                    kept.push(event.clone());
                }
                kept
            });
            events = distinct.into_iter().rev().collect();
            kept(n)
        }
        Part::LastN(n) => kept(n),
        _ => 1,
    };
    let newest = events.split_off(events.len().saturating_sub(keep));
    let (times, values): (Vec<Value>, Vec<Value>) = newest.into_iter().unzip();
    match part {
        Part::Last => (
            values.into_iter().next_back().unwrap_or(Value::Null),
            times.into_iter().next_back().unwrap_or(Value::Null),
        ),
        _ => (Value::List(values), Value::List(times)),
    }
}

/// How many values a list keeps: in continuous mode, which gives no number, those of all events of an instant.
fn kept(n: u32) -> usize {
    if n == 0 { usize::MAX } else { n as usize }
}

/// Times and values of one side, oldest first, nulls left out.
fn events((values, times): (&Value, &Value)) -> Vec<(Value, Value)> {
    match (values, times) {
        (Value::Null, _) => Vec::new(),
        (Value::List(values), Value::List(times)) => {
            let times = times.iter().cloned().chain(std::iter::repeat(Value::Null));
            times.zip(values.iter().cloned()).collect()
        }
        (Value::List(values), _) => values.iter().map(|value| (Value::Null, value.clone())).collect(),
        (value, time) => vec![(time.clone(), value.clone())],
    }
}
