//! Every pair of `tests/fixtures/wire/examples.json`, in both directions: bytes to message and back to the same bytes,
//! and the message against the same thing as JSON.
//!
//! The JSON forms know the fields of release 0.5 alone. Fields of later releases are in the bytes all the same, in
//! views behind all others: there the bytes are compared field by field without regard to order.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message;
use serde_json::{Map, Value, json};

use super::proto::aggregate as a;
use super::proto::common::{self as c, Empty, MapEntry};
use super::proto::deletion as d;
use super::proto::enums as e;
use super::proto::jobs as j;
use super::proto::keys as k;
use super::proto::materialization as m;
use super::proto::source as s;
use super::proto::status as t;
use super::proto::view as v;
use super::proto::workspace as w;
use super::{proxy, rpc};

/// Something as the JSON form of the examples has it; absent things are left out.
trait Show {
    fn show(&self) -> Option<Value>;
}

impl<T: Show> Show for Option<T> {
    fn show(&self) -> Option<Value> {
        self.as_ref().and_then(Show::show)
    }
}

impl<T: Show> Show for Box<T> {
    fn show(&self) -> Option<Value> {
        (**self).show()
    }
}

impl<T: Show> Show for Vec<T> {
    fn show(&self) -> Option<Value> {
        let list: Vec<Value> = self.iter().filter_map(Show::show).collect();
        (!list.is_empty()).then(|| list.into())
    }
}

macro_rules! plain {
    ($($type:ty => $show:expr;)+) => {$(
        impl Show for $type {
            fn show(&self) -> Option<Value> {
                let show: fn(&Self) -> Value = $show;
                Some(show(self))
            }
        }
    )+};
}

plain! {
    String => |text| json!(text);
    bool => |flag| json!(flag);
    i32 => |number| json!(number);
    u64 => |number| json!(number.to_string());
    f32 => |number| json!(number);
    c::Timestamp => |at| json!(super::convert::time_from_proto(*at).unwrap().to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true));
    c::Duration => |span| json!(format!("{}s", span.seconds));
    Empty => |_| json!({});
}

/// A map is an object.
fn map(entries: &[MapEntry]) -> Option<Value> {
    let text = |text: &Option<String>| text.clone().unwrap();
    let map: Map<_, _> = entries.iter().map(|entry| (text(&entry.key), text(&entry.value).into())).collect();
    (!map.is_empty()).then(|| map.into())
}

/// How messages look as JSON: fields by their own name, renamed ones as `field as "name"`, numbers of an enumeration as
/// `field: Enumeration`, maps as `field: map`.
macro_rules! messages {
    ($($type:ty { $($field:ident $(as $name:literal)? $(: $kind:tt)?),* $(,)? })+) => {$(
        impl Show for $type {
            fn show(&self) -> Option<Value> {
                #[allow(unused_mut, reason = "some messages have no fields")]
                let mut fields = Map::new();
                $(
                    let value = messages!(@show self.$field $(, $kind)?);
                    if let Some(value) = value {
                        #[allow(unused_assignments, unused_mut, unused_variables, reason = "most fields are not renamed")]
                        let mut name = stringify!($field).trim_start_matches("r#");
                        $(name = $name;)?
                        fields.insert(name.to_owned(), value);
                    }
                )*
                Some(fields.into())
            }
        }
    )+};
    (@show $field:expr) => { $field.show() };
    (@show $field:expr, map) => { map(&$field) };
    (@show $field:expr, $kind:ident) => { $field.map(|number| json!(e::$kind::name_of(number).unwrap())) };
}

