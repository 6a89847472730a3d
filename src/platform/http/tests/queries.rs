//! Queries, uploaded tables and datasets over HTTP, with an engine that does what its arguments say.

use axum::body::Bytes;
use polars::prelude::{NamedFrom, Series, df};

use super::*;
use crate::platform::queries::compute::EngineCompute;
use crate::platform::queries::{Compute, spawn, testing as engine};
use crate::wire::arrow::{CONTENT_TYPE, decode, encode};
use crate::wire::queries::{DatasetList, FRAME_LIMIT, FrameAnswer, QueryAccepted, QueryState, QueryStatus};

/// The bench with the queries' threads behind it, which end with it.
struct Computing(Bench);

impl std::ops::Deref for Computing {
    type Target = Bench;
    fn deref(&self) -> &Bench {
        &self.0
    }
}

impl Drop for Computing {
    fn drop(&mut self) {
        self.platform.stop.cancel();
        self.platform.queries.stop();
    }
}

impl Computing {
    fn new() -> Self {
        let bench = Bench::new();
        let compute: Arc<dyn Compute> = Arc::new(EngineCompute {
            engine: Arc::new(engine::Obedient),
            offline: bench._dir.path().join("offline"),
            datasets: Arc::clone(bench.platform.datasets()),
            jobs: Arc::clone(bench.platform.jobs()),
            runtime: tokio::runtime::Handle::current(),
            clock: bench.platform.clock().clone(),
            separator: Default::default(),
        });
        spawn(bench.platform.queries(), &compute, &bench.platform.stop).unwrap();
        Self(bench)
    }

    async fn ask(&self, method: &str, path: &str, key: &str, body: Body) -> (StatusCode, Vec<u8>) {
        let request = Request::builder().method(method).uri(path).header("authorization", format!("Tecton-key {key}"));
        let answer = self.app.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let status = answer.status();
        (status, axum::body::to_bytes(answer.into_body(), 100_000_000).await.unwrap().to_vec())
    }

    async fn json(&self, method: &str, path: &str) -> (StatusCode, Json) {
        let (status, body) = self.ask(method, path, &self.key, Body::empty()).await;
        (status, serde_json::from_slice(&body).unwrap_or(Json::Null))
    }

    async fn start(&self, query: Json) -> String {
        let (status, answer) = self.post("/api/v1/fvtop/queries", &self.key, query).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        serde_json::from_value::<QueryAccepted>(answer).unwrap().query_id
    }

    async fn ended(&self, id: &str) -> QueryStatus {
        for _ in 0..100 {
            let (status, answer) = self.json("GET", &format!("/v1/fvtop/queries/{id}?wait_ms=500")).await;
            assert_eq!(status, StatusCode::OK, "{answer}");
            let answer: QueryStatus = serde_json::from_value(answer).unwrap();
            if answer.state.has_ended() {
                return answer;
            }
        }
        panic!("the query never ended");
    }

    async fn rows(&self, path: &str) -> DataFrame {
        let (status, body) = self.ask("GET", path, &self.key, Body::empty()).await;
        assert_eq!(status, StatusCode::OK, "{}", String::from_utf8_lossy(&body));
        decode(&body, 1 << 30).unwrap()
    }

