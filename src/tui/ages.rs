//! How long ago, how soon, how long: coarse on purpose, so that a screen on which nothing happens stays still.
//!
//! Pure. Each text of a moving age comes with the instant at which it will differ; the loop sleeps until then. Ages
//! have steps: under 10 s, under 30 s, under a minute, then whole minutes, hours, days.

use crate::model::time::{print_span, span_micros};
use crate::model::{Span, Time};

/// A text, and when it stops being true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moving {
    pub text: String,
    /// The instant from which something else is to be shown.
    pub until: Option<Time>,
}

/// Steps below one minute, in seconds.
const STEPS: [i64; 3] = [10, 30, 60];

/// A span in its coarse form: `<10s`, `<30s`, `<1m`, `14m`, `6h`, `3d`.
pub(super) fn coarse(span: Span) -> String {
    let seconds = span.num_seconds().max(0);
    match seconds {
        0..=9 => "<10s".to_owned(),
        10..=29 => "<30s".to_owned(),
        30..=59 => "<1m".to_owned(),
        60..=3_599 => format!("{}m", seconds / 60),
        3_600..=172_799 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Seconds at which the coarse form of an age of `seconds` changes next.
fn next_step(seconds: i64) -> i64 {
    let unit = match seconds {
        ..60 => return STEPS.into_iter().find(|step| *step > seconds).unwrap_or(60),
        60..3_600 => 60,
        3_600..172_800 => 3_600,
        _ => 86_400,
    };
    (seconds / unit + 1) * unit
}

/// How long ago `at` was. An instant that is still to come counts as now.
pub(super) fn since(at: Time, now: Time) -> Moving {
    let age = (now - at).max(Span::zero());
    let until = Span::try_seconds(next_step(age.num_seconds())).and_then(|step| at.checked_add_signed(step));
    Moving { text: coarse(age), until }
}

/// How soon `at` is: `in 14m`, `in <1m`; `due` when it has passed.
pub(super) fn until(at: Time, now: Time) -> Moving {
    let left = at - now;
    // A begun second counts as a whole one.
    let seconds = (span_micros(left) + 999_999).div_euclid(1_000_000);
    if left <= Span::zero() {
        return Moving { text: "due".to_owned(), until: None };
    }
    // Counting down, the text changes when what is left falls below the start of its step.
    let floor = match seconds {
        ..60 => 0,
        60..3_600 => seconds / 60 * 60,
        3_600..172_800 => seconds / 3_600 * 3_600,
        _ => seconds / 86_400 * 86_400,
    };
    let text = if seconds < 60 { "in <1m".to_owned() } else { format!("in {}", coarse(Span::seconds(seconds))) };
    let change = if floor == 0 { Some(at) } else { at.checked_sub_signed(Span::seconds(floor) - Span::seconds(1)) };
    Moving { text, until: change.map(|change| change.max(now + Span::milliseconds(1))) }
}

/// Whole seconds left until `at`: `4 s`. Each of the last ten, before that each fifth: few things are worth a redraw
/// each second.
pub(super) fn countdown(at: Time, now: Time) -> Moving {
    let left = span_micros(at - now).max(0);
    let exact = (left + 999_999) / 1_000_000;
    let step = if exact > 10 { 5 } else { 1 };
    let seconds = (exact + step - 1) / step * step;
    let change = at.checked_sub_signed(Span::seconds(seconds - step)).filter(|_| seconds > 0);
    Moving { text: format!("{seconds} s"), until: change.map(|change| change.max(now + Span::milliseconds(20))) }
}

/// Whole seconds since `at`, exact: `12s`, `3m5s`. For what is worth a redraw each second.
pub(super) fn elapsed(at: Time, now: Time) -> Moving {
    let seconds = (now - at).num_seconds().max(0);
    let change = Span::try_seconds(seconds + 1).and_then(|step| at.checked_add_signed(step));
    Moving { text: print_span(Span::seconds(seconds)), until: change }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::time::from_micros;

    #[test]
    fn ages_have_steps() {
        for (seconds, text) in
            [(0, "<10s"), (10, "<30s"), (59, "<1m"), (60, "1m"), (3_599, "59m"), (3_600, "1h"), (172_800, "2d")]
        {
            assert_eq!(coarse(Span::seconds(seconds)), text);
        }
    }

    #[test]
    fn a_countdown_goes_by_fives_and_then_by_ones() {
        let now = from_micros(1_700_000_000_000_000);
        for (left, text, next) in [
            (0, "0 s", None),
            (1, "1 s", Some(0)),
            (10, "10 s", Some(9)),
            (11, "15 s", Some(10)),
            (28, "30 s", Some(25)),
        ] {
            let at = now + Span::seconds(left);
            let left = countdown(at, now);
            assert_eq!((left.text.as_str(), left.until), (text, next.map(|left| at - Span::seconds(left))));
        }
    }

    proptest! {
        #[test]
        fn a_text_holds_until_it_says_and_no_longer(age in 0i64..400_000_000_000, step in 0.0f64..1.0) {
            let at = from_micros(1_700_000_000_000_000);
            let now = at + Span::microseconds(age);
            let first = since(at, now);
            let until = first.until.unwrap();
            prop_assert!(until > now);
            let between = now + Span::microseconds((span_micros(until - now) as f64 * step * 0.999) as i64);
            prop_assert_eq!(since(at, between).text, first.text.clone());
            prop_assert_ne!(since(at, until).text, first.text);
        }

        #[test]
        fn a_countdown_wakes_in_the_future_and_ends(left in 1i64..400_000_000) {
            let now = from_micros(1_700_000_000_000_000);
            let at = now + Span::microseconds(left);
            prop_assert!(until(at, now).until.unwrap() > now);
            prop_assert!(countdown(at, now).until.unwrap() > now);
            prop_assert_eq!(until(at, at).until, None);
            prop_assert!(elapsed(now, at).until.unwrap() > at);
        }
    }
}
