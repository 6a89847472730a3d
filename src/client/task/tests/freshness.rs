//! Freshness of all views, with and without the call for it.

use super::*;
use crate::model::{Freshness, Span};
use crate::wire::proto::status as s;

fn status(name: &str) -> s::FreshnessStatus {
    let freshness = Freshness {
        feature_view: name.to_owned(),
        materialization_enabled: true,
        is_stream: true,
        is_stale: false,
        freshness: Some(Span::seconds(5)),
        expected: Some(Span::hours(1)),
        created_at: None,
    };
    c::freshness_to_proto(Id(1), &freshness)
}

fn api(fake: &Fake) -> Api {
    let key = ApiKey::new("test-key").unwrap();
    Api::new(Endpoint::new(parse_url(&fake.url).unwrap(), key, None)).unwrap()
}

async fn names(api: &Api) -> Vec<String> {
    let all = api.all_freshness("prod").await.unwrap();
    all.into_iter().map(|view| view.feature_view).collect()
}

#[tokio::test]
async fn a_deployment_without_the_call_for_all_views_is_asked_view_by_view() {
    let fake = Fake::new(healthy()).await;
    let one = s::GetFeatureFreshnessResponse { freshness_status: Some(status("one")) };
    fake.set(rpc::GET_FEATURE_FRESHNESS, say(&one));
    assert_eq!(names(&api(&fake)).await, ["one", "one"], "one call for each of the two views");
    let all = s::GetAllFeatureFreshnessResponse { freshness_statuses: vec![status("all\u{1b}")] };
    fake.set(rpc::GET_ALL_FEATURE_FRESHNESS, say(&all));
    assert_eq!(names(&api(&fake)).await, ["all\u{241b}"], "one call for all, cleaned");
    fake.set(rpc::GET_ALL_FEATURE_FRESHNESS, Act::Code(7, "Not for you."));
    let refused = api(&fake).all_freshness("prod").await.unwrap_err();
    assert!(refused.problem.what.contains("Not for you."), "a refusal is no reason to ask otherwise: {refused}");
}
