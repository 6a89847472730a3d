//! Run and History as a user does them, typed through the real keys.

use std::path::PathBuf;

use super::RunningQuery;
use crate::client::message::Update;
use crate::model::QueryProgress;
use crate::tui::app::testing::*;
use crate::tui::app::windows::help::Help;
use crate::tui::app::windows::query_form::{Item, Kind, QueryForm};
use crate::tui::app::windows::save::SaveForm;
use crate::tui::app::windows::table::TableWindow;
use crate::tui::app::*;
use crate::tui::sheet::{Done, Outcome, Task, Work};
use crate::wire::queries::{HistoryQuery, Query};

fn app() -> App {
    live((120, 40), "dark")
}

fn table(app: &App) -> &TableWindow {
    app.windows.find::<TableWindow>().expect("no table is open")
}

fn form(app: &App) -> &QueryForm {
    let Some(form) = app.windows.on_top::<QueryForm>() else { panic!("no form is open: {:?}", app.windows.top()) };
    form
}

fn asked(effects: &[Effect]) -> &Query<PathBuf> {
    let [Command::Query { query, .. }] = commands(effects)[..] else { panic!("{effects:?}") };
    query
}

/// The rows that show, from the first column of numbers.
fn shown(app: &App) -> Vec<u32> {
    let sheet = table(app);
    (0..sheet.len()).filter_map(|place| sheet.at(place)).collect()
}

/// Presses a key without doing the tasks that follow.
fn slowly(app: &mut App, key: &str) -> Vec<Work> {
    let now = app.now;
    let effects = update(app, Message::Key(key.parse().unwrap()), now);
    frame(app);
    works(effects)
}

fn works(effects: Vec<Effect>) -> Vec<Work> {
    let work = |effect| if let Effect::Work(work) = effect { Some(work) } else { None };
    effects.into_iter().filter_map(work).collect()
}

#[test]
fn run_sends_what_the_form_says_and_shows_the_table() {
    let mut app = app();
    let effects = press(&mut app, "x tab tab right tab type:mock.csv enter");
    let Query::Run(run) = asked(&effects) else { panic!("{effects:?}") };
    assert_eq!((run.start_time, run.end_time), (Some(at("22 11:00")), Some(at("22 12:00"))));
    assert_eq!(run.aggregation_level.as_deref(), Some("partial"));
    assert_eq!(run.mock_sources, [("flights".to_owned(), PathBuf::from("mock.csv"))].into());
    answered(&mut app, Ok(answer(frame_of(190), &["Short range."])));
    assert_eq!((table(&app).len(), table(&app).keys, table(&app).time), (190, 1, Some(1)));
    assert!(app.notes.journal.iter().any(|note| note.text.contains("Short range.")));
    // Back to the form as it was, and out of everything without a trace.
    press(&mut app, "e");
    assert_eq!((form(&app).level, form(&app).mocks[0].1.text()), (1, "mock.csv"));
    press(&mut app, "esc esc");
    assert!(app.windows.is_empty());
}

#[test]
fn a_wrong_form_says_where_and_loses_nothing() {
    let mut app = app();
    let effects = press(&mut app, "x type:x tab tab enter");
    assert_eq!(commands(&effects), Vec::<&Command>::new());
    let (item, error) = form(&app).error.clone().unwrap();
    assert_eq!((item, form(&app).item()), (Item::Start, Item::Start), "the cursor goes to what is wrong");
    assert!(error.contains("`2026-11-22 11:00:00x` is not a time"), "{error}");
    assert_eq!(form(&app).start.text(), "2026-11-22 11:00:00x");
    press(&mut app, "backspace");
    assert_eq!(form(&app).error, None);
    assert!(matches!(asked(&press(&mut app, "enter")), Query::Run(_)));
}

#[test]
fn a_form_remembers_its_view_and_an_untouched_one_follows_the_clock() {
    let mut app = app();
    press(&mut app, "H space tab type:spine.csv esc");
    press(&mut app, "v type:route enter H");
    assert_eq!((form(&app).spine.text(), form(&app).with_spine), ("", false));
    press(&mut app, "esc v type:carrier enter H");
    assert_eq!((form(&app).spine.text(), form(&app).with_spine), ("spine.csv", true));
    press(&mut app, "esc x esc");
    app.now += crate::model::Span::hours(1);
    press(&mut app, "x");
    assert_eq!(form(&app).end.text(), "2026-11-22 13:00:00");
}

