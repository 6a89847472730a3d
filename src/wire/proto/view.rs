//! A feature view and the calls that bring it (docs/wire.md section 2.1).
//!
//! Field numbers and types are the protocol's; presence matters, so every single field is optional.

use super::aggregate::TemporalAggregate;
use super::common::{Duration, Empty, FcoMetadata, Id, MapEntry, Schema};
use super::enums::{BackfillConfigMode, BatchComputeMode, BatchTriggerType, FrameworkVersion, SourceKind};
use super::materialization::{MaterializationStateTransition, MonitoringParams, NewMaterializationParams};
use super::service::FeatureService;
use super::source::{Entity, Transformation, VirtualDataSource};

/// `metadataservice.GetFeatureViewRequest`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct GetFeatureViewRequest {
    /// Name, or id as 32 hex digits.
    #[prost(string, optional, tag = "1")]
    pub version_specifier: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub workspace: Option<String>,
    /// Not used by the 0.5 lookup.
    #[prost(message, optional, tag = "4")]
    pub id: Option<Id>,
    /// Up to 0.5; 0.5 sends true.
    #[prost(bool, optional, tag = "5")]
    pub disable_legacy_response: Option<bool>,
    /// From 0.6.
    #[prost(bool, optional, tag = "6")]
    pub run_object_version_check: Option<bool>,
}

/// `metadataservice.GetFeatureViewResponse`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct GetFeatureViewResponse {
    /// Up to 0.5; legacy, leave out.
    #[prost(message, optional, tag = "1")]
    pub feature_view: Option<FeatureView>,
    /// Empty container = not found.
    #[prost(message, optional, tag = "2")]
    pub fco_container: Option<FcoContainer>,
}

/// `metadataservice.QueryFeatureViewsRequest`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct QueryFeatureViewsRequest {
    /// Unset = all of the workspace.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub workspace: Option<String>,
    /// Up to 0.5.
    #[prost(bool, optional, tag = "5")]
    pub disable_legacy_response: Option<bool>,
}

/// `metadataservice.QueryFeatureViewsResponse`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct QueryFeatureViewsResponse {
    #[prost(message, optional, tag = "2")]
    pub fco_container: Option<FcoContainer>,
}

/// `data.FcoContainer`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct FcoContainer {
    /// Ids of the feature views asked for.
    #[prost(message, repeated, tag = "1")]
    pub root_ids: Vec<Id>,
    /// Those views plus every entity, data source and transformation they refer to.
    #[prost(message, repeated, tag = "2")]
    pub fcos: Vec<Fco>,
    /// Since 0.9.
    #[prost(string, optional, tag = "3")]
    pub workspace: Option<String>,
}

/// `data.Fco`. Exactly one member must be set in each element. They are boxed, for an empty element of two bytes must
/// not take the room of all of them.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Fco {
    #[prost(message, optional, boxed, tag = "1")]
    pub virtual_data_source: Option<Box<VirtualDataSource>>,
    #[prost(message, optional, boxed, tag = "2")]
    pub entity: Option<Box<Entity>>,
    #[prost(message, optional, boxed, tag = "4")]
    pub feature_service: Option<Box<FeatureService>>,
    #[prost(message, optional, boxed, tag = "6")]
    pub feature_view: Option<Box<FeatureView>>,
    /// From 0.6.
    #[prost(message, optional, boxed, tag = "7")]
    pub transformation: Option<Box<Transformation>>,
}

