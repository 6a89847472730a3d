//! The engine over the example's real data, in small windows.

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::model::time::parse_time;
use crate::model::{Span, Value};
use crate::platform::registry;
use crate::platform::registry::definition::Replay;
use crate::platform::stream::replay::StreamReader;

pub fn view(name: &str) -> Arc<View> {
    let repository = registry::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/flights"));
    let found = repository.views.iter().find(|view| view.name == name && view.workspace == "prod");
    Arc::clone(found.unwrap())
}

fn lap(view: &View) -> lap::Lap {
    let replay: &Replay = view.inputs[0].source.replay.as_ref().unwrap();
    let start = parse_time("2026-11-22").unwrap();
    lap::Lap::around(replay, Window { start, end: start + Span::seconds(1) })[1]
}

/// The aligned period of `batch_schedule` that plays the recorded instant.
fn period(view: &View, recorded: &str) -> Window {
    let start = floor(lap(view).play(parse_time(recorded).unwrap()), view.batch_schedule);
    Window { start, end: start + view.batch_schedule }
}

fn run(view: &View, window: Window) -> Result<DataFrame, EngineError> {
    materialize(view, window, window.end + Span::hours(1), (&Cancel::default(), MEMORY), &|_| {})
}

#[test]
fn a_damaged_month_fails_its_windows_and_names_the_file() {
    let view = view("airport_weather");
    let error = run(&view, period(&view, "2013-09-15")).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Source);
    assert!(error.message.contains("weather_archive/2013-09.parquet cannot be read"), "{}", error.message);
    assert!(run(&view, period(&view, "2013-07-15")).unwrap().height() > 0);
}

#[test]
fn one_absurd_wind_breaks_exactly_its_window() {
    let view = view("wind_force");
    let window = period(&view, "2013-02-12T08:00:00Z");
    let error = run(&view, window).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Query);
    for part in ["view wind_force", "window 20", "wind_speed", "1048.36", "i8"] {
        assert!(error.message.contains(part), "{part}: {}", error.message);
    }
    let next = Window { start: window.end, end: window.end + view.batch_schedule };
    assert!(run(&view, next).unwrap().height() > 0);
    // The archive's damaged month is none of its business.
    assert!(run(&view, period(&view, "2013-09-15")).unwrap().height() > 0);
}

#[test]
fn batch_and_stream_make_the_same_tiles_and_rows() {
    for name in ["carrier_delays", "aircraft_destinations", "aircraft_state", "route_stats"] {
        let view = view(name);
        let mut window = period(&view, "2013-06-15");
        window.end = window.start + Span::hours(3).min(view.batch_schedule);
        let late = Span::minutes(15);
        let events = StreamReader::open(&view.inputs[0].source).unwrap();
        // All that can arrive of the window's events; the rows of others are cut off by their anchor below.
        let events = events.read(window.start - late, window.end + late, usize::MAX).unwrap().events;
        let streamed = transform_stream(&view, events).unwrap();
        let names = tiles::stored_names(&view);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let sorted = |frame: &DataFrame| {
            let time =
                if frame.column(&view.timestamp_field).is_ok() { view.timestamp_field.as_str() } else { tiles::ANCHOR };
            let at = |value: &Value| match value {
                Value::Time(at) => crate::model::time::micros(*at),
                Value::Int(nanos) => nanos / 1_000,
                _ => 0,
            };
            let times = frame::values(frame.column(time).unwrap());
            let inside = |at: i64| window.contains(crate::model::time::from_micros(at));
            let rows = frame::rows(frame, &names).unwrap().into_iter().zip(times);
            let mut rows: Vec<String> =
                rows.filter(|(_, time)| inside(at(time))).map(|(row, _)| format!("{row:?}")).collect();
            rows.sort();
            rows
        };
        let batch = run(&view, window).unwrap();
        assert!(batch.height() > 10, "{name}");
        let (batch, streamed) = (sorted(&batch), sorted(&streamed));
        let differs = batch.iter().zip(&streamed).find(|(a, b)| a != b);
        assert!(batch.len() == streamed.len() && differs.is_none(), "{name}: {differs:?}");
    }
}

#[test]
fn the_register_is_joined_and_cancelling_stops() {
    let view = view("aircraft_utilization");
    let window = period(&view, "2013-03-10");
    let rows = run(&view, Window { start: window.start, end: window.start + Span::hours(3) }).unwrap();
    let miles = frame::values(rows.column("sum_seat_miles").unwrap());
    assert!(miles.iter().any(|value| matches!(value, Value::Int(_))));
    let cancel = Cancel::default();
    cancel.cancel();
    let error = materialize(&view, window, window.end, (&cancel, MEMORY), &|_| {}).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Cancelled);
}

#[test]
fn only_what_has_arrived_is_there() {
    let view = view("carrier_delays");
    let window = period(&view, "2013-06-15");
    let half = window.start + Span::minutes(30);
    let all = run(&view, window).unwrap();
    let early = materialize(&view, window, half, (&Cancel::default(), MEMORY), &|_| {}).unwrap();
    let count = |frame: &DataFrame| {
        let counts = frame::values(frame.column("count_dep_delay").unwrap());
        counts.iter().map(|count| if let Value::Int(n) = count { *n } else { 0 }).sum::<i64>()
    };
    assert!(count(&early) > 0 && count(&early) < count(&all));
}

#[test]
fn slices_end_on_the_schedule() {
    let start = parse_time("2026-11-22 00:30").unwrap();
    let found = slices(Window { start, end: start + Span::hours(2) }, Span::hours(1));
    let lengths: Vec<i64> = found.iter().map(|slice| slice.span().num_minutes()).collect();
    assert_eq!(lengths, [30, 60, 30]);
}

#[test]
fn more_memory_than_allowed_ends_the_attempt_with_that_reason() {
    let view = view("aircraft_state");
    let window = period(&view, "2013-03-10");
    let tight = |memory| materialize(&view, window, window.end, (&Cancel::default(), memory), &|_| {});
    let error = tight(1_000).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Memory);
    assert!(error.message.contains("more than the 0 MiB it may. Choose a shorter range"), "{}", error.message);
    assert!(tight(MEMORY).unwrap().height() > 0);
}
