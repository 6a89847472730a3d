//! Whether a user may start a materialization job (the table in semantics.md section 10), as a pure function.
//!
//! This deployment answers as releases from 0.6 on do: a view that the platform schedules by itself may be triggered
//! as well. Only the 0.5 client refuses that, before it calls.

use crate::model::time::{floor, print_span, print_time};
use crate::model::{BatchTrigger, JobState, JobType, Time, TriggerRequest, Window};
use crate::platform::registry::definition::View;

use super::plan;
use super::record::JobRecord;

/// Jobs named in one refusal.
const NAMED_JOBS: usize = 5;

/// Checks `request` against the definition, the jobs there are and the clock. `feature_start` is the resolved start
/// of the view's features; without one any past window may be asked for. The refusal is a complete sentence.
pub fn check(
    view: &View,
    feature_start: Option<Time>,
    jobs: &[JobRecord],
    request: &TriggerRequest,
    now: Time,
) -> Result<(), String> {
    check_view(view)?;
    check_window(view, request.window)?;
    check_range(view, feature_start, request.window, now)?;
    check_stores(view, request)?;
    check_overlap(jobs, request)
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
                at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
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
        let reach = match view.longest_window() {
            Some(longest) => format!(" less its longest window {}", print_span(longest)),
            None => String::new(),
        };
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

fn check_overlap(jobs: &[JobRecord], request: &TriggerRequest) -> Result<(), String> {
    let meets = |record: &&JobRecord| {
        record.job.job_type == JobType::Batch && record.job.window.is_some_and(|w| w.overlaps(&request.window))
    };
    let unended: Vec<&JobRecord> = jobs.iter().filter(meets).filter(|r| !r.job.state.is_terminal()).collect();
    if !unended.is_empty() {
        return Err(format!(
            "The window overlaps jobs that have not ended: {}. Wait for them or cancel them first; overwrite does not \
             change that.",
            name_jobs(&unended)
        ));
    }
    let shares_store =
        |record: &&JobRecord| (record.job.online && request.online) || (record.job.offline && request.offline);
    let done: Vec<&JobRecord> =
        jobs.iter().filter(meets).filter(|r| r.job.state == JobState::Success).filter(shares_store).collect();
    if !request.overwrite && !done.is_empty() {
        return Err(format!(
            "The window overlaps periods that are materialized already: {}. Set overwrite=true to replace them.",
            name_jobs(&done)
        ));
    }
    Ok(())
}

fn name_jobs(jobs: &[&JobRecord]) -> String {
    let name = |record: &&JobRecord| match record.job.window {
        Some(w) => format!("{} to {} (job {})", print_time(w.start), print_time(w.end), record.job.id),
        None => format!("job {}", record.job.id),
    };
    let mut text = jobs.iter().take(NAMED_JOBS).map(name).collect::<Vec<_>>().join(", ");
    if jobs.len() > NAMED_JOBS {
        text.push_str(&format!(" and {} more", jobs.len() - NAMED_JOBS));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::parse_time;
    use crate::platform::jobs::record::Outcome;
    use crate::platform::jobs::testing;

    const NOW: &str = "2026-01-05T10:30:00Z";

    fn at(text: &str) -> Time {
        parse_time(text).unwrap()
    }

    fn request(start: &str, end: &str) -> TriggerRequest {
        TriggerRequest {
            workspace: "prod".to_owned(),
            feature_view: "v".to_owned(),
            window: Window { start: at(start), end: at(end) },
            online: true,
            offline: true,
            use_tecton_managed_retries: true,
            overwrite: false,
        }
    }

    fn job(start: &str, end: &str) -> JobRecord {
        let window = Window { start: at(start), end: at(end) };
        let mut record = JobRecord::batch(&testing::view("v"), window, at(end), at(NOW));
        record.start(at(NOW));
        record
    }

    fn checked(jobs: &[JobRecord], request: &TriggerRequest) -> Result<(), String> {
        check(&testing::view("v"), Some(at("2026-01-02T00:00:00Z")), jobs, request, at(NOW))
    }

    #[test]
    fn a_free_window_is_taken_also_of_a_scheduled_view() {
        assert_eq!(checked(&[], &request("2026-01-01T00:00:00Z", "2026-01-05T10:00:00Z")), Ok(()));
    }

    #[test]
    fn windows_off_the_schedule_name_the_nearest_boundaries() {
        let refusal = checked(&[], &request("2026-01-03T00:10:00Z", "2026-01-03T02:00:00Z")).unwrap_err();
        for part in ["start_time 2026-01-03T00:10:00Z", "1h", "2026-01-03 00:00:00", "2026-01-03 01:00:00"] {
            assert!(refusal.contains(part), "{refusal}");
        }
        assert!(checked(&[], &request("2026-01-03T02:00:00Z", "2026-01-03T02:00:00Z")).is_err());
    }

    #[test]
    fn windows_outside_the_range_are_refused() {
        let early = checked(&[], &request("2025-12-31T23:00:00Z", "2026-01-03T02:00:00Z")).unwrap_err();
        assert!(early.contains("2026-01-01 00:00:00"), "{early}");
        let late = checked(&[], &request("2026-01-05T10:00:00Z", "2026-01-05T11:00:00Z")).unwrap_err();
        assert!(late.contains("2026-01-05 10:00:00"), "{late}");
    }

    #[test]
    fn stores_must_be_chosen_and_configured() {
        let mut none = request("2026-01-03", "2026-01-04");
        (none.online, none.offline) = (false, false);
        assert!(checked(&[], &none).is_err());
        let mut view = testing::view("v");
        view.online = false;
        let refusal = check(&view, None, &[], &request("2026-01-03", "2026-01-04"), at(NOW)).unwrap_err();
        assert!(refusal.contains("online=true"), "{refusal}");
        view.live = false;
        assert!(check(&view, None, &[], &request("2026-01-03", "2026-01-04"), at(NOW)).is_err());
    }

    #[test]
    fn a_materialized_window_needs_overwrite() {
        let mut done = job("2026-01-03T00:00:00Z", "2026-01-03T12:00:00Z");
        done.finish(Outcome::Success, at(NOW));
        let mut wanted = request("2026-01-03T11:00:00Z", "2026-01-03T13:00:00Z");
        let refusal = checked(std::slice::from_ref(&done), &wanted).unwrap_err();
        assert!(refusal.contains(&done.job.id.to_string()), "{refusal}");
        wanted.overwrite = true;
        assert_eq!(checked(std::slice::from_ref(&done), &wanted), Ok(()));
        wanted.overwrite = false;
        wanted.window.start = at("2026-01-03T12:00:00Z");
        assert_eq!(checked(&[done], &wanted), Ok(()), "windows that only touch do not overlap");
    }

    #[test]
    fn an_unended_job_blocks_even_an_overwrite_and_an_ended_one_without_success_does_not() {
        let running = job("2026-01-03T00:00:00Z", "2026-01-03T12:00:00Z");
        let mut wanted = request("2026-01-03T00:00:00Z", "2026-01-03T12:00:00Z");
        wanted.overwrite = true;
        assert!(checked(std::slice::from_ref(&running), &wanted).unwrap_err().contains("have not ended"));
        let mut cancelled = running;
        cancelled.request_cancel(at(NOW));
        cancelled.finish(Outcome::Stopped, at(NOW));
        wanted.overwrite = false;
        assert_eq!(checked(&[cancelled], &wanted), Ok(()));
    }
}
