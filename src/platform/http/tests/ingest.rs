//! The door for records of streams.

use axum::http::header;

use super::*;
use crate::model::Role;
use crate::platform::definition::{Feed, IngestFeed, Kept, View};
use crate::platform::source::position::Position;
use crate::wire::ingest::{INGEST_LIMIT, INGEST_RECORDS};

const PATH: &str = "/ingest";

/// A view over a source that takes records.
fn view() -> View {
    let mut view = testing::view("delays");
    let mut source = view.inputs[0].source.as_ref().clone();
    source.name = "departures".to_owned();
    source.id = Id(77);
    source.files.clear();
    source.kept = Some(Kept { folder: PathBuf::from("/nowhere"), history: None });
    source.stream.as_mut().unwrap().feed = Feed::Ingest(IngestFeed { retention_bytes: 1 << 30 });
    view.inputs[0].source = Arc::new(source);
    view
}

/// A view that takes records in two workspaces, one that is written online alone, and one whose stream is a record.
pub(super) fn repository() -> Repository {
    let (taking, other) = (view(), testing::view("carrier"));
    let sources = [&taking, &other].map(|view| Arc::clone(&view.inputs[0].source)).to_vec();
    let mut online_only = view();
    (online_only.name, online_only.id, online_only.offline) = ("online_only".to_owned(), Id(78), false);
    let mut elsewhere = view();
    (elsewhere.workspace, elsewhere.id) = ("dev".to_owned(), Id(79));
    let workspace = |name: &str, live| Workspace { name: name.to_owned(), live };
    Repository {
        workspaces: vec![workspace("prod", true), workspace("dev", false)],
        views: [taking, online_only, elsewhere, other].map(Arc::new).to_vec(),
        sources,
        ..Repository::default()
    }
}

fn bench() -> Bench {
    Bench::over(repository())
}

fn record(carrier: &str, delay: impl Into<Json>) -> Json {
    json!({"record": {"carrier": carrier, "timestamp": "2023-11-14T22:00:00Z", "delay": delay.into()}})
}

fn body(records: impl Into<Json>) -> Json {
    json!({"workspace_name": "prod", "records": {"departures": records.into()}})
}

impl Bench {
    async fn ingest(&self, body: Json) -> (StatusCode, Json) {
        self.post(PATH, &self.key, body).await
    }

    /// What stands in the stream, as (carrier, delay), and how many records no event could be made of.
    fn events(&self) -> (Vec<(String, f64)>, usize) {
        let source = &self.platform.repository().sources[0];
        let stream = self.platform.readers().get(source).unwrap();
        let batch = Position::default().read(&*stream, 1_000_000).unwrap();
        assert!(batch.caught_up);
        let text = |row| batch.events.column("carrier").unwrap().str().unwrap().get(row).unwrap().to_owned();
        let number = |row| batch.events.column("delay").unwrap().f64().unwrap().get(row).unwrap();
        ((0..batch.events.height()).map(|row| (text(row), number(row))).collect(), batch.refused.len())
    }
}

fn message(answer: &Json) -> &str {
    answer["message"].as_str().unwrap_or_else(|| panic!("{answer}"))
}

#[tokio::test]
async fn records_are_answered_with_counts_once_they_are_in_the_stream() {
    let bench = bench();
    let (http, answer) = bench.ingest(body([record("UA", 12.5), record("AA", 3)])).await;
    assert_eq!(http, StatusCode::OK, "{answer}");
    let view = |name: &str, id: u128, online: &str, offline: &str| {
        json!({"featureViewName": name, "featureViewId": Id(id).to_string(), "onlineRecordIngestCount": online,
               "offlineRecordIngestCount": offline})
    };
    let id = bench.platform.view("prod", "delays").unwrap().id.0;
    let expected = json!({
        "workspaceName": "prod",
        "ingestMetrics": {
            "featureViewIngestMetrics": [view("delays", id, "2", "2"), view("online_only", 78, "2", "0")],
            "dataSourceIngestMetrics":
                [{"dataSourceName": "departures", "dataSourceId": Id(77).to_string(), "recordIngestCount": "2"}],
        },
    });
    assert_eq!(answer, expected);
    assert_eq!(bench.events().0, [("UA".to_owned(), 12.5), ("AA".to_owned(), 3.0)]);
    let (http, _) = bench.post("/api/ingest", &bench.key, body([record("B6", 1)])).await;
    assert_eq!((http, bench.events().0.len()), (StatusCode::OK, 3));
}

#[tokio::test]
async fn one_bad_record_keeps_all_out_unless_the_others_are_wanted() {
    let bench = bench();
    let late = json!({"record": {"carrier": "UA", "delay": 1}});
    let records = json!([record("UA", 1), record("AA", "soon"), late, record("B6", 2), {"record": 7}]);
    let (http, answer) = bench.ingest(body(records.clone())).await;
    assert_eq!((http, &answer["code"]), (StatusCode::BAD_REQUEST, &json!(3)));
    assert!(message(&answer).starts_with("Nothing was taken, for of 5 records 3 cannot be events"), "{answer}");
    assert!(answer["requestError"].is_null());
    let errors: Vec<_> = answer["recordErrors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| {
            assert_eq!(error["pushSourceName"], "departures");
            (error["recordIndex"].as_u64().unwrap(), error["errorType"].as_str().unwrap().to_owned())
        })
        .collect();
    let expected = [(1, "wrong-type"), (2, "no-time"), (4, "unparsed")].map(|(index, word)| (index, word.to_owned()));
    assert_eq!(errors, expected);
    assert!(answer["recordErrors"][0]["errorMessage"].as_str().unwrap().contains("`delay`"), "{answer}");
    assert_eq!(bench.events().0.len(), 0);

    let mut dry = body(records.clone());
    dry["dry_run"] = json!(true);
    let (http, answer) = bench.ingest(dry).await;
    assert_eq!((http, answer["recordErrors"].as_array().unwrap().len()), (StatusCode::OK, 3));
    let count = |answer: &Json| answer["ingestMetrics"]["dataSourceIngestMetrics"][0]["recordIngestCount"].clone();
    assert_eq!((count(&answer), bench.events().0.len()), (json!("2"), 0));

    let (http, answer) = bench.post("/ingest?partial=true", &bench.key, body(records)).await;
    assert_eq!((http, answer["recordErrors"].as_array().unwrap().len()), (StatusCode::OK, 3));
    assert_eq!(
        (count(&answer), bench.events()),
        (json!("2"), (vec![("UA".to_owned(), 1.0), ("B6".to_owned(), 2.0)], 0))
    );
}

