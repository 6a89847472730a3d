//! What of the offline store a history reads and no job has written: the values are what they are (semantics.md section
//! 8.3), but a person who looks for the cause of a null should not have to guess.
//!
//! It reads the job table's words; it must not change an answer.

use polars::prelude::DataFrame;

use crate::model::time::{floor, from_micros, print_time};
use crate::model::{Job, JobState, Span, Time, Window};
use crate::platform::engine::history::micros_of;
use crate::platform::registry::definition::{Kind, View};

/// Windows that a warning names.
const NAMED: usize = 3;

/// The times of stored rows that values at these instants can come from: from the first instant less the longest window
/// or ttl to the last. Nothing before the features begin is ever stored, so it is not missed.
pub fn reach(view: &View, spine: &DataFrame, timestamp_key: &str, begins: Option<Time>) -> Option<Window> {
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

/// The warning about what is missing of `reach`; none where all of it was written.
pub fn warning(jobs: &[Job], reach: Window) -> Option<String> {
    let gaps = gaps(jobs, reach);
    let named: Vec<String> =
        gaps.iter().take(NAMED).map(|gap| format!("{} to {}", print_time(gap.start), print_time(gap.end))).collect();
    let more = gaps.len().checked_sub(NAMED).filter(|more| *more > 0).map(|more| format!(", and {more} more"));
    (!gaps.is_empty()).then(|| {
        format!(
            "No job has written {}{} to the offline store: values are computed without what happened then.",
            named.join(", "),
            more.unwrap_or_default()
        )
    })
}

/// The parts of `reach` that no finished job wrote offline.
fn gaps(jobs: &[Job], reach: Window) -> Vec<Window> {
    let written = jobs.iter().filter(|job| job.offline && job.state == JobState::Success).filter_map(|job| job.window);
    let mut written: Vec<Window> = written.filter(|window| window.overlaps(&reach)).collect();
    written.sort();
    let mut gaps = Vec::new();
    let mut from = reach.start;
    for window in written {
        if from < window.start {
            gaps.push(Window { start: from, end: window.start });
        }
        from = from.max(window.end);
    }
    if from < reach.end {
        gaps.push(Window { start: from, end: reach.end });
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::parse_time;
    use crate::model::{Id, JobType};

    fn job(from: u32, to: u32, state: JobState, offline: bool) -> Job {
        let at = |hour: u32| parse_time(&format!("2026-01-01 {hour:02}:00")).unwrap();
        Job {
            id: Id(1),
            workspace: String::new(),
            feature_view: String::new(),
            job_type: JobType::Batch,
            state,
            window: Some(Window { start: at(from), end: at(to) }),
            online: true,
            offline,
            created_at: None,
            updated_at: None,
            next_attempt_at: None,
            attempts: Vec::new(),
            allowed: Default::default(),
        }
    }

    #[test]
    fn what_no_finished_job_wrote_is_named() {
        let jobs = [
            job(1, 3, JobState::Success, true),
            job(2, 4, JobState::Success, true),
            job(4, 5, JobState::Failure, true),
            job(5, 6, JobState::Success, false),
            job(6, 8, JobState::Success, true),
        ];
        let reach = job(0, 9, JobState::Success, true).window.unwrap();
        let told = warning(&jobs, reach).unwrap();
        let expected = "No job has written 2026-01-01 00:00:00 to 2026-01-01 01:00:00, 2026-01-01 04:00:00 to 2026-01-01 06:00:00, \
                        2026-01-01 08:00:00 to 2026-01-01 09:00:00 to the offline store";
        assert!(told.starts_with(expected), "{told}");
        assert_eq!(warning(&jobs, job(1, 4, JobState::Success, true).window.unwrap()), None);
        let hours: Vec<Job> = (0..9).filter(|n| n % 2 == 0).map(|n| job(n, n + 1, JobState::Success, true)).collect();
        assert!(warning(&hours, reach).unwrap().contains(", and 1 more to the offline store"));
    }
}
