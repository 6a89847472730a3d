//! Merging two parts of one tile: events of a stream that reached the store in different writes.

use std::cmp::Ordering;

use super::{Overflow, Part, StoredColumn, Tile, add, count, mean, number, pick};
use crate::model::Value;

/// The tile of the events behind both. Among events of one time those of `later` come later, as they arrived later.
pub fn merge(layout: &[StoredColumn], earlier: &Tile, later: &Tile) -> Result<Tile, Overflow> {
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
                let of = |tile: &Tile, mean: &Value| (number(mean), count(value(&tile.values, counts(layout, stored))));
                mean([of(earlier, a), of(later, b)].into_iter())
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
