//! Letting in: one place asks each request for its key, hands the caller on, and sees to the record of a change.
//!
//! Handlers find the [`Caller`] and the [`RequestName`] among the request's extensions and ask nobody themselves.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use tokio::task::spawn_blocking;

use super::audit::{self, Record};
use super::auth::allow;
use super::bodies::Peer;
use super::doors::{Door, Entry, Pace};
use super::fault::Fault;
use super::places::Place;
use super::{App, BODY_LIMIT, audit_words};
use crate::model::Right;
use crate::platform::access::{Caller, Deed};
use crate::platform::http::audit::RequestName;
use crate::wire::status;

/// What answers at a door, behind the question for the key.
pub fn guarded(app: &App, door: &Door) -> MethodRouter<App> {
    match door.entry {
        Entry::Key(right) => door.handler().route_layer(from_fn_with_state((app.clone(), right, door.pace), admit)),
        Entry::Envelope | Entry::Secret => door.handler(),
    }
}

/// Lets in whoever has the right, before anything of the body is read. A place is taken once the body is whole, so that nobody
/// holds one by being slow.
async fn admit(State((app, right, pace)): State<(App, Right, Pace)>, mut request: Request, next: Next) -> Response {
    if right == Right::Public {
        return next.run(request).await;
    }
    let caller = match app.keys.caller(header(request.headers(), AUTHORIZATION.as_str())) {
        Ok(caller) => caller,
        Err(fault) => return fault.into_response(),
    };
    let allowed = allow(&caller, right);
    let name = header(request.headers(), "x-request-id").filter(|name| !name.is_empty());
    let name = RequestName(name.map_or_else(audit_words::fresh, str::to_owned));
    request.extensions_mut().insert(caller.clone());
    request.extensions_mut().insert(name.clone());
    if right.changes() {
        return change(app, caller, name, allowed, request, next).await.unwrap_or_else(Fault::into_response);
    }
    if let Err(fault) = allowed {
        return fault.into_response();
    }
    if pace != Pace::Soon {
        // These take their bodies in as they come, within bounds of their own.
        return next.run(request).await;
    }
    match seated(&app, &caller, request).await {
        Ok((request, _place)) => next.run(request).await,
        Err(fault) => fault.into_response(),
    }
}

/// The request, whole, and its place.
async fn seated(app: &App, caller: &Caller, request: Request) -> Result<(Request, Place), Fault> {
    let (head, body) = request.into_parts();
    let body = app.bodies.whole(Peer::of(&head.extensions), body, BODY_LIMIT).await?;
    let place = app.places.take(caller.key)?;
    Ok((Request::from_parts(head, Body::from(body)), place))
}

/// Has a change made on the record, and so is a refusal. It goes on also when the caller has left meanwhile.
async fn change(
    app: App,
    caller: Caller,
    RequestName(name): RequestName,
    allowed: Result<(), Fault>,
    request: Request,
    next: Next,
) -> Result<Response, Fault> {
    let (head, body) = request.into_parts();
    let body = app.bodies.whole(Peer::of(&head.extensions), body, BODY_LIMIT).await?;
    let place = app.places.take(caller.key)?;
    let call = format!("{} {}", head.method, head.uri.path());
    let deed = audit_words::at_door(&caller, name, call, &body);
    let request = Request::from_parts(head, Body::from(body));
    let going = tokio::spawn(async move {
        let _place = place;
        match allowed {
            Ok(()) => on_record(app, deed, next, request).await,
            Err(fault) => {
                let refusal = fault.clone();
                on_disk(move || audit::refused(&app.platform, &deed, &refusal)).await?;
                Err(fault)
            }
        }
    });
    going.await.unwrap_or_else(|error| Err(Fault::internal(&error)))
}

async fn on_record(app: App, deed: Deed, next: Next, request: Request) -> Result<Response, Fault> {
    let platform = app.platform.clone();
    let record = on_disk(move || Record::begin(&platform, &deed)).await??;
    let response = next.run(request).await;
    let (code, sentence) = match response.extensions().get::<Fault>() {
        Some(fault) => (fault.code, fault.detail.clone()),
        None if response.status().is_success() => (status::OK, String::new()),
        None => (status::INTERNAL, format!("It was answered with HTTP {}.", response.status().as_u16())),
    };
    on_disk(move || record.end(&app.platform, code, &sentence)).await?;
    Ok(response)
}

async fn on_disk<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
    spawn_blocking(work).await.map_err(|error| Fault::internal(&error))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
