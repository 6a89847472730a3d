//! What a user does, typed through the real keys, and what comes of it.

use std::sync::Arc;

use proptest::prelude::*;

use super::testing::*;
use super::windows::table::TableWindow;
use super::windows::trigger::TriggerForm;
use super::*;
use crate::client::message::{Lost, Problem, TailBatch, Update};
use crate::model::{Job, JobState, Span, Value};
use crate::tui::action::{Danger, TABLE};
use crate::tui::chord::Chord;
use crate::tui::theme;
use crate::wire::queries::Query;

fn app() -> App {
    live((120, 40), "dark")
}

#[test]
fn the_first_message_opens_the_workspace_and_then_a_view() {
    let start =
        Start { workspace: Some("prod".to_owned()), view: Some("route_traffic".to_owned()), ..Start::default() };
    let (mut app, effects) = App::new(start, noon());
    let open = Command::OpenWorkspace { generation: 1, workspace: Some("prod".to_owned()) };
    assert_eq!(commands(&effects), [&open]);
    let views = Arc::new(vec![carrier_view(), route_view()]);
    let effects = tell(&mut app, Update::FeatureViews { generation: 1, workspace: "prod".to_owned(), views });
    let (workspace, feature_view) = ("prod".to_owned(), "route_traffic".to_owned());
    assert_eq!(commands(&effects), [&Command::OpenView { generation: 2, workspace, feature_view }]);
}

#[test]
fn a_view_that_is_not_there_is_reported_and_another_one_opened() {
    let (mut app, _) = App::new(Start { view: Some("no_such".to_owned()), ..Start::default() }, noon());
    let views = Arc::new(vec![carrier_view()]);
    tell(&mut app, Update::FeatureViews { generation: 1, workspace: "prod".to_owned(), views });
    assert!(toast(&app).contains("no feature view `no_such` in workspace `prod`"), "{}", toast(&app));
    assert_eq!(app.view.as_deref(), Some("carrier_delays_hourly"));
}

#[test]
fn answers_to_an_old_question_are_dropped() {
    let mut app = app();
    let generation = app.generation - 1;
    tell(&mut app, Update::Jobs { generation, jobs: Arc::default() });
    assert_eq!(app.jobs.all.len(), jobs().len());
    tell(&mut app, Update::Lookup { request: 99, answer: Err(problem()), took: Default::default() });
    assert!(app.lookup.answer.as_ref().unwrap().result.is_ok());
}

#[test]
fn cancelling_asks_and_enter_means_no() {
    let mut app = app();
    for no in ["enter", "n", "esc", "c enter", "q"] {
        let effects = press(&mut app, &format!("2 home j c {no}"));
        assert_eq!(effects, [], "{no}");
        assert!(app.windows.is_empty(), "{no}");
    }
}

#[test]
fn cancelling_sends_the_job_that_was_asked_about() {
    let mut app = app();
    press(&mut app, "j c");
    let running = app.jobs.selected.unwrap();
    // While the question stands open, the list moves under it.
    jobs_again(&mut app, |jobs| jobs.rotate_left(5));
    let effects = press(&mut app, "y");
    let [Command::Cancel { job, request, .. }] = commands(&effects)[..] else { panic!("{effects:?}") };
    assert_eq!(*job, running);
    let request = *request;
    assert!(press(&mut app, "c").is_empty() && toast(&app).contains("already"), "{}", toast(&app));
    tell(&mut app, Update::Cancelled { request, answer: Err(problem()) });
    assert!(toast(&app).starts_with("The job was not cancelled."), "{}", toast(&app));
    assert!(app.pending.is_empty());
}

#[test]
fn a_job_that_ended_meanwhile_is_not_cancelled() {
    let mut app = app();
    press(&mut app, "j c");
    jobs_again(&mut app, |jobs| jobs[1].state = JobState::Success);
    assert_eq!(commands(&press(&mut app, "y")), Vec::<&Command>::new());
    assert!(toast(&app).contains("has ended"), "{}", toast(&app));
}

#[test]
fn an_ended_job_cannot_be_cancelled() {
    let mut app = app();
    press(&mut app, "/ type:state=failure enter c");
    assert!(app.windows.is_empty());
    assert!(toast(&app).contains("nothing to cancel"), "{}", toast(&app));
}

#[test]
fn a_failed_window_is_run_again() {
    let mut app = app();
    let effects = press(&mut app, "/ type:state=failure enter r enter y");
    let [Command::Coverage { .. }, Command::Trigger { trigger, .. }] = commands(&effects)[..] else {
        panic!("{effects:?}")
    };
    assert_eq!((trigger.window.start, trigger.window.end), (at("22 07:00"), at("22 08:00")));
    assert!(trigger.online && trigger.offline && trigger.use_tecton_managed_retries && !trigger.overwrite);
    let Some(form) = app.windows.on_top::<TriggerForm>() else { panic!("the form waits for the answer") };
    assert!(form.sending.is_some() && app.windows.iter().count() == 1);
}

