//! Whether a user may start a materialization job (the table in docs/semantics.md section 10), as a pure function.
//!
//! This deployment answers as releases from 0.6 on do: a view that the platform schedules by itself may be triggered
//! as well. Only the 0.5 client refuses that, before it calls.

use crate::model::clean::first_of;
use crate::model::time::{floor, joined, print_span, print_time, print_window, rfc3339};
use crate::model::{BatchTrigger, Coverage, JobState, JobType, Time, TriggerRequest, Window};
use crate::platform::definition::View;

use super::plan;
use super::record::JobRecord;

/// Periods and jobs named in one refusal.
const NAMED: usize = 5;

/// What there is of a view already.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Existing<'a> {
    /// Its batch jobs that overlap the window, as far as they are kept.
    pub jobs: &'a [JobRecord],
    /// What is materialized, also by jobs that are no longer kept.
    pub coverage: &'a Coverage,
}

/// Checks `request` against the definition, what there is and the clock. `feature_start` is the resolved start
/// of the view's features; without one any past window may be asked for. The refusal is a complete sentence.
pub(crate) fn check(
    view: &View,
    feature_start: Option<Time>,
    existing: Existing<'_>,
    request: &TriggerRequest,
    now: Time,
) -> Result<(), String> {
    check_view(view)?;
    check_window(view, request.window)?;
    check_range(view, feature_start, request.window, now)?;
    check_stores(view, request)?;
    check_overlap(existing, request)
}

fn check_view(view: &View) -> Result<(), String> {
    if !view.live {
        return Err(format!(
            "Feature view `{}` is not materialized, because workspace `{}` is not live. Trigger it in a live workspace.",
            view.name, view.workspace
        ));
    }
    if view.batch_trigger == BatchTrigger::NoBatch {
        return Err(format!("Feature view `{}` has no batch materialization that could be triggered.", view.name));
    }
    Ok(())
}

fn check_window(view: &View, window: Window) -> Result<(), String> {
    if window.start >= window.end {
        return Err(format!(
            "start_time {} must be before end_time {}.",
            print_time(window.start),
            print_time(window.end)
        ));
    }
    for (name, at) in [("start_time", window.start), ("end_time", window.end)] {
        let below = floor(at, view.batch_schedule);
        if below != at {
            return Err(format!(
                "{name} {} is not a multiple of the batch schedule {} of `{}`. The nearest boundaries are {} and {}.",
                rfc3339(at),
                print_span(view.batch_schedule),
                view.name,
                print_time(below),
                print_time(below + view.batch_schedule)
            ));
        }
    }
    Ok(())
}

fn check_range(view: &View, feature_start: Option<Time>, window: Window, now: Time) -> Result<(), String> {
    let first = feature_start.map(|start| plan::begins(view, start));
    let last = plan::newest_complete(view, now);
    if let Some(first) = first.filter(|first| window.start < *first) {
        let reach = plan::reach(view);
        return Err(format!(
            "start_time {} is outside the allowed range: the features of `{}` begin{reach} at {}. Choose that or later.",
            print_time(window.start),
            view.name,
            print_time(first)
        ));
    }
    if window.end > last {
        return Err(format!(
            "end_time {} is outside the allowed range: the newest complete period of `{}` ended at {} (batch schedule \
             {}). Choose that or earlier.",
            print_time(window.end),
            view.name,
            print_time(last),
            print_span(view.batch_schedule)
        ));
    }
    Ok(())
}

fn check_stores(view: &View, request: &TriggerRequest) -> Result<(), String> {
    if !request.online && !request.offline {
        return Err("Choose at least one store: online, offline or both.".to_owned());
    }
    for (name, wanted, has) in [("online", request.online, view.online), ("offline", request.offline, view.offline)] {
        if wanted && !has {
            return Err(format!(
                "Feature view `{}` is not configured with {name}=true, so it cannot be materialized to the {name} \
                 store. Leave {name} out, or set {name}=true in its definition.",
                view.name
            ));
        }
    }
    Ok(())
}

fn check_overlap(existing: Existing<'_>, request: &TriggerRequest) -> Result<(), String> {
    let window = request.window;
    let meets: Vec<&JobRecord> = existing.jobs.iter().filter(|record| is_batch_in(record, window)).collect();
    check_unended(&meets)?;
    if request.overwrite {
        return Ok(());
    }
    let chosen = [(request.online, &existing.coverage.online), (request.offline, &existing.coverage.offline)];
    let covered = chosen.into_iter().filter(|(wanted, _)| *wanted).flat_map(|(_, windows)| windows);
    let covered: Vec<Window> = covered.filter_map(|held| shared(*held, window)).collect();
    if covered.is_empty() {
        return Ok(());
    }
    let shares_store = |r: &&JobRecord| (r.job.online && request.online) || (r.job.offline && request.offline);
    let done: Vec<&JobRecord> =
        meets.into_iter().filter(|r| r.job.state == JobState::Success).filter(shares_store).collect();
    let known: Vec<Window> = done.iter().filter_map(|record| record.job.window).collect();
    let mut named: Vec<String> = done.iter().map(|record| name(record)).collect();
    // What jobs have written that are no longer kept.
    let rest = joined(covered).into_iter().flat_map(|held| held.without(&known));
    named.extend(rest.map(|held| format!("{} (by a job that is no longer kept)", print_window(held))));
    Err(format!(
        "The window overlaps periods that are materialized already: {}. Set overwrite=true to replace them.",
        list(&named)
    ))
}

/// Refuses while jobs over the same window have not ended.
pub(super) fn check_unended(overlapping: &[&JobRecord]) -> Result<(), String> {
    let unended = overlapping.iter().filter(|record| !record.job.state.is_terminal());
    let named: Vec<String> = unended.map(|record| name(record)).collect();
    if named.is_empty() {
        return Ok(());
    }
    Err(format!(
        "The window overlaps jobs that have not ended: {}. Wait for them or cancel them first; overwrite does not change that.",
        list(&named)
    ))
}

/// Whether a record is a batch job over part of a window.
pub(super) fn is_batch_in(record: &JobRecord, window: Window) -> bool {
    record.job.job_type == JobType::Batch && record.job.window.is_some_and(|held| held.overlaps(&window))
}

fn shared(one: Window, other: Window) -> Option<Window> {
    let both = Window { start: one.start.max(other.start), end: one.end.min(other.end) };
    (both.start < both.end).then_some(both)
}

/// A job by its window and id.
pub(super) fn name(record: &JobRecord) -> String {
    match record.job.window {
        Some(window) => format!("{} (job {})", print_window(window), record.job.id),
        None => format!("job {}", record.job.id),
    }
}

/// The first few of these, and how many more there are.
pub(super) fn list(named: &[String]) -> String {
    first_of(named, NAMED)
}

#[cfg(test)]
mod tests;
