//! Every call that the client's sources name has a script; a new one without a script fails here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use regex::Regex;

use crate::deployment::script;

/// The text of every source file below a folder, tests left out.
fn sources(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let name = entry.file_name().into_string().unwrap();
        if path.is_dir() && name != "tests" {
            sources(&path, text);
        } else if name.ends_with(".rs") && name != "tests.rs" && name != "testing.rs" {
            let whole = std::fs::read_to_string(&path).unwrap();
            text.push_str(whole.split("#[cfg(test)]\nmod tests {").next().unwrap());
        }
    }
}

fn found(pattern: &str, text: &str) -> BTreeSet<String> {
    Regex::new(pattern).unwrap().captures_iter(text).map(|found| found[1].to_owned()).collect()
}

#[test]
fn every_call_of_the_client_is_scripted() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut client = String::new();
    sources(&source.join("client"), &mut client);
    let calls = std::fs::read_to_string(source.join("wire/rpc.rs")).unwrap();
    let known = Regex::new(r#"([A-Za-z]+) ([A-Z_]+) = "[^"]+" [A-Z]"#).unwrap();
    let named = found(r"rpc::([A-Z_]+)", &client);
    let wanted: BTreeSet<String> =
        known.captures_iter(&calls).filter(|call| named.contains(&call[2])).map(|call| call[1].to_owned()).collect();
    assert_eq!(wanted.len(), named.len(), "wire/rpc.rs lacks one of {named:?}");
    let scripted: BTreeSet<String> = script::CALLS.iter().map(|&call| call.to_owned()).collect();
    assert_eq!(wanted, scripted);
}

/// The path with named parts as they are called, and `{}` for ids.
fn named(path: &str, names: &BTreeMap<&str, &str>) -> String {
    let part = |part: &str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        Some(name) => names.get(name).copied().unwrap_or("{}").to_owned(),
        None => part.to_owned(),
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[test]
fn every_path_of_the_client_is_scripted() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut client, mut wire) = (String::new(), String::new());
    sources(&source.join("client"), &mut client);
    sources(&source.join("wire"), &mut wire);
    let names = Regex::new(r#"pub(?:\(crate\))? const ([A-Z_]+): &str = "([^"]+)""#).unwrap();
    let names: BTreeMap<&str, &str> = names
        .captures_iter(&wire)
        .map(|name| {
            let (_, [name, text]) = name.extract();
            (name, text)
        })
        .collect();
    let mut wanted: BTreeSet<String> = found(r#"below\(own_api, &?(?:format!\()?"([^"]+)""#, &client);
    wanted.extend(found(r"below\(own_api, ([A-Z_]+)\)", &client).iter().map(|name| format!("{{{name}}}")));
    wanted = wanted.iter().map(|path| named(path, &names)).collect();
    wanted.extend(found(r#"format!\("\{\}/([a-z-]+)", (?:own_api|dataset_path)"#, &client));
    let own = script::PATHS.iter().filter_map(|path| path.strip_prefix("v1/fvtop/"));
    // The rows of a dataset are made of the path of the dataset.
    let scripted: BTreeSet<String> = own.map(|path| path.replace("datasets/{}/rows", "rows")).collect();
    assert_eq!(wanted, scripted);
    let features = found(r"([A-Z]+_FEATURES[A-Z_]*_PATH)", &client);
    assert_eq!(features.len(), 2, "{features:?}");
}
