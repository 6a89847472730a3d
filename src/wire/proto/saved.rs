//! Saved feature data frames (docs/wire.md section 2.7).
//!
//! Field numbers and types are the protocol's; presence matters, so every single field is optional.

use super::common::{Id, Schema, SparkSchema, Timestamp};
use super::enums::SavedFrameType;

/// `metadataservice.CreateSavedFeatureDataFrameRequest`. One of the two ids is set.
#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct CreateSavedFeatureDataFrameRequest {
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// Feature view id.
    #[prost(message, optional, tag = "2")]
    pub feature_package_id: Option<Id>,
    #[prost(message, optional, tag = "3")]
    pub feature_service_id: Option<Id>,
    #[prost(string, repeated, tag = "4")]
    pub join_key_column_names: Vec<String>,
    #[prost(string, optional, tag = "5")]
    pub timestamp_column_name: Option<String>,
    #[prost(message, optional, tag = "6")]
    pub schema: Option<SparkSchema>,
    #[prost(string, optional, tag = "7")]
    pub workspace: Option<String>,
}

/// `metadataservice.CreateSavedFeatureDataFrameResponse` and `metadataservice.GetSavedFeatureDataFrameResponse`, which
/// are the same on the wire.
#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct SavedFeatureDataFrameResponse {
    #[prost(message, optional, tag = "1")]
    pub saved_feature_dataframe: Option<SavedFeatureDataFrame>,
}

/// `metadataservice.GetSavedFeatureDataFrameRequest`. One of name and id is set.
#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct GetSavedFeatureDataFrameRequest {
    #[prost(string, optional, tag = "1")]
    pub saved_feature_dataframe_name: Option<String>,
    #[prost(message, optional, tag = "2")]
    pub saved_feature_dataframe_id: Option<Id>,
    #[prost(string, optional, tag = "3")]
    pub workspace: Option<String>,
}

/// `metadataservice.GetAllSavedFeatureDataFramesRequest`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct GetAllSavedFeatureDataFramesRequest {
    #[prost(string, optional, tag = "1")]
    pub workspace: Option<String>,
}

/// `metadataservice.GetAllSavedFeatureDataFramesResponse`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct GetAllSavedFeatureDataFramesResponse {
    #[prost(message, repeated, tag = "1")]
    pub saved_feature_dataframes: Vec<SavedFeatureDataFrame>,
}

/// `metadataservice.ArchiveSavedFeatureDataFrameRequest`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct ArchiveSavedFeatureDataFrameRequest {
    #[prost(message, optional, tag = "1")]
    pub saved_feature_dataframe_id: Option<Id>,
}

/// `data.SavedFeatureDataFrame`. One of the two ids and one of the two names are set.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct SavedFeatureDataFrame {
    #[prost(message, optional, tag = "1")]
    pub saved_feature_dataframe_id: Option<Id>,
    #[prost(message, optional, tag = "2")]
    pub info: Option<SavedFeatureDataFrameInfo>,
    /// URI of the rows.
    #[prost(string, optional, tag = "3")]
    pub dataframe_location: Option<String>,
    /// Feature view id.
    #[prost(message, optional, tag = "4")]
    pub feature_package_id: Option<Id>,
    #[prost(message, optional, tag = "5")]
    pub feature_service_id: Option<Id>,
    /// Feature view name.
    #[prost(string, optional, tag = "6")]
    pub feature_package_name: Option<String>,
    #[prost(string, optional, tag = "7")]
    pub feature_service_name: Option<String>,
    #[prost(string, repeated, tag = "9")]
    pub join_key_column_names: Vec<String>,
    #[prost(string, optional, tag = "10")]
    pub timestamp_column_name: Option<String>,
    #[prost(message, optional, tag = "11")]
    pub schema: Option<SparkSchema>,
    #[prost(enumeration = "SavedFrameType", optional, tag = "12")]
    pub r#type: Option<i32>,
    /// From 1.2.
    #[prost(message, optional, tag = "14")]
    pub unified_schema: Option<Schema>,
}

/// `data.SavedFeatureDataFrameInfo`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct SavedFeatureDataFrameInfo {
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    #[prost(message, optional, tag = "2")]
    pub created_at: Option<Timestamp>,
    #[prost(bool, optional, tag = "3")]
    pub is_archived: Option<bool>,
    #[prost(string, optional, tag = "4")]
    pub workspace: Option<String>,
    #[prost(bool, optional, tag = "5")]
    pub is_data_deleted: Option<bool>,
}
