//! Golden frames of what is done to jobs: marks, bulk questions, a job in full, the forms of new jobs and deletions.

use std::sync::Arc;

use crate::client::message::{KeySet, Problem, Table, Update};
use crate::model::{Id, Span};
use crate::tui::app::testing::*;
use crate::tui::app::windows::delete_keys::DeleteForm;
use crate::tui::app::windows::query::RunningQuery;
use crate::tui::app::{App, update};
use crate::tui::effect::Message;
use crate::tui::picture;
use crate::tui::view::tests::{SIZES, check};

fn answer_detail(app: &mut App) {
    let generation = app.generation;
    let answer = Ok(Arc::new(attempt_detail(Id(973))));
    tell(app, Update::Detail { generation, attempt: Id(973), answer });
    covered(app);
}

#[test]
fn frames_of_marked_jobs_and_the_question_to_cancel_them() {
    for size in SIZES {
        let mut app = live(size, "dark");
        press(&mut app, "j space j space j j space j space");
        check("marks", &mut app);
        press(&mut app, "c");
        check("cancel-marked", &mut app);
        press(&mut app, "n / type:state=failure enter f");
        check("retry", &mut app);
    }
}

#[test]
fn frames_of_a_job_in_full() {
    for size in SIZES {
        let mut app = live(size, "dark");
        press(&mut app, "/ type:state=failure enter enter");
        answer_detail(&mut app);
        check("detail-told", &mut app);
        press(&mut app, "end");
        check("detail-end", &mut app);
        press(&mut app, "esc esc home j j enter");
        check("detail-retrying", &mut app);
    }
}

#[test]
fn frames_of_a_new_job_over_what_is_there() {
    for size in SIZES {
        let mut app = live(size, "dark");
        press(&mut app, "t [ [ [ [ [ [ tab [ [ [");
        covered(&mut app);
        check("trigger-covered", &mut app);
        press(&mut app, "tab tab tab tab space");
        check("trigger-overwrite", &mut app);
    }
}

#[test]
fn frames_of_a_deletion() {
    for size in SIZES {
        let mut app = live(size, "dark");
        press(&mut app, "D type:keys.csv");
        check("delete", &mut app);
        press(&mut app, "enter");
        let Some(form) = app.windows.on_top::<DeleteForm>() else { panic!() };
        let request = form.reading.unwrap();
        let keys: Vec<String> = (0..1_204).map(|n| n.to_string()).collect();
        let table = Table(Arc::new(polars::df!("carrier" => keys).unwrap()));
        let keys = KeySet { table, given: 1_310, file: Some("keys.csv".into()) };
        tell(&mut app, Update::Keys { request, answer: Ok(keys) });
        check("delete-read", &mut app);
        press(&mut app, "enter type:carrier enter");
        check("delete-confirm", &mut app);
        press(&mut app, "esc shift-tab space");
        check("delete-typed", &mut app);
    }
}

#[test]
fn frames_of_a_status_table() {
    for size in SIZES {
        let mut app = live(size, "dark");
        press(&mut app, "a");
        check("status-asked", &mut app);
        let Some(running) = app.windows.on_top::<RunningQuery>() else { panic!() };
        let request = running.request;
        tell(&mut app, Update::Status { request, answer: Ok(status_table()) });
        check("status", &mut app);
        press(&mut app, "esc d");
        let Some(running) = app.windows.on_top::<RunningQuery>() else { panic!() };
        let request = running.request;
        let problem =
            Problem { what: "The deployment has no such table.".to_owned(), hint: "Ask its keeper.".to_owned() };
        tell(&mut app, Update::Status { request, answer: Err(problem) });
        check("status-failed", &mut app);
    }
}

/// The axis of time grows by steps, so that the picture of a running job holds until it says.
#[test]
fn the_picture_of_a_job_holds_until_it_says() {
    for keys in ["j enter", "j j enter", "t"] {
        let mut app = live((120, 40), "dark");
        press(&mut app, keys);
        covered(&mut app);
        for _ in 0..60 {
            let before = picture::text(&frame(&mut app));
            let next = app.layout.next_change.unwrap();
            assert!(next > app.now);
            let almost = app.now + (next - app.now) * 9 / 10;
            update(&mut app, Message::Tick, almost);
            assert_eq!(picture::text(&frame(&mut app)), before, "changed before {next}");
            update(&mut app, Message::Tick, next);
        }
        assert!(app.now - noon() > Span::seconds(1));
    }
}

#[test]
fn any_size_is_drawn() {
    for columns in [40, 41, 60, 80, 101, 150] {
        for rows in [10, 11, 12, 14, 24, 31] {
            let mut app = live((columns, rows), "dark");
            press(&mut app, "m c down end n enter");
            covered(&mut app);
            press(&mut app, "end esc t tab tab tab tab tab esc D shift-tab space tab tab tab esc a esc");
        }
    }
}

#[test]
fn a_long_word_of_a_deployment_hides_no_column() {
    use crate::model::{JobState, JobType};
    for (size, word) in SIZES
        .iter()
        .flat_map(|size| ["WAITING_FOR_ANOTHER_CLUSTER_THAT_IS_STILL_COMING_UP", "w"].map(|word| (*size, word)))
    {
        let mut app = live(size, "dark");
        press(&mut app, "2 z");
        let heads = |app: &mut App| {
            let screen = screen(app);
            let line = screen.lines().find(|line| line.contains("window")).unwrap_or_default().to_owned();
            line.split(|c: char| !c.is_alphabetic())
                .map(str::to_owned)
                .filter(|word| !word.is_empty())
                .collect::<Vec<_>>()
        };
        let before = heads(&mut app);
        jobs_again(&mut app, |jobs| {
            jobs[0].state = JobState::Other(word.repeat(3));
            jobs[1].job_type = JobType::Other(word.repeat(3));
        });
        assert_eq!(heads(&mut app), before, "{size:?} {word}:\n{}", screen(&mut app));
        assert!(word.len() == 1 || screen(&mut app).contains('…'));
    }
}

#[test]
fn a_window_of_another_year_says_which() {
    use crate::model::Window;
    let mut app = live((120, 40), "dark");
    press(&mut app, "2 z");
    assert!(!screen(&mut app).contains("2026-11-2"), "{}", screen(&mut app));
    let long_ago = Span::days(13 * 365);
    jobs_again(&mut app, |jobs| {
        for job in jobs {
            job.window = job.window.map(|window| Window { start: window.start - long_ago, end: window.end - long_ago });
        }
    });
    assert!(screen(&mut app).contains("2013-11-2"), "{}", screen(&mut app));
}
