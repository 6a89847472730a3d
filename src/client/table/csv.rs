//! Reading CSV: every field as the text that stands there.
//!
//! The rules of RFC 4180, and for what it leaves open those of docs/tables.md. It is read here rather than by a
//! library, for none tells a field that is empty (null) from an empty text in quotes, and each mends broken files in
//! its own way without a word. It must not make anything out of a value: that is for whoever knows what type was
//! declared.

use std::collections::HashSet;
use std::io::BufRead;

use polars::prelude::{Column, DataFrame, IntoColumn, IntoSeries, StringChunkedBuilder};
use serde_json::Value as Json;

use super::broken::Broken;
use super::lines::Lines;

/// Most columns; a platform takes no more.
const COLUMNS: usize = 10_000;
/// Bytes that a cell takes beside its text.
const CELL: u64 = 16;

/// Reads a table whose cells take at most `memory` bytes.
///
/// # Errors
/// When it is no such table, with the line.
pub(super) fn read(from: impl BufRead, memory: u64) -> Result<DataFrame, Broken> {
    let Rows { mut records, names } = Rows::new(from)?;
    let mut columns: Vec<StringChunkedBuilder> =
        names.iter().map(|name| StringChunkedBuilder::new(name.as_str().into(), 0)).collect();
    let mut bytes = 0_u64;
    let mut rows = 0;
    while let Some(line) = records.next_row(&names)? {
        rows += 1;
        bytes += records.text.len() as u64 + CELL * names.len() as u64;
        if bytes > memory {
            return Err(Broken::too_large(rows, memory));
        }
        for (field, column) in records.fields.iter().zip(&mut columns) {
            match records.value(line, field)? {
                Some(text) => column.append_value(text),
                None => column.append_null(),
            }
        }
    }
    let columns = columns.into_iter().map(|column| column.finish().into_series().into_column());
    DataFrame::new(rows, columns.collect::<Vec<Column>>()).map_err(|error| Broken::library(&error))
}

/// A table that is read row by row.
pub(super) struct Rows<R> {
    records: Records<R>,
    names: Vec<String>,
}

impl<R: BufRead> Rows<R> {
    /// Reads the names of the columns.
    ///
    /// # Errors
    /// When there are none, with the line.
    pub(super) fn new(from: R) -> Result<Self, Broken> {
        let mut records = Records { lines: Lines::new(from), fields: Vec::new(), text: Vec::new() };
        let names = header(&mut records)?;
        Ok(Self { records, names })
    }

    /// The names of the columns.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The next row as a JSON object of texts, with the number of its first line; absent at the end.
    ///
    /// # Errors
    /// When it is no row of the table, with the line.
    pub(super) fn next(&mut self) -> Result<Option<(usize, Json)>, Broken> {
        let Some(line) = self.records.next_row(&self.names)? else { return Ok(None) };
        let mut members = serde_json::Map::with_capacity(self.names.len());
        for (name, field) in self.names.iter().zip(&self.records.fields) {
            members.insert(name.clone(), self.records.value(line, field)?.into());
        }
        Ok(Some((line, members.into())))
    }
}

