//! The answer of an online lookup.

use super::{DataType, Time, Value};

/// Whether the online store had the feature (wire section 3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeatureStatus {
    /// The value was there.
    Present,
    /// Nothing was stored for the key: the value is null, zero for a count, empty for a list.
    Missing,
    /// A word this program does not know, kept as it came.
    Other(String),
}

/// One feature of a vector.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureValue {
    /// Name as sent: `view.feature` or `feature`.
    pub name: String,
    /// Declared type.
    pub data_type: DataType,
    /// The value; `Null` when missing.
    pub value: Value,
    /// The instant the value stands for; absent when the feature is absent (semantics.md section 9).
    pub effective_time: Option<Time>,
    /// Whether the store had it; absent when the server did not say.
    pub status: Option<FeatureStatus>,
}

/// One feature vector from the online store.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct FeatureVector {
    /// Features in the server's order.
    pub features: Vec<FeatureValue>,
    /// The join keys that were asked for, in the view's order.
    pub join_keys: Vec<(String, Value)>,
    /// Time the server spent, in seconds, where it said so.
    pub server_seconds: Option<f64>,
    /// Time the store spent, in seconds, where the server said so.
    pub store_seconds: Option<f64>,
}
