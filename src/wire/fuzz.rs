//! Every reader of the wire on hostile input: it must not panic, not take memory without bound, and say clearly what is
//! wrong.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use polars::prelude::NamedFrom;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

use super::convert as c;
use super::proto::{
    common as m, deletion as d, fleet as fl, jobs as j, keys as k, objects as o, saved as sv, service as sf,
    serving as g, status as s, tasks as t, view as v, workspace as w,
};
use super::proxy::{self, DecodeError};
use super::{arrow, features as f, queries as q};
use crate::fuzz::{Random, alone, assert_clear, bend, bend_json, bounded, cases, measured, messages, of_case};
use crate::model::{DataType, Id, StatusOptions, Value};

/// Most bytes that a message may take once it is read, for each of its own bytes.
const FACTOR: u64 = 512;
/// What a process takes besides.
const BESIDES: u64 = 48 << 20;

/// Reads the base64 of one message, and all that is made of it.
type Reader = fn(&str) -> Result<(), DecodeError>;

macro_rules! readers {
    ($($message:ty => $use:expr,)+) => {
        [$((stringify!($message), (|text| proxy::decode::<$message>(text).map($use)) as Reader)),+]
    };
}

fn use_status(message: s::GetMaterializationStatusResponse) {
    let Some(status) = message.materialization_status else { return };
    let options =
        StatusOptions { verbose: true, sort_columns: Some("STATUS,ATTEMPT".to_owned()), ..Default::default() };
    assert!(c::status_table(&status, &options).is_ok());
    drop(c::join_status(Vec::new(), Some(&status), "prod", "view"));
}

fn use_jobs(jobs: &[j::MaterializationJob]) {
    let jobs = jobs.iter().filter_map(c::job_from_proto).collect();
    drop(c::join_status(jobs, None, "prod", "view"));
}

