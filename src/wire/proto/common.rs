//! Messages that all others are built of.
//!
//! Field numbers and types are the protocol's; presence matters, so every single field is optional.

use super::enums::{ColumnType, DataTypeKind, FrameworkVersion};

/// `common.Id`. Shown to people as 32 lower-case hexadecimal digits: 16 for the first field, then 16 for the
/// second, zero padded.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Id {
    #[prost(fixed64, optional, tag = "1")]
    pub most_significant_bits: Option<u64>,
    #[prost(fixed64, optional, tag = "2")]
    pub least_significant_bits: Option<u64>,
}

/// `common.FcoLocator`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct FcoLocator {
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    #[prost(message, optional, tag = "2")]
    pub id: Option<Id>,
    #[prost(string, optional, tag = "3")]
    pub workspace: Option<String>,
}

/// `data.FcoMetadata`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct FcoMetadata {
    /// Always set (1.2 refuses an object without).
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub description: Option<String>,
    /// Shown as UTC.
    #[prost(message, optional, tag = "3")]
    pub created_at: Option<Timestamp>,
    /// Absent reads as empty (0.5) or None (1.2).
    #[prost(string, optional, tag = "4")]
    pub owner: Option<String>,
    /// Workspace name.
    #[prost(string, optional, tag = "7")]
    pub workspace: Option<String>,
    /// Free text; only 0.5 shows it.
    #[prost(string, optional, tag = "8")]
    pub family: Option<String>,
    #[prost(string, optional, tag = "10")]
    pub source_lineno: Option<String>,
    /// "defined in".
    #[prost(string, optional, tag = "11")]
    pub source_filename: Option<String>,
    #[prost(message, repeated, tag = "12")]
    pub tags: Vec<MapEntry>,
    #[prost(string, optional, tag = "13")]
    pub last_modified_by: Option<String>,
    /// Must be 5 for 0.5; 1.2 refuses an object without it.
    #[prost(enumeration = "FrameworkVersion", optional, tag = "15")]
    pub framework_version: Option<i32>,
    /// From 0.6.
    #[prost(message, optional, tag = "16")]
    pub last_updated_at: Option<Timestamp>,
}

/// `common.Schema`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Schema {
    #[prost(message, repeated, tag = "2")]
    pub columns: Vec<Column>,
}

/// `common.Column`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Column {
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// Words in use: string, long, integer, double, boolean, timestamp, and long_array, float_array, double_array,
    /// string_array.
    #[prost(string, optional, tag = "2")]
    pub raw_spark_type: Option<String>,
    /// 0.5 tolerates its absence.
    #[prost(enumeration = "ColumnType", optional, tag = "3")]
    pub feature_server_type: Option<i32>,
    #[prost(string, optional, tag = "4")]
    pub raw_snowflake_type: Option<String>,
    /// What 1.2 reads; 0.5 compares it with the key columns in delete_keys.
    #[prost(message, optional, tag = "5")]
    pub offline_data_type: Option<DataType>,
    /// Online form of the same; only Int32 becomes Int64.
    #[prost(message, optional, tag = "6")]
    pub feature_server_data_type: Option<DataType>,
}

/// `common.DataType`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct DataType {
    #[prost(enumeration = "DataTypeKind", optional, tag = "1")]
    pub r#type: Option<i32>,
    #[prost(message, optional, boxed, tag = "2")]
    pub array_element_type: Option<Box<DataType>>,
    #[prost(message, repeated, tag = "3")]
    pub struct_fields: Vec<StructField>,
    /// Since 0.9.
    #[prost(message, optional, boxed, tag = "4")]
    pub map_key_type: Option<Box<DataType>>,
    /// Since 0.9.
    #[prost(message, optional, boxed, tag = "5")]
    pub map_value_type: Option<Box<DataType>>,
}

/// `common.StructField`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct StructField {
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    #[prost(message, optional, tag = "2")]
    pub data_type: Option<DataType>,
}

/// `common.SparkSchema`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct SparkSchema {
    #[prost(message, repeated, tag = "1")]
    pub fields: Vec<SparkField>,
}

/// `common.SparkField`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct SparkField {
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// JSON object as Spark writes a StructField: `{"name","type","nullable","metadata"}`.
    #[prost(string, optional, tag = "2")]
    pub structfield_json: Option<String>,
}

/// `google.protobuf.Timestamp`.
#[derive(Clone, Copy, PartialEq, Eq, ::prost::Message)]
pub struct Timestamp {
    /// Seconds since 1970.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// Nanoseconds, 0 to 999 999 999.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

/// `google.protobuf.Duration`.
#[derive(Clone, Copy, PartialEq, Eq, ::prost::Message)]
pub struct Duration {
    /// Seconds.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// Nanoseconds, of the same sign as the seconds.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

/// `google.protobuf.Empty`, and every message without fields.
#[derive(Clone, Copy, PartialEq, Eq, ::prost::Message)]
pub struct Empty {}

/// One entry of a map from text to text, which is on the wire a repeated message. Kept as a list, so that the order
/// of what was received is the order of what is sent.
#[derive(Clone, PartialEq, Eq, ::prost::Message)]
pub struct MapEntry {
    /// Key.
    #[prost(string, optional, tag = "1")]
    pub key: Option<String>,
    /// Value.
    #[prost(string, optional, tag = "2")]
    pub value: Option<String>,
}
