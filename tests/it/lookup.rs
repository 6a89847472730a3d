//! A lookup's answer equals the value computed straight from the events.
//!
//! The expectation is made here with plain Polars over the recorded file, by the mapping that the example documents: no
//! tile, no store and no line of the platform takes part.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use polars::prelude::*;
use serde_json::{Value, json};

use crate::support::{KEY, Server, example_repository, wait_for};

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;
const LAP: i64 = 3 * DAY;
/// A stream that is no more seconds behind has read the hours before this one.
const CAUGHT_UP: f64 = 10.0;

/// The flights of the laps around `now` with mapped event time `t` and arrival `arrives` (microseconds).
fn events(now: i64) -> DataFrame {
    let path = example_repository().join("data/flights.parquet");
    let record = LazyFrame::scan_parquet(PlRefPath::try_from_path(&path).unwrap(), ScanArgsParquet::default()).unwrap();
    let begins = "2013-01-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap().timestamp_micros();
    let micros = |name: &str| col(name).cast(DataType::Int64);
    // New York's day begins at 05:00Z; a flight that never left is reported at the end of its day.
    let day_end = (micros("sched_dep_ts") - lit(5 * HOUR)).floor_div(lit(DAY)) * lit(DAY) + lit(DAY + 5 * HOUR);
    let reported = when(col("dep_ts").is_null()).then(day_end).otherwise(micros("dep_ts"));
    let laps: Vec<LazyFrame> = (-2..=0)
        .map(|back| {
            let lap = now.div_euclid(LAP) * LAP + back * LAP;
            let mapped = move |at: Expr| lit(lap) + ((at - lit(begins)) * lit(3_i64)).floor_div(lit(365_i64));
            record
                .clone()
                .with_columns([mapped(micros("timestamp")).alias("t"), mapped(reported.clone()).alias("arrives")])
        })
        .collect();
    let all = concat(laps, UnionArgs::default()).unwrap();
    all.filter(col("arrives").lt_eq(lit(now + DAY)))
        .sort(["t", "arrives", "seq"], SortMultipleOptions::default())
        .collect()
        .unwrap()
}

fn arrived(events: &DataFrame, by: i64) -> LazyFrame {
    events.clone().lazy().filter(col("arrives").lt_eq(lit(by)))
}

fn micros_now() -> i64 {
    Utc::now().timestamp_micros()
}

/// The answer of `fvtop lookup` as name -> value.
fn lookup(server: &Server, view: &str, keys: &[(&str, &str)]) -> BTreeMap<String, Value> {
    let keys: Vec<String> = keys.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut arguments = vec!["lookup", view];
    arguments.extend(keys.iter().map(String::as_str));
    arguments.push("--json");
    features(&server.json(&arguments))
}

fn features(answer: &Value) -> BTreeMap<String, Value> {
    let features = answer["features"].as_array().expect("a list of features");
    features
        .iter()
        .map(|f| (f["name"].as_str().unwrap().rsplit('.').next().unwrap().to_owned(), f["value"].clone()))
        .collect()
}

/// Compares one feature: integers and text exactly, floats to nine digits.
fn assert_same(context: &str, got: &Value, expected: &AnyValue) {
    let same = match expected {
        AnyValue::Null => got.is_null(),
        AnyValue::Float64(x) => got.as_f64().is_some_and(|g| (g - x).abs() <= 1e-9 * x.abs().max(1.0)),
        AnyValue::Boolean(b) => got.as_bool() == Some(*b),
        AnyValue::String(s) => got.as_str() == Some(s),
        AnyValue::StringOwned(s) => got.as_str() == Some(s.as_str()),
        AnyValue::UInt32(n) => integer(got) == Some(i64::from(*n)),
        AnyValue::Int64(n) => integer(got) == Some(*n),
        other => panic!("{context}: no rule for {other:?}"),
    };
    assert!(same, "{context}: the lookup says {got}, the events say {expected:?}");
}

fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str().and_then(|digits| digits.parse().ok()))
}

fn assert_row(context: &str, got: &BTreeMap<String, Value>, expected: &DataFrame) {
    assert_eq!(expected.height(), 1, "{context}");
    for column in expected.columns() {
        let name = column.name().as_str();
        let value = got.get(name).unwrap_or_else(|| panic!("{context}: no feature {name} in {got:?}"));
        assert_same(&format!("{context}.{name}"), value, &column.get(0).unwrap());
    }
}

