//! Reading what Polars cannot read, or reads wrongly: types that it was not built with, and instants of 96 bits.
//!
//! The transaction log's library reads the columns, turns each value into the type that the source has, and hands them
//! over. A value that does not fit its type is an error that shows it, never another value.

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use deltalake_core::arrow::array::{
    Array, ArrayRef, AsArray, ListArray, RecordBatch, StringArray, StructArray, TimestampMicrosecondArray,
    new_null_array,
};
use deltalake_core::arrow::compute::{CastOptions, cast_with_options};
use deltalake_core::arrow::datatypes::{
    DataType as Arrow, Field, Fields, Float64Type, Int64Type, Schema, TimeUnit, TimestampMicrosecondType,
    TimestampSecondType,
};
use deltalake_core::arrow::ipc::writer::StreamWriter;
use deltalake_core::parquet::arrow::ProjectionMask;
use deltalake_core::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use polars::prelude::{DataFrame, IpcStreamReader, SerReader};

use super::footer::{Footer, Found, Times, in_unit, open};
use super::schema;
use crate::model::foreign::short;
use crate::model::time::micros;
use crate::model::{DataType, Window};
use crate::platform::compute::MEMORY;
use crate::platform::frame::SHOWN_MICROS;
use crate::wire::parquet::careful;

const BATCH: usize = 1 << 16;

/// The columns of a file in the types that are wanted, where these can be; those that it lacks are null. With a window,
/// groups of rows are left out that hold no event of it; single rows stay.
///
/// # Errors
/// When it cannot be read, or a value does not fit: what happened, to which column.
pub(super) fn read(
    path: &Path,
    footer: &Footer,
    wanted: &[(String, DataType)],
    window: Option<(&str, Window)>,
) -> Result<DataFrame, String> {
    careful(|| read_here(path, footer, wanted, window))
}

fn read_here(
    path: &Path,
    footer: &Footer,
    wanted: &[(String, DataType)],
    window: Option<(&str, Window)>,
) -> Result<DataFrame, String> {
    let groups = groups(footer, window);
    let mut columns: Vec<(&Found, &DataType)> = Vec::new();
    for (name, word) in wanted {
        if let Some(found) = footer.column(name)? {
            columns.push((found, word));
        }
    }
    columns.sort_by_key(|(found, _)| found.root);
    let fields: Vec<Field> = columns.iter().map(|(found, word)| field(&found.name, word)).collect::<Result<_, _>>()?;
    let schema = Arc::new(Schema::new(fields));
    let mut batches = Batches::open(path, footer, &columns, &groups, TimeUnit::Microsecond)?;
    let mut seconds = match columns.iter().any(|(found, _)| found.int96) {
        true => Some(Batches::open(path, footer, &columns, &groups, TimeUnit::Second)?),
        false => None,
    };
    let mut writer = StreamWriter::try_new(Vec::new(), &schema).map_err(|error| short(&error))?;
    let (mut held, mut rows) = (0_u64, 0);
    while let Some(batch) = batches.next()? {
        let coarse = seconds.as_mut().map(Batches::next).transpose()?.flatten();
        rows += batch.num_rows();
        held = held.saturating_add(batch.get_array_memory_size() as u64);
        if held > MEMORY {
            let most = MEMORY >> 20;
            return Err(format!(
                "its types are such that it is read as a whole, and its rows take more than {most} MiB: write it as smaller files"
            ));
        }
        if columns.is_empty() {
            continue;
        }
        let mut arrays = Vec::with_capacity(columns.len());
        for (at, (found, _)) in columns.iter().enumerate() {
            let named = |problem: String| format!("column `{}`: {problem}", found.name);
            if let Some(coarse) = coarse.as_ref().filter(|_| found.int96) {
                check_int96(batch.column(at), coarse.column(at)).map_err(named)?;
            }
            let target = schema.field(at).data_type();
            arrays.push(converted(batch.column(at), target).map_err(named)?);
        }
        let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).map_err(|error| short(&error))?;
        writer.write(&batch).map_err(|error| short(&error))?;
    }
    let frame = if columns.is_empty() {
        DataFrame::new(rows, Vec::new()).map_err(|error| short(&error))?
    } else {
        let bytes = writer.into_inner().map_err(|error| short(&error))?;
        IpcStreamReader::new(Cursor::new(bytes)).finish().map_err(|error| short(&error))?
    };
    schema::with_all(frame, wanted).map_err(|error| short(&error))
}