messages! {
    c::Id { most_significant_bits, least_significant_bits }
    c::FcoLocator { name, id, workspace }
    c::FcoMetadata {
        name, description, created_at, owner, workspace, family, source_lineno, source_filename, tags: map,
        last_modified_by, framework_version: FrameworkVersion, last_updated_at,
    }
    c::Schema { columns }
    c::Column {
        name, raw_spark_type, feature_server_type: ColumnType, raw_snowflake_type, offline_data_type,
        feature_server_data_type,
    }
    c::DataType { r#type: DataTypeKind, array_element_type, struct_fields, map_key_type, map_value_type }
    c::StructField { name, data_type }
    c::SparkSchema { fields }
    c::SparkField { name, structfield_json }
    w::GetConfigsResponse { key_values: map }
    k::IntrospectApiKeyRequest { api_key }
    k::IntrospectApiKeyResponse { id, description, created_by, active, is_admin }
    w::GetWorkspaceRequest { workspace_name }
    w::GetWorkspaceResponse { workspace }
    w::ListWorkspacesResponse { workspaces }
    w::Workspace { name, capabilities }
    w::WorkspaceCapabilities { materializable, offline_store_subdirectory_enabled }
    v::GetFeatureViewRequest { version_specifier, workspace, id, disable_legacy_response, run_object_version_check }
    v::GetFeatureViewResponse { fco_container }
    v::FcoContainer { root_ids, fcos, workspace }
    v::Fco { virtual_data_source, entity, feature_view, transformation as "new_transformation" }
    v::FeatureView {
        feature_view_id, fco_metadata, entity_ids, join_keys, online_serving_index, pipeline, temporal_aggregate,
        temporal, materialization_params, timestamp_key, schemas, materialization_enabled,
        materialization_state_transitions, monitoring_params, framework_version, feature_store_format_version, web_url,
        fw_version: FrameworkVersion, batch_trigger: BatchTriggerType, options: map,
    }
    v::OnlineServingIndex { join_keys }
    v::FeatureViewSchemas { view_schema, materialization_schema, is_explicit_view_schema }
    v::Temporal {
        serving_ttl, data_source_type: SourceKind, backfill_config, incremental_backfills, is_continuous,
    }
    v::BackfillConfig { mode: BackfillConfigMode }
    v::Pipeline { root }
    v::PipelineNode { transformation_node, data_source_node }
    v::TransformationNode { transformation_id, inputs }
    v::Input { arg_index, arg_name, node }
    v::DataSourceNode { virtual_data_source_id, window, schedule_offset, input_name }
    a::TemporalAggregate {
        slide_interval, features, is_continuous, data_source_type: SourceKind, slide_interval_string,
    }
    a::AggregateFeature {
        input_feature_name, output_feature_name, function: AggregationFunction, window, function_params,
    }
    a::AggregationFunctionParams { last_n, first_n }
    a::LastNParams { n }
    a::FirstNParams { n }
    m::NewMaterializationParams {
        schedule_interval, materialization_start_timestamp, max_backfill_interval, writes_to_online_store,
        writes_to_offline_store, offline_store_config, max_source_data_delay as "allowed_upstream_lateness",
        feature_start_timestamp,
    }
    m::OfflineFeatureStoreConfig { parquet, delta, subdirectory_override }
    m::DeltaConfig { time_partition_size }
    m::ParquetConfig {}
    m::MaterializationStateTransition { timestamp, online_enabled, offline_enabled, feature_start_timestamp }
    m::MonitoringParams { user_specified, monitor_freshness, expected_feature_freshness, alert_email }
    s::Entity { entity_id, join_keys_legacy as "join_keys", fco_metadata }
    s::Transformation { transformation_id, fco_metadata, transformation_mode: TransformationMode, user_function }
    s::UserDefinedFunction { name, body }
    s::VirtualDataSource {
        virtual_data_source_id, batch_data_source, stream_data_source, data_source_type: SourceKind, fco_metadata,
    }
    s::BatchDataSource { hive_table, timestamp_column_properties, date_partition_column, spark_schema }
    s::HiveTableDataSource { table, database }
    s::TimestampColumnProperties { column_name, format }
    s::StreamDataSource { kinesis_data_source, raw_stream_translator, time_column, spark_schema }
    s::KinesisDsConfig { stream_name, region }
    t::GetFeatureViewSummaryRequest { fco_locator }
    t::GetFeatureViewSummaryResponse { fco_summary }
    t::FcoSummary { fco_metadata, summary_items }
    t::SummaryItem { key, display_name, value, multi_values, nested_summary_items }
    t::GetMaterializationStatusRequest { feature_package_id, include_deleted, workspace }
    t::GetMaterializationStatusResponse { materialization_status }
    t::MaterializationStatus { feature_package_id, materialization_attempts, schedule_error_message }
    t::MaterializationAttemptStatus {
        data_source_type: TaskType, window_start_time, window_end_time, materialization_state: StatusState,
        materialization_task_id, attempt_number, spark_cluster_environment_version, run_page_url, attempt_created_at,
        state_message, termination_reason, spot_instance_failure, materialization_task_created_at, feature_start_time,
        feature_end_time, is_permanent_failure, retry_time, progress, duration, allow_forced_retry,
        allow_overwrite_retry, allow_cancel, write_to_online_feature_store, write_to_offline_feature_store,
    }
    t::GetFeatureFreshnessRequest { fco_locator }
    t::GetFeatureFreshnessResponse { freshness_status }
    t::FreshnessStatus {
        feature_view_id, feature_view_name, created_at, expected_freshness, is_stream, materialization_enabled,
        freshness, is_stale,
    }
    j::MaterializationJob {
        id, workspace, feature_view, start_time, end_time, created_at, updated_at, state, attempts, next_attempt_at,
        online, offline, job_type,
    }
    j::JobAttempt { id, created_at, updated_at, state, run_url }
    j::ListJobsRequest { workspace, feature_view }
    j::ListJobsResponse { jobs }
    j::GetJobRequest { job_id, workspace, feature_view }
    j::GetJobResponse { job }
    j::GetLatestReadyTimeRequest { workspace, feature_view, feature_service }
    j::GetLatestReadyTimeResponse { online_latest_ready_time, offline_latest_ready_time }
    d::GetDeleteEntitiesInfoRequest { feature_definition_id }
    d::GetDeleteEntitiesInfoResponse {
        df_path, signed_url_for_df_upload_online, signed_url_for_df_upload_offline,
    }
}

/// Members of the JSON form that this program keeps as bytes, without looking inside.
const UNSEEN: [&str; 7] = [
    "batch_materialization",
    "dynamo",
    "online_store_params",
    "enrichments",
    "stream_config",
    "mode",
    "time_range_policy",
];

/// Takes what is kept as bytes, and empty lists, out of the expected JSON. The pipeline's `mode` is a number here; the
/// mode of a backfill is known and stays.
fn without_unseen(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let seen = fields.iter().filter(|(name, value)| {
                let backfill = name.as_str() == "mode" && value.as_str().is_some_and(|v| v.starts_with("BACKFILL"));
                !UNSEEN.contains(&name.as_str()) || backfill
            });
            seen.map(|(name, value)| (name.clone(), without_unseen(value))).collect::<Map<_, _>>().into()
        }
        Value::Array(values) => values.iter().map(without_unseen).collect(),
        other => other.clone(),
    }
}

