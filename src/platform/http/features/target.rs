//! Whose features a request asks for: those of one view, or of the views of a service.

use std::sync::Arc;

use crate::model::DataType;
use crate::platform::Platform;
use crate::platform::definition::{FeatureService, ServiceItem, View};
use crate::platform::http::fault::Fault;
use crate::platform::http::parts;
use crate::wire::features::Locator;
use crate::wire::status;

/// One view, or the views of a service, ready to be looked up.
pub(super) struct Target {
    /// Name of the view or service, for sentences.
    pub name: String,
    /// Whether it is a service.
    pub is_service: bool,
    /// The views; of a single view one item under its own names.
    pub items: Vec<ServiceItem>,
    /// The features in the order of the answer: of a view in definition order, of a service by name (docs/wire.md
    /// section 3.1).
    pub columns: Vec<Column>,
}

/// One feature of the answer.
pub(super) struct Column {
    /// Its view: a place in [`Target::items`].
    pub item: usize,
    /// Its place among the view's features.
    pub place: usize,
    pub name: String,
    /// The type of its values.
    pub data_type: DataType,
}

impl Target {
    /// What the locator names, if the feature server answers for it.
    pub(super) fn find(platform: &Platform, workspace: &str, locator: &Locator) -> Result<Self, Fault> {
        if let Some(asked) = locator.service_asked() {
            let service = platform.service(workspace, asked);
            return of_service(service.ok_or_else(|| parts::unknown_service(platform, workspace, asked))?);
        }
        let asked = locator.view_asked().ok_or_else(|| {
            let fix = "Set params.featureServiceName or params.featureViewName.";
            Fault::invalid(format!("The request names no feature service and no feature view. {fix}"))
        })?;
        of_view(platform.view(workspace, asked).ok_or_else(|| parts::unknown_view(platform, workspace, asked))?)
    }

    /// The join keys of requests with their types, each once, in the order of the views.
    pub(super) fn keys(&self) -> Vec<(&str, &DataType)> {
        let mut keys: Vec<(&str, &DataType)> = Vec::new();
        for (name, data_type) in self.items.iter().flat_map(ServiceItem::keys) {
            if keys.iter().all(|(known, _)| *known != name) {
                keys.push((name, data_type));
            }
        }
        keys
    }

    /// The join key that a query answers for all values of; all views that have a wildcard key have the same.
    pub(super) fn wildcard_key(&self) -> Option<(&str, &DataType)> {
        let name = self.items.iter().find_map(ServiceItem::wildcard_key)?;
        self.keys().into_iter().find(|(known, _)| *known == name)
    }

    /// Names and types of the features, in the order of the answer.
    pub(super) fn features(&self) -> Vec<(String, DataType)> {
        self.columns.iter().map(|column| (column.name.clone(), column.data_type.clone())).collect()
    }

    /// What each feature is, in the order of the answer.
    pub(super) fn descriptions(&self) -> Vec<String> {
        let all: Vec<_> = self.items.iter().map(|item| parts::kind_and_features(&item.view.kind).1).collect();
        let definition = |column: &Column| all.get(column.item).and_then(|features| features.get(column.place));
        let each = self.columns.iter().map(|column| definition(column).map(|feature| feature.definition.clone()));
        each.map(Option::unwrap_or_default).collect()
    }
}

fn of_view(view: &Arc<View>) -> Result<Target, Fault> {
    check("Feature view", &view.name, view.live, view.online.then_some(()).ok_or("it has online=false"))?;
    let item = ServiceItem {
        view: Arc::clone(view),
        namespace: view.name.clone(),
        features: view.feature_names(),
        join_keys: view.join_keys.iter().map(|(name, _)| name.clone()).collect(),
    };
    let items = vec![item];
    Ok(Target { name: view.name.clone(), is_service: false, columns: columns(&items), items })
}

fn of_service(service: &FeatureService) -> Result<Target, Fault> {
    let online = service.online_serving_enabled.then_some(()).ok_or("it has online_serving_enabled=false");
    let live = service.items.iter().all(|item| item.view.live);
    check("Feature service", &service.name, live, online)?;
    let mut columns = columns(&service.items);
    columns.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(Target { name: service.name.clone(), is_service: true, items: service.items.clone(), columns })
}

fn check(kind: &str, name: &str, live: bool, online: Result<(), &str>) -> Result<(), Fault> {
    let why = match online {
        _ if !live => "its workspace is not live",
        Err(why) => why,
        Ok(()) => return Ok(()),
    };
    let detail = format!("{kind} `{name}` cannot be looked up, because {why}.");
    Err(Fault::new(status::FAILED_PRECONDITION, detail))
}

fn columns(items: &[ServiceItem]) -> Vec<Column> {
    let mut columns = Vec::new();
    for (at, item) in items.iter().enumerate() {
        for (place, (name, data_type)) in item.view.features().into_iter().enumerate() {
            if item.features.contains(&name) {
                columns.push(Column { item: at, place, name: format!("{}.{name}", item.namespace), data_type });
            }
        }
    }
    columns
}
