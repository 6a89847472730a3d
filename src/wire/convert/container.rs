//! What a server sends for feature views: the views and everything they refer to.
//!
//! Releases 0.5 and 1.2 of the released clients insist on different fields (docs/wire.md sections 2.1 and 5); all of
//! them are written here. What views refer to is in [`super::objects`].

use std::collections::HashSet;

use super::objects::{
    EntityParts, SourceParts, entity_to_proto, input_names, source_kind, source_to_proto, transformation_id,
    transformation_to_proto,
};
use super::types::column_to_proto;
use super::view::metadata_of;
use super::{id_to_proto, span_to_proto, time_to_proto};
use crate::model::time::print_span;
use crate::model::{BatchTrigger, DataType, FeatureView, Span, ViewKind};
use crate::wire::proto::aggregate as agg;
use crate::wire::proto::common::Schema;
use crate::wire::proto::enums as e;
use crate::wire::proto::materialization as mat;
use crate::wire::proto::view as proto;

/// A view with everything it refers to.
#[derive(Clone, Debug, PartialEq)]
pub struct ViewParts {
    /// The view. Its features are told by `aggregations` or by `columns`.
    pub view: FeatureView,
    /// Its aggregations in definition order; empty for views without.
    pub aggregations: Vec<AggregationParts>,
    /// Columns of its query: join keys, inputs or features, timestamp.
    pub columns: Vec<(String, DataType)>,
    /// Its transformation, as SQL text.
    pub sql: String,
    /// Its entities in definition order.
    pub entities: Vec<EntityParts>,
    /// Its inputs in their order: the name in its query, and the source.
    pub inputs: Vec<(String, SourceParts)>,
    /// The longest window of one backfill job.
    pub max_batch_aggregation_interval: Option<Span>,
    /// Size of a partition of the offline table.
    pub offline_partition: Span,
    /// The age at which it counts as stale.
    pub expected_freshness: Option<Span>,
}

/// One aggregation of a view, as messages need it.
#[derive(Clone, Debug, PartialEq)]
pub struct AggregationParts {
    /// The column of the query that it reads.
    pub column: String,
    /// The function by the protocol's number.
    pub function: e::AggregationFunction,
    /// The n of the last-n functions.
    pub n: Option<u32>,
    /// Length of the window that it aggregates over.
    pub time_window: Span,
    /// Name of the feature that it makes (docs/semantics.md section 3).
    pub feature: String,
}

/// The container for those views; every object is in it once.
pub fn container_of(views: &[ViewParts], workspace: &str) -> proto::FcoContainer {
    let mut seen = HashSet::new();
    let mut fcos = Vec::new();
    for parts in views {
        fcos.push(proto::Fco { feature_view: Some(Box::new(view_to_proto(parts))), ..Default::default() });
        fcos.push(proto::Fco { transformation: Some(Box::new(transformation_to_proto(parts))), ..Default::default() });
        for (_, source) in parts.inputs.iter().filter(|(_, source)| seen.insert(source.id)) {
            let source = source_to_proto(source, workspace);
            fcos.push(proto::Fco { virtual_data_source: Some(Box::new(source)), ..Default::default() });
        }
        for entity in parts.entities.iter().filter(|e| seen.insert(e.id)) {
            fcos.push(proto::Fco { entity: Some(Box::new(entity_to_proto(entity, workspace))), ..Default::default() });
        }
    }
    let root_ids = views.iter().map(|parts| id_to_proto(parts.view.id)).collect();
    // An empty container means "not found" and stays empty.
    let workspace = (!views.is_empty()).then(|| workspace.to_owned());
    proto::FcoContainer { root_ids, fcos, workspace }
}

fn view_to_proto(parts: &ViewParts) -> proto::FeatureView {
    let view = &parts.view;
    let columns: Vec<_> = parts.columns.iter().map(|(name, data_type)| column_to_proto(name, data_type)).collect();
    let schema = Some(Schema { columns });
    let schemas = proto::FeatureViewSchemas {
        view_schema: schema.clone(),
        materialization_schema: schema,
        is_explicit_view_schema: None,
    };
    proto::FeatureView {
        feature_view_id: Some(id_to_proto(view.id)),
        fco_metadata: Some(metadata_of(view)),
        entity_ids: parts.entities.iter().map(|entity| id_to_proto(entity.id)).collect(),
        join_keys: view.join_keys.iter().map(|key| key.name.clone()).collect(),
        online_serving_index: Some(proto::OnlineServingIndex { join_keys: view.online_serving_index.clone() }),
        pipeline: Some(pipeline(parts)),
        temporal_aggregate: aggregate(parts),
        temporal: temporal(view),
        materialization_params: Some(materialization(parts)),
        timestamp_key: view.timestamp_field.clone(),
        schemas: Some(schemas),
        materialization_enabled: Some(view.materialization_enabled),
        materialization_state_transitions: transitions(view),
        monitoring_params: Some(monitoring(parts)),
        framework_version: Some(5),
        feature_store_format_version: Some(1),
        web_url: Some(view.url.clone()),
        fw_version: Some(e::FrameworkVersion::Fwv5.into()),
        batch_trigger: Some(trigger(view.batch_trigger).into()),
        batch_compute_mode: Some(e::BatchComputeMode::Spark.into()),
        ..Default::default()
    }
}

