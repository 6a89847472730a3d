//! Feature vectors and the feature server's JSON (docs/wire.md sections 3.1 and 3.2).

use serde_json::Value as Json;

use super::name_of;
use super::types::{type_from_json, type_to_json};
use super::values::{guess, untyped, value_from_json, value_to_json};
use crate::model::time::{parse_time, rfc3339};
use crate::model::{DataType, FeatureStatus, FeatureValue, FeatureVector, Value};
use crate::wire::features::{
    BatchItem, BatchMetadata, BatchResponse, BatchSloInfo, FeaturesResult, GetFeaturesResponse, Item, Metadata,
    MetadataOptions, SloInfo,
};

/// What a server says about features besides their values.
#[derive(Clone, Copy, Debug, Default)]
pub struct Included<'a> {
    /// What the caller asked to know.
    pub options: MetadataOptions,
    /// What each feature is, in the order of the features; may be shorter.
    pub descriptions: &'a [String],
    /// Whether to say that the answer is whole.
    pub partial_results: bool,
}

/// The answer for a vector, with what the caller asked to know. Every entry has a type, and both lists have the same
/// length, for released clients fail otherwise.
pub fn response_from_vector(vector: &FeatureVector, included: &Included<'_>, slo: SloInfo) -> GetFeaturesResponse {
    GetFeaturesResponse { result: result_of(vector), metadata: metadata_of(&vector.features, included, slo) }
}

/// The answer for the vectors of a batch, in the order of its keys, each with its own times; `all` are the names and
/// types of the features, `whole` the times of the batch.
pub fn batch_response(
    vectors: &[FeatureVector],
    all: &[(String, DataType)],
    included: &Included<'_>,
    slo: Vec<SloInfo>,
    whole: BatchSloInfo,
) -> BatchResponse {
    let metadata = metadata_of(&common(all, vectors), included, SloInfo::default());
    let status = |place: usize| {
        let each = vectors.iter().filter_map(|vector| vector.features.get(place));
        each.map(|feature| feature.status.as_ref().map_or_else(|| UNKNOWN_STATUS.to_owned(), status_word)).collect()
    };
    let item = |(place, item): (usize, Item)| BatchItem {
        name: item.name,
        effective_time: item.effective_time,
        data_type: item.data_type,
        status: if included.options.include_serving_status { status(place) } else { Vec::new() },
        description: item.description,
    };
    let with_slo = included.options.include_slo_info;
    BatchResponse {
        result: vectors.iter().map(result_of).collect(),
        metadata: BatchMetadata {
            features: metadata.features.into_iter().enumerate().map(item).collect(),
            slo_info: if with_slo { slo } else { Vec::new() },
            batch_slo_info: with_slo.then_some(whole),
        },
    }
}

pub(super) fn result_of(vector: &FeatureVector) -> FeaturesResult {
    FeaturesResult {
        features: vector.features.iter().map(|f| value_to_json(&f.value)).collect(),
        join_keys: Vec::new(),
    }
}

pub(super) fn metadata_of(features: &[FeatureValue], included: &Included<'_>, slo: SloInfo) -> Metadata {
    let options = included.options;
    let item = |(place, feature): (usize, &FeatureValue)| {
        let data_type = type_to_json(&feature.data_type);
        let description = included.descriptions.get(place).filter(|text| !text.is_empty());
        Item {
            name: options.include_names.then(|| feature.name.clone()),
            effective_time: feature.effective_time.filter(|_| options.include_effective_times).map(rfc3339),
            kind: options.include_types.then(|| data_type.kind.clone()),
            data_type: Some(data_type),
            status: feature.status.as_ref().filter(|_| options.include_serving_status).map(status_word),
            description: description.filter(|_| options.include_feature_descriptions).cloned(),
        }
    };
    Metadata {
        features: features.iter().enumerate().map(item).collect(),
        join_keys: Vec::new(),
        slo_info: options.include_slo_info.then_some(slo),
        partial_results: included.partial_results.then_some(false),
    }
}

/// What holds for all vectors: times and statuses where they are the same, and no values.
pub(super) fn common(all: &[(String, DataType)], vectors: &[FeatureVector]) -> Vec<FeatureValue> {
    let feature = |(place, (name, data_type)): (usize, &(String, DataType))| {
        let each = || vectors.iter().filter_map(move |vector| vector.features.get(place));
        FeatureValue {
            name: name.clone(),
            data_type: data_type.clone(),
            value: Value::Null,
            effective_time: same(each().map(|feature| feature.effective_time)),
            status: same(each().map(|feature| feature.status.clone())),
        }
    };
    all.iter().enumerate().map(feature).collect()
}

/// The one thing that all say, if they do.
fn same<T: PartialEq>(mut all: impl Iterator<Item = Option<T>>) -> Option<T> {
    let first = all.next()??;
    all.all(|other| other.as_ref() == Some(&first)).then_some(first)
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
        let stated = item.and_then(|i| i.data_type.as_ref());
        FeatureValue {
            name: item.and_then(|i| i.name.as_deref()).map(name_of).unwrap_or_else(|| format!("{what} {place}")),
            value: stated.map_or_else(|| untyped(value), |stated| value_from_json(value, stated)),
            effective_time: item.and_then(|i| i.effective_time.as_deref()).and_then(|at| parse_time(at).ok()),
            status: item.and_then(|i| i.status.as_deref()).map(status_of),
            data_type: stated.map_or_else(|| guess(value), type_from_json),
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

/// The word for a status that nobody stated.
const UNKNOWN_STATUS: &str = "UNKNOWN_STATUS";

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
        other => FeatureStatus::Other(name_of(other)),
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
        let slo = SloInfo { server_time_seconds: Some(0.25), store_time_seconds: Some(0.125), ..Default::default() };
        let included = Included { options: MetadataOptions::ALL, ..Included::default() };
        let text = serde_json::to_string(&response_from_vector(&vector, &included, slo)).unwrap();
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
