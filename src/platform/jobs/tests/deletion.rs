//! Deleting keys: one job a store, its turn, and how long the keys are kept.

use super::*;

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
    let keys = crate::wire::arrow::decode(deleting.deletion_keys.as_deref().unwrap(), 1 << 20).unwrap();
    assert!(keys.equals(&carriers(&["UA", "AA"])));
    assert!(jobs.claim().unwrap().is_none());
    jobs.finish(job.id, failed()).unwrap();
    assert!(jobs.get(view.id, job.id).unwrap().unwrap().next_attempt_at.is_some(), "retried like any other");
    let log = jobs.attempt(job.attempts[0].id.unwrap()).unwrap().unwrap().detail.log;
    assert!(log[0].ends_with("Somebody asked to delete 3 keys, 2 of them distinct."), "{log:?}");
    assert!(log[1].ends_with(note), "{log:?}");
}

#[test]
fn keys_go_when_their_deletion_has_ended_and_stay_while_it_may_be_tried_again() {
    let (bench, jobs, _) = manual();
    let view = &bench.views[0];
    jobs.table.write(|rows| rows.will_write(view.id, BOTH)).unwrap();
    let kept = |jobs: &Jobs, job: &Job| jobs.table.read(|rows| rows.deletion_keys(job.id)).unwrap().is_some();
    let deletion = jobs.delete(view, &carriers(&["UA"]), BOTH).unwrap();
    let (online, offline) = (&deletion.jobs[0], &deletion.jobs[1]);
    run_next(&jobs, permanent());
    assert!(kept(&jobs, online), "somebody may ask for another attempt");
    jobs.force_retry(online.id, false).unwrap();
    run_next(&jobs, Outcome::Success);
    run_next(&jobs, Outcome::Success);
    assert!(!kept(&jobs, online) && !kept(&jobs, offline));
    let third = jobs.delete(view, &carriers(&["UA"]), Stores { online: true, offline: false }).unwrap();
    assert_eq!(jobs.cancel(view.id, third.jobs[0].id).unwrap().unwrap().state, JobState::CancellationRequested);
    jobs.schedule().unwrap();
    assert_eq!(jobs.get(view.id, third.jobs[0].id).unwrap().unwrap().state, JobState::Cancelled);
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
