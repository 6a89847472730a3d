//! Who may read a data directory: its owner alone, whatever the umask; with `--data-group` a group its tables and
//! datasets.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::crash::world::World;
use crate::support::{GUARD, PATIENT, PROGRAM, Server, Starting, shielded, stderr, wait_for};

/// All files and folders below, with their modes.
fn modes(folder: &Path) -> Vec<(PathBuf, u32)> {
    let mut all = vec![(folder.to_owned(), std::fs::symlink_metadata(folder).unwrap().mode() & 0o7777)];
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        // SQLite removes its files when it is done with them.
        let Ok(about) = entry.metadata() else { continue };
        if about.is_dir() {
            all.extend(modes(&entry.path()));
        } else {
            all.push((entry.path(), about.mode() & 0o7777));
        }
    }
    all
}

/// A server that was started with that umask.
fn start(umask: &str, repo: &Path, data: &Path, arguments: &[&str]) -> Server {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\""), PROGRAM]);
    Starting::with(shielded(command), repo, data, arguments).ready()
}

fn work(server: &Server) {
    wait_for("tables that were summed up", GUARD, || {
        let jobs = server.json(&["jobs", "--view", "clicks_hourly", "--json"]);
        let jobs = jobs.as_array().or_else(|| jobs["jobs"].as_array()).unwrap().clone();
        (jobs.iter().filter(|job| job["state"] == "SUCCESS").count() > 22).then_some(())
    });
}

#[test]
fn a_data_directory_is_its_owners_whatever_the_umask() {
    let folder = tempfile::tempdir().unwrap();
    let (repo, data) = (folder.path().join("repo"), folder.path().join("data"));
    World::make(&repo);
    let server = start("000", &repo, &data, &[]);
    work(&server);
    let history = ["history", "clicks_hourly", "--save-as", "kept", "--format", "csv"];
    let range = ["--start", "2020-01-01", "--end", "2020-01-02"];
    assert!(server.run(&[&history[..], &range[..]].concat()).status.success());
    let all = modes(&data);
    assert!(all.iter().any(|(path, _)| path.to_string_lossy().contains(".checkpoint.parquet")), "{all:?}");
    assert!(all.iter().any(|(path, _)| path.ends_with("kept/dataset.json")), "{all:?}");
    for (path, mode) in &all {
        let wanted = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(*mode, wanted, "{} has mode {mode:o}", path.display());
    }
    assert_eq!(server.stop("TERM"), Some(0));

    // What was left open is closed by the next start; a group may read what is for others.
    for (path, mode) in all.iter().filter(|(path, _)| path.exists()) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode | if path.is_dir() { 0o55 } else { 0o44 }))
            .unwrap();
    }
    let group = std::fs::metadata(&data).unwrap().gid().to_string();
    let server = start("077", &repo, &data, &["--data-group", &group]);
    let trigger = ["jobs", "trigger", "clicks_asked", "--offline", "--wait", "--timeout", PATIENT];
    let hour = |back: i64| {
        let at = chrono::Utc::now() - chrono::Duration::hours(back);
        at.format("%Y-%m-%dT%H:00:00Z").to_string()
    };
    let output = server.run(&[&trigger[..], &["--start", &hour(4), "--end", &hour(3)]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    for (path, mode) in modes(&data) {
        let shared = ["offline", "datasets"].iter().any(|name| path.starts_with(data.join(name)));
        let wanted = match (shared, path.is_dir()) {
            _ if path == data => 0o710,
            (true, true) => 0o750,
            (true, false) => 0o640,
            (false, true) => 0o700,
            (false, false) => 0o600,
        };
        assert_eq!(mode, wanted, "{} has mode {mode:o}", path.display());
    }
    drop(server);
    let starting = Starting::with(crate::support::fvtop(), &repo, &data, &["--data-group", "no-such-group"]);
    let (code, said) = starting.refused();
    assert!(code == Some(1) && said.contains("there is no group `no-such-group`"), "{said}");
}
