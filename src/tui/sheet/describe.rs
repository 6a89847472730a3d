//! What a column holds: how many rows, how many missing, how many different, and how they lie.

use std::borrow::Cow;
use std::collections::HashMap;

use polars::prelude::{Column, DataFrame, DataType};

use super::cell::{Kind, cell, head, instants};
use super::order::Rows;
use crate::model::Span;
use crate::model::time::{from_micros, print_span};
use crate::tui::text::clean;
use crate::tui::values;

/// Different texts that are counted; of more it is only known that there are more.
const MOST_DISTINCT: usize = 200_000;
/// Frequent values that are named.
const TOP: usize = 12;

/// How many different values there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distinct {
    /// So many, all of them counted.
    Exactly(usize),
    /// So many were seen before counting was given up.
    AtLeast(usize),
}

/// What the rows of a column hold, in figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Rows that were looked at.
    pub rows: usize,
    /// How many values of them are missing.
    pub nulls: usize,
    /// Different values, missing ones apart.
    pub distinct: Distinct,
    /// Names and values, such as `median` and `12.5`.
    pub facts: Vec<(&'static str, String)>,
    /// Frequent values and how often they are there, the most frequent first; empty where that says nothing.
    pub top: Vec<(String, usize)>,
}

/// Looks at the rows of a column; absent when there is no such column.
pub fn describe(frame: &DataFrame, column: usize, rows: &Rows) -> Option<Summary> {
    let column = taken(frame, column, rows)?;
    let (rows, nulls) = (column.len(), column.null_count());
    let (distinct, facts, top) = match head(&column).0 {
        Kind::Int if column.dtype() != &DataType::UInt64 => whole(&column),
        Kind::Int | Kind::Float => numbers(&column),
        Kind::Time => times(&column),
        Kind::Text => texts(&column),
    };
    Some(Summary { rows, nulls, distinct, facts, top })
}

/// The rows of one column.
pub(super) fn taken(frame: &DataFrame, column: usize, rows: &Rows) -> Option<Column> {
    let column = frame.columns().get(column)?;
    match rows {
        None => Some(column.clone()),
        Some(rows) => column.take_slice(rows).ok(),
    }
}