fn trigger(trigger: BatchTrigger) -> e::BatchTriggerType {
    match trigger {
        BatchTrigger::Scheduled => e::BatchTriggerType::Scheduled,
        BatchTrigger::Manual => e::BatchTriggerType::Manual,
        BatchTrigger::NoBatch => e::BatchTriggerType::NoBatchMaterialization,
    }
}

fn aggregate(parts: &ViewParts) -> Option<agg::TemporalAggregate> {
    let ViewKind::Aggregate { interval } = parts.view.kind else { return None };
    Some(agg::TemporalAggregate {
        slide_interval: Some(span_to_proto(interval.unwrap_or(Span::zero()))),
        features: parts.aggregations.iter().map(feature).collect(),
        is_continuous: Some(interval.is_none()),
        data_source_type: Some(source_kind(parts.view.is_stream).into()),
        slide_interval_string: Some(interval.map_or_else(|| "continuous".to_owned(), print_span)),
        aggregation_secondary_key: None,
    })
}

fn feature(aggregation: &AggregationParts) -> agg::AggregateFeature {
    let n = aggregation.n.and_then(|n| i32::try_from(n).ok());
    let params = agg::AggregationFunctionParams { last_n: Some(agg::LastNParams { n }), first_n: None };
    let relative = agg::RelativeTimeWindow {
        window_start: Some(span_to_proto(-aggregation.time_window)),
        window_end: Some(span_to_proto(Span::zero())),
    };
    agg::AggregateFeature {
        input_feature_name: Some(aggregation.column.clone()),
        output_feature_name: Some(aggregation.feature.clone()),
        function: Some(aggregation.function.into()),
        window: Some(span_to_proto(aggregation.time_window)),
        function_params: n.map(|_| params),
        time_window: Some(agg::TimeWindow { relative_time_window: Some(relative), time_window_series: None }),
        ..Default::default()
    }
}

fn temporal(view: &FeatureView) -> Option<proto::Temporal> {
    let ViewKind::Temporal { ttl } = view.kind else { return None };
    let mode = e::BackfillConfigMode::MultipleBatchScheduleIntervalsPerJob;
    Some(proto::Temporal {
        serving_ttl: ttl.map(span_to_proto),
        data_source_type: Some(source_kind(view.is_stream).into()),
        backfill_config: Some(proto::BackfillConfig { mode: Some(mode.into()) }),
        ..Default::default()
    })
}

fn materialization(parts: &ViewParts) -> mat::NewMaterializationParams {
    let view = &parts.view;
    let delta = mat::DeltaConfig { time_partition_size: Some(span_to_proto(parts.offline_partition)) };
    mat::NewMaterializationParams {
        schedule_interval: view.batch_schedule.map(span_to_proto),
        materialization_start_timestamp: view.feature_start_time.map(time_to_proto),
        max_backfill_interval: parts.max_batch_aggregation_interval.map(span_to_proto),
        writes_to_online_store: Some(view.online),
        writes_to_offline_store: Some(view.offline),
        offline_store_config: Some(mat::OfflineFeatureStoreConfig { delta: Some(delta), ..Default::default() }),
        max_source_data_delay: view.max_data_delay.map(span_to_proto),
        feature_start_timestamp: view.feature_start_time.map(time_to_proto),
        ..Default::default()
    }
}

fn transitions(view: &FeatureView) -> Vec<mat::MaterializationStateTransition> {
    if !view.materialization_enabled {
        return Vec::new();
    }
    vec![mat::MaterializationStateTransition {
        timestamp: view.created_at.map(time_to_proto),
        online_enabled: Some(view.online),
        offline_enabled: Some(view.offline),
        feature_start_timestamp: view.feature_start_time.map(time_to_proto),
        ..Default::default()
    }]
}

fn monitoring(parts: &ViewParts) -> mat::MonitoringParams {
    mat::MonitoringParams {
        monitor_freshness: Some(parts.expected_freshness.is_some()),
        expected_feature_freshness: parts.expected_freshness.map(span_to_proto),
        ..Default::default()
    }
}

fn pipeline(parts: &ViewParts) -> proto::Pipeline {
    let input = |(index, ((_, source), name)): (usize, (&(String, SourceParts), String))| {
        let node = proto::DataSourceNode {
            virtual_data_source_id: Some(id_to_proto(source.id)),
            input_name: Some(name),
            ..Default::default()
        };
        let node = proto::PipelineNode { data_source_node: Some(node), transformation_node: None };
        proto::Input { arg_index: i32::try_from(index).ok(), arg_name: None, node: Some(Box::new(node)) }
    };
    let node = proto::TransformationNode {
        transformation_id: Some(id_to_proto(transformation_id(parts.view.id))),
        inputs: parts.inputs.iter().zip(input_names(parts)).enumerate().map(input).collect(),
    };
    let root = proto::PipelineNode { transformation_node: Some(node), data_source_node: None };
    proto::Pipeline { root: Some(root), mode: None }
}

#[cfg(test)]
mod tests;
