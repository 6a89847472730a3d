//! The records of a CSV file, from a place on, each as a JSON object of texts.
//!
//! It must not know types: texts are read in the types of their columns, as those of a JSON record are. A field without
//! quotes and characters is null.

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use serde_json::Value as Json;

use super::lines::MOST_READ;
use super::records::MOST_BYTES;

/// What may stand before the first name.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// A record, and where it begins.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    /// The byte of the file, counted from 0.
    pub at: u64,
    /// A JSON object; a record of which none can be made as it stands, and why.
    pub record: Result<Vec<u8>, (Vec<u8>, String)>,
}

/// The rows that one read brought.
pub(super) struct Rows {
    pub rows: Vec<Row>,
    /// The place behind the last of them, in bytes of the file.
    pub end: u64,
    /// Whether no row follows them.
    pub all: bool,
}

/// Reads some `most` records from that byte on; 0 is the first behind the names.
///
/// # Errors
/// When it cannot be read, or its first line is not the names of columns.
pub(super) fn read(file: impl Read + Seek, from: u64, most: usize) -> io::Result<Rows> {
    let mut file = BufReader::with_capacity(1 << 16, file);
    let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    file.seek(SeekFrom::Start(0))?;
    let mut first = Vec::new();
    file.by_ref().take(BYTE_ORDER_MARK.len() as u64).read_to_end(&mut first)?;
    let begin = if first == BYTE_ORDER_MARK.as_bytes() { first.len() as u64 } else { 0 };
    file.seek(SeekFrom::Start(begin))?;
    let Some((raw, fields)) = record(&mut file)? else { return Ok(Rows { rows: Vec::new(), end: from, all: true }) };
    let fields = fields.map_err(|problem| bad(&format!("its first line does not name columns: {problem}")))?;
    let mut names = Vec::with_capacity(fields.len());
    for name in fields {
        let name = name.unwrap_or_default();
        if name.is_empty() || names.contains(&name) {
            return Err(bad("its first line must name each column once"));
        }
        names.push(name);
    }
    let from = if from == 0 { begin + raw.length } else { from };
    file.seek(SeekFrom::Start(from))?;
    let mut read = Rows { rows: Vec::new(), end: from, all: false };
    while read.rows.len() < most && read.end - from < MOST_READ {
        let Some((raw, fields)) = record(&mut file)? else {
            read.all = true;
            break;
        };
        let at = read.end;
        read.end += raw.length;
        // Blanks alone are no row. Of a record that is too long nobody knows whether it has no more.
        if fields.is_ok() && raw.bytes.trim_ascii().is_empty() {
            continue;
        }
        let record = match fields {
            Ok(fields) if fields.len() == names.len() => Ok(object(&names, fields)),
            Ok(fields) => {
                let problem = format!("it has {} fields, and the first line names {}", fields.len(), names.len());
                Err((raw.bytes, problem))
            }
            Err(problem) => Err((raw.bytes, problem)),
        };
        read.rows.push(Row { at, record });
    }
    Ok(read)
}

fn object(names: &[String], fields: Vec<Option<String>>) -> Vec<u8> {
    let value = |field: Option<String>| field.map_or(Json::Null, Json::String);
    let members = names.iter().cloned().zip(fields.into_iter().map(value));
    Json::Object(members.collect()).to_string().into_bytes()
}

/// The bytes of a record; of one that is too long the beginning.
struct Raw {
    bytes: Vec<u8>,
    /// How many bytes the whole record has.
    length: u64,
}

type Fields = Result<Vec<Option<String>>, String>;

