//! The JSON of the feature server: `get-features` and `query-features` (wire sections 3.1 to 3.3).
//!
//! Read in lowerCamelCase and in snake_case, written in lowerCamelCase.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Path of the call for one key, below the deployment's URL.
pub const GET_FEATURES_PATH: &str = "v1/feature-service/get-features";
/// Path of the call for all values of the wildcard key, below the deployment's URL.
pub const QUERY_FEATURES_PATH: &str = "v1/feature-service/query-features";

/// Body of either call; `query-features` leaves the wildcard key out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GetFeaturesRequest {
    /// The parameters.
    #[serde(default)]
    pub params: Parameters,
}

/// What is asked for. One of the four locators is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Parameters {
    /// Workspace of the view.
    #[serde(alias = "workspace_name")]
    pub workspace_name: String,
    /// A feature service by name.
    #[serde(alias = "feature_service_name", skip_serializing_if = "Option::is_none")]
    pub feature_service_name: Option<String>,
    /// A feature service by id.
    #[serde(alias = "feature_service_id", skip_serializing_if = "Option::is_none")]
    pub feature_service_id: Option<String>,
    /// A feature view by name.
    #[serde(
        alias = "feature_view_name",
        alias = "featurePackageName",
        alias = "feature_package_name",
        skip_serializing_if = "Option::is_none"
    )]
    pub feature_view_name: Option<String>,
    /// A feature view by id.
    #[serde(
        alias = "feature_view_id",
        alias = "featurePackageId",
        alias = "feature_package_id",
        skip_serializing_if = "Option::is_none"
    )]
    pub feature_view_id: Option<String>,
    /// The key: integers travel as text.
    #[serde(alias = "join_key_map")]
    pub join_key_map: BTreeMap<String, Value>,
    /// Input of realtime features; not used here, accepted.
    #[serde(alias = "request_context_map", skip_serializing_if = "BTreeMap::is_empty")]
    pub request_context_map: BTreeMap<String, Value>,
    /// What to say about the features besides their values.
    #[serde(alias = "metadata_options")]
    pub metadata_options: MetadataOptions,
}

/// What to say about the features besides their values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MetadataOptions {
    /// Names.
    #[serde(alias = "include_names")]
    pub include_names: bool,
    /// Data types.
    #[serde(alias = "include_data_types", alias = "includeTypes", alias = "include_types")]
    pub include_data_types: bool,
    /// Effective times.
    #[serde(alias = "include_effective_times")]
    pub include_effective_times: bool,
    /// Times and sizes of the serving path.
    #[serde(alias = "include_slo_info")]
    pub include_slo_info: bool,
    /// Whether the store had each feature.
    #[serde(alias = "include_serving_status")]
    pub include_serving_status: bool,
}

impl MetadataOptions {
    /// Everything there is.
    pub const ALL: Self = Self {
        include_names: true,
        include_data_types: true,
        include_effective_times: true,
        include_slo_info: true,
        include_serving_status: true,
    };
}

/// The answer of `get-features`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GetFeaturesResponse {
    /// The values.
    #[serde(default)]
    pub result: FeaturesResult,
    /// What was asked for about them; the same length as the values.
    #[serde(default)]
    pub metadata: Metadata,
}

/// The answer of `query-features`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct QueryFeaturesResponse {
    /// One for each value of the wildcard key.
    #[serde(default)]
    pub results: Vec<FeaturesResult>,
    /// What was asked for about the values of all results.
    #[serde(default)]
    pub metadata: Metadata,
}

/// The values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FeaturesResult {
    /// One a feature; 64-bit integers as text, not-a-number and infinities as text, missing as null.
    pub features: Vec<Value>,
    /// Of `query-features`: the join keys that were not asked for, in the form of features.
    #[serde(alias = "join_keys", skip_serializing_if = "Vec::is_empty")]
    pub join_keys: Vec<Value>,
}

/// What is said about the values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    /// One entry a feature.
    pub features: Vec<Item>,
    /// Of `query-features`: name and type of each of a result's join keys.
    #[serde(alias = "join_keys", skip_serializing_if = "Vec::is_empty")]
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
    /// RFC 3339.
    #[serde(alias = "effective_time", skip_serializing_if = "Option::is_none")]
    pub effective_time: Option<String>,
    /// Type of the value.
    #[serde(alias = "data_type", skip_serializing_if = "Option::is_none")]
    pub data_type: Option<ItemType>,
    /// `PRESENT`, `MISSING_DATA`, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

/// Type of a value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ItemType {
    /// `int64`, `float64`, `string`, `boolean`, `array`, `timestamp`, ...
    #[serde(rename = "type")]
    pub kind: String,
    /// Type of an array's elements.
    #[serde(alias = "element_type", skip_serializing_if = "Option::is_none")]
    pub element_type: Option<Box<ItemType>>,
}

/// Times and sizes of the serving path.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SloInfo {
    /// Whether the answer counts for the service level.
    #[serde(alias = "slo_eligible", skip_serializing_if = "Option::is_none")]
    pub slo_eligible: Option<bool>,
    /// Server time that counts for the service level.
    #[serde(alias = "slo_server_time_seconds", skip_serializing_if = "Option::is_none")]
    pub slo_server_time_seconds: Option<f64>,
    /// Server time, the whole.
    #[serde(alias = "server_time_seconds", skip_serializing_if = "Option::is_none")]
    pub server_time_seconds: Option<f64>,
    /// Time spent in the online store.
    #[serde(alias = "store_time_seconds", skip_serializing_if = "Option::is_none")]
    pub store_time_seconds: Option<f64>,
}

/// Body of a refusal, with HTTP status 400, 401, 403, 404, 429, 503 or 504.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ErrorBody {
    /// A sentence.
    pub error: String,
    /// The same sentence; what released clients show.
    pub message: String,
    /// A gRPC code, see [`super::status`].
    pub code: i32,
}

impl ErrorBody {
    /// A refusal.
    pub fn new(code: i32, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { error: message.clone(), message, code }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_in_both_spellings() {
        let camel = r#"{"params":{"workspaceName":"prod","featureViewName":"v","joinKeyMap":{"id":"17"},
            "metadataOptions":{"includeNames":true,"includeSloInfo":true},"requestOptions":{"readFromCache":true}}}"#;
        let snake = r#"{"params":{"workspace_name":"prod","feature_view_name":"v","join_key_map":{"id":"17"},
            "metadata_options":{"include_names":true,"include_slo_info":true},"allow_partial_results":false}}"#;
        let camel: GetFeaturesRequest = serde_json::from_str(camel).unwrap();
        assert_eq!(camel, serde_json::from_str(snake).unwrap());
        assert!(camel.params.metadata_options.include_slo_info);
        let again: GetFeaturesRequest = serde_json::from_str(&serde_json::to_string(&camel).unwrap()).unwrap();
        assert_eq!(again, camel);
    }
}
