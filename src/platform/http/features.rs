//! `POST /v1/feature-service/get-features`: the online lookup (wire section 3.1, semantics.md section 9).

use std::collections::BTreeMap;
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};

use super::fault::Fault;
use super::{App, parts};
use crate::model::{DataType, Value};
use crate::platform::Platform;
use crate::platform::online::parse_key;
use crate::platform::registry::definition::View;
use crate::wire::convert;
use crate::wire::features::{GetFeaturesRequest, GetFeaturesResponse, Parameters};
use crate::wire::status;

/// Answers one lookup.
pub async fn handle(State(app): State<App>, headers: HeaderMap, body: Result<Bytes, BytesRejection>) -> Response {
    let began = Instant::now();
    if !app.keys.allow(authorization(&headers)) {
        return Fault::unknown_key().into_response();
    }
    let body = match body {
        Ok(body) => body,
        Err(rejection) => return Fault::unreadable(&rejection.body_text(), rejection.status()).into_response(),
    };
    let request: GetFeaturesRequest = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(error) => {
            return Fault::invalid(format!("The body is not a get-features request: {error}.")).into_response();
        }
    };
    let work = move || lookup(&app.platform, &request.params, began);
    let answer = tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(Fault::internal(&error)));
    match answer {
        Ok(answer) => axum::Json(answer).into_response(),
        Err(fault) => fault.into_response(),
    }
}

/// The value of the HTTP header with the API key.
pub fn authorization(headers: &HeaderMap) -> Option<&str> {
    headers.get(axum::http::header::AUTHORIZATION).and_then(|value| value.to_str().ok())
}

fn lookup(platform: &Platform, asked: &Parameters, began: Instant) -> Result<GetFeaturesResponse, Fault> {
    let view = view_of(platform, asked)?;
    if !view.live || !view.online {
        let why = if view.live { "it has online=false" } else { "its workspace is not live" };
        return Err(Fault::new(
            status::FAILED_PRECONDITION,
            format!("Feature view `{}` cannot be looked up, because {why}.", view.name),
        ));
    }
    let keys = keys_of(view, &asked.join_key_map)?;
    let store = Instant::now();
    let mut vector = platform.online().lookup(view, &keys, platform.clock().now())?;
    vector.store_seconds = Some(store.elapsed().as_secs_f64());
    vector.server_seconds = Some(began.elapsed().as_secs_f64());
    Ok(convert::response_from_vector(&vector, &asked.metadata_options))
}

fn view_of<'a>(platform: &'a Platform, asked: &Parameters) -> Result<&'a View, Fault> {
    if asked.feature_service_name.is_some() || asked.feature_service_id.is_some() {
        return Err(Fault::invalid("This deployment has no feature services. Name a feature view instead."));
    }
    let name = asked.feature_view_name.as_deref().or(asked.feature_view_id.as_deref()).filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| Fault::invalid("The request names no feature view. Set params.featureViewName."))?;
    let view = platform.view(&asked.workspace_name, name).map(AsRef::as_ref);
    view.ok_or_else(|| parts::unknown_view(platform, &asked.workspace_name, name))
}

/// The full key in the view's order: every join key must be there, and nothing else.
fn keys_of(view: &View, given: &BTreeMap<String, serde_json::Value>) -> Result<Vec<Value>, Fault> {
    let names: Vec<&str> = view.join_keys.iter().map(|(name, _)| name.as_str()).collect();
    let all = names.join(", ");
    if let Some(unknown) = given.keys().find(|name| !names.contains(&name.as_str())) {
        return Err(Fault::invalid(format!(
            "`{unknown}` is not a join key of `{}`. Its join keys are: {all}.",
            view.name
        )));
    }
    let key = |(name, data_type): &(String, DataType)| match given.get(name) {
        Some(value) => key_of(name, data_type, value),
        None => Err(Fault::invalid(format!(
            "The join key `{name}` of `{}` is missing. Give a value for each of: {all}.",
            view.name
        ))),
    };
    view.join_keys.iter().map(key).collect()
}

fn key_of(name: &str, data_type: &DataType, value: &serde_json::Value) -> Result<Value, Fault> {
    let text = match value {
        serde_json::Value::Null => return Ok(Value::Null),
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Number(number) => number.to_string(),
        other => return Err(Fault::invalid(format!("The join key `{name}` must be a text or a number, not {other}."))),
    };
    parse_key(&text, data_type).map_err(|error| Fault::invalid(format!("The join key `{name}`: {error}.")))
}
