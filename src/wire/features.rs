//! The JSON of the feature server: lookups, queries, batches, and what a service holds (docs/wire.md sections 3.1 to
//! 3.3, docs/messages.md section 10).
//!
//! Read in lowerCamelCase and in snake_case, written in lowerCamelCase. Unknown members are skipped, and null reads as
//! absent.

use serde::{Deserialize, Deserializer, Serialize};

mod answer;
mod batch;
mod describe;
mod request;

pub use answer::{
    FeaturesResult, GetFeaturesResponse, Item, ItemType, Metadata, QueryFeaturesResponse, SloInfo, StructField,
};
pub use batch::{BatchItem, BatchMetadata, BatchParameters, BatchRequest, BatchResponse, BatchSloInfo, RequestData};
pub use describe::{DEFAULT, DescribeParameters, DescribeRequest, Described, ServiceMetadata, WILDCARD};
pub use request::{GetFeaturesRequest, Locator, MetadataOptions, Parameters};

/// Path of the call for one key, below the deployment's URL.
pub const GET_FEATURES_PATH: &str = "v1/feature-service/get-features";
/// Path of the call for all values of the wildcard key, below the deployment's URL.
pub const QUERY_FEATURES_PATH: &str = "v1/feature-service/query-features";
/// Path of the call for several keys, below the deployment's URL.
pub const GET_FEATURES_BATCH_PATH: &str = "v1/feature-service/get-features-batch";
/// Path of the call for what a service holds, below the deployment's URL.
pub const METADATA_PATH: &str = "v1/feature-service/metadata";
/// The most keys of one batch (docs/wire.md section 3.2).
pub const BATCH_ROWS: usize = 25;

/// Null as what stands for an absent member.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(from)?.unwrap_or_default())
}

/// Body of a refusal, with HTTP status 400, 401, 403, 404, 429, 503 or 504.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ErrorBody {
    /// The sentence: what is wrong and what to do.
    pub error: String,
    /// The same sentence; what released clients show.
    pub message: String,
    /// A gRPC code, see [`super::status`].
    pub code: i32,
}

impl ErrorBody {
    /// A refusal whose two members say the same sentence.
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
