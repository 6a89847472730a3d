//! Calls about one job or one attempt: another try, stages, log, attempts; and which windows are ready (wire section 2.2).
//!
//! A job that may not be tried again is told by `error_message` of an answer that is well (code 0).

use super::fault::Fault;
use super::{jobs, parts};
use crate::model::{Id, Job, TriggerRequest};
use crate::platform::Platform;
use crate::platform::jobs::{FoundAttempt, JobsError, plan};
use crate::wire::convert;
use crate::wire::proto::common::Id as ProtoId;
use crate::wire::proto::jobs::{GetLatestReadyTimeRequest, GetLatestReadyTimeResponse};
use crate::wire::proto::serving::{GetServingStatusRequest, GetServingStatusResponse};
use crate::wire::proto::tasks as proto;
use crate::wire::proxy::Response;

/// Queues another attempt of a job that has failed for good.
pub fn force_retry(
    platform: &Platform,
    request: &proto::ForceRetryMaterializationTaskRequest,
) -> Result<Response, Fault> {
    let id = id_of(request.materialization_task_id.as_ref());
    let overwrite = request.allow_overwrite == Some(true);
    let error_message = refusal(platform.jobs().force_retry(id, overwrite))?.err();
    if error_message.is_none() {
        tracing::info!(job = %id, overwrite, "another attempt was asked for");
    }
    Ok(Response::ok(&proto::ForceRetryMaterializationTaskResponse { error_message }))
}

/// Starts a new job over the window of one that has ended, which replaces what is there.
pub fn restart(platform: &Platform, request: &proto::RestartMaterializationTaskRequest) -> Result<Response, Fault> {
    let id = id_of(request.materialization_task_id.as_ref());
    let (error_message, started) = match refusal(start_again(platform, id))? {
        Ok(job) => (None, Some(job.id)),
        Err(sentence) => (Some(sentence), None),
    };
    if let Some(new) = started {
        tracing::info!(job = %id, %new, "a job was started again as a new one");
    }
    let new_materialization_task_id = started.map(convert::id_to_proto);
    Ok(Response::ok(&proto::RestartMaterializationTaskResponse { error_message, new_materialization_task_id }))
}

fn start_again(platform: &Platform, id: Id) -> Result<Job, JobsError> {
    let unknown = || JobsError::Refused(format!("There is no job {id}. List the jobs of its view to see them."));
    let (view, job) = platform.jobs().find(id)?.ok_or_else(unknown)?;
    let view = platform.view_by_id(view).ok_or_else(unknown)?;
    let Some(window) = job.window.filter(|_| convert::can_restart(&job)) else {
        return Err(JobsError::Refused(format!(
            "Job {id} is a {} job in state {}: only batch jobs that have ended can be started again.",
            job.job_type, job.state
        )));
    };
    let request = TriggerRequest {
        workspace: view.workspace.clone(),
        feature_view: view.name.clone(),
        window,
        online: job.online,
        offline: job.offline,
        use_tecton_managed_retries: true,
        overwrite: true,
    };
    platform.jobs().trigger(view, &request)
}

/// What was done, or the sentence of a refusal; a failure is a fault.
fn refusal<T>(done: Result<T, JobsError>) -> Result<Result<T, String>, Fault> {
    match done {
        Ok(done) => Ok(Ok(done)),
        Err(JobsError::Refused(sentence)) => Ok(Err(sentence)),
        Err(failure) => Err(failure.into()),
    }
}

/// The stages of an attempt.
pub fn details(platform: &Platform, request: &proto::GetJobDetailsRequest) -> Result<Response, Fault> {
    let found = detail_of(platform, request.tecton_managed_attempt_id.as_ref())?;
    Ok(Response::ok(&convert::details_to_proto(found.view, &found.job, &found.detail)))
}

/// The log of an attempt.
pub fn logs(platform: &Platform, request: &proto::GetJobLogsRequest) -> Result<Response, Fault> {
    let found = detail_of(platform, request.tecton_managed_attempt_id.as_ref())?;
    Ok(Response::ok(&convert::logs_to_proto(found.view, &found.job.workspace, &found.detail)))
}

fn detail_of(platform: &Platform, id: Option<&ProtoId>) -> Result<FoundAttempt, Fault> {
    let id = id_of(id);
    let none = || Fault::invalid(format!("There is no attempt {id}. List the jobs of its view to see their attempts."));
    platform.jobs().attempt(id)?.ok_or_else(none)
}

/// The attempts of one job.
pub fn status(platform: &Platform, request: &proto::GetJobStatusRequest) -> Result<Response, Fault> {
    let id = id_of(request.task_id.as_ref());
    let unknown = || Fault::invalid(format!("There is no job {id}. List the jobs of its view to see them."));
    let (view, job) = platform.jobs().find(id)?.ok_or_else(unknown)?;
    if request.workspace.as_ref().is_some_and(|workspace| !workspace.is_empty() && *workspace != job.workspace) {
        return Err(unknown());
    }
    let status = Some(convert::status_from_jobs(view, &[job]));
    Ok(Response::ok(&proto::GetJobStatusResponse { status }))
}

/// Which windows of a view are ready in which store.
pub fn serving_status(platform: &Platform, request: &GetServingStatusRequest) -> Result<Response, Fault> {
    if request.feature_service_id.is_some() {
        return Err(no_services());
    }
    let id = id_of(request.feature_package_id.as_ref());
    let workspace = request.workspace.as_deref().unwrap_or_default();
    let view = platform.view_by_id(id).ok_or_else(|| parts::unknown_view(platform, workspace, &id.to_string()))?;
    let serving_status_summary = Some(convert::coverage_to_proto(&platform.jobs().coverage(view.id)?));
    Ok(Response::ok(&GetServingStatusResponse { serving_status_summary }))
}

/// Up to when each store of a view has no gap since its features begin.
pub fn latest_ready_time(
    platform: &Platform,
    request: &GetLatestReadyTimeRequest,
) -> Result<GetLatestReadyTimeResponse, Fault> {
    if request.feature_service.as_ref().is_some_and(|service| !service.is_empty()) {
        return Err(no_services());
    }
    let view = jobs::view_of(platform, request.workspace.as_deref(), request.feature_view.as_deref())?;
    let start = platform.jobs().applied(view.id).and_then(|applied| applied.feature_start);
    let begins = start.map(|start| plan::begins(view, start));
    let coverage = platform.jobs().coverage(view.id)?;
    let ready = |windows| convert::ready_until(windows, begins).map(convert::time_to_proto);
    Ok(GetLatestReadyTimeResponse {
        online_latest_ready_time: ready(&coverage.online),
        offline_latest_ready_time: ready(&coverage.offline),
    })
}

fn no_services() -> Fault {
    Fault::invalid("This deployment has no feature services. Name a feature view instead.")
}

fn id_of(id: Option<&ProtoId>) -> Id {
    id.map(convert::id_from_proto).unwrap_or_default()
}
