//! The names that a file of keys really has, before a reader makes its own of them: a reader renames or merges columns that
//! stand twice, and gives a line without a key a null, which is a key of its own.

use std::collections::HashSet;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use polars::prelude::{CsvReadOptions, ParquetReader, PolarsResult, SerReader};
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
        FileFormat::Csv => once(csv(file), source),
        FileFormat::Parquet => once(parquet(file), source),
        FileFormat::JsonLines => lines(file, source, join_keys),
    }
}

fn once(found: PolarsResult<Vec<String>>, source: &str) -> Result<(), Problem> {
    match found.unwrap_or_default() {
        found if repeated(&found).is_some() => Err(twice(source, repeated(&found).unwrap_or_default())),
        _ => Ok(()),
    }
}

/// The names of the first line.
fn csv(file: File) -> PolarsResult<Vec<String>> {
    let options = CsvReadOptions::default().with_has_header(false).with_infer_schema_length(Some(0));
    let line = options.with_n_rows(Some(1)).into_reader_with_file_handle(file).finish()?;
    let cell = |column: &polars::prelude::Column| Ok(column.str()?.get(0).unwrap_or_default().to_owned());
    line.columns().iter().map(cell).collect()
}

/// The names of the outermost fields.
fn parquet(file: File) -> PolarsResult<Vec<String>> {
    let mut reader = ParquetReader::new(file);
    let fields = reader.get_metadata()?.schema_descr.fields();
    Ok(fields.iter().map(|field| field.name().to_owned()).collect())
}

/// Every line must name each join key once. Surplus names are told with the columns.
fn lines(file: File, source: &str, join_keys: &[String]) -> Result<(), Problem> {
    let lines = BufReader::new(file).lines().map_while(Result::ok);
    for (number, line) in (1..).zip(lines).take(MAX_KEYS + 1) {
        // What is no object is told by the reader.
        let Ok(Names(found)) = serde_json::from_str(&line) else { continue };
        let source = format!("{source}, line {number},");
        if let Some(name) = repeated(&found) {
            return Err(twice(&source, name));
        }
        if let Some(missing) = join_keys.iter().find(|name| !found.contains(name)) {
            let hint = "Write every join key on every line; null stands for a key that is null.";
            return Err(problem(format!("{source} lacks the join key `{missing}`."), hint));
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
