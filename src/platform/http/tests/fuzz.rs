//! Requests of every kind, bent: each gets an answer in its door's own form, with a sentence, and the next one is
//! served.

use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message as _;

use super::*;
use crate::fuzz::{Random, alone, assert_clear, bend, bend_json, bounded, cases, messages};
use crate::wire::proto::common::FcoLocator;

/// Most bytes that the server may take for each byte of a request.
const FACTOR: u64 = 512;
/// What a process takes besides, the stores and the answers included.
const BESIDES: u64 = 96 << 20;

/// Sends bytes through a door; gives HTTP status and body.
async fn send(bench: &Bench, method: &str, path: &str, body: Vec<u8>) -> (StatusCode, Bytes) {
    let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {}", bench.key));
    let answer = bench.app.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    let status = answer.status();
    (status, axum::body::to_bytes(answer.into_body(), 64 << 20).await.unwrap())
}

/// A refusal outside of the envelope.
fn check_refusal(http: StatusCode, answer: &Json, sent: &[u8]) {
    let known = matches!(http.as_u16(), 400 | 401 | 403 | 404 | 405 | 413 | 429 | 501 | 503);
    assert!(known, "HTTP {http}: {answer} on {}", String::from_utf8_lossy(&sent[..sent.len().min(2_000)]));
    let message = answer["message"].as_str().unwrap_or_default();
    assert_clear(message, sent);
    assert_eq!((answer["error"].as_str(), answer["code"].is_i64()), (Some(message), true), "{answer}");
}

/// A code that the fault of the server would have; a request may not cause one.
fn is_defect(code: i32) -> bool {
    matches!(code, 2 | 13 | 14 | 15)
}

/// Messages that name what there is, beside those of the examples.
fn named(bench: &Bench) -> Vec<Vec<u8>> {
    let view = &bench.platform.repository().views[0];
    let trigger = manual_trigger();
    let locator =
        FcoLocator { id: Some(convert::id_to_proto(view.id)), workspace: Some("prod".to_owned()), name: None };
    let list = job_messages::ListJobsRequest {
        workspace: Some("prod".to_owned()),
        feature_view: Some("carrier".to_owned()),
        ..Default::default()
    };
    let by_name = GetFeatureViewRequest {
        version_specifier: Some("carrier".to_owned()),
        workspace: Some("prod".to_owned()),
        ..Default::default()
    };
    let table = status_messages::GetMaterializationStatusRequest {
        feature_package_id: Some(convert::id_to_proto(view.id)),
        ..Default::default()
    };
    let freshness = status_messages::GetFeatureFreshnessRequest { fco_locator: Some(locator) };
    let own = [
        convert::trigger_to_proto(&trigger).encode_to_vec(),
        list.encode_to_vec(),
        by_name.encode_to_vec(),
        table.encode_to_vec(),
        freshness.encode_to_vec(),
        Vec::new(),
    ];
    own.into_iter().chain(messages()).collect()
}

#[test]
fn envelopes_may_hold_anything() {
    alone("platform::http::tests::fuzz::envelopes_may_hold_anything", || {
        run(async {
            let bench = Bench::new();
            let good = named(&bench);
            let (mut done, cases) = (0, cases(1_000, 20));
            for case in 0..cases {
                let mut random = Random::of(case);
                let method = random.pick(Call::ALL).path();
                let message = random.pick(&good).clone();
                let message = if case % 8 == 0 { message } else { bend(&mut random, &message, &good) };
                let mut envelope = json!({
                    "method": method,
                    "metadata": {"authorization": format!("Bearer {}", bench.key), "x-workspace": "prod"},
                    "request": STANDARD.encode(message),
                });
                let body = match random.below(5) {
                    0 => bend_json(&mut random, &envelope, &good),
                    1 => {
                        let text = envelope["request"].as_str().unwrap().as_bytes().to_vec();
                        envelope["request"] = String::from_utf8_lossy(&bend(&mut random, &text, &[])).into();
                        envelope.to_string().into_bytes()
                    }
                    _ => envelope.to_string().into_bytes(),
                };
                let (http, answer) = send(&bench, "POST", "/api/proxy", body.clone()).await;
                let answer: Json = serde_json::from_slice(&answer).unwrap();
                if http != StatusCode::OK {
                    check_refusal(http, &answer, &body);
                    continue;
                }
                let answer: envelope::Response = serde_json::from_value(answer).unwrap();
                let said = &answer.status;
                assert!(!is_defect(said.code), "{method} with case {case}: {} {}", said.code, said.detail);
                match said.code {
                    0 => done += 1,
                    _ => assert_clear(&said.detail, &body),
                }
            }
            assert!(done * 20 > cases, "only {done} were done");
            println!("fuzz: {cases} envelopes to the server; {done} were done");
        });
    });
}

