//! Polars columns as the model's types and values, and back.
//!
//! The only place that knows which Polars type stands for which word of the model.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use polars::prelude as pl;
use polars::prelude::{AnyValue, ChunkAgg, ChunkApply, Column, DataFrame, TimeUnit, TimeZone};

use crate::model::time::micros;
use crate::model::{DataType, Time, Value, Window};
use crate::wire::{table, typed};

/// Stored rows, in no particular order. Which files hold them is the store's business, reading them the engine's.
#[derive(Clone, Debug, Default)]
pub struct StoredRows {
    /// Parquet files of the columns and types of `frame`. Files of earlier versions lack columns that are not shown:
    /// these are null. Columns that only the paths tell are none.
    pub files: Vec<PathBuf>,
    /// Where there are no files, the rows.
    pub frame: DataFrame,
}

impl From<DataFrame> for StoredRows {
    fn from(frame: DataFrame) -> Self {
        Self { files: Vec::new(), frame }
    }
}

/// The Polars type of instants: microseconds, UTC.
pub fn timestamp_type() -> pl::DataType {
    pl::DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC))
}

/// The model's word for a Polars type; absent for types this program does not know.
pub fn data_type(polars: &pl::DataType) -> Option<DataType> {
    Some(match polars {
        pl::DataType::Boolean => DataType::Bool,
        pl::DataType::String => DataType::String,
        pl::DataType::Float32 | pl::DataType::Float64 => DataType::Float64,
        pl::DataType::Datetime(..) => DataType::Timestamp,
        pl::DataType::List(element) => DataType::Array(Box::new(data_type(element)?)),
        integer if integer.is_integer() && *integer != pl::DataType::UInt64 => DataType::Int64,
        _ => return None,
    })
}

/// The Polars type that holds a type of the model; absent for words this program does not know.
pub fn polars_type(data_type: &DataType) -> Option<pl::DataType> {
    typed::polars_type(data_type)
}

/// The column of exactly that name: `pl::col` takes `*` and `^...$` for patterns.
pub fn named(name: &str) -> pl::Expr {
    pl::Expr::Column(name.into())
}

/// The column in the one Polars type of its word: int64, float64, microseconds UTC; absent for types this program does
/// not know.
pub fn normal(name: &str, polars: &pl::DataType) -> Option<pl::Expr> {
    let wanted = polars_type(&data_type(polars)?)?;
    let column = named(name);
    Some(match polars {
        same if *same == wanted => column,
        // A time without a zone is UTC: the count since the epoch is kept.
        pl::DataType::Datetime(..) => column.dt().timestamp(TimeUnit::Microseconds).cast(wanted),
        _ => column.strict_cast(wanted),
    })
}

/// The instants that can be shown and computed with, in microseconds since 1970: the years -262143 to 262142.
pub const SHOWN_MICROS: RangeInclusive<i64> = -8_334_601_228_800_000_000..=8_210_266_876_799_999_999;

/// The sentence about an integer that is to stand among doubles and cannot.
pub fn inexact(integer: &str) -> String {
    format!("the integer {integer} is no double, as which other files of the source have the column")
}

/// A column of a source's file in the type that the source has. What does not fit it is an error that shows the value.
/// Polars reads it as `found`, which is what a file may have where the source has `wanted`.
///
/// # Errors
/// When it may not.
pub fn of_file(name: &str, found: &pl::DataType, wanted: &DataType) -> pl::PolarsResult<pl::Expr> {
    let column = pl::col(name);
    let other = || {
        let found = data_type(found).map_or_else(|| found.to_string(), |known| known.to_string());
        pl::polars_err!(SchemaMismatch: "column `{}` is {} in the file, where the source has {}", name, found, wanted)
    };
    let target = polars_type(wanted).ok_or_else(other)?;
    Ok(match (found, wanted) {
        (pl::DataType::Null, _) => pl::lit(pl::NULL).cast(target).alias(name),
        (pl::DataType::Datetime(unit, _), DataType::Timestamp) => in_micros(column, name, *unit),
        (same, _) if *same == target => column,
        (integer, DataType::Float64) if integer.is_integer() => {
            column.map(exact, |_, field| Ok(pl::Field::new(field.name().clone(), pl::DataType::Float64)))
        }
        (pl::DataType::Float32, DataType::Float64) => column.cast(target),
        (integer, DataType::Int64) if integer.is_integer() => column.strict_cast(target),
        (integer, DataType::Decimal(..)) if integer.is_integer() => column.strict_cast(target),
        (pl::DataType::Decimal(..), DataType::Decimal(..) | DataType::Int64 | DataType::Float64) => {
            column.strict_cast(target)
        }
        (pl::DataType::Categorical(..), DataType::String) => column.cast(target),
        (pl::DataType::List(_), DataType::Array(_)) if data_type(found).as_ref() == Some(wanted) => {
            column.strict_cast(target)
        }
        _ => return Err(other()),
    })
}

