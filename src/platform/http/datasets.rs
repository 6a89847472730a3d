//! `/v1/fvtop/datasets`: results that were kept, by workspace and name.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::app::{App, blocking};
use super::fault::{Fault, reply};
use super::{arrow, parts};
use crate::platform::Platform;
use crate::platform::datasets::Datasets;

#[derive(Deserialize)]
pub(super) struct Place {
    workspace: String,
}

type Asked = Result<Query<Place>, QueryRejection>;

/// `GET datasets`: all of a workspace, by name.
pub(super) async fn list(State(app): State<App>, place: Asked) -> Response {
    let list = |datasets: &Datasets, workspace: &str| datasets.list(workspace).map_err(|error| Fault::internal(&error));
    reply(on_disk(&app, place, list).await)
}

/// `GET datasets/{name}`: what is known of one.
pub(super) async fn describe(State(app): State<App>, Path(name): Path<String>, place: Asked) -> Response {
    let describe = move |datasets: &Datasets, workspace: &str| Ok(datasets.describe(workspace, &name)?);
    reply(on_disk(&app, place, describe).await)
}

/// `GET datasets/{name}/rows`: its rows, as an Arrow IPC stream.
pub(super) async fn rows(State(app): State<App>, Path(name): Path<String>, place: Asked) -> Response {
    let read = move |datasets: &Datasets, workspace: &str| Ok(datasets.read(workspace, &name)?);
    match on_disk(&app, place, read).await {
        Ok(frame) => arrow::answer(frame),
        Err(fault) => fault.into_response(),
    }
}

/// Finds the workspace, and works on a blocking thread.
async fn on_disk<T: Send + 'static>(
    app: &App,
    place: Asked,
    work: impl FnOnce(&Datasets, &str) -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let Query(Place { workspace }) = place?;
    check(&app.platform, &workspace)?;
    let datasets = Arc::clone(app.platform.datasets());
    blocking(move || work(&datasets, &workspace)).await
}

/// Only a workspace of the repository is looked for on the disk.
fn check(platform: &Platform, workspace: &str) -> Result<(), Fault> {
    let known = platform.repository().workspaces.iter().any(|known| known.name == workspace);
    if known { Ok(()) } else { Err(parts::unknown_workspace(platform, workspace)) }
}
