//! Deletion of keys, and keys as the online store's file has them (docs/wire.md section 2.6).
//!
//! Field numbers and types are the protocol's; presence matters, so every single field is optional.

use super::common::{Empty, FcoLocator, Id};

/// `metadataservice.GetDeleteEntitiesInfoRequest`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct GetDeleteEntitiesInfoRequest {
    /// Feature view id.
    #[prost(message, optional, tag = "1")]
    pub feature_definition_id: Option<Id>,
}

/// `metadataservice.GetDeleteEntitiesInfoResponse`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct GetDeleteEntitiesInfoResponse {
    /// Folder URI; both key files live below it.
    #[prost(string, optional, tag = "1")]
    pub df_path: Option<String>,
    /// HTTP PUT target.
    #[prost(string, optional, tag = "3")]
    pub signed_url_for_df_upload_online: Option<String>,
    /// HTTP PUT target.
    #[prost(string, optional, tag = "4")]
    pub signed_url_for_df_upload_offline: Option<String>,
}

/// `metadataservice.DeleteEntitiesRequest`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct DeleteEntitiesRequest {
    /// Id and workspace are set.
    #[prost(message, optional, tag = "1")]
    pub fco_locator: Option<FcoLocator>,
    /// Up to 0.6: a folder of files.
    #[prost(string, optional, tag = "2")]
    pub online_join_keys_path: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub offline_join_keys_path: Option<String>,
    #[prost(bool, optional, tag = "4")]
    pub online: Option<bool>,
    #[prost(bool, optional, tag = "5")]
    pub offline: Option<bool>,
    /// From 0.9, in place of the folder: a single file.
    #[prost(string, optional, tag = "6")]
    pub online_join_keys_full_path: Option<String>,
}

/// `metadataservice.DeleteEntitiesResponse`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct DeleteEntitiesResponse {
    /// From 0.9.
    #[prost(string, repeated, tag = "1")]
    pub job_ids: Vec<String>,
}

/// `online_store.FeatureValueList`: one key, its values in the order of the join keys.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct FeatureValueList {
    #[prost(message, repeated, tag = "1")]
    pub feature_values: Vec<FeatureValue>,
}

/// `online_store.FeatureValue`. Exactly one is set. Join keys are integers and texts; values of other types are
/// skipped.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct FeatureValue {
    #[prost(int64, optional, tag = "4")]
    pub int64_value: Option<i64>,
    #[prost(string, optional, tag = "6")]
    pub string_value: Option<String>,
    #[prost(message, optional, tag = "7")]
    pub null_value: Option<Empty>,
}
