//! Features from tiles: the value of each aggregation at (key, instant) points (docs/semantics.md section 6).
//!
//! At instant T a window of length w holds the tiles of the key that end in `(T - w, T]`; T is the last tile edge at or
//! before the wanted instant, or in continuous mode that instant itself. In memory only.

use polars::prelude::*;

use super::keys::UNKNOWN;
use super::tiles::{Grid, Tiles};
use crate::model::DataType as Word;
use crate::model::time::span_micros;
use crate::platform::definition::{Aggregation, Function, Kind, View};
use crate::platform::frame;
use crate::platform::tiles::ranges::{Best, Blocks, FloatSum, IntSum, Latest, Mean, Spread, Summary};
use crate::platform::tiles::{Overflow, Part, StoredColumn, int_parts, part_of, parts_of, stored_columns};

#[derive(Clone, Debug, Default)]
pub(crate) struct Points {
    /// Key ids of the tiles; unknown ones have empty windows.
    pub key: Vec<u32>,
    /// Instants T in microseconds, on edges of the grid.
    pub at: Vec<i64>,
}

/// One column a feature, in definition order, one row a point.
pub(crate) fn features(kind: &Kind, grid: Grid, tiles: &Tiles, points: &Points) -> PolarsResult<Vec<Column>> {
    let Kind::Aggregate { aggregations, .. } = kind else { return Ok(Vec::new()) };
    let windows = Windows::new(kind, grid, tiles, points);
    aggregations.iter().map(|aggregation| windows.feature(aggregation)).collect()
}

/// Whether each point has a tile within that length before it.
pub(crate) fn is_alive(grid: Grid, tiles: &Tiles, points: &Points, window: i64) -> Vec<bool> {
    let sorted = Sorted::new(tiles, grid, points);
    let from = sorted.bounds(points, window);
    let mut alive = vec![false; points.at.len()];
    for (place, point) in sorted.points.iter().enumerate() {
        alive[*point as usize] = from[place] < sorted.to[place];
    }
    alive
}

/// Tiles by key and end, points by key and instant.
struct Sorted {
    tiles: Vec<u32>,
    ends: Vec<i64>,
    /// Where the tiles of each key begin, and one past the last.
    offsets: Vec<u32>,
    points: Vec<u32>,
    /// The first tile after each point.
    to: Vec<u32>,
}

impl Sorted {
    fn new(tiles: &Tiles, grid: Grid, points: &Points) -> Self {
        let keys = tiles.keys.len();
        let (order, offsets) = by_key(&tiles.key, &tiles.start, keys);
        let ends: Vec<i64> = order.iter().map(|row| tiles.start[*row as usize].saturating_add(grid.interval)).collect();
        let (sorted_points, _) = by_key(&points.key, &points.at, keys);
        let mut sorted = Self { tiles: order, ends, offsets, points: sorted_points, to: Vec::new() };
        sorted.to = sorted.bounds(points, 0);
        sorted
    }

    /// For each point the first tile of its key that ends after `T - back`: the first inside a window of that length.
    /// Points of a key come in the order of time, so each search goes on where the last one ended.
    fn bounds(&self, points: &Points, back: i64) -> Vec<u32> {
        let mut bounds = Vec::with_capacity(self.points.len());
        let (mut key, mut at, mut end) = (UNKNOWN, 0, 0);
        for point in &self.points {
            let point = *point as usize;
            if points.key[point] != key || bounds.is_empty() {
                key = points.key[point];
                let known = (key as usize) + 1 < self.offsets.len();
                (at, end) = if known {
                    (self.offsets[key as usize] as usize, self.offsets[key as usize + 1] as usize)
                } else {
                    (0, 0)
                };
            }
            let edge = points.at[point].saturating_sub(back);
            at = skip(&self.ends[at..end], edge) + at;
            bounds.push(at as u32);
        }
        bounds
    }
}

/// How many of the sorted ends are at or before the edge: by steps that double, since the answer is mostly near.
fn skip(ends: &[i64], edge: i64) -> usize {
    let mut step = 1;
    while step < ends.len() && ends[step] <= edge {
        step *= 2;
    }
    let from = step / 2;
    from + ends[from..ends.len().min(step + 1)].partition_point(|end| *end <= edge)
}

