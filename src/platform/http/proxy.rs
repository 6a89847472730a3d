//! `POST /proxy`: every call of the protocol, in its envelope (docs/wire.md section 1.1).
//!
//! The HTTP status is 200 also when the call failed; only a body that is no envelope is an HTTP error.

use std::time::Instant;

use axum::extract::State;
use axum::response::{IntoResponse, Response};

use super::bodies::Peer;
use super::fault::Fault;
use super::{
    App, BODY_LIMIT, api_key_calls, audit, audit_words, deletion, fleet, jobs, metadata, objects, ready, saved, tasks,
};
use crate::model::Right;
use crate::platform::access::Caller;
use crate::wire::proxy::{self, Request};
use crate::wire::{rpc, status};

/// Answers one envelope.
pub async fn handle(State(app): State<App>, request: axum::extract::Request) -> Response {
    let (head, body) = request.into_parts();
    // The key is in the body, so the body is all that is held for a caller who may be a stranger.
    let body = match app.bodies.whole(Peer::of(&head.extensions), body, BODY_LIMIT).await {
        Ok(body) => body,
        Err(fault) => return fault.into_response(),
    };
    let request: Request = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(error) => {
            let detail = format!("The body is not an envelope of method, metadata and request: {error}.");
            return Fault::invalid(detail).into_response();
        }
    };
    let (began, meter, method) = (Instant::now(), app.meter.clone(), request.method.clone());
    let answer = answer(app, request, deletion::base_url(&head.headers)).await;
    if let Err(fault) = &answer
        && fault.is_too_busy()
    {
        return fault.clone().into_response();
    }
    let answer = answer.unwrap_or_else(|fault| proxy::Response::error(fault.code, fault.detail));
    meter.call(&method, answer.status.code, began);
    axum::Json(answer).into_response()
}

/// Lets in and has the call answered on a blocking thread.
async fn answer(app: App, request: Request, base: Option<String>) -> Result<proxy::Response, Fault> {
    // A stranger is not told which calls there are.
    let right = rpc::right(&request.method).unwrap_or(Right::AnyKey);
    if right == Right::Public {
        return open(&request.method);
    }
    let caller = app.keys.caller(request.metadata("authorization"))?;
    let place = app.places.take(caller.key)?;
    let work = move || {
        let _place = place;
        let deed = || audit_words::with_call(&app.platform, &caller, &request);
        let told = |answer: &proxy::Response| audit_words::told(&request.method, answer);
        let work = || dispatch(&app, &caller, &request, base.as_deref());
        audit::perform(&app.platform, &caller, right, deed, told, work)
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(Fault::internal(&error)))
}

/// The calls that need no key.
fn open(method: &str) -> Result<proxy::Response, Fault> {
    match method {
        rpc::GET_LOGIN_CONFIGS => Ok(proxy::Response::ok(&metadata::login_configs())),
        method => Err(no_such_call(method)),
    }
}

fn no_such_call(method: &str) -> Fault {
    let call = method.rsplit('/').next().unwrap_or(method);
    Fault::new(status::UNIMPLEMENTED, format!("This deployment does not have the call `{call}`."))
}

