//! What a Parquet file says of itself: its columns, and the least and greatest value of a time.
//!
//! It is read by the transaction log's library, before Polars sees the file: Polars panics on types that it was not
//! built with. Nothing that a footer states is believed where it would cost a row; no rows are read here.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use deltalake_core::arrow::datatypes::{DataType as Arrow, Field, Fields, Schema, TimeUnit};
use deltalake_core::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use deltalake_core::parquet::arrow::parquet_to_arrow_schema;
use deltalake_core::parquet::basic::{ConvertedType, LogicalType, Type as Physical};
use deltalake_core::parquet::file::metadata::ParquetMetaData;
use deltalake_core::parquet::file::statistics::Statistics;
use deltalake_core::parquet::schema::types::Type as Node;

use crate::model::foreign::short;
use crate::model::time::from_micros;
use crate::model::{DataType, Span, Window};
use crate::wire::parquet::{DEEPEST, EXTENSION, careful, nesting, zone_is_known};

/// What a column of a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// Nothing but nulls; it fits every type.
    Nothing,
    /// Values of a type that queries know.
    Values(DataType),
    /// Something that queries have no type for, in words.
    Unknown(String),
}

/// A column of a file.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub name: String,
    pub held: Held,
    /// Its place among the columns of the file.
    pub root: usize,
    /// Its type in the file.
    pub arrow: Arrow,
    /// Whether it is written as INT96, an instant of 96 bits.
    pub int96: bool,
    /// Whether Polars reads it as the type that it is here.
    direct: bool,
}

/// Event times that a file, or a part of it, holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Times {
    Unknown,
    Nothing,
    /// From the first to the second, both included, in microseconds.
    Between(i64, i64),
}

impl Times {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Nothing, other) | (other, Self::Nothing) => other,
            (Self::Between(a, b), Self::Between(c, d)) => Self::Between(a.min(c), b.max(d)),
        }
    }

    /// The window that holds them all; absent where that is not known. No times make an empty one.
    pub(crate) fn window(self) -> Option<Window> {
        match self {
            Self::Unknown => None,
            Self::Nothing => Some(Window { start: from_micros(0), end: from_micros(0) }),
            Self::Between(first, last) => Some(Window {
                start: from_micros(first),
                end: from_micros(last).checked_add_signed(Span::microseconds(1))?,
            }),
        }
    }
}

/// Opens a file of a source for reading. What is no plain file is not waited for: a pipe has a reader only once
/// somebody writes.
///
/// # Errors
/// When it cannot be opened, or is no plain file: what is wrong with it.
pub(crate) fn open(path: &Path) -> Result<File, String> {
    let at_once = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(at_once).open(path).map_err(|error| short(&error))?;
    let about = file.metadata().map_err(|error| short(&error))?;
    match about.file_type() {
        kind if kind.is_dir() => Err("it is a folder".to_owned()),
        kind if kind.is_file() => Ok(file),
        _ => Err("it is no plain file but a pipe, a socket or a device".to_owned()),
    }
}

/// What a file says of itself.
pub(crate) struct Footer {
    /// Its columns, in order. Two may have one name.
    pub columns: Vec<Found>,
    /// For its reading by the same library: plain types, INT96 in microseconds.
    pub metadata: ArrowReaderMetadata,
    /// Whether Polars can be shown its types.
    safe: bool,
}

