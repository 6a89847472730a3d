//! Calls about saved feature data frames: datasets whose rows a client writes, and those that the platform kept
//! (docs/wire.md section 2.7). A dataset is a folder of this machine, so the clients that write rows are those that run
//! on it.

use thiserror::Error;
use url::Url;

use super::fault::Fault;
use super::parts;
use crate::model::{Id, clean};
use crate::platform::Platform;
use crate::platform::datasets::{DatasetError, NewDataset};
use crate::platform::registry::identity::stable_id;
use crate::wire::convert::{self, SavedParts};
use crate::wire::proto::saved as proto;
use crate::wire::proxy::Response;
use crate::wire::queries::Dataset;

/// Makes a dataset of a view or a feature service and tells where its rows are to be written.
pub(super) fn create(
    platform: &Platform,
    request: &proto::CreateSavedFeatureDataFrameRequest,
) -> Result<Response, Fault> {
    let workspace = workspace(platform, request.workspace.as_deref())?;
    let (feature_view, feature_service) = source(platform, request, workspace)?;
    let now = platform.clock().now();
    let wanted = request.name.as_deref().filter(|name| !name.is_empty());
    let new = NewDataset {
        name: platform.datasets().name(workspace, wanted, feature_service.as_ref().unwrap_or(&feature_view), now)?,
        workspace: workspace.to_owned(),
        feature_view,
        feature_service,
        key_columns: Some(request.join_key_column_names.clone()).filter(|keys| !keys.is_empty()),
        timestamp_key: request.timestamp_column_name.clone().filter(|name| !name.is_empty()),
    };
    let schema = request.schema.as_ref().map(convert::dataset_columns).unwrap_or_default();
    let dataset = platform.datasets().reserve(new, schema, now)?;
    answer(platform, dataset)
}

/// One dataset by id or name. One that is not there is code 3: released clients take an empty message for a dataset.
pub(super) fn get(platform: &Platform, request: &proto::GetSavedFeatureDataFrameRequest) -> Result<Response, Fault> {
    let workspace = workspace(platform, request.workspace.as_deref())?;
    let dataset = match &request.saved_feature_dataframe_id {
        Some(id) => {
            let id = convert::id_from_proto(id);
            find(platform, workspace, id)?.ok_or_else(|| gone(id))?
        }
        None => {
            let name = request.saved_feature_dataframe_name.as_deref().unwrap_or_default();
            platform.datasets().describe(workspace, name).map_err(|error| missing_is_invalid(&error))?
        }
    };
    answer(platform, dataset)
}

/// All datasets of a workspace that can be read, by name; none of an unknown workspace.
pub(super) fn all(
    platform: &Platform,
    request: &proto::GetAllSavedFeatureDataFramesRequest,
) -> Result<Response, Fault> {
    let asked = request.workspace.as_deref().unwrap_or_default();
    let known = platform.repository().workspaces.iter().any(|workspace| workspace.name == asked);
    let list = if known { list(platform, asked)? } else { Vec::new() };
    let mut saved_feature_dataframes = Vec::new();
    for dataset in list {
        let name = dataset.name.clone();
        match saved(platform, dataset) {
            Ok(parts) => saved_feature_dataframes.push(convert::saved_to_proto(&parts)),
            // One that goes meanwhile is left out, and so is one that cannot be read: it must not cost the others.
            Err(fault) => {
                tracing::warn!(workspace = asked, name, problem = fault.detail, "a dataset is left out of the list")
            }
        }
    }
    Ok(Response::ok(&proto::GetAllSavedFeatureDataFramesResponse { saved_feature_dataframes }))
}

/// Takes a dataset out of every list. Its rows stay on the disk.
pub(super) fn archive(
    platform: &Platform,
    request: &proto::ArchiveSavedFeatureDataFrameRequest,
) -> Result<Response, Fault> {
    let id = request.saved_feature_dataframe_id.as_ref().map(convert::id_from_proto).unwrap_or_default();
    for workspace in &platform.repository().workspaces {
        if let Some(dataset) = find(platform, &workspace.name, id)? {
            let archived = platform.datasets().archive(&workspace.name, &dataset.name);
            archived.map_err(|error| missing_is_invalid(&error))?;
            return Ok(Response::ok(&()));
        }
    }
    Err(gone(id))
}

