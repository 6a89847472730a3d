//! CAST and TRY_CAST between columns: a value that does not fit is an error, or null where the cast is lenient.
//!
//! Spark 4's rules with ANSI on; pairs of types that Spark cannot cast are refused before ([`possible`]).

use polars::prelude::*;

use super::cells::{decimals, doubles, each, each_decimal, flags, height, longs, spread, texts};
use super::decimal::{self, Size};
use super::node::Node;
use super::types::Type;
use super::{calendar, number};
use crate::model::clean;

/// Whether Spark has a cast between the types.
pub(super) fn possible(from: &Type, to: &Type) -> bool {
    use Type::{Boolean, Date, Interval, List, Map, Null, Struct, Text, Timestamp};
    match (from, to) {
        (same, also) if same == also => true,
        (_, Null | Interval) | (Interval, _) => false,
        (Null, _) => true,
        (List(a), List(b)) => possible(a, b),
        (Map(a, x), Map(b, y)) => possible(a, b) && possible(x, y),
        (List(_) | Map(..) | Struct(_), _) | (_, List(_) | Map(..) | Struct(_)) => false,
        (Date, to) => matches!(to, Timestamp | Text),
        (Timestamp, to) => matches!(to, Date | Text) || to.is_number(),
        (from, Timestamp) => from.is_number() || *from == Text,
        (from, Date) => *from == Text,
        (Boolean, _) => true,
        _ => true,
    }
}

/// Whether the cast of these arguments may meet a value that does not fit.
pub(super) fn may_fail(args: &[Node], to: &Type) -> bool {
    args.first().is_some_and(|node| may_misfit(&node.ty, to))
}

fn may_misfit(from: &Type, to: &Type) -> bool {
    match (from, to) {
        (same, also) if same == also => false,
        (Type::Text, to) => *to != Type::Text,
        (Type::Timestamp, to) => to.is_integer() || to.is_decimal(),
        (from, Type::Timestamp) => from.is_number(),
        (Type::Boolean, Type::Decimal(precision, scale)) => precision == scale,
        (from, Type::Decimal(precision, scale)) if from.is_number() => {
            from.digits().is_none_or(|(from, digits)| !holds((*precision, *scale), (from, digits)))
        }
        (from, to) if from.is_number() && to.is_integer() => !from.is_integer() || wider(from, to),
        (Type::List(a), Type::List(b)) => may_misfit(a, b),
        (Type::Map(a, x), Type::Map(b, y)) => may_misfit(a, b) || may_misfit(x, y),
        _ => false,
    }
}

/// Whether decimals of a size hold all of another one, rounded if need be.
fn holds(to: Size, from: Size) -> bool {
    let (whole, wanted) = (to.0 - to.1, from.0 - from.1);
    // Rounding may carry into one digit more.
    whole > wanted || (whole == wanted && to.1 >= from.1)
}

fn wider(from: &Type, to: &Type) -> bool {
    from.bounds().zip(to.bounds()).is_none_or(|((low, _), (to_low, _))| low < to_low)
}