/// Instants in microseconds, UTC; parts of a microsecond are cut, to the earlier one. A time without a zone is UTC.
fn in_micros(column: pl::Expr, name: &str, unit: TimeUnit) -> pl::Expr {
    let name = name.to_owned();
    let scaled = move |column: Column| {
        let counts = column.to_physical_repr();
        let counts = counts.i64()?;
        let scale = if unit == TimeUnit::Milliseconds { 1_000 } else { 1 };
        let beyond = |at: i64| at.checked_mul(scale).is_none_or(|micros| !SHOWN_MICROS.contains(&micros));
        let edges = [counts.min(), counts.max()];
        if unit != TimeUnit::Nanoseconds && edges.into_iter().flatten().any(beyond) {
            let at = counts.iter().flatten().find(|at| beyond(*at)).unwrap_or_default();
            let unit = if scale == 1 { "microseconds" } else { "milliseconds" };
            pl::polars_bail!(
                ComputeError: "column `{}`: the time {} {} since 1970 is beyond what can be held, the years -262143 to 262142",
                name, at, unit
            );
        }
        let micros: pl::Int64Chunked = match unit {
            TimeUnit::Microseconds => counts.clone(),
            unit => counts.apply_values(|at| table::micros(at, unit)),
        };
        pl::IntoColumn::into_column(micros).cast(&timestamp_type())
    };
    column.map(scaled, |_, field| Ok(pl::Field::new(field.name().clone(), timestamp_type())))
}

/// Integers as doubles, each exactly.
fn exact(column: Column) -> pl::PolarsResult<Column> {
    let (name, doubles) = (column.name().clone(), column.strict_cast(&pl::DataType::Float64)?);
    let wide = column.strict_cast(&pl::DataType::Int64)?;
    for (integer, double) in wide.i64()?.iter().zip(doubles.f64()?.iter()) {
        if let (Some(integer), Some(double)) = (integer, double)
            && double as i128 != i128::from(integer)
        {
            pl::polars_bail!(ComputeError: "column `{}`: {}", name, inexact(&integer.to_string()));
        }
    }
    Ok(doubles)
}

/// The values of a column, top to bottom.
pub fn values(column: &Column) -> Vec<Value> {
    (0..column.len()).map(|row| table::cell(column, row)).collect()
}

/// The model's word for the type of a column, where there is one that means exactly this; else that of the library.
pub fn exact_word(column: &Column) -> String {
    let word = data_type(column.dtype()).filter(|word| polars_type(word).as_ref() == Some(column.dtype()));
    word.map_or_else(|| column.dtype().to_string(), |word| word.to_string())
}

/// The distinct rows of these columns, each where it stands first.
pub fn distinct<'a>(frame: &DataFrame, columns: impl IntoIterator<Item = &'a str>) -> pl::PolarsResult<DataFrame> {
    frame.select(columns)?.unique_stable(None, pl::UniqueKeepStrategy::First, None)
}

/// Whether a column holds instants, of whatever unit and zone.
pub fn is_time(column: &Column) -> bool {
    matches!(column.dtype(), pl::DataType::Datetime(..))
}

/// Instants of a timestamp column in microseconds; parts of a microsecond are cut, which no comparison with whole
/// microseconds notices.
pub fn micros_of(column: &Column) -> pl::PolarsResult<Vec<Option<i64>>> {
    let pl::DataType::Datetime(unit, _) = column.dtype().clone() else {
        pl::polars_bail!(SchemaMismatch: "column {} is not a timestamp", column.name());
    };
    Ok(column.to_physical_repr().i64()?.iter().map(|at| at.map(|at| table::micros(at, unit))).collect())
}

