//! Marks, bulk cancellation, another attempt, a job in full, the form of a new job: typed through the real keys.

use std::sync::Arc;

use crate::client::message::{Problem, Update};
use crate::model::{Allowed, Job, JobState, JobType};
use crate::tui::app::testing::*;
use crate::tui::app::windows::table::TableWindow;
use crate::tui::app::windows::trigger::TriggerForm;
use crate::tui::app::*;

fn app() -> App {
    live((120, 40), "dark")
}

fn refused(what: &str) -> Problem {
    Problem { what: what.to_owned(), hint: String::new() }
}

/// The ids of the jobs whose cancellation is asked for, with their requests.
fn cancels(effects: &[Effect]) -> Vec<(RequestId, Id)> {
    let cancel = |command: &&Command| match command {
        Command::Cancel { request, job, .. } => Some((*request, *job)),
        _ => None,
    };
    commands(effects).iter().filter_map(cancel).collect()
}

fn details(effects: &[Effect]) -> Vec<Id> {
    let detail = |command: &&Command| if let Command::Detail { attempt, .. } = command { Some(*attempt) } else { None };
    commands(effects).iter().filter_map(detail).collect()
}

fn coverages(effects: &[Effect]) -> usize {
    commands(effects).iter().filter(|command| matches!(command, Command::Coverage { .. })).count()
}

fn form(app: &App) -> &TriggerForm {
    app.windows.find::<TriggerForm>().expect("no form is open")
}

#[test]
fn marks_stay_with_their_jobs_and_those_of_vanished_jobs_are_dropped() {
    let mut app = app();
    press(&mut app, "j space j space");
    let marked: Vec<Id> = app.jobs.marks.iter().copied().collect();
    assert_eq!(marked, [jobs()[2].id, jobs()[1].id]);
    press(&mut app, "s S / type:failure enter");
    jobs_again(&mut app, |jobs| jobs.rotate_left(9));
    assert_eq!(app.jobs.marks.iter().copied().collect::<Vec<_>>(), marked, "marks are not rows");
    assert!(screen(&mut app).contains("2 marked"));
    jobs_again(&mut app, |jobs| drop(jobs.remove(1)));
    assert_eq!(app.jobs.marks.iter().copied().collect::<Vec<_>>(), [jobs()[2].id]);
    press(&mut app, "esc esc");
    assert!(app.jobs.marks.is_empty(), "esc drops the marks after the filter");
}

#[test]
fn all_jobs_that_show_are_marked_by_one_key_and_unmarked_by_it_again() {
    let mut app = app();
    press(&mut app, "/ type:state=success enter m");
    assert_eq!(app.jobs.marks.len(), 30);
    press(&mut app, "m");
    assert!(app.jobs.marks.is_empty());
    press(&mut app, "space m");
    assert_eq!(app.jobs.marks.len(), 30, "one mark is not all");
}

#[test]
fn bulk_cancel_lists_what_it_hits_and_leaves_ended_jobs_alone() {
    let mut app = app();
    press(&mut app, "m c");
    let drawn = screen(&mut app);
    for shown in ["Cancel these jobs?", "33 of 36 have ended", "left alone", "00000090  batch"] {
        assert!(drawn.contains(shown), "{shown}\n{drawn}");
    }
    assert!(!drawn.contains("00000080  stream"), "the stream is stopped by its name alone\n{drawn}");
    assert!(!drawn.contains("00000070  batch"), "an ended job is not listed\n{drawn}");
    // Neither the key that asked nor enter confirms.
    assert_eq!(press(&mut app, "c"), []);
    assert_eq!(press(&mut app, "enter"), []);
    assert!(app.windows.is_empty() && app.jobs.marks.len() == 36);
    let asked = cancels(&press(&mut app, "c y"));
    assert_eq!(asked.iter().map(|(_, id)| id.0 & 0xff).collect::<Vec<_>>(), [0x91, 0x90, 0x8f]);
    let answer = |id: Id| Job { state: JobState::CancellationRequested, ..app_job(id) };
    let notes = app.notes.toasts.len();
    for (place, (request, id)) in asked.iter().enumerate() {
        let answer = if place == 1 { Err(refused("It is not yours.")) } else { Ok(answer(*id)) };
        tell(&mut app, Update::Cancelled { request: *request, answer });
    }
    assert_eq!(toast(&app), "Jobs: 2 cancelled, 1 refused: It is not yours.");
    assert_eq!(app.notes.toasts.len(), notes + 1, "one note for all of them");
    let noted = app.notes.journal.iter().filter(|note| note.text.contains("is now MANUAL")).count();
    assert_eq!((noted, app.batches.len(), app.pending.len()), (2, 0, 0));
}

