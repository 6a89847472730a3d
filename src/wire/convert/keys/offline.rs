//! The offline store's file of keys: Parquet with the key columns.
//!
//! It is written by Polars, but what comes in is read by the reader of the transaction log's library, row by row:
//! Polars takes sizes that a file states at their word, and a file that lies about them ends the process.

use std::panic::{AssertUnwindSafe, catch_unwind};

use parquet::basic::{ConvertedType, LogicalType, Type as Physical};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::schema::types::ColumnDescriptor;
use polars::prelude::{DataFrame, ParquetWriter, PolarsResult};
use prost::bytes::Bytes;

use super::{KeysError, MOST_BYTES, MOST_KEYS};
use super::{Values, frame_of};
use crate::model::DataType;

/// Most columns that are looked at.
const MOST_COLUMNS: usize = 100;
/// Most characters of what the library says about a broken file.
const SAID: usize = 200;

/// Keys as the offline store's file.
///
/// # Errors
/// When a column cannot be written, which for keys does not happen.
pub fn offline_keys_to_file(keys: &DataFrame) -> PolarsResult<Vec<u8>> {
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(&mut keys.clone())?;
    Ok(bytes)
}

/// Keys of an offline store's file, with the columns that it has; integers and texts, for there are no other keys.
///
/// # Errors
/// When it is no Parquet, has other columns, or states or holds too much.
pub fn offline_keys_from_file(bytes: Vec<u8>) -> Result<DataFrame, KeysError> {
    // The reader is careful, but not proof against panics.
    let read = catch_unwind(AssertUnwindSafe(|| read(bytes)));
    read.unwrap_or_else(|_| Err(KeysError::Parquet("its parts do not fit together".to_owned())))
}

fn read(bytes: Vec<u8>) -> Result<DataFrame, KeysError> {
    let reader = SerializedFileReader::new(Bytes::from(bytes)).map_err(broken)?;
    let stated = reader.metadata();
    let rows = usize::try_from(stated.file_metadata().num_rows()).unwrap_or(usize::MAX);
    if rows > MOST_KEYS {
        return Err(KeysError::TooMany(rows));
    }
    let sizes = stated.row_groups().iter().map(|group| usize::try_from(group.total_byte_size()).unwrap_or(usize::MAX));
    let size = sizes.fold(0, usize::saturating_add);
    if size > MOST_BYTES {
        return Err(KeysError::TooLarge(size));
    }
    let schema = stated.file_metadata().schema_descr();
    if schema.num_columns() > MOST_COLUMNS {
        return Err(KeysError::Parquet(format!("it has {} columns", schema.num_columns())));
    }
    let columns = schema.columns().iter().map(|column| Ok((column.name().to_owned(), data_type(column)?)));
    let columns = columns.collect::<Result<Vec<_>, KeysError>>()?;
    let values = rows_of(&reader, &columns)?;
    frame_of(columns.into_iter().map(|(name, _)| name).zip(values).collect())
}

fn rows_of(reader: &SerializedFileReader<Bytes>, columns: &[(String, DataType)]) -> Result<Vec<Values>, KeysError> {
    let mut values: Vec<Values> = columns.iter().map(|(_, data_type)| Values::of(data_type)).collect();
    let (mut rows, mut held) = (0, 0);
    for row in reader.get_row_iter(None).map_err(broken)? {
        rows += 1;
        if rows > MOST_KEYS {
            return Err(KeysError::TooMany(rows));
        }
        for (place, (_, field)) in row.map_err(broken)?.into_columns().into_iter().enumerate() {
            let Some(column) = values.get_mut(place) else { continue };
            held += push(column, field).ok_or_else(|| KeysError::Parquet("a text is not UTF-8".to_owned()))?;
        }
        if held > MOST_BYTES {
            return Err(KeysError::TooLarge(held));
        }
    }
    Ok(values)
}

/// Adds a value and tells the bytes that it takes; nothing when it is not of the column's type.
fn push(column: &mut Values, field: Field) -> Option<usize> {
    match (column, field) {
        (Values::Integers(integers), Field::Null) => integers.push(None),
        (Values::Texts(texts), Field::Null) => texts.push(None),
        (Values::Integers(integers), Field::Long(integer)) => integers.push(Some(integer)),
        (Values::Texts(texts), Field::Str(text)) => {
            let length = text.len();
            texts.push(Some(text));
            return Some(length);
        }
        (Values::Texts(texts), Field::Bytes(bytes)) => {
            let text = String::from_utf8(bytes.data().to_vec()).ok()?;
            let length = text.len();
            texts.push(Some(text));
            return Some(length);
        }
        _ => return None,
    }
    Some(size_of::<i64>())
}

