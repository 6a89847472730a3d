//! The figures of the platform: their form, and that they are what happened.

use super::*;
use crate::platform::jobs::figures::LeftOut;
use crate::platform::jobs::record::Outcome;
use crate::wire::openmetrics::checker::check;

impl Bench {
    /// The figures, which are in the right form and nobody else's.
    pub(super) async fn metrics(&self) -> String {
        let request =
            Request::get("/api/v1/observability/metrics").header("authorization", format!("Bearer {}", self.key));
        let answer = self.app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        assert_eq!(answer.headers()["content-type"], kind);
        let body = axum::body::to_bytes(answer.into_body(), 10_000_000).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        check(&text).unwrap();
        text
    }
}

fn value<'a>(text: &'a str, sample: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '))
}

#[tokio::test]
async fn figures_are_what_happened() {
    let bench = Bench::new();
    let work = bench.platform.jobs().claim().unwrap().unwrap();
    let text = bench.metrics().await;
    let name = &work.view.name;
    let of = |name: &str| format!("workspace=\"prod\",feature_view=\"{name}\"");
    let jobs = |text: &str, more: &str| value(text, &format!("fvtop_jobs{{{},{more}}}", of(name))).map(str::to_owned);
    assert_eq!(jobs(&text, r#"type="BATCH",state="RUNNING""#).as_deref(), Some("10"));
    assert_eq!(jobs(&text, r#"type="BATCH",state="SCHEDULED""#).as_deref(), Some("1"));
    // The stream job's attempt runs as well.
    assert_eq!(value(&text, &format!("fvtop_open_attempts{{{},state=\"RUNNING\"}}", of(name))), Some("2"));
    assert_eq!(value(&text, &format!("fvtop_freshness_seconds{{{}}}", of("carrier"))), Some("5400"));
    assert_eq!(value(&text, &format!("fvtop_expected_freshness_seconds{{{}}}", of("carrier"))), Some("3600"));
    assert_eq!(value(&text, &format!("fvtop_stale{{{}}}", of("carrier"))), Some("1"));
    assert_eq!(value(&text, &format!("fvtop_freshness_seconds{{{}}}", of("manual"))), None, "nothing is known of it");
    assert_eq!(value(&text, &format!("fvtop_stream_lag_seconds{{{}}}", of("carrier"))), Some("5400"));
    assert!(!text.contains("fvtop_attempts_ended"), "nothing has ended");

    let failure = crate::platform::jobs::retry::Failure::Retryable;
    let outcome = Outcome::Failed { failure, reason: "SOURCE_ERROR".to_owned(), message: "No.".to_owned() };
    bench.platform.jobs().finish(work.job.id, outcome).unwrap();
    bench.run_everything();
    bench.platform.jobs().stream_left_out(work.view.id, LeftOut { late: 2, expired: 0 });
    bench.platform.jobs().stream_left_out(work.view.id, LeftOut { late: 1, expired: 5 });
    let text = bench.metrics().await;
    let left_out = |why: &str| value(&text, &format!("fvtop_stream_left_out_total{{{},why=\"{why}\"}}", of(name)));
    assert_eq!((left_out("late"), left_out("expired")), (Some("3"), Some("5")));
    let ended =
        |outcome: &str| value(&text, &format!("fvtop_attempts_ended_total{{{},outcome=\"{outcome}\"}}", of(name)));
    assert_eq!((ended("failed"), ended("success"), ended("stopped")), (Some("1"), Some("9"), Some("0")));
    let rows = |store: &str| value(&text, &format!("fvtop_rows_written_total{{{},store=\"{store}\"}}", of(name)));
    assert_eq!((rows("online"), rows("offline")), (Some("45"), Some("45")));
    assert_eq!(jobs(&text, r#"type="BATCH",state="SUCCESS""#).as_deref(), Some("9"));
}

#[tokio::test]
async fn requests_are_counted_by_outcome() {
    let bench = Bench::new();
    bench.raw(rpc::GET_CONFIGS, "wrong", &()).await;
    bench.call::<GetConfigsResponse>(rpc::GET_CONFIGS, &()).await;
    bench.raw("/tecton_proto.metadataservice.MetadataService/Fly\"\n", &bench.key, &()).await;
    let lookup =
        json!({"params": {"workspaceName": "prod", "featureViewName": "carrier", "joinKeyMap": {"carrier": "UA"}}});
    for key in [bench.key.as_str(), "wrong"] {
        bench.post("/v1/feature-service/get-features", key, lookup.clone()).await;
    }
    let text = bench.metrics().await;
    for (sample, count) in [
        (r#"fvtop_calls_total{call="GetConfigs",code="0"}"#, "1"),
        (r#"fvtop_calls_total{call="GetConfigs",code="16"}"#, "1"),
        (r#"fvtop_calls_total{call="unknown",code="12"}"#, "1"),
        (r#"fvtop_call_seconds_count{call="GetConfigs"}"#, "2"),
        (r#"fvtop_http_requests_total{path="/v1/feature-service/get-features",status="200"}"#, "1"),
        (r#"fvtop_http_requests_total{path="/v1/feature-service/get-features",status="401"}"#, "1"),
        (r#"fvtop_http_request_seconds_bucket{path="/v1/feature-service/get-features",le="+Inf"}"#, "2"),
        (r#"fvtop_http_requests_total{path="/proxy",status="200"}"#, "3"),
    ] {
        assert_eq!(value(&text, sample), Some(count), "{sample}\n{text}");
    }
}

#[tokio::test]
async fn names_of_any_kind_do_not_break_the_text() {
    let view = crate::platform::definition::View { workspace: "a\"b\\c\nd".to_owned(), ..testing::view("carrier") };
    let bench = Bench::over(Repository { views: vec![Arc::new(view)], ..Repository::default() });
    let text = bench.metrics().await;
    assert!(text.contains(r#"fvtop_stale{workspace="a\"b\\c\nd",feature_view="carrier"} 1"#), "{text}");
}
