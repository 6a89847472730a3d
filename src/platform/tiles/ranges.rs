//! Summaries over ranges of a sequence, without subtraction: what a sum loses by taking a prefix away, this keeps.
//!
//! A sequence is summarised in blocks of 32, blocks of 32 blocks, and so on; a range costs at most 64 steps a level.
//! Pure data.

use std::cmp::Ordering;

use crate::model::float_order;
use crate::platform::definition::Function;

/// Neighbours under one summary of the level above.
const BLOCK: usize = 32;

/// Something that can be joined with what follows it. Joining must be associative, up to the rounding of floats.
pub(crate) trait Summary: Copy {
    const NONE: Self;

    fn then(self, later: Self) -> Self;
}

/// A sequence with its blocks.
pub(crate) struct Blocks<S> {
    levels: Vec<Vec<S>>,
}

impl<S: Summary> Blocks<S> {
    pub(crate) fn new(items: Vec<S>) -> Self {
        let mut levels = vec![items];
        while let Some(below) = levels.last().filter(|level| level.len() > 2 * BLOCK) {
            let above = below.chunks(BLOCK).map(join).collect();
            levels.push(above);
        }
        Self { levels }
    }

    /// The summary of items `from..to`, in their order. Bounds past the end are cut.
    pub(crate) fn over(&self, from: usize, to: usize) -> S {
        let (mut from, mut to) = (from, to);
        let (mut left, mut right) = (S::NONE, S::NONE);
        for (depth, level) in self.levels.iter().enumerate() {
            let end = to.min(level.len());
            let last = depth + 1 == self.levels.len();
            if last || end.saturating_sub(from) <= 2 * BLOCK {
                return left.then(join(level.get(from..end).unwrap_or_default())).then(right);
            }
            let (inner_from, inner_to) = (from.div_ceil(BLOCK), end / BLOCK);
            left = left.then(join(level.get(from..inner_from * BLOCK).unwrap_or_default()));
            right = join(level.get(inner_to * BLOCK..end).unwrap_or_default()).then(right);
            (from, to) = (inner_from, inner_to);
        }
        left.then(right)
    }
}

fn join<S: Summary>(items: &[S]) -> S {
    items.iter().fold(S::NONE, |all, item| all.then(*item))
}

/// A sum of integers, wide enough that only the whole sum, and no part of it, has to fit what it is stored as.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct IntSum {
    /// Whether a value was there.
    pub any: bool,
    pub sum: i128,
}

impl Summary for IntSum {
    const NONE: Self = Self { any: false, sum: 0 };

    fn then(self, later: Self) -> Self {
        Self { any: self.any || later.any, sum: self.sum.saturating_add(later.sum) }
    }
}

/// A sum of floats that keeps what rounding leaves out of it, so that small values beside large ones are not lost and
/// the grouping does not tell (Knuth's two-sum).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Total {
    sum: f64,
    rest: f64,
}

impl Total {
    /// Of a sum and what rounding left out of it.
    pub(crate) fn of(sum: f64, rest: f64) -> Self {
        Self { sum, rest }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        let (sum, rest) = two_sum(self.sum, other.sum);
        Self { sum, rest: self.rest + other.rest + rest }
    }

    pub(crate) fn add(&mut self, value: f64) {
        let (sum, rest) = two_sum(self.sum, value);
        *self = Self { sum, rest: self.rest + rest };
    }

    /// The sum as the nearest float, and what that leaves out. Infinite sums and those that are no number have no rest.
    pub(crate) fn parts(self) -> (f64, f64) {
        let (sum, rest) = two_sum(self.sum, self.rest);
        // An infinite value, or a sum beyond the range of floats, spoils the rest and not the sum.
        if rest.is_finite() { (sum, rest) } else { (self.sum, 0.0) }
    }

