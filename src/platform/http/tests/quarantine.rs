//! The quarantine at its doors: who sees what of it, what is retried and dropped, what the audit log has of that.

use super::*;
use crate::model::Role;
use crate::platform::access::AuditQuery;
use crate::platform::source::records::{Reason, Refused};
use crate::wire::quarantine as wire;

impl Bench {
    /// Two records of the view `carrier`, which its stream has passed.
    fn set_aside(&self) {
        let refused = |place: &str, reason, record: &[u8]| Refused {
            reason,
            message: format!("column `delay` holds `secret {place}`"),
            place: place.to_owned(),
            record: record.to_vec(),
        };
        let time = crate::model::time::rfc3339(now() - Span::minutes(10));
        let sound = format!("{{\"carrier\":\"AA\",\"timestamp\":\"{time}\",\"delay\":3.5}}");
        let view = self.platform.view("prod", "carrier").unwrap().clone();
        let records =
            [refused("1", Reason::Unparsed, b"\x1b[2J\xff"), refused("2", Reason::QueryFailed, sound.as_bytes())];
        self.platform.quarantine().add(view.id, &records).unwrap();
        let rows = polars::df!(
            "carrier" => Vec::<&str>::new(),
            "mean_delay" => Vec::<f64>::new(),
            "count_delay" => Vec::<i64>::new(),
            "_anchor_time" => Vec::<i64>::new(),
        );
        let position = replay::position(now());
        self.platform.online().write_stream(&view, &rows.unwrap(), &position, None).unwrap();
    }

    async fn ask<T: serde::de::DeserializeOwned>(&self, key: &str, request: &str, body: &Json) -> T {
        let (status, answer) = self.as_key(key, request, body).await;
        assert_eq!(status, StatusCode::OK, "{request}: {answer}");
        serde_json::from_value(answer).unwrap()
    }

    async fn as_key(&self, key: &str, request: &str, body: &Json) -> (StatusCode, Json) {
        let (verb, path) = request.split_once(' ').unwrap();
        let request = Request::builder().method(verb).uri(format!("/api/v1/fvtop/{path}"));
        let request = request.header("authorization", format!("Tecton-key {key}"));
        self.http(request.body(Body::from(body.to_string())).unwrap()).await
    }
}

const LIST: &str = "GET quarantine?workspace=prod&feature_view=carrier";
const SHOW: &str = "GET quarantine/1?workspace=prod&feature_view=carrier";

