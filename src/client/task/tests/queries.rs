//! Queries and saved tables, against a server that does what a query's level says.

use std::collections::BTreeSet;
use std::path::PathBuf;

use axum::body::Bytes;
use axum::extract::Path;
use polars::prelude::{DataFrame, df};
use serde_json::json;

use super::*;
use crate::client::message::{QueryAnswer, Table};
use crate::model::QueryProgress;
use crate::wire::arrow;
use crate::wire::queries::QueryRequest;
use crate::wire::queries::{Query, RunQuery};

/// What the server has seen: the queries that were cancelled, and those that were asked about.
type Seen = Arc<Mutex<BTreeSet<String>>>;

/// A query's id is its level: it is run as its name says.
pub(super) fn router() -> Router {
    Router::new()
        .route("/frames", post(frame))
        .route("/queries", post(start))
        .route("/queries/{id}", get(status).delete(cancel))
        .route("/queries/{id}/rows", get(|| async { arrow::encode(&two_rows()).unwrap() }))
        .with_state(Seen::default())
}

fn two_rows() -> DataFrame {
    df!("carrier" => ["UA", "B6"]).unwrap()
}

async fn frame(body: Bytes) -> Response {
    let rows = arrow::decode(&body, 1 << 20).unwrap().height();
    axum::Json(json!({"frame_id": format!("frame-of-{rows}"), "rows": rows, "columns": []})).into_response()
}

async fn start(body: Bytes) -> Response {
    let QueryRequest::Run(run) = serde_json::from_slice(&body).unwrap() else { panic!("{body:?}") };
    let id = match run.mock_sources.get("flights") {
        Some(frame) => frame.clone(),
        None => run.aggregation_level.unwrap(),
    };
    axum::Json(json!({"query_id": id})).into_response()
}

async fn status(State(seen): State<Seen>, Path(id): Path<String>) -> Response {
    let first = seen.lock().unwrap().insert(format!("asked {id}"));
    let cancelled = seen.lock().unwrap().contains(&id);
    let done = json!({"state": "done", "rows": 2, "warnings": ["short\u{1b}[2J"], "saved_as": "kept"});
    let answer = match id.as_str() {
        "flaky" if first => return (StatusCode::SERVICE_UNAVAILABLE, "away").into_response(),
        "full" if first => json!({"state": "running", "rows_read": 7}),
        "wait" if !cancelled => {
            tokio::time::sleep(Duration::from_millis(20)).await;
            json!({"state": "running"})
        }
        "wait" => json!({"state": "cancelled"}),
        "fail" => json!({"state": "failed", "error": {"code": 3, "message": "`fail` is \u{7}not a level"}}),
        "part" => json!({"state": "done", "rows": 3}),
        "seen" => {
            json!({"state": "failed", "error": {"code": 9, "message": seen.lock().unwrap().iter().fold(String::new(), |all, one| all + one + ";")}})
        }
        _ => done,
    };
    axum::Json(answer).into_response()
}

async fn cancel(State(seen): State<Seen>, Path(id): Path<String>) -> Response {
    seen.lock().unwrap().insert(id);
    axum::Json(json!({"state": "running"})).into_response()
}

fn level(level: &str) -> Query<PathBuf> {
    let (workspace, feature_view) = ("prod".to_owned(), "quick".to_owned());
    Query::Run(RunQuery { workspace, feature_view, aggregation_level: Some(level.to_owned()), ..RunQuery::default() })
}

impl Console {
    async fn query(&self, request: RequestId, query: Query<PathBuf>) {
        self.send(Command::Query { request, query }).await;
    }

    /// How the query ended, and what was told of it before.
    async fn ended(&mut self, request: RequestId) -> (Result<QueryAnswer, Problem>, Vec<QueryProgress>) {
        let mut reported = Vec::new();
        let answer = self
            .until(|update| match update {
                Update::QueryProgress { request: of, progress } if of == request => {
                    reported.push(progress);
                    None
                }
                Update::QueryDone { request: of, answer, .. } if of == request => Some(answer),
                _ => None,
            })
            .await;
        (answer, reported)
    }

    async fn progress(&mut self, request: RequestId, step: &str) {
        self.until(|update| match update {
            Update::QueryProgress { request: of, progress } if of == request && progress.step == step => Some(()),
            _ => None,
        })
        .await;
    }

    async fn saved(&mut self, request: RequestId) -> Result<(PathBuf, u64), Problem> {
        self.until(|update| match update {
            Update::TableSaved { request: of, answer } if of == request => Some(answer),
            _ => None,
        })
        .await
    }
}

#[tokio::test]
async fn a_query_is_watched_and_its_rows_come() {
    let mut console = Console::ready(&Fake::new(healthy()).await).await;
    console.query(1, level("full")).await;
    let (answer, reported) = console.ended(1).await;
    let answer = answer.unwrap();
    assert!(answer.table.0.equals(&two_rows()));
    assert_eq!((answer.warnings, answer.saved_as), (vec!["short␛[2J".to_owned()], Some("kept".to_owned())));
    let computing = reported.iter().find(|progress| progress.step == "computing").unwrap();
    assert_eq!(computing.rows_read, Some(7));
    // A deployment that is away for a moment is waited for.
    console.query(2, level("flaky")).await;
    let (answer, reported) = console.ended(2).await;
    assert!(
        answer.is_ok() && reported.iter().any(|progress| progress.step == "waiting for the deployment"),
        "{reported:?}"
    );
}