/// The groups of rows that may hold an event of the window.
fn groups(footer: &Footer, window: Option<(&str, Window)>) -> Vec<usize> {
    let apart = |group: usize| {
        window.is_some_and(|(time, window)| match footer.times_of(time, group) {
            Times::Unknown => false,
            Times::Nothing => true,
            Times::Between(first, last) => last < micros(window.start) || first >= micros(window.end),
        })
    };
    (0..footer.groups()).filter(|group| !apart(*group)).collect()
}

/// The batches of some columns of a file.
struct Batches(ParquetRecordBatchReader);

impl Batches {
    fn open(
        path: &Path,
        footer: &Footer,
        columns: &[(&Found, &DataType)],
        groups: &[usize],
        unit: TimeUnit,
    ) -> Result<Self, String> {
        let file = open(path)?;
        let metadata: ArrowReaderMetadata = in_unit(&footer.metadata, &footer.columns, unit)?;
        let roots = columns.iter().map(|(found, _)| found.root);
        let mask = ProjectionMask::roots(metadata.parquet_schema(), roots);
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
        let builder = builder.with_projection(mask).with_row_groups(groups.to_vec()).with_batch_size(BATCH);
        builder.build().map(Self).map_err(|error| short(&error))
    }

    fn next(&mut self) -> Result<Option<RecordBatch>, String> {
        self.0.next().transpose().map_err(|error| short(&error))
    }
}

/// Sees that the instants of a column are what the file holds. The library makes 64 bits of 96 and says nothing of what
/// does not fit; the seconds always fit.
fn check_int96(micros: &ArrayRef, seconds: &ArrayRef) -> Result<(), String> {
    let (Some(micros), Some(seconds)) =
        (micros.as_primitive_opt::<TimestampMicrosecondType>(), seconds.as_primitive_opt::<TimestampSecondType>())
    else {
        return Err("its INT96 times are not read as times".to_owned());
    };
    for (at, second) in micros.iter().zip(seconds) {
        let (Some(at), Some(second)) = (at, second) else { continue };
        // Both are cut towards zero where a file has a negative time of day.
        if at.div_euclid(1_000_000).abs_diff(second) > 1 {
            return Err(beyond(&format!("{second} seconds since 1970")));
        }
    }
    Ok(())
}

fn beyond(shown: &str) -> String {
    format!("the time {shown} is beyond what can be held, the years -262143 to 262142")
}

fn field(name: &str, word: &DataType) -> Result<Field, String> {
    Ok(Field::new(name, arrow(word).ok_or_else(|| format!("column `{name}` is to be {word}"))?, true))
}

/// The Arrow type that holds a type of the model.
fn arrow(word: &DataType) -> Option<Arrow> {
    Some(match word {
        DataType::Int64 => Arrow::Int64,
        DataType::Float64 => Arrow::Float64,
        DataType::String => Arrow::Utf8,
        DataType::Bool => Arrow::Boolean,
        DataType::Timestamp => Arrow::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        DataType::Date => Arrow::Date32,
        DataType::Decimal(precision, scale) => Arrow::Decimal128(*precision, i8::try_from(*scale).ok()?),
        DataType::Array(element) => Arrow::List(Arc::new(Field::new("item", arrow(element)?, true))),
        DataType::Struct(fields) => {
            let fields = fields.iter().map(|(name, word)| field(name, word).ok());
            Arrow::Struct(Fields::from(fields.collect::<Option<Vec<_>>>()?))
        }
        DataType::Other(_) => return None,
    })
}

