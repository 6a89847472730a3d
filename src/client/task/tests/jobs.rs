//! Deletion, retries, details, coverage and status, against the scripted server.

use std::path::PathBuf;

use axum::body::Bytes;
use axum::extract::Path;
use axum::routing::put;
use polars::prelude::DataFrame;

use super::*;
use crate::client::message::KeySet;
use crate::client::testing::view;
use crate::model::{AttemptDetail, Coverage, DataType, DeletionStarted, FeatureView, StageKind, Stores, Window};
use crate::wire::convert::keys::{offline_keys_from_file, online_keys_from_file};
use crate::wire::proto::deletion as d;
use crate::wire::proto::enums::{StatusState, TaskType};
use crate::wire::proto::serving as sv;
use crate::wire::proto::status as s;
use crate::wire::proto::tasks as t;

/// The files that were put, by name; a file named `201` is answered with that status, `quote` with a body that quotes a
/// secret.
type Put = Arc<Mutex<HashMap<String, Vec<u8>>>>;

/// A place for files, of its own: what comes there has no key of ours.
async fn place() -> (String, Put) {
    let files = Put::default();
    let router = Router::new().route("/{name}", put(take)).with_state(Arc::clone(&files));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
    (url, files)
}

async fn take(
    State(files): State<Put>,
    Path(name): Path<String>,
    headers: axum::http::HeaderMap,
    body: Bytes,
) -> Response {
    assert!(!headers.contains_key("authorization"), "{headers:?}");
    files.lock().unwrap().insert(name.clone(), body.to_vec());
    match name.as_str() {
        "201" => StatusCode::CREATED.into_response(),
        "quote" => (StatusCode::FORBIDDEN, "no: signature=hush").into_response(),
        _ => StatusCode::OK.into_response(),
    }
}

fn info(online: &str, offline: &str) -> Act {
    say(&d::GetDeleteEntitiesInfoResponse {
        df_path: Some("s3://bucket/deletion/7/".into()),
        signed_url_for_df_upload_online: Some(format!("{online}?signature=hush")),
        signed_url_for_df_upload_offline: Some(format!("{offline}?signature=hush")),
    })
}

fn deletion(id: u128, online: bool) -> MaterializationJob {
    MaterializationJob {
        id: Some(Id(id).to_string()),
        job_type: Some("DELETION".into()),
        state: Some("RUNNING".into()),
        online: Some(online),
        offline: Some(!online),
        ..Default::default()
    }
}

fn listed(jobs: &[MaterializationJob]) -> Act {
    say(&ListJobsResponse { jobs: jobs.to_vec() })
}

fn two_keys() -> FeatureView {
    view(&[("user_id", DataType::Int64), ("origin", DataType::String)])
}

const BOTH: Stores = Stores { online: true, offline: true };

impl Console {
    async fn keys(&mut self, command: Command) -> Result<KeySet, Problem> {
        self.send(command).await;
        self.until(|update| match update {
            Update::Keys { request: 1, answer } => Some(answer),
            _ => None,
        })
        .await
    }

    /// Deletes three keys of which two are the same.
    async fn delete(&mut self) -> Result<DeletionStarted, Problem> {
        let typed = [["7", "JFK"], ["8", "a,b"], ["7", "JFK"]].map(|key| key.map(str::to_owned).to_vec()).to_vec();
        let view = Box::new(two_keys());
        let keys = self.keys(Command::TypedKeys { request: 1, view: view.clone(), keys: typed }).await.unwrap();
        self.send(Command::DeleteKeys { request: 2, view, keys, stores: BOTH }).await;
        self.until(|update| match update {
            Update::DeletionStarted { request: 2, answer } => Some(answer),
            _ => None,
        })
        .await
    }

    async fn detail(&mut self, attempt: u128) -> Result<Arc<AttemptDetail>, Problem> {
        self.send(Command::Detail { generation: 3, attempt: Id(attempt) }).await;
        self.until(|update| match update {
            Update::Detail { generation: 3, attempt: of, answer } if of == Id(attempt) => Some(answer),
            _ => None,
        })
        .await
    }

