//! The job service as the rest of the platform uses it: schedule, claim, finish, cancel, restart.

use std::sync::atomic::{AtomicI64, Ordering};

use super::retry::{Failure, INTERRUPTED};
use super::stream_job::{LATENCY, Step, StreamStep, Trouble, Turns};
use super::*;
use crate::model::time::from_micros;
use crate::model::{AttemptState, BatchTrigger, JobState, Span, StageState, Time, TriggerRequest, Window};
use crate::platform::testing::view;

mod deletion;
mod forced;
mod kept;
mod pruning;
mod reports;
mod search;
mod turns;

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
fn events_count_from_the_longest_window_before_the_features_on() {
    let mut row = view("row");
    row.kind = Kind::Temporal { ttl: None, features: vec![] };
    let bench = Bench::new(vec![view("v"), row]);
    let jobs = bench.open();
    let start = jobs.applied(bench.views[0].id).unwrap().feature_start.unwrap();
    let begins: Vec<Option<Time>> = bench.views.iter().map(|view| jobs.events_begin(view)).collect();
    assert_eq!(begins, [Some(start - Span::days(1)), Some(start)]);
    // As of the first job.
    assert_eq!(bench.batch(&jobs).last().unwrap().window.unwrap().start, start - Span::days(1));
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
    assert_eq!(jobs.cancel(work.view.id, scheduled).unwrap().unwrap().state, JobState::CancellationRequested);
    jobs.schedule().unwrap();
    assert_eq!(jobs.get(work.view.id, scheduled).unwrap().unwrap().state, JobState::Cancelled);
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
fn every_cancel_is_asked_for_first_and_nothing_begins_meanwhile() {
    let bench = Bench::new(vec![view("v")]);
    let jobs = bench.open();
    let id = bench.views[0].id;
    let waiting = jobs.claim().unwrap().unwrap().job.id;
    jobs.finish(waiting, failed()).unwrap();
    let all = bench.batch(&jobs);
    let (scheduled, queued) = (all[0].id, all[1].id);
    for job in [scheduled, queued, waiting] {
        let told = jobs.cancel(id, job).unwrap().unwrap();
        assert_eq!((told.state, told.next_attempt_at), (JobState::CancellationRequested, None));
        let again = jobs.cancel(id, job).unwrap().unwrap();
        assert_eq!(again.state, JobState::CancellationRequested, "a second request changes nothing");
    }
    // Before anybody looks at the schedule, none of them begins.
    while let Some(work) = jobs.claim().unwrap() {
        assert!(![scheduled, queued, waiting].contains(&work.job.id));
        jobs.finish(work.job.id, Outcome::Success).unwrap();
    }
    jobs.schedule().unwrap();
    for job in [scheduled, queued, waiting] {
        let ended = jobs.get(id, job).unwrap().unwrap();
        assert_eq!(ended.state, JobState::Cancelled);
        assert!(ended.attempts.iter().all(|attempt| attempt.state != AttemptState::Pending), "{ended:?}");
        assert_eq!(jobs.cancel(id, job).unwrap().unwrap(), ended, "what has ended stays as it is");
    }
}

#[test]
fn a_cancel_that_was_asked_for_before_the_process_died_is_done_at_the_start() {
    let bench = Bench::new(vec![view("v")]);
    let jobs = bench.open();
    let queued = bench.batch(&jobs)[1].id;
    jobs.cancel(bench.views[0].id, queued).unwrap();
    drop(jobs);
    let jobs = bench.open();
    assert_eq!(jobs.get(bench.views[0].id, queued).unwrap().unwrap().state, JobState::Cancelled);
}

#[test]
fn a_stopped_stream_stays_stopped_until_somebody_starts_it() {
    let bench = Bench::new(vec![view("v")]);
    let jobs = bench.open();
    let id = bench.views[0].id;
    let stream = jobs.stream_job(id).unwrap().unwrap();
    assert!(refusal(jobs.start_stream(stream.id)).contains("in state RUNNING"));
    assert_eq!(jobs.cancel(id, stream.id).unwrap().unwrap().state, JobState::CancellationRequested);
    assert!(refusal(jobs.start_stream(stream.id)).contains("Cancel that one first, and wait for its end"));
    jobs.stream_stopped(id).unwrap();
    assert_eq!(jobs.get(id, stream.id).unwrap().unwrap().state, JobState::Cancelled);
    jobs.schedule().unwrap();
    assert!(jobs.stream_job(id).unwrap().is_none(), "the scheduler does not undo what somebody asked for");
    drop(jobs);
    let jobs = bench.open();
    assert!(jobs.stream_job(id).unwrap().is_none(), "and neither does a start of the platform");
    let again = jobs.start_stream(stream.id).unwrap();
    assert_eq!((jobs.stream_job(id).unwrap().unwrap().id, again.state), (again.id, JobState::Running));
    assert_eq!(jobs.get(id, stream.id).unwrap().unwrap().state, JobState::Cancelled);
    assert!(refusal(jobs.start_stream(Id(404))).starts_with("There is no job"));
    drop(jobs);
    assert_eq!(bench.open().stream_job(id).unwrap().unwrap().id, again.id, "one that runs goes on");
}

#[test]
fn the_stream_is_not_started_where_it_is_not_written() {
    let mut offline = view("v");
    let bench = Bench::new(vec![offline.clone()]);
    let jobs = bench.open();
    let (id, stream) = (bench.views[0].id, jobs.stream_job(bench.views[0].id).unwrap().unwrap().id);
    jobs.cancel(id, stream).unwrap();
    jobs.stream_stopped(id).unwrap();
    drop(jobs);
    offline.online = false;
    let bench = Bench { views: vec![Arc::new(offline)], ..bench };
    assert!(refusal(bench.open().start_stream(stream)).contains("does not write a stream to the online store"));
}

#[test]
fn a_clock_that_is_set_forward_and_back_makes_no_window_twice_and_loses_none() {
    let bench = Bench::new(vec![view("v")]);
    let jobs = bench.open();
    let windows = |jobs: &Jobs| {
        let mut windows: Vec<_> = bench.batch(jobs).into_iter().map(|job| job.window.unwrap()).collect();
        windows.sort_by_key(|window| window.start);
        windows
    };
    let run_all = |jobs: &Jobs| {
        while let Some(work) = jobs.claim().unwrap() {
            jobs.finish(work.job.id, Outcome::Success).unwrap();
        }
    };
    run_all(&jobs);
    bench.pass(Span::hours(3));
    jobs.schedule().unwrap();
    let early: Vec<Id> = std::iter::from_fn(|| jobs.claim().unwrap())
        .map(|work| {
            jobs.finish(work.job.id, Outcome::Success).unwrap();
            work.job.id
        })
        .collect();
    assert_eq!(early.len(), 3);
    let planned = windows(&jobs);
    bench.pass(Span::hours(-3));
    jobs.schedule().unwrap();
    for id in &early {
        let job = jobs.get(bench.views[0].id, *id).unwrap().unwrap();
        let ends = job.window.unwrap().end;
        assert_eq!((job.state, job.next_attempt_at), (JobState::Scheduled, Some(ends)), "its window is not over");
    }
    assert!(jobs.claim().unwrap().is_none());
    bench.pass(Span::hours(3));
    jobs.schedule().unwrap();
    let again: Vec<Id> = std::iter::from_fn(|| jobs.claim().unwrap())
        .map(|work| {
            jobs.finish(work.job.id, Outcome::Success).unwrap();
            work.job.id
        })
        .collect();
    assert_eq!(again, early);
    assert_eq!(windows(&jobs), planned, "no window is planned twice, and none is missing");
    assert!(planned.windows(2).all(|pair| pair[0].end == pair[1].start));
    // An attempt that runs while the clock is set back is taken back when it has ended.
    bench.pass(Span::hours(1));
    jobs.schedule().unwrap();
    let work = jobs.claim().unwrap().unwrap();
    bench.pass(Span::hours(-1));
    jobs.schedule().unwrap();
    assert_eq!(jobs.get(work.view.id, work.job.id).unwrap().unwrap().state, JobState::Running);
    jobs.finish(work.job.id, Outcome::Success).unwrap();
    jobs.schedule().unwrap();
    assert_eq!(jobs.get(work.view.id, work.job.id).unwrap().unwrap().state, JobState::Scheduled);
}

#[test]
fn a_job_that_began_a_moment_before_a_small_correction_stays_done() {
    let bench = Bench::new(vec![view("v")]);
    let jobs = bench.open();
    while let Some(work) = jobs.claim().unwrap() {
        jobs.finish(work.job.id, Outcome::Success).unwrap();
    }
    let next = bench.batch(&jobs)[0].next_attempt_at.unwrap();
    bench.pass(next - jobs.now());
    jobs.schedule().unwrap();
    let work = jobs.claim().unwrap().unwrap();
    jobs.finish(work.job.id, Outcome::Success).unwrap();
    bench.pass(Span::seconds(-2));
    jobs.schedule().unwrap();
    assert_eq!(jobs.get(work.view.id, work.job.id).unwrap().unwrap().state, JobState::Success);
}

#[test]
fn retries_keep_their_waits_when_the_clock_jumps() {
    let bench = Bench::new(vec![view("v")]);
    let jobs = bench.open();
    let id = bench.views[0].id;
    let (first, second) = (run_next(&jobs, failed()).id, run_next(&jobs, failed()).id);
    let wait = |job: Id| jobs.get(id, job).unwrap().unwrap().next_attempt_at.unwrap() - jobs.now();
    let scheduled = bench.batch(&jobs)[0].clone();
    for jump in [Span::hours(1), Span::hours(-2), Span::days(300)] {
        bench.pass(jump);
        jobs.clock_jumped(jump).unwrap();
        assert_eq!((wait(first), wait(second)), (Span::minutes(5), Span::minutes(5)), "{jump}");
    }
    let after = jobs.get(id, scheduled.id).unwrap().unwrap();
    assert_eq!(after.next_attempt_at, scheduled.next_attempt_at, "the end of a window is an instant");
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

fn earlier(window: Window) -> Window {
    Window { start: window.start - window.span(), end: window.start }
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
fn a_lack_of_descriptors_is_its_own_reason_and_not_the_sources() {
    struct Starved;
    impl worker::Materializer for Starved {
        fn run(&self, _work: &Work) -> Outcome {
            let problem = std::io::Error::from_raw_os_error(24);
            let message =
                format!("source s: file f cannot be read: {problem}. Replace the file; the job is then tried again");
            Outcome::Failed { failure: Failure::Retryable, reason: "SOURCE_ERROR".to_owned(), message }
        }
    }
    let bench = Bench::new(vec![view("v")]);
    let jobs = bench.open();
    let mut id = None;
    for _ in 0..3 {
        let work = jobs.claim().unwrap().unwrap();
        assert_eq!(*id.get_or_insert(work.job.id), work.job.id, "it is tried again at once");
        let outcome = worker::attempt(&Starved, &work);
        jobs.finish(work.job.id, outcome).unwrap();
    }
    let job = jobs.get(bench.views[0].id, id.unwrap()).unwrap().unwrap();
    assert_eq!(job.state, JobState::Running);
    assert_eq!(job.attempts[2].reason.as_deref(), Some("NO_FILE_DESCRIPTORS"));
    let message = job.attempts[2].message.as_deref().unwrap();
    assert!(
        message.contains("ulimit -n") && message.starts_with("The platform had no file descriptor left"),
        "{message}"
    );
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
    let left = |jobs: &Jobs| {
        let all = bench.views.iter().flat_map(|view| jobs.list(view.id).unwrap());
        all.filter(|job| job.job_type == JobType::Batch && job.state == JobState::Running).count()
    };
    until(|| left(&jobs) == 0);
    stop.cancel();
    jobs.stop();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(left(&jobs), 0);
    assert_eq!(counts.0.load(Ordering::SeqCst), 20);
}

/// Waits until it is so, with a guard against waiting for ever.
fn until(so: impl Fn() -> bool) {
    let begun = std::time::Instant::now();
    while !so() {
        assert!(begun.elapsed() < Duration::from_secs(900), "it never came");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_stream_in_trouble_says_so_and_recovers() {
    /// Fails once, and goes well once that was seen.
    struct Flaky(AtomicI64, std::sync::atomic::AtomicBool, tokio_util::sync::CancellationToken);
    impl StreamStep for Flaky {
        fn step(&self, _view: &View) -> Result<Step, Trouble> {
            if self.0.fetch_add(1, Ordering::SeqCst) == 0 {
                let message = "No events.".to_owned();
                return Err(Trouble { reason: "SOURCE_ERROR".to_owned(), message });
            }
            until(|| self.1.load(Ordering::SeqCst));
            self.2.cancel();
            Ok(Step::default())
        }
    }
    let bench = Bench::new(vec![view("v")]);
    let jobs = bench.open();
    let stop = tokio_util::sync::CancellationToken::new();
    let step = Flaky(AtomicI64::new(0), false.into(), stop.clone());
    let message = |jobs: &Jobs| jobs.stream_job(bench.views[0].id).unwrap().unwrap().attempts[0].message.clone();
    let turns = Arc::new(Turns::new(&bench.views, LATENCY, None));
    std::thread::scope(|scope| {
        scope.spawn(|| stream_job::run(&jobs, &turns, &step, &stop));
        until(|| message(&jobs).is_some());
        assert_eq!(message(&jobs).as_deref(), Some("No events."));
        step.1.store(true, Ordering::SeqCst);
    });
    assert_eq!(message(&jobs), None, "trouble that is over is not shown");
    let attempt = jobs.stream_job(bench.views[0].id).unwrap().unwrap().attempts[0].id.unwrap();
    let log = jobs.attempt(attempt).unwrap().unwrap().detail.log;
    let told: Vec<&str> = log.iter().map(|line| &line[20..]).collect();
    let over = "The stream is read and written without trouble.";
    assert_eq!(told, ["Attempt 1 began.", "SOURCE_ERROR: No events.", "It is tried again after a pause.", over]);
}
