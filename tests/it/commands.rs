//! Jobs and deletion on the command line: trigger, refusal, overwrite, cancel, wait, retry, deleted keys, status
//! tables.
//!
//! Expectations are counted from the events of a repository of the tests' own.

use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use polars::prelude::*;
use serde_json::{Value, json};

use crate::support::{PATIENT, Server, Terminal, wait_for, write_parquet};

const DEFINITIONS: [(&str, &str); 5] = [
    ("workspaces.toml", "[[workspace]]\nname = \"prod\"\nlive = true\ndescription = \"What serves.\"\n"),
    (
        "entities.toml",
        "[[entity]]\nname = \"user\"\ndescription = \"A user.\"\nowner = \"tests@example.com\"\n\
         join_keys = [{ name = \"user_id\", type = \"int64\" }]\n",
    ),
    (
        "sources.toml",
        "[[source]]\nname = \"clicks\"\ndescription = \"Clicks.\"\nowner = \"tests@example.com\"\n\
         files = \"clicks.parquet\"\ntimestamp_column = \"timestamp\"\n\
         [[source]]\nname = \"later\"\ndescription = \"Clicks whose file breaks.\"\nowner = \"tests@example.com\"\n\
         files = \"later.parquet\"\ntimestamp_column = \"timestamp\"\n",
    ),
    (
        "views/clicks_hourly.toml",
        "name = \"clicks_hourly\"\nsource = \"clicks\"\nsql = \"SELECT user_id, timestamp, amount FROM clicks\"\n",
    ),
    (
        "views/clicks_later.toml",
        "name = \"clicks_later\"\nsource = \"later\"\nsql = \"SELECT user_id, timestamp, amount FROM later\"\n",
    ),
];

const REST: &str = r#"
description = "How much users click."
owner = "tests@example.com"
entities = ["user"]
mode = "spark_sql"
online = true
offline = true
aggregation_interval = "1h"
aggregations = [{ column = "amount", function = "count", time_window = "1d" }]
batch_schedule = "1h"
feature_start_time = "apply - 1d"
batch_trigger = "manual"
"#;

/// Six clicks of each of five users an hour, in the two days up to now.
fn clicks(path: &Path) {
    let now = Utc::now().timestamp_micros();
    let rows = 2 * 24 * 30;
    let times: Vec<i64> = (0..rows).map(|i| now - (rows - i) * 120_000_000).collect();
    let users: Vec<i64> = (0..rows).map(|i| i % 5).collect();
    let frame = df!("user_id" => users, "timestamp" => times, "amount" => vec![1_i64; rows as usize]).unwrap();
    write_parquet(path, frame, &["timestamp"]);
}

fn repository(folder: &Path) -> PathBuf {
    let repo = folder.join("repo");
    std::fs::create_dir_all(repo.join("views")).unwrap();
    for (name, text) in DEFINITIONS {
        let rest = if name.starts_with("views/") { REST } else { "" };
        std::fs::write(repo.join(name), format!("{text}{rest}")).unwrap();
    }
    clicks(&repo.join("clicks.parquet"));
    clicks(&repo.join("later.parquet"));
    repo
}

/// A server of views that users trigger by hand.
pub(crate) fn start(folder: &Path) -> Server {
    Server::start(&repository(folder), &folder.join("data"))
}

thread_local! {
    /// The whole hour that was the last one when the test of this thread first asked: a test that runs over the end of
    /// an hour goes on in its own.
    static LAST: i64 = Utc::now().timestamp().div_euclid(3_600) * 3_600;
}

/// The instant so many whole hours before the last whole hour.
pub(crate) fn hour(back: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(LAST.with(|last| *last), 0).unwrap() - TimeDelta::hours(back)
}

/// An instant as requests name it.
pub(crate) fn text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// Arguments that trigger the hours from `from` to `to` before the last whole one, then more of them.
fn trigger<'a>(view: &'a str, from: i64, to: i64, more: &[&'a str]) -> Vec<String> {
    let window = ["--start".to_owned(), text(hour(from)), "--end".to_owned(), text(hour(to))];
    let head = ["jobs", "trigger", view].into_iter().chain(more.iter().copied()).map(str::to_owned);
    head.chain(window).collect()
}

