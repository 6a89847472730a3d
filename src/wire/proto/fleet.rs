//! Calls over the jobs of many feature views: filtered and paged, or the status tables of all of them (docs/wire.md
//! section 2.2, across views; docs/messages.md sections 6 and 8).
//!
//! Field numbers and types are the protocol's from 0.9 on; presence matters, so every single field is optional.

use super::common::{Duration, FcoLocator, Id, Timestamp};
use super::enums::{SortDirection, StatusState, WorkType};
use super::status::MaterializationStatus;

/// `metadataservice.GetJobsRequest`. Since 0.6; the states are numbered differently there.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct GetJobsRequest {
    #[prost(string, repeated, tag = "1")]
    pub workspaces: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub feature_views: Vec<String>,
    #[prost(enumeration = "StatusState", repeated, packed = "false", tag = "3")]
    pub statuses: Vec<i32>,
    #[prost(enumeration = "WorkType", repeated, packed = "false", tag = "4")]
    pub task_type: Vec<i32>,
    #[prost(message, optional, tag = "5")]
    pub num_attempts: Option<CountRange>,
    #[prost(message, optional, tag = "6")]
    pub last_task_state_change: Option<DateTimeRange>,
    #[prost(bool, optional, tag = "7")]
    pub manually_triggered: Option<bool>,
    #[prost(message, optional, tag = "8")]
    pub duration: Option<DurationRange>,
    #[prost(message, optional, tag = "9")]
    pub pagination: Option<PaginationRequest>,
    #[prost(message, optional, tag = "10")]
    pub feature_start_time: Option<DateTimeRange>,
    #[prost(message, optional, tag = "11")]
    pub feature_end_time: Option<DateTimeRange>,
    /// Whether the `allow_` flags of the attempts are wanted.
    #[prost(bool, optional, tag = "12")]
    pub include_update_materialization_flags: Option<bool>,
    #[prost(bool, optional, tag = "13")]
    pub writes_online: Option<bool>,
    #[prost(bool, optional, tag = "14")]
    pub writes_offline: Option<bool>,
    /// From 1.2.
    #[prost(string, repeated, tag = "15")]
    pub feature_services: Vec<String>,
}

/// `metadataservice.GetJobsResponse`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct GetJobsResponse {
    #[prost(message, repeated, tag = "1")]
    pub tasks_with_attempts: Vec<TaskWithAttempts>,
    #[prost(message, optional, tag = "2")]
    pub pagination: Option<PaginationResponse>,
}

/// `metadataservice.TaskWithAttempts`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct TaskWithAttempts {
    #[prost(message, optional, tag = "1")]
    pub fco_locator: Option<FcoLocator>,
    #[prost(enumeration = "StatusState", optional, tag = "2")]
    pub task_state: Option<i32>,
    #[prost(message, optional, tag = "3")]
    pub materialization_status: Option<MaterializationStatus>,
    #[prost(message, optional, tag = "4")]
    pub task_id: Option<Id>,
    #[prost(string, optional, tag = "5")]
    pub feature_view_name: Option<String>,
    #[prost(message, optional, tag = "6")]
    pub feature_start_time: Option<Timestamp>,
    #[prost(message, optional, tag = "7")]
    pub feature_end_time: Option<Timestamp>,
    #[prost(enumeration = "WorkType", optional, tag = "8")]
    pub task_type: Option<i32>,
    /// Since 0.9.
    #[prost(bool, optional, tag = "9")]
    pub manually_triggered: Option<bool>,
    /// Since 0.9.
    #[prost(message, optional, tag = "10")]
    pub last_task_state_change: Option<Timestamp>,
}

/// `metadataservice.PaginationRequest`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct PaginationRequest {
    #[prost(uint32, optional, tag = "1")]
    pub page: Option<u32>,
    #[prost(uint32, optional, tag = "2")]
    pub per_page: Option<u32>,
    #[prost(string, optional, tag = "3")]
    pub sort_key: Option<String>,
    #[prost(enumeration = "SortDirection", optional, tag = "4")]
    pub sort_direction: Option<i32>,
    #[prost(string, optional, tag = "5")]
    pub page_token: Option<String>,
}

/// `metadataservice.PaginationResponse`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct PaginationResponse {
    #[prost(uint32, optional, tag = "1")]
    pub page: Option<u32>,
    #[prost(uint32, optional, tag = "2")]
    pub per_page: Option<u32>,
    #[prost(uint32, optional, tag = "3")]
    pub total: Option<u32>,
    #[prost(string, optional, tag = "4")]
    pub next_page_token: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub sort_key: Option<String>,
    #[prost(enumeration = "SortDirection", optional, tag = "6")]
    pub sort_direction: Option<i32>,
}

/// `metadataservice.CountRange`.
#[derive(Clone, Copy, PartialEq, ::prost::Message)]
pub struct CountRange {
    #[prost(uint32, optional, tag = "1")]
    pub start: Option<u32>,
    #[prost(uint32, optional, tag = "2")]
    pub end: Option<u32>,
}

/// `metadataservice.DateTimeRange`; its numbers are 6 and 7.
#[derive(Clone, Copy, PartialEq, ::prost::Message)]
pub struct DateTimeRange {
    #[prost(message, optional, tag = "6")]
    pub start: Option<Timestamp>,
    #[prost(message, optional, tag = "7")]
    pub end: Option<Timestamp>,
}

/// `metadataservice.DurationRange`.
#[derive(Clone, Copy, PartialEq, ::prost::Message)]
pub struct DurationRange {
    #[prost(message, optional, tag = "1")]
    pub start: Option<Duration>,
    #[prost(message, optional, tag = "2")]
    pub end: Option<Duration>,
}

/// `metadataservice.GetAllMaterializationStatusInLiveWorkspacesRequest`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct GetAllMaterializationStatusInLiveWorkspacesRequest {
    #[prost(int32, optional, tag = "1")]
    pub cut_off_days: Option<i32>,
}

/// `metadataservice.GetAllMaterializationStatusInLiveWorkspacesResponse`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct GetAllMaterializationStatusInLiveWorkspacesResponse {
    #[prost(message, repeated, tag = "1")]
    pub feature_view_materialization_status: Vec<FeatureViewMaterializationStatus>,
}

/// `metadataservice.FeatureViewMaterializationStatus`. Up to 0.5 the status has number 2.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct FeatureViewMaterializationStatus {
    #[prost(message, optional, tag = "1")]
    pub fco_locator: Option<FcoLocator>,
    #[prost(message, optional, tag = "3")]
    pub materialization_status: Option<MaterializationStatus>,
}