    async fn upload(&self, frame: &DataFrame) -> FrameAnswer {
        let body = Body::from(encode(frame).unwrap());
        let (status, body) = self.ask("POST", "/v1/fvtop/frames", &self.key, body).await;
        assert_eq!(status, StatusCode::OK, "{}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap()
    }
}

fn run(level: &str) -> Json {
    json!({"kind": "run", "workspace": "prod", "feature_view": "carrier", "aggregation_level": level})
}

#[tokio::test]
async fn a_query_is_started_watched_and_fetched() {
    let bench = Computing::new();
    let many = df!("n" => (0..600_000_i64).collect::<Vec<_>>(), "t" => vec!["x"; 600_000]).unwrap();
    let frame = bench.upload(&many).await;
    assert_eq!((frame.rows, frame.columns), (600_000, vec!["n".to_owned(), "t".to_owned()]));
    let mut query = run("full");
    query["mock_sources"] = json!({"flights": frame.frame_id});
    query["start_time"] = json!("2026-11-22T10:00:00Z");
    let id = bench.start(query).await;
    let done = bench.ended(&id).await;
    assert_eq!((done.state, done.rows, done.rows_read), (QueryState::Done, Some(600_000), 7));
    // More than once, for links break.
    for _ in 0..2 {
        assert!(bench.rows(&format!("/v1/fvtop/queries/{id}/rows")).await.equals(&many));
    }
    let request = Request::get(format!("/v1/fvtop/queries/{id}/rows"));
    let request = request.header("authorization", format!("Tecton-key {}", bench.key)).body(Body::empty()).unwrap();
    let answer = bench.app.clone().oneshot(request).await.unwrap();
    assert_eq!(answer.headers()["content-type"], CONTENT_TYPE);
    assert!(!answer.headers().contains_key("content-length"), "it is sent while it is written");
}

#[tokio::test]
async fn a_query_is_cancelled_and_cancelled_again() {
    let bench = Computing::new();
    let id = bench.start(run("wait")).await;
    let path = format!("/v1/fvtop/queries/{id}");
    let (http, answer) = bench.json("GET", &format!("{path}/rows")).await;
    assert_eq!((http, &answer["code"]), (StatusCode::BAD_REQUEST, &json!(9)), "{answer}");
    for _ in 0..2 {
        assert_eq!(bench.json("DELETE", &path).await.0, StatusCode::OK);
    }
    assert_eq!(bench.ended(&id).await.state, QueryState::Cancelled);
    assert_eq!(bench.json("DELETE", &path).await.1["state"], "cancelled");
}

#[tokio::test]
async fn a_failed_query_tells_its_error_as_the_engine_said_it() {
    let bench = Computing::new();
    let id = bench.start(run("memory")).await;
    let error = bench.ended(&id).await.error.unwrap();
    assert_eq!((error.code, error.message.as_str()), (status::RESOURCE_EXHAUSTED, "too much"));
    let (http, answer) = bench.json("GET", &format!("/v1/fvtop/queries/{id}/rows")).await;
    assert_eq!((http, &answer["message"]), (StatusCode::TOO_MANY_REQUESTS, &json!("too much")));
}

#[tokio::test]
async fn wrong_questions_are_refused_in_a_sentence() {
    let bench = Computing::new();
    let nobody = "00000000-0000-4000-8000-000000000000";
    let mut mock = run("full");
    mock["mock_sources"] = json!({"flights": nobody});
    let history = |more: Json| {
        let mut query = json!({"kind": "history", "workspace": "prod", "feature_view": "carrier", "from_source": true});
        query.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        query
    };
    for (query, http, word) in [
        (json!({"kind": "run", "workspace": "prod", "feature_view": "none"}), 400, "no feature view"),
        (json!({"kind": "run", "workspace": "none", "feature_view": "carrier"}), 400, "no workspace"),
        (json!({"kind": "run", "workspace": "prod", "feature_view": "carrier", "level": "full"}), 400, "`level`"),
        (
            json!({"kind": "run", "workspace": "prod", "feature_view": "carrier", "end_time": "soon"}),
            400,
            "not a query",
        ),
        (mock, 404, "Upload it again"),
        (history(json!({"spine": "x"})), 404, "Upload it again"),
        (history(json!({"save_as": "../x"})), 400, "cannot be the name"),
    ] {
        let (status, answer) = bench.post("/v1/fvtop/queries", &bench.key, query).await;
        assert_eq!(status.as_u16(), http, "{answer}");
        assert!(answer["message"].as_str().unwrap().contains(word), "{answer}");
    }
    for path in
        ["/v1/fvtop/queries/x", &format!("/v1/fvtop/queries/{nobody}"), &format!("/v1/fvtop/queries/{nobody}/rows")]
    {
        let (http, answer) = bench.json("GET", path).await;
        assert_eq!((http, &answer["code"]), (StatusCode::NOT_FOUND, &json!(5)), "{path}");
    }
    assert_eq!(bench.json("GET", "/v1/fvtop/queries/x?wait_ms=soon").await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn nothing_is_taken_or_told_without_a_key() {
    let bench = Computing::new();
    for (method, path) in [
        ("POST", "/v1/fvtop/frames"),
        ("POST", "/v1/fvtop/queries"),
        ("GET", "/v1/fvtop/queries/x"),
        ("DELETE", "/v1/fvtop/queries/x"),
        ("GET", "/v1/fvtop/queries/x/rows"),
        ("GET", "/v1/fvtop/datasets?workspace=prod"),
        ("GET", "/v1/fvtop/datasets/x?workspace=prod"),
        ("GET", "/v1/fvtop/datasets/x/rows?workspace=prod"),
    ] {
        let (status, _) = bench.ask(method, path, "wrong", Body::from("{}")).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path}");
    }
}

#[tokio::test]
async fn tables_that_are_none_or_too_large_are_refused() {
    let bench = Computing::new();
    let whole = encode(&engine::two_rows()).unwrap();
    for (body, word) in
        [(b"a,b\n1,2\n".to_vec(), "not an Arrow IPC stream"), (whole[..whole.len() - 8].to_vec(), "cut off")]
    {
        let (status, body) = bench.ask("POST", "/v1/fvtop/frames", &bench.key, Body::from(body)).await;
        let said = String::from_utf8_lossy(&body);
        assert!(status == StatusCode::BAD_REQUEST && said.contains(word), "{said}");
    }
    // Both by what it states and by what comes.
    let piece = Bytes::from(vec![0; 1 << 20]);
    let pieces = move |count: usize| {
        futures::stream::iter((0..count).map({
            let piece = piece.clone();
            move |_| Ok::<_, std::io::Error>(piece.clone())
        }))
    };
    let endless = Body::from_stream(pieces((FRAME_LIMIT >> 20) + 1));
    for body in [Body::from(vec![0; FRAME_LIMIT + 1]), endless] {
        let (status, body) = bench.ask("POST", "/v1/fvtop/frames", &bench.key, body).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
        assert!(String::from_utf8_lossy(&body).contains("256 MiB"));
    }
    let broken = futures::stream::iter([Ok(Bytes::from_static(b"ab")), Err(std::io::Error::other("gone"))]);
    let (status, _) = bench.ask("POST", "/v1/fvtop/frames", &bench.key, Body::from_stream(broken)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn history_without_an_offline_store_says_what_to_do() {
    let bench = Computing::new();
    let query = json!({"kind": "history", "workspace": "prod", "feature_view": "carrier"});
    let id = bench.start(query).await;
    let error = bench.ended(&id).await.error.unwrap();
    assert!(error.message.contains("is materialized offline yet"), "{error:?}");
}

#[tokio::test]
async fn a_result_is_kept_as_a_dataset_and_read_again() {
    let bench = Computing::new();
    let at = Series::new("at".into(), [1_i64, 2]);
    let at = at.cast(&crate::platform::frame::timestamp_type()).unwrap();
    let spine = df!("carrier" => ["UA", "B6"], "at" => at).unwrap();
    let frame = bench.upload(&spine).await.frame_id;
    let keep = |name: Json| {
        json!({"kind": "history", "workspace": "prod", "feature_view": "carrier", "from_source": true, "spine": frame,
               "save": true, "save_as": name})
    };
    let id = bench.start(keep(json!("mine"))).await;
    assert_eq!(bench.ended(&id).await.saved_as.as_deref(), Some("mine"));
    let (status, answer) = bench.post("/v1/fvtop/queries", &bench.key, keep(json!("mine"))).await;
    assert!(status == StatusCode::BAD_REQUEST && answer["message"].as_str().unwrap().contains("`mine`"), "{answer}");
    let id = bench.start(keep(Json::Null)).await;
    let made = bench.ended(&id).await.saved_as.unwrap();

    let (_, list) = bench.json("GET", "/api/v1/fvtop/datasets?workspace=prod").await;
    let list: DatasetList = serde_json::from_value(list).unwrap();
    assert_eq!(list.datasets.iter().map(|d| d.name.as_str()).collect::<Vec<_>>(), [made.as_str(), "mine"]);
    let (_, one) = bench.json("GET", "/v1/fvtop/datasets/mine?workspace=prod").await;
    assert_eq!((&one["key_columns"], &one["timestamp_key"]), (&json!(["carrier"]), &json!("at")));
    assert!(bench.rows("/v1/fvtop/datasets/mine/rows?workspace=prod").await.equals_missing(&spine));
    for path in ["/v1/fvtop/datasets/none?workspace=prod", "/v1/fvtop/datasets/..%2Fmine?workspace=prod"] {
        assert_eq!(bench.json("GET", path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    let (http, answer) = bench.json("GET", "/v1/fvtop/datasets?workspace=..").await;
    assert!(
        http == StatusCode::BAD_REQUEST && answer["message"].as_str().unwrap().contains("no workspace"),
        "{answer}"
    );
    assert_eq!(bench.json("GET", "/v1/fvtop/datasets").await.0, StatusCode::BAD_REQUEST);
}
