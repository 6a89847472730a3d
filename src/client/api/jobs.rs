//! Calls about materialization jobs: the list, one job, start, cancel, another try, and what they did (docs/wire.md
//! sections 2.2 and 2.3).

use std::hash::BuildHasher;

use super::Api;
use crate::client::error::{Error, Kind};
use crate::client::message::Problem;
use crate::client::reply::Sealed;
use crate::client::scrub::Scrub;
use crate::client::transport::heavy;
use crate::model::{AttemptDetail, Coverage, Id, Job, StatusOptions, StatusTable, TriggerRequest};
use crate::wire::convert as c;
use crate::wire::proto::jobs as j;
use crate::wire::proto::serving as sv;
use crate::wire::proto::status as s;
use crate::wire::proto::tasks as t;
use crate::wire::rpc;

/// What stands in the log of an attempt where the deployment has none to give.
const NO_LOG: &str = "This deployment does not tell what its attempts did.";

/// What is known before the jobs are asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::client) struct Known {
    /// The mark of the jobs that are there already.
    pub mark: Option<u64>,
    /// The status table is not to be asked for.
    pub table_rests: bool,
}

/// What the two calls about jobs gave.
pub(in crate::client) struct Listing {
    /// The jobs and their mark; absent where they are those that were known already.
    pub news: Option<(Vec<Job>, u64)>,
    /// What became of the status table.
    pub table: Table,
}

/// Jobs, and what is not known of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KnownJobs {
    /// The jobs.
    pub jobs: Vec<Job>,
    /// Why the status table is not in them: without it nobody knows why attempts ended and what may be done with a job.
    pub table_problem: Option<Problem>,
}

/// What became of the status table, which tells why attempts ended and what may be done with a job.
pub(in crate::client) enum Table {
    /// It is in the jobs.
    Read,
    /// It was not asked for.
    Resting,
    /// It is not to be had.
    Failed(Error),
}

impl Api {
    /// All jobs of a view, newest first: the job list, joined with the status table. Where one of the two is not to be
    /// had, the other stands alone.
    pub async fn jobs(&self, workspace: &str, feature_view: &str, id: Id) -> Result<Vec<Job>, Error> {
        Ok(self.known_jobs(workspace, feature_view, id).await?.jobs)
    }

    /// The same, and why the status table is not in them, where it is not.
    pub async fn known_jobs(&self, workspace: &str, feature_view: &str, id: Id) -> Result<KnownJobs, Error> {
        let Listing { news, table } = self.listing(workspace, feature_view, id, Known::default()).await?;
        let table_problem = if let Table::Failed(error) = table { Some(error.problem) } else { None };
        Ok(KnownJobs { jobs: news.map(|(jobs, _)| jobs).unwrap_or_default(), table_problem })
    }

    /// As [`Api::jobs`], unless they are those whose mark is known: then nothing is decoded.
    pub(in crate::client) async fn listing(
        &self,
        workspace: &str,
        feature_view: &str,
        id: Id,
        known: Known,
    ) -> Result<Listing, Error> {
        let (list, table) = (list_request(workspace, feature_view), table_request(workspace, id));
        let table = async {
            match known.table_rests {
                true => None,
                false => Some(self.sealed(rpc::GET_MATERIALIZATION_STATUS, &table).await),
            }
        };
        let (list, mut table) = tokio::join!(self.sealed(rpc::LIST_MATERIALIZATION_JOBS, &list), table);
        let list = match list {
            Ok(list) => Some(list),
            // Every task has its rows in the table as well, so that the table is asked for now even where it was to
            // rest: without it nothing would be known of the jobs at all.
            Err(error) if matches!(error.kind, Kind::Unimplemented | Kind::Forbidden) => {
                if table.is_none() {
                    table = Some(self.sealed(rpc::GET_MATERIALIZATION_STATUS, &table_request(workspace, id)).await);
                }
                match table {
                    Some(Ok(_)) => None,
                    // Both are not to be had: the list says so. Else the table may be back in a while.
                    Some(Err(table)) if !matches!(table.kind, Kind::Unimplemented | Kind::Forbidden) => {
                        return Err(table);
                    }
                    _ => return Err(error),
                }
            }
            Err(error) => return Err(error),
        };
        let (sealed, table) = match table {
            None => (None, Table::Resting),
            Some(Ok(sealed)) => (Some(sealed), Table::Read),
            Some(Err(error)) => (None, Table::Failed(error)),
        };
        let marked = |table: Option<u64>| {
            foldhash::quality::FixedState::default().hash_one((list.as_ref().map(Sealed::mark), table))
        };
        let (mark, without_table) = (marked(sealed.as_ref().map(Sealed::mark)), marked(None));
        if known.mark == Some(mark) {
            return Ok(Listing { news: None, table });
        }
        let bytes = list.as_ref().map_or(0, Sealed::len) + sealed.as_ref().map_or(0, Sealed::len);
        let (workspace, feature_view) = (workspace.to_owned(), feature_view.to_owned());
        heavy(bytes, move || {
            let listed = list.is_some();
            let jobs = list.map(|list| list.decode::<j::ListJobsResponse>()).transpose()?.unwrap_or_default().jobs;
            let jobs = jobs.iter().filter_map(c::job_from_proto).collect();
            let status = sealed.map(|sealed| sealed.decode::<s::GetMaterializationStatusResponse>()).transpose();
            let (status, table, mark) = match status {
                Ok(status) => (status.and_then(|status| status.materialization_status), table, mark),
                // It is not in the jobs, nor in their mark: when it comes again it is found broken again.
                Err(error) if listed => (None, Table::Failed(error), without_table),
                Err(error) => return Err(error),
            };
            let mut jobs = c::join_status(jobs, status.as_ref(), &workspace, &feature_view).scrubbed();
            jobs.iter_mut().for_each(|job| job.allowed.unknown = !matches!(table, Table::Read));
            Ok(Listing { news: Some((jobs, mark)), table })
        })
        .await
    }

