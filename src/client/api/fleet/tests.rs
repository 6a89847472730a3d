//! The jobs of all views, of deployments with and without the call for it.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};

use super::*;
use crate::client::ApiKey;
use crate::client::endpoint::{Endpoint, parse_url};
use crate::client::testing;
use crate::model::time::from_micros;
use crate::wire::convert::task_to_proto;
use crate::wire::proto::common::FcoMetadata;
use crate::wire::proto::jobs::{ListJobsRequest, ListJobsResponse};
use crate::wire::proto::view::{Fco, FcoContainer, FeatureView, QueryFeatureViewsResponse};
use crate::wire::{proxy, status};

/// How a deployment pages.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Pages {
    /// It does not have the call.
    None,
    /// By tokens.
    Tokens,
    /// By numbers alone.
    Numbers,
    /// It always says that more follow.
    Endless,
}

#[derive(Clone)]
struct Fake {
    pages: Pages,
    calls: Arc<Mutex<Vec<String>>>,
    filters: Arc<Mutex<Vec<f::GetJobsRequest>>>,
}

fn job(n: u128) -> Job {
    let feature_view = if n.is_multiple_of(2) { "a" } else { "b" }.to_owned();
    let at = Some(from_micros(1_000_000 * n as i64));
    let state = if n.is_multiple_of(3) { JobState::Failure } else { JobState::Success };
    Job { id: Id(n), feature_view, created_at: at, updated_at: at, ..testing::job(state) }
}

impl Fake {
    fn answer(&self, request: &proxy::Request) -> proxy::Response {
        let call = request.method.rsplit('/').next().unwrap().to_owned();
        self.calls.lock().unwrap().push(call.clone());
        match call.as_str() {
            "GetJobs" if self.pages != Pages::None => self.page(&request.decode().unwrap()),
            "QueryFeatureViews" => proxy::Response::ok(&views()),
            "ListMaterializationJobs" => {
                let view = request.decode::<ListJobsRequest>().unwrap().feature_view.unwrap();
                let jobs = (1..=7).map(job).filter(|job| job.feature_view == view);
                proxy::Response::ok(&ListJobsResponse { jobs: jobs.map(|job| c::job_to_proto(&job)).collect() })
            }
            _ => proxy::Response::error(status::UNIMPLEMENTED, "This call is not served."),
        }
    }

    /// Three of seven jobs, newest first.
    fn page(&self, request: &f::GetJobsRequest) -> proxy::Response {
        self.filters.lock().unwrap().push(request.clone());
        let asked = request.pagination.clone().unwrap();
        let token = asked.page_token.as_deref().map(|token| token.parse::<u32>().unwrap());
        let number = token.or(asked.page).unwrap_or(1);
        let tasks = (1..=7_u128).rev().skip(3 * (number as usize - 1)).take(3);
        let last = number == 3;
        let pagination = f::PaginationResponse {
            page: Some(number),
            total: Some(7),
            next_page_token: match self.pages {
                Pages::Tokens if !last => Some((number + 1).to_string()),
                Pages::Endless => Some("1".to_owned()),
                _ => None,
            },
            ..Default::default()
        };
        proxy::Response::ok(&f::GetJobsResponse {
            tasks_with_attempts: tasks.map(|n| task_to_proto(Id(1), &job(n), false)).collect(),
            pagination: Some(pagination),
        })
    }
}

fn views() -> QueryFeatureViewsResponse {
    let view = |name: &str, id| FeatureView {
        feature_view_id: Some(c::id_to_proto(Id(id))),
        fco_metadata: Some(FcoMetadata { name: Some(name.to_owned()), ..Default::default() }),
        ..Default::default()
    };
    let (a, b) = (view("a", 1), view("b", 2));
    let root_ids = [&a, &b].map(|view| view.feature_view_id.clone().unwrap()).to_vec();
    let fcos = [a, b].map(|view| Fco { feature_view: Some(Box::new(view)), ..Default::default() }).to_vec();
    QueryFeatureViewsResponse { fco_container: Some(FcoContainer { root_ids, fcos, ..Default::default() }) }
}

