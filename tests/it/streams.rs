//! A stream view whose server is killed while events come: afterwards the values are those of all events, each counted
//! once, and every event that was read is accounted for. And the commands about streams.

use std::path::Path;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use polars::prelude::*;
use serde_json::Value as Json;

use crate::support::{Server, Starting, fvtop};

/// Events, one every so many milliseconds; the first few have arrived and are written before the others come.
const EVENTS: i64 = 400;
const EVERY: i64 = 25;
const BEFORE: i64 = 20;
const KILLS: u64 = 6;
/// How long everything may take to arrive: much longer than it does.
const PATIENCE: Duration = Duration::from_secs(600);

/// What becomes of event number `number`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Written,
    /// The query makes no row of it.
    Filtered,
    /// Far behind the watermark.
    Late,
    /// The query fails on it.
    Poisoned,
}

fn end_of(number: i64) -> End {
    match number % 20 {
        // The first write takes what is there, however late it is.
        11 if number < BEFORE => End::Written,
        7 => End::Filtered,
        11 => End::Late,
        13 => End::Poisoned,
        _ => End::Written,
    }
}

/// The repository of a view that counts and sums events of two users, all of whose batch jobs are somebody's own affair.
fn make(repo: &Path) {
    std::fs::create_dir_all(repo.join("views")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(repo.join(name), text).unwrap();
    write("workspaces.toml", "[[workspace]]\nname = \"prod\"\nlive = true\n");
    write("entities.toml", "[[entity]]\nname = \"user\"\njoin_keys = [{ name = \"user_id\", type = \"string\" }]\n");
    write(
        "sources.toml",
        "[[source]]\nname = \"clicks\"\nfiles = \"clicks.parquet\"\ntimestamp_column = \"at\"\n[source.stream]\nfiles = \
         \"clicks.parquet\"\narrival = { column = \"arrived\" }\norder = \"number\"\nwatermark = \"1h\"\nretention = \"1d\"\n",
    );
    write(
        "views/clicks.toml",
        "name = \"clicks_of_user\"\nentities = [\"user\"]\nsource = \"clicks\"\nmode = \"spark_sql\"\nsql = \"SELECT user_id, at, \
         CAST(amount AS BIGINT) AS amount FROM clicks WHERE amount <> '-1'\"\nonline = true\noffline = true\nbatch_schedule = \
         \"1h\"\nbatch_trigger = \"manual\"\nfeature_start_time = \"apply - 1d\"\naggregation_interval = \"1m\"\naggregations = \
         [\n  { column = \"amount\", function = \"count\", time_window = \"12h\" },\n  { column = \"amount\", function = \
         \"sum\", time_window = \"12h\" },\n]\n",
    );
}

/// Writes the first `events` events: those before `BEFORE` arrived before `began`, the others from `begins` on.
fn publish(repo: &Path, events: i64, (began, begins): (DateTime<Utc>, DateTime<Utc>)) {
    let numbers: Vec<i64> = (0..events).collect();
    let arrived = |number: &i64| {
        let from = if *number < BEFORE { began } else { begins };
        from.timestamp_micros() + (number - BEFORE) * EVERY * 1_000
    };
    let at = |number: &i64| match end_of(*number) {
        End::Late => arrived(number) - 5 * 3_600_000_000,
        _ => arrived(number) - number % 7 * 1_000_000,
    };
    let amount = |number: &i64| match end_of(*number) {
        End::Filtered => "-1".to_owned(),
        End::Poisoned => "many".to_owned(),
        _ => number.to_string(),
    };
    let utc = DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
    let frame = df!(
        "number" => &numbers,
        "user_id" => numbers.iter().map(|number| user(*number)).collect::<Vec<_>>(),
        "at" => numbers.iter().map(at).collect::<Vec<_>>(),
        "arrived" => numbers.iter().map(arrived).collect::<Vec<_>>(),
        "amount" => numbers.iter().map(amount).collect::<Vec<_>>(),
    );
    let times = ["at", "arrived"].map(|name| col(name).cast(utc.clone()));
    let mut frame = frame.unwrap().lazy().with_columns(times).collect().unwrap();
    let (made, place) = (repo.join("clicks.new"), repo.join("clicks.parquet"));
    ParquetWriter::new(std::fs::File::create(&made).unwrap()).finish(&mut frame).unwrap();
    std::fs::rename(made, place).unwrap();
}

fn user(number: i64) -> &'static str {
    if number % 3 == 0 { "b" } else { "a" }
}

fn shown(server: &Server) -> Json {
    server.json(&["stream", "show", "clicks_of_user", "--workspace", "prod", "--json"])
}

fn count(shown: &Json, name: &str) -> u64 {
    shown["total"][name].as_u64().unwrap_or_else(|| panic!("{name}: {shown}"))
}

