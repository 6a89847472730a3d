//! The jobs of many views in one call: filters, pages, tokens, and the status tables of all views.

use std::collections::BTreeSet;

use super::*;
use crate::wire::proto::enums::{SortDirection, StatusState, WorkType};
use crate::wire::proto::fleet as proto;

impl Bench {
    async fn fleet(&self, request: &proto::GetJobsRequest) -> proto::GetJobsResponse {
        self.call(rpc::GET_JOBS, request).await
    }
}

fn asked(per_page: u32) -> proto::GetJobsRequest {
    let pagination = Some(proto::PaginationRequest { per_page: Some(per_page), ..Default::default() });
    proto::GetJobsRequest { pagination, ..Default::default() }
}

fn ids(answer: &proto::GetJobsResponse) -> Vec<Id> {
    answer.tasks_with_attempts.iter().map(|task| convert::id_from_proto(task.task_id.as_ref().unwrap())).collect()
}

#[tokio::test]
async fn all_jobs_come_page_by_page_also_while_new_ones_are_made() {
    let bench = Bench::new();
    let mut request = asked(5);
    let mut seen = Vec::new();
    let views = bench.platform.repository().views.iter();
    let mut known: BTreeSet<Id> =
        views.flat_map(|view| bench.platform.jobs().list(view.id).unwrap()).map(|job| job.id).collect();
    let total = known.len();
    for number in 1.. {
        let answer = bench.fleet(&request).await;
        let page = answer.pagination.clone().unwrap();
        assert_eq!((page.page, page.per_page), (Some(number), Some(5)));
        seen.extend(ids(&answer));
        let pagination = request.pagination.as_mut().unwrap();
        pagination.page_token = page.next_page_token;
        if pagination.page_token.is_none() {
            break;
        }
        if number == 1 {
            assert_eq!(page.total, u32::try_from(total).ok());
            bench.pass(Span::hours(1));
            bench.platform.jobs().schedule().unwrap();
        }
    }
    assert_eq!(seen.len(), total, "each once, and none of those that came meanwhile");
    seen.iter().for_each(|id| assert!(known.remove(id), "{id}"));
}

#[tokio::test]
async fn a_task_tells_as_much_as_the_list_and_the_table_together() {
    let bench = Bench::new();
    bench.run_everything();
    let view = bench.platform.view("prod", "carrier").unwrap().id;
    let request = proto::GetJobsRequest {
        feature_views: vec!["carrier".to_owned()],
        include_update_materialization_flags: Some(true),
        ..asked(1_000)
    };
    let answer = bench.fleet(&request).await;
    let jobs: Vec<_> = answer.tasks_with_attempts.iter().filter_map(convert::task_from_proto).collect();
    let list = bench.platform.jobs().list(view).unwrap();
    let list_messages: Vec<_> = list.iter().map(convert::job_to_proto).collect();
    let table = convert::status_from_jobs(view, &list);
    let listed = list_messages.iter().filter_map(convert::job_from_proto).collect();
    let mut joined = convert::join_status(listed, Some(&table), "prod", "carrier");
    // What runs has no end: the table does not say when it was looked at last.
    let open = |attempt: &&mut crate::model::Attempt| attempt.state == crate::model::AttemptState::Running;
    joined.iter_mut().flat_map(|job| job.attempts.iter_mut()).filter(open).for_each(|a| a.updated_at = None);
    let sorted = convert::join_status(jobs, None, "prod", "carrier");
    assert_eq!(sorted, joined);
    assert!(answer.tasks_with_attempts.iter().all(|task| task.manually_triggered == Some(false)));
}

