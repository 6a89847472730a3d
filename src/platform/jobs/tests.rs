//! The job service as the rest of the platform uses it: schedule, claim, finish, cancel, restart.

use std::sync::atomic::{AtomicI64, Ordering};

use super::retry::{Failure, INTERRUPTED};
use super::stream_job::{StreamStep, Trouble};
use super::testing::view;
use super::*;
use crate::model::time::from_micros;
use crate::model::{AttemptState, BatchTrigger, JobState, Span, StageState, Time, TriggerRequest, Window};

struct Bench {
    dir: tempfile::TempDir,
    now: Arc<AtomicI64>,
    views: Vec<Arc<View>>,
}

impl Bench {
    fn new(views: Vec<View>) -> Self {
        let now = Arc::new(AtomicI64::new(1_700_000_000_000_000));
        Self { dir: tempfile::tempdir().unwrap(), now, views: views.into_iter().map(Arc::new).collect() }
    }

    fn open(&self) -> Jobs {
        let now = Arc::clone(&self.now);
        let clock = Clock::from_fn(move || from_micros(now.load(Ordering::SeqCst)));
        let jobs = Jobs::open(&self.dir.path().join("jobs.sqlite"), &self.views, clock).unwrap();
        jobs.schedule().unwrap();
        jobs
    }

    fn pass(&self, span: Span) {
        self.now.fetch_add(span.num_microseconds().unwrap(), Ordering::SeqCst);
    }

    fn batch(&self, jobs: &Jobs) -> Vec<Job> {
        let mut list = jobs.list(self.views[0].id).unwrap();
        list.retain(|job| job.job_type == JobType::Batch);
        list
    }
}

fn failed() -> Outcome {
    Outcome::Failed { failure: Failure::Retryable, reason: "SOURCE_ERROR".to_owned(), message: "No.".to_owned() }
}

#[test]
fn the_first_schedule_backfills_and_keeps_the_open_period_ahead() {
    let bench = Bench::new(vec![view("v")]);
    let jobs = bench.open();
    let batch = bench.batch(&jobs);
    assert_eq!(batch.len(), 11);
    assert_eq!(batch[0].state, JobState::Scheduled, "newest first");
    assert!(batch[1..].iter().all(|job| job.state == JobState::Running && job.attempts.len() == 1));
    assert_eq!(jobs.schedule().unwrap(), 0, "a schedule that is kept makes nothing");
    let stream: Vec<Job> = jobs.list(bench.views[0].id).unwrap();
    assert_eq!(stream.iter().filter(|job| job.job_type == JobType::Stream).count(), 1);
}

#[test]
fn a_scheduled_job_is_queued_when_its_period_is_over() {
    let bench = Bench::new(vec![view("v")]);
    let jobs = bench.open();
    bench.pass(Span::hours(1));
    jobs.schedule().unwrap();
    let batch = bench.batch(&jobs);
    assert_eq!(batch.len(), 12);
    assert_eq!((&batch[0].state, &batch[1].state), (&JobState::Scheduled, &JobState::Running));
    assert_eq!(batch[1].next_attempt_at, None);
}

#[test]
fn feature_start_is_resolved_once_and_kept() {
    let bench = Bench::new(vec![view("v")]);
    let first = bench.open().applied(bench.views[0].id).unwrap();
    bench.pass(Span::days(2));
    assert_eq!(bench.open().applied(bench.views[0].id).unwrap(), first);
    assert_eq!(first.created_at - first.feature_start.unwrap(), Span::days(1) + Span::seconds(800));
}

#[test]
fn no_view_is_worked_on_twice_at_once() {
    let bench = Bench::new(vec![view("a"), view("b")]);
    let jobs = bench.open();
    let (one, two) = (jobs.claim().unwrap().unwrap(), jobs.claim().unwrap().unwrap());
    assert_ne!(one.view.id, two.view.id);
    assert!(jobs.claim().unwrap().is_none());
    jobs.finish(one.job.id, Outcome::Success).unwrap();
    assert_eq!(jobs.claim().unwrap().unwrap().view.id, one.view.id);
}

