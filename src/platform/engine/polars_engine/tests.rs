//! The engine over the example's real data, in small windows.

use std::path::Path;
use std::sync::Arc;

use polars::prelude::*;

use super::{PolarsEngine, query};
use crate::model::time::{floor, parse_time};
use crate::model::{Span, Time, Value, Window};
use crate::platform::compute::{Cancel, EngineError, ErrorKind, MEMORY};
use crate::platform::definition::{Replay, View};
use crate::platform::engine::Engine as _;
use crate::platform::engine::ask::{Control, HistoryArgs, Rows, RunArgs};
use crate::platform::source::lap;
use crate::platform::source::replay::Recording;
use crate::platform::tiles::names::{ANCHOR, stored_names};
use crate::platform::{frame, registry, sql};
use crate::wire::queries::{HistoryQuery, RunQuery};

pub(super) fn view(name: &str) -> Arc<View> {
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
    PolarsEngine.materialize(view, window, window.end + Span::hours(1), Control::quiet(&Cancel::default(), MEMORY))
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
        let events = Recording::open(&view.inputs[0].source).unwrap();
        // All that can arrive of the window's events; the rows of others are cut off by their anchor below.
        let events = events.between(window.start - late, window.end + late, usize::MAX).unwrap().events;
        let streamed = PolarsEngine.transform_stream(&view, events).unwrap().rows;
        let names = stored_names(&view);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let sorted = |frame: &DataFrame| {
            let time = if frame.column(&view.timestamp_field).is_ok() { view.timestamp_field.as_str() } else { ANCHOR };
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
    let error = PolarsEngine.materialize(&view, window, window.end, Control::quiet(&cancel, MEMORY)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Cancelled);
}

#[test]
fn only_what_has_arrived_is_there() {
    let view = view("carrier_delays");
    let window = period(&view, "2013-06-15");
    let half = window.start + Span::minutes(30);
    let all = run(&view, window).unwrap();
    let early = PolarsEngine.materialize(&view, window, half, Control::quiet(&Cancel::default(), MEMORY)).unwrap();
    let count = |frame: &DataFrame| {
        let counts = frame::values(frame.column("count_dep_delay").unwrap());
        counts.iter().map(|count| if let Value::Int(n) = count { *n } else { 0 }).sum::<i64>()
    };
    assert!(count(&early) > 0 && count(&early) < count(&all));
}

#[test]
fn more_memory_than_allowed_ends_the_attempt_with_that_reason() {
    let view = view("aircraft_state");
    let window = period(&view, "2013-03-10");
    let tight =
        |memory| PolarsEngine.materialize(&view, window, window.end, Control::quiet(&Cancel::default(), memory));
    let error = tight(1_000).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Memory);
    assert!(error.message.contains("more than the 0 MiB it may. Choose a shorter range"), "{}", error.message);
    assert!(tight(MEMORY).unwrap().height() > 0);
}

/// A repository over two files of events, with one view of that query; `more` are lines of its definition.
fn repository(sql: &str, more: &str) -> (tempfile::TempDir, Arc<View>) {
    let folder = tempfile::tempdir().unwrap();
    let start = crate::model::time::micros(parse_time("2026-01-01").unwrap());
    for file in 0..2_i64 {
        let rows = || (0..300_i64).map(move |row| file * 300 + row);
        let mut events = df!(
            "k" => rows().map(|row| format!("k{}", row * 7 % 5)).collect::<Vec<_>>(),
            "id" => rows().collect::<Vec<_>>(),
            "x" => rows().map(|row| (row * 31 % 17) as f64).collect::<Vec<_>>(),
            // Two minutes apart: twenty hours in all.
            "ts" => rows().map(|row| start + row * 120_000_000).collect::<Vec<_>>(),
        )
        .unwrap();
        let times = events.column("ts").unwrap().cast(&frame::timestamp_type()).unwrap();
        events.with_column(times).unwrap();
        let file = std::fs::File::create(folder.path().join(format!("events-{file}.parquet"))).unwrap();
        ParquetWriter::new(file).finish(&mut events).unwrap();
    }
    let mut regions = df!("k" => ["k0", "k1", "k3"], "region" => ["a", "b", "b"]).unwrap();
    let file = std::fs::File::create(folder.path().join("regions.parquet")).unwrap();
    ParquetWriter::new(file).finish(&mut regions).unwrap();
    std::fs::create_dir(folder.path().join("views")).unwrap();
    let files = [
        ("workspaces.toml", "[[workspace]]\nname = \"w\"\n".to_owned()),
        ("entities.toml", "[[entity]]\nname = \"k\"\njoin_keys = [{ name = \"k\", type = \"string\" }]\n".to_owned()),
        (
            "sources.toml",
            "[[source]]\nname = \"events\"\nfiles = \"events-*.parquet\"\ntimestamp_column = \"ts\"\n\
             [[source]]\nname = \"regions\"\nfiles = \"regions.parquet\"\n"
                .to_owned(),
        ),
        (
            "views/v.toml",
            format!(
                "name = \"v\"\nentities = [\"k\"]\nsource = [\"events\", \"regions\"]\nmode = \"spark_sql\"\nsql = \"{sql}\"\n\
                 timestamp_field = \"ts\"\noffline = true\nbatch_schedule = \"1h\"\n{more}"
            ),
        ),
    ];
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let loaded = registry::load(folder.path());
    let errors: Vec<String> = loaded.errors.iter().map(ToString::to_string).collect();
    assert_eq!(errors, Vec::<String>::new(), "{sql}");
    (folder, Arc::clone(&loaded.views[0]))
}

