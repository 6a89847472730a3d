//! Calls about one job or one attempt.

use super::*;
use crate::model::{AttemptState, StageKind, StageState};
use crate::platform::access::AuditQuery;
use crate::platform::jobs::plan;
use crate::platform::jobs::record::Outcome;
use crate::platform::jobs::retry::Failure;
use crate::wire::proto::serving::{GetServingStatusRequest, GetServingStatusResponse};
use crate::wire::proto::tasks as proto;

impl Bench {
    fn view_id(&self, view: &str) -> Id {
        self.platform.view("prod", view).unwrap().id
    }

    /// A job that has failed for good while it wrote.
    fn failed(&self) -> crate::model::Job {
        let work = self.platform.jobs().claim().unwrap().unwrap();
        work.report.begin(StageKind::Compute).unwrap();
        work.report.done(Some(12_345), Some(1_200_000));
        work.report.begin(StageKind::Offline).unwrap();
        work.report.say("wrote half of it");
        let message = "The query does not fit its view.".to_owned();
        let outcome = Outcome::Failed { failure: Failure::Permanent, reason: "QUERY_ERROR".to_owned(), message };
        self.platform.jobs().finish(work.job.id, outcome).unwrap();
        let (_, job) = self.platform.jobs().find(work.job.id).unwrap().unwrap();
        assert_eq!(job.state, JobState::Failure);
        job
    }

    async fn force(&self, job: Id, overwrite: bool) -> Option<String> {
        let (materialization_task_id, allow_overwrite) = (Some(convert::id_to_proto(job)), Some(overwrite));
        let asked = proto::ForceRetryMaterializationTaskRequest { materialization_task_id, allow_overwrite };
        let method = rpc::FORCE_RETRY_MATERIALIZATION_TASK;
        self.call::<proto::ForceRetryMaterializationTaskResponse>(method, &asked).await.error_message
    }

    async fn restart(&self, job: Id) -> proto::RestartMaterializationTaskResponse {
        let materialization_task_id = Some(convert::id_to_proto(job));
        let asked = proto::RestartMaterializationTaskRequest { materialization_task_id };
        self.call(rpc::RESTART_MATERIALIZATION_TASK, &asked).await
    }
}

#[tokio::test]
async fn a_failed_job_is_tried_again_when_somebody_asks() {
    let bench = Bench::new();
    let job = bench.failed();
    let asked =
        proto::GetJobStatusRequest { workspace: Some("prod".to_owned()), task_id: Some(convert::id_to_proto(job.id)) };
    let rows = async || {
        let answer: proto::GetJobStatusResponse = bench.call(rpc::GET_JOB_STATUS, &asked).await;
        answer.status.unwrap().materialization_attempts
    };
    let before = rows().await;
    assert_eq!((before.len(), before[0].allow_forced_retry, before[0].allow_restart), (1, Some(true), Some(true)));
    assert_eq!(bench.force(job.id, false).await, None);
    let after = rows().await;
    let numbers: Vec<_> = after.iter().map(|row| (row.attempt_number, row.allow_forced_retry)).collect();
    assert_eq!(numbers, [(Some(2), Some(false)), (Some(1), Some(false))], "newest first, and not twice");
    let said = bench.force(job.id, true).await.unwrap();
    assert!(said.contains(&format!("Job {}", job.id)) && said.contains("state RUNNING"), "{said}");
    let unknown = bench.force(Id(404), false).await.unwrap();
    assert!(unknown.starts_with("There is no job 00000000000000000000000000000194"), "{unknown}");
}

#[tokio::test]
async fn a_job_that_has_ended_is_started_again_as_a_new_one() {
    let bench = Bench::new();
    let job = bench.failed();
    let answer = bench.restart(job.id).await;
    assert_eq!(answer.error_message, None);
    let new = convert::id_from_proto(&answer.new_materialization_task_id.unwrap());
    let (_, new) = bench.platform.jobs().find(new).unwrap().unwrap();
    assert_ne!(new.id, job.id);
    assert_eq!((new.window, new.online, new.offline), (job.window, job.online, job.offline));
    let again = bench.restart(new.id).await;
    let said = format!(
        "Job {} is a BATCH job in state RUNNING: only batch and stream jobs that have ended can be started again.",
        new.id
    );
    assert_eq!((again.error_message, again.new_materialization_task_id), (Some(said), None));
    let twice = bench.restart(job.id).await.error_message.unwrap();
    assert!(twice.contains(&new.id.to_string()), "a window is never written by two: {twice}");
    assert!(bench.restart(Id(404)).await.error_message.unwrap().starts_with("There is no job"));
}