    /// The job list alone, as it came.
    pub(super) async fn list(&self, workspace: &str, feature_view: &str) -> Result<Vec<Job>, Error> {
        let request = list_request(workspace, feature_view);
        let answer: j::ListJobsResponse = self.read(rpc::LIST_MATERIALIZATION_JOBS, &request).await?;
        Ok(answer.jobs.iter().filter_map(c::job_from_proto).collect())
    }

    async fn attempts(&self, workspace: &str, id: Id) -> Result<s::GetMaterializationStatusResponse, Error> {
        self.read(rpc::GET_MATERIALIZATION_STATUS, &table_request(workspace, id)).await
    }

    /// One job of a view, without what only the status table tells (reasons, messages, progress).
    pub async fn job(&self, workspace: &str, feature_view: &str, job: Id) -> Result<Job, Error> {
        let request = j::GetJobRequest {
            job_id: Some(job.to_string()),
            workspace: Some(workspace.to_owned()),
            feature_view: Some(feature_view.to_owned()),
            ..Default::default()
        };
        let answer: j::GetJobResponse = self.read(rpc::GET_MATERIALIZATION_JOB, &request).await?;
        let none = || {
            let what = format!("{} has no job {job} of `{feature_view}`.", self.transport.label());
            Error::new(Kind::Answered, what, "Look at the job list.")
        };
        answer.job.as_ref().and_then(|job| whole(job, workspace, feature_view)).ok_or_else(none)
    }

    /// Starts a job. Never retried: it may have been taken although no answer came.
    pub async fn trigger(&self, trigger: &TriggerRequest) -> Result<Job, Error> {
        let request = c::trigger_to_proto(trigger);
        let answer: j::MaterializationJobResponse =
            self.transport.change(rpc::SUBMIT_MATERIALIZATION_JOB, &request).await?;
        self.taken(answer.job, &trigger.workspace, &trigger.feature_view)
    }

    /// Cancels a job. Cancelling again is harmless, and a job that has ended comes back as it is.
    pub async fn cancel(&self, workspace: &str, feature_view: &str, job: Id) -> Result<Job, Error> {
        let request = j::CancelJobRequest {
            job_id: Some(job.to_string()),
            workspace: Some(workspace.to_owned()),
            feature_view: Some(feature_view.to_owned()),
            ..Default::default()
        };
        let answer: j::CancelJobResponse = self.transport.change(rpc::CANCEL_MATERIALIZATION_JOB, &request).await?;
        self.taken(answer.job, workspace, feature_view)
    }

    /// Queues another attempt of a job that has failed for good; with `overwrite` also over what other jobs wrote
    /// since. A refusal comes as a text in an answer that is good otherwise (docs/wire.md section 2.2).
    pub async fn force_retry(&self, job: Id, overwrite: bool) -> Result<(), Error> {
        let request = t::ForceRetryMaterializationTaskRequest {
            materialization_task_id: Some(c::id_to_proto(job)),
            allow_overwrite: Some(overwrite),
        };
        let answer: t::ForceRetryMaterializationTaskResponse =
            self.transport.change(rpc::FORCE_RETRY_MATERIALIZATION_TASK, &request).await?;
        match answer.error_message.filter(|message| !message.is_empty()) {
            Some(refusal) => Err(Error::new(Kind::Answered, refusal, "")),
            None => Ok(()),
        }
    }

