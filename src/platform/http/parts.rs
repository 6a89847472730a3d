//! Definitions as the protocol and the model carry them, and the sentences about definitions that are not there.

use crate::model::time::print_span;
use crate::model::{DataType, Feature, FeatureView, JoinKey, Span, ViewKind};
use crate::platform::Platform;
use crate::platform::definition::{
    Aggregation, Entity, FeatureService, Kind, Repository, RepositoryError, ServiceItem, Source, View,
};
use crate::platform::registry::{ENTITIES, SOURCES};
use crate::wire::convert::{AggregationParts, EntityParts, ServiceItemParts, ServiceParts, SourceParts, ViewParts};

use super::fault::Fault;

/// Names listed in one refusal.
const NAMED: usize = 12;

/// A view with everything it refers to.
pub(super) fn view(platform: &Platform, view: &View) -> ViewParts {
    let aggregations = match &view.kind {
        Kind::Aggregate { aggregations, .. } => aggregations.iter().map(aggregation).collect(),
        Kind::Temporal { .. } => Vec::new(),
    };
    ViewParts {
        view: model(platform, view),
        aggregations,
        columns: columns(view),
        sql: view.sql.clone(),
        entities: view.entities.iter().map(|found| entity(found)).collect(),
        inputs: view.inputs.iter().map(|input| (input.name.clone(), source(&input.source))).collect(),
        max_batch_aggregation_interval: view.max_batch_aggregation_interval,
        offline_partition: view.offline_partition,
        expected_freshness: view.expected_freshness,
    }
}

/// A view as its users see it.
pub(super) fn model(platform: &Platform, view: &View) -> FeatureView {
    let applied = platform.jobs().applied(view.id);
    let join_key =
        |(name, data_type): &(String, DataType)| JoinKey { name: name.clone(), data_type: data_type.clone() };
    let (kind, features) = kind_and_features(&view.kind);
    FeatureView {
        id: view.id,
        name: view.name.clone(),
        workspace: view.workspace.clone(),
        description: view.description.clone(),
        owner: view.owner.clone(),
        family: view.family.clone(),
        tags: view.tags.clone(),
        entities: view.entities.iter().map(|entity| entity.name.clone()).collect(),
        data_sources: view.inputs.iter().map(|input| input.source.name.clone()).collect(),
        join_keys: view.join_keys.iter().map(join_key).collect(),
        online_serving_index: view.online_serving_index.clone(),
        timestamp_field: Some(view.timestamp_field.clone()),
        features,
        kind,
        is_stream: view.is_stream(),
        online: view.online,
        offline: view.offline,
        materialization_enabled: view.live && (view.online || view.offline),
        batch_schedule: Some(view.batch_schedule),
        feature_start_time: applied.and_then(|applied| applied.feature_start),
        longest_window: view.longest_window(),
        max_data_delay: Some(view.max_data_delay()).filter(|delay| *delay > Span::zero()),
        batch_trigger: view.batch_trigger,
        created_at: applied.map(|applied| applied.created_at),
        defined_in: view.defined_in.clone(),
        url: String::new(),
    }
}

/// The kind of a view, and its features in definition order.
pub(super) fn kind_and_features(kind: &Kind) -> (ViewKind, Vec<Feature>) {
    match kind {
        Kind::Aggregate { interval, aggregations } => {
            let feature = |a: &Aggregation| Feature {
                name: a.feature.clone(),
                data_type: Some(a.output_type.clone()),
                definition: format!("{} over {}", call(a), print_span(a.time_window)),
            };
            (
                ViewKind::Aggregate { interval: Some(*interval).filter(|interval| !interval.is_zero()) },
                aggregations.iter().map(feature).collect(),
            )
        }
        Kind::Temporal { ttl, features } => {
            let feature = |(name, data_type): &(String, DataType)| Feature {
                name: name.clone(),
                data_type: Some(data_type.clone()),
                definition: String::new(),
            };
            (ViewKind::Temporal { ttl: *ttl }, features.iter().map(feature).collect())
        }
    }
}

/// Such as `mean(arr_delay)` or `last_distinct(dest, 5)`.
pub(super) fn call(aggregation: &Aggregation) -> String {
    let (_, word, n) = aggregation.function.in_protocol();
    match n {
        Some(n) => format!("{word}({}, {n})", aggregation.column),
        None => format!("{word}({})", aggregation.column),
    }
}

fn aggregation(aggregation: &Aggregation) -> AggregationParts {
    let (function, _, n) = aggregation.function.in_protocol();
    AggregationParts {
        column: aggregation.column.clone(),
        function,
        n,
        time_window: aggregation.time_window,
        feature: aggregation.feature.clone(),
    }
}

/// Columns of the view's query: join keys, then features or the inputs of aggregations (each once), then the timestamp.
fn columns(view: &View) -> Vec<(String, DataType)> {
    let mut columns = view.join_keys.clone();
    let mut add = |name: &str, data_type: &DataType| {
        if columns.iter().all(|(known, _)| known != name) {
            columns.push((name.to_owned(), data_type.clone()));
        }
    };
    match &view.kind {
        Kind::Aggregate { aggregations, .. } => aggregations.iter().for_each(|a| add(&a.column, &a.input_type)),
        Kind::Temporal { features, .. } => features.iter().for_each(|(name, data_type)| add(name, data_type)),
    }
    add(&view.timestamp_field, &DataType::Timestamp);
    columns
}

/// An entity in the form of the wire.
pub(super) fn entity(entity: &Entity) -> EntityParts {
    EntityParts {
        id: entity.id,
        name: entity.name.clone(),
        description: entity.description.clone(),
        owner: entity.owner.clone(),
        defined_in: ENTITIES.to_owned(),
        join_keys: entity.join_keys.clone(),
    }
}