/// Both sides: what clients read of answers, and servers of requests.
fn readers() -> Vec<(&'static str, Reader)> {
    let answers = readers![
        w::GetConfigsResponse => |message| drop(c::configs_from_proto(&message)),
        w::GetWorkspaceResponse => |message| drop(message.workspace.map(|found| c::workspace_from_proto(&found))),
        w::ListWorkspacesResponse => |all| all.workspaces.iter().for_each(|one| drop(c::workspace_from_proto(one))),
        k::IntrospectApiKeyResponse => drop,
        k::CreateApiKeyResponse => drop,
        k::ListApiKeysResponse => drop,
        k::GetServiceAccountsResponse => drop,
        k::CreateServiceAccountResponse => drop,
        o::GetAllEntitiesResponse => drop,
        o::GetAllTransformationsResponse => drop,
        o::GetAllVirtualDataSourcesResponse => drop,
        o::GetEntityResponse => drop,
        o::GetTransformationResponse => drop,
        o::GetVirtualDataSourceResponse => drop,
        sv::SavedFeatureDataFrameResponse => drop,
        fl::GetJobsResponse => drop,
        fl::GetAllMaterializationStatusInLiveWorkspacesResponse => drop,
        sf::GetAllFeatureServicesResponse => drop,
        sf::GetFeatureServiceResponse => drop,
        s::GetAllFeatureFreshnessResponse => drop,
        sv::GetAllSavedFeatureDataFramesResponse => drop,
        v::GetFeatureViewResponse => |message| drop(c::feature_views(&message.fco_container.unwrap_or_default())),
        v::QueryFeatureViewsResponse => |message| drop(c::feature_views(&message.fco_container.unwrap_or_default())),
        s::GetFeatureViewSummaryResponse => |message| drop(c::summary_rows(&message.fco_summary.unwrap_or_default())),
        s::GetFeatureFreshnessResponse => |message| {
            drop(c::freshness_from_proto(&message.freshness_status.unwrap_or_default()));
        },
        s::GetMaterializationStatusResponse => use_status,
        g::GetServingStatusResponse => |message| {
            drop(c::coverage_from_proto(&message.serving_status_summary.unwrap_or_default()));
        },
        j::ListJobsResponse => |message| use_jobs(&message.jobs),
        j::GetJobResponse => |message| use_jobs(message.job.as_slice()),
        j::CancelJobResponse => |message| use_jobs(message.job.as_slice()),
        j::MaterializationJobResponse => |message| use_jobs(message.job.as_slice()),
        j::GetLatestReadyTimeResponse => drop,
        t::GetJobDetailsResponse => |message| drop(c::detail_from_proto(Id(1), Some(&message), None)),
        t::GetJobLogsResponse => |message| drop(c::detail_from_proto(Id(1), None, Some(&message))),
        t::GetJobStatusResponse => drop,
        t::ForceRetryMaterializationTaskResponse => drop,
        t::RestartMaterializationTaskResponse => drop,
        d::GetDeleteEntitiesInfoResponse => drop,
        d::DeleteEntitiesResponse => drop,
    ];
    let requests = readers![
        m::Empty => drop,
        w::GetWorkspaceRequest => drop,
        w::CreateWorkspaceRequest => drop,
        w::DeleteWorkspaceRequest => drop,
        k::IntrospectApiKeyRequest => drop,
        k::CreateApiKeyRequest => drop,
        k::ListApiKeysRequest => drop,
        k::DeleteApiKeyRequest => drop,
        k::GetServiceAccountsRequest => drop,
        k::CreateServiceAccountRequest => drop,
        k::DeleteServiceAccountRequest => drop,
        o::GetAllEntitiesRequest => drop,
        o::GetEntityRequest => drop,
        o::GetTransformationRequest => drop,
        o::GetVirtualDataSourceRequest => drop,
        sv::CreateSavedFeatureDataFrameRequest => |request| {
            drop(request.schema.map(|schema| c::saved::dataset_columns(&schema)));
        },
        sv::GetSavedFeatureDataFrameRequest => drop,
        fl::GetJobsRequest => drop,
        fl::GetAllMaterializationStatusInLiveWorkspacesRequest => drop,
        sf::GetAllFeatureServicesRequest => drop,
        sf::GetFeatureServiceRequest => drop,
        s::GetAllFeatureFreshnessRequest => drop,
        o::GetAllTransformationsRequest => drop,
        o::GetAllVirtualDataSourcesRequest => drop,
        sv::GetAllSavedFeatureDataFramesRequest => drop,
        sv::ArchiveSavedFeatureDataFrameRequest => drop,
        v::GetFeatureViewRequest => drop,
        v::QueryFeatureViewsRequest => drop,
        s::GetFeatureViewSummaryRequest => drop,
        s::GetFeatureFreshnessRequest => drop,
        s::GetMaterializationStatusRequest => drop,
        g::GetServingStatusRequest => drop,
        j::MaterializationJobRequest => |message| drop(c::trigger_from_proto(&message)),
        j::ListJobsRequest => drop,
        j::GetJobRequest => drop,
        j::CancelJobRequest => drop,
        j::GetLatestReadyTimeRequest => drop,
        t::GetJobDetailsRequest => drop,
        t::GetJobLogsRequest => drop,
        t::GetJobStatusRequest => drop,
        t::ForceRetryMaterializationTaskRequest => drop,
        t::RestartMaterializationTaskRequest => drop,
        d::GetDeleteEntitiesInfoRequest => drop,
        d::DeleteEntitiesRequest => drop,
        d::FeatureValueList => drop,
    ];
    answers.into_iter().chain(requests).collect()
}

#[test]
fn messages_may_hold_anything() {
    alone("wire::fuzz::messages_may_hold_anything", || {
        let (good, readers) = (messages(), readers());
        let (mut read, cases) = (0, cases(4_000, 2));
        bounded("reading messages", 64 * 1024 * FACTOR + BESIDES, || {
            for case in 0..cases {
                let mut random = Random::of(case);
                let message = bend(&mut random, of_case::<Vec<u8>>(case, &good), &good);
                let mut text = STANDARD.encode(&message);
                if random.below(8) == 0 {
                    text = String::from_utf8_lossy(&bend(&mut random, text.as_bytes(), &[])).into_owned();
                }
                for _ in 0..3 {
                    match random.pick(&readers).1(&text) {
                        Ok(()) => read += 1,
                        Err(error) => assert_clear(&error.to_string(), text.as_bytes()),
                    }
                }
            }
        });
        assert!(read * 20 > cases, "only {read} were read: the input is too bent to test what follows");
        println!("fuzz: {cases} messages, each by three readers; {read} were read");
    });
}