/// Every door that takes JSON or a table, with a good request.
fn requests() -> Vec<(&'static str, &'static str, Json)> {
    let options = json!({"includeNames": true, "includeSloInfo": true, "includeServingStatus": true});
    let asked = |service: &str, keys: Json| {
        json!({"params": {"workspaceName": "prod", "featureServiceName": service, "joinKeyMap": keys,
                          "metadataOptions": options}})
    };
    let rows = json!([{"joinKeyMap": {"carrier": "UA"}}, {"join_key_map": {"carrier": null}}]);
    let batch = json!({"params": {"workspaceName": "prod", "featureViewName": "carrier", "requestData": rows,
                                  "metadataOptions": options}});
    let run = json!({"kind": "run", "workspace": "prod", "feature_view": "carrier", "aggregation_level": "full",
                     "start_time": "2023-05-01T00:00:00Z", "end_time": "2023-05-02T00:00:00Z"});
    let history =
        json!({"kind": "history", "workspace": "prod", "feature_view": "carrier", "save_as": "a", "spine": "b"});
    vec![
        ("POST", "/v1/feature-service/get-features", asked("board", json!({"origin": "JFK", "carrier": "UA"}))),
        ("POST", "/v1/feature-service/query-features", asked("board", json!({"origin": "JFK"}))),
        ("POST", "/v1/feature-service/get-features-batch", batch),
        ("POST", "/v1/feature-service/metadata", asked("board", json!({}))),
        ("POST", "/v2/workspaces/prod/feature-services/plain/get-features", asked("x", json!({"carrier": 17}))),
        ("POST", "/v1/fvtop/queries", run),
        ("POST", "/v1/fvtop/queries", history),
        ("POST", "/v1/fvtop/frames", json!("a table")),
    ]
}

#[test]
fn bodies_of_every_door_may_hold_anything() {
    alone("platform::http::tests::fuzz::bodies_of_every_door_may_hold_anything", || {
        run(async {
            let bench = Bench::new();
            let good = requests();
            let table = crate::wire::arrow::encode(&polars::df!("carrier" => ["UA", "B6"]).unwrap()).unwrap();
            let others: Vec<Vec<u8>> = good.iter().map(|(_, _, body)| body.to_string().into_bytes()).collect();
            let (mut done, cases) = (0, cases(1_000, 20));
            for case in 0..cases {
                let mut random = Random::of(case);
                let (method, path, body) = random.pick(&good);
                let sent = match random.below(6) {
                    _ if path.ends_with("frames") => bend(&mut random, &table, &others),
                    0 => body.to_string().into_bytes(),
                    _ => bend_json(&mut random, body, &others),
                };
                let (http, answer) = send(&bench, method, path, sent.clone()).await;
                if http.is_success() {
                    done += 1;
                } else {
                    check_refusal(http, &serde_json::from_slice(&answer).unwrap_or(Json::Null), &sent);
                }
            }
            assert!(done * 20 > cases, "only {done} were done");
            println!("fuzz: {cases} bodies to the server; {done} were done");
        });
    });
}

/// Runs on a small runtime, as the server does, and bounds what it takes.
fn run(work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    bounded("serving", 64 * 1024 * FACTOR + BESIDES, || runtime.block_on(work));
}
