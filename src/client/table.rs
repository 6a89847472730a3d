//! Tables of the caller: read from files for a query, written to files from an answer.
//!
//! Everything here blocks: callers on async threads go through `spawn_blocking`.

use std::path::Path;

use super::message::Problem;
use crate::model::clean;

mod broken;
mod csv;
mod jsonl;
mod kinds;
mod lines;
mod parquet;
mod read;
mod records;
mod spine;
mod write;

pub(crate) use read::{Purpose, Read, read};
pub(crate) use records::{Record, Records};
pub(crate) use write::{check, csv, csv_with, escape_json, escape_text, json_array, json_lines, place, save};

/// The forms of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileFormat {
    /// Comma-separated values with a line of names.
    Csv,
    /// Parquet.
    Parquet,
    /// One JSON object a line.
    JsonLines,
}

impl FileFormat {
    /// The form that a file's ending says.
    ///
    /// # Errors
    /// When the ending is none of those known.
    pub(crate) fn of(path: &Path) -> Result<Self, Problem> {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_lowercase();
        match ending.as_str() {
            "csv" => Ok(Self::Csv),
            "parquet" => Ok(Self::Parquet),
            "jsonl" | "ndjson" => Ok(Self::JsonLines),
            _ => Err(problem(
                format!("The ending of {} does not say what kind of table it is.", path.display()),
                "Use a file that ends in .csv, .parquet, .jsonl or .ndjson.",
            )),
        }
    }
}

/// A problem with cleaned texts.
fn problem(what: impl AsRef<str>, hint: impl AsRef<str>) -> Problem {
    Problem { what: clean(what.as_ref()).into_owned(), hint: clean(hint.as_ref()).into_owned() }
}
