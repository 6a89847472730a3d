//! Which windows of a view are ready to be served (docs/messages.md section 6).
//!
//! Field numbers and types are the protocol's; presence matters, so every single field is optional.

use super::common::{Id, Timestamp};
use super::enums::ServingState;

/// `metadataservice.GetServingStatusRequest`. One of the two ids is set.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct GetServingStatusRequest {
    /// Feature view id.
    #[prost(message, optional, tag = "1")]
    pub feature_package_id: Option<Id>,
    #[prost(message, optional, tag = "2")]
    pub feature_service_id: Option<Id>,
    #[prost(string, optional, tag = "3")]
    pub workspace: Option<String>,
}

/// `metadataservice.GetServingStatusResponse`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct GetServingStatusResponse {
    #[prost(message, optional, tag = "5")]
    pub serving_status_summary: Option<ServingStatusSummary>,
}

/// `data.ServingStatusSummary`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ServingStatusSummary {
    #[prost(message, repeated, tag = "1")]
    pub offline_readiness_ranges: Vec<StatusRange>,
    #[prost(message, optional, tag = "2")]
    pub streaming_serving_status: Option<ServingStatus>,
    #[prost(message, optional, tag = "3")]
    pub most_recent_ready_time: Option<Timestamp>,
    #[prost(message, repeated, tag = "7")]
    pub online_readiness_ranges: Vec<StatusRange>,
}

/// `data.StatusRange`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct StatusRange {
    #[prost(message, optional, tag = "1")]
    pub begin_inclusive: Option<Timestamp>,
    #[prost(message, optional, tag = "2")]
    pub end_exclusive: Option<Timestamp>,
    #[prost(message, optional, tag = "3")]
    pub status: Option<ServingStatus>,
}

/// `data.ServingStatus`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ServingStatus {
    #[prost(enumeration = "ServingState", optional, tag = "1")]
    pub serving_state: Option<i32>,
    #[prost(string, repeated, tag = "2")]
    pub errors: Vec<String>,
}
