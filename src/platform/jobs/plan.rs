//! Which windows of a view get materialization jobs, and when they start (docs/semantics.md section 10).
//!
//! Pure functions of a definition, an instant and what was planned before; they must not touch the job table.

use crate::model::time::{floor, print_span};
use crate::model::{BatchTrigger, Span, Time, Window};
use crate::platform::definition::View;

/// Jobs of a backfill where the view does not say how long one may be.
const BACKFILL_JOBS: i64 = 10;
/// Single-period jobs planned in one pass; a long downtime is caught up over several passes.
const MAX_PERIODS_A_PASS: usize = 500;

/// A batch job to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Planned {
    pub window: Window,
    /// When its data is complete, so that it may start: window end + the greatest data delay.
    pub starts_at: Time,
}

/// Whether the platform makes batch jobs for the view by itself.
pub(crate) fn is_scheduled(view: &View) -> bool {
    view.live
        && view.batch_trigger == BatchTrigger::Scheduled
        && (view.online || view.offline)
        && view.batch_schedule > Span::zero()
}

/// The first instant that materialization covers: the start of the features, for aggregates less the longest window so
/// that early features are whole, aligned down to the batch schedule.
pub(crate) fn begins(view: &View, feature_start: Time) -> Time {
    floor(feature_start - view.longest_window().unwrap_or(Span::zero()), view.batch_schedule)
}

/// What to say besides that features begin, where something is stored from before that.
pub(crate) fn reach(view: &View) -> String {
    view.longest_window().map_or(String::new(), |longest| format!(" less its longest window {}", print_span(longest)))
}

/// The end of the newest period that is over at `at`.
pub(crate) fn newest_complete(view: &View, at: Time) -> Time {
    floor(at, view.batch_schedule)
}

/// The batch jobs still to be made at `now`: without `planned_until` (nothing was planned yet) the backfill from
/// `begins`; then one job for each period up to and including the one that is still open. Oldest first.
///
/// Periods before `planned_until` are never planned again, whatever became of their jobs: a cancelled period stays
/// cancelled.
pub(crate) fn plan(view: &View, begins: Time, planned_until: Option<Time>, now: Time) -> Vec<Planned> {
    if !is_scheduled(view) {
        return Vec::new();
    }
    let (step, delay) = (view.batch_schedule, view.max_data_delay());
    let starts = |window: Window| Planned { window, starts_at: window.end + delay };
    let mut jobs = Vec::new();
    let mut from = match planned_until {
        Some(until) => floor(until, step),
        None => {
            let whole = Window { start: begins, end: floor(now - delay, step).max(begins) };
            jobs.extend(backfill(whole, step, view.max_batch_aggregation_interval).into_iter().map(starts));
            whole.end
        }
    };
    for _ in 0..MAX_PERIODS_A_PASS {
        if from > now {
            break;
        }
        jobs.push(starts(Window { start: from, end: from + step }));
        from += step;
    }
    jobs
}