/// The names of the columns, each once.
fn header<R: BufRead>(records: &mut Records<R>) -> Result<Vec<String>, Broken> {
    let line = loop {
        match records.next()? {
            None => return Err(Broken::of("it is empty").fix("The first line names the columns.")),
            Some(_) if records.is_empty_line() => {}
            Some(line) => break line,
        }
    };
    if records.fields.len() > COLUMNS {
        let what = format!("it names {} columns; a table has at most {COLUMNS}", records.fields.len());
        return Err(Broken::at(line, what).fix("Leave columns out."));
    }
    let mut names = Vec::with_capacity(records.fields.len());
    let mut seen = HashSet::new();
    for (at, field) in records.fields.iter().enumerate() {
        let Some(name) = records.value(line, field)?.filter(|name| !name.trim().is_empty()) else {
            let what = format!("column {} has no name", at + 1);
            return Err(
                Broken::at(line, what).fix("Name it or leave it out (pandas writes one for its index: index=False).")
            );
        };
        let other = [(';', "semicolons"), ('\t', "tabs")].into_iter().find(|(mark, _)| name.contains(*mark));
        if let Some((_, other)) = other.filter(|_| records.fields.len() == 1 && !field.quoted) {
            let what = format!("its columns are parted by {other}, not by commas");
            return Err(
                Broken::at(line, what).fix("Write it with commas (Excel: CSV UTF-8 with a comma as list separator).")
            );
        }
        if !seen.insert(name.to_owned()) {
            return Err(Broken::twice(None, name));
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

/// Such as `1 field` or `3 fields`.
fn count(fields: usize) -> String {
    if fields == 1 { "1 field".to_owned() } else { format!("{fields} fields") }
}

/// One field of the record: where its text stands.
struct Field {
    begins: usize,
    ends: usize,
    quoted: bool,
}

/// Record after record; the one that was read last is held.
struct Records<R> {
    lines: Lines<R>,
    fields: Vec<Field>,
    text: Vec<u8>,
}

/// Where in a field a byte stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before its first byte.
    Begin,
    /// In one without quotes.
    Plain,
    /// Between its quotes.
    Quoted,
    /// Behind a quote between quotes: the last one, or one of a pair.
    Quote,
}

impl<R: BufRead> Records<R> {
    /// Reads the next record and gives the number of its first line; absent at the end.
    fn next(&mut self) -> Result<Option<usize>, Broken> {
        self.fields.clear();
        self.text.clear();
        let mut state = State::Begin;
        let mut first = None;
        let mut length = 0;
        loop {
            let Some((number, line)) = self.lines.next()? else {
                let Some(first) = first else { return Ok(None) };
                let what = "a quote that begins in this record is never closed";
                return Err(Broken::at(first, what).fix("Close it; a quote inside a quoted field is written twice."));
            };
            let first = *first.get_or_insert(number);
            length += line.len();
            Lines::<R>::check_length(first, length)?;
            let mut begins = self.text.len();
            if state == State::Quoted {
                begins = self.fields.pop().map_or(begins, |field| field.begins);
            }
            let end = match line.strip_suffix(b"\n") {
                Some(line) => line.strip_suffix(b"\r").unwrap_or(line).len(),
                None => line.strip_suffix(b"\r").unwrap_or(line).len(),
            };
            for byte in &line[..end] {
                state = match (state, byte) {
                    (State::Begin | State::Plain | State::Quote, b',') => {
                        let quoted = state == State::Quote;
                        self.fields.push(Field { begins, ends: self.text.len(), quoted });
                        begins = self.text.len();
                        State::Begin
                    }
                    (State::Begin, b'"') => State::Quoted,
                    (State::Begin | State::Plain, b'\r') => {
                        let what = "a carriage return stands alone in it";
                        return Err(
                            Broken::at(number, what).fix("Put the field in quotes, or end lines with a line feed.")
                        );
                    }
                    (State::Begin | State::Plain, byte) => {
                        self.text.push(*byte);
                        State::Plain
                    }
                    (State::Quoted, b'"') => State::Quote,
                    (State::Quoted, byte) => {
                        self.text.push(*byte);
                        State::Quoted
                    }
                    (State::Quote, b'"') => {
                        self.text.push(b'"');
                        State::Quoted
                    }
                    (State::Quote, _) => {
                        let what = "text stands behind the closing quote of a field";
                        return Err(Broken::at(number, what).fix("A quote inside a quoted field is written twice."));
                    }
                }
            }
            if state == State::Quoted {
                // The line end belongs to the field.
                self.text.extend_from_slice(&line[end..]);
                self.fields.push(Field { begins, ends: begins, quoted: true });
                continue;
            }
            self.fields.push(Field { begins, ends: self.text.len(), quoted: state == State::Quote });
            return Ok(Some(first));
        }
    }

    /// Reads the next record that is a row of a table with these columns, and gives the number of its first line.
    fn next_row(&mut self, names: &[String]) -> Result<Option<usize>, Broken> {
        while let Some(line) = self.next()? {
            if self.is_empty_line() {
                continue;
            }
            if self.fields.len() != names.len() {
                let (has, wanted) = (count(self.fields.len()), names.len());
                let what = format!("it has {has}, and the first line names {wanted}");
                return Err(Broken::at(line, what).fix("Put values that hold a comma or a line end in quotes."));
            }
            return Ok(Some(line));
        }
        Ok(None)
    }

    /// Whether the record is a line without anything but blanks: no row.
    fn is_empty_line(&self) -> bool {
        matches!(self.fields.as_slice(), [only] if !only.quoted) && self.text.iter().all(u8::is_ascii_whitespace)
    }

    /// The text of a field; absent where nothing stands, not even quotes.
    fn value(&self, line: usize, field: &Field) -> Result<Option<&str>, Broken> {
        let bytes = &self.text[field.begins..field.ends];
        let text = std::str::from_utf8(bytes).map_err(|_| Broken::not_utf8(line))?;
        if text.contains('\0') {
            let what = "it holds a null byte, as binary files and UTF-16 do";
            return Err(Broken::at(line, what).fix("Write it as UTF-8 text."));
        }
        Ok(Some(text).filter(|text| field.quoted || !text.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMORY: u64 = 1 << 20;

    fn table(text: impl AsRef<[u8]>) -> Result<DataFrame, String> {
        read(text.as_ref(), MEMORY).map_err(|broken| broken.to_string())
    }

    fn cells(text: impl AsRef<[u8]>) -> Vec<Vec<Option<String>>> {
        let frame = table(text).unwrap();
        let cell = |column: &Column, row| column.str().unwrap().get(row).map(str::to_owned);
        (0..frame.height()).map(|row| frame.columns().iter().map(|column| cell(column, row)).collect()).collect()
    }

    fn row(cells: &[&str]) -> Vec<Option<String>> {
        cells.iter().map(|cell| Some((*cell).to_owned())).collect()
    }

    #[test]
    fn fields_are_the_text_that_stands_there() {
        let odd = ["1.10", "9007199254740993", "12e4", "2024-01-02", "-0", " x ", "a\"b", "007", "ä東", "\u{202e}"];
        assert_eq!(cells(format!("a,b,c,d,e,f,g,h,i,j\n{}\n", odd.join(","))), [row(&odd)]);
        assert_eq!(cells("a,b\n\"x,\"\"y\"\"\",\"1\r\n2\n\n3\"\n"), [row(&["x,\"y\"", "1\r\n2\n\n3"])]);
        assert_eq!(cells("\u{feff}a,b\r\n1,2\r\n3,4"), [row(&["1", "2"]), row(&["3", "4"])]);
    }

    #[test]
    fn nothing_is_null_and_quotes_around_nothing_are_a_text() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            cells("a,b\n,\"\"\n\"\",x\n,\n"),
            [vec![None, some("")], vec![some(""), some("x")], vec![None, None]]
        );
    }

    #[test]
    fn an_empty_line_is_no_row() {
        assert_eq!(cells("\na\n\n1\n \t\n\"\"\n2\n\r\n\n"), [row(&["1"]), row(&[""]), row(&["2"])]);
        assert_eq!(cells("a,b\n\n1,2\n\n"), [row(&["1", "2"])]);
        assert_eq!(table("a,b\n").unwrap().shape(), (0, 2));
    }

    #[test]
    fn broken_files_are_refused_with_the_line() {
        let rows: [(&[u8], &str); 13] = [
            (b"", "it is empty. The first line names the columns."),
            (b"\n\n", "it is empty"),
            (b"a,b\n1,2\n1,2,3\n", "line 3: it has 3 fields, and the first line names 2"),
            (b"a,b\n\"1\n\n\",2\n1\n", "line 5: it has 1 field, and"),
            (b"a,b\n1,\"2\n3,4\n", "line 2: a quote that begins in this record is never closed"),
            (b"a,b\n\"1\"x,2\n", "line 2: text stands behind the closing quote"),
            (b"a,,c\n", "line 1: column 2 has no name"),
            (b"k;at\na;1\n", "line 1: its columns are parted by semicolons"),
            (b"k\tat\na\t1\n", "line 1: its columns are parted by tabs"),
            (b"a\n\xff\xe9\n", "line 2: it is not UTF-8"),
            (b"\xff\xfea\0,\0", "line 1: it is UTF-16"),
            (b"a\nx\0y\n", "line 2: it holds a null byte"),
            (b"a,b\r1,2\r", "line 1: a carriage return stands alone"),
        ];
        for (bytes, expected) in rows {
            let broken = table(bytes).unwrap_err();
            assert!(broken.starts_with(expected), "{broken}");
        }
        assert_eq!(table("a,b,a\n").unwrap_err(), "it has the column `a` more than once. Keep one of them.");
        assert!(table("\"k;at\"\n1\n").is_ok(), "in quotes it is a name");
    }

    #[test]
    fn what_is_too_long_or_too_large_is_refused_before_it_is_held() {
        struct Endless(usize);
        impl std::io::Read for Endless {
            fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
                into.fill(b'x');
                self.0 += into.len();
                assert!(self.0 < 64 << 20, "it reads on and on");
                Ok(into.len())
            }
        }
        let broken = read(std::io::BufReader::new(Endless(0)), MEMORY).unwrap_err().to_string();
        assert!(broken.starts_with("line 1: it is longer than 16 MiB"), "{broken}");
        let quoted = std::io::Read::chain(&b"a\n\""[..], std::io::BufReader::new(Endless(0)));
        let broken = read(quoted, MEMORY).unwrap_err().to_string();
        assert!(broken.starts_with("line 2: it is longer than 16 MiB"), "{broken}");
        let many = "a\n".to_owned() + &"1\n".repeat(100_000);
        assert!(table(many).unwrap_err().contains("more than the 1 MiB allowed"));
    }
}
