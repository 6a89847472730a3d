//! Profiles as their user meets them: deployments by name, their lock, and what is said of a file that is wrong.

use std::path::Path;
use std::process::{Command, Output};

use crate::deployment::{Deployment, Style};
use crate::support::{KEY, fvtop};

/// A program with these profiles, whose key is in `PROD_KEY`.
fn with_profiles(dir: &Path, text: &str) -> Command {
    let path = dir.join("config.toml");
    std::fs::write(&path, text).unwrap();
    let mut program = fvtop();
    program.env("FVTOP_CONFIG", path).env("PROD_KEY", KEY);
    program
}

fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// A file of three profiles: one of that deployment, the same locked, and the embedded platform.
fn three(url: &str) -> String {
    format!(
        "default = \"open\"\n[profile.open]\nurl = \"{url}\"\nkey_env = \"PROD_KEY\"\nworkspace = \"prod\"\n\
         [profile.locked]\nurl = \"{url}\"\nkey_env = \"PROD_KEY\"\ncolour = \"red\"\nread_only = true\n[profile.here]\n"
    )
}

#[test]
fn a_deployment_is_reached_by_its_name_and_a_locked_one_is_not_changed() {
    let (dir, deployment) = (tempfile::tempdir().unwrap(), Deployment::start(Style::Full));
    let url = deployment.endpoint().url.to_string();
    let run = |arguments: &[&str]| said(&with_profiles(dir.path(), &three(&url)).args(arguments).output().unwrap());
    for arguments in [&["views"][..], &["views", "--profile", "locked"]] {
        let (code, out, err) = run(arguments);
        assert!(code == Some(0) && out.contains("card_spend_hourly"), "{arguments:?}: {out}{err}");
    }
    let trigger = ["jobs", "trigger", "card_spend_hourly", "--start", "2026-11-22", "--end", "2026-11-23", "--online"];
    let (code, _, err) = run(&[&trigger[..], &["--profile", "locked"]].concat());
    assert!(
        code == Some(1) && err.contains("The profile `locked` is read-only: nothing was changed."),
        "{code:?} {err}"
    );
    assert_eq!(deployment.count("SubmitMaterializationJob"), 0);
    run(&trigger);
    assert_eq!(deployment.count("SubmitMaterializationJob"), 1, "the open profile lets it through");
    let (code, out, err) = run(&["--snapshot", "--profile", "locked"]);
    assert!(code == Some(0) && out.lines().next().unwrap().contains(" locked "), "{out}{err}");
    assert!(out.lines().next().unwrap().contains("read-only"), "{out}");
}

#[test]
fn profiles_are_listed_without_their_secrets() {
    let dir = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        said(&with_profiles(dir.path(), &three("https://c/api")).args(arguments).output().unwrap())
    };
    let (code, out, _) = run(&["profiles"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("locked") && out.contains("$PROD_KEY") && out.contains("red") && !out.contains(KEY), "{out}");
    let (_, out, _) = run(&["profiles", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&listed[0]["default"], &listed[1]["read_only"], &listed[2]["url"]),
        (&true.into(), &true.into(), &serde_json::Value::Null)
    );
    let (_, sample, _) = run(&["profiles", "--sample"]);
    let (code, out, err) = said(&with_profiles(dir.path(), &sample).arg("profiles").output().unwrap());
    assert!(code == Some(0) && out.contains("example"), "{out}{err}");
    let (code, out, err) = said(&with_profiles(dir.path(), "").arg("profiles").output().unwrap());
    assert!(code == Some(0) && out.is_empty() && err.contains("--sample"), "{out}{err}");
}

#[test]
fn a_file_that_is_wrong_stops_everything_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    for (text, words) in [
        ("[profile.a]\ncolour = \"rde\"\n", "line 2: there is no colour `rde`. Did you mean `red`?"),
        ("[profile.a]\napi_key = \"hush\"\n", "line 2: `api_key` would keep a secret in this file"),
    ] {
        for arguments in [&["views"][..], &["profiles"], &["--snapshot"]] {
            let (code, _, err) = said(&with_profiles(dir.path(), text).args(arguments).output().unwrap());
            assert!(code == Some(2) && err.contains(words) && !err.contains("hush"), "{arguments:?}: {code:?} {err}");
        }
    }
    let (code, _, err) = said(&with_profiles(dir.path(), "").args(["views", "--profile", "prod"]).output().unwrap());
    assert!(code == Some(2) && err.contains("There is no profile `prod`"), "{err}");
}
