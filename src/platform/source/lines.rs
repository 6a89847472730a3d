//! The lines of a file that grows, from a place on.
//!
//! It must not know what a line holds. Memory is bounded: of a line that is too long the beginning is kept, and a
//! reading ends after so many lines or bytes.

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use super::records::MOST_BYTES;

/// About the most bytes of one reading.
pub(super) const MOST_READ: u64 = 16 << 20;

/// A line without its end; blank ones are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The byte of the file that it begins with, counted from 0.
    pub at: u64,
    /// Of a line that is longer than records may be, its beginning, longer than they may be.
    pub bytes: Vec<u8>,
}

/// The lines that one read brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lines {
    pub lines: Vec<Line>,
    /// The place behind the last of them, in bytes of the file.
    pub end: u64,
    /// Whether no whole line follows.
    pub all: bool,
}

/// Reads some `most` lines from that byte on. A last line without an end waits for it, unless the file `is_whole`: then
/// nobody will write more.
pub(super) fn read(file: impl Read + Seek, from: u64, most: usize, is_whole: bool) -> io::Result<Lines> {
    let mut file = BufReader::with_capacity(1 << 16, file);
    file.seek(SeekFrom::Start(from))?;
    let mut read = Lines { lines: Vec::new(), end: from, all: false };
    while read.lines.len() < most && read.end - from < MOST_READ {
        let mut bytes = Vec::new();
        let mut length = (&mut file).take(MOST_BYTES as u64 + 2).read_until(b'\n', &mut bytes)? as u64;
        let mut ended = bytes.last() == Some(&b'\n');
        if length > MOST_BYTES as u64 + 1 && !ended {
            let (more, found) = skip_line(&mut file)?;
            (length, ended) = (length + more, found);
        }
        if length == 0 || !(ended || is_whole) {
            read.all = true;
            break;
        }
        let at = read.end;
        read.end += length;
        bytes.truncate(bytes.len() - usize::from(bytes.last() == Some(&b'\n')));
        if !bytes.trim_ascii().is_empty() {
            read.lines.push(Line { at, bytes });
        }
    }
    Ok(read)
}

/// Goes behind the end of a line: how far that was, and whether there was one.
fn skip_line(file: &mut impl BufRead) -> io::Result<(u64, bool)> {
    let mut skipped = 0;
    loop {
        let buffer = file.fill_buf()?;
        if buffer.is_empty() {
            return Ok((skipped, false));
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(buffer.len(), |end| end + 1);
        file.consume(used);
        skipped += used as u64;
        if end.is_some() {
            return Ok((skipped, true));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn lines(text: &str, from: u64, most: usize, is_whole: bool) -> (Vec<(u64, String)>, u64, bool) {
        let read = read(Cursor::new(text), from, most, is_whole).unwrap();
        let line = |line: Line| (line.at, String::from_utf8(line.bytes).unwrap());
        (read.lines.into_iter().map(line).collect(), read.end, read.all)
    }

    #[test]
    fn a_line_without_an_end_waits_for_it() {
        let line = |at: u64, text: &str| (at, text.to_owned());
        assert_eq!(lines("a\n\nbc\nde", 0, 9, false), (vec![line(0, "a"), line(3, "bc")], 6, true));
        assert_eq!(lines("a\n\nbc\nde", 6, 9, false), (vec![], 6, true));
        assert_eq!(lines("a\n\nbc\nde", 3, 9, true), (vec![line(3, "bc"), line(6, "de")], 8, true));
        assert_eq!(lines("a\nb\n", 0, 1, false), (vec![line(0, "a")], 2, false));
        assert_eq!(lines("a\nb\n", 0, 2, false), (vec![line(0, "a"), line(2, "b")], 4, false));
        assert_eq!(lines("a\nb\n", 4, 2, false), (vec![], 4, true));
        assert_eq!(lines("", 0, 2, true), (vec![], 0, true));
    }

    #[test]
    fn of_a_line_that_is_too_long_the_beginning_is_kept() {
        let long = "x".repeat(3 * MOST_BYTES);
        let text = format!("{long}\nb\n");
        let read = read(Cursor::new(&text), 0, 9, false).unwrap();
        let lengths: Vec<_> = read.lines.iter().map(|line| (line.at, line.bytes.len())).collect();
        assert_eq!(lengths, [(0, MOST_BYTES + 2), (long.len() as u64 + 1, 1)]);
        assert_eq!((read.end, read.all), (text.len() as u64, true));
        let (found, end, all) = lines(&long, 0, 9, false);
        assert_eq!((found.len(), end, all), (0, 0, true));
        let exact = format!("{}\n", "y".repeat(MOST_BYTES));
        let (found, _, _) = lines(&exact, 0, 9, false);
        assert_eq!(found[0].1.len(), MOST_BYTES);
    }
}
