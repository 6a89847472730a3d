//! Parquet files as other programs have them: how deep the schema of one is nested, found without recursion; and files
//! that every reader understands.
//!
//! Every library reads a schema by recursion and takes its depth from the file: some kilobytes end the process. So the
//! list of schema elements in the footer (Thrift's compact protocol) is walked here first. It must not judge anything
//! else: what is no footer is for the library to tell.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use polars::prelude::{
    CompatLevel, DataFrame, IpcStreamWriter, KeyValueMetadata, ParquetCompression, ParquetWriter, PolarsResult,
    SerWriter, TimeZone,
};

/// The deepest nesting that the libraries are given. A list takes two levels.
pub(crate) const DEEPEST: usize = 64;
/// Most bytes of a footer that is walked.
const LARGEST: u64 = 256 << 20;
/// The deepest nesting of a value that is passed over.
const SKIPPED: usize = 16;

/// A writer of these columns, compressed with zstd. The types that stand beside Parquet's own in the file are those of
/// the first Arrow: Polars would name its newest ones, such as views of texts, which pandas cannot read inside a list.
///
/// # Errors
/// When a column has a type that no file can have.
pub(crate) fn writer<W: Write>(out: W, columns: &DataFrame) -> PolarsResult<ParquetWriter<W>> {
    let mut stream = Vec::new();
    let mut types = columns.clear();
    IpcStreamWriter::new(&mut stream).with_compat_level(CompatLevel::oldest()).finish(&mut types)?;
    // A stream begins with its schema: eight bytes, the last four of them the length of what follows.
    let length = stream.get(4..8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes);
    let schema = stream.get(..8 + length as usize).unwrap_or_default();
    let metadata = KeyValueMetadata::from_static(vec![("ARROW:schema".to_owned(), STANDARD.encode(schema))]);
    let writer = ParquetWriter::new(out).with_compression(ParquetCompression::Zstd(None));
    Ok(writer.with_key_value_metadata(Some(metadata)))
}

/// Reads what somebody sent. The libraries are careful, but not proof against panics.
///
/// # Errors
/// Those of the reading, and in the place of a panic that the parts do not fit together.
pub(crate) fn careful<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err("its parts do not fit together".to_owned()))
}

/// The key under which a field says that its type stands for another one.
pub(crate) const EXTENSION: &str = "ARROW:extension:name";

/// Whether Polars knows the time zone: it panics on others.
pub(crate) fn zone_is_known(zone: &str) -> bool {
    zone != "*" && TimeZone::opt_try_new(Some(zone)).is_ok()
}

/// The deepest nesting of the schema, 1 for plain columns; absent where there is no footer to be understood.
///
/// # Errors
/// When the file cannot be read, or its footer is too large to be walked.
pub(crate) fn nesting(file: &File) -> io::Result<Option<usize>> {
    let length = file.metadata()?.len();
    let mut tail = [0; 8];
    let Some(ends) = length.checked_sub(8) else { return Ok(None) };
    file.read_exact_at(&mut tail, ends)?;
    let [a, b, c, d, magic @ ..] = tail;
    let size = u64::from(u32::from_le_bytes([a, b, c, d]));
    let Some(begins) = ends.checked_sub(size).filter(|_| magic == *b"PAR1") else { return Ok(None) };
    if size > LARGEST {
        return Err(io::Error::other(format!(
            "its footer takes {} MiB; at most {} are read",
            size >> 20,
            LARGEST >> 20
        )));
    }
    let mut footer = vec![0; usize::try_from(size).unwrap_or_default()];
    file.read_exact_at(&mut footer, begins)?;
    Ok(Walk { bytes: &footer }.nesting())
}

/// The kinds of values of the compact protocol that matter here.
const STOP: u8 = 0;
const I32: u8 = 5;
const LIST: u8 = 9;
const STRUCT: u8 = 12;
/// The field of the footer that lists the schema's elements, depth first.
const SCHEMA: i64 = 2;
/// The field of an element that counts those right below it.
const CHILDREN: i64 = 5;