impl Footer {
    /// Reads the footer of a file.
    ///
    /// # Errors
    /// When it is no Parquet file, or not whole: what is wrong with it.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        careful(|| Self::read_here(path))
    }

    fn read_here(path: &Path) -> Result<Self, String> {
        let file = open(path)?;
        let about = file.metadata().map_err(|error| short(&error))?;
        if about.len() == 0 {
            return Err("it is empty".to_owned());
        }
        // The library takes the depth from the file and recurses over it: some kilobytes would end the process.
        let deep = nesting(&file).map_err(|error| short(&error))?;
        if let Some(deep) = deep.filter(|deep| *deep > DEEPEST) {
            return Err(format!("its columns are nested {deep} levels deep, and at most {DEEPEST} are read"));
        }
        let plain = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let plain = ArrowReaderMetadata::load(&file, plain).map_err(|error| short(&error))?;
        check_places(plain.metadata(), about.len())?;
        let facts = plain.metadata().file_metadata();
        let hinted = parquet_to_arrow_schema(facts.schema_descr(), facts.key_value_metadata()).ok();
        let hinted = hinted.filter(|hinted| hinted.fields().len() == plain.schema().fields().len());
        let nodes = facts.schema_descr().root_schema().get_fields();
        let mut columns = Vec::new();
        for (root, (field, node)) in plain.schema().fields().iter().zip(nodes).enumerate() {
            // Where the hints cannot be read, nothing is given to Polars that would read them too.
            let hint = hinted.as_ref().and_then(|hinted| hinted.fields().get(root));
            columns.push(found(root, field, node, hint.unwrap_or(field)));
        }
        let hints = hinted.as_ref().is_some_and(|hinted| hinted.fields().iter().all(|field| is_safe(field)));
        let mut names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        names.sort_unstable();
        let twice = names.windows(2).any(|pair| pair.first() == pair.last());
        let metadata = widened(plain, &columns)?;
        Ok(Self { columns, metadata, safe: hints && !twice })
    }

    /// The column of that name; the error says that there are two.
    pub(crate) fn column(&self, name: &str) -> Result<Option<&Found>, String> {
        let mut found = self.columns.iter().filter(|column| column.name == name);
        match (found.next(), found.next()) {
            (Some(_), Some(_)) => Err(format!("column `{name}` comes twice")),
            (found, _) => Ok(found),
        }
    }

    /// Whether Polars can read these columns of the file, as the types that they have here.
    pub(crate) fn is_for_polars(&self, names: &[String]) -> bool {
        let direct = |column: &Found| column.direct || !names.contains(&column.name);
        self.safe && self.columns.iter().all(direct)
    }

    /// How many groups of rows it has.
    pub(crate) fn groups(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    /// The times of a column in all of the file.
    pub(crate) fn times(&self, column: &str) -> Times {
        (0..self.groups()).fold(Times::Nothing, |times, group| times.and(self.times_of(column, group)))
    }

    /// The times of a column in one group of rows. Rows without a time do not count.
    pub(crate) fn times_of(&self, column: &str, group: usize) -> Times {
        let Ok(found) = self.column(column) else { return Times::Unknown };
        let Some(found) = found else { return Times::Nothing };
        let Arrow::Timestamp(unit, _) = &found.arrow else { return Times::Unknown };
        let Some(group) = self.metadata.metadata().row_groups().get(group) else { return Times::Unknown };
        if group.num_rows() == 0 {
            return Times::Nothing;
        }
        let leaf = group.columns().iter().enumerate();
        let descr = self.metadata.parquet_schema();
        let mut leaf = leaf.filter(|(at, _)| descr.get_column_root_idx(*at) == found.root).map(|(_, chunk)| chunk);
        let Some(chunk) = leaf.next() else { return Times::Unknown };
        let Some(Statistics::Int64(stated)) = chunk.statistics() else { return Times::Unknown };
        match (stated.min_opt(), stated.max_opt()) {
            (Some(least), Some(greatest)) if least <= greatest => {
                Times::Between(in_micros(*least, *unit), in_micros(*greatest, *unit))
            }
            _ if stated.null_count_opt() == u64::try_from(chunk.num_values()).ok() => Times::Nothing,
            _ => Times::Unknown,
        }
    }
}

/// A count of a unit since 1970 as whole microseconds, rounded down; clamped, which only matters to bounds.
fn in_micros(at: i64, unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => at.saturating_mul(1_000_000),
        TimeUnit::Millisecond => at.saturating_mul(1_000),
        TimeUnit::Microsecond => at,
        TimeUnit::Nanosecond => at.div_euclid(1_000),
    }
}

/// Sees that what the footer names lies in the file: who reads takes its sizes at their word.
fn check_places(metadata: &ParquetMetaData, length: u64) -> Result<(), String> {
    for group in metadata.row_groups() {
        let rows = group.num_rows();
        if rows < 0 {
            return Err("its footer states less than no rows".to_owned());
        }
        for chunk in group.columns() {
            let (start, bytes) = chunk.byte_range();
            if start.checked_add(bytes).is_none_or(|end| end > length) {
                return Err("its footer names bytes behind its end: it is cut off or damaged".to_owned());
            }
            if chunk.column_descr().max_rep_level() == 0 && chunk.num_values() != rows {
                return Err("its footer states other numbers of rows for its columns".to_owned());
            }
        }
    }
    Ok(())
}

