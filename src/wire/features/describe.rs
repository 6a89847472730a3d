//! `metadata`: what a service wants to be given and what it answers (docs/wire.md section 3.2).

use serde::{Deserialize, Serialize};

use super::{ItemType, Locator, or_default};

/// The word for what is looked up by full keys.
pub const DEFAULT: &str = "DEFAULT";
/// The word for what a query answers for, for all values of a key.
pub const WILDCARD: &str = "WILDCARD";

/// Body of the call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DescribeRequest {
    /// The parameters.
    #[serde(default, deserialize_with = "or_default")]
    pub params: DescribeParameters,
}

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DescribeParameters {
    /// Workspace of the view or service.
    #[serde(alias = "workspace_name", deserialize_with = "or_default")]
    pub workspace_name: String,
    /// The view or service.
    #[serde(flatten)]
    pub locator: Locator,
}

/// The answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceMetadata {
    /// [`DEFAULT`], or [`WILDCARD`] where a query answers for all values of a key.
    #[serde(alias = "feature_service_type", deserialize_with = "or_default")]
    pub feature_service_type: String,
    /// Join keys that requests give.
    #[serde(alias = "input_join_keys", deserialize_with = "or_default")]
    pub input_join_keys: Vec<Described>,
    /// Inputs of realtime features.
    #[serde(alias = "input_request_context_keys", deserialize_with = "or_default")]
    pub input_request_context_keys: Vec<Described>,
    /// Join keys that the results of queries give: the wildcard key.
    #[serde(alias = "output_join_keys", deserialize_with = "or_default")]
    pub output_join_keys: Vec<Described>,
    /// Features, in the order of answers.
    #[serde(alias = "feature_values", deserialize_with = "or_default")]
    pub feature_values: Vec<Described>,
}

/// A name and its type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Described {
    /// The name.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// The type.
    #[serde(alias = "data_type", deserialize_with = "or_default")]
    pub data_type: ItemType,
}