#[test]
fn cancelling_sends_it_and_brings_the_form_back() {
    let mut app = app();
    press(&mut app, "x tab tab space enter");
    let request = query_request(&app);
    let progress = QueryProgress { rows_read: Some(7), ..QueryProgress::default() };
    tell(&mut app, Update::QueryProgress { request, progress: progress.clone() });
    assert!(app.windows.on_top::<RunningQuery>().is_some_and(|running| running.progress == progress));
    let effects = press(&mut app, "esc");
    assert_eq!(commands(&effects), [&Command::CancelQuery { request }]);
    assert_eq!(form(&app).level, 1);
    // Its end still comes and changes nothing.
    tell(&mut app, Update::QueryDone { request, answer: Ok(answer(frame_of(4), &[])), took: Default::default() });
    assert_eq!(app.windows.iter().count(), 1);
    assert_eq!(form(&app).level, 1);
}

#[test]
fn an_answer_to_an_older_query_is_dropped() {
    let mut app = app();
    press(&mut app, "x enter");
    let old = query_request(&app);
    press(&mut app, "esc enter");
    let new = query_request(&app);
    assert_ne!(old, new);
    tell(
        &mut app,
        Update::QueryProgress { request: old, progress: QueryProgress { rows_read: Some(1), ..Default::default() } },
    );
    tell(&mut app, Update::QueryDone { request: old, answer: Err(problem()), took: Default::default() });
    let Some(running) = app.windows.on_top::<RunningQuery>() else { panic!() };
    assert_eq!((running.request, running.progress.rows_read, &running.failed), (new, None, &None));
    answered(&mut app, Ok(answer(frame_of(4), &[])));
    assert_eq!(table(&app).len(), 4);
}

#[test]
fn another_view_cancels_the_query_and_its_answer_is_dropped() {
    let mut app = app();
    press(&mut app, "x enter");
    let request = query_request(&app);
    let effects = press(&mut app, ": type:view_route enter");
    assert!(commands(&effects).contains(&&Command::CancelQuery { request }), "{effects:?}");
    assert!(app.windows.is_empty());
    tell(&mut app, Update::QueryDone { request, answer: Ok(answer(frame_of(4), &[])), took: Default::default() });
    assert!(app.windows.is_empty());
}

#[test]
fn one_query_at_a_time() {
    let mut app = app();
    press(&mut app, "x enter");
    assert_eq!(press(&mut app, "H"), []);
    assert_eq!(app.windows.iter().count(), 1);
    assert!(app.notes.toasts.back().unwrap().text.contains("under way already"));
}

#[test]
fn a_failure_is_shown_and_corrected() {
    let mut app = app();
    press(&mut app, "x enter");
    answered(&mut app, Err(problem()));
    assert_eq!(app.now, noon());
    let text = crate::tui::picture::text(&frame(&mut app));
    assert!(text.contains("Cannot reach http://localhost:7070/api: connection refused."), "{text}");
    press(&mut app, "e");
    assert_eq!(form(&app).kind, Kind::Run);
    assert!(matches!(asked(&press(&mut app, "enter")), Query::Run(_)));
    answered(&mut app, Ok(answer(frame_of(4), &[])));
    press(&mut app, "esc");
    assert!(app.windows.is_empty(), "nothing of the failed one is left");
}

#[test]
fn the_answer_finds_its_window_under_others() {
    let mut app = app();
    press(&mut app, "x enter ?");
    answered(&mut app, Ok(answer(frame_of(4), &[])));
    assert!(app.windows.on_top::<Help>().is_some());
    press(&mut app, "esc");
    assert!(app.windows.on_top::<TableWindow>().is_some());
}

#[test]
fn nothing_is_asked_while_away() {
    let mut app = app();
    tell(&mut app, Update::Connection(refused()));
    assert_eq!(press(&mut app, "x enter"), []);
    assert!(form(&app).error.as_ref().unwrap().1.starts_with("Not connected"));
}

#[test]
fn what_is_kept_is_asked_about_first_and_never_in_read_only_mode() {
    let mut app = app();
    let effects = press(&mut app, "H tab tab tab tab tab type:november enter");
    assert_eq!(commands(&effects), Vec::<&Command>::new());
    assert_eq!(press(&mut app, "enter"), [], "enter means no");
    assert_eq!(form(&app).save_as.text(), "november");
    let effects = press(&mut app, "enter y");
    let Query::History(history) = asked(&effects) else { panic!("{effects:?}") };
    assert_eq!((history.save, history.save_as.as_deref()), (true, Some("november")));
    press(&mut app, "esc esc");
    app.read_only = true;
    let effects = press(&mut app, "H enter");
    let Query::History(HistoryQuery { save: false, save_as: None, .. }) = asked(&effects) else {
        panic!("{effects:?}")
    };
    let mut app = live((80, 24), "dark");
    app.read_only = true;
    press(&mut app, "H");
    assert!(crate::tui::picture::text(&frame(&mut app)).contains("read-only: nothing can be kept"));
}

