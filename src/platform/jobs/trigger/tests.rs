use super::*;
use crate::model::time::parse_time;
use crate::platform::jobs::record::Outcome;
use crate::platform::jobs::retry::Policy;
use crate::platform::testing;

const NOW: &str = "2026-01-05T10:30:00Z";

fn at(text: &str) -> Time {
    parse_time(text).unwrap()
}

fn window(start: &str, end: &str) -> Window {
    Window { start: at(start), end: at(end) }
}

fn request(start: &str, end: &str) -> TriggerRequest {
    TriggerRequest {
        workspace: "prod".to_owned(),
        feature_view: "v".to_owned(),
        window: window(start, end),
        online: true,
        offline: true,
        use_tecton_managed_retries: true,
        overwrite: false,
    }
}

fn running(start: &str, end: &str) -> JobRecord {
    let mut record = JobRecord::batch(&testing::view("v"), window(start, end), at(end), at(NOW));
    record.start(at(NOW));
    record
}

fn done(start: &str, end: &str) -> JobRecord {
    let mut record = running(start, end);
    record.finish(Outcome::Success, &Policy::default(), at(NOW));
    record
}

/// What a user is told, over these jobs, with what the successful ones have written covered.
fn asked(view: &View, jobs: &[JobRecord], request: &TriggerRequest) -> Result<(), String> {
    let mut coverage = Coverage::default();
    for record in jobs.iter().filter(|record| record.job.state == JobState::Success) {
        let windows = || record.job.window.into_iter();
        coverage.online.extend(windows().filter(|_| record.job.online));
        coverage.offline.extend(windows().filter(|_| record.job.offline));
    }
    let existing = Existing { jobs, coverage: &coverage };
    check(view, Some(at("2026-01-02T00:00:00Z")), existing, request, at(NOW))
}

fn changed(change: impl FnOnce(&mut View)) -> View {
    let mut view = testing::view("v");
    change(&mut view);
    view
}

#[test]
fn a_free_window_is_taken_whoever_starts_the_view_s_jobs() {
    let manual = changed(|view| view.batch_trigger = BatchTrigger::Manual);
    for view in [testing::view("v"), manual] {
        assert_eq!(asked(&view, &[], &request("2026-01-01T00:00:00Z", "2026-01-05T10:00:00Z")), Ok(()));
    }
}

/// Each row of the table that the definition and the clock decide, with the whole text.
#[test]
fn what_the_definition_and_the_clock_refuse() {
    let sound = || request("2026-01-03", "2026-01-04");
    let stores = |online, offline| TriggerRequest { online, offline, ..sound() };
    let cases = [
        (
            changed(|view| view.live = false),
            sound(),
            "Feature view `v` is not materialized, because workspace `prod` is not live. Trigger it in a live workspace.",
        ),
        (
            changed(|view| view.batch_trigger = BatchTrigger::NoBatch),
            sound(),
            "Feature view `v` has no batch materialization that could be triggered.",
        ),
        (
            testing::view("v"),
            request("2026-01-03 02:00", "2026-01-03 02:00"),
            "start_time 2026-01-03 02:00:00 must be before end_time 2026-01-03 02:00:00.",
        ),
        (
            testing::view("v"),
            request("2026-01-03 03:00", "2026-01-03 02:00"),
            "start_time 2026-01-03 03:00:00 must be before end_time 2026-01-03 02:00:00.",
        ),
        (
            testing::view("v"),
            request("2026-01-03 00:10", "2026-01-03 02:00"),
            "start_time 2026-01-03T00:10:00Z is not a multiple of the batch schedule 1h of `v`. The nearest boundaries are \
             2026-01-03 00:00:00 and 2026-01-03 01:00:00.",
        ),
        (
            testing::view("v"),
            request("2026-01-03 00:00", "2026-01-03 01:59:59.5"),
            "end_time 2026-01-03T01:59:59.500Z is not a multiple of the batch schedule 1h of `v`. The nearest boundaries \
             are 2026-01-03 01:00:00 and 2026-01-03 02:00:00.",
        ),
        (
            testing::view("v"),
            request("2025-12-31 23:00", "2026-01-03 02:00"),
            "start_time 2025-12-31 23:00:00 is outside the allowed range: the features of `v` begin less its longest window \
             1d at 2026-01-01 00:00:00. Choose that or later.",
        ),
        (
            testing::view("v"),
            request("2026-01-05 10:00", "2026-01-05 11:00"),
            "end_time 2026-01-05 11:00:00 is outside the allowed range: the newest complete period of `v` ended at \
             2026-01-05 10:00:00 (batch schedule 1h). Choose that or earlier.",
        ),
        (testing::view("v"), stores(false, false), "Choose at least one store: online, offline or both."),
        (
            changed(|view| view.online = false),
            sound(),
            "Feature view `v` is not configured with online=true, so it cannot be materialized to the online store. Leave \
             online out, or set online=true in its definition.",
        ),
        (
            changed(|view| view.offline = false),
            stores(false, true),
            "Feature view `v` is not configured with offline=true, so it cannot be materialized to the offline store. Leave \
             offline out, or set offline=true in its definition.",
        ),
    ];
    for (view, request, told) in cases {
        assert_eq!(asked(&view, &[], &request), Err(told.to_owned()));
    }
}

