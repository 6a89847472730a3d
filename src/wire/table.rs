//! The cells of a table as the model's values, and these as plain JSON: one rule for files, standard output and
//! screens.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{NaiveDate, NaiveTime, TimeDelta};
use polars::prelude::{AnyValue, Column, TimeUnit};
use serde_json::Value as Json;

use super::convert::value_to_json;
use crate::model::time::from_micros;
use crate::model::{Time, Value};

/// One cell. What the model has no word for (dates, decimals, records, bytes) becomes the text of its JSON.
pub(crate) fn cell(column: &Column, row: usize) -> Value {
    column.get(row).map_or(Value::Null, |value| from_any(&value))
}

fn from_any(value: &AnyValue<'_>) -> Value {
    match value {
        AnyValue::Null => Value::Null,
        AnyValue::Boolean(flag) => Value::Bool(*flag),
        // By way of the shortest text, so that 0.1 does not become 0.10000000149011612.
        AnyValue::Float32(number) => Value::Float(number.to_string().parse().unwrap_or(f64::from(*number))),
        AnyValue::Float64(number) => Value::Float(*number),
        AnyValue::Datetime(at, unit, _) => Value::Time(time(*at, *unit)),
        AnyValue::DatetimeOwned(at, unit, _) => Value::Time(time(*at, *unit)),
        AnyValue::List(items) | AnyValue::Array(items, _) => {
            let items = Column::from(items.clone());
            Value::List((0..items.len()).map(|row| cell(&items, row)).collect())
        }
        integer if integer.is_integer() => {
            integer.extract::<i64>().map_or_else(|| Value::Text(integer.to_string()), Value::Int)
        }
        other => match other.get_str() {
            Some(text) => Value::Text(text.to_owned()),
            None => Value::Text(plain(any_json(other))),
        },
    }
}

/// One cell as JSON, the form that every text is made of: whole numbers that an int64 holds as numbers, others as text;
/// instants as RFC 3339 with all their digits; dates, times of day and decimals as text; bytes in base64; lists as
/// arrays, records as objects; what is no finite number as `NaN`, `Infinity` or `-Infinity`.
pub(crate) fn cell_json(column: &Column, row: usize) -> Json {
    column.get(row).map_or(Json::Null, |value| any_json(&value))
}

/// One cell as text: what its JSON says, texts without quotes; absent for null.
pub(crate) fn cell_text(column: &Column, row: usize) -> Option<String> {
    column.get(row).ok().and_then(|value| any_text(&value))
}

/// One value as text, as [`cell_text`].
pub(crate) fn any_text(value: &AnyValue<'_>) -> Option<String> {
    Some(any_json(value)).filter(|json| !json.is_null()).map(plain)
}

fn plain(json: Json) -> String {
    match json {
        Json::String(text) => text,
        other => other.to_string(),
    }
}

fn any_json(value: &AnyValue<'_>) -> Json {
    match value {
        AnyValue::Decimal(digits, _, scale) => decimal(*digits, *scale).into(),
        AnyValue::Date(days) => match NaiveDate::default().checked_add_signed(TimeDelta::days((*days).into())) {
            Some(day) => day.format("%Y-%m-%d").to_string().into(),
            None => format!("{days} days since 1970").into(),
        },
        AnyValue::Time(nanos) => {
            let clock = NaiveTime::MIN.overflowing_add_signed(TimeDelta::nanoseconds(*nanos)).0;
            clock.format("%H:%M:%S%.f").to_string().into()
        }
        AnyValue::Binary(bytes) => STANDARD.encode(bytes).into(),
        AnyValue::BinaryOwned(bytes) => STANDARD.encode(bytes).into(),
        AnyValue::List(items) | AnyValue::Array(items, _) => {
            let items = Column::from(items.clone());
            (0..items.len()).map(|row| cell_json(&items, row)).collect()
        }
        AnyValue::Struct(_, _, fields) => {
            let members = fields.iter().zip(value._iter_struct_av());
            members.map(|(field, value)| (field.name.to_string(), any_json(&value))).collect()
        }
        AnyValue::StructOwned(parts) => {
            let (values, fields) = parts.as_ref();
            fields.iter().zip(values).map(|(field, value)| (field.name.to_string(), any_json(value))).collect()
        }
        AnyValue::Null | AnyValue::Boolean(_) | AnyValue::Float32(_) | AnyValue::Float64(_) => json(&from_any(value)),
        AnyValue::Datetime(..) | AnyValue::DatetimeOwned(..) => json(&from_any(value)),
        other if other.is_integer() => json(&from_any(other)),
        other => other.get_str().map_or_else(|| other.to_string(), str::to_owned).into(),
    }
}

