//! The HTTP surface as clients meet it, in one process and without threads behind it.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::body::Body;
use axum::http::Request;
use polars::prelude::DataFrame;
use serde_json::{Value as Json, json};
use tower::ServiceExt;

use super::*;
use crate::model::{BatchTrigger, Id, JobState, Span, Time, TriggerRequest, Window, Workspace};
use crate::platform::access::Access;
use crate::platform::clock::Clock;
use crate::platform::datasets::Datasets;
use crate::platform::definition::{Repository, RepositoryError};
use crate::platform::engine::PolarsEngine;
use crate::platform::jobs::Jobs;
use crate::platform::lock::DirectoryLock;
use crate::platform::online::OnlineStore;
use crate::platform::online::memory::MemoryStore;
use crate::platform::quarantine::{Bounds, Quarantine};
use crate::platform::queries::Queries;
use crate::platform::source::readers::Readers;
use crate::platform::source::replay;
use crate::platform::stream::hub::Tails;
use crate::platform::testing;
use crate::platform::uploads::Uploads;
use crate::wire::proto::view::{
    FcoContainer, GetFeatureViewRequest, GetFeatureViewResponse, QueryFeatureViewsRequest, QueryFeatureViewsResponse,
};
use crate::wire::proto::workspace::{GetConfigsResponse, GetWorkspaceRequest, GetWorkspaceResponse};
use crate::wire::proto::{jobs as job_messages, status as status_messages};
use crate::wire::rpc::Call;
use crate::wire::{convert, proxy as envelope, rpc};

mod api_keys;
mod deletion;
mod features;
mod fleet;
mod fuzz;
mod ingest;
mod kinds;
mod metrics;
mod objects;
mod quarantine;
mod queries;
mod rest;
mod rights;
mod saved;
mod streams;
mod tasks;
mod wildcard;

/// A store that has seen one event of the carrier UA, ninety minutes ago.
fn online() -> OnlineStore {
    let store = OnlineStore::over(Arc::new(MemoryStore::default()));
    let seen = now() - Span::minutes(90);
    let start = crate::model::time::floor(seen, Span::hours(1));
    let rows = polars::df!(
        "carrier" => ["UA"],
        "mean_delay" => [12.5],
        "count_delay" => [1_i64],
        "_anchor_time" => [crate::model::time::micros(start) * 1_000],
    );
    store.write_stream(&testing::view("carrier"), &rows.unwrap(), &replay::position(seen), Some(seen)).unwrap();
    store
}

fn now() -> Time {
    crate::model::time::from_micros(1_700_000_000_000_000)
}

