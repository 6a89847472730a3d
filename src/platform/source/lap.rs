//! The replay mapping: recorded time onto the present and back (definition of [`Replay`]).
//!
//! Exact integer arithmetic in microseconds; no I/O.

use crate::model::time::{from_micros, micros, span_micros};
use crate::model::{Time, Window};
use crate::platform::definition::Replay;

/// `plays_in / lasts` in lowest terms.
pub(crate) fn ratio(replay: &Replay) -> (i64, i64) {
    let (mut a, mut b) = (span_micros(replay.plays_in).max(1), span_micros(replay.lasts).max(1));
    let (numerator, denominator) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    (numerator / a, denominator / a)
}

/// One lap of the replay: `t` becomes `starts + floor((t - begins) * numerator / denominator)`, all in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lap {
    /// First instant of the lap.
    pub starts: i64,
    /// First instant of the record.
    pub begins: i64,
    pub numerator: i64,
    pub denominator: i64,
}

impl Lap {
    /// The one lap of a source that is not replayed: each instant is itself.
    pub(crate) fn still() -> Self {
        Self { starts: 0, begins: 0, numerator: 1, denominator: 1 }
    }

    /// The laps that can put an event into `window`: those it touches, and one before, for a record may spill over its
    /// end. Oldest first.
    pub(crate) fn around(replay: &Replay, window: Window) -> Vec<Self> {
        let (numerator, denominator) = ratio(replay);
        let length = span_micros(replay.plays_in).max(1);
        let first = micros(window.start).div_euclid(length) - 1;
        let last = (micros(window.end) - 1).div_euclid(length);
        let lap = |n: i64| Self { starts: n * length, begins: micros(replay.begins), numerator, denominator };
        (first..=last).map(lap).collect()
    }

    /// The instant that plays a recorded one.
    pub(crate) fn play(&self, recorded: Time) -> Time {
        let scaled = i128::from(micros(recorded) - self.begins) * i128::from(self.numerator);
        let offset = scaled.div_euclid(i128::from(self.denominator));
        from_micros(self.starts.saturating_add(clamp(offset)))
    }

    /// The first recorded instant that plays at `played` or later.
    pub(crate) fn record(&self, played: Time) -> Time {
        let scaled = i128::from(micros(played) - self.starts) * i128::from(self.denominator);
        let offset = -(-scaled).div_euclid(i128::from(self.numerator));
        from_micros(self.begins.saturating_add(clamp(offset)))
    }

    /// The recorded instants that play inside `window`.
    pub(crate) fn record_window(&self, window: Window) -> Window {
        Window { start: self.record(window.start), end: self.record(window.end) }
    }
}

fn clamp(n: i128) -> i64 {
    i64::try_from(n).unwrap_or(if n < 0 { i64::MIN / 2 } else { i64::MAX / 2 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Span;
    use crate::model::time::parse_time;

    fn year() -> Replay {
        Replay {
            begins: parse_time("2013-01-01").unwrap(),
            lasts: Span::days(365),
            plays_in: Span::days(3),
            columns: vec![],
        }
    }

    #[test]
    fn a_year_plays_in_three_days() {
        assert_eq!(ratio(&year()), (3, 365));
        let start = parse_time("2026-11-22").unwrap();
        let laps = Lap::around(&year(), Window { start, end: start + Span::days(1) });
        assert_eq!(laps.len(), 2);
        let lap = laps[1];
        assert_eq!(lap.starts % (3 * 86_400_000_000), 0);
        let day = lap.play(parse_time("2013-01-02").unwrap()) - lap.play(parse_time("2013-01-01").unwrap());
        assert_eq!(day, Span::microseconds(86_400_000_000 * 3 / 365));
    }

    proptest::proptest! {
        #[test]
        fn windows_translate_exactly(offset in 0i64..40_000_000_000_000, start in 0i64..300_000_000_000, length in 1i64..99_999_999_999) {
            let replay = year();
            let recorded = replay.begins + Span::microseconds(offset);
            let base = parse_time("2026-11-22").unwrap();
            let window = Window { start: base + Span::microseconds(start), end: base + Span::microseconds(start + length) };
            for lap in Lap::around(&replay, window) {
                proptest::prop_assert_eq!(lap.record_window(window).contains(recorded), window.contains(lap.play(recorded)));
            }
        }
    }
}