#[test]
fn a_failed_attempt_is_tried_again_after_its_wait() {
    let bench = Bench::new(vec![view("v")]);
    let jobs = bench.open();
    let work = jobs.claim().unwrap().unwrap();
    jobs.finish(work.job.id, failed()).unwrap();
    let waiting = jobs.get(work.view.id, work.job.id).unwrap().unwrap();
    assert_eq!((waiting.state, waiting.next_attempt_at), (JobState::Running, Some(jobs.now() + Span::minutes(5))));
    bench.pass(Span::minutes(5));
    jobs.schedule().unwrap();
    assert_eq!(jobs.claim().unwrap().unwrap().job.id, work.job.id, "it has the oldest window");
}

#[test]
fn what_ran_when_the_process_died_runs_again_at_once() {
    let bench = Bench::new(vec![view("v")]);
    let jobs = bench.open();
    let work = jobs.claim().unwrap().unwrap();
    let before = jobs.list(work.view.id).unwrap().len();
    drop(jobs);
    let jobs = bench.open();
    assert_eq!(jobs.list(work.view.id).unwrap().len(), before);
    let job = jobs.get(work.view.id, work.job.id).unwrap().unwrap();
    assert_eq!(job.attempts[0].state, AttemptState::Error);
    assert_eq!(job.attempts[0].reason.as_deref(), Some(INTERRUPTED));
    assert_eq!(jobs.claim().unwrap().unwrap().job.id, work.job.id);
}

#[test]
fn a_cancelled_job_stops_its_attempt_and_its_period_is_not_filled_again() {
    let bench = Bench::new(vec![view("v")]);
    let jobs = bench.open();
    let work = jobs.claim().unwrap().unwrap();
    let job = jobs.cancel(work.view.id, work.job.id).unwrap().unwrap();
    assert_eq!(job.state, JobState::CancellationRequested);
    assert!(work.cancel.is_cancelled());
    jobs.finish(work.job.id, Outcome::Stopped).unwrap();
    assert_eq!(jobs.get(work.view.id, work.job.id).unwrap().unwrap().state, JobState::Cancelled);
    let scheduled = bench.batch(&jobs)[0].id;
    assert_eq!(jobs.cancel(work.view.id, scheduled).unwrap().unwrap().state, JobState::Cancelled);
    let count = bench.batch(&jobs).len();
    assert_eq!(jobs.schedule().unwrap(), 0);
    assert_eq!(bench.batch(&bench.open()).len(), count);
}

#[test]
fn cancel_knows_only_jobs_of_its_view() {
    let bench = Bench::new(vec![view("a"), view("b")]);
    let jobs = bench.open();
    let work = jobs.claim().unwrap().unwrap();
    let other = bench.views.iter().find(|view| view.id != work.view.id).unwrap();
    assert!(jobs.cancel(other.id, work.job.id).unwrap().is_none());
    assert!(!work.cancel.is_cancelled());
}

#[test]
fn a_cancelled_stream_job_stays_cancelled_and_a_new_one_comes_with_the_next_start() {
    let bench = Bench::new(vec![view("v")]);
    let jobs = bench.open();
    let id = bench.views[0].id;
    let stream = jobs.stream_job(id).unwrap().unwrap();
    jobs.cancel(id, stream.id).unwrap();
    jobs.stream_stopped(id).unwrap();
    assert_eq!(jobs.get(id, stream.id).unwrap().unwrap().state, JobState::Cancelled);
    jobs.schedule().unwrap();
    assert!(jobs.stream_job(id).unwrap().is_none(), "the scheduler does not undo what somebody asked for");
    drop(jobs);
    let jobs = bench.open();
    assert_ne!(jobs.stream_job(id).unwrap().unwrap().id, stream.id, "to start is to apply the view again");
    assert_eq!(jobs.get(id, stream.id).unwrap().unwrap().state, JobState::Cancelled);
}

#[test]
fn a_manual_view_gets_no_job_until_one_is_triggered() {
    let (bench, jobs, request) = manual();
    let request = TriggerRequest { online: false, use_tecton_managed_retries: false, ..request };
    assert!(bench.batch(&jobs).is_empty());
    let job = jobs.trigger(&bench.views[0], &request).unwrap();
    assert_eq!((&job.state, job.online), (&JobState::Running, false));
    assert!(matches!(jobs.trigger(&bench.views[0], &request), Err(JobsError::Refused(_))), "it has not ended");
    let work = jobs.claim().unwrap().unwrap();
    jobs.finish(work.job.id, failed()).unwrap();
    assert_eq!(jobs.get(work.view.id, job.id).unwrap().unwrap().state, JobState::Failure, "one attempt only");
}

