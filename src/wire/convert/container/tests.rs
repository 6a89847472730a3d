//! Round trips of views, and the hard needs of the released clients.

use super::*;
use crate::model::time::from_micros;
use crate::model::{Feature, Id, JoinKey};
use crate::wire::convert::feature_views;

fn column(name: &str, data_type: DataType) -> (String, DataType) {
    (name.to_owned(), data_type)
}

fn key(name: &str) -> JoinKey {
    JoinKey { name: name.to_owned(), data_type: DataType::String }
}

fn view(kind: ViewKind, features: Vec<Feature>) -> FeatureView {
    FeatureView {
        id: Id(7),
        name: "route_delays".into(),
        workspace: "prod".into(),
        description: "Delays by route.".into(),
        owner: "ops@example.com".into(),
        family: "delays".into(),
        tags: [("team".to_owned(), "ops".to_owned())].into(),
        entities: vec!["route".into()],
        data_sources: vec!["flights".into(), "airlines".into()],
        join_keys: vec![key("origin"), key("dest")],
        online_serving_index: vec!["origin".into()],
        timestamp_field: Some("timestamp".into()),
        features,
        kind,
        is_stream: true,
        online: true,
        offline: true,
        materialization_enabled: true,
        batch_schedule: Some(Span::days(1)),
        feature_start_time: Some(from_micros(0)),
        longest_window: None,
        max_data_delay: Some(Span::hours(1)),
        batch_trigger: BatchTrigger::Manual,
        created_at: Some(from_micros(1_000_000)),
        defined_in: "views.toml".into(),
        url: String::new(),
    }
}

fn parts(view: FeatureView, aggregations: Vec<AggregationParts>, columns: Vec<(String, DataType)>) -> ViewParts {
    let source = |id: u128, name: &str, is_stream: bool| SourceParts {
        id: Id(id),
        defined_in: "sources.toml".into(),
        name: name.to_owned(),
        description: "Rows.".into(),
        owner: "ops@example.com".into(),
        tags: vec![],
        is_stream,
        timestamp_column: is_stream.then(|| "timestamp".to_owned()),
        data_delay: Span::hours(1),
        columns: columns.clone(),
    };
    let entity = EntityParts {
        id: Id(9),
        name: "route".into(),
        description: "A pair of airports.".into(),
        owner: "ops@example.com".into(),
        defined_in: "entities.toml".into(),
        join_keys: vec![column("origin", DataType::String), column("dest", DataType::String)],
    };
    ViewParts {
        view,
        aggregations,
        entities: vec![entity],
        inputs: vec![
            ("flights".to_owned(), source(11, "flights", true)),
            ("airlines".to_owned(), source(12, "airlines", false)),
        ],
        columns,
        sql: "SELECT origin, 'a \"quote\"\nand more' FROM flights".into(),
        max_batch_aggregation_interval: Some(Span::days(7)),
        offline_partition: Span::days(1),
        expected_freshness: Some(Span::hours(2)),
    }
}

fn columns(more: &[(&str, DataType)]) -> Vec<(String, DataType)> {
    let mut all = vec![column("origin", DataType::String), column("dest", DataType::String)];
    all.extend(more.iter().map(|(name, data_type)| column(name, data_type.clone())));
    all.push(column("timestamp", DataType::Timestamp));
    all
}

fn aggregate() -> ViewParts {
    let feature = |name: &str, data_type: DataType, definition: &str| Feature {
        name: name.into(),
        data_type: Some(data_type),
        definition: definition.into(),
    };
    let features = vec![
        feature("delay_mean_1d_1h", DataType::Float64, "mean(delay) over 1d"),
        feature(
            "carrier_last_distinct_5_7d_1h",
            DataType::Array(Box::new(DataType::String)),
            "last_distinct(carrier, 5) over 7d",
        ),
        feature("delay_count_1d_1h", DataType::Int64, "count(delay) over 1d"),
    ];
    let made = |column: &str, function, n, days, feature: &str| AggregationParts {
        column: column.into(),
        function,
        n,
        time_window: Span::days(days),
        feature: feature.into(),
    };
    let aggregations = vec![
        made("delay", e::AggregationFunction::Mean, None, 1, "delay_mean_1d_1h"),
        made("carrier", e::AggregationFunction::LastDistinctN, Some(5), 7, "carrier_last_distinct_5_7d_1h"),
        made("delay", e::AggregationFunction::Count, None, 1, "delay_count_1d_1h"),
    ];
    let kind = ViewKind::Aggregate { interval: Some(Span::hours(1)) };
    let view = FeatureView { longest_window: Some(Span::days(7)), ..view(kind, features) };
    parts(view, aggregations, columns(&[("delay", DataType::Float64), ("carrier", DataType::String)]))
}

