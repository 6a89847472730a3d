//! CAST and TRY_CAST between columns: a value that does not fit is an error, or null where the cast is lenient.
//!
//! Spark 4's rules with ANSI on; pairs of types that Spark cannot cast are refused before ([`possible`]).

use polars::prelude::*;

use super::calendar;
use super::cells::{doubles, each, flags, height, longs, spread, texts};
use super::node::Node;
use super::number;
use super::types::Type;
use crate::model::clean;

/// Whether Spark has a cast between the types.
pub fn possible(from: &Type, to: &Type) -> bool {
    use Type::{Boolean, Byte, Date, Decimal, Int, Interval, List, Long, Null, Short, Struct, Text, Timestamp};
    match (from, to) {
        (_, Null | Decimal | Interval | Struct(_)) | (Interval | Struct(_), _) => false,
        (Null, _) => true,
        (List(a), List(b)) => possible(a, b),
        (List(_), _) | (_, List(_)) => false,
        (Date, to) => matches!(to, Date | Timestamp | Text),
        (Timestamp, to) => matches!(to, Date | Timestamp | Text | Long | Type::Double),
        (Byte | Short | Int | Long, Timestamp) => true,
        (_, Timestamp | Date) => *from == Text,
        (Boolean, _) => true,
        _ => true,
    }
}

/// Whether the cast of these arguments may meet a value that does not fit.
pub fn may_fail(args: &[Node], to: &Type) -> bool {
    let Some(from) = args.first().map(|node| &node.ty) else { return false };
    match (from, to) {
        (Type::Text, to) => *to != Type::Text,
        (from, to) if from.is_number() && to.is_integer() => from.is_float() || wider(from, to),
        (Type::List(a), Type::List(b)) => a != b,
        (Type::Timestamp, to) => to.is_integer(),
        (_, Type::Timestamp) => from.is_integer(),
        _ => false,
    }
}

fn wider(from: &Type, to: &Type) -> bool {
    from.bounds().zip(to.bounds()).is_none_or(|((low, _), (to_low, _))| low < to_low)
}

/// The column in the type. An error names the first value that does not fit.
pub fn column(column: &Column, from: &Type, to: &Type, lenient: bool) -> PolarsResult<Column> {
    let wanted = to.polars();
    let cast = match (from, to) {
        (Type::Text, to) => from_text(column, to)?,
        (from, Type::Text) => to_text(column, from)?,
        (Type::Timestamp, Type::Long) => seconds(column)?,
        (Type::Timestamp, Type::Double) => {
            let at = longs(column)?;
            each(std::slice::from_ref(column), |row| Ok(at.get(row).map(|at| at as f64 / 1e6)))?
        }
        (Type::Timestamp, Type::Date) => {
            let at = longs(column)?;
            let day = |row| Ok(at.get(row).map(|at| at.div_euclid(calendar::DAY) as i32));
            each(std::slice::from_ref(column), day)?
        }
        (from, Type::Timestamp) if from.is_integer() => {
            let seconds = longs(column)?;
            let micros = |row| Ok(seconds.get(row).and_then(|seconds| seconds.checked_mul(1_000_000)));
            each(std::slice::from_ref(column), micros)?
        }
        (from, Type::Boolean) if from.is_number() => {
            let number = doubles(column)?;
            each(std::slice::from_ref(column), |row| Ok(number.get(row).map(|number| number != 0.0)))?
        }
        (from, to) if from.is_float() && to.is_integer() => truncated(column, to)?,
        (Type::List(a), Type::List(b)) => return lists(column, a, b, lenient),
        _ => column.cast(&wanted)?,
    };
    let cast = if cast.dtype() == &wanted { cast } else { cast.cast(&wanted)? };
    if !lenient && cast.null_count() > column.null_count() {
        return Err(misfit(column, &cast, &wanted));
    }
    Ok(cast)
}

/// The error about the first value that became null.
fn misfit(before: &Column, after: &Column, wanted: &DataType) -> PolarsError {
    let lost = (0..before.len()).find(|row| {
        let is_null = |column: &Column| column.get(*row).map_or(true, |value| value.is_null());
        !is_null(before) && is_null(after)
    });
    let value = lost.and_then(|row| before.get(row).ok()).map(|value| match value {
        AnyValue::String(text) => format!("'{text}'"),
        other => other.to_string(),
    });
    let value = value.unwrap_or_default();
    polars_err!(ComputeError: "the value {} does not fit {}", super::refusal::quote(&clean::clean(&value)), wanted)
}