/// A manual view, its jobs, and a request for the last two whole hours.
fn manual() -> (Bench, Jobs, TriggerRequest) {
    let mut manual = view("manual");
    manual.batch_trigger = BatchTrigger::Manual;
    let bench = Bench::new(vec![manual]);
    let jobs = bench.open();
    let end = crate::model::time::floor(jobs.now(), Span::hours(1));
    let request = TriggerRequest {
        workspace: "prod".to_owned(),
        feature_view: "manual".to_owned(),
        window: Window { start: end - Span::hours(2), end },
        online: true,
        offline: true,
        use_tecton_managed_retries: true,
        overwrite: false,
    };
    (bench, jobs, request)
}

fn run_next(jobs: &Jobs, outcome: Outcome) -> Job {
    let work = jobs.claim().unwrap().unwrap();
    jobs.finish(work.job.id, outcome).unwrap();
    jobs.get(work.view.id, work.job.id).unwrap().unwrap()
}

fn permanent() -> Outcome {
    Outcome::Failed { failure: Failure::Permanent, reason: "QUERY_ERROR".to_owned(), message: "No.".to_owned() }
}

fn refusal<T: std::fmt::Debug>(result: Result<T, JobsError>) -> String {
    match result {
        Err(JobsError::Refused(told)) => told,
        other => panic!("{other:?}"),
    }
}

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
fn a_forced_retry_runs_again_and_counts_its_failures_anew() {
    let (bench, jobs, request) = manual();
    let job = jobs.trigger(&bench.views[0], &request).unwrap();
    let told = format!(
        "Job {} is a BATCH job in state RUNNING: only a BATCH or DELETION job in state FAILURE can be tried again.",
        job.id
    );
    assert_eq!(refusal(jobs.force_retry(job.id, false)), told);
    for _ in 0..10 {
        run_next(&jobs, failed());
        bench.pass(Span::days(1));
        jobs.schedule().unwrap();
    }
    let ended = jobs.get(bench.views[0].id, job.id).unwrap().unwrap();
    assert_eq!((ended.state, ended.attempts.len()), (JobState::Failure, 10));
    assert!(ended.allowed.retry && ended.allowed.overwrite_retry);
    assert_eq!(jobs.list(bench.views[0].id).unwrap().iter().filter(|job| job.allowed.retry).count(), 1);
    let last = ended.attempts[9].id.unwrap();
    let log = jobs.detail(last).unwrap().unwrap().1.log;
    let why = "No further attempt follows: 10 attempts have failed, which is the most allowed.";
    assert!(log.last().unwrap().ends_with(why), "{log:?}");
    let again = jobs.force_retry(job.id, false).unwrap();
    assert_eq!((again.state, again.attempts.len(), again.allowed.retry), (JobState::Running, 11, false));
    drop(jobs);
    let jobs = bench.open();
    let waiting = run_next(&jobs, failed());
    assert_eq!(waiting.state, JobState::Running, "one failure of ten");
    assert_eq!(waiting.next_attempt_at, Some(jobs.now() + Span::minutes(5)));
    let log = jobs.detail(waiting.attempts[10].id.unwrap()).unwrap().unwrap().1.log;
    assert!(log[0].ends_with("Somebody asked for another attempt after the job had failed for good."), "{log:?}");
}

#[test]
fn a_forced_retry_does_not_replace_what_others_wrote_since_without_leave() {
    let (bench, jobs, request) = manual();
    let failed = jobs.trigger(&bench.views[0], &request).unwrap();
    run_next(&jobs, permanent());
    bench.pass(Span::minutes(1));
    let second = jobs.trigger(&bench.views[0], &request).unwrap();
    assert!(refusal(jobs.force_retry(failed.id, true)).contains("have not ended"), "two jobs never share a window");
    run_next(&jobs, Outcome::Success);
    let told = refusal(jobs.force_retry(failed.id, false));
    assert!(told.contains(&second.id.to_string()), "{told}");
    let seen = jobs.find(failed.id).unwrap().unwrap().1;
    assert!(!seen.allowed.retry && seen.allowed.overwrite_retry);
    assert_eq!(jobs.force_retry(failed.id, true).unwrap().state, JobState::Running);
    assert!(refusal(jobs.force_retry(Id(5), true)).starts_with("There is no job 0000"));
}

