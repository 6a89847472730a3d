//! The feature server: the online lookup of one key, of several, of all values of the wildcard key, and what a service
//! holds (docs/wire.md sections 3.1 to 3.3, docs/semantics.md section 9).

use std::time::Instant;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::app::App;
use super::fault::Fault;
use crate::platform::Platform;
use crate::wire::features::{BatchRequest, DescribeRequest, GetFeaturesRequest, Locator};

mod batch;
mod describe;
mod join_keys;
mod lookup;
mod meter;
mod target;

/// A body as it came, or why it could not be received.
type Body = Result<Bytes, BytesRejection>;
/// Workspace and feature service, where the path names them.
type Named = Result<Path<(String, String)>, PathRejection>;

/// Answers the lookup of one key.
pub(super) async fn get(State(app): State<App>, body: Body) -> Response {
    answer(app, body, lookup::one).await
}

/// Answers the query for all values of the wildcard key.
pub(super) async fn query(State(app): State<App>, body: Body) -> Response {
    answer(app, body, lookup::all).await
}

/// Answers the lookup of several keys.
pub(super) async fn batch(State(app): State<App>, body: Body) -> Response {
    answer(app, body, batch::lookup).await
}

/// Says what a service holds.
pub(super) async fn metadata(State(app): State<App>, body: Body) -> Response {
    answer(app, body, describe::describe).await
}

/// [`get`], for the service that the path names.
pub(super) async fn get_of_path(State(app): State<App>, named: Named, body: Body) -> Response {
    let work = move |platform: &Platform, mut asked: GetFeaturesRequest, began| {
        (asked.params.workspace_name, asked.params.locator) = service_of(named)?;
        lookup::one(platform, asked, began)
    };
    answer(app, body, work).await
}

/// [`batch()`], for the service that the path names.
pub(super) async fn batch_of_path(State(app): State<App>, named: Named, body: Body) -> Response {
    let work = move |platform: &Platform, mut asked: BatchRequest, began| {
        (asked.params.workspace_name, asked.params.locator) = service_of(named)?;
        batch::lookup(platform, asked, began)
    };
    answer(app, body, work).await
}

/// [`metadata`], for the service that the path names; a body is not needed.
pub(super) async fn metadata_of_path(State(app): State<App>, named: Named) -> Response {
    let work = move |platform: &Platform| {
        let mut asked = DescribeRequest::default();
        (asked.params.workspace_name, asked.params.locator) = service_of(named)?;
        describe::describe(platform, asked, Instant::now())
    };
    done(app, work).await
}

fn service_of(named: Named) -> Result<(String, Locator), Fault> {
    let Path((workspace, service)) = named?;
    Ok((workspace, Locator::service(&service)))
}

/// Reads a request and has it done. Any content type will do, for released clients send none.
async fn answer<R, A>(
    app: App,
    body: Body,
    work: impl FnOnce(&Platform, R, Instant) -> Result<A, Fault> + Send + 'static,
) -> Response
where
    R: DeserializeOwned + Send + 'static,
    A: Serialize + Send + 'static,
{
    let began = Instant::now();
    let body = match body {
        Ok(body) => body,
        Err(rejection) => return Fault::from(rejection).into_response(),
    };
    let request: R = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(error) => {
            let problem = format!("The body is not a request of the feature server: {error}.");
            return Fault::invalid(problem).into_response();
        }
    };
    done(app, move |platform| work(platform, request, began)).await
}

/// Has something done on a blocking thread, for it reads the disk.
async fn done<A: Serialize + Send + 'static>(
    app: App,
    work: impl FnOnce(&Platform) -> Result<A, Fault> + Send + 'static,
) -> Response {
    match app.on_disk(work).await {
        Ok(answer) => axum::Json(answer).into_response(),
        Err(fault) => fault.into_response(),
    }
}
