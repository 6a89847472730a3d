//! Accumulators: the values of one input column folded into its tiles, a vector for each stored part.
//!
//! Nulls are skipped by every function; what saw no value is null, a count 0, a list empty (docs/semantics.md
//! section 4). No I/O.

use std::collections::BTreeMap;

use polars::prelude::*;

use super::keys::UNKNOWN;
use super::moments::Moments;
use super::values::{each, each_at, floats, integers};
use crate::model::{DataType as Word, float_order};
use crate::platform::tiles::names::times_name;
use crate::platform::tiles::ranges::Total;
use crate::platform::tiles::{Overflow, Part, StoredColumn};

/// One input column and the parts that are made of it.
pub(crate) struct Fold {
    /// Name of the input column.
    pub column: String,
    parts: Vec<Accumulator>,
    counts: Vec<u32>,
    /// What the parts of a variance are made of, where one is wanted.
    moments: Option<Moments>,
}

/// One part of all tiles.
struct Accumulator {
    name: String,
    with_times: bool,
    state: State,
}

/// Values by tile. Where no value was seen the entry means nothing: the counts tell.
enum State {
    Count,
    /// Sums that wrap, and how often those did that are beyond 64 bits by now: a value to come may bring them back.
    IntSum(Vec<i64>, BTreeMap<usize, i64>),
    FloatSum(Vec<Total>),
    Mean(Vec<Total>),
    /// A part of the moments.
    Moment(Part),
    Int(Pick, Vec<i64>),
    Float(Pick, Vec<f64>),
    Text(Pick, Vec<Option<PlSmallStr>>),
    Last(Last, Vec<i64>),
    List {
        newest: usize,
        distinct: bool,
        lists: Vec<Vec<(i64, PlSmallStr)>>,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pick {
    Least,
    Greatest,
}

/// The latest values, beside their times.
enum Last {
    Int(Vec<i64>),
    Float(Vec<f64>),
    Text(Vec<PlSmallStr>),
}

impl Fold {
    /// Nothing yet, for the parts in the layout that are made of a column of that type. With `times`, ordered ones come
    /// with the event times behind them.
    pub(crate) fn new(column: &str, input: &Word, layout: &[StoredColumn], times: bool) -> Self {
        let own = || layout.iter().filter(|stored| stored.column == column);
        let varies = own().any(|stored| stored.part == Part::SquaredDistances);
        let parts = own().map(|stored| Accumulator::new(stored, input, varies, times)).collect();
        let moments = varies.then(|| Moments::new(*input == Word::Int64));
        Self { column: column.to_owned(), parts, counts: Vec::new(), moments }
    }

    /// Adds the values of a batch: `tiles` says which tile each row belongs to, `height` how many tiles there are by
    /// now.
    pub(crate) fn push(
        &mut self,
        values: &Column,
        tiles: &[u32],
        times: &Int64Chunked,
        height: usize,
    ) -> PolarsResult<()> {
        self.fill(height);
        for part in &mut self.parts {
            part.push(values, tiles, times)?;
        }
        if let Some(moments) = &mut self.moments {
            moments.push(values, tiles)?;
        }
        if values.null_count() == 0 {
            for tile in tiles.iter().filter(|tile| **tile != UNKNOWN) {
                self.counts[*tile as usize] += 1;
            }
        } else {
            for (tile, known) in tiles.iter().zip(values.is_not_null().iter()) {
                if *tile != UNKNOWN && known == Some(true) {
                    self.counts[*tile as usize] += 1;
                }
            }
        }
        Ok(())
    }

    /// Makes room for that many tiles.
    pub(crate) fn fill(&mut self, height: usize) {
        self.counts.resize(height, 0);
        for part in &mut self.parts {
            part.fill(height);
        }
        if let Some(moments) = &mut self.moments {
            moments.fill(height);
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        let moments = self.moments.as_ref().map_or(0, Moments::bytes);
        self.counts.capacity() * 4 + moments + self.parts.iter().map(Accumulator::bytes).sum::<usize>()
    }

    /// The stored column, and the times behind it where they were asked for. Gives each part up.
    pub(crate) fn finish(&mut self, stored: &StoredColumn) -> PolarsResult<(Column, Option<Column>)> {
        let Some(at) = self.parts.iter().position(|part| part.name == stored.name) else {
            polars_bail!(ComputeError: "no tile column {}", stored.name);
        };
        let part = self.parts.swap_remove(at);
        if let (State::Moment(part), Some(moments)) = (&part.state, &self.moments) {
            return Ok((reals(stored.name.as_str().into(), moments.part(*part), &self.counts), None));
        }
        part.finish(&self.counts, stored)
    }
}

impl Accumulator {
    /// An accumulator of a stored column over inputs of that type, which `varies` where a variance of it is wanted.
    fn new(stored: &StoredColumn, input: &Word, varies: bool, times: bool) -> Self {
        let ordered = |pick: Pick| match input {
            Word::Float64 => State::Float(pick, Vec::new()),
            Word::String => State::Text(pick, Vec::new()),
            _ => State::Int(pick, Vec::new()),
        };
        let list = |newest: u32, distinct: bool| {
            // No number: continuous mode, a list holds the value of its one event.
            let newest = if newest == 0 { 1 } else { newest as usize };
            State::List { newest, distinct, lists: Vec::new() }
        };
        let state = match stored.part {
            Part::Count => State::Count,
            Part::Sum if *input == Word::Int64 => State::IntSum(Vec::new(), BTreeMap::new()),
            Part::Sum if varies => State::Moment(Part::Sum),
            Part::Sum => State::FloatSum(Vec::new()),
            Part::Mean => State::Mean(Vec::new()),
            Part::SumOfSquares | Part::SquaredDistances | Part::SumRest => State::Moment(stored.part),
            Part::Min => ordered(Pick::Least),
            Part::Max => ordered(Pick::Greatest),
            Part::Last => {
                let values = match input {
                    Word::Float64 => Last::Float(Vec::new()),
                    Word::String => Last::Text(Vec::new()),
                    _ => Last::Int(Vec::new()),
                };
                State::Last(values, Vec::new())
            }
            Part::LastDistinct(n) => list(n, true),
            Part::LastN(n) => list(n, false),
        };
        Self { name: stored.name.clone(), with_times: times && stored.part.is_ordered(), state }
    }

    fn fill(&mut self, height: usize) {
        match &mut self.state {
            State::Count | State::Moment(_) => {}
            State::IntSum(values, _) => values.resize(height, 0),
            State::FloatSum(values) | State::Mean(values) => values.resize(height, Total::default()),
            State::Int(pick, values) => {
                values.resize(height, if *pick == Pick::Least { i64::MAX } else { i64::MIN });
            }
            // NaN is the greatest number.
            State::Float(pick, values) => {
                values.resize(height, if *pick == Pick::Least { f64::NAN } else { f64::NEG_INFINITY })
            }
            State::Text(_, values) => values.resize(height, None),
            State::Last(values, times) => {
                times.resize(height, i64::MIN);
                match values {
                    Last::Int(values) => values.resize(height, 0),
                    Last::Float(values) => values.resize(height, 0.0),
                    Last::Text(values) => values.resize(height, PlSmallStr::EMPTY),
                }
            }
            State::List { lists, .. } => lists.resize_with(height, Vec::new),
        }
    }

    fn bytes(&self) -> usize {
        match &self.state {
            State::Count | State::Moment(_) => 0,
            State::IntSum(values, _) | State::Int(_, values) => values.capacity() * 8,
            State::FloatSum(values) | State::Mean(values) => values.capacity() * size_of::<Total>(),
            State::Float(_, values) => values.capacity() * 8,
            State::Text(_, values) => values.capacity() * 32,
            State::Last(Last::Text(values), times) => values.capacity() * 32 + times.capacity() * 8,
            State::Last(_, times) => times.capacity() * 16,
            State::List { newest, lists, .. } => lists.capacity() * (24 + 40 * (*newest).min(4)),
        }
    }

    fn push(&mut self, values: &Column, tiles: &[u32], times: &Int64Chunked) -> PolarsResult<()> {
        match &mut self.state {
            State::Count | State::Moment(_) => {}
            State::IntSum(sums, wraps) => {
                each(tiles, integers(values)?.i64()?.iter(), |tile, value: i64| {
                    let (sum, over) = sums[tile].overflowing_add(value);
                    if over {
                        *wraps.entry(tile).or_default() += value.signum();
                    }
                    sums[tile] = sum;
                });
            }
            State::FloatSum(sums) | State::Mean(sums) => {
                each(tiles, floats(values)?.f64()?.iter(), |tile, value: f64| sums[tile].add(value));
            }
            State::Int(pick, best) => {
                let least = *pick == Pick::Least;
                each(tiles, integers(values)?.i64()?.iter(), |tile, value: i64| {
                    best[tile] = if least { best[tile].min(value) } else { best[tile].max(value) };
                });
            }
            State::Float(pick, best) => {
                let wanted = if *pick == Pick::Least { std::cmp::Ordering::Less } else { std::cmp::Ordering::Greater };
                each(tiles, floats(values)?.f64()?.iter(), |tile, value: f64| {
                    if float_order(value, best[tile]) == wanted {
                        best[tile] = value;
                    }
                });
            }
            State::Text(pick, best) => {
                let least = *pick == Pick::Least;
                each(tiles, values.str()?.iter(), |tile, value: &str| {
                    let known = best[tile].as_ref().map(PlSmallStr::as_str);
                    if known.is_none_or(|known| if least { value < known } else { value > known }) {
                        best[tile] = Some(value.into());
                    }
                });
            }
            State::Last(last, known) => match last {
                Last::Int(last) => {
                    each_at(tiles, integers(values)?.i64()?.iter(), times, |tile, at, value: i64| {
                        if at >= known[tile] {
                            (known[tile], last[tile]) = (at, value);
                        }
                    });
                }
                Last::Float(last) => {
                    each_at(tiles, floats(values)?.f64()?.iter(), times, |tile, at, value: f64| {
                        if at >= known[tile] {
                            (known[tile], last[tile]) = (at, value);
                        }
                    });
                }
                Last::Text(last) => each_at(tiles, values.str()?.iter(), times, |tile, at, value: &str| {
                    if at >= known[tile] {
                        (known[tile], last[tile]) = (at, value.into());
                    }
                }),
            },
            State::List { newest, distinct, lists } => {
                each_at(tiles, values.str()?.iter(), times, |tile, at, value: &str| {
                    insert(&mut lists[tile], at, value, *newest, *distinct);
                });
            }
        }
        Ok(())
    }

    fn finish(self, counts: &[u32], stored: &StoredColumn) -> PolarsResult<(Column, Option<Column>)> {
        let name = PlSmallStr::from_str(&self.name);
        let dtype = crate::platform::frame::polars_type(&stored.data_type)
            .ok_or_else(|| polars_err!(SchemaMismatch: "column {} has type {}", self.name, stored.data_type))?;
        let times_name = times_name(&self.name);
        let instants = |times: Vec<i64>| -> PolarsResult<Column> {
            let known = times.into_iter().zip(counts).map(|(at, count)| (*count > 0).then_some(at));
            let column = Int64Chunked::from_iter_options(times_name.as_str().into(), known).into_column();
            column.cast(&crate::platform::frame::timestamp_type())
        };
        let mut companion = None;
        let column = match self.state {
            State::Count | State::Moment(_) => {
                Int64Chunked::from_iter_values(name, counts.iter().map(|n| i64::from(*n))).into_column()
            }
            State::IntSum(_, wraps) if wraps.values().any(|wraps| *wraps != 0) => {
                polars_bail!(ComputeError: "{}", Overflow { column: stored.column.clone() })
            }
            State::IntSum(values, _) | State::Int(_, values) => ints(name, values, counts),
            State::Float(_, values) => reals(name, values, counts),
            State::FloatSum(sums) => reals(name, sums.into_iter().map(|sum| sum.value()).collect(), counts),
            State::Mean(sums) => {
                let means = sums.into_iter().zip(counts).map(|(sum, count)| sum.value() / f64::from(*count));
                reals(name, means.collect(), counts)
            }
            State::Text(_, values) => {
                let texts = values.iter().map(Option::as_deref);
                StringChunked::from_iter_options(name, texts).into_column()
            }
            State::Last(values, times) => {
                if self.with_times {
                    companion = Some(instants(times)?);
                }
                match values {
                    Last::Int(values) => ints(name, values, counts),
                    Last::Float(values) => reals(name, values, counts),
                    Last::Text(values) => {
                        let known = values.iter().zip(counts).map(|(text, n)| (*n > 0).then_some(text.as_str()));
                        StringChunked::from_iter_options(name, known).into_column()
                    }
                }
            }
            State::List { lists, .. } => {
                if self.with_times {
                    let times: ListChunked = lists
                        .iter()
                        .map(|list| {
                            Some(
                                Int64Chunked::from_iter_values("".into(), list.iter().map(|(at, _)| *at)).into_series(),
                            )
                        })
                        .collect();
                    let dtype = DataType::List(Box::new(crate::platform::frame::timestamp_type()));
                    companion = Some(times.with_name(times_name.as_str().into()).into_column().cast(&dtype)?);
                }
                lists_of(name, &lists)
            }
        };
        let column = if *column.dtype() == dtype { column } else { column.cast(&dtype)? };
        Ok((column, companion))
    }
}

/// The values of each list, without their times.
fn lists_of(name: PlSmallStr, lists: &[Vec<(i64, PlSmallStr)>]) -> Column {
    let total = lists.iter().map(Vec::len).sum();
    let mut builder = ListStringChunkedBuilder::new(name, lists.len(), total);
    for list in lists {
        builder.append_values_iter(list.iter().map(|(_, text)| text.as_str()));
    }
    builder.finish().into_column()
}

/// Puts a value into a list that is ordered by time and arrival and keeps its newest values, each at its last
/// occurrence where they are to be distinct.
fn insert(list: &mut Vec<(i64, PlSmallStr)>, at: i64, value: &str, newest: usize, distinct: bool) {
    if distinct && let Some(known) = list.iter().position(|(_, text)| text == value) {
        if list[known].0 > at {
            return;
        }
        list.remove(known);
    }
    let place = list.partition_point(|(time, _)| *time <= at);
    if list.len() == newest && place == 0 {
        return;
    }
    list.insert(place, (at, value.into()));
    if list.len() > newest {
        list.remove(0);
    }
}

fn ints(name: PlSmallStr, values: Vec<i64>, counts: &[u32]) -> Column {
    if counts.iter().all(|count| *count > 0) {
        return Int64Chunked::from_vec(name, values).into_column();
    }
    let known = values.into_iter().zip(counts).map(|(value, count)| (*count > 0).then_some(value));
    Int64Chunked::from_iter_options(name, known).into_column()
}

fn reals(name: PlSmallStr, values: Vec<f64>, counts: &[u32]) -> Column {
    if counts.iter().all(|count| *count > 0) {
        return Float64Chunked::from_vec(name, values).into_column();
    }
    let known = values.into_iter().zip(counts).map(|(value, count)| (*count > 0).then_some(value));
    Float64Chunked::from_iter_options(name, known).into_column()
}
