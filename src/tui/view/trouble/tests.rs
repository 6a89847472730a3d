//! How the screen says that something is wrong: with the connection, with one read, with what is not served.

use crate::client::message::{Connection, Failing, Offer, Part, Problem, Serves, TailState, Update};
use crate::model::Span;
use crate::tui::app::App;
use crate::tui::app::testing::*;
use crate::tui::view::tests::check;

/// Where tabs stand, and where panes do.
const SIZES: [(u16, u16); 2] = [(80, 24), (120, 40)];

fn broke() -> Problem {
    Problem {
        what: "localhost:7070 answered HTTP 500.".to_owned(),
        hint: "The deployment failed; its own log says why.".to_owned(),
    }
}

fn fails(app: &mut App, part: Part) {
    let (since, next_try) = (app.now, app.now + Span::seconds(5));
    let failing = Failing { problem: broke(), since, as_of: Some(since - Span::seconds(5)), next_try };
    let generation = app.generation;
    tell(app, Update::Reading { generation, part, failing: Some(failing) });
}

fn serves(app: &mut App, parts: &[(Part, Offer)]) {
    let mut serves = Serves::default();
    for (part, offer) in parts {
        serves.note(*part, offer.clone());
    }
    let url = "http://localhost:7070/api".to_owned();
    tell(app, Update::Deployment { url, notices: Vec::new(), serves });
}

#[test]
fn frames_of_a_slow_deployment() {
    for size in SIZES {
        let mut app = live(size, "dark");
        let since = app.now;
        tell(&mut app, Update::Connection(Connection::Slow { since }));
        app.now += Span::seconds(14);
        check("slow", &mut app);
    }
}

#[test]
fn frames_of_one_read_that_fails() {
    for size in SIZES {
        let mut app = live(size, "dark");
        fails(&mut app, Part::Freshness);
        app.now += Span::seconds(2);
        press(&mut app, "1");
        check("read-fails", &mut app);
        let generation = app.generation;
        tell(&mut app, Update::Reading { generation, part: Part::Freshness, failing: None });
        assert!(!screen(&mut app).contains("HTTP 500") && screen(&mut app).contains("● live"));
    }
}

#[test]
fn frames_of_a_stream_that_broke() {
    for size in SIZES {
        let mut app = live(size, "dark");
        let generation = app.generation;
        let state = TailState::Closed { problem: broke(), next_try: Some(app.now + Span::seconds(4)) };
        tell(&mut app, Update::TailState { generation, state });
        press(&mut app, "4");
        check("stream-broke", &mut app);
        tell(&mut app, Update::TailState { generation, state: TailState::Opening });
        assert!(screen(&mut app).contains("HTTP 500"), "trying again is no success yet");
        let state = TailState::Open { columns: vec!["carrier".to_owned()] };
        tell(&mut app, Update::TailState { generation, state });
        assert!(!screen(&mut app).contains("HTTP 500"));
    }
}

#[test]
fn frames_of_what_is_not_served() {
    for size in SIZES {
        let mut app = live(size, "dark");
        app.stream = crate::tui::app::Stream::default();
        app.freshness = None;
        let missing = |part: Part| (part, Offer::Missing(part.not_served()));
        let forbidden = Problem {
            what: "The API key may not read the status table.".to_owned(),
            hint: "Ask an administrator.".to_owned(),
        };
        let own = [Part::StreamTail, Part::Queries, Part::Freshness].map(missing);
        serves(&mut app, &[own.to_vec(), vec![(Part::Reasons, Offer::Forbidden(forbidden))]].concat());
        check("not-served", &mut app);
        press(&mut app, "4");
        if size.0 < 100 {
            check("not-served-stream", &mut app);
        }
        for key in ["x", "H"] {
            assert_eq!(press(&mut app, key), []);
            assert!(toast(&app).starts_with("This deployment does not serve run and history."), "{}", toast(&app));
        }
    }
}

#[test]
fn a_live_deployment_is_silent_and_a_countdown_ticks_once_a_second_at_most() {
    let mut app = live((120, 40), "dark");
    // The stream's first records no longer count for its rate.
    app.now += Span::seconds(40);
    frame(&mut app);
    let still = app.layout.next_change.map_or(i64::MAX, |at| (at - app.now).num_seconds());
    assert!(still >= 9, "{still} s");
    let (since, next_try) = (app.now, app.now + Span::seconds(30));
    tell(&mut app, Update::Connection(Connection::Offline { problem: broke(), since, attempt: 7, next_try }));
    let (mut frames, mut last) = (0, String::new());
    for _ in 0..300 {
        app.now += Span::milliseconds(100);
        let shown = screen(&mut app);
        frames += usize::from(shown != last);
        last = shown;
    }
    assert!((10..=20).contains(&frames), "{frames} frames in 30 s");
}

#[test]
fn nothing_can_be_changed_while_away_and_the_reason_is_said() {
    for connection in [
        Connection::Offline { problem: broke(), since: noon(), attempt: 1, next_try: noon() },
        Connection::Refused { problem: broke(), since: noon(), next_try: None },
        Connection::Connecting,
    ] {
        for key in ["j c", "t", "r", "f", ": type:delete_keys enter"] {
            let mut app = live((120, 40), "dark");
            tell(&mut app, Update::Connection(connection.clone()));
            assert_eq!(commands(&press(&mut app, key)), Vec::<&crate::client::message::Command>::new());
            let note = toast(&app).to_owned();
            assert!(note.starts_with("Not connected"), "{key}: {note}");
        }
    }
}
