//! What headless commands print: aligned columns for people, JSON for programs.
//!
//! Plain text, no colours. A reader that stops reading (`fvtop jobs | head`) is not an error.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::failure::{FAILED, Failure};
use crate::client::table::escape_json;
use crate::model::time::{is_shown, print_time, rfc3339};
use crate::model::{Time, Value, clean};
use crate::wire::table::json;

/// Writes to standard output, all at once.
///
/// # Errors
/// When it cannot be written, but not when its reader has gone.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    print_with(|out| out.write_all(text.as_bytes()))
}

/// Writes to standard output, piece by piece.
///
/// # Errors
/// As [`print()`].
pub(crate) fn print_with(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(FAILED, format!("Standard output cannot be written: {error}.")))
        }
        _ => Ok(()),
    }
}

/// Tells the user something besides the result, as a line on standard error.
pub(crate) fn note(text: &str) {
    // Nobody can be told when that fails.
    let _ = writeln!(io::stderr(), "{}", clean(text));
}

/// Writes a value as JSON, indented, with a line end.
///
/// # Errors
/// As [`print()`].
pub(crate) fn print_json(value: &serde_json::Value) -> Result<(), Failure> {
    print(&format!("{}\n", escape_json(&format!("{value:#}"))))
}

/// Rows below headings, columns aligned and two blanks apart; one line a row whatever the cells hold.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let heading: Vec<String> = headings.iter().map(|text| (*text).to_owned()).collect();
    let lines: Vec<Vec<String>> = std::iter::once(&heading)
        .chain(rows)
        .map(|row| row.iter().map(|cell| clean(cell).into_owned()).collect())
        .collect();
    let width =
        |column: usize| lines.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let mut text = String::new();
    for row in &lines {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.push_str(&" ".repeat(width - cell.width() + 2));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A text in a table; a dash where there is none.
pub(crate) fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".to_owned())
}

/// An instant in a table; a dash where there is none.
pub(crate) fn time(at: Option<Time>) -> String {
    or_dash(at.map(print_time))
}

/// An instant in JSON: RFC 3339, UTC; null for one that stands for no bound.
pub(crate) fn json_time(at: Option<Time>) -> serde_json::Value {
    at.filter(|at| is_shown(*at)).map(rfc3339).into()
}

/// A value in a table: text as it is, anything else as its JSON.
pub(crate) fn value(value: &Value) -> String {
    match json(value) {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    }
}

/// JSON in a cell of a table: a dash for nothing, lists and objects with commas.
pub(crate) fn value_of_json(json: &serde_json::Value) -> String {
    use serde_json::Value as Json;
    let text = match json {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        Json::Array(items) => items.iter().map(value_of_json).collect::<Vec<_>>().join(", "),
        Json::Object(members) => {
            let member = |(name, value): (&String, &Json)| format!("{name}={}", value_of_json(value));
            members.iter().map(member).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    };
    if text.is_empty() { "-".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_a_table_are_text_or_json() {
        let texts = |texts: &[&str]| Value::List(texts.iter().map(|text| Value::Text((*text).to_owned())).collect());
        for (shown, expected) in [
            (Value::Null, "null"),
            (Value::Float(1e300), "1e+300"),
            (Value::Float(12.0), "12.0"),
            (Value::Float(f64::NEG_INFINITY), "-Infinity"),
            (Value::Text("a, b".to_owned()), "a, b"),
            (texts(&[""]), "[\"\"]"),
            (texts(&[]), "[]"),
            (texts(&["a, b", "c"]), "[\"a, b\",\"c\"]"),
        ] {
            assert_eq!(value(&shown), expected);
        }
        assert_eq!(json_time(Some(Time::MAX_UTC)), serde_json::Value::Null);
        assert_eq!(time(Some(Time::MIN_UTC)), "-");
    }

    #[test]
    fn columns_are_aligned_by_what_the_eye_sees() {
        let rows = [vec!["東京".to_owned(), "1".to_owned()], vec!["a\nb\u{1b}".to_owned(), String::new()]];
        assert_eq!(table(&["NAME", "N"], &rows), "NAME  N\n東京  1\na⏎b␛\n");
    }
}
