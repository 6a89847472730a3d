//! A stream view whose server is killed while events come: afterwards the values are those of all events, each counted
//! once, and every event that was read is accounted for. And the commands about streams.

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use polars::prelude::*;
use serde_json::Value as Json;

use crate::support::{GUARD, Server, Starting, fvtop, stderr, wait_for, write_parquet, write_repository};

/// Events, one every so many milliseconds; the first few have arrived and are written before the others come.
const EVENTS: i64 = 400;
const EVERY: i64 = 25;
const BEFORE: i64 = 20;
const KILLS: u64 = 6;

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
const DEFINITIONS: [(&str, &str); 4] = [
    ("workspaces.toml", "[[workspace]]\nname = \"prod\"\nlive = true\n"),
    ("entities.toml", "[[entity]]\nname = \"user\"\njoin_keys = [{ name = \"user_id\", type = \"string\" }]\n"),
    (
        "sources.toml",
        "[[source]]\nname = \"clicks\"\nfiles = \"clicks.parquet\"\ntimestamp_column = \"at\"\n[source.stream]\nfiles = \
         \"clicks.parquet\"\narrival = { column = \"arrived\" }\norder = \"number\"\nwatermark = \"1h\"\nretention = \"1d\"\n",
    ),
    (
        "views/clicks.toml",
        "name = \"clicks_of_user\"\nentities = [\"user\"]\nsource = \"clicks\"\nmode = \"spark_sql\"\nsql = \"SELECT user_id, at, \
         CAST(amount AS BIGINT) AS amount FROM clicks WHERE amount <> '-1'\"\nonline = true\noffline = true\nbatch_schedule = \
         \"1h\"\nbatch_trigger = \"manual\"\nfeature_start_time = \"apply - 1d\"\naggregation_interval = \"1m\"\naggregations = \
         [\n  { column = \"amount\", function = \"count\", time_window = \"12h\" },\n  { column = \"amount\", function = \
         \"sum\", time_window = \"12h\" },\n]\n",
    ),
];

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
    let frame = df!(
        "number" => &numbers,
        "user_id" => numbers.iter().map(|number| user(*number)).collect::<Vec<_>>(),
        "at" => numbers.iter().map(at).collect::<Vec<_>>(),
        "arrived" => numbers.iter().map(arrived).collect::<Vec<_>>(),
        "amount" => numbers.iter().map(amount).collect::<Vec<_>>(),
    );
    let (made, place) = (repo.join("clicks.new"), repo.join("clicks.parquet"));
    write_parquet(&made, frame.unwrap(), &["at", "arrived"]);
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

fn waiting(shown: &Json) -> u64 {
    shown["waiting"].as_u64().unwrap_or_else(|| panic!("waiting: {shown}"))
}

/// Events of which is known what became of them; those that wait are read again after a kill.
fn settled(shown: &Json) -> u64 {
    count(shown, "read") - waiting(shown)
}

/// The sum of everything that becomes of an event.
fn check_sum(shown: &Json) {
    let ends = ["written", "filtered", "late", "quarantined", "deduplicated"];
    let sum: u64 = ends.iter().map(|name| count(shown, name)).sum::<u64>() + waiting(shown);
    assert_eq!(count(shown, "read"), sum, "{shown}");
}

/// Waits until so many events are read and none waits.
fn all_settled(server: &Server, events: u64) -> Json {
    wait_for(&format!("{events} events"), GUARD, || {
        let told = shown(server);
        check_sum(&told);
        (count(&told, "read") >= events && waiting(&told) == 0).then_some(told)
    })
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
    write_repository(&repo, &DEFINITIONS);
    let began = Utc::now();
    publish(&repo, BEFORE, (began, began));
    let server = Server::start(&repo, &data);
    all_settled(&server, BEFORE as u64);
    server.kill();
    publish(&repo, EVENTS, (began, Utc::now()));
    let mut server = Server::start(&repo, &data);
    let mut before = BEFORE as u64;
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
        assert!(settled(&told) >= before, "what was settled stays settled, {before} events: {told}");
        before = settled(&told);
    }
    let told = all_settled(&server, EVENTS as u64);
    let ends =
        [("written", End::Written), ("filtered", End::Filtered), ("late", End::Late), ("quarantined", End::Poisoned)];
    for (name, end) in ends {
        let expected = (0..EVENTS).filter(|number| end_of(*number) == end).count() as u64;
        assert_eq!(count(&told, name), expected, "{name}: {told}");
    }
    assert_eq!(count(&told, "read"), EVENTS as u64);
    for user in ["a", "b"] {
        // Lookups see a tile once it is over.
        wait_for(&format!("{:?} of {user}", expected(user)), GUARD, || {
            (values(&server, user) == expected(user)).then_some(())
        });
    }

    // All of it again, from the beginning.
    let refused = server.run(&["stream", "restart", "clicks_of_user", "--workspace", "prod", "--from", "beginning"]);
    let said = stderr(&refused);
    assert!(!refused.status.success() && said.contains("All tiles of `clicks_of_user`"), "{said}");
    let from = ["--from", "beginning", "--yes"];
    let restarted = ["stream", "restart", "clicks_of_user", "--workspace", "prod", "--json"];
    server.json(&[&restarted[..], &from].concat());
    all_settled(&server, EVENTS as u64);
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
