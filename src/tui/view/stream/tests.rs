//! Golden frames of how a stream does: the pane's sum, what holds it up, the window of its job, another place to read
//! from.

use crate::client::message::{Command, Part, Problem, TailState, Update};
use crate::model::{JobState, JobType, StreamFigures};
use crate::tui::app::App;
use crate::tui::app::testing::*;
use crate::tui::view::tests::check;

const SIZES: [(u16, u16); 2] = [(80, 24), (120, 40)];

/// A live state whose deployment tells how the stream does, the Stream pane in front.
fn told(size: (u16, u16), figures: StreamFigures) -> App {
    let mut app = live(size, "dark");
    tell_figures(&mut app, figures);
    press(&mut app, "4");
    app
}

fn held_up() -> StreamFigures {
    let sentence = "The broker b1.example:9092 does not answer: connection refused. It is tried again by itself.";
    StreamFigures {
        error: Some(("SOURCE_ERROR".to_owned(), sentence.to_owned())),
        rate_in: 0.0,
        rate_out: 0.0,
        ..figures()
    }
}

fn stopped() -> StreamFigures {
    StreamFigures { state: Some(JobState::Cancelled), rate_in: 0.0, rate_out: 0.0, ..figures() }
}

/// The stream's job has ended.
fn end_job(app: &mut App) {
    let mut jobs = jobs();
    jobs.iter_mut().filter(|job| job.job_type == JobType::Stream).for_each(|job| job.state = JobState::Cancelled);
    let generation = app.generation;
    tell(app, Update::Jobs { generation, jobs: std::sync::Arc::new(jobs) });
}

#[test]
fn frames_of_a_stream_that_is_told_of() {
    for size in SIZES {
        check("flow", &mut told(size, figures()));
        let behind =
            StreamFigures { lag_events: Some(120_400), lag: Some(crate::model::Span::minutes(4)), ..figures() };
        check("flow-lagging", &mut told(size, behind));
        check("flow-held-up", &mut told(size, held_up()));
        check("flow-stopped", &mut told(size, stopped()));
    }
}

#[test]
fn frames_of_the_job_of_a_stream() {
    for size in SIZES {
        let mut app = told(size, figures());
        press(&mut app, "2 / type:type=stream enter enter");
        check("flow-job", &mut app);
        press(&mut app, "end");
        check("flow-job-end", &mut app);
    }
}

#[test]
fn what_can_be_done_to_a_stream_is_what_its_keys_do() {
    let states = [
        (JobState::Running, "c stops it"),
        (JobState::CancellationRequested, "nothing, until it has stopped"),
        (JobState::Draining, "nothing, until it has stopped"),
        (JobState::Cancelled, "f starts it from where it stopped, F from another place"),
    ];
    for (state, told_of) in states {
        let mut app = told((120, 40), StreamFigures { state: Some(state.clone()), ..figures() });
        press(&mut app, "2 / type:type=stream enter enter");
        let drawn = screen(&mut app);
        let line = drawn.lines().find(|line| line.contains("to do ")).unwrap();
        assert!(line.contains(told_of), "{state}: {line}");
    }
}

#[test]
fn a_stream_that_recovers_says_so_no_more() {
    let mut app = told((80, 24), held_up());
    assert!(screen(&mut app).contains("✗ held up") && screen(&mut app).contains("SOURCE_ERROR: The broker"));
    tell_figures(&mut app, figures());
    let drawn = screen(&mut app);
    assert!(drawn.contains("● running") && !drawn.contains("SOURCE_ERROR"), "{drawn}");
    // What the tail says of it comes first, and is not said twice.
    let generation = app.generation;
    let problem = Problem { what: "The link broke.".to_owned(), hint: String::new() };
    tell(&mut app, Update::TailState { generation, state: TailState::Closed { problem, next_try: None } });
    tell_figures(&mut app, held_up());
    let drawn = screen(&mut app);
    assert!(drawn.contains("The link broke.") && !drawn.contains("SOURCE_ERROR"), "{drawn}");
}

#[test]
fn a_view_that_is_opened_has_no_figures_of_another() {
    let mut app = told((80, 24), figures());
    let generation = app.generation;
    press(&mut app, "v type:route enter 4");
    assert!(app.stream.figures.is_none());
    tell(&mut app, Update::Stream { generation, figures: Some(Box::new(figures())) });
    assert!(app.stream.figures.is_none(), "an answer to an old question");
}

#[test]
fn a_stopped_stream_is_read_from_another_place_after_the_deployment_said_what_that_does() {
    for size in SIZES {
        let mut app = told(size, stopped());
        press(&mut app, "2 / type:type=stream enter F");
        assert!(screen(&mut app).contains("stop it first"), "a stream that runs is not read anew");
        end_job(&mut app);
        press(&mut app, "F");
        check("flow-restart", &mut app);
        assert_eq!(press(&mut app, "enter"), [], "nothing was typed");
        let effects = press(&mut app, "type:beginning enter");
        let [Command::StreamEffect { request, from, .. }] = commands(&effects)[..] else { panic!("{effects:?}") };
        assert_eq!(from, "beginning");
        let refused = Problem { what: "`beginning` is no place.".to_owned(), hint: String::new() };
        let request = *request;
        tell(&mut app, Update::StreamEffect { request, answer: Err(refused) });
        assert!(screen(&mut app).contains("is no place"));
        let effects = press(&mut app, "enter");
        let [Command::StreamEffect { request, .. }] = commands(&effects)[..] else { panic!("{effects:?}") };
        let request = *request;
        let effect =
            "All tiles of `carrier_delays_hourly` which the stream wrote are removed, and made anew.".to_owned();
        tell(&mut app, Update::StreamEffect { request, answer: Ok(effect) });
        check("flow-restart-question", &mut app);
        let effects = press(&mut app, "y");
        let [Command::RestartStream { from, feature_view, .. }] = commands(&effects)[..] else { panic!("{effects:?}") };
        assert_eq!((from.as_str(), feature_view.as_str()), ("beginning", "carrier_delays_hourly"));
        assert!(app.windows.is_empty(), "form and question are closed");
    }
}

#[test]
fn what_a_deployment_does_not_tell_is_not_asked_of_it() {
    let mut app = live((80, 24), "dark");
    end_job(&mut app);
    let missing = crate::client::message::Offer::Missing(Part::Streams.not_served());
    let mut serves = crate::client::message::Serves::default();
    assert!(serves.note(Part::Streams, missing));
    let url = "http://localhost:7070/api".to_owned();
    tell(&mut app, Update::Deployment { url, notices: Vec::new(), serves });
    assert_eq!(press(&mut app, "2 / type:type=stream enter F"), []);
    assert!(screen(&mut app).contains("does not serve"), "{}", screen(&mut app));
}

#[test]
fn texts_of_a_stream_from_outside_move_nothing_on_the_screen() {
    let hostile = "\u{1b}[2J\u{7}x\u{202e}\u{200b}";
    let mut figures = figures();
    (figures.source, figures.kind) = (hostile.repeat(20), hostile.to_owned());
    figures.error = Some((hostile.to_owned(), hostile.repeat(40)));
    figures.partitions[0].offset = hostile.repeat(40);
    figures.total = crate::model::StreamCounts::of_list([u64::MAX; 7]);
    figures.waiting = u64::MAX;
    (figures.rate_in, figures.rate_out) = (f64::NAN, f64::INFINITY);
    for size in SIZES {
        let mut app = told(size, figures.clone());
        screen(&mut app);
        press(&mut app, "2 / type:type=stream enter enter end");
        screen(&mut app);
    }
}
