//! Feature views: what a container says of them (docs/wire.md section 2.1).

use std::collections::{HashMap, HashSet};

use super::types::column_from_proto;
use super::workspace::entry;
use super::{id_from_proto, name_of, span_from_proto, time_from_proto, time_to_proto};
use crate::model::time::print_span;
use crate::model::{BatchTrigger, DataType, Feature, FeatureView, Id, JoinKey, Span, ViewKind};
use crate::wire::proto::aggregate::{AggregateFeature, TemporalAggregate};
use crate::wire::proto::common::FcoMetadata;
use crate::wire::proto::enums::{AggregationFunction, BatchTriggerType, FrameworkVersion, SourceKind};
use crate::wire::proto::view::{self as proto, FcoContainer, PipelineNode};

/// The views that the container's roots name, in that order. A root that is not among its objects is left out: an
/// empty container means "not found".
pub fn feature_views(container: &FcoContainer) -> Vec<FeatureView> {
    let names = Names::of(container);
    let mut views: HashMap<Id, &proto::FeatureView> = (container.fcos.iter())
        .filter_map(|fco| fco.feature_view.as_deref())
        .filter_map(|view| Some((id_from_proto(view.feature_view_id.as_ref()?), view)))
        .collect();
    // A view that is named twice is one view.
    let roots = container.root_ids.iter().filter_map(|id| views.remove(&id_from_proto(id)));
    roots.map(|view| feature_view(view, &names)).collect()
}

/// A view's metadata as messages carry it.
pub fn metadata_of(view: &FeatureView) -> FcoMetadata {
    FcoMetadata {
        name: Some(view.name.clone()),
        description: Some(view.description.clone()),
        created_at: view.created_at.map(time_to_proto),
        owner: Some(view.owner.clone()),
        workspace: Some(view.workspace.clone()),
        family: Some(view.family.clone()),
        source_filename: Some(view.defined_in.clone()),
        tags: view.tags.iter().map(|(key, value)| entry(key, value)).collect(),
        last_modified_by: Some(view.owner.clone()),
        framework_version: Some(FrameworkVersion::Fwv5.into()),
        ..Default::default()
    }
}

/// Names of the objects that views refer to by id.
struct Names {
    entities: HashMap<Id, String>,
    sources: HashMap<Id, String>,
}

impl Names {
    fn of(container: &FcoContainer) -> Self {
        let name = |id: &Option<super::Id>, meta: &Option<FcoMetadata>| {
            Some((id_from_proto(id.as_ref()?), name_of(meta.as_ref()?.name.as_deref()?)))
        };
        let fcos = || container.fcos.iter();
        let entities = fcos().filter_map(|fco| fco.entity.as_deref());
        let sources = fcos().filter_map(|fco| fco.virtual_data_source.as_deref());
        Self {
            entities: entities.filter_map(|e| name(&e.entity_id, &e.fco_metadata)).collect(),
            sources: sources.filter_map(|s| name(&s.virtual_data_source_id, &s.fco_metadata)).collect(),
        }
    }
}