fn temporal() -> ViewParts {
    let feature = Feature { name: "carrier".into(), data_type: Some(DataType::String), definition: String::new() };
    let kind = ViewKind::Temporal { ttl: Some(Span::days(2)) };
    let mut temporal = parts(view(kind, vec![feature]), vec![], columns(&[("carrier", DataType::String)]));
    temporal.view.id = Id(8);
    temporal
}

#[test]
fn views_survive_the_round_trip_through_bytes() {
    use prost::Message;
    let sent = container_of(&[aggregate(), temporal()], "prod");
    let read = proto::FcoContainer::decode(sent.encode_to_vec().as_slice()).unwrap();
    assert_eq!(read, sent);
    assert_eq!(feature_views(&read), vec![aggregate().view, temporal().view]);
    assert_eq!(aggregate().view.wildcard_join_key(), Some("dest"));
}

#[test]
fn an_unknown_view_is_an_empty_container() {
    let empty = container_of(&[], "prod");
    assert_eq!(empty, proto::FcoContainer::default());
    assert_eq!(feature_views(&empty), vec![]);
}

#[test]
fn everything_that_released_clients_insist_on_is_there() {
    let container = container_of(&[aggregate(), temporal()], "prod");
    for fco in &container.fcos {
        let metas = [
            fco.feature_view.as_deref().and_then(|o| o.fco_metadata.clone()),
            fco.entity.as_deref().and_then(|o| o.fco_metadata.clone()),
            fco.transformation.as_deref().and_then(|o| o.fco_metadata.clone()),
            fco.virtual_data_source.as_deref().and_then(|o| o.fco_metadata.clone()),
        ];
        let set: Vec<_> = metas.into_iter().flatten().collect();
        assert_eq!(set.len(), 1, "one member of the oneof, with metadata");
        assert!(set[0].name.is_some());
        assert_eq!(set[0].framework_version, Some(5));
    }
    for view in container.fcos.iter().filter_map(|fco| fco.feature_view.as_deref()) {
        assert!(container.root_ids.contains(view.feature_view_id.as_ref().unwrap()));
        assert!(view.online_serving_index.is_some() && view.timestamp_key.is_some());
        assert_eq!(view.batch_compute_mode, Some(1));
        assert_eq!(view.batch_trigger, Some(2));
        let schemas = view.schemas.as_ref().unwrap();
        for schema in [&schemas.view_schema, &schemas.materialization_schema] {
            assert!(schema.as_ref().unwrap().columns.iter().all(|c| c.offline_data_type.is_some()));
        }
        for feature in view.temporal_aggregate.iter().flat_map(|a| &a.features) {
            let window = feature.time_window.as_ref().unwrap().relative_time_window.as_ref().unwrap();
            assert!(window.window_start.unwrap().seconds < 0 && feature.function.is_some());
        }
        let of = (view.temporal_aggregate.as_ref()).and_then(|a| a.data_source_type);
        assert_eq!(of.or(view.temporal.as_ref().and_then(|t| t.data_source_type)), Some(2));
        assert!(view.materialization_params.as_ref().unwrap().offline_store_config.is_some());
    }
    for entity in container.fcos.iter().filter_map(|fco| fco.entity.as_deref()) {
        assert_eq!(entity.join_keys.len(), entity.join_keys_legacy.len());
    }
    for source in container.fcos.iter().filter_map(|fco| fco.virtual_data_source.as_deref()) {
        let batch = source.batch_data_source.as_ref().unwrap();
        assert!(batch.hive_table.is_some() && batch.spark_schema.is_some() && source.data_source_type.is_some());
        let Some(stream) = &source.stream_data_source else { continue };
        assert!(stream.kinesis_data_source.is_some() && stream.spark_schema.is_some());
        assert!(stream.raw_stream_translator.as_ref().unwrap().body.is_some());
    }
    let ids: HashSet<Vec<u8>> = container.fcos.iter().map(prost::Message::encode_to_vec).collect();
    assert_eq!(ids.len(), container.fcos.len(), "every object once");
}

#[test]
fn functions_are_harmless_python_that_defines_its_name() {
    let made = transformation_to_proto(&aggregate()).user_function.unwrap();
    assert_eq!(made.name.as_deref(), Some("route_delays"));
    let body = made.body.unwrap();
    assert_eq!(
        body,
        "def route_delays(flights, airlines):\n    return \"SELECT origin, 'a \\\"quote\\\"\\nand more' FROM flights\"\n"
    );
    let mut twice = aggregate();
    twice.inputs = ["a-b", "a_b", "a b"].map(|name| (name.to_owned(), twice.inputs[0].1.clone())).to_vec();
    assert_eq!(input_names(&twice), ["a_b", "a_b_", "a_b__"], "no parameter twice");
}