#[test]
fn an_attempt_tells_its_stages_and_its_log_while_it_runs_and_after_a_restart() {
    let (bench, jobs, request) = manual();
    jobs.trigger(&bench.views[0], &request).unwrap();
    let work = jobs.claim().unwrap().unwrap();
    let attempt = work.report.attempt();
    work.report.begin(StageKind::Compute).unwrap();
    work.report.progress(0.5);
    work.report.say("Half of it.");
    let (view, live) = jobs.detail(attempt).unwrap().unwrap();
    assert_eq!(view, bench.views[0].id);
    let states: Vec<_> = live.stages.iter().map(|stage| (stage.kind.clone(), stage.state, stage.progress)).collect();
    let expected = [
        (StageKind::Compute, StageState::Running, Some(0.5)),
        (StageKind::Offline, StageState::Pending, None),
        (StageKind::Online, StageState::Pending, None),
    ];
    assert_eq!(states, expected);
    let told: Vec<&str> = live.log.iter().map(|line| &line[20..]).collect();
    assert_eq!(told, ["Somebody asked for this job: online and offline.", "Attempt 1 began.", "Half of it."]);
    assert_eq!(&live.log[0][..20], "2023-11-14 22:13:20 ");
    bench.pass(Span::seconds(3));
    work.report.done(Some(12_345), Some(1_200_000));
    work.report.begin(StageKind::Offline).unwrap();
    jobs.finish(work.job.id, failed()).unwrap();
    drop(jobs);
    let kept = bench.open().detail(attempt).unwrap().unwrap().1;
    assert_eq!(kept.stages[0].description, "12,345 rows, 1.2 MB");
    assert_eq!((kept.stages[0].state, kept.stages[0].took), (StageState::Success, Some(Span::seconds(3))));
    assert_eq!((kept.stages[1].state, kept.stages[1].error.as_deref()), (StageState::Error, Some("No.")));
    let told: Vec<&str> = kept.log[3..].iter().map(|line| &line[20..]).collect();
    assert_eq!(told, ["SOURCE_ERROR: No.", "The next attempt follows at 2023-11-14 22:18:23."]);
}

#[test]
fn of_a_long_log_the_newest_lines_stay() {
    let (bench, jobs, request) = manual();
    jobs.trigger(&bench.views[0], &request).unwrap();
    let work = jobs.claim().unwrap().unwrap();
    (0..700).for_each(|n| work.report.say(&format!("line {n}")));
    work.report.begin(StageKind::Compute).unwrap();
    work.report.say("the last");
    for _ in 0..2 {
        let log = jobs.detail(work.report.attempt()).unwrap().unwrap().1.log;
        assert_eq!(log.len(), 500);
        assert!(log[499].ends_with("the last") && log[498].ends_with("line 699"));
        work.report.begin(StageKind::Offline).unwrap();
    }
}

#[test]
fn an_attempt_that_died_leaves_no_running_stage() {
    let (bench, jobs, request) = manual();
    jobs.trigger(&bench.views[0], &request).unwrap();
    let work = jobs.claim().unwrap().unwrap();
    work.report.begin(StageKind::Compute).unwrap();
    drop(jobs);
    let detail = bench.open().detail(work.report.attempt()).unwrap().unwrap().1;
    assert_eq!(detail.stages[0].state, StageState::Error);
    assert!(detail.log.last().unwrap().ends_with("The next attempt follows at once."), "{:?}", detail.log);
}

fn carriers(names: &[&str]) -> polars::prelude::DataFrame {
    polars::prelude::df!("carrier" => names).unwrap()
}

const BOTH: Stores = Stores { online: true, offline: true };

