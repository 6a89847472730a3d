//! What cannot be asked of `run` and `get_historical_features`: each refusal, with the text that says what to change
//! (docs/semantics.md sections 7 and 8; docs/reference.md, run and get_historical_features).

use std::collections::BTreeMap;

use fvtop::platform::compute::ErrorKind;
use fvtop::wire::queries::HistoryQuery;
use polars::prelude::*;

use super::scene::{Scene, at, nothing, settled, table, texts, times};

fn scene(aggregate: bool) -> Scene {
    let events = table(vec![
        Column::new("k".into(), ["a", "b"]),
        Column::new("n".into(), [1_i64, 2]),
        times("ts", &["2026-01-31 00:10", "2026-02-01 09:30"]),
        Column::new("v".into(), [1.0, 2.0]),
    ]);
    let view = "source = \"events\"\nsql = \"SELECT k, n, ts, v FROM events\"\n";
    let rest = if aggregate {
        "aggregation_interval = \"1h\"\nbatch_schedule = \"6h\"\n[[aggregations]]\ncolumn = \"v\"\nfunction = \"sum\"\ntime_window = \"12h\"\n"
    } else {
        "batch_schedule = \"6h\"\nttl = \"1d\"\n"
    };
    Scene::new(&events, &[("k", "string"), ("n", "int64")], &format!("{view}{rest}"))
}

#[test]
fn what_run_refuses() {
    let mock = |name: &str| BTreeMap::from([(name.to_owned(), table(vec![Column::new("k".into(), ["a"])]))]);
    let bad_type = table(vec![
        Column::new("k".into(), ["a"]),
        Column::new("n".into(), ["one"]),
        times("ts", &["2026-01-31 00:10"]),
        Column::new("v".into(), [1.0]),
    ]);
    type Asked<'a> = (bool, Option<&'a str>, Option<&'a str>, Option<&'a str>, BTreeMap<String, DataFrame>);
    let cases: Vec<(Asked, &str)> = vec![
        (
            (true, None, None, Some("FULL"), BTreeMap::new()),
            "aggregation_level is `FULL`: write disabled, partial or full",
        ),
        ((true, None, None, Some(""), BTreeMap::new()), "aggregation_level is ``: write disabled, partial or full"),
        (
            (false, None, None, Some("full"), BTreeMap::new()),
            "aggregation_level is `full`, and view v has no aggregations: leave it out",
        ),
        (
            (false, None, None, Some("disabled"), BTreeMap::new()),
            "aggregation_level is `disabled`, and view v has no aggregations: leave it out",
        ),
        (
            (true, Some("2026-01-02"), Some("2026-01-01"), None, BTreeMap::new()),
            "end_time 2026-01-01 00:00:00 is not after start_time 2026-01-02 00:00:00: give a later end_time",
        ),
        (
            (false, Some("2026-01-02"), Some("2026-01-02"), None, BTreeMap::new()),
            "end_time 2026-01-02 00:00:00 is not after start_time 2026-01-02 00:00:00: give a later end_time",
        ),
        (
            (true, None, None, None, mock("event")),
            "view v has no input `event` that a mock could stand for: its inputs are events",
        ),
        (
            (true, None, None, None, mock("events")),
            "mock source `events` lacks columns that the query reads: add n, ts, v",
        ),
        (
            (true, None, None, None, BTreeMap::from([("events".to_owned(), bad_type)])),
            "mock source `events`, column `n`: row 1 holds `one`, which is no int64: write a whole number from \
             -9223372036854775808 to 9223372036854775807",
        ),
    ];
    for ((aggregate, start, end, level, mocks), expected) in cases {
        let error = scene(aggregate).run_with(start, end, level, mocks).unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Arguments, expected));
    }
}

fn spine(columns: &[&str]) -> DataFrame {
    let column = |name: &&str| match *name {
        "at" | "other" => times(name, &["2026-02-01 10:00"]),
        "n" => Column::new("n".into(), [1_i32]),
        "text_n" => Column::new("n".into(), ["1"]),
        "number_k" => Column::new("k".into(), [1_i64]),
        name => Column::new(name.into(), ["a"]),
    };
    table(columns.iter().map(column).collect())
}

