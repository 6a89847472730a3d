//! Summaries over ranges of a sequence, without subtraction: what a sum loses by taking a prefix away, this keeps.
//!
//! A sequence is summarised in blocks of 32, blocks of 32 blocks, and so on; a range costs at most 64 steps a level. Pure
//! data.

use crate::platform::registry::definition::Function;

/// Neighbours under one summary of the level above.
const BLOCK: usize = 32;

/// Something that can be joined with what follows it. Joining must be associative, up to the rounding of floats.
pub trait Summary: Copy {
    /// The summary of nothing.
    const NONE: Self;

    /// This, and then that.
    fn then(self, later: Self) -> Self;
}

/// A sequence with its blocks.
pub struct Blocks<S> {
    levels: Vec<Vec<S>>,
}

impl<S: Summary> Blocks<S> {
    /// Summarises the sequence.
    pub fn new(items: Vec<S>) -> Self {
        let mut levels = vec![items];
        while let Some(below) = levels.last().filter(|level| level.len() > 2 * BLOCK) {
            let above = below.chunks(BLOCK).map(join).collect();
            levels.push(above);
        }
        Self { levels }
    }

    /// The summary of items `from..to`, in their order. Bounds past the end are cut.
    pub fn over(&self, from: usize, to: usize) -> S {
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

/// A sum of integers; `None` inside once it did not fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IntSum {
    /// Values that were there.
    pub any: bool,
    /// Their sum.
    pub sum: Option<i64>,
}

impl Summary for IntSum {
    const NONE: Self = Self { any: false, sum: Some(0) };

    fn then(self, later: Self) -> Self {
        let sum = self.sum.zip(later.sum).and_then(|(a, b)| a.checked_add(b));
        Self { any: self.any || later.any, sum }
    }
}

/// A sum of floats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FloatSum {
    /// Whether a value was there.
    pub any: bool,
    /// Their sum.
    pub sum: f64,
}

impl Summary for FloatSum {
    const NONE: Self = Self { any: false, sum: 0.0 };

    fn then(self, later: Self) -> Self {
        Self { any: self.any || later.any, sum: self.sum + later.sum }
    }
}

/// A sum with the number of values behind it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mean {
    /// Sum of the values.
    pub sum: f64,
    /// Number of values.
    pub count: i64,
}

impl Summary for Mean {
    const NONE: Self = Self { sum: 0.0, count: 0 };

    fn then(self, later: Self) -> Self {
        Self { sum: self.sum + later.sum, count: self.count + later.count }
    }
}

/// Count, mean and squared distances from the mean, which keep the digits that one great sum of squares loses (Chan, Golub
/// and LeVeque, 1979).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Number of values.
    pub count: f64,
    /// Their mean.
    pub mean: f64,
    /// Sum of squared distances from the mean.
    pub squares: f64,
}

impl Spread {
    /// Of a tile: count, sum, and sum of squares.
    pub fn of(count: i64, sum: f64, sum_of_squares: f64) -> Self {
        if count == 0 {
            return Self::NONE;
        }
        let n = count as f64;
        let mean = sum / n;
        let squares = (-sum).mul_add(mean, sum_of_squares);
        // Below this it is what rounding left of equal values.
        let noise = 2.0 * f64::EPSILON * sum_of_squares;
        Self { count: n, mean, squares: if squares > noise { squares } else { 0.0 } }
    }

    /// The variance or deviation that a function asks for; absent where there are too few values.
    pub fn answer(&self, function: Function) -> Option<f64> {
        let sample = matches!(function, Function::VarSamp | Function::StddevSamp);
        let divisor = if sample { self.count - 1.0 } else { self.count };
        let variance = (divisor > 0.0).then_some(self.squares / divisor)?;
        let root = matches!(function, Function::StddevSamp | Function::StddevPop);
        Some(if root { variance.sqrt() } else { variance })
    }
}

impl Summary for Spread {
    const NONE: Self = Self { count: 0.0, mean: 0.0, squares: 0.0 };

    fn then(self, later: Self) -> Self {
        if later.count == 0.0 {
            return self;
        }
        if self.count == 0.0 {
            return later;
        }
        let count = self.count + later.count;
        let delta = later.mean - self.mean;
        let squares = self.squares + later.squares + delta * delta * self.count * later.count / count;
        Self { count, mean: self.mean + delta * later.count / count, squares }
    }
}

/// The best value so far: NaN counts as the greatest number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Best<T> {
    /// The best value; absent while there is none.
    pub value: Option<T>,
    /// Whether greater is better.
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
            (Some(a), Some(b)) if a.total_cmp(&b).is_lt() != greatest => Some(a),
            (Some(_), Some(b)) => Some(b),
            (a, b) => a.or(b),
        };
        Self { value, greatest }
    }
}

/// The place of the latest item that has a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latest(pub Option<u32>);

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
            let sums = Blocks::new(values.iter().map(|v| IntSum { any: true, sum: Some(*v) }).collect());
            proptest::prop_assert_eq!(sums.over(from, to), IntSum { any: !inside.is_empty(), sum: Some(inside.iter().sum()) });
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
            let of = |part: &[f64]| part.iter().fold(Spread::NONE, |all, v| all.then(Spread::of(1, *v, v * v)));
            let left = of(&values[..a]).then(of(&values[a..b])).then(of(&values[b..]));
            let right = of(&values[..a]).then(of(&values[a..b]).then(of(&values[b..])));
            let close = |x: f64, y: f64| (x - y).abs() <= 1e-9 * x.abs().max(y.abs()).max(1.0);
            proptest::prop_assert!(close(left.mean, right.mean) && close(left.squares, right.squares) && left.count == right.count);
        }
    }
}
