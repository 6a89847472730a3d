//! `POST /proxy`: every call of the protocol, in its envelope (docs/wire.md section 1.1).
//!
//! The HTTP status is 200 also when the call failed; only a body that is no envelope is an HTTP error. Which calls
//! there are is said in `calls.rs`.

use std::time::Instant;

use axum::extract::State;
use axum::response::{IntoResponse, Response};

use super::app::{App, BODY_LIMIT, blocking};
use super::audit::{self, RequestName};
use super::bodies::Peer;
use super::calls::{self, Asked, Row};
use super::fault::Fault;
use super::tls::Encrypted;
use super::{audit_words, auth, deletion};
use crate::wire::proxy::{self, Request};
use crate::wire::rpc::{self, Call};
use crate::wire::status;

pub(super) async fn handle(State(app): State<App>, request: axum::extract::Request) -> Response {
    let (head, body) = request.into_parts();
    // The key is in the body, so the body is all that is held for a caller who may be a stranger.
    let body = match app.bodies.whole(Peer::address(&head.extensions), body, BODY_LIMIT).await {
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
    let encrypted = head.extensions.get::<Encrypted>().is_some();
    let answer = answer(app, request, deletion::base_url(&head.headers, encrypted)).await;
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
async fn answer(app: App, request: Request, base_url: Option<String>) -> Result<proxy::Response, Fault> {
    let call = Call::at(&request.method);
    if let Some(Row::Open(answer)) = call.map(calls::row) {
        return Ok(answer());
    }
    let caller = app.api_keys.caller(request.metadata("authorization"))?;
    let place = app.places.take(caller.key)?;
    let work = move || {
        let _place = place;
        // A stranger is not told which calls there are.
        let call = call.ok_or_else(|| no_such_call(&request.method))?;
        perform(call, &Asked { app: &app, caller: &caller, request: &request, base_url: base_url.as_deref() })
    };
    blocking(work).await
}

/// Does what its row says, for a caller who may ask for it.
fn perform(call: Call, asked: &Asked) -> Result<proxy::Response, Fault> {
    match calls::row(call) {
        Row::Open(answer) => Ok(answer()),
        Row::Reads(answer) => auth::allow(asked.caller, call.right()).and_then(|()| answer(asked)),
        Row::Changes { answer, subject, ending } => {
            let entry = || {
                let name = RequestName::given(asked.request.metadata("x-request-id"));
                let entry = audit_words::entry(asked.caller, name, call.name().to_owned());
                subject(asked).unwrap_or_default().written_in(entry)
            };
            let ending = |answer: &proxy::Response| ending(answer).unwrap_or_default();
            audit::change(asked.platform(), asked.caller, call.right(), entry, ending, || answer(asked))
        }
    }
}

fn no_such_call(method: &str) -> Fault {
    let call = rpc::name_in(method);
    Fault::new(status::UNIMPLEMENTED, format!("This deployment does not have the call `{call}`."))
}
