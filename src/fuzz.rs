//! Hostile input for the tests of everything that reads what others sent: bytes and JSON bent in many ways, and the
//! bounds that a reader must keep.
//!
//! `FVTOP_CASES` sets how many inputs all such tests make together, about (by default a number that suits every
//! commit), `FVTOP_SEED` which ones.

mod json;
mod memory;
mod mutate;

pub(crate) use json::bend_json;
pub(crate) use memory::{alone, bounded, measured};
pub(crate) use mutate::{bend, messages};

/// Most characters of an error that is shown to people.
const LONGEST_ERROR: usize = 1_000;

/// How many inputs a test makes: usually few, else its share of them all.
pub(crate) fn cases(usual: u64, share: u64) -> u64 {
    let all: Option<u64> = std::env::var("FVTOP_CASES").ok().and_then(|n| n.parse().ok());
    all.map_or(usual, |all| (all / share).max(1))
}

/// Numbers that look random and are the same in every run.
pub(crate) struct Random(u64);

impl Random {
    /// The numbers of one case. A case that failed is made again by its number alone.
    pub(crate) fn of(case: u64) -> Self {
        let seed: u64 = std::env::var("FVTOP_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
        let mut random = Self((seed << 40) ^ case.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        random.next();
        random
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    /// A number below `end`; zero when that is zero.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next()).unwrap_or(0) % end.max(1)
    }

    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// Another of the items for each case.
pub(crate) fn of_case<T>(case: u64, items: &[T]) -> &T {
    &items[usize::try_from(case).unwrap_or(0) % items.len()]
}

/// An error as people see it: words on one line, nothing that drives a terminal, not the whole of what came in.
pub(crate) fn assert_clear(error: &str, input: &[u8]) {
    let shown = String::from_utf8_lossy(&input[..input.len().min(200)]);
    assert!(!error.trim().is_empty(), "an error without words on {shown}");
    assert!(error.chars().count() <= LONGEST_ERROR, "an error of {} characters on {shown}", error.chars().count());
    assert_eq!(crate::model::clean(error), error, "an error with hostile characters on {shown}");
}
