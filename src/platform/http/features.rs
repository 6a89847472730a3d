//! `POST /v1/feature-service/get-features` and `query-features`: the online lookup of one key, and of all values of the
//! wildcard key (wire sections 3.1 and 3.2, semantics.md section 9).

use std::collections::BTreeMap;
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::fault::Fault;
use super::{App, parts};
use crate::model::{DataType, FeatureVectors, JoinKey, Value};
use crate::platform::Platform;
use crate::platform::online::{self, parse_key};
use crate::platform::registry::definition::View;
use crate::wire::convert;
use crate::wire::features::{GetFeaturesRequest, GetFeaturesResponse, Parameters, QueryFeaturesResponse};
use crate::wire::status;

/// One join key: its name and type.
type Key = (String, DataType);
/// The keys of a request as they came.
type Given = BTreeMap<String, serde_json::Value>;

/// Answers the lookup of one key.
pub async fn get(State(app): State<App>, body: Result<Bytes, BytesRejection>) -> Response {
    answer(app, body, lookup).await
}

/// Answers the query for all values of the wildcard key.
pub async fn query(State(app): State<App>, body: Result<Bytes, BytesRejection>) -> Response {
    answer(app, body, look_all_up).await
}

/// Reads a request and has it done on a blocking thread.
async fn answer<A: Serialize + Send + 'static>(
    app: App,
    body: Result<Bytes, BytesRejection>,
    work: fn(&Platform, &Parameters, Instant) -> Result<A, Fault>,
) -> Response {
    let began = Instant::now();
    let body = match body {
        Ok(body) => body,
        Err(rejection) => return Fault::unreadable(&rejection.body_text(), rejection.status()).into_response(),
    };
    let request: GetFeaturesRequest = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(error) => {
            let problem = format!("The body is not a request of get-features or query-features: {error}.");
            return Fault::invalid(problem).into_response();
        }
    };
    let work = move || work(&app.platform, &request.params, began);
    let answer = tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(Fault::internal(&error)));
    match answer {
        Ok(answer) => axum::Json(answer).into_response(),
        Err(fault) => fault.into_response(),
    }
}

fn lookup(platform: &Platform, asked: &Parameters, began: Instant) -> Result<GetFeaturesResponse, Fault> {
    let view = view_of(platform, asked)?;
    let keys = full_key(view, &asked.join_key_map)?;
    let store = Instant::now();
    let mut vector = platform.online().lookup(view, &keys, platform.clock().now())?;
    vector.store_seconds = Some(store.elapsed().as_secs_f64());
    vector.server_seconds = Some(began.elapsed().as_secs_f64());
    Ok(convert::response_from_vector(&vector, &asked.metadata_options))
}

fn look_all_up(platform: &Platform, asked: &Parameters, began: Instant) -> Result<QueryFeaturesResponse, Fault> {
    let view = view_of(platform, asked)?;
    let (name, data_type) = wildcard_of(view)?;
    let indexed = indexed_keys(view, name, &asked.join_key_map)?;
    let store = Instant::now();
    let entries = platform.online().query(view, &indexed, platform.clock().now())?;
    let found = FeatureVectors {
        wildcard_keys: vec![JoinKey { name: name.clone(), data_type: data_type.clone() }],
        features: online::features(view),
        vectors: entries.into_iter().map(|(_, vector)| vector).collect(),
        store_seconds: Some(store.elapsed().as_secs_f64()),
        server_seconds: Some(began.elapsed().as_secs_f64()),
    };
    Ok(convert::response_from_vectors(&found, &asked.metadata_options))
}

/// The view that is asked for, which must be written to the online store.
fn view_of<'a>(platform: &'a Platform, asked: &Parameters) -> Result<&'a View, Fault> {
    if asked.feature_service_name.is_some() || asked.feature_service_id.is_some() {
        return Err(Fault::invalid("This deployment has no feature services. Name a feature view instead."));
    }
    let name = asked.feature_view_name.as_deref().or(asked.feature_view_id.as_deref()).filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| Fault::invalid("The request names no feature view. Set params.featureViewName."))?;
    let view = platform.view(&asked.workspace_name, name).map(AsRef::as_ref);
    let view = view.ok_or_else(|| parts::unknown_view(platform, &asked.workspace_name, name))?;
    if view.live && view.online {
        return Ok(view);
    }
    let why = if view.live { "it has online=false" } else { "its workspace is not live" };
    Err(Fault::new(
        status::FAILED_PRECONDITION,
        format!("Feature view `{}` cannot be looked up, because {why}.", view.name),
    ))
}

fn wildcard_of(view: &View) -> Result<&Key, Fault> {
    view.wildcard_key().ok_or_else(|| {
        let problem = "has no wildcard key: all its join keys are in online_serving_index";
        let all = names(&view.join_keys.iter().collect::<Vec<_>>());
        Fault::invalid(format!(
            "Feature view `{}` {problem}. Use get-features, with a value for each of: {all}.",
            view.name
        ))
    })
}

/// The full key in the view's order: every join key must be there, and nothing else.
fn full_key(view: &View, given: &Given) -> Result<Vec<Value>, Fault> {
    let wildcard = view.wildcard_key().map(|(name, _)| name).filter(|name| !given.contains_key(*name));
    let advice = wildcard.map(|name| format!(" query-features answers for all values of `{name}`."));
    keys_of(view, &view.join_keys.iter().collect::<Vec<_>>(), given, &advice.unwrap_or_default())
}

/// The keys of the serving index in its order: each must be there, and nothing else.
fn indexed_keys(view: &View, wildcard: &str, given: &Given) -> Result<Vec<Value>, Fault> {
    if given.contains_key(wildcard) {
        return Err(Fault::invalid(format!(
            "`{wildcard}` is the wildcard key of `{}`, and a query answers for all its values. Leave it out, or use \
             get-features.",
            view.name
        )));
    }
    let key = |name: &String| view.join_keys.iter().find(|(known, _)| known == name);
    keys_of(view, &view.online_serving_index.iter().filter_map(key).collect::<Vec<_>>(), given, "")
}

/// The values of the wanted keys. `advice` is what to say besides when one is missing.
fn keys_of(view: &View, wanted: &[&Key], given: &Given, advice: &str) -> Result<Vec<Value>, Fault> {
    let all = names(wanted);
    if let Some(unknown) = given.keys().find(|name| view.join_keys.iter().all(|(known, _)| known != *name)) {
        return Err(Fault::invalid(format!(
            "`{unknown}` is not a join key of `{}`. Give a value for each of: {all}.",
            view.name
        )));
    }
    let key = |(name, data_type): &&Key| match given.get(name) {
        Some(value) => key_of(name, data_type, value),
        None => Err(Fault::invalid(format!(
            "The join key `{name}` of `{}` is missing. Give a value for each of: {all}.{advice}",
            view.name
        ))),
    };
    wanted.iter().map(key).collect()
}

fn names(keys: &[&Key]) -> String {
    keys.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
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