#[tokio::test]
async fn filters_of_the_request_reach_the_table() {
    let bench = Bench::new();
    bench.run_everything();
    let views = |request: proto::GetJobsRequest| {
        let bench = &bench;
        async move {
            let answer = bench.fleet(&request).await;
            let names = answer.tasks_with_attempts.iter().map(|task| task.feature_view_name.clone().unwrap());
            (names.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>(), answer.tasks_with_attempts.len())
        }
    };
    let named = |name: &str| vec![name.to_owned()];
    let two = named("carrier").into_iter().chain(named("origin_carriers")).collect::<Vec<_>>();
    assert_eq!(views(asked(1_000)).await.0, two);
    let one = proto::GetJobsRequest { feature_views: named("carrier"), workspaces: named("prod"), ..asked(1_000) };
    assert_eq!(views(one).await.0, named("carrier"));
    let stream = [WorkType::Streaming.into(), 99];
    let streams = proto::GetJobsRequest { task_type: stream.to_vec(), ..asked(1_000) };
    assert_eq!(views(streams).await, (two.clone(), 2));
    let done = StatusState::Success.into();
    let ended = proto::GetJobsRequest { statuses: vec![done], task_type: vec![WorkType::Batch.into()], ..asked(1_000) };
    assert_eq!(views(ended).await, (two, 20));
    for nothing in [
        proto::GetJobsRequest { workspaces: named("dev"), ..asked(9) },
        proto::GetJobsRequest { feature_services: named("s"), ..asked(9) },
        proto::GetJobsRequest { statuses: vec![99], ..asked(9) },
        proto::GetJobsRequest { manually_triggered: Some(true), ..asked(9) },
        proto::GetJobsRequest { num_attempts: Some(proto::CountRange { start: Some(2), end: None }), ..asked(9) },
    ] {
        assert_eq!(views(nothing.clone()).await, (vec![], 0), "{nothing:?}");
    }
}

#[tokio::test]
async fn a_page_is_bounded_and_what_cannot_be_gone_on_from_is_refused() {
    let bench = Bench::new();
    let sizes = |asked| {
        let bench = &bench;
        async move { bench.fleet(&asked).await.pagination.unwrap().per_page }
    };
    assert_eq!(sizes(asked(4_000_000)).await, Some(1_000));
    assert_eq!((sizes(asked(0)).await, sizes(Default::default()).await), (Some(50), Some(50)));
    let mut oldest = asked(3);
    oldest.pagination.as_mut().unwrap().sort_direction = Some(SortDirection::Asc.into());
    let first = bench.fleet(&oldest).await;
    let mut all = ids(&bench.fleet(&asked(1_000)).await);
    all.reverse();
    assert_eq!(ids(&first), all[..3]);
    oldest.pagination.as_mut().unwrap().page = Some(2);
    assert_eq!(ids(&bench.fleet(&oldest).await), all[3..6]);
    let token = first.pagination.unwrap().next_page_token;
    let with = |page: proto::PaginationRequest| proto::GetJobsRequest { pagination: Some(page), ..Default::default() };
    for (pagination, words) in [
        (
            proto::PaginationRequest { page_token: Some("later".to_owned()), ..Default::default() },
            "none of this deployment",
        ),
        (proto::PaginationRequest { page_token: token, ..Default::default() }, "other filters or another order"),
        (
            proto::PaginationRequest { sort_key: Some("colour".to_owned()), ..Default::default() },
            "Sort them by `created_at`",
        ),
    ] {
        let status = bench.raw(rpc::GET_JOBS, &bench.key, &with(pagination)).await.status;
        assert_eq!(status.code, status::INVALID_ARGUMENT);
        assert!(status.detail.contains(words), "{}", status.detail);
    }
    let far = proto::PaginationRequest { page: Some(u32::MAX), per_page: Some(u32::MAX), ..Default::default() };
    assert_eq!(ids(&bench.fleet(&with(far)).await), []);
}

#[tokio::test]
async fn the_status_tables_of_all_live_views_come_in_one_answer() {
    let bench = Bench::new();
    bench.run_everything();
    bench.pass(Span::days(3));
    let ask = |days| {
        let request = proto::GetAllMaterializationStatusInLiveWorkspacesRequest { cut_off_days: days };
        let bench = &bench;
        async move {
            let answer: proto::GetAllMaterializationStatusInLiveWorkspacesResponse =
                bench.call(rpc::GET_ALL_MATERIALIZATION_STATUS, &request).await;
            let tables = answer.feature_view_materialization_status.into_iter();
            tables.map(|table| table.materialization_status.unwrap().materialization_attempts.len()).collect::<Vec<_>>()
        }
    };
    // Ten windows, the one to come and the stream; the view that is triggered by hand has none.
    assert_eq!(ask(None).await, [12, 0, 12]);
    assert_eq!(ask(Some(2)).await, [2, 0, 2], "what has not ended is shown however old it is");
    assert_eq!(ask(Some(4)).await, [12, 0, 12]);
}
