//! What is kept of jobs, and what outlives them.

use super::*;

#[test]
fn what_succeeded_is_covered_and_what_did_not_is_not() {
    let (bench, jobs, mut request) = manual();
    let id = bench.views[0].id;
    let whole = request.window;
    request.window.end = whole.start + Span::hours(1);
    jobs.trigger(&bench.views[0], &request).unwrap();
    run_next(&jobs, permanent());
    assert_eq!(jobs.coverage(id).unwrap(), Default::default());
    jobs.trigger(&bench.views[0], &request).unwrap();
    run_next(&jobs, Outcome::Success);
    request.window = Window { start: request.window.end, end: whole.end };
    request.online = false;
    jobs.trigger(&bench.views[0], &request).unwrap();
    run_next(&jobs, Outcome::Success);
    let coverage = bench.open().coverage(id).unwrap();
    assert_eq!(coverage.online, [Window { start: whole.start, end: request.window.start }]);
    assert_eq!(coverage.offline, [whole], "windows that touch are one");
}

#[test]
fn old_jobs_go_and_what_they_did_stays() {
    let (bench, jobs, request) = manual();
    let view = &bench.views[0];
    let first = jobs.trigger(view, &request).unwrap();
    run_next(&jobs, Outcome::Success);
    jobs.cancel(view.id, jobs.stream_job(view.id).unwrap().unwrap().id).unwrap();
    jobs.stream_stopped(view.id).unwrap();
    // As many ended jobs as are kept in any case.
    let now = jobs.now();
    let fill = |rows: &Rows| {
        (0..upkeep::KEPT_ENDED).try_for_each(|_| {
            let mut record = JobRecord::batch(view, request.window, now, now);
            record.request_cancel(now);
            record.end_cancelled(now);
            rows.save(&mut record)
        })
    };
    jobs.table.write(fill).unwrap();
    bench.pass(upkeep::KEPT_FOR);
    assert_eq!(jobs.prune(jobs.now(), &|| true).unwrap(), 0, "not older than that yet");
    bench.pass(Span::seconds(1));
    assert_eq!(jobs.prune(jobs.now(), &|| false).unwrap(), 0);
    assert_eq!(jobs.prune(jobs.now(), &|| true).unwrap(), 1, "the stream's job is older, and stays");
    assert!(jobs.get(view.id, first.id).unwrap().is_none());
    assert!(jobs.attempt(first.attempts[0].id.unwrap()).unwrap().is_none());
    assert_eq!(jobs.coverage(view.id).unwrap().offline, [request.window]);
    let told = refusal(jobs.trigger(view, &request));
    assert!(told.contains("(by a job that is no longer kept)"), "{told}");
    assert_eq!(jobs.schedule().unwrap(), 0, "a cancelled stream stays cancelled");
}

#[test]
fn a_period_whose_job_was_pruned_is_not_planned_again() {
    let mut hourly = view("v");
    hourly.max_batch_aggregation_interval = Some(Span::hours(1));
    let bench = Bench::new(vec![hourly]);
    let jobs = bench.open();
    let all = bench.batch(&jobs);
    for job in &all {
        jobs.cancel(bench.views[0].id, job.id).unwrap();
    }
    jobs.end_cancelled(jobs.now()).unwrap();
    bench.pass(upkeep::KEPT_FOR + Span::seconds(1));
    let gone =
        jobs.table.write(|rows| rows.prune(bench.views[0].id, jobs.now() - upkeep::KEPT_FOR, 0, 10_000)).unwrap();
    assert_eq!(gone, all.len());
    jobs.schedule().unwrap();
    let end = all[0].window.unwrap().end;
    assert!(bench.batch(&jobs).iter().all(|job| job.window.unwrap().start >= end));
}
