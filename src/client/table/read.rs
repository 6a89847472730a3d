//! Reading the caller's files.
//!
//! A CSV file has no types, so they are made out from all values of a column; nothing that a value says gets lost by that.

use std::fs::File;
use std::path::Path;

use polars::prelude::*;

use super::{FileFormat, problem};
use crate::client::message::Problem;
use crate::model::time::{micros, parse_time};

/// Reads a table, in the form that its ending says. Columns named in `texts` (join keys that are declared as strings) stay
/// text whatever their values look like; other columns whose values are all instants (RFC 3339, or `YYYY-MM-DD[ HH:MM[:SS]]`
/// in UTC) become times.
///
/// # Errors
/// When the file is not there, cannot be read, or is no such table.
pub fn read(path: &Path, texts: &[String]) -> Result<DataFrame, Problem> {
    let format = FileFormat::of(path)?;
    let unreadable = |error: std::io::Error| {
        let hint = match error.kind() {
            std::io::ErrorKind::NotFound => "Check the path.",
            _ => "Name a file that you may read.",
        };
        problem(format!("The file {} cannot be read: {error}.", path.display()), hint)
    };
    let file = File::open(path).map_err(unreadable)?;
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(problem(format!("{} is not a plain file.", path.display()), "Name a file that holds a table."));
    }
    let read = match format {
        FileFormat::Parquet => ParquetReader::new(file).finish(),
        FileFormat::Csv => csv(file, texts),
        FileFormat::JsonLines => json_lines(file, texts),
    };
    read.map_err(|error| {
        let place = if format == FileFormat::JsonLines { broken_line(path) } else { None };
        let place = place.map(|line| format!(", line {line}")).unwrap_or_default();
        let why = first_line(&error);
        problem(format!("The file {}{place} is not such a table: {why}.", path.display()), "Correct it and try again.")
    })
}

fn csv(file: File, texts: &[String]) -> PolarsResult<DataFrame> {
    // Without inference every column is text.
    let options = CsvReadOptions::default().with_infer_schema_length(Some(0)).with_rechunk(true);
    let frame = options.into_reader_with_file_handle(file).finish()?;
    let typed = |column: &Column| match texts.iter().any(|text| text == column.name().as_str()) {
        true => Ok(column.clone()),
        false => typed(column),
    };
    let columns = frame.columns().iter().map(typed).collect::<PolarsResult<Vec<_>>>()?;
    DataFrame::new(frame.height(), columns)
}

fn json_lines(file: File, texts: &[String]) -> PolarsResult<DataFrame> {
    let reader = JsonReader::new(file).with_json_format(JsonFormat::JsonLines).infer_schema_len(None);
    let frame = reader.finish()?;
    let typed = |column: &Column| match texts.iter().any(|text| text == column.name().as_str()) {
        true if column.dtype().is_integer() => column.cast(&DataType::String),
        true => Ok(column.clone()),
        false => Ok(instants(column)?.unwrap_or_else(|| column.clone())),
    };
    let columns = frame.columns().iter().map(typed).collect::<PolarsResult<Vec<_>>>()?;
    DataFrame::new(frame.height(), columns)
}

/// A column of text in the first type that all of its values have. One without values stays text.
fn typed(column: &Column) -> PolarsResult<Column> {
    if column.null_count() == column.len() {
        return Ok(column.clone());
    }
    let texts = column.str()?;
    let all = |fits: fn(&str) -> bool| texts.iter().flatten().all(fits);
    if all(is_integer) {
        return column.strict_cast(&DataType::Int64).or_else(|_| Ok(column.clone()));
    }
    if all(is_number) {
        return column.strict_cast(&DataType::Float64);
    }
    if all(|text| matches!(text, "true" | "false")) {
        let flags: BooleanChunked = texts.iter().map(|text| text.map(|text| text == "true")).collect();
        return Ok(flags.with_name(column.name().clone()).into_column());
    }
    Ok(instants(column)?.unwrap_or_else(|| column.clone()))
}

/// Whether a text is an integer and nothing more: one with zeros in front (a postal code, say) means something else.
fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.len() <= 19 && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain && (digits == "0" || !digits.starts_with('0')) && text.parse::<i64>().is_ok()
}

/// Whether a text is a number with a point or an exponent, or an integer as above.
fn is_number(text: &str) -> bool {
    let digits = text.trim_start_matches('-');
    let begins = digits.starts_with("0.") || digits == "0" || digits.starts_with(|c: char| ('1'..='9').contains(&c));
    is_integer(text) || (begins && text.contains(['.', 'e', 'E']) && text.parse::<f64>().is_ok_and(f64::is_finite))
}