/// `data.FeatureView`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct FeatureView {
    #[prost(message, optional, tag = "1")]
    pub feature_view_id: Option<Id>,
    #[prost(message, optional, tag = "2")]
    pub fco_metadata: Option<FcoMetadata>,
    #[prost(message, repeated, tag = "3")]
    pub entity_ids: Vec<Id>,
    /// Order matters: it is the order of key columns everywhere.
    #[prost(string, repeated, tag = "4")]
    pub join_keys: Vec<String>,
    /// Presence decides the wildcard key; always set it.
    #[prost(message, optional, tag = "5")]
    pub online_serving_index: Option<OnlineServingIndex>,
    #[prost(message, optional, tag = "6")]
    pub pipeline: Option<Pipeline>,
    #[prost(message, optional, tag = "7")]
    pub temporal_aggregate: Option<TemporalAggregate>,
    #[prost(message, optional, tag = "8")]
    pub temporal: Option<Temporal>,
    #[prost(message, optional, tag = "9")]
    pub materialization_params: Option<NewMaterializationParams>,
    #[prost(string, optional, tag = "10")]
    pub timestamp_key: Option<String>,
    #[prost(message, optional, tag = "11")]
    pub schemas: Option<FeatureViewSchemas>,
    #[prost(bool, optional, tag = "12")]
    pub materialization_enabled: Option<bool>,
    #[prost(message, repeated, tag = "13")]
    pub materialization_state_transitions: Vec<MaterializationStateTransition>,
    #[prost(message, optional, tag = "14")]
    pub monitoring_params: Option<MonitoringParams>,
    /// Its presence alone is read; from 1.2 the field is called `realtime_feature_view`.
    #[prost(message, optional, tag = "17")]
    pub on_demand_feature_view: Option<Empty>,
    /// Not needed.
    #[prost(int32, optional, tag = "19")]
    pub framework_version: Option<i32>,
    #[prost(int32, optional, tag = "23")]
    pub feature_store_format_version: Option<i32>,
    /// Shown as `url`.
    #[prost(string, optional, tag = "25")]
    pub web_url: Option<String>,
    /// Not needed, 5 if written.
    #[prost(enumeration = "FrameworkVersion", optional, tag = "26")]
    pub fw_version: Option<i32>,
    /// 2 = manual trigger.
    #[prost(enumeration = "BatchTriggerType", optional, tag = "27")]
    pub batch_trigger: Option<i32>,
    /// Since 0.9.
    #[prost(message, repeated, tag = "30")]
    pub options: Vec<MapEntry>,
    /// From 0.9; 1.2 refuses an object without it; write 1 (Spark) or 3 (Rift).
    #[prost(enumeration = "BatchComputeMode", optional, tag = "31")]
    pub batch_compute_mode: Option<i32>,
    /// Not needed; kept as it came.
    #[prost(bytes = "vec", optional, tag = "1000")]
    pub enrichments: Option<Vec<u8>>,
}

/// `data.OnlineServingIndex`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct OnlineServingIndex {
    /// Join keys that must be given at look-up; a key missing here is the wildcard key.
    #[prost(string, repeated, tag = "1")]
    pub join_keys: Vec<String>,
}

/// `data.FeatureViewSchemas`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct FeatureViewSchemas {
    /// Columns of the view including keys and timestamp.
    #[prost(message, optional, tag = "1")]
    pub view_schema: Option<Schema>,
    /// Columns of the stored features.
    #[prost(message, optional, tag = "2")]
    pub materialization_schema: Option<Schema>,
    /// Since 0.9.
    #[prost(bool, optional, tag = "4")]
    pub is_explicit_view_schema: Option<bool>,
}

/// `data.Temporal`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Temporal {
    /// The `ttl`.
    #[prost(message, optional, tag = "16")]
    pub serving_ttl: Option<Duration>,
    /// 1 = batch view, 2 = stream view.
    #[prost(enumeration = "SourceKind", optional, tag = "17")]
    pub data_source_type: Option<i32>,
    #[prost(message, optional, tag = "18")]
    pub backfill_config: Option<BackfillConfig>,
    #[prost(bool, optional, tag = "19")]
    pub incremental_backfills: Option<bool>,
    /// From 0.6.
    #[prost(bool, optional, tag = "20")]
    pub is_continuous: Option<bool>,
}

/// `args.BackfillConfig`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct BackfillConfig {
    #[prost(enumeration = "BackfillConfigMode", optional, tag = "1")]
    pub mode: Option<i32>,
}

/// `args.Pipeline`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Pipeline {
    #[prost(message, optional, tag = "1")]
    pub root: Option<PipelineNode>,
    /// Up to 0.6.
    #[prost(int32, optional, tag = "2")]
    pub mode: Option<i32>,
}

/// `args.PipelineNode`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct PipelineNode {
    #[prost(message, optional, tag = "1")]
    pub transformation_node: Option<TransformationNode>,
    #[prost(message, optional, tag = "2")]
    pub data_source_node: Option<DataSourceNode>,
}

/// `args.TransformationNode`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct TransformationNode {
    #[prost(message, optional, tag = "1")]
    pub transformation_id: Option<Id>,
    #[prost(message, repeated, tag = "2")]
    pub inputs: Vec<Input>,
}

/// `args.Input`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Input {
    #[prost(int32, optional, tag = "1")]
    pub arg_index: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub arg_name: Option<String>,
    #[prost(message, optional, boxed, tag = "3")]
    pub node: Option<Box<PipelineNode>>,
}

/// `args.DataSourceNode`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct DataSourceNode {
    #[prost(message, optional, tag = "1")]
    pub virtual_data_source_id: Option<Id>,
    #[prost(message, optional, tag = "2")]
    pub window: Option<Duration>,
    #[prost(message, optional, tag = "3")]
    pub schedule_offset: Option<Duration>,
    #[prost(bool, optional, tag = "4")]
    pub window_unbounded_preceding: Option<bool>,
    /// Parameter name in the transformation.
    #[prost(string, optional, tag = "5")]
    pub input_name: Option<String>,
    #[prost(bool, optional, tag = "6")]
    pub window_unbounded: Option<bool>,
    #[prost(message, optional, tag = "7")]
    pub start_time_offset: Option<Duration>,
}