/// The metadata for reading, with instants of 96 bits in a unit that holds them.
fn widened(plain: ArrowReaderMetadata, columns: &[Found]) -> Result<ArrowReaderMetadata, String> {
    in_unit(&plain, columns, TimeUnit::Microsecond)
}

/// The same file, its instants of 96 bits in that unit.
pub(crate) fn in_unit(
    metadata: &ArrowReaderMetadata,
    columns: &[Found],
    unit: TimeUnit,
) -> Result<ArrowReaderMetadata, String> {
    if !columns.iter().any(|column| column.int96) {
        return Ok(metadata.clone());
    }
    let fields = metadata.schema().fields().iter().zip(columns);
    let fields: Vec<Arc<Field>> = fields
        .map(|(field, column)| match column.int96 {
            true => Arc::new(field.as_ref().clone().with_data_type(Arrow::Timestamp(unit, None))),
            false => Arc::clone(field),
        })
        .collect();
    let schema = Schema::new_with_metadata(Fields::from(fields), metadata.schema().metadata().clone());
    let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
    ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options).map_err(|error| short(&error))
}

fn found(root: usize, field: &Arc<Field>, node: &Arc<Node>, hint: &Arc<Field>) -> Found {
    let int96 = node.is_primitive() && node.get_physical_type() == Physical::INT96;
    let arrow = match int96 {
        true => Arrow::Timestamp(TimeUnit::Microsecond, None),
        false => field.data_type().clone(),
    };
    let held = match hint.data_type() {
        // Of these, the plain type would be taken for a number.
        Arrow::Duration(_) => Held::Unknown("a duration".to_owned()),
        Arrow::Date64 if *field.data_type() == Arrow::Int64 => Held::Unknown("a date in milliseconds".to_owned()),
        _ if is_uuid(node, hint) => Held::Values(DataType::String),
        _ if is_text(node) => Held::Values(DataType::String),
        _ if !int96 && has_int96(node) => Held::Unknown("a list or struct of INT96 times".to_owned()),
        _ => held(&arrow),
    };
    let direct = !int96 && !is_uuid(node, hint) && is_direct(&arrow, hint.data_type());
    Found { name: field.name().clone(), held, root, arrow, int96, direct }
}

fn has_int96(node: &Node) -> bool {
    match node.is_primitive() {
        true => node.get_physical_type() == Physical::INT96,
        false => node.get_fields().iter().any(|field| has_int96(field)),
    }
}

fn is_uuid(node: &Node, hint: &Field) -> bool {
    let stated = matches!(node.get_basic_info().logical_type_ref(), Some(LogicalType::Uuid));
    let hinted = hint.metadata().get(EXTENSION).is_some_and(|name| name == "arrow.uuid");
    (stated || hinted) && node.is_primitive() && node.get_physical_type() == Physical::FIXED_LEN_BYTE_ARRAY
}

/// Whether it is text by another name.
fn is_text(node: &Node) -> bool {
    let info = node.get_basic_info();
    let logical = matches!(info.logical_type_ref(), Some(LogicalType::Enum | LogicalType::Json));
    let converted = matches!(info.converted_type(), ConvertedType::ENUM | ConvertedType::JSON);
    node.is_primitive() && node.get_physical_type() == Physical::BYTE_ARRAY && (logical || converted)
}