fn app_job(id: Id) -> Job {
    jobs().into_iter().find(|job| job.id == id).unwrap()
}

#[test]
fn a_job_that_changed_under_the_bulk_question_is_said_and_not_cancelled() {
    let mut app = app();
    press(&mut app, "j space j space c");
    jobs_again(&mut app, |jobs| jobs[1].state = JobState::Success);
    let drawn = screen(&mut app);
    assert!(drawn.contains("✓ success  (was running)"), "{drawn}");
    let asked = cancels(&press(&mut app, "y"));
    assert_eq!(asked.iter().map(|(_, id)| *id).collect::<Vec<_>>(), [jobs()[2].id]);
    tell(&mut app, Update::Cancelled { request: asked[0].0, answer: Ok(app_job(asked[0].1)) });
    assert_eq!(toast(&app), "Jobs: 1 cancelled, 1 had ended meanwhile.");
}

#[test]
fn marked_jobs_that_have_all_ended_cannot_be_cancelled() {
    let mut app = app();
    press(&mut app, "/ type:state=success enter m c");
    assert!(app.windows.is_empty());
    assert!(toast(&app).starts_with("The marked jobs have ended"), "{}", toast(&app));
}

#[test]
fn marking_all_never_takes_the_running_stream_along() {
    let mut app = app();
    let stream = jobs().iter().find(|job| job.job_type == JobType::Stream).unwrap().id;
    press(&mut app, "m");
    assert!(app.jobs.marks.len() > 5 && !app.jobs.marks.contains(&stream));
    let asked = cancels(&press(&mut app, "c y"));
    assert!(!asked.is_empty() && asked.iter().all(|(_, id)| *id != stream), "{asked:?}");
}

#[test]
fn a_stream_is_stopped_by_its_name_and_started_again_by_either_key() {
    let mut app = app();
    press(&mut app, "/ type:type=stream enter f");
    assert!(toast(&app).starts_with("The stream runs"), "{}", toast(&app));
    press(&mut app, "esc c");
    assert!(screen(&mut app).contains("Stop the stream of this view?"));
    press(&mut app, "n");
    let stopped = |jobs: &mut Vec<Job>| {
        jobs.iter_mut().filter(|job| job.job_type == JobType::Stream).for_each(|job| job.state = JobState::Cancelled)
    };
    jobs_again(&mut app, stopped);
    for key in ["f", "r"] {
        assert_eq!(commands(&press(&mut app, key)), Vec::<&Command>::new());
        assert!(screen(&mut app).contains("Start the stream of this view again?"));
        press(&mut app, "n");
    }
    let effects = press(&mut app, "r y");
    let [Command::StartStream { request, job, .. }] = commands(&effects)[..] else { panic!("{effects:?}") };
    let (request, job) = (*request, *job);
    press(&mut app, "f");
    assert!(app.windows.is_empty() && toast(&app).contains("asked to start already"), "{}", toast(&app));
    tell(&mut app, Update::Retried { request, job, answer: Ok(()) });
    assert!(toast(&app).contains("stream"), "{}", toast(&app));
}

#[test]
fn a_job_open_in_full_is_cancelled_alone_whatever_is_marked() {
    let mut app = app();
    press(&mut app, "m j enter c");
    assert_eq!(cancels(&press(&mut app, "y")).len(), 1);
}

