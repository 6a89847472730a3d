//! Feature services: what several views serve together.
//!
//! Field numbers and types are the protocol's; presence matters, so every single field is optional.

use super::common::{FcoMetadata, Id, MapEntry};
use super::view::FcoContainer;

/// `data.FeatureService`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct FeatureService {
    #[prost(message, optional, tag = "1")]
    pub feature_service_id: Option<Id>,
    #[prost(message, repeated, tag = "2")]
    pub feature_set_items: Vec<FeatureSetItem>,
    #[prost(message, optional, tag = "9")]
    pub fco_metadata: Option<FcoMetadata>,
    #[prost(bool, optional, tag = "11")]
    pub online_serving_enabled: Option<bool>,
    /// Since 0.9.
    #[prost(message, repeated, tag = "16")]
    pub options: Vec<MapEntry>,
    /// Since 0.9.
    #[prost(bool, optional, tag = "17")]
    pub enable_online_caching: Option<bool>,
}

/// `data.FeatureSetItem`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct FeatureSetItem {
    /// How the join keys of the view are called in the service.
    #[prost(message, repeated, tag = "3")]
    pub join_configuration_items: Vec<JoinConfigurationItem>,
    /// Stands in front of its features' names.
    #[prost(string, optional, tag = "4")]
    pub namespace: Option<String>,
    #[prost(string, repeated, tag = "5")]
    pub feature_columns: Vec<String>,
    #[prost(message, optional, tag = "6")]
    pub feature_view_id: Option<Id>,
}

/// `data.JoinConfigurationItem`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct JoinConfigurationItem {
    /// In requests and spines.
    #[prost(string, optional, tag = "1")]
    pub spine_column_name: Option<String>,
    /// In the view.
    #[prost(string, optional, tag = "2")]
    pub package_column_name: Option<String>,
}

/// `metadataservice.GetAllFeatureServicesRequest`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct GetAllFeatureServicesRequest {
    #[prost(string, optional, tag = "1")]
    pub workspace: Option<String>,
}

/// `metadataservice.GetAllFeatureServicesResponse`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct GetAllFeatureServicesResponse {
    #[prost(message, repeated, tag = "1")]
    pub feature_services: Vec<FeatureService>,
}

/// `metadataservice.GetFeatureServiceRequest`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct GetFeatureServiceRequest {
    /// Name, or id as 32 hex digits.
    #[prost(string, optional, tag = "2")]
    pub service_reference: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub workspace: Option<String>,
    #[prost(message, optional, tag = "4")]
    pub id: Option<Id>,
}

/// `metadataservice.GetFeatureServiceResponse`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct GetFeatureServiceResponse {
    /// Up to 0.5.
    #[prost(message, optional, tag = "1")]
    pub feature_service: Option<FeatureService>,
    /// Empty container = not found.
    #[prost(message, optional, tag = "2")]
    pub fco_container: Option<FcoContainer>,
}
