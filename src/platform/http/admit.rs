//! Letting in: one place asks each request for its key and hands the caller on.
//!
//! Handlers find the [`Caller`](crate::platform::access::Caller) among the request's extensions and ask nobody themselves.

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;

use super::App;
use super::doors::{Door, Entry};
use crate::model::Right;

/// What answers at a door, behind the question for the key.
pub fn guarded(app: &App, door: &Door) -> MethodRouter<App> {
    match door.entry {
        Entry::Key(right) => door.handler().route_layer(from_fn_with_state((app.clone(), right), admit)),
        Entry::Envelope | Entry::Secret => door.handler(),
    }
}

/// Lets in whoever has the right, before anything of the body is read.
async fn admit(State((app, right)): State<(App, Right)>, mut request: Request, next: Next) -> Response {
    if right != Right::Public {
        match app.keys.admit(authorization(request.headers()), right) {
            Ok(caller) => drop(request.extensions_mut().insert(caller)),
            Err(fault) => return fault.into_response(),
        }
    }
    next.run(request).await
}

/// The value of the HTTP header with the API key.
fn authorization(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok())
}