#[tokio::test]
async fn a_stopped_stream_is_started_again_as_a_new_job() {
    let bench = Bench::new();
    let (jobs, view) = (bench.platform.jobs(), bench.view_id("carrier"));
    let stream = jobs.stream_job(view).unwrap().unwrap().id;
    let refused = bench.restart(stream).await.error_message.unwrap();
    assert!(refused.contains("in state RUNNING"), "{refused}");
    jobs.cancel(view, stream).unwrap();
    jobs.stream_stopped(view).unwrap();
    let asked =
        proto::GetJobStatusRequest { workspace: Some("prod".to_owned()), task_id: Some(convert::id_to_proto(stream)) };
    let answer: proto::GetJobStatusResponse = bench.call(rpc::GET_JOB_STATUS, &asked).await;
    assert_eq!(answer.status.unwrap().materialization_attempts[0].allow_restart, Some(true));
    let answer = bench.restart(stream).await;
    assert_eq!(answer.error_message, None);
    let new = convert::id_from_proto(&answer.new_materialization_task_id.unwrap());
    assert_eq!(jobs.stream_job(view).unwrap().unwrap().id, new);
    let noted = bench.platform.access().audit.list(&AuditQuery { limit: 100, ..AuditQuery::default() }).unwrap();
    assert!(
        noted.iter().any(|entry| entry.action.call == "RestartMaterializationTask"
            && entry.action.words.contains(&stream.to_string()))
    );
}

#[tokio::test]
async fn an_attempt_tells_its_stages_and_its_log() {
    let bench = Bench::new();
    let job = bench.failed();
    let attempt = job.attempts[0].id.unwrap();
    let asked = proto::GetJobDetailsRequest { tecton_managed_attempt_id: Some(convert::id_to_proto(attempt)) };
    let details: proto::GetJobDetailsResponse = bench.call(rpc::GET_JOB_DETAILS, &asked).await;
    let told = details.attempt_details.clone().unwrap();
    assert_eq!(told.task_id, Some(convert::id_to_proto(job.id)));
    assert_eq!(told.attempt_status.unwrap().state_message.as_deref(), Some("The query does not fit its view."));
    let asked = proto::GetJobLogsRequest { tecton_managed_attempt_id: Some(convert::id_to_proto(attempt)) };
    let logs: proto::GetJobLogsResponse = bench.call(rpc::GET_JOB_LOGS, &asked).await;
    let detail = convert::detail_from_proto(attempt, Some(&details), Some(&logs));
    let stages: Vec<_> = detail.stages.iter().map(|stage| (stage.kind.clone(), stage.state)).collect();
    assert_eq!(stages[..2], [(StageKind::Compute, StageState::Success), (StageKind::Offline, StageState::Error)]);
    assert_eq!(detail.stages[0].description, "12,345 rows, 1.2 MB");
    assert!(detail.log.iter().any(|line| line.ends_with("wrote half of it")), "{:?}", detail.log);
    assert_eq!(job.attempts[0].state, AttemptState::Error);
    for method in [rpc::GET_JOB_DETAILS, rpc::GET_JOB_LOGS] {
        let asked = proto::GetJobLogsRequest { tecton_managed_attempt_id: Some(convert::id_to_proto(Id(404))) };
        let status = bench.raw(method, &bench.key, &asked).await.status;
        let said =
            "There is no attempt 00000000000000000000000000000194. List the jobs of its view to see their attempts.";
        assert_eq!((status.code, status.detail.as_str()), (status::INVALID_ARGUMENT, said));
    }
}

#[tokio::test]
async fn jobs_of_other_workspaces_are_not_told() {
    let bench = Bench::new();
    let job = bench.failed();
    for (workspace, id) in [("other", job.id), ("prod", Id(404))] {
        let asked = proto::GetJobStatusRequest {
            workspace: Some(workspace.to_owned()),
            task_id: Some(convert::id_to_proto(id)),
        };
        let status = bench.raw(rpc::GET_JOB_STATUS, &bench.key, &asked).await.status;
        let said = format!("There is no job {id}. List the jobs of its view to see them.");
        assert_eq!((status.code, status.detail), (status::INVALID_ARGUMENT, said));
    }
}

