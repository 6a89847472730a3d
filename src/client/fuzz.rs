//! What a deployment answers, on hostile input: every answer ends in data or in an error that can be shown.

use serde_json::{Value as Json, json};

use super::error::Error;
use super::reply::Reply;
use super::scrub::Scrub;
use crate::fuzz::{Random, alone, assert_clear, bend, bend_json, bounded, cases, messages, of_case};
use crate::model::{StreamFigures, clean, clean_lines};
use crate::wire::convert as c;
use crate::wire::features::{GetFeaturesResponse, QueryFeaturesResponse};
use crate::wire::proto::{jobs as j, status as s, view as v};
use crate::wire::queries as q;
use crate::wire::streams::StreamList;

/// Most bytes that an answer may take, for each of its own.
const FACTOR: u64 = 512;
/// What a process takes besides.
const BESIDES: u64 = 48 << 20;

fn reply(random: &mut Random, body: Vec<u8>) -> Reply {
    let code = *random.pick(&[200, 200, 200, 200, 302, 400, 401, 404, 429, 500, 503]);
    let content_type = (*random.pick(&["application/json", "text/html", "", "\u{1b}[2J"])).to_owned();
    Reply { code, content_type, retry_after: None, body }
}

/// What the user is told.
fn assert_harmless(error: &Error, body: &[u8]) {
    assert_clear(&error.problem.what, body);
    assert_eq!(crate::model::clean(&error.problem.hint), error.problem.hint);
}

#[test]
fn answers_of_the_envelope_may_hold_anything() {
    alone("client::fuzz::answers_of_the_envelope_may_hold_anything", || {
        let good = messages();
        let cases = cases(2_000, 20);
        bounded("reading answers", 64 * 1024 * FACTOR + BESIDES, || {
            for case in 0..cases {
                let mut random = Random::of(case);
                let message = bend(&mut random, of_case::<Vec<u8>>(case, &good), &good);
                let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, message);
                let answer = json!({"status": {"code": 0, "detail": ""}, "metadata": {"a": ["b"]}, "response": text});
                let body = match random.below(3) {
                    0 => bend_json(&mut random, &answer, &good),
                    1 => bend(&mut random, answer.to_string().as_bytes(), &good),
                    _ => answer.to_string().into_bytes(),
                };
                let sealed = match reply(&mut random, body.clone()).open("host") {
                    Ok(sealed) => sealed,
                    Err(error) => {
                        assert_harmless(&error, &body);
                        continue;
                    }
                };
                let read = match random.below(3) {
                    0 => sealed.decode::<v::QueryFeatureViewsResponse>().map(|message| {
                        drop(c::feature_views(&message.fco_container.unwrap_or_default()).scrubbed());
                    }),
                    1 => sealed.decode::<j::ListJobsResponse>().map(|message| {
                        let jobs: Vec<_> = message.jobs.iter().filter_map(c::job_from_proto).collect();
                        drop(jobs.scrubbed());
                    }),
                    _ => sealed.decode::<s::GetFeatureViewSummaryResponse>().map(|message| {
                        drop(c::summary_rows(&message.fco_summary.unwrap_or_default()).scrubbed());
                    }),
                };
                read.unwrap_or_else(|error| assert_harmless(&error, &body));
            }
        });
        println!("fuzz: {cases} answers of the envelope");
    });
}

/// Plain JSON: the feature server's, that of the deployment's own calls, refusals.
fn bodies() -> Vec<Json> {
    let items = json!([{"name": "view.f", "dataType": {"type": "array", "elementType": {"type": "int64"}}}]);
    vec![
        json!({"result": {"features": [["14"]]}, "metadata": {"features": items}}),
        json!({"results": [{"features": [["14"]], "joinKeys": [["1"]]}], "metadata": {"features": items, "joinKeys": items}}),
        json!({"query_id": "a"}),
        json!({"state": "failed", "error": {"code": 3, "message": "No.", "text": "x"}}),
        json!({"datasets": [{"name": "a", "rows": 1, "columns": [{"name": "a", "type": "int64"}]}]}),
        json!({"streams": [{"feature_view": "v", "source": "s", "kind": "kafka", "state": "RUNNING", "total": {"read": 3},
            "rate_in": 1.5, "lag_seconds": 2.5, "reason": "SOURCE_ERROR", "error": "Away.",
            "partitions": [{"partition": 1, "offset": "7", "total": {"read": 3}, "lag_events": 2}]}]}),
        json!({"error": "No.", "message": "No.", "code": 3}),
        json!("<html><title>x</title>"),
    ]
}

#[test]
fn answers_of_json_may_hold_anything() {
    alone("client::fuzz::answers_of_json_may_hold_anything", || {
        let good = bodies();
        let others: Vec<Vec<u8>> = good.iter().map(|body| body.to_string().into_bytes()).collect();
        let cases = cases(2_000, 20);
        bounded("reading answers", 64 * 1024 * FACTOR + BESIDES, || {
            for case in 0..cases {
                let mut random = Random::of(case);
                let body = bend_json(&mut random, of_case(case, &good), &others);
                let reply = reply(&mut random, body.clone());
                let read = match random.below(5) {
                    0 => reply.read::<GetFeaturesResponse>("host").map(|answer| {
                        drop(c::vector_from_response(&answer, Vec::new()).scrubbed());
                    }),
                    1 => reply.read::<QueryFeaturesResponse>("host").map(|answer| {
                        drop(c::vectors_from_response(&answer, &[]).scrubbed());
                    }),
                    2 => reply.read::<q::QueryStatus>("host").map(drop),
                    3 => reply.read::<StreamList>("host").map(|list| {
                        for stream in list.streams.into_iter().map(StreamFigures::from).collect::<Vec<_>>().scrubbed() {
                            let (word, sentence) = stream.error.clone().unwrap_or_default();
                            let texts = [&stream.source, &stream.kind, &word];
                            let offsets = stream.partitions.iter().map(|partition| &partition.offset);
                            texts.into_iter().chain(offsets).for_each(|text| assert_eq!(&clean(text), text));
                            assert_eq!(clean_lines(&sentence), sentence);
                            let known = stream.total.settled();
                            assert!(known >= stream.total.written);
                        }
                    }),
                    _ => reply.read::<q::DatasetList>("host").map(drop),
                };
                read.unwrap_or_else(|error| assert_harmless(&error, &body));
            }
        });
        println!("fuzz: {cases} answers of JSON");
    });
}