/// Every batch job of the view has ended, and the stream has been read up to the present.
fn wait_until_materialized(server: &Server, view: &str) {
    server.wait_for_backfill(view);
    wait_for(&format!("the stream of {view}"), crate::support::GUARD, || {
        lag(server, view).filter(|lag| *lag < CAUGHT_UP)
    });
}

/// Seconds that the view's stream is behind; absent until it has read something.
fn lag(server: &Server, view: &str) -> Option<f64> {
    let asked = async {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let figures = http.get(format!("{}/v1/observability/metrics", server.url));
        let figures = figures.header("authorization", format!("Tecton-key {KEY}"));
        figures.send().await.unwrap().text().await.unwrap()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let figures = runtime.block_on(asked);
    let name = format!("fvtop_stream_lag_seconds{{workspace=\"prod\",feature_view=\"{view}\"}} ");
    figures.lines().find_map(|line| line.strip_prefix(&name)).map(|value| value.parse().unwrap())
}

/// A repository with only the views under test, so that the test does not wait for the rest.
fn repository(folder: &std::path::Path, views: &[&str]) {
    let from = example_repository();
    for name in ["workspaces.toml", "entities.toml", "sources.toml"] {
        std::fs::copy(from.join(name), folder.join(name)).unwrap();
    }
    std::fs::create_dir_all(folder.join("views")).unwrap();
    for view in views {
        let name = format!("views/{view}.toml");
        std::fs::copy(from.join(&name), folder.join(&name)).unwrap();
    }
    std::os::unix::fs::symlink(from.join("data"), folder.join("data")).unwrap();
    let workspaces = std::fs::read_to_string(folder.join("workspaces.toml")).unwrap();
    let unordered: String = workspaces.lines().filter(|l| !l.starts_with("views")).map(|l| format!("{l}\n")).collect();
    std::fs::write(folder.join("workspaces.toml"), unordered).unwrap();
}

#[test]
fn a_lookup_equals_the_events() {
    let folder = tempfile::tempdir().unwrap();
    let repo = folder.path().join("repo");
    std::fs::create_dir(&repo).unwrap();
    let views = ["carrier_delays", "route_stats", "aircraft_state", "origin_carriers"];
    repository(&repo, &views);
    let server = Server::start_on_example_data(&repo, &folder.path().join("data"));
    for view in views {
        wait_until_materialized(&server, view);
    }
    // Windows end at whole hours: a check that an hour's turn falls into is made again.
    loop {
        let hour = micros_now().div_euclid(HOUR);
        carriers(&server);
        routes(&server);
        aircraft(&server);
        origins(&server);
        if micros_now().div_euclid(HOUR) == hour {
            break;
        }
    }
}

fn carriers(server: &Server) {
    let now = micros_now();
    let end = now.div_euclid(HOUR) * HOUR;
    let events = events(now);
    let within = |span: i64| col("t").gt_eq(lit(end - span)).and(col("t").lt(lit(end)));
    let over = |column: &str, span: i64| col(column).filter(within(span));
    for carrier in ["UA", "B6", "EV", "HA", "no such carrier"] {
        let expected = arrived(&events, now)
            .filter(col("carrier").eq(lit(carrier)))
            .select([
                over("dep_delay", HOUR).count().alias("dep_delay_count_1h_1h"),
                over("dep_delay", HOUR).mean().alias("dep_delay_mean_1h_1h"),
                over("dep_delay", HOUR).max().alias("dep_delay_max_1h_1h"),
                over("arr_delay", 6 * HOUR).count().alias("arr_delay_count_6h_1h"),
                over("arr_delay", 6 * HOUR).mean().alias("arr_delay_mean_6h_1h"),
                over("arr_delay", DAY).mean().alias("arr_delay_mean_1d_1h"),
                over("arr_delay", DAY).max().alias("arr_delay_max_1d_1h"),
                when(over("arr_delay", DAY).count().gt(lit(0)))
                    .then(over("arr_delay", DAY).sum())
                    .otherwise(lit(NULL))
                    .alias("arr_delay_sum_1d_1h"),
            ])
            .collect()
            .unwrap();
        assert_row(carrier, &lookup(server, "carrier_delays", &[("carrier", carrier)]), &expected);
    }
}

fn routes(server: &Server) {
    let now = micros_now();
    let end = now.div_euclid(3 * HOUR) * 3 * HOUR;
    let events = events(now);
    let within = |span: i64| col("t").gt_eq(lit(end - span)).and(col("t").lt(lit(end)));
    let over = |column: &str, span: i64| col(column).filter(within(span));
    for (origin, dest) in [("JFK", "LAX"), ("LGA", "ATL"), ("EWR", "ANC"), ("EWR", "BOS")] {
        let expected = arrived(&events, now)
            .filter(col("origin").eq(lit(origin)).and(col("dest").eq(lit(dest))))
            .select([
                over("arr_delay", 12 * HOUR).count().alias("arr_delay_count_12h_3h"),
                over("arr_delay", 12 * HOUR).mean().alias("arr_delay_mean_12h_3h"),
                over("arr_delay", 12 * HOUR).std(1).alias("arr_delay_stddev_12h_3h"),
                over("arr_delay", 3 * DAY).std(1).alias("arr_delay_stddev_3d_3h"),
                over("air_time", 3 * DAY).min().alias("air_time_min_3d_3h"),
                over("air_time", 3 * DAY).mean().alias("air_time_mean_3d_3h"),
            ])
            .collect()
            .unwrap();
        let got = lookup(server, "route_stats", &[("origin", origin), ("dest", dest)]);
        assert_row(&format!("{origin}-{dest}"), &got, &expected);
    }
}

fn aircraft(server: &Server) {
    let now = micros_now();
    let minute = HOUR / 60;
    let events = events(now);
    // Aircraft that flew in the last hours and of which nothing is reported around now: their state stands still.
    let busy = events
        .clone()
        .lazy()
        .filter(col("arrives").gt_eq(lit(now - minute)).and(col("arrives").lt_eq(lit(now + 5 * minute))));
    let quiet = events
        .clone()
        .lazy()
        .filter(col("arrives").gt_eq(lit(now - 3 * HOUR)).and(col("arrives").lt_eq(lit(now - minute))))
        .filter(col("tailnum").is_not_null())
        .join(busy, [col("tailnum")], [col("tailnum")], JoinArgs::new(JoinType::Anti))
        .select([col("tailnum").unique_stable()])
        .limit(8)
        .collect()
        .unwrap();
    assert!(quiet.height() > 0, "no aircraft flew in three hours");
    for tail in quiet.column("tailnum").unwrap().str().unwrap().iter().flatten() {
        let expected = arrived(&events, now)
            .filter(col("tailnum").eq(lit(tail)))
            .tail(1)
            .select(["carrier", "origin", "dest", "dep_delay", "arr_delay", "cancelled"].map(col))
            .collect()
            .unwrap();
        assert_row(tail, &lookup(server, "aircraft_state", &[("tailnum", tail)]), &expected);
    }
}

/// A lookup without the wildcard key has a row for each carrier of the last six hours, and no other.
fn origins(server: &Server) {
    let now = micros_now();
    let end = now.div_euclid(HOUR) * HOUR;
    let events = events(now);
    let within = col("t").gt_eq(lit(end - 6 * HOUR)).and(col("t").lt(lit(end)));
    for origin in ["JFK", "LGA", "no such airport"] {
        let expected = arrived(&events, now)
            .filter(col("origin").eq(lit(origin)).and(within.clone()))
            .group_by([col("carrier")])
            .agg([col("distance").count().alias("flights_6h"), col("dep_delay").mean().alias("dep_delay_mean_6h_1h")])
            .sort(["carrier"], SortMultipleOptions::default())
            .collect()
            .unwrap();
        let answer = server.json(&["lookup", "origin_carriers", &format!("origin={origin}"), "--json"]);
        let rows = answer["rows"].as_array().expect("a list of rows");
        let keys: Vec<&Value> = rows.iter().map(|row| &row["join_keys"]).collect();
        let carriers = expected.column("carrier").unwrap().str().unwrap().iter().flatten();
        let wanted: Vec<Value> = carriers.map(|carrier| json!({"origin": origin, "carrier": carrier})).collect();
        assert_eq!(keys, wanted.iter().collect::<Vec<_>>(), "{origin}");
        assert_eq!(rows.is_empty(), origin == "no such airport", "{origin}");
        let values = expected.select(["flights_6h", "dep_delay_mean_6h_1h"]).unwrap();
        for (place, row) in rows.iter().enumerate() {
            let context = format!("{origin}, {}", row["join_keys"]["carrier"]);
            assert_row(&context, &features(row), &values.slice(place as i64, 1));
        }
    }
}
