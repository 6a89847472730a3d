//! What the events of a stream are held against: the watermark, the windows that batch jobs wrote, and how often retries
//! wrote.
//!
//! Pure: whoever decides by bounds that were read earlier lets the write hold them against those of its own turn.

use super::meta::Windows;
use crate::model::Time;
use crate::model::time::from_micros;

/// What becomes of a row of a stream, by its time. The greatest of its rows is what becomes of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// A batch job wrote its window.
    Covered,
    /// The watermark has passed its tile.
    Late,
    /// It goes into its tile, or is a row of its own.
    Taken,
}

/// The bounds of a view at one time. Those of temporal views, whose rows go by version, take every row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Size of a tile, microseconds; zero in continuous mode.
    pub(super) interval: i64,
    /// Tiles that end at or before this instant come too late, microseconds.
    pub(super) passed: Option<i64>,
    /// Windows that batch jobs wrote.
    pub(super) windows: Windows,
    /// How often records that had been set aside were written: each may have made events known to deduplication.
    pub(super) releases: u64,
}

impl Bounds {
    /// What becomes of a row of that time, microseconds.
    pub fn fate(&self, at: i64) -> Fate {
        let start = match self.interval {
            0 => at,
            interval => at.div_euclid(interval).saturating_mul(interval),
        };
        self.fate_of_tile(start)
    }

    /// The instant at or before which tiles that end come too late.
    pub fn passed(&self) -> Option<Time> {
        self.passed.map(from_micros)
    }

    /// What becomes of the rows of a tile that starts there, microseconds.
    pub(super) fn fate_of_tile(&self, start: i64) -> Fate {
        if self.passed.is_some_and(|passed| start.saturating_add(self.interval) <= passed) {
            Fate::Late
        } else if self.windows.contains(from_micros(start)) {
            Fate::Covered
        } else {
            Fate::Taken
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Window;

    #[test]
    fn a_row_goes_by_the_tile_that_it_lies_in() {
        let windows = Windows::default().with(Window { start: from_micros(100), end: from_micros(120) });
        let tiles = Bounds { interval: 10, passed: Some(40), windows, releases: 0 };
        let fates = [-1, 29, 39, 40, 99, 100, 119, 120].map(|at| tiles.fate(at));
        let (taken, late, covered) = (Fate::Taken, Fate::Late, Fate::Covered);
        assert_eq!(fates, [late, late, late, taken, taken, covered, covered, taken]);
        let continuous = Bounds { interval: 0, passed: Some(40), ..Bounds::default() };
        assert_eq!([39, 40, 41].map(|at| continuous.fate(at)), [late, late, taken]);
        assert_eq!(Bounds::default().fate(i64::MIN), taken);
    }
}
