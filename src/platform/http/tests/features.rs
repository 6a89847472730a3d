//! The feature server over HTTP: services, batches, metadata, every option, and what is refused.

use super::wildcard::write;
use super::*;
use crate::platform::definition::{FeatureService, ServiceItem, View};

const GET: &str = "/api/v1/feature-service/get-features";
const QUERY: &str = "/v1/feature-service/query-features";
const BATCH: &str = "/v1/feature-service/get-features-batch";
const METADATA: &str = "/api/v1/feature-service/metadata";

/// `board`: the carriers of an origin with their delay everywhere; `late`: one that is not served online.
pub(super) fn services(views: &[Arc<View>]) -> Vec<Arc<FeatureService>> {
    let item = |name: &str, namespace: &str| {
        let view = views.iter().find(|view| view.name == name).unwrap();
        ServiceItem {
            namespace: namespace.to_owned(),
            features: view.feature_names().into_iter().filter(|name| name != "last").collect(),
            join_keys: view.join_keys.iter().map(|(name, _)| name.clone()).collect(),
            view: Arc::clone(view),
        }
    };
    let service = |number: u128, name: &str, online, items| FeatureService {
        id: Id(number),
        name: name.to_owned(),
        workspace: "prod".to_owned(),
        description: String::new(),
        owner: String::new(),
        tags: Default::default(),
        defined_in: "services.toml".to_owned(),
        online_serving_enabled: online,
        items,
    };
    let board = vec![item("origin_carriers", "origin_carriers"), item("carrier", "everywhere")];
    let all = [
        service(7, "board", true, board),
        service(8, "late", false, vec![item("manual", "manual")]),
        service(9, "plain", true, vec![item("carrier", "carrier")]),
    ];
    all.into_iter().map(Arc::new).collect()
}

fn ask(service: &str, keys: Json, options: Json) -> Json {
    json!({"params": {"workspaceName": "prod", "featureServiceName": service, "joinKeyMap": keys,
                      "metadataOptions": options}})
}

#[tokio::test]
async fn a_service_answers_with_the_features_of_its_views_by_name() {
    let bench = Bench::new();
    write(&bench, &[("JFK", "UA", 2, 12.5, 1), ("JFK", "B6", 1, 4.0, 2)]);
    let options = json!({"includeNames": true, "includeDataTypes": true, "includeServingStatus": true});
    let said =
        |name: &str, kind: &str, status: &str| json!({"name": name, "dataType": {"type": kind}, "status": status});
    let present = json!([
        said("everywhere.delay_mean_1d_1h", "float64", "PRESENT"),
        said("origin_carriers.mean", "float64", "PRESENT"),
        said("origin_carriers.n", "int64", "PRESENT"),
    ]);
    let keys = json!({"origin": "JFK", "carrier": "UA"});
    let by_id = json!({"params": {"workspace_name": "prod", "feature_service_id": Id(7).to_string(),
                                  "join_key_map": keys, "metadata_options": options}});
    for request in [ask("board", keys.clone(), options.clone()), by_id] {
        let (http, answer) = bench.post(GET, &bench.key, request).await;
        assert_eq!((http, &answer["result"]), (StatusCode::OK, &json!({"features": [12.5, 12.5, "1"]})));
        assert_eq!(answer["metadata"], json!({"features": present}));
    }
    // The carrier is not there at all: nulls, zero for a count, and no error.
    let (http, answer) =
        bench.post(GET, &bench.key, ask("board", json!({"origin": null, "carrier": 17}), options)).await;
    assert_eq!((http, &answer["result"]["features"]), (StatusCode::OK, &json!([null, null, "0"])));
    assert_eq!(answer["metadata"]["features"][0]["status"], json!("MISSING_DATA"));
}

