//! `/v1/fvtop/frames` and `/v1/fvtop/queries`: `run` and `get_historical_features` as queries that are started, asked
//! about, fetched and cancelled.
//!
//! It looks up what a request names (view, uploaded tables, a dataset's name); the engine judges the arguments.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Extension, Path, Query as Parameters, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::app::{App, blocking};
use super::audit::{self, Ending, RequestName};
use super::bodies::Peer;
use super::fault::{Fault, reply};
use super::{arrow, audit_words, parts};
use crate::model::time::{from_micros, micros};
use crate::model::{Right, Time, foreign};
use crate::platform::Platform;
use crate::platform::access::{AuditedAction, Caller};
use crate::platform::queries::{Ask, Owner, compute};
use crate::wire::arrow::decode;
use crate::wire::queries::{
    FRAME_LIMIT, FRAME_MEMORY, FrameAnswer, LONGEST_WAIT_MS, Query, QueryAccepted, QueryRequest, QueryStatus,
};

/// How a status is asked for.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Patience {
    /// How long to wait for a change, in milliseconds; at most 10 s.
    wait_ms: u64,
}

/// `POST frames`: keeps a table (an Arrow IPC stream of at most 256 MiB) for the queries that will name it.
pub(super) async fn upload(State(app): State<App>, Extension(caller): Extension<Caller>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    reply(take_in(&app, Owner(caller.key), Peer::address(&head.extensions), body).await)
}

async fn take_in(app: &App, owner: Owner, peer: IpAddr, body: Body) -> Result<FrameAnswer, Fault> {
    let too_large = || {
        let megabytes = FRAME_LIMIT >> 20;
        let detail =
            format!("The table is larger than the {megabytes} MiB allowed. Send fewer rows or columns at a time.");
        Fault::invalid(detail).with_http(StatusCode::PAYLOAD_TOO_LARGE)
    };
    if body.size_hint().lower() > FRAME_LIMIT as u64 {
        return Err(too_large());
    }
    let bytes = app.frames.whole(peer, body, FRAME_LIMIT).await;
    let bytes = bytes.map_err(|fault| if fault.is_too_large() { too_large() } else { fault })?;
    let _reading = app.reading.acquire().await.map_err(|error| Fault::internal(&error))?;
    let read = move || decode(&bytes, FRAME_MEMORY);
    let frame = tokio::task::spawn_blocking(read).await.map_err(|error| Fault::internal(&error))?;
    let frame =
        frame.map_err(|error| Fault::invalid(format!("The table cannot be read: {}.", foreign::sentence(&error))))?;
    let rows = frame.height() as u64;
    let columns = frame.get_column_names().into_iter().map(ToString::to_string).collect();
    let id = app.platform.queries().keep_frame(owner, frame)?;
    Ok(FrameAnswer { frame_id: id.to_string(), rows, columns })
}

/// `POST queries`: starts a query.
pub(super) async fn submit(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Extension(name): Extension<RequestName>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(rejection) => return Fault::from(rejection).into_response(),
    };
    let request: QueryRequest = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(error) => return Fault::invalid(format!("The body is not a query: {error}.")).into_response(),
    };
    let work = move || submitted(&app.platform, &caller, name, request);
    reply(blocking(work).await)
}

/// `GET queries/{id}`: where a query stands, at once or, with `wait_ms`, when that has changed.
pub(super) async fn status(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    patience: Result<Parameters<Patience>, QueryRejection>,
) -> Response {
    let owner = Owner(caller.key);
    let patience = match patience {
        Ok(Parameters(patience)) => Duration::from_millis(patience.wait_ms.min(LONGEST_WAIT_MS)),
        Err(rejection) => return Fault::from(rejection).into_response(),
    };
    let queries = app.platform.queries();
    let status = tokio::select! {
        status = queries.wait(owner, &id, patience) => status,
        () = app.shutdown.cancelled() => queries.status(owner, &id),
    };
    reply::<QueryStatus>(status.map_err(Fault::from))
}

/// `GET queries/{id}/rows`: the rows of a query that is done, as an Arrow IPC stream.
pub(super) async fn rows(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    let owner = Owner(caller.key);
    match app.platform.queries().rows(owner, &id) {
        Ok(frame) => arrow::answer(frame),
        Err(refusal) => Fault::from(refusal).into_response(),
    }
}

/// `DELETE queries/{id}`: cancels a query and says where it stands; one that has ended stays as it is.
pub(super) async fn cancel(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    let owner = Owner(caller.key);
    reply(app.platform.queries().cancel(owner, &id).map_err(Fault::from))
}

/// Starts a query; one whose result is to be kept needs the right to make datasets as well, and stands in the audit
/// log.
fn submitted(
    platform: &Platform,
    caller: &Caller,
    name: RequestName,
    request: QueryRequest,
) -> Result<QueryAccepted, Fault> {
    if !request.keeps() {
        return start(platform, Owner(caller.key), request);
    }
    let (workspace, feature_view) = (request.workspace().to_owned(), request.feature_view().to_owned());
    let entry = || AuditedAction {
        workspace,
        feature_view,
        words: "a query whose result is kept as a dataset".to_owned(),
        ..audit_words::entry(caller, name, "POST /v1/fvtop/queries".to_owned())
    };
    let ending = |made: &QueryAccepted| Ending::done(format!("query {}", made.query_id));
    let work = || start(platform, Owner(caller.key), request);
    audit::change(platform, caller, Right::WriteDatasets, entry, ending, work)
}

fn start(platform: &Platform, owner: Owner, request: QueryRequest) -> Result<QueryAccepted, Fault> {
    let (workspace, name) = (request.workspace(), request.feature_view());
    let view = platform.view(workspace, name).ok_or_else(|| parts::unknown_view(platform, workspace, name))?;
    let view = Arc::clone(view);
    if let Query::History(history) = &request
        && !history.from_source
    {
        compute::check_offline(&view).map_err(|error| Fault::new(error.code, error.message))?;
    }
    let mut query = request.map(|id| platform.queries().frame(owner, &id))?;
    match &mut query {
        Query::Run(run) => cut([&mut run.start_time, &mut run.end_time]),
        Query::History(history) => {
            cut([&mut history.start_time, &mut history.end_time]);
            if history.keeps() {
                let (wanted, now) = (history.save_as.as_deref(), platform.clock().now());
                history.save_as = Some(platform.datasets().name(&view.workspace, wanted, &view.name, now)?);
            }
        }
    }
    let id = platform.queries().submit(owner, Ask { view, query })?;
    Ok(QueryAccepted { query_id: id.to_string() })
}

/// Whole microseconds, the only instants there are.
fn cut(times: [&mut Option<Time>; 2]) {
    times.into_iter().flatten().for_each(|at| *at = from_micros(micros(*at)));
}
