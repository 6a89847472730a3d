//! What of the offline store a history reads and no job has written: the values are what they are (docs/semantics.md
//! section 8.3), but a person who looks for the cause of a null should not have to guess.
//!
//! It reads what the job table keeps of materialized windows; it must not change an answer.

use polars::prelude::DataFrame;

use crate::model::time::{floor, from_micros, print_window};
use crate::model::{Span, Time, Window};
use crate::platform::definition::{Kind, View};
use crate::platform::frame::micros_of;

/// Windows that a warning names.
const NAMED: usize = 3;

/// The times of stored rows that values at these instants can come from: from the first instant less the longest window
/// or ttl to the last. Nothing before the features begin is ever stored, so it is not missed.
pub(super) fn reach(view: &View, spine: &DataFrame, timestamp_key: &str, begins: Option<Time>) -> Option<Window> {
    let at = micros_of(spine.column(timestamp_key).ok()?).ok()?;
    let (first, last) = (from_micros(*at.iter().flatten().min()?), from_micros(*at.iter().flatten().max()?));
    let (back, end) = match &view.kind {
        Kind::Aggregate { interval, .. } => (view.longest_window(), floor(last, *interval)),
        Kind::Temporal { ttl, .. } => (*ttl, last),
    };
    let begins = begins.map(|begins| begins - view.longest_window().unwrap_or(Span::zero()));
    let start = back.and_then(|back| first.checked_sub_signed(back)).max(begins)?;
    Some(Window { start, end }).filter(|reach| reach.start < reach.end)
}

/// The warning about what of `reach` is not among the windows that the offline store holds; none where all of it is.
pub(super) fn warning(held: &[Window], reach: Window) -> Option<String> {
    let gaps = reach.without(held);
    let named: Vec<String> = gaps.iter().take(NAMED).map(|gap| print_window(*gap)).collect();
    let more = gaps.len().checked_sub(NAMED).filter(|more| *more > 0).map(|more| format!(", and {more} more"));
    (!gaps.is_empty()).then(|| {
        format!(
            "No job has written {}{} to the offline store: values are computed without what happened then.",
            named.join(", "),
            more.unwrap_or_default()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::parse_time;

    fn hours(from: u32, to: u32) -> Window {
        let at = |hour: u32| parse_time(&format!("2026-01-01 {hour:02}:00")).unwrap();
        Window { start: at(from), end: at(to) }
    }

    #[test]
    fn what_no_finished_job_wrote_is_named() {
        let held = [hours(1, 4), hours(6, 8)];
        let warning_text = warning(&held, hours(0, 9)).unwrap();
        let expected = "No job has written 2026-01-01 00:00:00 to 2026-01-01 01:00:00, 2026-01-01 04:00:00 to 2026-01-01 06:00:00, \
                        2026-01-01 08:00:00 to 2026-01-01 09:00:00 to the offline store";
        assert!(warning_text.starts_with(expected), "{warning_text}");
        assert_eq!(warning(&held, hours(1, 4)), None);
        let even: Vec<Window> = (0..9).filter(|n| n % 2 == 0).map(|n| hours(n, n + 1)).collect();
        let warning_text = warning(&even, hours(0, 9)).unwrap();
        assert!(warning_text.contains(", and 1 more to the offline store"), "{warning_text}");
    }
}
