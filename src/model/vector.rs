//! The answers of online lookups and queries.

use super::{DataType, JoinKey, Time, Value};

/// Whether the online store had the feature (docs/wire.md section 3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeatureStatus {
    /// Something was stored for the key, also where the value itself is null.
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
    /// Type of the value as the deployment declares it.
    pub data_type: DataType,
    /// The value; `Null` when missing.
    pub value: Value,
    /// The instant the value stands for; absent when the feature is absent (docs/semantics.md section 9).
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

/// The answer of a query by the indexed keys: one feature vector for each value of the wildcard key (docs/semantics.md
/// section 9).
///
/// The protocol states effective times and statuses once for all vectors (docs/wire.md section 3.2): they are there
/// where they are the same for all.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct FeatureVectors {
    /// The join keys that were not asked for: the wildcard key.
    pub wildcard_keys: Vec<JoinKey>,
    /// Names as sent and types of the features, also where there is no vector.
    pub features: Vec<(String, DataType)>,
    /// In the server's order, with all their join keys.
    pub vectors: Vec<FeatureVector>,
    /// Time the server spent, in seconds, where it said so.
    pub server_seconds: Option<f64>,
    /// Time the store spent, in seconds, where the server said so.
    pub store_seconds: Option<f64>,
}