#[test]
fn a_materialized_window_needs_overwrite() {
    let jobs = [done("2026-01-03 00:00", "2026-01-03 12:00")];
    let mut wanted = request("2026-01-03 11:00", "2026-01-03 13:00");
    let told = format!(
        "The window overlaps periods that are materialized already: 2026-01-03 00:00:00 to 2026-01-03 12:00:00 (job {}). \
         Set overwrite=true to replace them.",
        jobs[0].job.id
    );
    assert_eq!(asked(&testing::view("v"), &jobs, &wanted), Err(told));
    wanted.overwrite = true;
    assert_eq!(asked(&testing::view("v"), &jobs, &wanted), Ok(()));
    wanted.overwrite = false;
    wanted.window.start = at("2026-01-03T12:00:00Z");
    assert_eq!(asked(&testing::view("v"), &jobs, &wanted), Ok(()), "windows that only touch do not overlap");
}

#[test]
fn what_is_materialized_in_the_other_store_is_not_in_the_way() {
    let mut online = done("2026-01-03 00:00", "2026-01-03 12:00");
    online.job.offline = false;
    let wanted = TriggerRequest { online: false, ..request("2026-01-03 00:00", "2026-01-03 12:00") };
    assert_eq!(asked(&testing::view("v"), &[online], &wanted), Ok(()));
}

#[test]
fn many_overlapping_jobs_are_counted_and_the_first_named() {
    let jobs: Vec<JobRecord> = (0..7)
        .map(|hour| done(&format!("2026-01-03 {hour:02}:00"), &format!("2026-01-03 {:02}:00", hour + 1)))
        .collect();
    let refusal = asked(&testing::view("v"), &jobs, &request("2026-01-03", "2026-01-04")).unwrap_err();
    let names = jobs.iter().filter(|record| refusal.contains(&record.job.id.to_string())).count();
    assert_eq!(names, 5);
    assert!(refusal.ends_with(" and 2 more. Set overwrite=true to replace them."), "{refusal}");
}

#[test]
fn what_a_pruned_job_wrote_is_still_in_the_way() {
    let kept = done("2026-01-03 06:00", "2026-01-03 07:00");
    let coverage = Coverage { online: Vec::new(), offline: vec![window("2026-01-01", "2026-01-03 07:00")] };
    let jobs = std::slice::from_ref(&kept);
    let existing = Existing { jobs, coverage: &coverage };
    let wanted = request("2026-01-03 05:00", "2026-01-03 08:00");
    let told = format!(
        "The window overlaps periods that are materialized already: 2026-01-03 06:00:00 to 2026-01-03 07:00:00 (job {}), \
         2026-01-03 05:00:00 to 2026-01-03 06:00:00 (by a job that is no longer kept). Set overwrite=true to replace them.",
        kept.job.id
    );
    assert_eq!(check(&testing::view("v"), None, existing, &wanted, at(NOW)), Err(told));
}

#[test]
fn an_unended_job_blocks_even_an_overwrite_and_an_ended_one_without_success_does_not() {
    let job = running("2026-01-03 00:00", "2026-01-03 12:00");
    let mut wanted = request("2026-01-03 00:00", "2026-01-03 12:00");
    let told = format!(
        "The window overlaps jobs that have not ended: 2026-01-03 00:00:00 to 2026-01-03 12:00:00 (job {}). Wait for them or \
         cancel them first; overwrite does not change that.",
        job.job.id
    );
    for overwrite in [false, true] {
        wanted.overwrite = overwrite;
        assert_eq!(asked(&testing::view("v"), std::slice::from_ref(&job), &wanted), Err(told.clone()));
    }
    let mut cancelled = job;
    cancelled.request_cancel(at(NOW));
    cancelled.finish(Outcome::Stopped, &Policy::default(), at(NOW));
    wanted.overwrite = false;
    assert_eq!(asked(&testing::view("v"), &[cancelled], &wanted), Ok(()));
}
