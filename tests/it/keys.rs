//! Keys and the audit log as an administrator meets them: made before the first start, handed out, revoked under a
//! running server from another process.

use std::path::Path;
use std::process::Output;

use super::support::{Server, Starting, example_repository, fvtop, stderr, stdout};

/// A command on the files of a data directory.
fn on_files(data: &Path, arguments: &[&str]) -> Output {
    fvtop().args(arguments).arg("--data-dir").arg(data).env("USER", "ann").output().unwrap()
}

/// A command with a key of its own against a server.
fn with_key(server: &Server, key: &str, arguments: &[&str]) -> Output {
    fvtop().args(arguments).arg("--url").arg(&server.url).env("TECTON_API_KEY", key).output().unwrap()
}

/// Makes a key in the files, which print it and nothing else.
fn make(data: &Path, name: &str, role: &str) -> String {
    let made = on_files(data, &["keys", "create", name, "--role", role, "--quiet"]);
    assert!(made.status.success() && made.stderr.is_empty(), "{}", stderr(&made));
    stdout(&made).trim().to_owned()
}

#[test]
fn a_key_that_is_revoked_in_the_files_is_let_in_no_longer_by_the_running_server() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (code, text) = Starting::keyless(fvtop(), &example_repository(), &data, &[]).refused();
    assert_eq!(code, Some(1), "nobody could use it");
    assert!(text.contains("fvtop keys create NAME --role owner --data-dir"), "{text}");
    let (owner, ops) = (make(&data, "root", "owner"), make(&data, "ops", "operator"));
    let server = Starting::keyless(fvtop(), &example_repository(), &data, &[]).ready();
    let views = |key: &str| with_key(&server, key, &["views"]).status.code();
    assert_eq!((views(&owner), views(&ops), views("fvtop_0000000000")), (Some(0), Some(0), Some(3)));
    let refused = with_key(&server, &ops, &["lookup", "carrier_delays", "carrier=UA"]);
    assert!(stderr(&refused).contains("consumer or editor or owner"), "{}", stderr(&refused));
    let unasked = on_files(&data, &["keys", "revoke", "ops"]);
    assert_eq!(unasked.status.code(), Some(2), "there is no terminal to ask on");
    assert_eq!(views(&ops), Some(0));
    let revoked = on_files(&data, &["keys", "revoke", "ops", "--yes"]);
    assert!(revoked.status.success(), "{}", stderr(&revoked));
    assert_eq!((views(&ops), views(&owner)), (Some(3), Some(0)), "at once, and nobody else");
    let late = make(&data, "late", "viewer");
    assert_eq!(views(&late), Some(0), "a key that is made meanwhile is let in");
    let listed = stdout(&on_files(&data, &["keys", "list", "--all"]));
    assert!(
        listed.contains("ops") && listed.contains("revoked 20") && listed.contains("ann (data directory)"),
        "{listed}"
    );
    assert!(![&owner, &ops, &late].into_iter().any(|key| listed.contains(&key[6..60])), "{listed}");
    let log = stdout(&on_files(&data, &["audit", "--csv"]));
    assert!(log.starts_with("time,key,call,workspace,feature_view,asked_for,outcome,result,request_id\n"), "{log}");
    assert_eq!(log.matches("fvtop keys create").count(), 3, "{log}");
    assert_eq!(log.matches("fvtop keys revoke").count(), 1, "{log}");
}

#[test]
fn an_owner_hands_out_keys_over_the_network_and_sees_what_they_did() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let owner = make(&data, "root", "owner");
    std::fs::write(data.with_extension("key"), &owner).unwrap();
    let server = Starting::keyless(fvtop(), &example_repository(), &data, &[]).ready();
    let made = server.json(&["keys", "create", "ci", "--role", "operator", "--description", "for the tests", "--json"]);
    let key = made["key"].as_str().unwrap();
    assert_eq!((&made["role"], &made["created_by"]), (&"operator".into(), &"root".into()));
    let taken = server.run(&["keys", "create", "ci", "--role", "viewer"]);
    assert!(stderr(&taken).contains("`ci` already"), "{}", stderr(&taken));
    let forbidden = with_key(&server, key, &["keys", "create", "more", "--role", "owner"]);
    assert!(stderr(&forbidden).contains("role owner"), "{}", stderr(&forbidden));
    assert_eq!(forbidden.status.code(), Some(1));
    let window = ["--start", "2026-01-01", "--end", "2026-01-02", "--offline", "--online"];
    let triggered = [&["jobs", "trigger", "no_such_view"], window.as_slice()].concat();
    assert!(!with_key(&server, key, &triggered).status.success());
    let keys = server.json(&["keys", "list", "--json"]);
    let names: Vec<_> = keys.as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["root", "ci"]);
    let log = server.json(&["audit", "--json"]);
    let told: Vec<_> = log
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .map(|entry| {
            let text = |name: &str| entry[name].as_str().unwrap().to_owned();
            assert!(!text("request_id").is_empty() || text("call").starts_with("fvtop keys"), "{entry}");
            (text("key_name"), text("call"), entry["code"].as_i64())
        })
        .collect();
    let row = |who: &str, call: &str, code| (who.to_owned(), call.to_owned(), Some(code));
    let keys = "POST /v1/fvtop/keys";
    assert_eq!(
        told[1..],
        [row("root", keys, 0), row("root", keys, 3), row("ci", keys, 7), row("ci", "SubmitMaterializationJob", 3),]
    );
    assert_eq!((told[0].0.as_str(), told[0].1.as_str()), ("ann (data directory)", "fvtop keys create"));
    assert_eq!(with_key(&server, key, &["audit"]).status.code(), Some(1), "owners alone read the log");
    let last = server.run(&["keys", "revoke", "root", "--yes"]);
    assert!(stderr(&last).contains("last owner key"), "{}", stderr(&last));
    assert!(server.run(&["keys", "revoke", "ci", "--yes"]).status.success());
    assert_eq!(with_key(&server, key, &["views"]).status.code(), Some(3));
}

#[test]
fn a_key_file_still_lets_its_keys_in_and_a_place_must_be_named() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Server::start(&example_repository(), &data);
    let keys = server.json(&["keys", "list", "--json"]);
    assert_eq!((&keys[0]["name"], &keys[0]["role"]), (&"data.key line 1".into(), &"owner".into()));
    assert!(server.run(&["views"]).status.success());
    let nowhere = fvtop().args(["keys", "list"]).output().unwrap();
    assert_eq!(nowhere.status.code(), Some(2));
    assert!(stderr(&nowhere).contains("--data-dir"), "{}", stderr(&nowhere));
    let elsewhere = on_files(dir.path(), &["keys", "list"]);
    assert!(stderr(&elsewhere).contains("There are no API keys in"), "{}", stderr(&elsewhere));
    assert!(!dir.path().join("access.sqlite").exists(), "nothing is made where nothing was");
}