type Found = (Distinct, Vec<(&'static str, String)>, Vec<(String, usize)>);

/// Whole numbers: counted as such, so that no digit is lost.
fn whole(column: &Column) -> Found {
    let Some(values) = column.cast(&DataType::Int64).ok() else { return texts(column) };
    let Ok(values) = values.i64() else { return texts(column) };
    let mut sorted: Vec<i64> = values.iter().flatten().collect();
    sorted.sort_unstable();
    let distinct = runs(sorted.iter());
    let mean = sorted.iter().map(|value| *value as f64).sum::<f64>() / sorted.len() as f64;
    let facts = quantiles(&sorted, mean, |value| value.to_string());
    (Distinct::Exactly(distinct), facts, frequent_runs(&sorted, distinct))
}

fn numbers(column: &Column) -> Found {
    let Some(values) = column.cast(&DataType::Float64).ok() else { return texts(column) };
    let Ok(values) = values.f64() else { return texts(column) };
    // The two zeros are one value.
    let all = values.iter().flatten().map(|value| value + 0.0);
    let (mut sorted, odd): (Vec<f64>, Vec<f64>) = all.partition(|value| !value.is_nan());
    sorted.sort_unstable_by(f64::total_cmp);
    let mean = sorted.iter().sum::<f64>() / sorted.len() as f64;
    let mut facts = quantiles(&sorted, mean, |value| values::float(*value));
    if !odd.is_empty() {
        facts.push(("not a number", odd.len().to_string()));
    }
    let distinct = runs(sorted.iter().map(|value| value.to_bits())) + usize::from(!odd.is_empty());
    (Distinct::Exactly(distinct), facts, Vec::new())
}

/// How many different values a sorted list holds.
fn runs<T: PartialEq>(sorted: impl Iterator<Item = T>) -> usize {
    let mut before = None;
    let mut count = 0;
    for value in sorted {
        if before.as_ref() != Some(&value) {
            count += 1;
        }
        before = Some(value);
    }
    count
}

/// Frequent numbers are worth a word where there are few of them, as with codes and flags.
fn frequent_runs(sorted: &[i64], distinct: usize) -> Vec<(String, usize)> {
    if distinct > TOP {
        return Vec::new();
    }
    let mut runs: Vec<_> =
        sorted.chunk_by(|a, b| a == b).filter_map(|run| Some((run.first()?.to_string(), run.len()))).collect();
    runs.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    runs
}

fn quantiles<T>(sorted: &[T], mean: f64, print: impl Fn(&T) -> String) -> Vec<(&'static str, String)> {
    let Some(last) = sorted.len().checked_sub(1) else { return Vec::new() };
    // The value at that place, or the lower one of the two it lies between: always one that is there.
    let at = |share: f64| sorted.get((last as f64 * share).floor() as usize).map(&print).unwrap_or_default();
    vec![
        ("min", at(0.0)),
        ("5 %", at(0.05)),
        ("25 %", at(0.25)),
        ("median", at(0.5)),
        ("75 %", at(0.75)),
        ("95 %", at(0.95)),
        ("max", at(1.0)),
        ("mean", values::float(mean)),
    ]
}

fn times(column: &Column) -> Found {
    let mut sorted: Vec<i64> = instants(column).into_iter().flatten().flatten().collect();
    sorted.sort_unstable();
    let mut facts = Vec::new();
    if let (Some(first), Some(last)) = (sorted.first(), sorted.last()) {
        let print = |at: i64| values::time(from_micros(at));
        facts.push(("first", print(*first)));
        facts.extend(sorted.get((sorted.len() - 1) / 2).map(|middle| ("median", print(*middle))));
        facts.push(("last", print(*last)));
        facts.push(("spans", print_span(Span::microseconds(last.saturating_sub(*first)))));
    }
    (Distinct::Exactly(runs(sorted.iter())), facts, Vec::new())
}

fn texts(column: &Column) -> Found {
    let mut counts: HashMap<Cow<'_, str>, usize> = HashMap::new();
    let mut all = true;
    match column.str() {
        Ok(texts) => texts.iter().flatten().for_each(|text| all &= tally(&mut counts, Cow::Borrowed(text))),
        Err(_) => {
            let cells = (0..column.len()).filter_map(|row| cell(column, row));
            cells.for_each(|text| all &= tally(&mut counts, Cow::Owned(text)));
        }
    }
    let distinct = if all { Distinct::Exactly(counts.len()) } else { Distinct::AtLeast(counts.len()) };
    let mut lengths = Vec::new();
    if let Ok(texts) = column.str() {
        let cells = || texts.iter().flatten().map(|text| text.chars().count());
        let length = |length: Option<usize>| length.map(|length| format!("{length} characters"));
        lengths.extend(length(cells().min()).map(|text| ("shortest", text)));
        lengths.extend(length(cells().max()).map(|text| ("longest", text)));
    }
    (distinct, lengths, frequent(counts))
}

/// Counts a text; false when there are too many different ones for another.
fn tally<'a>(counts: &mut HashMap<Cow<'a, str>, usize>, text: Cow<'a, str>) -> bool {
    if let Some(count) = counts.get_mut(&text) {
        *count += 1;
        return true;
    }
    let room = counts.len() < MOST_DISTINCT;
    if room {
        counts.insert(text, 1);
    }
    room
}

/// The most frequent values, cleaned; none where all are different.
fn frequent(counts: HashMap<Cow<'_, str>, usize>) -> Vec<(String, usize)> {
    let mut all: Vec<_> = counts.into_iter().collect();
    all.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    if all.first().is_none_or(|(_, most)| *most < 2) {
        return Vec::new();
    }
    all.truncate(TOP);
    all.into_iter().map(|(text, count)| (clean(&text).into_owned(), count)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use polars::prelude::*;

    use super::*;

    fn fact<'a>(summary: &'a Summary, name: &str) -> &'a str {
        summary.facts.iter().find(|(fact, _)| *fact == name).map_or("", |(_, value)| value)
    }

    #[test]
    fn numbers_are_described_by_their_quantiles() {
        let mut values: Vec<Option<f64>> = (0..=100).map(|n| Some(f64::from(n))).collect();
        values.extend([None, Some(f64::NAN)]);
        let frame = df!("x" => values).unwrap();
        let summary = describe(&frame, 0, &None).unwrap();
        assert_eq!((summary.rows, summary.nulls, summary.distinct), (103, 1, Distinct::Exactly(102)));
        for (name, value) in [("min", "0"), ("25 %", "25"), ("median", "50"), ("max", "100"), ("mean", "50")] {
            assert_eq!(fact(&summary, name), value, "{name}");
        }
        assert_eq!(fact(&summary, "not a number"), "1");
    }

    #[test]
    fn no_digit_of_a_large_number_is_lost_and_few_numbers_are_counted() {
        let frame = df!("id" => [i64::MAX, i64::MAX, 3]).unwrap();
        let summary = describe(&frame, 0, &None).unwrap();
        assert_eq!(fact(&summary, "max"), i64::MAX.to_string());
        assert_eq!(summary.top, [(i64::MAX.to_string(), 2), ("3".to_owned(), 1)]);
    }

    #[test]
    fn only_the_rows_that_show_count() {
        let frame = df!("carrier" => ["UA", "AA", "UA", "EV"]).unwrap();
        let all = describe(&frame, 0, &None).unwrap();
        assert_eq!(all.top[0], ("UA".to_owned(), 2));
        let some = describe(&frame, 0, &Some(Arc::new(vec![1, 3]))).unwrap();
        assert_eq!((some.rows, some.distinct, some.top), (2, Distinct::Exactly(2), Vec::new()));
        assert_eq!(describe(&frame, 7, &None), None);
    }

    #[test]
    fn instants_have_a_first_and_a_last() {
        let hours = [1_i64, 3, 2].map(|hour| 1_795_341_600_000_000_000 + hour * 3_600_000_000_000);
        let frame = df!("_anchor_time" => hours).unwrap();
        let summary = describe(&frame, 0, &None).unwrap();
        assert_eq!(fact(&summary, "first"), "2026-11-22 11:00:00");
        assert_eq!((fact(&summary, "last"), fact(&summary, "spans")), ("2026-11-22 13:00:00", "2h"));
    }
}
