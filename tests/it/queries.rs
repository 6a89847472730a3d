//! `fvtop run`, `fvtop history` and `fvtop datasets` as scripts use them.
//!
//! Expectations are made by hand or from another way to the same values; no line of the platform makes them.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{Server, example_repository, fvtop, stderr, stdout};

/// Five flights of two carriers within two hours; the third never left.
const FLIGHTS: &str = "carrier,timestamp,dep_delay,arr_delay\n\
    UA,2026-11-22T10:05:00Z,10.0,20.0\n\
    UA,2026-11-22T10:55:00Z,20.0,\n\
    007,2026-11-22T10:30:00Z,,\n\
    UA,2026-11-22T11:00:00Z,30.0,40.0\n\
    007,2026-11-22T11:59:59.999999Z,5.0,-5.0\n";

fn file(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The rows of a command with `--format json`, in the order of their JSON.
fn rows(server: &Server, arguments: &[&str]) -> Vec<Value> {
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--format", "json"]).collect();
    let mut rows = server.json(&arguments).as_array().expect("a list of rows").clone();
    rows.sort_by_key(ToString::to_string);
    rows
}

/// What a refused command said; it must end with that code.
fn refused(server: &Server, code: i32, arguments: &[&str]) -> String {
    let output = server.run(arguments);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    assert!(output.stdout.is_empty(), "{arguments:?}: nothing goes to standard output");
    said
}

fn server(folder: &Path) -> Server {
    Server::start(&example_repository(), &folder.join("data"))
}

#[test]
fn run_computes_each_level_from_a_mock_source() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    let mock = format!("flights={}", file(folder.path(), "flights.csv", FLIGHTS));
    let run = |level: &str| {
        let window = ["--start", "2026-11-22T10:00:00Z", "--end", "2026-11-22T12:00:00Z"];
        let arguments = [&["run", "carrier_delays", "--mock", &mock, "--level", level], &window[..]].concat();
        rows(&server, &arguments)
    };
    assert_eq!(run("disabled").len(), 5);
    // A tile for each carrier and hour, those with nothing but nulls too.
    assert_eq!(run("partial").len(), 4);
    let full = run("full");
    assert_eq!(full.len(), 4);
    let at = |carrier: &str, end: &str| {
        let found = full.iter().find(|row| row["carrier"] == carrier && row["timestamp"] == end);
        found.unwrap_or_else(|| panic!("no row of {carrier} at {end} in {full:?}")).clone()
    };
    let first = at("UA", "2026-11-22T11:00:00Z");
    assert_eq!((&first["dep_delay_count_1h_1h"], &first["dep_delay_mean_1h_1h"]), (&json!(2), &json!(15.0)));
    let second = at("UA", "2026-11-22T12:00:00Z");
    assert_eq!((&second["dep_delay_count_1h_1h"], &second["arr_delay_count_6h_1h"]), (&json!(1), &json!(2)));
    assert_eq!(second["arr_delay_sum_1d_1h"], json!(60));
    // The key of digits stayed text.
    let digits = at("007", "2026-11-22T11:00:00Z");
    assert_eq!((&digits["dep_delay_count_1h_1h"], &digits["dep_delay_mean_1h_1h"]), (&json!(0), &Value::Null));
}

#[test]
fn run_tells_what_is_wrong_with_its_arguments() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    let mock = format!("weather={}", file(folder.path(), "flights.csv", FLIGHTS));
    for (arguments, word) in [
        (&["run", "carrier_delays", "--level", "half"][..], "half"),
        (&["run", "aircraft_state", "--level", "full"][..], "aggregat"),
        (&["run", "carrier_delays", "--mock", &mock][..], "weather"),
        (&["run", "carrier_delays", "--start", "2026-11-22", "--end", "2026-11-21"][..], "end"),
        (&["run", "nothing"][..], "nothing"),
    ] {
        let said = refused(&server, 1, arguments);
        assert!(said.contains(word), "{arguments:?}: {said}");
    }
}

/// A spine over the hours before the last whole day, well inside what the backfill has written.
fn spine(folder: &Path) -> String {
    let now = chrono::Utc::now();
    let mut text = "row,carrier,at\n".to_owned();
    for (row, hours) in (30..42).enumerate() {
        for carrier in ["UA", "B6", "none such"] {
            let at = (now - chrono::TimeDelta::hours(hours)).to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
            text.push_str(&format!("{row},{carrier},{at}\n"));
        }
    }
    file(folder, "spine.csv", &text)
}

#[test]
fn history_is_the_same_from_the_store_and_from_the_source() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    server.wait_for_backfill("carrier_delays");
    let spine = spine(folder.path());
    let history = ["history", "carrier_delays", "--spine", &spine, "--timestamp-key", "at"];
    let stored = rows(&server, &history);
    assert_eq!(stored.len(), 36, "one row for each row of the spine");
    let counted = |row: &Value| row["carrier_delays.arr_delay_count_6h_1h"].as_i64().unwrap_or_else(|| panic!("{row}"));
    assert!(stored.iter().any(|row| counted(row) > 0), "{:?}", stored.first());
    assert!(stored.iter().filter(|row| row["carrier"] == "none such").all(|row| counted(row) == 0));
    let computed = rows(&server, &[&history[..], &["--from-source"]].concat());
    assert_eq!(stored, computed);

    let said = refused(&server, 1, &["history", "carrier_delays", "--workspace", "dev"]);
    assert!(said.contains("--from-source"), "{said}");
}

