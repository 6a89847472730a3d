//! A repository with a view of every kind, and what the released clients need and read of each (docs/wire.md
//! section 2.1).

use std::path::Path;

use super::*;
use crate::platform::registry;
use crate::wire::proto::enums::{BatchComputeMode, SourceKind};
use crate::wire::proto::source::{self, Entity, VirtualDataSource};
use crate::wire::proto::{common, view as proto};

const WORKSPACES: &str = r#"
[[workspace]]
name = "prod"
live = true
[[workspace]]
name = "dev"
live = false
"#;

const ENTITIES: &str = r#"
[[entity]]
name = "carrier"
description = "An airline."
owner = "ops@example.com"
join_keys = [{ name = "carrier", type = "string" }]
[[entity]]
name = "route"
join_keys = [{ name = "origin", type = "string" }, { name = "dest", type = "string" }]
[[entity]]
name = "flight"
join_keys = [{ name = "flight", type = "int64" }]
"#;

const SOURCES: &str = r#"
[[source]]
name = "archive"
description = "Flights of the past."
owner = "ops@example.com"
tags = { origin = "bts" }
files = "DATA/flights.parquet"
timestamp_column = "timestamp"
data_delay = "1h"
[[source]]
name = "flights"
files = "DATA/flights.parquet"
timestamp_column = "timestamp"
[source.stream]
files = "DATA/flights.parquet"
arrival = { column = "dep_ts" }
order = "seq"
[[source]]
name = "planes"
files = "DATA/planes.parquet"
"#;

const SERVICES: &str = r#"
[[feature_service]]
name = "risk"
owner = "ops@example.com"
features = [
    { view = "wildcard", namespace = "route", join_keys = { origin = "from" } },
    { view = "stream_plain", features = ["dest"] },
]
"#;

/// Everything that can be said of a view, over a batch source.
const FULL: &str = r#"
name = "batch_full"
description = "How late an airline is."
owner = "ops@example.com"
family = "delays"
tags = { team = "ops", tier = "1" }
workspaces = ["prod"]
entities = ["carrier"]
source = "archive"
mode = "spark_sql"
sql = "SELECT carrier, timestamp, dep_delay, dest FROM archive WHERE dest <> 'a \"b\"'"
online = true
offline = true
aggregation_interval = "1h"
aggregations = [
    { column = "dep_delay", function = "mean", time_window = "1d" },
    { column = "dest", function = "last_distinct", n = 3, time_window = "6h" },
    { column = "dep_delay", function = "count", time_window = "1h", name = "late" },
]
batch_schedule = "6h"
max_batch_aggregation_interval = "12h"
feature_start_time = "2023-11-10T00:00:00Z"
expected_freshness = "2h"
"#;

/// The other views, in both workspaces: name, entities and source, query, and what makes their features.
const OTHERS: &[[&str; 4]] = &[
    [
        "batch_plain",
        r#"entities = ["route", "flight"]
source = "archive""#,
        "SELECT origin, dest, flight, timestamp, dep_delay, cancelled FROM archive",
        r#"offline = true
ttl = "2d"
batch_schedule = "1d""#,
    ],
    [
        "joined",
        r#"entities = ["carrier"]
source = [{ name = "f", source = "archive" }, { source = "planes" }]"#,
        "SELECT f.carrier, f.timestamp, planes.seats FROM f JOIN planes ON f.tailnum = planes.tailnum",
        r#"online = true
batch_schedule = "1d""#,
    ],
    [
        "manual",
        r#"entities = ["carrier"]
source = "archive""#,
        "SELECT carrier, timestamp, tailnum FROM archive",
        r#"online = true
offline = true
batch_trigger = "manual"
batch_schedule = "1d""#,
    ],
    [
        "stream_continuous",
        r#"entities = ["carrier"]
source = "flights""#,
        "SELECT carrier, timestamp, dep_delay FROM flights",
        r#"online = true
offline = true
aggregation_mode = "continuous"
aggregations = [{ column = "dep_delay", function = "sum", time_window = "30m" }]"#,
    ],
    [
        "stream_plain",
        r#"entities = ["carrier"]
source = "flights""#,
        "SELECT carrier, timestamp, dest FROM flights",
        r#"online = true
batch_schedule = "12h""#,
    ],
    [
        "stream_tiled",
        r#"entities = ["carrier"]
source = "flights""#,
        "SELECT carrier, timestamp, dep_delay FROM flights",
        r#"offline = true
aggregation_interval = "1h"
aggregations = [{ column = "dep_delay", function = "max", time_window = "2h" }]"#,
    ],
    [
        "wildcard",
        r#"entities = ["route"]
source = "flights"
online_serving_index = ["dest"]"#,
        "SELECT origin, dest, timestamp, dep_delay FROM flights",
        r#"online = true
offline = true
aggregation_interval = "1h"
aggregations = [{ column = "dep_delay", function = "last", time_window = "3h" }]"#,
    ],
];

