//! The public doors to the job calls, as an orchestrator goes through them.

use super::*;
use crate::platform::jobs::record::Outcome;

const SUBMIT: &str = "/api/v1/jobs/submit-materialization-job";
const GET: &str = "/api/v1/jobs/get-materialization-job";
const CANCEL: &str = "/api/v1/jobs/cancel-materialization-job";
const LIST: &str = "/v1/jobs/list-materialization-jobs";
const READY: &str = "/api/v1/jobs/get-latest-ready-time";

/// The last whole hour of the view that is triggered by hand.
fn window() -> Json {
    json!({"workspace": "prod", "feature_view": "manual", "start_time": "2023-11-14T21:00:00Z",
           "end_time": "2023-11-14T22:00:00Z", "online": false, "offline": true,
           "use_tecton_managed_retries": true, "overwrite": false})
}

fn of(job: &Json) -> Json {
    json!({"workspace": "prod", "feature_view": "manual", "job_id": job["job"]["id"]})
}

#[tokio::test]
async fn a_job_is_submitted_polled_to_its_end_and_listed() {
    let bench = Bench::new();
    let post = |path: &'static str, body: Json| {
        let bench = &bench;
        async move { bench.post(path, &bench.key, body).await }
    };
    let (http, started) = post(SUBMIT, window()).await;
    assert_eq!(http, StatusCode::OK, "{started}");
    let id = started["job"]["id"].as_str().unwrap().to_owned();
    let attempt = started["job"]["attempts"][0]["id"].clone();
    let at = "2023-11-14T22:13:20Z";
    let expected = json!({"job": {
        "id": id, "workspace": "prod", "feature_view": "manual", "start_time": "2023-11-14T21:00:00Z",
        "end_time": "2023-11-14T22:00:00Z", "created_at": at, "updated_at": at, "online": false, "offline": true,
        "state": "MATERIALIZATION_TASK_STATUS_RUNNING", "job_type": "batch",
        "attempts": [{"id": attempt, "created_at": at, "updated_at": at, "state": "MATERIALIZATION_ATTEMPT_STATUS_PENDING"}],
    }});
    assert_eq!(started, expected);
    assert_eq!(post(GET, of(&started)).await, (StatusCode::OK, started.clone()));
    assert_eq!(post(LIST, of(&started)).await, (StatusCode::OK, json!({"jobs": [started["job"]]})));
    assert_eq!(post(READY, of(&started)).await, (StatusCode::OK, json!({})));
    bench.run_everything();
    let (_, ended) = post(GET, json!({"workspace": "prod", "featureView": "manual", "jobId": id})).await;
    assert!(ended["job"]["state"].as_str().unwrap().ends_with("SUCCESS"), "{ended}");
    assert_eq!(post(CANCEL, of(&started)).await, (StatusCode::OK, ended), "what has ended is left as it is");
    let ready = post(READY, json!({"workspace": "prod", "feature_view": "carrier"})).await.1;
    let until = "2023-11-14T22:00:00Z";
    assert_eq!(ready, json!({"online_latest_ready_time": until, "offline_latest_ready_time": until}));
}