/// The rows of some columns, sorted.
fn rows_of(frame: &DataFrame, names: &[&str]) -> Vec<String> {
    let mut rows: Vec<String> = frame::rows(frame, names).unwrap().iter().map(|row| format!("{row:?}")).collect();
    rows.sort();
    rows
}

#[test]
fn a_job_computes_its_whole_window_as_run_and_history_do() {
    let queries = [
        "SELECT k, ts, x - lag(x) OVER (PARTITION BY k ORDER BY ts) AS y FROM events",
        "WITH r AS (SELECT k, ts, x, row_number() OVER (PARTITION BY k ORDER BY ts DESC) AS r FROM events) SELECT k, ts, x AS y FROM r WHERE r <= 40",
        "SELECT DISTINCT k, date_trunc('DAY', ts) AS ts, x AS y FROM events",
        "SELECT a.k, a.ts, count(*) AS y FROM events a JOIN events b ON a.k = b.k AND b.ts < a.ts GROUP BY a.k, a.ts",
        "SELECT k, max(ts) AS ts, sum(x) AS y FROM events GROUP BY k",
        "SELECT k, ts, x - (SELECT avg(x) FROM events) AS y FROM events",
        "SELECT k, ts, x AS y FROM events UNION ALL SELECT k, ts + INTERVAL 90 MINUTES AS ts, -x AS y FROM events",
        "SELECT k, ts, x AS y FROM events ORDER BY x, ts LIMIT 25",
        "SELECT events.k, ts + INTERVAL 90 MINUTES AS ts, length(region) + x AS y FROM events LEFT JOIN regions ON events.k = regions.k",
    ];
    let start = parse_time("2026-01-01").unwrap();
    let window = Window { start, end: start + Span::hours(20) };
    let now = window.end + Span::days(1);
    let names = ["k", "ts", "y"];
    for sql in queries {
        let (_folder, view) = repository(sql, "");
        let rows = |memory| PolarsEngine.materialize(&view, window, now, Control::quiet(&Cancel::default(), memory));
        let job = rows_of(&rows(MEMORY).unwrap(), &names);
        let cancel = Cancel::default();
        let control = || Control::quiet(&cancel, MEMORY);
        let (start_time, end_time) = (Some(window.start), Some(window.end));
        let query = RunQuery { start_time, end_time, ..RunQuery::default() };
        let args = RunArgs { query: &query, now };
        let ran = PolarsEngine.run(&view, &args, control()).unwrap().frame;
        assert!(!job.is_empty());
        assert_eq!(job, rows_of(&ran, &names), "{sql}");
        let args = HistoryArgs {
            query: &HistoryQuery {
                start_time: Some(window.start),
                end_time: Some(window.end),
                ..HistoryQuery::default()
            },
            rows: Rows::Source,
            feature_start_time: None,
            separator: ".".to_owned(),
            now,
        };
        let past = PolarsEngine.history(&view, &args, control()).unwrap().frame;
        assert_eq!(job, rows_of(&past, &names), "{sql}");
        let many = sql::check(&view.sql).unwrap().follows("events") == sql::Follows::Many;
        let streamed = PolarsEngine.transform_stream(&view, ran.clear());
        assert_eq!(streamed.is_err_and(|error| error.message.contains("makes rows of several events")), many, "{sql}");
        if many {
            let error = rows(4_000).unwrap_err();
            assert!(error.kind == ErrorKind::Memory && error.message.contains("Choose a shorter range"), "{error}");
        }
    }
}

