//! What is asked of the feature server: whose features, for which key, and what to say besides.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::or_default;

/// Body of `get-features` and `query-features`; the latter leaves the wildcard key out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GetFeaturesRequest {
    /// What is asked for; an absent member asks for nothing, which is refused.
    #[serde(default, deserialize_with = "or_default")]
    pub params: Parameters,
}

/// Whose features are asked for: a feature service or a feature view, by name or id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Locator {
    /// A feature service by name.
    #[serde(alias = "feature_service_name", skip_serializing_if = "Option::is_none")]
    pub feature_service_name: Option<String>,
    /// A feature service by id.
    #[serde(alias = "feature_service_id", skip_serializing_if = "Option::is_none")]
    pub feature_service_id: Option<String>,
    /// A feature view by name.
    #[serde(alias = "feature_view_name", skip_serializing_if = "Option::is_none")]
    pub feature_view_name: Option<String>,
    /// A feature view by id.
    #[serde(alias = "feature_view_id", skip_serializing_if = "Option::is_none")]
    pub feature_view_id: Option<String>,
    /// A feature view by name, in an older word.
    #[serde(alias = "feature_package_name", skip_serializing_if = "Option::is_none")]
    pub feature_package_name: Option<String>,
    /// A feature view by id, in an older word.
    #[serde(alias = "feature_package_id", skip_serializing_if = "Option::is_none")]
    pub feature_package_id: Option<String>,
}

impl Locator {
    /// A feature view by name.
    pub fn view(name: &str) -> Self {
        Self { feature_view_name: Some(name.to_owned()), ..Self::default() }
    }

    /// A feature service by name.
    pub fn service(name: &str) -> Self {
        Self { feature_service_name: Some(name.to_owned()), ..Self::default() }
    }

    /// Name or id of the feature service that is asked for.
    pub fn service_asked(&self) -> Option<&str> {
        first([&self.feature_service_name, &self.feature_service_id])
    }

    /// Name or id of the feature view that is asked for.
    pub fn view_asked(&self) -> Option<&str> {
        let packages = || first([&self.feature_package_name, &self.feature_package_id]);
        first([&self.feature_view_name, &self.feature_view_id]).or_else(packages)
    }
}

fn first(all: [&Option<String>; 2]) -> Option<&str> {
    all.into_iter().filter_map(|one| one.as_deref()).find(|text| !text.is_empty())
}

/// What a lookup asks for: whose features, for which key, and what to say besides.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Parameters {
    /// Workspace of the view or service.
    #[serde(alias = "workspace_name", deserialize_with = "or_default")]
    pub workspace_name: String,
    /// The feature service or view whose features are wanted, by name or id.
    #[serde(flatten)]
    pub locator: Locator,
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
    /// What to say about the features besides their values.
    #[serde(alias = "metadata_options", deserialize_with = "or_default")]
    pub metadata_options: MetadataOptions,
    /// Whether an answer without some values is better than none. The answer then says whether it is one.
    #[serde(
        alias = "allow_partial_results",
        deserialize_with = "or_default",
        skip_serializing_if = "std::ops::Not::not"
    )]
    pub allow_partial_results: bool,
}

/// What to say about the features besides their values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MetadataOptions {
    /// Names of the features, as `view.feature` or `feature`.
    #[serde(alias = "include_names")]
    pub include_names: bool,
    /// Data types in full, with element types and fields.
    #[serde(alias = "include_data_types")]
    pub include_data_types: bool,
    /// Data types, in one word.
    #[serde(alias = "include_types", skip_serializing_if = "std::ops::Not::not")]
    pub include_types: bool,
    /// Effective times: the instants that the values stand for.
    #[serde(alias = "include_effective_times")]
    pub include_effective_times: bool,
    /// Times and sizes of the serving path.
    #[serde(alias = "include_slo_info")]
    pub include_slo_info: bool,
    /// Whether the store had each feature.
    #[serde(alias = "include_serving_status")]
    pub include_serving_status: bool,
    /// What each feature is, in its author's words.
    #[serde(alias = "include_feature_descriptions", skip_serializing_if = "std::ops::Not::not")]
    pub include_feature_descriptions: bool,
}

impl MetadataOptions {
    /// All that a console shows of a vector.
    pub const ALL: Self = Self {
        include_names: true,
        include_data_types: true,
        include_types: false,
        include_effective_times: true,
        include_slo_info: true,
        include_serving_status: true,
        include_feature_descriptions: false,
    };
}
