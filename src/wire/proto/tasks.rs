//! Calls about one task or one attempt of it: another try, stages, log (docs/wire.md section 2.2, task level calls).
//!
//! Field numbers and types are the protocol's; presence matters, so every single field is optional.

use super::common::{Duration, FcoLocator, Id, Timestamp};
use super::enums::{StageErrorType, StageState, StageType, StatusState, WorkType};
use super::status::{MaterializationAttemptStatus, MaterializationStatus};

/// `metadataservice.ForceRetryMaterializationTaskRequest`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ForceRetryMaterializationTaskRequest {
    #[prost(message, optional, tag = "1")]
    pub materialization_task_id: Option<Id>,
    #[prost(bool, optional, tag = "2")]
    pub allow_overwrite: Option<bool>,
}

/// `metadataservice.ForceRetryMaterializationTaskResponse`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ForceRetryMaterializationTaskResponse {
    /// Set: refused; the call itself succeeds.
    #[prost(string, optional, tag = "1")]
    pub error_message: Option<String>,
}

/// `metadataservice.RestartMaterializationTaskRequest`. Since 0.9.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct RestartMaterializationTaskRequest {
    #[prost(message, optional, tag = "1")]
    pub materialization_task_id: Option<Id>,
}

/// `metadataservice.RestartMaterializationTaskResponse`. Since 0.9.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct RestartMaterializationTaskResponse {
    /// Set: refused; the call itself succeeds.
    #[prost(string, optional, tag = "1")]
    pub error_message: Option<String>,
    #[prost(message, optional, tag = "2")]
    pub new_materialization_task_id: Option<Id>,
}

/// `metadataservice.GetJobDetailsRequest`. Since 0.9.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct GetJobDetailsRequest {
    #[prost(message, optional, tag = "1")]
    pub tecton_managed_attempt_id: Option<Id>,
}

/// `metadataservice.GetJobDetailsResponse`. Since 0.9.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct GetJobDetailsResponse {
    #[prost(message, optional, tag = "1")]
    pub fco_locator: Option<FcoLocator>,
    #[prost(message, optional, tag = "2")]
    pub attempt_details: Option<TaskAttemptDetails>,
}

/// `metadataservice.TaskAttemptDetails`. Since 0.9.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct TaskAttemptDetails {
    #[prost(message, optional, tag = "1")]
    pub task_id: Option<Id>,
    #[prost(enumeration = "WorkType", optional, tag = "2")]
    pub task_type: Option<i32>,
    #[prost(enumeration = "StatusState", optional, tag = "3")]
    pub task_state: Option<i32>,
    #[prost(message, optional, tag = "4")]
    pub attempt_status: Option<MaterializationAttemptStatus>,
    #[prost(message, optional, tag = "5")]
    pub run_details: Option<TectonManagedInfo>,
    #[prost(message, optional, tag = "7")]
    pub feature_start_time: Option<Timestamp>,
    #[prost(message, optional, tag = "8")]
    pub feature_end_time: Option<Timestamp>,
}

/// `materialization.TectonManagedInfo`. Since 0.9.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct TectonManagedInfo {
    #[prost(message, repeated, tag = "1")]
    pub stages: Vec<TectonManagedStage>,
    /// From 1.2.
    #[prost(enumeration = "StageState", optional, tag = "2")]
    pub state: Option<i32>,
}

/// `materialization.TectonManagedStage`. Since 0.9.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct TectonManagedStage {
    #[prost(enumeration = "StageType", optional, tag = "1")]
    pub stage_type: Option<i32>,
    #[prost(enumeration = "StageState", optional, tag = "2")]
    pub state: Option<i32>,
    #[prost(string, optional, tag = "3")]
    pub external_link: Option<String>,
    #[prost(float, optional, tag = "4")]
    pub progress: Option<f32>,
    #[prost(string, optional, tag = "5")]
    pub description: Option<String>,
    #[prost(enumeration = "StageErrorType", optional, tag = "6")]
    pub error_type: Option<i32>,
    #[prost(string, optional, tag = "7")]
    pub error_detail: Option<String>,
    #[prost(string, optional, tag = "8")]
    pub compiled_sql_query: Option<String>,
    #[prost(message, optional, tag = "9")]
    pub duration: Option<Duration>,
    #[prost(message, optional, tag = "10")]
    pub start_time: Option<Timestamp>,
}

/// `metadataservice.GetJobStatusRequest`. Since 1.2.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct GetJobStatusRequest {
    #[prost(string, optional, tag = "1")]
    pub workspace: Option<String>,
    #[prost(message, optional, tag = "2")]
    pub task_id: Option<Id>,
}

/// `metadataservice.GetJobStatusResponse`. Since 1.2.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct GetJobStatusResponse {
    #[prost(message, optional, tag = "1")]
    pub status: Option<MaterializationStatus>,
}

/// `metadataservice.GetJobLogsRequest`. Since 1.2.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct GetJobLogsRequest {
    #[prost(message, optional, tag = "1")]
    pub tecton_managed_attempt_id: Option<Id>,
}

/// `metadataservice.GetJobLogsResponse`. Since 1.2.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct GetJobLogsResponse {
    #[prost(message, optional, tag = "1")]
    pub fco_locator: Option<FcoLocator>,
    #[prost(string, optional, tag = "2")]
    pub logs: Option<String>,
}
