//! Feature values where other engines are known to err (docs/semantics.md section 12), and the worked examples of its
//! sections.
//!
//! Each test is one rule, over events that break the engine it is named after.

use polars::prelude::*;

use super::scene::{Scene, at, nothing, settled, table, texts, times};
use fvtop::platform::engine::ask::{Control, HistoryArgs, Rows};
use fvtop::platform::engine::{Engine as _, PolarsEngine};
use fvtop::platform::frame::StoredRows;
use fvtop::wire::queries::HistoryQuery;

const LATEST: &str =
    "source = \"events\"\nsql = \"SELECT k, ts, v FROM events\"\nttl = \"2h\"\nbatch_schedule = \"1h\"\n";

fn view(mode: &str, aggregations: &[(&str, &str, &str)]) -> String {
    let mut text =
        format!("source = \"events\"\nsql = \"SELECT k, ts, v, s FROM events\"\nbatch_schedule = \"1h\"\n{mode}\n");
    for (column, function, window) in aggregations {
        text += &format!(
            "[[aggregations]]\ncolumn = \"{column}\"\nfunction = \"{function}\"\ntime_window = \"{window}\"\n"
        );
    }
    text
}

const HOURLY: &str = "aggregation_interval = \"1h\"";
const CONTINUOUS: &str = "aggregation_mode = \"continuous\"";

/// Events of one key: (time of 1 January 2026, v, s).
fn events(rows: &[(&str, Option<f64>, Option<&str>)]) -> DataFrame {
    let all: Vec<Row> = rows.iter().map(|(at, v, s)| (Some("a"), *at, *v, *s)).collect();
    keyed(&all)
}

/// Key, time of 1 January 2026, v, s.
type Row<'a> = (Option<&'a str>, &'a str, Option<f64>, Option<&'a str>);

fn keyed(rows: &[Row]) -> DataFrame {
    let stamps: Vec<String> = rows.iter().map(|(_, at, ..)| format!("2026-01-01 {at}")).collect();
    table(vec![
        Column::new("k".into(), rows.iter().map(|(k, ..)| *k).collect::<Vec<_>>()),
        times("ts", &stamps.iter().map(String::as_str).collect::<Vec<_>>()),
        Column::new("v".into(), rows.iter().map(|(.., v, _)| *v).collect::<Vec<_>>()),
        Column::new("s".into(), rows.iter().map(|(.., s)| *s).collect::<Vec<_>>()),
    ])
}

fn spine(stamps: &[&str]) -> DataFrame {
    let stamps: Vec<String> = stamps.iter().map(|at| format!("2026-01-01 {at}")).collect();
    let keys = vec!["a"; stamps.len()];
    table(vec![Column::new("k".into(), keys), times("at", &stamps.iter().map(String::as_str).collect::<Vec<_>>())])
}

const K: [(&str, &str); 1] = [("k", "string")];

#[test]
fn the_latest_row_and_its_ttl_are_told_apart_to_the_microsecond() {
    // 0.5.10 orders and expires by whole seconds.
    let events = events(&[
        ("01:00:00.000001", Some(1.0), None),
        ("01:00:00.000002", Some(2.0), None),
        ("01:00:00", Some(0.0), None),
    ]);
    let scene = Scene::new(&events, &K, LATEST);
    let found = scene.at_spine(spine(&[
        "00:59:59.999999",
        "01:00",
        "01:00:00.000001",
        "01:00:00.000002",
        "03:00:00.000001",
        "03:00:00.000002",
    ]));
    assert_eq!(texts(&found, "v.v"), ["-", "0", "1", "2", "2", "-"]);
}

#[test]
fn an_expired_row_never_lets_an_older_one_through_and_nulls_stay() {
    let events = events(&[("01:00", Some(1.0), None), ("02:00", None, None)]);
    let scene = Scene::new(&events, &K, LATEST);
    let found = scene.at_spine(spine(&["01:59:59.999999", "02:00", "02:59:59", "04:00"]));
    assert_eq!(texts(&found, "v.v"), ["1", "-", "-", "-"]);
}

#[test]
fn of_rows_of_one_time_the_one_that_arrived_last_is_taken() {
    let events = events(&[("01:00", Some(1.0), None), ("01:00", Some(2.0), None)]);
    let scene = Scene::new(&events, &K, LATEST);
    assert_eq!(texts(&scene.at_spine(spine(&["01:30"])), "v.v"), ["2"]);
}