/// What a command said on standard output and on standard error; it must end with that code.
fn ends(server: &Server, code: i32, arguments: &[&str]) -> (String, String) {
    let output = server.run(arguments);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, said) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {out}{said}");
    (out, said)
}

fn triggered(server: &Server, code: i32, arguments: &[String]) -> (Value, String) {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(["--json"]).collect();
    let (out, said) = ends(server, code, &arguments);
    (if out.is_empty() { Value::Null } else { serde_json::from_str(&out).unwrap() }, said)
}

fn id(job: &Value) -> &str {
    job["id"].as_str().unwrap()
}

/// How many clicks of a user the online store counts.
fn online(server: &Server, user: i64) -> Value {
    let vector = server.json(&["lookup", "clicks_hourly", &format!("user_id={user}"), "--json"]);
    vector["features"][0]["value"].clone()
}

/// Users that the offline store has rows of.
fn offline(server: &Server) -> Vec<i64> {
    let (start, end) = (text(hour(23)), text(hour(0)));
    let rows = server.json(&["history", "clicks_hourly", "--start", &start, "--end", &end, "--format", "json"]);
    let mut users: Vec<i64> = rows.as_array().unwrap().iter().filter_map(|row| row["user_id"].as_i64()).collect();
    users.sort_unstable();
    users.dedup();
    users
}

const BOTH: [&str; 2] = ["--online", "--offline"];

#[test]
fn a_job_is_triggered_refused_overwritten_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path());
    let (job, said) = triggered(
        &server,
        0,
        &trigger("clicks_hourly", 3, 0, &["--online", "--offline", "--wait", "--timeout", PATIENT]),
    );
    assert_eq!((&job["state"], &job["window_start"]), (&json!("SUCCESS"), &json!(text(hour(3)))));
    assert!(said.contains(&format!("started job {}", id(&job))), "{said}");
    assert_eq!(online(&server, 1), json!(18));

    let (nothing, said) = triggered(&server, 1, &trigger("clicks_hourly", 2, 0, &BOTH));
    assert_eq!(nothing, Value::Null);
    assert!(said.contains("materialized already") && said.contains(id(&job)) && said.contains("overwrite"), "{said}");
    let (_, said) = triggered(&server, 1, &trigger("clicks_hourly", 5, 4, &[]));
    assert!(said.contains("Choose at least one store"), "{said}");
    let unaligned = ["jobs", "trigger", "clicks_hourly", "--start", "2026-01-01T00:30", "--end", "2026-01-01T01:00"];
    let (_, said) = ends(&server, 1, &[&unaligned[..], &BOTH].concat());
    assert!(
        said.contains("batch schedule 1h") && said.contains("2026-01-01 00:00:00 and 2026-01-01 01:00:00"),
        "{said}"
    );

    let again = trigger("clicks_hourly", 3, 0, &["--online", "--offline", "--overwrite", "--wait"]);
    let (second, _) = triggered(&server, 0, &again);
    assert!(second["state"] == "SUCCESS" && second["id"] != job["id"], "{second}");
    assert_eq!(online(&server, 1), json!(18), "a period that is written twice counts once");

    let shown = server.json(&["jobs", "show", &id(&second)[..12], "--json"]);
    assert_eq!(shown["id"], second["id"]);
    let (text, _) = ends(&server, 0, &["jobs", "show", id(&second)]);
    assert!(text.contains("SUCCESS") && text.contains("ATTEMPT"), "{text}");
    ends(&server, 0, &["jobs", "log", id(&second), "--view", "clicks_hourly"]);
    let (_, said) = ends(&server, 1, &["jobs", "log", id(&second), "--attempt", "9"]);
    assert!(said.contains("no attempt 9"), "{said}");
    let (_, said) = ends(&server, 1, &["jobs", "show", "00000000"]);
    assert!(said.contains("No job's id begins with 00000000"), "{said}");

    let coverage = server.json(&["coverage", "clicks_hourly", "--json"]);
    assert_eq!(coverage["offline"], json!([{"start": self::text(hour(3)), "end": self::text(hour(0))}]));
    let status = server.json(&["status", "clicks_hourly", "--verbose", "--sort-columns", "Job_Created_At", "--json"]);
    let tasks: Vec<&str> =
        status.as_array().unwrap().iter().map(|row| row["MATERIALIZATION_TASK"].as_str().unwrap()).collect();
    assert_eq!(tasks.len(), 2);
    let (_, said) = ends(&server, 1, &["status", "clicks_hourly", "--sort-columns", "age"]);
    assert!(said.contains("`age` is not a column") && said.contains("WINDOW_START_TIME"), "{said}");
}