/// The densest messages there are: thousands of fields of each number, empty or with one empty field, of two or four
/// bytes each, alone and inside of another.
#[test]
fn no_message_takes_much_more_memory_than_bytes() {
    alone("wire::fuzz::no_message_takes_much_more_memory_than_bytes", || {
        let fields = (1..=14).flat_map(|number| [None, Some(1), Some(2), Some(6)].map(|inner| (number, inner)));
        let fields: Vec<(u32, Option<u32>)> = fields.collect();
        let mut worst = (0, String::new());
        for (name, reader) in readers() {
            for outer in [&[][..], &[1], &[2], &[2, 1]] {
                let messages: Vec<Vec<u8>> =
                    fields.iter().map(|(number, inner)| dense(outer, *number, *inner)).collect();
                let most = messages.iter().map(Vec::len).max().unwrap() as u64;
                let texts: Vec<String> = messages.iter().map(|message| STANDARD.encode(message)).collect();
                // One after the other: the greatest size tells the densest of them.
                let (_, grown) = measured(|| texts.iter().for_each(|text| drop(reader(text))));
                if grown / most > worst.0 {
                    worst = (grown / most, format!("{name} of many fields inside of {outer:?}"));
                }
            }
        }
        println!("fuzz: the densest message takes {} bytes for each of its own: {}", worst.0, worst.1);
        assert!(worst.0 <= FACTOR, "{worst:?}");
    });
}

/// A message with 16 KiB of fields of that number, each empty or with one empty field, inside of fields of the outer
/// numbers.
fn dense(outer: &[u32], number: u32, inner: Option<u32>) -> Vec<u8> {
    let empty: Vec<u8> = inner.map_or_else(Vec::new, |inner| field(inner, &[]));
    let one = field(number, &empty);
    let many = one.iter().copied().cycle().take(one.len() * (16 * 1024 / one.len())).collect();
    outer.iter().rev().fold(many, |message: Vec<u8>, number| field(*number, &message))
}

fn field(number: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(content.len() + 8);
    prost::encoding::encode_varint(u64::from(number) << 3 | 2, &mut bytes);
    prost::encoding::encode_varint(content.len() as u64, &mut bytes);
    bytes.extend_from_slice(content);
    bytes
}

/// Views that share what is long: every view, entity and source is named once for each time it is referred to.
#[test]
fn what_is_referred_to_often_is_not_copied_as_often() {
    alone("wire::fuzz::what_is_referred_to_often_is_not_copied_as_often", || {
        let long = "x".repeat(1 << 20);
        let metadata = || Some(m::FcoMetadata { name: Some(long.clone()), ..Default::default() });
        let id = || Some(m::Id::default());
        let entity = super::proto::source::Entity { entity_id: id(), fco_metadata: metadata(), ..Default::default() };
        let view = v::FeatureView {
            feature_view_id: id(),
            fco_metadata: metadata(),
            entity_ids: vec![m::Id::default(); 3_000],
            ..Default::default()
        };
        let container = v::FcoContainer {
            root_ids: vec![m::Id::default(); 3_000],
            fcos: vec![
                v::Fco { feature_view: Some(Box::new(view)), ..Default::default() },
                v::Fco { entity: Some(Box::new(entity)), ..Default::default() },
            ],
            ..Default::default()
        };
        let views = bounded("reading views", BESIDES, || c::feature_views(&container));
        assert_eq!(views.len(), 1);
        let result = json!({"features": [1], "joinKeys": [2]});
        let items = json!([{"name": long, "status": long, "dataType": {"type": long}}]);
        let answer = json!({"results": vec![result; 3_000], "metadata": {"features": items, "joinKeys": items}});
        let answer = serde_json::from_value(answer).unwrap();
        bounded("reading vectors", BESIDES, || c::vectors_from_response(&answer, &[]));
    });
}

/// Reads one JSON body, and all that is made of it.
type JsonReader = fn(&[u8]) -> Result<(), serde_json::Error>;

fn body<T: DeserializeOwned>(bytes: &[u8], used: impl FnOnce(T)) -> Result<(), serde_json::Error> {
    serde_json::from_slice(bytes).map(used)
}

