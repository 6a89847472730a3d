//! Which windows are materialized where, as the ranges of a view's serving status (docs/messages.md section 6).

use super::{time_from_proto, time_to_proto};
use crate::model::{Coverage, Time, Window};
use crate::wire::proto::enums::ServingState;
use crate::wire::proto::serving::{ServingStatus, ServingStatusSummary, StatusRange};

/// Coverage as ranges in state OK.
pub fn coverage_to_proto(coverage: &Coverage) -> ServingStatusSummary {
    ServingStatusSummary {
        online_readiness_ranges: coverage.online.iter().map(range).collect(),
        offline_readiness_ranges: coverage.offline.iter().map(range).collect(),
        ..Default::default()
    }
}

fn range(window: &Window) -> StatusRange {
    StatusRange {
        begin_inclusive: Some(time_to_proto(window.start)),
        end_exclusive: Some(time_to_proto(window.end)),
        status: Some(ServingStatus { serving_state: Some(ServingState::Ok.into()), errors: Vec::new() }),
    }
}

/// The ranges in state OK, sorted, those that touch as one. Ranges without both ends are left out.
pub fn coverage_from_proto(summary: &ServingStatusSummary) -> Coverage {
    Coverage { online: windows(&summary.online_readiness_ranges), offline: windows(&summary.offline_readiness_ranges) }
}

fn windows(ranges: &[StatusRange]) -> Vec<Window> {
    let mut found: Vec<Window> = ranges.iter().filter_map(window).collect();
    found.sort_unstable();
    let mut merged: Vec<Window> = Vec::with_capacity(found.len());
    for window in found {
        match merged.last_mut().filter(|last| window.start <= last.end) {
            Some(last) => last.end = last.end.max(window.end),
            None => merged.push(window),
        }
    }
    merged
}

fn window(range: &StatusRange) -> Option<Window> {
    let state = range.status.as_ref()?.serving_state?;
    let start = range.begin_inclusive.and_then(time_from_proto)?;
    let end = range.end_exclusive.and_then(time_from_proto)?;
    (state == i32::from(ServingState::Ok) && start < end).then_some(Window { start, end })
}

/// The newest instant up to which a store has no gap since `begins`, the start of what is to be materialized; without
/// one, since the first window. Absent when the beginning itself is not there yet.
pub fn ready_until(windows: &[Window], begins: Option<Time>) -> Option<Time> {
    let first = windows.iter().find(|window| begins.is_none_or(|begins| begins < window.end))?;
    begins.is_none_or(|begins| first.start <= begins).then_some(first.end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::from_micros;

    fn window(start: i64, end: i64) -> Window {
        Window { start: from_micros(start), end: from_micros(end) }
    }

    #[test]
    fn coverage_survives_the_round_trip() {
        let coverage = Coverage { online: vec![window(0, 5), window(7, 9)], offline: vec![window(1, 2)] };
        assert_eq!(coverage_from_proto(&coverage_to_proto(&coverage)), coverage);
    }

    #[test]
    fn only_whole_ranges_that_are_ready_count_and_touching_ones_are_one() {
        let mut failed = range(&window(50, 60));
        failed.status = Some(ServingStatus { serving_state: Some(ServingState::Error.into()), errors: vec![] });
        let open = StatusRange { end_exclusive: None, ..range(&window(70, 80)) };
        let backwards = range(&window(95, 90));
        let mut ranges: Vec<_> = [window(6, 9), window(0, 3), window(3, 5), window(4, 5)].iter().map(range).collect();
        ranges.extend([failed, open, backwards, StatusRange::default()]);
        let summary = ServingStatusSummary { online_readiness_ranges: ranges, ..Default::default() };
        let expected = Coverage { online: vec![window(0, 5), window(6, 9)], offline: vec![] };
        assert_eq!(coverage_from_proto(&summary), expected);
    }

    #[test]
    fn a_store_is_ready_up_to_its_first_gap() {
        let windows = [window(0, 5), window(7, 9)];
        for (begins, ready) in [(None, Some(5)), (Some(0), Some(5)), (Some(3), Some(5)), (Some(7), Some(9))] {
            assert_eq!(ready_until(&windows, begins.map(from_micros)), ready.map(from_micros), "{begins:?}");
        }
        for begins in [-1, 5, 6, 9] {
            assert_eq!(ready_until(&windows, Some(from_micros(begins))), None, "{begins}");
        }
        assert_eq!(ready_until(&[], None), None);
    }
}
