//! Tables on the wire: Arrow IPC streams, their buffers compressed with zstd.
//!
//! What comes in is checked before it is read: the library that reads it trusts the sizes that a stream states, and
//! takes a stream that was cut off for a whole one.

use std::io::{Cursor, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use polars::prelude::{
    DataFrame, IpcCompression, IpcStreamReader, IpcStreamWriter, PolarsResult, SerReader, SerWriter,
};
use thiserror::Error;

/// The content type of a stream.
pub const CONTENT_TYPE: &str = "application/vnd.apache.arrow.stream";
/// What stands before each message, and, with a length of zero, at the end.
const CONTINUES: [u8; 4] = [0xff; 4];
/// Most columns of a table, those inside lists and records counted.
const COLUMNS: usize = 10_000;
/// The deepest nesting of a column. The library recurses over it.
const DEEPEST: usize = 16;
/// Most dictionaries of a stream. The library recurses over them too.
const DICTIONARIES: usize = 100;

/// Why a table cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ArrowError {
    /// The bytes are no such stream; the text says what about them.
    #[error("it is not an Arrow IPC stream: {0}")]
    Broken(String),
    /// The bytes end before the end mark: something was lost on the way.
    #[error("the Arrow IPC stream is cut off: it has no end mark")]
    CutOff,
    /// It would take too much memory.
    #[error("it would take at least {bytes} bytes in memory, more than the {limit} allowed")]
    TooLarge {
        /// Bytes of its buffers, as far as they were counted.
        bytes: u64,
        /// Bytes that it may take at most.
        limit: u64,
    },
}

/// Writes a table as a stream, in batches of about a quarter of a million rows.
pub fn write(frame: &DataFrame, out: impl Write) -> PolarsResult<()> {
    // Columns are shared: this copies no rows.
    let mut frame = frame.clone();
    IpcStreamWriter::new(out).with_compression(Some(IpcCompression::default())).finish(&mut frame)
}

/// A table as a stream.
pub fn encode(frame: &DataFrame) -> PolarsResult<Vec<u8>> {
    let mut bytes = Vec::new();
    write(frame, &mut bytes)?;
    Ok(bytes)
}

/// Reads a stream whose buffers take at most `limit` bytes.
///
/// # Errors
/// When it is no stream, is cut off, or states more bytes than `limit`.
pub fn decode(bytes: &[u8], limit: u64) -> Result<DataFrame, ArrowError> {
    check(bytes, limit)?;
    // The reader panics on some streams that state what they do not hold.
    let read = catch_unwind(AssertUnwindSafe(|| IpcStreamReader::new(Cursor::new(bytes)).finish()));
    match read {
        Ok(Ok(frame)) => Ok(frame),
        Ok(Err(error)) => Err(ArrowError::Broken(error.to_string())),
        Err(_) => Err(ArrowError::Broken("its parts do not fit together".to_owned())),
    }
}

/// Walks over the messages: each must be whole, the last must be followed by the end mark, and all buffers together
/// must not state more bytes than `limit`.
fn check(bytes: &[u8], limit: u64) -> Result<(), ArrowError> {
    let mut at = 0;
    let mut stated: u64 = 0;
    let mut dictionaries = 0;
    if !bytes.starts_with(&CONTINUES) {
        return Err(ArrowError::Broken("it does not begin with a message".to_owned()));
    }
    loop {
        let head = bytes.get(at..at + 8).ok_or(ArrowError::CutOff)?;
        if !head.starts_with(&CONTINUES) {
            return Err(ArrowError::Broken("a message does not begin where the one before it ends".to_owned()));
        }
        let length = number(head, 4, 4).and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
        if length == 0 {
            return Ok(());
        }
        let begins = at + 8;
        let body = begins.checked_add(length).ok_or(ArrowError::CutOff)?;
        let metadata = bytes.get(begins..body).ok_or(ArrowError::CutOff)?;
        let message = Message::of(metadata).ok_or_else(|| ArrowError::Broken("a message has no header".to_owned()))?;
        dictionaries += usize::from(message.kind == DICTIONARY);
        if dictionaries > DICTIONARIES || !message.is_shallow() {
            return Err(ArrowError::Broken("it has too many columns or dictionaries, or too deep ones".to_owned()));
        }
        let end = body.checked_add(message.body).ok_or(ArrowError::CutOff)?;
        let body = bytes.get(body..end).ok_or(ArrowError::CutOff)?;
        stated = stated.saturating_add(message.stated(body));
        if stated > limit {
            return Err(ArrowError::TooLarge { bytes: stated, limit });
        }
        at = end;
    }
}

