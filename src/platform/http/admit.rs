//! Letting in: one place asks each request for its key, hands the caller on, and sees to the entry of a change in the
//! audit log.
//!
//! Handlers find the [`Caller`] and the [`RequestName`] among the request's extensions and ask nobody themselves.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;

use super::app::{App, BODY_LIMIT, blocking};
use super::audit::{self, Ending, OpenEntry, RequestName};
use super::audit_words;
use super::auth::allow;
use super::bodies::Peer;
use super::doors::{Door, Entry, Pace};
use super::fault::Fault;
use super::places::Place;
use crate::model::Right;
use crate::platform::access::{AuditedAction, Caller};
use crate::wire::ingest::INGEST_LIMIT;
use crate::wire::status;

/// What answers at a door, behind the question for the key.
pub(super) fn guarded(app: &App, door: &Door) -> MethodRouter<App> {
    let guarded = match door.entry {
        Entry::Reads(right) | Entry::Takes(right) => Guarded { right, logged: None, pace: door.pace },
        Entry::Changes(right, members) => Guarded { right, logged: Some(members), pace: door.pace },
        Entry::Open | Entry::Envelope | Entry::Secret => return door.handler(),
    };
    door.handler().route_layer(from_fn_with_state((app.clone(), guarded), admit))
}

/// What a door asks of a request.
#[derive(Clone, Copy)]
struct Guarded {
    right: Right,
    /// The members of the body that the audit log has; absent where nothing is changed.
    logged: Option<&'static [&'static str]>,
    pace: Pace,
}

/// Lets in whoever has the right, before anything of the body is read. A place is taken once the body is whole, so that
/// nobody holds one by being slow.
async fn admit(State((app, door)): State<(App, Guarded)>, mut request: Request, next: Next) -> Response {
    let caller = match app.api_keys.caller(header(request.headers(), AUTHORIZATION.as_str())) {
        Ok(caller) => caller,
        Err(fault) => return fault.into_response(),
    };
    let allowed = allow(&caller, door.right);
    let name = RequestName::given(header(request.headers(), "x-request-id"));
    request.extensions_mut().insert(caller.clone());
    request.extensions_mut().insert(name.clone());
    if let Some(members) = door.logged {
        let change = Change { caller, name, members, allowed };
        return make(app, change, request, next).await.unwrap_or_else(Fault::into_response);
    }
    if let Err(fault) = allowed {
        return fault.into_response();
    }
    let limit = match door.pace {
        Pace::Soon => BODY_LIMIT,
        Pace::Records => INGEST_LIMIT,
        // These take their bodies in as they come, within bounds of their own.
        Pace::Frames | Pace::JoinKeyFiles => return next.run(request).await,
    };
    match seated(&app, &caller, request, limit).await {
        Ok((request, _place)) => next.run(request).await,
        Err(fault) => fault.into_response(),
    }
}

/// The request, whole, and its place.
async fn seated(app: &App, caller: &Caller, request: Request, limit: usize) -> Result<(Request, Place), Fault> {
    let (head, body) = request.into_parts();
    let body = app.bodies.whole(Peer::address(&head.extensions), body, limit).await?;
    let place = app.places.take(caller.key)?;
    Ok((Request::from_parts(head, Body::from(body)), place))
}

/// A change that is asked for.
struct Change {
    caller: Caller,
    name: RequestName,
    members: &'static [&'static str],
    allowed: Result<(), Fault>,
}

/// Has a change made with its entry in the audit log, which has a refusal as well. It goes on also when the caller has
/// left meanwhile.
async fn make(app: App, change: Change, request: Request, next: Next) -> Result<Response, Fault> {
    let Change { caller, name, members, allowed } = change;
    let (head, body) = request.into_parts();
    let body = app.bodies.whole(Peer::address(&head.extensions), body, BODY_LIMIT).await?;
    let place = app.places.take(caller.key)?;
    let call = format!("{} {}", head.method, head.uri.path());
    let entry = audit_words::entry_at_door(&caller, name, call, &body, members);
    let request = Request::from_parts(head, Body::from(body));
    let going = tokio::spawn(async move {
        let _place = place;
        match allowed {
            Ok(()) => logged(app, entry, next, request).await,
            Err(fault) => {
                let refusal = fault.clone();
                let noted = move || {
                    audit::refused(&app.platform, &entry, &refusal);
                    Ok(())
                };
                blocking(noted).await?;
                Err(fault)
            }
        }
    });
    going.await.unwrap_or_else(|error| Err(Fault::internal(&error)))
}

/// Makes a change between the two halves of its entry.
async fn logged(app: App, entry: AuditedAction, next: Next, request: Request) -> Result<Response, Fault> {
    let platform = app.platform.clone();
    let open = blocking(move || OpenEntry::begin(&platform, &entry)).await?;
    let response = next.run(request).await;
    let (code, sentence) = match response.extensions().get::<Fault>() {
        Some(fault) => (fault.code, fault.detail.clone()),
        None if response.status().is_success() => {
            let Ending { code, sentence } = response.extensions().get().cloned().unwrap_or_default();
            (code, sentence)
        }
        None => (status::INTERNAL, format!("It was answered with HTTP {}.", response.status().as_u16())),
    };
    blocking(move || {
        open.end(&app.platform, code, &sentence);
        Ok(())
    })
    .await?;
    Ok(response)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