#[tokio::test]
async fn ready_windows_and_the_instant_up_to_which_there_is_no_gap() {
    let bench = Bench::new();
    let ask_ready = job_messages::GetLatestReadyTimeRequest {
        workspace: Some("prod".to_owned()),
        feature_view: Some("carrier".to_owned()),
        ..Default::default()
    };
    let none: job_messages::GetLatestReadyTimeResponse = bench.call(rpc::GET_LATEST_READY_TIME, &ask_ready).await;
    assert_eq!((none.online_latest_ready_time, none.offline_latest_ready_time), (None, None));
    bench.run_everything();
    let view = bench.platform.view("prod", "carrier").unwrap();
    let begins = plan::begins(view, bench.platform.jobs().applied(view.id).unwrap().feature_start.unwrap());
    let end = crate::model::time::floor(now(), Span::hours(1));
    let asked = GetServingStatusRequest {
        feature_package_id: Some(convert::id_to_proto(bench.view_id("carrier"))),
        ..Default::default()
    };
    let answer: GetServingStatusResponse = bench.call(rpc::GET_SERVING_STATUS, &asked).await;
    let coverage = convert::coverage_from_proto(&answer.serving_status_summary.unwrap());
    let whole = vec![Window { start: begins, end }];
    assert_eq!((coverage.online, coverage.offline), (whole.clone(), whole));
    let ready: job_messages::GetLatestReadyTimeResponse = bench.call(rpc::GET_LATEST_READY_TIME, &ask_ready).await;
    let end = Some(convert::time_to_proto(end));
    assert_eq!((ready.online_latest_ready_time, ready.offline_latest_ready_time), (end, end));
    for (name, online, offline) in [("board", end, end), ("plain", end, end), ("late", None, None)] {
        let service = job_messages::GetLatestReadyTimeRequest {
            workspace: Some("prod".to_owned()),
            feature_service: Some(name.to_owned()),
            ..Default::default()
        };
        let ready: job_messages::GetLatestReadyTimeResponse = bench.call(rpc::GET_LATEST_READY_TIME, &service).await;
        assert_eq!((ready.online_latest_ready_time, ready.offline_latest_ready_time), (online, offline), "{name}");
    }
    let service =
        |id| GetServingStatusRequest { feature_service_id: Some(convert::id_to_proto(Id(id))), ..asked.clone() };
    let board: GetServingStatusResponse = bench.call(rpc::GET_SERVING_STATUS, &service(7)).await;
    let answer: GetServingStatusResponse = bench.call(rpc::GET_SERVING_STATUS, &asked).await;
    assert_eq!(board, answer, "both views of the service are ready alike");
    let late: GetServingStatusResponse = bench.call(rpc::GET_SERVING_STATUS, &service(8)).await;
    assert_eq!(late.serving_status_summary, Some(Default::default()));
    let status = bench.raw(rpc::GET_SERVING_STATUS, &bench.key, &service(404)).await.status;
    assert!(status.detail.starts_with("There is no feature service `"), "{}", status.detail);
    let unknown = job_messages::GetLatestReadyTimeRequest { feature_service: Some("s".to_owned()), ..ask_ready };
    let status = bench.raw(rpc::GET_LATEST_READY_TIME, &bench.key, &unknown).await.status;
    let said = "There is no feature service `s` in workspace `prod`. There are: board, late, plain.";
    assert_eq!((status.code, status.detail.as_str()), (status::INVALID_ARGUMENT, said));
}

#[tokio::test]
async fn a_feature_service_has_no_jobs_of_its_own() {
    let bench = Bench::new();
    let ask = |name: &str| job_messages::ListJobsRequest {
        workspace: Some("prod".to_owned()),
        feature_service: Some(name.to_owned()),
        ..Default::default()
    };
    let none: job_messages::ListJobsResponse = bench.call(rpc::LIST_MATERIALIZATION_JOBS, &ask("board")).await;
    assert_eq!(none.jobs, []);
    let status = bench.raw(rpc::LIST_MATERIALIZATION_JOBS, &bench.key, &ask("s")).await.status;
    assert_eq!(status.code, status::INVALID_ARGUMENT);
    let asked = job_messages::GetJobRequest {
        job_id: Some("0".repeat(32)),
        workspace: Some("prod".to_owned()),
        feature_service: Some("board".to_owned()),
        ..Default::default()
    };
    let status = bench.raw(rpc::GET_MATERIALIZATION_JOB, &bench.key, &asked).await.status;
    assert!(status.detail.contains("jobs belong to feature views here"), "{}", status.detail);
}

#[tokio::test]
async fn a_manual_view_is_ready_up_to_the_last_window_that_somebody_asked_for() {
    let bench = Bench::new();
    let asked = job_messages::GetLatestReadyTimeRequest {
        workspace: Some("prod".to_owned()),
        feature_view: Some("manual".to_owned()),
        ..Default::default()
    };
    let ready = async || -> Option<Time> {
        let answer: job_messages::GetLatestReadyTimeResponse = bench.call(rpc::GET_LATEST_READY_TIME, &asked).await;
        assert_eq!(answer.online_latest_ready_time, None, "it is not written there");
        answer.offline_latest_ready_time.and_then(convert::time_from_proto)
    };
    assert_eq!(ready().await, None);
    let last = manual_trigger();
    let back = |hours: i64| Window {
        start: last.window.start - Span::hours(hours),
        end: last.window.end - Span::hours(hours),
    };
    // With gaps before, in between, and an older window last.
    for (hours, end) in [(5, back(5).end), (0, last.window.end), (3, last.window.end)] {
        let request = TriggerRequest { window: back(hours), ..last.clone() };
        bench.platform.jobs().trigger(bench.platform.view("prod", "manual").unwrap(), &request).unwrap();
        let work = bench.platform.jobs().claim().unwrap().unwrap();
        bench.platform.jobs().finish(work.job.id, Outcome::Success).unwrap();
        assert_eq!(ready().await, Some(end));
    }
}