#[test]
fn a_job_that_was_started_is_selected_unless_the_filter_hides_it() {
    for (filter, follows) in [("", true), ("type:state=failure ", false)] {
        let mut app = app();
        if !filter.is_empty() {
            press(&mut app, &format!("/ {filter}enter"));
        }
        let before = app.jobs.selected;
        let effects = press(&mut app, "end r enter y");
        let [_, Command::Trigger { request, .. }] = commands(&effects)[..] else { panic!("{effects:?}") };
        let request = *request;
        let started = job(0xfff, JobState::Running, at("22 08:00"), Vec::new());
        let id = started.id;
        tell(&mut app, Update::Triggered { request, answer: Ok(started) });
        assert_eq!(app.jobs.selected, if follows { Some(id) } else { before });
    }
}

#[test]
fn the_form_begins_with_the_newest_period_that_no_job_is_to_write_and_checks_what_is_typed() {
    let mut app = app();
    press(&mut app, "t");
    let Some(form) = app.windows.on_top::<TriggerForm>() else { panic!() };
    assert_eq!((form.start.text(), form.end.text()), ("2026-11-22 08:00:00", "2026-11-22 09:00:00"));
    press(&mut app, "ctrl-u");
    for (end, error) in [
        ("yesterday", "`yesterday` is not a time"),
        ("2026-11-22_10:30", "must lie before"),
        ("2026-11-22_12:30", "2026-11-22 12:00:00 or 2026-11-22 13:00:00"),
        ("2026-11-22_13:00", "newest complete period, which ended at 2026-11-22 12:00:00"),
        ("2026-11-22_12:00", "Blocked by job 00000090 (running)"),
    ] {
        let Some(form) = app.windows.on_top_mut::<TriggerForm>() else { panic!() };
        form.start.set("2026-11-22 11:00:00");
        form.end.set("");
        form.focus = 1;
        assert_eq!(press(&mut app, &format!("type:{end} enter")), []);
        let Some(form) = app.windows.on_top::<TriggerForm>() else { panic!() };
        assert!(form.error.as_deref().unwrap().contains(error), "{:?}", form.error);
    }
}

#[test]
fn waiting_rings_when_the_job_ends() {
    let mut app = app();
    press(&mut app, "j W");
    assert!(jobs_again(&mut app, |_| {}).is_empty());
    let effects = jobs_again(&mut app, |jobs| jobs[1].state = JobState::Success);
    assert!(matches!(&effects[..], [Effect::Notify(text)] if text.contains("has ended: success")), "{effects:?}");
    assert!(app.jobs.waits.is_empty());
}

#[test]
fn the_selection_stays_with_its_job() {
    let mut app = app();
    press(&mut app, "j j");
    let (job, row) = (app.jobs.selected, app.jobs.row);
    jobs_again(&mut app, |jobs| {
        let newest = job_of(jobs, 0x92);
        jobs.insert(0, newest);
    });
    assert_eq!((app.jobs.selected, app.jobs.row), (job, row + 1));
    jobs_again(&mut app, |jobs| jobs.retain(|other| Some(other.id) != job));
    assert_ne!(app.jobs.selected, job);
    assert!(toast(&app).contains("no longer there"), "{}", toast(&app));
}

fn job_of(jobs: &[Job], number: u128) -> Job {
    Job { id: Id(number), created_at: Some(at("22 12:00:20")), ..jobs[1].clone() }
}

#[test]
fn a_lookup_is_typed_and_its_answer_stays_while_the_next_is_typed() {
    let mut app = app();
    let effects = press(&mut app, "3 enter backspace backspace type:AA enter");
    let [Command::Lookup { keys, request, .. }] = commands(&effects)[..] else { panic!("{effects:?}") };
    assert_eq!(keys, &[("carrier".to_owned(), "AA".to_owned())]);
    assert!(app.lookup.answer.is_some() && !app.lookup.example);
    let request = *request;
    let refused = Problem { what: "No such key.".to_owned(), hint: String::new() };
    tell(&mut app, Update::Lookup { request, answer: Err(refused), took: Default::default() });
    assert_eq!(press(&mut app, "type:q esc"), []);
    assert_eq!(press(&mut app, "q").last(), Some(&Effect::Quit));
}

#[test]
fn the_stream_gives_one_example_and_never_overwrites_a_typed_key() {
    let mut app = app();
    press(&mut app, "3 enter type:X esc");
    let generation = app.generation;
    let batch = TailBatch { records: vec![record(12, "UA")], ..TailBatch::default() };
    assert_eq!(tell(&mut app, Update::Tail { generation, batch }), []);
    assert_eq!(app.lookup.keys()[0].1, "B6X");
}

