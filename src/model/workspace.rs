//! Workspaces: the named sets of feature views of a deployment.

/// One workspace, as the deployment lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    /// Its name, unique in the deployment.
    pub name: String,
    /// Whether its views are materialized. In a workspace that is not live there are no jobs (docs/wire.md
    /// section 2.5).
    pub live: bool,
}
