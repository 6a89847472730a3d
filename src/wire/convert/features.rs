//! Feature vectors and the feature server's JSON (wire section 3.1).

use chrono::SecondsFormat;
use serde_json::Value as Json;

use super::types::{type_from_json, type_to_json};
use crate::model::time::parse_time;
use crate::model::{DataType, FeatureStatus, FeatureValue, FeatureVector, Time, Value};
use crate::wire::features::{FeaturesResult, GetFeaturesResponse, Item, Metadata, MetadataOptions, SloInfo};

/// The answer for a vector, with what the caller asked to know. Every entry has a type, and both lists have the same
/// length, for released clients fail otherwise.
pub fn response_from_vector(vector: &FeatureVector, options: &MetadataOptions) -> GetFeaturesResponse {
    let item = |feature: &FeatureValue| Item {
        name: options.include_names.then(|| feature.name.clone()),
        effective_time: feature.effective_time.filter(|_| options.include_effective_times).map(rfc3339),
        data_type: Some(type_to_json(&feature.data_type)),
        status: feature.status.as_ref().filter(|_| options.include_serving_status).map(status_word),
    };
    let slo = || SloInfo {
        slo_eligible: Some(true),
        slo_server_time_seconds: vector.server_seconds,
        server_time_seconds: vector.server_seconds,
        store_time_seconds: vector.store_seconds,
    };
    GetFeaturesResponse {
        result: FeaturesResult {
            features: vector.features.iter().map(|f| value_to_json(&f.value)).collect(),
            join_keys: Vec::new(),
        },
        metadata: Metadata {
            features: vector.features.iter().map(item).collect(),
            join_keys: Vec::new(),
            slo_info: options.include_slo_info.then(slo),
            partial_results: None,
        },
    }
}

/// The vector in an answer; `join_keys` are those that were asked for. Values without metadata are kept under their
/// place (`feature 3`).
pub fn vector_from_response(response: &GetFeaturesResponse, join_keys: Vec<(String, Value)>) -> FeatureVector {
    let features = values_of(&response.result.features, &response.metadata.features, "feature");
    let (server_seconds, store_seconds) = slo_seconds(&response.metadata);
    FeatureVector { features, join_keys, server_seconds, store_seconds }
}

/// Values with what is said about them. Those of which nothing is said are called `what` and their place.
pub(super) fn values_of(values: &[Json], items: &[Item], what: &str) -> Vec<FeatureValue> {
    let items = items.iter().map(Some).chain(std::iter::repeat(None));
    let value = |((value, item), place): ((&Json, Option<&Item>), usize)| {
        let data_type = item.and_then(|i| i.data_type.as_ref()).map_or_else(|| guess(value), type_from_json);
        FeatureValue {
            name: item.and_then(|i| i.name.clone()).unwrap_or_else(|| format!("{what} {place}")),
            value: value_from_json(value, &data_type),
            effective_time: item.and_then(|i| i.effective_time.as_deref()).and_then(|at| parse_time(at).ok()),
            status: item.and_then(|i| i.status.as_deref()).map(status_of),
            data_type,
        }
    };
    values.iter().zip(items).zip(1..).map(value).collect()
}

/// The seconds that the server and its store spent, where they are said.
pub(super) fn slo_seconds(metadata: &Metadata) -> (Option<f64>, Option<f64>) {
    let slo = metadata.slo_info.as_ref();
    let server = slo.and_then(|s| s.server_time_seconds.or(s.slo_server_time_seconds));
    (server, slo.and_then(|s| s.store_time_seconds))
}

fn status_word(status: &FeatureStatus) -> String {
    match status {
        FeatureStatus::Present => "PRESENT".to_owned(),
        FeatureStatus::Missing => "MISSING_DATA".to_owned(),
        FeatureStatus::Other(word) => word.clone(),
    }
}

fn status_of(word: &str) -> FeatureStatus {
    match word {
        "PRESENT" => FeatureStatus::Present,
        "MISSING_DATA" => FeatureStatus::Missing,
        other => FeatureStatus::Other(other.to_owned()),
    }
}

fn rfc3339(at: Time) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

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

/// A value of JSON by its stated type; what does not fit the type is kept as it is.
fn value_from_json(value: &Json, data_type: &DataType) -> Value {
    let typed = match (data_type, value) {
        (_, Json::Null) => Some(Value::Null),
        (DataType::Int64, Json::String(text)) => text.parse().ok().map(Value::Int),
        (DataType::Int64, Json::Number(number)) => number.as_i64().map(Value::Int),
        (DataType::Float64, Json::Number(number)) => number.as_f64().map(Value::Float),
        (DataType::Float64, Json::String(text)) => match text.as_str() {
            "NaN" => Some(Value::Float(f64::NAN)),
            "Infinity" => Some(Value::Float(f64::INFINITY)),
            "-Infinity" => Some(Value::Float(f64::NEG_INFINITY)),
            other => other.parse().ok().map(Value::Float),
        },
        (DataType::Timestamp, Json::String(text)) => parse_time(text).ok().map(Value::Time),
        (DataType::Array(element), Json::Array(values)) => {
            Some(Value::List(values.iter().map(|value| value_from_json(value, element)).collect()))
        }
        _ => None,
    };
    typed.unwrap_or_else(|| untyped(value))
}

fn untyped(value: &Json) -> Value {
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

fn guess(value: &Json) -> DataType {
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
    use crate::model::time::from_micros;

    fn feature(name: &str, data_type: DataType, value: Value) -> FeatureValue {
        let missing = value == Value::Null;
        FeatureValue {
            name: name.to_owned(),
            data_type,
            value,
            effective_time: (!missing).then(|| from_micros(1_500_000)),
            status: Some(if missing { FeatureStatus::Missing } else { FeatureStatus::Present }),
        }
    }

    #[test]
    fn vectors_survive_the_round_trip_through_text() {
        let texts = DataType::Array(Box::new(DataType::String));
        let vector = FeatureVector {
            features: vec![
                feature("v.a", DataType::Int64, Value::Int(i64::MAX)),
                feature("v.b", DataType::Float64, Value::Float(f64::NEG_INFINITY)),
                feature("v.c", DataType::Float64, Value::Float(0.1 + 0.2)),
                feature("v.d", texts, Value::List(vec![Value::Text("x".into()), Value::Null])),
                feature("v.e", DataType::Bool, Value::Bool(true)),
                feature("v.f", DataType::Timestamp, Value::Time(from_micros(1))),
                feature("v.g", DataType::String, Value::Null),
                feature("v.h", DataType::String, Value::Text("17".into())),
            ],
            join_keys: vec![("id".into(), Value::Text("17".into()))],
            server_seconds: Some(0.25),
            store_seconds: Some(0.125),
        };
        let text = serde_json::to_string(&response_from_vector(&vector, &MetadataOptions::ALL)).unwrap();
        assert!(
            text.contains(r#""9223372036854775807""#) && text.contains(r#""effectiveTime":"1970-01-01T00:00:01.500Z""#)
        );
        let read = serde_json::from_str(&text).unwrap();
        assert_eq!(vector_from_response(&read, vector.join_keys.clone()), vector);
    }

    #[test]
    fn answers_without_metadata_are_still_read() {
        let answer = serde_json::from_str(r#"{"result":{"features":["a",1.5,{"k":1},null]}}"#).unwrap();
        let vector = vector_from_response(&answer, vec![]);
        assert_eq!(vector.features[0].name, "feature 1");
        assert_eq!(vector.features[2].value, Value::Text(r#"{"k":1}"#.into()));
        assert_eq!(vector.features.len(), 4);
    }
}