/// The next record, with the lines of its quoted fields; absent at the end.
fn record(file: &mut impl BufRead) -> io::Result<Option<(Raw, Fields)>> {
    let (mut raw, mut parser) = (Raw { bytes: Vec::new(), length: 0 }, Parser::default());
    loop {
        let begin = raw.bytes.len();
        let room = (MOST_BYTES as u64 + 2).saturating_sub(begin as u64).max(1);
        let length = file.by_ref().take(room).read_until(b'\n', &mut raw.bytes)? as u64;
        raw.length += length;
        let ended = raw.bytes.last() == Some(&b'\n') || length == 0;
        if raw.bytes.len() > MOST_BYTES + 1 {
            if !ended {
                // What follows on the line belongs to it; the next begins behind it.
                raw.length += file.skip_until(b'\n')? as u64;
            }
            return Ok(Some((raw, Err(format!("it has more than the {MOST_BYTES} bytes that a record may have")))));
        }
        if length == 0 && begin == 0 {
            return Ok(None);
        }
        for byte in &raw.bytes[begin..] {
            parser.take(*byte);
        }
        if parser.state != State::Quoted || length == 0 {
            let fields = parser.finish();
            return Ok(Some((raw, fields)));
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum State {
    /// At the beginning of a field.
    #[default]
    Begin,
    Plain,
    Quoted,
    /// Behind a quote in a quoted field.
    Behind,
}

/// Takes a record apart, byte by byte.
#[derive(Default)]
struct Parser {
    state: State,
    fields: Vec<Option<Vec<u8>>>,
    field: Vec<u8>,
    quoted: bool,
    problem: Option<&'static str>,
}

impl Parser {
    fn take(&mut self, byte: u8) {
        match (self.state, byte) {
            (State::Quoted, b'"') => self.state = State::Behind,
            (State::Quoted, _) => self.field.push(byte),
            (State::Behind, b'"') => {
                self.field.push(byte);
                self.state = State::Quoted;
            }
            (State::Begin, b'"') => (self.state, self.quoted) = (State::Quoted, true),
            (_, b',') => self.end_field(),
            // The end of the record, with `\r` or without.
            (_, b'\n') => {}
            (State::Behind, b'\r') => {}
            (State::Behind, _) => {
                self.problem = Some("something stands behind the closing quote of a field");
                self.state = State::Plain;
            }
            (_, byte) => {
                self.field.push(byte);
                self.state = State::Plain;
            }
        }
    }

    fn end_field(&mut self) {
        let field = std::mem::take(&mut self.field);
        let quoted = std::mem::take(&mut self.quoted);
        self.fields.push((quoted || !field.is_empty()).then_some(field));
        self.state = State::Begin;
    }

    fn finish(mut self) -> Fields {
        if self.state == State::Quoted {
            return Err("a quote is not closed".to_owned());
        }
        if !self.quoted && self.field.last() == Some(&b'\r') {
            self.field.pop();
        }
        self.end_field();
        if let Some(problem) = self.problem {
            return Err(problem.to_owned());
        }
        let text = |field: Vec<u8>| String::from_utf8(field).map_err(|_| "it is not UTF-8 text".to_owned());
        self.fields.into_iter().map(|field| field.map(text).transpose()).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// The records of a text, read some at a time.
    fn rows(text: &str, most: usize) -> Vec<String> {
        let (mut all, mut from) = (Vec::new(), 0);
        loop {
            let read = read(Cursor::new(text), from, most).unwrap();
            for row in read.rows {
                assert!(row.at >= from.min(1));
                all.push(match row.record {
                    Ok(bytes) => String::from_utf8(bytes).unwrap(),
                    Err((_, problem)) => problem,
                });
            }
            from = read.end;
            if read.all {
                return all;
            }
        }
    }

    #[test]
    fn fields_are_texts_and_nothing_is_null() {
        let text = "\u{feff}a,b,c\r\n1,\"x,\"\"y\"\"\nz\",\r\n\n2,5\" tall,\"\"\n3,\"x\"y,z\n4,5\n\"open,6";
        let expected = [
            r#"{"a":"1","b":"x,\"y\"\nz","c":null}"#,
            r#"{"a":"2","b":"5\" tall","c":""}"#,
            "something stands behind the closing quote of a field",
            "it has 2 fields, and the first line names 3",
            "a quote is not closed",
        ];
        for most in [1, 2, 9] {
            assert_eq!(rows(text, most), expected, "{most}");
        }
        assert_eq!(rows("", 3), Vec::<String>::new());
        assert_eq!(rows("a\n", 3), Vec::<String>::new());
        assert_eq!(rows("a\n1", 3), [r#"{"a":"1"}"#]);
        for names in ["a,a\n1,2", "a,\n1,2"] {
            assert!(read(Cursor::new(names), 0, 3).is_err(), "{names}");
        }
    }

    #[test]
    fn a_line_of_blanks_is_no_record_and_one_of_an_empty_text_is() {
        for most in [1, 2, 9] {
            assert_eq!(rows("a\n\n1\n  \r\n\"\"\n", most), [r#"{"a":"1"}"#, r#"{"a":""}"#], "{most}");
            let refused = "it has 1 fields, and the first line names 2";
            assert_eq!(rows("a,b\n\"\"\n \n1,2\n\"  \"\n", most), [refused, r#"{"a":"1","b":"2"}"#, refused]);
        }
        // Whether what follows is blank as well is not known.
        let long = format!("a\n{}1\n2\n", " ".repeat(2 * MOST_BYTES));
        assert_eq!(rows(&long, 9).len(), 2);
    }

    #[test]
    fn a_mark_of_the_byte_order_is_no_part_of_the_first_name() {
        for most in [1, 9] {
            let expected = [r#"{"a":"1","b":"2"}"#, r#"{"a":"3","b":"4"}"#];
            assert_eq!(rows("\u{feff}\"a\",\"b\"\n1,2\n3,4\n", most), expected, "{most}");
            assert_eq!(rows("\u{feff}a,b\r\n1,2\r\n3,4", most), expected, "{most}");
        }
        assert_eq!(rows("\u{feff}", 3), Vec::<String>::new());
    }

    #[test]
    fn a_record_that_is_too_long_costs_no_other() {
        let text = format!("a\n\"{}\n\nx\"\n2\n", "x\n".repeat(MOST_BYTES));
        let rows = rows(&text, 9_999_999);
        assert!(rows[0].contains("more than the 1048576 bytes"), "{}", rows[0]);
        assert_eq!(rows.last().map(String::as_str), Some(r#"{"a":"2"}"#));
        let text = format!("a\n{}\n2\n", "x".repeat(3 * MOST_BYTES));
        assert_eq!(super::tests::rows(&text, 9).len(), 2);
    }
}
