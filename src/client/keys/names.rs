//! What a file of keys must be before it is read: of a size that keys can have, and in JSON lines with every join key
//! on every line, for a reader gives a line without a key a null, which is a key of its own.

use std::collections::HashSet;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::problem;
use crate::client::message::Problem;
use crate::client::table::FileFormat;
use crate::model::deletion::MAX_KEYS;

/// The largest file that is read, in bytes: the keys of one request are never that many.
const LARGEST: u64 = 256 << 20;

/// Checks the names that stand in the file; whether it can be read at all is for its reader to say.
pub(super) fn check(path: &Path, source: &str, join_keys: &[String]) -> Result<(), Problem> {
    let format = FileFormat::of(path)?;
    let Ok(file) = File::open(path) else { return Ok(()) };
    let Ok(about) = file.metadata().map(|about| (about.is_file(), about.len())) else { return Ok(()) };
    match about {
        (false, _) => return Ok(()),
        (true, 0) => return Err(none(source)),
        (true, bytes) if bytes > LARGEST => {
            return Err(problem(
                format!("{source} takes {} MiB; a file of keys has at most {} MiB.", bytes >> 20, LARGEST >> 20),
                format!("Give the join keys alone, at most {MAX_KEYS} of them."),
            ));
        }
        _ => {}
    }
    match format {
        FileFormat::JsonLines => lines(file, source, join_keys),
        FileFormat::Csv | FileFormat::Parquet => Ok(()),
    }
}

/// Every line must name each join key. Surplus names are told with the columns, repeated ones by the reader.
fn lines(file: File, source: &str, join_keys: &[String]) -> Result<(), Problem> {
    let lines = BufReader::new(file).lines().map_while(Result::ok);
    for (number, line) in (1..).zip(lines).take(MAX_KEYS + 1) {
        // What is no object is told by the reader.
        let Ok(Names(found)) = serde_json::from_str(&line) else { continue };
        if let Some(missing) = join_keys.iter().find(|name| !found.contains(name)) {
            let hint = "Write every join key on every line; null stands for a key that is null.";
            return Err(problem(format!("{source}, line {number}, lacks the join key `{missing}`."), hint));
        }
    }
    Ok(())
}

/// The names of one JSON object, as they stand there.
struct Names(Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(InOrder)
    }
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Names;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
        let mut names = Vec::new();
        while let Some((name, _)) = map.next_entry::<String, IgnoredAny>()? {
            names.push(name);
        }
        Ok(Names(names))
    }
}

/// The first name that stands twice.
pub(super) fn repeated(names: &[String]) -> Option<&str> {
    let mut seen = HashSet::new();
    names.iter().map(String::as_str).find(|name| !seen.insert(*name))
}

pub(super) fn twice(source: &str, name: &str) -> Problem {
    problem(format!("{source} has the column `{name}` more than once."), "Keep one of them.")
}

pub(super) fn none(source: &str) -> Problem {
    problem(format!("{source} holds no keys."), "Give at least one.")
}