fn feature_view(view: &proto::FeatureView, names: &Names) -> FeatureView {
    let meta = view.fco_metadata.clone().unwrap_or_default();
    let params = view.materialization_params.clone().unwrap_or_default();
    let columns = columns(view);
    let types = types_of(&columns);
    let sources = view.pipeline.as_ref().and_then(|p| p.root.as_ref()).map(source_ids).unwrap_or_default();
    let named = |names: &HashMap<Id, String>, id: Id| names.get(&id).cloned().unwrap_or_else(|| id.to_string());
    let positive = |span| Some(span_from_proto(span)).filter(|span| *span > Span::zero());
    FeatureView {
        id: view.feature_view_id.as_ref().map(id_from_proto).unwrap_or_default(),
        name: meta.name.unwrap_or_default(),
        workspace: meta.workspace.unwrap_or_default(),
        description: meta.description.unwrap_or_default(),
        owner: meta.owner.unwrap_or_default(),
        family: meta.family.unwrap_or_default(),
        tags: meta.tags.into_iter().map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default())).collect(),
        entities: once(view.entity_ids.iter().map(id_from_proto)).map(|id| named(&names.entities, id)).collect(),
        data_sources: once(sources.into_iter()).map(|id| named(&names.sources, id)).collect(),
        join_keys: view.join_keys.iter().map(|name| join_key(name, &types)).collect(),
        online_serving_index: view.online_serving_index.clone().unwrap_or_default().join_keys,
        timestamp_field: view.timestamp_key.clone().filter(|name| !name.is_empty()),
        features: features(view, &columns, &types),
        kind: kind(view),
        is_stream: is_stream(view),
        online: params.writes_to_online_store.unwrap_or(false),
        offline: params.writes_to_offline_store.unwrap_or(false),
        materialization_enabled: view.materialization_enabled.unwrap_or(false),
        batch_schedule: params.schedule_interval.and_then(positive),
        feature_start_time: params.feature_start_timestamp.and_then(time_from_proto),
        longest_window: view.temporal_aggregate.iter().flat_map(|a| &a.features).filter_map(window).max(),
        max_data_delay: params.max_source_data_delay.and_then(positive),
        batch_trigger: batch_trigger(view.batch_trigger),
        created_at: meta.created_at.and_then(time_from_proto),
        defined_in: meta.source_filename.unwrap_or_default(),
        url: view.web_url.clone().unwrap_or_default(),
    }
}

/// Columns of the view's query in their order.
fn columns(view: &proto::FeatureView) -> Vec<(String, DataType)> {
    let schemas = view.schemas.as_ref();
    let schema = schemas.and_then(|s| s.view_schema.as_ref().or(s.materialization_schema.as_ref()));
    schema.map(|schema| schema.columns.iter().map(column_from_proto).collect()).unwrap_or_default()
}

/// Types by column; of columns of one name the first counts.
type Types<'a> = HashMap<&'a str, &'a DataType>;

fn types_of(columns: &[(String, DataType)]) -> Types<'_> {
    columns.iter().rev().map(|(name, data_type)| (name.as_str(), data_type)).collect()
}

/// Each id once, in their order.
fn once(ids: impl Iterator<Item = Id>) -> impl Iterator<Item = Id> {
    let mut seen = HashSet::new();
    ids.filter(move |id| seen.insert(*id))
}

fn join_key(name: &str, types: &Types<'_>) -> JoinKey {
    let data_type = types.get(name).map_or_else(|| DataType::Other("unknown".to_owned()), |known| (*known).clone());
    JoinKey { name: name.to_owned(), data_type }
}

fn kind(view: &proto::FeatureView) -> ViewKind {
    if let Some(aggregate) = &view.temporal_aggregate {
        return ViewKind::Aggregate { interval: interval(aggregate) };
    }
    match (&view.temporal, &view.on_demand_feature_view) {
        (Some(temporal), _) => ViewKind::Temporal { ttl: temporal.serving_ttl.map(span_from_proto) },
        (None, Some(_)) => ViewKind::OnDemand,
        (None, None) => ViewKind::Other,
    }
}

fn interval(aggregate: &TemporalAggregate) -> Option<Span> {
    let interval = aggregate.slide_interval.map(span_from_proto)?;
    (interval > Span::zero() && aggregate.is_continuous != Some(true)).then_some(interval)
}

fn is_stream(view: &proto::FeatureView) -> bool {
    let of_aggregate = view.temporal_aggregate.as_ref().and_then(|a| a.data_source_type);
    let number = of_aggregate.or(view.temporal.as_ref().and_then(|t| t.data_source_type)).unwrap_or(0);
    // Push sources count as streams as well (docs/wire.md section 2.1).
    let streams = [SourceKind::StreamWithBatch, SourceKind::PushNoBatch, SourceKind::PushWithBatch];
    streams.iter().any(|kind| i32::from(*kind) == number)
}

