//! Views whose definition is refused, and sources whose files lie outside of the repository, as their users meet them.

use std::path::Path;

use polars::prelude::*;

use crate::support::{KEY, Server, Starting, fvtop, printed, write_parquet};

fn events(path: &Path) {
    let frame = df!("k" => ["a"], "ts" => [1_700_000_000_000_000_i64], "v" => [1.5]).unwrap();
    write_parquet(path, frame, &["ts"]);
}

/// A sound view, one that names a column that is not there, and one over a file of another folder.
fn repository(root: &Path, outside: &Path) {
    std::fs::create_dir_all(root.join("views")).unwrap();
    let write = |file: &str, text: &str| std::fs::write(root.join(file), text).unwrap();
    write("workspaces.toml", "[[workspace]]\nname = \"prod\"\nlive = true\n");
    write("entities.toml", "[[entity]]\nname = \"e\"\njoin_keys = [{ name = \"k\", type = \"string\" }]\n");
    let source = |name: &str, file: &Path| {
        format!("[[source]]\nname = \"{name}\"\nfiles = \"{}\"\ntimestamp_column = \"ts\"\n", file.display())
    };
    let inside = source("near", Path::new("events.parquet"));
    let outside = source("far", &outside.join("events.parquet"));
    write("sources.toml", &format!("{inside}{outside}"));
    events(&root.join("events.parquet"));
    for (name, source, column) in [("sound", "near", "v"), ("typo", "near", "w"), ("remote", "far", "v")] {
        let text = format!(
            "name = \"{name}\"\nentities = [\"e\"]\nsource = \"{source}\"\nmode = \"spark_sql\"\n\
             sql = \"SELECT k, ts, {column} FROM {source}\"\nbatch_schedule = \"1d\"\nonline = true\noffline = true\n\
             batch_trigger = \"manual\"\n"
        );
        write(&format!("views/{name}.toml"), &text);
    }
}

fn said(output: &std::process::Output, code: i32) -> String {
    let text = printed(output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    text
}

#[test]
fn commands_say_why_a_view_is_refused_and_outside_files_need_leave_of_the_platform() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("outside")).unwrap();
    events(&at("outside/events.parquet"));
    repository(&at("repo"), &at("outside"));
    let keys = at("keys.csv");
    std::fs::write(&keys, "k\na\n").unwrap();
    let server = Server::start(&at("repo"), &at("data"));
    let keys = keys.display().to_string();
    let verbs: [&[&str]; 11] = [
        &["views", "show", "typo"],
        &["lookup", "typo", "k=a"],
        &["jobs", "--view", "typo"],
        &["jobs", "trigger", "typo", "--start", "2024-01-01", "--end", "2024-01-02", "--online"],
        &["run", "typo", "--start", "2024-01-01", "--end", "2024-01-02"],
        &["history", "typo", "--from-source"],
        &["status", "typo"],
        &["coverage", "typo"],
        &["stream", "show", "typo"],
        &["stream", "stop", "typo"],
        &["delete-keys", "typo", "--keys", &keys, "--yes", "typo"],
    ];
    for verb in verbs {
        let text = said(&server.run(verb), 1);
        for part in ["`typo` is refused", "views/typo.toml:5: sql: ", "column w: is not there", "did you mean"] {
            assert!(text.contains(part), "{verb:?}: {part}: {text}");
        }
    }
    let listed = said(&server.run(&["views"]), 0);
    assert!(listed.contains("sound") && listed.contains("refused: views/typo.toml:5: sql: "), "{listed}");
    let streams = said(&server.run(&["stream", "list"]), 0);
    assert!(streams.contains("FEATURE VIEW") && streams.contains("refused: views/typo.toml:5: sql: "), "{streams}");
    let batch = said(&server.run(&["stream", "show", "sound"]), 1);
    assert!(batch.contains("Feature view `sound` of workspace `prod` writes no stream"), "{batch}");
    // What is wrong with what it depends on is told too, and which option helps.
    let far = said(&server.run(&["history", "remote", "--from-source"]), 1);
    let leave = format!("--allow-sources {}", at("outside").canonicalize().unwrap().display());
    for part in ["sources.toml:7: source[1].files: ", "outside/events.parquet lies outside of the repository", &leave] {
        assert!(far.contains(part), "{part}: {far}");
    }
    let none = said(&server.run(&["views", "show", "nothing"]), 1);
    assert!(none.contains("no feature view `nothing`") && none.contains("views/typo.toml:5"), "{none}");
    server.kill();

    let outside = at("outside").display().to_string();
    let server = Starting::with(fvtop(), &at("repo"), &at("data"), &["--allow-sources", &outside]).ready();
    let rows = said(&server.run(&["history", "remote", "--from-source", "--format", "csv"]), 0);
    assert!(rows.contains("a,1.5"), "{rows}");
    // A link that comes into the path afterwards leads nowhere.
    std::fs::create_dir(at("secret")).unwrap();
    events(&at("secret/events.parquet"));
    std::fs::remove_file(at("outside/events.parquet")).unwrap();
    std::os::unix::fs::symlink(at("secret/events.parquet"), at("outside/events.parquet")).unwrap();
    let refused = said(&server.run(&["history", "remote", "--from-source"]), 1);
    assert!(refused.contains("secret/events.parquet, outside of the folders"), "{refused}");
    server.kill();

    // A client cannot choose it.
    let (url, key) = ("http://127.0.0.1:1/api", at("key"));
    std::fs::write(&key, KEY).unwrap();
    let mut client = fvtop();
    client.args(["views", "--url", url, "--allow-sources", &outside, "--api-key-file"]).arg(&key);
    assert_eq!(client.output().unwrap().status.code(), Some(2));
}