#[test]
fn a_failed_job_is_tried_again_after_a_question() {
    let mut app = app();
    assert_eq!(commands(&press(&mut app, "f")), Vec::<&Command>::new());
    assert!(toast(&app).starts_with("Only a job that has failed for good"), "{}", toast(&app));
    assert_eq!(commands(&press(&mut app, "/ type:state=failure enter f f enter")), Vec::<&Command>::new());
    let effects = press(&mut app, "f y");
    let [Command::ForceRetry { request, job, overwrite: false, .. }] = commands(&effects)[..] else {
        panic!("{effects:?}")
    };
    let (request, job) = (*request, *job);
    press(&mut app, "f");
    assert!(app.windows.is_empty() && toast(&app).contains("asked for already"), "{}", toast(&app));
    tell(&mut app, Update::Retried { request, job, answer: Err(refused("Its view is paused.")) });
    assert_eq!(toast(&app), "The job was not tried again. Its view is paused.");
    press(&mut app, "esc");
    jobs_again(&mut app, |jobs| jobs[5].allowed = Allowed::default());
    press(&mut app, "f");
    assert!(toast(&app).contains("does not allow another attempt"), "{}", toast(&app));
}

#[test]
fn another_attempt_over_newer_data_says_what_it_overwrites() {
    let mut app = app();
    jobs_again(&mut app, |jobs| {
        jobs[5].allowed = Allowed { retry: false, overwrite_retry: true, unknown: false };
        jobs[7].window = jobs[5].window;
    });
    press(&mut app, "/ type:state=failure enter f");
    let drawn = screen(&mut app).replace(['│', '\n'], " ").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(drawn.contains("over newer data"), "{drawn}");
    assert!(drawn.contains("(job 00000070) is overwritten"), "{drawn}");
    let effects = press(&mut app, "y");
    assert!(matches!(commands(&effects)[..], [Command::ForceRetry { overwrite: true, .. }]), "{effects:?}");
}

#[test]
fn a_job_in_full_asks_for_its_newest_attempt_and_again_when_the_job_changes() {
    let mut app = app();
    let effects = press(&mut app, "/ type:state=failure enter enter");
    assert_eq!((details(&effects), coverages(&effects)), (vec![Id(973)], 1));
    assert!(screen(&mut app).contains("asking what it did"), "slow answers hold up nothing");
    assert_eq!(details(&jobs_again(&mut app, |_| {})), [], "nothing changed, nothing is asked");
    // A change while the answer is on its way is asked for once it is there.
    assert_eq!(details(&jobs_again(&mut app, |jobs| jobs[5].updated_at = Some(at("22 11:00")))), []);
    let (generation, attempt) = (app.generation, Id(973));
    let answer = || Ok(Arc::new(attempt_detail(attempt)));
    assert_eq!(details(&tell(&mut app, Update::Detail { generation, attempt, answer: answer() })), [attempt]);
    assert_eq!(details(&tell(&mut app, Update::Detail { generation, attempt, answer: answer() })), []);
    assert!(screen(&mut app).contains("4,680 rows read"));
}

#[test]
fn an_older_attempt_is_chosen_and_its_answer_never_shows_under_another() {
    let mut app = app();
    press(&mut app, "/ type:state=failure enter enter");
    let generation = app.generation;
    assert_eq!(details(&press(&mut app, "left")), [Id(972)]);
    let late = Update::Detail { generation, attempt: Id(973), answer: Ok(Arc::new(attempt_detail(Id(973)))) };
    tell(&mut app, late);
    let drawn = screen(&mut app);
    assert!(drawn.contains("attempt 2  SOURCE_ERROR") && drawn.contains("asking what it did"), "{drawn}");
    let answer = Err(refused("No such attempt."));
    tell(&mut app, Update::Detail { generation, attempt: Id(972), answer });
    assert!(screen(&mut app).contains("Cannot tell what it did. No such attempt."));
    assert_eq!(details(&press(&mut app, "right")), [Id(973)]);
    assert_eq!(details(&press(&mut app, "right")), [], "there is none after the newest");
}

#[test]
fn whoever_goes_to_the_end_of_the_log_sees_it_grow() {
    let mut app = live((80, 24), "dark");
    press(&mut app, "/ type:state=failure enter enter");
    let (generation, attempt) = (app.generation, Id(973));
    let mut detail = attempt_detail(attempt);
    tell(&mut app, Update::Detail { generation, attempt, answer: Ok(Arc::new(detail.clone())) });
    press(&mut app, "end");
    assert!(screen(&mut app).contains("ended: QUERY_ERROR"));
    detail.log.push("2026-11-22T08:40:02Z one line more".to_owned());
    jobs_again(&mut app, |jobs| jobs[5].updated_at = Some(at("22 11:00")));
    tell(&mut app, Update::Detail { generation, attempt, answer: Ok(Arc::new(detail)) });
    assert!(screen(&mut app).contains("one line more"));
    press(&mut app, "up");
    assert!(!screen(&mut app).contains("one line more"), "up leaves the end");
}

