//! Reading the caller's files record by record, as JSON: for what is sent on and not held.
//!
//! JSON lines are handed on as they stand; values of CSV are text, and whoever takes them knows the types.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use polars::prelude::DataFrame;
use serde::de::IgnoredAny;

use super::broken::Broken;
use super::lines::Lines;
use super::{FileFormat, csv, parquet, problem};
use crate::client::message::Problem;
use crate::wire::queries::FRAME_MEMORY;
use crate::wire::table::cell_json;

/// The records of one file.
pub(crate) struct Records {
    form: Form,
    /// The file, at the beginning of a sentence.
    source: String,
}

type Input = Box<dyn BufRead + Send>;

enum Form {
    Lines(Lines<Input>),
    Csv(csv::Rows<Input>),
    /// A table and how many rows of it were read.
    Table(DataFrame, usize),
}

/// One record, or why a line is none.
pub(crate) struct Record {
    /// Its line from 1; of Parquet its row.
    pub line: u64,
    /// JSON.
    pub text: Result<String, String>,
}

impl Records {
    /// The records of a file; of standard input without one. Without a form, that of the file's ending.
    ///
    /// # Errors
    /// When it cannot be read, is no such table, or its form is not known.
    pub(crate) fn open(path: Option<&Path>, format: Option<FileFormat>) -> Result<Self, Problem> {
        let format = match (format, path) {
            (Some(format), _) => format,
            (None, Some(path)) => FileFormat::of(path)?,
            (None, None) => FileFormat::JsonLines,
        };
        let source = path.map_or_else(|| "Standard input".to_owned(), |path| format!("The file {}", path.display()));
        let unreadable = |error: io::Error| problem(format!("{source} cannot be read: {error}."), "Check the path.");
        let broken = |broken: Broken| {
            let (what, hint) = broken.sentences(&source);
            problem(what, hint)
        };
        let input = || -> Result<Input, Problem> {
            Ok(match path {
                Some(path) => Box::new(BufReader::new(File::open(path).map_err(unreadable)?)),
                None => Box::new(BufReader::new(io::stdin())),
            })
        };
        let form = match (format, path) {
            (FileFormat::JsonLines, _) => Form::Lines(Lines::new(input()?)),
            (FileFormat::Csv, _) => Form::Csv(csv::Rows::new(input()?).map_err(broken)?),
            (FileFormat::Parquet, Some(path)) => {
                let file = File::open(path).map_err(unreadable)?;
                Form::Table(parquet::read(file, FRAME_MEMORY).map_err(broken)?, 0)
            }
            (FileFormat::Parquet, None) => {
                let what = "Parquet cannot be read from standard input: its end is read first.";
                return Err(problem(what, "Write it into a file, or send JSON lines."));
            }
        };
        Ok(Self { form, source })
    }

    /// The names of the columns, where the file has names for all its records.
    pub(crate) fn columns(&self) -> Option<Vec<String>> {
        match &self.form {
            Form::Lines(_) => None,
            Form::Csv(rows) => Some(rows.names().to_vec()),
            Form::Table(table, _) => Some(table.columns().iter().map(|column| column.name().to_string()).collect()),
        }
    }

    /// The next record; absent at the end.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn next(&mut self) -> Result<Option<Record>, Problem> {
        let next = match &mut self.form {
            Form::Lines(lines) => loop {
                match lines.next() {
                    Ok(Some((_, line))) if line.trim_ascii().is_empty() => {}
                    Ok(Some((number, line))) => break Ok(Some(Record { line: number as u64, text: whole(line) })),
                    Ok(None) => break Ok(None),
                    Err(broken) => break Err(broken),
                }
            },
            Form::Csv(rows) => {
                rows.next().map(|row| row.map(|(line, row)| Record { line: line as u64, text: Ok(row.to_string()) }))
            }
            Form::Table(table, read) if *read < table.height() => {
                let member = |column: &polars::prelude::Column| (column.name().to_string(), cell_json(column, *read));
                let members: serde_json::Map<_, _> = table.columns().iter().map(member).collect();
                *read += 1;
                Ok(Some(Record { line: *read as u64, text: Ok(serde_json::Value::from(members).to_string()) }))
            }
            Form::Table(..) => Ok(None),
        };
        next.map_err(|broken| {
            let (what, hint) = broken.sentences(&self.source);
            problem(what, hint)
        })
    }
}

/// A line that is whole JSON.
fn whole(line: &[u8]) -> Result<String, String> {
    let text = std::str::from_utf8(line.trim_ascii()).map_err(|_| "it is not UTF-8".to_owned())?;
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| format!("it is no JSON: {error}"))?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use polars::prelude::{ParquetWriter, df};

    use super::*;

    fn all(name: &str, bytes: &[u8]) -> Vec<(u64, Result<String, String>)> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let mut records = Records::open(Some(&path), None).unwrap();
        std::iter::from_fn(|| records.next().unwrap()).map(|record| (record.line, record.text)).collect()
    }

    #[test]
    fn records_are_json_with_the_line_where_they_stand() {
        let ok = |text: &str| Ok(text.to_owned());
        let lines = all("f.jsonl", b"{\"a\": 1.50}\n\n {\"a\": 2}\r\nnot json\n\xff\n");
        assert_eq!(lines[..2], [(1, ok(r#"{"a": 1.50}"#)), (3, ok(r#"{"a": 2}"#))]);
        assert!(lines[2].1.as_ref().unwrap_err().starts_with("it is no JSON"));
        assert_eq!(lines[3], (5, Err("it is not UTF-8".to_owned())));
        let rows = all("f.csv", b"a,b\n007,\n\n\"x\ny\",\"\"\n");
        assert_eq!(rows, [(2, ok(r#"{"a":"007","b":null}"#)), (4, ok(r#"{"a":"x\ny","b":""}"#))]);
        let mut bytes = Vec::new();
        ParquetWriter::new(&mut bytes).finish(&mut df!("a" => [1_i64, 2], "b" => [None, Some("x")]).unwrap()).unwrap();
        assert_eq!(all("f.parquet", &bytes), [(1, ok(r#"{"a":1,"b":null}"#)), (2, ok(r#"{"a":2,"b":"x"}"#))]);
    }
}
