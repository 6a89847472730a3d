//! The quarantine as a user meets it, typed through the real keys.

use std::sync::Arc;

use crate::client::message::{Offer, Part, Problem, Quarantined, RequestId, Serves, Update};
use crate::tui::app::testing::*;
use crate::tui::app::*;
use crate::wire::quarantine::{QuarantineAsked, QuarantineList, RetryAnswer, StaysRow};

/// The window with three records.
fn with_records() -> App {
    quarantine((120, 40), "dark")
}

fn listing(effects: &[Effect]) -> (RequestId, Option<String>, Option<i64>) {
    let [Command::Quarantine { request, reason, before, .. }] = commands(effects)[..] else { panic!("{effects:?}") };
    (*request, reason.clone(), *before)
}

fn retry(effects: &[Effect]) -> (RequestId, QuarantineAsked) {
    let [Command::RetryQuarantined { request, asked }] = commands(effects)[..] else { panic!("{effects:?}") };
    (*request, (**asked).clone())
}

fn answer(arrived: u64, stays: usize) -> RetryAnswer {
    let stay = |id: usize| StaysRow {
        id: id as i64,
        reason: "late".to_owned(),
        place: format!("offset {id}"),
        sentence: "It lies beyond the watermark, as it did.".to_owned(),
    };
    RetryAnswer { arrived, filtered: 0, duplicates: 0, stays: (1..=stays).map(stay).collect(), next: None }
}

#[test]
fn one_key_of_the_stream_pane_opens_it_and_records_show_in_full() {
    let mut app = with_records();
    let shown = screen(&mut app);
    for text in ["Quarantine  carrier_delays_hourly", "3 of 5, all reasons", "wrong-type", "offset 48112"] {
        assert!(shown.contains(text), "{text}\n{shown}");
    }
    let effects = press(&mut app, "j enter");
    let [Command::QuarantineRecord { request, id, .. }] = commands(&effects)[..] else { panic!("{effects:?}") };
    assert_eq!(*id, 13);
    let row = quarantined_rows().remove(1);
    let text = crate::model::clean::clean_bytes(b"\x1b[2J\xff{\n  \"carrier\": \"UA\" }");
    let answer = Ok(Arc::new(Quarantined { row, text, kept: 20 }));
    tell(&mut app, Update::QuarantineRecord { request: request + 1, answer: answer.clone() });
    assert!(screen(&mut app).contains("Asking for the record 13."), "another question's answer");
    tell(&mut app, Update::QuarantineRecord { request: *request, answer });
    let shown = screen(&mut app);
    assert!(shown.contains("␛[2J\\xff{") && shown.contains("\"carrier\": \"UA\" }"), "{shown}");
    assert!(!shown.contains('\u{1b}'));
    press(&mut app, "esc");
    assert!(screen(&mut app).contains("3 of 5"), "the list again");
    press(&mut app, "esc");
    assert!(app.windows.is_empty());
}

#[test]
fn a_retry_says_first_what_it_would_bring_and_is_done_after_a_yes() {
    let mut app = with_records();
    let (request, asked) = retry(&press(&mut app, "r"));
    assert_eq!((asked.ids.as_slice(), asked.dry_run), (&[14][..], true));
    tell(&mut app, Update::QuarantineRetried { request, answer: Ok(answer(0, 1)) });
    assert!(screen(&mut app).contains("Nothing would be written"), "no question about nothing");
    let (request, asked) = retry(&press(&mut app, "a"));
    assert!(asked.all && asked.dry_run && asked.ids.is_empty());
    assert!(press(&mut app, "a").is_empty(), "it is asked already");
    tell(&mut app, Update::QuarantineRetried { request, answer: Ok(answer(2, 1)) });
    let shown = screen(&mut app);
    for text in ["Retry these records?", "2 records would arrive, 1 would stay.", "offset 1: It lies beyond"] {
        assert!(shown.contains(text), "{text}\n{shown}");
    }
    assert!(press(&mut app, "n").is_empty());
    let (request, _) = retry(&press(&mut app, "a"));
    tell(&mut app, Update::QuarantineRetried { request, answer: Ok(answer(2, 1)) });
    let (request, asked) = retry(&press(&mut app, "y"));
    assert!(asked.all && !asked.dry_run);
    let effects = tell(&mut app, Update::QuarantineRetried { request, answer: Ok(answer(2, 1)) });
    listing(&effects);
    assert!(screen(&mut app).contains("2 records arrived, 1 stay"));
}

