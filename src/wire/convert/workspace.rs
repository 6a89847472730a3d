//! Workspaces and the configuration map.

use crate::model::Workspace;
use crate::wire::proto::common::MapEntry;
use crate::wire::proto::workspace::{self as proto, GetConfigsResponse, WorkspaceCapabilities};

/// A workspace as messages carry it.
pub fn workspace_to_proto(workspace: &Workspace) -> proto::Workspace {
    let capabilities = WorkspaceCapabilities { materializable: Some(workspace.live), ..Default::default() };
    proto::Workspace { name: Some(workspace.name.clone()), capabilities: Some(capabilities), ..Default::default() }
}

/// A workspace of a message; live when it is materializable (docs/wire.md section 2.5).
pub fn workspace_from_proto(workspace: &proto::Workspace) -> Workspace {
    let live = workspace.capabilities.as_ref().and_then(|c| c.materializable).unwrap_or(false);
    Workspace { name: workspace.name.clone().unwrap_or_default(), live }
}

/// The configuration map as messages carry it, in that order.
pub fn configs_to_proto(pairs: &[(&str, &str)]) -> GetConfigsResponse {
    GetConfigsResponse { key_values: pairs.iter().map(|(key, value)| entry(key, value)).collect() }
}

/// The configuration map of a message.
pub fn configs_from_proto(configs: &GetConfigsResponse) -> Vec<(String, String)> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    configs.key_values.iter().map(|e| (text(&e.key), text(&e.value))).collect()
}

/// One entry of a map.
pub(crate) fn entry(key: &str, value: &str) -> MapEntry {
    MapEntry { key: Some(key.to_owned()), value: Some(value.to_owned()) }
}
