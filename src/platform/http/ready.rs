//! Calls about which windows are ready to be served, of a view or of all views of a feature service (docs/messages.md
//! sections 6 and 7).

use super::fault::Fault;
use super::parts;
use crate::model::{BatchTrigger, Coverage, Id, Time, Window};
use crate::platform::Platform;
use crate::platform::definition::{FeatureService, View};
use crate::platform::jobs::{kept, plan};
use crate::wire::convert;
use crate::wire::proto::jobs::{GetLatestReadyTimeRequest, GetLatestReadyTimeResponse};
use crate::wire::proto::serving::{GetServingStatusRequest, GetServingStatusResponse};

/// Which windows of a view are ready in which store; of a feature service, those that are ready for each of its views.
pub(super) fn serving_status(
    platform: &Platform,
    request: &GetServingStatusRequest,
) -> Result<GetServingStatusResponse, Fault> {
    let workspace = request.workspace.as_deref().unwrap_or_default();
    let views = match request.feature_service_id.as_ref().map(convert::id_from_proto) {
        Some(id) => views_of(service_by_id(platform, workspace, id)?),
        None => {
            let id = request.feature_package_id.as_ref().map(convert::id_from_proto).unwrap_or_default();
            let view = platform.view_by_id(id);
            vec![view.ok_or_else(|| parts::unknown_view(platform, workspace, &id.to_string()))?.as_ref()]
        }
    };
    let coverages = views.iter().map(|view| platform.jobs().coverage(view.id)).collect::<Result<Vec<_>, _>>()?;
    let coverage = coverages.into_iter().reduce(shared).unwrap_or_default();
    Ok(GetServingStatusResponse { serving_status_summary: Some(convert::coverage_to_proto(&coverage)) })
}

/// Up to when each store is ready: of a view, or of that view of a feature service that is the last. A view with a
/// schedule is ready up to its first gap since its features begin, for the schedule fills it. A manual view has the
/// windows that somebody asked for and gaps in between that nobody fills: it is ready up to the end of the last of
/// them. What is missing before is told by [`serving_status`].
pub(super) fn latest_ready_time(
    platform: &Platform,
    request: &GetLatestReadyTimeRequest,
) -> Result<GetLatestReadyTimeResponse, Fault> {
    let workspace = request.workspace.as_deref().unwrap_or_default();
    let service = request.feature_service.as_deref().filter(|service| !service.is_empty());
    let views = match service {
        Some(name) => views_of(parts::service_named(platform, workspace, name)?),
        None => vec![parts::view_of(platform, Some(workspace), request.feature_view.as_deref())?],
    };
    let times = views.into_iter().map(|view| times(platform, view)).collect::<Result<Vec<_>, _>>()?;
    // A store is ready no further than its last view, and not at all before each view has begun.
    let least = |of: fn(&[Option<Time>; 2]) -> Option<Time>| {
        let each: Option<Vec<Time>> = times.iter().map(of).collect();
        each.and_then(|times| times.into_iter().min()).map(convert::time_to_proto)
    };
    Ok(GetLatestReadyTimeResponse {
        online_latest_ready_time: least(|[online, _]| *online),
        offline_latest_ready_time: least(|[_, offline]| *offline),
    })
}

fn service_by_id<'a>(platform: &'a Platform, workspace: &str, id: Id) -> Result<&'a FeatureService, Fault> {
    let service = platform.repository().services.iter().find(|service| service.id == id).map(AsRef::as_ref);
    service.ok_or_else(|| parts::unknown_service(platform, workspace, &id.to_string()))
}

fn views_of(service: &FeatureService) -> Vec<&View> {
    service.items.iter().map(|item| item.view.as_ref()).collect()
}

/// Up to when a view is ready, online and offline.
fn times(platform: &Platform, view: &View) -> Result<[Option<Time>; 2], Fault> {
    let start = platform.jobs().applied(view.id).and_then(|applied| applied.feature_start);
    let begins = start.map(|start| plan::begins(view, start));
    // What is kept of a stream begins later than the features may, and is planned from then on.
    let begins = begins.max(kept::begins(view).ok().flatten().filter(|_| begins.is_some()));
    let coverage = platform.jobs().coverage(view.id)?;
    let ready = |windows: &Vec<Window>| match view.batch_trigger {
        BatchTrigger::Scheduled => convert::ready_until(windows, begins),
        _ => windows.iter().map(|window| window.end).max(),
    };
    Ok([ready(&coverage.online), ready(&coverage.offline)])
}

fn shared(a: Coverage, b: Coverage) -> Coverage {
    Coverage { online: common(&a.online, &b.online), offline: common(&a.offline, &b.offline) }
}

/// What lies in windows of both lists. Each is in order, none of its windows touching another.
fn common(a: &[Window], b: &[Window]) -> Vec<Window> {
    let both = |a: &Window| {
        let meet = b.iter().filter(|b| b.overlaps(a));
        meet.map(|b| Window { start: a.start.max(b.start), end: a.end.min(b.end) }).collect::<Vec<_>>()
    };
    a.iter().flat_map(both).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::from_micros;

    #[test]
    fn what_is_ready_for_both_is_where_both_lists_are() {
        let windows = |list: &[(i64, i64)]| -> Vec<Window> {
            list.iter().map(|(start, end)| Window { start: from_micros(*start), end: from_micros(*end) }).collect()
        };
        let a = windows(&[(0, 10), (20, 30)]);
        assert_eq!(common(&a, &windows(&[(2, 4), (6, 22), (30, 40)])), windows(&[(2, 4), (6, 10), (20, 22)]));
        assert_eq!(common(&a, &[]), []);
    }
}