#[test]
fn records_are_dropped_after_a_question() {
    let mut app = with_records();
    press(&mut app, "d");
    let shown = screen(&mut app);
    assert!(shown.contains("Drop these records?") && shown.contains("the one with the number 14"), "{shown}");
    assert!(press(&mut app, "enter").is_empty(), "no is the default");
    let effects = press(&mut app, "D y");
    let [Command::DropQuarantined { request, asked }] = commands(&effects)[..] else { panic!("{effects:?}") };
    assert!(asked.all && !asked.dry_run);
    let effects = tell(&mut app, Update::QuarantineDropped { request: *request, answer: Ok(5) });
    listing(&effects);
    assert!(screen(&mut app).contains("5 records dropped."));
}

#[test]
fn reasons_are_gone_through_and_pages_follow_at_the_end() {
    let mut app = with_records();
    let mut seen = Vec::new();
    for _ in 0..3 {
        let (request, reason, _) = listing(&press(&mut app, "f"));
        tell(&mut app, Update::Quarantine { request, answer: Ok(Arc::new(quarantine_list())) });
        seen.push(reason);
    }
    assert_eq!(seen, [Some("late".to_owned()), Some("wrong-type".to_owned()), None]);
    let (request, _, before) = listing(&press(&mut app, "G"));
    assert_eq!(before, Some(12));
    let mut rows = quarantined_rows();
    rows.iter_mut().for_each(|row| row.id -= 10);
    let page = QuarantineList { records: rows, next: None, ..quarantine_list() };
    tell(&mut app, Update::Quarantine { request, answer: Ok(Arc::new(page)) });
    assert!(screen(&mut app).contains("6 of 6"), "{}", screen(&mut app));
    assert!(press(&mut app, "G").is_empty(), "that was the last page");
}

#[test]
fn a_deployment_without_one_says_so_and_read_only_changes_nothing() {
    let mut app = live((120, 40), "dark");
    let mut serves = Serves::default();
    serves.note(Part::Quarantine, Offer::Missing(Part::Quarantine.not_served()));
    tell(&mut app, Update::Deployment { url: "http://h/api".to_owned(), notices: Vec::new(), serves });
    assert!(press(&mut app, "4 Q").is_empty());
    assert!(app.windows.is_empty());
    assert!(screen(&mut app).contains("This deployment does not serve the quarantine."));

    let mut app = with_records();
    app.read_only = true;
    for key in ["r", "a", "d", "D"] {
        assert!(press(&mut app, key).is_empty(), "{key}");
        assert!(screen(&mut app).contains("Read-only"), "{key}");
    }
    assert_eq!(app.windows.iter().count(), 1, "no question opens");
}

#[test]
fn a_refusal_stands_in_the_place_of_the_records() {
    let mut app = live((120, 40), "dark");
    let (request, ..) = listing(&press(&mut app, "4 Q"));
    let problem = Problem { what: "The key may not look.".to_owned(), hint: "Ask an owner.".to_owned() };
    tell(&mut app, Update::Quarantine { request, answer: Err(problem) });
    let shown = screen(&mut app);
    assert!(shown.contains("The key may not look. Ask an owner."), "{shown}");
    assert!(press(&mut app, "enter r").is_empty(), "there is nothing to open or retry");
}

#[test]
fn no_question_opens_over_what_was_opened_meanwhile() {
    for (open, typed) in [(":", "type:y"), ("x", "type:y"), ("?", "y")] {
        let mut app = with_records();
        let (request, _) = retry(&press(&mut app, "r"));
        press(&mut app, open);
        let windows = app.windows.iter().count();
        tell(&mut app, Update::QuarantineRetried { request, answer: Ok(answer(1, 0)) });
        assert_eq!(app.windows.iter().count(), windows, "over {open}");
        assert!(toast(&app).starts_with("Nothing was asked"), "{}", toast(&app));
        let sent = press(&mut app, typed);
        let retried = commands(&sent).iter().any(|command| matches!(command, Command::RetryQuarantined { .. }));
        assert!(!retried, "{sent:?} by what was typed over {open}");
    }
    // Nothing waits any longer: it can be asked once more.
    let mut app = with_records();
    let (request, _) = retry(&press(&mut app, "r ?"));
    tell(&mut app, Update::QuarantineRetried { request, answer: Ok(answer(1, 0)) });
    retry(&press(&mut app, "esc r"));
}