#[test]
fn events_that_are_in_no_record_are_counted_in_the_stream_pane() {
    let mut app = app();
    let generation = app.generation;
    let lost = Lost { late: 1_200, failed: 3, expired: 0, why: "the query fails: no".to_owned() };
    let batch = TailBatch { lost: Some(lost), ..TailBatch::default() };
    tell(&mut app, Update::Tail { generation, batch });
    let drawn = screen(&mut app);
    assert!(drawn.contains("203 in no record"), "{drawn}");
    // A batch that says nothing of them leaves them as they were.
    tell(&mut app, Update::Tail { generation, batch: TailBatch { events: Some(20_000), ..TailBatch::default() } });
    assert_eq!((app.stream.lost.late, app.stream.lost.failed), (1_200, 3));
    press(&mut app, "4 z");
    let drawn = screen(&mut app);
    assert!(drawn.contains("200 too late for their tile, 3 the query failed on: the query fails: no"), "{drawn}");
}

#[test]
fn an_example_that_the_store_does_not_have_yet_is_asked_for_again_while_the_stream_goes_on() {
    let mut app = app();
    let generation = app.generation;
    let beat = |app: &mut App| {
        app.now += Span::seconds(70);
        tell(app, Update::Tail { generation, batch: TailBatch { events: Some(20_000), ..TailBatch::default() } })
    };
    assert_eq!(beat(&mut app), [], "what was found is not asked for again");
    let mut nothing = vector();
    nothing.features.iter_mut().for_each(|feature| (feature.value, feature.status) = (Value::Null, None));
    app.lookup.answer.as_mut().unwrap().result = Ok(nothing.clone());
    let mut asked = 0;
    for _ in 0..20 {
        let effects = beat(&mut app);
        let Some(Command::Lookup { request, .. }) = commands(&effects).first().copied() else { continue };
        asked += 1;
        assert_eq!(beat(&mut app), [], "one at a time");
        let request = *request;
        tell(&mut app, Update::Lookup { request, answer: Ok(nothing.clone()), took: Default::default() });
    }
    assert!((2..=10).contains(&asked), "{asked}");
    assert!(screen(&mut app).contains("key from the stream, not written yet"));
    // What a user typed is looked up when the user says so.
    app.lookup.again = 0;
    press(&mut app, "3 enter type:X enter");
    let request = app.lookup.pending.unwrap().0;
    tell(&mut app, Update::Lookup { request, answer: Ok(nothing), took: Default::default() });
    assert_eq!(beat(&mut app), []);
}

