//! Count, sum and squared distances of the values of each tile, about a value near their mean: differences from it are
//! exact where the values themselves are large and close together, so that no digit of a variance is lost. No I/O.

use polars::prelude::*;

use super::values::{each, floats, integers};
use crate::platform::tiles::Part;
use crate::platform::tiles::ranges::two_sum;

/// The moments of all tiles.
pub(crate) enum Moments {
    Int(Vec<Moment<i64>>),
    Float(Vec<Moment<f64>>),
}

/// The moments of one tile about `centre`, a value of it at first.
#[derive(Clone, Copy, Default)]
pub(crate) struct Moment<T> {
    centre: T,
    count: u32,
    /// Sum of the differences from the centre.
    first: f64,
    second: f64,
    /// Plain sum of floats: it stands where a value is infinite or no number.
    plain: f64,
}

/// A number that differences can be taken of.
pub(crate) trait Number: Copy + Default {
    fn minus(self, other: Self) -> f64;
    /// The number nearest to that much more.
    fn plus(self, step: f64) -> Self;
    fn float(self) -> f64;
}

impl Number for i64 {
    fn minus(self, other: Self) -> f64 {
        self.checked_sub(other).map_or_else(|| self as f64 - other as f64, |difference| difference as f64)
    }

    fn plus(self, step: f64) -> Self {
        self.saturating_add(step.round() as Self)
    }

    fn float(self) -> f64 {
        self as f64
    }
}

impl Number for f64 {
    fn minus(self, other: Self) -> f64 {
        self - other
    }

    fn plus(self, step: f64) -> Self {
        self + step
    }

    fn float(self) -> f64 {
        self
    }
}

impl Moments {
    pub(crate) fn new(integers: bool) -> Self {
        if integers { Self::Int(Vec::new()) } else { Self::Float(Vec::new()) }
    }

    /// Makes room for that many tiles.
    pub(crate) fn fill(&mut self, height: usize) {
        match self {
            Self::Int(tiles) => tiles.resize(height, Moment::default()),
            Self::Float(tiles) => tiles.resize(height, Moment::default()),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Int(tiles) => tiles.capacity() * size_of::<Moment<i64>>(),
            Self::Float(tiles) => tiles.capacity() * size_of::<Moment<f64>>(),
        }
    }

    /// Adds values to their tiles.
    pub(crate) fn push(&mut self, values: &Column, tiles: &[u32]) -> PolarsResult<()> {
        match self {
            Self::Int(moments) => each(tiles, integers(values)?.i64()?.iter(), |tile, v: i64| moments[tile].add(v)),
            Self::Float(moments) => each(tiles, floats(values)?.f64()?.iter(), |tile, v: f64| moments[tile].add(v)),
        }
        Ok(())
    }

    /// A part of each tile; where it has no value it means nothing.
    pub(crate) fn part(&self, part: Part) -> Vec<f64> {
        match self {
            Self::Int(tiles) => tiles.iter().map(|tile| tile.part(part)).collect(),
            Self::Float(tiles) => tiles.iter().map(|tile| tile.part(part)).collect(),
        }
    }
}

impl<T: Number> Moment<T> {
    fn add(&mut self, value: T) {
        if self.count == 0 {
            self.centre = value;
        }
        let difference = value.minus(self.centre);
        self.count += 1;
        self.first += difference;
        self.second += difference * difference;
        self.plain += value.float();
        // The first value may be far from the others. Whenever there are twice as many, the centre moves to their mean.
        if self.count.is_power_of_two() && self.first != 0.0 {
            self.centred();
        }
    }

    fn centred(&mut self) {
        let n = f64::from(self.count);
        let centre = self.centre.plus(self.first / n);
        let step = centre.minus(self.centre);
        let first = (-n).mul_add(step, self.first);
        // What is taken away is a square of what is left over, so that nothing near to it is subtracted.
        let second = self.second - step * (self.first + first);
        if second.is_finite() {
            *self = Self { centre, first, second, ..*self };
        }
    }

