//! A server that is killed in the middle of its work loses nothing it acknowledged and writes nothing twice.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::Utc;
use polars::prelude::*;
use serde_json::Value;

use crate::support::{KEY, Server, wait_for};

const VIEWS: [&str; 2] = ["clicks_hourly", "last_click"];

const WORKSPACES: &str = r#"
[[workspace]]
name = "prod"
live = true
description = "What serves."
"#;

const ENTITIES: &str = r#"
[[entity]]
name = "user"
description = "A user."
owner = "tests@example.com"
join_keys = [{ name = "user_id", type = "int64" }]
"#;

const SOURCES: &str = r#"
[[source]]
name = "clicks"
description = "Clicks of users."
owner = "tests@example.com"
files = "clicks.parquet"
timestamp_column = "timestamp"
"#;

const HOURLY: &str = r#"
name = "clicks_hourly"
description = "How much users click."
owner = "tests@example.com"
entities = ["user"]
source = "clicks"
mode = "spark_sql"
sql = "SELECT user_id, timestamp, amount FROM clicks"
online = true
offline = true
aggregation_interval = "1h"
aggregations = [
    { column = "amount", function = "count", time_window = "1d" },
    { column = "amount", function = "sum", time_window = "1d" },
]
batch_schedule = "1h"
max_batch_aggregation_interval = "1h"
feature_start_time = "apply - 1d"
"#;

const LAST: &str = r#"
name = "last_click"
description = "What users clicked last."
owner = "tests@example.com"
entities = ["user"]
source = "clicks"
mode = "spark_sql"
sql = "SELECT user_id, timestamp, amount FROM clicks"
online = true
offline = true
batch_schedule = "1h"
max_batch_aggregation_interval = "1h"
feature_start_time = "apply - 1d"
batch_trigger = "manual"
"#;