/// Rows by key, inside one by time, otherwise in their order; and where each key begins. Unknown keys come last.
fn by_key(key: &[u32], time: &[i64], keys: usize) -> (Vec<u32>, Vec<u32>) {
    let mut offsets = vec![0_u32; keys + 1];
    let place = |id: u32| (id as usize).min(keys);
    let mut sizes = vec![0_u32; keys + 1];
    for id in key {
        sizes[place(*id)] += 1;
    }
    let mut next = 0;
    let mut cursor = Vec::with_capacity(keys + 1);
    for (at, size) in sizes.iter().enumerate() {
        offsets[at] = next;
        cursor.push(next);
        next += size;
    }
    let mut rows = vec![0_u32; key.len()];
    for (row, id) in key.iter().enumerate() {
        let at = &mut cursor[place(*id)];
        rows[*at as usize] = row as u32;
        *at += 1;
    }
    for bounds in offsets.windows(2) {
        let part = &mut rows[bounds[0] as usize..bounds[1] as usize];
        if !part.is_sorted_by_key(|row| time[*row as usize]) {
            part.sort_by_key(|row| time[*row as usize]);
        }
    }
    (rows, offsets)
}

/// Everything that one feature needs.
struct Windows<'a> {
    layout: Vec<StoredColumn>,
    continuous: bool,
    tiles: &'a Tiles,
    sorted: Sorted,
    /// First tiles by length of window.
    from: Vec<(i64, Vec<u32>)>,
}

impl<'a> Windows<'a> {
    fn new(kind: &Kind, grid: Grid, tiles: &'a Tiles, points: &Points) -> Self {
        let sorted = Sorted::new(tiles, grid, points);
        let mut from: Vec<(i64, Vec<u32>)> = Vec::new();
        if let Kind::Aggregate { aggregations, .. } = kind {
            for window in aggregations.iter().map(|aggregation| span_micros(aggregation.time_window)) {
                if !from.iter().any(|(known, _)| *known == window) {
                    from.push((window, sorted.bounds(points, window)));
                }
            }
        }
        Self { layout: parts_of(kind), continuous: grid.interval == 0, tiles, sorted, from }
    }

    fn feature(&self, aggregation: &Aggregation) -> PolarsResult<Column> {
        let name = PlSmallStr::from_str(&aggregation.feature);
        let window = span_micros(aggregation.time_window);
        let from = self.from.iter().find(|(known, _)| *known == window).map(|(_, from)| from.as_slice());
        let from = from.unwrap_or_default();
        let column = |part: Part| self.column(&aggregation.column, part);
        match aggregation.function {
            Function::Count => {
                let mut prefix = Vec::with_capacity(self.sorted.tiles.len() + 1);
                let mut total = 0;
                prefix.push(0);
                self.each(column(Part::Count)?.i64()?, |count| {
                    total += count.unwrap_or(0);
                    prefix.push(total);
                });
                let counts = self.over(from, |from, to| Some(prefix[to] - prefix[from]));
                Ok(Int64Chunked::from_iter_options(name, counts.into_iter()).into_column())
            }
            Function::Sum if aggregation.input_type == Word::Int64 => {
                let sum = |value: Option<i64>| IntSum { any: value.is_some(), sum: value.unwrap_or(0).into() };
                let blocks = self.blocks(column(Part::Sum)?.i64()?, sum);
                let mut fits = true;
                let sums = self.over(from, |from, to| {
                    let sum = blocks.over(from, to);
                    let small = i64::try_from(sum.sum);
                    fits &= small.is_ok();
                    small.ok().filter(|_| sum.any)
                });
                if !fits {
                    polars_bail!(ComputeError: "{}", Overflow { column: aggregation.column.clone() });
                }
                Ok(Int64Chunked::from_iter_options(name, sums.into_iter()).into_column())
            }
            Function::Sum => {
                let blocks = self.blocks(column(Part::Sum)?.f64()?, FloatSum::of);
                self.floats(name, from, |from, to| blocks.over(from, to).value())
            }
            Function::Mean => {
                let counts = self.counts(&aggregation.column)?;
                let means = column(Part::Mean)?;
                let mut items = Vec::with_capacity(counts.len());
                let mut at = 0;
                self.each(means.f64()?, |mean| {
                    items.push(Mean::of(mean.unwrap_or(0.0), counts[at]));
                    at += 1;
                });
                let blocks = Blocks::new(items);
                self.floats(name, from, |from, to| blocks.over(from, to).value())
            }
            Function::Min => self.best(name, aggregation, column(Part::Min)?, from, false),
            Function::Max => self.best(name, aggregation, column(Part::Max)?, from, true),
            Function::Last => self.last(name, column(Part::Last)?, from),
            Function::LastN(n) => self.newest(name, column(part_of(Part::LastN(n), self.continuous))?, from, n, false),
            Function::LastDistinct(n) => {
                self.newest(name, column(part_of(Part::LastDistinct(n), self.continuous))?, from, n, true)
            }
            Function::VarSamp | Function::VarPop | Function::StddevSamp | Function::StddevPop => {
                self.spread(name, aggregation, from)
            }
        }
    }

