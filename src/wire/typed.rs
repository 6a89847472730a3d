//! Columns in the types that somebody declared: a view's join keys, a source's columns.
//!
//! A value is taken where it can mean one thing only in that type, and else refused with its row: it is never cut,
//! rounded or turned into null. Text is read by these forms whatever file it came from, so a CSV file, which has no
//! types of its own, says the same as a Parquet file.

use polars::prelude::{
    AnyValue, Column, DataType as Polars, Field, IntoColumn, PolarsError, Series, TimeUnit, TimeZone,
};
use serde_json::Value as Json;
use thiserror::Error;

use super::table::{any_text, to_micros};
use crate::model::time::{TIME_FORMS, micros, parse_time};
use crate::model::{DataType, clean, cut};

/// Most characters of a value that a refusal repeats.
const SHOWN: usize = 60;
/// Rows that are turned at a time, so that they are held twice only in part.
const PART: usize = 1 << 16;
/// The greatest float up to which every whole number is one.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Why a column does not have the declared type; continues a sentence that names the column.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum Misfit {
    /// One value is not of that type.
    #[error("row {row} holds `{value}`, which is no {wanted}: {fix}")]
    Value {
        row: usize,
        /// The value, cut and cleaned.
        value: String,
        wanted: DataType,
        fix: String,
    },
    /// No value of the column's own type is of that type.
    #[error("it is {found}, which cannot be read as {wanted}")]
    Type { found: String, wanted: DataType },
}

impl Misfit {
    /// A text of that row, from 1, is not of the type.
    pub(crate) fn of_text(row: usize, text: &str, wanted: &DataType) -> Self {
        Self::of_value(row, &AnyValue::String(text), wanted)
    }

    fn of_value(row: usize, value: &AnyValue<'_>, wanted: &DataType) -> Self {
        Self::Value {
            row,
            value: clean(&cut(&shown(value), SHOWN)).into_owned(),
            wanted: wanted.clone(),
            fix: fix(value, wanted),
        }
    }
}

/// The Polars type that holds a type of the model; absent for words this program does not know.
pub(crate) fn polars_type(data_type: &DataType) -> Option<Polars> {
    Some(match data_type {
        DataType::Int64 => Polars::Int64,
        DataType::Float64 => Polars::Float64,
        DataType::String => Polars::String,
        DataType::Bool => Polars::Boolean,
        DataType::Timestamp => Polars::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)),
        DataType::Array(element) => Polars::List(Box::new(polars_type(element)?)),
        DataType::Date => Polars::Date,
        DataType::Decimal(precision, scale) => Polars::Decimal(usize::from(*precision), usize::from(*scale)),
        DataType::Struct(fields) => {
            let field = |(name, word): &(String, DataType)| Some(Field::new(name.into(), polars_type(word)?));
            Polars::Struct(fields.iter().map(field).collect::<Option<_>>()?)
        }
        DataType::Other(_) => return None,
    })
}

/// A Polars type in the words of the field.
pub(crate) fn word(found: &Polars) -> String {
    match found {
        Polars::Int64 => DataType::Int64.to_string(),
        Polars::Float64 => DataType::Float64.to_string(),
        Polars::String => DataType::String.to_string(),
        Polars::Boolean => DataType::Bool.to_string(),
        Polars::Datetime(..) => DataType::Timestamp.to_string(),
        Polars::Float32 => "float32".to_owned(),
        integer if integer.is_integer() => {
            // Polars says `i32` and `u64`.
            let short = integer.to_string();
            let sign = if short.starts_with('u') { "uint" } else { "int" };
            format!("{sign}{}", &short[1..])
        }
        Polars::List(element) => format!("array<{}>", word(element)),
        other if other.is_categorical() || other.is_enum() => "dictionary".to_owned(),
        other if other.is_struct() => "struct".to_owned(),
        other => other.to_string(),
    }
}