#[tokio::test]
async fn the_callers_files_are_read_and_uploaded() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("flights.csv");
    std::fs::write(&path, "carrier,at\nUA,2026-11-22\nB6,2026-11-23\nAA,2026-11-24\n").unwrap();
    let fake = Fake::new(healthy()).await;
    let view =
        crate::wire::proto::view::GetFeatureViewResponse { fco_container: views().fco_container, ..Default::default() };
    fake.set(rpc::GET_FEATURE_VIEW, say(&view));
    let mut console = Console::ready(&fake).await;
    let mock = |path: PathBuf| match level("full") {
        Query::Run(run) => Query::Run(RunQuery { mock_sources: [("flights".to_owned(), path)].into(), ..run }),
        other => other,
    };
    console.query(1, mock(path)).await;
    let (answer, reported) = console.ended(1).await;
    answer.unwrap();
    let steps: Vec<&str> = reported.iter().map(|progress| progress.step.as_str()).collect();
    assert_eq!(steps[..3], ["reading the table for `flights`", "uploading the table for `flights`", "starting"]);
    console.query(2, mock(dir.path().join("none.csv"))).await;
    let problem = console.ended(2).await.0.unwrap_err();
    assert!(problem.what.contains("none.csv"), "{problem}");
}

#[tokio::test]
async fn one_of_several_queries_is_cancelled_and_the_deployment_hears_of_it() {
    let mut console = Console::ready(&Fake::new(healthy()).await).await;
    console.query(1, level("wait")).await;
    console.progress(1, "computing").await;
    console.query(2, level("full")).await;
    console.ended(2).await.0.unwrap();
    console.send(Command::CancelQuery { request: 1 }).await;
    // Cancelling what is not there is harmless.
    console.send(Command::CancelQuery { request: 99 }).await;
    let problem = console.ended(1).await.0.unwrap_err();
    assert!(problem.what.contains("cancelled"), "{problem}");
    console.query(3, level("seen")).await;
    let seen = console.ended(3).await.0.unwrap_err().what;
    assert!(seen.split(';').any(|id| id == "wait"), "{seen}");
}

#[tokio::test]
async fn the_end_of_the_task_cancels_its_queries() {
    let fake = Fake::new(healthy()).await;
    let mut console = Console::ready(&fake).await;
    console.query(1, level("wait")).await;
    console.progress(1, "computing").await;
    console.send(Command::Shutdown).await;
    while console.0.updates.recv().await.is_some() {}
    let mut console = Console::ready(&fake).await;
    console.query(2, level("seen")).await;
    let seen = console.ended(2).await.0.unwrap_err().what;
    assert!(seen.split(';').any(|id| id == "wait"), "{seen}");
}

#[tokio::test]
async fn what_fails_is_told_in_the_deployments_words_cleaned() {
    let mut console = Console::ready(&Fake::new(healthy()).await).await;
    console.query(1, level("fail")).await;
    assert_eq!(console.ended(1).await.0.unwrap_err().what, "`fail` is ␇not a level");
    console.query(2, level("part")).await;
    let problem = console.ended(2).await.0.unwrap_err();
    assert!(problem.what.contains("a part of the rows"), "{problem}");
}

#[tokio::test]
async fn a_deployment_without_calls_of_its_own_says_so() {
    let fake = Fake::new(healthy()).await;
    fake.set(rpc::GET_CONFIGS, say(&c::configs_to_proto(&[])));
    let mut console = Console::ready(&fake).await;
    console.query(1, level("full")).await;
    let problem = console.ended(1).await.0.unwrap_err();
    assert!(problem.what.contains("does not compute run"), "{problem}");
    let mut early = Console::of(spawn_when_ready(std::future::pending()));
    early.query(1, level("full")).await;
    let problem = early.ended(1).await.0.unwrap_err();
    assert!(problem.what.contains("not connected yet"), "{problem}");
}

#[tokio::test]
async fn tables_are_saved_by_their_ending_and_kept_where_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let mut console = Console::ready(&Fake::new(healthy()).await).await;
    let save = |request, name: &str, replace| {
        let (table, path) = (Table(Arc::new(two_rows())), dir.path().join(name));
        Command::SaveTable { request, table, path, replace }
    };
    for (request, name) in (1..).zip(["a.csv", "a.jsonl", "a.parquet"]) {
        console.send(save(request, name, false)).await;
        let (path, bytes) = console.saved(request).await.unwrap();
        assert_eq!(std::fs::metadata(path).unwrap().len(), bytes);
    }
    console.send(save(7, "a.csv", false)).await;
    assert!(console.saved(7).await.unwrap_err().what.contains("there already"));
    console.send(save(8, "a.csv", true)).await;
    console.saved(8).await.unwrap();
    console.send(save(9, "a.xls", true)).await;
    assert!(console.saved(9).await.unwrap_err().what.contains("a.xls"));
}
