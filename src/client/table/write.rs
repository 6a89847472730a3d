//! Writing tables: as lines of text, and into files that are whole or not there.

use std::borrow::Cow;
use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use polars::prelude::{Column, DataFrame};
use serde_json::Value as Json;

use super::{FileFormat, problem};
use crate::client::message::Problem;
use crate::model::clean::is_obeyed;
use crate::wire::parquet;
use crate::wire::table::{cell_json, cell_text};

/// Writes a table into a file and gives the bytes it takes: Parquet with zstd; CSV and JSON lines with times as RFC
/// 3339.
///
/// # Errors
/// As [`place`].
pub(crate) fn save(table: &DataFrame, path: &Path, format: FileFormat, replace: bool) -> Result<u64, Problem> {
    place(path, replace, |out| match format {
        FileFormat::Csv => csv(table, out),
        FileFormat::JsonLines => json_lines(table, out),
        FileFormat::Parquet => {
            // Columns are shared: this copies no rows.
            let written = parquet::writer(out, table).and_then(|writer| writer.finish(&mut table.clone()));
            written.map(drop).map_err(io::Error::other)
        }
    })
}

/// Makes a file of what `fill` writes and gives its bytes. It is whole and on disk when this returns, else what was
/// there before is as it was. A file that is replaced hands its mode and its owner on.
///
/// # Errors
/// When there is something at that path and `replace` is not set (or it is no plain file), its owner cannot be kept, or
/// the disk fails.
pub(crate) fn place(
    path: &Path,
    replace: bool,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<u64, Problem> {
    let before = taken(path, replace)?;
    let new = unfinished_path(path);
    let written = write(&new, before.as_ref(), fill).and_then(|bytes| put(&new, path, replace).map(|()| bytes));
    written.map_err(|error| {
        // What is left of it is of no use.
        let _ = fs::remove_file(&new);
        if error.kind() == io::ErrorKind::AlreadyExists {
            return exists(path);
        }
        unwritable(path, &error)
    })
}

/// Whether a file may be written there; for a look before long work. A file is made beside it and removed, for nothing
/// else tells whether a folder takes one.
///
/// # Errors
/// As [`place`].
pub(crate) fn check(path: &Path, replace: bool) -> Result<(), Problem> {
    let before = taken(path, replace)?;
    let probe = unfinished_path(path);
    let made = create(&probe, before.as_ref());
    // It may not have been made.
    let _ = fs::remove_file(&probe);
    made.map(drop).map_err(|error| unwritable(path, &error))
}

/// The file that will be replaced, if there is one.
fn taken(path: &Path, replace: bool) -> Result<Option<Metadata>, Problem> {
    match fs::symlink_metadata(path) {
        Err(_) => Ok(None),
        Ok(_) if !replace => Err(exists(path)),
        Ok(found) if found.is_file() => Ok(Some(found)),
        Ok(_) => Err(problem(
            format!("{} is not a plain file, so it is not replaced.", path.display()),
            "Name another file.",
        )),
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Problem {
    let hint = match error.kind() {
        io::ErrorKind::NotFound => "Make its folder, or name another file.",
        _ => "Check the folder and the disk, or name another file.",
    };
    problem(format!("The file {} cannot be written: {error}.", path.display()), hint)
}

/// A table as CSV: a line of names, every cell the text of [`cell_text`], null as nothing.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn csv(table: &DataFrame, out: &mut dyn Write) -> io::Result<()> {
    csv_with(table, out, &mut |text| Cow::Borrowed(text))
}

/// The same, each text as `shown` has it.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn csv_with(
    table: &DataFrame,
    out: &mut dyn Write,
    shown: &mut dyn FnMut(&str) -> Cow<'_, str>,
) -> io::Result<()> {
    let names = table.get_column_names().into_iter().map(|name| field(&shown(name))).collect::<Vec<_>>();
    writeln!(out, "{}", names.join(","))?;
    for row in 0..table.height() {
        let cell = |column: &Column| cell_text(column, row).map(|text| field(&shown(&text))).unwrap_or_default();
        let fields: Vec<String> = table.columns().iter().map(cell).collect();
        writeln!(out, "{}", fields.join(","))?;
    }
    Ok(())
}

/// A table as JSON lines: one object a row, every cell as [`cell_json`] has it.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn json_lines(table: &DataFrame, out: &mut dyn Write) -> io::Result<()> {
    (0..table.height()).try_for_each(|row| writeln!(out, "{}", object(table, row)))
}

/// A table as one JSON array, an object a line.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn json_array(table: &DataFrame, out: &mut dyn Write) -> io::Result<()> {
    let mut between = "[\n";
    for row in 0..table.height() {
        write!(out, "{between}{}", object(table, row))?;
        between = ",\n";
    }
    out.write_all(if table.height() == 0 { b"[]\n" } else { b"\n]\n" })
}

fn object(table: &DataFrame, row: usize) -> Json {
    let columns = table.columns().iter();
    Json::Object(columns.map(|column| (column.name().to_string(), cell_json(column, row))).collect())
}

/// A field of CSV: in quotes where it would else be read as something different. An empty text is no null.
fn field(text: &str) -> String {
    let plain = !text.is_empty() && !text.contains(['"', ',', ';', '\t', '\n', '\r']) && text.trim() == text;
    if plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}

