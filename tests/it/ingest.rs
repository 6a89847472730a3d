//! `fvtop ingest` as its users meet it: files of each kind, a pipe, bad records, a delivery that is sent twice, a
//! server that is away for a moment.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use polars::prelude::*;
use serde_json::json;

use crate::support::{
    GUARD, KEY, Server, Starting, fvtop, send, stderr, stdout, wait_for, write_parquet, write_repository,
};

const DEFINITIONS: [(&str, &str); 4] = [
    ("workspaces.toml", "[[workspace]]\nname = \"prod\"\nlive = true\n"),
    ("entities.toml", "[[entity]]\nname = \"gate\"\njoin_keys = [{ name = \"gate\", type = \"string\" }]\n"),
    (
        "sources.toml",
        "[[source]]\nname = \"gate_events\"\ntimestamp_column = \"at\"\n[source.columns]\ngate = \"string\"\n\
         at = \"timestamp\"\nwaiting = \"int64\"\n[source.stream]\nkind = \"ingest\"\nwatermark = \"10m\"\nretention = \"7d\"\n",
    ),
    (
        "views/gate_queue.toml",
        "name = \"gate_queue\"\nentities = [\"gate\"]\nsource = \"gate_events\"\nmode = \"spark_sql\"\n\
         sql = \"SELECT gate, at, waiting FROM gate_events\"\nonline = true\nttl = \"1d\"\nbatch_schedule = \"1h\"\n\
         feature_start_time = \"apply - 1d\"\nbatch_trigger = \"manual\"\n",
    ),
];

struct Story {
    folder: tempfile::TempDir,
}

impl Story {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_repository(&folder.path().join("repo"), &DEFINITIONS);
        Self { folder }
    }

    fn repo(&self) -> PathBuf {
        self.folder.path().join("repo")
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// Events of gates that nobody else has, a second apart and until now.
    fn lines(prefix: &str, count: i64) -> String {
        let now = chrono::Utc::now();
        let line = |n: i64| {
            let at = now - chrono::TimeDelta::seconds(count - n);
            format!("{}\n", json!({"gate": format!("{prefix}{n}"), "at": at.to_rfc3339(), "waiting": n}))
        };
        (0..count).map(line).collect()
    }
}

fn failed(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    stderr(output)
}

/// Waits until the online store has the gate.
fn seen(server: &Server, gate: &str, waiting: i64) {
    wait_for(gate, GUARD, || {
        let output = server.run(&["lookup", "gate_queue", &format!("gate={gate}"), "--json"]);
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
        (told["features"][0]["value"] == waiting).then_some(())
    });
}