/// What is left of a footer.
struct Walk<'a> {
    bytes: &'a [u8],
}

impl Walk<'_> {
    fn nesting(&mut self) -> Option<usize> {
        let mut field = 0;
        loop {
            let kind = self.field(&mut field)?;
            match (kind, field) {
                (STOP, _) => return None,
                (LIST, SCHEMA) => break,
                (kind, _) => self.skip(kind, SKIPPED)?,
            }
        }
        let (count, STRUCT) = self.list()? else { return None };
        // Elements that are still to come below each one that is open; the root is the first.
        let mut open: Vec<u64> = Vec::new();
        let mut deepest = 0;
        for _ in 0..count {
            deepest = deepest.max(open.len());
            if let Some(left) = open.last_mut() {
                *left = left.saturating_sub(1);
            }
            let children = self.children()?;
            if children > 0 {
                open.push(children);
            }
            while open.last() == Some(&0) {
                open.pop();
            }
        }
        Some(deepest)
    }

    /// How many elements stand right below the next one.
    fn children(&mut self) -> Option<u64> {
        let (mut field, mut children) = (0, 0);
        loop {
            match (self.field(&mut field)?, field) {
                (STOP, _) => return Some(children),
                (I32, CHILDREN) => children = u64::try_from(self.signed()?).unwrap_or(0),
                (kind, _) => self.skip(kind, SKIPPED)?,
            }
        }
    }

    /// The kind of the next field; `before` becomes its number.
    fn field(&mut self, before: &mut i64) -> Option<u8> {
        let head = self.byte()?;
        let kind = head & 0x0f;
        if kind != STOP {
            let ahead = i64::from(head >> 4);
            *before = if ahead == 0 { self.signed()? } else { before.checked_add(ahead)? };
        }
        Some(kind)
    }

    /// The count and the kind of a list's items.
    fn list(&mut self) -> Option<(u64, u8)> {
        let head = self.byte()?;
        let short = u64::from(head >> 4);
        Some((if short == 15 { self.number()? } else { short }, head & 0x0f))
    }

    /// Passes over a value that is a field. A flag has its value in its kind.
    fn skip(&mut self, kind: u8, depth: usize) -> Option<()> {
        if matches!(kind, 1 | 2) { Some(()) } else { self.skip_item(kind, depth) }
    }

    /// Passes over a value that is an item of a list, a set or a map.
    fn skip_item(&mut self, kind: u8, depth: usize) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match kind {
            1..=3 => self.byte().map(drop),
            4..=6 => self.number().map(drop),
            7 => self.take(8),
            8 => {
                let length = self.number()?;
                self.take(length)
            }
            LIST | 10 => {
                let (count, item) = self.list()?;
                (0..count).try_for_each(|_| self.skip_item(item, depth))
            }
            11 => {
                let count = self.number()?;
                let kinds = if count == 0 { 0 } else { self.byte()? };
                (0..count).try_for_each(|_| {
                    self.skip_item(kinds >> 4, depth)?;
                    self.skip_item(kinds & 0x0f, depth)
                })
            }
            STRUCT => {
                let mut field = 0;
                loop {
                    match self.field(&mut field)? {
                        STOP => return Some(()),
                        kind => self.skip(kind, depth)?,
                    }
                }
            }
            13 => self.take(16),
            _ => None,
        }
    }

    fn take(&mut self, count: u64) -> Option<()> {
        self.bytes = self.bytes.get(usize::try_from(count).ok()?..)?;
        Some(())
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    /// A number of seven bits a byte, the lowest first.
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    /// The same with a sign, which is its lowest bit.
    fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some(i64::try_from(number >> 1).unwrap_or(i64::MAX) ^ -i64::from(number & 1 == 1))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use polars::prelude::{NamedFrom, ParquetWriter, Series, df};

    use super::*;

    /// Views of texts inside lists are what pandas could not read.
    #[test]
    fn written_files_name_types_that_every_reader_has() {
        use arrow_schema::DataType as Arrow;
        use parquet::arrow::arrow_reader::ArrowReaderMetadata;
        use polars::prelude::{ParquetReader, SerReader};

        let lists = Series::new("tags".into(), [Series::new("".into(), ["a", "b"])]);
        let mut frame = df!("k" => ["x"], "at" => [1_i64]).unwrap();
        frame.with_column(lists.into()).unwrap();
        let mut file = tempfile::tempfile().unwrap();
        writer(&mut file, &frame).unwrap().finish(&mut frame).unwrap();
        let footer = ArrowReaderMetadata::load(&file, Default::default()).unwrap();
        let type_of = |name: &str| footer.schema().field_with_name(name).unwrap().data_type().clone();
        assert_eq!((type_of("k"), type_of("at")), (Arrow::LargeUtf8, Arrow::Int64));
        assert!(matches!(type_of("tags"), Arrow::LargeList(item) if *item.data_type() == Arrow::LargeUtf8));
        assert_eq!(ParquetReader::new(file).finish().unwrap(), frame);
    }

    /// A file of nothing but a footer whose schema is a chain of groups.
    fn chain(depth: usize) -> File {
        let element = |children: u8| [&[0x48, 1, b'a'][..], &[0x15, children * 2][..], &[STOP][..]].concat();
        let mut footer = vec![0x15, 2, 0x19, 0xfc];
        let mut count = depth as u64 + 1;
        while count >= 0x80 {
            footer.push((count & 0x7f) as u8 | 0x80);
            count >>= 7;
        }
        footer.push(count as u8);
        (0..depth).for_each(|_| footer.extend(element(1)));
        footer.extend([0x15, 2, 0x38, 1, b'a', STOP]);
        footer.push(STOP);
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"PAR1").unwrap();
        file.write_all(&footer).unwrap();
        file.write_all(&(footer.len() as u32).to_le_bytes()).unwrap();
        file.write_all(b"PAR1").unwrap();
        file
    }

    #[test]
    fn nesting_is_counted_without_recursion() {
        for depth in [1, 2, 64, 1_000, 1_000_000] {
            assert_eq!(nesting(&chain(depth)).unwrap(), Some(depth));
        }
    }

    #[test]
    fn files_of_a_library_are_understood() {
        let mut file = tempfile::tempfile().unwrap();
        let list = Series::new("list".into(), [Series::new("".into(), ["a"])]);
        let mut frame = df!("k" => ["a"], "n" => [1_i64], "list" => list).unwrap();
        ParquetWriter::new(&mut file).finish(&mut frame).unwrap();
        assert_eq!(nesting(&file).unwrap(), Some(3));
        for (name, depth) in [("u8", 1), ("struct", 2), ("map", 3), ("cat", 1), ("catlist", 3)] {
            let path = format!("{}/tests/fixtures/parquet/{name}.parquet", env!("CARGO_MANIFEST_DIR"));
            assert_eq!(nesting(&File::open(path).unwrap()).unwrap(), Some(depth), "{name}");
        }
    }

    #[test]
    fn what_is_no_footer_is_left_to_others() {
        for bytes in
            [&b""[..], b"PAR1", b"PAR1\xff\xff\xff\xffPAR1", b"PAR1\x15\x02\x19\xfc\x04\0\0\0PAR1", b"xxxxxxxxxxxx"]
        {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(bytes).unwrap();
            assert_eq!(nesting(&file).unwrap(), None, "{bytes:?}");
        }
        let whole =
            std::fs::read(format!("{}/tests/fixtures/parquet/struct.parquet", env!("CARGO_MANIFEST_DIR"))).unwrap();
        // Whatever is damaged, it ends.
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0xff;
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&bytes).unwrap();
            let _ = nesting(&file).unwrap();
        }
    }
}