struct Bench {
    app: Router,
    platform: Arc<Platform>,
    key: String,
    /// Microseconds that have passed since [`now`].
    passed: Arc<AtomicI64>,
    _dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let mut offline = testing::view("manual");
        (offline.online, offline.batch_trigger) = (false, BatchTrigger::Manual);
        let views = vec![Arc::new(testing::view("carrier")), Arc::new(offline), Arc::new(wildcard::view())];
        let workspaces = vec![Workspace { name: "prod".to_owned(), live: true }];
        let error = RepositoryError {
            file: PathBuf::from("views/a.toml"),
            line: Some(3),
            field: "ttl".to_owned(),
            problem: "`soon` is not a duration".to_owned(),
            fix: "Write `1h`.".to_owned(),
        };
        let errors = vec![error];
        Self::over(Repository {
            workspaces,
            services: features::services(&views),
            views,
            errors,
            refused: vec![("a".to_owned(), PathBuf::from("views/a.toml"))],
            ..Repository::default()
        })
    }

    /// A platform of that repository.
    fn over(repository: Repository) -> Self {
        let bench = Self::unscheduled(repository);
        bench.platform.jobs().schedule().unwrap();
        bench
    }

    /// The same before its views have any job.
    fn unscheduled(repository: Repository) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let passed = Arc::new(AtomicI64::new(0));
        let since = Arc::clone(&passed);
        let clock = Clock::from_fn(move || now() + Span::microseconds(since.load(Ordering::SeqCst)));
        let jobs = Jobs::open(&dir.path().join("jobs.sqlite"), &repository.views, clock.clone()).unwrap();
        let stop = CancellationToken::new();
        let readers = Arc::new(Readers::new(clock.clone(), &dir.path().join("streams")));
        let tails = Tails::new(Arc::new(PolarsEngine), Arc::clone(&readers), stop.clone());
        let (online, engine) = (Arc::new(online()), Arc::new(PolarsEngine));
        let quarantine =
            Quarantine::open(dir.path(), Bounds::default(), Arc::clone(&online), engine, clock.clone()).unwrap();
        let datasets = Arc::new(Datasets::open(dir.path().join("datasets")).unwrap());
        let platform = Arc::new(Platform {
            repository,
            clock,
            access: Arc::new(Access::open(dir.path()).unwrap()),
            jobs: Arc::new(jobs),
            online,
            quarantine: Arc::new(quarantine),
            tails: Arc::new(tails),
            readers,
            live: Arc::default(),
            restarts: Mutex::default(),
            queries: Queries::default(),
            datasets,
            uploads: Uploads::open(&dir.path().join("uploads")).unwrap(),
            stop: stop.clone(),
            threads: Mutex::default(),
            _lock: DirectoryLock::take(dir.path(), Duration::ZERO).unwrap(),
        });
        let (keys, key) = ApiKeys::with_own(Arc::clone(platform.access()), "bench", now()).unwrap();
        Self { app: router(Arc::clone(&platform), keys, stop), platform, key, passed, _dir: dir }
    }

    fn pass(&self, span: Span) {
        self.passed.fetch_add(crate::model::time::span_micros(span), Ordering::SeqCst);
    }

    async fn http(&self, request: Request<Body>) -> (StatusCode, Json) {
        let answer = self.app.clone().oneshot(request).await.unwrap();
        let status = answer.status();
        let body = axum::body::to_bytes(answer.into_body(), 10_000_000).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Json::Null))
    }

    async fn post(&self, path: &str, key: &str, body: Json) -> (StatusCode, Json) {
        let request = Request::post(path).header("authorization", format!("Tecton-key {key}"));
        self.http(request.body(Body::from(body.to_string())).unwrap()).await
    }

    async fn raw(&self, method: &str, key: &str, message: &impl prost::Message) -> envelope::Response {
        let metadata = [("Authorization".to_owned(), format!("bearer {key}").as_str().into())].into();
        let body = serde_json::to_value(envelope::Request::new(method, metadata, message)).unwrap();
        let (status, answer) = self.post("/api/proxy", "", body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        serde_json::from_value(answer).unwrap()
    }

    async fn call<M: prost::Message + Default>(&self, method: &str, message: &impl prost::Message) -> M {
        let answer = self.raw(method, &self.key, message).await;
        assert_eq!(answer.status.code, 0, "{}", answer.status.detail);
        answer.decode().unwrap()
    }
}