fn answer(platform: &Platform, dataset: Dataset) -> Result<Response, Fault> {
    let parts = saved(platform, dataset)?;
    let saved_feature_dataframe = Some(convert::saved_to_proto(&parts));
    Ok(Response::ok(&proto::SavedFeatureDataFrameResponse { saved_feature_dataframe }))
}

fn saved(platform: &Platform, dataset: Dataset) -> Result<SavedParts, Fault> {
    let path = platform.datasets().location(&dataset.workspace, &dataset.name);
    let path = path.map_err(|error| missing_is_invalid(&error))?;
    let location = Url::from_file_path(&path).map_err(|()| Fault::internal(&NoAddress))?;
    let source = match &dataset.feature_service {
        None => platform.view(&dataset.workspace, &dataset.feature_view).map(|view| view.id),
        Some(name) => {
            let mut services = platform.repository().services.iter();
            services.find(|known| known.workspace == dataset.workspace && known.name == *name).map(|known| known.id)
        }
    };
    Ok(SavedParts { id: id_of(&dataset), location: location.into(), source, dataset })
}

/// A folder that no `file:` address names.
#[derive(Debug, Error)]
#[error("the path of a dataset is no address")]
struct NoAddress;

/// A name may be used again once its dataset was archived, so the instant is part of the identity.
fn id_of(dataset: &Dataset) -> Id {
    let made = dataset.created_at.timestamp_micros();
    stable_id(&dataset.workspace, "dataset", &format!("{}/{made}", dataset.name))
}

fn list(platform: &Platform, workspace: &str) -> Result<Vec<Dataset>, Fault> {
    Ok(platform.datasets().list(workspace).map_err(|error| Fault::internal(&error))?.datasets)
}

fn find(platform: &Platform, workspace: &str, id: Id) -> Result<Option<Dataset>, Fault> {
    Ok(list(platform, workspace)?.into_iter().find(|dataset| id_of(dataset) == id))
}

/// Only a workspace of the repository is looked for on the disk.
fn workspace<'a>(platform: &Platform, asked: Option<&'a str>) -> Result<&'a str, Fault> {
    let asked = asked.unwrap_or_default();
    let known = platform.repository().workspaces.iter().any(|workspace| workspace.name == asked);
    if known { Ok(asked) } else { Err(parts::unknown_workspace(platform, &clean(asked))) }
}

/// The name of the view, or no view and the name of the feature service, that a new dataset holds features of.
fn source(
    platform: &Platform,
    request: &proto::CreateSavedFeatureDataFrameRequest,
    workspace: &str,
) -> Result<(String, Option<String>), Fault> {
    if let Some(id) = request.feature_service_id.as_ref().map(convert::id_from_proto) {
        let mut services = platform.repository().services.iter();
        let found = services.find(|service| service.id == id && service.workspace == workspace);
        let unknown =
            || format!("There is no feature service {id} in workspace `{workspace}`. Name one that there is.");
        let service = found.ok_or_else(|| Fault::invalid(unknown()))?;
        return Ok((String::new(), Some(service.name.clone())));
    }
    let Some(id) = request.feature_package_id.as_ref().map(convert::id_from_proto) else {
        let detail = "The request names neither a feature view nor a feature service. Name what the dataset is of.";
        return Err(Fault::invalid(detail));
    };
    let found = platform.view_by_id(id).filter(|view| view.workspace == workspace);
    let view = found.ok_or_else(|| parts::unknown_view(platform, workspace, &id.to_string()))?;
    Ok((view.name.clone(), None))
}

fn gone(id: Id) -> Fault {
    Fault::invalid(format!(
        "There is no dataset with the id {id}; it may have been archived. `fvtop datasets list` shows those there are."
    ))
}

/// Code 5 misleads the users of older clients (docs/wire.md section 1.5).
fn missing_is_invalid(error: &DatasetError) -> Fault {
    match error {
        DatasetError::Missing { .. } => Fault::invalid(error.to_string()),
        _ => Fault::new(crate::wire::status::FAILED_PRECONDITION, error.to_string()),
    }
}
