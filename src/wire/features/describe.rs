//! `metadata`: what a service wants to be given and what it answers (docs/wire.md section 3.2).

use serde::{Deserialize, Serialize};

use super::{ItemType, Locator, or_default};

/// The word for what is looked up by full keys.
pub const DEFAULT: &str = "DEFAULT";
/// The word for what a query answers for, for all values of a key.
pub const WILDCARD: &str = "WILDCARD";

/// The JSON body of a `metadata` request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DescribeRequest {
    /// What is asked for; an absent member asks for nothing, which is refused.
    #[serde(default, deserialize_with = "or_default")]
    pub params: DescribeParameters,
}

/// Which service or view is to be described.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DescribeParameters {
    /// Workspace of the view or service.
    #[serde(alias = "workspace_name", deserialize_with = "or_default")]
    pub workspace_name: String,
    /// The feature service or view, by name or id.
    #[serde(flatten)]
    pub locator: Locator,
}

/// The answer of `metadata` (docs/wire.md section 3.2).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceMetadata {
    /// [`DEFAULT`], or [`WILDCARD`] where a query answers for all values of a key.
    #[serde(alias = "feature_service_type", deserialize_with = "or_default")]
    pub feature_service_type: String,
    /// Join keys that requests give.
    #[serde(alias = "input_join_keys", deserialize_with = "or_default")]
    pub input_join_keys: Vec<Described>,
    /// Inputs of realtime features; fvtop's platform has none.
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
    /// Name of the join key or feature, as requests and answers have it.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// Type of its values, in full.
    #[serde(alias = "data_type", deserialize_with = "or_default")]
    pub data_type: ItemType,
}
