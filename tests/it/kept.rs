//! What is kept of a stream that has no files: each event once whatever is killed when, read by `run` and by jobs,
//! counted where it comes after its job, and refused where nothing is kept.

use std::fmt::Write as _;
use std::path::Path;

use chrono::Utc;
use serde_json::Value as Json;

use crate::crash::world::{HOUR, hour_of, printed_hour};
use crate::support::{GUARD, Server, fvtop, stderr, stdout, wait_for, write_repository};

const DEFINITIONS: [(&str, &str); 4] = [
    ("workspaces.toml", "[[workspace]]\nname = \"prod\"\nlive = true\n"),
    ("entities.toml", "[[entity]]\nname = \"user\"\njoin_keys = [{ name = \"user_id\", type = \"int64\" }]\n"),
    (
        "sources.toml",
        "[[source]]\nname = \"clicks\"\ntimestamp_column = \"timestamp\"\n\
         [source.columns]\nuser_id = \"int64\"\ntimestamp = \"timestamp\"\namount = \"int64\"\n\
         [source.stream]\nkind = \"ingest\"\nwatermark = \"1d\"\nhistory = \"10d\"\n",
    ),
    (
        "views/clicks.toml",
        "name = \"clicks\"\nentities = [\"user\"]\nsource = \"clicks\"\nmode = \"spark_sql\"\n\
         sql = \"SELECT user_id, timestamp, amount FROM clicks\"\nonline = true\noffline = true\n\
         batch_schedule = \"1h\"\nfeature_start_time = \"apply - 3d\"\nbatch_trigger = \"manual\"\n",
    ),
];

/// Sends so many clicks of that hour, and returns once they are acknowledged.
fn send(server: &Server, folder: &Path, present: i64, back: i64, count: i64) {
    let mut lines = String::new();
    for n in 0..count {
        let at = fvtop::model::time::from_micros((present - back) * HOUR + n * 1_000_000);
        let at = at.format("%Y-%m-%dT%H:%M:%SZ");
        writeln!(lines, "{{\"user_id\": {}, \"timestamp\": \"{at}\", \"amount\": {n}}}", n % 7).unwrap();
    }
    let file = folder.join("clicks.jsonl");
    std::fs::write(&file, lines).unwrap();
    let output = server.run(&["ingest", "clicks", &file.display().to_string()]);
    assert!(output.status.success(), "{}", stderr(&output));
}

fn coverage(server: &Server, field: &str) -> String {
    server.json(&["coverage", "clicks", "--json"])[field].as_str().unwrap_or_default().to_owned()
}

/// Waits until so many events are kept.
fn kept(server: &Server, count: usize) -> String {
    let wanted = format!("{count} events in ");
    wait_for(&wanted, GUARD, || Some(coverage(server, "kept")).filter(|told| told.starts_with(&wanted)))
}

fn write(server: &Server, present: i64, from: i64, to: i64, more: &[&str]) {
    server.write_window("clicks", (&printed_hour(present - from), &printed_hour(present - to)), more);
}

/// The rows of `run` over these hours.
fn ran(server: &Server, present: i64, from: i64, to: i64) -> Result<usize, String> {
    let (start, end) = (printed_hour(present - from), printed_hour(present - to));
    let output = server.run(&["run", "clicks", "--start", &start, "--end", &end, "--format", "jsonl"]);
    match output.status.success() {
        true => Ok(stdout(&output).lines().count()),
        false => Err(stderr(&output)),
    }
}

fn check(data: &Path) -> (bool, Json) {
    let output = fvtop().args(["check", "--json", "--data-dir"]).arg(data).output().unwrap();
    (output.status.success(), serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn what_a_stream_brings_is_kept_once_and_computed_like_files() {
    let folder = tempfile::tempdir().unwrap();
    let (repo, data) = (folder.path().join("repo"), folder.path().join("data"));
    write_repository(&repo, &DEFINITIONS);
    let present = hour_of(Utc::now());
    let mut server = Server::start(&repo, &data);
    for back in [5, 4, 3] {
        send(&server, folder.path(), present, back, 100);
        // Wherever keeping is by then.
        server.kill();
        server = Server::start(&repo, &data);
    }
    // Of a past that is not kept yet no job can be asked for.
    kept(&server, 300);
    // A job waits for what was acknowledged before it, and has all of it.
    write(&server, present, 5, 2, &[]);
    assert_eq!(ran(&server, present, 5, 2), Ok(300));
    assert_eq!(ran(&server, present, 4, 3), Ok(100));
    assert_eq!(coverage(&server, "late"), "");

    // What comes after the job is counted by its time.
    send(&server, folder.path(), present, 4, 3);
    send(&server, folder.path(), present, 1, 9);
    kept(&server, 312);
    let told = coverage(&server, "late");
    assert!(told.starts_with("3 events that came after their jobs, in the stream of clicks"), "{told}");
    write(&server, present, 5, 2, &["--overwrite"]);
    assert_eq!(coverage(&server, "late"), "");

    // Of that time nothing was ever kept.
    let refused = ran(&server, present, 50, 49).unwrap_err();
    assert!(refused.contains("its events are kept since"), "{refused}");
    let (start, end) = (printed_hour(present - 50), printed_hour(present - 49));
    let output = server.run(&["jobs", "trigger", "clicks", "--start", &start, "--end", &end, "--online", "--offline"]);
    let refused = stderr(&output);
    assert!(!output.status.success() && refused.contains("its events are kept since"), "{refused}");
    // It may be sent.
    send(&server, folder.path(), present, 50, 5);
    kept(&server, 317);
    assert_eq!(ran(&server, present, 50, 49), Ok(5));
    server.kill();

    let (sound, found) = check(&data);
    let part =
        found["findings"].as_array().unwrap().iter().find(|one| one["part"].as_str().unwrap().ends_with("/kept"));
    assert!(sound && part.unwrap()["sound"] == true, "{found}");
    // A file that the manifest names: what was on its way when the server was killed may lie beside it.
    let mut streams = std::fs::read_dir(data.join("streams")).unwrap().map(|entry| entry.unwrap().path().join("kept"));
    let kept = streams.find(|kept| kept.join("kept.json").exists()).unwrap();
    let manifest: Json = serde_json::from_slice(&std::fs::read(kept.join("kept.json")).unwrap()).unwrap();
    let file = kept.join(manifest["files"][0]["name"].as_str().unwrap());
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let (sound, found) = check(&data);
    assert!(!sound && found.to_string().contains("holds other bytes than were written"), "{found}");
}
