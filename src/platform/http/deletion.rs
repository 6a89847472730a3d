//! `delete_keys`: where keys are to be sent, and the word to delete them (docs/wire.md section 2.6).
//!
//! Files are turned into tables here and compared; whether such keys may be deleted is decided by the jobs.

use axum::http::HeaderMap;
use axum::http::uri::Authority;
use polars::prelude::{DataFrame, SortMultipleOptions};

use super::fault::Fault;
use super::{metadata, parts};
use crate::model::Stores;
use crate::model::deletion::MAX_KEYS;
use crate::platform::Platform;
use crate::platform::access::Caller;
use crate::platform::definition::View;
use crate::platform::frame;
use crate::platform::uploads::{Store, Taken};
use crate::wire::convert::{self, KeysError};
use crate::wire::proto::deletion as proto;
use crate::wire::proxy::Response;

/// Where this server is, as the caller addressed it: `http://HOST/api`, and `https` where the request came `encrypted` or
/// says that it came so to who handed it on. Nothing when the request does not say.
pub(super) fn base_url(headers: &HeaderMap, encrypted: bool) -> Option<String> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let host =
        text("host").and_then(|host| host.parse::<Authority>().ok()).filter(|host| !host.as_str().contains('@'))?;
    let encrypted = encrypted || text("x-forwarded-proto") == Some("https");
    let scheme = if encrypted { "https" } else { "http" };
    Some(format!("{scheme}://{host}/api"))
}

/// Opens a place for the keys of a deletion.
pub(super) fn info(
    platform: &Platform,
    caller: &Caller,
    base: Option<&str>,
    request: &proto::GetDeleteEntitiesInfoRequest,
) -> Result<Response, Fault> {
    let id = request.feature_definition_id.as_ref().map(convert::id_from_proto).unwrap_or_default();
    let view = platform.view_by_id(id).ok_or_else(|| parts::unknown_view(platform, "", &id.to_string()))?;
    let nowhere =
        || Fault::invalid("The request has no usable Host header, so there is no address to send keys to. Set it.");
    let base = base.ok_or_else(nowhere)?;
    let offer = platform.uploads().offer(caller.key, view.id, platform.clock().steady())?;
    let url = |secret: &str| Some(format!("{base}/v1/fvtop/uploads/{secret}"));
    Ok(Response::ok(&proto::GetDeleteEntitiesInfoResponse {
        signed_url_for_df_upload_online: url(&offer.online),
        signed_url_for_df_upload_offline: url(&offer.offline),
        df_path: Some(offer.df_path),
    }))
}

/// Starts a deletion job for each store, of the keys that were sent. They are used once, also when the deletion is
/// refused.
pub(super) fn delete(platform: &Platform, request: &proto::DeleteEntitiesRequest) -> Result<Response, Fault> {
    let view = metadata::located(platform, request.fco_locator.as_ref())?;
    let stores = Stores { online: request.online == Some(true), offline: request.offline == Some(true) };
    let keys = keys_of(platform, view, stores, request)?;
    let deletion = platform.jobs().delete(view, &keys, stores)?;
    let job_ids: Vec<String> = deletion.jobs.iter().map(|job| job.id.to_string()).collect();
    tracing::info!(
        workspace = view.workspace,
        feature_view = view.name,
        keys = keys.height(),
        online = stores.online,
        offline = stores.offline,
        jobs = job_ids.join(" "),
        "the deletion of keys was asked for"
    );
    Ok(Response::ok(&proto::DeleteEntitiesResponse { job_ids }))
}

