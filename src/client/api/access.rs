//! API keys and the audit log: below `/v1/fvtop/` where a deployment has that, else keys by the protocol's own calls.

use super::own::below;
use super::{Api, c};
use crate::client::error::{Error, Kind};
use crate::client::scrub::Scrub;
use crate::client::serves::Part;
use crate::model::{Id, Role, Time};
use crate::wire::access::{API_KEYS, AUDIT, AuditList, AuditRow, KeyInfo, KeyList, KeyMade, NewKey};
use crate::wire::proto::keys as k;
use crate::wire::rpc;

/// Which entries of the audit log are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditWanted {
    /// At most so many, the newest.
    pub limit: usize,
    /// Only those from then on.
    pub since: Option<Time>,
    /// Only those of the key with this name or id.
    pub key: Option<String>,
}

impl Api {
    /// The newest entries of the audit log, the newest first.
    pub async fn audit(&self, own_api: &str, wanted: &AuditWanted) -> Result<Vec<AuditRow>, Error> {
        let limit = wanted.limit.to_string();
        let since = wanted.since.map(crate::model::time::rfc3339);
        let mut query = vec![("limit", limit.as_str())];
        query.extend(since.as_deref().map(|since| ("since", since)));
        query.extend(wanted.key.as_deref().map(|key| ("key", key)));
        let path = below(own_api, AUDIT);
        let call = || self.transport.get::<AuditList>(&path, &query, self.transport.brief());
        Ok(self.noted(Some(Part::Audit), self.persist(call)).await?.entries.scrubbed())
    }

    /// All API keys, also the revoked ones. Without an API of our own a role is only known of administrators.
    pub async fn api_keys(&self, own_api: Option<&str>) -> Result<Vec<KeyInfo>, Error> {
        let Some(own_api) = own_api else {
            let asked = k::ListApiKeysRequest { include_archived: Some(true) };
            let answer: k::ListApiKeysResponse = self.read(rpc::LIST_API_KEYS, &asked).await?;
            return Ok(answer.api_keys.into_iter().map(info).collect::<Vec<_>>().scrubbed());
        };
        let path = below(own_api, API_KEYS);
        let call = || self.transport.get::<KeyList>(&path, &[], self.transport.brief());
        Ok(self.persist(call).await?.api_keys.scrubbed())
    }

    /// Makes an API key. Never retried: a key that nobody got would stay behind.
    ///
    /// # Errors
    /// As any call; and without an API of our own when the role is none that the protocol can give.
    pub async fn create_key(&self, own_api: Option<&str>, new: &NewKey) -> Result<KeyMade, Error> {
        let Some(own_api) = own_api else { return self.create_by_protocol(new).await };
        let made: KeyMade = self.transport.post_once(&below(own_api, API_KEYS), new).await.map_err(maybe_changed)?;
        Ok(KeyMade { info: made.info.scrubbed(), ..made })
    }

    /// The protocol knows administrators and others, and one text for name and description.
    async fn create_by_protocol(&self, new: &NewKey) -> Result<KeyMade, Error> {
        let is_admin = new.role == Role::Owner.name();
        if !is_admin && new.role != Role::Editor.name() {
            let what = format!("{} cannot be asked for a key with the role {}.", self.transport.label(), new.role);
            let hint = "Tecton's protocol knows owner (administrator) and editor (any other) alone. Choose one of these, or \
                        make the key in the deployment's own administration.";
            return Err(Error::new(Kind::Answered, what, hint));
        }
        let both = [new.name.as_str(), new.description.as_str()];
        let description = both.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(": ");
        let asked = k::CreateApiKeyRequest { description: Some(description.clone()), is_admin: Some(is_admin) };
        let made: k::CreateApiKeyResponse =
            self.transport.change(rpc::CREATE_API_KEY, &asked).await.map_err(maybe_changed)?;
        let info = KeyInfo {
            id: made.id.as_ref().map(c::id_from_proto).map(|id| id.to_string()).unwrap_or_default(),
            name: new.name.clone(),
            description,
            role: if is_admin { new.role.clone() } else { String::new() },
            active: true,
            ..KeyInfo::default()
        };
        let key = made.key.filter(|key| !key.is_empty()).ok_or_else(|| {
            let what = format!("{} took the request and did not tell the key that it made.", self.transport.label());
            Error::new(Kind::Answered, what, "Look at `fvtop keys list`, revoke it, and make another one.")
        })?;
        Ok(KeyMade { key, info })
    }

    /// Revokes an API key. Never retried.
    pub async fn revoke_key(&self, own_api: Option<&str>, id: Id) -> Result<(), Error> {
        match own_api {
            Some(own_api) => {
                let path = below(own_api, &format!("{API_KEYS}/{id}"));
                let done: Result<KeyInfo, Error> = self.transport.delete_once(&path).await;
                done.map(drop).map_err(maybe_changed)
            }
            None => {
                let asked = k::DeleteApiKeyRequest { id: Some(c::id_to_proto(id)) };
                let done: Result<(), Error> = self.transport.change(rpc::DELETE_API_KEY, &asked).await;
                done.map_err(maybe_changed)
            }
        }
    }
}

/// Of a change of keys whose answer is missing or broken: it may have happened.
fn maybe_changed(mut error: Error) -> Error {
    if matches!(error.kind, Kind::Unreachable | Kind::Failed | Kind::Foreign) && !error.unsent {
        error.problem.hint =
            "It may have been done all the same: look at `fvtop keys list` before trying again.".to_owned();
    }
    error
}

/// A key as the protocol tells it.
fn info(key: k::TectonApiKey) -> KeyInfo {
    let role = if key.is_admin == Some(true) { Role::Owner.name() } else { "" };
    KeyInfo {
        id: key.id.as_ref().map(c::id_from_proto).unwrap_or_default().to_string(),
        name: key.name.unwrap_or_default(),
        description: key.description.unwrap_or_default(),
        role: role.to_owned(),
        obscured: key.obscured_key.unwrap_or_default(),
        // Older deployments say only that a key was archived.
        active: key.archived != Some(true) && key.is_active != Some(false),
        created_at: key.created_at.and_then(c::time_from_proto),
        created_by: key.created_by.unwrap_or_default(),
        revoked_at: None,
    }
}