#[test]
fn a_record_that_left_the_list_closes_and_no_other_one_stands_for_it() {
    let mut app = with_records();
    press(&mut app, "j enter");
    let (request, ..) = listing(&press(&mut app, "R")[..1]);
    let mut rows = quarantined_rows();
    rows[1].id = 99;
    let list = QuarantineList { records: rows, ..quarantine_list() };
    tell(&mut app, Update::Quarantine { request, answer: Ok(Arc::new(list)) });
    let shown = screen(&mut app);
    assert!(shown.contains("3 of 5, all reasons") && !shown.contains("Asking for the record"), "{shown}");
    assert!(toast(&app).contains("13"), "{}", toast(&app));

    let mut app = with_records();
    press(&mut app, "j enter");
    let (request, ..) = listing(&press(&mut app, "R")[..1]);
    let mut rows = quarantined_rows();
    rows.remove(0);
    let list = QuarantineList { records: rows, ..quarantine_list() };
    tell(&mut app, Update::Quarantine { request, answer: Ok(Arc::new(list)) });
    assert!(screen(&mut app).contains("Asking for the record 13."), "it is still there, one row higher");
    let (_, asked) = retry(&press(&mut app, "r"));
    assert_eq!(asked.ids, [13]);
}

#[test]
fn blank_lines_of_a_record_show() {
    let mut app = with_records();
    let effects = press(&mut app, "j enter");
    let [Command::QuarantineRecord { request, .. }] = commands(&effects)[..] else { panic!("{effects:?}") };
    let text = "first line\n\n\nlast line".to_owned();
    let known = Quarantined { row: quarantined_rows().remove(1), text, kept: 22 };
    tell(&mut app, Update::QuarantineRecord { request: *request, answer: Ok(Arc::new(known)) });
    let shown = screen(&mut app);
    let place = |text: &str| shown.lines().position(|line| line.contains(text)).unwrap();
    assert_eq!(place("last line") - place("first line"), 3, "{shown}");
    // They are wrapped once, until the window is another one or has another width.
    let wrapped = app.layout.record.clone().unwrap();
    frame(&mut app);
    assert!(Arc::ptr_eq(&wrapped, app.layout.record.as_ref().unwrap()));
    app.size = (80, 24);
    frame(&mut app);
    assert!(app.layout.record.as_ref().unwrap().wide < wrapped.wide);
    press(&mut app, "esc");
    assert_eq!(app.layout.record, None);
}

#[test]
fn records_of_another_reason_are_neither_shown_nor_meant() {
    let mut app = with_records();
    press(&mut app, "f");
    let (request, reason, _) = listing(&press(&mut app, "f"));
    assert_eq!(reason.as_deref(), Some("wrong-type"));
    let stale = |app: &mut App| {
        let shown = screen(app);
        assert!(shown.contains("0 of 2, wrong-type") && !shown.contains("offset 48230"), "{shown}");
        for key in ["r", "a", "d", "D"] {
            assert_eq!(press(app, key), [], "{key}");
        }
        assert_eq!(app.windows.iter().count(), 1, "no question opens");
    };
    stale(&mut app);
    assert!(screen(&mut app).contains("Asking for the records."));
    tell(&mut app, Update::Quarantine { request, answer: Err(problem()) });
    stale(&mut app);
    assert!(screen(&mut app).contains(&problem().what), "{}", screen(&mut app));
    let (request, ..) = listing(&press(&mut app, "R")[..1]);
    let list = QuarantineList { records: quarantined_rows()[1..2].to_vec(), next: None, ..quarantine_list() };
    tell(&mut app, Update::Quarantine { request, answer: Ok(Arc::new(list)) });
    press(&mut app, "D");
    let shown = screen(&mut app);
    assert!(shown.contains("all of the reason wrong-type") && shown.contains("2 records and what"), "{shown}");
    press(&mut app, "n R");
    assert_eq!(press(&mut app, "a"), [], "the records are asked for anew");
    assert!(toast(&app).contains("asked for anew"), "{}", toast(&app));
}