    fn column(&self, column: &str, part: Part) -> PolarsResult<&Column> {
        let at = self.layout.iter().position(|stored| stored.part == part && stored.column == column);
        at.and_then(|at| self.tiles.values.get(at))
            .ok_or_else(|| polars_err!(ComputeError: "the tiles have no column for {} of `{}`", part.word(), column))
    }

    /// Calls `take` for each tile in sorted order.
    fn each<T: PolarsNumericType>(&self, values: &ChunkedArray<T>, mut take: impl FnMut(Option<T::Native>)) {
        let values = values.rechunk();
        if let (Ok(slice), 0) = (values.cont_slice(), values.null_count()) {
            self.sorted.tiles.iter().for_each(|row| take(slice.get(*row as usize).copied()));
            return;
        }
        self.sorted.tiles.iter().for_each(|row| take(values.get(*row as usize)));
    }

    fn blocks<T: PolarsNumericType, S: Summary>(
        &self,
        values: &ChunkedArray<T>,
        item: impl Fn(Option<T::Native>) -> S,
    ) -> Blocks<S> {
        let mut items = Vec::with_capacity(self.sorted.tiles.len());
        self.each(values, |value| items.push(item(value)));
        Blocks::new(items)
    }

    fn counts(&self, column: &str) -> PolarsResult<Vec<i64>> {
        let mut counts = Vec::with_capacity(self.sorted.tiles.len());
        self.each(self.column(column, Part::Count)?.i64()?, |count| counts.push(count.unwrap_or(0)));
        Ok(counts)
    }

    /// What `value` says of each point's range of sorted tiles, in the order of the points' rows.
    fn over<T: Clone>(&self, from: &[u32], mut value: impl FnMut(usize, usize) -> Option<T>) -> Vec<Option<T>> {
        let mut values = vec![None; self.sorted.points.len()];
        for ((point, from), to) in self.sorted.points.iter().zip(from).zip(&self.sorted.to) {
            values[*point as usize] = value(*from as usize, *to as usize);
        }
        values
    }

    fn floats(
        &self,
        name: PlSmallStr,
        from: &[u32],
        value: impl FnMut(usize, usize) -> Option<f64>,
    ) -> PolarsResult<Column> {
        Ok(Float64Chunked::from_iter_options(name, self.over(from, value).into_iter()).into_column())
    }

    fn best(
        &self,
        name: PlSmallStr,
        aggregation: &Aggregation,
        column: &Column,
        from: &[u32],
        greatest: bool,
    ) -> PolarsResult<Column> {
        match aggregation.input_type {
            Word::Float64 => {
                let blocks = self.blocks(column.f64()?, |value| Best { value, greatest });
                self.floats(name, from, |from, to| blocks.over(from, to).value)
            }
            Word::String => {
                let texts = column.str()?.rechunk();
                let found = self.over(from, |from, to| {
                    let texts = self.sorted.tiles[from..to].iter().filter_map(|row| texts.get(*row as usize));
                    if greatest { texts.max() } else { texts.min() }.map(PlSmallStr::from_str)
                });
                let found = found.iter().map(Option::as_deref);
                Ok(StringChunked::from_iter_options(name, found).into_column())
            }
            _ => {
                let numbers = column.cast(&DataType::Int64)?;
                let blocks = self.blocks(numbers.i64()?, |value| Best { value, greatest });
                let found = self.over(from, |from, to| blocks.over(from, to).value);
                Int64Chunked::from_iter_options(name, found.into_iter()).into_column().cast(column.dtype())
            }
        }
    }