#[test]
fn last_follows_time_inside_a_tile_whatever_the_order_of_the_file() {
    // 0.5.10 takes the last row of the file.
    let rows =
        events(&[("00:50", Some(50.0), Some("late")), ("00:10", Some(10.0), Some("early")), ("00:55", None, None)]);
    let scene =
        Scene::new(&rows, &K, &view(HOURLY, &[("v", "last", "1h"), ("s", "last", "1h"), ("s", "last_n(2)", "1h")]));
    let found = scene.at_spine(spine(&["01:00"]));
    assert_eq!(texts(&found, "v.v_last_1h_1h"), ["50"]);
    assert_eq!(texts(&found, "v.s_last_1h_1h"), ["late"]);
    assert_eq!(texts(&found, "v.s_last_non_distinct_n2_1h_1h"), ["[early,late]"]);
}

#[test]
fn continuous_variances_and_lists_are_those_of_section_4() {
    // 0.5.10 uses the plain value where its square belongs, and fails on last_n.
    let rows = events(&[
        ("01:00", Some(4.0), Some("x")),
        ("01:30", Some(6.0), None),
        ("01:45", Some(8.0), Some("y")),
        ("01:50", None, Some("x")),
    ]);
    let functions = [
        ("v", "var_samp", "1h"),
        ("v", "stddev_pop", "1h"),
        ("v", "count", "1h"),
        ("s", "last_n(2)", "1h"),
        ("s", "last_n(3)", "1h"),
        ("s", "last_distinct(2)", "1h"),
    ];
    let scene = Scene::new(&rows, &K, &view(CONTINUOUS, &functions));
    let found = scene.at_spine(spine(&["01:50", "02:00", "02:30", "03:00"]));
    assert_eq!(texts(&found, "v.v_var_samp_1h_continuous"), ["4", "2", "-", "-"]);
    assert_eq!(texts(&found, "v.v_stddev_pop_1h_continuous"), ["1.632993162", "1", "0", "-"]);
    assert_eq!(texts(&found, "v.v_count_1h_continuous"), ["3", "2", "1", "0"]);
    assert_eq!(texts(&found, "v.s_last_non_distinct_n2_1h_continuous"), ["[y,x]", "[y,x]", "[y,x]", "[]"]);
    assert_eq!(texts(&found, "v.s_last_non_distinct_n3_1h_continuous"), ["[x,y,x]", "[y,x]", "[y,x]", "[]"]);
    assert_eq!(texts(&found, "v.s_lastn2_1h_continuous"), ["[y,x]", "[y,x]", "[y,x]", "[]"]);
}

#[test]
fn a_continuous_spine_row_stays_one_row_when_events_share_its_instant() {
    // 0.5.10 repeats the row.
    let rows = events(&[("01:00", Some(1.0), None), ("01:00", Some(2.0), None), ("01:00", Some(3.0), None)]);
    let scene = Scene::new(&rows, &K, &view(CONTINUOUS, &[("v", "sum", "30m")]));
    assert_eq!(
        texts(&scene.at_spine(spine(&["01:00", "01:29:59.999999", "01:30"])), "v.v_sum_30m_continuous"),
        ["6", "6", "-"]
    );
    let run = scene.run(Some("2026-01-01"), Some("2026-01-02"), None).unwrap().frame;
    assert_eq!(texts(&run, "v_sum_30m_continuous"), ["6", "6", "6"], "events of one time see each other");
}

#[test]
fn nulls_are_skipped_by_every_list() {
    // 0.5.10 turns them into empty texts.
    let rows =
        events(&[("00:10", None, Some("x")), ("00:20", None, None), ("00:30", None, Some("y")), ("00:40", None, None)]);
    let scene = Scene::new(
        &rows,
        &K,
        &view(HOURLY, &[("s", "last_distinct(3)", "1h"), ("s", "last_n(3)", "1h"), ("v", "count", "1h")]),
    );
    let found = scene.at_spine(spine(&["01:00", "02:00"]));
    assert_eq!(texts(&found, "v.s_lastn3_1h_1h"), ["[x,y]", "[]"]);
    assert_eq!(texts(&found, "v.s_last_non_distinct_n3_1h_1h"), ["[x,y]", "[]"]);
    assert_eq!(texts(&found, "v.v_count_1h_1h"), ["0", "0"]);
    let tiles = scene.run(Some("2026-01-01"), Some("2026-01-01 02:00"), Some("partial")).unwrap().frame;
    assert_eq!(texts(&tiles, "v_count_1h"), ["0"], "a row of nothing but nulls still makes a tile");
}