/// The repository with all of them.
pub(super) fn repository() -> Repository {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/flights/data");
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("views")).unwrap();
    let write = |file: &str, text: &str| std::fs::write(root.path().join(file), text).unwrap();
    write("workspaces.toml", WORKSPACES);
    write("entities.toml", ENTITIES);
    write("sources.toml", &SOURCES.replace("DATA", &data.display().to_string()));
    write("services.toml", SERVICES);
    write("views/batch_full.toml", FULL);
    for [name, refers, sql, rest] in OTHERS {
        let text = format!("name = \"{name}\"\n{refers}\nmode = \"spark_sql\"\nsql = \"{sql}\"\n{rest}\n");
        write(&format!("views/{name}.toml"), &text);
    }
    let repository = registry::load_with(root.path(), &[data]);
    let errors: Vec<String> = repository.errors.iter().map(ToString::to_string).collect();
    assert_eq!(errors, Vec::<String>::new());
    repository
}

impl Bench {
    /// All views of a workspace with what they refer to, as a client gets them.
    async fn container(&self, workspace: &str) -> FcoContainer {
        let asked = QueryFeatureViewsRequest { workspace: Some(workspace.to_owned()), ..Default::default() };
        self.call::<QueryFeatureViewsResponse>(rpc::QUERY_FEATURE_VIEWS, &asked).await.fco_container.unwrap()
    }
}

/// The objects of a container, by what they are.
struct Objects<'a> {
    views: Vec<&'a proto::FeatureView>,
    entities: Vec<&'a Entity>,
    sources: Vec<&'a VirtualDataSource>,
}

impl<'a> Objects<'a> {
    fn of(container: &'a FcoContainer) -> Self {
        let fcos = || container.fcos.iter();
        Self {
            views: fcos().filter_map(|fco| fco.feature_view.as_deref()).collect(),
            entities: fcos().filter_map(|fco| fco.entity.as_deref()).collect(),
            sources: fcos().filter_map(|fco| fco.virtual_data_source.as_deref()).collect(),
        }
    }
}

fn name(meta: &Option<common::FcoMetadata>) -> String {
    meta.as_ref().unwrap().name.clone().unwrap()
}

/// What defines the function, and whether it is a function of that name over those parameters.
fn check_function(function: &source::UserDefinedFunction, parameters: &str) {
    let (name, body) = (function.name.as_deref().unwrap(), function.body.as_deref().unwrap());
    assert!(body.starts_with(&format!("def {name}({parameters}):\n    return ")), "{body}");
    assert_eq!(body.matches('\n').count(), 2, "one statement: {body}");
}