/// All digits of a decimal.
fn decimal(digits: i128, scale: usize) -> String {
    let sign = if digits < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", digits.unsigned_abs(), width = scale + 1);
    match digits.split_at(digits.len() - scale) {
        (whole, "") => format!("{sign}{whole}"),
        (whole, part) => format!("{sign}{whole}.{part}"),
    }
}

/// The instant of a count, to the nanosecond; clamped to what a calendar can show.
pub(crate) fn time(at: i64, unit: TimeUnit) -> Time {
    if unit == TimeUnit::Nanoseconds {
        return Time::from_timestamp_nanos(at);
    }
    from_micros(micros(at, unit))
}

/// A count of that unit in whole microseconds, clamped to what they can count.
pub(crate) fn micros(at: i64, unit: TimeUnit) -> i64 {
    to_micros(at, unit).unwrap_or(if at < 0 { i64::MIN } else { i64::MAX })
}

/// A count of that unit in whole microseconds; absent beyond what they can count.
pub(super) fn to_micros(at: i64, unit: TimeUnit) -> Option<i64> {
    match unit {
        TimeUnit::Nanoseconds => Some(at.div_euclid(1_000)),
        TimeUnit::Microseconds => Some(at),
        TimeUnit::Milliseconds => at.checked_mul(1_000),
    }
}

/// A value in JSON: integers as numbers, instants as RFC 3339, what is no finite number as text.
pub(crate) fn json(value: &Value) -> Json {
    match value {
        Value::Int(number) => (*number).into(),
        Value::List(values) => values.iter().map(json).collect(),
        other => value_to_json(other),
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;

    fn texts(columns: &[Column]) -> Vec<String> {
        columns.iter().map(|column| cell_json(column, 0).to_string()).collect()
    }

    #[test]
    fn cells_keep_what_they_say() {
        let at = |count: i64, unit| Series::new("at".into(), [count]).cast(&DataType::Datetime(unit, None)).unwrap();
        let list = Series::new("l".into(), [Series::new("".into(), ["a", ""])]);
        let day = Series::new("d".into(), [19_000_i32]).cast(&DataType::Date).unwrap();
        let frame = df!(
            "u" => [u64::MAX], "i" => [i64::MIN], "f" => [0.1_f32], "at" => at(1_000_001, TimeUnit::Microseconds),
            "ns" => at(-1, TimeUnit::Nanoseconds), "l" => list, "d" => day, "n" => [None::<i32>], "large" => [1e300],
            "inf" => [f64::NEG_INFINITY], "nan" => [f64::NAN], "zero" => [-0.0]
        );
        let expected = [
            "\"18446744073709551615\"",
            "-9223372036854775808",
            "0.1",
            "\"1970-01-01T00:00:01.000001Z\"",
            "\"1969-12-31T23:59:59.999999999Z\"",
            "[\"a\",\"\"]",
            "\"2022-01-08\"",
            "null",
            "1e+300",
            "\"-Infinity\"",
            "\"NaN\"",
            "-0.0",
        ];
        let frame = frame.unwrap();
        assert_eq!(texts(frame.columns()), expected);
        for (column, json) in frame.columns().iter().zip(expected) {
            assert_eq!(super::json(&cell(column, 0)).to_string(), json, "both ways say the same");
        }
    }

    #[test]
    fn what_the_model_has_no_word_for_keeps_its_form() {
        let text = Series::new("c".into(), ["a"]);
        let category = text.cast(&DataType::from_categories(Categories::global())).unwrap();
        let bytes = Series::new("b".into(), [&b"\xff\0"[..]]);
        let money = |text: &str| Series::new("m".into(), [text]).cast(&DataType::Decimal(10, 3)).unwrap();
        let point = df!("x" => [1_i64], "y" => [""], "l" => Series::new("l".into(), [category.clone()])).unwrap();
        let point = point.into_struct("r".into()).into_series();
        let far = Series::new("d".into(), [i32::MAX]).cast(&DataType::Date).unwrap();
        let clock = Series::new("t".into(), [36_000_000_001_000_i64]).cast(&DataType::Time).unwrap();
        let columns = [category, bytes, money("-0.010"), money("12.5"), point, far, clock].map(Column::from);
        let expected = [
            "\"a\"",
            "\"/wA=\"",
            "\"-0.010\"",
            "\"12.500\"",
            r#"{"x":1,"y":"","l":["a"]}"#,
            "\"2147483647 days since 1970\"",
            "\"10:00:00.000001\"",
        ];
        assert_eq!(texts(&columns), expected);
        let texts: Vec<String> = columns.iter().map(|column| cell_text(column, 0).unwrap()).collect();
        assert_eq!(texts[..5], ["a", "/wA=", "-0.010", "12.500", r#"{"x":1,"y":"","l":["a"]}"#]);
        assert_eq!(cell(&columns[4], 0), Value::Text(texts[4].clone()));
    }
}