fn meant(more: Json) -> Json {
    let mut body = json!({ "workspace": "prod", "feature_view": "carrier" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn records_are_listed_shown_retried_and_dropped() {
    let bench = Bench::new();
    bench.set_aside();
    let list: wire::QuarantineList = bench.ask(&bench.key, LIST, &Json::Null).await;
    let told: Vec<_> = list.records.iter().map(|row| (row.id, row.reason.as_str())).collect();
    assert_eq!((told, list.next), (vec![(2, "query-failed"), (1, "unparsed")], None));
    assert_eq!(list.records[1].sentence, "column `delay` holds `secret 1`");
    assert!(list.totals.iter().all(|total| (total.met, total.held) == (1, 1) && !total.means.is_empty()));
    let page: wire::QuarantineList = bench.ask(&bench.key, &format!("{LIST}&limit=1"), &Json::Null).await;
    assert_eq!((page.records.len(), page.next), (1, Some(2)));
    let page: wire::QuarantineList =
        bench.ask(&bench.key, &format!("{LIST}&before=2&reason=unparsed"), &Json::Null).await;
    assert_eq!(page.records[0].id, 1);
    let shown: wire::QuarantineRecord = bench.ask(&bench.key, SHOW, &Json::Null).await;
    assert_eq!(shown.bytes().unwrap(), b"\x1b[2J\xff");

    let dry = meant(json!({ "all": true, "dry_run": true }));
    let would: wire::RetryAnswer = bench.ask(&bench.key, "POST quarantine/retry", &dry).await;
    assert_eq!((would.arrived, would.stays.len()), (1, 1));
    let done: wire::RetryAnswer = bench.ask(&bench.key, "POST quarantine/retry", &meant(json!({ "all": true }))).await;
    assert_eq!((done.arrived, done.stays[0].id), (1, 1));
    let gone: wire::DropAnswer = bench.ask(&bench.key, "POST quarantine/drop", &meant(json!({ "ids": [1] }))).await;
    assert_eq!(gone.dropped, 1);
    let list: wire::QuarantineList = bench.ask(&bench.key, LIST, &Json::Null).await;
    assert!(list.records.is_empty());
    assert_eq!(bench.as_key(&bench.key, SHOW, &Json::Null).await.0, StatusCode::NOT_FOUND);
    let figures = bench.metrics().await;
    for line in [
        "fvtop_quarantine_records{workspace=\"prod\",feature_view=\"carrier\",reason=\"unparsed\"} 0",
        "fvtop_quarantine_met_total{workspace=\"prod\",feature_view=\"carrier\",reason=\"query-failed\"} 1",
        "fvtop_quarantine_left_total{workspace=\"prod\",feature_view=\"carrier\",reason=\"query-failed\",how=\"released\"} 1",
        "fvtop_quarantine_left_total{workspace=\"prod\",feature_view=\"carrier\",reason=\"unparsed\",how=\"dropped\"} 1",
    ] {
        assert!(figures.lines().any(|known| known == line), "{line}\n{figures}");
    }

    let log = bench.platform.access().audit.list(&AuditQuery { limit: 10, since: None, key: None }).unwrap();
    let log: Vec<_> = log.iter().map(|entry| (entry.action.words.as_str(), entry.outcome.as_ref().unwrap())).collect();
    let log: Vec<_> = log.iter().map(|(words, outcome)| (*words, outcome.sentence.as_str())).collect();
    assert_eq!(
        log,
        [
            ("ids 1", "1 dropped"),
            ("all true", "1 arrived, 0 filtered, 0 duplicates, 1 stay"),
            ("all true, dry_run true", "a dry run: 1 arrived, 0 filtered, 0 duplicates, 1 stay"),
        ]
    );
}

#[tokio::test]
async fn a_key_that_reads_no_features_sees_no_word_of_a_record() {
    let bench = Bench::new();
    bench.set_aside();
    let operator = bench.key_of("op", Role::Operator);
    let (_, listed) = bench.as_key(&operator, LIST, &Json::Null).await;
    let dry = meant(json!({ "all": true, "dry_run": true }));
    let (_, retried) = bench.as_key(&operator, "POST quarantine/retry", &dry).await;
    for answer in [listed.to_string(), retried.to_string()] {
        assert!(!answer.contains("secret"), "{answer}");
        assert!(answer.contains(Reason::Unparsed.sentence()), "{answer}");
    }
    assert_eq!(bench.as_key(&operator, SHOW, &Json::Null).await.0, StatusCode::FORBIDDEN);
    let consumer = bench.key_of("reader", Role::Consumer);
    assert_eq!(bench.as_key(&consumer, SHOW, &Json::Null).await.0, StatusCode::OK);
    assert_eq!(bench.as_key(&consumer, "POST quarantine/drop", &dry).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn what_is_meant_is_said_in_one_way() {
    let bench = Bench::new();
    for (more, said) in [
        (json!({}), "one of `ids`, `reason` and `all`"),
        (json!({ "all": true, "ids": [1] }), "one of `ids`, `reason` and `all`"),
        (json!({ "reason": "ugly" }), "There is no reason `ugly`. Those there are: unparsed, "),
        (json!({ "al": true }), "unknown field `al`"),
    ] {
        let (status, answer) = bench.as_key(&bench.key, "POST quarantine/drop", &meant(more)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(answer["message"].as_str().unwrap().contains(said), "{answer}");
    }
    let elsewhere = LIST.replace("carrier", "nowhere");
    assert!(bench.as_key(&bench.key, &elsewhere, &Json::Null).await.1.to_string().contains("nowhere"));
    let (status, _) = bench
        .as_key(
            &bench.key,
            "POST quarantine/retry",
            &json!({ "workspace": "prod", "feature_view": "manual", "all": true }),
        )
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "it writes nothing online");
}