#[test]
fn a_run_never_gives_rows_outside_its_range_even_of_a_source_that_is_read_whole() {
    // 0.5.10 does, at level disabled.
    let rows = events(&[
        ("00:59:59.999999", Some(1.0), None),
        ("01:00", Some(2.0), None),
        ("01:59:59.999999", Some(3.0), None),
        ("02:00", Some(4.0), None),
    ]);
    let text = view(HOURLY, &[("v", "sum", "2h")])
        .replace("source = \"events\"", "source = [{ source = \"events\", filtered = false }]");
    let scene = Scene::new(&rows, &K, &text);
    for (level, column, expected) in
        [("disabled", "v", vec!["2", "3"]), ("partial", "v_sum_1h", vec!["5"]), ("full", "v_sum_2h_1h", vec!["5"])]
    {
        let run = scene.run(Some("2026-01-01 01:00"), Some("2026-01-01 02:00"), Some(level)).unwrap();
        assert_eq!(texts(&run.frame, column), expected, "{level}");
    }
}

#[test]
fn a_null_key_is_a_key() {
    // 0.5.10 loses these rows of the spine.
    let rows = keyed(&[
        (None, "00:10", Some(1.0), None),
        (Some("a"), "00:20", Some(2.0), None),
        (None, "00:30", Some(4.0), None),
    ]);
    let hourly = Scene::new(&rows, &K, &view(HOURLY, &[("v", "sum", "1h"), ("v", "count", "1h")]));
    let spine = table(vec![
        Column::new("k".into(), [None, Some("a"), Some(""), Some("b")]),
        times("at", &["2026-01-01 01:00"; 4]),
    ]);
    let found = hourly.at_spine(spine.clone());
    assert_eq!(texts(&found, "v.v_sum_1h_1h"), ["5", "2", "-", "-"]);
    assert_eq!(texts(&found, "v.v_count_1h_1h"), ["2", "1", "0", "0"]);
    let latest = Scene::new(&rows, &K, LATEST);
    assert_eq!(texts(&latest.at_spine(spine), "v.v"), ["4", "2", "-", "-"]);
}

#[test]
fn times_come_back_exactly() {
    // 0.5.10 passes them through a double.
    let stamps = ["17:03:21.123457", "17:03:21.999999", "17:03:22.000001"];
    let rows = events(&stamps.map(|at| (at, Some(1.0), None)));
    let scene = Scene::new(&rows, &K, LATEST);
    let expected: Vec<String> = stamps.iter().map(|at| format!("01-01 {at}")).collect();
    assert_eq!(texts(&scene.in_range("2026-01-01", "2026-01-02"), "ts"), expected);
    assert_eq!(texts(&scene.at_spine(spine(&stamps)), "at"), expected);
    let continuous = Scene::new(&rows, &K, &view(CONTINUOUS, &[("v", "sum", "30m")]));
    assert_eq!(texts(&continuous.in_range("2026-01-01", "2026-01-02"), "ts"), expected);
}

#[test]
fn rows_of_a_spine_that_are_alike_stay_as_many() {
    // 1.2.13 makes one of them, with doubled sums.
    let rows = events(&[("00:10", Some(1.5), None)]);
    let scene = Scene::new(&rows, &K, &view(HOURLY, &[("v", "sum", "1h")]));
    assert_eq!(texts(&scene.at_spine(spine(&["01:00", "01:00", "01:00"])), "v.v_sum_1h_1h"), ["1.5", "1.5", "1.5"]);
    let latest = Scene::new(&rows, &K, LATEST);
    assert_eq!(texts(&latest.at_spine(spine(&["01:00", "01:00"])), "v.v"), ["1.5", "1.5"]);
}

#[test]
fn a_value_that_recurs_in_a_later_tile_is_kept_among_the_last_distinct() {
    // 1.2.13 answers [BUF,MSY,MKE].
    let stamps = ["00:10", "01:10", "02:10", "03:10", "04:10"];
    let places = ["BUF", "MSY", "DCA", "MSY", "MKE"];
    let rows: Vec<_> = stamps.iter().zip(places).map(|(at, place)| (*at, None, Some(place))).collect();
    let scene = Scene::new(&events(&rows), &K, &view(HOURLY, &[("s", "last_distinct(3)", "7h")]));
    assert_eq!(texts(&scene.at_spine(spine(&["05:00"])), "v.s_lastn3_7h_1h"), ["[DCA,MSY,MKE]"]);
}

