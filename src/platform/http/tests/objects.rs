//! Calls about what views refer to, and about what there is none of.

use super::*;
use crate::wire::proto::objects as proto;
use crate::wire::proto::service as services;
use crate::wire::proto::workspace::{CreateWorkspaceRequest, DeleteWorkspaceRequest};

fn prod() -> Option<String> {
    Some("prod".to_owned())
}

#[tokio::test]
async fn objects_are_listed_and_found_by_name_and_by_id() {
    let bench = Bench::over(kinds::repository());
    let all = proto::GetAllEntitiesRequest { workspace: prod() };
    let entities = bench.call::<proto::GetAllEntitiesResponse>(rpc::GET_ALL_ENTITIES, &all).await.entities;
    let all = proto::GetAllVirtualDataSourcesRequest { workspace: prod() };
    let method = rpc::GET_ALL_VIRTUAL_DATA_SOURCES;
    let sources = bench.call::<proto::GetAllVirtualDataSourcesResponse>(method, &all).await.virtual_data_sources;
    let all = proto::GetAllTransformationsRequest { workspace: prod() };
    let method = rpc::GET_ALL_TRANSFORMATIONS;
    let made = bench.call::<proto::GetAllTransformationsResponse>(method, &all).await.transformations;
    let names = |metas: Vec<&Option<crate::wire::proto::common::FcoMetadata>>| {
        metas.iter().map(|meta| meta.as_ref().unwrap().name.clone().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(names(entities.iter().map(|o| &o.fco_metadata).collect()), ["carrier", "route", "flight"]);
    assert_eq!(names(sources.iter().map(|o| &o.fco_metadata).collect()), ["archive", "flights", "planes"]);
    assert_eq!(made.len(), 8);
    for by_id in [false, true] {
        let name = |name: &str| (!by_id).then(|| name.to_owned());
        let entity_id = entities[1].entity_id.clone().filter(|_| by_id);
        let asked = proto::GetEntityRequest { entity_id, name: name("route"), workspace: prod() };
        let found = bench.call::<proto::GetEntityResponse>(rpc::GET_ENTITY, &asked).await.fco_container.unwrap();
        assert_eq!(found.fcos[0].entity.as_deref(), Some(&entities[1]));
        assert_eq!(found.root_ids, [entities[1].entity_id.clone().unwrap()]);
        let virtual_data_source_id = sources[2].virtual_data_source_id.clone().filter(|_| by_id);
        let asked =
            proto::GetVirtualDataSourceRequest { virtual_data_source_id, name: name("planes"), workspace: prod() };
        let method = rpc::GET_VIRTUAL_DATA_SOURCE;
        let found = bench.call::<proto::GetVirtualDataSourceResponse>(method, &asked).await.fco_container.unwrap();
        assert_eq!(found.fcos[0].virtual_data_source.as_deref(), Some(&sources[2]));
        let transformation_id = made[0].transformation_id.clone().filter(|_| by_id);
        let asked = proto::GetTransformationRequest { transformation_id, name: name("batch_plain"), workspace: prod() };
        let asked =
            if by_id { asked } else { proto::GetTransformationRequest { name: Some("batch_plain".into()), ..asked } };
        let method = rpc::GET_TRANSFORMATION;
        let found = bench.call::<proto::GetTransformationResponse>(method, &asked).await.fco_container.unwrap();
        assert!(made.contains(found.fcos[0].transformation.as_deref().unwrap()));
    }
}

#[tokio::test]
async fn a_feature_service_comes_with_its_views_and_all_they_refer_to() {
    let bench = Bench::over(kinds::repository());
    let all = services::GetAllFeatureServicesRequest { workspace: prod() };
    let method = rpc::GET_ALL_FEATURE_SERVICES;
    let listed = bench.call::<services::GetAllFeatureServicesResponse>(method, &all).await.feature_services;
    let [risk] = &listed[..] else { panic!("one service") };
    let item = &risk.feature_set_items[0];
    assert_eq!((item.namespace.as_deref(), item.feature_columns.len()), (Some("route"), 1));
    let keys = item.join_configuration_items.iter();
    let keys: Vec<_> = keys.map(|key| (key.spine_column_name(), key.package_column_name())).collect();
    assert_eq!(keys, [("from", "origin"), ("dest", "dest")]);
    for reference in ["risk".to_owned(), convert::id_from_proto(risk.feature_service_id.as_ref().unwrap()).to_string()]
    {
        let asked = services::GetFeatureServiceRequest {
            service_reference: Some(reference),
            workspace: prod(),
            ..Default::default()
        };
        let found = bench.call::<services::GetFeatureServiceResponse>(rpc::GET_FEATURE_SERVICE, &asked).await;
        let container = found.fco_container.unwrap();
        assert_eq!(container.root_ids, [risk.feature_service_id.clone().unwrap()]);
        let views = container.fcos.iter().filter_map(|fco| fco.feature_view.as_ref());
        let ids: Vec<_> = views.map(|view| view.feature_view_id.clone()).collect();
        assert_eq!(ids, risk.feature_set_items.iter().map(|item| item.feature_view_id.clone()).collect::<Vec<_>>());
        assert!(container.fcos.iter().any(|fco| fco.feature_service.as_deref() == Some(risk)));
        assert!(container.fcos.iter().any(|fco| fco.transformation.is_some()));
    }
    let asked = services::GetFeatureServiceRequest {
        service_reference: Some("none".to_owned()),
        workspace: prod(),
        ..Default::default()
    };
    let found = bench.call::<services::GetFeatureServiceResponse>(rpc::GET_FEATURE_SERVICE, &asked).await;
    assert_eq!(found.fco_container, Some(FcoContainer::default()));
}

#[tokio::test]
async fn objects_that_are_not_there_are_empty_answers() {
    let bench = Bench::over(kinds::repository());
    for (name, workspace) in [("none", "prod"), ("carrier", "nowhere"), ("", "prod")] {
        let (name, workspace) = (Some(name.to_owned()), Some(workspace.to_owned()));
        let asked = proto::GetEntityRequest { name: name.clone(), workspace: workspace.clone(), ..Default::default() };
        let found = bench.call::<proto::GetEntityResponse>(rpc::GET_ENTITY, &asked).await;
        assert_eq!(found.fco_container, Some(FcoContainer::default()));
        let asked = proto::GetTransformationRequest { name, workspace, ..Default::default() };
        let found = bench.call::<proto::GetTransformationResponse>(rpc::GET_TRANSFORMATION, &asked).await;
        assert_eq!(found.fco_container, Some(FcoContainer::default()));
    }
    let asked = proto::GetAllEntitiesRequest { workspace: Some("nowhere".to_owned()) };
    assert!(bench.call::<proto::GetAllEntitiesResponse>(rpc::GET_ALL_ENTITIES, &asked).await.entities.is_empty());
    for none in [rpc::GET_USER, rpc::GET_OBSERVABILITY_CONFIG, rpc::LIST_SERVER_GROUPS, rpc::GET_SERVER_GROUP] {
        assert_eq!(bench.raw(none, &bench.key, &()).await.response.as_deref(), Some(""), "{none}");
    }
}

#[tokio::test]
async fn workspaces_are_made_and_deleted_in_the_repository() {
    let bench = Bench::over(kinds::repository());
    let asked = CreateWorkspaceRequest { workspace_name: Some("lab\u{1b}".to_owned()), ..Default::default() };
    let made = bench.raw(rpc::CREATE_WORKSPACE, &bench.key, &asked).await.status;
    assert_eq!(made.code, status::FAILED_PRECONDITION);
    assert!(made.detail.contains("workspaces.toml") && made.detail.contains("live = false"), "{}", made.detail);
    assert!(!made.detail.contains('\u{1b}'), "{}", made.detail);
    let asked = DeleteWorkspaceRequest { workspace: prod() };
    let deleted = bench.raw(rpc::DELETE_WORKSPACE, &bench.key, &asked).await.status;
    assert!(deleted.code == status::FAILED_PRECONDITION && deleted.detail.contains("`prod` was not deleted"));
}

#[tokio::test]
async fn freshness_of_all_views_of_a_workspace_is_one_answer() {
    let bench = Bench::new();
    let asked = status_messages::GetAllFeatureFreshnessRequest { workspace: prod() };
    let answer: status_messages::GetAllFeatureFreshnessResponse =
        bench.call(rpc::GET_ALL_FEATURE_FRESHNESS, &asked).await;
    let told: Vec<_> = answer.freshness_statuses.iter().map(convert::freshness_from_proto).collect();
    assert_eq!(told.len(), bench.platform.repository().views.len());
    let carrier = told.iter().find(|told| told.feature_view == "carrier").unwrap();
    assert_eq!((carrier.freshness, carrier.is_stale), (Some(Span::minutes(90)), true));
}