/// The column in the declared type. A type that this program does not know is taken as it is.
///
/// # Errors
/// With the first row that is not of that type.
pub(crate) fn declared(column: &Column, wanted: &DataType) -> Result<Column, Misfit> {
    let Some(polars) = polars_type(wanted) else { return Ok(column.clone()) };
    if *column.dtype() == polars {
        return Ok(column.clone());
    }
    if column.null_count() == column.len() {
        return Ok(Column::full_null(column.name().clone(), column.len(), &polars));
    }
    let other = || Misfit::Type { found: word(column.dtype()), wanted: wanted.clone() };
    if matches!(wanted, DataType::Date | DataType::Decimal(..) | DataType::Struct(_)) {
        // Types that only columns of sources have: a value that does not fit makes a null, which a strict cast refuses.
        return column.strict_cast(&polars).map_err(|_| other());
    }
    let plain = plain(column).map_err(|_| other())?;
    let mut whole = part(&plain.slice(0, PART), 0, wanted, &polars)?;
    for from in (PART..plain.len()).step_by(PART) {
        let at = i64::try_from(from).map_err(|_| other())?;
        let next = part(&plain.slice(at, PART), from, wanted, &polars)?;
        whole.append(&next).map_err(|_| other())?;
    }
    Ok(whole.into_column())
}

/// Some rows in the declared type, the first of them the row of that number, from 0.
fn part(column: &Column, from: usize, wanted: &DataType, polars: &Polars) -> Result<Series, Misfit> {
    let other = || Misfit::Type { found: word(column.dtype()), wanted: wanted.clone() };
    let rows = (0..column.len()).map(|row| {
        let value = column.get(row).map_err(|_| other())?;
        one(&value, wanted).map_err(|odd| match odd {
            Odd::Type => other(),
            Odd::Value => Misfit::of_value(from + row + 1, &value, wanted),
        })
    });
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    Series::from_any_values_and_dtype(column.name().clone(), &rows, polars, true).map_err(|_| other())
}

/// The same values in a type that has no need of an own rule: categories as their text, decimals as floats, arrays as
/// lists.
fn plain(column: &Column) -> Result<Column, PolarsError> {
    match column.dtype() {
        found if found.is_categorical() || found.is_enum() => column.cast(&Polars::String),
        found if found.is_decimal() => column.cast(&Polars::Float64),
        Polars::Array(element, _) => column.cast(&Polars::List(element.clone())),
        _ => Ok(column.clone()),
    }
}

/// What is wrong with one value.
enum Odd {
    Type,
    Value,
}

