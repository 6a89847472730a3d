//! Reading Parquet: judged by its footer before anything is decoded, then a group of rows at a time.
//!
//! A small file can hold a great many rows: what it takes in memory is counted from the footer first. Types that the
//! library panics on never reach it.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};

use polars::prelude::{
    ArrowDataType, Column, DataFrame, DataType, Field, ParquetReader, PolarsError, PolarsResult, SerReader,
};

use super::broken::Broken;
use super::kinds;
use crate::wire::parquet::{DEEPEST, nesting};

/// Reads a table whose values take at most `memory` bytes.
///
/// # Errors
/// When it is no such table, holds columns that cannot be read, or is too large.
pub(super) fn read(file: File, memory: u64) -> Result<DataFrame, Broken> {
    // A file that is damaged in the right place makes the library panic.
    let read = catch_unwind(AssertUnwindSafe(|| guarded(file, memory)));
    read.unwrap_or_else(|_| Err(Broken::of("its parts do not fit together")))
}

fn guarded(file: File, memory: u64) -> Result<DataFrame, Broken> {
    let failed = |error: PolarsError| Broken::library(&error);
    let again = || file.try_clone().map_err(|error| Broken::of(error.to_string()));
    let nested = nesting(&again()?).map_err(|error| Broken::of(format!("it cannot be read: {error}")))?;
    if nested.is_some_and(|depth| depth > DEEPEST) {
        return Err(Broken::unusable(format!("holds columns that are nested more than {DEEPEST} deep")));
    }
    let mut reader = ParquetReader::new(again()?);
    let footer = reader.get_metadata().map_err(failed)?.clone();
    let mut names: Vec<&str> = footer.schema_descr.fields().iter().map(|field| field.name()).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Broken::twice(None, pair[0]));
    }
    kinds::check(&again()?)?;
    let schema = reader.schema().map_err(failed)?;
    let mut stated = 0_u64;
    for group in &footer.row_groups {
        for (name, field) in schema.iter() {
            let bits = bits(&field.dtype);
            for chunk in group.columns_under_root_iter(name).into_iter().flatten() {
                let values = u64::try_from(chunk.num_values()).unwrap_or(0);
                let bytes = u64::try_from(chunk.uncompressed_size()).unwrap_or(0);
                stated = stated.saturating_add(bytes.max(values.saturating_mul(bits) / 8));
            }
        }
    }
    if stated > memory {
        let what = format!(
            "takes at least {} MiB in memory with its {} rows, more than the {} MiB allowed",
            stated >> 20,
            footer.num_rows,
            memory >> 20
        );
        return Err(Broken::unusable(what).fix("Use fewer rows or columns at a time."));
    }
    // A file without rows has its columns all the same.
    let mut whole = part(again()?, (0, 0)).map_err(failed)?;
    let mut from = 0;
    for rows in footer.row_groups.iter().map(|group| group.num_rows()).filter(|rows| *rows > 0) {
        whole.vstack_mut(&part(again()?, (from, rows)).map_err(failed)?).map_err(failed)?;
        if whole.estimated_size() as u64 > memory {
            return Err(Broken::too_large(whole.height(), memory));
        }
        from += rows;
    }
    Ok(whole)
}

/// Some rows, dictionaries as the text that they stand for.
fn part(file: File, rows: (usize, usize)) -> PolarsResult<DataFrame> {
    let part = ParquetReader::new(file).with_slice(Some(rows)).finish()?;
    let column = |column: &Column| match without_dictionary(column.dtype()) {
        Some(plain) => column.cast(&plain),
        None => Ok(column.clone()),
    };
    DataFrame::new(part.height(), part.columns().iter().map(column).collect::<PolarsResult<Vec<_>>>()?)
}

/// The type with text in the place of dictionaries; absent where there are none.
fn without_dictionary(dtype: &DataType) -> Option<DataType> {
    match dtype {
        found if found.is_categorical() || found.is_enum() => Some(DataType::String),
        DataType::List(item) => Some(DataType::List(Box::new(without_dictionary(item)?))),
        DataType::Array(item, width) => Some(DataType::Array(Box::new(without_dictionary(item)?), *width)),
        DataType::Struct(fields) => {
            let plain: Vec<Option<DataType>> = fields.iter().map(|field| without_dictionary(&field.dtype)).collect();
            if plain.iter().all(Option::is_none) {
                return None;
            }
            let field = |(field, plain): (&Field, Option<DataType>)| {
                Field::new(field.name.clone(), plain.unwrap_or_else(|| field.dtype.clone()))
            };
            Some(DataType::Struct(fields.iter().zip(plain).map(field).collect()))
        }
        _ => None,
    }
}

