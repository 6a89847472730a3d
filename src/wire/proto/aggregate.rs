//! The aggregations of a feature view.
//!
//! Field numbers and types are the protocol's; presence matters, so every single field is optional.

use super::common::{Duration, MapEntry};
use super::enums::{AggregationFunction, SourceKind};

/// `data.TemporalAggregate`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct TemporalAggregate {
    /// Aggregation interval; absent or 0 with is_continuous.
    #[prost(message, optional, tag = "1")]
    pub slide_interval: Option<Duration>,
    #[prost(message, repeated, tag = "2")]
    pub features: Vec<AggregateFeature>,
    #[prost(bool, optional, tag = "3")]
    pub is_continuous: Option<bool>,
    /// 1 = batch view, 2 = stream view.
    #[prost(enumeration = "SourceKind", optional, tag = "4")]
    pub data_source_type: Option<i32>,
    /// Text like `10 minutes`.
    #[prost(string, optional, tag = "5")]
    pub slide_interval_string: Option<String>,
    /// Since 0.9.
    #[prost(string, optional, tag = "6")]
    pub aggregation_secondary_key: Option<String>,
}

/// `data.AggregateFeature`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct AggregateFeature {
    #[prost(string, optional, tag = "1")]
    pub input_feature_name: Option<String>,
    /// The public feature name, e.g. `clicks_count_1h_10m`.
    #[prost(string, optional, tag = "2")]
    pub output_feature_name: Option<String>,
    #[prost(enumeration = "AggregationFunction", optional, tag = "3")]
    pub function: Option<i32>,
    /// 0.5 and 0.6 read this.
    #[prost(message, optional, tag = "4")]
    pub window: Option<Duration>,
    #[prost(message, optional, tag = "5")]
    pub function_params: Option<AggregationFunctionParams>,
    /// From 0.9; 1.2 needs it; start is negative.
    #[prost(message, optional, tag = "6")]
    pub time_window: Option<TimeWindow>,
    /// From 1.2.
    #[prost(message, optional, tag = "7")]
    pub batch_sawtooth_tile_size: Option<Duration>,
    /// From 1.2.
    #[prost(string, optional, tag = "8")]
    pub description: Option<String>,
    /// From 1.2.
    #[prost(message, repeated, tag = "9")]
    pub tags: Vec<MapEntry>,
}

/// `common.TimeWindow`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct TimeWindow {
    #[prost(message, optional, tag = "1")]
    pub relative_time_window: Option<RelativeTimeWindow>,
    #[prost(message, optional, tag = "3")]
    pub time_window_series: Option<TimeWindowSeries>,
}

/// `common.RelativeTimeWindow`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct RelativeTimeWindow {
    /// Negative, e.g. -3600 s.
    #[prost(message, optional, tag = "1")]
    pub window_start: Option<Duration>,
    /// Zero or negative.
    #[prost(message, optional, tag = "2")]
    pub window_end: Option<Duration>,
}

/// `common.TimeWindowSeries`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct TimeWindowSeries {
    #[prost(message, repeated, tag = "1")]
    pub time_windows: Vec<RelativeTimeWindow>,
}

/// `common.AggregationFunctionParams`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct AggregationFunctionParams {
    #[prost(message, optional, tag = "1")]
    pub last_n: Option<LastNParams>,
    /// From 0.6.
    #[prost(message, optional, tag = "2")]
    pub first_n: Option<FirstNParams>,
}

/// `common.LastNParams`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct LastNParams {
    #[prost(int32, optional, tag = "1")]
    pub n: Option<i32>,
}

/// `common.FirstNParams`.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct FirstNParams {
    #[prost(int32, optional, tag = "1")]
    pub n: Option<i32>,
}
