//! What a feature view refers to: entities, transformations, data sources.
//!
//! Field numbers and types are the protocol's; presence matters, so every single field is optional.

use super::common::{Column, Duration, FcoMetadata, Id, MapEntry, SparkSchema};
use super::enums::{SourceKind, TransformationMode};

/// `data.Entity`. Release 1.2 reads field 11; older ones read field 3. Write both.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Entity {
    #[prost(message, optional, tag = "1")]
    pub entity_id: Option<Id>,
    /// From 1.2.
    #[prost(string, repeated, tag = "3")]
    pub join_keys_legacy: Vec<String>,
    #[prost(message, optional, tag = "7")]
    pub fco_metadata: Option<FcoMetadata>,
    /// Since 0.9.
    #[prost(message, repeated, tag = "10")]
    pub options: Vec<MapEntry>,
    /// From 1.2.
    #[prost(message, repeated, tag = "11")]
    pub join_keys: Vec<Column>,
}

/// `data.Transformation`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Transformation {
    #[prost(message, optional, tag = "1")]
    pub transformation_id: Option<Id>,
    #[prost(message, optional, tag = "2")]
    pub fco_metadata: Option<FcoMetadata>,
    #[prost(enumeration = "TransformationMode", optional, tag = "3")]
    pub transformation_mode: Option<i32>,
    /// 1.2 needs it and executes the text as Python when the view is loaded.
    #[prost(message, optional, tag = "4")]
    pub user_function: Option<UserDefinedFunction>,
    /// Since 0.9.
    #[prost(message, repeated, tag = "6")]
    pub options: Vec<MapEntry>,
}

/// `args.UserDefinedFunction`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct UserDefinedFunction {
    /// Function name.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// Python source that defines it.
    #[prost(string, optional, tag = "3")]
    pub body: Option<String>,
    /// From 1.2.
    #[prost(bool, optional, tag = "4")]
    pub isolate_function_deserialization: Option<bool>,
}

/// `data.VirtualDataSource`. A stream source has both batch_data_source and stream_data_source.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct VirtualDataSource {
    #[prost(message, optional, tag = "1")]
    pub virtual_data_source_id: Option<Id>,
    #[prost(message, optional, tag = "4")]
    pub batch_data_source: Option<BatchDataSource>,
    #[prost(message, optional, tag = "5")]
    pub stream_data_source: Option<StreamDataSource>,
    #[prost(enumeration = "SourceKind", optional, tag = "6")]
    pub data_source_type: Option<i32>,
    #[prost(message, optional, tag = "7")]
    pub fco_metadata: Option<FcoMetadata>,
    /// Since 0.9.
    #[prost(message, repeated, tag = "11")]
    pub options: Vec<MapEntry>,
}

/// `data.BatchDataSource`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct BatchDataSource {
    #[prost(message, optional, tag = "1")]
    pub hive_table: Option<HiveTableDataSource>,
    #[prost(message, optional, tag = "4")]
    pub timestamp_column_properties: Option<TimestampColumnProperties>,
    #[prost(string, optional, tag = "6")]
    pub date_partition_column: Option<String>,
    #[prost(message, optional, tag = "9")]
    pub spark_schema: Option<SparkSchema>,
    #[prost(message, optional, tag = "10")]
    pub raw_batch_translator: Option<UserDefinedFunction>,
    /// From 0.6.
    #[prost(message, optional, tag = "14")]
    pub data_delay: Option<Duration>,
}

/// `data.HiveTableDataSource`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct HiveTableDataSource {
    #[prost(string, optional, tag = "1")]
    pub table: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub database: Option<String>,
}

/// `data.TimestampColumnProperties`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct TimestampColumnProperties {
    #[prost(string, optional, tag = "1")]
    pub column_name: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub format: Option<String>,
}

/// `data.StreamDataSource`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct StreamDataSource {
    #[prost(message, optional, tag = "1")]
    pub kinesis_data_source: Option<KinesisDsConfig>,
    /// 1.2 needs it for Kinesis and Kafka; Python text as above.
    #[prost(message, optional, tag = "3")]
    pub raw_stream_translator: Option<UserDefinedFunction>,
    #[prost(string, optional, tag = "6")]
    pub time_column: Option<String>,
    /// Kept as it came.
    #[prost(bytes = "vec", optional, tag = "7")]
    pub stream_config: Option<Vec<u8>>,
    #[prost(message, optional, tag = "9")]
    pub spark_schema: Option<SparkSchema>,
}

/// `data.KinesisDSConfig`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct KinesisDsConfig {
    #[prost(string, optional, tag = "1")]
    pub stream_name: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub region: Option<String>,
}
