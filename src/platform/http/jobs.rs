//! Calls about materialization jobs and their status table (docs/wire.md sections 2.2 and 2.3).
//!
//! They give messages, for they are asked through two doors: the envelope, and plain JSON.

use super::fault::Fault;
use super::parts;
use crate::model::{Id, Job};
use crate::platform::Platform;
use crate::platform::definition::View;
use crate::wire::convert;
use crate::wire::proto::jobs as proto;
use crate::wire::proto::status::{GetMaterializationStatusRequest, GetMaterializationStatusResponse};

/// One row for each attempt of each job of a view, newest job first, of each the newest attempt first; a job without
/// attempts is one row as well. How many are shown is the client's matter.
pub(super) fn status(
    platform: &Platform,
    request: &GetMaterializationStatusRequest,
) -> Result<GetMaterializationStatusResponse, Fault> {
    let id = request.feature_package_id.as_ref().map(convert::id_from_proto).unwrap_or_default();
    let workspace = request.workspace.as_deref().unwrap_or_default();
    let view = platform.view_by_id(id).ok_or_else(|| parts::unknown_view(platform, workspace, &id.to_string()))?;
    let materialization_status = Some(convert::status_from_jobs(view.id, &platform.jobs().list(view.id)?));
    Ok(GetMaterializationStatusResponse { materialization_status })
}

/// Starts the job that a user asks for, or says why not.
pub(super) fn submit(
    platform: &Platform,
    request: &proto::MaterializationJobRequest,
) -> Result<proto::MaterializationJobResponse, Fault> {
    let trigger = convert::trigger_from_proto(request)
        .map_err(|part| Fault::invalid(format!("The request has no usable {part}. Set it and try again.")))?;
    let view = parts::view_of(platform, Some(&trigger.workspace), Some(&trigger.feature_view))?;
    let job = platform.jobs().trigger(view, &trigger)?;
    tracing::info!(
        workspace = view.workspace,
        feature_view = view.name,
        job = %job.id,
        start = %trigger.window.start,
        end = %trigger.window.end,
        overwrite = trigger.overwrite,
        "a job was asked for"
    );
    Ok(proto::MaterializationJobResponse { job: Some(convert::job_to_proto(&job)) })
}

/// All jobs of a view, newest first. A feature service has none of its own.
pub(super) fn list(platform: &Platform, request: &proto::ListJobsRequest) -> Result<proto::ListJobsResponse, Fault> {
    if let Some(service) = named(request.feature_service.as_ref()) {
        parts::service_named(platform, request.workspace.as_deref().unwrap_or_default(), service)?;
        return Ok(proto::ListJobsResponse::default());
    }
    let view = parts::view_of(platform, request.workspace.as_deref(), request.feature_view.as_deref())?;
    let jobs = platform.jobs().list(view.id)?.iter().map(convert::job_to_proto).collect();
    Ok(proto::ListJobsResponse { jobs })
}

/// One job of a view, by id.
pub(super) fn get(platform: &Platform, request: &proto::GetJobRequest) -> Result<proto::GetJobResponse, Fault> {
    let id = job_id(request.job_id.as_deref())?;
    let view = owner(platform, &request.workspace, &request.feature_view, &request.feature_service, id)?;
    let job = found(platform.jobs().get(view.id, id)?, id, view)?;
    Ok(proto::GetJobResponse { job: Some(convert::job_to_proto(&job)) })
}

/// Cancels a job; one that has ended is answered unchanged.
pub(super) fn cancel(
    platform: &Platform,
    request: &proto::CancelJobRequest,
) -> Result<proto::CancelJobResponse, Fault> {
    let id = job_id(request.job_id.as_deref())?;
    let view = owner(platform, &request.workspace, &request.feature_view, &request.feature_service, id)?;
    let job = found(platform.jobs().cancel(view.id, id)?, id, view)?;
    tracing::info!(workspace = view.workspace, feature_view = view.name, job = %id, "a cancellation was asked for");
    Ok(proto::CancelJobResponse { job: Some(convert::job_to_proto(&job)) })
}

/// The view whose job it is to be. A feature service has no jobs.
fn owner<'a>(
    platform: &'a Platform,
    workspace: &Option<String>,
    view: &Option<String>,
    service: &Option<String>,
    job: Id,
) -> Result<&'a View, Fault> {
    match named(service.as_ref()) {
        Some(service) => Err(Fault::invalid(format!(
            "Feature service `{service}` has no job {job}: jobs belong to feature views here. Name the feature view of the job."
        ))),
        None => parts::view_of(platform, workspace.as_deref(), view.as_deref()),
    }
}

fn named(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}

fn job_id(text: Option<&str>) -> Result<Id, Fault> {
    text.unwrap_or_default().parse().map_err(|error| Fault::invalid(format!("job_id: {error}.")))
}

fn found(job: Option<Job>, id: Id, view: &View) -> Result<Job, Fault> {
    job.ok_or_else(|| {
        Fault::invalid(format!("Feature view `{}` has no job {id}. List its jobs to see them.", view.name))
    })
}