#[tokio::test]
async fn a_query_of_a_service_looks_every_view_up_for_every_value() {
    let bench = Bench::new();
    write(&bench, &[("JFK", "UA", 2, 20.0, 1), ("JFK", "B6", 1, 4.0, 2), ("LGA", "DL", 1, 1.0, 3)]);
    let request = ask("board", json!({"origin": "JFK"}), json!({"includeNames": true}));
    let (http, answer) = bench.post(QUERY, &bench.key, request).await;
    let results = json!([
        {"features": [null, 4.0, "2"], "joinKeys": ["B6"]},
        {"features": [12.5, 20.0, "1"], "joinKeys": ["UA"]},
    ]);
    assert_eq!((http, &answer["results"]), (StatusCode::OK, &results));
    assert_eq!(answer["metadata"]["joinKeys"], json!([{"name": "carrier", "dataType": {"type": "string"}}]));
    let (http, answer) = bench.post(QUERY, &bench.key, ask("plain", json!({}), json!({}))).await;
    let sentence = "Feature service `plain` has no wildcard key: all its join keys are in online_serving_index. Use \
                    get-features, with a value for each of: carrier.";
    assert_eq!((http, &answer["message"]), (StatusCode::BAD_REQUEST, &json!(sentence)));
}

#[tokio::test]
async fn each_option_is_honoured_alone_and_every_entry_has_a_type() {
    let bench = Bench::new();
    let kind = json!({"type": "float64"});
    for (option, expected) in [
        ("includeNames", json!({"dataType": kind, "name": "carrier.delay_mean_1d_1h"})),
        ("include_names", json!({"dataType": kind, "name": "carrier.delay_mean_1d_1h"})),
        ("includeDataTypes", json!({"dataType": kind})),
        ("includeTypes", json!({"dataType": kind, "type": "float64"})),
        ("includeEffectiveTimes", json!({"dataType": kind, "effectiveTime": "2023-11-14T22:00:00Z"})),
        ("includeServingStatus", json!({"dataType": kind, "status": "PRESENT"})),
        ("includeFeatureDescriptions", json!({"dataType": kind, "description": "mean(delay) over 1d"})),
        ("includeFeatureTags", json!({"dataType": kind})),
        ("includeSloInfo", json!({"dataType": kind})),
    ] {
        let mut request = ask("plain", json!({"carrier": "UA"}), json!({option: true, "unheardOf": 1}));
        request["params"]["requestOptions"] = json!({"readFromCache": true, "latencyBudgetMs": 5});
        request["params"]["requestContextMap"] = json!({"amount": 12.5, "ids": ["1"]});
        let (http, answer) = bench.post(GET, &bench.key, request).await;
        assert_eq!((http, &answer["metadata"]["features"]), (StatusCode::OK, &json!([expected])), "{option}");
        assert_eq!(answer["metadata"]["sloInfo"].is_object(), option == "includeSloInfo");
        assert_eq!(answer["metadata"].get("partialResults"), None);
    }
    let mut request = ask("plain", json!({"carrier": "UA"}), json!(null));
    request["params"]["allowPartialResults"] = json!(true);
    let (_, answer) = bench.post(GET, &bench.key, request).await;
    assert_eq!(answer["metadata"]["partialResults"], json!(false));
}

#[tokio::test]
async fn what_an_answer_cost_is_measured() {
    let bench = Bench::new();
    let mut sizes = Vec::new();
    for carrier in ["UA", "none"] {
        let request = ask("plain", json!({"carrier": carrier}), json!({"includeSloInfo": true}));
        let (_, answer) = bench.post(GET, &bench.key, request).await;
        let slo = answer["metadata"]["sloInfo"].as_object().unwrap();
        let mut members: Vec<&str> = slo.keys().map(String::as_str).collect();
        members.sort_unstable();
        assert_eq!(members, ["serverTimeSeconds", "storeMaxLatency", "storeResponseSizeBytes", "storeTimeSeconds"]);
        let seconds = |name: &str| slo[name].as_f64().unwrap();
        assert!(seconds("serverTimeSeconds") >= seconds("storeTimeSeconds"));
        assert!(seconds("storeTimeSeconds") >= seconds("storeMaxLatency"));
        sizes.push(slo["storeResponseSizeBytes"].as_u64().unwrap());
    }
    assert!(sizes[0] > 0 && sizes[1] == 0, "{sizes:?}");
}

fn batch(rows: Vec<Json>) -> Json {
    let options = json!({"includeNames": true, "includeServingStatus": true, "includeSloInfo": true,
                         "includeEffectiveTimes": true});
    json!({"params": {"workspaceName": "prod", "featureServiceName": "plain", "requestData": rows,
                      "metadataOptions": options}})
}

