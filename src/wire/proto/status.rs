//! Summary, materialization status and freshness (docs/wire.md sections 2.3, 2.4).
//!
//! Field numbers and types are the protocol's; presence matters, so every single field is optional.

use super::common::{Duration, FcoLocator, FcoMetadata, Id, Timestamp};
use super::enums::{StatusState, TaskType};

/// `metadataservice.GetFeatureViewSummaryRequest`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct GetFeatureViewSummaryRequest {
    /// Id and workspace are set.
    #[prost(message, optional, tag = "1")]
    pub fco_locator: Option<FcoLocator>,
}

/// `metadataservice.GetFeatureViewSummaryResponse`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct GetFeatureViewSummaryResponse {
    #[prost(message, optional, tag = "1")]
    pub fco_summary: Option<FcoSummary>,
}

/// `data.FcoSummary`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct FcoSummary {
    #[prost(message, optional, tag = "1")]
    pub fco_metadata: Option<FcoMetadata>,
    #[prost(message, repeated, tag = "2")]
    pub summary_items: Vec<SummaryItem>,
}

/// `data.SummaryItem`. One row of the table; exactly one of value, multi_values, nested_summary_items.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct SummaryItem {
    /// `featureStartTimeSeconds` makes value be read as unix seconds.
    #[prost(string, optional, tag = "1")]
    pub key: Option<String>,
    /// Absent = row is hidden.
    #[prost(string, optional, tag = "2")]
    pub display_name: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub value: Option<String>,
    #[prost(string, repeated, tag = "4")]
    pub multi_values: Vec<String>,
    #[prost(message, repeated, tag = "5")]
    pub nested_summary_items: Vec<SummaryItem>,
}

/// `metadataservice.GetMaterializationStatusRequest`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct GetMaterializationStatusRequest {
    /// Feature view id.
    #[prost(message, optional, tag = "1")]
    pub feature_package_id: Option<Id>,
    /// Since 0.9.
    #[prost(bool, optional, tag = "2")]
    pub include_deleted: Option<bool>,
    /// Since 0.9.
    #[prost(string, optional, tag = "3")]
    pub workspace: Option<String>,
}

/// `metadataservice.GetMaterializationStatusResponse`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct GetMaterializationStatusResponse {
    #[prost(message, optional, tag = "1")]
    pub materialization_status: Option<MaterializationStatus>,
}

/// `data.MaterializationStatus`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct MaterializationStatus {
    #[prost(message, optional, tag = "1")]
    pub feature_package_id: Option<Id>,
    /// Display order is the order sent.
    #[prost(message, repeated, tag = "2")]
    pub materialization_attempts: Vec<MaterializationAttemptStatus>,
    /// Since 0.9.
    #[prost(string, optional, tag = "3")]
    pub schedule_error_message: Option<String>,
}