/// The column in the type. An error names the first value that does not fit.
pub(super) fn column(column: &Column, from: &Type, to: &Type, lenient: bool) -> PolarsResult<Column> {
    let wanted = to.polars();
    if column.dtype() == &wanted {
        return Ok(column.clone());
    }
    let args = std::slice::from_ref(column);
    let cast = match (from, to) {
        (Type::Null, _) => Column::full_null(PlSmallStr::EMPTY, column.len(), &wanted),
        (Type::Decimal(..), to) if *to != Type::Text => from_decimal(column, to)?,
        (from, Type::Decimal(precision, scale)) => to_decimal(column, from, (*precision, *scale))?,
        (Type::Text, to) => from_text(column, to)?,
        (from, Type::Text) => to_text(column, from)?,
        (Type::Timestamp, Type::Double | Type::Float) => {
            let at = longs(column)?;
            each(args, |row| Ok(at.get(row).map(|at| at as f64 / 1e6)))?
        }
        (Type::Timestamp, to) if to.is_integer() => {
            let (at, (low, high)) = (longs(column)?, to.bounds().unwrap_or((i64::MIN, i64::MAX)));
            let seconds = |at: i64| at.div_euclid(1_000_000);
            each(args, |row| Ok(at.get(row).map(seconds).filter(|seconds| (low..=high).contains(seconds))))?
        }
        (Type::Timestamp, Type::Date) => {
            let at = longs(column)?;
            each(args, |row| Ok(at.get(row).map(|at| at.div_euclid(calendar::DAY) as i32)))?
        }
        (from, Type::Timestamp) if from.is_integer() => {
            let seconds = longs(column)?;
            let micros = |seconds: i64| instant(i128::from(seconds) * 1_000_000, seconds);
            each(args, |row| seconds.get(row).map(micros).transpose())?
        }
        (from, Type::Timestamp) if from.is_float() => {
            let seconds = doubles(column)?;
            each(args, |row| match seconds.get(row).filter(|seconds| seconds.is_finite()) {
                // The fraction is cut towards 1970, as Spark does.
                Some(seconds) => instant((seconds * 1e6).trunc() as i128, seconds).map(Some),
                None => Ok(None),
            })?
        }
        (from, Type::Boolean) if from.is_number() => {
            let number = doubles(column)?;
            each(args, |row| Ok(number.get(row).map(|number| number != 0.0)))?
        }
        (from, to) if from.is_float() && to.is_integer() => truncated(column, to)?,
        (Type::List(a), Type::List(b)) => return lists(column, a, b, lenient),
        (Type::Map(a, x), Type::Map(b, y)) => return entries(column, (a, x), (b, y), lenient),
        _ => column.cast(&wanted)?,
    };
    let cast = if cast.dtype() == &wanted { cast } else { cast.cast(&wanted)? };
    if !lenient && cast.null_count() > column.null_count() {
        return Err(misfit(column, &cast, &wanted));
    }
    Ok(cast)
}

/// The instant, or the error about the value that lies outside of the years of the dialect: that is never null.
pub(super) fn instant(micros: i128, of: impl std::fmt::Display) -> PolarsResult<i64> {
    calendar::within(micros).ok_or_else(|| beyond("the instant", of))
}