/// A repository with three days of clicks up to now, one each ten seconds, by five users.
fn repository(folder: &Path) {
    std::fs::create_dir_all(folder.join("views")).unwrap();
    for (name, text) in [
        ("workspaces.toml", WORKSPACES),
        ("entities.toml", ENTITIES),
        ("sources.toml", SOURCES),
        ("views/clicks_hourly.toml", HOURLY),
        ("views/last_click.toml", LAST),
    ] {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let now = Utc::now().timestamp_micros();
    let rows = 3 * 24 * 360;
    let times: Vec<i64> = (0..rows).map(|i| now - (rows - i) * 10_000_000).collect();
    let users: Vec<i64> = (0..rows).map(|i| i % 5).collect();
    let amounts: Vec<i64> = (0..rows).collect();
    let utc = DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
    let mut clicks = df!("user_id" => users, "timestamp" => times, "amount" => amounts)
        .unwrap()
        .lazy()
        .with_column(col("timestamp").cast(utc))
        .collect()
        .unwrap();
    ParquetWriter::new(File::create(folder.join("clicks.parquet")).unwrap()).finish(&mut clicks).unwrap();
}

fn jobs(server: &Server, view: &str) -> Vec<Value> {
    server.json(&["jobs", "--view", view, "--json"]).as_array().unwrap().clone()
}

fn ids(jobs: &[Value]) -> BTreeSet<String> {
    jobs.iter().map(|job| job["id"].as_str().unwrap().to_owned()).collect()
}

/// Starts one job over the last whole hours and gives its id, once the server has acknowledged it.
fn trigger(server: &Server, hours_back: i64) -> String {
    let hour = 3_600;
    let end = Utc::now().timestamp().div_euclid(hour) * hour - hours_back * hour;
    let time = |seconds: i64| chrono::DateTime::from_timestamp(seconds, 0).unwrap();
    let request = fvtop::model::TriggerRequest {
        workspace: "prod".to_owned(),
        feature_view: "last_click".to_owned(),
        window: fvtop::model::Window { start: time(end - hour), end: time(end) },
        online: true,
        offline: true,
        use_tecton_managed_retries: true,
        overwrite: false,
    };
    let endpoint = fvtop::client::endpoint::Endpoint {
        url: fvtop::client::endpoint::parse_url(&server.url).unwrap(),
        key: fvtop::client::endpoint::ApiKey::new(KEY).unwrap(),
        workspace: None,
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let api = fvtop::client::api::Api::new(endpoint).unwrap();
    runtime.block_on(api.trigger(&request)).unwrap().id.to_string()
}

/// What a Delta log says: the live files with their partition values, and how often each job stamped a commit.
fn delta_log(table: &Path) -> (Vec<PathBuf>, BTreeMap<String, usize>) {
    let mut live = BTreeSet::new();
    let mut stamps: BTreeMap<String, usize> = BTreeMap::new();
    let mut commits: Vec<PathBuf> = std::fs::read_dir(table.join("_delta_log"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .collect();
    commits.sort();
    for commit in commits {
        for line in std::fs::read_to_string(commit).unwrap().lines() {
            let action: Value = serde_json::from_str(line).unwrap();
            if let Some(path) = action["add"]["path"].as_str() {
                live.insert(path.to_owned());
            }
            if let Some(path) = action["remove"]["path"].as_str() {
                live.remove(path);
            }
            if let Some(stamp) = action["txn"]["appId"].as_str() {
                *stamps.entry(stamp.to_owned()).or_default() += 1;
            }
        }
    }
    (live.into_iter().map(|path| table.join(path.replace("%3A", ":"))).collect(), stamps)
}

fn rows(files: &[PathBuf]) -> DataFrame {
    let frames: Vec<LazyFrame> =
        files.iter().map(|file| ParquetReader::new(File::open(file).unwrap()).finish().unwrap().lazy()).collect();
    concat(frames, UnionArgs::default()).unwrap().collect().unwrap()
}

#[test]
fn killed_in_the_middle_of_its_work() {
    let folder = tempfile::tempdir().unwrap();
    let (repo, data) = (folder.path().join("repo"), folder.path().join("data"));
    repository(&repo);
    let mut acknowledged: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for round in 0..6 {
        let server = Server::start(&repo, &data);
        let id = trigger(&server, round);
        acknowledged.entry("last_click").or_default().insert(id);
        for view in VIEWS {
            acknowledged.entry(view).or_default().extend(ids(&jobs(&server, view)));
        }
        // Another moment each time: between acknowledging and claiming, in an attempt, between its commits.
        std::thread::sleep(Duration::from_millis(37 * u64::try_from(round).unwrap() + 5));
        server.kill();
    }

    let server = Server::start(&repo, &data);
    let open = |job: &&Value| !["SUCCESS", "SCHEDULED"].contains(&job["state"].as_str().unwrap());
    wait_for("every job to end", Duration::from_secs(300), || {
        VIEWS.iter().all(|view| jobs(&server, view).iter().filter(open).count() == 0).then_some(())
    });
    for view in VIEWS {
        let jobs = jobs(&server, view);
        let there = ids(&jobs);
        let lost: Vec<&String> = acknowledged[view].difference(&there).collect();
        assert!(lost.is_empty(), "{view} lost acknowledged jobs {lost:?}");

        let done: Vec<&Value> = jobs.iter().filter(|job| job["state"] == "SUCCESS").collect();
        assert!(done.len() >= if view == "last_click" { 6 } else { 24 }, "{view}: {} jobs done", done.len());
        let windows: BTreeSet<String> = done.iter().map(|job| job["window_start"].to_string()).collect();
        assert_eq!(windows.len(), done.len(), "{view}: two jobs did one window");

        let (files, stamps) = delta_log(&data.join("offline/prod").join(view));
        assert!(stamps.values().all(|commits| *commits == 1), "{view}: a job committed twice: {stamps:?}");
        let with_rows = stamps.len();
        assert!(with_rows <= done.len(), "{view}: {with_rows} jobs committed, {} are done", done.len());
        let rows = rows(&files);
        let keys = if view == "last_click" { vec!["user_id", "timestamp"] } else { vec!["user_id", "_anchor_time"] };
        let distinct = rows.unique_stable(
            Some(&keys.iter().map(|k| (*k).to_owned()).collect::<Vec<_>>()),
            UniqueKeepStrategy::Any,
            None,
        );
        assert_eq!(distinct.unwrap().height(), rows.height(), "{view}: rows stand twice");
        // Every hour of a job has its 360 clicks of five users: five tiles, or 360 rows.
        let expected = if view == "last_click" { 360 * done.len() } else { 5 * done.len() };
        assert_eq!(rows.height(), expected, "{view}: rows of {} windows", done.len());
    }
    let (code, took) = server.stop("TERM");
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(5), "{took:?}");
}
