//! Calls about one job or one attempt: another try, stages, log, attempts (docs/wire.md section 2.2).
//!
//! A job that may not be tried again is told by `error_message` of an answer that is well (code 0).

use super::fault::Fault;
use crate::model::{Id, Job, JobType, TriggerRequest};
use crate::platform::Platform;
use crate::platform::jobs::{FoundAttempt, JobsError};
use crate::wire::convert;
use crate::wire::proto::common::Id as ProtoId;
use crate::wire::proto::tasks as proto;
use crate::wire::proxy::Response;

/// Queues another attempt of a job that has failed for good.
pub(super) fn force_retry(
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

/// Starts a new job over the window of one that has ended, which replaces what is there; of a stream job that has
/// ended, one that goes on where it stopped.
pub(super) fn restart(
    platform: &Platform,
    request: &proto::RestartMaterializationTaskRequest,
) -> Result<Response, Fault> {
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
    if job.job_type == JobType::Stream {
        return platform.jobs().start_stream(id);
    }
    let Some(window) = job.window.filter(|_| convert::can_restart(&job)) else {
        return Err(JobsError::Refused(format!(
            "Job {id} is a {} job in state {}: only batch and stream jobs that have ended can be started again.",
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
pub(super) fn details(platform: &Platform, request: &proto::GetJobDetailsRequest) -> Result<Response, Fault> {
    let found = detail_of(platform, request.tecton_managed_attempt_id.as_ref())?;
    Ok(Response::ok(&convert::details_to_proto(found.view, &found.job, &found.detail)))
}

/// The log of an attempt.
pub(super) fn logs(platform: &Platform, request: &proto::GetJobLogsRequest) -> Result<Response, Fault> {
    let found = detail_of(platform, request.tecton_managed_attempt_id.as_ref())?;
    Ok(Response::ok(&convert::logs_to_proto(found.view, &found.job.workspace, &found.detail)))
}

fn detail_of(platform: &Platform, id: Option<&ProtoId>) -> Result<FoundAttempt, Fault> {
    let id = id_of(id);
    let none = || Fault::invalid(format!("There is no attempt {id}. List the jobs of its view to see their attempts."));
    platform.jobs().attempt(id)?.ok_or_else(none)
}

/// The attempts of one job.
pub(super) fn status(platform: &Platform, request: &proto::GetJobStatusRequest) -> Result<Response, Fault> {
    let id = id_of(request.task_id.as_ref());
    let unknown = || Fault::invalid(format!("There is no job {id}. List the jobs of its view to see them."));
    let (view, job) = platform.jobs().find(id)?.ok_or_else(unknown)?;
    if request.workspace.as_ref().is_some_and(|workspace| !workspace.is_empty() && *workspace != job.workspace) {
        return Err(unknown());
    }
    let status = Some(convert::status_from_jobs(view, &[job]));
    Ok(Response::ok(&proto::GetJobStatusResponse { status }))
}

fn id_of(id: Option<&ProtoId>) -> Id {
    id.map(convert::id_from_proto).unwrap_or_default()
}