/// The error about a date or an instant outside of the years of the dialect.
pub(super) fn beyond(what: &str, of: impl std::fmt::Display) -> PolarsError {
    let of = super::refusal::quote(&of.to_string());
    polars_err!(ComputeError: "{} of {} {}", what, of, calendar::OUTSIDE)
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
        Type::Date => each(args, |row| {
            let Some((text, day)) = text.get(row).and_then(|text| Some((text, calendar::parse_date(text)?))) else {
                return Ok(None);
            };
            calendar::written_day(day).map(Some).ok_or_else(|| beyond("the date", text))
        }),
        Type::Timestamp => each(args, |row| {
            let Some(text) = text.get(row) else { return Ok(None) };
            let at = calendar::parse_timestamp(text);
            let without_day = at.is_none()
                && calendar::parse_timestamp(&format!("1970-01-01T{}", text.trim().trim_start_matches('T'))).is_some()
                && text.contains(':');
            polars_ensure!(!without_day, ComputeError: "the text '{}' has no day, and Spark would take today", super::refusal::quote(text));
            at.map(|at| instant(at.into(), text)).transpose()
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
        Type::Decimal(..) => {
            let (number, (_, scale)) = decimals(column)?;
            each(args, |row| Ok(number.get(row).map(|number| decimal::print(number, scale))))
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

/// Decimals as something else; null where that cannot hold them.
fn from_decimal(column: &Column, to: &Type) -> PolarsResult<Column> {
    let args = std::slice::from_ref(column);
    let (number, (_, scale)) = decimals(column)?;
    match to {
        Type::Decimal(precision, to) => {
            let size = (*precision, *to);
            each_decimal(args, size, |row| Ok(number.get(row).and_then(|number| decimal::resize(number, scale, size))))
        }
        Type::Boolean => each(args, |row| Ok(number.get(row).map(|number| number != 0))),
        Type::Timestamp => each(args, |row| {
            let Some(number) = number.get(row) else { return Ok(None) };
            let shown = decimal::print(number, scale);
            let micros = decimal::calculate("*", (number, scale), (1_000_000, 0), (decimal::MOST, scale));
            instant(micros.map_or(i128::MAX, |micros| cut(micros, scale)), shown).map(Some)
        }),
        to if to.is_integer() => {
            let (low, high) = to.bounds().unwrap_or((i64::MIN, i64::MAX));
            each(args, |row| {
                let whole = number.get(row).and_then(|number| i64::try_from(cut(number, scale)).ok());
                Ok(whole.filter(|whole| (low..=high).contains(whole)))
            })
        }
        _ => each(args, |row| Ok(number.get(row).map(|number| decimal::to_double(number, scale)))),
    }
}

/// A decimal without its fraction.
fn cut(number: i128, scale: u8) -> i128 {
    10_i128.checked_pow(scale.into()).map_or(0, |unit| number / unit)
}

/// Decimals of something else; null where they cannot hold it.
fn to_decimal(column: &Column, from: &Type, size: Size) -> PolarsResult<Column> {
    let args = std::slice::from_ref(column);
    match from {
        Type::Text => {
            let text = texts(column)?;
            each_decimal(args, size, |row| Ok(text.get(row).and_then(|text| decimal::parse(number::trim(text), size))))
        }
        Type::Timestamp => {
            let at = longs(column)?;
            each_decimal(args, size, |row| Ok(at.get(row).and_then(|at| decimal::from_double(at as f64 / 1e6, size))))
        }
        from if from.is_float() => {
            let number = doubles(column)?;
            each_decimal(args, size, |row| Ok(number.get(row).and_then(|number| decimal::from_double(number, size))))
        }
        _ => {
            let number = longs(column)?;
            each_decimal(args, size, |row| {
                Ok(number.get(row).and_then(|number| decimal::resize(number.into(), 0, size)))
            })
        }
    }
}

/// Maps by their keys and values.
fn entries(column: &Column, from: (&Type, &Type), to: (&Type, &Type), lenient: bool) -> PolarsResult<Column> {
    let list = super::cells::lists(column)?;
    let one = |row| {
        let Some(items) = list.get(row) else { return Ok(None) };
        let mut fields = Vec::new();
        for (field, (from, to)) in items.struct_()?.fields_as_series().into_iter().zip([(from.0, to.0), (from.1, to.1)])
        {
            let name = field.name().clone();
            fields.push(self::column(&field.into(), from, to, lenient)?.take_materialized_series().with_name(name));
        }
        let made = StructChunked::from_series(PlSmallStr::EMPTY, items.len(), fields.iter())?;
        Ok(Some(made.into_series()))
    };
    let made: Vec<Option<Series>> = (0..column.len()).map(one).collect::<PolarsResult<_>>()?;
    let Type::List(entry) =
        Type::of(&Type::Map(Box::new(to.0.clone()), Box::new(to.1.clone())).polars()).unwrap_or(Type::Null)
    else {
        polars_bail!(ComputeError: "a map without entries");
    };
    list_column(made, &entry)
}

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
pub(super) fn list_column(lists: Vec<Option<Series>>, element: &Type) -> PolarsResult<Column> {
    let dtype = element.polars();
    let values: Vec<AnyValue<'_>> = lists.into_iter().map(|list| list.map_or(AnyValue::Null, AnyValue::List)).collect();
    let wanted = DataType::List(Box::new(dtype));
    Ok(Series::from_any_values_and_dtype(PlSmallStr::EMPTY, &values, &wanted, false)?.into())
}