#[test]
fn sorting_and_filtering_keep_the_selected_row() {
    let mut app = with_table((120, 40), "dark");
    press(&mut app, "j j j j j j");
    assert_eq!(table(&app).selected, 6);
    press(&mut app, "right right s");
    assert_eq!((table(&app).selected, table(&app).at(table(&app).place)), (6, Some(6)));
    let numbers = table(&app).table().0.columns()[2].f64().unwrap().clone();
    let sorted: Vec<f64> = shown(&app).iter().filter_map(|row| numbers.get(*row as usize)).collect();
    assert!(sorted.is_sorted() && sorted.len() == 173);
    press(&mut app, "S");
    let last: Vec<u32> = shown(&app)[173..].to_vec();
    assert!(last.iter().all(|row| numbers.get(*row as usize).is_none()), "missing values stay last");
    press(&mut app, "/ type:carrier=EV enter");
    assert_eq!((table(&app).selected, shown(&app).len()), (6, 47));
    press(&mut app, "esc s");
    assert_eq!(shown(&app), (0..190).collect::<Vec<_>>());
    assert_eq!((table(&app).selected, table(&app).place), (6, 6));
    // A row that the filter hides gives its place to another; no row is selected that does not show.
    press(&mut app, "/ type:carrier=UA enter");
    assert_eq!(table(&app).at(table(&app).place), Some(table(&app).selected));
    press(&mut app, "esc esc");
    assert!(app.windows.is_empty(), "esc drops the filter, then closes");
}

#[test]
fn a_wrong_filter_says_so_and_hides_nothing() {
    let mut app = with_table((120, 40), "dark");
    press(&mut app, "/ type:colour=red");
    assert!(table(&app).filter_error.as_deref().unwrap().starts_with("No column `colour`"));
    assert_eq!(table(&app).len(), 190);
}

#[test]
fn one_order_is_made_at_a_time_and_the_last_wish_wins() {
    let mut app = with_table((120, 40), "dark");
    let first = slowly(&mut app, "s");
    let [Work { task: Task::Order { sort: Some((0, false)), .. }, ticket }] = &first[..] else { panic!("{first:?}") };
    let ticket = *ticket;
    for key in ["right", "S", "S", "right", "s"] {
        assert_eq!(slowly(&mut app, key), [], "{key}");
    }
    assert_eq!(shown(&app), (0..190).collect::<Vec<_>>(), "the old order stays meanwhile");
    let stale = Done { ticket: ticket + 50, outcome: Outcome::Order(Some(Arc::new(vec![3]))) };
    let now = app.now;
    assert_eq!(update(&mut app, Message::Worked(stale), now), []);
    assert_eq!(table(&app).len(), 190, "what nobody waits for is dropped");
    let done = crate::tui::sheet::work(first[0].clone());
    let next = works(update(&mut app, Message::Worked(done), now));
    assert!(matches!(next[..], [Work { task: Task::Order { sort: Some((2, false)), .. }, .. }]), "{next:?}");
    let failed = Done { ticket: next[0].ticket, outcome: Outcome::Failed };
    assert_eq!(update(&mut app, Message::Worked(failed), now), [], "what broke off is not begun again and again");
}

#[test]
fn a_column_is_described_once_and_again_when_its_rows_change() {
    let mut app = with_table((120, 40), "dark");
    let work = slowly(&mut app, "i");
    assert!(matches!(work[..], [Work { task: Task::Describe { column: 0, rows: None, .. }, .. }]), "{work:?}");
    assert_eq!(slowly(&mut app, "right"), [], "one at a time");
    let now = app.now;
    let next = works(update(&mut app, Message::Worked(crate::tui::sheet::work(work[0].clone())), now));
    assert!(matches!(next[..], [Work { task: Task::Describe { column: 1, .. }, .. }]), "{next:?}");
    update(&mut app, Message::Worked(crate::tui::sheet::work(next[0].clone())), now);
    assert_eq!(slowly(&mut app, "down"), [], "nothing is looked at twice");
    press(&mut app, "left / type:UA enter i");
    let summary = table(&app).summary.as_ref().unwrap();
    assert_eq!((summary.rows, summary.top[0].0.as_str()), (48, "UA"));
    press(&mut app, "right right p");
    let plot = table(&app).plot.as_ref().unwrap().as_ref().unwrap();
    assert_eq!(plot.axis, crate::tui::sheet::Axis::Time("timestamp".to_owned()));
    press(&mut app, "left left");
    assert!(table(&app).plot.as_ref().unwrap().as_ref().unwrap_err().contains("holds no numbers"));
}