#[test]
fn what_history_refuses() {
    let with = |columns: &[&str]| HistoryQuery { spine: Some(spine(columns)), ..nothing() };
    let good = || with(&["k", "n", "at"]);
    let time = || Some(at("2026-01-01"));
    let key = |name: &str| Some(name.to_owned());
    let entities = |columns: &[&str]| HistoryQuery { entities: Some(spine(columns)), ..nothing() };
    let cases: Vec<(HistoryQuery<DataFrame>, &str)> = vec![
        (
            HistoryQuery { start_time: time(), ..good() },
            "start_time is only for a range of time, and a spine was given: leave out start_time or the spine",
        ),
        (
            HistoryQuery { end_time: time(), ..good() },
            "end_time is only for a range of time, and a spine was given: leave out end_time or the spine",
        ),
        (
            HistoryQuery { entities: Some(spine(&["k"])), ..good() },
            "entities is only for a range of time, and a spine was given: leave out entities or the spine",
        ),
        (
            HistoryQuery { timestamp_key: key("at"), ..nothing() },
            "timestamp_key names a column of a spine, and no spine was given: leave it out, or give a spine",
        ),
        (with(&["k", "n"]), "the spine has no timestamp column among k, n: add one, or make its times timestamps"),
        (
            with(&["k", "n", "at", "other"]),
            "the spine has several timestamp columns, at, other: say which one is meant with timestamp_key",
        ),
        (
            HistoryQuery { timestamp_key: key("when"), ..good() },
            "the spine has no column `when` for timestamp_key: choose from at",
        ),
        (
            HistoryQuery { timestamp_key: key("when"), ..with(&["k", "n"]) },
            "the spine has no column `when` for timestamp_key: it has no timestamp column at all",
        ),
        (
            HistoryQuery { timestamp_key: key("k"), ..good() },
            "timestamp_key `k` is str, not a timestamp: make its values timestamps",
        ),
        (with(&["n", "at"]), "the spine has no column for the join key `k`: add it, of type string"),
        (with(&["k", "at"]), "the spine has no column for the join key `n`: add it, of type int64"),
        (
            with(&["k", "text_n", "at"]),
            "join key `n` is string in the spine, and the view's is int64: convert the column",
        ),
        (
            with(&["number_k", "n", "at"]),
            "join key `k` is int64 in the spine, and the view's is string: convert the column",
        ),
        (
            with(&["k", "n", "at", "v.v_sum_12h_1h"]),
            "the spine has a column `v.v_sum_12h_1h`, which is the name of a feature: rename it",
        ),
        (entities(&["k", "at"]), "entities has a column `at`, which is no join key of view v: keep only k, n"),
        (
            entities(&["text_n"]),
            "join key `n` is string in the entities frame, and the view's is int64: convert the column",
        ),
        (entities(&[]), "entities has no column: give some of the join keys k, n"),
        (
            HistoryQuery { start_time: time(), end_time: time(), ..nothing() },
            "end_time 2026-01-01 00:00:00 is not after start_time 2026-01-01 00:00:00: give a later end_time",
        ),
    ];
    let scene = scene(true);
    for (query, expected) in cases {
        let error = scene.history(&settled(&query)).err().unwrap_or_else(|| panic!("not refused: {expected}"));
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Arguments, expected));
    }
}

#[test]
fn what_is_bent_is_told() {
    let scene = scene(true);
    let warnings = |start, end, level| scene.run(Some(start), Some(end), level).unwrap().warnings;
    assert!(warnings("2026-01-31", "2026-02-01", None).is_empty());
    let short = warnings("2026-01-31", "2026-01-31 06:00", Some("full"));
    assert!(short[0].contains("6h, is shorter than the longest window, 12h"), "{short:?}");
    assert!(warnings("2026-01-31", "2026-01-31 06:00", Some("partial")).is_empty());
    let crooked = warnings("2026-01-31", "2026-02-01 00:30", Some("partial"));
    assert!(crooked[0].contains("1d30m, is not a multiple of the aggregation interval, 1h"), "{crooked:?}");
    assert!(warnings("2026-01-31", "2026-02-01 00:30", Some("disabled")).is_empty());
}

#[test]
fn what_is_left_out_of_a_run_is_the_last_complete_period_of_the_batch_schedule() {
    // Now is 2026-02-01 10:30, the schedule six hours.
    let scene = scene(true);
    let rows = |start, end| {
        let run = scene.run(start, end, Some("disabled")).unwrap().frame;
        texts(&run, "ts")
    };
    assert!(rows(None, None).is_empty(), "00:00 to 06:00 of today");
    assert_eq!(rows(Some("2026-02-01 05:00"), None), ["02-01 09:30:00.000000"]);
    assert_eq!(rows(None, Some("2026-01-31 06:00")), ["01-31 00:10:00.000000"]);
}

#[test]
fn a_mock_stands_for_a_source() {
    let scene = scene(true);
    let mock = table(vec![
        Column::new("v".into(), [10_i64, 20]),
        Column::new("n".into(), [7_i32, 7]),
        Column::new("k".into(), ["m", "m"]),
        times("ts", &["2026-01-31 00:10", "2026-01-31 00:20"]),
    ]);
    let mocks = BTreeMap::from([("events".to_owned(), mock)]);
    let run = scene.run_with(Some("2026-01-31"), Some("2026-01-31 12:00"), None, mocks).unwrap().frame;
    assert_eq!(
        (texts(&run, "k"), texts(&run, "n"), texts(&run, "v_sum_12h_1h")),
        (vec!["m".into()], vec!["7".into()], vec!["30".to_owned()])
    );
}