#[tokio::test]
async fn a_job_is_cancelled_and_a_retry_is_waited_for() {
    let bench = Bench::new();
    let (_, started) = bench.post(SUBMIT, &bench.key, window()).await;
    let work = bench.platform.jobs().claim().unwrap().unwrap();
    assert_eq!(json!(work.job.id.to_string()), started["job"]["id"]);
    let failure = crate::platform::jobs::retry::Failure::Retryable;
    let outcome = Outcome::Failed { failure, reason: "SOURCE_ERROR".to_owned(), message: "No.".to_owned() };
    bench.platform.jobs().finish(work.job.id, outcome).unwrap();
    let (_, waits) = bench.post(GET, &bench.key, of(&started)).await;
    assert_eq!(waits["job"]["state"], json!("MATERIALIZATION_TASK_STATUS_RUNNING"));
    assert_eq!(waits["job"]["attempts"][0]["state"], json!("MATERIALIZATION_ATTEMPT_STATUS_ERROR"));
    assert_eq!(waits["job"]["next_attempt_at"], json!("2023-11-14T22:18:20Z"));
    for state in ["MANUAL_CANCELLATION_REQUESTED", "MANUALLY_CANCELLED"] {
        let (http, cancelled) = bench.post(CANCEL, &bench.key, of(&started)).await;
        assert_eq!(http, StatusCode::OK);
        assert_eq!(cancelled["job"]["state"], json!(format!("MATERIALIZATION_TASK_STATUS_{state}")));
        bench.platform.jobs().schedule().unwrap();
    }
    let (_, list) = bench.post(LIST, &bench.key, json!({"workspace": "prod", "feature_view": "carrier"})).await;
    let jobs = list["jobs"].as_array().unwrap();
    assert!(jobs.iter().all(|job| job.get("next_attempt_at").is_none()), "the window to come is not a retry: {list}");
    let stream: Vec<_> = jobs.iter().filter(|job| job["job_type"] == json!("stream")).collect();
    assert_eq!(stream.len(), 1);
    assert!(stream[0].get("start_time").is_none());
}

#[tokio::test]
async fn what_is_refused_is_refused_as_by_the_envelope_with_an_error_body() {
    let bench = Bench::new();
    let with = |name: &str, value: Json| {
        let mut body = window();
        body[name] = value;
        body
    };
    for (path, body, words) in [
        (SUBMIT, with("start_time", json!("2023-11-14T21:30:00Z")), "is not a multiple of the batch schedule"),
        (SUBMIT, with("online", json!(true)), "online=true"),
        (SUBMIT, with("end_time", Json::Null), "no usable end_time"),
        (SUBMIT, with("end_time", json!("soon")), "`soon` is not a time"),
        (SUBMIT, json!({}), "no usable workspace"),
        (SUBMIT, json!([]), "not the JSON of a call about jobs"),
        (GET, with("job_id", json!("7")), "job_id"),
        (GET, with("job_id", json!("0".repeat(32))), "has no job"),
        (CANCEL, json!({"workspace": "prod", "feature_service": "s", "job_id": "0".repeat(32)}), "Feature service `s`"),
        (LIST, json!({"workspace": "prod", "feature_view": "none"}), "There are: carrier, manual"),
        (LIST, json!({"workspace": "none", "feature_view": "carrier"}), "no workspace `none`"),
    ] {
        let (http, answer) = bench.post(path, &bench.key, body).await;
        assert_eq!((http, &answer["code"]), (StatusCode::BAD_REQUEST, &json!(3)), "{answer}");
        assert!(answer["error"].as_str().unwrap().contains(words), "{words}: {answer}");
        assert_eq!(answer["error"], answer["message"]);
    }
    for path in [SUBMIT, GET, CANCEL, LIST, READY, "/api/v1/jobs/ingest-dataframe"] {
        let (http, answer) = bench.post(path, "wrong", window()).await;
        assert_eq!((http, &answer["code"]), (StatusCode::UNAUTHORIZED, &json!(16)), "{path}");
        let get = Request::get(path).body(Body::empty()).unwrap();
        assert_eq!(bench.http(get).await.0, StatusCode::METHOD_NOT_ALLOWED, "{path}");
    }
}

#[tokio::test]
async fn feature_tables_are_not_implemented_and_logging_in_needs_no_key() {
    let bench = Bench::new();
    for path in ["/api/v1/jobs/ingest-dataframe", "/v1/jobs/get-dataframe-info"] {
        let (http, answer) = bench.post(path, &bench.key, json!({})).await;
        assert_eq!((http, &answer["code"]), (StatusCode::NOT_IMPLEMENTED, &json!(12)));
        assert!(answer["error"].as_str().unwrap().contains("no feature tables"), "{answer}");
    }
    let path = "/api/v1/metadata-service/get-login-configs";
    let open = Request::post(path).body(Body::from("{}")).unwrap();
    assert_eq!(bench.http(open).await, (StatusCode::OK, json!({"key_values": {}})));
}
