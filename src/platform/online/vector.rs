//! Feature vectors out of stored tiles and rows (semantics.md sections 6 and 9). No I/O.

use super::OnlineError;
use crate::model::{DataType, FeatureStatus, FeatureValue, FeatureVector, Span, Time, Value};
use crate::platform::engine::aggregate::{self, Tile, stored_columns};
use crate::platform::registry::definition::{Aggregation, View};

/// Refuses keys that are not those of the view.
pub fn check_keys(view: &View, keys: &[Value]) -> Result<(), OnlineError> {
    let names: Vec<&str> = view.join_keys.iter().map(|(name, _)| name.as_str()).collect();
    if keys.len() != names.len() {
        let problem =
            format!("view {} needs {} join keys ({}), got {}", view.name, names.len(), names.join(", "), keys.len());
        return Err(OnlineError::Mismatch(problem));
    }
    for (key, (name, data_type)) in keys.iter().zip(&view.join_keys) {
        let fits = match key {
            Value::Null => true,
            Value::Int(_) => *data_type == DataType::Int64,
            Value::Text(_) => *data_type == DataType::String,
            _ => false,
        };
        if !fits {
            return Err(OnlineError::Mismatch(format!("join key `{name}` must be {data_type}, and {key:?} is not")));
        }
    }
    Ok(())
}

/// The vector of an aggregate view over tiles with their starts, oldest first, at the tile edge `end`.
pub fn of_tiles(
    view: &View,
    keys: &[Value],
    aggregations: &[Aggregation],
    tiles: &[(Time, Tile)],
    (end, interval): (Time, Span),
) -> Result<FeatureVector, OnlineError> {
    let layout = stored_columns(&view.kind);
    let mut features = Vec::with_capacity(aggregations.len());
    for aggregation in aggregations {
        let first = tiles.partition_point(|(start, _)| *start + interval <= end - aggregation.time_window);
        let inside: Vec<&Tile> = tiles[first..].iter().map(|(_, tile)| tile).collect();
        let value = aggregate::feature(aggregation, &layout, &inside);
        let value = value.map_err(|error| OnlineError::Mismatch(format!("view {}: {error}", view.name)))?;
        let effective_time = (!inside.is_empty()).then_some(end);
        features.push(feature(view, &aggregation.feature, &aggregation.output_type, value, effective_time));
    }
    Ok(vector(view, keys, features))
}

/// The vector of a temporal view; nulls without a row.
pub fn of_row(
    view: &View,
    keys: &[Value],
    features: &[(String, DataType)],
    row: Option<(Time, Vec<Value>)>,
) -> FeatureVector {
    let (time, values) = row.map(|(time, values)| (Some(time), values)).unwrap_or_default();
    let mut values = values.into_iter();
    let features = features
        .iter()
        .map(|(name, data_type)| feature(view, name, data_type, values.next().unwrap_or(Value::Null), time));
    vector(view, keys, features.collect())
}

fn feature(view: &View, name: &str, data_type: &DataType, value: Value, effective_time: Option<Time>) -> FeatureValue {
    let status = if effective_time.is_some() { FeatureStatus::Present } else { FeatureStatus::Missing };
    FeatureValue {
        name: format!("{}.{name}", view.name),
        data_type: data_type.clone(),
        value,
        effective_time,
        status: Some(status),
    }
}

fn vector(view: &View, keys: &[Value], features: Vec<FeatureValue>) -> FeatureVector {
    let names = view.join_keys.iter().map(|(name, _)| name.clone());
    FeatureVector { features, join_keys: names.zip(keys.iter().cloned()).collect(), ..FeatureVector::default() }
}