fn one(value: &AnyValue<'_>, wanted: &DataType) -> Result<AnyValue<'static>, Odd> {
    let text = match value {
        AnyValue::Null => return Ok(AnyValue::Null),
        AnyValue::String(text) => Some(*text),
        AnyValue::StringOwned(text) => Some(text.as_str()),
        _ => None,
    };
    if let Some(text) = text {
        return of_text(text, wanted).ok_or(Odd::Value);
    }
    match wanted {
        DataType::Int64 => match value {
            AnyValue::Float32(number) => whole(f64::from(*number)),
            AnyValue::Float64(number) => whole(*number),
            number if number.is_integer() => number.extract::<i64>().map(AnyValue::Int64).ok_or(Odd::Value),
            _ => Err(Odd::Type),
        },
        DataType::Float64 => match value {
            AnyValue::Float32(number) => Ok(AnyValue::Float64(f64::from(*number))),
            AnyValue::Float64(number) => Ok(AnyValue::Float64(*number)),
            number if number.is_integer() => exact(number).map(AnyValue::Float64).ok_or(Odd::Value),
            _ => Err(Odd::Type),
        },
        DataType::Bool => match value {
            AnyValue::Boolean(flag) => Ok(AnyValue::Boolean(*flag)),
            _ => Err(Odd::Type),
        },
        // A number that was written is an exact text; a float is none, for `1.10` was lost when it was read.
        DataType::String => match value {
            number if number.is_integer() => Ok(AnyValue::StringOwned(number.to_string().into())),
            AnyValue::Binary(bytes) => utf8(bytes),
            AnyValue::BinaryOwned(bytes) => utf8(bytes),
            _ => Err(Odd::Type),
        },
        DataType::Timestamp => match value {
            AnyValue::Datetime(at, unit, _) => instant(to_micros(*at, *unit)),
            AnyValue::DatetimeOwned(at, unit, _) => instant(to_micros(*at, *unit)),
            AnyValue::Date(days) => instant(i64::from(*days).checked_mul(86_400_000_000)),
            _ => Err(Odd::Type),
        },
        DataType::Array(element) => match value {
            AnyValue::List(items) => {
                // The place inside a list is of no use to anybody: the whole list is told.
                let misfit = |misfit| if matches!(misfit, Misfit::Type { .. }) { Odd::Type } else { Odd::Value };
                let items = declared(&Column::from(items.clone()), element).map_err(misfit)?;
                Ok(AnyValue::List(items.take_materialized_series()))
            }
            _ => Err(Odd::Type),
        },
        DataType::Date | DataType::Decimal(..) | DataType::Struct(_) | DataType::Other(_) => Err(Odd::Type),
    }
}

/// One value in the declared type; else what to write instead.
pub(crate) fn value(value: &AnyValue<'_>, wanted: &DataType) -> Result<AnyValue<'static>, String> {
    one(value, wanted).map_err(|_| fix(value, wanted))
}

fn whole(number: f64) -> Result<AnyValue<'static>, Odd> {
    let is_whole = number.fract() == 0.0 && number.abs() <= EXACT;
    if is_whole { Ok(AnyValue::Int64(number as i64)) } else { Err(Odd::Value) }
}

/// An integer as a float, where that is the same number.
fn exact(number: &AnyValue<'_>) -> Option<f64> {
    let number = number.extract::<i128>()?;
    let float = number as f64;
    (float as i128 == number).then_some(float)
}

fn utf8(bytes: &[u8]) -> Result<AnyValue<'static>, Odd> {
    std::str::from_utf8(bytes).map(|text| AnyValue::StringOwned(text.into())).map_err(|_| Odd::Value)
}

fn instant(at: Option<i64>) -> Result<AnyValue<'static>, Odd> {
    let at = at.filter(|at| chrono::DateTime::from_timestamp_micros(*at).is_some()).ok_or(Odd::Value)?;
    Ok(AnyValue::DatetimeOwned(at, TimeUnit::Microseconds, Some(TimeZone::UTC.into())))
}

/// A value that is written as text.
pub(crate) fn of_text(text: &str, wanted: &DataType) -> Option<AnyValue<'static>> {
    let trimmed = text.trim();
    // Nothing is no value; only of text is it one.
    if trimmed.is_empty() && *wanted != DataType::String {
        return Some(AnyValue::Null);
    }
    Some(match wanted {
        DataType::String => AnyValue::StringOwned(text.into()),
        DataType::Int64 => AnyValue::Int64(integer(trimmed)?),
        DataType::Float64 => AnyValue::Float64(float(trimmed)?),
        DataType::Bool if trimmed.eq_ignore_ascii_case("true") => AnyValue::Boolean(true),
        DataType::Bool if trimmed.eq_ignore_ascii_case("false") => AnyValue::Boolean(false),
        DataType::Timestamp => instant(Some(micros(parse_time(trimmed).ok()?))).ok()?,
        DataType::Array(element) => {
            let Ok(Json::Array(items)) = serde_json::from_str(trimmed) else { return None };
            let items = items.iter().map(|item| of_json(item, element)).collect::<Option<Vec<_>>>()?;
            let items = Series::from_any_values_and_dtype("".into(), &items, &polars_type(element)?, true).ok()?;
            AnyValue::List(items)
        }
        DataType::Bool | DataType::Date | DataType::Decimal(..) | DataType::Struct(_) | DataType::Other(_) => {
            return None;
        }
    })
}

/// An item of a list that is written as JSON.
fn of_json(item: &Json, wanted: &DataType) -> Option<AnyValue<'static>> {
    match (item, wanted) {
        (Json::Null, _) => Some(AnyValue::Null),
        (Json::String(text), _) => of_text(text, wanted),
        (Json::Bool(flag), DataType::Bool) => Some(AnyValue::Boolean(*flag)),
        (Json::Number(number), DataType::Int64 | DataType::Float64) => of_text(&number.to_string(), wanted),
        (Json::Array(_), DataType::Array(_)) => of_text(&item.to_string(), wanted),
        _ => None,
    }
}