#[test]
fn a_deletion_is_one_job_a_store_and_goes_before_what_waits() {
    let (bench, jobs, request) = manual();
    let view = &bench.views[0];
    let told = refusal(jobs.delete(view, &carriers(&["UA"]), BOTH));
    assert!(told.contains("was never materialized to the online or the offline store"), "{told}");
    assert!(bench.batch(&jobs).is_empty());
    jobs.trigger(view, &TriggerRequest { online: false, ..request.clone() }).unwrap();
    let work = jobs.claim().unwrap().unwrap();
    work.report.begin(StageKind::Offline).unwrap();
    jobs.trigger(view, &TriggerRequest { window: earlier(request.window), ..request.clone() }).unwrap();
    // The attempt has begun to write, so rows may be there, though its job has not ended.
    let deletion = jobs.delete(view, &carriers(&["UA", "AA", "UA"]), BOTH).unwrap();
    let note = "Feature view `manual` was never materialized to the online store, so nothing is deleted there.";
    assert_eq!(deletion.notes, [note]);
    assert_eq!(deletion.jobs.len(), 1);
    let job = &deletion.jobs[0];
    assert_eq!((&job.job_type, &job.state, job.window), (&JobType::Deletion, &JobState::Running, None));
    assert_eq!((job.online, job.offline), (false, true));
    assert!(jobs.claim().unwrap().is_none(), "not beside an attempt that writes the view");
    jobs.finish(work.job.id, Outcome::Success).unwrap();
    let deleting = jobs.claim().unwrap().unwrap();
    assert_eq!(deleting.job.id, job.id, "before the other job of the view");
    let keys = crate::wire::arrow::decode(deleting.keys.as_deref().unwrap(), 1 << 20).unwrap();
    assert!(keys.equals(&carriers(&["UA", "AA"])));
    assert!(jobs.claim().unwrap().is_none());
    jobs.finish(job.id, failed()).unwrap();
    assert!(jobs.get(view.id, job.id).unwrap().unwrap().next_attempt_at.is_some(), "retried like any other");
    let log = jobs.detail(job.attempts[0].id.unwrap()).unwrap().unwrap().1.log;
    assert!(log[0].ends_with("Somebody asked to delete 3 keys, 2 of them distinct."), "{log:?}");
    assert!(log[1].ends_with(note), "{log:?}");
}

fn earlier(window: Window) -> Window {
    Window { start: window.start - window.span(), end: window.start }
}

#[test]
fn keys_go_when_their_deletion_has_ended_and_stay_while_it_may_be_tried_again() {
    let (bench, jobs, _) = manual();
    let view = &bench.views[0];
    jobs.table.write(|rows| rows.will_write(view.id, BOTH)).unwrap();
    let kept = |jobs: &Jobs, job: &Job| jobs.table.read(|rows| rows.keys(job.id)).unwrap().is_some();
    let deletion = jobs.delete(view, &carriers(&["UA"]), BOTH).unwrap();
    let (online, offline) = (&deletion.jobs[0], &deletion.jobs[1]);
    run_next(&jobs, permanent());
    assert!(kept(&jobs, online), "somebody may ask for another attempt");
    jobs.force_retry(online.id, false).unwrap();
    run_next(&jobs, Outcome::Success);
    run_next(&jobs, Outcome::Success);
    assert!(!kept(&jobs, online) && !kept(&jobs, offline));
    let third = jobs.delete(view, &carriers(&["UA"]), Stores { online: true, offline: false }).unwrap();
    assert_eq!(jobs.cancel(view.id, third.jobs[0].id).unwrap().unwrap().state, JobState::Cancelled);
    assert!(!kept(&jobs, &third.jobs[0]));
    assert_eq!(jobs.coverage(view.id).unwrap(), Default::default(), "a deletion materializes nothing");
}

#[test]
fn a_stream_that_was_written_can_be_deleted_from() {
    let bench = Bench::new(vec![view("v")]);
    let jobs = bench.open();
    let online = Stores { online: true, offline: false };
    assert!(refusal(jobs.delete(&bench.views[0], &carriers(&["UA"]), online)).contains("never materialized"));
    jobs.note_stream(bench.views[0].id, None).unwrap();
    assert_eq!(jobs.delete(&bench.views[0], &carriers(&["UA"]), online).unwrap().jobs.len(), 1);
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
            rows.save(&mut record)
        })
    };
    jobs.table.write(fill).unwrap();
    bench.pass(upkeep::KEPT_FOR);
    assert_eq!(jobs.prune(&|| true).unwrap(), 0, "not older than that yet");
    bench.pass(Span::seconds(1));
    assert_eq!(jobs.prune(&|| false).unwrap(), 0);
    assert_eq!(jobs.prune(&|| true).unwrap(), 1, "the stream's job is older, and stays");
    assert!(jobs.get(view.id, first.id).unwrap().is_none());
    assert!(jobs.detail(first.attempts[0].id.unwrap()).unwrap().is_none());
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
    bench.pass(upkeep::KEPT_FOR + Span::seconds(1));
    let gone =
        jobs.table.write(|rows| rows.prune(bench.views[0].id, jobs.now() - upkeep::KEPT_FOR, 0, 10_000)).unwrap();
    assert_eq!(gone, all.len());
    jobs.schedule().unwrap();
    let end = all[0].window.unwrap().end;
    assert!(bench.batch(&jobs).iter().all(|job| job.window.unwrap().start >= end));
}