#[test]
fn records_of_files_and_pipes_reach_the_online_store() {
    let story = Story::new();
    let server = Server::start(&story.repo(), &story.data());
    let ingest = |arguments: &[&str]| server.run(&[&["ingest", "gate_events"], arguments].concat());

    let lines = story.file("a.jsonl", &Story::lines("A", 1_203));
    let told = server.json(&["ingest", "gate_events", &lines, "--json"]);
    assert_eq!((&told["records"], &told["taken"], &told["line"]), (&json!(1_203), &json!(1_203), &json!(1_203)));
    assert_eq!(told["feature_views"], json!([{"name": "gate_queue", "online": 1_203, "offline": 0}]));
    seen(&server, "A7", 7);
    seen(&server, "A1202", 1_202);

    // Values of CSV are of the types that the source declares.
    let at = chrono::Utc::now().to_rfc3339();
    let csv = story.file("b.csv", &format!("gate,waiting,at\n007,5,{at}\n008,,{at}\n"));
    let output = ingest(&[&csv]);
    assert_eq!(stdout(&output), "2 records taken by the source gate_events\n");
    assert!(!stderr(&output).contains("passed over"), "{output:?}");
    seen(&server, "007", 5);
    // A column under a name that the source does not have is told, once.
    let slip = story.file("slip.csv", &format!("gate,wating,at\nS1,5,{at}\n"));
    let output = ingest(&[&slip]);
    assert_eq!(stdout(&output), "1 record taken by the source gate_events\n");
    let warning = "warning: column `wating` is none of the source's (did you mean `waiting`?); it is passed over\n";
    assert_eq!(stderr(&output).matches(warning).count(), 1, "{output:?}");
    let parquet = story.folder.path().join("c.parquet");
    let frame = df!("gate" => ["P1"], "at" => [at.as_str()], "waiting" => [31_i64], "crew" => ["x"]).unwrap();
    write_parquet(&parquet, frame, &[]);
    let output = ingest(&[parquet.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    assert!(
        stderr(&output).ends_with("warning: column `crew` is none of the source's; it is passed over\n"),
        "{output:?}"
    );
    seen(&server, "P1", 31);

    // What comes through a pipe is there before the pipe ends.
    let key = story.data().with_extension("key").display().to_string();
    let mut command = fvtop();
    command.args(["ingest", "gate_events", "--url", &server.url, "--api-key-file", &key]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(format!("{}\n", json!({"gate": "pipe", "at": at, "waiting": 77})).as_bytes()).unwrap();
    seen(&server, "pipe", 77);
    drop(pipe);
    assert!(child.wait_with_output().unwrap().status.success());

    // A delivery that is sent again is taken once.
    for before in [0, 1_203] {
        let told = server.json(&["ingest", "gate_events", &lines, "--delivery", "monday", "--json"]);
        assert_eq!((&told["taken"], &told["taken_before"]), (&json!(1_203), &json!(before)));
    }
}

#[test]
fn bad_records_are_told_by_their_line_and_the_rest_goes_on_where_it_stopped() {
    let story = Story::new();
    let server = Server::start(&story.repo(), &story.data());
    let mut lines: Vec<String> = Story::lines("A", 8).lines().map(str::to_owned).collect();
    lines[4] = r#"{"gate": "A4", "at": "2026-11-22T10:00:00Z", "waiting": "many"}"#.to_owned();
    lines[6] = "no json".to_owned();
    let file = story.file("a.jsonl", &lines.join("\n"));
    let ingest = |arguments: &[&str]| server.run(&[&["ingest", "gate_events", file.as_str()], arguments].concat());

    let told = failed(&ingest(&["--batch", "2"]));
    for part in
        ["none of their batch was taken", "line 5: ", "`waiting`", "It was taken up to line 4: go on with --skip 4."]
    {
        assert!(told.contains(part), "{told}");
    }
    let told = failed(&ingest(&["--skip", "5", "--batch", "1"]));
    assert!(told.contains("Line 7 is no record") && told.contains("--skip 6"), "{told}");
    let dry = ingest(&["--dry-run", "--json"]);
    let answer: serde_json::Value = serde_json::from_slice(&dry.stdout).unwrap();
    assert_eq!((&answer["taken"], &answer["refused"], &answer["dry_run"]), (&json!(6), &json!(2), &json!(true)));
    let partial = ingest(&["--partial", "--json"]);
    assert!(failed(&partial).contains("2 records were refused."));
    let answer: serde_json::Value = serde_json::from_slice(&partial.stdout).unwrap();
    assert_eq!((&answer["taken"], &answer["refused"]), (&json!(6), &json!(2)));
    assert_eq!(
        answer["errors"].as_array().unwrap().iter().map(|error| error["line"].as_u64().unwrap()).collect::<Vec<_>>(),
        [7, 5]
    );
    let good = story.file("b.jsonl", &Story::lines("B", 1));
    let told = failed(&server.run(&["ingest", "none", &good]));
    assert!(told.contains("There is no source `none`. Sources that take records: gate_events."), "{told}");
    let told = failed(&server.run(&["ingest", "gate_events", "/nowhere/x.jsonl"]));
    assert!(told.contains("/nowhere/x.jsonl cannot be read"), "{told}");
}

/// Counts what a folder's log took, by the command line alone.
fn taken(repo: &Path, data: &Path, file: &str, more: &[&str]) -> serde_json::Value {
    let mut command = fvtop();
    command.args(["ingest", "gate_events", file, "--json", "--repo"]).arg(repo).arg("--data-dir").arg(data).args(more);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn without_a_server_records_wait_in_the_data_directory() {
    let story = Story::new();
    let file = story.file("a.jsonl", &Story::lines("A", 30));
    let (repo, data) = (story.repo(), story.data());
    assert_eq!(taken(&repo, &data, &file, &["--delivery", "d"])["taken"], 30);
    assert_eq!(taken(&repo, &data, &file, &["--delivery", "d"])["taken_before"], 30);
    let server = Server::start(&repo, &data);
    seen(&server, "A29", 29);
}

/// Once all is sent there is nothing left to cancel: Ctrl-C ends the program, though its result is not taken yet.
#[test]
fn an_interrupt_after_the_end_ends_the_program_at_once() {
    let story = Story::new();
    let file = story.file("a.jsonl", &format!("{}no json\n", Story::lines("A", 1)));
    let (result, mut full) = std::io::pipe().unwrap();
    // As much as a pipe takes by itself: who writes more waits.
    full.write_all(&[b' '; 65_536]).unwrap();
    let mut command = fvtop();
    command.args(["ingest", "gate_events", &file, "--partial", "--json", "--repo"]).arg(story.repo());
    command.arg("--data-dir").arg(story.data()).stdout(full).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // What is wrong with a line is told when all was sent.
    let said = BufReader::new(child.stderr.take().unwrap());
    let told = said.lines().map(Result::unwrap).find(|line| line.starts_with("line 2: "));
    assert!(told.is_some(), "the bad line is told");
    send("INT", child.id());
    let ended = wait_for("the end after an interrupt", GUARD, || child.try_wait().unwrap());
    assert_eq!(ended.code(), Some(130));
    drop(result);
}

/// A free address whose port the system gives to nobody by itself, so that it is still free once its server is gone.
fn steady_address() -> String {
    let first = u16::try_from(std::process::id() % 10_000).unwrap();
    let mut ports = (0..10_000).map(|step| 20_000 + (first + step) % 10_000);
    let port = ports.find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap();
    format!("127.0.0.1:{port}")
}

/// A server is killed while records come, and another takes its place at the same address: the command goes on.
#[test]
fn a_server_that_is_away_for_a_moment_loses_and_doubles_nothing() {
    let story = Story::new();
    let (repo, data) = (story.repo(), story.data());
    let address = steady_address();
    let server = Starting::with(fvtop(), &repo, &data, &["--listen", &address]).ready();
    let url = server.url.clone();
    let key = data.with_extension("key").display().to_string();
    std::fs::write(&key, KEY).unwrap();
    let mut command = fvtop();
    command.args(["ingest", "gate_events", "--batch", "1", "--json", "--try-for", "1h"]);
    command.args(["--url", &url, "--api-key-file", &key]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let lines = Story::lines("A", 400);
    let (first, second) = lines.split_at(lines.len() / 2);
    pipe.write_all(first.as_bytes()).unwrap();
    // It has met the server: one that was never there is an error at once.
    seen(&server, "A0", 0);
    server.kill();
    let server = Starting::with(fvtop(), &repo, &data, &["--listen", &address]);
    pipe.write_all(second.as_bytes()).unwrap();
    drop(pipe);
    let server = server.ready();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&told["records"], &told["taken"]), (&json!(400), &json!(400)));
    seen(&server, "A399", 399);
}
