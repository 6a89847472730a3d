//! A column of numbers laid over time in a fixed number of bins, so that any number of rows draws alike.

use polars::prelude::{DataFrame, DataType};

use super::cell::{head, instants};
use super::describe::taken;
use super::order::Rows;

/// Bins along the axis: more than a wide terminal has dots.
const BINS: usize = 1_024;

/// What runs along the bottom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Instants of this column, in microseconds.
    Time(String),
    /// Numbers of the rows in the order in which they show, from 1.
    Row,
}

/// What lies in one bin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// Values in it; never 0.
    pub count: u64,
    /// The sum of the values.
    pub sum: f64,
    /// The least of the values.
    pub min: f64,
    /// The greatest of the values.
    pub max: f64,
}

impl Bin {
    fn single(value: f64) -> Self {
        Self { count: 1, sum: value, min: value, max: value }
    }

    fn with(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            sum: self.sum + other.sum,
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }

    /// The mean of the values.
    pub fn mean(&self) -> f64 {
        self.sum / self.count as f64
    }
}

/// A column of numbers, laid over time in bins.
#[derive(Clone, Debug, PartialEq)]
pub struct Plot {
    /// What runs along the bottom.
    pub axis: Axis,
    /// The instant or the row at which the axis begins.
    pub from: i64,
    /// The instant or the row at which it ends.
    pub to: i64,
    /// Bins of equal length; where nothing lies there is none.
    pub bins: Vec<Option<Bin>>,
    /// How many rows lie in the bins.
    pub points: u64,
    /// Rows without a value or without an instant.
    pub left_out: u64,
}

/// Lays the column over the instants of another one; without that, over the numbers of the rows. The error is a
/// sentence.
pub fn plot(frame: &DataFrame, column: usize, time: Option<usize>, rows: &Rows) -> Result<Plot, String> {
    let gone = || "This column is not there.".to_owned();
    let values = taken(frame, column, rows).ok_or_else(gone)?;
    if !head(&values).0.is_number() {
        return Err(format!("`{}` holds no numbers: choose a column that does.", values.name()));
    }
    let values = values.cast(&DataType::Float64).map_err(|_| gone())?;
    let values = values.f64().map_err(|_| gone())?;
    let time = time.and_then(|time| taken(frame, time, rows));
    let found = time.and_then(|time| Some((Axis::Time(time.name().to_string()), instants(&time)?)));
    let (axis, places) = match &found {
        Some((axis, instants)) => (axis.clone(), Some(instants)),
        None => (Axis::Row, None),
    };
    let place = |row: usize| match places {
        Some(instants) => instants.get(row).copied().flatten(),
        None => Some(row as i64 + 1),
    };
    let points = || {
        let pairs = values.iter().enumerate();
        pairs.filter_map(|(row, value)| Some((place(row)?, value.filter(|value| value.is_finite())?)))
    };
    let ends = points().map(|(at, _)| at).fold(None, |ends: Option<(i64, i64)>, at| {
        let (from, to) = ends.unwrap_or((at, at));
        Some((from.min(at), to.max(at)))
    });
    let Some((from, to)) = ends else { return Err("There is no value to draw.".to_owned()) };
    let mut bins = vec![None; BINS];
    let mut count = 0;
    for (at, value) in points() {
        let length = (i128::from(to) - i128::from(from)).max(1);
        let bin = (i128::from(at) - i128::from(from)) * (BINS as i128 - 1) / length;
        if let Some(bin) = bins.get_mut(bin as usize) {
            let new = Bin::single(value);
            *bin = Some(bin.map_or(new, |bin: Bin| bin.with(new)));
            count += 1;
        }
    }
    Ok(Plot { axis, from, to, bins, points: count, left_out: values.len() as u64 - count })
}

impl Plot {
    /// The bins joined to so many.
    pub fn joined(&self, count: usize) -> Vec<Option<Bin>> {
        let mut joined = vec![None; count];
        let last = count.saturating_sub(1);
        for (place, bin) in self.bins.iter().enumerate() {
            let to = (place * last + (BINS - 1) / 2) / (BINS - 1);
            if let (Some(bin), Some(slot)) = (bin, joined.get_mut(to)) {
                *slot = Some(slot.map_or(*bin, |other: Bin| other.with(*bin)));
            }
        }
        joined
    }

    /// The least and the greatest value.
    pub fn range(&self) -> (f64, f64) {
        let bins = self.bins.iter().flatten();
        bins.fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), bin| (min.min(bin.min), max.max(bin.max)))
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn missing_values_are_counted_and_texts_refused() {
        let frame = df!("x" => [Some(1.0), None, Some(f64::NAN), Some(3.0)], "s" => ["a", "b", "c", "d"]).unwrap();
        let plot = super::plot(&frame, 0, None, &None).unwrap();
        assert_eq!((plot.axis, plot.from, plot.to, plot.points, plot.left_out), (Axis::Row, 1, 4, 2, 2));
        assert!(super::plot(&frame, 1, None, &None).unwrap_err().contains("`s` holds no numbers"));
        let empty = frame.slice(0, 0);
        assert_eq!(super::plot(&empty, 0, None, &None).unwrap_err(), "There is no value to draw.");
    }

    proptest! {
        #[test]
        fn joining_loses_nothing(values in proptest::collection::vec(-1e6f64..1e6, 1..300), count in 1usize..900) {
            let times: Vec<i64> = (0..values.len() as i64).map(|at| at * at * 1_000).collect();
            let sum: f64 = values.iter().sum();
            let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let rows = values.len() as u64;
            let time = Series::new("_anchor_time".into(), times).into_column();
            let frame = vec![Series::new("x".into(), values).into_column(), time];
            let frame = DataFrame::new(rows as usize, frame).unwrap();
            let plot = super::plot(&frame, 0, Some(1), &None).unwrap();
            let joined = plot.joined(count);
            prop_assert_eq!(joined.len(), count);
            prop_assert_eq!(joined.iter().flatten().map(|bin| bin.count).sum::<u64>(), rows);
            prop_assert!((joined.iter().flatten().map(|bin| bin.sum).sum::<f64>() - sum).abs() < 1e-3);
            prop_assert_eq!(plot.range().1, most);
        }
    }
}
