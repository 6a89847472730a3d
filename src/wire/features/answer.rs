//! What the feature server answers for one key, and for all values of the wildcard key.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::or_default;

/// The answer of `get-features`: one vector (docs/wire.md section 3.1).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GetFeaturesResponse {
    /// The values, in the order of `metadata.features`.
    #[serde(default, deserialize_with = "or_default")]
    pub result: FeaturesResult,
    /// What was asked for about them; the same length as the values.
    #[serde(default, deserialize_with = "or_default")]
    pub metadata: Metadata,
}

/// The answer of `query-features`: a vector for each value of the wildcard key (docs/wire.md section 3.2).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct QueryFeaturesResponse {
    /// One for each value of the wildcard key.
    #[serde(default, deserialize_with = "or_default")]
    pub results: Vec<FeaturesResult>,
    /// What was asked for about the values of all results.
    #[serde(default, deserialize_with = "or_default")]
    pub metadata: Metadata,
}

/// The values of one vector.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FeaturesResult {
    /// One a feature; 64-bit integers as text, not-a-number and infinities as text, missing as null.
    #[serde(deserialize_with = "or_default")]
    pub features: Vec<Value>,
    /// Of `query-features`: the join keys that were not asked for, in the form of features.
    #[serde(alias = "join_keys", deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub join_keys: Vec<Value>,
}

/// What is said about the values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    /// One entry a feature, in the order of the values.
    #[serde(deserialize_with = "or_default")]
    pub features: Vec<Item>,
    /// Of `query-features`: name and type of each of a result's join keys.
    #[serde(alias = "join_keys", deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub join_keys: Vec<Item>,
    /// Times and sizes of the serving path.
    #[serde(alias = "slo_info", skip_serializing_if = "Option::is_none")]
    pub slo_info: Option<SloInfo>,
    /// Whether some values are not there for lack of time.
    #[serde(alias = "partial_results", skip_serializing_if = "Option::is_none")]
    pub partial_results: Option<bool>,
}

/// What is said about one value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Item {
    /// `view.feature`, or the feature alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The instant that the value stands for, RFC 3339; absent unless asked for, and where nothing was stored.
    #[serde(alias = "effective_time", skip_serializing_if = "Option::is_none")]
    pub effective_time: Option<String>,
    /// The type in one word.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Type of the value, in full; absent unless asked for.
    #[serde(alias = "data_type", skip_serializing_if = "Option::is_none")]
    pub data_type: Option<ItemType>,
    /// `PRESENT`, `MISSING_DATA` or another word of docs/wire.md section 3.1; absent unless asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// What the feature is, in words; absent unless asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// Type of a value, with the types of what it is made of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ItemType {
    /// `int64`, `float64`, `string`, `boolean`, `array`, `timestamp`, ...
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub kind: String,
    /// Type of an array's elements.
    #[serde(alias = "element_type", skip_serializing_if = "Option::is_none")]
    pub element_type: Option<Box<ItemType>>,
    /// Fields of a struct, in the order of its values.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<StructField>,
    /// Type of a map's keys.
    #[serde(alias = "key_type", skip_serializing_if = "Option::is_none")]
    pub key_type: Option<Box<ItemType>>,
    /// Type of a map's values.
    #[serde(alias = "value_type", skip_serializing_if = "Option::is_none")]
    pub value_type: Option<Box<ItemType>>,
}

/// A field of a struct.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StructField {
    /// Name of the field, unique in the struct.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// Type of the field's values.
    #[serde(alias = "data_type", deserialize_with = "or_default")]
    pub data_type: ItemType,
}

/// Times and sizes of the serving path, as far as they were measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SloInfo {
    /// Whether the answer counts for the service level; absent where there is no such promise.
    #[serde(alias = "slo_eligible", skip_serializing_if = "Option::is_none")]
    pub slo_eligible: Option<bool>,
    /// Server time that counts for the service level.
    #[serde(alias = "slo_server_time_seconds", skip_serializing_if = "Option::is_none")]
    pub slo_server_time_seconds: Option<f64>,
    /// Server time, from the request's arrival to the answer, in seconds.
    #[serde(alias = "server_time_seconds", skip_serializing_if = "Option::is_none")]
    pub server_time_seconds: Option<f64>,
    /// Time spent in the online store.
    #[serde(alias = "store_time_seconds", skip_serializing_if = "Option::is_none")]
    pub store_time_seconds: Option<f64>,
    /// The longest single read of the online store, in seconds.
    #[serde(alias = "store_max_latency", skip_serializing_if = "Option::is_none")]
    pub store_max_latency: Option<f64>,
    /// Bytes that the online store answered with.
    #[serde(alias = "store_response_size_bytes", skip_serializing_if = "Option::is_none")]
    pub store_response_size_bytes: Option<u64>,
}
