//! Feature vectors out of stored tiles and rows (docs/semantics.md sections 6 and 9). No I/O.

use super::OnlineError;
use super::plan::Plan;
use crate::model::time::{from_micros, micros};
use crate::model::{DataType, FeatureStatus, FeatureValue, FeatureVector, Time, Value};
use crate::platform::definition::{Aggregation, Kind};
use crate::platform::tiles::{self, Tile};

/// The tiles that a lookup at some instant sees, microseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct TileSpan {
    /// The tile edge that ends all windows.
    pub end: i64,
    /// The first start inside the longest window.
    pub from: i64,
    /// The first start behind all windows.
    pub to: i64,
}

impl TileSpan {
    /// Tiles that end after `floor(at) - longest window` and at or before `floor(at)` (docs/semantics.md section 6).
    pub(super) fn seen_at(plan: &Plan, at: Time) -> Self {
        let at = micros(at);
        let (interval, _) = plan.reach();
        let end = if interval > 0 { at.div_euclid(interval).saturating_mul(interval) } else { at };
        Self { end, from: plan.first_start(at), to: end.saturating_sub(interval).saturating_add(1) }
    }
}

/// Whether a row of that time counts at an instant, both in microseconds (docs/semantics.md section 9).
pub(super) fn is_alive(plan: &Plan, time: i64, at: i64) -> bool {
    time <= at && plan.row_ends(time).is_none_or(|end| at < end)
}

/// The vector of an aggregate view over tiles with their starts, oldest first; nulls before its features begin.
pub(super) fn from_tiles(
    plan: &Plan,
    keys: &[Value],
    tiles: &[(i64, Tile)],
    span: TileSpan,
) -> Result<FeatureVector, OnlineError> {
    let Kind::Aggregate { aggregations, .. } = &plan.kind else { return Ok(FeatureVector::default()) };
    let (interval, _) = plan.reach();
    if plan.features_begin.is_some_and(|begin| span.end < begin) {
        let none =
            |(aggregation, name): (&Aggregation, &String)| feature(name, &aggregation.output_type, Value::Null, None);
        return Ok(vector(plan, keys, aggregations.iter().zip(&plan.feature_names).map(none).collect()));
    }
    let all: Vec<&Tile> = tiles.iter().map(|(_, tile)| tile).collect();
    let mut features = Vec::with_capacity(aggregations.len());
    for (aggregation, name) in aggregations.iter().zip(&plan.feature_names) {
        let begins = span.end.saturating_sub(crate::model::time::span_micros(aggregation.time_window));
        let first = tiles.partition_point(|(start, _)| start.saturating_add(interval) <= begins);
        let inside = &all[first..];
        let value = tiles::feature(aggregation, &plan.layout, inside);
        let value = value.map_err(|error| OnlineError::Mismatch(format!("view {}: {error}", plan.name)))?;
        let effective_time = (!inside.is_empty()).then(|| from_micros(span.end));
        features.push(feature(name, &aggregation.output_type, value, effective_time));
    }
    Ok(vector(plan, keys, features))
}

/// The vector of a temporal view; nulls without a row.
pub(super) fn from_row(plan: &Plan, keys: &[Value], row: Option<(Time, Vec<Value>)>) -> FeatureVector {
    let Kind::Temporal { features, .. } = &plan.kind else { return FeatureVector::default() };
    let (time, values) = row.map(|(time, values)| (Some(time), values)).unwrap_or_default();
    let mut values = values.into_iter();
    let all = features
        .iter()
        .zip(&plan.feature_names)
        .map(|((_, data_type), name)| feature(name, data_type, values.next().unwrap_or(Value::Null), time));
    vector(plan, keys, all.collect())
}

fn feature(name: &str, data_type: &DataType, value: Value, effective_time: Option<Time>) -> FeatureValue {
    let status = if effective_time.is_some() { FeatureStatus::Present } else { FeatureStatus::Missing };
    FeatureValue { name: name.to_owned(), data_type: data_type.clone(), value, effective_time, status: Some(status) }
}

fn vector(plan: &Plan, keys: &[Value], features: Vec<FeatureValue>) -> FeatureVector {
    let names = plan.join_keys.iter().map(|(name, _)| name.clone());
    FeatureVector { features, join_keys: names.zip(keys.iter().cloned()).collect(), ..FeatureVector::default() }
}
