//! Feature services: what several views serve together. Plain data.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::View;
use crate::model::{DataType, Id};

/// One feature service of one workspace: features of several views, looked up together.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureService {
    /// Identity, the same after every load: made of workspace and name.
    pub id: Id,
    /// Name, unique in its workspace.
    pub name: String,
    /// Name of the workspace that it and its views are in.
    pub workspace: String,
    /// What it is for, in its author's words; empty where none are given.
    pub description: String,
    /// Who keeps it, mostly an address; empty where nobody is named.
    pub owner: String,
    /// Labels by their names; shown, and of no effect.
    pub tags: BTreeMap<String, String>,
    /// File that declares it, relative to the repository.
    pub defined_in: String,
    /// Whether the feature server answers for it; then all its views are written to the online store.
    pub online_serving_enabled: bool,
    /// Its views, in definition order, at least one.
    pub items: Vec<ServiceItem>,
}

/// One view of a feature service.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceItem {
    /// The view, of the service's workspace.
    pub view: Arc<View>,
    /// What stands in front of its features' names; one of a kind in the service.
    pub namespace: String,
    /// The features that are served, in the view's order.
    pub features: Vec<String>,
    /// What requests call the view's join keys, in the view's order.
    pub join_keys: Vec<String>,
}

impl ServiceItem {
    /// The join keys as requests call them, with their types, in the view's order.
    pub fn keys(&self) -> impl Iterator<Item = (&str, &DataType)> {
        self.join_keys.iter().zip(&self.view.join_keys).map(|(name, (_, data_type))| (name.as_str(), data_type))
    }

    /// The view's wildcard key as requests call it.
    pub fn wildcard_key(&self) -> Option<&str> {
        let (wildcard, _) = self.view.wildcard_key()?;
        let at = self.view.join_keys.iter().position(|(name, _)| name == wildcard)?;
        self.join_keys.get(at).map(String::as_str)
    }
}
