//! The job table with 100 000 jobs of one view: how long the answers take that a console or an orchestrator asks for,
//! up to the bytes that are sent.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use fvtop::model::time::{floor, from_micros};
use fvtop::model::{Id, Job, Span, Time, Window};
use fvtop::platform::clock::Clock;
use fvtop::platform::definition::View;
use fvtop::platform::jobs::Jobs;
use fvtop::platform::jobs::error::TableError;
use fvtop::platform::jobs::filter::{Filter, Section};
use fvtop::platform::jobs::record::{JobRecord, Outcome};
use fvtop::platform::jobs::retry::{Failure, Policy};
use fvtop::platform::jobs::table::JobTable;
use fvtop::wire::convert;
use fvtop::wire::proto::enums::StatusState;
use fvtop::wire::proto::fleet::GetJobsResponse;
use fvtop::wire::proto::jobs::{GetJobResponse, ListJobsResponse};
use fvtop::wire::proto::status::GetMaterializationStatusResponse;
use fvtop::wire::proxy::Response;

/// Jobs of the view; every tenth has failed, with two attempts.
const JOBS: i64 = 100_000;
/// Runs of each work.
const ROUNDS: usize = 5;

/// One answer: its name, the most milliseconds it may take, and the work.
type Work<'a> = (&'static str, f64, Box<dyn Fn() -> Response + 'a>);

/// Measures and prints; whether all bounds are met.
pub(crate) fn bench() -> bool {
    let dir = &Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-jobs");
    let _ = std::fs::remove_dir_all(dir);
    std::fs::create_dir_all(dir).unwrap();
    let view = crate::offline::view(dir);
    let now = from_micros(1_800_000_000_000_000);
    let old = fill(&dir.join("jobs.sqlite"), &view, now);
    let views = [Arc::clone(&view)];
    let jobs = Jobs::open(&dir.join("jobs.sqlite"), &views, Clock::from_fn(move || now)).unwrap();
    println!("{:<40} {:>10} {:>10} {:>8}", "answer", "ms", "bound ms", "MB");
    let mut met = true;
    for (name, bound, work) in works(&jobs, view.id, old) {
        let mut bytes = 0;
        let run = |_| {
            let begun = Instant::now();
            bytes = serde_json::to_vec(&work()).unwrap().len();
            begun.elapsed().as_secs_f64() * 1e3
        };
        let took = crate::median((0..ROUNDS).map(run).collect());
        met &= took <= bound;
        println!("{name:<40} {took:>10.2} {bound:>10.0} {:>8.3}", bytes as f64 / 1e6);
    }
    met
}

fn works(jobs: &Jobs, view: Id, old: Id) -> Vec<Work<'_>> {
    let page = move |size: usize, states: Option<Vec<StatusState>>, allowed: bool| {
        let section = Section { oldest_first: false, after: None, skip: 0, size, allowed };
        let filter = Filter { views: vec![view, Id(1)], states, ..Filter::default() };
        let page = jobs.search(&filter, section).unwrap();
        assert_eq!(page.jobs.len(), size);
        let tasks = page.jobs.iter().map(|found| convert::task_to_proto(found.view, &found.job, found.by_user));
        Response::ok(&GetJobsResponse { tasks_with_attempts: tasks.collect(), pagination: None })
    };
    vec![
        ("ListMaterializationJobs", 1_000.0, Box::new(move || list(&jobs.list(view).unwrap()))),
        ("GetMaterializationStatus", 1_000.0, Box::new(move || status(view, &jobs.list(view).unwrap()))),
        ("GetMaterializationJob, the oldest failed", 10.0, Box::new(move || one(jobs, view, old))),
        ("GetJobs, the first 50", 50.0, Box::new(move || page(50, None, true))),
        ("GetJobs, 1 000 failed", 200.0, Box::new(move || page(1_000, Some(vec![StatusState::Error]), true))),
    ]
}

fn list(jobs: &[Job]) -> Response {
    Response::ok(&ListJobsResponse { jobs: jobs.iter().map(convert::job_to_proto).collect() })
}

fn status(view: Id, jobs: &[Job]) -> Response {
    let materialization_status = Some(convert::status_from_jobs(view, jobs));
    Response::ok(&GetMaterializationStatusResponse { materialization_status })
}

fn one(jobs: &Jobs, view: Id, job: Id) -> Response {
    let job = jobs.get(view, job).unwrap().unwrap();
    Response::ok(&GetJobResponse { job: Some(convert::job_to_proto(&job)) })
}

/// Makes the jobs, the oldest window first, and gives the first that failed.
fn fill(path: &Path, view: &View, now: Time) -> Id {
    let table = JobTable::open(path).unwrap();
    let end = floor(now, Span::hours(1));
    let mut old = None;
    let filled: Result<(), TableError> = table.write(|rows| {
        rows.register(view, now, None)?;
        for back in (0..JOBS).rev() {
            let end = end - Span::hours(back);
            let window = Window { start: end - Span::hours(1), end };
            let mut record = JobRecord::batch(view, window, now, now);
            record.start(now);
            if back % 10 == 9 {
                record.finish(failed(Failure::Retryable), &Policy::default(), now);
                record.queue(now);
                record.start(now);
                record.finish(failed(Failure::Permanent), &Policy::default(), now);
                old.get_or_insert(record.job.id);
            } else {
                record.finish(Outcome::Success, &Policy::default(), now);
            }
            rows.save(&mut record)?;
        }
        Ok(())
    });
    filled.unwrap();
    old.unwrap()
}

fn failed(failure: Failure) -> Outcome {
    let message = "The query divides by zero: a sentence of some length, as they are.".to_owned();
    Outcome::Failed { failure, reason: "QUERY_ERROR".to_owned(), message }
}
