//! `query-features` over HTTP: all values of the wildcard key, and what is refused.

use super::*;
use crate::model::DataType;
use crate::platform::definition::{Aggregation, Function, Kind, View};

const PATH: &str = "/api/v1/feature-service/query-features";

/// Delays by origin and carrier, looked up by origin.
pub(super) fn view() -> View {
    let feature = |name: &str, function, hours| Aggregation {
        column: "delay".to_owned(),
        function,
        time_window: Span::hours(hours),
        feature: name.to_owned(),
        input_type: DataType::Float64,
        output_type: if function == Function::Count { DataType::Int64 } else { DataType::Float64 },
    };
    let aggregations = vec![
        feature("n", Function::Count, 24),
        feature("mean", Function::Mean, 24),
        feature("last", Function::Mean, 1),
    ];
    View {
        join_keys: ["origin", "carrier"].map(|name| (name.to_owned(), DataType::String)).into(),
        online_serving_index: vec!["origin".to_owned()],
        kind: Kind::Aggregate { interval: Span::hours(1), aggregations },
        ..testing::view("origin_carriers")
    }
}

/// Writes one tile a row: origin, carrier, hours from its start to the present hour, mean delay, flights.
pub(super) fn write(bench: &Bench, tiles: &[(&str, &str, i64, f64, i64)]) {
    let hour = crate::model::time::floor(now(), Span::hours(1));
    let start = |hours: i64| crate::model::time::micros(hour - Span::hours(hours)) * 1_000;
    let rows = polars::df!(
        "origin" => tiles.iter().map(|tile| tile.0).collect::<Vec<_>>(),
        "carrier" => tiles.iter().map(|tile| tile.1).collect::<Vec<_>>(),
        "_anchor_time" => tiles.iter().map(|tile| start(tile.2)).collect::<Vec<_>>(),
        "mean_delay" => tiles.iter().map(|tile| tile.3).collect::<Vec<_>>(),
        "count_delay" => tiles.iter().map(|tile| tile.4).collect::<Vec<_>>(),
    );
    bench.platform.online().write_stream(&view(), &rows.unwrap(), &replay::position(now()), Some(now())).unwrap();
}

fn ask(view: &str, keys: Json) -> Json {
    let options = json!({"includeNames": true, "includeDataTypes": true, "includeEffectiveTimes": true,
                         "includeServingStatus": true});
    json!({"params": {"workspaceName": "prod", "featureViewName": view, "joinKeyMap": keys, "metadataOptions": options}})
}

#[tokio::test]
async fn a_query_answers_for_all_values_of_the_wildcard_key() {
    let bench = Bench::new();
    write(&bench, &[("JFK", "UA", 2, 12.5, 1), ("JFK", "B6", 1, 4.0, 2), ("LGA", "DL", 1, 1.0, 3)]);
    let metadata = |effective: &str, status: &str, last: Json| {
        let said = |name: &str, kind: &str| json!({"name": name, "dataType": {"type": kind}, "effectiveTime": effective, "status": status});
        json!({
            "features": [said("origin_carriers.n", "int64"), said("origin_carriers.mean", "float64"), last],
            "joinKeys": [{"name": "carrier", "dataType": {"type": "string"}}],
        })
    };
    // What is said once about all must hold for all: one carrier has no flight in the last hour.
    let last = json!({"name": "origin_carriers.last", "dataType": {"type": "float64"}});
    let expected = json!({
        "results": [
            {"features": ["2", 4.0, 4.0], "joinKeys": ["B6"]},
            {"features": ["1", 12.5, null], "joinKeys": ["UA"]},
        ],
        "metadata": metadata("2023-11-14T22:00:00Z", "PRESENT", last),
    });
    for path in [PATH, "/v1/feature-service/query-features"] {
        let answer = bench.post(path, &bench.key, ask("origin_carriers", json!({"origin": "JFK"}))).await;
        assert_eq!(answer, (StatusCode::OK, expected.clone()));
    }
}