#[test]
fn a_failed_job_is_waited_for_cancelled_and_tried_again_once_its_source_is_mended() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path());
    let source = folder.path().join("repo/later.parquet");
    std::fs::write(&source, "no longer Parquet").unwrap();
    let (job, said) = triggered(&server, 1, &trigger("clicks_later", 2, 1, &["--offline", "--no-retries", "--wait"]));
    assert_eq!((&job["state"], &job["attempts"].as_array().unwrap().len()), (&json!("FAILURE"), &1));
    assert!(said.contains("ended as FAILURE") && said.contains("later.parquet"), "{said}");
    let errors = server.json(&["status", "clicks_later", "--errors-only", "--verbose", "--json"]);
    assert_eq!(errors[0]["STATUS"], "ERROR");
    assert!(errors[0]["STATE_MESSAGE"].as_str().unwrap().contains("later.parquet"), "{errors}");

    // A job that waits for its next attempt: running for whoever waits, until it is cancelled.
    let (waiting, _) = triggered(&server, 0, &trigger("clicks_later", 4, 3, &["--offline"]));
    wait_for("the first attempt to fail", crate::support::GUARD, || {
        let shown = server.json(&["jobs", "show", id(&waiting), "--view", "clicks_later", "--json"]);
        shown["next_attempt_at"].is_string().then_some(())
    });
    let (_, said) = ends(&server, 4, &["jobs", "wait", id(&waiting), "--view", "clicks_later", "--timeout", "1s"]);
    assert!(said.contains("has not ended within 1 s") && said.contains("RUNNING"), "{said}");
    let (_, said) = ends(&server, 1, &["jobs", "retry", id(&waiting)]);
    assert!(said.contains("RUNNING"), "{said}");
    let (out, said) = ends(&server, 2, &["jobs", "cancel", id(&waiting)]);
    assert!(out.is_empty() && said.contains("--yes") && said.contains(id(&waiting)), "{out}{said}");
    let (asked, said) = ends(&server, 0, &["jobs", "cancel", id(&waiting), id(&job), "--yes", "--json"]);
    let asked: Value = serde_json::from_str(&asked).unwrap();
    let asked = asked.as_array().unwrap().iter().find(|asked| asked["id"] == waiting["id"]).unwrap();
    assert_eq!(asked["state"], "MANUAL_CANCELLATION_REQUESTED", "that its end is asked for comes first");
    assert!(said.contains(&format!("job {} is FAILURE and is left as it is", id(&job))), "{said}");
    let (out, said) = ends(&server, 1, &["jobs", "wait", id(&waiting), "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["state"], "MANUALLY_CANCELLED", "{said}");
    let (again, _) = ends(&server, 0, &["jobs", "cancel", id(&waiting), "--yes", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&again).unwrap()[0]["state"], "MANUALLY_CANCELLED");

    clicks(&source);
    let (out, said) = ends(&server, 0, &["jobs", "retry", id(&job), "--wait", "--timeout", "15m", "--json"]);
    let mended: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&mended["id"], &mended["state"]), (&job["id"], &json!("SUCCESS")), "{said}");
    assert_eq!(mended["attempts"].as_array().unwrap().len(), 2);
}

