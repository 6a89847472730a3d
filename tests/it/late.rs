//! Events that come after the job of their window: they are counted, told with the windows to write again, and gone
//! from the list once that is done.

use std::path::Path;
use std::sync::LazyLock;

use chrono::Utc;
use polars::prelude::*;
use serde_json::Value as Json;

use crate::crash::world::{HOUR, hour_of, printed_hour};
use crate::support::{Server, stderr, write_parquet, write_repository};

const DEFINITIONS: [(&str, &str); 4] = [
    ("workspaces.toml", "[[workspace]]\nname = \"prod\"\nlive = true\n"),
    ("entities.toml", "[[entity]]\nname = \"user\"\njoin_keys = [{ name = \"user_id\", type = \"int64\" }]\n"),
    ("sources.toml", "[[source]]\nname = \"clicks\"\nfiles = \"clicks-*.parquet\"\ntimestamp_column = \"timestamp\"\n"),
    (
        "views/last_click.toml",
        "name = \"last_click\"\nentities = [\"user\"]\nsource = \"clicks\"\nmode = \"spark_sql\"\n\
         sql = \"SELECT user_id, timestamp, amount FROM clicks\"\nonline = true\noffline = true\n\
         batch_schedule = \"1h\"\nfeature_start_time = \"apply - 3d\"\nbatch_trigger = \"manual\"\n",
    ),
];

/// The hour in which the test began.
static PRESENT: LazyLock<i64> = LazyLock::new(|| hour_of(Utc::now()));

/// Clicks of hours before the present, as (hour, number).
fn clicks(repo: &Path, name: &str, hours: &[(i64, i64)]) {
    let present = *PRESENT;
    let times: Vec<i64> =
        hours.iter().flat_map(|(back, count)| (0..*count).map(move |n| (present - back) * HOUR + n)).collect();
    let amounts: Vec<i64> = times.clone();
    let users = vec![7_i64; times.len()];
    let frame = df!("user_id" => users, "timestamp" => times, "amount" => amounts).unwrap();
    // As another program would: whole under another name, then in its place.
    let (new, place) = (repo.join("new"), repo.join(format!("clicks-{name}.parquet")));
    write_parquet(&new, frame, &["timestamp"]);
    std::fs::rename(new, place).unwrap();
}

fn hour(back: i64) -> String {
    printed_hour(*PRESENT - back)
}

fn write(server: &Server, from: i64, to: i64, more: &[&str]) {
    server.write_window("last_click", (&hour(from), &hour(to)), more);
}

fn late(server: &Server) -> Option<String> {
    let told = server.json(&["coverage", "last_click", "--json"])["late"].clone();
    let all = server.json(&["freshness", "--json"]);
    let fresh =
        all.as_array().unwrap().iter().find(|view| view["feature_view"] == "last_click").unwrap()["late"].clone();
    assert_eq!(told, fresh);
    match told {
        Json::Null => None,
        told => Some(told.as_str().unwrap().to_owned()),
    }
}

#[test]
fn events_that_come_after_their_job_are_counted_by_their_time_and_offered() {
    let folder = tempfile::tempdir().unwrap();
    let (repo, data) = (folder.path().join("repo"), folder.path().join("data"));
    write_repository(&repo, &DEFINITIONS);
    clicks(&repo, "a", &[(5, 10), (4, 10), (3, 10), (2, 10)]);
    let server = Server::start(&repo, &data);
    write(&server, 5, 4, &[]);
    write(&server, 4, 2, &[]);
    assert_eq!(late(&server), None);

    // Events of a window that was written, and of one that was not.
    clicks(&repo, "a", &[(5, 10), (4, 13), (3, 10), (2, 99)]);
    let told = late(&server).unwrap();
    assert!(
        told.starts_with("3 events that came after their jobs, in ") && told.contains("clicks-a.parquet"),
        "{told}"
    );
    let windows = format!("--start {} --end {} --online --offline --overwrite", hour(4), hour(2));
    assert!(told.contains(&windows), "{told}");
    let output = server.run(&["coverage", "last_click"]);
    assert!(stderr(&output).contains("3 events that came after"), "also in the table");

    // Half of it is written again: the rest is not counted any more, but named.
    write(&server, 4, 3, &["--overwrite"]);
    let told = late(&server).unwrap();
    assert!(told.contains("not counted") && told.contains("clicks-a.parquet"), "{told}");
    assert!(told.contains(&format!("--start {} --end {}", hour(3), hour(2))), "{told}");
    write(&server, 3, 2, &["--overwrite"]);
    assert_eq!(late(&server), None);

    // What changes elsewhere in the file is no concern of these windows; what goes is.
    clicks(&repo, "a", &[(5, 10), (4, 13), (3, 10), (2, 98), (1, 1)]);
    assert_eq!(late(&server), None);
    clicks(&repo, "a", &[(5, 8), (4, 13), (3, 10)]);
    let told = late(&server).unwrap();
    assert!(told.starts_with("fewer events than were read, in "), "{told}");
    write(&server, 5, 2, &["--overwrite"]);
    assert_eq!(late(&server), None, "a longer window takes the place of those in it");
    server.kill();

    // A file that was not there.
    clicks(&repo, "b", &[(3, 2)]);
    let server = Server::start(&repo, &data);
    let told = late(&server).unwrap();
    assert!(
        told.starts_with("2 events that came after their jobs, in ") && told.contains("clicks-b.parquet"),
        "{told}"
    );
    write(&server, 5, 2, &["--overwrite"]);
    assert_eq!(late(&server), None);
}