    /// Starts a new job in the place of one that has ended: over its window, or of the view's stream. Gives its id.
    pub async fn restart(&self, job: Id) -> Result<Id, Error> {
        let request = t::RestartMaterializationTaskRequest { materialization_task_id: Some(c::id_to_proto(job)) };
        let answer: t::RestartMaterializationTaskResponse =
            self.transport.change(rpc::RESTART_MATERIALIZATION_TASK, &request).await?;
        if let Some(refusal) = answer.error_message.filter(|message| !message.is_empty()) {
            return Err(Error::new(Kind::Answered, refusal, ""));
        }
        answer.new_materialization_task_id.as_ref().map(c::id_from_proto).ok_or_else(|| {
            let what = format!("{} took the request but did not say which job it is.", self.transport.label());
            Error::new(Kind::Answered, what, "Look at the job list.")
        })
    }

    /// What an attempt did: its stages and its log. A deployment that has neither call is asked once, and its detail
    /// says so.
    pub async fn detail(&self, attempt: Id) -> Result<AttemptDetail, Error> {
        let nothing = || AttemptDetail { attempt, log: vec![NO_LOG.to_owned()], ..AttemptDetail::default() };
        let id = || Some(c::id_to_proto(attempt));
        let details = t::GetJobDetailsRequest { tecton_managed_attempt_id: id() };
        let logs = t::GetJobLogsRequest { tecton_managed_attempt_id: id() };
        let (details, logs) = tokio::join!(
            self.read::<t::GetJobDetailsResponse>(rpc::GET_JOB_DETAILS, &details),
            self.read::<t::GetJobLogsResponse>(rpc::GET_JOB_LOGS, &logs)
        );
        let (details, logs) = (unless_unknown(details)?, unless_unknown(logs)?);
        if details.is_none() && logs.is_none() {
            return Ok(nothing());
        }
        Ok(c::detail_from_proto(attempt, details.as_ref(), logs.as_ref()).scrubbed())
    }

    /// Which windows of a view are materialized where.
    pub async fn coverage(&self, workspace: &str, id: Id) -> Result<Coverage, Error> {
        let request = sv::GetServingStatusRequest {
            feature_package_id: Some(c::id_to_proto(id)),
            workspace: Some(workspace.to_owned()),
            ..Default::default()
        };
        let answer: sv::GetServingStatusResponse = self.read(rpc::GET_SERVING_STATUS, &request).await?;
        Ok(c::coverage_from_proto(&answer.serving_status_summary.unwrap_or_default()))
    }

    /// The status table of a view, a row an attempt: `materialization_status`, or `deletion_status` by its options.
    pub async fn status(&self, workspace: &str, id: Id, options: &StatusOptions) -> Result<StatusTable, Error> {
        let status = self.attempts(workspace, id).await?.materialization_status.unwrap_or_default();
        let table = c::status_table::status_table(&status, options);
        table.map(Scrub::scrubbed).map_err(|error| {
            Error::new(Kind::Answered, format!("{error}."), "Name the columns in one list, separated by commas.")
        })
    }

    fn taken(&self, job: Option<j::MaterializationJob>, workspace: &str, feature_view: &str) -> Result<Job, Error> {
        job.as_ref().and_then(|job| whole(job, workspace, feature_view)).ok_or_else(|| {
            let what = format!("{} took the request but did not say which job it is.", self.transport.label());
            Error::new(Kind::Answered, what, "Look at the job list.")
        })
    }
}

fn list_request(workspace: &str, feature_view: &str) -> j::ListJobsRequest {
    j::ListJobsRequest {
        workspace: Some(workspace.to_owned()),
        feature_view: Some(feature_view.to_owned()),
        ..Default::default()
    }
}

fn table_request(workspace: &str, id: Id) -> s::GetMaterializationStatusRequest {
    s::GetMaterializationStatusRequest {
        feature_package_id: Some(c::id_to_proto(id)),
        workspace: Some(workspace.to_owned()),
        ..Default::default()
    }
}

/// A job of a message; older deployments leave out the view, for it was named in the call.
fn whole(job: &j::MaterializationJob, workspace: &str, feature_view: &str) -> Option<Job> {
    let mut job = c::job_from_proto(job)?.scrubbed();
    // That stands in the status table alone.
    job.allowed.unknown = true;
    for (part, known) in [(&mut job.workspace, workspace), (&mut job.feature_view, feature_view)] {
        if part.is_empty() {
            known.clone_into(part);
        }
    }
    Some(job)
}

/// An answer, or nothing where the deployment does not have the call.
fn unless_unknown<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Err(error) if error.kind == Kind::Unimplemented => Ok(None),
        other => other.map(Some),
    }
}