async fn deployment(pages: Pages) -> (Api, Fake) {
    let fake = Fake { pages, calls: Arc::default(), filters: Arc::default() };
    let answer =
        async |State(fake): State<Fake>, body: String| Json(fake.answer(&serde_json::from_str(&body).unwrap()));
    let router = Router::new().route("/api/proxy", post(answer)).with_state(fake.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/api", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
    let endpoint = Endpoint::new(parse_url(&url).unwrap(), ApiKey::new("a-key").unwrap(), None);
    (Api::new(endpoint).unwrap(), fake)
}

fn ids(jobs: &[Job]) -> Vec<u128> {
    jobs.iter().map(|job| job.id.0).collect()
}

#[tokio::test]
async fn every_deployment_gives_all_jobs_newest_first() {
    for (pages, calls) in [(Pages::Tokens, 3), (Pages::Numbers, 3)] {
        let (api, fake) = deployment(pages).await;
        let jobs = api.all_jobs("prod", &JobFilter::default()).await.unwrap().jobs;
        assert_eq!(ids(&jobs), [7, 6, 5, 4, 3, 2, 1], "{pages:?}");
        assert_eq!(jobs[0].feature_view, "b");
        assert_eq!(*fake.calls.lock().unwrap(), vec!["GetJobs"; calls], "{pages:?}");
    }
    let (api, fake) = deployment(Pages::Endless).await;
    assert_eq!(ids(&api.all_jobs("prod", &JobFilter::default()).await.unwrap().jobs), [7, 6, 5]);
    assert_eq!(fake.calls.lock().unwrap().len(), 2, "a page with nothing new is the last one");
}

#[tokio::test]
async fn a_deployment_without_the_call_is_asked_for_it_once() {
    let (api, fake) = deployment(Pages::None).await;
    for _ in 0..2 {
        let jobs = api.all_jobs("prod", &JobFilter::default()).await.unwrap().jobs;
        assert_eq!(ids(&jobs), [7, 6, 5, 4, 3, 2, 1]);
    }
    let calls = fake.calls.lock().unwrap();
    assert_eq!(calls.iter().filter(|call| *call == "GetJobs").count(), 1);
    assert_eq!(calls.iter().filter(|call| *call == "ListMaterializationJobs").count(), 4);
}

#[tokio::test]
async fn filters_are_sent_and_hold_whatever_the_deployment_makes_of_them() {
    let filter =
        JobFilter { states: vec![JobState::Failure], types: vec![JobType::Batch], since: Some(from_micros(4_000_000)) };
    for pages in [Pages::Tokens, Pages::None] {
        let (api, fake) = deployment(pages).await;
        assert_eq!(ids(&api.all_jobs("prod", &filter).await.unwrap().jobs), [6], "{pages:?}");
        for sent in fake.filters.lock().unwrap().iter() {
            assert_eq!((sent.statuses.clone(), sent.task_type.clone()), (vec![5], vec![1]));
            assert_eq!(sent.workspaces, ["prod"]);
            let since = sent.last_task_state_change.unwrap().start;
            assert_eq!(since, Some(c::time_to_proto(from_micros(4_000_000))));
        }
    }
    let odd = JobFilter { states: vec![JobState::Failure, JobState::Other("ODD".into())], ..Default::default() };
    assert!(odd.request("prod").statuses.is_empty(), "what has no number cannot be sent");
}

#[tokio::test]
async fn one_job_costs_a_list_of_each_view_at_most_and_the_rest_of_its_own() {
    {
        let beginning = Id(5).to_string();
        let (api, fake) = deployment(Pages::None).await;
        let found = api.jobs_like("prod", std::slice::from_ref(&beginning)).await.unwrap();
        assert_eq!(ids(&found.jobs), [5]);
        let calls = fake.calls.lock().unwrap();
        let count = |name: &str| calls.iter().filter(|call| *call == name).count();
        assert!(count("ListMaterializationJobs") <= 3, "{calls:?}");
        assert_eq!((count("GetMaterializationStatus"), count("QueryFeatureViews")), (1, 1), "{calls:?}");
        // The table was not to be had, and that is told and not taken for a word of the deployment.
        assert!(found.table_problem.is_some() && found.jobs[0].allowed.unknown);
    }
    let (api, fake) = deployment(Pages::None).await;
    assert_eq!(ids(&api.jobs_like("prod", &["0000".to_owned()]).await.unwrap().jobs).len(), 7);
    assert_eq!(api.jobs_like("prod", &["ffff".to_owned()]).await.unwrap().jobs, []);
    drop(fake);
    let (api, _) = deployment(Pages::Tokens).await;
    let found = api.jobs_like("prod", &[Id(5).to_string()]).await.unwrap();
    assert_eq!((ids(&found.jobs), found.table_problem), (vec![5], None));
}

#[tokio::test]
async fn an_untold_table_is_told_whatever_is_asked_for() {
    let (api, _) = deployment(Pages::None).await;
    let all = api.all_jobs("prod", &JobFilter::default()).await.unwrap();
    assert!(all.table_problem.is_some() && all.jobs.iter().all(|job| job.allowed.unknown));
    let one = api.known_jobs("prod", "a", Id(1)).await.unwrap();
    assert!(one.table_problem.unwrap().what.contains("status table"));
}