#[tokio::test]
async fn every_kind_of_view_comes_with_all_that_released_clients_insist_on() {
    let bench = Bench::over(repository());
    for (workspace, count) in [("prod", 8), ("dev", 7)] {
        let container = bench.container(workspace).await;
        let objects = Objects::of(&container);
        assert_eq!((container.root_ids.len(), objects.views.len()), (count, count));
        for fco in &container.fcos {
            let metas = [
                fco.feature_view.as_deref().map(|o| &o.fco_metadata),
                fco.entity.as_deref().map(|o| &o.fco_metadata),
                fco.transformation.as_deref().map(|o| &o.fco_metadata),
                fco.virtual_data_source.as_deref().map(|o| &o.fco_metadata),
            ];
            let [meta] = metas.into_iter().flatten().collect::<Vec<_>>()[..] else { panic!("one member is set") };
            let meta = meta.as_ref().unwrap();
            assert!(meta.name.is_some() && meta.source_filename.is_some());
            assert_eq!((meta.framework_version, meta.workspace.as_deref()), (Some(5), Some(workspace)));
        }
        objects.views.iter().for_each(|view| check_view(view, &container));
        objects.entities.iter().for_each(|entity| {
            let columns: Vec<_> = entity.join_keys.iter().map(|key| key.name.clone().unwrap()).collect();
            assert_eq!(columns, entity.join_keys_legacy);
            assert!(!columns.is_empty() && entity.join_keys.iter().all(|key| key.offline_data_type.is_some()));
        });
        objects.sources.iter().for_each(|source| check_source(source));
    }
}

/// The hard needs of a view; every object that it refers to is in the container.
fn check_view(view: &proto::FeatureView, container: &FcoContainer) {
    let objects = Objects::of(container);
    assert!(container.root_ids.contains(view.feature_view_id.as_ref().unwrap()));
    for id in &view.entity_ids {
        assert!(objects.entities.iter().any(|entity| entity.entity_id.as_ref() == Some(id)));
    }
    assert!(view.timestamp_key.is_some() && view.online_serving_index.is_some() && !view.join_keys.is_empty());
    let modes = [BatchComputeMode::Spark, BatchComputeMode::Rift].map(i32::from);
    assert!(modes.contains(&view.batch_compute_mode.unwrap()) && [1, 2].contains(&view.batch_trigger.unwrap()));
    let schemas = view.schemas.as_ref().unwrap();
    for schema in [&schemas.view_schema, &schemas.materialization_schema] {
        let columns = &schema.as_ref().unwrap().columns;
        assert!(columns.iter().all(|c| c.offline_data_type.is_some() && c.raw_spark_type.is_some()));
        for key in view.join_keys.iter().chain(&view.timestamp_key) {
            assert!(columns.iter().any(|c| c.name.as_ref() == Some(key)), "{key} is a column");
        }
    }
    let params = view.materialization_params.as_ref().unwrap();
    assert!(params.offline_store_config.as_ref().unwrap().delta.is_some());
    let live = objects.views.len() == 8;
    assert_eq!(view.materialization_enabled, Some(live));
    let transitions = &view.materialization_state_transitions;
    assert_eq!(transitions.iter().any(|t| t.online_enabled == Some(true)), live && params.writes_to_online_store());
    assert_eq!(transitions.iter().any(|t| t.offline_enabled == Some(true)), live && params.writes_to_offline_store());
    assert!(view.monitoring_params.is_some() && view.fw_version == Some(5));
    for feature in view.temporal_aggregate.iter().flat_map(|aggregate| &aggregate.features) {
        let window = feature.time_window.as_ref().unwrap().relative_time_window.as_ref().unwrap();
        assert_eq!(-window.window_start.unwrap().seconds, feature.window.unwrap().seconds);
        assert!(window.window_start.unwrap().seconds < 0 && feature.function.is_some_and(|number| number > 0));
    }
    check_pipeline(view, container);
}

fn check_pipeline(view: &proto::FeatureView, container: &FcoContainer) {
    let root = view.pipeline.as_ref().unwrap().root.as_ref().unwrap();
    let node = root.transformation_node.as_ref().unwrap();
    let mut inputs = Vec::new();
    for input in &node.inputs {
        let source = input.node.as_ref().unwrap().data_source_node.as_ref().unwrap();
        let id = &source.virtual_data_source_id;
        assert!(Objects::of(container).sources.iter().any(|known| known.virtual_data_source_id == *id));
        inputs.push(source.input_name.clone().unwrap());
    }
    let all = container.fcos.iter().filter_map(|fco| fco.transformation.as_deref());
    let found = all.filter(|known| known.transformation_id == node.transformation_id).collect::<Vec<_>>();
    let [transformation] = found[..] else { panic!("one transformation") };
    check_function(transformation.user_function.as_ref().unwrap(), &inputs.join(", "));
    assert_eq!(transformation.transformation_mode, Some(2));
}