/// A column of that type holding the values.
pub fn column(name: &str, data_type: &DataType, values: &[Value]) -> pl::PolarsResult<Column> {
    let dtype = polars_type(data_type)
        .ok_or_else(|| pl::PolarsError::SchemaMismatch(format!("column {name}: type {data_type}").into()))?;
    let any = values.iter().map(|value| to_any(value, data_type)).collect::<pl::PolarsResult<Vec<_>>>()?;
    Ok(pl::Series::from_any_values_and_dtype(name.into(), &any, &dtype, true)?.into())
}

fn to_any(value: &Value, data_type: &DataType) -> pl::PolarsResult<AnyValue<'static>> {
    Ok(match (value, data_type) {
        (Value::Int(number), _) => AnyValue::Int64(*number),
        (Value::Float(number), _) => AnyValue::Float64(*number),
        (Value::Text(text), _) => AnyValue::StringOwned(text.as_str().into()),
        (Value::Bool(flag), _) => AnyValue::Boolean(*flag),
        (Value::Time(at), _) => {
            AnyValue::DatetimeOwned(micros(*at), TimeUnit::Microseconds, Some(TimeZone::UTC.into()))
        }
        (Value::List(items), DataType::Array(element)) => {
            AnyValue::List(column("", element, items)?.take_materialized_series())
        }
        _ => AnyValue::Null,
    })
}

/// The rows of the named columns as values; a column that is not there is an error naming it.
pub fn rows(frame: &DataFrame, names: &[&str]) -> pl::PolarsResult<Vec<Vec<Value>>> {
    let columns = names.iter().map(|name| Ok(values(frame.column(name)?))).collect::<pl::PolarsResult<Vec<_>>>()?;
    let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
    Ok((0..frame.height())
        .map(|_| columns.iter_mut().map(|column| column.next().unwrap_or(Value::Null)).collect())
        .collect())
}

/// A column of instants from microseconds.
pub fn instants(name: &str, micros: Vec<i64>) -> pl::PolarsResult<Column> {
    pl::IntoColumn::into_column(pl::Int64Chunked::from_vec(name.into(), micros)).cast(&timestamp_type())
}

/// Times of the column inside the window.
pub fn within(column: &str, window: Window) -> pl::Expr {
    let edge = |at: Time| pl::lit(pl::Scalar::new_datetime(micros(at), TimeUnit::Microseconds, Some(TimeZone::UTC)));
    named(column).gt_eq(edge(window.start)).and(named(column).lt(edge(window.end)))
}

/// A frame of these columns without rows.
pub fn empty(columns: &[(String, DataType)]) -> pl::PolarsResult<DataFrame> {
    let columns = columns.iter().map(|(name, data_type)| column(name, data_type, &[]));
    DataFrame::new(0, columns.collect::<pl::PolarsResult<Vec<_>>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::{from_micros, parse_time};

    #[test]
    fn the_instants_that_can_be_shown_are_those_of_the_calendar() {
        let edges = [*SHOWN_MICROS.start(), *SHOWN_MICROS.end()];
        for at in edges {
            assert_eq!(micros(from_micros(at)), at);
            assert_eq!(chrono::DateTime::from_timestamp_micros(at + at.signum()), None);
        }
    }

    #[test]
    fn values_survive_a_column() {
        let at = parse_time("2026-11-22T10:00:00.000001Z").unwrap();
        let text = |t: &str| Value::Text(t.to_owned());
        let cases = [
            (DataType::Int64, vec![Value::Int(-1), Value::Null, Value::Int(i64::MAX)]),
            (DataType::Float64, vec![Value::Float(0.5), Value::Null]),
            (DataType::String, vec![text("ä"), Value::Null, text("")]),
            (DataType::Bool, vec![Value::Bool(true), Value::Null]),
            (DataType::Timestamp, vec![Value::Time(at), Value::Null]),
            (
                DataType::Array(Box::new(DataType::String)),
                vec![Value::List(vec![text("a"), text("b")]), Value::List(vec![]), Value::Null],
            ),
        ];
        for (data_type, expected) in cases {
            let made = column("c", &data_type, &expected).unwrap();
            assert_eq!(values(&made), expected, "{data_type}");
            assert_eq!(super::data_type(made.dtype()), Some(data_type));
        }
    }
}