#[test]
fn features_begin_with_the_tile_that_holds_an_unaligned_start() {
    // 1.2.13 waits for the first tile that ends at or after it.
    let rows = events(&[("00:10", Some(1.0), None), ("01:10", Some(2.0), None)]);
    let scene = Scene::new(&rows, &K, &view(HOURLY, &[("v", "sum", "2h"), ("v", "count", "2h")]));
    let query = HistoryQuery { spine: Some(spine(&["00:59:59", "01:00", "01:29:59", "02:00"])), ..nothing() };
    let args = HistoryArgs { feature_start_time: Some(at("2026-01-01 01:30")), ..settled(&query) };
    let answer = scene.history(&args).unwrap();
    assert_eq!(texts(&answer.frame, "v.v_sum_2h_1h"), ["-", "1", "1", "3"], "windows reach back before the start");
    assert_eq!(texts(&answer.frame, "v.v_count_2h_1h"), ["-", "1", "1", "2"]);
    assert!(answer.warnings[0].contains("rows before feature_start_time, 2026-01-01 01:30"), "{:?}", answer.warnings);
}

#[test]
fn the_worked_example_of_two_hour_windows() {
    let rows = events(&[
        ("00:00", Some(1.0), None),
        ("00:30", None, None),
        ("01:00", Some(4.0), None),
        ("01:30:00.25", Some(6.0), None),
        ("01:30:00.75", Some(8.0), None),
    ]);
    let functions = [("v", "count", "2h"), ("v", "sum", "2h"), ("v", "mean", "2h"), ("v", "var_samp", "2h")];
    let scene = Scene::new(&rows, &K, &view(HOURLY, &functions));
    let found = scene.at_spine(spine(&["00:59:59.999999", "01:00", "02:00", "02:59:59", "03:00", "04:00"]));
    assert_eq!(texts(&found, "v.v_count_2h_1h"), ["0", "1", "4", "4", "3", "0"]);
    assert_eq!(texts(&found, "v.v_sum_2h_1h"), ["-", "1", "19", "19", "18", "-"]);
    assert_eq!(texts(&found, "v.v_mean_2h_1h"), ["-", "1", "4.75", "4.75", "6", "-"]);
    assert_eq!(texts(&found, "v.v_var_samp_2h_1h"), ["-", "-", "8.916666667", "8.916666667", "4", "-"]);
}

#[test]
fn the_worked_example_of_continuous_windows() {
    let rows = events(&[
        ("00:00", Some(1.0), None),
        ("01:00", Some(4.0), None),
        ("01:30:00.25", Some(6.0), None),
        ("01:30:00.75", Some(8.0), None),
    ]);
    let scene = Scene::new(&rows, &K, &view(CONTINUOUS, &[("v", "count", "1h")]));
    let found = scene.at_spine(spine(&["00:00", "01:00", "02:30:00.749999", "02:30:00.75"]));
    assert_eq!(texts(&found, "v.v_count_1h_continuous"), ["1", "1", "1", "0"]);
}

#[test]
fn great_values_keep_their_variance() {
    // The textbook formula over these gives nothing but noise.
    let rows = events(&[
        ("00:10", Some(1e9 + 4.0), None),
        ("01:10", Some(1e9 + 7.0), None),
        ("02:10", Some(1e9 + 13.0), None),
        ("03:10", Some(1e9 + 16.0), None),
    ]);
    let scene = Scene::new(&rows, &K, &view(HOURLY, &[("v", "var_samp", "4h"), ("v", "stddev_samp", "4h")]));
    let found = scene.at_spine(spine(&["04:00"]));
    assert_eq!(texts(&found, "v.v_var_samp_4h_1h"), ["30"]);
    assert_eq!(texts(&found, "v.v_stddev_samp_4h_1h"), ["5.477225575"]);
}