#[tokio::test]
async fn a_request_that_comes_again_is_taken_once() {
    let bench = bench();
    let send = async |key: &str, body: Json| {
        let request = Request::post(PATH).header(header::AUTHORIZATION, format!("Bearer {}", bench.key));
        bench.http(request.header("Idempotency-Key", key).body(Body::from(body.to_string())).unwrap()).await
    };
    let (_, first) = send("a", body([record("UA", 1)])).await;
    assert_eq!(first["takenBefore"], Json::Null);
    let (http, again) = send("a", body([record("UA", 1)])).await;
    assert_eq!((http, &again["takenBefore"]), (StatusCode::OK, &json!(true)));
    assert_eq!(again["ingestMetrics"], first["ingestMetrics"]);
    let mut member = body([record("UA", 1)]);
    member["idempotency_key"] = json!("a");
    assert_eq!(bench.ingest(member).await.1["takenBefore"], json!(true));
    assert_eq!(bench.events().0.len(), 1);
    let (http, answer) = send("a", body([record("UA", 2)])).await;
    assert_eq!((http, &answer["requestError"]["errorType"]), (StatusCode::BAD_REQUEST, &json!("IdempotencyKeyReused")));
    assert!(message(&answer).contains("was given before, with other records. Nothing was taken"), "{answer}");
    send("b", body([record("UA", 1)])).await;
    assert_eq!(bench.events().0.len(), 2, "another key is another request");
    let (http, answer) = send(&"x".repeat(300), body([record("UA", 1)])).await;
    assert_eq!(http, StatusCode::BAD_REQUEST, "{answer}");
    // Two sources at once, of which one had it.
    let (_, answer) = send("c", body([record("UA", 1)])).await;
    assert_eq!(answer["takenBefore"], Json::Null);
}

#[tokio::test]
async fn what_cannot_be_taken_is_refused_in_words() {
    let bench = bench();
    let many: Vec<Json> = (0..=INGEST_RECORDS).map(|_| json!({"record": {}})).collect();
    for (body, http, part) in [
        (json!([]), StatusCode::BAD_REQUEST, "The body is no request to ingest"),
        (json!({"workspace_name": "prod"}), StatusCode::BAD_REQUEST, "missing field `records`"),
        (json!({"workspace_name": "prod", "records": {}}), StatusCode::BAD_REQUEST, "has no records"),
        (
            json!({"workspace_name": "w", "records": {"departures": []}}),
            StatusCode::BAD_REQUEST,
            "There are: prod, dev.",
        ),
        (
            json!({"records": {"departures": [record("UA", 1)]}}),
            StatusCode::BAD_REQUEST,
            "The request names no workspace: `workspace_name` is missing. There are: prod, dev.",
        ),
        (
            json!({"workspace_name": "prod", "records": {"none": [record("UA", 1)]}}),
            StatusCode::BAD_REQUEST,
            "There is no source `none`. Sources that take records: departures.",
        ),
        (
            json!({"workspace_name": "prod", "records": {"flights": [record("UA", 1)]}}),
            StatusCode::BAD_REQUEST,
            "The source `flights` takes no records: it has no stream of kind `ingest`.",
        ),
        (body(many), StatusCode::PAYLOAD_TOO_LARGE, "at most 10000 are taken at once"),
    ] {
        let (found, answer) = bench.ingest(body).await;
        assert_eq!(found, http, "{answer}");
        assert!(message(&answer).contains(part), "{answer}");
        assert_eq!(answer["requestError"]["errorMessage"], answer["message"]);
        assert_eq!(answer["requestError"]["errorType"], "InvalidRequest");
    }
    let large = record(&"x".repeat(900_000), 1);
    let (http, _) = bench.ingest(body([large.clone(), large.clone(), large.clone()])).await;
    assert_eq!(http, StatusCode::OK, "larger than other requests may be");
    let (http, _) = bench.ingest(body(vec![large; INGEST_LIMIT / 900_000 + 1])).await;
    assert_eq!(http, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(
        bench.post("/ingest?partial=maybe", &bench.key, body([record("UA", 1)])).await.0,
        StatusCode::BAD_REQUEST
    );
    let operator = bench.key_of("op", Role::Operator);
    assert_eq!(bench.post(PATH, &operator, body([record("UA", 1)])).await.0, StatusCode::FORBIDDEN);
    let editor = bench.key_of("ed", Role::Editor);
    assert_eq!(bench.post(PATH, &editor, body([record("UA", 1)])).await.0, StatusCode::OK);
    let (_, audit) = {
        let request = Request::get("/v1/fvtop/audit").header("authorization", format!("Tecton-key {}", bench.key));
        bench.http(request.body(Body::empty()).unwrap()).await
    };
    assert!(!audit.to_string().contains("ingest"), "{audit}");
}