    async fn retry(&mut self) -> Result<(), Problem> {
        let (workspace, feature_view) = ("prod".to_owned(), "v".to_owned());
        self.send(Command::ForceRetry { request: 4, workspace, feature_view, job: Id(7), overwrite: true }).await;
        self.until(|update| match update {
            Update::Retried { request: 4, job: Id(7), answer } => Some(answer),
            _ => None,
        })
        .await
    }
}

#[tokio::test]
async fn keys_are_sent_in_their_two_files_and_a_job_for_each_store_is_told() {
    let (url, files) = place().await;
    let fake = Fake::new(healthy()).await;
    fake.set(rpc::GET_DELETE_ENTITIES_INFO, info(&format!("{url}/on"), &format!("{url}/off")));
    let ids = [Id(1).to_string(), Id(2).to_string()];
    fake.set(rpc::DELETE_ENTITIES, say(&d::DeleteEntitiesResponse { job_ids: ids.to_vec() }));
    fake.set(rpc::LIST_MATERIALIZATION_JOBS, listed(&[deletion(1, true), deletion(2, false)]));
    let started = Console::ready(&fake).await.delete().await.unwrap();
    assert_eq!(started, DeletionStarted { jobs: vec![Id(1), Id(2)], notes: vec![] });
    let files = files.lock().unwrap();
    let join_keys = [("user_id".to_owned(), DataType::Int64), ("origin".to_owned(), DataType::String)];
    let expected: DataFrame = polars::prelude::df!("user_id" => [7_i64, 8], "origin" => ["JFK", "a,b"]).unwrap();
    assert!(offline_keys_from_file(files["off"].clone()).unwrap().equals(&expected));
    assert!(online_keys_from_file(&files["on"], &join_keys).unwrap().equals(&expected));
}

#[tokio::test]
async fn a_store_that_was_left_out_is_told() {
    let (url, _) = place().await;
    let fake = Fake::new(healthy()).await;
    fake.set(rpc::GET_DELETE_ENTITIES_INFO, info(&format!("{url}/on"), &format!("{url}/off")));
    fake.set(rpc::DELETE_ENTITIES, say(&d::DeleteEntitiesResponse { job_ids: vec![Id(1).to_string()] }));
    fake.set(rpc::LIST_MATERIALIZATION_JOBS, listed(&[deletion(1, true)]));
    let started = Console::ready(&fake).await.delete().await.unwrap();
    let note = "The offline store was left out: nothing of the view was ever written there.";
    assert_eq!(started, DeletionStarted { jobs: vec![Id(1)], notes: vec![note.to_owned()] });
}

#[tokio::test]
async fn an_older_deployment_does_not_tell_its_jobs_and_they_are_found() {
    let (url, _) = place().await;
    let fake = Fake::new(healthy()).await;
    fake.set(rpc::GET_DELETE_ENTITIES_INFO, info(&format!("{url}/on"), &format!("{url}/off")));
    fake.set(rpc::LIST_MATERIALIZATION_JOBS, listed(&[deletion(1, true)]));
    // Those that come to be with the call are listed after it.
    let after = listed(&[deletion(3, false), deletion(2, true), deletion(1, true)]);
    fake.set(rpc::DELETE_ENTITIES, Act::Then(rpc::LIST_MATERIALIZATION_JOBS, Box::new(after)));
    let started = Console::ready(&fake).await.delete().await.unwrap();
    assert_eq!(started.jobs, [Id(3), Id(2)]);
}

#[tokio::test]
async fn nothing_is_deleted_where_the_keys_did_not_arrive_and_no_secret_is_told() {
    let (url, _) = place().await;
    let fake = Fake::new(healthy()).await;
    fake.set(rpc::LIST_MATERIALIZATION_JOBS, listed(&[]));
    // To delete would be a refusal of another kind.
    fake.set(rpc::DELETE_ENTITIES, Act::Code(3, "It was told to delete."));
    for (online, offline, expected) in [
        (format!("{url}/201"), format!("{url}/off"), "HTTP 201"),
        (format!("{url}/on"), format!("{url}/quote"), "HTTP 403"),
        ("http://127.0.0.1:1/gone".to_owned(), format!("{url}/off"), "Nothing listens"),
        (format!("{url}/on"), "file:///etc/passwd".to_owned(), "no address to send the keys to"),
    ] {
        fake.set(rpc::GET_DELETE_ENTITIES_INFO, info(&online, &offline));
        let problem = Console::ready(&fake).await.delete().await.unwrap_err();
        assert!(problem.what.contains(expected) && !problem.to_string().contains("hush"), "{problem}");
    }
}