/// A column of text as times, when all of its values are some.
fn instants(column: &Column) -> PolarsResult<Option<Column>> {
    let Ok(texts) = column.str() else { return Ok(None) };
    if texts.null_count() == texts.len() {
        return Ok(None);
    }
    let mut times = Vec::with_capacity(texts.len());
    for text in texts.iter() {
        match text.map(parse_time) {
            None => times.push(None),
            Some(Ok(at)) => times.push(Some(micros(at))),
            Some(Err(_)) => return Ok(None),
        }
    }
    let times = Series::new(column.name().clone(), times);
    let utc = DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
    Ok(Some(times.cast(&utc)?.into_column()))
}

/// The first line that is no JSON object, from 1.
fn broken_line(path: &Path) -> Option<usize> {
    let text = std::fs::read_to_string(path).ok()?;
    let object = |line: &str| serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(line).is_ok();
    (1..).zip(text.lines()).find(|(_, line)| !line.trim().is_empty() && !object(line)).map(|(number, _)| number)
}

fn first_line(error: &PolarsError) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().trim_end_matches(['.', ':']).to_owned()
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_csv_file_keeps_what_its_values_say() {
        let text = "carrier,at,n,x,zip,ok,note\n007,2026-11-22T10:00:00.000001Z,1,1.5,00501,true,\"a,b\"\n\
                    12,2026-11-22 11:00,-2,2,10001,false,\n,,,,,,\n";
        let (_dir, path) = file("spine.csv", text);
        let frame = read(&path, &["carrier".to_owned(), "absent".to_owned()]).unwrap();
        assert_eq!(types(&frame), ["str", "datetime[μs, UTC]", "i64", "f64", "str", "bool", "str"]);
        let column = |name: &str| frame.column(name).unwrap().clone();
        assert_eq!(column("carrier").str().unwrap().get(0), Some("007"));
        assert_eq!(column("zip").str().unwrap().get(0), Some("00501"));
        assert_eq!(column("note").str().unwrap().get(0), Some("a,b"));
        assert_eq!(column("at").get(0).unwrap().extract::<i64>(), Some(1_795_341_600_000_001));
        assert!(frame.columns().iter().all(|column| column.get(2).unwrap().is_null()));
        assert!(
            is_number("1e5") && is_number("-0.5") && !is_number("00.5") && !is_number("inf") && !is_number("1.2.3")
        );
        assert!(!is_integer("99999999999999999999") && !is_integer("-") && is_integer("-9223372036854775808"));
    }

    #[test]
    fn types_are_made_out_from_all_rows() {
        let mut text = "a,b\n".to_owned();
        text.push_str(&"1,2026-11-22\n".repeat(5_000));
        text.push_str("x,soon\n");
        let (_dir, path) = file("late.csv", &text);
        assert_eq!(types(&read(&path, &[]).unwrap()), ["str", "str"]);
    }

    #[test]
    fn json_lines_are_read_with_late_columns_and_text_keys() {
        let mut text = "{\"k\":7,\"at\":\"2026-11-22T10:00:00Z\"}\n".repeat(3_000);
        text.push_str("{\"k\":8,\"at\":null,\"late\":1.5}\n");
        let (_dir, path) = file("spine.ndjson", &text);
        let frame = read(&path, &["k".to_owned()]).unwrap();
        assert_eq!(
            (types(&frame), frame.height()),
            (["str", "datetime[μs, UTC]", "f64"].map(str::to_owned).to_vec(), 3_001)
        );
        let (_dir, path) = file("bad.jsonl", "{\"a\":1}\n\n{\"a\":\n");
        let problem = read(&path, &[]).unwrap_err();
        assert!(problem.what.contains("line 3"), "{problem}");
    }

    #[test]
    fn parquet_is_read_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("spine.PARQUET");
        let mut frame = df!("k" => ["007"], "t" => ["2026-11-22"]).unwrap();
        ParquetWriter::new(File::create(&path).unwrap()).finish(&mut frame).unwrap();
        assert!(read(&path, &[]).unwrap().equals(&frame));
    }

    #[test]
    fn files_that_are_no_tables_are_told_apart() {
        let (dir, csv) = file("ragged.csv", "a,b\n1,2\n1,2,3\n");
        let (_kept, cut) = file("cut.parquet", "PAR1");
        let (_too, empty) = file("empty.csv", "");
        let folder = dir.path().join("folder.csv");
        std::fs::create_dir(&folder).unwrap();
        for (path, word) in [
            (csv, "not such a table"),
            (cut, "not such a table"),
            (empty, "not such a table"),
            (folder, "not a plain file"),
            (dir.path().join("none.csv"), "No such file"),
            (dir.path().join("spine.xlsx"), "does not say"),
            (dir.path().join("spine"), "does not say"),
        ] {
            let problem = read(&path, &[]).unwrap_err();
            assert!(problem.what.contains(word) && !problem.hint.is_empty(), "{problem}");
            assert!(problem.what.contains(&path.display().to_string()), "{problem}");
        }
    }
}