/// A whole number, with nothing but zeros behind a point if there is one (so pandas writes whole numbers beside nulls).
/// One with zeros in front (a postal code, say) means something else.
fn integer(text: &str) -> Option<i64> {
    let text = match text.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0') => whole,
        Some(_) => return None,
        None => text,
    };
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

/// A decimal number, or one of the words for what is no finite number.
fn float(text: &str) -> Option<f64> {
    let number: f64 = text.parse().ok()?;
    let is_word = text.contains(['n', 'N']);
    (number.is_finite() || is_word).then_some(number)
}

fn fix(value: &AnyValue<'_>, wanted: &DataType) -> String {
    match wanted {
        DataType::Int64 => format!("write a whole number from {} to {}", i64::MIN, i64::MAX),
        DataType::Float64 if value.is_integer() => "a float would round it; declare the column int64".to_owned(),
        DataType::Float64 => "write a number such as `1.5` or `-2e-3`, `NaN` or `Infinity`".to_owned(),
        DataType::Bool => "write true or false".to_owned(),
        DataType::Timestamp => format!("write it as {TIME_FORMS}"),
        DataType::Array(element) => format!("write a JSON array of {element}"),
        DataType::Date | DataType::Decimal(..) | DataType::Struct(_) => "give the source's own files".to_owned(),
        DataType::String | DataType::Other(_) => "write it as UTF-8 text".to_owned(),
    }
}