    fn part(&self, part: Part) -> f64 {
        let n = f64::from(self.count);
        match part {
            Part::Sum => self.sum().0,
            Part::SumRest => self.sum().1,
            Part::SquaredDistances => {
                let distances = self.second - self.first * (self.first / n);
                if distances < 0.0 { 0.0 } else { distances }
            }
            _ => {
                let centre = self.centre.float();
                let squares = n * centre * centre + 2.0 * centre * self.first + self.second;
                if squares.is_finite() || self.plain.is_nan() { squares } else { f64::INFINITY }
            }
        }
    }

    /// The sum as the nearest float, and what that leaves out.
    fn sum(&self) -> (f64, f64) {
        let (n, centre) = (f64::from(self.count), self.centre.float());
        let product = n * centre;
        let (sum, rest) = two_sum(product, self.first);
        let (sum, rest) = two_sum(sum, rest + n.mul_add(centre, -product));
        if rest.is_finite() { (sum, rest) } else { (self.plain, 0.0) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Count times the variance of whole numbers, exactly, divided once.
    fn distances(values: &[i64]) -> f64 {
        let n = values.len() as i128;
        let sum: i128 = values.iter().map(|v| i128::from(*v)).sum();
        let scaled: i128 = values.iter().map(|v| (i128::from(*v) * n - sum).pow(2)).sum();
        scaled as f64 / (n * n) as f64
    }

    fn of<T: Number>(values: impl Iterator<Item = T>) -> Moment<T> {
        let mut moment = Moment::default();
        values.for_each(|value| moment.add(value));
        moment
    }

    fn is_close(found: f64, exact: f64) -> bool {
        (found - exact).abs() <= 1e-12 * exact.abs()
    }

    proptest! {
        #[test]
        fn distances_are_exact_about_any_mean(
            mean in prop_oneof![Just(0i64), Just(1_700_000_000), Just(100_000_000_000), -1_000_000_000_000i64..1_000_000_000_000],
            values in prop::collection::vec(-1_000i64..1_000, 1..200),
            outlier in prop_oneof![4 => Just(None), 1 => (-1_000_000i64..1_000_000).prop_map(Some)],
        ) {
            let values: Vec<i64> = outlier.into_iter().chain(values.iter().map(|v| v + mean)).collect();
            let exact = distances(&values);
            let ints = of(values.iter().copied());
            let floats = of(values.iter().map(|v| *v as f64));
            prop_assert!(is_close(ints.part(Part::SquaredDistances), exact), "{} {exact}", ints.part(Part::SquaredDistances));
            prop_assert!(is_close(floats.part(Part::SquaredDistances), exact));
            prop_assert_eq!(floats.part(Part::Sum), values.iter().sum::<i64>() as f64);
            let squares: f64 = values.iter().map(|v| (*v as f64) * (*v as f64)).sum();
            prop_assert!(is_close(floats.part(Part::SumOfSquares), squares) && is_close(ints.part(Part::SumOfSquares), squares));
        }
    }

    #[test]
    fn what_is_no_number_stays_so() {
        let cases = [(vec![f64::INFINITY, 1.0], f64::INFINITY), (vec![1.0, f64::NEG_INFINITY, 2.0], f64::NEG_INFINITY)];
        for (values, sum) in cases {
            let moment = of(values.iter().copied());
            assert_eq!((moment.part(Part::Sum), moment.part(Part::SumRest)), (sum, 0.0));
            assert!(moment.part(Part::SquaredDistances).is_nan());
            assert_eq!(moment.part(Part::SumOfSquares), f64::INFINITY);
        }
        let moment = of([1.0, f64::NAN, 2.0].into_iter());
        assert!([Part::Sum, Part::SquaredDistances, Part::SumOfSquares].iter().all(|part| moment.part(*part).is_nan()));
        let same = of([0.1; 7].into_iter());
        assert_eq!(same.part(Part::SquaredDistances), 0.0);
    }
}
