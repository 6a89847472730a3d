//! The protocol's calls about API keys and service accounts (docs/messages.md section 3). Both are the same keys here.
//!
//! The protocol's calls carry no role. A key that is made as an administrator's is an owner; any other an editor, for
//! the releases that make keys this way know administrators and others, and their others may do all but administer. A
//! service account is a consumer: what a program needs that reads features. `/v1/fvtop/keys` chooses any role.

use super::auth::ApiKeys;
use super::fault::Fault;
use crate::model::{Id, Right, Role};
use crate::platform::Platform;
use crate::platform::access::{ApiKeyRecord, Caller, LastOwner, NewApiKey, Secret};
use crate::wire::convert;
use crate::wire::proto::keys as proto;
use crate::wire::proxy::Response;
use crate::wire::status;

/// What is known of a key: one's own with any role, another with the right to look at keys.
///
/// A key that is not there is code 5, whose text released clients have for this very case (docs/wire.md section 1.5).
/// Whoever may not look at other keys gets the same refusal for those that are there and those that are not.
pub(super) fn introspect(
    keys: &ApiKeys,
    caller: &Caller,
    request: &proto::IntrospectApiKeyRequest,
) -> Result<Response, Fault> {
    let found = keys.find(request.api_key.as_deref().unwrap_or_default())?;
    let own = found.as_ref().is_some_and(|key| key.id == caller.key);
    if !own {
        super::auth::allow(caller, Right::ListServiceAccounts)?;
    }
    let unknown = || Fault::new(status::NOT_FOUND, "There is no such API key. List the keys to see those there are.");
    let key = found.ok_or_else(unknown)?;
    Ok(Response::ok(&proto::IntrospectApiKeyResponse {
        id: Some(convert::id_to_proto(key.id)),
        active: Some(key.revoked_at.is_none()),
        is_admin: Some(key.role == Role::Owner),
        description: Some(key.description),
        created_by: Some(key.created_by),
        name: Some(key.name),
    }))
}

/// Makes a key; its description is its name as well, with a number behind it when that is taken.
pub(super) fn create(
    platform: &Platform,
    caller: &Caller,
    request: &proto::CreateApiKeyRequest,
) -> Result<Response, Fault> {
    let description = request.description.clone().unwrap_or_default();
    let role = if request.is_admin == Some(true) { Role::Owner } else { Role::Editor };
    let name = platform.access().api_keys.free_name(&name_from(&description))?;
    let (key, secret) = make(platform, caller, NewApiKey { name, description, role, created_by: String::new() })?;
    let id = Some(convert::id_to_proto(key.id));
    Ok(Response::ok(&proto::CreateApiKeyResponse { key: Some(secret.reveal().to_owned()), id }))
}

/// The keys; revoked ones when they are asked for.
pub(super) fn list(platform: &Platform, request: &proto::ListApiKeysRequest) -> Result<Response, Fault> {
    let all = platform.access().api_keys.list()?.into_iter();
    let wanted = all.filter(|key| request.include_archived == Some(true) || key.revoked_at.is_none());
    Ok(Response::ok(&proto::ListApiKeysResponse { api_keys: wanted.map(listed).collect() }))
}

pub(super) fn delete(platform: &Platform, request: &proto::DeleteApiKeyRequest) -> Result<Response, Fault> {
    let id = request.id.as_ref().map(convert::id_from_proto).unwrap_or_default();
    revoke(platform, id)?;
    Ok(Response::ok(&()))
}

/// The keys as service accounts; those that were asked for by id or by a part of their name.
pub(super) fn accounts(platform: &Platform, request: &proto::GetServiceAccountsRequest) -> Result<Response, Fault> {
    let search = request.search.as_deref().unwrap_or_default().to_lowercase();
    let wanted = |key: &ApiKeyRecord| {
        (request.ids.is_empty() || request.ids.contains(&key.id.to_string()))
            && key.name.to_lowercase().contains(&search)
    };
    let all = platform.access().api_keys.list()?.into_iter();
    let service_accounts = all.filter(wanted).map(account).collect();
    Ok(Response::ok(&proto::GetServiceAccountsResponse { service_accounts }))
}

/// Makes a service account: a key of that name.
pub(super) fn create_account(
    platform: &Platform,
    caller: &Caller,
    request: &proto::CreateServiceAccountRequest,
) -> Result<Response, Fault> {
    if request.credentials_type.is_some_and(|kind| !matches!(kind, 0 | proto::API_KEY_CREDENTIALS)) {
        return Err(Fault::invalid("Service accounts have API keys here. Leave credentials_type out."));
    }
    let (name, description) =
        (request.name.clone().unwrap_or_default(), request.description.clone().unwrap_or_default());
    let new = NewApiKey { name, description, role: Role::Consumer, created_by: String::new() };
    let (key, secret) = make(platform, caller, new)?;
    let proto::ServiceAccount { id, name, description, is_active, created_at, credentials_type } = account(key);
    let api_key = Some(secret.reveal().to_owned());
    Ok(Response::ok(&proto::CreateServiceAccountResponse {
        id,
        name,
        description,
        is_active,
        api_key,
        created_at,
        credentials_type,
    }))
}

/// Revokes the key of a service account.
pub(super) fn delete_account(
    platform: &Platform,
    request: &proto::DeleteServiceAccountRequest,
) -> Result<Response, Fault> {
    let id = request.id.as_deref().unwrap_or_default();
    revoke(platform, id.parse().map_err(|error| Fault::invalid(format!("id: {error}.")))?)?;
    Ok(Response::ok(&()))
}

/// Makes a key for a caller.
pub(super) fn make(platform: &Platform, caller: &Caller, new: NewApiKey) -> Result<(ApiKeyRecord, Secret), Fault> {
    let new = NewApiKey { created_by: caller.name.clone(), ..new };
    Ok(platform.access().api_keys.create(new, platform.clock().now())?)
}

/// Revokes a key; the last owner key stays.
pub(super) fn revoke(platform: &Platform, id: Id) -> Result<ApiKeyRecord, Fault> {
    Ok(platform.access().api_keys.revoke(&id.to_string(), LastOwner::Stays, platform.clock().now())?)
}

fn name_from(description: &str) -> String {
    let name: String = crate::model::clean(description.trim()).chars().take(80).collect();
    if name.is_empty() { "API key".to_owned() } else { name }
}

fn listed(key: ApiKeyRecord) -> proto::TectonApiKey {
    let active = key.revoked_at.is_none();
    proto::TectonApiKey {
        id: Some(convert::id_to_proto(key.id)),
        hashed_key: None,
        description: Some(key.description),
        archived: Some(!active),
        created_by: Some(key.created_by),
        obscured_key: Some(key.obscured),
        is_admin: Some(key.role == Role::Owner),
        name: Some(key.name),
        is_active: Some(active),
        created_at: Some(convert::time_to_proto(key.created_at)),
    }
}

fn account(key: ApiKeyRecord) -> proto::ServiceAccount {
    proto::ServiceAccount {
        id: Some(key.id.to_string()),
        name: Some(key.name),
        description: Some(key.description),
        is_active: Some(key.revoked_at.is_none()),
        created_at: Some(convert::time_to_proto(key.created_at)),
        credentials_type: Some(proto::API_KEY_CREDENTIALS),
    }
}
