//! How a feature view is materialized.
//!
//! Field numbers and types are the protocol's; presence matters, so every single field is optional.

use super::common::{Duration, Id, Timestamp};

/// `data.NewMaterializationParams`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct NewMaterializationParams {
    /// The `batch_schedule`.
    #[prost(message, optional, tag = "1")]
    pub schedule_interval: Option<Duration>,
    #[prost(message, optional, tag = "2")]
    pub materialization_start_timestamp: Option<Timestamp>,
    /// Since 0.9.
    #[prost(message, optional, tag = "3")]
    pub max_backfill_interval: Option<Duration>,
    /// Online enabled.
    #[prost(bool, optional, tag = "4")]
    pub writes_to_online_store: Option<bool>,
    /// Offline enabled.
    #[prost(bool, optional, tag = "5")]
    pub writes_to_offline_store: Option<bool>,
    /// `delete_keys` on 0.5 wants delta.
    #[prost(message, optional, tag = "6")]
    pub offline_store_config: Option<OfflineFeatureStoreConfig>,
    /// Kept as it came.
    #[prost(bytes = "vec", optional, tag = "7")]
    pub batch_materialization: Option<Vec<u8>>,
    /// The `max_data_delay`.
    #[prost(message, optional, tag = "9")]
    pub max_source_data_delay: Option<Duration>,
    #[prost(message, optional, tag = "10")]
    pub online_store_params: Option<OnlineStoreParams>,
    #[prost(int32, optional, tag = "12")]
    pub time_range_policy: Option<i32>,
    /// The `feature_start_time`.
    #[prost(message, optional, tag = "13")]
    pub feature_start_timestamp: Option<Timestamp>,
    /// Since 0.9.
    #[prost(int32, optional, tag = "16")]
    pub online_backfill_load_type: Option<i32>,
    /// From 1.2.
    #[prost(int32, optional, tag = "24")]
    pub aggregation_leading_edge: Option<i32>,
    /// From 1.2.
    #[prost(message, optional, tag = "25")]
    pub transform_server_group_id: Option<Id>,
}

/// `args.OfflineFeatureStoreConfig`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct OfflineFeatureStoreConfig {
    #[prost(message, optional, tag = "1")]
    pub parquet: Option<ParquetConfig>,
    #[prost(message, optional, tag = "2")]
    pub delta: Option<DeltaConfig>,
    /// From 0.6.
    #[prost(string, optional, tag = "3")]
    pub subdirectory_override: Option<String>,
}

/// `args.DeltaConfig`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct DeltaConfig {
    #[prost(message, optional, tag = "1")]
    pub time_partition_size: Option<Duration>,
}

/// `args.ParquetConfig`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ParquetConfig {}

/// `data.OnlineStoreParams`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct OnlineStoreParams {
    /// Up to 0.9.
    #[prost(bool, optional, tag = "1")]
    pub user_specified: Option<bool>,
    /// From 0.9; kept as it came.
    #[prost(bytes = "vec", optional, tag = "2")]
    pub dynamo: Option<Vec<u8>>,
}

/// `data.MaterializationStateTransition`. History of switching materialization on and off. 0.5 looks at all entries
/// before a deletion: no entry with the store enabled means that store is skipped with a message; any entry with
/// offline_enabled makes it insist on a delta offline store.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct MaterializationStateTransition {
    #[prost(message, optional, tag = "1")]
    pub timestamp: Option<Timestamp>,
    #[prost(bool, optional, tag = "2")]
    pub online_enabled: Option<bool>,
    #[prost(bool, optional, tag = "3")]
    pub offline_enabled: Option<bool>,
    #[prost(message, optional, tag = "4")]
    pub feature_start_timestamp: Option<Timestamp>,
    #[prost(int32, optional, tag = "5")]
    pub materialization_serial_version: Option<i32>,
    /// Since 0.9.
    #[prost(bool, optional, tag = "6")]
    pub force_stream_job_restart: Option<bool>,
    /// Since 0.9.
    #[prost(string, optional, tag = "7")]
    pub tecton_runtime_version: Option<String>,
}

/// `data.MonitoringParams`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct MonitoringParams {
    #[prost(bool, optional, tag = "1")]
    pub user_specified: Option<bool>,
    #[prost(bool, optional, tag = "2")]
    pub monitor_freshness: Option<bool>,
    /// What the freshness table calls expected.
    #[prost(message, optional, tag = "3")]
    pub expected_feature_freshness: Option<Duration>,
    #[prost(string, optional, tag = "4")]
    pub alert_email: Option<String>,
    /// From 0.6.
    #[prost(int32, optional, tag = "5")]
    pub grace_period_seconds: Option<i32>,
}
