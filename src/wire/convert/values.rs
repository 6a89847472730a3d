//! Values in the feature server's JSON (the table of docs/wire.md section 3.1).

use serde_json::Value as Json;

use crate::model::time::{parse_time, rfc3339};
use crate::model::{DataType, Value};
use crate::wire::features::ItemType;

/// A value as JSON: integers and what is no finite number as text.
pub fn value_to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Int(number) => number.to_string().into(),
        Value::Float(number) if number.is_nan() => "NaN".into(),
        Value::Float(number) if number.is_infinite() => if *number > 0.0 { "Infinity" } else { "-Infinity" }.into(),
        Value::Float(number) => (*number).into(),
        Value::Text(text) => text.as_str().into(),
        Value::Bool(flag) => (*flag).into(),
        Value::Time(at) => rfc3339(*at).into(),
        Value::List(values) => values.iter().map(value_to_json).collect(),
    }
}

/// A value of JSON by its stated type; what does not fit the type is kept as it is. Structs, which travel as the list
/// of their values, read as the text of an object with their names.
pub(super) fn value_from_json(value: &Json, stated: &ItemType) -> Value {
    let typed = match (stated.kind.as_str(), value) {
        (_, Json::Null) => Some(Value::Null),
        ("int64", Json::String(text)) => text.parse().ok().map(Value::Int),
        ("int64", Json::Number(number)) => number.as_i64().map(Value::Int),
        ("float64" | "float32", Json::Number(number)) => number.as_f64().map(Value::Float),
        ("float64" | "float32", Json::String(text)) => float(text).map(Value::Float),
        ("timestamp", Json::String(text)) => parse_time(text).ok().map(Value::Time),
        ("array", Json::Array(values)) => stated
            .element_type
            .as_deref()
            .map(|element| Value::List(values.iter().map(|value| value_from_json(value, element)).collect())),
        ("struct", Json::Array(_)) => Some(Value::Text(named(value, stated).to_string())),
        _ => None,
    };
    typed.unwrap_or_else(|| untyped(value))
}

fn float(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        other => other.parse().ok(),
    }
}

/// The same JSON with an object in the place of each struct. Values without a field are left out, for they mean
/// nothing.
fn named(value: &Json, stated: &ItemType) -> Json {
    match (stated.kind.as_str(), value, &stated.element_type) {
        ("struct", Json::Array(values), _) => {
            let fields = stated.fields.iter().zip(values);
            fields.map(|(field, value)| (field.name.clone(), named(value, &field.data_type))).collect()
        }
        ("array", Json::Array(values), Some(element)) => values.iter().map(|value| named(value, element)).collect(),
        _ => value.clone(),
    }
}

/// A value of JSON of which no type is known.
pub(super) fn untyped(value: &Json) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Bool(*flag),
        Json::Number(number) => number
            .as_i64()
            .map_or_else(|| number.as_f64().map_or_else(|| Value::Text(number.to_string()), Value::Float), Value::Int),
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(values) => Value::List(values.iter().map(untyped).collect()),
        Json::Object(_) => Value::Text(value.to_string()),
    }
}

/// The type that a value of JSON seems to have.
pub(super) fn guess(value: &Json) -> DataType {
    match value {
        Json::String(_) => DataType::String,
        Json::Bool(_) => DataType::Bool,
        Json::Number(number) if number.is_i64() => DataType::Int64,
        Json::Number(_) => DataType::Float64,
        _ => DataType::Other("unknown".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Every type of the protocol, a value of it in JSON, and what a console shows.
    #[test]
    fn values_of_every_type_are_read() {
        let at = parse_time("2023-05-01T00:00:00Z").unwrap();
        let point = json!({"type": "struct", "fields": [
            {"name": "x", "dataType": {"type": "int64"}},
            {"name": "in", "dataType": {"type": "struct", "fields": [{"name": "y", "dataType": {"type": "string"}}]}},
        ]});
        let list = |kind: &str| json!({"type": "array", "elementType": {"type": kind}});
        let text = |text: &str| Value::Text(text.to_owned());
        for (kind, value, expected) in [
            (json!({"type": "int64"}), json!("14"), Value::Int(14)),
            (json!({"type": "int64"}), json!(14), Value::Int(14)),
            (json!({"type": "int64"}), json!("many"), text("many")),
            (json!({"type": "float32"}), json!(0.5), Value::Float(0.5)),
            (json!({"type": "float64"}), json!("-Infinity"), Value::Float(f64::NEG_INFINITY)),
            (json!({"type": "string"}), json!("17"), text("17")),
            (json!({"type": "boolean"}), json!(true), Value::Bool(true)),
            (json!({"type": "string_array"}), json!(["a", null]), Value::List(vec![text("a"), Value::Null])),
            (list("int64"), json!(["1", null]), Value::List(vec![Value::Int(1), Value::Null])),
            (list("timestamp"), json!(["2023-05-01T00:00:00Z"]), Value::List(vec![Value::Time(at)])),
            (json!({"type": "array"}), json!(["1"]), Value::List(vec![text("1")])),
            (point.clone(), json!(["3", ["b"]]), text(r#"{"x":"3","in":{"y":"b"}}"#)),
            (
                json!({"type": "array", "elementType": point}),
                json!([["3", ["b"], "more"]]),
                Value::List(vec![text(r#"{"x":"3","in":{"y":"b"}}"#)]),
            ),
            (json!({"type": "map", "keyType": {"type": "string"}}), json!({"k": "1"}), text(r#"{"k":"1"}"#)),
            (json!({"type": "timestamp"}), json!("2023-05-01T00:00:00Z"), Value::Time(at)),
            (json!({"type": "embedding"}), json!([0.5]), Value::List(vec![Value::Float(0.5)])),
            (json!({"type": "int64"}), json!(null), Value::Null),
            (json!({}), json!("x"), text("x")),
        ] {
            let stated: ItemType = serde_json::from_value(kind.clone()).unwrap();
            assert_eq!(value_from_json(&value, &stated), expected, "{kind} {value}");
        }
    }
}
