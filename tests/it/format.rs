//! A data directory that an earlier release wrote: it is opened, answers as that release did, and goes on.
//!
//! `fixtures/format-1` was written by the last release without a marker, which was killed in the middle of its work:
//! the repository, the files of the directory as rows of a Parquet file, and what that release answered.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use fvtop::model::time::{from_micros, micros, parse_time};
use fvtop::model::{JobState, JobType};
use fvtop::platform::clock::Clock;
use fvtop::platform::http::{self, ApiKeys};
use fvtop::platform::jobs::retry::Policy;
use fvtop::platform::{Config, Platform};
use polars::prelude::*;
use serde_json::Value as Json;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::support::{GUARD, PATIENT, fvtop, stderr, stdout, wait_for};

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/format-1")
}

/// Puts the directory of the fixture to `data`.
pub(crate) fn unpack(data: &Path) {
    let files = ParquetReader::new(File::open(fixture().join("data.parquet")).unwrap()).finish().unwrap();
    let (paths, bytes) = (files.column("path").unwrap(), files.column("bytes").unwrap());
    for (path, bytes) in paths.str().unwrap().iter().zip(bytes.binary().unwrap().iter()) {
        let path = path.unwrap();
        let place = data.join(path);
        if path.ends_with('/') {
            std::fs::create_dir_all(place).unwrap();
            continue;
        }
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, bytes.unwrap()).unwrap();
    }
}

pub(crate) fn answers() -> Json {
    serde_json::from_slice(&std::fs::read(fixture().join("answers.json")).unwrap()).unwrap()
}

/// The present release on the directory, at the instant at which the earlier one had answered.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
    now: Arc<AtomicI64>,
    runtime: Runtime,
    running: Option<(Arc<Platform>, CancellationToken, String)>,
}

impl Bench {
    pub(crate) fn new(answers: &Json) -> Self {
        Self::filled(answers, unpack)
    }

    /// On a directory that `fill` makes.
    pub(crate) fn filled(answers: &Json, fill: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fill(&folder.path().join("data"));
        std::fs::write(folder.path().join("key"), answers["key"].as_str().unwrap()).unwrap();
        let now = micros(parse_time(answers["now"].as_str().unwrap()).unwrap());
        let mut bench =
            Self { folder, now: Arc::new(AtomicI64::new(now)), runtime: Runtime::new().unwrap(), running: None };
        bench.start();
        bench
    }

    /// Starts it; an error says why it does not.
    pub(crate) fn start(&mut self) {
        self.try_start().unwrap();
    }

    pub(crate) fn try_start(&mut self) -> Result<(), String> {
        let now = Arc::clone(&self.now);
        let clock = Clock::from_fn(move || from_micros(now.fetch_add(1, Ordering::SeqCst)));
        let config = Config {
            allow_sources: Vec::new(),
            repo: fixture().join("repo"),
            data_dir: self.data(),
            feature_separator: ".".parse().unwrap(),
            workers: 1,
            memory: 600 << 20,
            retry: Policy::default(),
            quarantine: Default::default(),
            data_group: None,
            stream_latency: fvtop::platform::jobs::LATENCY,
        };
        let started = self.runtime.block_on(async {
            let platform = Arc::new(Platform::start_at(config, clock).await.map_err(|error| error.to_string())?);
            let errors: Vec<String> = platform.repository().errors.iter().map(ToString::to_string).collect();
            assert!(errors.is_empty(), "{}", errors.join("\n"));
            let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            let url = format!("http://127.0.0.1:{}/api", listener.local_addr().unwrap().port());
            let (keys, stop) = (ApiKeys::stored(Arc::clone(platform.access())), CancellationToken::new());
            tokio::spawn(http::serve(Arc::clone(&platform), listener, None, keys, stop.clone()));
            Ok::<_, String>((platform, stop, url))
        });
        self.running = Some(started?);
        Ok(())
    }

