//! Materialization and deletion jobs (docs/wire.md section 2.2), and up to when their windows are materialized.
//!
//! Field numbers and types are the protocol's; presence matters, so every single field is optional.

use super::common::Timestamp;

/// `materializationjobservice.MaterializationJobRequest`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct MaterializationJobRequest {
    #[prost(string, optional, tag = "1")]
    pub workspace: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub feature_view: Option<String>,
    #[prost(message, optional, tag = "3")]
    pub start_time: Option<Timestamp>,
    #[prost(message, optional, tag = "4")]
    pub end_time: Option<Timestamp>,
    #[prost(bool, optional, tag = "5")]
    pub online: Option<bool>,
    #[prost(bool, optional, tag = "6")]
    pub offline: Option<bool>,
    /// SDK default true.
    #[prost(bool, optional, tag = "7")]
    pub use_tecton_managed_retries: Option<bool>,
    /// SDK default false.
    #[prost(bool, optional, tag = "8")]
    pub overwrite: Option<bool>,
}

/// `materializationjobservice.MaterializationJobResponse`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct MaterializationJobResponse {
    #[prost(message, optional, tag = "1")]
    pub job: Option<MaterializationJob>,
}

/// `materializationjobservice.MaterializationJob`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct MaterializationJob {
    /// Hex id, equals the task id of docs/messages.md section 6.
    #[prost(string, optional, tag = "1")]
    pub id: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub workspace: Option<String>,
    /// From 1.2.
    #[prost(string, optional, tag = "3")]
    pub feature_view: Option<String>,
    #[prost(message, optional, tag = "4")]
    pub start_time: Option<Timestamp>,
    #[prost(message, optional, tag = "5")]
    pub end_time: Option<Timestamp>,
    #[prost(message, optional, tag = "6")]
    pub created_at: Option<Timestamp>,
    #[prost(message, optional, tag = "7")]
    pub updated_at: Option<Timestamp>,
    /// Text, see docs/wire.md section 2.2.
    #[prost(string, optional, tag = "9")]
    pub state: Option<String>,
    #[prost(message, repeated, tag = "10")]
    pub attempts: Vec<JobAttempt>,
    /// Only while a retry is waiting.
    #[prost(message, optional, tag = "11")]
    pub next_attempt_at: Option<Timestamp>,
    #[prost(bool, optional, tag = "12")]
    pub online: Option<bool>,
    #[prost(bool, optional, tag = "13")]
    pub offline: Option<bool>,
    /// Text, e.g. BATCH, STREAM, INGEST, DELETION; compare without regard to case.
    #[prost(string, optional, tag = "14")]
    pub job_type: Option<String>,
    /// Since 0.9.
    #[prost(string, optional, tag = "15")]
    pub ingest_path: Option<String>,
    /// From 1.2.
    #[prost(string, optional, tag = "16")]
    pub feature_service: Option<String>,
    /// From 1.2; presence makes 1.2 treat it as a dataset job.
    #[prost(string, optional, tag = "17")]
    pub saved_feature_data_frame: Option<String>,
}

/// `materializationjobservice.JobAttempt`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct JobAttempt {
    #[prost(string, optional, tag = "1")]
    pub id: Option<String>,
    #[prost(message, optional, tag = "2")]
    pub created_at: Option<Timestamp>,
    #[prost(message, optional, tag = "3")]
    pub updated_at: Option<Timestamp>,
    /// Text.
    #[prost(string, optional, tag = "4")]
    pub state: Option<String>,
    /// Link to the run.
    #[prost(string, optional, tag = "5")]
    pub run_url: Option<String>,
}

/// `materializationjobservice.ListJobsRequest`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ListJobsRequest {
    #[prost(string, optional, tag = "1")]
    pub workspace: Option<String>,
    /// From 1.2.
    #[prost(string, optional, tag = "2")]
    pub feature_view: Option<String>,
    /// From 1.2.
    #[prost(string, optional, tag = "3")]
    pub feature_service: Option<String>,
}

/// `materializationjobservice.ListJobsResponse`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ListJobsResponse {
    #[prost(message, repeated, tag = "1")]
    pub jobs: Vec<MaterializationJob>,
}

/// `materializationjobservice.GetJobRequest`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct GetJobRequest {
    #[prost(string, optional, tag = "1")]
    pub job_id: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub workspace: Option<String>,
    /// From 1.2.
    #[prost(string, optional, tag = "3")]
    pub feature_view: Option<String>,
    /// From 1.2.
    #[prost(string, optional, tag = "4")]
    pub feature_service: Option<String>,
}

/// `materializationjobservice.GetJobResponse`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct GetJobResponse {
    #[prost(message, optional, tag = "1")]
    pub job: Option<MaterializationJob>,
}

/// `materializationjobservice.CancelJobRequest`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct CancelJobRequest {
    #[prost(string, optional, tag = "1")]
    pub job_id: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub workspace: Option<String>,
    /// From 1.2.
    #[prost(string, optional, tag = "3")]
    pub feature_view: Option<String>,
    /// From 1.2.
    #[prost(string, optional, tag = "4")]
    pub feature_service: Option<String>,
}

/// `materializationjobservice.CancelJobResponse`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct CancelJobResponse {
    #[prost(message, optional, tag = "1")]
    pub job: Option<MaterializationJob>,
}

/// `materializationjobservice.GetLatestReadyTimeRequest`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct GetLatestReadyTimeRequest {
    #[prost(string, optional, tag = "1")]
    pub workspace: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub feature_view: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub feature_service: Option<String>,
}

/// `materializationjobservice.GetLatestReadyTimeResponse`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct GetLatestReadyTimeResponse {
    #[prost(message, optional, tag = "1")]
    pub online_latest_ready_time: Option<Timestamp>,
    #[prost(message, optional, tag = "2")]
    pub offline_latest_ready_time: Option<Timestamp>,
}
