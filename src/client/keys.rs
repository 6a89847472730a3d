//! The keys that a deletion names: read from a file or typed, and checked before anything is sent (docs/semantics.md
//! section 11, docs/wire.md section 2.6 step 1).
//!
//! Every check that needs no deployment is here; what it refuses was never sent. Values stay as they were given: a
//! cleaned key would be another key. Reading blocks: callers on async threads go through `spawn_blocking`.

use std::path::Path;
use std::sync::Arc;

use polars::prelude::{
    Column, DataFrame, DataType as Polars, IntoColumn, NamedFrom, PolarsError, Series, UniqueKeepStrategy,
};

use super::message::{KeySet, Problem, Table};
use super::table::{self, FileFormat};
use crate::model::deletion::MAX_KEYS;
use crate::model::{DataType, FeatureView, JoinKey, Stores, clean, foreign};
use crate::wire::typed::word;

mod names;
#[cfg(test)]
mod tests;

/// Whether keys of that view can be deleted at all, and from somewhere.
///
/// # Errors
/// When no store is chosen, the view has a wildcard join key, or it is not materialized.
pub fn check(view: &FeatureView, stores: Stores) -> Result<(), Problem> {
    if !stores.online && !stores.offline {
        return Err(problem("Neither store is chosen.", "Choose online, offline or both."));
    }
    check_view(view)
}

fn check_view(view: &FeatureView) -> Result<(), Problem> {
    if let Some(wildcard) = view.wildcard_join_key() {
        return Err(problem(
            format!("Keys of `{}` cannot be deleted: `{wildcard}` is its wildcard join key.", view.name),
            "Only a view whose online_serving_index holds every join key allows it.",
        ));
    }
    if !view.materialization_enabled {
        return Err(problem(
            format!("Keys of `{}` cannot be deleted: the view is not materialized in `{}`.", view.name, view.workspace),
            "Delete them in a live workspace.",
        ));
    }
    Ok(())
}

/// Reads the keys of a file: CSV, Parquet or JSON lines by its ending, a column for each join key. In CSV each column
/// has the type of its key, an empty field is null, and an empty line is no key; null in every part of a key is said in
/// JSON lines or Parquet alone.
///
/// # Errors
/// When the file cannot be read, or what it holds cannot be deleted from that view.
pub fn from_file(view: &FeatureView, path: &Path) -> Result<KeySet, Problem> {
    check_view(view)?;
    let source = format!("The file {}", path.display());
    let join_keys = names_of(view);
    names::check(path, &source, &join_keys)?;
    let frame = table::read(path, table::Purpose::Keys(&view.join_keys))?.table;
    if FileFormat::of(path)? == FileFormat::Csv {
        check_rows(&frame, &source)?;
    }
    let table = checked(view, frame, &source)?;
    Ok(KeySet { file: Some(path.to_owned()), ..table })
}

/// Spreadsheets leave rows of nothing but commas where somebody has cleared cells: in a file that deletes, such a row
/// is no key.
fn check_rows(keys: &DataFrame, source: &str) -> Result<(), Problem> {
    let is_empty =
        |row: &usize| keys.columns().iter().all(|column| column.get(*row).is_ok_and(|value| value.is_null()));
    match (0..keys.height()).find(is_empty) {
        None => Ok(()),
        Some(row) => Err(problem(
            format!("{source}, row {} holds no value for any join key.", row + 1),
            "Remove it; the key that is null in every part is said in JSON lines: null for each join key.",
        )),
    }
}

/// Takes keys as they were typed: each a value for every join key, in the view's order.
///
/// # Errors
/// When a value is not of its key's type, or what was typed cannot be deleted from that view.
pub fn typed(view: &FeatureView, keys: &[Vec<String>]) -> Result<KeySet, Problem> {
    check_view(view)?;
    let names = names_of(view);
    if let Some(odd) = keys.iter().find(|key| key.len() != names.len()) {
        return Err(problem(
            format!("A key of {} values was given; the join keys of `{}` are {}.", odd.len(), view.name, list(&names)),
            "Give one value for each.",
        ));
    }
    let column = |(at, key): (usize, &JoinKey)| {
        let texts: Vec<&str> = keys.iter().filter_map(|values| values.get(at)).map(String::as_str).collect();
        parsed(key, &texts)
    };
    let columns = view.join_keys.iter().enumerate().map(column).collect::<Result<Vec<_>, _>>()?;
    let frame = DataFrame::new(keys.len(), columns).map_err(unusable)?;
    checked(view, frame, "What was typed")
}