/// The kinds of messages that matter here.
const SCHEMA: u8 = 1;
const DICTIONARY: u8 = 2;
const BATCH: u8 = 3;

/// The parts of a message's header that tell sizes. Positions are those of Arrow's `Message.fbs` and `Schema.fbs`.
struct Message<'a> {
    body: usize,
    kind: u8,
    header: Option<Table<'a>>,
}

impl<'a> Message<'a> {
    fn of(metadata: &'a [u8]) -> Option<Self> {
        let root = Table::at(metadata, usize::try_from(number(metadata, 0, 4)?).ok()?)?;
        let body = root.field(3).map_or(Some(0), |at| usize::try_from(number(metadata, at, 8)?).ok())?;
        let kind = root.field(1).and_then(|at| metadata.get(at)).copied()?;
        Some(Self { body, kind, header: root.table(2) })
    }

    /// Whether a schema has no more columns, and no deeper ones, than are taken.
    fn is_shallow(&self) -> bool {
        let Some(schema) = self.header.as_ref().filter(|_| self.kind == SCHEMA) else { return true };
        let mut seen = 0;
        schema.all_tables(1, &mut |field| field.is_shallow_field(&mut seen, DEEPEST))
    }

    /// Bytes that its buffers state to take once they are read.
    fn stated(&self, body: &[u8]) -> u64 {
        let inner = || self.header.as_ref().and_then(|dictionary| dictionary.table(1));
        match (self.kind, &self.header) {
            (BATCH, Some(batch)) => batch.stated(body),
            (DICTIONARY, _) => inner().map_or(0, |batch| batch.stated(body)),
            _ => 0,
        }
    }
}

/// A table of a flat buffer: its fields are found by way of a table of offsets.
struct Table<'a> {
    bytes: &'a [u8],
    at: usize,
    offsets: usize,
}

impl<'a> Table<'a> {
    fn at(bytes: &'a [u8], at: usize) -> Option<Self> {
        let back = number(bytes, at, 4)?;
        let offsets = usize::try_from(i64::try_from(at).ok()?.checked_sub(back)?).ok()?;
        Some(Self { bytes, at, offsets })
    }

    /// Where the value of a field stands; absent when the field has none.
    fn field(&self, index: usize) -> Option<usize> {
        let entry = 4 + 2 * index;
        let size = usize::try_from(number(self.bytes, self.offsets, 2)?).ok()?;
        if entry + 2 > size {
            return None;
        }
        match usize::try_from(number(self.bytes, self.offsets.checked_add(entry)?, 2)?).ok()? {
            0 => None,
            offset => self.at.checked_add(offset),
        }
    }

    fn follow(&self, index: usize) -> Option<usize> {
        let at = self.field(index)?;
        at.checked_add(usize::try_from(number(self.bytes, at, 4)?).ok()?)
    }

    fn table(&self, index: usize) -> Option<Self> {
        Self::at(self.bytes, self.follow(index)?)
    }

    /// Whether all tables of a vector fit; one that is not there has none.
    fn all_tables(&self, index: usize, fits: &mut dyn FnMut(&Self) -> bool) -> bool {
        let Some((first, count)) = self.vector(index) else { return true };
        (0..count).all(|n| {
            let at = first.saturating_add(n.saturating_mul(4));
            let table =
                number(self.bytes, at, 4).and_then(|offset| Self::at(self.bytes, at + usize::try_from(offset).ok()?));
            table.is_some_and(|table| fits(&table))
        })
    }

