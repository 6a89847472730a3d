//! Polars columns as the model's types and values, and back.
//!
//! The only place that knows which Polars type stands for which word of the model.

use polars::prelude as pl;
use polars::prelude::{AnyValue, Column, DataFrame, TimeUnit, TimeZone};

use crate::model::time::{from_micros, micros};
use crate::model::{DataType, Value};

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
    crate::wire::typed::polars_type(data_type)
}

/// The column in the one Polars type of its word: int64, float64, microseconds UTC; absent for types this program does
/// not know.
pub fn normal(name: &str, polars: &pl::DataType) -> Option<pl::Expr> {
    let wanted = polars_type(&data_type(polars)?)?;
    let column = pl::col(name);
    Some(match polars {
        same if *same == wanted => column,
        // A time without a zone is UTC: the count since the epoch is kept.
        pl::DataType::Datetime(..) => column.dt().timestamp(TimeUnit::Microseconds).cast(wanted),
        _ => column.strict_cast(wanted),
    })
}

/// The values of a column, top to bottom. Types this program does not know become null.
pub fn values(column: &Column) -> Vec<Value> {
    (0..column.len()).map(|row| column.get(row).map_or(Value::Null, |value| from_any(&value))).collect()
}

fn from_any(value: &AnyValue<'_>) -> Value {
    match value {
        AnyValue::Boolean(flag) => Value::Bool(*flag),
        AnyValue::String(text) => Value::Text((*text).to_owned()),
        AnyValue::StringOwned(text) => Value::Text(text.to_string()),
        AnyValue::Float32(number) => Value::Float(f64::from(*number)),
        AnyValue::Float64(number) => Value::Float(*number),
        AnyValue::Datetime(at, unit, _) => Value::Time(from_micros(to_micros(*at, *unit))),
        AnyValue::DatetimeOwned(at, unit, _) => Value::Time(from_micros(to_micros(*at, *unit))),
        AnyValue::List(series) => Value::List(values(&series.clone().into())),
        other => other.extract::<i64>().map_or(Value::Null, Value::Int),
    }
}

fn to_micros(at: i64, unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Nanoseconds => at.div_euclid(1_000),
        TimeUnit::Microseconds => at,
        TimeUnit::Milliseconds => at.saturating_mul(1_000),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::parse_time;

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