/// The sum of everything that becomes of an event.
fn check_sum(shown: &Json) {
    let ends = ["written", "filtered", "late", "quarantined", "deduplicated"];
    let sum: u64 = ends.iter().map(|name| count(shown, name)).sum::<u64>() + shown["waiting"].as_u64().unwrap();
    assert_eq!(count(shown, "read"), sum, "{shown}");
}

/// Waits until so many events are read.
fn wait_for(server: &Server, events: u64) -> Json {
    let begun = Instant::now();
    loop {
        let told = shown(server);
        check_sum(&told);
        if count(&told, "read") >= events && told["waiting"] == 0 {
            return told;
        }
        assert!(begun.elapsed() < PATIENCE, "{told}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Count and sum of a user.
fn values(server: &Server, user: &str) -> (i64, i64) {
    let told = server.json(&["lookup", "clicks_of_user", &format!("user_id={user}"), "--workspace", "prod", "--json"]);
    let number = |at: usize| told["features"][at]["value"].as_i64().unwrap_or_default();
    (number(0), number(1))
}

/// Count and sum of the events of a user that are written.
fn expected(user_id: &str) -> (i64, i64) {
    let of = (0..EVENTS).filter(|number| end_of(*number) == End::Written && user(*number) == user_id);
    of.fold((0, 0), |(count, sum), number| (count + 1, sum + number))
}

#[test]
fn killed_while_events_come_nothing_counts_twice_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let (repo, data) = (folder.path().join("repo"), folder.path().join("data"));
    make(&repo);
    let began = Utc::now();
    publish(&repo, BEFORE, (began, began));
    let server = Server::start(&repo, &data);
    wait_for(&server, BEFORE as u64);
    server.kill();
    publish(&repo, EVENTS, (began, Utc::now()));
    let mut server = Server::start(&repo, &data);
    let mut read = BEFORE as u64;
    for kill in 0..KILLS {
        // Sometimes before it is up, sometimes in the middle of its work.
        std::thread::sleep(Duration::from_millis(kill * 137 % 700));
        server.kill();
        if kill % 3 == 2 {
            let starting = Starting::new(fvtop(), &repo, &data);
            std::thread::sleep(Duration::from_millis(kill * 211 % 900));
            starting.kill();
        }
        server = Server::start(&repo, &data);
        let told = shown(&server);
        check_sum(&told);
        assert!(count(&told, "read") >= read, "what was read stays read: {told}");
        read = count(&told, "read");
    }
    let told = wait_for(&server, EVENTS as u64);
    let ends =
        [("written", End::Written), ("filtered", End::Filtered), ("late", End::Late), ("quarantined", End::Poisoned)];
    for (name, end) in ends {
        let expected = (0..EVENTS).filter(|number| end_of(*number) == end).count() as u64;
        assert_eq!(count(&told, name), expected, "{name}: {told}");
    }
    assert_eq!(count(&told, "read"), EVENTS as u64);
    for user in ["a", "b"] {
        let begun = Instant::now();
        // Lookups see a tile once it is over.
        while values(&server, user) != expected(user) {
            let found = values(&server, user);
            assert!(begun.elapsed() < PATIENCE, "{user}: {found:?}, not {:?}", expected(user));
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    // All of it again, from the beginning.
    let refused = server.run(&["stream", "restart", "clicks_of_user", "--workspace", "prod", "--from", "beginning"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("All tiles of `clicks_of_user`"), "{said}");
    let from = ["--from", "beginning", "--yes"];
    let restarted = ["stream", "restart", "clicks_of_user", "--workspace", "prod", "--json"];
    server.json(&[&restarted[..], &from].concat());
    wait_for(&server, EVENTS as u64);
    // What is late depends on what came together: read at once, nothing is.
    let late = |user_id: &str| {
        let of = (0..EVENTS).filter(|number| end_of(*number) == End::Late && user(*number) == user_id);
        of.fold((0, 0), |(count, sum), number| (count + 1, sum + number))
    };
    for user in ["a", "b"] {
        let (written, late) = (expected(user), late(user));
        let found = values(&server, user);
        assert!(written.0 <= found.0 && found.0 <= written.0 + late.0, "{user}: {found:?}, {written:?}, {late:?}");
    }

    server.json(&["stream", "stop", "clicks_of_user", "--workspace", "prod", "--json"]);
    assert_eq!(shown(&server)["state"], "MANUALLY_CANCELLED");
    let started = server.json(&["stream", "start", "clicks_of_user", "--workspace", "prod", "--json"]);
    assert_eq!(started["state"], "RUNNING");
    let all = server.json(&["stream", "list", "--workspace", "prod", "--json"]);
    assert_eq!(all.as_array().unwrap().len(), 1);
}