#[tokio::test]
async fn only_known_keys_are_let_in() {
    let bench = Bench::new();
    assert_eq!(bench.raw(rpc::GET_CONFIGS, "wrong", &()).await.status.code, status::UNAUTHENTICATED);
    let (http, body) = bench.post("/v1/feature-service/get-features", "wrong", json!({"params": {}})).await;
    assert_eq!((http, &body["code"]), (StatusCode::UNAUTHORIZED, &json!(16)));
    let tail = Request::get("/api/v1/fvtop/run-stream?workspace=prod&feature_view=carrier").body(Body::empty());
    assert_eq!(bench.http(tail.unwrap()).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn configs_announce_what_there_is_and_what_is_wrong() {
    let bench = Bench::new();
    let configs = convert::configs_from_proto(&bench.call::<GetConfigsResponse>(rpc::GET_CONFIGS, &()).await);
    let get = |key: &str| configs.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str());
    assert_eq!(get("FVTOP_API"), Some("/v1/fvtop"));
    assert_eq!(get("TECTON_OFFLINE_RETRIEVAL_COMPUTE_MODE"), Some("spark"));
    let line = "views/a.toml:3: ttl: `soon` is not a duration. Write `1h`.";
    assert_eq!(get("FVTOP_NOTICES"), Some(line));
    assert_eq!(get("FVTOP_REFUSED"), Some(json!({ "a": [line] }).to_string().as_str()));
}

#[tokio::test]
async fn what_is_not_there_is_an_empty_answer() {
    let bench = Bench::new();
    let asked = GetWorkspaceRequest { workspace_name: Some("none".to_owned()) };
    assert_eq!(bench.call::<GetWorkspaceResponse>(rpc::GET_WORKSPACE, &asked).await.workspace, None);
    let asked = GetFeatureViewRequest {
        version_specifier: Some("none".to_owned()),
        workspace: Some("prod".to_owned()),
        ..Default::default()
    };
    let found = bench.call::<GetFeatureViewResponse>(rpc::GET_FEATURE_VIEW, &asked).await;
    assert_eq!(found.fco_container.unwrap_or_default().root_ids, FcoContainer::default().root_ids);
}

#[tokio::test]
async fn views_are_found_by_name_and_by_id() {
    let bench = Bench::new();
    let id = bench.platform.repository().views[0].id;
    for specifier in ["carrier".to_owned(), id.to_string()] {
        let asked = GetFeatureViewRequest {
            version_specifier: Some(specifier),
            workspace: Some("prod".to_owned()),
            ..Default::default()
        };
        let found = bench.call::<GetFeatureViewResponse>(rpc::GET_FEATURE_VIEW, &asked).await;
        let views = convert::feature_views(&found.fco_container.unwrap());
        assert_eq!(views.len(), 1);
        assert_eq!(views[0].id, id);
    }
    let asked = QueryFeatureViewsRequest { workspace: Some("prod".to_owned()), ..Default::default() };
    let found = bench.call::<QueryFeatureViewsResponse>(rpc::QUERY_FEATURE_VIEWS, &asked).await;
    let views = convert::feature_views(&found.fco_container.unwrap());
    let sent: Vec<_> = bench.platform.repository().views.iter().map(|v| parts::model(&bench.platform, v)).collect();
    assert_eq!(views, sent, "clients read the views as they are");
}

#[tokio::test]
async fn summary_and_freshness_tell_how_the_view_does() {
    let bench = Bench::new();
    let view = &bench.platform.repository().views[0];
    let locator = crate::wire::proto::common::FcoLocator {
        id: Some(convert::id_to_proto(view.id)),
        workspace: Some("prod".to_owned()),
        ..Default::default()
    };
    let asked = status_messages::GetFeatureFreshnessRequest { fco_locator: Some(locator.clone()) };
    let answer = bench.call::<status_messages::GetFeatureFreshnessResponse>(rpc::GET_FEATURE_FRESHNESS, &asked).await;
    let freshness = convert::freshness_from_proto(&answer.freshness_status.unwrap());
    assert_eq!((freshness.freshness, freshness.expected), (Some(Span::minutes(90)), Some(Span::hours(1))));
    assert!(freshness.is_stale);
    let asked = status_messages::GetFeatureViewSummaryRequest { fco_locator: Some(locator) };
    let answer = bench.call::<status_messages::GetFeatureViewSummaryResponse>(rpc::GET_FEATURE_VIEW_SUMMARY, &asked);
    let rows = convert::summary_rows(&answer.await.fco_summary.unwrap());
    let row = |name: &str| rows.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    assert_eq!(row("Features"), Some("delay_mean_1d_1h = mean(delay) over 1d"));
    assert_eq!(row("Freshness"), Some("1h30m, stale (expected within 1h)"));
}

#[tokio::test]
async fn jobs_are_listed_triggered_and_cancelled() {
    let bench = Bench::new();
    let end = crate::model::time::floor(now(), Span::hours(1));
    let mut trigger = TriggerRequest {
        workspace: "prod".to_owned(),
        feature_view: "manual".to_owned(),
        window: Window { start: end - Span::hours(1), end },
        online: true,
        offline: true,
        use_tecton_managed_retries: true,
        overwrite: false,
    };
    let refused = bench.raw(rpc::SUBMIT_MATERIALIZATION_JOB, &bench.key, &convert::trigger_to_proto(&trigger)).await;
    assert_eq!(refused.status.code, status::INVALID_ARGUMENT);
    assert!(refused.status.detail.contains("online=true"), "{}", refused.status.detail);
    trigger.online = false;
    let started: job_messages::MaterializationJobResponse =
        bench.call(rpc::SUBMIT_MATERIALIZATION_JOB, &convert::trigger_to_proto(&trigger)).await;
    let started = convert::job_from_proto(&started.job.unwrap()).unwrap();
    assert_eq!(started.state, JobState::Running);
    let asked = job_messages::CancelJobRequest {
        job_id: Some(started.id.to_string()),
        workspace: Some("prod".to_owned()),
        feature_view: Some("manual".to_owned()),
        ..Default::default()
    };
    let cancel = async || {
        let cancelled: job_messages::CancelJobResponse = bench.call(rpc::CANCEL_MATERIALIZATION_JOB, &asked).await;
        convert::job_from_proto(&cancelled.job.unwrap()).unwrap().state
    };
    assert_eq!(cancel().await, JobState::CancellationRequested);
    assert_eq!(cancel().await, JobState::CancellationRequested);
    bench.platform.jobs().schedule().unwrap();
    assert_eq!(cancel().await, JobState::Cancelled);
    let view = bench.platform.view("prod", "carrier").unwrap();
    let asked = status_messages::GetMaterializationStatusRequest {
        feature_package_id: Some(convert::id_to_proto(view.id)),
        ..Default::default()
    };
    let table: status_messages::GetMaterializationStatusResponse =
        bench.call(rpc::GET_MATERIALIZATION_STATUS, &asked).await;
    let asked = job_messages::ListJobsRequest {
        workspace: Some("prod".to_owned()),
        feature_view: Some("carrier".to_owned()),
        ..Default::default()
    };
    let list: job_messages::ListJobsResponse = bench.call(rpc::LIST_MATERIALIZATION_JOBS, &asked).await;
    let jobs = list.jobs.iter().filter_map(convert::job_from_proto).collect();
    let joined = convert::join_status(jobs, table.materialization_status.as_ref(), "prod", "carrier");
    let states = joined.iter().map(|job| job.state.clone()).collect::<Vec<_>>();
    assert!(states.contains(&JobState::Scheduled) && states.contains(&JobState::Running), "{states:?}");
    assert_eq!(joined.len(), bench.platform.jobs().list(view.id).unwrap().len());
}

#[tokio::test]
async fn unknown_calls_views_and_jobs_are_told_apart() {
    let bench = Bench::new();
    let unknown = bench.raw("/tecton_proto.metadataservice.MetadataService/Fly", &bench.key, &()).await.status;
    assert_eq!(unknown.code, status::UNIMPLEMENTED);
    let asked = job_messages::ListJobsRequest { workspace: Some("prod".to_owned()), ..Default::default() };
    let status = bench.raw(rpc::LIST_MATERIALIZATION_JOBS, &bench.key, &asked).await.status;
    assert_eq!(status.code, status::INVALID_ARGUMENT);
    assert!(status.detail.contains("carrier, manual"), "{}", status.detail);
}

#[tokio::test]
async fn a_lookup_wants_exactly_the_join_keys() {
    let bench = Bench::new();
    let ask = |keys: Json, view: &str| {
        json!({"params": {"workspace_name": "prod", "feature_view_name": view, "join_key_map": keys,
               "metadata_options": {"include_names": true, "include_effective_times": true}}})
    };
    let path = "/api/v1/feature-service/get-features";
    let (http, answer) = bench.post(path, &bench.key, ask(json!({"carrier": "UA"}), "carrier")).await;
    assert_eq!((http, &answer["result"]["features"]), (StatusCode::OK, &json!([12.5])));
    assert_eq!(answer["metadata"]["features"][0]["effectiveTime"], json!("2023-11-14T22:00:00Z"));
    for (keys, view, word) in [
        (json!({}), "carrier", "missing"),
        (json!({"carrier": "UA", "dest": "X"}), "carrier", "not a join key"),
        (json!({"carrier": true}), "carrier", "text or a number"),
        (json!({"carrier": "UA"}), "none", "no feature view"),
        (
            json!({"carrier": "UA"}),
            "a",
            "`a` is refused. views/a.toml:3: ttl: `soon` is not a duration. Write `1h`. Correct",
        ),
        (json!({"carrier": "UA"}), "manual", "online=false"),
    ] {
        let (http, answer) = bench.post(path, &bench.key, ask(keys, view)).await;
        assert_eq!(http, StatusCode::BAD_REQUEST, "{answer}");
        assert!(answer["message"].as_str().unwrap().contains(word), "{answer}");
        assert_eq!(answer["error"], answer["message"]);
    }
}

#[tokio::test]
async fn hostile_requests_get_an_answer() {
    let bench = Bench::new();
    let (http, body) = bench.post("/proxy", "", json!("not an envelope")).await;
    assert_eq!((http, &body["code"]), (StatusCode::BAD_REQUEST, &json!(3)));
    let huge = json!({"method": "x".repeat(BODY_LIMIT + 1)});
    let (http, body) = bench.post("/proxy", "", huge).await;
    assert_eq!((http, &body["code"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!(3)));
    let (http, body) = bench.post("/nowhere", "", json!({})).await;
    assert_eq!((http, &body["code"]), (StatusCode::NOT_FOUND, &json!(5)));
    let garbage = json!({"method": rpc::GET_WORKSPACE, "request": "!!",
                         "metadata": {"authorization": format!("Bearer {}", bench.key)}});
    let (http, body) = bench.post("/proxy", "", garbage).await;
    assert_eq!((http, &body["status"]["code"]), (StatusCode::OK, &json!(3)));
}

#[tokio::test]
async fn the_server_stops_also_while_somebody_listens() {
    let bench = Bench::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (keys, key) = ApiKeys::with_own(Arc::clone(bench.platform.access()), "bench", now()).unwrap();
    let shutdown = CancellationToken::new();
    let server = tokio::spawn(serve(Arc::clone(&bench.platform), listener, None, keys, shutdown.clone()));
    let url = format!("http://{address}/v1/fvtop/run-stream?workspace=prod&feature_view=carrier&backlog=5");
    let client = reqwest::Client::new();
    let answer = client.get(url).header("authorization", format!("Tecton-key {key}")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    shutdown.cancel();
    // A listener would stay for ever.
    let ended = tokio::time::timeout(Duration::from_secs(900), server);
    ended.await.expect("it must not wait for its listeners").unwrap().unwrap();
    drop(answer);
    bench.platform.stop().await;
}

#[tokio::test]
async fn half_bodies_of_strangers_keep_nobody_out() {
    use tokio::io::AsyncWriteExt;
    let bench = Bench::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (keys, key) = ApiKeys::with_own(Arc::clone(bench.platform.access()), "bench", now()).unwrap();
    let shutdown = CancellationToken::new();
    let server = tokio::spawn(serve(Arc::clone(&bench.platform), listener, None, keys, shutdown.clone()));
    let mut strangers = Vec::new();
    for _ in 0..300 {
        let mut stranger = tokio::net::TcpStream::connect(address).await.unwrap();
        let half = b"POST /proxy HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{\"method\":";
        stranger.write_all(half).await.unwrap();
        strangers.push(stranger);
    }
    let metadata = [("authorization".to_owned(), format!("bearer {key}").as_str().into())].into();
    let body = serde_json::to_vec(&envelope::Request::new(rpc::GET_CONFIGS, metadata, &())).unwrap();
    let client = reqwest::Client::new();
    for _ in 0..3 {
        let answer = client.post(format!("http://{address}/api/proxy")).body(body.clone()).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let answer: Json = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(answer["status"]["code"], 0, "{answer}");
    }
    shutdown.cancel();
    server.await.unwrap().unwrap();
    bench.platform.stop().await;
}

/// A job of the view `manual` over the last whole hour, written offline.
fn manual_trigger() -> TriggerRequest {
    let end = crate::model::time::floor(now(), Span::hours(1));
    TriggerRequest {
        workspace: "prod".to_owned(),
        feature_view: "manual".to_owned(),
        window: Window { start: end - Span::hours(1), end },
        online: false,
        offline: true,
        use_tecton_managed_retries: true,
        overwrite: false,
    }
}
