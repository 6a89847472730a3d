//! `/v1/fvtop/keys` and `/v1/fvtop/audit`: keys with their roles, and the audit log: the protocol has no calls for
//! these.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Extension, Path, Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::api_key_calls;
use super::app::App;
use super::fault::{Fault, reply};
use crate::model::{Role, Time};
use crate::platform::access::{AuditQuery, Caller, NewApiKey};
use crate::wire::access as wire;

/// `GET keys`: all keys, also the revoked ones.
pub(super) async fn list(State(app): State<App>) -> Response {
    reply(
        app.on_disk(|platform| {
            let api_keys = platform.access().api_keys.list()?.into_iter().map(wire::KeyInfo::from).collect();
            Ok(wire::KeyList { api_keys })
        })
        .await,
    )
}

/// `POST keys`: makes a key.
pub(super) async fn create(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    reply(
        app.on_disk(move |platform| {
            let body = body?;
            let asked: wire::NewKey = serde_json::from_slice(&body)
                .map_err(|error| Fault::invalid(format!("The body is not a key that is to be made: {error}.")))?;
            let role = role_of(&asked.role)?;
            let new = NewApiKey { name: asked.name, description: asked.description, role, created_by: String::new() };
            let (key, secret) = api_key_calls::make(platform, &caller, new)?;
            Ok(wire::KeyMade { key: secret.reveal().to_owned(), info: key.into() })
        })
        .await,
    )
}

/// `DELETE keys/{id}`: revokes a key and says what is known of it.
pub(super) async fn revoke(State(app): State<App>, Path(id): Path<String>) -> Response {
    reply(
        app.on_disk(move |platform| {
            let id = id.parse().map_err(|error| Fault::invalid(format!("{error}.")))?;
            api_key_calls::revoke(platform, id).map(wire::KeyInfo::from)
        })
        .await,
    )
}

/// Which entries of the audit log are asked for.
#[derive(Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    limit: usize,
    since: Option<Time>,
    key: Option<String>,
}

impl Default for Asked {
    fn default() -> Self {
        Self { limit: wire::AUDIT_LIMIT, since: None, key: None }
    }
}

/// `GET audit`: the newest entries of the audit log.
pub(super) async fn audit(State(app): State<App>, asked: Result<Query<Asked>, QueryRejection>) -> Response {
    reply(
        app.on_disk(|platform| {
            let Query(Asked { limit, since, key }) = asked?;
            let entries = platform.access().audit.list(&AuditQuery { limit, since, key })?;
            Ok(wire::AuditList { entries: entries.into_iter().map(wire::AuditRow::from).collect() })
        })
        .await,
    )
}

fn role_of(word: &str) -> Result<Role, Fault> {
    Role::named(word).ok_or_else(|| {
        let known: Vec<_> = Role::ALL.into_iter().map(Role::name).collect();
        Fault::invalid(format!("There is no role `{word}`. Those there are: {}.", known.join(", ")))
    })
}