    /// As a column of a schema.
    fn is_shallow_field(&self, seen: &mut usize, deepest: usize) -> bool {
        *seen += 1;
        *seen <= COLUMNS && deepest > 0 && self.all_tables(5, &mut |child| child.is_shallow_field(seen, deepest - 1))
    }

    /// As a record batch: the bytes that its buffers state to take.
    fn stated(&self, body: &[u8]) -> u64 {
        let compressed = self.field(3).is_some();
        let Some((first, count)) = self.vector(2) else { return 0 };
        let mut sum: u64 = 0;
        for n in 0..count {
            let place = first.saturating_add(n.saturating_mul(16));
            let Some(length) = number(self.bytes, place.saturating_add(8), 8) else { return u64::MAX };
            let offset = number(self.bytes, place, 8).and_then(|at| usize::try_from(at).ok());
            // A compressed buffer begins with its size; -1 says that it is not compressed after all.
            let inside = offset.filter(|_| compressed && length > 0).and_then(|at| number(body, at, 8));
            let bytes = inside.filter(|bytes| *bytes >= 0).unwrap_or(length);
            sum = sum.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        }
        sum
    }

    /// Where the first element stands, and how many there are.
    fn vector(&self, index: usize) -> Option<(usize, usize)> {
        let at = self.follow(index)?;
        Some((at.checked_add(4)?, usize::try_from(number(self.bytes, at, 4)?).ok()?))
    }
}

/// A little-endian number of 2 (without sign), 4 or 8 bytes.
fn number(bytes: &[u8], at: usize, size: usize) -> Option<i64> {
    let part = bytes.get(at..at.checked_add(size)?)?;
    Some(match size {
        2 => u16::from_le_bytes(part.try_into().ok()?).into(),
        4 => i32::from_le_bytes(part.try_into().ok()?).into(),
        _ => i64::from_le_bytes(part.try_into().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;
    use proptest::prelude::*;

    use super::*;

    fn frame(rows: i64) -> DataFrame {
        let text: Vec<Option<String>> = (0..rows).map(|n| (n % 3 > 0).then(|| format!("ä{n}"))).collect();
        let number: Vec<i64> = (0..rows).collect();
        let list =
            Series::new("list".into(), number.iter().map(|n| Series::new("".into(), [*n, 7])).collect::<Vec<_>>());
        df!("text" => text, "number" => number, "list" => list).unwrap()
    }

    #[test]
    fn tables_come_back_as_they_went() {
        for rows in [0, 1, 1_000] {
            let bytes = encode(&frame(rows)).unwrap();
            assert!(decode(&bytes, 1 << 20).unwrap().equals_missing(&frame(rows)), "{rows}");
        }
    }

    #[test]
    fn a_stream_that_is_cut_off_is_no_table() {
        let bytes = encode(&frame(1_000)).unwrap();
        for cut in [8, bytes.len() / 2, bytes.len() - 8, bytes.len() - 1] {
            assert_eq!(decode(&bytes[..cut], 1 << 20).unwrap_err(), ArrowError::CutOff, "{cut}");
        }
        assert!(matches!(decode(b"carrier,t\nUA,1\n", 1 << 20), Err(ArrowError::Broken(_))));
        assert!(matches!(decode(b"", 1 << 20), Err(ArrowError::Broken(_))));
    }

    #[test]
    fn what_is_small_on_the_wire_and_large_in_memory_is_refused_before_it_is_read() {
        let zeros = df!("n" => vec![0_i64; 1_000_000]).unwrap();
        let bytes = encode(&zeros).unwrap();
        assert!(bytes.len() < 100_000, "{}", bytes.len());
        assert!(matches!(decode(&bytes, 1 << 20), Err(ArrowError::TooLarge { bytes: 1_048_577.., .. })));
        assert_eq!(decode(&bytes, 1 << 24).unwrap().height(), 1_000_000);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn damaged_streams_are_refused_or_read_but_never_end_the_program(
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)
        ) {
            let mut bytes = encode(&frame(20)).unwrap();
            for (place, byte) in changes {
                let at = place.index(bytes.len());
                bytes[at] = byte;
            }
            let _ = decode(&bytes, 1 << 20);
        }
    }
}
