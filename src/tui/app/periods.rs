//! The periods of a view: where windows of its batch jobs may begin and end, and what is materialized or under way in
//! them.
//!
//! Pure functions of a definition, windows and an instant (docs/semantics.md section 10). The deployment decides in the
//! end; this is to say beforehand what it will say.

use crate::model::time::{floor, micros, span_micros};
use crate::model::{FeatureView, Job, JobType, Span, Time, Window};

/// Periods that a strip shows at least.
const LEAST: i64 = 12;

/// The grid of legal boundaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    /// The batch schedule; absent where the deployment does not tell it: then nothing is known of boundaries.
    pub step: Option<Span>,
    /// The first legal boundary: the start of the features, for aggregates less the longest window, aligned down.
    pub first: Option<Time>,
}

impl Grid {
    /// The grid of the view.
    pub(crate) fn new(view: &FeatureView) -> Self {
        let step = view.batch_schedule.filter(|step| *step > Span::zero());
        let begins =
            view.feature_start_time.and_then(|start| start.checked_sub_signed(view.longest_window.unwrap_or_default()));
        Self { step, first: begins.zip(step).map(|(begins, step)| floor(begins, step)) }
    }

    /// The length of a period; a day where it is not known.
    pub(crate) fn period(&self) -> Span {
        self.step.unwrap_or(Span::days(1))
    }

    /// The last legal boundary: the end of the newest complete period.
    pub(crate) fn last(&self, now: Time) -> Time {
        floor(now, self.period())
    }

    /// The boundary before or after `at`, kept in the legal range.
    pub(crate) fn adjacent(&self, at: Time, later: bool, now: Time) -> Time {
        let (step, below) = (self.period(), floor(at, self.period()));
        let to = match later {
            true => below.checked_add_signed(step),
            false if below < at => Some(below),
            false => below.checked_sub_signed(step),
        };
        let last = self.last(now);
        to.unwrap_or(at).clamp(self.first.unwrap_or(Time::MIN_UTC).min(last), last)
    }
}

/// The parts of `windows` that lie in `window`.
pub(crate) fn within(windows: &[Window], window: Window) -> Vec<Window> {
    let cut = |other: &Window| Window { start: other.start.max(window.start), end: other.end.min(window.end) };
    windows.iter().filter(|other| other.overlaps(&window)).map(cut).collect()
}

/// Periods that the windows take, a begun one counted as a whole.
pub(crate) fn count(windows: &[Window], period: Span) -> i64 {
    let period = span_micros(period).max(1);
    windows.iter().map(|window| (span_micros(window.span()) + period - 1) / period).sum()
}

/// Batch jobs that have not ended and share an instant with the window: they block every other job.
pub(crate) fn blocking(jobs: &[Job], window: Window) -> impl Iterator<Item = &Job> {
    jobs.iter().filter(move |job| {
        job.job_type == JobType::Batch
            && !job.state.is_terminal()
            && job.window.is_some_and(|other| other.overlaps(&window))
    })
}

/// What a cell of a strip stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fill {
    /// No job may have it: before the features begin, or not complete yet.
    Outside,
    /// Legal, and nothing is there.
    Free,
    /// A part of the cell is materialized.
    Part,
    /// The whole cell is materialized.
    Full,
    /// A job that has not ended is to fill it.
    Busy,
}

/// A range of time cut into cells of equal length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Strip {
    /// The time that all cells together stand for.
    pub range: Window,
    /// How many cells it is cut into.
    pub cells: usize,
}

impl Strip {
    /// The range around `window` that `room` cells show: whole periods, one or more cells each or one or more to a
    /// cell.
    pub(crate) fn around(window: Window, grid: &Grid, room: usize, now: Time) -> Self {
        let (period, room) = (span_micros(grid.period()).max(1), room.max(1) as i64);
        let inside = span_micros(window.span()).max(period) / period;
        let wanted = inside.saturating_mul(3).max(LEAST);
        let (each, cells, total) = if wanted <= room {
            let each = room / wanted;
            let total = room / each;
            (1, total * each, total)
        } else {
            let each = (wanted + room - 1) / room;
            (each, (wanted + each - 1) / each, (wanted + each - 1) / each * each)
        };
        debug_assert!(each > 0);
        let start = micros(floor(window.start, grid.period())).saturating_sub((total - inside) / 2 * period);
        // What is past the newest complete period is not worth many cells.
        let most = micros(grid.last(now)).saturating_add(period).max(micros(window.end));
        let start = start.min(most.saturating_sub(total.saturating_mul(period)));
        let start = crate::model::time::from_micros(start);
        let end = start.checked_add_signed(Span::microseconds(total.saturating_mul(period))).unwrap_or(window.end);
        Self { range: Window { start, end }, cells: cells as usize }
    }