/// The values in another type; what does not fit it is an error that shows the value.
fn converted(array: &ArrayRef, target: &Arrow) -> Result<ArrayRef, String> {
    match (array.data_type(), target) {
        (Arrow::Timestamp(unit, _), Arrow::Timestamp(..)) => instants(array, *unit),
        (same, target) if same == target => Ok(Arc::clone(array)),
        (Arrow::Null, target) => Ok(new_null_array(target, array.len())),
        (Arrow::FixedSizeBinary(16), Arrow::Utf8) => uuids(array),
        (integer, Arrow::Float64) if integer.is_integer() => doubles(array),
        (Arrow::Struct(_), Arrow::Struct(fields)) => {
            let array = array.as_struct_opt().ok_or("it is no struct")?;
            let column = |field: &Arc<Field>| match array.column_by_name(field.name()) {
                Some(column) => converted(column, field.data_type()),
                None => Ok(new_null_array(field.data_type(), array.len())),
            };
            let columns = fields.iter().map(column).collect::<Result<Vec<_>, _>>()?;
            let made = StructArray::try_new_with_length(fields.clone(), columns, array.nulls().cloned(), array.len());
            Ok(Arc::new(made.map_err(|error| short(&error))?))
        }
        (
            Arrow::List(element)
            | Arrow::LargeList(element)
            | Arrow::ListView(element)
            | Arrow::LargeListView(element)
            | Arrow::FixedSizeList(element, _),
            Arrow::List(wanted),
        ) => {
            let plain = cast(array, &Arrow::List(Arc::clone(element)))?;
            let plain = plain.as_list_opt::<i32>().ok_or("it is no list")?;
            let values = converted(plain.values(), wanted.data_type())?;
            let made = ListArray::try_new(Arc::clone(wanted), plain.offsets().clone(), values, plain.nulls().cloned());
            Ok(Arc::new(made.map_err(|error| short(&error))?))
        }
        (found, target) if fits(found, target) => cast(array, target),
        (found, target) => Err(format!("it is {found} in the file, where the source has {target}")),
    }
}

/// Whether a cast keeps every value or refuses it. Text is never made of numbers, nor numbers of text.
fn fits(found: &Arrow, target: &Arrow) -> bool {
    use Arrow as A;
    match target {
        A::Int64 => found.is_integer() || found.is_decimal(),
        A::Float64 => found.is_floating() || found.is_decimal(),
        A::Utf8 => {
            matches!(found, A::LargeUtf8 | A::Utf8View | A::Binary | A::LargeBinary | A::BinaryView | A::Dictionary(..))
        }
        A::Date32 => matches!(found, A::Date64),
        A::Decimal128(..) => {
            found.is_integer() || matches!(found, A::Decimal32(..) | A::Decimal64(..) | A::Decimal128(..))
        }
        _ => false,
    }
}

fn cast(array: &ArrayRef, target: &Arrow) -> Result<ArrayRef, String> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(array, target, &strict).map_err(|error| short(&error))
}

fn instants(array: &ArrayRef, unit: TimeUnit) -> Result<ArrayRef, String> {
    let raw = cast(array, &Arrow::Int64)?;
    let raw = raw.as_primitive_opt::<Int64Type>().ok_or("its times are no numbers")?;
    let mut made = Vec::with_capacity(raw.len());
    for at in raw.iter() {
        let scaled = at.map(|at| {
            let scaled = match unit {
                TimeUnit::Second => at.checked_mul(1_000_000),
                TimeUnit::Millisecond => at.checked_mul(1_000),
                TimeUnit::Microsecond => Some(at),
                TimeUnit::Nanosecond => Some(at.div_euclid(1_000)),
            };
            let unit = match unit {
                TimeUnit::Second => "seconds",
                TimeUnit::Millisecond => "milliseconds",
                TimeUnit::Microsecond => "microseconds",
                TimeUnit::Nanosecond => "nanoseconds",
            };
            scaled
                .filter(|micros| SHOWN_MICROS.contains(micros))
                .ok_or_else(|| beyond(&format!("{at} {unit} since 1970")))
        });
        made.push(scaled.transpose()?);
    }
    Ok(Arc::new(TimestampMicrosecondArray::from(made).with_timezone("UTC")))
}

fn doubles(array: &ArrayRef) -> Result<ArrayRef, String> {
    let doubles = cast(array, &Arrow::Float64)?;
    let back = doubles.as_primitive_opt::<Float64Type>().ok_or("its numbers are no doubles")?;
    let wide = cast(array, &Arrow::Decimal128(20, 0))?;
    let wide = wide.as_primitive_opt::<deltalake_core::arrow::datatypes::Decimal128Type>().ok_or("no numbers")?;
    for (double, integer) in back.iter().zip(wide.iter()) {
        if let (Some(double), Some(integer)) = (double, integer)
            && double as i128 != integer
        {
            return Err(crate::platform::frame::inexact(&integer.to_string()));
        }
    }
    Ok(doubles)
}

fn uuids(array: &ArrayRef) -> Result<ArrayRef, String> {
    let bytes = array.as_fixed_size_binary_opt().ok_or("it is not of a fixed size")?;
    let text = bytes.iter().map(|bytes| {
        let bytes: [u8; 16] = bytes?.try_into().ok()?;
        Some(uuid::Uuid::from_bytes(bytes).hyphenated().to_string())
    });
    Ok(Arc::new(text.collect::<StringArray>()))
}