/// Every JSON of both sides, with an example of each.
fn bodies() -> Vec<(Json, JsonReader)> {
    let locator = json!({"workspaceName": "prod", "featureServiceName": "s", "feature_view_id": "v"});
    let options = json!({"includeNames": true, "includeDataTypes": true, "include_slo_info": true});
    let mut asked = locator.clone();
    asked["joinKeyMap"] = json!({"user_id": "17", "n": 3, "none": null});
    asked["metadataOptions"] = options.clone();
    let mut batch = locator.clone();
    batch["requestData"] = json!([{"joinKeyMap": {"user_id": "17"}, "requestContextMap": {"amount": 12.5}}]);
    let point = json!({"type": "struct", "fields": [{"name": "x", "dataType": {"type": "int64"}}]});
    let item = |kind: Json| json!({"name": "view.f", "effectiveTime": "2023-05-01T00:00:00Z", "dataType": kind, "status": "PRESENT"});
    let items = json!([
        item(json!({"type": "int64"})),
        item(json!({"type": "array", "elementType": {"type": "float64"}})),
        item(point),
        item(json!({"type": "timestamp"})),
    ]);
    let values = json!(["14", [0.5, "NaN"], ["3"], "2023-05-01T00:00:00Z"]);
    let slo = json!({"serverTimeSeconds": 0.05, "storeMaxLatency": 0.02, "storeResponseSizeBytes": 204});
    let metadata = json!({"features": items, "joinKeys": items, "sloInfo": slo});
    let run = json!({"kind": "run", "workspace": "prod", "feature_view": "v", "start_time": "2023-05-01T00:00:00Z",
                     "mock_sources": {"a": "b"}});
    let history = json!({"kind": "history", "workspace": "prod", "feature_view": "v", "spine": "s", "save_as": "name"});
    let envelope =
        json!({"method": "/a/B", "metadata": {"authorization": "Bearer x", "list": ["a", "b"]}, "request": "CgRwcm9k"});
    let answer = json!({"status": {"code": 3, "detail": "No."}, "metadata": {"a": ["b"]}, "response": "CgRwcm9k"});
    vec![
        (envelope, |bytes| body(bytes, |request: proxy::Request| assert!(request.metadata("none").is_none()))),
        (answer, |bytes| body(bytes, |answer: proxy::Response| drop(answer.decode::<w::GetWorkspaceResponse>()))),
        (json!({ "params": asked }), |bytes| body(bytes, |request: f::GetFeaturesRequest| drop(request))),
        (json!({ "params": batch }), |bytes| body(bytes, |request: f::BatchRequest| drop(request))),
        (json!({ "params": locator }), |bytes| body(bytes, |request: f::DescribeRequest| drop(request))),
        (json!({"result": {"features": values}, "metadata": metadata}), |bytes| {
            body(bytes, |answer: f::GetFeaturesResponse| drop(c::vector_from_response(&answer, Vec::new())))
        }),
        (json!({"results": [{"features": values, "joinKeys": values}], "metadata": metadata}), |bytes| {
            let asked = [("k".to_owned(), Value::Null)];
            body(bytes, |answer: f::QueryFeaturesResponse| drop(c::vectors_from_response(&answer, &asked)))
        }),
        (json!({"result": [{"features": values}], "metadata": {"features": [], "sloInfo": [slo]}}), |bytes| {
            body(bytes, |answer: f::BatchResponse| drop(answer))
        }),
        (json!({"featureServiceType": "DEFAULT", "inputJoinKeys": items}), |bytes| {
            body(bytes, |answer: f::ServiceMetadata| drop(answer))
        }),
        (json!({"error": "No.", "message": "No.", "code": 3}), |bytes| body(bytes, |error: f::ErrorBody| drop(error))),
        (run, |bytes| body(bytes, |request: q::QueryRequest| drop(request))),
        (history, |bytes| body(bytes, |request: q::QueryRequest| drop(request))),
        (json!({"frame_id": "a", "rows": 3, "columns": ["a"]}), |bytes| {
            body(bytes, |answer: q::FrameAnswer| drop(answer))
        }),
        (json!({"query_id": "a"}), |bytes| body(bytes, |answer: q::QueryAccepted| drop(answer))),
        (json!({"state": "running", "query_id": "a"}), |bytes| body(bytes, |answer: q::QueryStatus| drop(answer))),
        (json!({"datasets": [{"name": "a", "rows": 1}]}), |bytes| body(bytes, |answer: q::DatasetList| drop(answer))),
    ]
}