fn batch_trigger(number: Option<i32>) -> BatchTrigger {
    match number.and_then(|n| BatchTriggerType::try_from(n).ok()) {
        Some(BatchTriggerType::Manual) => BatchTrigger::Manual,
        Some(BatchTriggerType::NoBatchMaterialization) => BatchTrigger::NoBatch,
        _ => BatchTrigger::Scheduled,
    }
}

fn features(view: &proto::FeatureView, columns: &[(String, DataType)], types: &Types<'_>) -> Vec<Feature> {
    if let Some(aggregate) = &view.temporal_aggregate {
        return aggregate.features.iter().map(|feature| aggregated(feature, types)).collect();
    }
    let keys: HashSet<&String> = view.join_keys.iter().chain(&view.timestamp_key).collect();
    let key = |name: &String| keys.contains(name);
    let plain = columns.iter().filter(|(name, _)| !key(name));
    plain
        .map(|(name, data_type)| Feature {
            name: name.clone(),
            data_type: Some(data_type.clone()),
            definition: String::new(),
        })
        .collect()
}

fn aggregated(feature: &AggregateFeature, types: &Types<'_>) -> Feature {
    use AggregationFunction as F;
    let column = feature.input_feature_name.clone().unwrap_or_default();
    let function = feature.function.and_then(|n| F::try_from(n).ok()).unwrap_or(F::Unknown);
    let input = types.get(column.as_str()).map(|known| (*known).clone());
    let data_type = match function {
        F::Count | F::ApproxCountDistinct => Some(DataType::Int64),
        F::Sum | F::Last | F::Min | F::Max => input,
        F::Mean | F::VarSamp | F::VarPop | F::StddevSamp | F::StddevPop | F::ApproxPercentile => {
            Some(DataType::Float64)
        }
        F::LastDistinctN | F::LastNonDistinctN | F::FirstNonDistinctN | F::FirstDistinctN => {
            input.map(|input| DataType::Array(Box::new(input)))
        }
        F::Unknown => None,
    };
    let name = feature.output_feature_name.clone().unwrap_or_default();
    Feature { name, data_type, definition: definition(feature, function, &column) }
}

/// Such as `mean(arr_delay) over 1d` or `last_distinct(dest, 5) over 7d`.
fn definition(feature: &AggregateFeature, function: AggregationFunction, column: &str) -> String {
    let full = AggregationFunction::name_of(function.into()).unwrap_or_default();
    let word = full.trim_start_matches("AGGREGATION_FUNCTION_").trim_end_matches("_N").to_lowercase();
    let params = feature.function_params.as_ref();
    let last = params.and_then(|p| p.last_n.as_ref()).and_then(|p| p.n);
    let n = last.or(params.and_then(|p| p.first_n.as_ref()).and_then(|p| p.n));
    let call = n.map_or_else(|| format!("{word}({column})"), |n| format!("{word}({column}, {n})"));
    window(feature).map_or(call.clone(), |window| format!("{call} over {}", print_span(window)))
}

/// Length of the window, from the form that newer or older releases write.
fn window(feature: &AggregateFeature) -> Option<Span> {
    let relative = feature.time_window.as_ref().and_then(|w| w.relative_time_window.as_ref());
    let length = relative.and_then(|w| {
        let start = span_from_proto(w.window_start?);
        w.window_end.map(span_from_proto).unwrap_or(Span::zero()).checked_sub(&start)
    });
    length.or(feature.window.map(span_from_proto))
}

/// Ids of the data sources below a node, in their order.
fn source_ids(node: &PipelineNode) -> Vec<Id> {
    let mut found = Vec::new();
    let mut open = vec![node];
    while let Some(node) = open.pop() {
        let source = node.data_source_node.as_ref().and_then(|s| s.virtual_data_source_id.as_ref());
        found.extend(source.map(id_from_proto));
        let inputs = node.transformation_node.as_ref().map(|t| t.inputs.as_slice()).unwrap_or_default();
        open.extend(inputs.iter().rev().filter_map(|input| input.node.as_deref()));
    }
    found
}
