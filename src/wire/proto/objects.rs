//! Calls that bring what feature views refer to: entities, data sources, transformations, feature services.
//!
//! Field numbers and types are the protocol's; presence matters, so every single field is optional.

use super::common::Id;
use super::source::{Entity, Transformation, VirtualDataSource};
use super::view::FcoContainer;

/// `metadataservice.GetAllEntitiesRequest`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct GetAllEntitiesRequest {
    #[prost(string, optional, tag = "1")]
    pub workspace: Option<String>,
}

/// `metadataservice.GetAllEntitiesResponse`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct GetAllEntitiesResponse {
    #[prost(message, repeated, tag = "1")]
    pub entities: Vec<Entity>,
}

/// `metadataservice.GetAllTransformationsRequest`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct GetAllTransformationsRequest {
    #[prost(string, optional, tag = "2")]
    pub workspace: Option<String>,
}

/// `metadataservice.GetAllTransformationsResponse`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct GetAllTransformationsResponse {
    #[prost(message, repeated, tag = "2")]
    pub transformations: Vec<Transformation>,
}

/// `metadataservice.GetAllVirtualDataSourcesRequest`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct GetAllVirtualDataSourcesRequest {
    #[prost(string, optional, tag = "1")]
    pub workspace: Option<String>,
}

/// `metadataservice.GetAllVirtualDataSourcesResponse`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct GetAllVirtualDataSourcesResponse {
    #[prost(message, repeated, tag = "1")]
    pub virtual_data_sources: Vec<VirtualDataSource>,
}

/// `metadataservice.GetEntityRequest`. One of id and name is set.
#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct GetEntityRequest {
    #[prost(message, optional, tag = "1")]
    pub entity_id: Option<Id>,
    #[prost(string, optional, tag = "2")]
    pub name: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub workspace: Option<String>,
}

/// `metadataservice.GetEntityResponse`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct GetEntityResponse {
    /// Up to 0.5.
    #[prost(message, optional, tag = "1")]
    pub entity: Option<Entity>,
    /// Empty container = not found.
    #[prost(message, optional, tag = "2")]
    pub fco_container: Option<FcoContainer>,
}

/// `metadataservice.GetTransformationRequest`. One of id and name is set.
#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct GetTransformationRequest {
    #[prost(message, optional, tag = "1")]
    pub transformation_id: Option<Id>,
    #[prost(string, optional, tag = "2")]
    pub name: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub workspace: Option<String>,
}

/// `metadataservice.GetTransformationResponse`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct GetTransformationResponse {
    /// Up to 0.5.
    #[prost(message, optional, tag = "2")]
    pub new_transformation: Option<Transformation>,
    /// Empty container = not found.
    #[prost(message, optional, tag = "3")]
    pub fco_container: Option<FcoContainer>,
}

/// `metadataservice.GetVirtualDataSourceRequest`. One of id and name is set.
#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct GetVirtualDataSourceRequest {
    #[prost(message, optional, tag = "1")]
    pub virtual_data_source_id: Option<Id>,
    #[prost(string, optional, tag = "2")]
    pub name: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub workspace: Option<String>,
}

/// `metadataservice.GetVirtualDataSourceResponse`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct GetVirtualDataSourceResponse {
    /// Up to 0.5.
    #[prost(message, optional, tag = "1")]
    pub virtual_data_source: Option<VirtualDataSource>,
    /// Empty container = not found.
    #[prost(message, optional, tag = "2")]
    pub fco_container: Option<FcoContainer>,
}