/// One message in both directions.
fn check<M: Message + Default + Show>(base64: &str, expected: &Value, what: &str) {
    let message: M = proxy::decode(base64).unwrap();
    let bytes = STANDARD.decode(base64.split_whitespace().collect::<String>()).unwrap();
    let again = message.encode_to_vec();
    let reordered = what.starts_with("answer") && what.contains("stream view with");
    assert!(again == bytes || (reordered && same_fields(&again, &bytes)), "{what}: the bytes must be the same again");
    let differs = difference("", &message.show().unwrap(), &without_unseen(expected));
    assert_eq!(differs, None, "{what}: the fields must be those of the JSON form");
}

/// Where two JSON values differ first, and how.
fn difference(path: &str, a: &Value, b: &Value) -> Option<String> {
    let below = |key: &str, a: Option<&Value>, b: Option<&Value>| {
        difference(&format!("{path}/{key}"), a.unwrap_or(&Value::Null), b.unwrap_or(&Value::Null))
    };
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
            keys.into_iter().find_map(|key| below(key, a.get(key), b.get(key)))
        }
        (Value::Array(a), Value::Array(b)) => {
            (0..a.len().max(b.len())).find_map(|index| below(&index.to_string(), a.get(index), b.get(index)))
        }
        _ => (a != b).then(|| format!("{path}: {a} is not {b}")),
    }
}

