//! Reading the caller's files.
//!
//! A column that a view declares has its declared type, a spine's times are instants, and every other column is what
//! the file says: in CSV, which has no types, its text byte by byte. docs/tables.md tells the rules to users.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use polars::prelude::{Column, DataFrame};

use super::broken::Broken;
use super::{FileFormat, csv, jsonl, parquet, problem, spine};
use crate::client::message::Problem;
use crate::model::{DataType, JoinKey, foreign};
use crate::wire::queries::FRAME_MEMORY;
use crate::wire::typed::{Misfit, declared};

/// What a file is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose<'a> {
    /// Keys alone.
    Keys(&'a [JoinKey]),
    /// Keys and times, and columns that pass through.
    Spine {
        /// The view's join keys.
        keys: &'a [JoinKey],
        /// The time column as the user named it; absent for the only one.
        timestamp_key: Option<&'a str>,
    },
    /// Rows in the place of a source: whoever computes knows the types that the source declares.
    Mock,
}

/// What was read.
#[derive(Clone, Debug)]
pub(crate) struct Read {
    /// The rows.
    pub table: DataFrame,
    /// The time column of a spine, where it is known.
    pub timestamp_key: Option<String>,
}

/// Reads a table, in the form that its ending says.
///
/// # Errors
/// When the file is not there, cannot be read, is no such table, is too large, or a value is not of its declared type.
pub(crate) fn read(path: &Path, purpose: Purpose<'_>) -> Result<Read, Problem> {
    let format = FileFormat::of(path)?;
    let unreadable = |error: std::io::Error| {
        let hint = match error.kind() {
            std::io::ErrorKind::NotFound => "Check the path.",
            _ => "Name a file that you may read.",
        };
        problem(format!("The file {} cannot be read: {error}.", path.display()), hint)
    };
    // Before it is opened: opening a pipe waits for somebody to write.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(problem(format!("{} is not a plain file.", path.display()), "Name a file that holds a table."));
    }
    let file = File::open(path).map_err(unreadable)?;
    let keys = match purpose {
        Purpose::Keys(keys) | Purpose::Spine { keys, .. } => keys,
        Purpose::Mock => &[],
    };
    let source = format!("The file {}", path.display());
    let broken = |broken: Broken| {
        let (what, hint) = broken.sentences(&source);
        problem(what, hint)
    };
    let table = match format {
        FileFormat::Parquet => parquet::read(file, FRAME_MEMORY).map_err(broken)?,
        FileFormat::JsonLines => jsonl::read(file, &texts(keys), FRAME_MEMORY).map_err(broken)?,
        FileFormat::Csv => {
            let table = csv::read(BufReader::new(file), FRAME_MEMORY).map_err(broken)?;
            with_keys(table, keys, &source)?
        }
    };
    match purpose {
        Purpose::Spine { timestamp_key, .. } => {
            let (table, timestamp_key) = spine::with_times(table, timestamp_key, keys, &source)?;
            Ok(Read { table, timestamp_key })
        }
        Purpose::Keys(_) | Purpose::Mock => Ok(Read { table, timestamp_key: None }),
    }
}

/// The join keys that are declared as strings.
fn texts(keys: &[JoinKey]) -> Vec<String> {
    let texts = keys.iter().filter(|key| key.data_type == DataType::String);
    texts.map(|key| key.name.clone()).collect()
}

/// The table with its key columns, so far all text, in their declared types.
fn with_keys(table: DataFrame, keys: &[JoinKey], source: &str) -> Result<DataFrame, Problem> {
    let column = |column: &Column| {
        let name = column.name().as_str();
        let Some(key) = keys.iter().find(|key| key.name == name) else { return Ok(column.clone()) };
        // As a key `7.0` may come of a column that was no whole number somewhere else: it is not taken for another one.
        let pointed = column.str().ok().and_then(|texts| {
            (1..)
                .zip(texts.iter())
                .find_map(|(row, text)| text.filter(|text| text.contains('.')).map(|text| (row, text)))
        });
        let typed = match pointed.filter(|_| key.data_type == DataType::Int64) {
            Some((row, text)) => Err(Misfit::of_text(row, text, &key.data_type)),
            None => declared(column, &key.data_type),
        };
        typed.map_err(|misfit| {
            let place = format!("{source}, column `{name}`");
            match misfit {
                Misfit::Value { row, value, wanted, fix } => problem(
                    format!("{place}, row {row} holds `{value}`, which is no {wanted}."),
                    format!("For this join key {fix}."),
                ),
                misfit => problem(format!("{place}: {misfit}."), "Correct the type of the column."),
            }
        })
    };
    let columns = table.columns().iter().map(column).collect::<Result<Vec<_>, _>>()?;
    DataFrame::new(table.height(), columns).map_err(|error| {
        let why = foreign::sentence(&error);
        problem(format!("{source} cannot be used: {why}."), "This is a defect of the program.")
    })
}

#[cfg(test)]
mod tests {
    use polars::prelude::{ParquetWriter, df};

    use super::*;

    fn file(name: &str, text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        (dir, path)
    }