#[test]
fn the_palette_over_a_table_offers_what_the_table_does() {
    let mut app = with_table((120, 40), "dark");
    press(&mut app, ": type:describe-column");
    let drawn = crate::tui::picture::text(&frame(&mut app));
    assert!(drawn.contains("describe-column") && !drawn.contains("No table is open"), "{drawn}");
    press(&mut app, "enter");
    assert!(app.windows.on_top::<TableWindow>().is_some_and(|table| table.summary.is_some()));
    press(&mut app, "esc esc : type:describe-column");
    let drawn = crate::tui::picture::text(&frame(&mut app));
    assert!(app.windows.find::<TableWindow>().is_none() && drawn.contains("No table is open"), "{drawn}");
}

/// Types a path into the question for a file and gives what the loop would find there.
fn save_to(app: &mut App, path: &str, there: bool) -> Vec<Effect> {
    press(app, "w");
    let Some(form) = app.windows.on_top_mut::<SaveForm>() else { panic!() };
    assert_eq!(form.field.text(), "carrier_delays_hourly_run.parquet");
    form.field.set("");
    press(app, &format!("type:{path}"));
    let work = slowly(app, "enter");
    let [Work { ticket, task: Task::Find(_) }] = &work[..] else { panic!("{work:?}") };
    let now = app.now;
    update(app, Message::Worked(Done { ticket: *ticket, outcome: Outcome::Found(there) }), now)
}

#[test]
fn a_new_file_is_written_at_once() {
    let mut app = with_table((120, 40), "dark");
    app.home = Some("/home/ana".to_owned());
    let effects = save_to(&mut app, "~/out.csv", false);
    let [Command::SaveTable { request, table: saved, path, replace: false }] = commands(&effects)[..] else {
        panic!("{effects:?}")
    };
    assert_eq!((saved, path), (table(&app).table(), &PathBuf::from("/home/ana/out.csv")));
    let (request, path) = (*request, path.clone());
    tell(&mut app, Update::TableSaved { request, answer: Ok((path, 12_345)) });
    assert!(app.windows.on_top::<TableWindow>().is_some());
    assert_eq!(app.notes.toasts.back().unwrap().text, "Wrote /home/ana/out.csv (12.3 kB).");
}

#[test]
fn a_file_that_is_there_is_replaced_only_by_another_key() {
    let mut app = with_table((120, 40), "dark");
    // It is the user's own file: read-only mode is about the deployment.
    app.read_only = true;
    assert_eq!(save_to(&mut app, "out.csv", true), []);
    assert_eq!(press(&mut app, "enter"), [], "the key that asked means no");
    let Some(form) = app.windows.on_top::<SaveForm>() else { panic!() };
    assert_eq!(form.field.text(), "out.csv");
    press(&mut app, "esc");
    save_to(&mut app, "out.csv", true);
    let effects = press(&mut app, "y");
    let [Command::SaveTable { request, replace: true, .. }] = commands(&effects)[..] else { panic!("{effects:?}") };
    let request = *request;
    tell(&mut app, Update::TableSaved { request, answer: Err(problem()) });
    let Some(form) = app.windows.on_top::<SaveForm>() else { panic!() };
    assert!(form.error.as_ref().unwrap().starts_with("Cannot reach") && form.field.text() == "out.csv");
}

#[test]
fn a_path_that_is_changed_meanwhile_is_not_written() {
    let mut app = with_table((120, 40), "dark");
    press(&mut app, "w");
    let work = slowly(&mut app, "enter");
    slowly(&mut app, "x");
    let now = app.now;
    let found = Done { ticket: work[0].ticket, outcome: Outcome::Found(false) };
    assert_eq!(update(&mut app, Message::Worked(found), now), []);
}

#[test]
fn a_cell_is_copied_with_every_digit() {
    let mut app = with_table((120, 40), "dark");
    let effects = press(&mut app, "right y");
    assert_eq!(
        effects,
        [Effect::Copy { text: "2026-11-20 13:00:00".to_owned(), what: "The cell of timestamp".to_owned() }]
    );
    let effects = press(&mut app, "right j y");
    assert_eq!(
        effects,
        [Effect::Copy {
            text: "-1.375".to_owned(),
            what: "The cell of carrier_delays_hourly.dep_delay_mean_1h_1h".to_owned()
        }]
    );
}

#[test]
fn the_clock_of_a_query_moves_once_a_second() {
    let mut app = app();
    press(&mut app, "x enter");
    assert_eq!(app.layout.next_change, Some(app.now + crate::model::Span::seconds(1)));
}

#[test]
fn hostile_cells_and_names_are_cleaned() {
    let mut app = app();
    press(&mut app, "x enter");
    let hostile = polars::df!("na\u{1b}]0;x\u{7}me" => ["\u{1b}[2Jred"]).unwrap();
    answered(&mut app, Ok(answer(hostile, &[])));
    for keys in ["", "enter", "i", "p"] {
        press(&mut app, keys);
        let text = crate::tui::picture::text(&frame(&mut app));
        assert!(!text.contains('\u{1b}') && !text.contains('\u{7}'), "{text}");
    }
}