/// Cuts `whole`, a number of whole periods of `step`, into jobs of at most `longest`; without it into ten of
/// near-equal length. Oldest first; nothing for an empty window.
pub(crate) fn backfill(whole: Window, step: Span, longest: Option<Span>) -> Vec<Window> {
    let periods = whole.span().num_seconds() / step.num_seconds().max(1);
    let lengths: Vec<i64> = match longest {
        Some(longest) => {
            let each = (longest.num_seconds() / step.num_seconds().max(1)).max(1);
            (0..periods).step_by(usize::try_from(each).unwrap_or(1)).map(|done| each.min(periods - done)).collect()
        }
        None => {
            let jobs = BACKFILL_JOBS.min(periods).max(1);
            (0..jobs).map(|i| periods / jobs + i64::from(i < periods % jobs)).collect()
        }
    };
    let mut start = whole.start;
    let mut windows = Vec::with_capacity(lengths.len());
    for length in lengths.into_iter().filter(|length| *length > 0) {
        let end = start + Span::seconds(step.num_seconds() * length);
        windows.push(Window { start, end });
        start = end;
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::parse_time;
    use crate::platform::testing::view;

    fn at(text: &str) -> Time {
        parse_time(text).unwrap()
    }

    fn spans(windows: &[Window]) -> Vec<i64> {
        windows.iter().map(|w| w.span().num_hours()).collect()
    }

    #[test]
    fn backfill_is_ten_near_equal_jobs_of_whole_periods() {
        let whole = Window { start: at("2026-01-01"), end: at("2026-01-02") };
        let windows = backfill(whole, Span::hours(1), None);
        assert_eq!(spans(&windows), [3, 3, 3, 3, 2, 2, 2, 2, 2, 2]);
        assert_eq!(windows[0].start, whole.start);
        assert_eq!(windows[9].end, whole.end);
        assert!(windows.windows(2).all(|pair| pair[0].end == pair[1].start));
    }

    #[test]
    fn backfill_of_few_periods_makes_few_jobs() {
        let whole = Window { start: at("2026-01-01"), end: at("2026-01-01T03:00:00Z") };
        assert_eq!(spans(&backfill(whole, Span::hours(1), None)), [1, 1, 1]);
        assert!(backfill(Window { start: whole.end, end: whole.end }, Span::hours(1), None).is_empty());
    }

    #[test]
    fn backfill_keeps_to_the_longest_job() {
        let whole = Window { start: at("2026-01-01"), end: at("2026-01-02") };
        assert_eq!(spans(&backfill(whole, Span::hours(1), Some(Span::hours(10)))), [10, 10, 4]);
    }

    #[test]
    fn first_plan_backfills_then_schedules_what_is_not_complete() {
        let mut view = view("carrier");
        view.batch_schedule = Span::hours(1);
        std::sync::Arc::make_mut(&mut view.inputs[0].source).data_delay = Span::minutes(10);
        let now = at("2026-01-02T00:05:00Z");
        let jobs = plan(&view, at("2026-01-01"), None, now);
        let (due, later): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|job| job.starts_at <= now);
        assert_eq!(due.len(), 10);
        assert_eq!(due[9].window.end, at("2026-01-01T23:00:00Z"));
        let starts: Vec<Time> = later.iter().map(|job| job.starts_at).collect();
        assert_eq!(starts, [at("2026-01-02T00:10:00Z"), at("2026-01-02T01:10:00Z")]);
    }

    #[test]
    fn later_plans_add_one_job_a_period_and_catch_up() {
        let mut view = view("carrier");
        view.batch_schedule = Span::hours(1);
        let planned = Some(at("2026-01-02T01:00:00Z"));
        assert!(plan(&view, at("2026-01-01"), planned, at("2026-01-02T00:59:59Z")).is_empty());
        assert_eq!(plan(&view, at("2026-01-01"), planned, at("2026-01-02T01:00:00Z")).len(), 1);
        let caught_up = plan(&view, at("2026-01-01"), planned, at("2026-01-02T05:30:00Z"));
        assert_eq!(caught_up.len(), 5);
        assert!(caught_up.iter().all(|job| job.window.span() == Span::hours(1)));
    }

    #[test]
    fn manual_and_dead_views_get_nothing() {
        let mut manual = view("manual");
        manual.batch_trigger = BatchTrigger::Manual;
        let mut dead = view("dead");
        dead.live = false;
        for view in [manual, dead] {
            assert!(plan(&view, at("2026-01-01"), None, at("2026-01-02")).is_empty());
        }
    }

    #[test]
    fn aggregates_begin_a_longest_window_earlier() {
        let view = view("carrier");
        assert_eq!(view.longest_window(), Some(Span::days(1)));
        assert_eq!(begins(&view, at("2026-01-05T10:30:00Z")), at("2026-01-04T10:00:00Z"));
    }
}
