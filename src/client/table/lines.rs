//! The lines of a text file, one at a time and none without bound.

use std::io::{BufRead, Read};

use super::broken::Broken;

/// The longest line (of CSV, record), in bytes.
const LONGEST: usize = 16 << 20;

/// Line after line.
pub(super) struct Lines<R> {
    from: R,
    number: usize,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// The lines of that text.
    pub(super) fn new(from: R) -> Self {
        Self { from, number: 0, line: Vec::new() }
    }

    /// The number of the next line, from 1, and the line with its end; absent at the end of the file. A mark of the
    /// byte order in front of the first one is left out.
    ///
    /// # Errors
    /// When it cannot be read, is too long, or the file is UTF-16.
    pub(super) fn next(&mut self) -> Result<Option<(usize, &[u8])>, Broken> {
        self.line.clear();
        self.number += 1;
        let mut part = (&mut self.from).take(LONGEST as u64 + 1);
        let read = part.read_until(b'\n', &mut self.line);
        read.map_err(|error| Broken::at(self.number, format!("it cannot be read: {error}")))?;
        if self.line.is_empty() {
            return Ok(None);
        }
        if self.number == 1 {
            if self.line.starts_with(&[0xff, 0xfe]) || self.line.starts_with(&[0xfe, 0xff]) {
                return Err(Broken::at(1, "it is UTF-16").fix("Write it as UTF-8 (Excel: CSV UTF-8)."));
            }
            if self.line.starts_with("\u{feff}".as_bytes()) {
                self.line.drain(..3);
            }
        }
        Self::check_length(self.number, self.line.len())?;
        Ok(Some((self.number, &self.line)))
    }

    /// Whether so many bytes may stand in one line.
    pub(super) fn check_length(number: usize, bytes: usize) -> Result<(), Broken> {
        if bytes <= LONGEST {
            return Ok(());
        }
        let what = format!("it is longer than {} MiB", LONGEST >> 20);
        Err(Broken::at(number, what)
            .fix("Shorten its values; where there is no line end or a quote is not closed, mend that."))
    }
}