#[test]
fn keys_are_deleted_online_and_offline_and_their_neighbours_remain() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path());
    triggered(&server, 0, &trigger("clicks_hourly", 3, 0, &["--online", "--offline", "--wait"]));
    assert_eq!((online(&server, 1), offline(&server)), (json!(18), vec![0, 1, 2, 3, 4]));
    let file = folder.path().join("keys.csv");
    std::fs::write(&file, "user_id\n1\n3\n1\n").unwrap();
    let file = file.to_str().unwrap();

    let (out, said) = ends(&server, 2, &["delete-keys", "clicks_hourly", "--keys", file]);
    let summary =
        format!("This would delete 2 keys (3 given) from {file} of `clicks_hourly` in `prod`, online and offline.");
    assert!(out.is_empty() && said.contains(&summary) && said.contains("--yes clicks_hourly"), "{said}");
    let (_, said) = ends(&server, 2, &["delete-keys", "clicks_hourly", "--keys", file, "--yes", "clicks_later"]);
    assert!(said.contains("`clicks_later` is not the name of the view"), "{said}");
    let wrong = ["delete-keys", "clicks_hourly", "--key", "user=1", "--yes", "clicks_hourly"];
    let (_, said) = ends(&server, 1, &wrong);
    assert!(said.contains("lacks `user_id`") && said.contains("`user`"), "{said}");
    assert_eq!((online(&server, 1), offline(&server).len()), (json!(18), 5), "nothing was deleted so far");

    let yes = ["--yes", "clicks_hourly", "--wait", "--timeout", "15m", "--json"];
    let deleted = server.json(&[&["delete-keys", "clicks_hourly", "--keys", file][..], &yes].concat());
    let jobs = deleted["jobs"].as_array().unwrap();
    assert_eq!(jobs.len(), 2, "{deleted}");
    assert!(jobs.iter().all(|job| job["state"] == "SUCCESS" && job["type"] == "DELETION"), "{deleted}");
    assert_eq!((online(&server, 1), online(&server, 3), online(&server, 2)), (json!(0), json!(0), json!(18)));
    assert_eq!(offline(&server), [0, 2, 4]);

    // One store alone, keys as they are typed.
    let typed = ["delete-keys", "clicks_hourly", "--key", "user_id=2", "--online"];
    let deleted = server.json(&[&typed[..], &yes].concat());
    assert_eq!(deleted["jobs"].as_array().unwrap().len(), 1, "{deleted}");
    assert_eq!((online(&server, 2), online(&server, 4), offline(&server)), (json!(0), json!(18), vec![0, 2, 4]));

    let status = server.json(&["status", "clicks_hourly", "--deletions", "--json"]);
    let rows = status.as_array().unwrap();
    assert_eq!(rows.len(), 3, "{status}");
    let expected =
        |row: &&Value| row["TYPE"] == "DELETION" && row["STATUS"] == "SUCCESS" && row["WINDOW_START_TIME"] == "N/A";
    assert_eq!(rows.iter().filter(expected).count(), 3, "{status}");
}

#[test]
fn on_a_terminal_the_views_name_is_asked_for_before_keys_are_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path());
    triggered(&server, 0, &trigger("clicks_hourly", 3, 0, &["--online", "--offline", "--wait"]));
    let arguments = ["delete-keys", "clicks_hourly", "--key", "user_id=1", "--wait", "--url", &server.url];
    for (typed, code, left) in [("yes\r", 1, json!(18)), ("clicks_hourly\r", 0, json!(0))] {
        let mut terminal = Terminal::start(160, 40, &arguments, &[("TECTON_API_KEY", crate::support::KEY)]);
        terminal.until("Type the view's name to do it:");
        terminal.until("Delete 1 key of `clicks_hourly` in `prod`, online and offline?");
        terminal.type_keys(typed);
        assert_eq!(terminal.ended(), code, "{}", terminal.screen());
        assert_eq!(online(&server, 1), left);
    }
}