#[tokio::test]
async fn a_batch_answers_for_each_key_in_its_order() {
    let bench = Bench::new();
    let rows = ["none", "UA"].map(|carrier| json!({"joinKeyMap": {"carrier": carrier}, "requestContextMap": {}}));
    let (http, answer) = bench.post(BATCH, &bench.key, batch(rows.into())).await;
    assert_eq!((http, &answer["result"]), (StatusCode::OK, &json!([{"features": [null]}, {"features": [12.5]}])));
    let metadata = &answer["metadata"];
    let feature = json!({"name": "carrier.delay_mean_1d_1h", "dataType": {"type": "float64"},
                         "status": ["MISSING_DATA", "PRESENT"]});
    assert_eq!(metadata["features"], json!([feature]), "the effective times differ, so none is said of both");
    let slo = metadata["sloInfo"].as_array().unwrap();
    let longest = slo.iter().map(|slo| slo["storeMaxLatency"].as_f64().unwrap()).fold(0.0, f64::max);
    assert_eq!((slo.len(), metadata["batchSloInfo"]["storeMaxLatency"].as_f64()), (2, Some(longest)));
}

#[tokio::test]
async fn a_batch_holds_at_most_25_keys() {
    let bench = Bench::new();
    let row = || json!({"join_key_map": {"carrier": "UA"}});
    let rows = |count: usize| (0..count).map(|_| row()).collect::<Vec<_>>();
    let (http, answer) = bench.post(BATCH, &bench.key, batch(rows(25))).await;
    assert_eq!((http, answer["result"].as_array().map(Vec::len)), (StatusCode::OK, Some(25)));
    let wrong = json!({"joinKeyMap": {"carrier": {"a": "b"}}});
    for (rows, sentence) in [
        (rows(26), "The batch asks for 26 keys, and one request may ask for at most 25. Send several requests."),
        (vec![], "The batch asks for no key. Put a joinKeyMap for each key into params.requestData."),
        (vec![row(), wrong], "Row 2 of requestData: The join key `carrier` must be a text or a number, not an object."),
    ] {
        let (http, answer) = bench.post(BATCH, &bench.key, batch(rows)).await;
        assert_eq!((http, &answer["message"]), (StatusCode::BAD_REQUEST, &json!(sentence)));
        assert_eq!(answer["code"], json!(3));
    }
}

#[tokio::test]
async fn metadata_tells_what_goes_in_and_what_comes_out() {
    let bench = Bench::new();
    let named = |name: &str, kind: &str| json!({"name": name, "dataType": {"type": kind}});
    let board = json!({
        "featureServiceType": "WILDCARD",
        "inputJoinKeys": [named("origin", "string")],
        "inputRequestContextKeys": [],
        "outputJoinKeys": [named("carrier", "string")],
        "featureValues": [
            named("everywhere.delay_mean_1d_1h", "float64"),
            named("origin_carriers.mean", "float64"),
            named("origin_carriers.n", "int64"),
        ],
    });
    let asked = json!({"params": {"workspaceName": "prod", "featureServiceName": "board"}});
    assert_eq!(bench.post(METADATA, &bench.key, asked).await, (StatusCode::OK, board.clone()));
    let path = "/api/v2/workspaces/prod/feature-services/board/metadata";
    assert_eq!(bench.post(path, &bench.key, json!({})).await, (StatusCode::OK, board.clone()));
    let get = Request::get(path).header("authorization", format!("Bearer {}", bench.key)).body(Body::empty());
    assert_eq!(bench.http(get.unwrap()).await, (StatusCode::OK, board));
    let asked = json!({"params": {"workspace_name": "prod", "feature_view_name": "carrier"}});
    let (_, answer) = bench.post(METADATA, &bench.key, asked).await;
    assert_eq!((&answer["featureServiceType"], &answer["outputJoinKeys"]), (&json!("DEFAULT"), &json!([])));
    assert_eq!(answer["featureValues"], json!([named("carrier.delay_mean_1d_1h", "float64")]));
}