    pub(crate) fn value(self) -> f64 {
        self.parts().0
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct FloatSum {
    any: bool,
    total: Total,
}

impl FloatSum {
    /// Of one value; nothing where there is none.
    pub(crate) fn of(value: Option<f64>) -> Self {
        Self { any: value.is_some(), total: Total::of(value.unwrap_or(0.0), 0.0) }
    }

    /// The sum; absent where no value was there.
    pub(crate) fn value(self) -> Option<f64> {
        self.any.then(|| self.total.value())
    }
}

impl Summary for FloatSum {
    const NONE: Self = Self { any: false, total: Total { sum: 0.0, rest: 0.0 } };

    fn then(self, later: Self) -> Self {
        Self { any: self.any || later.any, total: self.total.plus(later.total) }
    }
}

/// The rounded sum of two floats, and what the rounding left out.
pub(crate) fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let b_in = sum - a;
    let a_in = sum - b_in;
    (sum, (a - a_in) + (b - b_in))
}

/// A sum with the number of values behind it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Mean {
    total: Total,
    count: i64,
}

impl Mean {
    /// Of so many values with that mean.
    pub(crate) fn of(mean: f64, count: i64) -> Self {
        if count <= 0 {
            return Self::NONE;
        }
        let n = count as f64;
        let sum = mean * n;
        let rest = mean.mul_add(n, -sum);
        Self { total: Total::of(sum, if rest.is_finite() { rest } else { 0.0 }), count }
    }

    /// The mean; absent where there was no value.
    pub(crate) fn value(self) -> Option<f64> {
        (self.count > 0).then(|| self.total.value() / self.count as f64)
    }
}

impl Summary for Mean {
    const NONE: Self = Self { total: Total { sum: 0.0, rest: 0.0 }, count: 0 };

    fn then(self, later: Self) -> Self {
        Self { total: self.total.plus(later.total), count: self.count + later.count }
    }
}

/// Count, mean and squared distances from the mean, which keep the digits that one great sum of squares loses (Chan,
/// Golub and LeVeque, 1979). The mean has two parts, for the distance of two means is what a large mean leaves of its
/// last digits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub count: f64,
    pub mean: f64,
    /// What rounding left out of the mean.
    pub low: f64,
    /// Sum of squared distances from the mean.
    pub squares: f64,
}

impl Spread {
    /// Of a tile: count, sum in two parts, and sum of squared distances from the mean.
    pub(crate) fn of(count: i64, (sum, rest): (f64, f64), squares: f64) -> Self {
        if count <= 0 {
            return Self::NONE;
        }
        let n = count as f64;
        let mean = sum / n;
        let low = ((-mean).mul_add(n, sum) + rest) / n;
        Self { count: n, mean, low: if low.is_finite() { low } else { 0.0 }, squares }
    }

    /// Of a tile of the form before this one: count, sum, and sum of squares. Its squared distances are what is left of
    /// the digits of the squares.
    pub(crate) fn of_squares(count: i64, sum: f64, sum_of_squares: f64) -> Self {
        if count <= 1 {
            return Self::of(count, (sum, 0.0), 0.0);
        }
        let squares = (-sum).mul_add(sum / count as f64, sum_of_squares);
        // Below this it is what rounding left of equal values.
        let noise = 2.0 * f64::EPSILON * sum_of_squares;
        Self::of(count, (sum, 0.0), if squares <= noise { 0.0 } else { squares })
    }

    /// The variance or deviation that a function asks for; absent where there are too few values.
    pub(crate) fn answer(&self, function: Function) -> Option<f64> {
        let sample = matches!(function, Function::VarSamp | Function::StddevSamp);
        let divisor = if sample { self.count - 1.0 } else { self.count };
        let variance = (divisor > 0.0).then_some(self.squares / divisor)?;
        let root = matches!(function, Function::StddevSamp | Function::StddevPop);
        Some(if root { variance.sqrt() } else { variance })
    }
}

impl Summary for Spread {
    const NONE: Self = Self { count: 0.0, mean: 0.0, low: 0.0, squares: 0.0 };