#[test]
fn what_is_materialized_is_asked_again_when_a_job_ends_and_an_old_answer_is_not_taken_for_new() {
    let mut app = app();
    assert_eq!(coverages(&jobs_again(&mut app, |jobs| jobs[1].state = JobState::Success)), 0, "nobody looks");
    jobs_again(&mut app, |_| {});
    assert_eq!(coverages(&press(&mut app, "j t")), 1);
    // A job ends while the answer is on its way.
    assert_eq!(coverages(&jobs_again(&mut app, |jobs| jobs[1].state = JobState::Success)), 0);
    let generation = app.generation;
    let answer = || Update::Coverage { generation, answer: Ok(Arc::new(coverage())) };
    assert_eq!(coverages(&tell(&mut app, answer())), 1, "it may not have the end in it");
    assert_eq!(coverages(&tell(&mut app, answer())), 0);
    tell(&mut app, Update::Coverage { generation, answer: Err(refused("The store is locked.")) });
    let drawn = screen(&mut app);
    assert!(drawn.contains("This may be old. The store is locked."), "{drawn}");
    tell(&mut app, Update::Coverage { generation: generation - 1, answer: Ok(Arc::default()) });
    assert_eq!(app.coverage.known.as_deref(), Some(&coverage()), "an answer for another view is dropped");
}

#[test]
fn the_form_steps_over_the_grid_and_says_what_would_happen() {
    let mut app = app();
    press(&mut app, "t");
    assert!(screen(&mut app).contains("asking what is materialized"));
    covered(&mut app);
    press(&mut app, "[ [ [ tab [");
    assert_eq!((form(&app).start.text(), form(&app).end.text()), ("2026-11-22 05:00:00", "2026-11-22 08:00:00"));
    let drawn = screen(&mut app);
    assert!(drawn.contains("Materialized already: online 2026-11-22 05:00 – 2026-11-22 08:00 (3 periods)"), "{drawn}");
    assert_eq!(commands(&press(&mut app, "enter")), Vec::<&Command>::new());
    assert!(form(&app).error.as_deref().unwrap().starts_with("Materialized already"), "{:?}", form(&app).error);
    press(&mut app, "tab tab tab tab space");
    let drawn = screen(&mut app);
    assert!(drawn.contains("would overwrite: online 2026-11-22 05:00"), "{drawn}");
    assert!(drawn.contains("(1 period)"), "{drawn}");
    // Elsewhere than on a boundary the whole window moves, and not past the newest complete period.
    press(&mut app, "] ] ] ]");
    assert_eq!((form(&app).start.text(), form(&app).end.text()), ("2026-11-22 09:00:00", "2026-11-22 12:00:00"));
    press(&mut app, "]");
    assert_eq!(form(&app).start.text(), "2026-11-22 09:00:00");
    let window = form(&app).window(app.now).unwrap();
    let clash = form(&app).clash(window, None, &app.jobs.all).unwrap();
    let jobs = "00000090 (running), 0000008f (retrying), 0000008e (cancelling)";
    assert_eq!(clash, format!("Blocked by jobs {jobs}: wait for the end, or cancel first."));
    assert!(screen(&mut app).contains("Blocked by jobs 00000090 (running)"));
}

#[test]
fn a_window_before_the_features_and_a_store_the_view_lacks_are_refused_in_the_form() {
    let mut app = app();
    press(&mut app, "v type:route enter");
    press(&mut app, "t ctrl-a");
    let Some(form) = app.windows.on_top_mut::<TriggerForm>() else { panic!() };
    form.start.set("2026-11-19 11:00");
    form.has = [true, false];
    form.boxes[1] = false;
    press(&mut app, "enter");
    let Some(form) = app.windows.on_top_mut::<TriggerForm>() else { panic!() };
    assert!(form.error.as_deref().unwrap().contains("the features begin at 2026-11-19 12:00:00"), "{:?}", form.error);
    press(&mut app, "tab tab tab space");
    let Some(form) = app.windows.on_top::<TriggerForm>() else { panic!() };
    assert!(!form.boxes[1]);
    assert!(screen(&mut app).contains("the view has offline = false"));
}