    fn last(&self, name: PlSmallStr, column: &Column, from: &[u32]) -> PolarsResult<Column> {
        let known = column.is_not_null();
        let items =
            self.sorted.tiles.iter().map(|row| Latest(known.get(*row as usize).filter(|known| *known).map(|_| *row)));
        let blocks = Blocks::new(items.collect());
        let rows = self.over(from, |from, to| blocks.over(from, to).0);
        let rows = IdxCa::from_iter_options("".into(), rows.into_iter());
        Ok(column.take(&rows)?.with_name(name))
    }

    fn newest(&self, name: PlSmallStr, column: &Column, from: &[u32], n: u32, distinct: bool) -> PolarsResult<Column> {
        let lists = column.list()?.rechunk();
        let texts = lists.get_inner();
        let texts = texts.str()?.rechunk();
        let offsets = lists.offsets()?;
        let mut builder: Vec<Vec<u32>> = vec![Vec::new(); self.sorted.points.len()];
        let places = self.sorted.points.iter().zip(from).zip(&self.sorted.to);
        let mut newest: Vec<u32> = Vec::new();
        for ((point, from), to) in places {
            newest.clear();
            'tiles: for row in self.sorted.tiles[*from as usize..*to as usize].iter().rev() {
                let (start, end) = offsets.start_end(*row as usize);
                for item in (start..end).rev() {
                    if newest.len() == n as usize {
                        break 'tiles;
                    }
                    let known = distinct && newest.iter().any(|known| texts.get(*known as usize) == texts.get(item));
                    if !known && texts.get(item).is_some() {
                        newest.push(item as u32);
                    }
                }
            }
            builder[*point as usize] = newest.iter().rev().copied().collect();
        }
        let total = builder.iter().map(Vec::len).sum();
        let mut out = ListStringChunkedBuilder::new(name, builder.len(), total);
        for items in &builder {
            out.append_values_iter(items.iter().map(|item| texts.get(*item as usize).unwrap_or_default()));
        }
        Ok(out.finish().into_column())
    }

    fn spread(&self, name: PlSmallStr, aggregation: &Aggregation, from: &[u32]) -> PolarsResult<Column> {
        let counts = self.counts(&aggregation.column)?;
        let column = |part: Part| self.column(&aggregation.column, part);
        let mut sums = Vec::with_capacity(counts.len());
        match column(Part::Sum)? {
            whole if *whole.dtype() == DataType::Int64 => {
                self.each(whole.i64()?, |sum| sums.push(int_parts(sum.unwrap_or(0))));
            }
            sum => {
                self.each(sum.f64()?, |sum| sums.push((sum.unwrap_or(0.0), 0.0)));
                let mut at = 0;
                self.each(column(Part::SumRest)?.f64()?, |rest| {
                    sums[at].1 = rest.unwrap_or(0.0);
                    at += 1;
                });
            }
        }
        let distances = column(Part::SquaredDistances)?.f64()?;
        let mut items = Vec::with_capacity(counts.len());
        self.each(distances, |distances| {
            let at = items.len();
            items.push(Spread::of(counts[at], sums[at], distances.unwrap_or(0.0)));
        });
        if distances.null_count() > 0 {
            // Tiles of the form before this one.
            let squares = column(Part::SumOfSquares)?.f64()?;
            for (at, row) in self.sorted.tiles.iter().enumerate() {
                if distances.get(*row as usize).is_none() {
                    let squares = squares.get(*row as usize).unwrap_or(0.0);
                    items[at] = Spread::of_squares(counts[at], sums[at].0, squares);
                }
            }
        }
        let blocks = Blocks::new(items);
        self.floats(name, from, |from, to| blocks.over(from, to).answer(aggregation.function))
    }
}

/// The stored rows of an offline table as tiles: the values in the layout's order.
pub(crate) fn layout_columns(view: &View, rows: &DataFrame) -> PolarsResult<Vec<Column>> {
    let layout = stored_columns(view);
    layout
        .iter()
        .map(|stored| {
            let column = rows.column(&stored.name)?;
            let wanted = frame::polars_type(&stored.data_type);
            match wanted {
                Some(wanted) if *column.dtype() != wanted => column.cast(&wanted),
                _ => Ok(column.clone()),
            }
        })
        .collect()
}
