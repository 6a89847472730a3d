//! Answers of queries by the indexed keys, and the feature server's JSON (docs/wire.md section 3.2).
//!
//! What is said about one feature vector is said here about all of them at once.

use serde_json::Value as Json;

use super::features::{Included, common, metadata_of, result_of, slo_seconds, values_of};
use super::types::type_to_json;
use super::values::value_to_json;
use crate::model::{DataType, FeatureVector, FeatureVectors, JoinKey, Value};
use crate::wire::features::{FeaturesResult, Item, QueryFeaturesResponse, SloInfo};

/// What values without metadata are called, with their place.
const FEATURE: &str = "feature";
const JOIN_KEY: &str = "join key";

/// The answer for the vectors, with what the caller asked to know. A result has the wildcard key alone: released
/// clients add the keys they asked for, and fail on keys that come twice. That key has its name and type whatever was
/// asked for, for without them nobody can read it.
pub fn response_from_vectors(answer: &FeatureVectors, included: &Included<'_>, slo: SloInfo) -> QueryFeaturesResponse {
    let mut metadata = metadata_of(&common(&answer.features, &answer.vectors), included, slo);
    let item = |key: &JoinKey| Item {
        name: Some(key.name.clone()),
        data_type: Some(type_to_json(&key.data_type)),
        ..Item::default()
    };
    metadata.join_keys = answer.wildcard_keys.iter().map(item).collect();
    let keys = |vector: &FeatureVector| answer.wildcard_keys.iter().map(|key| key_of(vector, &key.name)).collect();
    let result = |vector: &FeatureVector| FeaturesResult { join_keys: keys(vector), ..result_of(vector) };
    QueryFeaturesResponse { results: answer.vectors.iter().map(result).collect(), metadata }
}

fn key_of(vector: &FeatureVector, name: &str) -> Json {
    let found = vector.join_keys.iter().find(|(known, _)| known == name);
    found.map_or(Json::Null, |(_, value)| value_to_json(value))
}

/// The vectors in an answer; `asked` are the join keys that were asked for. What has no metadata is kept under its
/// place (`feature 3`).
pub fn vectors_from_response(response: &QueryFeaturesResponse, asked: &[(String, Value)]) -> FeatureVectors {
    let metadata = &response.metadata;
    let vector = |result: &FeaturesResult| {
        let keys = values_of(&result.join_keys, &metadata.join_keys, JOIN_KEY);
        let join_keys = asked.iter().cloned().chain(keys.into_iter().map(|key| (key.name, key.value)));
        FeatureVector {
            features: values_of(&result.features, &metadata.features, FEATURE),
            join_keys: join_keys.collect(),
            ..FeatureVector::default()
        }
    };
    let results = &response.results;
    let keys = columns(results.iter().map(|result| result.join_keys.len()), &metadata.join_keys, JOIN_KEY);
    let (server_seconds, store_seconds) = slo_seconds(metadata);
    FeatureVectors {
        wildcard_keys: keys.into_iter().map(|(name, data_type)| JoinKey { name, data_type }).collect(),
        features: columns(results.iter().map(|result| result.features.len()), &metadata.features, FEATURE),
        vectors: results.iter().map(vector).collect(),
        server_seconds,
        store_seconds,
    }
}

/// Names and types of as many columns as the metadata, or the longest result, has.
fn columns(lengths: impl Iterator<Item = usize>, items: &[Item], what: &str) -> Vec<(String, DataType)> {
    let blanks = vec![Json::Null; lengths.max().unwrap_or(0).max(items.len())];
    values_of(&blanks, items, what).into_iter().map(|blank| (blank.name, blank.data_type)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::from_micros;
    use crate::model::{FeatureStatus, FeatureValue, Time};
    use crate::wire::features::MetadataOptions;

    fn vector(carrier: Value, values: [(Value, Option<Time>); 2]) -> FeatureVector {
        let feature = |((name, data_type), (value, effective_time)): ((String, DataType), _)| FeatureValue {
            name,
            data_type,
            value,
            effective_time,
            status: Some(if effective_time.is_some() { FeatureStatus::Present } else { FeatureStatus::Missing }),
        };
        FeatureVector {
            features: features().into_iter().zip(values).map(feature).collect(),
            join_keys: vec![("origin".into(), Value::Text("JFK".into())), ("carrier".into(), carrier)],
            ..FeatureVector::default()
        }
    }

    fn features() -> Vec<(String, DataType)> {
        vec![("v.n".into(), DataType::Int64), ("v.mean".into(), DataType::Float64)]
    }

    fn answer(vectors: Vec<FeatureVector>) -> FeatureVectors {
        FeatureVectors {
            wildcard_keys: vec![JoinKey { name: "carrier".into(), data_type: DataType::Int64 }],
            features: features(),
            vectors,
            server_seconds: Some(0.5),
            store_seconds: Some(0.25),
        }
    }

    fn through_text(answer: &FeatureVectors) -> FeatureVectors {
        let slo = SloInfo {
            server_time_seconds: answer.server_seconds,
            store_time_seconds: answer.store_seconds,
            ..SloInfo::default()
        };
        let included = Included { options: MetadataOptions::ALL, ..Included::default() };
        let text = serde_json::to_string(&response_from_vectors(answer, &included, slo)).unwrap();
        let asked = [("origin".to_owned(), Value::Text("JFK".into()))];
        vectors_from_response(&serde_json::from_str(&text).unwrap(), &asked)
    }

    #[test]
    fn vectors_survive_the_round_trip_through_text() {
        let at = Some(from_micros(3_600_000_000));
        let sent = answer(vec![
            vector(Value::Null, [(Value::Int(i64::MAX), at), (Value::Float(f64::NAN), at)]),
            vector(Value::Int(7), [(Value::Int(1), at), (Value::Float(0.5), at)]),
        ]);
        // Not-a-number is not equal to itself, its name is.
        assert_eq!(format!("{:?}", through_text(&sent)), format!("{sent:?}"));
    }

    #[test]
    fn times_and_statuses_that_differ_are_left_out() {
        let at = Some(from_micros(3_600_000_000));
        let sent = answer(vec![
            vector(Value::Int(1), [(Value::Int(1), at), (Value::Null, None)]),
            vector(Value::Int(2), [(Value::Int(2), at), (Value::Float(0.5), at)]),
        ]);
        let read = through_text(&sent);
        for vector in &read.vectors {
            assert_eq!(
                (vector.features[0].effective_time, &vector.features[0].status),
                (at, &Some(FeatureStatus::Present))
            );
            assert_eq!((vector.features[1].effective_time, &vector.features[1].status), (None, &None));
        }
    }

    #[test]
    fn an_answer_without_results_still_names_its_columns() {
        let sent = answer(Vec::new());
        assert_eq!(through_text(&sent), sent);
    }

    #[test]
    fn answers_without_metadata_are_still_read() {
        let text = r#"{"results":[{"features":["a"],"joinKeys":["x"]},{"features":["b",1.5],"joinKeys":["y"]}]}"#;
        let read = vectors_from_response(&serde_json::from_str(text).unwrap(), &[]);
        assert_eq!(read.wildcard_keys[0].name, "join key 1");
        let names: Vec<&str> = read.features.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["feature 1", "feature 2"]);
        assert_eq!(read.vectors[1].features[1].value, Value::Float(1.5));
        assert_eq!(read.vectors[1].join_keys, [("join key 1".to_owned(), Value::Text("y".into()))]);
    }
}