pub(crate) fn shown(value: &AnyValue<'_>) -> String {
    // The library's own form of an instant that no calendar shows is a panic.
    any_text(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use polars::prelude::{Categories, NamedFrom, df};

    use super::*;

    fn texts(values: &[Option<&str>]) -> Column {
        Series::new("c".into(), values).into_column()
    }

    fn read(values: &[Option<&str>], wanted: &DataType) -> Result<Column, String> {
        declared(&texts(values), wanted).map_err(|misfit| misfit.to_string())
    }

    #[test]
    fn text_is_read_as_it_was_declared() {
        let version = texts(&[Some("1.10"), Some("12e4"), Some("2024-01-02"), Some("-0"), Some(" x "), Some(""), None]);
        assert!(declared(&version, &DataType::String).unwrap().equals_missing(&version));
        let numbers = read(&[Some("1.0"), Some(" -2 "), None, Some(""), Some("9223372036854775807")], &DataType::Int64);
        let expected = Series::new("c".into(), [Some(1), Some(-2), None, None, Some(i64::MAX)]).into_column();
        assert!(numbers.unwrap().equals_missing(&expected));
        let floats = read(&[Some("1.10"), Some("12e4"), Some("-0"), Some("Infinity"), Some("7")], &DataType::Float64);
        assert!(floats.unwrap().equals(&Series::new("c".into(), [1.1, 12e4, -0.0, f64::INFINITY, 7.0]).into_column()));
        let flags = read(&[Some("true"), Some("False"), Some("TRUE")], &DataType::Bool).unwrap();
        assert!(flags.equals(&Series::new("c".into(), [true, false, true]).into_column()));
        let times = read(&[Some("2026-11-28 13:30:15+00"), Some("2026-11-28")], &DataType::Timestamp).unwrap();
        assert_eq!(times.get(0).unwrap().extract::<i64>(), Some(1_795_872_615_000_000));
        let list = DataType::Array(Box::new(DataType::String));
        let lists = read(&[Some(r#"["a","",null]"#), Some("[]"), None], &list).unwrap();
        assert_eq!(lists.get(0).unwrap().to_string(), "[\"a\", \"\", null]");
        assert_eq!(lists.get(1).unwrap().to_string(), "[]");
    }

    #[test]
    fn what_is_not_of_the_type_is_refused_with_its_row() {
        let rows: [(&[Option<&str>], DataType, &str); 9] = [
            (&[Some("1"), Some("5.5")], DataType::Int64, "row 2 holds `5.5`, which is no int64: write a whole number"),
            (&[Some("007")], DataType::Int64, "row 1 holds `007`, which is no int64"),
            (&[Some("9223372036854775808")], DataType::Int64, "row 1 holds `9223372036854775808`, which is no int64"),
            (&[None, Some("1,5")], DataType::Float64, "row 2 holds `1,5`, which is no float64: write a number such as"),
            (&[Some("1e999")], DataType::Float64, "row 1 holds `1e999`"),
            (&[Some("yes")], DataType::Bool, "row 1 holds `yes`, which is no boolean: write true or false"),
            (
                &[Some("1795872615")],
                DataType::Timestamp,
                "row 1 holds `1795872615`, which is no timestamp: write it as",
            ),
            (&[Some("\u{1b}[2J")], DataType::Bool, "row 1 holds `␛[2J`"),
            (&[Some("[1,\"x\"]")], DataType::Array(Box::new(DataType::Int64)), "row 1 holds `[1,\"x\"]`"),
        ];
        for (values, wanted, expected) in rows {
            let misfit = read(values, &wanted).unwrap_err();
            assert!(misfit.starts_with(expected), "{misfit}");
        }
    }

    #[test]
    fn typed_columns_are_taken_where_nothing_is_lost() {
        let frame = df!(
            "whole" => [Some(5.0), None, Some(-3.0)],
            "cut" => [5.0, 1.7, 2.0],
            "wide" => [1_u64, u64::MAX, 2],
            "odd" => [1_i64, 9_007_199_254_740_993, 2],
            "even" => [1_i64, 9_007_199_254_740_992, 2],
            "flag" => [true, false, true],
        )
        .unwrap();
        let read = |name: &str, wanted: DataType| {
            declared(frame.column(name).unwrap(), &wanted).map_err(|misfit| misfit.to_string())
        };
        assert!(
            read("whole", DataType::Int64)
                .unwrap()
                .equals_missing(&df!("whole" => [Some(5_i64), None, Some(-3)]).unwrap().columns()[0])
        );
        assert!(read("cut", DataType::Int64).unwrap_err().starts_with("row 2 holds `1.7`, which is no int64"));
        assert!(read("wide", DataType::Int64).unwrap_err().starts_with("row 2 holds `18446744073709551615`"));
        assert!(read("odd", DataType::Float64).unwrap_err().starts_with("row 2 holds `9007199254740993`"));
        assert!(read("even", DataType::Float64).is_ok());
        assert_eq!(read("even", DataType::String).unwrap().str().unwrap().get(1), Some("9007199254740992"));
        assert_eq!(read("cut", DataType::String).unwrap_err(), "it is float64, which cannot be read as string");
        assert_eq!(read("flag", DataType::Int64).unwrap_err(), "it is boolean, which cannot be read as int64");
        assert_eq!(read("even", DataType::Timestamp).unwrap_err(), "it is int64, which cannot be read as timestamp");
    }

    #[test]
    fn categories_dates_and_columns_of_nothing_are_read() {
        let labels = texts(&[Some("a"), None, Some("a")]);
        let labelled = labels.cast(&Polars::from_categories(Categories::global())).unwrap();
        assert!(declared(&labelled, &DataType::String).unwrap().equals_missing(&labels));
        let days = Series::new("c".into(), [1_i32, -1]).cast(&Polars::Date).unwrap().into_column();
        let at = declared(&days, &DataType::Timestamp).unwrap();
        assert_eq!(at.get(1).unwrap().extract::<i64>(), Some(-86_400_000_000));
        let far = Series::new("c".into(), [i64::MAX]).cast(&Polars::Datetime(TimeUnit::Milliseconds, None)).unwrap();
        assert!(matches!(declared(&far.into_column(), &DataType::Timestamp), Err(Misfit::Value { row: 1, .. })));
        let nothing = Column::full_null("c".into(), 2, &Polars::Null);
        for wanted in [DataType::Int64, DataType::Timestamp, DataType::Array(Box::new(DataType::String))] {
            let made = declared(&nothing, &wanted).unwrap();
            assert_eq!((made.dtype().clone(), made.null_count()), (polars_type(&wanted).unwrap(), 2));
        }
    }
}