    pub(crate) fn stop(&mut self) {
        let (platform, stop, _) = self.running.take().unwrap();
        stop.cancel();
        self.runtime.block_on(platform.stop());
        drop(platform);
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn platform(&self) -> &Platform {
        &self.running.as_ref().unwrap().0
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let url = &self.running.as_ref().unwrap().2;
        let mut command = fvtop();
        command.args(arguments).arg("--url").arg(url).arg("--api-key-file").arg(self.folder.path().join("key"));
        command.output().unwrap()
    }

    pub(crate) fn text(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        stdout(&output)
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> Json {
        serde_json::from_str(&self.text(arguments)).unwrap()
    }

    pub(crate) fn history(&self, asked: &Json) -> Vec<Json> {
        let word = |name: &str| asked[name].as_str().unwrap();
        let range = ["--start", word("start"), "--end", word("end"), "--format", "jsonl"];
        let text = self.text(&[&["history", word("view")], &range[..]].concat());
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Everything that the earlier release was asked, asked again.
    fn expect(&self, answers: &Json) {
        for asked in answers["lookups"].as_array().unwrap().iter().chain(answers["queries"].as_array().unwrap()) {
            let view = asked["view"].as_str().unwrap();
            let keys = asked["keys"].as_object().unwrap().iter();
            let keys: Vec<String> = keys.map(|(name, value)| format!("{name}={}", value.as_str().unwrap())).collect();
            let found = self.json(&["lookup", view, &keys.join(","), "--json"]);
            same(&found, &asked["answer"], &format!("{view} {keys:?}"));
        }
        for asked in answers["histories"].as_array().unwrap() {
            let mut rows = self.history(asked);
            let mut expected = asked["rows"].as_array().unwrap().clone();
            // Rows come in no order that is promised for equal times, and members of an object in any.
            let place = |row: &Json| ["timestamp", "user_id", "page", "amount"].map(|name| row[name].to_string());
            rows.sort_by_key(place);
            expected.sort_by_key(place);
            same(&Json::Array(rows), &Json::Array(expected), asked["view"].as_str().unwrap());
        }
        for (view, coverage) in answers["coverage"].as_object().unwrap() {
            let found = self.json(&["coverage", view, "--json"]);
            for store in ["online", "offline"] {
                assert_eq!(found[store], coverage[store], "{view} {store}");
            }
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if self.running.is_some() {
            self.stop();
        }
    }
}

/// The same but for what floating-point sums in another order may change.
fn same(found: &Json, expected: &Json, what: &str) {
    match (found, expected) {
        (Json::Array(a), Json::Array(b)) => {
            assert_eq!(a.len(), b.len(), "{what}: {found} {expected}");
            a.iter().zip(b).for_each(|(a, b)| same(a, b, what));
        }
        (Json::Object(a), Json::Object(b)) => {
            for (name, value) in b {
                let found = a.get(name).unwrap_or_else(|| panic!("{what}: {name} is missing in {found}"));
                same(found, value, &format!("{what}: {name}"));
            }
        }
        (Json::Number(a), Json::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            assert!((a - b).abs() <= 1e-9 * a.abs().max(b.abs()), "{what}: {a} is not {b}");
        }
        _ => assert_eq!(found, expected, "{what}"),
    }
}

#[test]
fn a_directory_of_format_1_answers_as_before_and_goes_on() {
    let answers = answers();
    let mut bench = Bench::new(&answers);
    bench.expect(&answers);

    // Jobs, keys, datasets and the audit log are those that were there.
    let jobs = bench.json(&["jobs", "--json"]);
    for job in answers["jobs"].as_array().unwrap() {
        let mut listed = jobs.as_array().or_else(|| jobs["jobs"].as_array()).unwrap().iter();
        let found = listed.find(|found| found["id"] == job["id"]).unwrap_or_else(|| panic!("{job} is lost"));
        assert_eq!(found["feature_view"], job["feature_view"]);
    }
    let keys = bench.json(&["keys", "list", "--json"]);
    let mut names: Vec<&str> = keys.as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(Json::from(names), answers["keys"]);
    same(&bench.json(&["datasets", "show", "kept", "--json"]), &answers["dataset"], "dataset");
    let rows = bench.text(&["datasets", "read", "kept", "--format", "jsonl"]);
    assert_eq!(rows.lines().count() as u64, answers["dataset"]["rows"].as_u64().unwrap());
    let audit = bench.json(&["audit", "--json", "--limit", "1000"]);
    assert!(audit.as_array().unwrap().len() as u64 >= answers["audit"].as_u64().unwrap());

    let reached =
        |bench: &Bench, view| bench.platform().online().stream_position(view).unwrap().unwrap().reached().unwrap();

    // A window is written again over what the earlier release wrote, and a stream goes on.
    let view = Arc::clone(bench.platform().view("prod", "pulse_tiled").unwrap());
    let offset = reached(&bench, view.id);
    let hours = |job: &str| -> (String, String) {
        let history = answers["histories"].as_array().unwrap().iter().find(|asked| asked["view"] == job).unwrap();
        (history["start"].as_str().unwrap().to_owned(), history["end"].as_str().unwrap().to_owned())
    };
    let (start, end) = hours("clicks_tiled");
    let again =
        ["--start", &start, "--end", &end, "--online", "--offline", "--overwrite", "--wait", "--timeout", PATIENT];
    bench.text(&[&["jobs", "trigger", "last_click"], &again[..]].concat());
    bench.text(&[&["jobs", "trigger", "clicks_tiled"], &again[..]].concat());
    bench.now.fetch_add(20 * 60 * 1_000_000, Ordering::SeqCst);
    wait_for("the stream to go on", GUARD, || {
        let now = reached(&bench, view.id);
        (now > offset).then_some(())
    });
    let ended = |job: &fvtop::model::Job| job.job_type != JobType::Batch || job.state != JobState::Failure;
    assert!(bench.platform().jobs().list(view.id).unwrap().iter().all(ended));

    // What was deleted has come back from its source with the new jobs, and nothing else has changed.
    bench.stop();
    bench.start();
    let clicks: Vec<Json> =
        answers["histories"].as_array().unwrap().iter().filter(|a| a["view"] == "clicks_tiled").cloned().collect();
    let rows = bench.history(&clicks[0]);
    let kept: Vec<Json> = rows.into_iter().filter(|row| row["user_id"] != 4).collect();
    let expected = clicks[0]["rows"].as_array().unwrap();
    let known = |row: &Json| {
        expected.iter().any(|old| old["user_id"] == row["user_id"] && old["timestamp"] == row["timestamp"])
    };
    assert!(
        kept.len() >= expected.len()
            && expected.iter().all(|row| kept
                .iter()
                .any(|new| new["timestamp"] == row["timestamp"] && new["user_id"] == row["user_id"]))
    );
    for row in kept.iter().filter(|row| known(row)) {
        let old = expected.iter().find(|old| old["user_id"] == row["user_id"] && old["timestamp"] == row["timestamp"]);
        same(row, old.unwrap(), "clicks_tiled written again");
    }

    // Keys can be deleted from what it wrote.
    bench.text(&["delete-keys", "clicks_tiled", "--key", "user_id=2", "--yes", "clicks_tiled", "--wait"]);
    assert!(bench.history(&clicks[0]).iter().all(|row| row["user_id"] != 2));
    let view = Arc::clone(bench.platform().view("prod", "page_users").unwrap());
    let coverage = bench.platform().jobs().coverage(view.id).unwrap();
    assert!(!coverage.online.is_empty() && !coverage.offline.is_empty());
}

#[test]
fn a_directory_of_a_later_format_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    unpack(&data);
    std::fs::write(data.join("fvtop.json"), r#"{"program": "fvtop", "format": 1000}"#).unwrap();
    let repo = fixture().join("repo");
    let listing = || {
        let mut names: Vec<_> = std::fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = listing();
    for arguments in [
        vec!["serve", "--listen", "127.0.0.1:0", "--repo", repo.to_str().unwrap()],
        vec!["views", "--workspace", "prod", "--repo", repo.to_str().unwrap()],
        vec!["keys", "list"],
    ] {
        let output = fvtop().args(&arguments).arg("--data-dir").arg(&data).output().unwrap();
        let said = stderr(&output);
        assert!(!output.status.success(), "{arguments:?}");
        for part in [data.to_str().unwrap(), "has format 1000", "knows formats up to", "release that wrote it"] {
            assert!(said.contains(part), "{arguments:?}: {said}");
        }
    }
    assert_eq!(listing(), before);
}

#[test]
fn a_folder_of_somebody_else_is_refused_and_nothing_in_it_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("home");
    for path in ["uploads/photos/cat.jpg", "datasets/thesis/.new-chapter/text.md", "notes.txt"] {
        let path = data.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "years of work").unwrap();
    }
    let repo = fixture().join("repo");
    for arguments in [
        vec!["serve", "--listen", "127.0.0.1:0", "--repo", repo.to_str().unwrap()],
        vec!["views", "--workspace", "prod", "--repo", repo.to_str().unwrap()],
        vec!["views", "--workspace", "prod"],
        vec!["keys", "create", "me", "--role", "owner"],
    ] {
        let output = fvtop().args(&arguments).arg("--data-dir").arg(&data).output().unwrap();
        let said = stderr(&output);
        assert!(!output.status.success(), "{arguments:?}");
        assert!(said.contains("is not a data directory of fvtop"), "{arguments:?}: {said}");
        assert!(said.contains("datasets, notes.txt, uploads"), "{arguments:?}: {said}");
    }
    assert_eq!(std::fs::read_dir(&data).unwrap().count(), 3);
    for path in ["uploads/photos/cat.jpg", "datasets/thesis/.new-chapter/text.md", "notes.txt"] {
        assert_eq!(std::fs::read_to_string(data.join(path)).unwrap(), "years of work");
    }
}
