//! Which room may import which: `docs/architecture.md` shows the same order. An arrow that runs back up fails here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Rooms from the ground up. A room imports rooms of lines above its own; those of one line do not know each other.
const ORDER: &[&[&str]] = &[
    &["model"],
    &["wire"],
    &["client"],
    &["tui"],
    &["platform/private", "platform/priority", "platform/descriptors", "platform/definition", "platform/compute"],
    &["platform/data_dir", "platform/clock", "platform/sqlite"],
    &["platform/lock", "platform/frame"],
    &["platform/sql", "platform/tiles", "platform/source"],
    &["platform/engine", "platform/registry", "platform/offline", "platform/online"],
    &["platform/access", "platform/datasets", "platform/uploads", "platform/jobs"],
    &["platform/quarantine"],
    &["platform/error", "platform/queries", "platform/stream"],
    &["platform/inspection"],
    &["platform"],
    &["platform/http"],
    &["cli"],
    &["main", "lib"],
];

/// What an order from the ground up does not say: the console and the platform meet over HTTP alone.
const STRANGERS: &[(&str, &str)] = &[("platform", "client"), ("platform", "tui")];

#[test]
fn imports_go_down_alone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = BTreeMap::new();
    read(&root, &root, &mut files);
    let wrong = wrong(&files);
    assert!(wrong.is_empty(), "imports that go up:\n{}", wrong.join("\n"));
    let rooms: BTreeSet<String> = files.keys().map(|path| room(&module(path))).collect();
    let known: BTreeSet<String> = ORDER.iter().flat_map(|line| line.iter()).map(|room| (*room).to_owned()).collect();
    assert_eq!(rooms, known, "the order names every room, and no other");
}

#[test]
fn an_arrow_that_is_turned_round_is_found() {
    let found = |path: &str, text: &str| wrong(&BTreeMap::from([(PathBuf::from(path), text.to_owned())]));
    assert_eq!(found("platform/http/jobs.rs", "use crate::platform::jobs::Jobs;\n"), Vec::<String>::new());
    let up = [
        ("platform/jobs/table.rs", "use crate::platform::http::fault::Fault;\n"),
        ("platform/jobs.rs", "use super::http::App;\n"),
        (
            "platform/sql/plan/from.rs",
            "use crate::{\n    model::Time,\n    platform::engine::polars_engine::query::Reader,\n};\n",
        ),
        ("platform/tiles/merge.rs", "fn f() {\n    crate::platform::engine::polars_engine::fold::fold();\n}\n"),
        ("tui/app.rs", "use crate::platform::Platform;\n"),
        ("platform/http.rs", "use crate::client::Command;\n"),
        ("model/time.rs", "use super::super::wire::status;\n"),
    ];
    for (path, text) in up {
        assert_eq!(found(path, text).len(), 1, "{path}: {text}");
    }
}

/// Files by their path below `src`, those that only tests see left out: they may import what they test.
fn read(root: &Path, folder: &Path, files: &mut BTreeMap<PathBuf, String>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let of_tests = ["tests", "testing", "laws", "fuzz", "examples"].contains(&name.as_str());
        if of_tests || name.ends_with("_tests") || name.ends_with("_testing") {
            continue;
        }
        if path.is_dir() {
            read(root, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            files.insert(path.strip_prefix(root).unwrap().to_owned(), text);
        }
    }
}

/// The path of a file's module from the crate's root.
fn module(path: &Path) -> Vec<String> {
    path.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect()
}

/// The room that a module, or something in it, belongs to: a top folder, or a folder of the platform.
fn room(module: &[String]) -> String {
    match module {
        [first, second, ..] if first == "platform" => format!("platform/{second}"),
        [first, ..] => first.clone(),
        [] => "lib".to_owned(),
    }
}

fn line(room: &str) -> Option<usize> {
    ORDER.iter().position(|rooms| rooms.contains(&room))
}

/// A sentence for each import that does not go down.
fn wrong(files: &BTreeMap<PathBuf, String>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (path, text) in files {
        let own = module(path);
        let from = room(&own);
        // What only tests see stands last in a file.
        let text = text.split("\n#[cfg(test)]\nmod ").next().unwrap();
        for target in imports(&own, text) {
            let mut to = room(&target);
            // A type of the platform itself, such as `platform::Platform`.
            if to.rsplit('/').next().unwrap().starts_with(char::is_uppercase) {
                to = "platform".to_owned();
            }
            if to == from {
                continue;
            }
            let inside = to.starts_with("platform/") && from == "platform" && to != "platform/http";
            let strangers = STRANGERS.iter().any(|(a, b)| from.starts_with(a) && to.starts_with(b));
            let down = matches!((line(&from), line(&to)), (Some(from), Some(to)) if to < from);
            let console = from == "tui" || from == "client";
            if strangers || (console && to.starts_with("platform")) || !(down || inside) {
                wrong.push(format!("{}: {from} -> {to}", path.display()));
            }
        }
    }
    wrong
}

/// The paths below the crate's root that a text names: `crate::…` and `super::…`, groups taken apart.
fn imports(own: &[String], text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    for (start, word) in code.match_indices("crate::").chain(code.match_indices("super::")) {
        // `super::super::` is read from its first word on.
        if code[..start].ends_with("super::") || code[..start].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let mut base: Vec<String> = if word == "crate::" { Vec::new() } else { own[..own.len() - 1].to_vec() };
        let mut rest = &code[start + word.len()..];
        while let Some(further) = rest.strip_prefix("super::") {
            base.pop();
            rest = further;
        }
        paths(&base, rest, &mut found);
    }
    found
}

/// The paths of a tree such as `model::{Time, time::micros}`, two parts deep: more does not name a room.
fn paths(base: &[String], tree: &str, found: &mut Vec<Vec<String>>) {
    let tree = tree.trim_start();
    if let Some(group) = tree.strip_prefix('{') {
        let mut depth = 0;
        let mut begin = 0;
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth > 0 => depth -= 1,
                '}' => {
                    paths(base, &group[begin..at], found);
                    return;
                }
                ',' if depth == 0 => {
                    paths(base, &group[begin..at], found);
                    begin = at + 1;
                }
                _ => {}
            }
        }
        return;
    }
    let end = tree.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(tree.len());
    let mut path = base.to_vec();
    if end > 0 && &tree[..end] != "self" {
        path.push(tree[..end].to_owned());
    }
    match tree[end..].strip_prefix("::") {
        Some(rest) if path.len() < 2 => paths(&path, rest, found),
        _ if path.is_empty() => {}
        _ => found.push(path),
    }
}
