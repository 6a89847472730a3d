//! Calls about the jobs of many views at once: filtered and paged, or the status tables of all views (docs/wire.md
//! section 2.2, across views).
//!
//! Views that the repository no longer defines are left out, as they are by every other call.

use super::fault::Fault;
use crate::model::{Id, JobType, Span, Time};
use crate::platform::Platform;
use crate::platform::jobs::filter::{Bounds, Filter, Section};
use crate::platform::jobs::search::Page;
use crate::wire::convert;
use crate::wire::proto::enums::{SortDirection, StatusState, WorkType};
use crate::wire::proto::fleet as proto;

mod token;

/// Jobs of a page when the request does not say how many.
const PER_PAGE: u32 = 50;
/// Most jobs of a page; whoever asks for more gets so many.
const MOST_PER_PAGE: u32 = 1_000;
/// The one key that jobs are sorted by: when they were made.
const SORT_KEY: &str = "created_at";

/// The jobs that the filters let through, newest first, a page at a time.
///
/// # Errors
/// Code 3 for a sort key or a page token that is not of this deployment, or of other filters.
pub(super) fn jobs(platform: &Platform, request: &proto::GetJobsRequest) -> Result<proto::GetJobsResponse, Fault> {
    let asked = request.pagination.clone().unwrap_or_default();
    let key = asked.sort_key.as_deref().unwrap_or_default();
    if !["", SORT_KEY].contains(&key) {
        return Err(Fault::invalid(format!("Jobs cannot be sorted by `{key}` here. Sort them by `{SORT_KEY}`.")));
    }
    let oldest_first = asked.sort_direction == Some(SortDirection::Asc.into());
    let (number, section) = section(request, &asked, oldest_first)?;
    let page = platform.jobs().search(&filter(platform, request), section)?;
    let next_page_token = page.next.map(|place| token::write(request, oldest_first, number.saturating_add(1), place));
    Ok(proto::GetJobsResponse {
        pagination: Some(proto::PaginationResponse {
            page: Some(number),
            per_page: u32::try_from(section.size).ok(),
            total: Some(u32::try_from(page.total).unwrap_or(u32::MAX)),
            next_page_token,
            sort_key: Some(SORT_KEY.to_owned()),
            sort_direction: Some(if oldest_first { SortDirection::Asc } else { SortDirection::Desc }.into()),
        }),
        tasks_with_attempts: tasks(&page),
    })
}

/// The status table of every view in a live workspace; of jobs that have ended, those that changed in the last
/// `cut_off_days`, or all when there is no such number.
pub(super) fn statuses(
    platform: &Platform,
    request: &proto::GetAllMaterializationStatusInLiveWorkspacesRequest,
) -> Result<proto::GetAllMaterializationStatusInLiveWorkspacesResponse, Fault> {
    let days = request.cut_off_days.filter(|days| *days > 0);
    let since = days.and_then(|days| platform.clock().now().checked_sub_signed(Span::days(days.into())));
    let views = platform.repository().views.iter().filter(|view| view.live);
    let tables = views.map(|view| {
        let jobs = platform.jobs().recent(view.id, since)?;
        Ok(convert::view_status_to_proto(view.id, &view.workspace, &jobs))
    });
    Ok(proto::GetAllMaterializationStatusInLiveWorkspacesResponse {
        feature_view_materialization_status: tables.collect::<Result<_, Fault>>()?,
    })
}

/// The number of the page that is asked for, from 1, and where it is.
fn section(
    request: &proto::GetJobsRequest,
    asked: &proto::PaginationRequest,
    oldest_first: bool,
) -> Result<(u32, Section), Fault> {
    let size = asked.per_page.filter(|size| *size > 0).unwrap_or(PER_PAGE).min(MOST_PER_PAGE);
    let token = asked.page_token.as_deref().filter(|token| !token.is_empty());
    let (number, after) = match token {
        Some(token) => token::read(request, oldest_first, token).map(|(number, place)| (number, Some(place)))?,
        None => (asked.page.unwrap_or_default().max(1), None),
    };
    let passed = if after.is_some() { 0 } else { u64::from(number - 1) * u64::from(size) };
    let section = Section {
        oldest_first,
        after,
        skip: usize::try_from(passed).unwrap_or(usize::MAX),
        size: usize::try_from(size).unwrap_or(usize::MAX),
        allowed: request.include_update_materialization_flags == Some(true),
    };
    Ok((number, section))
}

fn tasks(page: &Page) -> Vec<proto::TaskWithAttempts> {
    page.jobs.iter().map(|found| convert::task_to_proto(found.view, &found.job, found.by_user)).collect()
}

fn filter(platform: &Platform, request: &proto::GetJobsRequest) -> Filter {
    Filter {
        views: views(platform, request),
        states: any(&request.statuses, |number| StatusState::try_from(number).ok()),
        types: any(&request.task_type, job_type),
        attempts: request.num_attempts.map(|range| Bounds { from: range.start, until: range.end }).unwrap_or_default(),
        changed: times(request.last_task_state_change),
        starts: times(request.feature_start_time),
        ends: times(request.feature_end_time),
        duration: request
            .duration
            .map(|range| Bounds {
                from: range.start.map(convert::span_from_proto),
                until: range.end.map(convert::span_from_proto),
            })
            .unwrap_or_default(),
        by_user: request.manually_triggered,
        online: request.writes_online,
        offline: request.writes_offline,
    }
}

/// The views that are meant, of every workspace or of those named. No job here belongs to a feature service: whoever
/// names services alone gets none.
fn views(platform: &Platform, request: &proto::GetJobsRequest) -> Vec<Id> {
    let among = |names: &[String], name: &String| names.is_empty() || names.contains(name);
    let services_alone = !request.feature_services.is_empty() && request.feature_views.is_empty();
    let views = platform.repository().views.iter().filter(|view| {
        !services_alone && among(&request.workspaces, &view.workspace) && among(&request.feature_views, &view.name)
    });
    views.map(|view| view.id).collect()
}

/// The choices that this deployment knows; nothing is as good as all of them, but unknown ones alone are none.
fn any<T>(numbers: &[i32], known: impl Fn(i32) -> Option<T>) -> Option<Vec<T>> {
    (!numbers.is_empty()).then(|| numbers.iter().filter_map(|number| known(*number)).collect())
}

fn job_type(number: i32) -> Option<JobType> {
    match WorkType::try_from(number) {
        Ok(WorkType::Batch) => Some(JobType::Batch),
        Ok(WorkType::Streaming) => Some(JobType::Stream),
        Ok(WorkType::Ingest) => Some(JobType::Ingest),
        Ok(WorkType::Deletion) => Some(JobType::Deletion),
        _ => None,
    }
}

fn times(range: Option<proto::DateTimeRange>) -> Bounds<Time> {
    let range = range.unwrap_or_default();
    Bounds { from: range.start.and_then(convert::time_from_proto), until: range.end.and_then(convert::time_from_proto) }
}