#[tokio::test]
async fn the_second_form_takes_the_service_from_its_path() {
    let bench = Bench::new();
    let path = |service: &str, call: &str| format!("/api/v2/workspaces/prod/feature-services/{service}/{call}");
    let key = json!({"join_key_map": {"carrier": "UA"}});
    let (http, answer) = bench.post(&path("plain", "get-features"), &bench.key, json!({"params": key})).await;
    assert_eq!((http, &answer["result"]["features"]), (StatusCode::OK, &json!([12.5])));
    let rows = json!({"params": {"request_data": [key], "metadata_options": {"include_serving_status": true}}});
    let (http, answer) = bench.post(&path("plain", "get-features-batch"), &bench.key, rows).await;
    assert_eq!((http, &answer["metadata"]["features"][0]["status"]), (StatusCode::OK, &json!(["PRESENT"])));
    let (http, answer) = bench.post(&path("none", "metadata"), &bench.key, json!({})).await;
    let sentence = "There is no feature service `none` in workspace `prod`. There are: board, late, plain.";
    assert_eq!((http, &answer["message"]), (StatusCode::BAD_REQUEST, &json!(sentence)));
}

#[tokio::test]
async fn what_cannot_be_served_is_refused_with_a_sentence() {
    let bench = Bench::new();
    let nobody = json!({"params": {"workspaceName": "prod", "joinKeyMap": {"carrier": "UA"}}});
    for (request, sentence) in [
        (
            nobody,
            "The request names no feature service and no feature view. Set params.featureServiceName or \
             params.featureViewName.",
        ),
        (
            ask("late", json!({}), json!({})),
            "Feature service `late` cannot be looked up, because it has online_serving_enabled=false.",
        ),
        (
            ask("plain", json!({}), json!({})),
            "The join key `carrier` of `plain` is missing. Give a value for each of: carrier.",
        ),
        (
            ask("board", json!({"origin": "JFK"}), json!({})),
            "The join key `carrier` of `board` is missing. Give a value for each of: origin, carrier. query-features \
             answers for all values of `carrier`.",
        ),
        (
            ask("plain", json!({"carrier": ["UA"]}), json!({})),
            "The join key `carrier` must be a text or a number, not a list.",
        ),
    ] {
        let (http, answer) = bench.post(GET, &bench.key, request).await;
        assert_eq!((http, &answer["message"]), (StatusCode::BAD_REQUEST, &json!(sentence)));
        assert_eq!((&answer["error"], answer["code"].is_number()), (&json!(sentence), true));
    }
    let nowhere = json!({"params": {"workspaceName": "nowhere", "featureServiceName": "plain"}});
    let (_, answer) = bench.post(GET, &bench.key, nowhere).await;
    assert_eq!(answer["message"], json!("There is no workspace `nowhere`. There are: prod."));
    for path in [GET, QUERY, BATCH, METADATA] {
        let (http, answer) = bench.post(path, "wrong", json!({"params": {}})).await;
        assert_eq!((http, &answer["code"]), (StatusCode::UNAUTHORIZED, &json!(16)), "{path}");
        let (http, answer) = bench.post(path, &bench.key, json!([1])).await;
        assert_eq!((http, &answer["code"]), (StatusCode::BAD_REQUEST, &json!(3)), "{path}");
    }
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_given_up_with_a_sentence() {
    let bench = Bench::new();
    let (keys, _) = ApiKeys::with_own(Arc::clone(bench.platform.access()), "late", now()).unwrap();
    let app = App::new(Arc::clone(&bench.platform), keys, CancellationToken::new());
    let stuck = Router::new().route("/stuck", axum::routing::get(std::future::pending::<()>));
    let router = in_time(stuck, Duration::from_millis(10)).with_state(app);
    let answer = router.oneshot(Request::get("/stuck").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);
    let body = axum::body::to_bytes(answer.into_body(), 10_000).await.unwrap();
    let body: Json = serde_json::from_slice(&body).unwrap();
    let sentence = json!("The platform had no answer in time. Try again, or ask for less.");
    assert_eq!((&body["message"], &body["code"]), (&sentence, &json!(4)));
}
