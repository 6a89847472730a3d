//! What attempts tell: stages, rows, logs; while they run, after they end, after the process died.

use super::*;

#[test]
fn an_attempt_tells_its_stages_and_its_log_while_it_runs_and_after_a_restart() {
    let (bench, jobs, request) = manual();
    jobs.trigger(&bench.views[0], &request).unwrap();
    let work = jobs.claim().unwrap().unwrap();
    let attempt = work.report.attempt();
    work.report.begin(StageKind::Compute).unwrap();
    work.report.progress(0.5);
    work.report.say("Half of it.");
    let found = jobs.attempt(attempt).unwrap().unwrap();
    assert_eq!((found.view, found.job.id), (bench.views[0].id, work.job.id));
    let live = found.detail;
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
    let kept = bench.open().attempt(attempt).unwrap().unwrap().detail;
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
        let log = jobs.attempt(work.report.attempt()).unwrap().unwrap().detail.log;
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
    let detail = bench.open().attempt(work.report.attempt()).unwrap().unwrap().detail;
    assert_eq!(detail.stages[0].state, StageState::Error);
    assert!(detail.log.last().unwrap().ends_with("The next attempt follows at once."), "{:?}", detail.log);
}