    fn types(frame: &DataFrame) -> Vec<String> {
        frame.columns().iter().map(|column| column.dtype().to_string()).collect()
    }

    fn keys() -> [JoinKey; 2] {
        let key = |name: &str, data_type| JoinKey { name: name.to_owned(), data_type };
        [key("carrier", DataType::String), key("flight", DataType::Int64)]
    }

    fn spine(path: &Path, timestamp_key: Option<&str>) -> Result<Read, Problem> {
        read(path, Purpose::Spine { keys: &keys(), timestamp_key })
    }

    fn mock(path: &Path) -> Result<DataFrame, Problem> {
        read(path, Purpose::Mock).map(|read| read.table)
    }

    #[test]
    fn columns_of_a_csv_file_pass_through_byte_by_byte_and_keys_have_their_types() {
        let text = "carrier,flight,at,app_version,order_id,sha,day,delta,note\n\
                    007,12,2026-11-22T10:00:00.000001Z,1.10,9007199254740993,12e4,2024-01-02,-0,\"a,b\"\n\
                    12,-2,2026-11-22 11:00,1.9,0.5,1E3,2024-01-03,5,\n,,,,,,,,\n";
        let (_dir, path) = file("spine.csv", text);
        let Read { table, timestamp_key } = spine(&path, Some("at")).unwrap();
        assert_eq!(timestamp_key.as_deref(), Some("at"));
        let text = "str";
        assert_eq!(types(&table), [text, "i64", "datetime[μs, UTC]", text, text, text, text, text, text]);
        let texts =
            |name: &str| table.column(name).unwrap().str().unwrap().iter().flatten().collect::<Vec<_>>().join(" ");
        let all = ["carrier", "app_version", "order_id", "sha", "day", "delta", "note"].map(texts);
        let expected =
            ["007 12", "1.10 1.9", "9007199254740993 0.5", "12e4 1E3", "2024-01-02 2024-01-03", "-0 5", "a,b"];
        assert_eq!(all, expected);
        assert_eq!(table.column("at").unwrap().get(0).unwrap().extract::<i64>(), Some(1_795_341_600_000_001));
        assert!(table.columns().iter().all(|column| column.get(2).unwrap().is_null()));
        // In the place of a source all is text: its declared types are known to the deployment.
        assert!(types(&mock(&path).unwrap()).iter().all(|name| name == text));
    }

    #[test]
    fn a_key_that_is_not_of_its_type_is_refused_with_its_row() {
        for (value, expected) in [
            ("42.0", "holds `42.0`, which is no int64."),
            ("007", "holds `007`, which is no int64."),
            ("9223372036854775808", "holds `9223372036854775808`, which is no int64."),
        ] {
            let (_dir, path) =
                file("spine.csv", &format!("carrier,flight,at\nAA,1,2026-11-22\nAA,{value},2026-11-22\n"));
            let problem = spine(&path, None).unwrap_err();
            assert_eq!(problem.what, format!("The file {}, column `flight`, row 2 {expected}", path.display()));
            assert!(problem.hint.starts_with("For this join key write a whole number from"), "{problem}");
        }
    }

