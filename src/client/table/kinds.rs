//! Which columns of a Parquet file can be read at all: judged by its footer, before anything is decoded.
//!
//! The library that decodes them panics on types that it was not built for, some already while it reads the schema. So
//! the footer is read by the library of the transaction log, and this is a list of what is known to work: a type that
//! nobody thought of is refused in words.

use std::fs::File;

use arrow_schema::{DataType as Arrow, Field};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};

use super::broken::Broken;
use crate::wire::parquet::{EXTENSION, zone_is_known};

/// Whether every column of the file can be read.
///
/// # Errors
/// When it is no Parquet file, or with the columns that cannot be read.
pub(super) fn check(file: &File) -> Result<(), Broken> {
    let footer = ArrowReaderMetadata::load(file, ArrowReaderOptions::new());
    let footer = footer.map_err(|error| Broken::library(&error))?;
    let why = |field: &Field| Some(format!("column `{}` is {}", field.name(), unreadable(field)?));
    let columns: Vec<String> = footer.schema().fields().iter().filter_map(|field| why(field)).collect();
    if columns.is_empty() {
        return Ok(());
    }
    let what = format!("holds what cannot be read: {}", columns.join("; "));
    Err(Broken::unusable(what).fix("Write these columns anew, or leave them out."))
}

/// Why a column of that type cannot be read, and what to write instead; absent where it can be.
fn unreadable(field: &Field) -> Option<String> {
    use Arrow as A;
    let write_as = |found: &str, instead: &str| Some(format!("{found}: write it as {instead}"));
    if let Some(name) = field.metadata().get(EXTENSION) {
        return write_as(&format!("of the extension type `{name}`"), "its plain storage type");
    }
    match field.data_type() {
        A::Null | A::Boolean => None,
        A::Int8 | A::Int16 | A::Int32 | A::Int64 | A::UInt32 | A::UInt64 | A::Float32 | A::Float64 => None,
        A::Date32 | A::Date64 | A::Time32(_) | A::Time64(_) | A::Duration(_) => None,
        A::Utf8 | A::LargeUtf8 | A::Utf8View | A::Binary | A::LargeBinary | A::BinaryView => None,
        A::FixedSizeBinary(_) => None,
        A::Decimal128(precision, scale) if *precision <= 38 && *scale >= 0 => None,
        A::Timestamp(_, None) => None,
        A::Timestamp(_, Some(zone)) if zone_is_known(zone) => None,
        A::Timestamp(_, Some(zone)) => {
            write_as(&format!("a timestamp in the time zone `{zone}`"), "a timestamp in UTC")
        }
        A::List(item) | A::LargeList(item) | A::FixedSizeList(item, _) | A::Map(item, _) => unreadable(item),
        A::Struct(fields) if fields.is_empty() => write_as("a struct without fields", "nothing at all"),
        A::Struct(fields) => fields.iter().find_map(|field| unreadable(field)),
        A::Dictionary(_, values) => match values.as_ref() {
            A::Utf8 | A::LargeUtf8 | A::Utf8View => None,
            _ => write_as("a dictionary of values that are no text", "plain values"),
        },
        A::UInt8 => write_as("uint8", "uint32 or int64"),
        A::UInt16 => write_as("uint16", "uint32 or int64"),
        A::Float16 => write_as("float16", "float32"),
        A::Decimal32(..) | A::Decimal64(..) | A::Decimal128(..) | A::Decimal256(..) => {
            write_as("a decimal that takes other than 128 bits", "a decimal of at most 38 digits or a float64")
        }
        A::Interval(_) => write_as("an interval", "a duration or a number"),
        A::ListView(_) | A::LargeListView(_) => write_as("a list view", "a list"),
        A::RunEndEncoded(..) => write_as("run-end encoded", "plain values"),
        A::Union(..) => write_as("a union", "one type"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use arrow_schema::TimeUnit;

    use super::*;

    #[test]
    fn what_the_library_panics_on_is_named_however_deep_it_lies() {
        let field = |data_type| Field::new("item", data_type, true);
        let item = |data_type| Arc::new(field(data_type));
        let at = |zone: &str| Arrow::Timestamp(TimeUnit::Microsecond, Some(zone.into()));
        for good in [
            Arrow::Null,
            Arrow::UInt64,
            Arrow::Decimal128(38, 2),
            Arrow::LargeList(item(Arrow::Utf8View)),
            Arrow::Struct(vec![field(Arrow::Date32)].into()),
            at("UTC"),
            at("+00:00"),
            at("Europe/Berlin"),
            Arrow::Timestamp(TimeUnit::Nanosecond, None),
        ] {
            assert_eq!(unreadable(&field(good.clone())), None, "{good:?}");
        }
        for (bad, expected) in [
            (at("+05:30"), "a timestamp in the time zone `+05:30`: write it as a timestamp in UTC"),
            (at("*"), "a timestamp in the time zone `*`: write it as a timestamp in UTC"),
            (Arrow::Float16, "float16: write it as float32"),
            (Arrow::LargeList(item(Arrow::UInt8)), "uint8: write it as uint32 or int64"),
            (Arrow::Struct(vec![field(Arrow::Float16)].into()), "float16: write it as float32"),
            (Arrow::Struct(Vec::<Field>::new().into()), "a struct without fields: write it as nothing at all"),
            (Arrow::ListView(item(Arrow::Int64)), "a list view: write it as a list"),
        ] {
            assert_eq!(unreadable(&field(bad.clone())).as_deref(), Some(expected), "{bad:?}");
        }
        let uuid = HashMap::from([(EXTENSION.to_owned(), "arrow.uuid".to_owned())]);
        let uuid = field(Arrow::FixedSizeBinary(16)).with_metadata(uuid);
        let expected = "of the extension type `arrow.uuid`: write it as its plain storage type";
        assert_eq!(unreadable(&field(Arrow::List(Arc::new(uuid)))).as_deref(), Some(expected));
    }
}