/// The texts as values of their key.
fn parsed(key: &JoinKey, texts: &[&str]) -> Result<Column, Problem> {
    let name = key.name.as_str().into();
    if key.data_type != DataType::Int64 {
        return Ok(Series::new(name, texts).into_column());
    }
    let number = |text: &&str| {
        text.trim().parse::<i64>().map_err(|_| {
            problem(
                format!("`{text}` is not a value of join key `{}`, which is int64.", key.name),
                format!("Write a whole number from {} to {}.", i64::MIN, i64::MAX),
            )
        })
    };
    let numbers = texts.iter().map(number).collect::<Result<Vec<_>, _>>()?;
    Ok(Series::new(name, numbers).into_column())
}

/// The checks of a table of keys, in the order of docs/semantics.md section 11; `source` begins a sentence.
fn checked(view: &FeatureView, frame: DataFrame, source: &str) -> Result<KeySet, Problem> {
    let given = frame.height();
    if given == 0 {
        return Err(names::none(source));
    }
    let found: Vec<String> = frame.get_column_names().iter().map(|name| name.to_string()).collect();
    check_names(view, &found, source)?;
    let columns = view.join_keys.iter().map(|key| of_its_type(key, &frame, source)).collect::<Result<Vec<_>, _>>()?;
    if given > MAX_KEYS {
        return Err(problem(
            format!("{source} holds {given} keys; one request may delete at most {MAX_KEYS}."),
            "Split them over several requests.",
        ));
    }
    let ordered = DataFrame::new(given, columns).map_err(unusable)?;
    let distinct = ordered.unique_stable(None, UniqueKeepStrategy::First, None).map_err(unusable)?;
    Ok(KeySet { table: Table(Arc::new(distinct)), given, file: None })
}

/// Whether these names are the full set of join keys, in any order; `source` begins a sentence.
///
/// # Errors
/// With the names that are given twice, missing or too many.
pub fn check_names(view: &FeatureView, found: &[String], source: &str) -> Result<(), Problem> {
    let wanted = names_of(view);
    if let Some(twice) = names::repeated(found) {
        return Err(names::twice(source, twice));
    }
    let missing: Vec<String> = wanted.iter().filter(|name| !found.contains(name)).cloned().collect();
    let surplus: Vec<String> = found.iter().filter(|name| !wanted.contains(name)).cloned().collect();
    let parts = [("lacks", missing), ("has in surplus", surplus)];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(word, names)| format!("{word} {}", list(names)))
        .collect();
    if parts.is_empty() {
        return Ok(());
    }
    Err(problem(
        format!("{source} does not hold the join keys of `{}`: it {}.", view.name, parts.join(" and ")),
        format!("Name exactly {}.", list(&wanted)),
    ))
}

/// The column of a join key, when it has the declared type. A column without any value has every type.
fn of_its_type(key: &JoinKey, frame: &DataFrame, source: &str) -> Result<Column, Problem> {
    let column = frame.column(&key.name).map_err(unusable)?;
    let wanted = match key.data_type {
        DataType::Int64 => Polars::Int64,
        DataType::String => Polars::String,
        _ => {
            return Err(problem(
                format!("Join key `{}` is {}; keys are deleted by int64 and string alone.", key.name, key.data_type),
                "Delete by the platform's own tools.",
            ));
        }
    };
    if column.null_count() == column.len() {
        return column.cast(&wanted).map_err(unusable);
    }
    if *column.dtype() == wanted {
        return Ok(column.clone());
    }
    Err(problem(
        format!("{source} holds {} in column `{}`; the join key is {}.", word(column.dtype()), key.name, key.data_type),
        "Correct its values, or the type of the column.",
    ))
}

fn names_of(view: &FeatureView) -> Vec<String> {
    view.join_keys.iter().map(|key| key.name.clone()).collect()
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn unusable(error: PolarsError) -> Problem {
    problem(format!("The keys cannot be used: {}.", foreign::sentence(&error)), "This is a defect of the program.")
}

/// A problem with cleaned texts.
fn problem(what: impl AsRef<str>, hint: impl AsRef<str>) -> Problem {
    Problem { what: clean(what.as_ref()).into_owned(), hint: clean(hint.as_ref()).into_owned() }
}