/// Finds the call by its path and answers it. `base`: where the caller reaches this server.
fn dispatch(app: &App, caller: &Caller, request: &Request, base: Option<&str>) -> Result<proxy::Response, Fault> {
    let platform = &*app.platform;
    match request.method.as_str() {
        rpc::GET_CONFIGS => metadata::configs(platform),
        // Logs and statistics of clients are taken and forgotten (docs/wire.md section 1.6).
        rpc::NOP | rpc::INGEST_CLIENT_LOGS | rpc::INGEST_ANALYTICS => Ok(proxy::Response::ok(&())),
        rpc::INTROSPECT_API_KEY => api_key_calls::introspect(&app.keys, caller, &request.decode()?),
        rpc::CREATE_API_KEY => api_key_calls::create(platform, caller, &request.decode()?),
        rpc::LIST_API_KEYS => api_key_calls::list(platform, &request.decode()?),
        rpc::DELETE_API_KEY => api_key_calls::delete(platform, &request.decode()?),
        rpc::GET_SERVICE_ACCOUNTS => api_key_calls::accounts(platform, &request.decode()?),
        rpc::CREATE_SERVICE_ACCOUNT => api_key_calls::create_account(platform, caller, &request.decode()?),
        rpc::DELETE_SERVICE_ACCOUNT => api_key_calls::delete_account(platform, &request.decode()?),
        rpc::LIST_WORKSPACES => metadata::list_workspaces(platform),
        rpc::GET_WORKSPACE => metadata::get_workspace(platform, &request.decode()?),
        rpc::GET_FEATURE_VIEW => metadata::get_feature_view(platform, &request.decode()?),
        rpc::QUERY_FEATURE_VIEWS => metadata::query_feature_views(platform, &request.decode()?),
        rpc::GET_FEATURE_VIEW_SUMMARY => metadata::summary(platform, &request.decode()?),
        rpc::GET_FEATURE_FRESHNESS => metadata::freshness(platform, &request.decode()?),
        rpc::GET_ALL_FEATURE_FRESHNESS => metadata::all_freshness(platform, &request.decode()?),
        rpc::GET_ALL_ENTITIES => objects::entities(platform, &request.decode()?),
        rpc::GET_ALL_VIRTUAL_DATA_SOURCES => objects::sources(platform, &request.decode()?),
        rpc::GET_ALL_TRANSFORMATIONS => objects::transformations(platform, &request.decode()?),
        rpc::GET_ENTITY => objects::entity(platform, &request.decode()?),
        rpc::GET_VIRTUAL_DATA_SOURCE => objects::source(platform, &request.decode()?),
        rpc::GET_TRANSFORMATION => objects::transformation(platform, &request.decode()?),
        rpc::GET_ALL_FEATURE_SERVICES => objects::services(platform, &request.decode()?),
        rpc::GET_FEATURE_SERVICE => objects::service(platform, &request.decode()?),
        rpc::CREATE_WORKSPACE => metadata::create_workspace(platform, &request.decode()?),
        rpc::DELETE_WORKSPACE => metadata::delete_workspace(platform, &request.decode()?),
        // There are no people, no server groups, and nothing is measured elsewhere: the empty message says so.
        rpc::GET_USER | rpc::GET_OBSERVABILITY_CONFIG | rpc::LIST_SERVER_GROUPS | rpc::GET_SERVER_GROUP => {
            Ok(proxy::Response::ok(&()))
        }
        rpc::GET_MATERIALIZATION_STATUS => told(jobs::status(platform, &request.decode()?)),
        rpc::SUBMIT_MATERIALIZATION_JOB => told(jobs::submit(platform, &request.decode()?)),
        rpc::LIST_MATERIALIZATION_JOBS => told(jobs::list(platform, &request.decode()?)),
        rpc::GET_MATERIALIZATION_JOB => told(jobs::get(platform, &request.decode()?)),
        rpc::CANCEL_MATERIALIZATION_JOB => told(jobs::cancel(platform, &request.decode()?)),
        rpc::GET_LATEST_READY_TIME => told(ready::latest_ready_time(platform, &request.decode()?)),
        rpc::GET_SERVING_STATUS => told(ready::serving_status(platform, &request.decode()?)),
        rpc::GET_JOBS => told(fleet::jobs(platform, &request.decode()?)),
        rpc::GET_ALL_MATERIALIZATION_STATUS => told(fleet::statuses(platform, &request.decode()?)),
        rpc::FORCE_RETRY_MATERIALIZATION_TASK => tasks::force_retry(platform, &request.decode()?),
        rpc::RESTART_MATERIALIZATION_TASK => tasks::restart(platform, &request.decode()?),
        rpc::GET_JOB_DETAILS => tasks::details(platform, &request.decode()?),
        rpc::GET_JOB_LOGS => tasks::logs(platform, &request.decode()?),
        rpc::GET_JOB_STATUS => tasks::status(platform, &request.decode()?),
        rpc::CREATE_SAVED_FEATURE_DATA_FRAME => saved::create(platform, &request.decode()?),
        rpc::GET_SAVED_FEATURE_DATA_FRAME => saved::get(platform, &request.decode()?),
        rpc::GET_ALL_SAVED_FEATURE_DATA_FRAMES => saved::all(platform, &request.decode()?),
        rpc::ARCHIVE_SAVED_FEATURE_DATA_FRAME => saved::archive(platform, &request.decode()?),
        rpc::GET_DELETE_ENTITIES_INFO => deletion::info(platform, caller, base, &request.decode()?),
        rpc::DELETE_ENTITIES => deletion::delete(platform, &request.decode()?),
        method => Err(no_such_call(method)),
    }
}

/// A message in an envelope.
fn told(answer: Result<impl prost::Message, Fault>) -> Result<proxy::Response, Fault> {
    answer.map(|message| proxy::Response::ok(&message))
}