#[tokio::test]
async fn a_query_that_finds_nothing_still_says_what_it_looked_for() {
    let bench = Bench::new();
    let mut request = ask("origin_carriers", json!({"origin": null}));
    request["params"]["metadataOptions"] = json!({"includeSloInfo": true});
    let (http, answer) = bench.post(PATH, &bench.key, request).await;
    assert_eq!((http, &answer["results"]), (StatusCode::OK, &json!([])));
    let kinds = ["int64", "float64", "float64"].map(|kind| json!({"dataType": {"type": kind}}));
    assert_eq!(answer["metadata"]["features"], json!(kinds));
    assert_eq!(answer["metadata"]["joinKeys"], json!([{"name": "carrier", "dataType": {"type": "string"}}]));
    let seconds = |name: &str| answer["metadata"]["sloInfo"][name].as_f64().unwrap();
    assert!(seconds("serverTimeSeconds") >= seconds("storeTimeSeconds"));
}

#[tokio::test]
async fn a_query_wants_exactly_the_indexed_keys() {
    let bench = Bench::new();
    for (view, keys, sentence) in [
        (
            "carrier",
            json!({"carrier": "UA"}),
            "Feature view `carrier` has no wildcard key: all its join keys are in online_serving_index. Use get-features, \
             with a value for each of: carrier.",
        ),
        (
            "origin_carriers",
            json!({"origin": "JFK", "carrier": "UA"}),
            "`carrier` is the wildcard key of `origin_carriers`, and a query answers for all its values. Leave it out, or \
             use get-features.",
        ),
        (
            "origin_carriers",
            json!({}),
            "The join key `origin` of `origin_carriers` is missing. Give a value for each of: origin.",
        ),
        (
            "origin_carriers",
            json!({"origin": "JFK", "dest": "LAX"}),
            "`dest` is not a join key of `origin_carriers`. Give a value for each of: origin.",
        ),
        ("origin_carriers", json!({"origin": true}), "The join key `origin` must be a text or a number, not true."),
        ("manual", json!({}), "Feature view `manual` cannot be looked up, because it has online=false."),
        (
            "none",
            json!({}),
            "There is no feature view `none` in workspace `prod`. There are: carrier, manual, origin_carriers.",
        ),
    ] {
        let (http, answer) = bench.post(PATH, &bench.key, ask(view, keys)).await;
        assert_eq!((http, &answer["message"]), (StatusCode::BAD_REQUEST, &json!(sentence)));
        assert_eq!(answer["error"], answer["message"]);
    }
    let (http, answer) = bench.post(PATH, "wrong", ask("origin_carriers", json!({"origin": "JFK"}))).await;
    assert_eq!((http, &answer["code"]), (StatusCode::UNAUTHORIZED, &json!(16)));
}

#[tokio::test]
async fn a_lookup_without_the_wildcard_key_is_told_of_queries() {
    let bench = Bench::new();
    let path = "/api/v1/feature-service/get-features";
    let (http, answer) = bench.post(path, &bench.key, ask("origin_carriers", json!({"origin": "JFK"}))).await;
    let sentence = "The join key `carrier` of `origin_carriers` is missing. Give a value for each of: origin, carrier. \
                    query-features answers for all values of `carrier`.";
    assert_eq!((http, &answer["message"]), (StatusCode::BAD_REQUEST, &json!(sentence)));
    let (_, answer) = bench.post(path, &bench.key, ask("origin_carriers", json!({"carrier": "UA"}))).await;
    let sentence = "The join key `origin` of `origin_carriers` is missing. Give a value for each of: origin, carrier.";
    assert_eq!(answer["message"], json!(sentence));
}

#[tokio::test]
async fn more_values_than_an_answer_holds_are_refused() {
    let bench = Bench::new();
    let carriers: Vec<String> = (0..=10_000).map(|n| n.to_string()).collect();
    let tiles: Vec<_> = carriers.iter().map(|carrier| ("JFK", carrier.as_str(), 1, 1.0, 1)).collect();
    write(&bench, &tiles);
    let (http, answer) = bench.post(PATH, &bench.key, ask("origin_carriers", json!({"origin": "JFK"}))).await;
    let sentence = "The query is refused: view origin_carriers: more than 10000 entries are under these keys, which is what \
                    one query answers at most. Look them up one by one by their full keys.";
    assert_eq!((http, &answer["message"]), (StatusCode::BAD_REQUEST, &json!(sentence)));
}
