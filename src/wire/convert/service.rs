//! Feature services, as a server sends them.

use super::container::{ViewParts, container_of};
use super::id_to_proto;
use super::workspace::entry;
use crate::model::Id;
use crate::wire::proto::common::FcoMetadata;
use crate::wire::proto::enums::FrameworkVersion;
use crate::wire::proto::service as proto;
use crate::wire::proto::view::{Fco, FcoContainer};

/// A feature service with all that messages say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceParts {
    /// Identity; lookups may name the service by it.
    pub id: Id,
    /// Name, unique in its workspace.
    pub name: String,
    /// Name of the workspace that it is in, as all its views.
    pub workspace: String,
    /// What it is for, in its author's words; may be empty.
    pub description: String,
    /// Who keeps it; empty where nobody is named.
    pub owner: String,
    /// File that declares it, relative to the repository.
    pub defined_in: String,
    /// Labels: names with their values.
    pub tags: Vec<(String, String)>,
    /// Whether the feature server answers for it.
    pub online: bool,
    /// Its views, in definition order.
    pub items: Vec<ServiceItemParts>,
}

/// One view of a feature service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceItemParts {
    /// Identity of the view, which is among those of the container.
    pub feature_view: Id,
    /// What stands in front of its features' names.
    pub namespace: String,
    /// The features that are served.
    pub features: Vec<String>,
    /// Join keys: the name in the service, the name in the view.
    pub join_keys: Vec<(String, String)>,
}

/// A feature service as messages carry it.
pub fn service_to_proto(service: &ServiceParts) -> proto::FeatureService {
    proto::FeatureService {
        feature_service_id: Some(id_to_proto(service.id)),
        feature_set_items: service.items.iter().map(item).collect(),
        fco_metadata: Some(FcoMetadata {
            name: Some(service.name.clone()),
            description: Some(service.description.clone()),
            owner: Some(service.owner.clone()),
            workspace: Some(service.workspace.clone()),
            source_filename: Some(service.defined_in.clone()),
            tags: service.tags.iter().map(|(key, value)| entry(key, value)).collect(),
            framework_version: Some(FrameworkVersion::Fwv5.into()),
            ..Default::default()
        }),
        online_serving_enabled: Some(service.online),
        options: Vec::new(),
        enable_online_caching: Some(false),
    }
}

fn item(item: &ServiceItemParts) -> proto::FeatureSetItem {
    let key = |(service, view): &(String, String)| proto::JoinConfigurationItem {
        spine_column_name: Some(service.clone()),
        package_column_name: Some(view.clone()),
    };
    proto::FeatureSetItem {
        join_configuration_items: item.join_keys.iter().map(key).collect(),
        namespace: Some(item.namespace.clone()),
        feature_columns: item.features.clone(),
        feature_view_id: Some(id_to_proto(item.feature_view)),
    }
}

/// A container whose root is the service, with its views and everything they refer to.
pub fn container_of_service(service: &ServiceParts, views: &[ViewParts]) -> FcoContainer {
    let mut container = container_of(views, &service.workspace);
    container.fcos.push(Fco { feature_service: Some(Box::new(service_to_proto(service))), ..Default::default() });
    container.root_ids = vec![id_to_proto(service.id)];
    container
}