    #[test]
    fn the_time_column_is_the_only_one_that_holds_times_or_the_one_that_is_named() {
        let found = |text: &str, key: Option<&str>| {
            let (_dir, path) = file("spine.csv", text);
            let read = spine(&path, key)
                .map_err(|problem| problem.to_string().replace(&format!("The file {}", path.display()), "FILE"))?;
            let name = read.timestamp_key.unwrap_or_default();
            let at = read.table.column(&name).unwrap().clone();
            assert_eq!(at.dtype().to_string(), "datetime[μs, UTC]");
            Ok::<_, String>(format!("{name} {:?}", at.get(0).ok().and_then(|at| at.extract::<i64>())))
        };
        for (text, key, expected) in [
            ("flight,at\n1,2026-11-28 13:30:15+00\n", None, "at Some(1795872615000000)"),
            ("flight,at\n1,2026-11-28 13:30:15 UTC\n2,\n", None, "at Some(1795872615000000)"),
            ("flight,at,day\n1,2026-11-28 13:30:15+0000,2026-01-01\n", Some("at"), "at Some(1795872615000000)"),
            ("flight,at\n1,1795872615\n", Some("at:s"), "at Some(1795872615000000)"),
            ("flight,at\n1,1795872615001\n", Some("at:ms"), "at Some(1795872615001000)"),
            ("flight,at\n1,-1\n", Some("at:us"), "at Some(-1)"),
            ("flight,at\n1,-1\n", Some("at:ns"), "at Some(-1)"),
            ("flight,at:s\n1,2026-11-28\n", Some("at:s"), "at:s Some(1795824000000000)"),
            ("flight,at\n", None, "at None"),
            ("flight,at,x\n", Some("at"), "at None"),
        ] {
            assert_eq!(found(text, key).as_deref(), Ok(expected), "{text}");
        }
        let forms = format!("Write it as {}.", crate::model::time::TIME_FORMS);
        let all_forms = forms.replace(" it ", " its times ");
        let these = forms.replace(" it ", " times ");
        let unit = "Say the unit behind the name, as timestamp_key `at:s`, `at:ms`, `at:us` or `at:ns`.";
        for (text, key, what, hint) in [
            (
                "flight,at\n1,2026-11-28\n2,soon\n",
                None,
                "FILE, column `at`, row 2 holds `soon`, which is no time.",
                &*forms,
            ),
            ("flight,at\n1,soon\n", Some("at"), "FILE, column `at`, row 1 holds `soon`, which is no time.", &forms),
            ("flight,at\n1,soon\n", None, "FILE, column `at`, row 1 holds `soon`, which is no time.", &forms),
            ("flight,at,x\n1,soon,y\n", None, "FILE has no column of times among `at`, `x`.", &all_forms),
            ("flight,at\n1,\n2, \n", Some("at"), "FILE, column `at`, holds no time in any row.", &these),
            ("flight,at\n1,\n", None, "FILE, column `at`, holds no time in any row.", &these),
            ("flight,at,x\n1,,\n", None, "FILE has no column of times among `at`, `x`.", &all_forms),
            ("flight,at,x\n1,1795872615,y\n", None, "FILE has no column of times among `at`, `x`.", unit),
            (
                "flight,at\n1,1795872615\n",
                Some("at"),
                "FILE, column `at`, row 1 holds `1795872615`, a number of which the unit is not said.",
                unit,
            ),
            (
                "flight,at\n1,2026-11-28\n",
                Some("at:s"),
                "FILE, column `at`, row 1 holds `2026-11-28`, which is no whole number.",
                "Write times since 1970 as whole numbers of their unit, or leave the unit out.",
            ),
            (
                "flight,at\n1,9223372036854775807\n",
                Some("at:s"),
                "FILE, column `at`, row 1 holds `9223372036854775807`, which no calendar shows in that unit.",
                "Check the unit: s, ms, us or ns.",
            ),
            (
                "flight,at,day\n1,2026-11-28,2026-11-28\n",
                None,
                "FILE has several columns of times: `at`, `day`.",
                "Say which one is meant with timestamp_key.",
            ),
            ("flight\n1\n", None, "FILE has no column beside the join keys, and so no times.", &all_forms),
        ] {
            assert_eq!(found(text, key), Err(format!("{what} {hint}")), "{text}");
        }
    }

    #[test]
    fn numbers_in_typed_files_say_their_unit_and_dates_are_times() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("spine.PARQUET");
        let write = |mut frame: DataFrame| {
            ParquetWriter::new(File::create(&path).unwrap()).finish(&mut frame).unwrap();
        };
        write(df!("flight" => [1_i64], "at" => [1_795_872_615_i64], "t" => ["2026-11-22"]).unwrap());
        let read = spine(&path, Some("at:s")).unwrap();
        assert_eq!(types(&read.table), ["i64", "datetime[μs, UTC]", "str"]);
        let refused = spine(&path, Some("at")).unwrap_err();
        assert!(
            refused
                .what
                .ends_with("column `at`, holds whole numbers, and it is not said in which unit they count time.")
        );
        assert_eq!(spine(&path, None).unwrap().timestamp_key.as_deref(), Some("t"));
        let days = Column::new("day".into(), [1_i32]).cast(&polars::prelude::DataType::Date).unwrap();
        write(DataFrame::new(1, vec![days]).unwrap());
        let read = spine(&path, None).unwrap();
        assert_eq!(read.table.column("day").unwrap().get(0).unwrap().extract::<i64>(), Some(86_400_000_000));
        let (_dir, lines) = file("spine.jsonl", "{\"flight\":1,\"at\":1795872615}\n");
        assert!(spine(&lines, None).unwrap_err().hint.contains("`at:s`"));
        assert!(spine(&lines, Some("at:s")).is_ok());
    }

    #[test]
    fn parquet_is_read_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("spine.PARQUET");
        let mut frame = df!("k" => ["007"], "t" => ["2026-11-22"]).unwrap();
        ParquetWriter::new(File::create(&path).unwrap()).finish(&mut frame).unwrap();
        assert!(mock(&path).unwrap().equals(&frame));
    }

    #[test]
    fn files_that_are_no_tables_are_told_apart() {
        let (dir, csv) = file("ragged.csv", "a,b\n1,2\n1,2,3\n");
        let (_kept, cut) = file("cut.parquet", "PAR1");
        let (_too, empty) = file("empty.csv", "");
        let folder = dir.path().join("folder.csv");
        std::fs::create_dir(&folder).unwrap();
        for (path, word) in [
            (csv, "line 3 is not such a table"),
            (cut, "not such a table"),
            (empty, "not such a table"),
            (folder, "not a plain file"),
            (dir.path().join("none.csv"), "No such file"),
            (dir.path().join("spine.xlsx"), "does not say"),
            (dir.path().join("spine"), "does not say"),
        ] {
            let problem = mock(&path).unwrap_err();
            assert!(problem.what.contains(word) && !problem.hint.is_empty(), "{problem}");
            assert!(problem.what.contains(&path.display().to_string()), "{problem}");
        }
    }
}