#[test]
fn the_refusal_of_the_deployment_is_shown_in_the_form_and_loses_nothing() {
    let mut app = app();
    let effects = press(&mut app, "t [ tab enter y");
    let Some(Command::Trigger { request, .. }) = commands(&effects).pop() else { panic!("{effects:?}") };
    let request = *request;
    assert_eq!(press(&mut app, "type:1 enter"), [], "nothing is typed or sent while the answer is awaited");
    tell(&mut app, Update::Triggered { request, answer: Err(refused("The window overlaps job 3f2a.")) });
    assert_eq!(form(&app).end.text(), "2026-11-22 09:00:00");
    assert!(screen(&mut app).contains("The window overlaps job 3f2a."));
    press(&mut app, "backspace");
    assert_eq!((&form(&app).error, form(&app).end.text()), (&None, "2026-11-22 09:00:0"));
}

#[test]
fn a_status_table_opens_in_the_window_of_tables_and_has_no_form() {
    let mut app = app();
    let effects = press(&mut app, ": type:materialization_status enter");
    let [Command::Status { request, deletions: false, .. }] = commands(&effects)[..] else { panic!("{effects:?}") };
    let request = *request;
    assert!(screen(&mut app).contains("materialization_status carrier_delays_hourly"));
    let table = status_table();
    tell(&mut app, Update::Status { request, answer: Ok(table) });
    press(&mut app, "right right right s");
    assert!(screen(&mut app).contains("STATUS ↑"));
    press(&mut app, "/ type:ATTEMPT>2 enter right s");
    let Some(sheet) = app.windows.on_top::<TableWindow>() else { panic!() };
    assert_eq!((sheet.len(), sheet.heads[4].word.as_str()), (13, "int64"), "attempts sort as numbers");
    press(&mut app, "e");
    assert_eq!(toast(&app), "This table came from no form.");
    press(&mut app, "esc esc esc");
    let effects = press(&mut app, "d");
    let [Command::Status { request, deletions: true, .. }] = commands(&effects)[..] else { panic!("{effects:?}") };
    let request = *request;
    // Closed before its answer came: the answer opens nothing.
    assert_eq!(commands(&press(&mut app, "esc")), Vec::<&Command>::new());
    tell(&mut app, Update::Status { request, answer: Ok(status_table()) });
    assert!(app.windows.is_empty());
}

#[test]
fn a_state_that_nobody_knows_is_never_waited_for_silently() {
    let mut app = app();
    let strange = JobState::Other("HIBERNATING".to_owned());
    let to = |word: JobState| move |jobs: &mut Vec<Job>| jobs[0].state = word.clone();
    jobs_again(&mut app, to(strange.clone()));
    press(&mut app, "home W");
    assert!(toast(&app).contains("`HIBERNATING`, which this program does not know"), "{}", toast(&app));
    let warned = |app: &crate::tui::app::App| {
        app.notes.journal.iter().filter(|note| note.text.contains("does not know")).count()
    };
    jobs_again(&mut app, to(JobState::Running));
    jobs_again(&mut app, to(strange.clone()));
    jobs_again(&mut app, to(strange));
    assert_eq!(warned(&app), 2, "once each time that it comes");
    jobs_again(&mut app, to(JobState::Success));
    assert!(toast(&app).contains("has ended: success"), "{}", toast(&app));
}

#[test]
fn the_first_jobs_are_shown_while_the_rest_is_loading() {
    let mut app = app();
    let generation = app.generation;
    let first = std::sync::Arc::new(jobs()[..2].to_vec());
    tell(&mut app, Update::JobsAhead { generation, jobs: first.clone(), total: Some(40_000) });
    assert!(screen(&mut app).contains("first 2 of 40000, loading"), "{}", screen(&mut app));
    tell(&mut app, Update::JobsAhead { generation, jobs: first, total: None });
    assert!(screen(&mut app).contains("first 2, loading"), "{}", screen(&mut app));
    jobs_again(&mut app, |_| ());
    assert!(!screen(&mut app).contains("loading"), "{}", screen(&mut app));
}
