//! Another attempt because somebody asks.

use super::*;

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
    let log = jobs.attempt(last).unwrap().unwrap().detail.log;
    let why = "No further attempt follows: 10 attempts have failed, which is the most allowed.";
    assert!(log.last().unwrap().ends_with(why), "{log:?}");
    let again = jobs.force_retry(job.id, false).unwrap();
    assert_eq!((again.state, again.attempts.len(), again.allowed.retry), (JobState::Running, 11, false));
    drop(jobs);
    let jobs = bench.open();
    let waiting = run_next(&jobs, failed());
    assert_eq!(waiting.state, JobState::Running, "one failure of ten");
    assert_eq!(waiting.next_attempt_at, Some(jobs.now() + Span::minutes(5)));
    let log = jobs.attempt(waiting.attempts[10].id.unwrap()).unwrap().unwrap().detail.log;
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