#[test]
fn json_may_hold_anything() {
    alone("wire::fuzz::json_may_hold_anything", || {
        let bodies = bodies();
        let others: Vec<Vec<u8>> = bodies.iter().map(|(good, _)| good.to_string().into_bytes()).collect();
        let (mut read, cases) = (0, cases(4_000, 4));
        bounded("reading JSON", 64 * 1024 * FACTOR + BESIDES, || {
            for case in 0..cases {
                let (good, reader) = of_case(case, &bodies);
                let bytes = bend_json(&mut Random::of(case), good, &others);
                match reader(&bytes) {
                    Ok(()) => read += 1,
                    // What a reader of JSON says is cleaned and cut where it is shown; here it must only be short.
                    Err(error) => assert!(error.to_string().len() <= 4 * bytes.len() + 200),
                }
            }
        });
        assert!(read * 20 > cases, "only {read} were read");
        println!("fuzz: {cases} bodies of JSON; {read} were read");
    });
}

#[test]
fn files_of_keys_may_hold_anything() {
    alone("wire::fuzz::files_of_keys_may_hold_anything", || {
        let keys = polars::df!("flight" => [Some(7_i64), None], "carrier" => [Some("UA"), None]).unwrap();
        let names = ["flight".to_owned(), "carrier".to_owned()];
        let wanted = [("flight".to_owned(), DataType::Int64), ("carrier".to_owned(), DataType::String)];
        let lines = c::online_keys_to_file(&keys, &names).unwrap();
        let parquet = c::offline_keys_to_file(&keys).unwrap();
        let cases = cases(1_000, 40);
        let mut read = 0;
        quietly(|| {
            bounded("reading keys", 64 * 1024 * FACTOR + BESIDES + (c::keys::MOST_BYTES as u64) * 2, || {
                for case in 0..cases {
                    let mut random = Random::of(case);
                    let result = if case % 2 == 0 {
                        let bytes = bend(&mut random, &lines, std::slice::from_ref(&parquet));
                        c::online_keys_from_file(&bytes, &wanted)
                    } else {
                        c::offline_keys_from_file(bend(&mut random, &parquet, std::slice::from_ref(&lines)))
                    };
                    match result {
                        Ok(_) => read += 1,
                        Err(error) => assert_clear(&error.to_string(), b"a file of keys"),
                    }
                }
            });
        });
        assert!(read > 0);
        println!("fuzz: {cases} files of keys; {read} were read");
    });
}

#[test]
fn tables_may_hold_anything() {
    const LIMIT: u64 = 4 << 20;
    alone("wire::fuzz::tables_may_hold_anything", || {
        let list = polars::prelude::Series::new("".into(), ["a", "b"]);
        let frame = polars::df!("n" => [Some(7_i64), None], "s" => ["x", "y"], "l" => [list.clone(), list]).unwrap();
        let good = vec![arrow::encode(&frame).unwrap(), arrow::encode(&frame.head(Some(0))).unwrap()];
        let cases = cases(1_000, 40);
        let mut read = 0;
        quietly(|| {
            bounded("reading tables", 64 * 1024 * FACTOR + BESIDES + LIMIT * 8, || {
                for case in 0..cases {
                    let bytes = bend(&mut Random::of(case), of_case::<Vec<u8>>(case, &good), &good);
                    match arrow::decode(&bytes, LIMIT) {
                        Ok(_) => read += 1,
                        Err(error) => assert!(!error.to_string().is_empty()),
                    }
                }
            });
        });
        assert!(read > 0);
        println!("fuzz: {cases} tables; {read} were read");
    });
}

/// Without a word about panics that are caught: the libraries' readers panic on purpose.
fn quietly(run: impl FnOnce()) {
    let hook = std::panic::take_hook();
    // Panics of this program are told; paths of libraries are absolute.
    std::panic::set_hook(Box::new(|panic| {
        if panic.location().is_some_and(|at| at.file().starts_with("src/")) {
            println!("{panic}");
        }
    }));
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
    std::panic::set_hook(hook);
    if let Err(panic) = result {
        std::panic::resume_unwind(panic);
    }
}
