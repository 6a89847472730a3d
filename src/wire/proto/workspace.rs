//! The handshake and workspaces (docs/wire.md sections 1.7, 2.5).
//!
//! Field numbers and types are the protocol's; presence matters, so every single field is optional.

use super::common::{MapEntry, Timestamp};

/// `metadataservice.GetConfigsResponse`. Also the answer of GetLoginConfigs.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct GetConfigsResponse {
    /// See docs/wire.md section 1.7 for the keys.
    #[prost(message, repeated, tag = "1")]
    pub key_values: Vec<MapEntry>,
}

/// `metadataservice.GetWorkspaceRequest`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct GetWorkspaceRequest {
    #[prost(string, optional, tag = "1")]
    pub workspace_name: Option<String>,
}

/// `metadataservice.GetWorkspaceResponse`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct GetWorkspaceResponse {
    /// Left empty for an unknown name: then the SDK lists the known ones in its error.
    #[prost(message, optional, tag = "1")]
    pub workspace: Option<Workspace>,
}

/// `metadataservice.ListWorkspacesResponse`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ListWorkspacesResponse {
    #[prost(message, repeated, tag = "1")]
    pub workspaces: Vec<Workspace>,
}

/// `metadataservice.CreateWorkspaceRequest`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct CreateWorkspaceRequest {
    #[prost(string, optional, tag = "2")]
    pub workspace_name: Option<String>,
    #[prost(message, optional, tag = "3")]
    pub capabilities: Option<WorkspaceCapabilities>,
}

/// `metadataservice.DeleteWorkspaceRequest`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct DeleteWorkspaceRequest {
    #[prost(string, optional, tag = "1")]
    pub workspace: Option<String>,
}

/// `data.Workspace`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Workspace {
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    #[prost(message, optional, tag = "2")]
    pub capabilities: Option<WorkspaceCapabilities>,
    /// Since 0.9.
    #[prost(message, optional, tag = "3")]
    pub created_at: Option<Timestamp>,
}

/// `data.WorkspaceCapabilities`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct WorkspaceCapabilities {
    /// True = live workspace.
    #[prost(bool, optional, tag = "1")]
    pub materializable: Option<bool>,
    /// From 0.6.
    #[prost(bool, optional, tag = "2")]
    pub offline_store_subdirectory_enabled: Option<bool>,
}