    /// The part of time that a cell stands for.
    pub(crate) fn cell(&self, cell: usize) -> Window {
        let (whole, cells) = (i128::from(span_micros(self.range.span())), self.cells.max(1) as i128);
        let edge = |cell: usize| {
            let past = i64::try_from(whole * cell as i128 / cells).unwrap_or(0);
            self.range.start.checked_add_signed(Span::microseconds(past)).unwrap_or(self.range.end)
        };
        Window { start: edge(cell), end: edge(cell + 1) }
    }

    /// Which cells share an instant with the window.
    pub(crate) fn touched(&self, window: Window) -> Vec<bool> {
        (0..self.cells).map(|cell| self.cell(cell).overlaps(&window)).collect()
    }

    /// What each cell stands for in one store.
    pub(crate) fn fills(&self, covered: &[Window], busy: &[Window], grid: &Grid, now: Time) -> Vec<Fill> {
        let legal = Window { start: grid.first.unwrap_or(Time::MIN_UTC), end: grid.last(now) };
        let fill = |cell: usize| {
            let cell = self.cell(cell);
            let there: i64 = within(covered, cell).iter().map(|part| span_micros(part.span())).sum();
            match there {
                _ if busy.iter().any(|window| window.overlaps(&cell)) => Fill::Busy,
                there if there > 0 && there >= span_micros(cell.span()) => Fill::Full,
                1.. => Fill::Part,
                _ if cell.overlaps(&legal) => Fill::Free,
                _ => Fill::Outside,
            }
        };
        (0..self.cells).map(fill).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::app::testing::{at, carrier_view, jobs, noon};

    fn window(start: &str, end: &str) -> Window {
        Window { start: at(start), end: at(end) }
    }

    #[test]
    fn the_grid_begins_a_longest_window_before_the_features_and_ends_with_the_newest_complete_period() {
        let grid = Grid::new(&carrier_view());
        assert_eq!((grid.first, grid.last(noon())), (Some(at("18 12:00")), at("22 12:00")));
        assert_eq!(grid.adjacent(at("22 11:00"), false, noon()), at("22 10:00"));
        assert_eq!(grid.adjacent(at("22 10:20"), false, noon()), at("22 10:00"));
        assert_eq!(grid.adjacent(at("22 10:20"), true, noon()), at("22 11:00"));
        assert_eq!(grid.adjacent(at("22 12:00"), true, noon()), at("22 12:00"), "not past the newest complete period");
        assert_eq!(grid.adjacent(at("18 12:00"), false, noon()), at("18 12:00"), "not before the features begin");
    }

    #[test]
    fn what_would_be_overwritten_is_cut_to_the_window_and_counted() {
        let there = [window("22 03:00", "22 06:00"), window("22 08:00", "22 10:00")];
        let found = within(&there, window("22 05:00", "22 09:00"));
        assert_eq!(found, [window("22 05:00", "22 06:00"), window("22 08:00", "22 09:00")]);
        assert_eq!(count(&found, Span::hours(1)), 2);
        assert_eq!(within(&there, window("22 06:00", "22 08:00")), [], "windows that only touch do not overlap");
    }

    #[test]
    fn only_batch_jobs_that_have_not_ended_block() {
        let all = jobs();
        let blocked = |start, end| blocking(&all, window(start, end)).map(|job| job.id.0 & 0xff).collect::<Vec<_>>();
        assert_eq!(blocked("22 09:00", "22 11:00"), [0x8f, 0x8e]);
        assert_eq!(blocked("22 06:00", "22 09:00"), Vec::<u128>::new());
    }

    #[test]
    fn a_strip_shows_whole_periods_around_the_window_and_what_is_in_them() {
        let grid = Grid::new(&carrier_view());
        for room in [1, 7, 20, 40, 100] {
            for wanted in [window("22 11:00", "22 12:00"), window("20 00:00", "22 12:00")] {
                let strip = Strip::around(wanted, &grid, room, noon());
                assert!(strip.cells <= room && strip.cells > 0, "{strip:?}");
                assert!(strip.range.start <= wanted.start && strip.range.end >= wanted.end, "{strip:?}");
                assert!(strip.touched(wanted).contains(&true));
                assert_eq!(span_micros(strip.range.span()) % 3_600_000_000, 0);
            }
        }
        let strip = Strip { range: window("22 08:00", "22 14:00"), cells: 6 };
        let (covered, busy) = ([window("22 08:00", "22 09:30")], [window("22 11:00", "22 12:00")]);
        let fills = strip.fills(&covered, &busy, &grid, noon());
        assert_eq!(fills, [Fill::Full, Fill::Part, Fill::Free, Fill::Busy, Fill::Outside, Fill::Outside]);
    }
}
