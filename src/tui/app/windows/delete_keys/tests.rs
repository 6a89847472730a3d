//! Deleting keys as a user does it, typed through the real keys.

use std::path::PathBuf;
use std::sync::Arc;

use super::DeleteForm;
use crate::client::message::{KeySet, Problem, Table, Update};
use crate::model::{DeletionStarted, Stores};
use crate::tui::app::testing::*;
use crate::tui::app::*;

fn app() -> App {
    let mut app = live((120, 40), "dark");
    app.home = Some("/home/ana".to_owned());
    app
}

fn form(app: &App) -> &DeleteForm {
    app.windows.find::<DeleteForm>().expect("no form is open")
}

/// Opens the form, has a file read, and answers with two keys of three.
fn with_keys(app: &mut App) {
    let effects = press(app, "D type:~/keys.csv enter");
    let [Command::ReadKeys { request, path, view }] = commands(&effects)[..] else { panic!("{effects:?}") };
    assert_eq!((path, view.name.as_str()), (&PathBuf::from("/home/ana/keys.csv"), "carrier_delays_hourly"));
    let request = *request;
    let frame = polars::df!("carrier" => ["UA", "AA"]).unwrap();
    let keys = KeySet { table: Table(Arc::new(frame)), given: 3, file: Some("/home/ana/keys.csv".into()) };
    tell(app, Update::Keys { request, answer: Ok(keys) });
}

#[test]
fn the_name_must_be_typed_and_another_text_does_nothing() {
    let mut app = app();
    with_keys(&mut app);
    let shown = "2 keys (3 given) from /home/ana/keys.csv for carrier_delays_hourly in prod, online and offline";
    assert_eq!(form(&app).summary().as_deref(), Some(shown));
    press(&mut app, "enter");
    for typed in ["enter", "type:y enter", "type:carrier_delays enter"] {
        assert_eq!(press(&mut app, typed), [], "{typed}");
        assert!(screen(&mut app).contains("Nothing was deleted: type `carrier_delays_hourly`"), "{typed}");
    }
    press(&mut app, "esc enter");
    let effects = type_name(&mut app);
    let [Command::DeleteKeys { keys, stores, view, .. }] = commands(&effects)[..] else { panic!("{effects:?}") };
    assert_eq!((keys.given, keys.table.0.height(), view.name.as_str()), (3, 2, "carrier_delays_hourly"));
    assert_eq!(*stores, Stores { online: true, offline: true });
}

/// Types the view's name, blanks and all, and enter.
fn type_name(app: &mut App) -> Vec<Effect> {
    let now = app.now;
    update(app, Message::Paste("carrier_delays_hourly".to_owned()), now);
    press(app, "enter")
}

#[test]
fn what_was_started_is_told_with_the_stores_that_were_skipped() {
    let mut app = app();
    with_keys(&mut app);
    press(&mut app, "enter");
    let effects = type_name(&mut app);
    let [Command::DeleteKeys { request, .. }] = commands(&effects)[..] else { panic!("{effects:?}") };
    let request = *request;
    assert_eq!(press(&mut app, "enter"), [], "nothing is sent twice");
    let notes = vec!["The offline store was skipped: nothing was materialized there.".to_owned()];
    let answer = Ok(DeletionStarted { jobs: vec![Id(0xabc << 100)], notes });
    tell(&mut app, Update::DeletionStarted { request, answer });
    assert_eq!(
        toast(&app),
        "Deletion job 0000abc0 was started. The offline store was skipped: nothing was materialized there."
    );
    assert!(app.windows.is_empty());
}

#[test]
fn errors_are_shown_in_the_form_and_what_was_typed_stays() {
    let mut app = app();
    let effects = press(&mut app, "D enter");
    assert_eq!(effects, []);
    assert!(form(&app).error.as_deref().unwrap().starts_with("Name the file"));
    let effects = press(&mut app, "type:keys.csv enter");
    let [Command::ReadKeys { request, .. }] = commands(&effects)[..] else { panic!("{effects:?}") };
    let request = *request;
    let problem = Problem { what: "keys.csv has no column carrier.".to_owned(), hint: "Name it so.".to_owned() };
    tell(&mut app, Update::Keys { request, answer: Err(problem) });
    assert!(screen(&mut app).contains("keys.csv has no column carrier. Name it so."));
    assert_eq!(form(&app).file.text(), "keys.csv");
    press(&mut app, "tab space tab space enter");
    assert_eq!(form(&app).error.as_deref(), Some("Choose at least one store: online or offline."));
}

#[test]
fn keys_that_were_read_are_gone_when_another_file_is_typed() {
    let mut app = app();
    with_keys(&mut app);
    press(&mut app, "type:x");
    assert_eq!(form(&app).keys, None);
    let effects = press(&mut app, "enter");
    assert!(matches!(commands(&effects)[..], [Command::ReadKeys { .. }]), "read again, not asked about: {effects:?}");
}

#[test]
fn a_key_is_typed_a_line_a_join_key() {
    let mut app = app();
    let effects = press(&mut app, "D shift-tab space tab type:UA enter");
    let [Command::TypedKeys { keys, .. }] = commands(&effects)[..] else { panic!("{effects:?}") };
    assert_eq!(keys, &[vec!["UA".to_owned()]]);
}

#[test]
fn nothing_is_deleted_read_only_or_offline_even_at_the_last_question() {
    for change in [0, 1] {
        let mut app = app();
        with_keys(&mut app);
        press(&mut app, "enter");
        match change {
            0 => app.read_only = true,
            _ => drop(tell(&mut app, Update::Connection(refused()))),
        }
        assert_eq!(commands(&type_name(&mut app)), Vec::<&Command>::new());
        let shown = ["Read-only", "Not connected"][change];
        assert!(toast(&app).starts_with(shown), "{}", toast(&app));
    }
}

#[test]
fn a_view_with_a_wildcard_key_says_why_not() {
    let mut app = app();
    press(&mut app, "v type:route enter");
    press(&mut app, "D");
    assert!(app.windows.is_empty());
    assert!(toast(&app).contains("its join key dest is a wildcard"), "{}", toast(&app));
}