#[test]
fn a_view_whose_jobs_are_cancelled_leaves_the_others_alone() {
    let bench = Bench::new(vec![view("a"), view("b")]);
    let jobs = bench.open();
    let (a, b) = (bench.views[0].id, bench.views[1].id);
    let before: Vec<JobState> = jobs.list(b).unwrap().into_iter().map(|job| job.state).collect();
    let first = jobs.claim().unwrap().unwrap();
    for job in jobs.list(a).unwrap() {
        jobs.cancel(a, job.id).unwrap();
    }
    assert_eq!(first.cancel.is_cancelled(), first.view.id == a);
    let after: Vec<JobState> = jobs.list(b).unwrap().into_iter().map(|job| job.state).collect();
    assert_eq!(before, after);
    jobs.finish(first.job.id, Outcome::Stopped).unwrap();
    while let Some(work) = jobs.claim().unwrap() {
        assert_eq!(work.view.id, b);
        jobs.finish(work.job.id, Outcome::Success).unwrap();
    }
    assert!(jobs.list(b).unwrap().iter().filter(|job| job.state == JobState::Success).count() >= 10);
}

#[test]
fn a_panic_fails_the_attempt_alone() {
    struct Broken;
    impl worker::Materializer for Broken {
        fn run(&self, _work: &Work) -> Outcome {
            panic!("index out of bounds")
        }
    }
    let bench = Bench::new(vec![view("v")]);
    let work = bench.open().claim().unwrap().unwrap();
    let Outcome::Failed { message, .. } = worker::attempt(&Broken, &work) else { panic!("it must fail") };
    assert!(message.contains("index out of bounds"), "{message}");
}

#[test]
fn workers_run_everything_that_is_due() {
    struct Counts(AtomicI64);
    impl worker::Materializer for Counts {
        fn run(&self, work: &Work) -> Outcome {
            work.progress.set(0.5);
            self.0.fetch_add(1, Ordering::SeqCst);
            Outcome::Success
        }
    }
    let bench = Bench::new(vec![view("a"), view("b")]);
    let jobs = Arc::new(bench.open());
    let counts = Arc::new(Counts(AtomicI64::new(0)));
    let stop = tokio_util::sync::CancellationToken::new();
    let materializer: Arc<dyn worker::Materializer> = counts.clone();
    let threads = worker::spawn(2, &jobs, &materializer, &stop).unwrap();
    let begun = std::time::Instant::now();
    let left = |jobs: &Jobs| {
        let all = bench.views.iter().flat_map(|view| jobs.list(view.id).unwrap());
        all.filter(|job| job.job_type == JobType::Batch && job.state == JobState::Running).count()
    };
    while left(&jobs) > 0 && begun.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(10));
    }
    stop.cancel();
    jobs.stop();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(left(&jobs), 0);
    assert_eq!(counts.0.load(Ordering::SeqCst), 20);
}

#[test]
fn a_stream_in_trouble_says_so_and_recovers() {
    struct Flaky(AtomicI64, tokio_util::sync::CancellationToken);
    impl StreamStep for Flaky {
        fn step(&self, _view: &View, _now: Time) -> Result<bool, Trouble> {
            if self.0.fetch_add(1, Ordering::SeqCst) == 0 {
                let message = "No events.".to_owned();
                return Err(Trouble { reason: "SOURCE_ERROR".to_owned(), message });
            }
            self.1.cancel();
            Ok(false)
        }
    }
    let bench = Bench::new(vec![view("v")]);
    let jobs = bench.open();
    let stop = tokio_util::sync::CancellationToken::new();
    let step = Flaky(AtomicI64::new(0), stop.clone());
    let message = |jobs: &Jobs| jobs.stream_job(bench.views[0].id).unwrap().unwrap().attempts[0].message.clone();
    std::thread::scope(|scope| {
        scope.spawn(|| stream_job::run(&jobs, &bench.views, &step, &stop));
        let begun = std::time::Instant::now();
        while message(&jobs).is_none() && begun.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(message(&jobs).as_deref(), Some("No events."));
    });
    assert_eq!(message(&jobs), None, "trouble that is over is not shown");
}