/// Whether two messages have the same fields with the same content, in whatever order.
fn same_fields(a: &[u8], b: &[u8]) -> bool {
    let (Some(mut a), Some(mut b)) = (fields(a), fields(b)) else { return false };
    a.sort_by_key(|(key, _)| *key);
    b.sort_by_key(|(key, _)| *key);
    let mut pairs = a.iter().zip(&b);
    a.len() == b.len()
        && pairs.all(|((key, a), (other, b))| key == other && (a == b || (key & 7 == 2 && same_fields(a, b))))
}

/// The fields of a message: key (number and form) and content; nothing when the bytes are none.
fn fields(mut bytes: &[u8]) -> Option<Vec<(u64, &[u8])>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = prost::encoding::decode_varint(&mut bytes).ok()?;
        let length = match key & 7 {
            0 => bytes.iter().position(|byte| byte & 0x80 == 0)? + 1,
            1 => 8,
            2 => usize::try_from(prost::encoding::decode_varint(&mut bytes).ok()?).ok()?,
            5 => 4,
            _ => return None,
        };
        let (content, rest) = bytes.split_at_checked(length)?;
        found.push((key, content));
        bytes = rest;
    }
    Some(found)
}

fn check_pair<Q: Message + Default + Show, R: Message + Default + Show>(pair: &Value) {
    let what = format!("{} {}", pair["rpc"], pair["note"]);
    let request: proxy::Request = serde_json::from_value(pair["request_envelope"].clone()).unwrap();
    assert_eq!(serde_json::to_value(&request).unwrap(), pair["request_envelope"], "{what}: the envelope");
    assert_eq!(json!(request.method), pair["rpc"]);
    check::<Q>(&request.request, &pair["request"], &format!("request of {what}"));
    let answer = json!({"status": pair["status"], "response": pair["response_base64"]});
    let answer: proxy::Response = serde_json::from_value(answer).unwrap();
    assert_eq!(json!(answer.status.code), pair["status"]["code"], "{what}");
    assert_eq!(json!(answer.status.detail), pair["status"]["detail"], "{what}");
    check::<R>(answer.response.as_deref().unwrap(), &pair["response"], &format!("answer of {what}"));
}

fn pairs() -> Vec<Value> {
    let text = include_str!("../../tests/fixtures/wire/examples.json");
    let examples: Value = serde_json::from_str(text).unwrap();
    examples["pairs"].as_array().unwrap().clone()
}