#[tokio::test]
async fn a_deletion_without_an_answer_may_have_been_taken() {
    let (url, _) = place().await;
    let fake = Fake::new(healthy()).await;
    fake.set(rpc::LIST_MATERIALIZATION_JOBS, listed(&[]));
    fake.set(rpc::GET_DELETE_ENTITIES_INFO, info(&format!("{url}/on"), &format!("{url}/off")));
    for (act, expected) in [
        (Act::Http(503, "away"), "may have been taken"),
        (Act::Code(3, "Column `user_id`\u{1b}[2J is not wanted."), "Column `user_id`␛[2J is not wanted."),
    ] {
        fake.set(rpc::DELETE_ENTITIES, act);
        let problem = Console::ready(&fake).await.delete().await.unwrap_err();
        assert!(problem.to_string().contains(expected), "{problem}");
    }
}

#[tokio::test]
async fn keys_are_read_from_files_without_a_deployment() {
    let dir = tempfile::tempdir().unwrap();
    let path: PathBuf = dir.path().join("keys.csv");
    std::fs::write(&path, "origin,user_id\nJFK,7\n").unwrap();
    let mut console = Console::of(spawn_when_ready(std::future::pending()));
    let view = Box::new(two_keys());
    let keys = console.keys(Command::ReadKeys { request: 1, view: view.clone(), path: path.clone() }).await.unwrap();
    assert_eq!((keys.given, keys.table.0.height(), keys.file), (1, 1, Some(path)));
    let none = console.keys(Command::ReadKeys { request: 1, view, path: dir.path().join("none.csv") }).await;
    assert!(none.unwrap_err().what.contains("none.csv"));
}

#[tokio::test]
async fn a_refused_retry_is_told_although_the_call_went_well() {
    let fake = Fake::new(healthy()).await;
    let mut console = Console::ready(&fake).await;
    let answer = |text: &str| say(&t::ForceRetryMaterializationTaskResponse { error_message: Some(text.into()) });
    fake.set(rpc::FORCE_RETRY_MATERIALIZATION_TASK, answer("The job is\u{7} RUNNING."));
    assert_eq!(console.retry().await.unwrap_err().what, "The job is␇ RUNNING.");
    fake.set(rpc::FORCE_RETRY_MATERIALIZATION_TASK, answer(""));
    assert_eq!(console.retry().await, Ok(()));
}

#[tokio::test]
async fn what_an_attempt_did_is_told_cleaned() {
    let fake = Fake::new(healthy()).await;
    let stage = t::TectonManagedStage { description: Some("12 rows\u{1b}[2J".into()), ..Default::default() };
    let details = t::GetJobDetailsResponse {
        attempt_details: Some(t::TaskAttemptDetails {
            run_details: Some(t::TectonManagedInfo { stages: vec![stage], state: None }),
            ..Default::default()
        }),
        ..Default::default()
    };
    fake.set(rpc::GET_JOB_DETAILS, say(&details));
    fake.set(rpc::GET_JOB_LOGS, say(&t::GetJobLogsResponse { logs: Some("a\nb\u{7}".into()), ..Default::default() }));
    let mut console = Console::ready(&fake).await;
    let detail = console.detail(5).await.unwrap();
    assert_eq!((detail.log.as_slice(), detail.stages.len()), (["a".to_owned(), "b␇".to_owned()].as_slice(), 1));
    assert_eq!(detail.stages[0].description, "12 rows␛[2J");
    assert!(matches!(detail.stages[0].kind, StageKind::Other(_)));
    // Any failure of either is told.
    fake.set(rpc::GET_JOB_DETAILS, Act::Code(12, "no"));
    assert!(console.detail(8).await.unwrap_err().what.contains("it did before"));
    // A deployment that never had one of the two calls has the other.
    let fake = Fake::new(healthy()).await;
    fake.set(rpc::GET_JOB_LOGS, say(&t::GetJobLogsResponse { logs: Some("a\nb".into()), ..Default::default() }));
    let mut console = Console::ready(&fake).await;
    assert_eq!(console.detail(6).await.unwrap().log.len(), 2);
    fake.set(rpc::GET_JOB_LOGS, Act::Code(13, "broken"));
    assert!(console.detail(7).await.is_err());
}

