//! Calls about what feature views refer to (entities, data sources, transformations), and about what refers to them
//! (feature services).
//!
//! The repository's entities and sources belong to each of its workspaces; a transformation belongs to its view. What
//! is not there is an empty list or container (docs/wire.md section 2.1).

use std::collections::HashSet;
use std::sync::Arc;

use super::fault::Fault;
use super::parts;
use crate::model::Id;
use crate::platform::Platform;
use crate::platform::definition::View;
use crate::wire::convert;
use crate::wire::proto::view::Fco;
use crate::wire::proto::{common, objects as proto, service as services};
use crate::wire::proxy::Response;

/// All entities of a workspace.
pub(super) fn entities(platform: &Platform, request: &proto::GetAllEntitiesRequest) -> Result<Response, Fault> {
    let workspace = known(platform, request.workspace.as_deref());
    let entities = workspace.into_iter().flat_map(|workspace| {
        let entities = platform.repository().entities.iter();
        entities.map(move |entity| convert::entity_to_proto(&parts::entity(entity), workspace))
    });
    Ok(Response::ok(&proto::GetAllEntitiesResponse { entities: entities.collect() }))
}

/// All data sources of a workspace.
pub(super) fn sources(
    platform: &Platform,
    request: &proto::GetAllVirtualDataSourcesRequest,
) -> Result<Response, Fault> {
    let workspace = known(platform, request.workspace.as_deref());
    let sources = workspace.into_iter().flat_map(|workspace| {
        let sources = platform.repository().sources.iter();
        sources.map(move |source| convert::source_to_proto(&parts::source(source), workspace))
    });
    Ok(Response::ok(&proto::GetAllVirtualDataSourcesResponse { virtual_data_sources: sources.collect() }))
}

/// The transformations of all views of a workspace.
pub(super) fn transformations(
    platform: &Platform,
    request: &proto::GetAllTransformationsRequest,
) -> Result<Response, Fault> {
    let workspace = request.workspace.as_deref().unwrap_or_default();
    let views = platform.repository().views.iter().filter(|view| view.workspace == workspace);
    let transformations = views.map(|view| convert::transformation_to_proto(&parts::view(platform, view))).collect();
    Ok(Response::ok(&proto::GetAllTransformationsResponse { transformations }))
}

/// All feature services of a workspace.
pub(super) fn services(
    platform: &Platform,
    request: &services::GetAllFeatureServicesRequest,
) -> Result<Response, Fault> {
    let workspace = request.workspace.as_deref().unwrap_or_default();
    let services = platform.repository().services.iter().filter(|service| service.workspace == workspace);
    let feature_services = services.map(|service| convert::service_to_proto(&parts::service(service))).collect();
    Ok(Response::ok(&services::GetAllFeatureServicesResponse { feature_services }))
}

/// One feature service by name or id, with its views and everything they refer to.
pub(super) fn service(platform: &Platform, request: &services::GetFeatureServiceRequest) -> Result<Response, Fault> {
    let workspace = request.workspace.as_deref().unwrap_or_default();
    let by_id = || request.id.as_ref().map(|id| convert::id_from_proto(id).to_string());
    let asked = request.service_reference.clone().or_else(by_id).unwrap_or_default();
    let mut services = platform.repository().services.iter().filter(|service| service.workspace == workspace);
    let found = services.find(|service| service.name == asked || service.id.to_string() == asked);
    let container = found.map(|service| {
        // A view may be in a service twice, under two namespaces.
        let mut seen = HashSet::new();
        let views = service.items.iter().map(|item| &item.view).filter(|view| seen.insert(view.id));
        let views: Vec<_> = views.map(|view| parts::view(platform, view)).collect();
        convert::container_of_service(&parts::service(service), &views)
    });
    let fco_container = Some(container.unwrap_or_default());
    Ok(Response::ok(&services::GetFeatureServiceResponse { fco_container, ..Default::default() }))
}

/// One entity by id or name.
pub(super) fn entity(platform: &Platform, request: &proto::GetEntityRequest) -> Result<Response, Fault> {
    let workspace = known(platform, request.workspace.as_deref());
    let is = asked(request.entity_id.as_ref(), request.name.as_deref());
    let found = workspace.and_then(|workspace| {
        let entity = platform.repository().entities.iter().find(|entity| is(entity.id, &entity.name))?;
        let fco = convert::entity_to_proto(&parts::entity(entity), workspace);
        Some((entity.id, Fco { entity: Some(Box::new(fco)), ..Default::default() }))
    });
    let fco_container = Some(convert::container_of_one(found, workspace.unwrap_or_default()));
    Ok(Response::ok(&proto::GetEntityResponse { fco_container, ..Default::default() }))
}

/// One data source by id or name.
pub(super) fn source(platform: &Platform, request: &proto::GetVirtualDataSourceRequest) -> Result<Response, Fault> {
    let workspace = known(platform, request.workspace.as_deref());
    let is = asked(request.virtual_data_source_id.as_ref(), request.name.as_deref());
    let found = workspace.and_then(|workspace| {
        let source = platform.repository().sources.iter().find(|source| is(source.id, &source.name))?;
        let fco = convert::source_to_proto(&parts::source(source), workspace);
        Some((source.id, Fco { virtual_data_source: Some(Box::new(fco)), ..Default::default() }))
    });
    let fco_container = Some(convert::container_of_one(found, workspace.unwrap_or_default()));
    Ok(Response::ok(&proto::GetVirtualDataSourceResponse { fco_container, ..Default::default() }))
}

/// One transformation by id or name.
pub(super) fn transformation(
    platform: &Platform,
    request: &proto::GetTransformationRequest,
) -> Result<Response, Fault> {
    let workspace = request.workspace.as_deref().unwrap_or_default();
    let is = asked(request.transformation_id.as_ref(), request.name.as_deref());
    let belongs =
        |view: &&Arc<View>| view.workspace == workspace && is(convert::transformation_id(view.id), &view.name);
    let found = platform.repository().views.iter().find(belongs).map(|view| {
        let fco = convert::transformation_to_proto(&parts::view(platform, view));
        (convert::transformation_id(view.id), Fco { transformation: Some(Box::new(fco)), ..Default::default() })
    });
    let fco_container = Some(convert::container_of_one(found, workspace));
    Ok(Response::ok(&proto::GetTransformationResponse { fco_container, ..Default::default() }))
}

/// The workspace of that name, where the repository has it.
fn known<'a>(platform: &Platform, workspace: Option<&'a str>) -> Option<&'a str> {
    workspace.filter(|name| platform.repository().workspaces.iter().any(|known| known.name == *name))
}

/// Whether an object of that id and name is the one that is asked for: by its id where that is given, else by its name.
fn asked<'a>(id: Option<&common::Id>, name: Option<&'a str>) -> impl Fn(Id, &str) -> bool + use<'a> {
    let id = id.map(convert::id_from_proto);
    move |this, called| id.map_or(name == Some(called), |id| id == this)
}