/// `data.MaterializationAttemptStatus`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct MaterializationAttemptStatus {
    /// TYPE.
    #[prost(enumeration = "TaskType", optional, tag = "1")]
    pub data_source_type: Option<i32>,
    /// WINDOW_START_TIME.
    #[prost(message, optional, tag = "2")]
    pub window_start_time: Option<Timestamp>,
    /// WINDOW_END_TIME.
    #[prost(message, optional, tag = "3")]
    pub window_end_time: Option<Timestamp>,
    /// STATUS.
    #[prost(enumeration = "StatusState", optional, tag = "4")]
    pub materialization_state: Option<i32>,
    /// MATERIALIZATION_TASK; equals the job id.
    #[prost(message, optional, tag = "5")]
    pub materialization_task_id: Option<Id>,
    /// ATTEMPT, starts at 1.
    #[prost(int32, optional, tag = "6")]
    pub attempt_number: Option<i32>,
    /// ENV_VERSION.
    #[prost(int32, optional, tag = "7")]
    pub spark_cluster_environment_version: Option<i32>,
    /// From 0.9; JOB_LOGS.
    #[prost(string, optional, tag = "8")]
    pub run_page_url: Option<String>,
    /// JOB_CREATED_AT.
    #[prost(message, optional, tag = "9")]
    pub attempt_created_at: Option<Timestamp>,
    /// STATE_MESSAGE.
    #[prost(string, optional, tag = "10")]
    pub state_message: Option<String>,
    /// TERMINATION_REASON.
    #[prost(string, optional, tag = "11")]
    pub termination_reason: Option<String>,
    #[prost(bool, optional, tag = "12")]
    pub spot_instance_failure: Option<bool>,
    /// TASK_SCHEDULED_AT.
    #[prost(message, optional, tag = "13")]
    pub materialization_task_created_at: Option<Timestamp>,
    /// Feature time range of the task.
    #[prost(message, optional, tag = "14")]
    pub feature_start_time: Option<Timestamp>,
    #[prost(message, optional, tag = "15")]
    pub feature_end_time: Option<Timestamp>,
    /// No further automatic retry.
    #[prost(bool, optional, tag = "16")]
    pub is_permanent_failure: Option<bool>,
    /// When the next attempt is due.
    #[prost(message, optional, tag = "17")]
    pub retry_time: Option<Timestamp>,
    /// 0..1.
    #[prost(float, optional, tag = "18")]
    pub progress: Option<f32>,
    #[prost(message, optional, tag = "19")]
    pub duration: Option<Duration>,
    /// Permits ForceRetryMaterializationTask.
    #[prost(bool, optional, tag = "20")]
    pub allow_forced_retry: Option<bool>,
    /// Permits it with allow_overwrite.
    #[prost(bool, optional, tag = "21")]
    pub allow_overwrite_retry: Option<bool>,
    /// Permits cancelling.
    #[prost(bool, optional, tag = "22")]
    pub allow_cancel: Option<bool>,
    #[prost(bool, optional, tag = "23")]
    pub write_to_online_feature_store: Option<bool>,
    #[prost(bool, optional, tag = "24")]
    pub write_to_offline_feature_store: Option<bool>,
    /// From 0.9; permits RestartMaterializationTask.
    #[prost(bool, optional, tag = "28")]
    pub allow_restart: Option<bool>,
    /// From 1.2.
    #[prost(message, optional, tag = "29")]
    pub materialization_attempt_id: Option<Id>,
    /// Since 0.9.
    #[prost(message, optional, tag = "30")]
    pub tecton_managed_attempt_id: Option<Id>,
    /// Since 0.9.
    #[prost(string, optional, tag = "31")]
    pub tecton_runtime_version: Option<String>,
}

/// `metadataservice.GetAllFeatureFreshnessRequest`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct GetAllFeatureFreshnessRequest {
    #[prost(string, optional, tag = "1")]
    pub workspace: Option<String>,
}

/// `metadataservice.GetAllFeatureFreshnessResponse`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct GetAllFeatureFreshnessResponse {
    #[prost(message, repeated, tag = "1")]
    pub freshness_statuses: Vec<FreshnessStatus>,
}

/// `metadataservice.GetFeatureFreshnessRequest`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct GetFeatureFreshnessRequest {
    #[prost(message, optional, tag = "1")]
    pub fco_locator: Option<FcoLocator>,
}

/// `metadataservice.GetFeatureFreshnessResponse`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct GetFeatureFreshnessResponse {
    #[prost(message, optional, tag = "1")]
    pub freshness_status: Option<FreshnessStatus>,
}

/// `data.FreshnessStatus`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct FreshnessStatus {
    #[prost(message, optional, tag = "1")]
    pub feature_view_id: Option<Id>,
    #[prost(string, optional, tag = "2")]
    pub feature_view_name: Option<String>,
    #[prost(message, optional, tag = "3")]
    pub created_at: Option<Timestamp>,
    #[prost(message, optional, tag = "4")]
    pub expected_freshness: Option<Duration>,
    #[prost(bool, optional, tag = "5")]
    pub is_stream: Option<bool>,
    #[prost(bool, optional, tag = "6")]
    pub materialization_enabled: Option<bool>,
    #[prost(message, optional, tag = "7")]
    pub freshness: Option<Duration>,
    #[prost(bool, optional, tag = "8")]
    pub is_stale: Option<bool>,
}