#[test]
fn a_range_gives_the_tiles_that_end_inside_it_with_whole_windows() {
    let rows = events(&[("00:10", Some(1.0), None), ("01:10", Some(2.0), None), ("02:10", Some(4.0), None)]);
    let scene = Scene::new(&rows, &K, &view(HOURLY, &[("v", "sum", "2h")]));
    let found = scene.in_range("2026-01-01 01:00", "2026-01-01 02:00");
    assert_eq!(
        (texts(&found, "ts"), texts(&found, "v_sum_2h_1h")),
        (vec!["01-01 01:00:00.000000".to_owned()], vec!["1".to_owned()])
    );
    let found = scene.in_range("2026-01-01 02:00", "2026-01-01 03:00:00.000001");
    assert_eq!(texts(&found, "v_sum_2h_1h"), ["3", "6"]);
    // By default up to now, the tile that has just ended included.
    let all = nothing();
    let now = HistoryArgs { now: at("2026-01-01 03:00"), ..settled(&all) };
    assert_eq!(texts(&scene.history(&now).unwrap().frame, "v_sum_2h_1h"), ["1", "3", "6"]);
}

#[test]
fn a_range_can_be_of_some_keys_and_begins_with_the_features() {
    let rows = keyed(&[
        (Some("a"), "00:10", Some(1.0), None),
        (Some("b"), "00:20", Some(2.0), None),
        (None, "00:30", Some(4.0), None),
    ]);
    let entities = table(vec![Column::new("k".into(), [Some("b"), None, Some("b"), Some("zz")])]);
    for (text, column) in [(view(HOURLY, &[("v", "sum", "1h")]), "v_sum_1h_1h"), (LATEST.to_owned(), "v")] {
        let scene = Scene::new(&rows, &K, &text);
        let query = HistoryQuery { entities: Some(entities.clone()), ..nothing() };
        assert_eq!(texts(&scene.history(&settled(&query)).unwrap().frame, column), ["2", "4"]);
        let query = HistoryQuery { start_time: Some(at("2025-01-01")), ..nothing() };
        let args = HistoryArgs { feature_start_time: Some(at("2026-01-01 00:20")), ..settled(&query) };
        let answer = scene.history(&args).unwrap();
        assert!(
            answer.warnings[0].contains("the range starts at feature_start_time, 2026-01-01 00:20"),
            "{:?}",
            answer.warnings
        );
        assert_eq!(answer.frame.height(), if column == "v" { 2 } else { 3 });
    }
}

#[test]
fn a_spine_without_the_wildcard_key_gives_a_row_for_each_of_its_values() {
    let rows = table(vec![
        Column::new("k".into(), ["a", "a", "a", "b"]),
        Column::new("w".into(), [1_i64, 2, 3, 9]),
        times("ts", &["2026-01-01 00:10", "2026-01-01 00:20", "2026-01-01 02:30", "2026-01-01 00:30"]),
        Column::new("v".into(), [1.0, 2.0, 3.0, 9.0]),
    ]);
    let keys = [("k", "string"), ("w", "int64")];
    let spine = table(vec![
        Column::new("k".into(), ["a", "c", "a"]),
        times("at", &["2026-01-01 01:00", "2026-01-01 01:00", "2026-01-01 03:00"]),
        Column::new("note".into(), ["first", "never", "late"]),
    ]);
    let aggregate = "source = \"events\"\nsql = \"SELECT k, w, ts, v FROM events\"\nonline_serving_index = [\"k\"]\n";
    let hourly = format!(
        "{aggregate}{HOURLY}\naggregations = [{{ column = \"v\", function = \"sum\", time_window = \"2h\" }}]\n"
    );
    let found = Scene::new(&rows, &keys, &hourly).at_spine(spine.clone());
    assert_eq!(texts(&found, "note"), ["first", "first", "late"]);
    assert_eq!(texts(&found, "w"), ["1", "2", "3"]);
    assert_eq!(texts(&found, "v.v_sum_2h_1h"), ["1", "2", "3"]);
    let latest = format!("{aggregate}ttl = \"2h\"\nbatch_schedule = \"1h\"\n");
    let found = Scene::new(&rows, &keys, &latest).at_spine(spine);
    assert_eq!(
        (texts(&found, "note"), texts(&found, "v.v")),
        (vec!["first".into(), "first".into(), "late".into()], vec!["1".to_owned(), "2".into(), "3".into()])
    );
}