/// The keys that were sent for the chosen stores, which must be the same ones. Without a store there are none.
fn keys_of(
    platform: &Platform,
    view: &View,
    stores: Stores,
    request: &proto::DeleteEntitiesRequest,
) -> Result<DataFrame, Fault> {
    let online = request.online_join_keys_full_path.as_deref().or(request.online_join_keys_path.as_deref());
    let offline = request.offline_join_keys_path.as_deref();
    let chosen = [(stores.online, Store::Online, online), (stores.offline, Store::Offline, offline)];
    let chosen = chosen.into_iter().filter(|(wanted, _, _)| *wanted);
    let paths = chosen.map(|(_, store, path)| path.filter(|path| !path.is_empty()).ok_or_else(|| no_path(store)));
    let paths = paths.collect::<Result<Vec<_>, _>>()?;
    if paths.is_empty() {
        return Ok(DataFrame::empty());
    }
    let taken = platform.uploads().take(view.id, &paths, platform.clock().steady())?;
    let online = stores.online.then(|| online_keys(&taken, view)).transpose()?;
    let offline = stores.offline.then(|| offline_keys(&taken)).transpose()?;
    match (online, offline) {
        (Some(online), Some(offline)) => same(view, online, offline),
        (online, offline) => Ok(online.or(offline).unwrap_or_default()),
    }
}

fn no_path(store: Store) -> Fault {
    let (store, field) = match store {
        Store::Online => ("online", "online_join_keys_full_path"),
        Store::Offline => ("offline", "offline_join_keys_path"),
    };
    Fault::invalid(format!("The request asks for {store}=true, but {field} is not set. Name the file of keys there."))
}

fn online_keys(taken: &Taken, view: &View) -> Result<DataFrame, Fault> {
    let files = taken.read(Store::Online)?;
    all(Store::Online, files, |file| convert::online_keys_from_file(&file, &view.join_keys))
}

fn offline_keys(taken: &Taken) -> Result<DataFrame, Fault> {
    all(Store::Offline, taken.read(Store::Offline)?, convert::offline_keys_from_file)
}

/// The keys of all files of a store, which must have the same columns.
fn all(
    store: Store,
    files: Vec<Vec<u8>>,
    read: impl Fn(Vec<u8>) -> Result<DataFrame, KeysError>,
) -> Result<DataFrame, Fault> {
    let failed = |error: KeysError| {
        let name = store.name();
        Fault::invalid(format!(
            "The file of keys for the {name} store cannot be read: {error}. Correct it and send it again."
        ))
    };
    let mut keys: Option<DataFrame> = None;
    for file in files {
        let frame = read(file).map_err(failed)?;
        match &mut keys {
            Some(keys) => drop(keys.vstack_mut(&frame).map_err(|_| failed(KeysError::Uneven))?),
            None => keys = Some(frame),
        }
    }
    Ok(keys.unwrap_or_default())
}

/// The keys of both files, for one store is not to lose what the other keeps. What the jobs will refuse is handed to
/// them unseen, so that they say why.
fn same(view: &View, online: DataFrame, offline: DataFrame) -> Result<DataFrame, Fault> {
    let names = || view.join_keys.iter().map(|(name, _)| name.as_str());
    let ordered = offline.select(names()).ok().filter(|ordered| ordered.width() == offline.width());
    let Some(ordered) = ordered.filter(|ordered| ordered.schema() == online.schema()) else { return Ok(offline) };
    let taller = online.height().max(ordered.height());
    if taller > MAX_KEYS {
        return Ok(if online.height() == taller { online } else { ordered });
    }
    if distinct(view, &online)?.equals_missing(&distinct(view, &ordered)?) {
        return Ok(ordered);
    }
    let (online, offline) = (online.height(), ordered.height());
    Err(Fault::invalid(format!(
        "The two files do not hold the same keys (online {online}, offline {offline}), and nothing was deleted. Send the same \
         keys for both stores, or ask for each store by itself."
    )))
}

/// Each key once, in an order that the keys alone decide.
fn distinct(view: &View, keys: &DataFrame) -> Result<DataFrame, Fault> {
    let names = || view.join_keys.iter().map(|(name, _)| name.as_str());
    let sorted = frame::distinct(keys, names()).and_then(|keys| keys.sort(names(), SortMultipleOptions::default()));
    sorted.map_err(|error| Fault::internal(&error))
}