/// Bits that a value takes in memory at least; in a column with others inside, each of these.
fn bits(dtype: &ArrowDataType) -> u64 {
    use ArrowDataType as A;
    match dtype {
        A::Null | A::Boolean => 1,
        A::Int8 => 8,
        A::Int16 => 16,
        A::Int32 | A::UInt32 | A::Float32 | A::Date32 => 32,
        A::Decimal(..) | A::Utf8 | A::LargeUtf8 | A::Utf8View => 128,
        A::Binary | A::LargeBinary | A::BinaryView | A::FixedSizeBinary(_) => 128,
        A::List(_) | A::LargeList(_) | A::FixedSizeList(..) | A::Map(..) | A::Struct(_) => 1,
        _ => 64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::table::cell_json;

    /// A table that pyarrow wrote, its column `x` of the type that the name says: the first cell, or why it is not
    /// read.
    fn first_cell(name: &str) -> Result<String, String> {
        let path = format!("{}/tests/fixtures/parquet/{name}.parquet", env!("CARGO_MANIFEST_DIR"));
        let table = read(File::open(path).unwrap(), 1 << 20).map_err(|broken| broken.to_string())?;
        assert_eq!(table.height(), 2, "{name}");
        Ok(cell_json(table.column("x").unwrap(), 0).to_string())
    }

    #[test]
    fn every_type_is_read_or_refused_by_name() {
        for (name, cell) in [
            ("cat", "\"p\""),
            ("catlist", "[\"a\"]"),
            ("view", "\"p\""),
            ("dec", "\"1.10\""),
            ("u64", "\"18446744073709551615\""),
            ("int96", "\"2024-01-01T00:00:00Z\""),
            ("struct", "{\"a\":1,\"b\":\"x\"}"),
            ("map", "[{\"key\":\"a\",\"value\":1}]"),
            ("fsl", "[1,2]"),
            ("null", "null"),
            ("bin", "\"/wA=\""),
        ] {
            assert_eq!(first_cell(name).as_deref(), Ok(cell), "{name}");
        }
        for (name, word) in [
            ("u8", "uint8"),
            ("f16", "float16"),
            ("tzfix", "the time zone `+05:30`"),
            ("uuid", "of the extension type `arrow.uuid`"),
            ("json", "of the extension type `arrow.json`"),
            ("lview", "a list view: write it as a list"),
            ("dec256", "decimal"),
            ("catint", "a dictionary of values that are no text"),
        ] {
            let refusal = first_cell(name).unwrap_err();
            assert!(
                refusal.starts_with("it holds what cannot be read: column `x` is ") && refusal.contains(word),
                "{name}: {refusal}"
            );
        }
    }

    #[test]
    fn columns_that_are_nested_too_deep_are_refused_before_anything_recurses() {
        let refusal = first_cell("deep").unwrap_err();
        assert_eq!(refusal, "it holds columns that are nested more than 64 deep. Correct it and try again.");
    }

    #[test]
    fn what_a_file_takes_is_counted_from_its_footer() {
        let mut file = tempfile::tempfile().unwrap();
        let mut rows = polars::prelude::df!("k" => vec!["a"; 200_000], "n" => vec![0_i64; 200_000]).unwrap();
        polars::prelude::ParquetWriter::new(&mut file).finish(&mut rows).unwrap();
        assert!(file.metadata().unwrap().len() < 50_000);
        let refused = read(file.try_clone().unwrap(), 4 << 20).unwrap_err().to_string();
        assert_eq!(
            refused,
            "it takes at least 4 MiB in memory with its 200000 rows, more than the 4 MiB allowed. Use fewer rows or columns \
             at a time."
        );
        assert_eq!(read(file, 64 << 20).unwrap().height(), 200_000);
    }
}