fn seconds(column: &Column) -> PolarsResult<Column> {
    let at = longs(column)?;
    each(std::slice::from_ref(column), |row| Ok(at.get(row).map(|at| at.div_euclid(1_000_000))))
}

/// Floats without their fraction; null where the integer type cannot hold them.
fn truncated(column: &Column, to: &Type) -> PolarsResult<Column> {
    let number = doubles(column)?;
    let (low, high) = to.bounds().unwrap_or((i64::MIN, i64::MAX));
    each(std::slice::from_ref(column), |row| {
        let whole = number.get(row).map(f64::trunc);
        // The upper bound of a bigint is no double: the next double above it is.
        let inside = |whole: &f64| *whole >= low as f64 && *whole < high as f64 + 1.0;
        Ok(whole.filter(inside).map(|whole| whole as i64))
    })
}

fn from_text(column: &Column, to: &Type) -> PolarsResult<Column> {
    let text = texts(column)?;
    let args = std::slice::from_ref(column);
    match to {
        Type::Boolean => each(args, |row| Ok(text.get(row).and_then(number::parse_flag))),
        Type::Float => each(args, |row| Ok(text.get(row).and_then(number::parse_double).map(|number| number as f32))),
        Type::Double => each(args, |row| Ok(text.get(row).and_then(number::parse_double))),
        Type::Date => each(args, |row| Ok(text.get(row).and_then(calendar::parse_date))),
        Type::Timestamp => each(args, |row| {
            let Some(text) = text.get(row) else { return Ok(None) };
            let at = calendar::parse_timestamp(text);
            let without_day = at.is_none()
                && calendar::parse_timestamp(&format!("1970-01-01T{}", text.trim().trim_start_matches('T'))).is_some()
                && text.contains(':');
            polars_ensure!(!without_day, ComputeError: "the text '{}' has no day, and Spark would take today", super::refusal::quote(text));
            Ok(at)
        }),
        Type::Text => Ok(column.clone()),
        _ => each(args, |row| Ok(text.get(row).and_then(number::parse_long))),
    }
}

fn to_text(column: &Column, from: &Type) -> PolarsResult<Column> {
    let args = std::slice::from_ref(column);
    match from {
        Type::Boolean => {
            let flag = flags(column)?;
            each(args, |row| Ok(flag.get(row).map(|flag| flag.to_string())))
        }
        Type::Float => {
            let number = doubles(column)?;
            each(args, |row| Ok(number.get(row).map(|number| number::print_float(number as f32))))
        }
        Type::Double => {
            let number = doubles(column)?;
            each(args, |row| Ok(number.get(row).map(number::print_double)))
        }
        Type::Date => {
            let day = longs(column)?;
            each(args, |row| Ok(day.get(row).map(|day| calendar::print_date(day as i32))))
        }
        Type::Timestamp => {
            let at = longs(column)?;
            each(args, |row| Ok(at.get(row).map(calendar::print_timestamp)))
        }
        Type::Null => Ok(Column::full_null(PlSmallStr::EMPTY, column.len(), &DataType::String)),
        _ => {
            let number = longs(column)?;
            each(args, |row| Ok(number.get(row).map(|number| number.to_string())))
        }
    }
}

/// Lists by their elements.
fn lists(column: &Column, from: &Type, to: &Type, lenient: bool) -> PolarsResult<Column> {
    let list = super::cells::lists(column)?;
    let column = spread(column, height(std::slice::from_ref(column)));
    let one = |row| {
        let Some(items) = list.get(row) else { return Ok(None) };
        let items = self::column(&items.into(), from, to, lenient)?;
        Ok(Some(items.take_materialized_series()))
    };
    let made: Vec<Option<Series>> = (0..column.len()).map(one).collect::<PolarsResult<_>>()?;
    list_column(made, to)
}

/// A column of lists of that element type.
pub fn list_column(lists: Vec<Option<Series>>, element: &Type) -> PolarsResult<Column> {
    let dtype = element.polars();
    let values: Vec<AnyValue<'_>> = lists.into_iter().map(|list| list.map_or(AnyValue::Null, AnyValue::List)).collect();
    let wanted = DataType::List(Box::new(dtype));
    Ok(Series::from_any_values_and_dtype(PlSmallStr::EMPTY, &values, &wanted, false)?.into())
}
