//! API keys and service accounts (docs/messages.md section 3).
//!
//! Field numbers and types are the protocol's; presence matters, so every single field is optional.

use super::common::{Id, Timestamp};

/// `metadataservice.IntrospectApiKeyRequest`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct IntrospectApiKeyRequest {
    #[prost(string, optional, tag = "1")]
    pub api_key: Option<String>,
}

/// `metadataservice.IntrospectApiKeyResponse`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct IntrospectApiKeyResponse {
    /// Shown in hex as the key id.
    #[prost(message, optional, tag = "1")]
    pub id: Option<Id>,
    #[prost(string, optional, tag = "2")]
    pub description: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub created_by: Option<String>,
    /// False for a revoked key.
    #[prost(bool, optional, tag = "4")]
    pub active: Option<bool>,
    #[prost(bool, optional, tag = "5")]
    pub is_admin: Option<bool>,
    /// From 0.6.
    #[prost(string, optional, tag = "6")]
    pub name: Option<String>,
}

/// `metadataservice.CreateApiKeyRequest`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct CreateApiKeyRequest {
    #[prost(string, optional, tag = "1")]
    pub description: Option<String>,
    #[prost(bool, optional, tag = "2")]
    pub is_admin: Option<bool>,
}

/// `metadataservice.CreateApiKeyResponse`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct CreateApiKeyResponse {
    /// The only time the secret is shown.
    #[prost(string, optional, tag = "1")]
    pub key: Option<String>,
    /// From 0.6.
    #[prost(message, optional, tag = "2")]
    pub id: Option<Id>,
}

/// `metadataservice.ListApiKeysRequest`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ListApiKeysRequest {
    #[prost(bool, optional, tag = "1")]
    pub include_archived: Option<bool>,
}

/// `metadataservice.ListApiKeysResponse`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ListApiKeysResponse {
    #[prost(message, repeated, tag = "1")]
    pub api_keys: Vec<TectonApiKey>,
}

/// `data.TectonApiKey`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct TectonApiKey {
    #[prost(message, optional, tag = "1")]
    pub id: Option<Id>,
    /// Never sent by this program: a hash is nobody's business.
    #[prost(string, optional, tag = "2")]
    pub hashed_key: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub description: Option<String>,
    #[prost(bool, optional, tag = "4")]
    pub archived: Option<bool>,
    #[prost(string, optional, tag = "5")]
    pub created_by: Option<String>,
    /// Masked form for display.
    #[prost(string, optional, tag = "6")]
    pub obscured_key: Option<String>,
    #[prost(bool, optional, tag = "7")]
    pub is_admin: Option<bool>,
    #[prost(string, optional, tag = "8")]
    pub name: Option<String>,
    #[prost(bool, optional, tag = "9")]
    pub is_active: Option<bool>,
    /// From 0.9.
    #[prost(message, optional, tag = "11")]
    pub created_at: Option<Timestamp>,
}

/// `metadataservice.DeleteApiKeyRequest`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct DeleteApiKeyRequest {
    #[prost(message, optional, tag = "1")]
    pub id: Option<Id>,
}

/// `metadataservice.GetServiceAccountsRequest`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct GetServiceAccountsRequest {
    #[prost(string, optional, tag = "1")]
    pub search: Option<String>,
    #[prost(string, repeated, tag = "2")]
    pub ids: Vec<String>,
}

/// `metadataservice.GetServiceAccountsResponse`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct GetServiceAccountsResponse {
    #[prost(message, repeated, tag = "1")]
    pub service_accounts: Vec<ServiceAccount>,
}

/// `metadataservice.ServiceAccount`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ServiceAccount {
    #[prost(string, optional, tag = "1")]
    pub id: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub name: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub description: Option<String>,
    #[prost(bool, optional, tag = "4")]
    pub is_active: Option<bool>,
    /// From 0.9.
    #[prost(message, optional, tag = "7")]
    pub created_at: Option<Timestamp>,
    /// From 1.2; [`API_KEY_CREDENTIALS`] here.
    #[prost(int32, optional, tag = "8")]
    pub credentials_type: Option<i32>,
}

/// `SERVICE_ACCOUNT_CREDENTIALS_TYPE_API_KEY` of `data.ServiceAccountCredentialsType`.
pub const API_KEY_CREDENTIALS: i32 = 1;

/// `metadataservice.CreateServiceAccountRequest`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct CreateServiceAccountRequest {
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub description: Option<String>,
    /// From 1.2.
    #[prost(int32, optional, tag = "3")]
    pub credentials_type: Option<i32>,
}

/// `metadataservice.CreateServiceAccountResponse`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct CreateServiceAccountResponse {
    #[prost(string, optional, tag = "1")]
    pub id: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub name: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub description: Option<String>,
    #[prost(bool, optional, tag = "4")]
    pub is_active: Option<bool>,
    #[prost(string, optional, tag = "5")]
    pub api_key: Option<String>,
    /// From 0.9.
    #[prost(message, optional, tag = "6")]
    pub created_at: Option<Timestamp>,
    /// From 1.2.
    #[prost(int32, optional, tag = "7")]
    pub credentials_type: Option<i32>,
}

/// `metadataservice.DeleteServiceAccountRequest`. The field tables do not show it; an id is all that it can carry.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct DeleteServiceAccountRequest {
    #[prost(string, optional, tag = "1")]
    pub id: Option<String>,
}
