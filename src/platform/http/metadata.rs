//! Calls about the deployment, its workspaces and its feature views.
//!
//! What is not there is said in the ways of docs/wire.md section 2 (empty containers and messages), for code 5 misleads
//! the users of older clients.

use super::fault::Fault;
use super::{parts, summary as rows};
use crate::model::{Freshness, Span, clean};
use crate::platform::Platform;
use crate::platform::definition::View;
use crate::platform::registry::WORKSPACES;
use crate::wire::proto::common::FcoLocator;
use crate::wire::proto::status as proto;
use crate::wire::proto::view::{
    GetFeatureViewRequest, GetFeatureViewResponse, QueryFeatureViewsRequest, QueryFeatureViewsResponse,
};
use crate::wire::proto::workspace::{
    CreateWorkspaceRequest, DeleteWorkspaceRequest, GetConfigsResponse, GetWorkspaceRequest, GetWorkspaceResponse,
    ListWorkspacesResponse,
};
use crate::wire::proxy::Response;
use crate::wire::{convert, status};

/// Most characters of a name that a refusal repeats.
const SHOWN: usize = 128;

/// The announcement of what the protocol has no call for, and what the console should tell its user. Clients of 1.x
/// compute history themselves and ask where: with Spark, else they stop at the setting and never name what they lack
/// (docs/wire.md section 1.7).
pub(super) fn configs(platform: &Platform) -> Result<Response, Fault> {
    let errors = platform.repository().errors.iter();
    let notices: Vec<String> = errors.map(parts::error_line).collect();
    Ok(Response::ok(&convert::configs_to_proto(&[
        ("FVTOP_API", "/v1/fvtop"),
        ("FVTOP_NOTICES", &notices.join("\n")),
        ("FVTOP_REFUSED", &parts::refused(platform.repository())),
        ("FVTOP_VERSION", env!("CARGO_PKG_VERSION")),
        ("TECTON_BATCH_COMPUTE_MODE", "spark"),
        ("TECTON_OFFLINE_RETRIEVAL_COMPUTE_MODE", "spark"),
    ])))
}

/// How to log in: there is no login but by API keys.
pub(super) fn login_configs() -> GetConfigsResponse {
    convert::configs_to_proto(&[])
}

/// All workspaces of the repository.
pub(super) fn list_workspaces(platform: &Platform) -> Result<Response, Fault> {
    let workspaces = platform.repository().workspaces.iter().map(convert::workspace_to_proto).collect();
    Ok(Response::ok(&ListWorkspacesResponse { workspaces }))
}

/// One workspace; an empty message for an unknown name (docs/wire.md section 2.5).
pub(super) fn get_workspace(platform: &Platform, request: &GetWorkspaceRequest) -> Result<Response, Fault> {
    let name = request.workspace_name.as_deref().unwrap_or_default();
    let workspace = platform.repository().workspaces.iter().find(|workspace| workspace.name == name);
    Ok(Response::ok(&GetWorkspaceResponse { workspace: workspace.map(convert::workspace_to_proto) }))
}

/// Refuses to make a workspace: the repository says which there are.
pub(super) fn create_workspace(platform: &Platform, request: &CreateWorkspaceRequest) -> Result<Response, Fault> {
    let name = shown(request.workspace_name.as_deref());
    let live = request.capabilities.as_ref().and_then(|c| c.materializable).unwrap_or(false);
    let change = format!("Add a table [[workspace]] with name = \"{name}\" and live = {live} to it");
    Err(in_repository(platform, &format!("The workspace `{name}` was not made"), &change))
}

/// Refuses to delete a workspace, like the above.
pub(super) fn delete_workspace(platform: &Platform, request: &DeleteWorkspaceRequest) -> Result<Response, Fault> {
    let name = shown(request.workspace.as_deref());
    let change = format!("Remove the table [[workspace]] with name = \"{name}\" from it");
    Err(in_repository(platform, &format!("The workspace `{name}` was not deleted"), &change))
}

/// A name that a caller gave, fit to be repeated.
fn shown(name: Option<&str>) -> String {
    clean(name.unwrap_or_default()).chars().take(SHOWN).collect()
}

fn in_repository(platform: &Platform, what: &str, change: &str) -> Fault {
    let file = platform.repository().root.join(WORKSPACES);
    let sentence = format!(
        "{what}: the workspaces of this deployment are those that {} names. {change}, then start the deployment again.",
        file.display()
    );
    Fault::new(status::FAILED_PRECONDITION, sentence)
}

/// One view by name or id; an empty container when there is none (docs/wire.md section 2.1).
pub(super) fn get_feature_view(platform: &Platform, request: &GetFeatureViewRequest) -> Result<Response, Fault> {
    let workspace = request.workspace.as_deref().unwrap_or_default();
    let by_id = || request.id.as_ref().map(|id| convert::id_from_proto(id).to_string());
    let asked = request.version_specifier.clone().or_else(by_id).unwrap_or_default();
    let found: Vec<_> = platform.view(workspace, &asked).map(|view| parts::view(platform, view)).into_iter().collect();
    let fco_container = Some(convert::container_of(&found, workspace));
    Ok(Response::ok(&GetFeatureViewResponse { fco_container, ..Default::default() }))
}