#[test]
fn every_example_pair_is_read_and_written_again() {
    let pairs = pairs();
    assert_eq!(pairs.len(), 17);
    for pair in &pairs {
        let method = pair["rpc"].as_str().unwrap();
        match method {
            rpc::GET_CONFIGS => check_pair::<Empty, w::GetConfigsResponse>(pair),
            rpc::NOP => check_pair::<Empty, Empty>(pair),
            rpc::GET_WORKSPACE => check_pair::<w::GetWorkspaceRequest, w::GetWorkspaceResponse>(pair),
            rpc::LIST_WORKSPACES => check_pair::<Empty, w::ListWorkspacesResponse>(pair),
            rpc::GET_FEATURE_VIEW => check_pair::<v::GetFeatureViewRequest, v::GetFeatureViewResponse>(pair),
            rpc::GET_FEATURE_VIEW_SUMMARY => {
                check_pair::<t::GetFeatureViewSummaryRequest, t::GetFeatureViewSummaryResponse>(pair);
            }
            rpc::GET_FEATURE_FRESHNESS => {
                check_pair::<t::GetFeatureFreshnessRequest, t::GetFeatureFreshnessResponse>(pair);
            }
            rpc::GET_MATERIALIZATION_STATUS => {
                check_pair::<t::GetMaterializationStatusRequest, t::GetMaterializationStatusResponse>(pair);
            }
            rpc::LIST_MATERIALIZATION_JOBS => check_pair::<j::ListJobsRequest, j::ListJobsResponse>(pair),
            rpc::GET_MATERIALIZATION_JOB => check_pair::<j::GetJobRequest, j::GetJobResponse>(pair),
            rpc::GET_LATEST_READY_TIME => {
                check_pair::<j::GetLatestReadyTimeRequest, j::GetLatestReadyTimeResponse>(pair);
            }
            rpc::GET_DELETE_ENTITIES_INFO => {
                check_pair::<d::GetDeleteEntitiesInfoRequest, d::GetDeleteEntitiesInfoResponse>(pair);
            }
            other => match other.rsplit('/').next().unwrap() {
                "IntrospectApiKey" => check_pair::<k::IntrospectApiKeyRequest, k::IntrospectApiKeyResponse>(pair),
                _ => panic!("{method} is not checked"),
            },
        }
    }
}

#[test]
fn the_example_view_reads_as_its_users_know_it() {
    let answer = pairs().into_iter().find(|pair| pair["note"] == "stream view with aggregations").unwrap();
    let answer: v::GetFeatureViewResponse = proxy::decode(answer["response_base64"].as_str().unwrap()).unwrap();
    let views = super::convert::feature_views(&answer.fco_container.unwrap());
    let view = &views[0];
    assert_eq!((view.name.as_str(), view.wildcard_join_key()), ("user_click_counts", None));
    assert_eq!(view.data_sources, ["clicks_stream"]);
    assert_eq!(view.entities, ["user"]);
    assert_eq!(view.features[2].definition, "mean(dwell) over 3d");
    assert!(view.is_stream && view.is_batch_trigger_manual());
}

#[test]
fn the_example_jobs_and_statuses_join_into_one_table() {
    let find = |method: &str| {
        let pair = pairs().into_iter().find(|pair| pair["rpc"] == method).unwrap();
        pair["response_base64"].as_str().unwrap().to_owned()
    };
    let list: j::ListJobsResponse = proxy::decode(&find(rpc::LIST_MATERIALIZATION_JOBS)).unwrap();
    let table: t::GetMaterializationStatusResponse = proxy::decode(&find(rpc::GET_MATERIALIZATION_STATUS)).unwrap();
    let jobs = list.jobs.iter().filter_map(super::convert::job_from_proto).collect();
    let jobs = super::convert::join_status(jobs, table.materialization_status.as_ref(), "prod", "user_click_counts");
    let job = |id: &str| jobs.iter().find(|job| job.id.to_string() == id).unwrap();
    assert_eq!(job("100f3ab3ccafdfb0c59804043570699c").progress(), Some(0.5));
    assert_eq!(job("6e84d471e2bef40c0567f1a733701495").failure(), Some("Access denied writing to the online store"));
    let stream = job("1912762b204f1e16fdf767c289bd36c5");
    assert_eq!(stream.attempts[1].message.as_deref(), Some("Stream stopped: checkpoint was deleted"));
    assert!(stream.attempts.iter().map(|attempt| attempt.number).eq(1..=3));
    assert!(jobs.iter().any(|job| job.state == crate::model::JobState::Scheduled), "one is known to the table alone");
}