#[test]
fn names_that_look_like_patterns_are_names() {
    let sql = "SELECT k, ts, x AS `^.*$`, id AS `*` FROM events";
    let (_folder, view) = repository(sql, "");
    let start = parse_time("2026-01-01").unwrap();
    let window = Window { start, end: start + Span::hours(20) };
    let rows = PolarsEngine.materialize(&view, window, window.end, Control::quiet(&Cancel::default(), MEMORY)).unwrap();
    assert_eq!(rows.height(), 600);
    let ids = frame::values(rows.column("*").unwrap());
    assert!(
        ids.contains(&Value::Int(599)) && frame::values(rows.column("^.*$").unwrap()).contains(&Value::Float(16.0))
    );
}

#[test]
fn tiles_of_odd_numbers_and_names_are_told_apart() {
    let sql = "SELECT k AS count_x, ts, CASE WHEN id % 7 = 0 THEN -double('NaN') ELSE x END AS x, x + 1 AS of_squares_x FROM events";
    let (_folder, mut view) =
        repository(&sql.replace("k AS count_x", "k").replace(", x + 1", ", k AS count_x, x + 1"), TILES);
    let view = Arc::make_mut(&mut view);
    // The key has the name of a stored column.
    (view.sql, view.join_keys[0].0) = (sql.to_owned(), "count_x".to_owned());
    let start = parse_time("2026-01-01").unwrap();
    let window = Window { start, end: start + Span::hours(20) };
    let rows = PolarsEngine.materialize(view, window, window.end, Control::quiet(&Cancel::default(), MEMORY)).unwrap();
    assert!(frame::values(rows.column("_count_x").unwrap()).iter().all(|count| matches!(count, Value::Int(1..))));
    let sums = rows.column("_sum_of_squares_x").unwrap().null_count();
    assert_eq!(sums, 0, "the sum of `of_squares_x` is not the sum of squares of `x`");
    let numbers = |name: &str| frame::values(rows.column(name).unwrap());
    let least = numbers("min_x");
    let one_nan =
        numbers("max_x").into_iter().zip(&least).filter(|(most, _)| matches!(most, Value::Float(x) if x.is_nan()));
    assert!(
        one_nan.filter(|(_, least)| matches!(least, Value::Float(x) if !x.is_nan())).count() > 20,
        "NaN is the greatest"
    );
}

const TILES: &str = r#"aggregation_interval = "1h"
aggregations = [
    { column = "x", function = "min", time_window = "1h" },
    { column = "x", function = "max", time_window = "1h" },
    { column = "x", function = "stddev", time_window = "1h" },
    { column = "of_squares_x", function = "sum", time_window = "1h" },
]
"#;

#[test]
fn first_rows_are_those_of_the_event_times() {
    let view = view("carrier_delays");
    let query = sql::check("SELECT carrier, first(n) AS f, last(n) AS l FROM flights GROUP BY carrier").unwrap();
    let time = view.inputs[0].source.timestamp_column.clone().unwrap();
    let frame = df!("carrier" => ["a", "a", "a", "a"], "n" => [1, 2, 3, 4], time.as_str() => [30, 10, 30, 20]).unwrap();
    let ordered = query::in_time(&view, &query, frame.clone().lazy()).unwrap();
    let planned = sql::lazy(&query, vec![("flights", ordered)], Time::UNIX_EPOCH, sql::at_once()).unwrap();
    let found = planned.collect_with_engine(Engine::Streaming).unwrap().unwrap_single();
    let value = |column: &str| found.column(column).unwrap().i32().unwrap().get(0);
    assert_eq!((value("f"), value("l")), (Some(2), Some(3)));
    let other = sql::check("SELECT carrier, n FROM flights").unwrap();
    assert_eq!(query::in_time(&view, &other, frame.clone().lazy()).unwrap().collect().unwrap(), frame);
}