/// The views of a workspace, all or one by name.
pub(super) fn query_feature_views(platform: &Platform, request: &QueryFeatureViewsRequest) -> Result<Response, Fault> {
    let workspace = request.workspace.as_deref().unwrap_or_default();
    let name = request.name.as_deref().filter(|name| !name.is_empty());
    let views = platform.repository().views.iter().filter(|view| view.workspace == workspace);
    let asked = views.filter(|view| name.is_none_or(|name| view.name == name));
    let found: Vec<_> = asked.map(|view| parts::view(platform, view)).collect();
    let fco_container = Some(convert::container_of(&found, workspace));
    Ok(Response::ok(&QueryFeatureViewsResponse { fco_container }))
}

/// The rows of a view's summary (docs/wire.md section 2.4).
pub(super) fn summary(platform: &Platform, request: &proto::GetFeatureViewSummaryRequest) -> Result<Response, Fault> {
    let view = located(platform, request.fco_locator.as_ref())?;
    let (model, freshness) = (parts::model(platform, view), freshness_of(platform, view)?);
    let mut items = rows::items(view, &model, &freshness);
    let lost = platform.jobs().ledger(view.id).map(|ledger| ledger.known()).transpose()?;
    let lost = lost.map(|known| known.lost).unwrap_or_default();
    items.extend(rows::trouble(platform.online().trouble(), &platform.online().missing(view.id)?, &lost));
    items.extend(rows::late(platform.jobs().late(view)?.sentence(view)));
    let fco_summary = Some(convert::summary_to_proto(&model, items));
    Ok(Response::ok(&proto::GetFeatureViewSummaryResponse { fco_summary }))
}

/// How fresh a view is.
pub(super) fn freshness(platform: &Platform, request: &proto::GetFeatureFreshnessRequest) -> Result<Response, Fault> {
    let view = located(platform, request.fco_locator.as_ref())?;
    let freshness = freshness_of(platform, view)?;
    let freshness_status = Some(convert::freshness_to_proto(view.id, &freshness));
    Ok(Response::ok(&proto::GetFeatureFreshnessResponse { freshness_status }))
}

/// How fresh all views of a workspace are; an empty list for an unknown one.
pub(super) fn all_freshness(
    platform: &Platform,
    request: &proto::GetAllFeatureFreshnessRequest,
) -> Result<Response, Fault> {
    let workspace = request.workspace.as_deref().unwrap_or_default();
    let views = platform.repository().views.iter().filter(|view| view.workspace == workspace);
    let each = views.map(|view| Ok(convert::freshness_to_proto(view.id, &freshness_of(platform, view)?)));
    let freshness_statuses = each.collect::<Result<_, Fault>>()?;
    Ok(Response::ok(&proto::GetAllFeatureFreshnessResponse { freshness_statuses }))
}

/// The view that a locator names.
pub(super) fn located<'a>(platform: &'a Platform, locator: Option<&FcoLocator>) -> Result<&'a View, Fault> {
    let workspace = locator.and_then(|l| l.workspace.as_deref()).unwrap_or_default();
    let id = locator.and_then(|l| l.id.as_ref()).map(convert::id_from_proto);
    let by_id = id.and_then(|id| platform.view_by_id(id));
    let by_name = || locator.and_then(|l| l.name.as_deref()).and_then(|name| platform.view(workspace, name));
    by_id.or_else(by_name).map(AsRef::as_ref).ok_or_else(|| {
        let asked = locator.and_then(|l| l.name.clone()).or(id.map(|id| id.to_string())).unwrap_or_default();
        parts::unknown_view(platform, workspace, &asked)
    })
}

/// Whether the online store does not hold what it should, so that no age tells how old its values are.
fn is_held_up(platform: &Platform, view: &View) -> Result<bool, Fault> {
    let online = platform.online();
    Ok(view.live && view.online && (online.trouble().is_some() || !online.missing(view.id)?.is_empty()))
}

/// Freshness: the age of the newest event in the online store; without one, of the newest window that a job finished. A
/// view that does not say when it is stale is stale after its batch schedule and twice its data delay; and any while
/// the online store cannot be written, or has lost what jobs wrote.
pub(super) fn freshness_of(platform: &Platform, view: &View) -> Result<Freshness, Fault> {
    let mut latest = if view.online { platform.online().latest_event(view.id)? } else { None };
    if latest.is_none() && view.live {
        let coverage = platform.jobs().coverage(view.id)?;
        latest = coverage.online.iter().chain(&coverage.offline).map(|window| window.end).max();
    }
    // Clients read zero as "not known".
    let age = latest.map(|at| (platform.clock().now() - at).max(Span::seconds(1)));
    let expected = view.expected_freshness.unwrap_or_else(|| view.batch_schedule + view.max_data_delay() * 2);
    Ok(Freshness {
        feature_view: view.name.clone(),
        materialization_enabled: view.live && (view.online || view.offline),
        is_stream: view.is_stream(),
        is_stale: age.is_some_and(|age| age > expected) || is_held_up(platform, view)?,
        freshness: age,
        expected: Some(expected),
        created_at: platform.jobs().applied(view.id).map(|applied| applied.created_at),
    })
}