    fn then(self, later: Self) -> Self {
        if later.count == 0.0 {
            return self;
        }
        if self.count == 0.0 {
            return later;
        }
        let count = self.count + later.count;
        let share = later.count / count;
        let delta = (later.mean - self.mean) + (later.low - self.low);
        // Below the last digit of both parts it is what rounding left of equal means.
        let delta = if delta.abs() <= 4.0 * f64::EPSILON.powi(2) * self.mean.abs() { 0.0 } else { delta };
        let squares = self.squares + later.squares + delta * delta * self.count * share;
        let (mean, low) = two_sum(self.mean, delta * share + self.low);
        Self { count, mean, low: if low.is_finite() { low } else { 0.0 }, squares }
    }
}

/// The best value so far, in the order of [`crate::model::float_order`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Best<T> {
    /// The best value; absent while there is none.
    pub value: Option<T>,
    pub greatest: bool,
}

impl Summary for Best<i64> {
    const NONE: Self = Self { value: None, greatest: false };

    fn then(self, later: Self) -> Self {
        let greatest = self.greatest || later.greatest;
        let value = match (self.value, later.value) {
            (Some(a), Some(b)) => Some(if greatest { a.max(b) } else { a.min(b) }),
            (a, b) => a.or(b),
        };
        Self { value, greatest }
    }
}

impl Summary for Best<f64> {
    const NONE: Self = Self { value: None, greatest: false };

    fn then(self, later: Self) -> Self {
        let greatest = self.greatest || later.greatest;
        let value = match (self.value, later.value) {
            // Of equal ones, such as the two zeros, the earlier stays, as in a tile.
            (Some(a), Some(b)) => {
                let wanted = if greatest { Ordering::Greater } else { Ordering::Less };
                Some(if float_order(b, a) == wanted { b } else { a })
            }
            (a, b) => a.or(b),
        };
        Self { value, greatest }
    }
}

/// The place of the latest item that has a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Latest(pub Option<u32>);

impl Summary for Latest {
    const NONE: Self = Self(None);

    fn then(self, later: Self) -> Self {
        Self(later.0.or(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn a_range_is_the_fold_of_its_items(values in proptest::collection::vec(-1_000_i64..1_000, 0..5_000), a in 0_usize..5_100, b in 0_usize..5_100) {
            let (from, to) = (a.min(b), a.max(b));
            let inside = &values[from.min(values.len())..to.min(values.len())];
            let sums = Blocks::new(values.iter().map(|v| IntSum { any: true, sum: i128::from(*v) }).collect());
            proptest::prop_assert_eq!(sums.over(from, to), IntSum { any: !inside.is_empty(), sum: inside.iter().map(|v| i128::from(*v)).sum() });
            let best = Blocks::new(values.iter().map(|v| Best { value: Some(*v), greatest: true }).collect());
            proptest::prop_assert_eq!(best.over(from, to).value, inside.iter().max().copied());
            let latest = Blocks::new(values.iter().enumerate().map(|(at, v)| Latest((v % 50 == 0).then_some(at as u32))).collect());
            let expected = (from..to.min(values.len())).rev().find(|at| values[*at] % 50 == 0).map(|at| at as u32);
            proptest::prop_assert_eq!(latest.over(from, to), Latest(expected));
        }

        #[test]
        fn joining_is_associative(values in proptest::collection::vec(-1e6_f64..1e6, 1..60), a in 0_usize..60, b in 0_usize..60) {
            let (a, b) = (a.min(b) % values.len(), a.max(b) % values.len());
            let (a, b) = (a.min(b), a.max(b));
            let of = |part: &[f64]| part.iter().fold(Spread::NONE, |all, v| all.then(Spread::of(1, (*v, 0.0), 0.0)));
            let left = of(&values[..a]).then(of(&values[a..b])).then(of(&values[b..]));
            let right = of(&values[..a]).then(of(&values[a..b]).then(of(&values[b..])));
            let close = |x: f64, y: f64| (x - y).abs() <= 1e-9 * x.abs().max(y.abs()).max(1.0);
            proptest::prop_assert!(close(left.mean, right.mean) && close(left.squares, right.squares) && left.count == right.count);
        }
    }
}