fn data_type(column: &ColumnDescriptor) -> Result<DataType, KeysError> {
    let flat = column.path().parts().len() == 1 && column.max_rep_level() == 0;
    let logical = column.logical_type_ref();
    match (column.physical_type(), column.converted_type()) {
        (Physical::INT64, ConvertedType::NONE | ConvertedType::INT_64)
            if flat && logical.is_none_or(|logical| matches!(logical, LogicalType::Integer { .. })) =>
        {
            Ok(DataType::Int64)
        }
        (Physical::BYTE_ARRAY, ConvertedType::UTF8) if flat => Ok(DataType::String),
        (Physical::BYTE_ARRAY, ConvertedType::NONE) if flat && matches!(logical, Some(LogicalType::String)) => {
            Ok(DataType::String)
        }
        _ => Err(KeysError::Column(column.name().chars().take(SAID).collect())),
    }
}

fn broken(error: ParquetError) -> KeysError {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default().trim_end_matches('.');
    KeysError::Parquet(line.chars().take(SAID).collect())
}

#[cfg(test)]
mod tests {
    use polars::prelude::{DataType as Polars, IntoColumn, NamedFrom, ParquetCompression, Series, TimeUnit, df};

    use super::*;

    fn keys() -> DataFrame {
        df!("flight" => [Some(0), Some(i64::MIN), None], "carrier" => [Some("ÜA"), None, Some("")]).unwrap()
    }

    fn file(keys: &DataFrame) -> Vec<u8> {
        offline_keys_to_file(keys).unwrap()
    }

    fn compressed(compression: ParquetCompression) -> Vec<u8> {
        let mut bytes = Vec::new();
        ParquetWriter::new(&mut bytes).with_compression(compression).finish(&mut keys()).unwrap();
        bytes
    }

    #[test]
    fn the_file_survives_the_round_trip_however_it_is_compressed() {
        assert!(offline_keys_from_file(file(&keys())).unwrap().equals_missing(&keys()));
        for compression in [ParquetCompression::Uncompressed, ParquetCompression::Snappy] {
            assert!(offline_keys_from_file(compressed(compression)).unwrap().equals_missing(&keys()));
        }
        let empty = keys().head(Some(0));
        assert!(offline_keys_from_file(file(&empty)).unwrap().equals_missing(&empty));
    }

    #[test]
    fn columns_that_are_no_keys_are_named() {
        let at = Series::new("at".into(), [1_i64]).cast(&Polars::Datetime(TimeUnit::Microseconds, None)).unwrap();
        let list = Series::new("list".into(), [Series::new("".into(), ["a"])]);
        let other = df!("f" => [1.0], "i" => [1_i32], "b" => [true], "u" => [1_u64]).unwrap();
        let columns = other.columns().iter().cloned().chain([at.into_column(), list.into_column()]);
        for column in columns {
            let name = column.name().to_string();
            let error = offline_keys_from_file(file(&DataFrame::new(1, vec![column]).unwrap())).unwrap_err();
            let found = if name == "list" { "element" } else { &name };
            assert_eq!(error, KeysError::Column(found.to_owned()));
        }
    }

    #[test]
    fn hostile_files_are_errors_and_never_more() {
        let good = file(&keys());
        for bad in [&b""[..], b"PAR1", b"PAR1PAR1", &[0xff; 200], &good[..good.len() - 1], &good[1..]] {
            assert!(matches!(offline_keys_from_file(bad.to_vec()), Err(KeysError::Parquet(_))), "{} bytes", bad.len());
        }
        // Without compression the bends reach what the pages say of themselves.
        for good in [good, compressed(ParquetCompression::Uncompressed)] {
            for (place, bend) in (0..good.len()).flat_map(|place| [0x55, 0xff, 0x80, 0x01].map(|bend| (place, bend))) {
                let mut bent = good.clone();
                bent[place] ^= bend;
                // Either an error, or keys that somebody could have sent.
                let _ = offline_keys_from_file(bent);
            }
        }
    }

    #[test]
    fn files_that_hold_too_much_are_refused() {
        let many = df!("flight" => vec![1_i64; MOST_KEYS + 1]).unwrap();
        assert_eq!(offline_keys_from_file(file(&many)), Err(KeysError::TooMany(MOST_KEYS + 1)));
        let long = df!("carrier" => vec!["x".repeat(100_000); 1_000]).unwrap();
        let bytes = file(&long);
        assert!(bytes.len() < MOST_BYTES / 10, "it is small as a file");
        assert!(matches!(offline_keys_from_file(bytes), Err(KeysError::TooLarge(_))));
    }
}