/// JSON with what a terminal obeys written as `\u…`: it means the same, for such a character stands in texts alone.
pub(crate) fn escape_json(json: &str) -> Cow<'_, str> {
    escaped(json, |c| c != '\n')
}

/// The text with what a terminal obeys written as `\u…`, line ends and tabs aside. CSV knows no such escape, so this is
/// for the eye: [`csv`] keeps every text as it is.
pub(crate) fn escape_text(text: &str) -> Cow<'_, str> {
    escaped(text, |c| !matches!(c, '\n' | '\r' | '\t'))
}

fn escaped(text: &str, counts: fn(char) -> bool) -> Cow<'_, str> {
    let obeyed = |c: char| is_obeyed(c) && counts(c);
    if !text.contains(obeyed) {
        return Cow::Borrowed(text);
    }
    let mut written = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match obeyed(c) {
            // All of them lie in the plane that needs one unit.
            true => written.push_str(&format!("\\u{:04x}", u32::from(c))),
            false => written.push(c),
        }
    }
    Cow::Owned(written)
}

fn write(
    path: &Path,
    before: Option<&Metadata>,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<u64> {
    let file = create(path, before)?;
    let mut out = BufWriter::new(&file);
    fill(&mut out)?;
    out.flush()?;
    drop(out);
    file.sync_all()?;
    Ok(file.metadata()?.len())
}

/// A new file, with the mode and owner of the one that it will replace. Nobody else may read it before it has these.
fn create(path: &Path, before: Option<&Metadata>) -> io::Result<File> {
    let Some(before) = before else { return File::create_new(path) };
    let file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
    let made = file.metadata()?;
    if (made.uid(), made.gid()) != (before.uid(), before.gid()) {
        let kept = fchown(&file, Some(before.uid()), Some(before.gid()));
        kept.map_err(|error| io::Error::new(error.kind(), format!("its owner and group cannot be kept ({error})")))?;
    }
    file.set_permissions(before.permissions())?;
    Ok(file)
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
fn unfinished_path(path: &Path) -> PathBuf {
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
    use crate::model::DataType as Word;
    use crate::wire::typed::declared;

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
        let read = super::super::read(&dir.path().join("a.parquet"), super::super::Purpose::Mock).unwrap();
        assert!(read.table.equals_missing(&table().head(Some(1))));
        let nowhere = dir.path().join("none/a.csv");
        assert!(save(&table(), &nowhere, FileFormat::Csv, false).unwrap_err().what.contains("none/a.csv"));
        assert!(save(&table(), dir.path(), FileFormat::Csv, true).unwrap_err().what.contains("not a plain file"));
    }

    #[test]
    fn a_file_that_is_replaced_hands_its_mode_on_and_the_place_is_checked_before() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.csv");
        fs::write(&path, "mine").unwrap();
        for mode in [0o600, 0o640, 0o664] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            save(&table(), &path, FileFormat::Csv, true).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, mode);
        }
        check(&path, true).unwrap();
        assert!(check(&path, false).unwrap_err().what.contains("there already"));
        let missing = check(&dir.path().join("none/a.csv"), false).unwrap_err();
        assert!(missing.what.contains("none/a.csv cannot be written") && missing.hint.contains("folder"), "{missing}");
        let inside = check(&path.join("b.csv"), false).unwrap_err();
        assert!(inside.what.contains("cannot be written"), "a file is no folder: {inside}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no probe is left");
    }

    #[test]
    fn what_was_written_is_read_back_equal() {
        let dir = tempfile::tempdir().unwrap();
        let odd = ["", " x ", "a;b", "1.10", "\u{202e}\u{1b}[2J", "a\r\nb", "\"", "null", "ä東😀", "\t"];
        let rows = odd.len();
        let numbers: Vec<Option<i64>> = (0..rows as i64).map(|n| (n > 0).then_some(i64::MAX - n)).collect();
        let frame = df!("text" => odd, "n;x" => numbers, "x" => vec![1e300; rows]).unwrap();
        for (name, format) in
            [("a.csv", FileFormat::Csv), ("a.jsonl", FileFormat::JsonLines), ("a.parquet", FileFormat::Parquet)]
        {
            let path = dir.path().join(name);
            save(&frame, &path, format, false).unwrap();
            let read = super::super::read(&path, super::super::Purpose::Mock).unwrap().table;
            let column = |(read, was): (&Column, &Column)| {
                let word = if was.dtype().is_float() { Word::Float64 } else { Word::Int64 };
                if was.dtype().is_string() { read.clone() } else { declared(read, &word).unwrap() }
            };
            let columns = read.columns().iter().zip(frame.columns()).map(column).collect();
            let read = DataFrame::new(rows, columns).unwrap();
            assert!(read.equals_missing(&frame), "{name}: {read}");
        }
    }

    #[test]
    fn what_a_terminal_obeys_is_escaped_and_nothing_else() {
        let json = "{\"a\":\"\u{9b}2J\u{202e}\u{7f}ä😀\"}\n";
        assert_eq!(escape_json(json), "{\"a\":\"\\u009b2J\\u202e\\u007fä😀\"}\n");
        assert_eq!(
            serde_json::from_str::<Json>(&escape_json(json)).unwrap(),
            serde_json::from_str::<Json>(json).unwrap()
        );
        assert_eq!(escape_text("\u{1b}]0;x\u{7}\t\r\n"), "\\u001b]0;x\\u0007\t\r\n");
        assert!(matches!(escape_text("plain ä"), Cow::Borrowed("plain ä")));
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