#[test]
fn a_wildcard_key_that_is_left_empty_stands_for_all_its_values() {
    let mut app = app();
    app.view = Some(route_view().name);
    app.lookup = Lookup::new(&route_view());
    assert!(app.lookup.fill(r#"{"origin":"EWR","dest":"IAH"}"#));
    assert_eq!(app.lookup.keys().into_iter().map(|(_, text)| text).collect::<Vec<_>>(), ["EWR", "IAH"]);
    press(&mut app, "3 enter tab backspace backspace backspace");
    let Some(Effect::Client(Command::LookupAll { request, keys, .. })) = press(&mut app, "enter").pop() else {
        panic!()
    };
    assert_eq!(keys, [("origin".to_owned(), "EWR".to_owned())]);
    let frame = polars::df!("origin" => ["EWR", "EWR"], "dest" => ["IAH", "ORD"], "n" => [3_i64, 4]).unwrap();
    let table = crate::client::message::Table(Arc::new(frame));
    tell(&mut app, Update::LookedUpAll { request, answer: Ok(table) });
    let Some(sheet) = app.windows.on_top::<TableWindow>() else { panic!("no table") };
    assert_eq!(sheet.table().0.height(), 2);
    press(&mut app, "esc");
    assert!(app.windows.is_empty(), "one key closes it");
}

#[test]
fn sorting_and_filtering_keep_the_selected_job() {
    let mut app = app();
    press(&mut app, "j");
    let job = app.jobs.selected;
    press(&mut app, "s s S");
    assert_eq!(app.jobs.selected, job);
    press(&mut app, "/ type:running");
    assert_eq!((app.jobs.selected, app.jobs.order.len()), (job, 2));
    press(&mut app, "esc");
    assert_eq!(app.jobs.order.len(), jobs().len());
}

#[test]
fn a_wrong_filter_says_so_and_hides_nothing() {
    let mut app = app();
    press(&mut app, "/ type:colour=red");
    assert!(app.jobs.filter_error.as_deref().unwrap().starts_with("No column `colour`"));
    assert_eq!(app.jobs.order.len(), jobs().len());
}

#[test]
fn the_palette_knows_every_action_by_name_and_takes_arguments() {
    let mut app = app();
    press(&mut app, ": type:theme_plain enter");
    assert_eq!(app.theme, theme::find("plain").unwrap());
    press(&mut app, ": type:sort_-state enter");
    assert_eq!((app.jobs.sort, app.jobs.descending), (Column::State, true));
    press(&mut app, ": type:filter_~qury enter");
    assert_eq!(app.jobs.order.len(), 1);
    let effects = press(&mut app, ": type:view_route enter");
    assert!(matches!(commands(&effects)[..], [Command::OpenView { .. }]), "{effects:?}");
    let effects = press(&mut app, ": type:ws_dev enter");
    assert!(matches!(commands(&effects)[..], [Command::OpenWorkspace { .. }]), "{effects:?}");
    assert_eq!(press(&mut app, ": type:quit enter").last(), Some(&Effect::Quit));
}

#[test]
fn nothing_is_sent_in_read_only_mode_and_it_says_why() {
    let mut app = app();
    app.read_only = true;
    for keys in ["j c y", "t y", "r enter y", ": type:cancel-job enter y", "m c y", "f y", "D enter"] {
        let effects = press(&mut app, keys);
        let mut sent = commands(&effects);
        // Where a job opens instead, it is read.
        sent.retain(|command| !matches!(command, Command::Detail { .. } | Command::Coverage { .. }));
        assert_eq!(sent, Vec::<&Command>::new(), "{keys}");
        assert!(app.notes.journal.iter().any(|note| note.text.starts_with("Read-only")), "{keys}");
    }
}

#[test]
fn a_question_does_not_outlive_the_connection() {
    let mut app = app();
    press(&mut app, "j c");
    tell(&mut app, Update::Connection(refused()));
    assert_eq!(commands(&press(&mut app, "y")), Vec::<&Command>::new());
    assert!(toast(&app).starts_with("Not connected"), "{}", toast(&app));
}

#[test]
fn nothing_changes_nothing_is_dirty() {
    let mut app = app();
    assert_eq!(app.dirty, Dirty::Clean);
    press(&mut app, "");
    let now = app.now;
    update(&mut app, Message::Focus(false), now);
    assert_eq!(app.dirty, Dirty::Clean);
}

/// Whatever the clock shows, the picture holds until the instant it names.
#[test]
fn the_picture_holds_until_it_says() {
    let mut app = app();
    for _ in 0..40 {
        let before = frame(&mut app);
        let next = app.layout.next_change.unwrap();
        assert!(next > app.now);
        let almost = app.now + (next - app.now) * 9 / 10;
        update(&mut app, Message::Tick, almost);
        let text = crate::tui::picture::text;
        assert_eq!(text(&frame(&mut app)), text(&before), "changed before {next}");
        update(&mut app, Message::Tick, next);
    }
}

fn chord() -> impl Strategy<Value = Chord> {
    let keys: Vec<&str> = TABLE.iter().flat_map(|info| info.keys.iter().copied()).collect();
    prop_oneof![
        4 => proptest::sample::select(keys).prop_map(|key| key.parse().unwrap()),
        1 => proptest::char::range(' ', '~').prop_map(|c| Chord::plain(crate::tui::chord::Key::Char(c))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn any_keys_at_any_size_keep_the_laws(
        keys in proptest::collection::vec(chord(), 0..60), columns in 1u16..180, rows in 1u16..60, read_only: bool
    ) {
        let mut app = live((columns, rows), "dark");
        app.read_only = read_only;
        for chord in keys {
            frame(&mut app);
            let now = app.now;
            let effects = update(&mut app, Message::Key(chord), now);
            let mutates = commands(&effects).into_iter().any(|command| match command {
                Command::Cancel { .. }
                | Command::Trigger { .. }
                | Command::ForceRetry { .. }
                | Command::StartStream { .. }
                | Command::RestartStream { .. } => true,
                Command::DeleteKeys { .. } => true,
                Command::Query { query: Query::History(history), .. } => history.save,
                _ => false,
            });
            prop_assert!(!(mutates && read_only));
            prop_assert!(!mutates || chord == "y".parse().unwrap());
            if let Some(id) = app.jobs.selected {
                prop_assert_eq!(app.jobs.at(app.jobs.row).map(|job| job.id), Some(id));
            }
        }
        frame(&mut app);
    }
}

#[test]
fn only_yes_mutates() {
    let mutating = TABLE.iter().filter(|info| info.danger == Danger::Mutates);
    assert_eq!(
        mutating.count(),
        11,
        "cancel, retry, restart, trigger, rerun, deletion and what is done to records of the quarantine open a question; \
         yes answers it"
    );
}