/// What a column of an Arrow type holds.
fn held(arrow: &Arrow) -> Held {
    use Arrow as A;
    let inner = |element: &Field| match held(element.data_type()) {
        Held::Nothing => Ok(DataType::String),
        Held::Values(word) => Ok(word),
        Held::Unknown(word) => Err(word),
    };
    Held::Values(match arrow {
        A::Null => return Held::Nothing,
        A::Boolean => DataType::Bool,
        A::Int8 | A::Int16 | A::Int32 | A::Int64 | A::UInt8 | A::UInt16 | A::UInt32 => DataType::Int64,
        // As on Spark.
        A::UInt64 => DataType::Decimal(20, 0),
        A::Float16 | A::Float32 | A::Float64 => DataType::Float64,
        A::Utf8 | A::LargeUtf8 | A::Utf8View => DataType::String,
        A::Date32 | A::Date64 => DataType::Date,
        A::Timestamp(..) => DataType::Timestamp,
        A::Decimal32(p, s) | A::Decimal64(p, s) | A::Decimal128(p, s) if (0..=*p as i8).contains(s) => {
            DataType::Decimal(*p, s.unsigned_abs())
        }
        A::Dictionary(_, value) => return held(value),
        A::List(element)
        | A::LargeList(element)
        | A::ListView(element)
        | A::LargeListView(element)
        | A::FixedSizeList(element, _) => match inner(element) {
            Ok(word) => DataType::Array(Box::new(word)),
            Err(word) => return Held::Unknown(format!("a list of {word}")),
        },
        A::Struct(fields) => {
            let mut words = Vec::new();
            for field in fields {
                match inner(field) {
                    Ok(word) => words.push((field.name().clone(), word)),
                    Err(word) => return Held::Unknown(format!("a struct whose field `{}` is {word}", field.name())),
                }
            }
            DataType::Struct(words)
        }
        A::Binary | A::LargeBinary | A::BinaryView | A::FixedSizeBinary(_) => {
            return Held::Unknown("binary".to_owned());
        }
        A::Time32(_) | A::Time64(_) => return Held::Unknown("a time of day".to_owned()),
        A::Map(..) => return Held::Unknown("a map".to_owned()),
        A::Interval(_) => return Held::Unknown("an interval".to_owned()),
        other => return Held::Unknown(format!("{other}").to_lowercase()),
    })
}

/// Whether Polars reads the column as the type that it has here. Nested types only where nothing inside is to be
/// changed.
fn is_direct(plain: &Arrow, hint: &Arrow) -> bool {
    use Arrow as A;
    match (plain, hint) {
        (A::Utf8, A::Dictionary(_, value)) => matches!(value.as_ref(), A::Utf8 | A::LargeUtf8 | A::Utf8View),
        (_, A::Dictionary(..)) => false,
        (A::List(element) | A::LargeList(element), A::List(hint) | A::LargeList(hint)) => {
            let same = element.data_type() == hint.data_type() || matches!(hint.data_type(), A::LargeUtf8);
            same && matches!(
                element.data_type(),
                A::Boolean | A::Int8 | A::Int16 | A::Int32 | A::Int64 | A::Float32 | A::Float64 | A::Utf8
            )
        }
        _ => matches!(
            plain,
            A::Null
                | A::Boolean
                | A::Int8
                | A::Int16
                | A::Int32
                | A::Int64
                | A::UInt32
                | A::UInt64
                | A::Float32
                | A::Float64
                | A::Utf8
                | A::Date32
                | A::Timestamp(..)
                | A::Decimal128(..)
        ),
    }
}

/// Whether Polars can be told of the field without a panic.
fn is_safe(field: &Field) -> bool {
    use Arrow as A;
    let plain = |metadata: &HashMap<String, String>| {
        metadata.keys().all(|key| key != EXTENSION && !key.starts_with("_PL_") && !key.starts_with("pl"))
    };
    let inner = |data_type: &Arrow| match data_type {
        A::Null | A::Boolean | A::Int8 | A::Int16 | A::Int32 | A::Int64 => true,
        A::UInt8 | A::UInt16 | A::UInt32 | A::UInt64 | A::Float32 | A::Float64 => true,
        A::Utf8 | A::LargeUtf8 | A::Utf8View | A::Binary | A::LargeBinary | A::BinaryView => true,
        A::FixedSizeBinary(_) | A::Date32 => true,
        A::Decimal128(precision, scale) => *precision <= 38 && *scale >= 0,
        A::Timestamp(_, None) => true,
        A::Timestamp(_, Some(zone)) => zone_is_known(zone),
        A::List(element) | A::LargeList(element) => is_safe(element),
        A::Struct(fields) => !fields.is_empty() && fields.iter().all(|field| is_safe(field)),
        A::Dictionary(_, value) => matches!(value.as_ref(), A::Utf8 | A::LargeUtf8 | A::Utf8View),
        _ => false,
    };
    plain(field.metadata()) && inner(field.data_type())
}

#[cfg(test)]
mod tests;