#[test]
fn stored_rows_with_a_gap_count_what_is_there() {
    let rows = events(&[("00:10", Some(1.0), None), ("01:10", Some(2.0), None), ("02:10", Some(4.0), None)]);
    let scene = Scene::new(&rows, &K, &view(HOURLY, &[("v", "sum", "3h"), ("v", "count", "1h")]));
    let materialize = |hour: i64| {
        let start = at("2026-01-01") + fvtop::model::Span::hours(hour);
        let window = fvtop::model::Window { start, end: start + fvtop::model::Span::hours(1) };
        let cancel = fvtop::platform::compute::Cancel::default();
        PolarsEngine.materialize(&scene.view, window, window.end, Control::quiet(&cancel, 1 << 30)).unwrap()
    };
    let stored = materialize(0).vstack(&materialize(2)).unwrap();
    let query = HistoryQuery { spine: Some(spine(&["03:00", "02:00"])), ..nothing() };
    let args = HistoryArgs { rows: Rows::Stored(stored.into()), ..settled(&query) };
    let found = scene.history(&args).unwrap().frame;
    assert_eq!(texts(&found, "v.v_sum_3h_1h"), ["5", "1"]);
    assert_eq!(texts(&found, "v.v_count_1h_1h"), ["1", "0"]);
}

#[test]
fn a_table_on_disk_gives_what_the_source_gives_in_every_mode() {
    let rows = keyed(&[
        (Some("a"), "00:10", Some(1.0), Some("x")),
        (None, "00:10", Some(2.0), None),
        (Some("a"), "01:20", None, Some("y")),
        (Some("a"), "01:20", Some(4.0), Some("x")),
        (Some("a"), "02:59:59.999999", Some(8.0), Some("z")),
    ]);
    let functions = [
        ("v", "sum", "2h"),
        ("v", "mean", "2h"),
        ("v", "stddev_samp", "2h"),
        ("v", "last", "1h"),
        ("s", "max", "2h"),
        ("s", "last_distinct(2)", "2h"),
        ("s", "last_n(3)", "2h"),
    ];
    let asked = table(vec![
        Column::new("k".into(), [Some("a"), None, Some("a"), Some("a"), Some("b")]),
        times(
            "at",
            &["2026-01-01 01:20", "2026-01-01 01:00", "2026-01-01 02:00", "2026-01-01 03:00", "2026-01-01 03:00"],
        ),
    ]);
    for text in [view(HOURLY, &functions), view(CONTINUOUS, &functions), LATEST.to_owned()] {
        let scene = Scene::new(&rows, &K, &text);
        let (_folder, stored) = on_disk(&scene);
        let stored = Rows::Stored(stored);
        let history = |rows: Rows| {
            let spine = HistoryQuery { spine: Some(asked.clone()), ..nothing() };
            let range = HistoryQuery { start_time: Some(at("2026-01-01")), ..nothing() };
            [spine, range]
                .map(|query| scene.history(&HistoryArgs { rows: rows.clone(), ..settled(&query) }).unwrap().frame)
        };
        for (source, stored) in history(Rows::Source).into_iter().zip(history(stored)) {
            assert!(source.height() >= 3);
            let by: Vec<&str> = source.get_column_names().into_iter().map(|name| name.as_str()).take(2).collect();
            let order = SortMultipleOptions::default().with_maintain_order(true);
            let sorted = |frame: &DataFrame| frame.sort(by.clone(), order.clone()).unwrap();
            assert!(sorted(&source).equals_missing(&sorted(&stored)), "{text}");
        }
    }
}

/// The view's offline table, an hour a job, planned anew from its files.
fn on_disk(scene: &Scene) -> (tempfile::TempDir, StoredRows) {
    use fvtop::model::{Id, Span, Window};
    use fvtop::platform::compute::Cancel;
    use fvtop::platform::offline::{OfflineTable, Stamp};
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let hours: Vec<(Window, DataFrame)> = (0..3)
        .map(|hour| {
            let start = at("2026-01-01") + Span::hours(hour);
            let window = Window { start, end: start + Span::hours(1) };
            let cancel = Cancel::default();
            (
                window,
                PolarsEngine.materialize(&scene.view, window, window.end, Control::quiet(&cancel, 1 << 30)).unwrap(),
            )
        })
        .collect();
    let stored = runtime.block_on(async {
        let mut table = OfflineTable::open_or_create(folder.path(), &scene.view).await.unwrap();
        for (job, (window, rows)) in hours.into_iter().enumerate() {
            table.replace(window, rows, Stamp { job: Id(job as u128 + 1), attempt: 1 }).await.unwrap();
        }
        table.scan(None).unwrap()
    });
    (folder, stored)
}