/// A data source in the form of the wire.
pub(super) fn source(source: &Source) -> SourceParts {
    SourceParts {
        id: source.id,
        name: source.name.clone(),
        description: source.description.clone(),
        owner: source.owner.clone(),
        defined_in: SOURCES.to_owned(),
        tags: source.tags.clone().into_iter().collect(),
        is_stream: source.stream.is_some(),
        timestamp_column: source.timestamp_column.clone(),
        data_delay: source.data_delay,
        columns: source.columns.clone(),
    }
}

/// A feature service in the form of the wire.
pub(super) fn service(service: &FeatureService) -> ServiceParts {
    let item = |item: &ServiceItem| ServiceItemParts {
        feature_view: item.view.id,
        namespace: item.namespace.clone(),
        features: item.features.clone(),
        join_keys: item.keys().map(|(name, _)| name.to_owned()).zip(keys_of(&item.view)).collect(),
    };
    ServiceParts {
        id: service.id,
        name: service.name.clone(),
        workspace: service.workspace.clone(),
        description: service.description.clone(),
        owner: service.owner.clone(),
        defined_in: service.defined_in.clone(),
        tags: service.tags.clone().into_iter().collect(),
        online: service.online_serving_enabled,
        items: service.items.iter().map(item).collect(),
    }
}

fn keys_of(view: &View) -> impl Iterator<Item = String> {
    view.join_keys.iter().map(|(name, _)| name.clone())
}

/// The error in one line: `file:line: field: problem. fix`, without the parts that are absent.
pub fn error_line(error: &RepositoryError) -> String {
    let line = error.line.map(|line| format!(":{line}")).unwrap_or_default();
    let field = if error.field.is_empty() { String::new() } else { format!("{}: ", error.field) };
    let problem = error.problem.trim_end_matches('.');
    format!("{}{line}: {field}{problem}. {}", error.file.display(), error.fix)
}

/// The sentence for a view that is not there: which ones are.
pub(super) fn unknown_view(platform: &Platform, workspace: &str, asked: &str) -> Fault {
    let repository = platform.repository();
    if !workspace.is_empty() && repository.workspaces.iter().all(|known| known.name != workspace) {
        return unknown_workspace(platform, workspace);
    }
    let refusal = repository.refusal(asked);
    if !refusal.is_empty() {
        let lines: Vec<String> = refusal.into_iter().take(NAMED).map(error_line).collect();
        let fix = "Correct the definition and start the deployment again.";
        return Fault::invalid(format!("The feature view `{asked}` is refused. {} {fix}", sentences(&lines)));
    }
    let views = repository.views.iter().filter(|view| workspace.is_empty() || view.workspace == workspace);
    let names = list(views.map(|view| view.name.as_str()));
    Fault::invalid(format!("There is no feature view `{asked}` in workspace `{workspace}`. There are: {names}."))
}

/// Lines about errors, each as a sentence.
fn sentences(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{}.", line.trim_end_matches('.'))).collect::<Vec<_>>().join(" ")
}

/// What is wrong with each view that is left out, by name: a JSON object of lists of lines.
pub(super) fn refused(repository: &Repository) -> String {
    let lines = |name: &str| repository.refusal(name).into_iter().take(NAMED).map(error_line).collect::<Vec<_>>();
    let refused = repository.refused.iter().map(|(name, _)| (name.clone(), lines(name)));
    serde_json::json!(refused.collect::<std::collections::BTreeMap<_, _>>()).to_string()
}

/// The sentence for a feature service that is not there: which ones are.
pub(super) fn unknown_service(platform: &Platform, workspace: &str, asked: &str) -> Fault {
    let repository = platform.repository();
    if !workspace.is_empty() && repository.workspaces.iter().all(|known| known.name != workspace) {
        return unknown_workspace(platform, workspace);
    }
    let names = list(repository.services.iter().filter(|s| s.workspace == workspace).map(|s| s.name.as_str()));
    Fault::invalid(format!("There is no feature service `{asked}` in workspace `{workspace}`. There are: {names}."))
}

/// The sentence for a workspace that is not there: which ones are.
pub(super) fn unknown_workspace(platform: &Platform, workspace: &str) -> Fault {
    let names = platform.repository().workspaces.iter().map(|known| known.name.as_str());
    Fault::invalid(format!("There is no workspace `{workspace}`. There are: {}.", list(names)))
}

/// Names in a row, some of them.
pub(super) fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    let more = names.len().saturating_sub(NAMED);
    let mut text = names.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
    match (text.is_empty(), more) {
        (true, _) => "none".to_owned(),
        (false, 0) => text,
        (false, more) => {
            text.push_str(&format!(" and {more} more"));
            text
        }
    }
}

/// The view of that name.
pub(super) fn view_of<'a>(
    platform: &'a Platform,
    workspace: Option<&str>,
    name: Option<&str>,
) -> Result<&'a View, Fault> {
    let (workspace, name) = (workspace.unwrap_or_default(), name.unwrap_or_default());
    let view = platform.view(workspace, name).map(AsRef::as_ref);
    view.ok_or_else(|| unknown_view(platform, workspace, name))
}

/// The feature service of that name or id.
pub(super) fn service_named<'a>(
    platform: &'a Platform,
    workspace: &str,
    name: &str,
) -> Result<&'a FeatureService, Fault> {
    let service = platform.service(workspace, name).map(AsRef::as_ref);
    service.ok_or_else(|| unknown_service(platform, workspace, name))
}
