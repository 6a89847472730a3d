//! Chance that can be had again: a small generator of numbers with a seed that is printed.

use std::time::Duration;

/// A stream of numbers that the seed alone decides (splitmix64).
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    /// The seed of `FVTOP_SEED`, else one of the clock.
    pub(super) fn seed() -> u64 {
        let given = std::env::var("FVTOP_SEED").ok();
        given.map_or_else(|| chrono::Utc::now().timestamp_micros().cast_unsigned(), |seed| seed.parse().unwrap())
    }

    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    /// True once in `times`.
    pub(super) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of them; they must not be empty.
    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// A time of less than that many milliseconds.
    pub(super) fn millis(&mut self, below: usize) -> Duration {
        Duration::from_micros(self.below(below * 1_000) as u64)
    }

    /// A generator of its own for a part of the test.
    pub(super) fn split(&mut self) -> Self {
        Self(self.next())
    }
}