fn check_source(source: &VirtualDataSource) {
    let batch = source.batch_data_source.as_ref().unwrap();
    let table = batch.hive_table.as_ref().unwrap();
    assert!(
        table.table.is_some() && table.database.is_some() && !batch.spark_schema.as_ref().unwrap().fields.is_empty()
    );
    let stream = source.stream_data_source.as_ref();
    assert_eq!(stream.is_some(), source.data_source_type == Some(SourceKind::StreamWithBatch.into()));
    let Some(stream) = stream else { return };
    let kinesis = stream.kinesis_data_source.as_ref().unwrap();
    assert!(kinesis.stream_name.is_some() && kinesis.region.is_some() && stream.spark_schema.is_some());
    check_function(stream.raw_stream_translator.as_ref().unwrap(), "df");
}

/// The attributes of a view in the order of the alphabet, by the rules of docs/wire.md section 2.1: as 0.5.10 reads
/// them, and the features as 1.2 reads them.
fn attributes(view: &proto::FeatureView, container: &FcoContainer) -> [String; 24] {
    let objects = Objects::of(container);
    let meta = view.fco_metadata.clone().unwrap();
    let params = view.materialization_params.clone();
    let text = |text: Option<String>| text.unwrap_or_default();
    let seconds = |span: Option<common::Duration>| span.map_or("None".to_owned(), |span| span.seconds.to_string());
    let at = |at: Option<common::Timestamp>| at.map_or("None".to_owned(), |at| at.seconds.to_string());
    let entity = |id: &common::Id| {
        let entity = objects.entities.iter().find(|entity| entity.entity_id.as_ref() == Some(id)).unwrap();
        name(&entity.fco_metadata)
    };
    let node = view.pipeline.as_ref().unwrap().root.as_ref().unwrap().transformation_node.as_ref().unwrap();
    let source = |input: &proto::Input| {
        let node = input.node.as_ref().unwrap().data_source_node.as_ref().unwrap();
        let is = |source: &&&VirtualDataSource| source.virtual_data_source_id == node.virtual_data_source_id;
        name(&objects.sources.iter().find(is).unwrap().fco_metadata)
    };
    let index = view.online_serving_index.as_ref().unwrap().join_keys.clone();
    let wildcard = view.join_keys.iter().find(|key| !index.contains(key));
    let (mut tags, start) = (meta.tags.clone(), params.as_ref().unwrap().feature_start_timestamp);
    tags.sort_by_key(|tag| tag.key.clone());
    let tags: Vec<_> = tags.into_iter().map(|tag| format!("{}={}", tag.key.unwrap(), tag.value.unwrap())).collect();
    [
        seconds(params.as_ref().unwrap().schedule_interval),
        at(meta.created_at),
        node.inputs.iter().map(source).collect::<Vec<_>>().join(","),
        text(meta.source_filename),
        text(meta.description),
        view.entity_ids.iter().map(entity).collect::<Vec<_>>().join(","),
        text(meta.family),
        at(start),
        features(view),
        convert::id_from_proto(view.feature_view_id.as_ref().unwrap()).to_string(),
        (view.batch_trigger == Some(2)).to_string(),
        // The message has no member for a view that is computed when it is asked for.
        "false".to_owned(),
        view.temporal.is_some().to_string(),
        view.temporal_aggregate.is_some().to_string(),
        view.join_keys.join(","),
        seconds(params.unwrap().max_source_data_delay.filter(|span| span.seconds > 0)),
        text(meta.name),
        index.join(","),
        text(meta.owner),
        tags.join(","),
        text(view.timestamp_key.clone()),
        text(view.web_url.clone()),
        wildcard.cloned().unwrap_or("None".to_owned()),
        text(meta.workspace),
    ]
}

