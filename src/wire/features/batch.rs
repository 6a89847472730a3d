//! `get-features-batch`: several keys of one service in one call (docs/wire.md section 3.2).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{FeaturesResult, ItemType, Locator, MetadataOptions, SloInfo, or_default};

/// The JSON body of a `get-features-batch` request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BatchRequest {
    /// What is asked for; an absent member asks for nothing, which is refused.
    #[serde(default, deserialize_with = "or_default")]
    pub params: BatchParameters,
}

/// What a batch asks for: whose features, for which keys, and what to say besides.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BatchParameters {
    /// Workspace of the view or service.
    #[serde(alias = "workspace_name", deserialize_with = "or_default")]
    pub workspace_name: String,
    /// The feature service or view whose features are wanted, by name or id.
    #[serde(flatten)]
    pub locator: Locator,
    /// The keys, at most [`super::BATCH_ROWS`].
    #[serde(alias = "request_data", deserialize_with = "or_default")]
    pub request_data: Vec<RequestData>,
    /// What to say about the features besides their values.
    #[serde(alias = "metadata_options", deserialize_with = "or_default")]
    pub metadata_options: MetadataOptions,
}

/// One key of a batch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RequestData {
    /// The key: integers travel as text.
    #[serde(alias = "join_key_map", deserialize_with = "or_default")]
    pub join_key_map: BTreeMap<String, Value>,
    /// Input of realtime features; not used here, accepted.
    #[serde(
        alias = "request_context_map",
        deserialize_with = "or_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub request_context_map: BTreeMap<String, Value>,
}

/// The answer, in the order of the keys.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BatchResponse {
    /// The values of each key.
    #[serde(deserialize_with = "or_default")]
    pub result: Vec<FeaturesResult>,
    /// What was asked for about them.
    #[serde(deserialize_with = "or_default")]
    pub metadata: BatchMetadata,
}

/// What is said about the values of all keys.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BatchMetadata {
    /// One entry a feature, in the order of each key's values.
    #[serde(deserialize_with = "or_default")]
    pub features: Vec<BatchItem>,
    /// Times and sizes of each key's lookup.
    #[serde(alias = "slo_info", deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub slo_info: Vec<SloInfo>,
    /// Times of the batch as a whole; absent unless asked for.
    #[serde(alias = "batch_slo_info", skip_serializing_if = "Option::is_none")]
    pub batch_slo_info: Option<BatchSloInfo>,
}

/// What is said about one feature of all keys.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BatchItem {
    /// `view.feature`, or the feature alone; absent unless asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// RFC 3339; there where it is the same for all keys.
    #[serde(alias = "effective_time", skip_serializing_if = "Option::is_none")]
    pub effective_time: Option<String>,
    /// Type of the values, in full; absent unless asked for.
    #[serde(alias = "data_type", skip_serializing_if = "Option::is_none")]
    pub data_type: Option<ItemType>,
    /// Whether the store had it, a word for each key, in their order; empty unless asked for.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<String>,
    /// What the feature is, in words; absent unless asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// Times of a whole batch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BatchSloInfo {
    /// Server time, from the request's arrival to the answer, in seconds.
    #[serde(alias = "server_time_seconds", skip_serializing_if = "Option::is_none")]
    pub server_time_seconds: Option<f64>,
    /// The longest single read of the online store, in seconds.
    #[serde(alias = "store_max_latency", skip_serializing_if = "Option::is_none")]
    pub store_max_latency: Option<f64>,
}
