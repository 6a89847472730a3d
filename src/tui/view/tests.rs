//! Golden frames: what each screen looks like, as text, at the sizes that matter.
//!
//! `FVTOP_BLESS=1 cargo test frames` writes them anew; they are reviewed as text.

use std::path::Path;
use std::sync::Arc;

use crate::client::message::{Command, Connection, Problem, Quarantined, Update};
use crate::model::{QueryProgress, Span};
use crate::tui::app::testing::*;
use crate::tui::app::{App, Profile};
use crate::tui::effect::{Effect, Message};
use crate::tui::picture;

pub(super) const SIZES: [(u16, u16); 4] = [(40, 12), (80, 24), (120, 40), (200, 60)];

pub(super) fn check(name: &str, app: &mut App) {
    let (columns, rows) = app.size;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/frames/{name}-{columns}x{rows}.txt"));
    let drawn = picture::text(&frame(app));
    if std::env::var_os("FVTOP_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &drawn).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == drawn, "{} differs; bless with FVTOP_BLESS=1. Drawn:\n{drawn}", path.display());
}

#[test]
fn frames_of_the_first_paint() {
    for size in SIZES {
        check("first-paint", &mut blank(size, "dark"));
    }
}

#[test]
fn frames_of_the_live_screen() {
    for size in SIZES {
        check("live", &mut live(size, "dark"));
    }
}

#[test]
fn frames_of_each_tab() {
    for (key, name) in [("1", "summary"), ("3", "lookup"), ("4", "stream")] {
        let mut app = live((80, 24), "dark");
        press(&mut app, key);
        check(&format!("tab-{name}"), &mut app);
    }
}

#[test]
fn frames_of_what_a_deployment_says_beyond_the_definition() {
    let mut app = live((80, 24), "dark");
    let row = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let rows = vec![
        row("Name", "carrier_delays_hourly"),
        row("Last Modified By", "somebody@else.example"),
        row("Features", "dep_delay_mean_1h_1h"),
        row("Longest backfill job", "6h"),
        row("Online store", ""),
        row(
            "Transformation",
            "SELECT carrier, timestamp, dep_delay, arr_delay, flight, dest FROM flights WHERE dest IS NOT NULL",
        ),
    ];
    let generation = app.generation;
    tell(&mut app, Update::Summary { generation, rows });
    press(&mut app, "1 end");
    check("summary-end", &mut app);
    // Rows of another view never land here.
    tell(&mut app, Update::Summary { generation: generation - 1, rows: Vec::new() });
    check("summary-end", &mut app);
}

#[test]
fn frames_of_a_failed_job() {
    for size in SIZES {
        let mut app = live(size, "dark");
        press(&mut app, "/ type:state=failure enter enter");
        check("detail", &mut app);
    }
}

#[test]
fn frames_of_questions_and_forms() {
    for size in SIZES {
        let mut app = live(size, "dark");
        press(&mut app, "j c");
        check("cancel", &mut app);
        press(&mut app, "n t");
        check("trigger", &mut app);
        press(&mut app, "tab tab type:_ tab type:_ enter");
        check("trigger-error", &mut app);
        press(&mut app, "type:_ enter");
        check("trigger-question", &mut app);
    }
}

#[test]
fn frames_of_a_quarantine() {
    for size in SIZES {
        let mut app = quarantine(size, "dark");
        check("quarantine", &mut app);
        let effects = press(&mut app, "j enter");
        let [Effect::Client(Command::QuarantineRecord { request, .. })] = effects[..] else { panic!("{effects:?}") };
        let text = "{\"carrier\":\"UA\",\"dep_delay\":\"late\",\"at\":\"2026-11-22T11:31:38Z\"}\n␛[2J\\xff".to_owned();
        let shown = Quarantined { row: quarantined_rows().remove(1), text, kept: 118 };
        tell(&mut app, Update::QuarantineRecord { request, answer: Ok(Arc::new(shown)) });
        check("quarantine-record", &mut app);
        press(&mut app, "esc d");
        check("quarantine-drop", &mut app);
    }
}

#[test]
fn frames_of_lists() {
    for size in SIZES {
        let mut app = live(size, "dark");
        press(&mut app, ":");
        check("palette", &mut app);
        press(&mut app, "type:can");
        check("palette-typed", &mut app);
        press(&mut app, "esc v");
        check("views", &mut app);
        press(&mut app, "esc ?");
        check("help", &mut app);
        press(&mut app, "esc L");
        check("log", &mut app);
        tell(&mut app, audit_log());
        check("log-audit", &mut app);
    }
}

#[test]
fn frames_of_a_deployment_that_went_away() {
    for size in SIZES {
        let mut app = live(size, "dark");
        let (since, next_try) = (app.now, app.now + Span::seconds(4));
        let away = Connection::Offline { problem: problem(), since, attempt: 2, next_try };
        tell(&mut app, Update::Connection(away));
        check("reconnecting", &mut app);
        app.now += Span::minutes(3);
        check("offline", &mut app);
        tell(&mut app, Update::Connection(refused()));
        check("refused", &mut app);
    }
}

#[test]
fn the_profile_stands_in_the_header_at_every_size() {
    for (size, theme) in SIZES.into_iter().zip(["dark", "light", "plain", "dark"]) {
        let mut app = live(size, theme);
        app.profile = Some(Profile { name: "prod-eu".to_owned(), colour: Some("red".to_owned()) });
        app.read_only = true;
        let header = picture::text(&frame(&mut app)).lines().next().unwrap_or_default().to_owned();
        assert!(header.contains(" prod-eu "), "{size:?}: {header}");
    }
}

#[test]
fn frames_of_a_paused_and_filtered_stream() {
    for size in SIZES {
        let mut app = live(size, "dark");
        press(&mut app, "4 / type:carrier=UA enter p");
        check("stream-filter", &mut app);
    }
}

#[test]
fn frames_of_panes_with_nothing_in_them() {
    for size in SIZES {
        let mut app = live(size, "dark");
        press(&mut app, "v type:route enter");
        check("nothing-yet", &mut app);
        let generation = app.generation;
        tell(&mut app, Update::Jobs { generation, jobs: Arc::default() });
        check("no-jobs", &mut app);
    }
}

#[test]
fn frames_of_the_forms_of_queries() {
    for size in SIZES {
        let mut app = live(size, "dark");
        press(&mut app, "x");
        check("run", &mut app);
        press(&mut app, "tab type:_ backspace backspace backspace type:x enter");
        check("run-error", &mut app);
        press(&mut app, "esc H");
        check("history", &mut app);
        press(&mut app, "space tab type:spine.parquet");
        check("history-spine", &mut app);
        press(&mut app, "tab tab tab type:november enter");
        check("history-keep", &mut app);
    }
}

#[test]
fn frames_of_a_query_under_way_and_of_one_that_failed() {
    for size in SIZES {
        let mut app = live(size, "dark");
        press(&mut app, "x enter");
        let (request, step) = (query_request(&app), "computing".to_owned());
        let progress = QueryProgress { step, share: Some(0.4), rows_read: Some(1_234_567) };
        tell(&mut app, Update::QueryProgress { request, progress });
        app.now += Span::seconds(7);
        check("query", &mut app);
        let what = "Query of view carrier_delays_hourly failed: conversion from `str` to `f64` failed in column \
                    'dep_delay' for 1 out of 4680 values: [\"n/a\"]."
            .to_owned();
        let hint = "Fix the value in data/flights-2013-11.parquet or cast with try_cast.".to_owned();
        answered(&mut app, Err(Problem { what, hint }));
        check("query-failed", &mut app);
    }
}

#[test]
fn frames_of_a_table() {
    for size in SIZES {
        let mut app = with_table(size, "dark");
        check("table", &mut app);
        press(&mut app, "right right s S j");
        check("table-sorted", &mut app);
        press(&mut app, "/ type:carrier=UA_!null_timestamp>2026-11-21");
        check("table-filter", &mut app);
        press(&mut app, "type:_colour=red");
        check("table-filter-error", &mut app);
        press(&mut app, &"backspace ".repeat(11));
        press(&mut app, "enter i");
        check("table-column", &mut app);
        press(&mut app, "p");
        check("table-plot", &mut app);
        press(&mut app, "esc enter");
        check("table-row", &mut app);
        press(&mut app, "esc w");
        check("table-save", &mut app);
        let work = crate::tui::sheet::Outcome::Found(true);
        press(&mut app, "backspace");
        let now = app.now;
        let effects = crate::tui::app::update(&mut app, Message::Key("enter".parse().unwrap()), now);
        let [Effect::Work(asked)] = &effects[..] else { panic!("{effects:?}") };
        let done = crate::tui::sheet::Done { ticket: asked.ticket, outcome: work };
        crate::tui::app::update(&mut app, Message::Worked(done), now);
        check("table-replace", &mut app);
    }
}

#[test]
fn frames_of_tables_with_warnings_and_without_rows() {
    for size in SIZES {
        let mut app = live(size, "dark");
        press(&mut app, "x enter");
        let warnings = [
            "The range of 1h is shorter than the longest window of 1d: features may lack events before its start.",
            "The range is not a multiple of the aggregation interval of 1h: the last tile is incomplete and is left \
             out of the result.",
        ];
        answered(&mut app, Ok(answer(frame_of(24), &warnings)));
        check("table-warnings", &mut app);
        press(&mut app, "e enter");
        answered(&mut app, Ok(answer(frame_of(0), &[])));
        check("table-empty", &mut app);
    }
}

#[test]
fn moving_through_a_table_writes_little() {
    let mut app = with_table((120, 40), "dark");
    let mut screen = crate::tui::screen::Screen::default();
    screen.change(frame(&mut app));
    assert_eq!(screen.change(frame(&mut app)).len(), 0);
    press(&mut app, "j");
    let bytes = screen.change(frame(&mut app)).len();
    assert!(bytes <= 360, "{bytes} bytes for one row");
}

#[test]
fn a_plot_without_colours_needs_no_braille() {
    let mut app = with_table((80, 24), "plain");
    press(&mut app, "right right p");
    check("plain-plot", &mut app);
    let text = picture::text(&frame(&mut app));
    assert!(!text.contains(|c| ('\u{2800}'..='\u{28ff}').contains(&c)), "{text}");
}

#[test]
fn the_plain_theme_draws_the_same_text_without_colour() {
    for size in SIZES {
        let (mut plain, mut dark) = (live(size, "plain"), live(size, "dark"));
        let (plain, dark) = (frame(&mut plain), frame(&mut dark));
        assert_eq!(picture::text(&plain), picture::text(&dark));
        for cell in &plain.content {
            assert_eq!((cell.fg, cell.bg), (ratatui::style::Color::Reset, ratatui::style::Color::Reset));
        }
        let bytes = crate::tui::screen::Screen::default().change(plain);
        let bytes = String::from_utf8(bytes).unwrap();
        for sequence in bytes.split("\x1b[").filter_map(|rest| rest.split_once('m')) {
            let codes = sequence.0.split(';').filter_map(|code| code.parse::<u32>().ok());
            assert!(
                codes.clone().all(|code| code < 30) || !sequence.0.bytes().all(|b| b.is_ascii_digit() || b == b';')
            );
        }
    }
}

#[test]
fn any_size_is_drawn() {
    for columns in [1, 2, 3, 7, 20, 39, 40, 41, 60, 99, 100, 101, 150] {
        for rows in [1, 2, 3, 5, 9, 10, 11, 12, 14, 29, 30, 31] {
            let mut app = live((columns, rows), "dark");
            for keys in [
                "",
                "?",
                "esc L",
                "esc : type:view_",
                "esc t",
                "esc j c",
                "n enter",
                "esc 3 enter",
                "esc x",
                "esc H space",
            ] {
                press(&mut app, keys);
            }
            press(&mut app, "esc x enter");
            answered(&mut app, Ok(answer(frame_of(9), &["A warning."])));
            for keys in ["l l s", "/ type:u enter", "i", "p", "enter", "w", "esc end"] {
                press(&mut app, keys);
            }
        }
    }
}

#[test]
fn moving_the_cursor_writes_little() {
    let mut app = live((120, 40), "dark");
    let mut screen = crate::tui::screen::Screen::default();
    screen.change(frame(&mut app));
    assert_eq!(screen.change(frame(&mut app)).len(), 0);
    let mut most = 0;
    for _ in 0..14 {
        press(&mut app, "j");
        most = most.max(screen.change(frame(&mut app)).len());
    }
    assert!(most <= 300, "{most} bytes for one row");
}