/// Both releases read the same features: of aggregates, else the columns that are neither keys nor the timestamp.
fn features(view: &proto::FeatureView) -> String {
    if let Some(aggregate) = &view.temporal_aggregate {
        let names: Vec<_> =
            aggregate.features.iter().map(|feature| feature.output_feature_name.clone().unwrap()).collect();
        return names.join(",");
    }
    let schemas = view.schemas.as_ref().unwrap();
    let columns = |schema: &Option<common::Schema>| {
        let names = schema.as_ref().unwrap().columns.iter().map(|column| column.name.clone().unwrap());
        let features = names.filter(|name| !view.join_keys.contains(name) && view.timestamp_key.as_ref() != Some(name));
        features.collect::<Vec<_>>().join(",")
    };
    assert_eq!(columns(&schemas.view_schema), columns(&schemas.materialization_schema));
    columns(&schemas.view_schema)
}

#[tokio::test]
async fn all_attributes_of_every_kind_of_view_have_the_value_of_their_definition() {
    let bench = Bench::over(repository());
    let applied = now().timestamp().to_string();
    let mut read = Vec::new();
    for workspace in ["prod", "dev"] {
        let container = bench.container(workspace).await;
        let views = Objects::of(&container).views;
        read.extend(views.iter().map(|view| attributes(view, &container)));
        // The console's own client reads the same views.
        let views = bench.platform.repository().views.iter().filter(|view| view.workspace == workspace);
        let defined: Vec<_> = views.map(|view| parts::model(&bench.platform, view)).collect();
        assert_eq!(convert::feature_views(&container), defined);
    }
    // batch_schedule, data_source_names, description, entity_names, family, feature_start_time, features,
    // is_batch_trigger_manual, temporal or aggregate, join_keys, max_data_delay, name, online_serving_index, owner,
    // tags, wildcard_join_key
    let table = [
        "21600|archive|How late an airline is.|carrier|delays|1699574400|dep_delay_mean_1d_1h,dest_lastn3_6h_1h,late|false|a|carrier|3600|batch_full|carrier|ops@example.com|team=ops,tier=1|None",
        "86400|archive||route,flight||None|dep_delay,cancelled|false|t|origin,dest,flight|3600|batch_plain|origin,dest,flight|||None",
        "86400|archive,planes||carrier||None|seats|false|t|carrier|3600|joined|carrier|||None",
        "86400|archive||carrier||None|tailnum|true|t|carrier|3600|manual|carrier|||None",
        "86400|flights||carrier||None|dep_delay_sum_30m_continuous|false|a|carrier|None|stream_continuous|carrier|||None",
        "43200|flights||carrier||None|dest|false|t|carrier|None|stream_plain|carrier|||None",
        "3600|flights||carrier||None|dep_delay_max_2h_1h|false|a|carrier|None|stream_tiled|carrier|||None",
        "3600|flights||route||None|dep_delay_last_3h_1h|false|a|origin,dest|None|wildcard|dest|||origin",
    ];
    let both = table.iter().map(|row| (row, "prod")).chain(table.iter().skip(1).map(|row| (row, "dev")));
    for ((row, workspace), read) in both.zip(&read) {
        let [
            schedule,
            sources,
            description,
            entities,
            family,
            start,
            features,
            manual,
            kind,
            keys,
            delay,
            name,
            index,
            owner,
            tags,
            wildcard,
        ] = row.split('|').collect::<Vec<_>>()[..]
        else {
            panic!("sixteen values: {row}")
        };
        let file = format!("views/{name}.toml");
        let id = bench.platform.view(workspace, name).unwrap().id.to_string();
        let (temporal, aggregate) = ((kind == "t").to_string(), (kind == "a").to_string());
        let expected = [
            schedule,
            &applied,
            sources,
            &file,
            description,
            entities,
            family,
            start,
            features,
            &id,
            manual,
            "false",
            &temporal,
            &aggregate,
            keys,
            delay,
            name,
            index,
            owner,
            tags,
            "timestamp",
            "",
            wildcard,
            workspace,
        ];
        assert_eq!(read.each_ref().map(String::as_str), expected, "{name} of {workspace}");
    }
    assert_eq!(read.len(), 15);
}