#[tokio::test]
async fn a_deployment_without_details_is_left_alone_until_somebody_wants_all() {
    let fake = Fake::new(healthy()).await;
    let mut console = Console::ready(&fake).await;
    let detail = console.detail(5).await.unwrap();
    assert_eq!((detail.log.len(), detail.stages.len()), (1, 0));
    assert!(detail.log[0].contains("does not tell"), "{detail:?}");
    // Asked again, it would answer.
    fake.set(rpc::GET_JOB_LOGS, say(&t::GetJobLogsResponse { logs: Some("a\nb".into()), ..Default::default() }));
    assert_eq!(console.detail(6).await.unwrap().log, detail.log);
    // The user may want to know.
    console.send(Command::Refresh).await;
    assert_eq!(console.detail(6).await.unwrap().log, ["a", "b"]);
}

#[tokio::test]
async fn coverage_is_told_of_the_open_view_alone() {
    let fake = Fake::new(healthy()).await;
    let at = crate::model::time::from_micros;
    let coverage = Coverage { online: vec![Window { start: at(0), end: at(1_000_000) }], offline: vec![] };
    let summary = Some(c::coverage_to_proto(&coverage));
    fake.set(rpc::GET_SERVING_STATUS, say(&sv::GetServingStatusResponse { serving_status_summary: summary }));
    let mut console = Console::ready(&fake).await;
    console.send(Command::OpenWorkspace { generation: 1, workspace: Some("prod".into()) }).await;
    console.until(|update| matches!(update, Update::FeatureViews { .. }).then_some(())).await;
    console.open(8, "quick").await;
    console.send(Command::Coverage { generation: 7 }).await;
    console.send(Command::Coverage { generation: 8 }).await;
    let (generation, answer) = console
        .until(|update| match update {
            Update::Coverage { generation, answer } => Some((generation, answer)),
            _ => None,
        })
        .await;
    assert_eq!((generation, answer.unwrap()), (8, Arc::new(coverage)));
}

#[tokio::test]
async fn the_status_table_comes_whole_and_cleaned() {
    let fake = Fake::new(healthy()).await;
    let found =
        crate::wire::proto::view::GetFeatureViewResponse { fco_container: views().fco_container, ..Default::default() };
    fake.set(rpc::GET_FEATURE_VIEW, say(&found));
    let row = |kind: TaskType| s::MaterializationAttemptStatus {
        data_source_type: Some(kind.into()),
        materialization_state: Some(StatusState::Error.into()),
        state_message: Some("bad\u{1b}[2J".into()),
        ..Default::default()
    };
    let status = s::MaterializationStatus {
        materialization_attempts: vec![row(TaskType::Batch), row(TaskType::Deletion)],
        ..Default::default()
    };
    let answer = s::GetMaterializationStatusResponse { materialization_status: Some(status) };
    fake.set(rpc::GET_MATERIALIZATION_STATUS, say(&answer));
    let mut console = Console::ready(&fake).await;
    for (deletions, kinds) in [(false, vec!["BATCH", "DELETION"]), (true, vec!["DELETION"])] {
        let (workspace, feature_view) = ("prod".to_owned(), "slow".to_owned());
        console.send(Command::Status { request: 6, workspace, feature_view, deletions }).await;
        let answer = console
            .until(|update| match update {
                Update::Status { request: 6, answer } => Some(answer),
                _ => None,
            })
            .await;
        let table = answer.unwrap().0;
        let texts = |name: &str| {
            let column = table.column(name).unwrap().str().unwrap();
            column.iter().map(|text| text.unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!((texts("TYPE"), table.width()), (kinds.iter().map(|k| (*k).to_owned()).collect(), 12));
        assert!(texts("STATE_MESSAGE").iter().all(|text| text == "bad␛[2J"));
    }
}
