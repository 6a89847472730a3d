//! Writing tables: as lines of text, and into files that are whole or not there.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use polars::prelude::{Column, DataFrame, ParquetCompression, ParquetWriter};
use serde_json::{Map, Value as Json};

use super::{FileFormat, problem};
use crate::client::message::Problem;
use crate::model::Value;
use crate::wire::table::{cell, json};

/// Writes a table into a file and gives the bytes it takes: Parquet with zstd; CSV and JSON lines with times as RFC 3339.
///
/// # Errors
/// As [`place`].
pub fn save(table: &DataFrame, path: &Path, format: FileFormat, replace: bool) -> Result<u64, Problem> {
    place(path, replace, |out| match format {
        FileFormat::Csv => csv(table, out),
        FileFormat::JsonLines => json_lines(table, out),
        FileFormat::Parquet => {
            let writer = ParquetWriter::new(out).with_compression(ParquetCompression::Zstd(None));
            // Columns are shared: this copies no rows.
            writer.finish(&mut table.clone()).map(drop).map_err(io::Error::other)
        }
    })
}

/// Makes a file of what `fill` writes and gives its bytes. It is whole and on disk when this returns, else what was there
/// before is as it was.
///
/// # Errors
/// When there is something at that path and `replace` is not set (or it is no plain file), or the disk fails.
pub fn place(path: &Path, replace: bool, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<u64, Problem> {
    check(path, replace)?;
    let new = beside(path);
    let written = write(&new, fill).and_then(|bytes| put(&new, path, replace).map(|()| bytes));
    written.map_err(|error| {
        // What is left of it is of no use.
        let _ = fs::remove_file(&new);
        if error.kind() == io::ErrorKind::AlreadyExists {
            return exists(path);
        }
        let what = format!("The file {} cannot be written: {error}.", path.display());
        problem(what, "Check the folder and the disk, or name another file.")
    })
}

/// Whether a file may be written there; for a look before long work.
///
/// # Errors
/// When there is something at that path and `replace` is not set, or it is no plain file.
pub fn check(path: &Path, replace: bool) -> Result<(), Problem> {
    match fs::symlink_metadata(path) {
        Err(_) => Ok(()),
        Ok(_) if !replace => Err(exists(path)),
        Ok(found) if found.is_file() => Ok(()),
        Ok(_) => Err(problem(
            format!("{} is not a plain file, so it is not replaced.", path.display()),
            "Name another file.",
        )),
    }
}

/// A table as CSV: a line of names, times as RFC 3339, lists as JSON, null as nothing.
///
/// # Errors
/// When it cannot be written.
pub fn csv(table: &DataFrame, out: &mut dyn Write) -> io::Result<()> {
    let names = table.get_column_names().into_iter().map(|name| field(name)).collect::<Vec<_>>();
    writeln!(out, "{}", names.join(","))?;
    rows(table, |row| {
        let fields = row.iter().map(|(_, value)| text(value)).collect::<Vec<_>>();
        writeln!(out, "{}", fields.join(","))
    })
}

/// A table as JSON lines: one object a row, times as RFC 3339, integers as numbers.
///
/// # Errors
/// When it cannot be written.
pub fn json_lines(table: &DataFrame, out: &mut dyn Write) -> io::Result<()> {
    rows(table, |row| writeln!(out, "{}", object(row)))
}

/// A table as one JSON array of such objects.
///
/// # Errors
/// When it cannot be written.
pub fn json_array(table: &DataFrame, out: &mut dyn Write) -> io::Result<()> {
    let mut between = "[\n";
    rows(table, |row| {
        write!(out, "{between}{}", object(row))?;
        between = ",\n";
        Ok(())
    })?;
    out.write_all(if table.height() == 0 { b"[]\n" } else { b"\n]\n" })
}

fn object(row: Vec<(&str, Value)>) -> Json {
    let object: Map<String, Json> = row.into_iter().map(|(name, value)| (name.to_owned(), json(&value))).collect();
    Json::Object(object)
}

fn rows(table: &DataFrame, mut each: impl FnMut(Vec<(&str, Value)>) -> io::Result<()>) -> io::Result<()> {
    let columns: Vec<&Column> = table.columns().iter().collect();
    (0..table.height())
        .try_for_each(|row| each(columns.iter().map(|column| (column.name().as_str(), cell(column, row))).collect()))
}

fn text(value: &Value) -> String {
    match (value, json(value)) {
        (Value::Null, _) => String::new(),
        (_, Json::String(text)) => field(&text),
        (_, other) => field(&other.to_string()),
    }
}

/// A field of CSV: in quotes where it would else be read as something different. An empty text is no null.
fn field(text: &str) -> String {
    let plain = !text.is_empty() && !text.contains(['"', ',', '\n', '\r']) && text.trim() == text;
    if plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}

fn write(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<u64> {
    let file = File::create_new(path)?;
    let mut out = BufWriter::new(&file);
    fill(&mut out)?;
    out.flush()?;
    drop(out);
    file.sync_all()?;
    Ok(file.metadata()?.len())
}

/// Gives the new file its name.
fn put(new: &Path, path: &Path, replace: bool) -> io::Result<()> {
    if replace {
        return fs::rename(new, path);
    }
    // A link fails where a file is, also one that came a moment ago; not every file system has links.
    match fs::hard_link(new, path) {
        Ok(()) => fs::remove_file(new),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        Err(_) if path.symlink_metadata().is_ok() => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(new, path),
    }
}

/// A name of its own in the same folder.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{name}.{}.part", uuid::Uuid::new_v4().simple()))
}

fn exists(path: &Path) -> Problem {
    problem(format!("{} is there already and is kept.", path.display()), "Name another file, or ask to replace it.")
}

#[cfg(test)]
mod tests {
    use polars::prelude::{DataType, NamedFrom, Series, TimeUnit, TimeZone, df};

    use super::*;

    fn table() -> DataFrame {
        let at = Series::new("at".into(), [Some(1_000_001_i64), None]);
        let at = at.cast(&DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC))).unwrap();
        let list = Series::new(
            "list".into(),
            [Series::new("".into(), ["a", "b\""]), Series::new_empty("".into(), &DataType::String)],
        );
        df!("text" => [Some("a,\"b\"\n"), None], "n" => [i64::MAX, 0], "x" => [0.1, f64::NAN], "at" => at, "list" => list).unwrap()
    }

    #[test]
    fn text_forms_say_what_the_table_says() {
        let (mut lines, mut objects) = (Vec::new(), Vec::new());
        csv(&table(), &mut lines).unwrap();
        let expected = "text,n,x,at,list\n\"a,\"\"b\"\"\n\",9223372036854775807,0.1,1970-01-01T00:00:01.000001Z,\
                        \"[\"\"a\"\",\"\"b\\\"\"\"\"]\"\n,0,NaN,,[]\n";
        assert_eq!(String::from_utf8(lines).unwrap(), expected);
        json_lines(&table(), &mut objects).unwrap();
        let objects = String::from_utf8(objects).unwrap();
        let first: Json = serde_json::from_str(objects.lines().next().unwrap()).unwrap();
        assert_eq!(first["n"].as_i64(), Some(i64::MAX));
        assert_eq!(first["list"], serde_json::json!(["a", "b\""]));
        assert_eq!(objects.lines().count(), 2);
        for rows in [0, 1, 2] {
            let mut array = Vec::new();
            json_array(&table().head(Some(rows)), &mut array).unwrap();
            let array: Json = serde_json::from_slice(&array).unwrap();
            assert_eq!(array.as_array().unwrap().len(), rows);
        }
    }

    #[test]
    fn files_are_whole_and_never_replaced_by_accident() {
        let dir = tempfile::tempdir().unwrap();
        for (name, format) in
            [("a.parquet", FileFormat::Parquet), ("a.csv", FileFormat::Csv), ("a.jsonl", FileFormat::JsonLines)]
        {
            let path = dir.path().join(name);
            let bytes = save(&table(), &path, format, false).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().len(), bytes);
            let before = fs::read(&path).unwrap();
            let refused = save(&table().head(Some(1)), &path, format, false).unwrap_err();
            assert!(refused.what.contains("there already") && refused.what.contains(name), "{refused}");
            assert_eq!(fs::read(&path).unwrap(), before);
            save(&table().head(Some(1)), &path, format, true).unwrap();
            assert_ne!(fs::read(&path).unwrap(), before);
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3, "nothing else is left");
        let read = super::super::read(&dir.path().join("a.parquet"), &[]).unwrap();
        assert!(read.equals_missing(&table().head(Some(1))));
        let nowhere = dir.path().join("none/a.csv");
        assert!(save(&table(), &nowhere, FileFormat::Csv, false).unwrap_err().what.contains("none/a.csv"));
        assert!(save(&table(), dir.path(), FileFormat::Csv, true).unwrap_err().what.contains("not a plain file"));
    }

    #[test]
    fn two_savers_of_one_name_do_not_overwrite_each_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.csv");
        let saved: Vec<bool> = std::thread::scope(|scope| {
            let save = || save(&table(), &path, FileFormat::Csv, false).is_ok();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(save)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(saved.iter().filter(|saved| **saved).count(), 1);
    }
}
