//! The jobs of all views of a workspace: in one paged call where the deployment has it, else view by view (docs/wire.md
//! section 2.2, across views).

use std::collections::HashSet;

use futures::stream::{self, StreamExt, TryStreamExt};

use super::{Api, KnownJobs};
use crate::client::error::{Error, Kind};
use crate::client::scrub::Scrub;
use crate::model::{FeatureView, Id, Job, JobState, JobType, Time};
use crate::wire::convert as c;
use crate::wire::proto::enums::{StatusState, WorkType};
use crate::wire::proto::fleet as f;
use crate::wire::rpc;

/// Jobs of one page.
const PER_PAGE: u32 = 1_000;
/// Jobs that are shown while the rest of them takes long to come.
const AHEAD: u32 = 200;
/// Views that are asked for at the same time.
const AT_ONCE: usize = 8;

/// Which jobs are wanted; an empty list is as good as all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Where they stand, any of these.
    pub states: Vec<JobState>,
    /// What they do, any of these.
    pub types: Vec<JobType>,
    /// When they changed last: then or later.
    pub since: Option<Time>,
}

impl JobFilter {
    /// Whether the job is wanted.
    pub fn fits(&self, job: &Job) -> bool {
        let alike = |state: &JobState| *state == job.state || shares_status(state, &job.state);
        (self.states.is_empty() || self.states.iter().any(alike))
            && (self.types.is_empty() || self.types.contains(&job.job_type))
            && self.since.is_none_or(|since| job.updated_at.is_some_and(|at| since <= at))
    }

    /// The filters of a call. What has no number in the protocol is left to [`JobFilter::fits`].
    fn request(&self, workspace: &str) -> f::GetJobsRequest {
        let states = self.states.iter().all(|state| !statuses(state).is_empty());
        let types: Option<Vec<i32>> = self.types.iter().map(|kind| work_type(kind).map(Into::into)).collect();
        f::GetJobsRequest {
            workspaces: vec![workspace.to_owned()],
            statuses: self.states.iter().filter(|_| states).flat_map(statuses).map(|s| (*s).into()).collect(),
            task_type: types.unwrap_or_default(),
            last_task_state_change: self
                .since
                .map(|since| f::DateTimeRange { start: Some(c::time_to_proto(since)), end: None }),
            include_update_materialization_flags: Some(true),
            ..Default::default()
        }
    }
}

/// What a job in that state is called by the calls about tasks.
fn statuses(state: &JobState) -> &'static [StatusState] {
    match state {
        JobState::Scheduled => &[StatusState::Scheduled],
        JobState::Running | JobState::ManualRetry => &[StatusState::Pending, StatusState::Running],
        JobState::Success => &[StatusState::Success],
        JobState::Failure => &[StatusState::Error],
        JobState::CancellationRequested => &[StatusState::ManualCancellationRequested],
        JobState::Cancelled => &[StatusState::ManuallyCancelled],
        JobState::Draining | JobState::Drained => &[StatusState::Drained],
        JobState::Other(_) => &[],
    }
}

fn shares_status(a: &JobState, b: &JobState) -> bool {
    statuses(a).iter().any(|status| statuses(b).contains(status))
}

fn work_type(kind: &JobType) -> Option<WorkType> {
    match kind {
        JobType::Batch => Some(WorkType::Batch),
        JobType::Stream => Some(WorkType::Streaming),
        JobType::Ingest => Some(WorkType::Ingest),
        JobType::Deletion => Some(WorkType::Deletion),
        JobType::Other(_) => None,
    }
}

impl Api {
    /// The jobs of all views of a workspace that are wanted, newest first. A deployment that does not have the call for
    /// it is asked view by view, and is not asked again whether it has.
    pub async fn all_jobs(&self, workspace: &str, filter: &JobFilter) -> Result<KnownJobs, Error> {
        let mut fleet = match self.paged(workspace, filter).await {
            Err(error) if error.kind == Kind::Unimplemented => self.view_by_view(workspace).await?,
            other => KnownJobs { jobs: other?, table_problem: None },
        };
        fleet.jobs.retain(|job| filter.fits(job));
        sort(&mut fleet.jobs);
        Ok(fleet)
    }

    /// The jobs of all views of a workspace whose ids begin like these, newest first. A deployment that does not have
    /// the call for all jobs is asked for the list of each view, and for the rest of those views alone that have such
    /// jobs; where the ids are whole, until all are found.
    pub async fn jobs_like(&self, workspace: &str, beginnings: &[String]) -> Result<KnownJobs, Error> {
        let fits = |job: &Job| beginnings.iter().any(|beginning| job.id.to_string().starts_with(beginning));
        let mut fleet = match self.paged(workspace, &JobFilter::default()).await {
            Err(error) if error.kind == Kind::Unimplemented => self.like_in_views(workspace, beginnings, fits).await?,
            other => KnownJobs { jobs: other?, table_problem: None },
        };
        fleet.jobs.retain(fits);
        sort(&mut fleet.jobs);
        Ok(fleet)
    }

