//! The cells of a table as the model's values, and these as plain JSON: one rule for files, standard output and screens.

use polars::prelude::{AnyValue, Column, TimeUnit};
use serde_json::Value as Json;

use super::convert::value_to_json;
use crate::model::Value;
use crate::model::time::from_micros;

/// One cell. What the model has no word for (dates, durations, records) becomes text.
pub fn cell(column: &Column, row: usize) -> Value {
    column.get(row).map_or(Value::Null, |value| from_any(&value))
}

fn from_any(value: &AnyValue<'_>) -> Value {
    match value {
        AnyValue::Null => Value::Null,
        AnyValue::Boolean(flag) => Value::Bool(*flag),
        AnyValue::String(text) => Value::Text((*text).to_owned()),
        AnyValue::StringOwned(text) => Value::Text(text.to_string()),
        // By way of the shortest text, so that 0.1 does not become 0.10000000149011612.
        AnyValue::Float32(number) => Value::Float(number.to_string().parse().unwrap_or(f64::from(*number))),
        AnyValue::Float64(number) => Value::Float(*number),
        AnyValue::Datetime(at, unit, _) => Value::Time(from_micros(to_micros(*at, *unit))),
        AnyValue::DatetimeOwned(at, unit, _) => Value::Time(from_micros(to_micros(*at, *unit))),
        AnyValue::List(items) => {
            let items = Column::from(items.clone());
            Value::List((0..items.len()).map(|row| cell(&items, row)).collect())
        }
        integer if integer.is_integer() => {
            integer.extract::<i64>().map_or_else(|| Value::Text(integer.to_string()), Value::Int)
        }
        other => Value::Text(other.to_string()),
    }
}

fn to_micros(at: i64, unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Nanoseconds => at.div_euclid(1_000),
        TimeUnit::Microseconds => at,
        TimeUnit::Milliseconds => at.saturating_mul(1_000),
    }
}

/// A value in JSON: integers as numbers, instants as RFC 3339, what is no finite number as text.
pub fn json(value: &Value) -> Json {
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

    #[test]
    fn cells_keep_what_they_say() {
        let at =
            Series::new("at".into(), [1_000_001_i64]).cast(&DataType::Datetime(TimeUnit::Microseconds, None)).unwrap();
        let list = Series::new("l".into(), [Series::new("".into(), ["a", "b"])]);
        let day = Series::new("d".into(), [19_000_i32]).cast(&DataType::Date).unwrap();
        let frame = df!("u" => [u64::MAX], "f" => [0.1_f32], "at" => at, "l" => list, "d" => day, "n" => [None::<i32>]);
        let said: Vec<String> =
            frame.unwrap().columns().iter().map(|column| json(&cell(column, 0)).to_string()).collect();
        let expected = [
            "\"18446744073709551615\"",
            "0.1",
            "\"1970-01-01T00:00:01.000001Z\"",
            "[\"a\",\"b\"]",
            "\"2022-01-08\"",
            "null",
        ];
        assert_eq!(said, expected);
    }
}