#[test]
fn files_say_what_stands_in_them() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    let odd = "1.10,9007199254740993,12e4,2024-01-02,-0,\u{202e}";
    let text = format!("carrier,at,version,order_id,sha,day,delta,name\n\n007,2026-11-22 10:30:00+00,{odd}\n\n");
    let spine = file(folder.path(), "odd.csv", &text);
    let history = ["history", "carrier_delays", "--from-source", "--spine", &spine, "--timestamp-key", "at"];
    let said = |more: &[&str]| {
        let output = server.run(&[&history[..], more].concat());
        let said = stderr(&output);
        assert!(output.status.success(), "{said}");
        (stdout(&output), said)
    };
    let (rows, _) = said(&["--raw"]);
    assert_eq!(rows.lines().count(), 2, "an empty line is no row: {rows}");
    assert!(rows.lines().nth(1).unwrap().starts_with(&format!("007,2026-11-22T10:30:00Z,{odd},")), "{rows}");
    let (rows, told) = said(&[]);
    assert!(rows.contains(",\\u202e,") && told.contains("1 value with control characters"), "{rows} {told}");

    let half = file(folder.path(), "half.jsonl", "{\"carrier\":\"UA\"}\n{\"carrier\":\"U\\ud83d\"}\n");
    let told = refused(&server, 1, &["history", "carrier_delays", "--from-source", "--entities", &half]);
    assert!(told.contains("half.jsonl, line 2") && told.contains("half a surrogate pair"), "{told}");

    let mock = FLIGHTS.replace("30.0,40.0", "30.0,40.5");
    let mock = format!("flights={}", file(folder.path(), "cut.csv", &mock));
    let run = ["run", "carrier_delays", "--start", "2026-11-22T10:00", "--end", "2026-11-22T12:00", "--mock", &mock];
    let told = refused(&server, 1, &run);
    assert!(told.contains("column `arr_delay`: row 4 holds `40.5`, which is no int64"), "{told}");
    let missing = folder.path().join("missing/x.csv");
    let told = refused(&server, 1, &[&history[..], &["--out", missing.to_str().unwrap()]].concat());
    assert!(told.contains("missing/x.csv cannot be written"), "{told}");
}

#[test]
fn a_dataset_survives_a_kill_and_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let spine = spine(folder.path());
    let history = ["history", "carrier_delays", "--spine", &spine, "--from-source", "--save-as", "mine"];
    let killed = server(folder.path());
    let kept = rows(&killed, &history);
    killed.kill();

    let server = server(folder.path());
    let list = server.json(&["datasets", "list", "--json"]);
    assert_eq!(list[0]["name"], "mine", "{list}");
    let shown = server.json(&["datasets", "show", "mine", "--json"]);
    assert_eq!((&shown["key_columns"], &shown["timestamp_key"]), (&json!(["row", "carrier"]), &json!("at")));
    assert_eq!(shown["rows"].as_u64(), Some(kept.len() as u64));
    assert_eq!(rows(&server, &["datasets", "read", "mine"]), kept);
    let said = refused(&server, 1, &history);
    assert!(said.contains("`mine`"), "{said}");
}

#[test]
fn rows_go_into_files_whole_and_are_not_replaced_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path());
    let mock = format!("flights={}", file(folder.path(), "flights.csv", FLIGHTS));
    let run = |out: &PathBuf, force: bool| {
        let out = out.to_str().unwrap();
        let window = ["--start", "2026-11-22T10:00:00Z", "--end", "2026-11-22T12:00:00Z", "--out", out];
        let mut arguments = [&["run", "carrier_delays", "--level", "disabled", "--mock", &mock], &window[..]].concat();
        arguments.extend(force.then_some("--force"));
        server.run(&arguments)
    };
    for name in ["rows.parquet", "rows.csv", "rows.jsonl"] {
        let path = folder.path().join(name);
        let output = run(&path, false);
        assert!(output.status.success() && output.stdout.is_empty(), "{}", stderr(&output));
        let before = std::fs::read(&path).unwrap();
        assert_eq!(run(&path, false).status.code(), Some(1));
        assert_eq!(std::fs::read(&path).unwrap(), before);
        assert!(run(&path, true).status.success());
    }
    let csv = std::fs::read_to_string(folder.path().join("rows.csv")).unwrap();
    assert!(
        csv.starts_with("carrier,timestamp,dep_delay,arr_delay\n") && csv.contains("007,2026-11-22T10:30:00Z,,\n"),
        "{csv}"
    );
    // A pipe gets CSV without being asked.
    let output =
        server.run(&["run", "carrier_delays", "--level", "disabled", "--mock", &mock, "--end", "2026-11-22T11:00:00Z"]);
    assert_eq!(stdout(&output).lines().count(), 4);
}

#[test]
fn the_separator_of_feature_names_is_a_setting() {
    let folder = tempfile::tempdir().unwrap();
    let spine = spine(folder.path());
    let output = fvtop()
        .args(["history", "carrier_delays", "--spine", &spine, "--from-source", "--feature-separator", "__", "--repo"])
        .arg(example_repository())
        .arg("--data-dir")
        .arg(folder.path().join("data"))
        .output()
        .unwrap();
    let said = stdout(&output);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(said.lines().next().unwrap().contains("carrier_delays__arr_delay_mean_1d_1h"), "{said}");
}