    /// The first jobs of one view, in one page, and how many there are where the deployment says so.
    pub(in crate::client) async fn first_jobs(
        &self,
        workspace: &str,
        feature_view: &str,
    ) -> Result<(Vec<Job>, Option<u64>), Error> {
        let mut request = JobFilter::default().request(workspace);
        request.feature_views = vec![feature_view.to_owned()];
        request.pagination = Some(f::PaginationRequest { per_page: Some(AHEAD), ..Default::default() });
        let answer: f::GetJobsResponse = self.read(rpc::GET_JOBS, &request).await?;
        let found = answer.tasks_with_attempts.iter().filter_map(c::task_from_proto);
        // Whatever the deployment makes of the filter.
        let mut jobs: Vec<Job> = found.filter(|job| job.feature_view == feature_view).collect();
        sort(&mut jobs);
        Ok((jobs.scrubbed(), answer.pagination.and_then(|pages| pages.total).map(u64::from)))
    }

    async fn like_in_views(
        &self,
        workspace: &str,
        beginnings: &[String],
        fits: impl Fn(&Job) -> bool,
    ) -> Result<KnownJobs, Error> {
        let views = self.feature_views(workspace).await?;
        let whole = beginnings.iter().all(|id| id.len() == Id(0).to_string().len());
        let wanted = beginnings.iter().collect::<HashSet<_>>().len();
        let calls = views.iter().map(|view| async move {
            let jobs = match self.list(workspace, &view.name).await {
                // The status table knows every job as well.
                Err(error) if matches!(error.kind, Kind::Unimplemented | Kind::Forbidden) => {
                    self.jobs(workspace, &view.name, view.id).await?
                }
                listed => listed?,
            };
            Ok::<_, Error>((view, jobs))
        });
        let (mut found, mut hits) = (0, Vec::new());
        let mut lists = stream::iter(calls).buffer_unordered(AT_ONCE);
        while let Some((view, jobs)) = lists.try_next().await? {
            let here = jobs.iter().filter(|job| fits(job)).count();
            found += here;
            hits.extend((here > 0).then_some(view));
            if whole && found >= wanted {
                break;
            }
        }
        drop(lists);
        self.known_jobs_of(workspace, &hits).await
    }

    /// All pages; of a job that comes on two of them, for the list moved meanwhile, what the first one said.
    async fn paged(&self, workspace: &str, filter: &JobFilter) -> Result<Vec<Job>, Error> {
        let mut request = filter.request(workspace);
        let mut page = f::PaginationRequest { per_page: Some(PER_PAGE), ..Default::default() };
        let mut seen: HashSet<Id> = HashSet::new();
        let mut jobs = Vec::new();
        loop {
            request.pagination = Some(page.clone());
            let answer: f::GetJobsResponse = self.read(rpc::GET_JOBS, &request).await?;
            let found = answer.tasks_with_attempts.iter().filter_map(c::task_from_proto);
            let new: Vec<Job> = found.filter(|job| seen.insert(job.id)).collect();
            let nothing_new = new.is_empty();
            jobs.extend(new.scrubbed());
            let pages = answer.pagination.unwrap_or_default();
            match following(&page, &pages, seen.len()) {
                Some(next) if !nothing_new => page = next,
                _ => return Ok(jobs),
            }
        }
    }

    async fn view_by_view(&self, workspace: &str) -> Result<KnownJobs, Error> {
        let views = self.feature_views(workspace).await?;
        self.known_jobs_of(workspace, &views.iter().collect::<Vec<_>>()).await
    }

    /// All jobs of these views; of the status tables that are not to be had, what is wrong with the first one.
    async fn known_jobs_of(&self, workspace: &str, views: &[&FeatureView]) -> Result<KnownJobs, Error> {
        let calls = views.iter().map(|view| self.known_jobs(workspace, &view.name, view.id));
        let lists: Vec<KnownJobs> = stream::iter(calls).buffered(AT_ONCE).try_collect().await?;
        let mut all = KnownJobs::default();
        for view in lists {
            all.jobs.extend(view.jobs);
            all.table_problem = all.table_problem.or(view.table_problem);
        }
        Ok(all)
    }
}

/// The newest first.
fn sort(jobs: &mut [Job]) {
    jobs.sort_by_key(|job| std::cmp::Reverse((job.created_at, job.window, job.id)));
}

/// The page after this one: by its token, or by its number where the deployment gives no tokens but says that there are
/// more.
fn following(page: &f::PaginationRequest, pages: &f::PaginationResponse, seen: usize) -> Option<f::PaginationRequest> {
    let token = pages.next_page_token.clone().filter(|token| !token.is_empty());
    let more = pages.total.and_then(|total| usize::try_from(total).ok()).is_some_and(|total| seen < total);
    let by_number = page.page_token.is_none() && more;
    let number = by_number.then(|| pages.page.or(page.page).unwrap_or(1).saturating_add(1));
    (token.is_some() || number.is_some()).then(|| f::PaginationRequest {
        page: number.filter(|_| token.is_none()),
        page_token: token,
        ..page.clone()
    })
}

#[cfg(test)]
mod tests;
