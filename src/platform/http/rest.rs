//! `/v1/jobs/...` and `/v1/metadata-service/get-login-configs`: the public doors to calls that the envelope has as well
//! (docs/wire.md section 1.9).
//!
//! They only read and write JSON: what is decided is decided by the same functions.

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::app::App;
use super::fault::{Fault, reply};
use super::{jobs, metadata, ready};
use crate::platform::Platform;
use crate::wire::rest::{Asked, Configs, Jobs, OneJob, ReadyTimes};
use crate::wire::status;

type Body = Result<Bytes, BytesRejection>;

/// Starts the job that the body asks for.
pub(super) async fn submit(State(app): State<App>, body: Body) -> Response {
    answer(app, body, |platform, asked| Ok(OneJob::from(jobs::submit(platform, &asked.submit())?.job))).await
}

/// One job of a view, by the id in the body.
pub(super) async fn get(State(app): State<App>, body: Body) -> Response {
    answer(app, body, |platform, asked| Ok(OneJob::from(jobs::get(platform, &asked.get())?.job))).await
}

/// Cancels the job that the body names.
pub(super) async fn cancel(State(app): State<App>, body: Body) -> Response {
    answer(app, body, |platform, asked| Ok(OneJob::from(jobs::cancel(platform, &asked.cancel())?.job))).await
}

/// All jobs of a view.
pub(super) async fn list(State(app): State<App>, body: Body) -> Response {
    answer(app, body, |platform, asked| Ok(Jobs::from(jobs::list(platform, &asked.list())?))).await
}

/// Up to when the windows of a view or of a feature service are ready.
pub(super) async fn latest_ready_time(State(app): State<App>, body: Body) -> Response {
    let work = |platform: &Platform, asked: Asked| {
        Ok(ReadyTimes::from(ready::latest_ready_time(platform, &asked.latest_ready_time())?))
    };
    answer(app, body, work).await
}

/// How people log in: with an API key alone, so there is nothing to tell.
pub(super) async fn login_configs() -> Response {
    axum::Json(Configs::from(metadata::login_configs())).into_response()
}

/// Feature tables, which there are none of.
pub(super) async fn no_feature_tables() -> Response {
    let what = "This deployment has no feature tables that a data frame could be written to.";
    Fault::new(status::UNIMPLEMENTED, format!("{what} Materialize feature views from their sources.")).into_response()
}

/// Reads a request and has it done on a blocking thread.
async fn answer<A: Serialize + Send + 'static>(
    app: App,
    body: Body,
    work: fn(&Platform, Asked) -> Result<A, Fault>,
) -> Response {
    let asked = match read(body) {
        Ok(asked) => asked,
        Err(fault) => return fault.into_response(),
    };
    reply(app.on_disk(move |platform| work(platform, asked)).await)
}

/// The body; an empty one asks for nothing.
fn read(body: Body) -> Result<Asked, Fault> {
    let body = body?;
    if body.trim_ascii().is_empty() {
        return Ok(Asked::default());
    }
    // Read as an object first: a list would be taken for the members in their order.
    let members = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&body);
    members
        .and_then(|members| serde_json::from_value(members.into()))
        .map_err(|error| Fault::invalid(format!("The body is not the JSON of a call about jobs: {error}.")))
}
